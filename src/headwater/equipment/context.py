"""What an equipment module needs to know about the stage it is building."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Indices
from headwater.core.state import StateLayout
from headwater.equipment.thermal.pipelines import Pipeline, gnl_pipelines
from headwater.model import (
    HM3_PER_M3S_HOUR,
    BlockMode,
    InflowNonNegativity,
    OperativeState,
    Stage,
    System,
)

T = TypeVar("T")

_OPERATING, _FILLING = int(OperativeState.OPERATING), int(OperativeState.FILLING)
_DECOMMISSIONED = int(OperativeState.DECOMMISSIONED)


@dataclass(frozen=True)
class StageContext:
    """One stage of a system, with the numbers that every formula uses.

    Attributes:
        system: the whole system.
        t: stage position.
        psi: ``[hydro, lag]`` autoregressive coefficients of the stage in m3/s per m3/s.
        inflow_method: treatment of negative inflow.
        memory: how past inflows move on: ``keep[hydro, after, before]`` and ``add[hydro, after]``,
            with ``after = keep @ before + add * inflow``; ``None`` where they grow older by one.
        fixed_productivity: ``[hydro]`` in MW per m3/s in place of that of the system, for plants
            without planes.
        n_accumulators: trailing lags that are not past inflows but what has been gathered of
            periods under way.
    """

    system: System
    t: int
    psi: NDArray[np.float64]
    inflow_method: InflowNonNegativity
    memory: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    fixed_productivity: NDArray[np.float64] | None = None
    n_accumulators: int = 0

    @cached_property
    def stage(self) -> Stage:
        """The stage."""
        return self.system.stages[self.t]

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(self.stage.blocks)

    @cached_property
    def block_hours(self) -> NDArray[np.float64]:
        """Duration of each block, ``[block]``."""
        return np.array([block.hours for block in self.stage.blocks])

    @cached_property
    def hours(self) -> float:
        """Duration of the stage."""
        return self.stage.hours

    @cached_property
    def block_hm3(self) -> NDArray[np.float64]:
        """hm3 of one m3/s held over each block, ``[block]``."""
        return HM3_PER_M3S_HOUR * self.block_hours

    @property
    def stage_hm3(self) -> float:
        """hm3 of one m3/s held over the stage."""
        return HM3_PER_M3S_HOUR * self.hours

    @property
    def n_hydros(self) -> int:
        """All hydros of the system: the state has the same shape at every stage."""
        return len(self.system.hydros)

    @property
    def n_lags(self) -> int:
        """Inflow lags in the state, accumulators included."""
        return int(self.psi.shape[1])

    @property
    def n_past_inflows(self) -> int:
        """Leading lags that are past inflows."""
        return self.n_lags - self.n_accumulators

    @cached_property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """Plants whose dispatch is decided ahead, with their places in the state."""
        return gnl_pipelines(self.system)

    @cached_property
    def layout(self) -> StateLayout:
        """What each component of the state is; the same at every stage."""
        return self.system.state_layout(self.n_past_inflows, self.n_accumulators)

    @property
    def chronological(self) -> bool:
        """Whether the blocks follow each other in time."""
        return self.stage.block_mode is BlockMode.CHRONOLOGICAL

    def kept(self, what: str, make: Callable[[StageContext], T]) -> T:
        """What a kind of equipment works out of the stage, made when it is first asked for."""
        if what not in self._kept:
            self._kept[what] = make(self)
        found: T = self._kept[what]
        return found

    @cached_property
    def _kept(self) -> dict[str, Any]:
        return {}

    def operating(self, kind: str, position: int) -> bool:
        """Whether an entity (``"hydros"``, ...) operates at this stage."""
        return self._states[kind][position] == _OPERATING

    def gone(self, kind: str, position: int) -> bool:
        """Whether an entity has left before this stage."""
        return self._states[kind][position] == _DECOMMISSIONED

    def bus(self, kind: str) -> Indices:
        """Position of the bus of every entity of a kind (``"batteries"``, ...)."""
        return self.system.network.bus[kind]

    def filling(self, h: int) -> bool:
        """Whether the reservoir of a plant is being filled for the first time."""
        return self._states["hydros"][h] == _FILLING

    def present(self, h: int) -> bool:
        """Whether a plant holds water at this stage: filling or operating."""
        return self._states["hydros"][h] in (_OPERATING, _FILLING)

    @cached_property
    def _states(self) -> dict[str, list[int]]:
        """Codes of operative states at this stage, as numbers.

        They are asked for thousands of times.
        """
        return {
            kind: codes[:, self.t].tolist() for kind, codes in self.system.operative_states.items()
        }

    def productivity(self, h: int) -> float:
        """Power per flow of a plant in MW per m3/s; 0 with planes."""
        if self.fixed_productivity is not None:
            return float(self.fixed_productivity[h])
        return self.system.production[h][self.t].productivity_mw_per_m3s

    def penalty(self, name: str, h: int) -> float:
        """A hydro cost at this stage, in the unit of `HydroPenalties`."""
        return float(self.system.resolved_penalties.hydro[name][h, self.t])
