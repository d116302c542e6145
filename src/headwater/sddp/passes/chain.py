"""The passes of a training without regimes."""

from __future__ import annotations

from collections.abc import Callable

from headwater.distributed import Team
from headwater.sddp.passes.backward import LowerBound, run_backward
from headwater.sddp.passes.compiled_run import CompiledRun
from headwater.sddp.passes.forward import ForwardNoise, run_forward
from headwater.sddp.passes.regimes import RegimeBound
from headwater.sddp.passes.rule_simulation import simulated_stage_costs
from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.stochastic import training_sampler


class ChainPasses:
    """Forward and backward passes along the stages, and the bound.

    Args:
        problems: stages and pools.
        team: threads and ranks.
        store: trajectories.
        should_stop: asked between stages.

    Attributes:
        programs: solver instances, one per thread.
        warnings: of the sampler, in words.
    """

    def __init__(
        self,
        problems: StudyProblems,
        team: Team,
        store: TrajectoryStore,
        should_stop: Callable[[], bool],
    ) -> None:
        config = problems.study.config.training
        self._problems = problems
        self._team = team
        self._store = store
        self._should_stop = should_stop
        self.programs = [SolverPool(problems) for _ in range(team.n_threads)]
        sampler = training_sampler(
            problems.uncertainty, config.scenario_source, config.tree_seed, config.forward_passes
        )
        self.warnings = sampler.warnings
        self._noise = ForwardNoise(problems, sampler, config.forward_passes)
        self._whole = None
        if CompiledRun.serves(problems):
            self._whole = CompiledRun(problems, team, self.programs, store)

    def simulate(self, iteration: int, noise_of: int) -> None:
        """Operate the system with the noise of an iteration."""
        run_forward(
            self._problems,
            self._team,
            self.programs,
            self._noise,
            self._store,
            iteration,
            noise_of,
            self._should_stop,
            self._whole,
        )

    def make_cuts(self, iteration: int) -> int:
        """Add cuts at the states that were visited; returns how many."""
        return run_backward(
            self._problems,
            self._team,
            self.programs,
            self._store,
            iteration,
            self._should_stop,
            self._whole,
        )

    def evaluate(self, bound: LowerBound | RegimeBound, iteration: int) -> float:
        """The lower bound in $."""
        assert isinstance(bound, LowerBound)
        whole = None if self._whole is None else self._whole.bound
        return bound.evaluate(self._team, self.programs[0], iteration, whole)

    def stage_costs(self, replications: int) -> tuple[float, ...]:
        """Mean cost of every visit of a stage over trajectories of their own, in $."""
        return simulated_stage_costs(
            self._problems, self._team, self.programs, replications, self._should_stop
        )
