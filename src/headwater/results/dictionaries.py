"""What codes, ids, columns, limits and state components mean.

They are the dictionaries beside the results.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Equipment
from headwater.core.state import StateLayout, owner_of
from headwater.equipment.recorded_state import layout_version
from headwater.model import System
from headwater.model.water_energy import HM3_PER_M3S_HOUR, accumulated_productivity
from headwater.results.pieces import write_json, write_parquet
from headwater.results.schemas import CODES, SCHEMAS

_ENTITY_COLUMNS = ("entity_type_code", "entity_id", "name", "bus_id")


def write_dictionaries(directory: Path, system: System) -> None:
    """Write what codes, ids and columns mean."""
    directory.mkdir(parents=True, exist_ok=True)
    told = {"", *(part.name for part in EQUIPMENT.told_of(system))}
    chain = system.policy_graph.regimes
    regimes = {} if chain is None else {"regime": dict(enumerate(chain.names))}
    told |= set(regimes)
    kinds = {code: name for code, name in CODES["entity_type"].items() if name in told}
    limited = {str(one.code) for part in EQUIPMENT.told_of(system) for one in part.limits}
    bounds = {code: name for code, name in CODES["bound_type"].items() if code in limited}
    codes = {**CODES, "entity_type": kinds, "bound_type": bounds, **regimes}
    write_json(directory / "codes.json", codes)
    _write_csv(directory / "entities.csv", _ENTITY_COLUMNS, _entities(system))
    columns = [
        (schema.name, c.name, str(c.dtype), "yes" if c.nullable else "no", c.unit, c.description)
        for schema in SCHEMAS.values()
        for c in schema.columns
        if schema.kind in told and c.kind in told
    ]
    header = ("table", "column", "type", "nullable", "unit", "description")
    _write_csv(directory / "variables.csv", header, columns)
    write_json(directory / "topology.json", topology(system))


def _entities(system: System) -> list[tuple[Any, ...]]:
    return [
        (
            part.code,
            entity.id,
            entity.name,
            getattr(entity, "bus_id", entity.id if part.name == "bus" else ""),
        )
        for part in EQUIPMENT.by_code()
        for entity in getattr(system, part.collection)
    ]


def entities_frame(system: System) -> pl.DataFrame:
    """Kind, id, name and bus of every entity, as ``entities.csv`` has them."""
    types = dict(zip(_ENTITY_COLUMNS, (pl.Int64, pl.Int64, pl.String, pl.String), strict=True))
    rows = [(code, entity_id, name, str(bus)) for code, entity_id, name, bus in _entities(system)]
    return pl.DataFrame(rows, schema=types, orient="row")


def topology(system: System) -> dict[str, Any]:
    """What leads where: ends of lines, the plant below each plant, the direction of contracts.

    ``mwh_per_hm3`` of a plant is the energy that one hm3 makes in it and in all plants below, see
    `headwater.model.water_energy.accumulated_productivity`.
    """
    energy = accumulated_productivity(system) / HM3_PER_M3S_HOUR
    return {
        "hydros": [
            {"hydro_id": hydro.id, "downstream_id": hydro.downstream_id, "mwh_per_hm3": float(mwh)}
            for hydro, mwh in zip(system.hydros, energy, strict=True)
        ],
        "lines": [
            {
                "line_id": line.id,
                "source_bus_id": line.source_bus_id,
                "target_bus_id": line.target_bus_id,
            }
            for line in system.lines
        ],
        "contracts": [{"contract_id": one.id, "kind": one.kind.value} for one in system.contracts],
    }


def write_training_dictionaries(directory: Path, system: System, layout: StateLayout) -> None:
    """Write the same, the limits in force, and what the components of the state are."""
    write_dictionaries(directory, system)
    write_parquet(bounds_frame(system), directory / "bounds.parquet")
    write_json(directory / "state_dictionary.json", state_dictionary(layout))


def state_dictionary(layout: StateLayout) -> dict[str, Any]:
    """What every component of the state is, in order."""
    components = []
    for component in layout.describe():
        kind, entity_id = owner_of(component)
        entry = {
            "dimension_index": component["dimension"],
            "type": component["kind"],
            "entity_type": kind,
            "entity_id": entity_id,
        }
        if "lag" in component:
            entry["lag_index"] = component["lag"]
        components.append({**entry, "unit": component["unit"]})
    return {"version": 1, "layout_version": layout_version(layout), "state_variables": components}


def bounds_frame(system: System) -> pl.DataFrame:
    """Limits of every entity at every stage, with the overrides of single stages applied."""
    rows = [
        (code, entity_id, stage_id, block_id, bound, lower, None if np.isinf(upper) else upper)
        for code, entity_id, stage_id, block_id, bound, lower, upper in _bounds(system)
    ]
    schema = SCHEMAS["dictionaries/bounds"]
    frame = pl.DataFrame(rows, schema=dict(schema.polars_schema), orient="row")
    return frame.sort(schema.sort_keys, nulls_last=False, maintain_order=True)


def _bounds(system: System) -> Iterator[tuple[int | None, int, int, int | None, int, float, float]]:
    for part in EQUIPMENT:
        for limit in part.limits:
            values = system.values(part.entity)
            upper = values[limit.high]
            lower = values[limit.low] if limit.low else np.zeros_like(upper)
            yield from _rows_of(
                system, part, limit.code, -lower if limit.both_ways else lower, upper
            )


def _rows_of(
    system: System, part: Equipment, bound: int, lower: Array, upper: Array
) -> Iterator[tuple[int | None, int, int, int | None, int, float, float]]:
    for i, entity in enumerate(getattr(system, part.collection)):
        for t, stage in enumerate(system.stages):
            if upper.ndim == 2:
                low, high = float(lower[i, t]), float(upper[i, t])
                yield part.code, entity.id, stage.id, None, bound, low, high
                continue
            for k in range(len(stage.blocks)):
                low, high = float(lower[i, t, k]), float(upper[i, t, k])
                yield part.code, entity.id, stage.id, k, bound, low, high


FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a spreadsheet takes for the beginning of a formula, and the mark of a text."""


def guarded(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula.

    Those that begin like one get an apostrophe.
    """
    return f"'{text}" if text.startswith(FORMULA_BEGINNINGS) else text


def _write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(
        [guarded(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="\n")
