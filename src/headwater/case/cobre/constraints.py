"""User constraints of the newer dialect, one for each expression and sense that it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from headwater.case.cobre.expressions import (
    Constraint,
    GrammarError,
    Selected,
    Sum,
    evaluate,
    parse,
)
from headwater.case.cobre.newer import PARAMETERS, Newer, Steps, number, objects, whole
from headwater.case.table_reader import ROW

_FILE = "constraints/generic_constraints.json"
_ROWS = "constraints/generic_constraint_bounds.parquet"
_HYDROS = "system/hydros.json"
_ROW_TYPES: dict[str, Any] = {
    "constraint_id": pl.Int64(),
    "stage_id": pl.Int64(),
    "block_id": pl.Int64(),
    "bound": pl.Float64(),
}


@dataclass
class _Parameters:
    """What the names in expressions stand for."""

    newer: Newer
    entries: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    named: dict[str, Constraint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        file = self.newer.raw.pop(PARAMETERS, {})
        for position, entry in objects(file.get("scalar_parameters")):
            if isinstance(entry.get("name"), str):
                self.entries[entry["name"]] = position, entry
        seasons = {
            stage["id"]: stage.get("season_id")
            for _, stage in self.newer.entries("stages.json", "stages")
            if whole(stage.get("id"))
        }
        self.season_of: Mapping[int, Any] = seasons

    def value(self, name: str, stage_id: int, block_id: int | None) -> float | None:
        """Value of a parameter at a stage; ``None`` where the name is that of an expression.

        Raises:
            GrammarError: the parameter has no value there, or is of a kind that is not known here.
        """
        if name not in self.entries:
            return None
        _, entry = self.entries[name]
        kind = entry.get("kind")
        where = stage_id if kind == "per_stage" else self.season_of.get(stage_id)
        found: Any = None
        if kind == "constant":
            found = entry.get("value")
        elif kind in ("per_stage", "seasonal"):
            found = _listed(entry.get("values"), (where,))
        elif kind == "per_stage_block":
            found = _listed(entry.get("block_values"), (stage_id, block_id))
        elif kind == "computed":
            found = self._computed(entry.get("computed_spec"))
        if not number(found):
            raise GrammarError(f"'@{name}', which has no value at stage {stage_id}")
        return float(found)

    def _computed(self, spec: Any) -> Any:
        """A figure of a plant."""
        tag = spec.get("tag") if isinstance(spec, dict) else None
        hydro: dict[str, Any] = next(
            (
                one
                for _, one in self.newer.entries(_HYDROS, "hydros")
                if isinstance(spec, dict) and one.get("id") == spec.get("hydro_id")
            ),
            {},
        )
        section, key = {
            "min_storage": ("reservoir", "min_storage_hm3"),
            "max_storage": ("reservoir", "max_storage_hm3"),
            "equivalent_productivity": ("generation", "productivity_mw_per_m3s"),
        }.get(tag or "", ("", ""))
        found = hydro.get(section)
        if not isinstance(found, dict) or not number(found.get(key)):
            raise GrammarError(f"the computed parameter '{tag}', which is not known here")
        return found[key]


def _listed(rows: Any, key: tuple[Any, ...]) -> Any:
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, list) and tuple(row[:-1]) == key:
            return row[-1]
    return None


def read_constraints(newer: Newer) -> None:
    """Rewrite user constraints and their rows."""
    parameters = _Parameters(newer)
    file = newer.raw.get(_FILE, {})
    table = newer.tables.get(_ROWS, pl.DataFrame())
    parameters.named = _named_expressions(newer, file.pop("expressions", None))
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in table.iter_rows(named=True):
        rows.setdefault(row["constraint_id"], []).append(row)
    known: list[Any] = [entry.get("id") for _, entry in newer.entries(_FILE, "constraints")]
    fresh = max((one for one in known if whole(one)), default=0) + 1
    made: list[dict[str, Any]] = []
    bounds: list[tuple[int, int, int | None, float]] = []
    for position, entry in newer.entries(_FILE, "constraints"):
        own = rows.pop(entry["id"], []) if whole(entry.get("id")) else []
        text = entry.get("expression")
        if "sense" in entry or not isinstance(text, str):
            made.append(entry)
            bounds += [_key(row, entry["id"], row["bound"]) for row in own]
            continue
        steps: Steps = ("constraints", position, "expression")
        try:
            parts = _parts(newer, steps, text, own, parameters)
        except GrammarError as error:
            fix = "correct the expression, e.g. '2 * hydro_turbined(0) <= 100'"
            message = f"the expression does not parse: it has {error}"
            newer.wrong("HW203", _FILE, steps, message, fix)
            continue
        for number_, ((expression, sense), limits) in enumerate(parts.items()):
            constraint_id = entry["id"] if number_ == 0 else fresh
            fresh += number_ > 0
            made.append({**entry, "id": constraint_id, "expression": expression, "sense": sense})
            bounds += [_key(row, constraint_id, bound) for row, bound in limits]
    for left in rows.values():
        bounds += [_key(row, row["constraint_id"], _only(row)) for row in left]
    if isinstance(file.get("constraints"), list):
        file["constraints"] = made
    if _ROWS in newer.tables:
        frame = pl.DataFrame(bounds, _ROW_TYPES, orient="row")
        newer.tables[_ROWS] = frame.with_columns(pl.Series(ROW, range(frame.height), pl.Int64()))


def _key(
    row: Mapping[str, Any], constraint_id: int, bound: Any
) -> tuple[int, int, int | None, float]:
    return constraint_id, row["stage_id"], row["block_id"], bound


def _only(row: Mapping[str, Any]) -> float:
    """Any limit of a row whose constraint does not exist, which is reported elsewhere."""
    given = [row[key] for key in ("bound", "bound_upper", "bound_lower") if row[key] is not None]
    return given[0] if given else 0.0


def _named_expressions(newer: Newer, given: Any) -> dict[str, Constraint]:
    named = {}
    for position, entry in objects(given):
        name, text = entry.get("name"), entry.get("expression")
        if isinstance(name, str) and isinstance(text, str):
            try:
                named[name] = parse(text)
            except GrammarError as error:
                steps = ("expressions", position, "expression")
                message = f"the expression does not parse: it has {error}"
                newer.wrong("HW203", _FILE, steps, message, "correct the expression")
                named[name] = Constraint(())
    return named


def _parts(
    newer: Newer,
    steps: Steps,
    text: str,
    rows: list[dict[str, Any]],
    parameters: _Parameters,
) -> dict[tuple[str, str], list[tuple[dict[str, Any], float]]]:
    """(Expression, sense) -> rows with their bounds.

    A limit in the expression counts from zero: what a row gives for the same end is added to it.
    """
    constraint = parse(text)
    _one_bus(newer, steps, constraint)
    simple = constraint.relation is None and not constraint.names
    found: dict[tuple[str, str], list[tuple[dict[str, Any], float]]] = {}
    for row in rows:

        def value(name: str, row: dict[str, Any] = row) -> float | None:
            return parameters.value(name, row["stage_id"], row["block_id"])

        both = evaluate(constraint.left, value, parameters.named)
        right = evaluate(constraint.right, value, parameters.named)
        limit = right.constant - both.constant
        both.add(right, -1.0)
        low, high = row["bound_lower"], row["bound_upper"]
        if constraint.relation is not None:
            if constraint.relation in ("<=", "=="):
                high = limit + (high or 0.0)
            if constraint.relation in (">=", "=="):
                low = limit + (low or 0.0)
        expression = text if simple else both.text
        _limits(newer, row, expression, (low, high), found)
    if not rows:  # without a row it holds nowhere, and is kept for its name
        found[_kept(constraint, text, simple)] = []
    return found


def _kept(constraint: Constraint, text: str, simple: bool) -> tuple[str, str]:
    if simple:
        return text, "<="
    total = Sum()
    for products, factor in ((constraint.left, 1.0), (constraint.right, -1.0)):
        total.add(evaluate(products, lambda _: 1.0, {}), factor)
    return total.text or "0", constraint.relation or "<="


def _limits(
    newer: Newer,
    row: dict[str, Any],
    expression: str,
    limits: tuple[float | None, float | None],
    found: dict[tuple[str, str], list[tuple[dict[str, Any], float]]],
) -> None:
    low, high = limits
    if low is None and high is None:
        entity = f"Constraint {row['constraint_id']}, stage {row['stage_id']}"
        message = "expected 'bound_lower' or 'bound_upper', got neither"
        newer.collector.error("HW201", newer.shown(_ROWS), message, entity=entity, fix="add one")
    elif low == high and low is not None:
        found.setdefault((expression, "=="), []).append((row, low))
    else:
        if high is not None:
            found.setdefault((expression, "<="), []).append((row, high))
        if low is not None:
            found.setdefault((expression, ">="), []).append((row, low))


def _one_bus(newer: Newer, steps: Steps, constraint: Constraint) -> None:
    """A plant has one bus here, so that naming it says nothing more."""
    buses = {hydro.get("id"): hydro.get("bus_id") for _, hydro in newer.entries(_HYDROS, "hydros")}
    for _, factors in (*constraint.left, *constraint.right):
        for one in factors:
            if isinstance(one, Selected) and buses.get(one.reference[1]) != one.bus_id:
                message = f"'bus={one.bus_id}': a part of a plant is not part of the model here"
                newer.refuse(_FILE, steps, message, "name the whole plant")
