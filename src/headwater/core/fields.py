"""Declared fields.

One ``Annotated`` field of a frozen dataclass says all that files, pages and checks need to know of
it.

    max_flow_m3s: Annotated[NonNegative, InFile("flow.max_m3s"), "largest flow"]

declares a number of at least 0 in m3/s (the unit is read from the name), found in files under
``flow.max_m3s``. A bare string is the meaning. Everything that is derived from a declaration starts
at `fields_of`.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache, cached_property
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from headwater.core.units import unit_of

INT32_MAX = 2**31 - 1

ClassT = TypeVar("ClassT", bound=type)
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that the ending of the name does not show."""

    text: str


@dataclass(frozen=True, slots=True)
class Ref:
    """The field holds the id of another part, e.g. ``Ref("bus")``."""

    kind: str


@dataclass(frozen=True, slots=True)
class InFile:
    """Where files give the field, and what they ask for beyond the class.

    Attributes:
        place: key in the file, with sections before it: ``"flow.max_m3s"``; ``None`` for the name
            of the field.
        required: files must give it, although the class has a default.
        form: type of the value in files with its range, where it is another one. A dataclass given
            here turns itself into the value of the field with a method ``in_code``. One that may be
            ``None``, where the field may not, leaves the default to the class.
    """

    place: str | None = None
    required: bool = False
    form: Any = None


@dataclass(frozen=True, slots=True)
class PerStage:
    """A table may give the field another value at single stages.

    Attributes:
        table: file of the table.
        column: its column there; ``None`` for the last key of its place in files.
        place: order among the columns of the table.
        required: whether cells of the column must not be empty.
        meaning: what the column means, where it is not what the field means.
        blocks: whether rows of the table may name a block of the stage.
        missing: the value where an entity has none of its own.
    """

    table: str
    column: str | None = None
    place: int = 0
    required: bool = False
    meaning: str = ""
    blocks: bool = False
    missing: float = 0.0


@dataclass(frozen=True, slots=True)
class Priced:
    """A cost of three tiers, or a class of such costs.

    The tiers are costs for all entities, for one entity, and at single stages.

    Attributes:
        table: file of the costs at single stages.
    """

    table: str


NOT_IN_FILES = InFile("")
"""Marks a field that files do not give."""


@dataclass(frozen=True, slots=True)
class Like:
    """The field means what the field of the same name means in another class, in the same unit."""

    other: type


@dataclass(frozen=True, slots=True)
class Check:
    """A test of a value from a file that a range cannot say; ``test`` raises `FieldError`."""

    test: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class BlockExpression:
    """The field is an expression as in user constraints, over quantities of single blocks."""


