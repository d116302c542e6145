"""The commands, in this process.

Exit codes, messages, and that nothing is written after an error.
"""

from __future__ import annotations

import csv
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from rich.console import Console

import headwater as hw
from case_builder import TinyCase, constraint, tiny_case
from headwater.api.progress import ProgressDisplay
from headwater.case import features
from headwater.cli.app import _run, app
from headwater.distributed import Communicator
from headwater.results import dictionaries
from same_results import content


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command line in this process."""
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)

    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        code = _run(lambda: app([str(a) for a in arguments], standalone_mode=False))
        return Ended(code, *capsys.readouterr())

    return call


def simulating(root: Path) -> TinyCase:
    case = tiny_case(root)
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 4}
    return case


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Output of a run; the case is beside it."""
    root = tmp_path_factory.mktemp("finished")
    hw.run(simulating(root / "case").write(), root / "out", threads=1)
    return root / "out"


@pytest.mark.versions
def test_a_run_ends_well_and_leaves_its_files(command: Command, tmp_path: Path):
    case = simulating(tmp_path / "case").write()
    ended = command("run", case, "-o", tmp_path / "out", "-j", 2)
    assert ended.code == 0
    for name in (
        "training/_SUCCESS",
        "training/convergence.parquet",
        "policy/LATEST",
        "simulation/_SUCCESS",
        "simulation/hydros",
    ):
        assert (tmp_path / "out" / name).exists(), name
    assert "lower bound" in ended.out
    assert "simulated cost" in ended.out
    assert str(tmp_path / "out") in ended.out
    lines = ended.err.splitlines()
    assert lines[0].startswith(
        "training case: 2 stages, 2 hydro plants, 2 thermal plants, 2 state variables; "
        "2 forward passes"
    )
    assert lines[1].startswith("iteration 1/5   bound ")
    assert [line for line in lines if line.startswith("iteration 5/5 ")]
    assert lines[-1].startswith("simulated in ")
    assert "\x1b" not in ended.err + ended.out


def test_quiet_shows_results_only(command: Command, tmp_path: Path):
    ended = command("run", simulating(tmp_path / "case").write(), "-o", tmp_path / "out", "-q")
    assert (ended.code, ended.err) == (0, "")
    assert "lower bound" in ended.out


def test_train_then_simulate(command: Command, finished: Path, tmp_path: Path):
    case = finished.parent / "case"
    assert command("train", case, "-o", tmp_path / "out", "-q").code == 0
    assert not (tmp_path / "out" / "simulation").exists()
    ended = command(
        "simulate", case, "--policy", tmp_path / "out" / "policy", "-o", tmp_path / "sim", "-q"
    )
    assert (ended.code, ended.err) == (0, "")
    for path in sorted((finished / "simulation").rglob("*.parquet")):
        assert content(path) == content(tmp_path / "sim" / path.relative_to(finished)), path
    assert (
        command(
            "simulate", case, "-p", tmp_path / "out/policy", "-o", tmp_path / "few", "-n", 3, "-q"
        ).code
        == 0
    )
    assert hw.load_results(tmp_path / "few").summary.height == 3


def _remove(name: str) -> Callable[[TinyCase], None]:
    return lambda case: (case.write() / name).unlink()


def _not_json(case: TinyCase) -> None:
    (case.write() / "stages.json").write_text('{"stages": [')


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            _remove("system/buses.json"),
            ["system/buses.json\n  HW101 error", "required", "Fix: add system/buses.json"],
        ),
        (
            lambda c: c.hydros[1].update(bus_id=9),
            ['system/hydros.json\n  HW301 error  hydros[1].bus_id (Hydro 1 "H1")', "Bus 9", "Fix:"],
        ),
        (
            lambda c: c.thermals[0]["generation"].update(max_mw=-5.0),
            ["system/thermals.json\n  HW204 error  thermals[0].generation.max_mw", "-5", "Fix:"],
        ),
        (
            lambda c: c.training.update(foward_passes=3),
            ["config.json\n  HW207 error  training.foward_passes", "'forward_passes'", "Fix:"],
        ),
        (
            _not_json,
            [
                "stages.json\n  HW202 error",
                "expected JSON",
                "line 1, column",
                "Fix: correct the syntax",
            ],
        ),
    ],
    ids=["missing file", "bad reference", "negative capacity", "unknown key", "not JSON"],
)
@pytest.mark.parametrize("verb", ["run", "train", "validate"])
@pytest.mark.versions
def test_a_broken_case_is_explained_and_nothing_is_written(
    change: Callable[[TinyCase], object],
    says: list[str],
    verb: str,
    command: Command,
    tmp_path: Path,
):
    case = simulating(tmp_path / "case")
    root = case.write()
    change(case)
    if (
        case.hydros[1]["bus_id"] == 9
        or case.thermals[0]["generation"]["max_mw"] < 0
        or "foward_passes" in case.training
    ):
        case.write()
    ended = command(verb, root, *(["-o", tmp_path / "out"] if verb != "validate" else []))
    assert ended.code == 1
    text = ended.out if verb == "validate" else ended.err
    for piece in says:
        assert piece in text
    assert "Traceback" not in ended.out + ended.err
    assert not (tmp_path / "out").exists()
    assert not (root / "output").exists()


