"""Which limits a solution broke and by how much: the slacks of a stage, plant by plant."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headwater.arrays import Array, FrozenDict
from headwater.equipment import user_constraint as generic
from headwater.equipment.reading import StageReader, StageSolutions

SMALL_VIOLATION = 1e-6
"""A violation up to this, in its unit or as a share of the limit, is noise of the solver."""

VIOLATION_FAMILIES: Mapping[str, tuple[str, ...]] = FrozenDict(
    {
        "filling_target": ("filling_slack",),
        "storage_below_minimum": ("storage_slack",),
        "bought_inflow": ("inflow_slack",),
        "filling_inflow": ("retention_slack",),
        "outflow_below_minimum": ("outflow_below_slack",),
        "outflow_above_maximum": ("outflow_above_slack",),
        "turbined_below_minimum": ("turbined_slack",),
        "generation_below_minimum": ("generation_slack",),
        "evaporation": ("evaporation_short", "evaporation_beyond"),
        "withdrawal": ("withdrawal_short", "withdrawal_beyond"),
    }
)
"""Kind of violation of a hydro plant -> the families of slacks that measure it, the gravest kind
first.
"""

USER_CONSTRAINT = "user_constraint"
"""Kind of violation whose entities are user constraints."""


def violations(read: StageReader, s: StageSolutions) -> dict[str, Array]:
    """Kind -> by how much limits are broken, ``[scenario, entity]``; 0 where they hold.

    Entities are the hydros, and for `USER_CONSTRAINT` the constraints of the system. Of several
    blocks or rows the worst counts.
    """
    found = {
        kind: sum(
            (_of_family(read, s, family) for family in families),
            start=np.zeros((len(s.primal), read.ctx.n_hydros)),
        )
        for kind, families in VIOLATION_FAMILIES.items()
    }
    constraints = read.system.generic_constraints
    if constraints:
        slack = _of_family(read, s, "generic_slack") + _of_family(read, s, "generic_slack_minus")
        by_constraint = np.zeros((len(s.primal), len(constraints)))
        for r, row in enumerate(generic.rows_of_stage(read.ctx)):
            np.maximum(
                by_constraint[:, row.constraint], slack[:, r], out=by_constraint[:, row.constraint]
            )
        found[USER_CONSTRAINT] = by_constraint
    return found


def _of_family(read: StageReader, s: StageSolutions, family: str) -> Array:
    """``[scenario, entity]`` values of a family without what is noise.

    Of several blocks the largest.
    """
    positions = read.template.columns[family]
    values = read.stage_values(s, family)
    limit = np.where(positions >= 0, read.template.column_upper[positions], 1.0)
    least = SMALL_VIOLATION * np.where(np.isfinite(limit), np.maximum(limit, 1.0), 1.0)
    broken: Array = np.where(values > least, values, 0.0)
    worst: Array = broken if broken.ndim == 2 else broken.max(axis=2, initial=0.0)
    return worst
