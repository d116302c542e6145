"""Finding entities and stages by what people call them: names, ids, dates."""

from __future__ import annotations

import difflib
import operator
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    Protocol,
    SupportsIndex,
    TypeVar,
    overload,
)

import numpy as np

from headwater.core.wording import listed
from headwater.errors import UnknownNameError

if TYPE_CHECKING:
    from headwater.model.stages import Stage


class Entity(Protocol):
    """What can be found by id and name."""

    @property
    def id(self) -> int:
        """Domain id."""

    @property
    def name(self) -> str:
        """Name; may be empty."""


E = TypeVar("E")
StageKey = int | str | date
"""How a stage may be called: its id, a date in it, ``"2027-02-15"``, ``"2027-02"``, or the label of
its season.
"""
EntityKey = int | str
"""How an entity may be called: its id, or its name."""


def labels_of(kind: str, ids: Sequence[int], names: Sequence[str]) -> tuple[str, ...]:
    """One label per entity, all different.

    Its name, with the id where the name is missing or not the only one of its kind.

    Args:
        kind: the word for one of them, e.g. ``"hydro"``.
        ids: ids.
        names: names, one for each id.
    """
    often = Counter(names)
    return tuple(
        f"{kind} {entity_id}"
        if not name
        else name
        if often[name] == 1
        else f"{name} (id {entity_id})"
        for entity_id, name in zip(ids, names, strict=True)
    )


def entity_position(kind: str, ids: Sequence[int], names: Sequence[str], key: object) -> int:
    """Position of the entity that ``key`` means.

    Args:
        kind: the word for one of them, e.g. ``"hydro"``.
        ids: ids, ascending.
        names: names, one for each id; empty where there is none.
        key: an id, or a name; capitals matter only where names differ in nothing else.

    Raises:
        UnknownNameError: there is none, or several have the name; the message says what there is.
    """
    number = _whole(key)
    if number is not None:
        if number in ids:
            return list(ids).index(number)
        raise UnknownNameError(
            f"there is no {kind} with id {key}; there are: {listed(_shown(kind, ids, names))}"
        )
    if not isinstance(key, str):
        raise UnknownNameError(f"expected the name or id of a {kind}, got {key!r}")
    for found in (_same(names, key), _same([name.casefold() for name in names], key.casefold())):
        if len(found) == 1:
            return found[0]
        if found:
            same = ", ".join(str(ids[position]) for position in found)
            raise UnknownNameError(
                f"{len(found)} {kind}s are called '{key}': give an id, one of {same}"
            )
    labels = labels_of(kind, ids, names)
    if key in labels:
        return labels.index(key)
    known = [name for name in names if name]
    raise UnknownNameError(
        f"there is no {kind} '{key}'; {_near(key, known, _shown(kind, ids, names))}"
    )


def _whole(key: object) -> int | None:
    """A whole number of any kind, NumPy's too; a truth value is none."""
    return (
        operator.index(key)
        if isinstance(key, SupportsIndex) and not isinstance(key, bool | np.bool_)
        else None
    )


def _same(names: Sequence[str], key: str) -> list[int]:
    return [position for position, name in enumerate(names) if name == key and name]


def _shown(kind: str, ids: Sequence[int], names: Sequence[str]) -> list[str]:
    return [
        f"{name} (id {i})" if name else f"{kind} {i}" for i, name in zip(ids, names, strict=True)
    ]


def _near(key: str, known: Sequence[str], shown: Sequence[str]) -> str:
    """What was probably meant, or else what there is, as the end of a sentence."""
    folded = {name.casefold(): name for name in known}
    close = [
        folded[name]
        for name in difflib.get_close_matches(key.casefold(), list(folded), n=3, cutoff=0.6)
    ]
    if close:
        return f"did you mean {' or '.join(repr(name) for name in close)}?"
    return f"there are: {listed(shown)}" if shown else "there is none at all"


class StageSpan(NamedTuple):
    """What a stage can be found by.

    ``label`` is that of its season, empty where that is not known.
    """

    id: int
    start_date: date
    end_date: date
    label: str = ""

    def __str__(self) -> str:
        return f"{self.id} ({self.start_date})"


def stage_position_of(spans: Sequence[StageSpan], key: object) -> int:
    """Position of the stage that ``key`` means.

    Args:
        spans: the stages in order.
        key: its id, a date in it, a text with a date (``"2027-02-15"``), a month (``"2027-02"``) in
            which it alone begins, or the label of a season that it alone has.

    Raises:
        UnknownNameError: there is none, or there are several; the message says what there is.
    """
    if isinstance(key, np.datetime64):
        key = key.astype("datetime64[D]").item()
    number = _whole(key)
    if number is not None:
        return _only([t for t, span in enumerate(spans) if span.id == number], spans, key)
    if isinstance(key, datetime):
        key = key.date()
    if isinstance(key, date):
        return _only(_holding(spans, key), spans, key)
    if not isinstance(key, str):
        raise UnknownNameError(f"expected the id, date or label of a stage, got {key!r}")
    text = key.strip()
    if re.fullmatch(r"-?\d+", text):
        return _only([t for t, span in enumerate(spans) if span.id == int(text)], spans, key)
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            first = date.fromisoformat(f"{text}-01")
            begins = [t for t, span in enumerate(spans) if f"{span.start_date:%Y-%m}" == text]
            return _only(begins or _holding(spans, first), spans, key)
        return _only(_holding(spans, datetime.fromisoformat(text).date()), spans, key)
    except ValueError:
        named = [
            t
            for t, span in enumerate(spans)
            if span.label and span.label.casefold() == text.casefold()
        ]
        return _only(named, spans, key)