@pytest.mark.parametrize("verb", ["run", "validate"])
def test_what_is_no_directory_is_no_case(verb: str, command: Command, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "absent"):
        ended = command(verb, path)
        assert ended.code == 1
        assert f"expected a case directory at '{path}'" in ended.out + ended.err


def test_a_refused_feature_is_explained(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    row = features.Feature(
        "hydros",
        lambda _study: ["Hydro 0"],
        ("system/hydros.json", None),
        "hydros are not built yet",
    )
    monkeypatch.setattr(features, "FEATURES", (row,))
    case = simulating(tmp_path / "case")
    case.write()
    for verb in ("run", "train"):
        ended = command(verb, case.root, "-o", tmp_path / "out")
        assert ended.code == 1
        assert "hydros are not built yet: Hydro 0" in ended.err
        assert not (tmp_path / "out").exists()
    report = command("validate", case.root)
    assert report.code == 0
    assert "system/hydros.json\n  HW710 warning" in report.out


def test_both_bounds_are_shown(command: Command, tmp_path: Path):
    case = simulating(tmp_path / "case")
    case.files["config.json"]["upper_bound_evaluation"] = {
        "enabled": True,
        "initial_iteration": 1,
        "interval_iterations": 1,
    }
    case.files["config.json"]["simulation"]["policy_type"] = "inner"
    case.write()
    ended = command("run", case.root, "-o", tmp_path / "out")
    assert ended.code == 0
    assert "the optimal cost lies between" in ended.out + ended.err
    metadata = hw.load_results(tmp_path / "out").training_metadata
    assert metadata["upper_bound"]["value"] >= metadata["lower_bound"]["value"] * (1.0 - 1e-9)
    assert metadata["upper_bound"]["certified"]
    shown = command("summary", tmp_path / "out").out
    assert "the optimal expected cost of the study is at most this" in " ".join(shown.split())


def with_given_loads(case: TinyCase, n_scenarios: int) -> None:
    """Every stage has so many loads; bus 0 is random by its statistics."""
    case.tables["scenarios/external_load_scenarios"] = [
        {"stage_id": t, "scenario_id": k, "bus_id": bus, "value_mw": 60.0 + 10.0 * k}
        for t in (0, 1)
        for k in range(n_scenarios)
        for bus in (0, 1)
    ]
    case.training["scenario_source"] = {"load": {"scheme": "external"}, "seed": 1}


def test_a_run_and_its_summary_say_what_the_openings_are_and_call_no_distance_a_gap_that_is_none(
    command: Command, tmp_path: Path
):
    case = simulating(tmp_path / "case")
    with_given_loads(case, 2)
    case.write()
    told = command("run", case.root, "-o", tmp_path / "out")
    assert told.code == 0
    assert "load openings are the given scenarios (2 scenarios at stages 0 to 1)" in told.err
    assert (
        "under the openings of training is at least this; the simulation follows whole load "
        "scenarios" in flat(told.out)
    )
    shown = flat(command("summary", tmp_path / "out").out)
    assert "openings load openings are the given scenarios" in shown
    assert (
        "this gap says nothing about the optimum: the simulation follows whole load scenarios"
        in shown
    )
    assert "load openings the given scenarios, 2 a stage" in flat(
        command("describe", case.root).out
    )
    with_given_loads(case, 1)
    case.write()
    told = command("run", case.root, "-o", tmp_path / "known")
    assert "the optimal expected cost of the study is at least this" in flat(told.out)
    assert "this gap says nothing about the optimum" not in flat(
        command("summary", tmp_path / "known").out
    )


def flat(text: str) -> str:
    """Words of a table, whatever its widths."""
    return " ".join(text.split())


@pytest.mark.versions
def test_validate_writes_json_for_programs(command: Command, tmp_path: Path):
    case = simulating(tmp_path / "case")
    good = command("validate", case.write(), "--format", "json")
    assert (good.code, json.loads(good.out)["valid"], good.err) == (0, True, "")
    case.hydros[0]["name"] = "x" * 300
    case.hydros[1]["bus_id"] = 9
    bad = command("validate", case.write(), "--format", "json")
    report = json.loads(bad.out)
    assert (bad.code, report["valid"]) == (1, False)
    assert any(f["path"] == "hydros[1].bus_id" for f in report["findings"])


@pytest.mark.versions
def test_strict_turns_advice_into_errors(command: Command, tmp_path: Path):
    case = simulating(tmp_path / "case")
    case.stages[0]["blocks"][0]["hours"] -= 24.0  # a day short of the calendar
    case.write()
    assert command("validate", case.root).code == 0
    assert command("validate", case.root, "--strict").code == 1


@pytest.mark.versions
def test_a_policy_of_another_case_is_refused(command: Command, finished: Path, tmp_path: Path):
    case = simulating(tmp_path / "case")
    case.tables["scenarios/inflow_seasonal_stats"][0]["mean_m3s"] = 55.0
    ended = command("simulate", case.write(), "-p", finished / "policy", "-o", tmp_path / "out")
    assert ended.code == 5
    assert "HW804 the inflow model" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_damaged_policy_is_refused_with_the_name_of_the_file(
    command: Command, finished: Path, tmp_path: Path
):
    policy = Path(shutil.copytree(finished / "policy", tmp_path / "policy"))
    path = policy / "ckpt-000005" / "cuts" / "stage_0000.hwp"
    path.write_bytes(path.read_bytes()[:-1])
    ended = command("simulate", finished.parent / "case", "-p", policy, "-o", tmp_path / "out")
    assert ended.code == 5
    assert f"HW808 {path}" in ended.err
    assert not (tmp_path / "out").exists()
    assert command("simulate", finished.parent / "case", "-p", tmp_path / "absent").code == 5


@pytest.mark.versions
def test_an_infeasible_stage_is_named(command: Command, tmp_path: Path):
    case = simulating(tmp_path / "case")
    constraint("thermal_generation(0)", name="impossible", sense=">=", slack={"enabled": False})(
        case
    )
    case.tables["constraints/generic_constraint_bounds"][0] |= {"stage_id": 1, "bound": 5000.0}
    ended = command("run", case.write(), "-o", tmp_path / "out", "-q")
    assert ended.code == 3
    assert "stage 1 (2024-02-01 to 2024-03-01)" in ended.err
    assert "impossible" in ended.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "failure",
        "logs",
        "training.partial",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--nope"], "--nope"),
        (["run"], "CASE"),
        (["frobnicate"], "frobnicate"),
        (["run", ".", "-j", "0"], "--threads"),
        (["run", ".", "-j", "many"], "--threads"),
        (["validate", ".", "--format", "xml"], "xml"),
        (["simulate", "."], "--policy"),
        (["simulate", ".", "-p", ".", "-n", "0"], "--scenarios"),
        (["--log-level", "loud", "validate", "."], "loud"),
    ],
)
@pytest.mark.versions
def test_a_wrong_command_line_is_explained(arguments: list[str], says: str, command: Command):
    ended = command(*arguments)
    assert ended.code == 64
    assert says.lower() in ended.err.lower()
    assert "defect" not in ended.err


