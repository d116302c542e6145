"""File schemas made from declared fields.

Also objects of the model, made from what the schemas have read.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import Enum
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from annotated_types import MinLen
from pydantic import AfterValidator, Field, create_model, model_validator

from headwater.case.shapes import IsoDate, Shape, complaint
from headwater.core.fields import (
    Check,
    FieldError,
    FieldSpec,
    InFile,
    Section,
    branches,
    fields_of,
    form_of,
    words_of,
)
from headwater.core.parts import Equipment

TAG_MEANING = "which of the known forms follows"


class DerivedShape(Shape):
    """What a file says of one object of a declared class, or of a section of it."""

    declares: ClassVar[type | None] = None


def in_file_order(cls: type) -> list[FieldSpec]:
    """The fields that files give, in the order of its file form."""
    order = form_of(cls).order

    def position(spec: FieldSpec) -> int:
        starts = (spec.place[: n + 1] for n in range(len(spec.place)))
        places = [order.index(key) for start in starts if (key := ".".join(start)) in order]
        return places[-1] if places else len(order)

    return sorted((spec for spec in fields_of(cls) if spec.in_files), key=position)


@cache
def schema_of(cls: type) -> type[DerivedShape]:
    """The schema that reads objects of a declared dataclass from files, and nothing else."""
    form, specs = form_of(cls), in_file_order(cls)
    keys: dict[str, Any] = {}
    tag = getattr(cls, "type", None)
    if isinstance(tag, str):
        keys["type"] = (Literal[tag], Field(description=TAG_MEANING))
    for spec in specs:
        first = spec.place[0]
        if len(spec.place) == 1:
            keys[first] = _key(spec)
        elif first not in keys:
            section = next(section for section in form.sections if section.key == first)
            keys[first] = _section(
                cls, section, [other for other in specs if other.place[0] == first]
            )
    made = _model(cls.__name__, keys, form.checks)
    made.declares = cls
    return made


@cache
def list_schema(key: str, cls: type, meaning: str, *, at_least: int = 0) -> type[DerivedShape]:
    """The schema of a file that lists objects of a declared dataclass under one key."""
    item = schema_of(cls)
    kind = Annotated[list[item], MinLen(at_least)] if at_least else list[item]  # type: ignore[valid-type]
    return _model(f"{cls.__name__}List", {key: (kind, Field(description=meaning))}, ())


def entities_schema(part: Equipment) -> type[DerivedShape]:
    """The schema of the file that lists the entities of a kind of equipment."""
    file = part.file
    entity: Any = file.form or part.entity
    return list_schema(file.key, entity, file.meaning, at_least=file.at_least)


def _section(cls: type, section: Section, specs: Iterable[FieldSpec]) -> tuple[Any, Any]:
    name = f"{cls.__name__}{section.key.title().replace('_', '')}"
    keys = {spec.place[1]: _key(spec, inside_optional=section.optional) for spec in specs}
    model = _model(name, keys, section.checks)
    if section.optional:
        return model | None, Field(default=None, description=section.meaning)
    return model, _field(section.meaning, "", _all_defaults(model))


def _model(
    name: str, keys: dict[str, Any], checks: Iterable[Callable[[Any], None]]
) -> type[DerivedShape]:
    validators: dict[str, Any] = {
        f"check_{number}": model_validator(mode="after")(_after(check))
        for number, check in enumerate(checks)
    }
    return create_model(name, __base__=DerivedShape, __validators__=validators, **keys)


def _all_defaults(model: type[DerivedShape]) -> Any:
    """An object of a schema without any key given; ``MISSING`` where some key must be."""
    required = any(field.is_required() for field in model.model_fields.values())
    return dataclasses.MISSING if required else model()


def _key(spec: FieldSpec, *, inside_optional: bool = False) -> tuple[Any, Any]:
    """Type and description of one key."""
    given = spec.marker(InFile)
    has_form = given is not None and given.form is not None  # which says its range itself
    markers = [] if has_form else [_pydantic(marker) for marker in spec.markers]
    kind = file_type(spec.form)
    default = spec.default
    if spec.required or inside_optional:
        default = dataclasses.MISSING
    elif isinstance(kind, type) and issubclass(kind, DerivedShape):
        default = _all_defaults(kind)
    elif type(None) in branches(spec.form) and type(None) not in branches(spec.kind):
        default = None  # what is not given takes the default of the class
    elif default is not None:
        default = plain(default)
    markers = [marker for marker in markers if marker is not None]
    return (Annotated[kind, *markers] if markers else kind), _field(
        spec.meaning, spec.unit, default
    )


def _field(meaning: str, unit: str, default: Any) -> Any:
    given: dict[str, Any] = {} if default is dataclasses.MISSING else {"default": default}
    if default == []:
        given = {"default_factory": list}
    return Field(description=meaning, json_schema_extra={"x-unit": unit} if unit else None, **given)


def _pydantic(marker: Any) -> Any:
    """A marker as pydantic understands it; ``None`` for those that say nothing to it."""
    if isinstance(marker, Check):
        return AfterValidator(_after(marker.test))
    return marker if type(marker).__module__.startswith(("annotated_types", "pydantic")) else None


def _after(check: Callable[[Any], None]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        try:
            check(value)
        except FieldError as problem:
            raise complaint(problem.code, problem.message, problem.fix) from None
        return value

    return run


def file_type(kind: Any) -> Any:
    """The type that a declared type has in files."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        markers = [made for marker in arguments[1:] if (made := _pydantic(marker)) is not None]
        return Annotated[file_type(arguments[0]), *markers] if markers else file_type(arguments[0])
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return list[file_type(arguments[0])]  # type: ignore[misc]
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[str, file_type(arguments[1])]  # type: ignore[misc]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Literal[words_of(kind)]
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return schema_of(kind)
    return IsoDate if kind is date else kind


