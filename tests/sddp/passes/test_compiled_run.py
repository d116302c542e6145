"""Passes in one call give the bits of passes stage by stage, wherever they are broken off."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest

import headwater as hw
from headwater.model import (
    CutFormulation,
    CutSelection,
    LimitedMemory,
    MixedCVaR,
)
from headwater.results import TIMING_COLUMNS
from headwater.results.training_frames import convergence_frame
from headwater.sddp import Policy, train_policy
from headwater.sddp.passes import compiled_bound
from headwater.sddp.passes import compiled_run as whole_pass
from headwater.sddp.passes.compiled_run import CompiledRun
from headwater.sddp.stage.solver_pool import LOWER_BOUND, SolverPool
from headwater.solver import HighsProgram, TrialResults, TrialSolutions
from headwater.solver.kernel_constants import PROVEN
from headwater.solver.simplex_kernel import Effort
from small_systems import random_system, repeating, study
from trained_policies import fingerprint


def a_study(
    method: str = "penalty", n_lags: int = 1, n_openings: int = 3, **training: object
) -> hw.Study:
    system = random_system(3, n_openings=n_openings, n_lags=n_lags)
    return study(system, iterations=6, forward_passes=5, method=method, **training)


def risky() -> hw.Study:
    made = a_study(n_openings=4)
    stages = tuple(
        dataclasses.replace(stage, risk=MixedCVaR(0.4, 0.3)) for stage in made.system.stages
    )
    return dataclasses.replace(made, system=dataclasses.replace(made.system, stages=stages))


def dry() -> hw.Study:
    """Inflows that are often negative, and raised to zero."""
    made = a_study(method="truncation")
    statistics = tuple(
        dataclasses.replace(s, mean_m3s=2.0, std_m3s=25.0) for s in made.system.inflow_statistics
    )
    return dataclasses.replace(
        made, system=dataclasses.replace(made.system, inflow_statistics=statistics)
    )


STUDIES: dict[str, Callable[[], hw.Study]] = {
    "plain": a_study,
    "no lags": lambda: a_study(n_lags=0),
    "risk-averse": risky,
    "truncation": dry,
    "cuts of openings": lambda: a_study(cut_formulation=CutFormulation.MULTI),
    "selection": lambda: a_study(cut_selection=CutSelection(LimitedMemory(1), check_frequency=2)),
    "cycle": lambda: repeating(a_study()),
}


def told(policy: Policy) -> tuple[object, ...]:
    record = policy.training
    assert record is not None
    trace = convergence_frame(record).drop(TIMING_COLUMNS).to_dicts()
    efforts = [
        (
            e.iteration,
            e.phase,
            e.stage_position,
            {n: c for n, c in e.counts.items() if n not in ("solve", "load")},
        )
        for e in record.efforts
    ]
    return fingerprint(policy), trace, dict(record.solver_counts), efforts


@pytest.fixture(autouse=True)
def all_threads_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little there is to be done."""
    for module in (whole_pass, compiled_bound):
        monkeypatch.setattr(module, "threads_worth", lambda threads, _: threads.n_workers)


