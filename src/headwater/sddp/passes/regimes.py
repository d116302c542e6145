r"""The passes of a training with regimes.

A trajectory moves through stages and regimes. What follows stage t in regime r is

    V[t, r](x) = rho[t+1] over (q, w) of Q[t+1, q](x, w)     with probability  P[t][r, q] p[q](w)

where Q[s, q] is the problem of stage s in regime q, w its openings, P[t] the transition matrix
after stage t and rho the risk measure of the next stage, over regimes and openings together. The
problems of the next stage, solved once at a state, give a cut to every regime of the stage: each
weighs them with its own row of the matrix.

Source: A. B. Philpott and V. L. de Matos, Dynamic sampling algorithms for multi-stage stochastic
programs with risk aversion, European Journal of Operational Research 218 (2012), section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.core.choices import RiskMeasure
from headwater.distributed import Interrupted, Team
from headwater.model.regime_changes import chain_of, regime_paths
from headwater.sddp.cuts.risk import among, weigh
from headwater.sddp.kernels.cut_kernel import RELAXED, SOUND, UNSOUND, lay_through
from headwater.sddp.passes.backward import LowerBound, insert_cuts, trials_per_call
from headwater.sddp.passes.forward import ForwardNoise, ForwardVisits
from headwater.sddp.passes.trajectories import TrajectoryStore, runs_of
from headwater.sddp.stage.batches import NewCuts, SolvedTrials
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.solver import Basis
from headwater.stochastic import Sampler, stopping_sampler, training_sampler

LONGEST_RUN = 64
"""Neighbouring trajectories of one regime that are solved together at most."""


class RegimePasses:
    """Forward and backward passes through stages and regimes, and the bound.

    Args:
        problems: stages and pools of all regimes.
        team: threads and ranks.
        stores: trajectories; those of the regimes share everything but the bases.
        should_stop: asked between stages.

    Attributes:
        programs: solver instances of all threads and regimes.
        warnings: of the samplers, in words.
    """

    def __init__(
        self,
        problems: StudyProblems,
        team: Team,
        stores: Sequence[TrajectoryStore],
        should_stop: Callable[[], bool],
    ) -> None:
        config = problems.study.config.training
        self._problems = problems
        self._team = team
        self._stores = stores
        self._should_stop = should_stop
        self._pools = [[SolverPool(one) for _ in range(team.n_threads)] for one in problems.regimes]
        self.programs = [programs for of_regime in self._pools for programs in of_regime]
        samplers = [
            training_sampler(
                one.uncertainty, config.scenario_source, config.tree_seed, config.forward_passes
            )
            for one in problems.regimes
        ]
        self.warnings = tuple(dict.fromkeys(text for one in samplers for text in one.warnings))
        self._noise = RegimeNoise.of(problems, samplers, config.forward_passes)
        self._chain = chain_of(problems.system)

    def evaluate(self, bound: LowerBound | RegimeBound, iteration: int) -> float:
        """The lower bound in $."""
        assert isinstance(bound, RegimeBound)
        return bound.evaluate(self._team, self._pools, iteration)

    def simulate(self, iteration: int, noise_of: int) -> None:
        """Operate the system with the noise of an iteration."""
        self._simulate(self._noise, self._stores, iteration, noise_of)

    def stage_costs(self, replications: int) -> tuple[float, ...]:
        """Mean cost of every visit of a stage over trajectories of their own, in $."""
        problems = self._problems
        seed = problems.study.config.training.tree_seed
        samplers = [
            stopping_sampler(one.uncertainty, seed, replications) for one in problems.regimes
        ]
        noise = RegimeNoise.of(problems, samplers, replications)
        stores = empty_stores(problems, replications)
        self._simulate(noise, stores, 1, 1)
        return tuple(float(np.mean(costs)) for costs in stores[0].costs.T)

    def _simulate(
        self,
        noise: RegimeNoise,
        stores: Sequence[TrajectoryStore],
        iteration: int,
        noise_of: int,
    ) -> None:
        problems, team, store = self._problems, self._team, stores[0]
        n = len(store.costs)
        everyone = np.arange(n)
        seed = problems.study.config.training.tree_seed
        turns = problems.walk.trial_turns(seed, noise_of, everyone)
        paths = noise.draw(noise_of)
        states = problems.starting_states(n)
        store.truncated[:] = 0
        visits: list[ForwardVisits] = []
        for r, (one, programs, own, of_regime) in enumerate(
            zip(problems.regimes, self._pools, stores, noise.of_regimes, strict=True)
        ):
            for t, (bases, stage) in enumerate(zip(own.bases, one.stages, strict=True)):
                bases.grow(stage.n_rows)
                if problems.reached[t, r]:
                    # at this moment, so that no rank and no interruption changes what it is
                    bases.fill(team.mine(n), partial(programs[0].cold_basis, t))
            visits.append(
                ForwardVisits(
                    one, programs, of_regime, own, iteration, turns, states, self._should_stop
                )
            )

        def walk(worker: int, trajectories: range) -> None:
            for visit in range(problems.walk.n_visits if len(trajectories) else 0):
                for regime, in_regime in enumerate(visits):
                    here = paths[:, visit] == regime
                    for run in runs_of(trajectories, here, LONGEST_RUN):
                        in_regime.make_visit(worker, run, visit, {})

        team.run(walk, n)
        with team.clock.measure("state_exchange"):
            for array in (store.costs, store.future, store.truncated):
                team.communicator.gather_rows(array)

    def make_cuts(self, iteration: int) -> int:
        """Add cuts at the states that were visited; returns how many."""
        problems = self._problems
        before = sum(pool.n_populated for one in problems.regimes for pool in one.pools)
        for t in range(problems.n_stages - 1, -1, -1):
            follower = problems.successor(t)
            if follower is not None:
                self._cut_stage(t, follower, iteration)
        return sum(pool.n_populated for one in problems.regimes for pool in one.pools) - before

    def _cut_stage(self, t: int, s: int, iteration: int) -> None:
        """Cuts for all regimes of stage ``t``, from the problems of stage ``s`` that follows."""
        problems, team = self._problems, self._team
        n = len(self._stores[0].costs)
        matrix = self._chain.after(problems.system.stages[t].id)
        mixtures = {
            int(r): Mixture.of(problems, s, matrix[r]) for r in np.flatnonzero(problems.reached[t])
        }
        following = sorted({q for mixture in mixtures.values() for q in mixture.regimes})
        made = {r: NewCuts.at(*problems.regimes[r].pools[t].room(n), n) for r in mixtures}
        for q in following:
            self._stores[q].bases[s].grow(problems.regimes[q].stages[s].n_rows)

        def work(worker: int, trajectories: range) -> dict[int, NDArray[np.int64]]:
            return self._cut_trials(worker, trajectories, (t, s), mixtures, made, iteration)

        results = team.run(work, n)
        for q in following:
            binding = np.sum([counts[q] for counts in results], axis=0)
            with team.clock.measure("mpi_allreduce"):
                team.communicator.add_up(binding)
            problems.regimes[q].stages[s].record_binding(binding, iteration)
        for r, cuts in made.items():
            with team.clock.measure("cut_sync"):
                for array in (cuts.intercepts, cuts.slopes, cuts.quality, cuts.leaning):
                    team.communicator.gather_rows(array)
            with team.clock.measure("cut_batch_build"):
                insert_cuts(problems.regimes[r], t, cuts, iteration)

    def _cut_trials(
        self,
        worker: int,
        trajectories: range,
        step: tuple[int, int],
        mixtures: dict[int, Mixture],
        made: dict[int, NewCuts],
        iteration: int,
    ) -> dict[int, NDArray[np.int64]]:
        """Make the cuts of some trajectories; returns how often those that follow were binding."""
        problems, store, (t, s) = self._problems, self._stores[0], step
        tolerance = problems.study.config.training.cut_activity_tolerance
        following = sorted({q for mixture in mixtures.values() for q in mixture.regimes})
        stages = {q: problems.regimes[q].stages[s] for q in following}
        binding = {q: np.zeros(stage.rows.n_rows, np.int64) for q, stage in stages.items()}
        n_openings = sum(len(stage.openings) for stage in stages.values())
        n_rows = max(stage.n_rows for stage in stages.values())
        everyone = np.ones(len(store.costs), np.bool_)
        for run in runs_of(trajectories, everyone, trials_per_call(n_openings, n_rows)):
            if self._should_stop():
                raise Interrupted
            part = slice(run.start, run.stop)
            states = np.ascontiguousarray(store.states[part, t])
            solved: dict[int, SolvedTrials] = {}
            for q, stage in stages.items():
                bases = self._stores[q].bases[s]
                solved[q] = self._pools[q][worker].solve_tree(
                    s, states, bases.batch(run), first=run.start, iteration=iteration
                )
                # a regime that a trajectory seldom meets has its bases from here
                bases.store(run, solved[q].results.bases)
                duals = solved[q].results.row_dual[:, :, stage.form.n_rows : stage.n_rows]
                binding[q] += (duals > tolerance).sum(axis=(0, 1))
            for r, mixture in mixtures.items():
                mixture.make_cuts(problems, s, solved, made[r].of(part))
        return binding


@dataclass(frozen=True)
class Mixture:
    """The regimes and openings of a stage as one regime of the stage before sees them.

    Attributes:
        regimes: those that can follow.
        probability: ``[outcome]`` of the openings of the first of them, then of the next.
        risk: weighs their costs.
    """

    regimes: tuple[int, ...]
    probability: Array
    risk: RiskMeasure

    @classmethod
    def of(cls, problems: StudyProblems, s: int, row: Array) -> Mixture:
        """The outcomes of stage position ``s``; ``row`` are the probabilities of its regimes."""
        regimes = tuple(np.flatnonzero(row > 0.0).tolist())
        shares = [
            row[q] * problems.regimes[q].stages[s].opening_weights.probability for q in regimes
        ]
        noise = [problems.regimes[q].uncertainty.tree.noise[s] for q in regimes]
        risk = among(problems.system.stages[s].risk, noise)
        return cls(regimes, np.concatenate(shares), risk)

    def make_cuts(
        self, problems: StudyProblems, s: int, solved: dict[int, SolvedTrials], cuts: NewCuts
    ) -> None:
        """Cuts from trials that were solved in all regimes under all openings.

        Args:
            problems: all regimes.
            s: stage position that was solved.
            solved: the trials by regime.
            cuts: where to.
        """
        stages = [problems.regimes[q].stages[s] for q in self.regimes]
        trials = [solved[q] for q in self.regimes]
        costs = [stage.trial_objectives(one) for stage, one in zip(stages, trials, strict=True)]
        values, weights = self.weigh(np.hstack(costs))
        ends = np.cumsum([one.shape[1] for one in costs])[:-1]
        slopes = np.sum(
            [
                stage.slopes(one, np.ascontiguousarray(share))
                for stage, one, share in zip(
                    stages, trials, np.split(weights, ends, axis=1), strict=True
                )
            ],
            axis=0,
        )
        relaxed = np.sum([one.results.n_bounded() for one in trials], axis=0) > 0
        for k, state in enumerate(trials[0].states):
            cuts.intercepts[k, 0], is_sound = lay_through(state, values[k], slopes[k])
            cuts.slopes[k, 0] = slopes[k]
            cuts.quality[k, 0] = (RELAXED if relaxed[k] else SOUND) if is_sound else UNSOUND

    def weigh(self, costs: Array) -> tuple[Array, Array]:
        """Risk-adjusted costs ``[trial]`` of ``costs[trial, outcome]``, and their weights."""
        weights, values = np.empty(costs.shape), np.empty(len(costs))
        for k, outcomes in enumerate(costs):
            weights[k], penalty = weigh(self.risk, self.probability, outcomes)
            values[k] = float(weights[k] @ outcomes) - penalty
        return values, weights


@dataclass
class RegimeNoise:
    """What is random for trajectories: their regimes, and in each regime its own noise.

    Attributes:
        problems: all regimes.
        sampler: draws the regimes.
        of_regimes: noise in each of them.
        n_trajectories: of an iteration.
    """

    problems: StudyProblems
    sampler: Sampler
    of_regimes: list[ForwardNoise]
    n_trajectories: int

    @classmethod
    def of(
        cls, problems: StudyProblems, samplers: Sequence[Sampler], n_trajectories: int
    ) -> RegimeNoise:
        """The noise of all regimes; their samplers draw the same regimes."""
        noise = [
            ForwardNoise(one, sampler, n_trajectories)
            for one, sampler in zip(problems.regimes, samplers, strict=True)
        ]
        return cls(problems, samplers[0], noise, n_trajectories)

    def draw(self, iteration: int) -> NDArray[np.int64]:
        """Draw for an iteration; returns the regimes of all, ``[trajectory, visit]``."""
        for noise in self.of_regimes:
            noise.draw(iteration)
        n_visits = self.problems.walk.n_visits
        level = self.sampler.regime_levels(n_visits, iteration, np.arange(self.n_trajectories))
        return regime_paths(self.problems.system, level)


class RegimeBound:
    """The bound of the first stage over its regimes and openings.

    Args:
        problems: all regimes.
    """

    def __init__(self, problems: StudyProblems) -> None:
        self._problems = problems
        self.of_regimes = [LowerBound(one) for one in problems.regimes]

    @property
    def basis(self) -> tuple[Basis | None, ...]:
        """Where rank 0 starts the next evaluation, of each regime."""
        return tuple(one.basis for one in self.of_regimes)

    @basis.setter
    def basis(self, bases: tuple[Basis | None, ...]) -> None:
        for one, basis in zip(self.of_regimes, bases, strict=True):
            one.basis = basis

    @property
    def own_programs(self) -> tuple[SolverPool, ...]:
        """Solver instances of its own, where it has some."""
        return tuple(programs for one in self.of_regimes for programs in one.own_programs)

    def leave_out_unproven(self) -> None:
        """Let the bound rest on proven cuts only from now on; the basis is forgotten."""
        for one in self.of_regimes:
            one.leave_out_unproven()

    def evaluate(self, team: Team, pools: Sequence[Sequence[SolverPool]], iteration: int) -> float:
        """Risk-adjusted cost of the first stage over regimes and openings, in $; all ranks call.

        Args:
            team: the ranks.
            pools: solver instances by regime and thread.
            iteration: for messages.
        """
        problems = self._problems
        mixture = Mixture.of(problems, 0, chain_of(problems.system).first())
        for bound in self.of_regimes:
            bound.take_new_cuts()

        def solve() -> tuple[float, list[NDArray[np.int64]]]:
            outcomes = [
                self.of_regimes[q].outcomes(pools[q][0], iteration) for q in mixture.regimes
            ]
            values, _ = mixture.weigh(np.hstack([costs for costs, _ in outcomes])[None, :])
            return float(values[0]), [binding for _, binding in outcomes]

        value, bindings = team.communicator.on_leader(solve)
        for q, binding in zip(mixture.regimes, bindings, strict=True):
            self.of_regimes[q].first.record_binding(binding, iteration)
        return value


def empty_stores(problems: StudyProblems, n_trajectories: int) -> tuple[TrajectoryStore, ...]:
    """Room for trajectories, a store for each regime.

    They share everything but the bases.
    """
    stores: list[TrajectoryStore] = []
    for one in problems.each:
        sizes = [(stage.form.n_rows, stage.form.n_columns) for stage in one.stages]
        store = TrajectoryStore.empty(
            n_trajectories, sizes, problems.layout.dimension, problems.walk.n_visits
        )
        stores.append(replace(stores[0], bases=store.bases) if stores else store)
    return tuple(stores)
