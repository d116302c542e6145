"""``headwater lp``: writing the program of a stage, and looking into one that was saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from case_builder import constraint, tiny_case
from headwater.cli.app import _run, app


@pytest.fixture
def command(capsys, monkeypatch):
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    monkeypatch.setenv("COLUMNS", "300")

    def call(*arguments):
        capsys.readouterr()
        code = _run(lambda: app([str(a) for a in arguments], standalone_mode=False))
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def failed(command, tmp_path: Path) -> Path:
    """Output of a run that a rule nobody can keep has ended."""
    case = tiny_case(tmp_path / "case")
    constraint("thermal_generation(0)", name="night rule", sense=">=", slack={"enabled": False})(
        case
    )
    case.tables["constraints/generic_constraint_bounds"][0] |= {"stage_id": 1, "bound": 5000.0}
    code, _, err = command("run", case.write(), "-q")
    assert code == 3
    assert "stage 1 (2024-02-01 to 2024-03-01), iteration 1, scenario 0" in err
    assert "what helps: give user constraint night_rule a slack" in err
    return tmp_path / "case" / "output"


def test_what_ended_a_run_is_explained_from_its_file(command, failed: Path):
    path = failed / "failure" / "stage-1.mps"
    for source in (path, failed / "failure", failed):
        code, out, err = command("lp", source)
        assert (code, err) == (0, "")
        assert out.startswith("case, stage 1 (2024-02-01 to 2024-03-01), iteration 1, scenario 0")
        assert (
            "infeasible: no decision satisfies user constraint night_rule in blocks 0, 1 (short by"
            in out
        )
        assert "what helps  give user constraint night_rule a slack" in out
        assert "attempt 1   HiGHS: infeasible" in out
        assert f"{path.with_suffix('.bas')}, the last that the solver held" in out
    assert command("lp", failed, "--stage", 1)[0] == 0


def test_programs_get_the_same_as_data(command, failed: Path):
    code, out, _ = command("--output-format", "json", "lp", failed)
    answer = json.loads(out)
    assert (code, answer["success"], answer["summary"]) == (0, True, "infeasible")
    assert answer["data"]["infeasible"]["violated"][0].startswith("user constraint night_rule")
    assert answer["data"]["recorded"]["stage"]["stage_id"] == 1


def test_a_program_with_a_solution_shows_what_it_costs_and_what_does_not_hold(
    command, tmp_path: Path
):
    case = tiny_case(tmp_path / "case")
    constraint("thermal_generation(0)", name="night rule", sense=">=")(case)
    case.tables["constraints/generic_constraint_bounds"][0] |= {"bound": 5000.0}
    code, out, _ = command("lp", case.write(), "--stage", 0, "--output", tmp_path / "stage.mps")
    assert code == 0
    assert "rows" in out
    code, out, _ = command("lp", tmp_path / "stage.mps", "--output", tmp_path / "stage.lp")
    assert code == 0
    assert "outcome" in out
    assert "optimal" in out
    costs, broken = out.split("does not hold")
    assert "generation of Thermal_0" in costs or "generation of" in costs
    assert "violation of user constraint night_rule in block" in broken
    assert (tmp_path / "stage.lp").read_text().startswith("\\ case, stage 0")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "there is no case and no file at"),
        (["case"], "a case needs --stage and --out"),
        (["case", "--stage", "0"], "a case needs --stage and --out"),
        (["case/config.json"], "does not end in .mps"),
        (["stage.mps", "--stage", "1"], "holds one program"),
        (["stage.mps", "--scenario", "1"], "belongs to a case"),
        (["stage.mps", "--policy", "p"], "belongs to a case"),
        (["empty"], "is not a case and holds no program"),
        (["saved", "--stage", "9"], "has no program of stage 9; it has stage-4.mps"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    command, tmp_path: Path, monkeypatch, arguments: list[str], says: str
):
    monkeypatch.chdir(tmp_path)
    tiny_case(tmp_path / "case").write()
    (tmp_path / "empty").mkdir()
    (tmp_path / "saved").mkdir()
    for name in ("stage.mps", "saved/stage-4.mps"):
        (tmp_path / name).write_text("NAME x\nENDATA\n")
    code, _, err = command("lp", *arguments)
    assert code == 64
    assert says in " ".join(err.split())


def test_a_damaged_file_is_named_with_its_line(command, tmp_path: Path):
    (tmp_path / "stage.mps").write_text("ROWS\n N cost\n G r\nCOLUMNS\n x r much\n")
    code, _, err = command("lp", tmp_path / "stage.mps")
    assert code == 2
    assert "stage.mps, line 5" in " ".join(err.split())
