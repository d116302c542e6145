"""A simulation that is killed: nothing that can be seen is damaged, and the next session
goes on to the same bytes.

``HEADWATER_KILLS`` says at how many random moments it is killed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import headwater as hw
import headwater.model as m
import same_results
from case_builder import tiny_case
from headwater.api import run_simulation
from headwater.errors import ResultsError
from headwater.results import load_results
from headwater.results.simulation_writer import PARTIAL
from headwater.sddp import events
from headwater.sddp.simulation import parts
from small_systems import random_system, study

KILLS = int(os.environ.get("HEADWATER_KILLS", "4"))
SCENARIOS = 95

KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import headwater as hw
from headwater.api import run_simulation
from headwater.sddp.simulation import parts

parts.CHUNK_SCENARIOS = 10
root, kills = Path(sys.argv[2]), int(sys.argv[3])
dice = random.Random(20240229)

def session(out, resume, threads):
    begun, tell = os.pipe()
    child = os.fork()  # while this process has no threads: it reads no table
    if child == 0:
        def on_event(event):
            os.write(tell, b".") if type(event).__name__ == "SimulationStarted" else None
        case, policy = hw.load_case(sys.argv[1]), hw.load_policy(root / "policy")
        run_simulation(
            case, policy, out,
            n_scenarios=int(sys.argv[4]), threads=threads, resume=resume, on_event=on_event,
        )
        os._exit(0)
    os.close(tell)
    os.read(begun, 1)
    os.close(begun)
    return child

def whole(out, resume=False, threads=1):
    child, started = session(out, resume, threads), time.perf_counter()
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    return time.perf_counter() - started

whole(root / "compile")
length = whole(root / "reference")
for kill in range(kills):
    out = root / f"kill-{kill}"
    child = session(out, False, 1 + kill % 2)
    time.sleep(dice.uniform(0.0, length))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.system(f"cp -r {out} {root}/state-{kill} 2>/dev/null")
    if kill % 3 == 0:
        again = session(out, True, 2 - kill % 2)  # and a second time
        time.sleep(dice.uniform(0.0, 0.7 * length))
        os.kill(again, signal.SIGKILL)
        os.waitpid(again, 0)
    whole(out, resume=True, threads=2)
"""


