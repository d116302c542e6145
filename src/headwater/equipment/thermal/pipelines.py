"""Plants whose dispatch is decided stages ahead (GNL).

And where their commitments stand in the state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError
from headwater.model import OperativeState, System

TOLERANCE_MW = 1e-6
"""Commitments of the initial pipeline may leave the limits of their stage by this much."""


@dataclass(frozen=True)
class Pipeline:
    """The commitments of one plant.

    ``lag`` numbers in the state, for this stage, the next, and so on.

    Attributes:
        thermal: position of the plant.
        thermal_id: its id.
        lag: stages between order and delivery.
        first: place of its first commitment among all commitments.
    """

    thermal: int
    thermal_id: int
    lag: int
    first: int


def gnl_pipelines(system: System) -> tuple[Pipeline, ...]:
    """Pipelines of all plants with a dispatch lag, by ascending id.

    Plants that exist at no study stage have none.
    """
    pipelines: list[Pipeline] = []
    first = 0
    states = system.operative_states["thermals"]
    for j, thermal in enumerate(system.thermals):
        if thermal.gnl_lag_stages is None or not (states[j] == OperativeState.OPERATING).any():
            continue
        if thermal.gnl_lag_stages < 1:
            raise ModelError(
                f"thermal {thermal.id}: the dispatch lag must be at least one stage, got "
                f"{thermal.gnl_lag_stages}"
            )
        pipelines.append(Pipeline(j, thermal.id, thermal.gnl_lag_stages, first))
        first += thermal.gnl_lag_stages
    return tuple(pipelines)


def order_limits_mw(system: System, j: int, visit: int) -> tuple[float, float]:
    """Least and greatest flat power of plant ``j`` at a visit of a stage.

    Within its limits in every block.

    Visits are counted from the first stage of the study; where the horizon repeats, they go on
    beyond the last one. Zero where the plant does not exist or the horizon has ended.
    """
    if visit >= len(system.stages) and not system.horizon.is_cyclic:
        return 0.0, 0.0
    stage = system.horizon.position(visit)
    if system.operative_states["thermals"][j, stage] != OperativeState.OPERATING:
        return 0.0, 0.0
    n_blocks = len(system.stages[stage].blocks)
    limits = system.bounds.thermal
    capacity = sum(segment.capacity_mw for segment in system.thermals[j].cost_segments)
    least = float(limits.min_generation_mw[j, stage, :n_blocks].max())
    greatest = min(float(limits.max_generation_mw[j, stage, :n_blocks].min()), capacity)
    if least > greatest + TOLERANCE_MW:
        raise ModelError(
            f"thermal {system.thermals[j].id} is dispatched ahead with the same power in all "
            f"blocks, but its limits at stage {system.stages[stage].id} leave no such power "
            f"({least:g} to {greatest:g} MW)"
        )
    return least, max(least, greatest)


def initial_commitments_mw(system: System) -> NDArray[np.float64]:
    """Commitments before the first stage, ``[commitment]``, from the initial pipeline.

    Raises:
        ModelError: an offset is missing or does not belong to the plant, or a commitment lies
            outside the limits of its stage.
    """
    given = dict(system.initial.gnl_pipeline_mw)
    values: list[float] = []
    for pipeline in gnl_pipelines(system):
        for offset in range(1, pipeline.lag + 1):
            power = given.pop((pipeline.thermal_id, offset), None)
            if power is None:
                raise ModelError(
                    f"the initial GNL pipeline has no commitment of thermal {pipeline.thermal_id} "
                    f"for study stage {offset} (it needs offsets 1 to {pipeline.lag})"
                )
            least, greatest = order_limits_mw(system, pipeline.thermal, offset - 1)
            if not least - TOLERANCE_MW <= power <= greatest + TOLERANCE_MW:
                raise ModelError(
                    f"the initial GNL pipeline commits thermal {pipeline.thermal_id} to {power:g} "
                    f"MW for study stage {offset}, outside its limits there ({least:g} to "
                    f"{greatest:g} MW)"
                )
            values.append(min(max(float(power), least), greatest))
    if given:
        thermal_id, offset = min(given)
        raise ModelError(
            f"the initial GNL pipeline has an entry for thermal {thermal_id} at offset {offset}, "
            "which no thermal with such a dispatch lag asks for"
        )
    return np.array(values, np.float64)
