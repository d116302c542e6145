"""Names of columns and rows as a planner would say them.

They look like ``storage[Sobradinho]`` and ``load_balance[north,0]``.

Names are made from the families of a template when somebody asks for them; solving never needs
them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headwater.core.equipment import EQUIPMENT
from headwater.core.ids import ABSENT
from headwater.core.parts import Labeller
from headwater.equipment.context import StageContext
from headwater.lp.future_cost import future_families
from headwater.lp.template import StageTemplate
from headwater.model import InflowNonNegativity, System

_UNSAFE = re.compile(r"[^\w.\-]+")


def labels(entities: Sequence[Any]) -> list[str]:
    """A label for each entity: its name where it has one of its own, else its id."""
    cleaned = [_UNSAFE.sub("_", entity.name).strip("_") for entity in entities]
    return [
        name
        if name and cleaned.count(name) == 1
        else (f"{name}#{entity.id}" if name else str(entity.id))
        for name, entity in zip(cleaned, entities, strict=True)
    ]


def column_names(system: System, template: StageTemplate) -> list[str]:
    """A name for every column of the template, all different."""
    names = [""] * template.n_columns
    if template.outlook is None:
        names[template.theta] = "future_cost"
    _fill(names, template.columns, system, template, is_row=False)
    return names


def row_names(system: System, template: StageTemplate) -> list[str]:
    """A name for every row of the template, all different."""
    names = [""] * template.n_static
    _fill(names, template.rows, system, template, is_row=True)
    return names


def _fill(
    names: list[str],
    families: Mapping[str, Any],
    system: System,
    template: StageTemplate,
    *,
    is_row: bool,
) -> None:
    psi = np.zeros((template.n_hydros, template.n_lags))
    n_accumulators = template.n_lags - template.n_past_inflows
    method = InflowNonNegativity.NONE
    ctx = StageContext(
        system=system, t=template.t, psi=psi, inflow_method=method, n_accumulators=n_accumulators
    )
    future = {} if template.outlook is None else future_families(template.outlook)
    for name, positions in families.items():
        shown, label = name, _by_index(counted=future.get(name, True))
        if (name, is_row) in EQUIPMENT.families:
            part, family = EQUIPMENT.families[name, is_row]
            entities = labels(getattr(system, part.collection))
            shown = family.shown or name
            label = _by_entity(entities) if family.labels is None else family.labels(ctx, entities)
        for index in np.ndindex(positions.shape):
            if positions[index] != ABSENT:
                labelled = ",".join(label(index))
                names[positions[index]] = f"{shown}[{labelled}]" if labelled else shown


def _by_index(*, counted: bool) -> Labeller:
    """Labels of what belongs to no entity, by its indices where they count."""
    return lambda index: [str(i) for i in index] if counted else []


def _by_entity(entities: Sequence[str]) -> Labeller:
    return lambda index: [entities[index[0]], *map(str, index[1:])]