def tables(directory: Path) -> dict[str, bytes]:
    """Every file of a simulation without timings, stamps and ids."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if name == "metadata.json":
            content = json.loads(path.read_text())
            for key in (
                "run_id",
                "started_at",
                "finished_at",
                "duration_seconds",
                "threads",
                "distribution",
                "hostname",
            ):
                content.pop(key)
            content["tables"].pop("scenario_summary.parquet")
            content["scenarios"].pop("resumed")
            found[name] = json.dumps(content).encode()
        elif path.is_file():
            found[name] = same_results.content(path)
    return found


def test_killed_at_any_moment_nothing_is_damaged_and_the_results_are_those_of_an_uninterrupted_run(
    tmp_path: Path,
):
    case = tiny_case(tmp_path / "case")
    case.write()
    loaded = hw.load_case(case.root)
    hw.save_policy(hw.train(loaded, threads=1), tmp_path / "policy")
    arguments = [str(case.root), str(tmp_path), str(KILLS), str(SCENARIOS)]
    program = [sys.executable, "-c", KILLER, *arguments]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=120 + 20 * KILLS, check=False
    )
    assert done.returncode == 0, done.stderr
    reference = tables(tmp_path / "reference" / "simulation")
    assert len([name for name in reference if name.startswith("hydros/")]) == 10
    halfway = 0
    for kill in range(KILLS):
        state = tmp_path / f"state-{kill}"
        for path in state.rglob("*.parquet"):
            pl.read_parquet(path)
        for path in state.rglob("*.json"):
            if ".tmp-" not in path.name:
                json.loads(
                    path.read_text().splitlines()[0] if path.parent.name == "journal" else "[]"
                )
        halfway += 0 < len(list(state.rglob("journal/*.json"))) < 10
        assert tables(tmp_path / f"kill-{kill}" / "simulation") == reference
        assert sorted(path.name for path in (tmp_path / f"kill-{kill}").iterdir()) == [
            "logs",
            "simulation",
        ]
    assert halfway >= 1


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "CHUNK_SCENARIOS", 5)


def interrupted(chosen: m.Study, policy: hw.Policy, out: Path, after: int) -> None:
    """A simulation that ends with an error once some scenarios are done."""

    journal = out / PARTIAL / "journal"

    def end(event: object) -> None:
        if isinstance(event, events.SimulationProgress) and event.completed >= after:
            # parts are written beside the simulation, on a busy machine a good while later
            for _ in range(6000):
                if journal.is_dir() and any(journal.glob("*.json")):
                    break
                time.sleep(0.01)
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run_simulation(chosen, policy, out, n_scenarios=20, threads=1, on_event=end)


@pytest.fixture
def begun(tmp_path: Path, small_parts: None) -> tuple[m.Study, hw.Policy, Path]:
    chosen = study(random_system(3), iterations=3)
    policy = hw.train(chosen, threads=1)
    interrupted(chosen, policy, tmp_path, 15)
    assert len(list((tmp_path / PARTIAL / "journal").iterdir())) >= 1
    return chosen, policy, tmp_path


def test_a_resumed_simulation_does_not_repeat_what_is_done(begun: tuple[m.Study, hw.Policy, Path]):
    chosen, policy, out = begun
    n_done = len(list((out / PARTIAL / "journal").iterdir()))
    seen: list[object] = []
    result = run_simulation(
        chosen, policy, out, n_scenarios=20, threads=1, resume=True, on_event=seen.append
    )
    assert result.simulation is not None
    assert result.simulation.resumed_scenarios == 5 * n_done
    assert (
        len([event for event in seen if isinstance(event, events.SimulationProgress)]) == 4 - n_done
    )
    assert load_results(out).summary.height == 20
    assert not (out / PARTIAL).exists()


def test_another_simulation_does_not_go_on_with_the_parts_of_this_one(
    begun: tuple[m.Study, hw.Policy, Path],
):
    chosen, policy, out = begun
    other = replace(
        chosen,
        config=replace(
            chosen.config, simulation=replace(chosen.config.simulation, tables=("buses",))
        ),
    )
    with pytest.raises(
        ResultsError, match=r"cannot go on, because something is different now: simulation\.tables"
    ):
        run_simulation(other, policy, out, n_scenarios=20, threads=1, resume=True)
    with pytest.raises(ResultsError, match=r"number of scenarios \(20 there, 21 here\)"):
        run_simulation(chosen, policy, out, n_scenarios=21, threads=1, resume=True)
    longer = hw.train(study(random_system(3), iterations=4), threads=1)
    with pytest.raises(ResultsError, match="policy"):
        run_simulation(chosen, longer, out, n_scenarios=20, threads=1, resume=True)
    run_simulation(chosen, policy, out, n_scenarios=20, threads=1, resume=True)


def test_without_resume_a_simulation_begins_anew(begun: tuple[m.Study, hw.Policy, Path]):
    chosen, policy, out = begun
    result = run_simulation(chosen, policy, out, n_scenarios=21, threads=1)
    assert result.simulation is not None
    assert result.simulation.resumed_scenarios == 0
    assert load_results(out).summary.height == 21


@pytest.mark.parametrize("what", ["table", "entry", "missing"])
def test_damaged_parts_are_simulated_again(begun: tuple[m.Study, hw.Policy, Path], what: str):
    chosen, policy, out = begun
    reference = out / "elsewhere"
    run_simulation(chosen, policy, reference, n_scenarios=20, threads=1)
    part, entry = (
        out / PARTIAL / "buses" / "part-00000-00000.parquet",
        out / PARTIAL / "journal" / "000000.json",
    )
    if what == "table":
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
    elif what == "entry":
        entry.write_text(entry.read_text().replace("0", "1", 1))
    else:
        part.unlink()
    result = run_simulation(chosen, policy, out, n_scenarios=20, threads=1, resume=True)
    assert result.simulation is not None
    assert result.simulation.resumed_scenarios == 0
    expected = tables(reference / "simulation")
    assert tables(out / "simulation") == expected


def test_a_damaged_request_is_refused(begun: tuple[m.Study, hw.Policy, Path]):
    chosen, policy, out = begun
    (out / PARTIAL / "request.json").write_text("{}")
    with pytest.raises(ResultsError, match=r"request\.json is damaged"):
        run_simulation(chosen, policy, out, n_scenarios=20, threads=1, resume=True)


def test_a_simulation_that_died_just_before_it_was_in_place_is_put_there(
    tmp_path: Path, small_parts: None
):
    chosen = study(random_system(3), iterations=3)
    policy = hw.train(chosen, threads=1)
    run_simulation(chosen, policy, tmp_path / "out", n_scenarios=6, threads=1)
    (tmp_path / "out" / "simulation").rename(tmp_path / "out" / PARTIAL)
    run_simulation(chosen, policy, tmp_path / "out", n_scenarios=7, threads=1)
    shutil.rmtree(tmp_path / "out" / "simulation")
    assert not (tmp_path / "out" / PARTIAL).exists()
