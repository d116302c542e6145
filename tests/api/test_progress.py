"""What scripts and notebooks see of a run."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.api import warm_up
from headwater.sddp.events import CompilationProgress, EventSink
from trained_policies import small_study, trained


def test_training_simulation_and_comparison_say_how_they_go(capsys: pytest.CaptureFixture[str]):
    policy = hw.train(small_study(), threads=1)
    hw.simulate(policy, n_scenarios=2, threads=1)
    shown = capsys.readouterr()
    assert shown.out == ""
    for text in (
        "training study: 3 stages",
        "iteration 1/4",
        "trained 4 iterations",
        "simulating 2 scenarios",
        "simulated in",
    ):
        assert text in shown.err
    policy.compare(policy, scenarios=2, threads=1)
    assert capsys.readouterr().err.count("simulating 2 scenarios") == 2


def test_a_run_says_how_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hw.run(tiny_case(tmp_path).write(), threads=1)
    assert "trained" in capsys.readouterr().err


def test_it_can_be_silenced(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    policy = hw.train(small_study(), threads=1, progress=False)
    hw.simulate(policy, n_scenarios=2, threads=1, progress=False)
    policy.compare(policy, scenarios=2, threads=1, progress=False)
    hw.run(tiny_case(tmp_path).write(), threads=1, progress=False)
    assert capsys.readouterr() == ("", "")


class Broken(io.StringIO):
    """A stream that takes nothing."""

    def write(self, _text: str) -> int:
        raise OSError("there is no terminal")


def test_a_display_that_fails_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", Broken())
    assert hw.train(small_study(), threads=1).n_iterations == trained().n_iterations


def test_a_callback_is_told_what_is_shown_and_may_still_end_the_training(
    capsys: pytest.CaptureFixture[str],
):
    kinds = []

    def watch(event: object) -> None:
        kinds.append(type(event).__name__)
        if kinds.count("IterationFinished") == 2:
            raise hw.StopTraining

    assert hw.train(small_study(), threads=1, on_event=watch).n_iterations == 2
    assert "trained 2 iterations" in capsys.readouterr().err
    assert kinds.count("IterationFinished") == 2


def test_warming_up_compiles_once_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    compiled = [False]

    def ensure_compiled(on_event: EventSink) -> None:
        on_event(CompilationProgress(0, 0, 0.0, None))
        compiled[0] = True

    monkeypatch.setattr(warm_up, "is_compiled", lambda: compiled[0])
    monkeypatch.setattr(warm_up, "ensure_compiled", ensure_compiled)
    told: list[object] = []
    assert hw.warm_up(on_event=told.append)
    assert "compiling the engine" in capsys.readouterr().err
    assert [type(event) for event in told] == [CompilationProgress]
    assert not hw.warm_up(on_event=told.append)
    assert capsys.readouterr().err == ""
    assert len(told) == 1