@pytest.mark.versions
def test_no_command_shows_the_help(command: Command):
    ended = command()
    assert ended.code == 64
    assert "validate" in ended.out + ended.err
    for arguments in (["--help"], ["run", "-h"]):
        ended = command(*arguments)
        assert ended.code == 0
        assert "Usage" in ended.out


def test_a_bad_number_of_threads_in_the_environment_is_a_wrong_command_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HEADWATER_THREADS", "two")
    ended = command("run", simulating(tmp_path / "case").write(), "-o", tmp_path / "out")
    assert ended.code == 64
    assert "HEADWATER_THREADS must be a whole number, got 'two'" in ended.err
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_an_error_of_output(command: Command, tmp_path: Path):
    case = simulating(tmp_path / "case").write()
    (tmp_path / "file").write_text("x")
    ended = command("run", case, "-o", tmp_path / "file" / "out")
    assert ended.code == 2
    assert "results cannot be written to" in ended.err


@pytest.mark.versions
def test_summary_shows_bound_cost_prices_and_water(command: Command, finished: Path):
    ended = command("summary", finished)
    assert ended.code == 0
    results = hw.load_results(finished)
    assert f"{results.training_metadata['lower_bound']['value']:,.0f}" in ended.out
    assert f"{results.simulation_metadata['cost']['mean']:,.0f}" in ended.out
    prices = results.table("buses").filter(stage_id=1, bus_id=1)["spot_price"]
    assert (
        prices.min()
        <= float(ended.out.split("marginal cost")[1].split("2024-02")[1].split()[1])
        <= prices.max()
    )
    assert "water value" in ended.out
    assert "H0" in ended.out


