"""Arrays and mappings that do not change: names of their types, and how they are made."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def frozen(values: ArrayLike, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Make an array that lies in one piece and cannot be written to.

    One that lies so already is locked, not copied.
    """
    array = np.ascontiguousarray(values, dtype)
    array.flags.writeable = False
    return array


class FrozenDict(dict[K, V]):
    """A dictionary that never changes.

    It can be hashed, pickled and copied, also where its values are arrays.

    Two are equal when they have the same keys with equal values; arrays are equal when shape and
    all entries are, and NaN is equal to NaN.
    """

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a FrozenDict cannot be changed; make another from dict(it)")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return NotImplemented
        return self.keys() == other.keys() and all(
            _equal(value, other[key]) for key, value in self.items()
        )

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset((key, _hash(value)) for key, value in self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return type(self), (dict(self),)

    def __copy__(self) -> FrozenDict[K, V]:
        return self

    copy = __copy__

    def __repr__(self) -> str:
        return f"FrozenDict({super().__repr__()})"


def hold_frozen(owner: object, *names: str) -> None:
    """Replace the mappings in the fields of a frozen dataclass by `FrozenDict` copies."""
    for name in names:
        object.__setattr__(owner, name, FrozenDict(getattr(owner, name)))


def _equal(one: object, other: object) -> bool:
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return (
            not isinstance(one, np.ndarray)
            and not isinstance(other, np.ndarray)
            and bool(one == other)
        )
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc" and other.dtype.kind in "fc")


def _hash(value: object) -> int:
    """Hash of a value.

    Arrays count by shape alone, so that equal ones of other types or with other zeros agree.
    """
    return hash(value.shape) if isinstance(value, np.ndarray) else hash(value)
