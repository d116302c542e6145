"""A policy in memory: the cuts of every stage and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headwater.errors import PolicyError
from headwater.sddp.cuts import CutPool
from headwater.solver import Basis

if TYPE_CHECKING:
    from headwater.model import Study
    from headwater.sddp.records import TrainingRecord
    from headwater.sddp.training_state import StoredTraining

LAYOUT_VERSION = 1
"""Version of the state order: storages, lags (lag-major, by hydro id), commitments by thermal id, then accumulators."""


@dataclass(frozen=True)
class StateLayout:
    """What each component of the state is.

    Attributes:
        hydro_ids: ids of all hydros, ascending.
        n_lags: inflow lags kept for every hydro.
        commitments: thermal id and lag in stages of every plant whose dispatch is decided ahead, ascending.
        n_accumulators: accumulators of inflow kept for every hydro, in studies whose stages are not one season period each.
    """

    hydro_ids: tuple[int, ...]
    n_lags: int
    commitments: tuple[tuple[int, int], ...] = ()
    n_accumulators: int = 0

    @property
    def n_hydros(self) -> int:
        """Number of hydros."""
        return len(self.hydro_ids)

    @property
    def n_commitments(self) -> int:
        """Commitments of all plants dispatched ahead."""
        return sum(lag for _, lag in self.commitments)

    @property
    def dimension(self) -> int:
        """Length of the state: ``n_hydros * (1 + n_lags + n_accumulators)`` and the commitments."""
        return self.n_hydros * (1 + self.n_lags + self.n_accumulators) + self.n_commitments

    @cached_property
    def memory_places(self) -> NDArray[np.int64]:
        """Places of what is remembered of inflows, ``[component, hydro]``: lags, the most recent first, then accumulators."""
        n_components = self.n_lags + self.n_accumulators
        places = self.n_hydros + np.arange(n_components * self.n_hydros).reshape(n_components, self.n_hydros)
        places[self.n_lags :] += self.n_commitments
        return places

    @property
    def commitment_places(self) -> slice:
        """Places of the commitments."""
        first = self.n_hydros * (1 + self.n_lags)
        return slice(first, first + self.n_commitments)

    def describe(self) -> list[dict[str, Any]]:
        """One record per component: kind, hydro or thermal id, lag (1-based, not for storages), unit."""
        storages: list[dict[str, Any]] = [
            {"dimension": i, "kind": "storage", "hydro_id": hydro_id, "unit": "hm3"}
            for i, hydro_id in enumerate(self.hydro_ids)
        ]
        lags: list[dict[str, Any]] = [
            {
                "dimension": int(self.memory_places[lag, i]),
                "kind": "inflow_lag",
                "hydro_id": hydro_id,
                "lag": lag + 1,
                "unit": "m3/s",
            }
            for lag in range(self.n_lags)
            for i, hydro_id in enumerate(self.hydro_ids)
        ]
        accumulators: list[dict[str, Any]] = [
            {
                "dimension": int(self.memory_places[self.n_lags + place, i]),
                "kind": "inflow_accumulator",
                "hydro_id": hydro_id,
                "place": place + 1,
                "unit": "m3/s",
            }
            for place in range(self.n_accumulators)
            for i, hydro_id in enumerate(self.hydro_ids)
        ]
        places = [(thermal_id, i + 1) for thermal_id, lag in self.commitments for i in range(lag)]
        commitments: list[dict[str, Any]] = [
            {
                "dimension": self.commitment_places.start + i,
                "kind": f"gnl_commitment_{position}",
                "thermal_id": thermal_id,
                "lag": position,
                "unit": "MW",
            }
            for i, (thermal_id, position) in enumerate(places)
        ]
        return storages + lags + commitments + accumulators


@dataclass(frozen=True)
class PolicyStage:
    """What a policy knows of a stage, so that it can be checked against a case.

    Attributes:
        production: production kind of each hydro at the stage, by ascending id.
    """

    stage_id: int
    start_date: date
    end_date: date
    season_id: int | None
    block_hours: tuple[float, ...]
    production: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """The learned future-cost functions of a study.

    Pool ``t`` bounds the cost of everything after stage ``t`` as a function of the state that leaves stage ``t``; the pool of
    the last stage is empty.

    Attributes:
        layout: meaning of the state components.
        stages: one record per study stage.
        pools: one cut pool per study stage.
        bases: per stage, the basis that the last forward solve of the first trajectory ended with: where simulation starts, so
            that ties between optimal decisions are broken as in training; ``None`` where there is none.
        inflow_digest: digest of the inflow model (psi, base, sigma), compared when a policy is reused.
        lower_bound: last lower bound in $.
        n_iterations: iterations trained.
        training: trace of the training that made it; ``None`` for a policy read from disk.
        study: the study it was trained on; ``None`` for a policy read from disk.
        progress: where the training stands, to go on from; ``None`` where that is not known.
        fingerprint: what the training depends on, part by part, see `headwater.sddp.fingerprint`.
        provenance: anything worth recording with it (versions, seeds, digests); JSON-compatible.
    """

    layout: StateLayout
    stages: tuple[PolicyStage, ...]
    pools: tuple[CutPool, ...]
    inflow_digest: str
    lower_bound: float
    n_iterations: int
    bases: tuple[Basis | None, ...] = ()
    training: TrainingRecord | None = None
    study: Study | None = None
    progress: StoredTraining | None = None
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def stage_position(self, stage_id: int) -> int:
        """Position of a stage id.

        Raises:
            PolicyError: the policy has no such stage.
        """
        for position, stage in enumerate(self.stages):
            if stage.stage_id == stage_id:
                return position
        raise PolicyError(
            f"the policy has no stage {stage_id} (it has {self.stages[0].stage_id} to {self.stages[-1].stage_id})"
        )

    def value(self, stage_id: int, state: NDArray[np.float64]) -> float:
        """Expected cost in $ of all stages after ``stage_id`` when that stage ends in ``state`` ``[dimension]``.

        It is seen from the start of the next stage (not discounted to ``stage_id``) and is a lower bound of the true cost. The
        last stage has no future: 0.
        """
        position = self.stage_position(stage_id)
        if position == len(self.stages) - 1 and not self.pools[position].n_populated:
            return 0.0
        return self.pools[position].value(self._checked(state))[0]

    def water_values(self, stage_id: int, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """Worth of one more hm3 in each reservoir at the end of ``stage_id``, ``[hydro]`` in $/hm3."""
        position = self.stage_position(stage_id)
        _, slot = self.pools[position].value(self._checked(state))
        if slot < 0:
            return np.zeros(self.layout.n_hydros)
        storage_slopes: NDArray[np.float64] = -self.pools[position].coefficients[slot, : self.layout.n_hydros]
        return storage_slopes

    def _checked(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        array = np.asarray(state, np.float64)
        if array.shape != (self.layout.dimension,):
            raise PolicyError(f"the state needs {self.layout.dimension} components, got shape {array.shape}")
        return array

    def __repr__(self) -> str:
        n_cuts = sum(len(pool.active_slots()) for pool in self.pools)
        return (
            f"<Policy: {len(self.stages)} stages, {n_cuts} cuts, {self.layout.n_hydros} hydros, {self.layout.n_lags} lags, "
            f"lower bound {self.lower_bound:,.2f} after {self.n_iterations} iterations>"
        )
