"""Numbers within the ranges that their fields declare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from annotated_types import Ge, Gt, Le, Lt

from headwater.core.fields import FieldSpec, fields_of
from headwater.errors import ModelError

_TESTS: tuple[tuple[type, str, str, Callable[[Any, Any], bool]], ...] = (
    (Ge, "ge", "at least", lambda value, limit: value >= limit),
    (Gt, "gt", "above", lambda value, limit: value > limit),
    (Le, "le", "at most", lambda value, limit: value <= limit),
    (Lt, "lt", "below", lambda value, limit: value < limit),
)


def check_fields(value: Any) -> None:
    """Refuse numbers outside their declared range; meant as the ``__post_init__`` of a dataclass.

    Raises:
        ModelError: names class, field, range and what was got.
    """
    for spec in fields_of(value.__class__):
        got = getattr(value, spec.name)
        if got is not None and not all(fits for fits, _ in _tested(spec, got)):
            wanted = " and ".join(words for _, words in _tested(spec, got))
            raise ModelError(f"{type(value).__name__}.{spec.name} must be {wanted}, got {got!r}")


def _tested(spec: FieldSpec, got: Any) -> Iterator[tuple[bool, str]]:
    """Whether a value is within each limit of its field, and the limit in words.

    NaN is within none.
    """
    for limit in spec.limits:
        for kind, name, words, test in _TESTS:
            if isinstance(limit, kind):
                bound = getattr(limit, name)
                yield test(got, bound), f"{words} {bound:g}"
