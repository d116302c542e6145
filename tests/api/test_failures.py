"""What a run leaves that a stage problem ended.

The problem itself, what was tried, and how to go on.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import headwater as hw
import headwater.model as m
from failing_studies import water_that_must_go, without_minimum
from headwater import files
from headwater.api.simulation import run_simulation
from headwater.api.training import run_training
from headwater.lp import NamedProgram, read_basis
from headwater.solver import repair


def ended(directory: Path, study: m.Study) -> hw.SolverError:
    with pytest.raises(hw.SolverError) as caught:
        run_training(study, directory, threads=1, then_simulate=True)
    return caught.value


def test_the_problem_that_ends_a_training_is_saved_with_names(tmp_path: Path) -> None:
    error = ended(tmp_path, water_that_must_go())
    program = hw.read_program(tmp_path / "failure" / "stage-1.mps")
    assert isinstance(error.lp, NamedProgram)
    assert program.title == error.lp.title
    assert program.title.startswith(
        "torn, stage 1 (2024-01-31 to 2024-03-01), iteration 2, scenario 0, opening 0"
    )
    assert {"storage[Tucurui]", "turbined[Tucurui,0]"} <= set(program.columns)
    assert "constraint[empty_at_the_end]" in program.rows
    found = hw.diagnose_program(program)
    assert found.outcome == "infeasible"
    # 60 hm3 came, 36 can be turbined
    assert "the water balance of Tucurui (has 24 hm3 of water that cannot leave)" in str(
        found.infeasible
    )
    assert "water be bought" not in str(found.infeasible)
    columns, rows = read_basis(tmp_path / "failure" / "stage-1.bas", program)
    assert np.count_nonzero(columns == 1) + np.count_nonzero(rows == 1) == len(program.rows)


def test_the_account_says_where_and_what_was_tried(tmp_path: Path) -> None:
    error = ended(tmp_path, water_that_must_go())
    account = json.loads((tmp_path / "failure" / "stage-1.json").read_text())
    assert account["error"] == "InfeasibleError"
    assert account["stage"] == {"stage_id": 1, "start_date": "2024-01-31", "end_date": "2024-03-01"}
    assert (account["task"], account["iteration"], account["scenario"], account["opening"]) == (
        "forward",
        2,
        0,
        0,
    )
    assert account["attempts"][0] == {
        "by": "HiGHS",
        "outcome": "infeasible",
        "bound": None,
        "gap": None,
    }
    assert account["versions"]["headwater"] == hw.__version__
    assert account["files"] == {"program": "stage-1.mps", "basis": "stage-1.bas"}
    assert account["message"] in str(error)


def test_the_message_says_what_helps_what_is_kept_and_how_to_go_on(tmp_path: Path) -> None:
    error = ended(tmp_path, water_that_must_go())
    message = str(error)
    assert "what helps: give user constraint" in message.splitlines()[0]
    assert f"saved in {tmp_path / 'failure' / 'stage-1.mps'}" in message
    assert f"the policy of 1 complete iterations is kept in {tmp_path / 'policy'}" in message
    assert f"'headwater run CASE --output {tmp_path} --resume'" in message
    assert hw.load_policy(tmp_path / "policy").n_iterations == 1
    # the log and the status of the run say the same
    last = json.loads((tmp_path / "logs" / "run.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["message"]) == ("run_failed", message)


def test_a_policy_of_an_earlier_run_is_not_taken_for_what_was_learned(tmp_path: Path) -> None:
    run_training(water_that_must_go(iterations=1), tmp_path, threads=1)
    parched = dataclasses.replace(
        water_that_must_go().system, initial=m.InitialConditions(storage_hm3={0: 100.0})
    )
    error = ended(tmp_path, dataclasses.replace(water_that_must_go(), system=parched))
    assert error.iteration == 1
    assert f"an earlier policy in {tmp_path / 'policy'} is as it was" in str(error)


def test_a_cost_without_minimum_is_saved_too(tmp_path: Path) -> None:
    error = ended(tmp_path, without_minimum())
    assert isinstance(error, hw.UnboundedError)
    found = hw.diagnose_program(hw.read_program(tmp_path / "failure" / "stage-0.mps"))
    assert found.outcome == "unbounded"
    assert "contract neighbour" in str(found.unbounded)


def test_no_bound_at_all_ends_a_run_with_every_attempt_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explicit = dataclasses.replace(
        water_that_must_go(iterations=1).config.training, formulation=m.Formulation.EXPLICIT
    )
    hopeless = water_that_must_go(iterations=1)
    hopeless = dataclasses.replace(
        hopeless, config=dataclasses.replace(hopeless.config, training=explicit)
    )
    monkeypatch.setattr(repair, "certify", lambda *_: (repair.NO_BOUND, -np.inf, np.inf))
    monkeypatch.setattr("headwater.solver.highs.solve_in_turn", _doubts_all)
    error = ended(tmp_path, hopeless)
    assert type(error) is hw.SolverError
    assert "no valid bound was found" in str(error)
    (saved,) = (tmp_path / "failure").glob("*.json")
    attempts = json.loads(saved.read_text())["attempts"]
    assert len(attempts) > 2
    assert {"by": "HiGHS", "outcome": "no valid bound", "bound": None, "gap": None} in attempts
    # the LP is sound: others can solve it
    assert hw.diagnose_program(hw.read_program(saved.with_suffix(".mps"))).outcome == "optimal"


def _doubts_all(*arguments: object) -> int:
    first = arguments[-2]
    arguments[-3][first] = repair.NO_BOUND  # type: ignore[index]
    return first  # type: ignore[return-value]


def test_a_training_in_python_saves_beside_its_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(hw.InfeasibleError, match=r"train\(\.\.\., resume=") as caught:
        hw.train(water_that_must_go(), threads=1, checkpoints=tmp_path)
    assert (tmp_path / "failure" / "stage-1.mps").is_file()
    assert hw.load_policy(tmp_path).n_iterations == 1
    assert caught.value.iteration == 2
    with pytest.raises(hw.InfeasibleError) as caught:
        hw.train(water_that_must_go(), threads=1)
    assert "saved" not in str(caught.value)
    assert isinstance(caught.value.lp, NamedProgram)


@pytest.mark.parametrize("on_failure", list(m.OnFailure))
def test_the_problem_that_ends_a_simulation_is_saved(
    tmp_path: Path, on_failure: m.OnFailure
) -> None:
    asked = water_that_must_go(iterations=1)
    policy = hw.train(asked, threads=1)
    drier = m.SimulationConfig(n_scenarios=3, on_failure=on_failure)
    asked = dataclasses.replace(asked, config=dataclasses.replace(asked.config, simulation=drier))
    with pytest.raises(hw.SolverError) as caught:
        run_simulation(asked, policy, tmp_path, threads=1)
    account = json.loads((tmp_path / "failure" / "stage-1.json").read_text())
    assert (account["task"], account["iteration"]) == ("simulation", None)
    assert account["scenario"] in (0, 1, 2)
    assert f"saved in {tmp_path / 'failure' / 'stage-1.mps'}" in str(caught.value)


def test_what_cannot_be_saved_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    write_text = files.write_text

    def full(path: Path, content: str) -> None:
        if not path.name.startswith(".lock"):
            raise OSError("no space left")
        write_text(path, content)

    monkeypatch.setattr(files, "write_text", full)
    error = ended(tmp_path, water_that_must_go())
    assert isinstance(error, hw.InfeasibleError)
    assert "saved" not in str(error)
    assert "the linear program of stage 1 could not be saved" in caplog.text
    assert "the policy of 1 iterations was not written" in caplog.text
    assert list((tmp_path / "failure").glob("stage-*")) == []


def test_the_next_run_removes_what_an_earlier_one_saved_and_nothing_else(tmp_path: Path) -> None:
    ended(tmp_path, water_that_must_go())
    (tmp_path / "failure" / "notes.txt").write_text("mine")
    run_training(water_that_must_go(iterations=1), tmp_path, threads=1)
    assert [path.name for path in (tmp_path / "failure").iterdir()] == ["notes.txt"]


def test_a_saved_problem_that_somebody_changed_is_theirs(tmp_path: Path) -> None:
    ended(tmp_path, water_that_must_go())
    saved = tmp_path / "failure" / "stage-1.mps"
    mine = saved.read_text().replace("NAME stage", "NAME mine")
    saved.write_text(mine)
    run_training(water_that_must_go(iterations=1), tmp_path, threads=1)
    assert [(path.name, path.read_text()) for path in (tmp_path / "failure").iterdir()] == [
        ("stage-1.mps", mine)
    ]
    ended(tmp_path, water_that_must_go())
    assert saved.with_name("stage-1.mps.kept-1").read_text() == mine
    assert "NAME stage" in saved.read_text()
    assert hw.diagnose_program(hw.read_program(saved)).outcome == "infeasible"


@pytest.mark.parametrize(
    "content",
    [
        "mine",
        "[]",
        '{"sha256": {"stage-1.mps": ""}}',
        '{"sha256": 1, "versions": {"headwater": "1"}}',
    ],
)
def test_records_that_are_not_ours_prove_nothing(tmp_path: Path, content: str) -> None:
    theirs = [tmp_path / "failure" / f"stage-1.{suffix}" for suffix in ("mps", "bas", "json")]
    theirs[0].parent.mkdir()
    for path in theirs:
        path.write_text(content)
    run_training(water_that_must_go(iterations=1), tmp_path, threads=1)
    assert [path.read_text() for path in theirs] == [content] * 3
    ended(tmp_path, water_that_must_go())
    assert [path.with_name(f"{path.name}.kept-1").read_text() for path in theirs] == [content] * 3


def test_a_record_proves_nothing_of_other_directories(tmp_path: Path) -> None:
    (tmp_path / "failure").mkdir()
    mine, text = tmp_path / "stage-1.mps", "mine"
    mine.write_text(text)
    record = {
        "versions": {"headwater": "1"},
        "sha256": {"../stage-1.mps": files.sha256(mine), str(mine): files.sha256(mine)},
    }
    (tmp_path / "failure" / "stage-1.json").write_text(json.dumps(record))
    run_training(water_that_must_go(iterations=1), tmp_path, threads=1)
    assert mine.read_text() == text


def test_an_explanation_that_fails_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ValueError("planted")

    monkeypatch.setattr("headwater.sddp.stage.explanation.explain_infeasible", broken)
    error = ended(tmp_path, water_that_must_go())
    assert isinstance(error, hw.InfeasibleError)
    assert "usual causes: a negative inflow" in str(error)
    assert (tmp_path / "failure" / "stage-1.mps").is_file()
