"""The JSON boundary.

Here are the base of all file schemas and what turns pydantic's complaints into findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from headwater.case.json_reader import describe
from headwater.case.names import entity_at, nearest_word
from headwater.case.report import Collector
from headwater.model.magnitudes import largest_of

DESCRIPTIVE_KEYS = frozenset({"version", "description", "name", "label"})
"""Keys that describe and may stand anywhere."""


class Shape(BaseModel):
    """Base of the file schemas: strict types, finite numbers, no unknown keys."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=False, defer_build=True
    )


def complaint(code: str, message: str, fix: str = "") -> PydanticCustomError:
    """An error for a validator to raise, with our code, what was got and expected, and the fix."""
    return PydanticCustomError(
        "case_rule", "{message}", {"code": code, "message": message, "fix": fix}
    )


def _iso_date(value: object) -> date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    code = "HW204" if isinstance(value, str) else "HW201"
    raise complaint(
        code,
        f"expected a date as YYYY-MM-DD, got {describe(value)}",
        "write the date as 2024-01-31",
    )


IsoDate = Annotated[date, BeforeValidator(_iso_date)]

ShapeT = TypeVar("ShapeT", bound=Shape)


def parse_shape(
    shape: type[ShapeT], data: dict[str, Any], file: str, collector: Collector
) -> ShapeT | None:
    """Check the content of a file against its schema.

    Unknown keys are reported (HW207) and set aside, so that the rest of the file is still checked.

    Returns:
        The typed content, or ``None`` after reporting every problem.
    """
    if _report_huge_numbers(data, file, collector):
        return None
    for _ in range(2):
        try:
            return shape.model_validate(data)
        except ValidationError as error:
            details = error.errors(include_url=False)
        unknown = [d for d in details if d["type"] == "extra_forbidden"]
        for detail in unknown:
            _set_aside(shape, data, detail, file, collector)
        if len(unknown) < len(details):
            for detail in details:
                if detail["type"] != "extra_forbidden":
                    _report(data, detail, file, collector)
            return None
    return shape.model_validate(data)


def _report_huge_numbers(data: dict[str, Any], file: str, collector: Collector) -> bool:
    """Report the numbers of a system that are beyond all sense.

    Settings say for themselves what they allow.
    """
    if file == "config.json":
        return False
    found = [
        (steps, value)
        for steps, value in _numbers(data, ())
        if abs(value) > largest_of(_name(steps))
    ]
    for steps, value in found:
        message = f"expected a number within ±{largest_of(_name(steps)):g}, got {describe(value)}"
        fix = "correct the number, or leave the key out where there is no limit"
        entity = entity_at(data, list(steps))
        collector.error("HW204", file, message, path=write_path(steps), entity=entity, fix=fix)
    return bool(found)


def _name(steps: tuple[str | int, ...]) -> str:
    """The key that a number stands under."""
    return next((step for step in reversed(steps) if isinstance(step, str)), "")


def _numbers(
    value: Any, steps: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], float]]:
    """All numbers of a document with the way that leads to each."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield steps, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _numbers(item, (*steps, key))


def _set_aside(
    shape: type[Shape], data: Any, detail: ErrorDetails, file: str, collector: Collector
) -> None:
    holder, steps = _locate(data, detail["loc"][:-1])
    key = str(detail["loc"][-1])
    if isinstance(holder, dict):
        holder.pop(key, None)
    if key in DESCRIPTIVE_KEYS:
        return
    here = _keys_at(shape, detail["loc"][:-1])
    known = (here, _all_keys(shape, set()))  # one of them may have the key, but not here
    guess = nearest_word(key, known[0] - {key}) or nearest_word(key, known[1] - {key})
    fix = (
        f"did you mean '{guess}'? If not, remove the key"
        if guess
        else f"remove the key (known here: {', '.join(sorted(here))})"
    )
    entity = entity_at(data, steps)
    collector.error(
        "HW207",
        file,
        f"'{key}' is not a known key",
        path=write_path([*steps, key]),
        entity=entity,
        fix=fix,
    )


def write_path(steps: Iterable[str | int]) -> str:
    """``["hydros", 3, "bus_id"]`` as ``hydros[3].bus_id``."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _locate(data: Any, loc: tuple[int | str, ...]) -> tuple[Any, list[int | str]]:
    """Follow a pydantic location into the data.

    Steps that name the branch of a union are left out.
    """
    here, steps = data, []
    for position, step in enumerate(loc):
        in_object = isinstance(here, dict) and step in here
        if in_object or (isinstance(here, list) and isinstance(step, int) and step < len(here)):
            here = here[step]
        elif (
            position < len(loc) - 1
            or not isinstance(here, dict)
            or here.get("type") == step
            or _is_branch(step)
        ):
            continue
        else:
            here = None
        steps.append(step)
    return here, steps


