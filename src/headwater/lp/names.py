"""Names of columns and rows as a planner would say them: ``storage[Sobradinho]``, ``load_balance[north,0]``.

Names are made from the families of a template when somebody asks for them; solving never needs them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from headwater.core.program import ABSENT
from headwater.equipment.context import StageContext
from headwater.equipment.user_constraints import rows_of_stage
from headwater.lp.future_cost import future_families
from headwater.lp.template import StageTemplate
from headwater.model import InflowNonNegativity, System

_UNSAFE = re.compile(r"[^\w.\-]+")

_COLUMN_NAMES = {
    "inflow": "natural_inflow",
    "inflow_lag": "past_inflow",
    "memory": "next_past_inflow",
    "inflow_slack": "bought_water",
}
"""Families of columns with another name for people: readers of the LP format take names in ``inf...`` for infinity."""

_ROW_NAMES = {
    "water_balance": "balance",
    "block_water_balance": "balance",
    "load": "load_balance",
    "inflow": "natural_inflow",
    "lag_fixing": "past_inflow",
    "gnl_fixing": "gnl_commitment",
    "memory": "next_past_inflow",
    "fpha": "plane",
    "generic": "constraint",
}
"""Families of rows whose name for people differs."""

_HYDRO = (
    "storage",
    "block_storage",
    "inflow",
    "turbined",
    "spillage",
    "diversion",
    "generation",
    "negative_generation",
    "withdrawal_short",
    "withdrawal_beyond",
    "inflow_slack",
    "storage_slack",
    "filling_slack",
    "retention_slack",
    "turbined_slack",
    "outflow_below_slack",
    "outflow_above_slack",
    "generation_slack",
    "evaporation",
    "evaporation_short",
    "evaporation_beyond",
    "water_balance",
    "block_water_balance",
    "fpha",
    "min_storage",
    "min_turbined",
    "min_outflow",
    "max_outflow",
    "min_generation",
    "filling_retention",
    "filling_target",
)
_KIND = {
    **dict.fromkeys(_HYDRO, "hydros"),
    **dict.fromkeys(("thermal_segment",), "thermals"),
    **dict.fromkeys(("line_direct", "line_reverse"), "lines"),
    **dict.fromkeys(("deficit", "excess", "load"), "buses"),
    **dict.fromkeys(("contract",), "contracts"),
    **dict.fromkeys(("pumping",), "pumping_stations"),
    **dict.fromkeys(("ncs_generation", "ncs_curtailment", "availability"), "non_controllables"),
}
"""Family -> kind of entity of its first index."""


def labels(entities: Sequence[Any]) -> list[str]:
    """A label for each entity: its name where it has one of its own, else its id."""
    cleaned = [_UNSAFE.sub("_", entity.name).strip("_") for entity in entities]
    return [
        name if name and cleaned.count(name) == 1 else (f"{name}#{entity.id}" if name else str(entity.id))
        for name, entity in zip(cleaned, entities, strict=True)
    ]


def column_names(system: System, template: StageTemplate) -> list[str]:
    """A name for every column of the template, all different."""
    names = [""] * template.n_columns
    if template.outlook is None:
        names[template.theta] = "future_cost"
    _fill(names, template.columns, _labellers(system, template), _COLUMN_NAMES)
    return names


def row_names(system: System, template: StageTemplate) -> list[str]:
    """A name for every row of the template, all different."""
    names = [""] * template.n_static
    _fill(names, template.rows, _labellers(system, template), _ROW_NAMES)
    return names


Labeller = Callable[[str, tuple[int, ...]], list[str]]


def _fill(names: list[str], families: Mapping[str, Any], label: Labeller, renamed: Mapping[str, str]) -> None:
    for family, positions in families.items():
        for index in np.ndindex(positions.shape):
            if positions[index] != ABSENT:
                labelled = ",".join(label(family, index))
                names[positions[index]] = f"{renamed.get(family, family)}[{labelled}]" if labelled else family


def _labellers(system: System, template: StageTemplate) -> Labeller:
    kinds = {kind: labels(getattr(system, kind)) for kind in set(_KIND.values())}
    psi = np.zeros((template.n_hydros, template.n_lags))
    ctx = StageContext(system=system, t=template.t, psi=psi, inflow_method=InflowNonNegativity.NONE)
    constraints = labels(system.generic_constraints)
    generic = [[constraints[row.constraint], *([] if row.block is None else [str(row.block)])] for row in rows_of_stage(ctx)]
    thermals = labels(system.thermals)
    pipelines = [thermals[pipeline.thermal] for pipeline in ctx.pipelines]
    commitments = [[thermals[p.thermal], str(i + 1)] for p in ctx.pipelines for i in range(p.lag)]
    future = {} if template.outlook is None else future_families(template.outlook)

    def label(family: str, index: tuple[int, ...]) -> list[str]:
        if family in ("inflow_lag", "lag_fixing", "memory"):
            beyond = index[0] - template.n_past_inflows
            return [kinds["hydros"][index[1]], str(index[0] + 1) if beyond < 0 else f"gathered{beyond + 1}"]
        if family in future:
            return [str(index[0])] if future[family] else []
        if family in ("gnl_commitment", "gnl_fixing"):
            return commitments[index[0]]
        if family in ("gnl_order", "gnl_coupling"):
            return [pipelines[index[0]], *(str(i) for i in index[1:])]
        if family in ("generic", "generic_slack", "generic_slack_minus"):
            return generic[index[0]]
        rest = [str(i) for i in index[1:]]
        if family == "block_water_balance":
            rest = [str(index[1] + 1)]
        return [kinds[_KIND[family]][index[0]], *rest]

    return label