class FieldError(Exception):
    """What is wrong with a value: a code, what was expected and got, and how to mend it."""

    def __init__(self, code: str, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.fix = code, message, fix


@dataclass(frozen=True, slots=True)
class Ordered:
    """Test of a section: the value of one key is at most that of another (HW211).

    An absent upper limit is none.
    """

    low: str
    high: str

    def __call__(self, section: Any) -> None:
        """Compare the two.

        Raises:
            FieldError: they are the wrong way round.
        """
        low, high = getattr(section, self.low), getattr(section, self.high)
        if high is not None and low > high:
            message = f"expected {self.low} <= {self.high}, got {low:g} > {high:g}"
            raise FieldError("HW211", message, "correct one of the two limits")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a file's object that holds fields of its class.

    Attributes:
        key: its key.
        meaning: what it holds.
        checks: tests of its content, each called with the section; they raise `FieldError`.
        optional: whether it may be left out although it has required keys.
    """

    key: str
    meaning: str
    checks: tuple[Callable[[Any], None], ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class FileForm:
    """How objects of a class look in files, as far as their fields do not say it.

    Attributes:
        sections: the sections that fields stand in.
        checks: tests of the whole object.
        order: its keys in the order of reference pages; those left out follow in the order of the
            fields.
    """

    sections: tuple[Section, ...] = ()
    checks: tuple[Callable[[Any], None], ...] = ()
    order: tuple[str, ...] = ()


_FORMS: dict[type, FileForm] = {}


def in_file(
    *sections: Section, checks: tuple[Callable[[Any], None], ...] = (), order: tuple[str, ...] = ()
) -> Callable[[ClassT], ClassT]:
    """Class decorator: how objects of the class look in files."""

    def declare(cls: ClassT) -> ClassT:
        _FORMS[cls] = FileForm(sections, checks, order)
        return cls

    return declare


def form_of(cls: type) -> FileForm:
    """The form of a class in files; subclasses share that of their base."""
    return next((_FORMS[base] for base in cls.__mro__ if base in _FORMS), FileForm())


Id = Annotated[int, Ge(0), Le(INT32_MAX)]
SignedId = Annotated[int, Ge(-INT32_MAX - 1), Le(INT32_MAX)]
Int64 = Annotated[int, Ge(-(2**63)), Le(2**63 - 1)]
Count = Annotated[int, Ge(1), Le(INT32_MAX)]
Whole = Annotated[int, Ge(0), Le(INT32_MAX)]
NonNegative = Annotated[float, Ge(0)]
Positive = Annotated[float, Gt(0)]
Fraction = Annotated[float, Ge(0), Le(1)]
PositiveFraction = Annotated[float, Gt(0), Le(1)]

OwnId = Annotated[Id, "number of the entity, unique among its kind"]
Name = Annotated[str, InFile(required=True), "name for people"]
BusId = Annotated[Id, Ref("bus"), "bus that it is connected to"]
HydroId = Annotated[Id, Ref("hydro"), "hydro plant"]
ThermalId = Annotated[Id, Ref("thermal"), "thermal plant"]
StageId = Annotated[Id, Ref("stage"), "stage"]
SourceId = Annotated[Id, Ref("non_controllable"), "non-controllable source"]
BlockId = Annotated[Id | None, "block of the stage; empty for all blocks"]
SeasonId = Annotated[Id | None, "season that the period belongs to"]
StartDate = Annotated[date, "first day"]
EndDate = Annotated[date, "day after the last one"]

ENTITY_KEYS = ("id", "name", "entry_stage_id", "exit_stage_id")
"""Keys that come first wherever an entity is described."""
EntryStage = Annotated[
    Id | None,
    Ref("stage"),
    "first stage at which it exists; without it, it is there from the start",
]
ExitStage = Annotated[Id | None, Ref("stage"), "first stage at which it no longer exists"]


@dataclass(frozen=True)
class FieldSpec:
    """A declared field.

    Attributes:
        name: its name in the class.
        kind: its type, without the markers of the field itself.
        markers: what its annotation says beside the type.
        default: value where none is given; ``dataclasses.MISSING`` where one must be.
    """

    name: str
    kind: Any
    markers: tuple[Any, ...]
    default: Any

    def marker(self, wanted: type[Any]) -> Any:
        """The last marker of a class, which is the most specific one; ``None`` without any."""
        return next(
            (marker for marker in reversed(self.markers) if isinstance(marker, wanted)), None
        )

    @cached_property
    def meaning(self) -> str:
        """What the field means, in words."""
        return self.marker(str) or ("" if self._like is None else self._like.meaning)

    @cached_property
    def _like(self) -> FieldSpec | None:
        given = self.marker(Like)
        return None if given is None else field_of(given.other, self.name)

    @cached_property
    def place(self) -> tuple[str, ...]:
        """Keys that lead to it in a file."""
        given = self.marker(InFile)
        return (
            (self.name,) if given is None or given.place is None else tuple(given.place.split("."))
        )

    @cached_property
    def in_files(self) -> bool:
        """Whether files give it."""
        return self.place != ("",)

    @cached_property
    def unit(self) -> str:
        """Its unit; empty where it has none."""
        given = self.marker(Unit)
        if given is None and self._like is not None:
            return self._like.unit
        return given.text if given is not None else unit_of(self.place[-1]) or unit_of(self.name)

    @cached_property
    def required(self) -> bool:
        """Whether files must give it."""
        given = self.marker(InFile)
        return self.default is dataclasses.MISSING or (given is not None and given.required)

    @cached_property
    def form(self) -> Any:
        """Type of its value in files."""
        given = self.marker(InFile)
        return self.kind if given is None or given.form is None else given.form

    @cached_property
    def limits(self) -> tuple[Ge | Gt | Le | Lt, ...]:
        """Its range."""
        return tuple(
            marker for marker in self._all_markers if isinstance(marker, Ge | Gt | Le | Lt)
        )

    @cached_property
    def reference(self) -> str:
        """Kind of part whose id it holds; empty where it holds none."""
        return next((marker.kind for marker in self._all_markers if isinstance(marker, Ref)), "")

    @cached_property
    def _all_markers(self) -> tuple[Any, ...]:
        """Its markers, and those of its type where that may be ``None``."""
        inner: list[Any] = []
        if get_origin(self.kind) in (Union, types.UnionType):
            for branch in get_args(self.kind):
                inner += get_args(branch)[1:] if get_origin(branch) is Annotated else ()
        return (*self.markers, *inner)


def branches(kind: Any) -> list[Any]:
    """The plain types that a declared type is made of."""
    if get_origin(kind) is Annotated:
        return branches(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [branch for one in get_args(kind) for branch in branches(one)]
    return [kind]


@cache
def fields_of(cls: type) -> tuple[FieldSpec, ...]:
    """The declared fields of a dataclass, in its order."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        spec_of(field.name, hints[field.name], _default(field)) for field in dataclasses.fields(cls)
    )


def _default(field: dataclasses.Field[Any]) -> Any:
    return (
        field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    )


def field_of(cls: type, name: str) -> FieldSpec:
    """One declared field."""
    return next(spec for spec in fields_of(cls) if spec.name == name)


def references_of(cls: type) -> Iterator[tuple[str, str]]:
    """Places of ids of other parts in files, each with the kind that it names.

    Ids within parts of the class are included.
    """
    for spec in (spec for spec in fields_of(cls) if spec.in_files):
        if spec.reference:
            yield ".".join(spec.place), spec.reference
        for inner in branches(spec.form):
            if isinstance(inner, type) and dataclasses.is_dataclass(inner):
                yield from (
                    (f"{'.'.join(spec.place)}.{below}", kind)
                    for below, kind in references_of(inner)
                )


def spec_of(name: str, hint: Any, default: Any = dataclasses.MISSING) -> FieldSpec:
    """A field as its annotation declares it."""
    kind, *markers = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    return FieldSpec(name, kind, tuple(markers), default)


def as_base(value: Any, base: type[ValueT]) -> ValueT:
    """An object of a dataclass with the fields that an object of a subclass shares with it."""
    wanted: Any = base
    return base(**{field.name: getattr(value, field.name) for field in dataclasses.fields(wanted)})


def words_of(kind: type[Enum]) -> tuple[Any, ...]:
    """The words that files use for the members of an enumeration."""
    return tuple(member.value for member in kind)
