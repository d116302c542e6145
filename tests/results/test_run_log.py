"""Events and the log of a run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
import headwater.model as m
from case_builder import tiny_case
from headwater.api import run_training
from headwater.results.run_log import RunLog, event_record
from headwater.results.training_progress import PARTIAL
from headwater.sddp import events
from small_systems import random_system, study


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "logs" / "run.jsonl").read_text().splitlines()]


def capped(cap: int = 2) -> m.Study:
    chosen = study(random_system(3, n_openings=2), iterations=3, forward_passes=2, method="penalty")
    selection = m.CutSelection(max_active_per_stage=cap)
    return replace(
        chosen,
        config=replace(
            chosen.config, training=replace(chosen.config.training, cut_selection=selection)
        ),
    )


def test_events_come_in_the_order_of_the_algorithm():
    seen: list[events.Event] = []
    policy = hw.train(capped(), threads=1, on_event=seen.append)
    kinds = [events.kind(event) for event in seen if not isinstance(event, events.WarningRaised)]
    steps = [
        "forward_pass_finished",
        "backward_pass_finished",
        "cut_selection_finished",
        "iteration_finished",
    ]
    assert kinds == ["training_started", *(steps * 3), "training_finished"]
    assert policy.training is not None
    for record in policy.training.iterations:
        of_iteration = [
            event for event in seen if getattr(event, "iteration", None) == record.iteration
        ]
        forward, backward, selection = of_iteration
        assert isinstance(forward, events.ForwardPassFinished)
        assert forward.mean_cost == record.simulated_mean
        assert isinstance(backward, events.BackwardPassFinished)
        assert backward.cuts_added == record.cuts_added
        assert isinstance(selection, events.CutSelectionFinished)
        assert selection.deactivated + selection.evicted == record.cuts_removed


def test_every_warning_is_an_event():
    seen: list[events.Event] = []
    chosen = study(random_system(3, n_lags=1), iterations=3, forward_passes=4, method="truncation")
    policy = hw.train(chosen, threads=1, on_event=seen.append)
    told = [
        event.message if event.code is None else f"{event.code} {event.message}"
        for event in seen
        if isinstance(event, events.WarningRaised)
    ]
    assert policy.training is not None
    assert told == list(policy.training.warnings)


def test_a_callback_may_ask_to_end_at_any_event():
    def stop(event: events.Event) -> None:
        if isinstance(event, events.BackwardPassFinished) and event.iteration == 2:
            raise hw.StopTraining

    policy = hw.train(capped(), threads=1, on_event=stop)
    assert policy.n_iterations == 2
    assert policy.training is not None
    assert policy.training.reason == "shutdown"


def test_a_run_leaves_its_log_and_the_next_adds_to_it(tmp_path: Path):
    case = tiny_case(tmp_path / "case")
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 3}
    case.write()
    hw.run(case.root, tmp_path / "out", threads=1)
    found = lines(tmp_path / "out")
    kinds = [line["event"] for line in found if line["event"] != "warning_raised"]
    assert kinds[0] == "training_started"
    assert kinds[-3:] == ["simulation_started", "simulation_progress", "simulation_finished"]
    last = [line for line in found if line["event"] == "iteration_finished"][-1]
    convergence = hw.load_results(tmp_path / "out").convergence
    assert last["lower_bound"] == convergence["lower_bound"][-1]
    assert (
        found[-1]["mean_cost"]
        == hw.load_results(tmp_path / "out").simulation_metadata["cost"]["mean"]
    )
    assert [line["time"] for line in found] == sorted(line["time"] for line in found)
    hw.run(case.root, tmp_path / "out", threads=1)
    assert len(lines(tmp_path / "out")) == 2 * len(found)


def test_the_error_that_ends_a_run_is_the_last_line(tmp_path: Path):
    def explode(event: events.Event) -> None:
        if isinstance(event, events.IterationFinished):
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        run_training(capped(), tmp_path, threads=1, on_event=explode)
    assert {key: value for key, value in lines(tmp_path)[-1].items() if key != "time"} == {
        "event": "run_failed",
        "error": "RuntimeError",
        "message": "boom",
    }


def test_events_are_json_whatever_they_hold():
    for event in (
        events.SimulationProgress(0, 5, float("nan"), 0.0, 1.0),
        events.WarningRaised.of("HW614 odd"),
        events.TrainingStarted("x", 1, 2, 3, 4, 5, 6, 7),
    ):
        json.dumps(event_record(event), allow_nan=False)
    assert event_record(events.WarningRaised.of("HW614 odd")) == {
        "event": "warning_raised",
        "message": "odd",
        "code": "HW614",
    }


def test_a_log_that_cannot_be_written_any_more_does_not_end_the_run(tmp_path: Path):
    with RunLog(tmp_path) as log:

        class Full:
            def write(self, text: str) -> None:
                raise OSError(28, "No space left on device")

            def close(self) -> None:
                pass

        assert log._file is not None
        log._file.close()
        log._file = Full()  # type: ignore[assignment]
        log(events.WarningRaised("one"))
        log(events.WarningRaised("two"))


def test_the_status_of_a_training_is_on_disk_from_its_start(tmp_path: Path):
    status = tmp_path / "training.partial" / "metadata.json"
    seen: list[str] = []

    def look(event: events.Event) -> None:
        seen.append(json.loads(status.read_text())["status"])

    run_training(capped(), tmp_path, threads=1, on_event=look)
    assert set(seen) == {"running"}
    assert not status.parent.exists()
    assert hw.load_results(tmp_path).training_metadata["status"] == "complete"


def test_the_status_follows_checkpoints_and_tells_why_a_training_failed(tmp_path: Path):
    chosen = capped()
    every = m.Checkpointing(enabled=True, interval_iterations=1)
    settings = replace(chosen.config.policy, checkpointing=every)
    completed: list[int] = []

    def look(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten):
            completed.append(
                json.loads((tmp_path / "training.partial/metadata.json").read_text())["iterations"][
                    "completed"
                ]
            )
            if event.iteration == 2:
                raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        run_training(
            replace(chosen, config=replace(chosen.config, policy=settings)),
            tmp_path,
            threads=1,
            on_event=look,
        )
    assert completed == [1, 2]
    last = json.loads((tmp_path / "training.partial/metadata.json").read_text())
    assert (last["status"], last["error"], last["iterations"]["completed"]) == ("failed", "boom", 2)


def test_a_status_that_cannot_be_written_any_more_ends_no_training(tmp_path: Path):
    """A full disk, or a directory that is gone."""

    def remove(event: events.Event) -> None:
        if isinstance(event, events.IterationFinished) and event.record.iteration == 1:
            shutil.rmtree(tmp_path / "out" / PARTIAL)
            (tmp_path / "out" / PARTIAL).touch()

    case = tiny_case(tmp_path / "case")
    case.files["config.json"]["policy"] = {
        "checkpointing": {"enabled": True, "interval_iterations": 1}
    }
    result = hw.run(case.write(), tmp_path / "out", threads=1, on_event=remove)
    assert result.policy.n_iterations > 1
    assert hw.load_results(tmp_path / "out").has_training
