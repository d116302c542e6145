"""What a user calls from Python."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
import headwater.model as m
from case_builder import TinyCase, constraint, tiny_case
from headwater.api.simulation import MOST_SCENARIOS, run_simulation
from headwater.case import features
from headwater.equipment.recorded_state import founding_layout
from headwater.results import TIMING_COLUMNS
from headwater.sddp import events
from same_results import contents
from trained_policies import fingerprint, small_study, trained


def simulating_case(root: Path, n_scenarios: int = 5) -> TinyCase:
    case = tiny_case(root)
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": n_scenarios}
    return case


@pytest.mark.versions
def test_everything_public_is_there():
    for name in hw.__all__:
        assert getattr(hw, name) is not None
    assert hw.__all__ == sorted(hw.__all__)


@pytest.mark.versions
def test_a_study_built_in_code_is_trained_simulated_saved_and_loaded(tmp_path: Path):
    chosen = small_study()
    policy = hw.train(chosen, threads=2)
    assert policy.study is chosen
    assert hw.save_policy(policy, str(tmp_path / "p")) == tmp_path / "p"
    loaded = hw.load_policy(str(tmp_path / "p"))
    assert fingerprint(loaded) == fingerprint(policy)
    first, second = (
        hw.simulate(policy, n_scenarios=6, threads=1),
        hw.simulate(loaded, chosen, n_scenarios=6, threads=2),
    )
    assert first.tables == second.tables
    for name in first.tables:
        assert first.table(name).equals(second.table(name)), name
    assert first.mean_cost == pytest.approx(float(np.mean(first.summary.total_cost)))
    assert first.study is chosen


def test_ids_of_a_study_built_in_code_may_be_numpy_numbers(tmp_path: Path):
    system = small_study().system
    buses = tuple(dataclasses.replace(bus, id=np.int64(bus.id)) for bus in system.buses)
    chosen = dataclasses.replace(small_study(), system=dataclasses.replace(system, buses=buses))
    hw.save_policy(hw.train(chosen, threads=1), tmp_path)
    assert fingerprint(hw.load_policy(tmp_path))[0] == trained().layout


def test_a_configuration_may_replace_that_of_the_study():
    policy = hw.train(small_study(), m.TrainingConfig(1, (m.IterationLimit(2),)), threads=1)
    assert policy.n_iterations == 2
    assert policy.study is not None
    assert policy.study.config.training.forward_passes == 1


def test_a_policy_from_disk_needs_to_be_told_the_study(tmp_path: Path):
    hw.save_policy(trained(), tmp_path)
    with pytest.raises(
        hw.PolicyError,
        match=r"say which study to simulate, e\.g\. simulate\(policy, load_case\(DIR\)\)",
    ):
        hw.simulate(hw.load_policy(tmp_path))


def test_an_unknown_table_is_a_key_error_that_lists_the_tables():
    simulation = hw.simulate(trained(), small_study(), n_scenarios=1, threads=1)
    with pytest.raises(
        KeyError, match=r"there is no table 'hydro'; there are: buses, costs, exchanges, hydros"
    ):
        simulation.table("hydro")
    assert "hydros" in simulation.tables
    assert simulation.table("hydros").height > 0


@pytest.mark.parametrize("n", [0, -3])
def test_a_simulation_of_nothing_is_refused(n: int):
    with pytest.raises(hw.HeadwaterError, match=f"at least one scenario, got {n}"):
        hw.simulate(trained(), small_study(), n_scenarios=n)


def test_more_scenarios_than_tables_can_number_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert MOST_SCENARIOS == 2147483647
    monkeypatch.setattr("headwater.api.simulation.MOST_SCENARIOS", 3)
    simulation = hw.simulate(trained(), small_study(), n_scenarios=3, threads=1)
    assert len(simulation.summary.total_cost) == 3
    with pytest.raises(hw.HeadwaterError, match="at most 3 scenarios, got 4"):
        hw.simulate(trained(), small_study(), n_scenarios=4, threads=1)
    with pytest.raises(hw.HeadwaterError, match="at most 3 scenarios, got 4"):
        run_simulation(small_study(), trained(), tmp_path / "out", n_scenarios=4)
    assert not (tmp_path / "out").exists()


def test_fewer_than_one_thread_is_refused_before_anything_is_written(tmp_path: Path):
    case = simulating_case(tmp_path / "case").write()
    with pytest.raises(hw.HeadwaterError, match="at least 1, got 0"):
        hw.run(case, tmp_path / "out", threads=0)
    assert not (tmp_path / "out").exists()


def test_a_feature_that_is_not_built_is_refused_everywhere_and_nothing_is_written(
    tmp_path: Path, monkeypatch
):
    row = features.Feature(
        "hydros",
        lambda _study: ["Hydro 0"],
        ("system/hydros.json", None),
        "hydros are not built yet",
    )
    monkeypatch.setattr(features, "FEATURES", (row,))
    case = simulating_case(tmp_path / "case")
    loaded = hw.load_case(case.write())
    for call in (
        lambda: hw.train(loaded),
        lambda: hw.run(case.root, tmp_path / "out"),
        lambda: hw.simulate(trained(), loaded),
    ):
        with pytest.raises(hw.UnsupportedFeatureError, match="not built yet") as caught:
            call()
        assert len(caught.value.features) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.versions
def test_run_writes_policy_and_results_and_returns_them(tmp_path: Path):
    case = simulating_case(tmp_path / "case").write()
    result = hw.run(case, tmp_path / "out", threads=1)
    assert (result.output_dir, result.stopped) == (tmp_path / "out", False)
    assert fingerprint(hw.load_policy(tmp_path / "out" / "policy")) == fingerprint(result.policy)
    results = hw.load_results(tmp_path / "out")
    assert results.convergence["lower_bound"][-1] == result.policy.lower_bound
    assert result.simulation is not None
    assert results.summary["total_cost"].to_list() == result.simulation.summary.total_cost.tolist()
    digests = {entry["file"] for entry in results.training_metadata["input_files"]}
    assert {"config.json", "system/hydros.json", "scenarios/load_seasonal_stats.parquet"} <= digests


def test_run_writes_into_the_case_unless_told_otherwise(tmp_path: Path):
    case = simulating_case(tmp_path / "case").write()
    assert hw.run(case, threads=1).output_dir == case / "output"
    assert hw.load_results(case / "output").has_simulation
    hw.run(case, threads=1)  # results inside a case are no part of it


def test_run_without_training_uses_the_policy_that_the_case_names(tmp_path: Path):
    case = simulating_case(tmp_path / "case")
    trained_run = hw.run(case.write(), tmp_path / "out", threads=1)
    case.training["enabled"] = False
    case.files["config.json"]["policy"] = {"path": "stored"}
    case.write()
    with pytest.raises(hw.PolicyError, match=r"there is none at .*stored.*key policy\.path"):
        hw.run(case.root, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    hw.save_policy(trained_run.policy, case.root / "stored")
    again = hw.run(case.root, tmp_path / "again", threads=1)
    assert again.policy.training is None
    first, second = hw.load_results(tmp_path / "out"), hw.load_results(tmp_path / "again")
    assert not second.has_training
    for name in first.tables:
        assert first.table(name).equals(second.table(name)), name


@pytest.mark.versions
def test_results_do_not_depend_on_threads_and_simulating_later_gives_what_run_gave(tmp_path: Path):
    """Three ways to the same bytes: one thread, two threads, and train followed by simulate."""
    case = hw.load_case(simulating_case(tmp_path / "case", 105).write())
    for name, threads in (("one", 1), ("two", 2)):
        hw.run(case.root, tmp_path / name, threads=threads)
    hw.api.run_training(case, tmp_path / "apart", threads=2)
    assert not (tmp_path / "apart" / "simulation").exists()
    hw.api.run_simulation(
        case, hw.load_policy(tmp_path / "apart" / "policy"), tmp_path / "apart", threads=1
    )
    parts = (
        "policy/*/cuts/*.hwp",
        "policy/*/state_dictionary.json",
        "simulation/**/*.parquet",
        "*/dictionaries/*",
    )

    one = contents(tmp_path / "one", *parts)
    assert len(one) > 15
    for other in ("two", "apart"):
        found = contents(tmp_path / other, *parts)
        assert found.keys() == one.keys()
        assert [str(path) for path in one if one[path] != found[path]] == []
        traces = [
            pl.read_parquet(tmp_path / d / "training/convergence.parquet").drop(TIMING_COLUMNS)
            for d in ("one", other)
        ]
        assert traces[0].equals(traces[1])


def test_an_infeasible_stage_is_named_and_earlier_results_stay(tmp_path: Path):
    case = simulating_case(tmp_path / "case")
    hw.run(case.write(), tmp_path / "out", threads=1)
    before = {
        p: p.read_bytes()
        for p in (tmp_path / "out").rglob("*")
        if p.is_file() and p.name != "run.jsonl"
    }
    constraint("thermal_generation(0)", name="impossible", sense=">=", slack={"enabled": False})(
        case
    )
    case.tables["constraints/generic_constraint_bounds"][0] |= {"stage_id": 1, "bound": 5000.0}
    case.write()
    with pytest.raises(
        hw.InfeasibleError, match=r"stage 1 \(2024-02-01 to 2024-03-01\).*impossible"
    ) as caught:
        hw.run(case.root, tmp_path / "out", threads=1)
    assert (caught.value.exit_code, caught.value.stage_id) == (3, 1)
    after = {
        p: p.read_bytes()
        for p in (tmp_path / "out").rglob("*")
        if p.is_file() and p.name != "run.jsonl"
    }
    assert {
        p: content
        for p, content in after.items()
        if not {"training.partial", "failure"} & set(p.parts)
    } == before
    assert sorted(p.name for p in after if "failure" in p.parts) == [
        "stage-1.bas",
        "stage-1.json",
        "stage-1.mps",
    ]
    assert (
        json.loads((tmp_path / "out" / "training.partial" / "metadata.json").read_text())["status"]
        == "failed"
    )
    assert not list((tmp_path / "out").glob(".*"))


def _after(
    kind: type, action: Callable[[], object], number: int = 1
) -> Callable[[events.Event], None]:
    """A sink that acts at the n-th event of a kind."""
    seen = 0

    def sink(event: events.Event) -> None:
        nonlocal seen
        seen += isinstance(event, kind)
        if isinstance(event, kind) and seen == number:
            action()

    return sink


@contextmanager
def handled(number: signal.Signals) -> Iterator[list[int]]:
    """A program's own handler of a signal; collects the numbers it was called with."""
    seen: list[int] = []
    before = signal.signal(number, lambda number, _: seen.append(number))
    try:
        yield seen
    finally:
        signal.signal(number, before)


