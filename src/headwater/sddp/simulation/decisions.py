"""Deciding one stage with a finished policy.

The problem that simulation solves there, at a state and noise of one's own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from headwater.arrays import Array
from headwater.equipment.hydro.state import memory_places
from headwater.lp import StageReadout, StageSolutions
from headwater.model import Study
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.simulation.scenarios import keep_solutions
from headwater.sddp.simulation.simulation import operating_problems, starting_bases
from headwater.sddp.stage.head_refinement import HeadRefinement
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.solver import BasisBatch
from headwater.stochastic import Sampler, simulation_sampler


@dataclass(frozen=True)
class StageNoise:
    """What is random in a stage, by position.

    What is left out is that of a scenario, or the middle of what is expected.

    Attributes:
        inflow_m3s: hydro -> incremental inflow in m3/s.
        load_mw: bus -> load in MW: one number for the mean of the stage, which the factors of the
            blocks multiply, or ``[block]``.
        available_mw: source -> availability in MW, in the same way.
        scenario: number of a simulated scenario; ``None`` for the middle.
    """

    inflow_m3s: Mapping[int, float] = field(default_factory=dict)
    load_mw: Mapping[int, Array] = field(default_factory=dict)
    available_mw: Mapping[int, Array] = field(default_factory=dict)
    scenario: int | None = None


@dataclass(frozen=True)
class StageOutcome:
    """A stage that was solved.

    Attributes:
        solutions: the solution, one scenario.
        outgoing: ``[n_state]`` state after the stage.
        gap: certified distance of the cost to the optimum in $; 0 where it is within tolerance.
    """

    solutions: StageSolutions
    outgoing: Array
    gap: float


class StageDecider:
    """Solves stages of a study with the cuts of a policy, as simulation does.

    Safe to share between threads.

    Args:
        policy: it must fit the study.
        study: system and configuration.

    Attributes:
        problems: the stages.

    Raises:
        PolicyError: the inner approximation is asked for and the policy has none.
    """

    def __init__(self, policy: Policy, study: Study) -> None:
        self.problems: StudyProblems = operating_problems(policy, study)
        self._programs = SolverPool(self.problems)
        self._bases = starting_bases(self.problems, policy)
        self._heads: dict[int, HeadRefinement | None] = {}
        self._samplers: dict[int, Sampler] = {}
        self._lock = threading.Lock()

    def starting_state(self, scenario: int | None) -> Array:
        """State ``[n_state]`` before the first stage.

        It holds the past inflows of the study, or of a scenario.
        """
        memory = (
            None
            if scenario is None
            else self._sampler(scenario).initial_memory_m3s(0, np.array([scenario]))
        )
        state: Array = self.problems.starting_states(1, memory)[0]
        return state

    def solve(self, t: int, state: Array, noise: StageNoise) -> StageOutcome:
        """Solve stage position ``t`` at an incoming state ``[n_state]``.

        Raises:
            SolverError: it has no solution, or none was found.
        """
        problems, problem = self.problems, self.problems.stages[t]
        innovation, load, available, factor = self._noise(t, state, noise)
        batch, states, start = (
            problem.noise_batch(innovation, load, available, factor),
            state[None, :].copy(),
            self._bases[t],
        )
        with self._lock:
            if t not in self._heads:
                self._heads[t] = HeadRefinement.of_stage(problems.study, problem)
            solved = self._programs.solve_each(
                t,
                states,
                batch,
                None if start is None else BasisBatch.repeated(start.extended(problem.n_rows), 1),
                first=noise.scenario or 0,
                refinement=self._heads[t],
            )
            gaps = self._programs.take_gaps()
        outgoing, _, future = problem.leave(solved)
        discount = float(problems.system.cumulative_discount[t])
        solutions = StageSolutions.empty(
            problem.template, 1, discount, problems.system.stages[t].id
        )
        solutions.load_mw[:] = load
        keep_solutions(problem, solved, future, solutions, np.zeros(1, np.int64))
        return StageOutcome(solutions, outgoing[0], max((gap.gap for _, gap in gaps), default=0.0))

    def readout(self, t: int) -> StageReadout:
        """Reads solutions of stage position ``t``."""
        method = self.problems.study.config.inflow_non_negativity
        return StageReadout(self.problems.system, self.problems.stages[t].template, method)

    def _noise(self, t: int, state: Array, noise: StageNoise) -> tuple[Array, Array, Array, Array]:
        """Innovation, load, availability and factor of the lags, each with one opening."""
        problems, problem = self.problems, self.problems.stages[t]
        system = problems.system
        innovation, load, available, factor = self._drawn(t, noise.scenario)
        n_own = problem.template.n_past_inflows
        remembered = state[memory_places(problems.layout)[:n_own]]  # [lag, hydro]
        for h, inflow in noise.inflow_m3s.items():
            innovation[0, h] = inflow - problem.psi[h, :n_own] @ remembered[:, h]
            factor[0, h : h + 1] = 1.0
        for b, value in noise.load_mw.items():
            load[0, b, : len(system.stages[t].blocks)] = _by_block(
                value, system.load_factor[b, t], system.stages[t].blocks
            )
        for s, value in noise.available_mw.items():
            available[0, s, : len(system.stages[t].blocks)] = _by_block(
                value, system.ncs_factor[s, t], system.stages[t].blocks
            )
        return innovation, load, available, factor

    def _drawn(self, t: int, scenario: int | None) -> tuple[Array, Array, Array, Array]:
        """The same in a scenario, or in the middle."""
        uncertainty = self.problems.uncertainty
        if scenario is None:
            eta = uncertainty.central_noise(t)
            load, available = uncertainty.load_mw(t, eta), uncertainty.available_mw(t, eta)
        else:
            sampler, chosen = self._sampler(scenario), np.array([scenario])
            eta = sampler.noise(t, 0, chosen)
            load, available = (
                sampler.load_mw(t, 0, chosen, eta),
                sampler.available_mw(t, 0, chosen, eta),
            )
        factor = uncertainty.lag_factor(t, eta)
        return uncertainty.innovation_m3s(t, eta), load, available, factor

    def _sampler(self, scenario: int) -> Sampler:
        """Scenarios of the configured simulation, or of a longer one where there are too few."""
        config = self.problems.study.config
        count = max(config.simulation.n_scenarios, scenario + 1)
        if count not in self._samplers:
            self._samplers[count] = simulation_sampler(
                self.problems.uncertainty, config.simulated_source, config.training.tree_seed, count
            )
        return self._samplers[count]


def _by_block(value: Array, factors: Array, blocks: tuple[object, ...]) -> Array:
    return value if value.ndim else value * factors[: len(blocks)]
