"""A case in other units.

Every cost, or every volume and flow, times a factor, consistently in all files of a directory.

What a number is multiplied by follows from its unit, which `headwater.case` knows for every key and
column: money stands in the numerator of costs; water in that of volumes, flows and areas, and in
the denominator of productivities and of costs of water. Power, energy, heights, hours and shares
stay as they are. The optimum is multiplied by the money factor alone, and so is every bound on the
way to it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from headwater.case import json_schemas
from headwater.case.manifest import DATA_SUFFIXES
from headwater.case.tables import TABLES
from headwater.core.units import unit_of
from headwater.model import parse_expression

POWERS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "$": (1, 0),
        "$/MWh": (1, 0),
        "$ per unit and hour": (1, 0),
        "$/(m3/s h)": (1, -1),
        "$/hm3": (1, -1),
        "1/$": (-1, 0),
        "$/(MW h)": (1, 0),
        "$ per unit of the stock": (1, 0),
        **dict.fromkeys(("unit of the stock", "unit of the stock per hour", "per unit"), (0, 0)),
        "hm3": (0, 1),
        "m3/s": (0, 1),
        "km2": (0, 1),  # hm3 per m of height
        "MW/(m3/s)": (0, -1),
        "MW/hm3": (0, -1),
        **dict.fromkeys(("MW", "MWh", "h", "s", "min", "MB", "%", "1/year", "m", "mm", ""), (0, 0)),
        **dict.fromkeys(("MW/h", "1/h", "degrees", "-", "MWh/MWh", "m3/s per hm3"), (0, 0)),
        "unit of the expression": (0, 0),  # coefficients of expressions are divided instead
    }
)
"""Unit -> the powers of money and of water in it."""

UNIT_OF_OTHERS = MappingProxyType(
    {
        "productivity_override": "MW/(m3/s)",
        "cost_scale": "$",
        "domination_epsilon": "$",
        "fallback_value": "$/hm3",
    }
)
"""Units of keys that neither their name nor the reference pages show."""

WATER_QUANTITIES = frozenset(
    {
        "hydro_storage", "hydro_turbined", "hydro_spillage", "hydro_diversion", "hydro_outflow",
        "hydro_evaporation", "hydro_withdrawal", "pumping_flow",
    }
)  # fmt: skip
"""Quantities of user constraints that are water; the others are power."""


def scale_case(source: Path, target: Path, money: float = 1.0, water: float = 1.0) -> Path:
    """Write the case ``source`` to ``target`` in other units.

    All costs are multiplied by ``money``, all volumes and flows by ``water``.

    Raises:
        ValueError: the case has numbers that cannot be scaled: power computed from head (the
            linearised one, or planes with an efficiency), which holds the weight of water; cuts of
            another policy; a unit that is not known here.
    """
    shutil.copytree(source, target)
    files = [path for path in sorted(target.rglob("*")) if path.suffix in DATA_SUFFIXES]
    documents = {
        path: json.loads(path.read_text(encoding="utf-8"))
        for path in files
        if path.suffix == ".json"
    }
    _refuse(documents, water)
    for path, document in documents.items():
        scaled = _scaled(document, "", money, water)
        path.write_text(json.dumps(scaled, indent=1), encoding="utf-8")
    for path in files:
        if path.suffix != ".json":
            _scale_table(path, money, water)
    return target


@cache
def declared_units() -> Mapping[str, str]:
    """Units of the keys and columns of a case that have one."""
    columns = {
        column.name: column.unit
        for table in TABLES.values()
        for column in table.columns
        if column.unit
    }
    return dict(_units_in(list(json_schemas().values()))) | columns


def _units_in(schema: Any) -> Iterator[tuple[str, str]]:
    if isinstance(schema, dict):
        for key, value in schema.get("properties", {}).items():
            if isinstance(value, dict) and "x-unit" in value:
                yield key, value["x-unit"]
    for below in (
        schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    ):
        yield from _units_in(below)


def factor_of(key: str, money: float, water: float) -> float:
    """What a number under this key is multiplied by."""
    unit = UNIT_OF_OTHERS.get(key) or declared_units().get(key) or unit_of(key)
    if unit not in POWERS:
        raise ValueError(
            f"the key '{key}' has the unit '{unit}', which says nothing about money and water here"
        )
    of_money, of_water = POWERS[unit]
    return money**of_money * water**of_water


def _refuse(documents: dict[Path, Any], water: float) -> None:
    text = json.dumps(list(documents.values()))
    if '"boundary"' in text:
        raise ValueError(
            "the case continues with cuts of another policy, which have units of their own"
        )
    by_head = '"linearized_head"' in text or ('"efficiency"' in text and '"computed"' in text)
    if water != 1.0 and by_head:
        raise ValueError(
            "the case computes power from head: the weight of water has a unit of its own"
        )


def _scaled(value: Any, key: str, money: float, water: float) -> Any:
    if isinstance(value, dict):
        if value.get("type") == "polynomial":
            powers = enumerate(value["coefficients"])
            return {**value, "coefficients": [number * water**-n for n, number in powers]}
        if value.get("type") == "gap" and "tolerance" in value:
            value = {**value, "tolerance": value["tolerance"] * money}
        return {name: _scaled(inner, name, money, water) for name, inner in value.items()}
    if isinstance(value, list):
        return [_scaled(inner, key, money, water) for inner in value]
    if key == "expression":
        return scaled_expression(value, water)
    if isinstance(value, int | float) and not isinstance(value, bool):
        factor = factor_of(key, money, water)
        return value if factor == 1.0 else value * factor
    return value


def scaled_expression(text: str, water: float) -> str:
    """A user constraint of the same meaning for quantities of water times ``water``."""
    expression = parse_expression(text)
    parts = []
    for term in expression.terms:
        coefficient = (
            term.coefficient / water if term.quantity in WATER_QUANTITIES else term.coefficient
        )
        block = "" if term.block_id is None else f", {term.block_id}"
        sign = "-" if coefficient < 0 else "+"
        parts.append(f"{sign} {abs(coefficient)!r} * {term.quantity}({term.entity_id}{block})")
    if expression.constant:
        parts.append(f"{'-' if expression.constant < 0 else '+'} {abs(expression.constant)!r}")
    return " ".join(parts)


def _scale_table(path: Path, money: float, water: float) -> None:
    text = path.suffix == ".csv"
    frame = pl.read_csv(path, infer_schema=False) if text else pl.read_parquet(path)
    factors = {
        name: factor_of(name, money, water) for name in frame.columns if not name.startswith("_")
    }
    frame = frame.with_columns(
        pl.col(name).cast(pl.Float64) * factor for name, factor in factors.items() if factor != 1.0
    )
    if text:
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