def _is_branch(step: int | str) -> bool:
    """Whether a step names the branch of a union, which no key of the format could be."""
    return isinstance(step, str) and re.fullmatch(r"\w+", step) is None


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Schemas that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_in(argument)]


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _keys_at(shape: type[Shape], loc: tuple[int | str, ...]) -> set[str]:
    models: list[type[BaseModel]] = [shape]
    for step in loc:
        below = [inner for model in models for inner in models_in(_fields(model).get(str(step)))]
        models = below or models
    return {key for model in models for key in _fields(model)}


def _all_keys(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    if model in seen:
        return set()
    seen.add(model)
    keys: set[str] = set()
    for key, annotation in _fields(model).items():
        keys.add(key)
        for inner in models_in(annotation):
            keys |= _all_keys(inner, seen)
    return keys


_WRONG_TYPE = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of ordinary size",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_RANGE = {
    "greater_than": ("gt", "a number above {}"),
    "greater_than_equal": ("ge", "a number of at least {}"),
    "less_than": ("lt", "a number below {}"),
    "less_than_equal": ("le", "a number of at most {}"),
    "too_short": ("min_length", "at least {} values"),
    "too_long": ("max_length", "at most {} values"),
    "string_too_short": ("min_length", "a text of at least {} characters"),
}


def _report(data: Any, detail: ErrorDetails, file: str, collector: Collector) -> None:
    kind, context = detail["type"], detail.get("ctx", {})
    _, steps = _locate(data, detail["loc"])
    path, got = write_path(steps) or None, describe(detail["input"])

    def error(code: str, message: str, fix: str) -> None:
        collector.error(code, file, message, path=path, entity=entity_at(data, steps), fix=fix)

    if kind == "case_rule":
        error(context["code"], context["message"], context["fix"])
    elif kind == "missing":
        error("HW201", "this key is required and was not found", "add the key")
    elif (
        kind == "float_type"
        and isinstance(detail["input"], int)
        and not isinstance(detail["input"], bool)
    ):
        error("HW204", f"expected a finite number, got {got}", "correct the value")
    elif kind in _WRONG_TYPE:
        error("HW201", f"expected {_WRONG_TYPE[kind]}, got {got}", "correct the type of the value")
    elif kind in _RANGE:
        key, text = _RANGE[kind]
        limit = context[key]
        shown = limit if isinstance(limit, int) or limit != int(limit) else int(limit)
        error("HW204", f"expected {text.format(shown)}, got {got}", "correct the value")
    elif kind == "finite_number":
        error("HW204", f"expected a finite number, got {got}", "correct the value")
    elif kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        guess = nearest_word(str(detail["input"]), choices)
        expected = " or ".join(f"'{choice}'" for choice in choices) or str(context.get("expected"))
        fix = f"the nearest known word is '{guess}'" if guess else "use one of the known words"
        error("HW205", f"expected {expected}, got {got}", fix)
    elif kind == "union_tag_not_found":
        error("HW201", "the key 'type' is required and was not found", "add the key 'type'")
    elif kind == "union_tag_invalid":
        tags = str(context.get("expected_tags", ""))
        guess = nearest_word(str(context.get("tag", "")), re.findall(r"'([^']*)'", tags))
        fix = f"the nearest known word is '{guess}'" if guess else "use one of the known types"
        message = f"expected one of the types {tags}, got {describe(context.get('tag'))}"
        error("HW205", message, fix)
    else:
        error("HW201", f"{detail['msg']}, got {got}", "correct the value")