ENDING = [signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_a_signal_ends_training_and_keeps_what_was_learned(number: signal.Signals, tmp_path: Path):
    case = simulating_case(tmp_path / "case")
    case.training["stopping_rules"] = [{"type": "iteration_limit", "limit": 500}]
    case.write()
    sink = _after(events.IterationFinished, lambda: signal.raise_signal(number), 3)
    with handled(number) as passed_on:
        handlers = [signal.getsignal(one) for one in (signal.SIGINT, *ENDING)]
        result = hw.run(case.root, tmp_path / "out", threads=1, on_event=sink)
        assert [signal.getsignal(one) for one in (signal.SIGINT, *ENDING)] == handlers
    assert passed_on == ([] if number == signal.SIGINT else [number])
    assert (result.stopped, result.policy.n_iterations, result.simulation) == (True, 3, None)
    assert hw.load_policy(tmp_path / "out" / "policy").n_iterations == 3
    results = hw.load_results(tmp_path / "out")
    assert (results.training_metadata["status"], results.convergence.height) == ("interrupted", 3)
    assert not results.has_simulation
    assert any(
        "interrupted after 3 iterations" in text for text in results.training_metadata["warnings"]
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "logs",
        "policy",
        "training",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_an_interrupted_policy_says_so(
    number: signal.Signals, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    sink = _after(events.IterationFinished, lambda: signal.raise_signal(number), 2)
    with handled(number) as passed_on:
        policy = hw.train(small_study(), threads=1, on_event=sink, checkpoints=tmp_path / "policy")
    assert passed_on == ([] if number == signal.SIGINT else [number])
    assert (policy.n_iterations, policy.reason, policy.training.reason) == (
        2,
        "shutdown",
        "shutdown",
    )
    assert ", interrupted>" in repr(policy)
    assert "interrupted after 2 iterations" in policy.training.warnings[-1]
    assert "interrupted after 2 iterations" in caplog.text
    stored = hw.load_policy(tmp_path / "policy")
    assert (stored.n_iterations, stored.reason) == (2, "shutdown")
    assert ", interrupted>" in repr(stored)
    assert "interrupted" not in repr(trained())


def test_a_signal_that_is_ignored_stays_ignored():
    """As after nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        sink = _after(events.IterationFinished, lambda: signal.raise_signal(signal.SIGHUP), 2)
        policy = hw.train(small_study(), threads=1, on_event=sink)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert policy.n_iterations == trained().n_iterations


SCRIPT = """
import signal, sys
import headwater as hw
from headwater.sddp import events

def sink(event):
    if isinstance(event, getattr(events, sys.argv[4])):
        signal.raise_signal(getattr(signal, sys.argv[3]))

case = hw.load_case(sys.argv[1])
policy = hw.train(case, threads=1, on_event=sink, checkpoints=sys.argv[2])
hw.simulate(policy, threads=1, on_event=sink)
print("the script went on")
"""


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("event", ["IterationFinished", "SimulationProgress"])
def test_a_terminated_script_ends(event: str, number: signal.Signals, tmp_path: Path):
    case = simulating_case(tmp_path / "case").write()
    words = [sys.executable, "-c", SCRIPT, str(case), str(tmp_path / "policy"), number.name, event]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (-number, "")
    assert "stopping at the next safe point" in done.stderr
    if event == "IterationFinished":
        assert hw.load_policy(tmp_path / "policy").reason == "shutdown"


def test_a_second_interrupt_ends_at_once(tmp_path: Path):
    case = simulating_case(tmp_path / "case").write()

    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        hw.run(case, tmp_path / "out", threads=1, on_event=_after(events.IterationFinished, twice))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "logs",
        "training.partial",
    ]


def test_a_signal_during_simulation_leaves_earlier_results(tmp_path: Path):
    case = hw.load_case(simulating_case(tmp_path / "case", 150).write())
    hw.run(case.root, tmp_path / "out", threads=1)
    before = {
        p: p.read_bytes() for p in (tmp_path / "out" / "simulation").rglob("*") if p.is_file()
    }
    sink = _after(events.SimulationProgress, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(hw.StoppedError, match="earlier results were left") as caught:
        hw.api.run_simulation(
            case,
            hw.load_policy(tmp_path / "out" / "policy"),
            tmp_path / "out",
            threads=1,
            on_event=sink,
        )
    assert caught.value.exit_code == 75
    assert {
        p: p.read_bytes() for p in (tmp_path / "out" / "simulation").rglob("*") if p.is_file()
    } == before


def test_training_works_outside_the_main_thread():
    made: list[hw.Policy] = []
    thread = threading.Thread(target=lambda: made.append(hw.train(small_study(), threads=1)))
    thread.start()
    thread.join()
    assert made[0].lower_bound == trained().lower_bound


def test_a_callback_ends_training_cleanly_and_the_run_goes_on(tmp_path: Path):
    case = simulating_case(tmp_path / "case").write()

    def stop() -> None:
        raise hw.StopTraining

    result = hw.run(
        case, tmp_path / "out", threads=1, on_event=_after(events.IterationFinished, stop, 2)
    )
    assert (result.policy.n_iterations, result.stopped) == (2, False)
    assert result.simulation is not None


def test_a_damaged_policy_is_refused_before_the_output_is_touched(tmp_path: Path):
    case = hw.load_case(simulating_case(tmp_path / "case").write())
    with pytest.raises(hw.PolicyError, match="HW801"):
        hw.api.run_simulation(case, _of_another_case(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _of_another_case() -> hw.Policy:
    return dataclasses.replace(
        trained(), layout=founding_layout((8, 9), trained().layout.block("inflow_lag").depth)
    )
