"""What a simulation leaves behind, as plain records.

The records hold costs of scenarios, moments of stages, failures and tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.model import Stage
from headwater.sddp.records.violations import LimitViolation, ViolationCounts

STAGE_QUANTITIES = (
    "immediate_cost",
    "future_cost",
    "load_mwh",
    "deficit_mwh",
    "hydro_mwh",
    "thermal_mwh",
    "spillage_hm3",
    "storage_final_hm3",
)
"""What is averaged over scenarios at every stage."""


@dataclass(frozen=True)
class ScenarioSummary:
    """Costs of simulated scenarios, arrays ``[scenario]`` in $ (present value) and physical totals.

    A scenario that could not be solved has NaN in place of costs and totals.

    Attributes:
        scenario_id: number of each scenario.
        total_cost: discounted cost of each scenario.
        categories: ``resource``, ``recourse``, ``violation``, ``regularization`` -> discounted
            cost.
        imputed_cost: discounted cost that is part of others: energy of pumping at the spot price.
        deficit_mwh, spillage_hm3: totals over the horizon.
        lp_solves: problems solved per scenario.
        solve_seconds: time spent on the problems, shared equally by the scenarios that were solved
            together.
        failed: whether the scenario could not be solved.
        sampled_years: year of history that each scenario replays; ``None`` without such.
    """

    scenario_id: NDArray[np.int64]
    total_cost: NDArray[np.float64]
    categories: dict[str, NDArray[np.float64]]
    imputed_cost: NDArray[np.float64]
    deficit_mwh: NDArray[np.float64]
    spillage_hm3: NDArray[np.float64]
    lp_solves: NDArray[np.int64]
    solve_seconds: NDArray[np.float64]
    failed: NDArray[np.bool_]
    sampled_years: NDArray[np.int64] | None = None

    @property
    def completed(self) -> NDArray[np.bool_]:
        """Scenarios that count in statistics."""
        return ~self.failed

    @property
    def mean_cost(self) -> float:
        """Mean discounted cost in $ of the scenarios that were solved."""
        return float(np.mean(self.total_cost[self.completed]))

    @property
    def ci95(self) -> float:
        """Half width of the 95 % interval of the mean; 0 for a single scenario."""
        costs = self.total_cost[self.completed]
        n = len(costs)
        return float(1.96 * np.std(costs, ddof=1) / np.sqrt(n)) if n > 1 else 0.0

    @classmethod
    def joined(cls, parts: Sequence[ScenarioSummary]) -> ScenarioSummary:
        """All scenarios of some summaries, in their order."""

        def whole(name: str) -> NDArray[Any]:
            return np.concatenate([getattr(part, name) for part in parts])

        arrays = {
            f.name: whole(f.name)
            for f in fields(cls)
            if f.name not in ("categories", "sampled_years")
        }
        categories = {
            name: np.concatenate([part.categories[name] for part in parts])
            for name in parts[0].categories
        }
        years = None if parts[0].sampled_years is None else whole("sampled_years")
        return cls(**arrays, categories=categories, sampled_years=years)


@dataclass(frozen=True)
class StageMoments:
    """Mean and spread over scenarios of the quantities of every stage.

    Merged run by run without keeping the scenarios.

    Attributes:
        n: scenarios that were solved.
        mean: `STAGE_QUANTITIES` -> ``[stage]``.
        squares: the same for the sum of squared deviations from the mean.
        largest: the same for the maximum.
    """

    n: int
    mean: dict[str, NDArray[np.float64]]
    squares: dict[str, NDArray[np.float64]]
    largest: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, values: Mapping[str, NDArray[np.float64]]) -> StageMoments:
        """Moments of quantities ``[scenario, stage]``."""
        n, n_stages = next(iter(values.values())).shape
        if not n:
            nothing = {name: np.zeros(n_stages) for name in values}
            return cls(0, nothing, nothing, {name: np.full(n_stages, -np.inf) for name in values})
        mean = {name: array.mean(axis=0) for name, array in values.items()}
        squares = {name: ((array - mean[name]) ** 2).sum(axis=0) for name, array in values.items()}
        return cls(n, mean, squares, {name: array.max(axis=0) for name, array in values.items()})

    def merged(self, other: StageMoments) -> StageMoments:
        """Moments of both sets of scenarios together (Chan, Golub and LeVeque 1983)."""
        if not self.n or not other.n:
            return other if not self.n else self
        n = self.n + other.n
        mean, squares = {}, {}
        for name, own in self.mean.items():
            step = other.mean[name] - own
            mean[name] = own + step * (other.n / n)
            squares[name] = (
                self.squares[name] + other.squares[name] + step**2 * (self.n * other.n / n)
            )
        largest = {name: np.maximum(own, other.largest[name]) for name, own in self.largest.items()}
        return StageMoments(n, mean, squares, largest)

    def std(self, name: str) -> NDArray[np.float64]:
        """Sample deviation of a quantity, ``[stage]``; 0 for a single scenario."""
        return (
            np.sqrt(self.squares[name] / (self.n - 1))
            if self.n > 1
            else np.zeros_like(self.squares[name])
        )


@dataclass(frozen=True)
class ScenarioFailure:
    """A scenario that could not be solved, where, and what the solver said."""

    scenario_id: int
    stage_id: int
    message: str


@dataclass(frozen=True)
class ScenarioGap:
    """An LP of a scenario whose best certified answer has a gap above tolerance; money in $.

    Attributes:
        scenario_id, stage_id: which.
        bound: certified lower bound of its optimum.
        gap: cost of the decision that was taken less the bound.
        attempts: made at it.
    """

    scenario_id: int
    stage_id: int
    bound: float
    gap: float
    attempts: int


@dataclass(frozen=True)
class SimulationPart:
    """What a run of consecutive scenarios adds to the account of a simulation, besides its tables.

    Attributes:
        summary: costs of these scenarios.
        moments: of the quantities of every stage.
        failures: scenarios that could not be solved.
        truncated_inflows: inflows that were negative and raised to zero.
        retries: problems that needed more than one attempt of the solver.
        violations: limits that were broken.
        gaps: LPs whose gap is above tolerance, by scenario and stage.
    """

    summary: ScenarioSummary
    moments: StageMoments
    failures: tuple[ScenarioFailure, ...] = ()
    truncated_inflows: int = 0
    retries: int = 0
    violations: ViolationCounts = field(default_factory=ViolationCounts)
    gaps: tuple[ScenarioGap, ...] = ()

    @property
    def first_scenario(self) -> int:
        """Number of the first scenario."""
        return int(self.summary.scenario_id[0])


@dataclass(frozen=True)
class SimulationChunk:
    """A run of consecutive scenarios with its tables.

    Attributes:
        number: its place among the parts of the simulation, from 0.
        part: what it adds to the account.
        tables: table name (``"hydros"``, ...) -> column name -> array; all columns of a table have
            one row per (scenario that was solved, stage, block, entity) in that order. Nullable
            columns mark null with NaN (floats) or -1 (``block_id``).
    """

    number: int
    part: SimulationPart
    tables: dict[str, dict[str, NDArray[np.generic]]]

    @property
    def first_scenario(self) -> int:
        """Number of the first scenario."""
        return self.part.first_scenario

    @property
    def summary(self) -> ScenarioSummary:
        """Costs of these scenarios."""
        return self.part.summary

    @property
    def scenario_ids(self) -> NDArray[np.int64]:
        """Scenarios that have rows."""
        return self.summary.scenario_id[self.summary.completed]


@dataclass(frozen=True, eq=False, repr=False)
class SimulationRecord:
    """The outcome of a simulation.

    Attributes:
        summary: all scenarios, in order.
        seconds: wall time; after an interruption, that of the last session.
        threads: worker threads used, of each rank.
        seed: seed of the draws: of openings in sample, of fresh noise out of sample.
        schemes: where the noise of each class (``inflow``, ``load``, ``ncs``) came from.
        moments: mean and spread of the quantities of every simulated stage.
        stages: the simulated stages; where the horizon repeats, every turn with ids and dates of
            its own.
        failures: scenarios that could not be solved and were left out.
        warnings: sentences for the user.
        resumed_scenarios: scenarios that an interrupted simulation had done before.
        ranks: processes that simulated.
        differences: in what the simulation saw another random future than the openings of training,
            in words.
        violations: limits with a price that were broken, the gravest first.
        gaps: LPs whose gap is above tolerance, by scenario and stage.
    """

    summary: ScenarioSummary
    seconds: float
    threads: int
    seed: int | None = None
    schemes: Mapping[str, str] = field(default_factory=dict)
    moments: StageMoments | None = None
    stages: tuple[Stage, ...] = ()
    failures: tuple[ScenarioFailure, ...] = ()
    warnings: tuple[str, ...] = ()
    resumed_scenarios: int = 0
    ranks: int = 1
    differences: tuple[str, ...] = ()
    violations: tuple[LimitViolation, ...] = ()
    gaps: tuple[ScenarioGap, ...] = ()

    @property
    def lps_above_tolerance(self) -> int:
        """LPs whose gap is above tolerance."""
        return len(self.gaps)

    @property
    def largest_gap(self) -> float:
        """The largest gap of any of them in $; 0 without any."""
        return max((gap.gap for gap in self.gaps), default=0.0)

    @property
    def scenarios_with_gap(self) -> tuple[int, ...]:
        """Numbers of the scenarios that have such LPs."""
        return tuple(dict.fromkeys(gap.scenario_id for gap in self.gaps))

    def __repr__(self) -> str:
        costs = self.summary
        return (
            f"<SimulationRecord: {len(costs.scenario_id)} scenarios, mean cost "
            f"{costs.mean_cost:,.2f} ± {costs.ci95:,.2f} $, {self.seconds:.1f} s>"
        )