def test_summary_of_nothing_or_of_damaged_results_is_an_error_of_output(
    command: Command, finished: Path, tmp_path: Path
):
    ended = command("summary", tmp_path)
    assert ended.code == 2
    assert "holds no results of a run" in ended.err
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    for text in ("{", "{}", '{"iterations": 3}'):
        (out / "training" / "metadata.json").write_text(text)
        ended = command("summary", out)
        assert ended.code == 2
        assert "metadata.json" in ended.err
        assert "defect" not in ended.err


@pytest.mark.versions
def test_names_with_brackets_and_colons_are_shown_as_they_are(command: Command, tmp_path: Path):
    case = simulating(tmp_path / "case [bold] :smile:")
    case.files["system/buses.json"]["buses"][0]["name"] = "[/b] :bus:"
    case.hydros[0]["name"] = "[red]ITÁ"
    root = case.write()
    out = tmp_path / "out [/red] :rocket:"
    ended = command("run", root, "-o", out)
    assert ended.code == 0
    assert str(out) in ended.out
    assert "training case [bold] :smile:: 2 stages" in ended.err
    shown = command("summary", out)
    assert shown.code == 0
    for piece in ("[/b] :bus:", "[red]ITÁ", str(out), root.name):
        assert piece in shown.out
    (root / "config.json").unlink()
    assert root.name in command("run", root).err


def test_long_lines_are_not_broken_where_nobody_reads_a_terminal(command: Command, tmp_path: Path):
    out = tmp_path / ("a" * 60) / ("b" * 60)
    assert str(out) in command("run", simulating(tmp_path / "case").write(), "-o", out, "-q").out
    assert str(out) in command("summary", out).out
    (tmp_path / "file").touch()
    assert (
        f"{tmp_path}/file/{'c' * 120}"
        in command("run", tmp_path / "case", "-o", tmp_path / "file" / ("c" * 120)).err
    )


def _raise(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (RuntimeError("odd [/x]"), 4, "internal error: RuntimeError: odd [/x] ("),
        (
            FileNotFoundError(2, "No such file", "/a/[/b]"),
            2,
            "error: [Errno 2] No such file: '/a/[/b]'",
        ),
        (MemoryError(), 2, "error: MemoryError"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (typer.Abort(), 130, "interrupted"),
        (typer.Exit(7), 7, ""),
        (hw.SolverError("stage 3: [/x] :x:"), 3, "error: stage 3: [/x] :x:"),
        (hw.StoppedError("stopped"), 75, "error: stopped"),
        (hw.ModelError("m"), 1, "error: m"),
    ],
)
def test_every_way_to_end_has_its_code(
    error: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str]
):
    assert _run(_raise(error)) == code
    shown = capsys.readouterr().err
    assert says in shown
    assert "Traceback" not in shown


def test_ctrl_c_in_a_command_ends_the_other_ranks_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    ranks, ended = Communicator(), []
    monkeypatch.setattr(ranks, "abort", ended.append)
    monkeypatch.setattr("headwater.cli.app.known_communicator", lambda: ranks)
    program = typer.Typer()
    program.command()(_raise(KeyboardInterrupt()))
    assert _run(lambda: program([], standalone_mode=False)) == 130
    assert ended == [130]
    assert "interrupted" in capsys.readouterr().err


def test_documented_exit_codes_are_those_of_the_errors():
    codes = {
        hw.CaseError: 1,
        hw.ModelError: 1,
        hw.UnsupportedFeatureError: 1,
        hw.ResultsError: 2,
        hw.SolverError: 3,
        hw.InfeasibleError: 3,
        hw.UnboundedError: 3,
        hw.HeadwaterError: 4,
        hw.PolicyError: 5,
        hw.StoppedError: 75,
    }
    assert {kind: kind.exit_code for kind in codes} == codes


def test_a_live_display_is_closed_after_an_error(tmp_path: Path):
    with (tmp_path / "terminal").open("w") as terminal:
        console = Console(file=terminal, force_terminal=True, width=100)
        progress = ProgressDisplay(console)
        with pytest.raises(ZeroDivisionError), progress:
            _train_and_fail(simulating(tmp_path / "case").write(), progress)
        assert progress._live is None
    assert "iterations" in (tmp_path / "terminal").read_text()


