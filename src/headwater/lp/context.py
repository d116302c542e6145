"""What an equipment module needs to know about the stage it is building."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headwater.model import HM3_PER_M3S_HOUR, InflowNonNegativity, OperativeState, Stage, System


@dataclass(frozen=True)
class StageContext:
    """One stage of a system, with the numbers that every formula uses.

    Attributes:
        system: the whole system.
        t: stage position.
        psi: ``[hydro, lag]`` autoregressive coefficients of the stage in m3/s per m3/s.
        inflow_method: treatment of negative inflow.
        memory: how past inflows move on: ``keep[hydro, after, before]`` and ``add[hydro, after]``, with
            ``after = keep @ before + add * inflow``; ``None`` where they grow older by one.
    """

    system: System
    t: int
    psi: NDArray[np.float64]
    inflow_method: InflowNonNegativity
    memory: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    @property
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

    @property
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
        """Inflow lags in the state."""
        return int(self.psi.shape[1])

    def operating(self, kind: str, position: int) -> bool:
        """Whether an entity (``"hydros"``, ...) operates at this stage."""
        return bool(self.system.operative_states[kind][position, self.t] == OperativeState.OPERATING)
