"""Layer 3: every id that a file mentions exists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from headwater.case.form_scenarios import FACTOR_LISTS
from headwater.case.parts import KINDS, Parts
from headwater.case.rules import PartsCheck, Problem, rule
from headwater.case.table_reader import ROW
from headwater.case.tables import TABLES
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import references_of
from headwater.core.wording import opened


def known(ids: Iterable[int]) -> str:
    """The known ids in a short text."""
    ordered = sorted(ids)
    if not ordered:
        return "there is none"
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"known: {ordered[0]}-{ordered[-1]}"
    return "known: " + opened(ordered)


def _label(kind: str) -> str:
    return KINDS[kind][2]


def dangling(
    file: str, path: str, entity: str | None, field: str, kind: str, target: int, ids: set[int]
) -> Problem:
    """An id that names nothing: where it stands, whose it is, and what it should name."""
    who = f"{entity} references" if entity else "the file references"
    message = f"{who} {_label(kind)} {target} in '{field}', which does not exist ({known(ids)})"
    return Problem(
        file,
        message,
        path,
        entity,
        f"correct the id, or add {_label(kind)} {target} to {KINDS[kind][0]}",
    )


JSON_REFERENCES = tuple(
    (part.name, place, kind)
    for part in EQUIPMENT.by_file()
    for place, kind in references_of(part.file.form or part.entity)
    if kind in KINDS
)
"""Kind of entity, field, and the kind that the field names."""


def _entity_rule(kind: str, field: str, target: str) -> PartsCheck:
    file, key, label = KINDS[kind]

    def entity_reference(parts: Parts) -> Iterator[Problem]:
        """Entities name others that exist."""
        ids = parts.ids(target)
        for position, entity in enumerate(parts.entities(kind)):
            value: Any = entity
            for name in field.split("."):
                value = getattr(value, name) if value is not None else None
            where, who = f"{key}[{position}].{field}", f"{label} {entity.id}"
            named = value if isinstance(value, list) else [] if value is None else [value]
            for number, one in enumerate(named):
                if one not in ids:
                    path = f"{where}[{number}]" if isinstance(value, list) else where
                    yield dangling(file, path, who, field, target, one, ids)

    return entity_reference


for _kind, _field, _target in JSON_REFERENCES:
    rule("HW301", needs=(KINDS[_kind][0], KINDS[_target][0]))(_entity_rule(_kind, _field, _target))


TABLE_REFERENCES = tuple(
    (name, column.name, column.ref)
    for name, table in TABLES.items()
    for column in table.columns
    if column.ref in KINDS
)
"""Table, column, and the kind that the column names."""


def _rows_outside(
    parts: Parts, name: str, column: str, allowed: set[int]
) -> Iterator[tuple[int, int]]:
    if name not in parts.tables:
        return
    fine = {*allowed, None}
    if fine.issuperset(parts.table(name).get_column(column).to_list()):
        return
    yield from sorted(
        (row, value) for row, value in parts.rows(name, ROW, column) if value not in fine
    )


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".parquet")


def _table_rule(name: str, column: str, target: str) -> PartsCheck:
    def table_reference(parts: Parts) -> Iterator[Problem]:
        """Rows of tables name entities that exist."""
        ids = parts.ids(target)
        for row, value in _rows_outside(parts, name, column, ids):
            yield dangling(name, f"{_stem(name)}[{row}].{column}", None, column, target, value, ids)

    return table_reference


for _name, _column, _target in TABLE_REFERENCES:
    rule("HW301", needs=(_name, KINDS[_target][0]))(_table_rule(_name, _column, _target))


_STATISTICS = (
    "scenarios/inflow_seasonal_stats.parquet",
    "scenarios/inflow_ar_coefficients.parquet",
    "scenarios/inflow_annual_component.parquet",
)


def _stage_rule(name: str) -> PartsCheck:
    def stage_reference(parts: Parts) -> Iterator[Problem]:
        """Rows of tables name stages of the study."""
        allowed = parts.study_ids | (parts.pre_study_ids if name in _STATISTICS else set())
        for row, value in _rows_outside(parts, name, "stage_id", allowed):
            what = "study or pre-study stage" if name in _STATISTICS else "study stage"
            message = f"stage {value} is not a {what} ({known(parts.study_ids)})"
            yield Problem(
                name,
                message,
                f"{_stem(name)}[{row}].stage_id",
                None,
                "correct the stage id or remove the row",
            )

    return stage_reference


for _name in (name for name, table in TABLES.items() if "stage_id" in table.names):
    rule("HW302", needs=(_name, "stages.json"))(_stage_rule(_name))


FACTORS = tuple(
    (name, key, *next(references_of(entry))) for name, (key, entry) in FACTOR_LISTS.items()
)
"""Factor file, its list, the field of its entity and the kind that field names."""


def _factor_rules(name: str, key: str, field: str, kind: str) -> None:
    def entries(parts: Parts) -> list[Any]:
        shape = parts.shapes.get(name)
        return list(getattr(shape, key)) if shape is not None else []

    @rule("HW301", needs=(name, KINDS[kind][0]))
    def factor_entity(parts: Parts) -> Iterator[Problem]:
        """Factors name entities that exist."""
        ids = parts.ids(kind)
        for position, entry in enumerate(entries(parts)):
            value = getattr(entry, field)
            if value not in ids:
                yield dangling(name, f"{key}[{position}].{field}", None, field, kind, value, ids)

    @rule("HW302", needs=(name, "stages.json"))
    def factor_stage(parts: Parts) -> Iterator[Problem]:
        """Factors name stages of the study."""
        for position, entry in enumerate(entries(parts)):
            if entry.stage_id not in parts.study_ids:
                message = f"stage {entry.stage_id} is not a study stage ({known(parts.study_ids)})"
                yield Problem(
                    name,
                    message,
                    f"{key}[{position}].stage_id",
                    None,
                    "correct the stage id or remove the entry",
                )

    @rule("HW301", needs=(name, "stages.json"))
    def factor_block(parts: Parts) -> Iterator[Problem]:
        """Factors name blocks of their stage."""
        for position, entry in enumerate(entries(parts)):
            n_blocks = parts.n_blocks.get(entry.stage_id)
            for inner, block in enumerate(entry.block_factors):
                if n_blocks is not None and block.block_id >= n_blocks:
                    message = (
                        f"stage {entry.stage_id} has blocks 0-{n_blocks - 1}, got block "
                        f"{block.block_id}"
                    )
                    path = f"{key}[{position}].block_factors[{inner}].block_id"
                    yield Problem(name, message, path, None, "correct the block id")

    @rule("HW208", needs=(name,))
    def factor_once(parts: Parts) -> Iterator[Problem]:
        seen: set[tuple[int, int]] = set()
        for position, entry in enumerate(entries(parts)):
            entry_key = (getattr(entry, field), entry.stage_id)
            if entry_key in seen:
                message = (
                    f"expected one entry for {field} {entry_key[0]}, stage "
                    f"{entry_key[1]}, got several"
                )
                yield Problem(name, message, f"{key}[{position}]", None, "merge the entries")
            seen.add(entry_key)
            blocks = [block.block_id for block in entry.block_factors]
            if len(set(blocks)) < len(blocks):
                message = f"expected each block once, got {sorted(blocks)[:10]}"
                yield Problem(
                    name, message, f"{key}[{position}].block_factors", None, "remove the repetition"
                )


for _factor in FACTORS:
    _factor_rules(*_factor)


def _block_rule(kind: str, name: str) -> PartsCheck:
    def check(parts: Parts) -> Iterator[Problem]:
        yield from _row_blocks(parts, name)

    check.__name__ = f"{kind}_bound_block"
    check.__doc__ = f"Rows of {kind.replace('_', ' ')} bounds name blocks of their stage."
    return check


for _owner, _stage_table in EQUIPMENT.stage_tables:
    if _owner.by_block(_stage_table):
        rule("HW301", needs=(_stage_table.file, "stages.json"))(
            _block_rule(_owner.name, _stage_table.file)
        )


@rule("HW301", needs=("constraints/generic_constraint_bounds.parquet", "stages.json"))
def constraint_bound_block(parts: Parts) -> Iterator[Problem]:
    """Rows of constraint bounds name blocks of their stage."""
    yield from _row_blocks(parts, "constraints/generic_constraint_bounds.parquet")


def _row_blocks(parts: Parts, name: str) -> Iterator[Problem]:
    given = (row for row in parts.rows(name, ROW, "stage_id", "block_id") if row[2] is not None)
    for row, stage, block in sorted(given):
        n_blocks = parts.n_blocks.get(stage)
        if n_blocks is not None and block >= n_blocks:
            message = f"stage {stage} has blocks 0-{n_blocks - 1}, got block {block}"
            yield Problem(
                name, message, f"{_stem(name)}[{row}].block_id", None, "correct the block id"
            )


def _listed(parts: Parts, select: Callable[[Any], list[Any]]) -> list[Any]:
    return select(parts.initial) if parts.initial is not None else []


@rule("HW301", needs=("initial_conditions.json", "system/hydros.json"))
def initial_hydros(parts: Parts) -> Iterator[Problem]:
    """Initial conditions name hydros that exist."""
    ids = parts.ids("hydro")
    lists = ("storage", "filling_storage", "past_inflows", "recent_observations", "past_defluences")
    for key in lists:
        for position, entry in enumerate(getattr(parts.initial, key, ())):
            if entry.hydro_id not in ids:
                path = f"{key}[{position}].hydro_id"
                yield dangling(
                    "initial_conditions.json", path, None, "hydro_id", "hydro", entry.hydro_id, ids
                )


@rule("HW301", needs=("initial_conditions.json", "system/thermals.json"))
def initial_thermals(parts: Parts) -> Iterator[Problem]:
    """Committed deliveries name thermals that exist."""
    ids = parts.ids("thermal")
    for position, entry in enumerate(_listed(parts, lambda initial: initial.gnl_pipeline)):
        if entry.thermal_id not in ids:
            path = f"gnl_pipeline[{position}].thermal_id"
            yield dangling(
                "initial_conditions.json",
                path,
                None,
                "thermal_id",
                "thermal",
                entry.thermal_id,
                ids,
            )
