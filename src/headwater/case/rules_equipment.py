"""Expressions, and values of single stages, in fields of equipment name what exists."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from headwater.case.parts import Parts
from headwater.case.rules import Problem, rule
from headwater.case.rules_references import dangling, known
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import BlockExpression, FieldSpec, fields_of
from headwater.core.parts import Equipment
from headwater.model import Term, parse_expression


@rule("HW301", needs=tuple(part.file.name for part in EQUIPMENT if part.quantities))
def expression_entities(parts: Parts) -> Iterator[Problem]:
    """Expressions of other equipment name entities that exist."""
    for part, who, path, term in _terms_of_equipment(parts):
        kind = EQUIPMENT.quantities[term.quantity][0].name
        ids = parts.ids(kind)
        if term.entity_id not in ids:
            field = f"{term.quantity}({term.entity_id})"
            yield dangling(part.file.name, path, who, field, kind, term.entity_id, ids)


@rule("HW205", needs=())
def expression_quantities(parts: Parts) -> Iterator[Problem]:
    """Expressions of other equipment name quantities that have a value in every block."""
    for part, who, path, term in _terms_of_equipment(parts):
        if EQUIPMENT.quantities[term.quantity][1].of_stage:
            message = (
                f"'{term.quantity}({term.entity_id})' has one value for the stage, and a quantity "
                "of blocks is asked for"
            )
            fix = "take a flow or a power, e.g. thermal_generation"
            yield Problem(part.file.name, message, path, who, fix)


@rule("HW302", needs=("stages.json",))
def stages_of_lists(parts: Parts) -> Iterator[Problem]:
    """Values of single stages in entities are for study stages, each given once."""
    for part in EQUIPMENT:
        kind: Any = part.entity
        for spec, item in _lists(kind):
            if not any(field.name == "stage_id" for field in fields_of(item)):
                continue
            for position, entity in enumerate(parts.entities(part.name)):
                seen: set[int] = set()
                for number, one in enumerate(getattr(entity, spec.name) or ()):
                    path = f"{part.file.key}[{position}].{'.'.join(spec.place)}[{number}].stage_id"
                    who = f"{part.words.label} {entity.id}"
                    message = ""
                    if one.stage_id not in parts.study_ids:
                        message = (
                            f"stage {one.stage_id} is not a study stage ({known(parts.study_ids)})"
                        )
                    elif one.stage_id in seen:
                        message = f"stage {one.stage_id} is given more than once"
                    seen.add(one.stage_id)
                    if message:
                        yield Problem(part.file.name, message, path, who, "correct the stage id")


def _lists(kind: Any) -> Iterator[tuple[FieldSpec, Any]]:
    """Fields of a class that list objects of another, with that class."""
    for spec in fields_of(kind):
        if spec.in_files and get_origin(spec.kind) is tuple:
            yield from ((spec, one) for one in get_args(spec.kind) if dataclasses.is_dataclass(one))


def _terms_of_equipment(parts: Parts) -> Iterator[tuple[Equipment, str, str, Term]]:
    """Terms of expressions in fields of entities: their kind, whose, where, and the term."""
    for part in EQUIPMENT:
        kind: Any = part.entity
        for position, entity in enumerate(parts.entities(part.name)):
            who = f"{part.words.label} {entity.id}"
            start = f"{part.file.key}[{position}]"
            for path, text in _expressions(kind, entity, start):
                for term in parse_expression(text).terms:
                    yield part, who, path, term


def _expressions(kind: Any, given: Any, start: str) -> Iterator[tuple[str, str]]:
    """Expressions in the fields of an object and of those that it lists: where, and the text."""
    for spec in fields_of(kind):
        if spec.in_files and spec.marker(BlockExpression) is not None:
            yield ".".join((start, *spec.place)), getattr(given, spec.name)
    for spec, item in _lists(kind):
        for number, one in enumerate(getattr(given, spec.name) or ()):
            yield from _expressions(item, one, f"{'.'.join((start, *spec.place))}[{number}]")