def _holding(spans: Sequence[StageSpan], day: date) -> list[int]:
    return [t for t, span in enumerate(spans) if span.start_date <= day < span.end_date]


def _only(found: Sequence[int], spans: Sequence[StageSpan], key: object) -> int:
    if len(found) == 1:
        return found[0]
    if found:
        same = listed([str(spans[t]) for t in found])
        raise UnknownNameError(
            f"{len(found)} stages are meant by '{key}': {same}; give an id or a date"
        )
    first, last = spans[0], spans[-1]
    raise UnknownNameError(
        f"there is no stage '{key}': there are {len(spans)}, from {first} to {last}, which ends "
        f"on {last.end_date}; give an id, or a date such as '{first.start_date}'"
    )


class Named(tuple[E, ...], Generic[E]):
    """Entities of a kind in ascending id.

    A tuple that also finds them by name, ``hydros["Ridge"]``.
    """

    __slots__ = ()

    @overload
    def __getitem__(self, key: SupportsIndex) -> E: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[E, ...]: ...
    @overload
    def __getitem__(self, key: str) -> E: ...
    def __getitem__(self, key: Any) -> Any:
        """The entity with a name; a number is a position, as in every tuple, and `by_id` takes ids.

        Raises:
            UnknownNameError: nothing has that name, or several do; the message says what there is.
        """
        if isinstance(key, str):
            return tuple.__getitem__(self, entity_position(self._kind, self.ids, self.names, key))
        return tuple.__getitem__(self, key)

    def by_id(self, entity_id: int) -> E:
        """The entity with an id.

        Raises:
            UnknownNameError: nothing has that id.
        """
        return tuple.__getitem__(self, entity_position(self._kind, self.ids, self.names, entity_id))

    @property
    def ids(self) -> tuple[int, ...]:
        """All ids."""
        return tuple(entity.id for entity in self)  # type: ignore[attr-defined]

    @property
    def names(self) -> tuple[str, ...]:
        """All names; empty where an entity has none."""
        return tuple(getattr(entity, "name", "") for entity in self)

    @property
    def labels(self) -> tuple[str, ...]:
        """All names, told apart by their ids where they are missing or the same."""
        return labels_of(self._kind, self.ids, self.names)

    @property
    def _kind(self) -> str:
        words = (
            re.sub(r"(?<!^)(?=[A-Z])", " ", type(tuple.__getitem__(self, 0)).__name__)
            if self
            else "entity"
        )
        return words.lower()


class Stages(Named["Stage"]):
    """The stages of a study in order.

    A tuple that also finds them by date, ``stages["2027-02"]``.
    """

    __slots__ = ()

    @overload
    def __getitem__(self, key: SupportsIndex) -> Stage: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Stage, ...]: ...
    @overload
    def __getitem__(self, key: str | date | np.datetime64) -> Stage: ...
    def __getitem__(self, key: Any) -> Any:
        """The stage that a date, a text or a month means.

        A number is a position, as in every tuple.

        Raises:
            UnknownNameError: there is none, or there are several; the message says what there is.
        """
        if isinstance(key, str | date | np.datetime64):
            return tuple.__getitem__(self, stage_position_of(self.spans(), key))
        return tuple.__getitem__(self, key)

    def spans(self, labels: Iterable[str] | None = None) -> list[StageSpan]:
        """What each stage can be found by.

        Args:
            labels: of the season of each stage, where they are known.
        """
        texts = [""] * len(self) if labels is None else list(labels)
        return [
            StageSpan(s.id, s.start_date, s.end_date, text)
            for s, text in zip(self, texts, strict=True)
        ]

    @property
    def _kind(self) -> str:
        return "stage"


class Collected(Generic[E]):
    """How a type checker sees a collection of `System`.

    Given as anything that can be iterated, kept as `Named`.

    At run time the attribute is the collection itself; nothing is made of this class.
    """

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type) -> Collected[E]: ...
        @overload
        def __get__(self, instance: object, owner: type) -> Named[E]: ...
        def __get__(self, instance: Any, owner: type) -> Any: ...
        def __set__(self, instance: object, value: Iterable[E]) -> None: ...


class CollectedStages:
    """The same for stages."""

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type) -> CollectedStages: ...
        @overload
        def __get__(self, instance: object, owner: type) -> Stages: ...
        def __get__(self, instance: Any, owner: type) -> Any: ...
        def __set__(self, instance: object, value: Iterable[Stage]) -> None: ...
