"""Commands about results, and output for programs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.cli.app import _run, app
from headwater.cli.consoles import stdout
from headwater.cli.structured import Color, Form, said

Ended = tuple[int, str, str]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    said.color, said.form, said.command = None, Form.HUMAN, ""


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    def run(*words: object) -> Ended:
        code = _run(lambda: app([str(word) for word in words], standalone_mode=False))
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    case = tiny_case(root / "case")
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 6}
    case.write()
    for name in ("a", "b"):
        hw.run(case.root, root / name, threads=1)
    for row in case.tables["scenarios/load_seasonal_stats"]:
        row["mean_mw"] *= 1.1
    case.write()
    hw.run(case.root, root / "c", threads=1)
    return root


@pytest.mark.versions
def test_two_runs_of_one_case_are_the_same(command: Callable[..., Ended], runs: Path):
    code, out, err = command("compare", runs / "a", runs / "b")
    assert (code, err) == (0, "")
    assert out.rstrip().endswith("the same")
    for table in ("convergence", "hydros", "buses", "scenario_summary", "lower_bound"):
        assert table in out


def test_runs_that_differ_are_told_apart_where_and_by_how_much(
    command: Callable[..., Ended], runs: Path
):
    code, out, _ = command("--output-format", "json", "compare", runs / "a", runs / "c")
    assert code == 1
    answer = json.loads(out)
    assert (answer["command"], answer["success"], answer["exit_code"]) == ("compare", False, 1)
    found = {one["metric"]: one for one in answer["data"]["differences"]}
    one, other = (hw.load_results(runs / name) for name in ("a", "c"))
    bounds = [results.training_metadata["lower_bound"]["value"] for results in (one, other)]
    assert [found["lower_bound"]["first"], found["lower_bound"]["second"]] == bounds
    assert found["lower_bound"]["relative"] == pytest.approx(
        abs(bounds[0] - bounds[1]) / max(bounds)
    )
    largest = {}
    for column in one.table("buses", names=False).columns:
        a, b = (
            results.table("buses", names=False)[column].cast(pl.Float64).to_list()
            for results in (one, other)
        )
        largest[column] = max(
            abs(x - y) / max(1.0, abs(x), abs(y)) for x, y in zip(a, b, strict=True)
        )
    assert found["buses"]["relative"] == pytest.approx(max(largest.values()))
    assert largest[found["buses"]["place"]] == max(largest.values())
    assert (
        command("compare", runs / "a", runs / "c", "--metric", "lower_bound", "--tol", 1.0)[0] == 0
    )


def test_parts_of_different_cases_are_told(
    command: Callable[..., Ended], runs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """The policy and the training of one case beside the simulation of another."""
    mixed = Path(shutil.copytree(runs / "a", tmp_path / "mixed"))
    assert command("status", mixed)[1].count('"mixture": null') == 1
    shutil.rmtree(mixed / "simulation")
    shutil.copytree(runs / "c" / "simulation", mixed / "simulation")
    code, out, _ = command("summary", mixed)
    assert code == 0
    assert "not of one case" in out
    assert "gap to the bound" not in out
    assert "training of case" in json.loads(command("status", mixed)[1])["mixture"]
    caplog.clear()
    results = hw.load_results(mixed)
    assert "not of one case" in caplog.text
    assert "of different cases" in repr(results)
    for name in ("a", "c"):
        own = hw.load_results(runs / name)
        assert (own.mixture, "different" in repr(own)) == ("", False)
        assert own.training_metadata["run_id"] == own.simulation_metadata["run_id"]
        assert own.training_metadata["case_digest"] == own.simulation_metadata["case_digest"]
    shutil.rmtree(mixed / "policy")
    shutil.rmtree(mixed / "simulation")
    shutil.copytree(runs / "c" / "policy", mixed / "policy")
    assert "policy of case" in json.loads(command("status", mixed)[1])["mixture"]


def test_what_cannot_be_compared_is_said(command: Callable[..., Ended], runs: Path, tmp_path: Path):
    code, _, err = command("compare", runs / "a", runs / "b", "-m", "nonsense")
    assert code == 64
    assert "there is nothing called nonsense" in err
    shutil.copytree(runs / "a", tmp_path / "half")
    shutil.rmtree(tmp_path / "half" / "simulation")
    code, _, err = command("compare", runs / "a", tmp_path / "half", "-m", "mean_cost")
    assert (code, "no mean_cost to compare" in err) == (2, True)
    code, out, _ = command("compare", runs / "a", tmp_path / "half")
    assert (code, "missing in" in out) == (1, True)


@pytest.mark.versions
def test_the_status_holds_state_and_figures(command: Callable[..., Ended], runs: Path):
    code, out, err = command("status", runs / "a")
    found = json.loads(out)
    assert (code, err, found["status"]) == (0, "", "complete")
    assert set(found) == {
        "output_directory",
        "status",
        "training",
        "simulation",
        "convergence",
        "policy",
        "mixture",
    }
    results = hw.load_results(runs / "a")
    assert found["training"]["lower_bound"] == results.training_metadata["lower_bound"]
    assert found["simulation"]["cost"] == results.simulation_metadata["cost"]
    assert len(found["convergence"]) == results.convergence.height
    assert found["policy"]["checkpoint"].startswith("ckpt-")
    part = json.loads(command("status", runs / "a", "--section", "policy", "-s", "simulation")[1])
    assert list(part) == ["output_directory", "status", "policy", "simulation"]


def test_the_status_of_a_run_under_way_tells_what_is_there(
    command: Callable[..., Ended], runs: Path, tmp_path: Path
):
    shutil.copytree(runs / "a", tmp_path / "out")
    (tmp_path / "out" / "simulation.partial").mkdir()
    (tmp_path / "out" / "simulation.partial" / "metadata.json").write_text(
        json.dumps({"status": "running", "scenarios": {"total": 9}})
    )
    found = json.loads(command("status", tmp_path / "out")[1])
    assert (
        found["status"],
        found["training"]["status"],
        found["simulation"]["scenarios"]["total"],
    ) == (
        "running",
        "complete",
        9,
    )
    code, _, err = command("status", tmp_path / "nothing")
    assert (code, "holds nothing of a run" in err) == (2, True)


def test_a_report_is_a_page_where_it_is_wanted(
    command: Callable[..., Ended], runs: Path, tmp_path: Path
):
    pytest.importorskip("plotly", reason="plotly is not installed")
    code, out, err = command("report", runs / "a")
    assert (code, err) == (0, "")
    assert out.startswith(f"report in {runs / 'a' / 'report.html'} (")
    assert (runs / "a" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    code, out, err = command(
        "--output-format", "json", "report", runs / "a", "--output", tmp_path / "deep" / "page.html"
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["data"] == {"page": str(tmp_path / "deep" / "page.html")}
    assert (tmp_path / "deep" / "page.html").stat().st_size > 1e6
    (tmp_path / "file").touch()
    code, _, err = command("report", runs / "a", "--output", tmp_path / "file" / "page.html")
    assert (code, "the report cannot be written to" in err) == (2, True)


def test_the_page_is_opened_in_a_browser_or_it_is_said_where_it_is(
    command: Callable[..., Ended], runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("plotly", reason="plotly is not installed")
    opened: list[str] = []
    for there in (True, False):
        monkeypatch.setattr(
            "webbrowser.open", lambda address, there=there: bool(opened.append(address)) or there
        )
        code, _, err = command("report", runs / "a", "--open", "-o", tmp_path / "a page.html")
        assert (code, "no browser could be started" in err) == (0, not there)
    assert opened == [(tmp_path / "a page.html").as_uri()] * 2


def test_who_asks_report_for_figures_gets_them_and_is_told_once_where_they_moved(
    command: Callable[..., Ended], runs: Path
):
    code, out, err = command("--output-format", "json", "report", runs / "a")
    answer = json.loads(out)
    assert code == 0
    assert (
        answer["data"]
        == json.loads(command("--output-format", "json", "status", runs / "a")[1])["data"]
    )
    assert err.count("have moved to 'headwater status'") == 1
    assert "headwater status" in answer["warnings"][0]
    code, out, err = command("report", runs / "a", "--section", "policy")
    assert (code, list(json.loads(out)), err.count("headwater status")) == (
        0,
        ["output_directory", "status", "policy"],
        1,
    )


@pytest.mark.versions
def test_lines_of_a_run_end_with_the_envelope(
    command: Callable[..., Ended], runs: Path, tmp_path: Path
):
    code, out, err = command(
        "--output-format", "jsonl", "run", runs / "case", "-o", tmp_path / "out"
    )
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    kinds = [line["type"] for line in lines if line["type"] != "warning"]
    n_iterations = hw.load_results(tmp_path / "out").convergence.height
    training = ["started", *["progress"] * n_iterations, "terminated"]
    assert kinds == [*training, "started", "progress", "terminated", "result"]
    last = lines[-1]
    assert (last["$schema"], last["command"], last["success"]) == (
        "urn:headwater:response:v1",
        "run",
        True,
    )
    assert last["data"]["status"] == "complete"
    progress = [line for line in lines if line["type"] == "progress"]
    assert {
        "iteration",
        "lower_bound",
        "upper_bound",
        "upper_bound_std",
        "ci_95",
        "gap",
        "wall_time_ms",
    } <= set(progress[0])
    assert progress[-1]["completed"] == 6


@pytest.mark.versions
def test_errors_are_records_for_programs(command: Callable[..., Ended], tmp_path: Path):
    case = tiny_case(tmp_path / "case")
    case.hydros[1].update(bus_id=9)
    case.write()
    code, out, err = command("--output-format", "json", "run", case.root)
    answer = json.loads(out)
    assert (code, answer["exit_code"], answer["success"]) == (1, 1, False)
    (error,) = [one for one in answer["errors"] if one["context"]["path"] == "hydros[1].bus_id"]
    assert error["kind"].startswith("HW")
    assert error["suggestion"]
    assert "system/hydros.json" in err
    code, out, _ = command("--output-format", "json", "status", tmp_path / "nothing")
    assert json.loads(out)["errors"][0]["kind"] == "ResultsError"


def test_a_dry_run_measures_and_writes_nothing(
    command: Callable[..., Ended], runs: Path, tmp_path: Path
):
    code, out, _ = command("run", runs / "case", "-o", tmp_path / "out", "--dry-run")
    assert code == 0
    assert not (tmp_path / "out").exists()
    assert "6 scenarios" in out
    plan = json.loads(command("--output-format", "json", "run", runs / "case", "--dry-run")[1])[
        "data"
    ]
    convergence = hw.load_results(runs / "a").convergence
    assert plan["problems_per_iteration"] == convergence["lp_solves"][0]
    assert plan["simulated_problems"] == hw.load_results(runs / "a").summary["lp_solves"].sum()
    policy = hw.load_policy(runs / "a" / "policy")
    assert plan["n_state"] == policy.layout.dimension


@pytest.mark.parametrize(
    ("asked", "environment", "coloured"),
    [
        (Color.ALWAYS, {}, True),
        (Color.ALWAYS, {"HEADWATER_COLOR": "never"}, True),
        (None, {"HEADWATER_COLOR": "always"}, True),
        (Color.NEVER, {"FORCE_COLOR": "1"}, False),
        (None, {"HEADWATER_COLOR": "never", "FORCE_COLOR": "1"}, False),
        (None, {}, False),
    ],
)
def test_colours_are_where_they_are_asked_for(
    asked: Color | None,
    environment: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    for name in ("HEADWATER_COLOR", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said.color = asked
    stdout().print("text", style="red")
    assert ("\x1b[" in capsys.readouterr().out) == coloured


def test_limits_that_were_broken_are_told_loudly_at_the_end_of_a_run_and_in_its_summary(
    command: Callable[..., Ended], tmp_path: Path
):
    case = tiny_case(tmp_path / "case")
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 6}
    case.files["penalties.json"]["hydro"]["storage_violation_below_cost"] = 10.0
    for row in case.tables["scenarios/load_seasonal_stats"]:
        row["mean_mw"] *= 3.0
    code, out, _ = command("run", case.write(), "-o", tmp_path / "out", "--quiet")
    told = " ".join(out.split())
    assert code == 0
    assert "LIMITS BROKEN storage below its minimum (dead volume used): Hydro 0 H0 in " in told
    assert "hm3 on average" in told
    code, out, _ = command("summary", tmp_path / "out")
    assert "LIMITS BROKEN storage below its minimum (dead volume used): Hydro 0 H0 in " in " ".join(
        out.split()
    )
    listed = json.loads((tmp_path / "out" / "simulation" / "metadata.json").read_text())[
        "violations"
    ]
    assert {(one["kind"], one["entity_id"], one["name"]) for one in listed} >= {
        ("storage_below_minimum", 0, "H0")
    }
    frame = pl.read_parquet(tmp_path / "out" / "simulation" / "hydros" / "*.parquet")
    broken = frame.filter(
        (pl.col("storage_violation_below_hm3") > 1e-3)
        & (pl.col("hydro_id") == 0)
        & (pl.col("block_id") == 0)
    )
    assert listed[0]["scenario_stages"] == broken.height
    assert listed[0]["largest"] == pytest.approx(broken["storage_violation_below_hm3"].max())


def test_a_run_within_its_limits_says_nothing_of_them(command: Callable[..., Ended], runs: Path):
    code, out, _ = command("summary", runs / "a")
    assert code == 0
    assert "LIMITS" not in out
