"""A policy in memory: the cuts of every stage and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater.core.state import StateLayout
from headwater.core.wording import listed
from headwater.errors import PolicyError, UsageError
from headwater.lp import Outlook
from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.cuts.risk import weigh
from headwater.sddp.cuts.table import Cuts
from headwater.solver import Basis

if TYPE_CHECKING:
    from headwater.model import Study
    from headwater.sddp.records.stored_training import StageArrays, StoredTraining
    from headwater.sddp.records.training import TrainingRecord


@dataclass(frozen=True)
class PolicyStage:
    """What a policy knows of a stage, so that it can be checked against a case.

    Attributes:
        production: production kind of each hydro at the stage, by ascending id.
        outlook: openings of the stage that follows and its risk measure: how cuts of single
            openings add up; ``None`` where nothing follows.
        digest: digest of all that the cost of the stage depends on, see `stage_digests`; empty
            where it is not known.
    """

    stage_id: int
    start_date: date
    end_date: date
    season_id: int | None
    block_hours: tuple[float, ...]
    production: tuple[str, ...]
    outlook: Outlook | None = None
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Policy:
    """The learned future-cost functions of a study.

    Pool ``t`` bounds the cost of everything after stage ``t`` as a function of the state that
    leaves stage ``t``; the pool of the last stage is empty where nothing follows it.

    Attributes:
        layout: meaning of the state components.
        stages: one record per study stage.
        pools: one cut pool per study stage.
        bases: per stage, the basis that the last forward solve of the first trajectory ended with:
            where simulation starts, so that ties between optimal decisions are broken as in
            training; ``None`` where there is none.
        inflow_digest: digest of the inflow model (psi, base, sigma), compared when a policy is
            reused.
        lower_bound: last lower bound in $.
        n_iterations: iterations trained.
        reason: why training ended: a stopping rule, ``shutdown`` when it was interrupted,
            ``error``, or ``checkpoint`` while it was under way; empty where that is not known.
        training: trace of the training that made it; ``None`` for a policy read from disk.
        study: the study it was trained on; ``None`` for a policy read from disk.
        progress: where the training stands, to go on from; ``None`` where that is not known.
        inflow: inflow model of every stage as named arrays, see `inflow_arrays`; empty where it is
            not known.
        fingerprint: what the training depends on, part by part, see
            `headwater.sddp.training.fingerprint`.
        provenance: anything worth recording with it (versions, seeds, digests); JSON-compatible.
        regimes: the policy of every regime, each with pools of its own; none without regimes. The
            other fields are then those of the first regime.
        regime: name of the regime that the pools belong to; empty without regimes.
    """

    layout: StateLayout
    stages: tuple[PolicyStage, ...]
    pools: tuple[CutPool, ...]
    inflow_digest: str
    lower_bound: float
    n_iterations: int
    bases: tuple[Basis | None, ...] = ()
    reason: str = ""
    training: TrainingRecord | None = None
    study: Study | None = None
    progress: StoredTraining | None = None
    inflow: tuple[StageArrays, ...] = ()
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    regimes: tuple[Policy, ...] = ()
    regime: str = ""

    @property
    def all_pools(self) -> tuple[CutPool, ...]:
        """The cut pools of all stages and regimes."""
        return tuple(pool for one in self.regimes or (self,) for pool in one.pools)

    def in_regime(self, name: str | None) -> Policy:
        """What was learned for a regime.

        Args:
            name: of the regime; ``None`` in a policy without regimes.

        Raises:
            UsageError: it has no such regime, or it has regimes and none is named.
        """
        names = [one.regime for one in self.regimes]
        if not names and name in (None, self.regime):
            return self
        if name is None or name not in names:
            told = "" if name is None else f", got '{name}'"
            known = (
                f"its future cost depends on the regime: expected one of {listed(names)}"
                if names
                else "it has no regimes: expected none"
            )
            raise UsageError(f"policy.in_regime(NAME): {known}{told}")
        return self.regimes[names.index(name)]

    def stage_position(self, stage_id: int) -> int:
        """Position of a stage id.

        Raises:
            UsageError: the policy has no such stage.
        """
        for position, stage in enumerate(self.stages):
            if stage.stage_id == stage_id:
                return position
        raise UsageError(
            f"the policy has no stage {stage_id} (it has {self.stages[0].stage_id} to "
            f"{self.stages[-1].stage_id})"
        )

    def value(
        self, stage_id: int, state: NDArray[np.float64], *, regime: str | None = None
    ) -> float:
        """Expected cost in $ of all stages after ``stage_id``.

        That stage ends in ``state`` ``[dimension]``.

        It is seen from the start of the next stage (not discounted to ``stage_id``) and is a lower
        bound of the true cost. The last stage has no future (0), unless the horizon repeats or cuts
        of another policy value it. ``regime`` is the one that rules in that stage.
        """
        return self.in_regime(regime)._tangent(stage_id, state)[0]

    def water_values(
        self, stage_id: int, state: NDArray[np.float64], *, regime: str | None = None
    ) -> NDArray[np.float64]:
        """Water value of each reservoir at the end of ``stage_id``, ``[hydro]`` in $/hm3."""
        slope = self.in_regime(regime)._tangent(stage_id, state)[1]
        return -slope[self.layout.span("storage")] + 0.0

    @property
    def outlooks(self) -> tuple[Outlook | None, ...]:
        """How cuts of single openings add up, per stage."""
        return tuple(stage.outlook for stage in self.stages)

    def _tangent(
        self, stage_id: int, state: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64]]:
        """Future cost after a stage and its slope ``[dimension]``.

        0 after a last stage without cuts.
        """
        position = self.stage_position(stage_id)
        pool, checked = self.pools[position], self._checked(state)
        if position == len(self.stages) - 1 and not pool.n_populated:
            return 0.0, np.zeros(self.layout.dimension)
        return tangent(pool, checked, self.stages[position].outlook)

    def cuts(self, stage_id: int, *, inactive: bool = False, regime: str | None = None) -> Cuts:
        """The cuts that bound what follows ``stage_id``, as arrays.

        `Cuts.frame` gives them as a table.

        Args:
            stage_id: the stage.
            inactive: whether to include cuts that were deactivated.
            regime: the one that rules in the stage, where the policy has regimes.

        Raises:
            UsageError: the policy has no such stage or regime.
        """
        pool = self.in_regime(regime).pools[self.stage_position(stage_id)]
        return Cuts(pool, self.layout, stage_id, inactive=inactive)

    def cuts_frame(self, *, inactive: bool = False) -> pl.DataFrame:
        """The cuts of all stages in one table, see `Cuts.frame`.

        Args:
            inactive: whether to include cuts that were deactivated.

        Examples:
            >>> policy.cuts_frame()
        """
        frames = [
            one._own_cuts(stage.stage_id, inactive).with_columns(
                *([pl.lit(one.regime).alias("regime")] if self.regimes else [])
            )
            for one in self.regimes or (self,)
            for stage in self.stages
        ]
        return pl.concat(frames)

    def _own_cuts(self, stage_id: int, inactive: bool) -> pl.DataFrame:
        pool = self.pools[self.stage_position(stage_id)]
        return Cuts(pool, self.layout, stage_id, inactive=inactive).frame()

    def state(
        self, values: Mapping[str, float], otherwise: float | None = None
    ) -> NDArray[np.float64]:
        """A state ``[dimension]`` from values by name.

        Args:
            values: name of a component, see `StateLayout.names`, -> hm3, m3/s or MW.
            otherwise: value of components that are not named; ``None`` requires all.

        Raises:
            UsageError: an unknown name, or a component without value.
        """
        names = self.layout.names
        unknown = sorted(values.keys() - set(names))
        if unknown:
            raise UsageError(f"the state has no component '{unknown[0]}'; it has {listed(names)}")
        missing = [name for name in names if name not in values]
        if missing and otherwise is None:
            raise UsageError(f"no value is given for {listed(missing)}")
        return np.array([values.get(name, otherwise) for name in names], np.float64)

    def _checked(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        array = np.asarray(state, np.float64)
        if array.shape != (self.layout.dimension,):
            raise UsageError(
                f"the state needs {self.layout.dimension} components, got shape {array.shape}"
            )
        return array

    def __repr__(self) -> str:
        n_cuts = sum(len(pool.active_slots()) for pool in self.all_pools)
        n_hydros, n_lags = self.layout.size("storage"), self.layout.block("inflow_lag").depth
        return (
            f"<Policy: {len(self.stages)} stages, {n_cuts} cuts, {n_hydros} hydros, {n_lags} "
            f"lags, lower bound {self.lower_bound:,.2f} after {self.n_iterations} "
            f"iterations{_UNFINISHED.get(self.reason, '')}>"
        )


_UNFINISHED = {
    "shutdown": ", interrupted",
    "error": ", ended by an error",
    "checkpoint": ", a checkpoint of a training under way",
}
"""What a policy says of itself whose training did not come to its end."""


@contextmanager
def as_stored() -> Iterator[None]:
    """Turn what goes wrong with the parts of a stored policy into a sentence.

    Its bytes are right and its content is not.

    Raises:
        PolicyError: a part is missing, or of another kind or shape than the rest asks for.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise PolicyError(
            f"HW808 the stored policy contradicts itself ({type(error).__name__}: {error}): it "
            "was changed after it was written"
        ) from error