def let_blocks_have(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """Let threads share out so many openings at a time."""
    for module in (whole_pass, compiled_bound):
        monkeypatch.setattr(module, "openings_in_a_block", lambda _: length)


@pytest.fixture(scope="module", params=STUDIES, ids=list(STUDIES))
def made(request: pytest.FixtureRequest) -> hw.Study:
    return STUDIES[request.param]()


@pytest.fixture(scope="module")
def stage_by_stage(made: hw.Study) -> tuple[object, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CompiledRun, "serves", lambda *_: False)
        return told(train_policy(made))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_one_call_computes_what_calls_stage_by_stage_do(
    made: hw.Study, stage_by_stage: tuple[object, ...], threads: int
):
    assert told(train_policy(made, threads=threads)) == stage_by_stage


def test_a_call_for_some_of_the_stages_too(
    made: hw.Study, stage_by_stage: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(whole_pass, "ROWS_PER_CALL", 500)
    assert told(train_policy(made, threads=2)) == stage_by_stage


def test_it_does_not_matter_where_calls_leave_a_stage_to_others(
    made: hw.Study, stage_by_stage: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
):
    """Calls do one stage or visit and leave the next, as if HiGHS was asked at every second one."""
    cut, calls = CompiledRun._cut, []

    def one_visit(run: CompiledRun, _should_stop: Any) -> None:
        calls.append("forward")
        assert run._forward is not None
        next_visit = run._forward.value.next_visit  # type: ignore[attr-defined]
        run._walk(range(len(next_visit)), int(next_visit.min()) + 1)

    def one_stage(run: CompiledRun, start: int, _stop: int, *given: Any, **named: Any) -> int:
        calls.append("backward")
        return cut(run, start, start, *given, **named)

    monkeypatch.setattr(CompiledRun, "forward", one_visit)
    monkeypatch.setattr(CompiledRun, "_cut", one_stage)
    assert told(train_policy(made, threads=2)) == stage_by_stage
    assert set(calls) == (
        {"backward"} if made.system.horizon.is_cyclic else {"forward", "backward"}
    )


def test_programs_that_the_kernel_does_not_solve_are_left_to_highs(monkeypatch: pytest.MonkeyPatch):
    """With a single pivot between factorisations many programs are left.

    Training goes on, to the same optimum.
    """
    made = a_study()
    expected = train_policy(dataclasses.replace(made, config=with_iterations(made, 40)))
    for module in ("headwater.sddp.stage.solver_pool", "headwater.solver.highs"):
        monkeypatch.setattr(f"{module}.usual_effort", lambda _: Effort(1, 4, 1e-9))
    policy = train_policy(dataclasses.replace(made, config=with_iterations(made, 40)), threads=2)
    assert policy.training is not None
    assert policy.training.solver_counts["fallbacks"] > 0
    assert policy.lower_bound == pytest.approx(expected.lower_bound, rel=1e-3)


FEW_PIVOTS = Effort(3, 1, 1e-9)
"""Programs that need more than three pivots are left to HiGHS."""


def plant_few_pivots(patch: pytest.MonkeyPatch) -> None:
    for module in ("headwater.sddp.stage.solver_pool", "headwater.solver.highs"):
        patch.setattr(f"{module}.usual_effort", lambda _: FEW_PIVOTS)


class Handed:
    """Trials that calls leave to the interpreter, and whether each has a
    program that the kernel left.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.has_left: dict[str, list[bool]] = {"solve_each": [], "solve_tree": []}
        self._pass = ""
        finish = HighsProgram.finish_trials

        def finished(
            program: HighsProgram, solutions: TrialSolutions, *given: Any, **named: Any
        ) -> TrialResults:
            if self._pass:
                self.has_left[self._pass] += (solutions.outcome != PROVEN).any(axis=1).tolist()
            return finish(program, solutions, *given, **named)

        patch.setattr(HighsProgram, "finish_trials", finished)
        for name in self.has_left:
            patch.setattr(SolverPool, name, self._watched(name, getattr(SolverPool, name)))

    def _watched(self, name: str, solve: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            # bounds are no pass, and a first forward pass has no bases to start from
            counts = named.get("task") != LOWER_BOUND and (
                name == "solve_tree" or named["iteration"] > 1
            )
            self._pass = name if counts else ""
            try:
                return solve(*given, **named)
            finally:
                self._pass = ""

        return watched


def test_of_a_stage_with_a_program_that_is_left_only_the_trials_of_such_programs_are_solved_again(
    monkeypatch: pytest.MonkeyPatch,
):
    made = a_study()
    plant_few_pivots(monkeypatch)
    handed = Handed(monkeypatch)
    train_policy(made)
    stages, passes, iterations = len(made.system.stages), 5, 6
    forward, backward = handed.has_left["solve_each"], handed.has_left["solve_tree"]
    assert all(forward)
    assert all(backward)
    assert 0 < len(forward) < stages * passes * (iterations - 1)
    assert 0 < len(backward) < (stages - 1) * passes * iterations


@pytest.mark.parametrize("name", list(STUDIES))
def test_stages_that_are_done_in_part_give_the_bits_of_whole_ones(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    made = STUDIES[name]()
    plant_few_pivots(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(CompiledRun, "serves", lambda *_: False)
        expected = told(train_policy(made))
    assert expected[2]["fallbacks"] > 0  # type: ignore[index]
    for threads in (1, 2, 3):
        assert told(train_policy(made, threads=threads)) == expected


def with_iterations(made: hw.Study, iterations: int) -> Any:
    return study(made.system, iterations=iterations, forward_passes=5, method="penalty").config


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("length", [1, 2, 3, 100])
def test_it_does_not_matter_how_openings_are_shared_out(
    made: hw.Study,
    stage_by_stage: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
    length: int,
    threads: int,
):
    let_blocks_have(monkeypatch, length)
    assert told(train_policy(made, threads=threads)) == stage_by_stage


@pytest.mark.parametrize("length", [1, 2])
def test_openings_that_are_far_away_are_solved_alike_however_they_are_shared_out(
    monkeypatch: pytest.MonkeyPatch, length: int
):
    """With few pivots many are not reached at first, and taken in order at last."""
    made = a_study(n_openings=5)
    for module in ("headwater.sddp.stage.solver_pool", "headwater.solver.highs"):
        monkeypatch.setattr(f"{module}.usual_effort", lambda _: Effort(2, 40, 1e-9))
    with monkeypatch.context() as patch:
        patch.setattr(CompiledRun, "serves", lambda *_: False)
        expected = told(train_policy(made))
    let_blocks_have(monkeypatch, length)
    for threads in (1, 3):
        assert told(train_policy(made, threads=threads)) == expected


def test_a_thread_that_fails_does_not_leave_the_others_waiting(monkeypatch: pytest.MonkeyPatch):
    backward, calls = whole_pass.backward.backward_stages, itertools.count()

    def failing(*given: Any) -> int:
        if next(calls) == 1:
            raise MemoryError("no room")
        return backward(*given)

    monkeypatch.setattr(whole_pass.backward, "backward_stages", failing)
    with pytest.raises(MemoryError, match="no room"):
        train_policy(a_study(), threads=3)