def _train_and_fail(case: Path, progress: ProgressDisplay) -> None:
    hw.train(hw.load_case(case), threads=1, on_event=progress)
    progress._open("scenarios", 3)
    assert progress._live is not None
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "words",
    [
        ("lp", "CASE", "--stage", 0, "--output", "z.txt"),
        ("lp", "CASE", "--stage", 99, "--output", "z.lp"),
        ("init", "CASE"),
        ("convert", "CASE", "CASE"),
        ("scenarios", "CASE", "-o", "x.xls"),
        ("run", "CASE", "-j", 5000),
        ("run", "CASE", "-j", 0),
        ("no-such-command",),
        ("--color", "zz", "validate", "CASE"),
        ("policy", "evaluate", "OUT/policy", "--stage", 0, "--set", "storage_9=1"),
        ("policy", "inspect", "OUT/policy", "--stage", 99),
        ("policy", "export", "OUT/policy", "CASE"),
        ("simulate", "CASE", "--policy", "OUT/policy", "-n", 10**20),
        ("compare", "OUT", "OUT", "--metric", "luck"),
    ],
)
def test_wrong_arguments_have_one_exit_code(
    words: tuple[object, ...], command: Command, finished: Path, tmp_path: Path
):
    case = finished.parent / "case"
    places = {"CASE": str(case), "OUT": str(finished)}
    chosen = [
        str(word).replace("CASE", places["CASE"]).replace("OUT", places["OUT"], 1) for word in words
    ]
    ended = command(*chosen)
    assert ended.code == 64, ended.err
    assert "Traceback" not in ended.err


def test_an_environment_that_makes_no_sense_is_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    case = tiny_case(tmp_path / "case").write()
    for name, value in (
        ("HEADWATER_COLOR", "zz"),
        ("HEADWATER_THREADS", "1" + 20 * "0"),
        ("HEADWATER_COMM", "telepathy"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            ended = command("run", case, "-o", tmp_path / "out")
        assert (ended.code, name in ended.err or "at most 4096" in ended.err) == (64, True), (
            ended.err
        )
    assert not (tmp_path / "out").exists()


def test_names_do_not_steer_the_terminal(command: Command, tmp_path: Path):
    """Escape sequences that clear the screen, set its title, or turn the direction of writing."""
    case = simulating(tmp_path / "case")
    evil = "Itá\x1b[2J\x1b]0;owned\x07\x9b31m\u202eX"
    for kind in ("hydros", "thermals", "buses"):
        case.files[f"system/{kind}.json"][kind][0]["name"] = evil
    case.files["system/hydros.json"]["hydros"][0][f"unknown{evil}"] = 1
    case.write()
    shown = [command("validate", case.root)]
    del case.files["system/hydros.json"]["hydros"][0][f"unknown{evil}"]
    case.write()
    shown += [command("run", case.root, "-o", tmp_path / "out"), command("describe", case.root)]
    shown += [command("summary", tmp_path / "out"), command("status", tmp_path / "out")]
    text = "".join(ended.out + ended.err for ended in shown)
    assert "\\x1b[2J" in text
    assert not set(text) & set("\x1b\x07\x9b\u202e")


def test_names_that_look_like_formulas_are_no_formulas_in_csv_and_come_back(tmp_path: Path):
    case = simulating(tmp_path / "case")
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "'quoted", "plain"]
    for name, kind in zip(names, ("hydros", "thermals", "buses"), strict=False):
        case.files[f"system/{kind}.json"][kind][0]["name"] = name
    hw.run(case.write(), tmp_path / "out", threads=1)
    for part in ("training", "simulation"):
        entities = tmp_path / "out" / part / "dictionaries" / "entities.csv"
        cells = [row[2] for row in csv.reader(entities.read_text(encoding="utf-8").splitlines())]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
        assert f"'{names[0]}" in cells
    results = hw.load_results(tmp_path / "out")
    assert set(results.table("hydros")["hydro_name"]) >= {names[0]}
    assert set(results.table("thermals")["thermal_name"]) >= {names[1]}
    assert set(results.table("buses")["bus_name"]) >= {names[2]}
    assert [dictionaries.guarded(name) for name in names[3:]] == ["'@x", "''quoted", "plain"]


def test_schemas_beside_a_case_are_no_finding(command: Command, tmp_path: Path):
    case = tiny_case(tmp_path / "case").write()
    before = command("validate", case).out
    assert command("schema", "--output", case).code == 0
    assert command("validate", case).out == before