def tangent(
    pool: CutPool, state: NDArray[np.float64], outlook: Outlook | None = None
) -> tuple[float, NDArray[np.float64]]:
    """Future cost that the active cuts of a stage give at a state, and its slope.

    Cuts of single openings give the cost of each opening, whose risk-adjusted sum is one more bound
    of the future cost.

    Args:
        pool: cuts.
        state: ``[n_state]`` outgoing state.
        outlook: how openings add up; needed for cuts of single openings.

    Returns:
        Value in $ (minus infinity without cuts) and slope ``[n_state]``.

    Raises:
        PolicyError: there are cuts of single openings and no outlook.
    """
    value, slot = pool.value(state)
    slope = np.zeros(pool.n_state) if slot < 0 else pool.coefficients[slot].copy()
    slots = pool.active_slots()
    openings = pool.opening[slots]
    if not (openings >= 0).any():
        return value, slope
    if outlook is None:
        raise PolicyError(
            "the policy has cuts of single openings and does not say how likely these are"
        )
    probability = np.array(outlook.probability)
    best = [pool.value(state, opening) for opening in range(len(probability))]
    costs = np.array([cost for cost, _ in best])
    if np.isinf(costs).any():
        return value, slope
    weights, penalty = weigh(outlook.risk, probability, costs)
    together = float(weights @ costs) - penalty
    if together <= value:
        return value, slope
    return together, weights @ pool.coefficients[[slot for _, slot in best]]
