"""What is timed: the last backward pass of a short training.

With its cuts, its trial states and its noise.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from headwater.arrays import Array
from headwater.errors import UsageError
from headwater.model import Formulation, IterationLimit, Study
from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.training.iteration import Training
from headwater.sddp.training.state import TrainingState
from headwater.solver import BasisBatch
from headwater.stochastic import training_sampler


@dataclass(frozen=True)
class Workload:
    """One backward pass, ready to be repeated by any way of solving.

    Attributes:
        study: the study.
        pools: cuts per stage at the end of the training.
        known: ``[stage]`` cuts that the forward pass of the last iteration knew; the others were
            born on the way back.
        states: ``[trial, stage, n_state]`` state that leaves each stage.
        innovation, load_mw, available_mw: per stage, with the trial as first axis: what the forward
            pass drew.
    """

    study: Study
    pools: tuple[CutPool, ...]
    known: tuple[int, ...]
    states: Array
    innovation: tuple[Array, ...]
    load_mw: tuple[Array, ...]
    available_mw: tuple[Array, ...]

    @property
    def n_trials(self) -> int:
        """Trial states per stage."""
        return len(self.states)

    @property
    def n_stages(self) -> int:
        """Stages of the study."""
        return len(self.pools)


def record_workload(
    study: Study, *, cuts: int, trials: int | None = None, threads: int = 1
) -> Workload:
    """Train until every stage has at least ``cuts`` cuts and record the last iteration.

    Args:
        study: what to train.
        cuts: per stage.
        trials: trial states to keep; ``None`` keeps all of the iteration.
        threads: worker threads.

    Raises:
        UsageError: the study has one stage only, so that there is no backward pass.
        SolverError: a stage could not be solved.
    """
    training = study.config.training
    iterations = max(1, math.ceil(cuts / training.forward_passes))
    training = dataclasses.replace(
        training, stopping_rules=(IterationLimit(iterations),), formulation=Formulation.CONDENSED
    )
    study = dataclasses.replace(study, config=dataclasses.replace(study.config, training=training))
    problems = build_problems(study)
    if problems.n_stages < 2:
        raise UsageError(
            "a benchmark needs a study of at least two stages: with one there are no cuts"
        )
    known = tuple(0 for _ in problems.pools)
    with Training(study, problems, TrainingState.fresh(problems), threads=threads) as under_way:
        for _ in range(iterations):
            known = tuple(pool.n_populated for pool in problems.pools)
            under_way.iterate()
        store = under_way.state.store
    sampler = training_sampler(
        problems.uncertainty, training.scenario_source, training.tree_seed, training.forward_passes
    )
    kept = np.arange(min(trials or training.forward_passes, training.forward_passes))
    everyone = np.arange(training.forward_passes)
    uncertainty, stages = problems.uncertainty, range(problems.n_stages)
    noise = [sampler.noise(t, iterations, everyone) for t in stages]
    return Workload(
        study=study,
        pools=problems.pools,
        known=known,
        states=store.states[kept],
        innovation=tuple(uncertainty.innovation_m3s(t, noise[t])[kept] for t in stages),
        load_mw=tuple(sampler.load_mw(t, iterations, everyone, noise[t])[kept] for t in stages),
        available_mw=tuple(
            sampler.available_mw(t, iterations, everyone, noise[t])[kept] for t in stages
        ),
    )


@dataclass(frozen=True)
class Bench:
    """A workload set up for one way of solving.

    Attributes:
        workload: what is solved.
        batched: whether the engine does it.
        problems: with all cuts.
        programs: of one thread.
        bases: per stage, the basis with which the forward pass of this way of solving left each
            trial; cuts born later are slack in it. Empty for the first stage.
    """

    workload: Workload
    batched: bool
    problems: StudyProblems
    programs: SolverPool
    bases: tuple[BasisBatch | None, ...]


def set_up(workload: Workload, formulation: Formulation, *, batched: bool) -> Bench:
    """Make the programs of a workload and the bases from which its trials start.

    Args:
        workload: what will be solved.
        formulation: explicit or condensed programs.
        batched: whether the engine re-optimises all openings of a trial together; otherwise HiGHS
            solves one after the other.
    """
    training = dataclasses.replace(workload.study.config.training, formulation=formulation)
    study = dataclasses.replace(
        workload.study, config=dataclasses.replace(workload.study.config, training=training)
    )
    pools = [
        _first_cuts(pool, known) for pool, known in zip(workload.pools, workload.known, strict=True)
    ]
    problems = build_problems(study, pools)
    for stage in problems.stages:
        stage.batched = batched
    programs = SolverPool(problems)
    solved: list[BasisBatch | None] = [None]
    for t in range(1, problems.n_stages):
        noise = problems.stages[t].noise_batch(
            workload.innovation[t], workload.load_mw[t], workload.available_mw[t]
        )
        states = np.ascontiguousarray(workload.states[:, t - 1])
        solved.append(programs.solve_each(t, states, noise, None).results.bases)
    for t, stage in enumerate(problems.stages):
        everything = workload.pools[t]
        new = slice(workload.known[t], everything.n_populated)
        slots = stage.pool.append(
            everything.intercepts[new],
            everything.coefficients[new],
            iteration=1,
            forward_pass=everything.forward_pass[new],
        )
        stage.append_cuts(slots)
        bases = solved[t]
        if bases is not None:
            missing = stage.n_rows - bases.rows.shape[1]
            rows = np.hstack([bases.rows, np.ones((len(bases.rows), missing), np.int32)])
            solved[t] = BasisBatch(bases.columns, np.ascontiguousarray(rows))
    return Bench(workload, batched, problems, programs, tuple(solved))


def _first_cuts(pool: CutPool, count: int) -> CutPool:
    """A pool with the first cuts of another and room for all of them."""
    first = CutPool(pool.n_state, pool.n_populated)
    first.append(
        pool.intercepts[:count],
        pool.coefficients[:count],
        iteration=1,
        forward_pass=pool.forward_pass[:count],
    )
    return first