def _union(branches: tuple[Any, ...]) -> Any:
    """A choice of types; dataclasses with a ``type`` are told apart by it."""
    tagged = [
        branch
        for branch in branches
        if dataclasses.is_dataclass(branch) and hasattr(branch, "type")
    ]
    others = [file_type(branch) for branch in branches if branch not in tagged]
    kinds = [file_type(branch) for branch in tagged]
    if len(kinds) > 1:
        kinds = [Annotated[Union[tuple(kinds)], Field(discriminator="type")]]  # noqa: UP007
    return Union[(*kinds, *others)]


def plain(value: Any) -> Any:
    """A value of the model as files write it."""
    if isinstance(value, Enum):
        return value.value
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def made_from(given: DerivedShape) -> Any:
    """The object that a file describes."""
    cls = given.declares
    assert cls is not None
    values: dict[str, Any] = {}
    for spec in (spec for spec in fields_of(cls) if spec.in_files):
        value: Any = given
        for key in spec.place:
            value = None if value is None else getattr(value, key)
        if value is not None or spec.default is dataclasses.MISSING:
            values[spec.name] = _in_code(value, spec.form)
    made = cls(**values)
    return made.in_code() if hasattr(made, "in_code") else made


def _in_code(value: Any, kind: Any) -> Any:
    if isinstance(value, DerivedShape):
        return made_from(value)
    if value is None or not isinstance(value, list | dict | str):
        return value
    if isinstance(value, list):
        item = _argument(kind, tuple, 0)
        return tuple(_in_code(one, item) for one in value)
    if isinstance(value, dict):
        item = _argument(kind, Mapping, 1)
        return {key: _in_code(one, item) for key, one in value.items()}
    words = next(
        (one for one in branches(kind) if isinstance(one, type) and issubclass(one, Enum)), None
    )
    return value if words is None else words(value)


def _argument(kind: Any, container: type, position: int) -> Any:
    """What a container holds, e.g. the type of the items of a tuple."""
    for branch in branches(kind):
        origin = get_origin(branch)
        if isinstance(origin, type) and issubclass(origin, container):
            return get_args(branch)[position]
    return Any
