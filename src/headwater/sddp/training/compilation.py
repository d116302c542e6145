"""Compiling the engine.

Whether it has to be, and doing it ahead of time, in two processes at once on two processors.

One process compiles the kernel, the other the passes that call it; both leave what they compile on
disk, from where the calling process takes it. The second first does what needs no kernel; when
there is one, it trains a tiny study, through which all that a run calls is compiled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from headwater.distributed import Team, available_processors
from headwater.model import Formulation, InflowNonNegativity, Study
from headwater.sddp.events import CompilationFinished, CompilationProgress, EventSink, ignore
from headwater.sddp.kernels import selection_kernel
from headwater.sddp.passes.compiled_run import CompiledRun
from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.simulation.simulation import simulate_policy
from headwater.sddp.stage.batches import NewCuts
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.training.compiling_processes import (
    GO_ON,
    CompilingProcess,
    Work,
    counting,
    name_of,
    roots_of_passes,
)
from headwater.sddp.training.tiny_study import tiny_study
from headwater.sddp.training.train import train_policy
from headwater.solver import Basis, BasisBatch, KernelScratch
from headwater.solver.compiled import Function, code_cache
from headwater.solver.native_kernel import kernel

LOOK_SECONDS = 0.25
"""How often a process looks at what those that compile have done."""

logger = logging.getLogger(__name__)


def is_compiled() -> bool:
    """Whether the engine lies compiled on disk, so that a run begins at once."""
    return code_cache().is_complete


def ensure_compiled(on_event: EventSink = ignore) -> None:
    """Have the engine compiled before a run begins, if it is not.

    One process of several does it, and the others wait.

    Args:
        on_event: told of the progress, in the calling thread.
    """
    cache = code_cache()
    if is_compiled():
        cache.used()
        return
    started = time.perf_counter()
    on_event(CompilationProgress(0, 0, 0.0, None))
    while True:
        with cache.compiling() as given:
            if given:
                # another process may have done it since this one looked
                if not is_compiled():
                    _compile(on_event, started)
                break
        if is_compiled():
            break
        on_event(CompilationProgress(0, 0, time.perf_counter() - started, None, elsewhere=True))
        time.sleep(LOOK_SECONDS)
    on_event(CompilationFinished(time.perf_counter() - started))


def compile_engine() -> float:
    """Compile everything in this process; returns the seconds it took."""
    started = time.perf_counter()
    _ = kernel.address
    study = tiny_study()
    _use_without_kernel(study)
    _use_with_kernel(study)
    code_cache().complete()
    return time.perf_counter() - started


def _compile(on_event: EventSink, started: float) -> None:
    _warn_of_untested_compiler()
    root = code_cache().root
    kernel_work = Work.of([kernel.function])
    passes_work = Work.of(roots_of_passes(kernel.function))
    works = [kernel_work, passes_work]
    if root is not None and sys.executable:
        try:
            with (
                CompilingProcess("compile_kernel", root, kernel_work) as first,
                CompilingProcess("compile_passes", root, passes_work) as second,
            ):
                _wait_for(first, second, lambda: on_event(_progress(works, started)))
        except OSError as error:
            logger.info("processes that compile did not end well: this one does it (%s)", error)
        else:
            code_cache().complete()
            return
    from headwater.solver.numba_private import watched

    def tell() -> None:
        on_event(_progress(works, started))

    with watched(counting(kernel_work, tell)), watched(counting(passes_work, tell)):
        compile_engine()


def _warn_of_untested_compiler() -> None:
    """Say what a compiler that Headwater was not tested with cannot do any more.

    Nothing is said if it lacks nothing.
    """
    from headwater.solver.numba_private import is_tested

    if not is_tested():
        from headwater.solver.numba_self_test import self_test

        for sentence in self_test():
            logger.warning(sentence)


def _wait_for(first: CompilingProcess, second: CompilingProcess, tell: Callable[[], None]) -> None:
    """Run both processes, together if there are processors for it.

    Raises:
        OSError: one cannot be started, or fails.
    """
    first.start()
    if len(available_processors()) > 1:
        second.start()
    while not second.has_ended:
        if first.has_ended:
            second.start()
            second.go_on()
        for process in (first, second):
            process.look()
        tell()
        time.sleep(LOOK_SECONDS)


def _progress(works: list[Work], started: float) -> CompilationProgress:
    left = [work.seconds_left() for work in works]
    known = [one for one in left if one is not None]
    return CompilationProgress(
        done=sum(work.n_done for work in works),
        total=sum(work.n_functions for work in works),
        seconds=time.perf_counter() - started,
        seconds_left=max(known) if len(known) == len(left) else None,
    )


def compile_kernel() -> None:
    """Compile the kernel and tell standard output; for a process of its own."""
    with _told():
        _ = kernel.address


def compile_passes() -> None:
    """Compile the passes and tell standard output.

    For a process of its own, which is told when there is a kernel.
    """
    study = tiny_study()
    with _told():
        with kernel.replaced():
            _use_without_kernel(study)
        if sys.stdin.readline() == GO_ON:
            _use_with_kernel(study)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    from headwater.solver.numba_private import watched

    def tell(function: Function, whole: bool) -> None:
        sys.stdout.write(f"{name_of(function)} {int(whole)}\n")
        sys.stdout.flush()

    with watched(tell):
        yield


def _variants(study: Study, formulation: Formulation) -> Iterator[Study]:
    for method in (InflowNonNegativity.PENALTY, InflowNonNegativity.TRUNCATION):
        training = dataclasses.replace(study.config.training, formulation=formulation)
        config = dataclasses.replace(study.config, training=training, inflow_non_negativity=method)
        yield dataclasses.replace(study, config=config)


def _use_without_kernel(study: Study) -> None:
    """Compile all that HiGHS alone needs by solving with it.

    The passes are compiled by calling them for no trajectory.
    """
    for variant in _variants(study, Formulation.CONDENSED):
        _rehearse(build_problems(variant))
    for variant in _variants(study, Formulation.EXPLICIT):
        _train_and_simulate(variant)
    selection_kernel.needed_cuts(
        np.zeros((1, 1)), np.zeros(1), np.zeros((1, 1)), np.zeros(1, np.bool_), 0.0
    )


def _use_with_kernel(study: Study) -> None:
    """Compile what is left by training and simulating."""
    for variant in _variants(study, Formulation.CONDENSED):
        _train_and_simulate(variant)
    _ask_highs_once(study)


def _train_and_simulate(study: Study) -> None:
    policy = train_policy(study)
    simulate_policy(policy, study, n_scenarios=2, sink=lambda _: None)


def _rehearse(problems: StudyProblems) -> None:
    """Call what solves trials and makes cuts for no trial at all."""
    team, config = Team(1), problems.study.config.training
    n_state = problems.layout.dimension
    sizes = [(stage.n_rows, stage.form.n_columns) for stage in problems.stages]
    try:
        store = TrajectoryStore.empty(config.forward_passes, sizes, n_state)
        CompiledRun(problems, team, [SolverPool(problems)], store).rehearse()
    finally:
        team.close()
    stage, states = problems.stages[0], np.empty((0, n_state))
    highs = stage.new_program(config.solver, KernelScratch())
    bases = BasisBatch(
        np.empty((0, stage.form.n_columns), np.int32), np.empty((0, stage.n_rows), np.int32)
    )
    stage.leave(
        stage.solve_each(highs, states, stage.openings, bases, openings=np.empty(0, np.int64))
    )
    solved = stage.solve_tree(highs, states, bases)
    binding, nothing = np.zeros(len(stage.row_slots), np.int64), np.empty(0, np.int64)
    made = NewCuts(
        np.empty((0, 1)),
        np.empty((0, 1, n_state)),
        np.empty((0, 1), np.int8),
        np.empty(0, np.bool_),
    )
    stage.make_cuts(solved, made, doubtful=nothing, binding=binding, tolerance=0.0)
    stage.record_binding(binding, 0)


def _ask_highs_once(study: Study) -> None:
    """Give the engine a basis that it cannot factorise, so that HiGHS is asked."""
    problems = build_problems(study)
    stage, programs = problems.stages[0], SolverPool(problems)
    nothing = Basis(np.zeros(stage.form.n_columns, np.int32), np.zeros(stage.n_rows, np.int32))
    programs.solve(0, problems.initial_state, stage.openings, nothing)
