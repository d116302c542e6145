"""Which limits a solution broke and by how much: the slacks of a stage, entity by entity."""

from __future__ import annotations

import numpy as np

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.equipment.reading import StageReader, StageSolutions

SMALL_VIOLATION = 1e-6
"""A violation up to this, in its unit or as a share of the limit, is noise of the solver."""


def violations(read: StageReader, s: StageSolutions) -> dict[str, Array]:
    """Name of a violation -> by how much limits are broken, ``[scenario, entity]``.

    0 where they hold. Of several blocks or rows the worst counts.
    """

    def counted(family: str) -> Array:
        return _of_family(read, s, family)

    found = {}
    for name, (part, violation) in EQUIPMENT.violations.items():
        n_entities = len(getattr(read.system, part.collection))
        if violation.measure is None:
            nothing = np.zeros((len(s.primal), n_entities))
            found[name] = sum(map(counted, violation.families), start=nothing)
        elif n_entities:
            found[name] = violation.measure(read, counted)
    return found


def _of_family(read: StageReader, s: StageSolutions, family: str) -> Array:
    """``[scenario, entity]`` values of a family without what is noise.

    Where there are several blocks, the largest value counts.
    """
    positions = read.template.columns[family]
    values = read.stage_values(s, family)
    limit = np.where(positions >= 0, read.template.column_upper[positions], 1.0)
    least = SMALL_VIOLATION * np.where(np.isfinite(limit), np.maximum(limit, 1.0), 1.0)
    broken: Array = np.where(values > least, values, 0.0)
    worst: Array = broken if broken.ndim == 2 else broken.max(axis=2, initial=0.0)
    return worst
