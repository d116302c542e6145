"""``headwater policy``: what lies on disk, and what it is good for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import headwater as hw
from case_builder import TinyCase, tiny_case
from headwater.cli.app import app
from headwater.policy import write_policy
from headwater.sddp import Policy
from trained_policies import trained


def call(*arguments: object) -> tuple[int, str]:
    """Exit code and what was printed; errors of Headwater as the command line maps them."""
    done = CliRunner().invoke(
        app, [str(a) for a in arguments], standalone_mode=False, env={"COLUMNS": "300"}
    )
    if done.exception is not None:
        code = done.exception.exit_code if isinstance(done.exception, hw.HeadwaterError) else 64
        return code, str(done.exception)
    return done.return_value or 0, done.output


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Policy, Path]:
    policy = trained()
    write_policy(policy, tmp_path / "policy")
    return policy, tmp_path / "policy"


@pytest.mark.versions
def test_inspect_says_what_a_policy_holds(stored: tuple[Policy, Path]):
    policy, directory = stored
    code, shown = call(
        "policy", "inspect", directory, "--stage", policy.stages[0].stage_id, "--top", 2
    )
    assert code == 0
    assert "4 iterations, complete, can be resumed" in shown
    code, shown = call(
        "policy",
        "inspect",
        directory,
        "--format",
        "json",
        "--stage",
        policy.stages[0].stage_id,
        "--top",
        2,
    )
    told = json.loads(shown)
    assert [stage["active"] for stage in told["stages"]] == [
        len(pool.active_slots()) for pool in policy.pools
    ]
    assert len(told["cuts"]) == 2
    assert (
        told["cuts"][0]["times_binding"]
        == policy.cuts(policy.stages[0].stage_id).times_binding.max()
    )
    assert told["lower_bound"] == policy.lower_bound


def test_verify_finds_the_damaged_checkpoint(stored: tuple[Policy, Path]):
    policy, directory = stored
    write_policy(policy, directory)
    assert call("policy", "verify", directory)[0] == 0
    newest = (directory / "LATEST").read_text().split()[0]
    path = directory / newest / "cuts" / "stage_0000.hwp"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    code, shown = call("policy", "verify", directory, "--format", "json")
    reports = json.loads(shown)
    assert code == 5
    assert [report["latest"] for report in reports] == [True, False]
    assert "SHA-256" in reports[0]["verdict"]
    assert reports[1]["verdict"] == "sound"
    assert call("policy", "verify", directory.parent)[0] == 5


@pytest.mark.versions
def test_export_gives_tables_that_hold_every_number(stored: tuple[Policy, Path], tmp_path: Path):
    policy, directory = stored
    assert call("policy", "export", directory, tmp_path / "tables")[0] == 0
    for stage, pool in zip(policy.stages, policy.pools, strict=True):
        frame = pl.read_parquet(tmp_path / "tables" / "cuts" / f"stage_{stage.stage_id}.parquet")
        slots = pool.active_slots()
        assert frame["slot"].to_list() == slots.tolist()
        assert frame["intercept"].to_list() == pool.intercepts[slots].tolist()
        assert np.array_equal(
            frame.select(policy.layout.names).to_numpy(), pool.coefficients[slots]
        )
    assert pl.read_parquet(tmp_path / "tables" / "state.parquet")["name"].to_list() == list(
        policy.layout.names
    )
    assert call("policy", "export", directory, tmp_path / "all.json", "--inactive")[0] == 0
    told = json.loads((tmp_path / "all.json").read_text())
    assert [len(stage["cuts"]) for stage in told["stages"]] == [
        pool.n_populated for pool in policy.pools
    ]
    assert told["stages"][1]["cuts"][3]["coefficients"] == policy.pools[1].coefficients[3].tolist()
    assert call("policy", "export", directory, tmp_path / "tables")[0] == 64


def test_evaluate_agrees_with_the_largest_cut(stored: tuple[Policy, Path], tmp_path: Path):
    policy, directory = stored
    stage_id, names = policy.stages[0].stage_id, policy.layout.names
    state = np.linspace(20.0, 60.0, policy.layout.dimension)
    (tmp_path / "state.json").write_text(json.dumps(dict(zip(names, state, strict=True))))
    (tmp_path / "list.json").write_text(json.dumps(state.tolist()))
    sets = [word for name, x in zip(names, state, strict=True) for word in ("--set", f"{name}={x}")]
    pool = policy.pools[0]
    slots = pool.active_slots()
    expected = float(np.max(pool.intercepts[slots] + pool.coefficients[slots] @ state))
    for given in (["--state", tmp_path / "state.json"], ["--state", tmp_path / "list.json"], sets):
        code, shown = call(
            "policy", "evaluate", directory, "--stage", stage_id, *given, "--format", "json"
        )
        told = json.loads(shown)
        assert code == 0
        assert told["value"] == pytest.approx(expected, rel=1e-12)
        assert list(told["water_values"].values()) == policy.water_values(stage_id, state).tolist()
    assert call("policy", "evaluate", directory, "--stage", stage_id, "--otherwise", 30)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--stage", 99, "--otherwise", 1], 64, "there is no stage '99'"),
        (
            ["--stage", 0, "--set", "storage_77=1", "--otherwise", 1],
            64,
            "has no component 'storage_77'",
        ),
        (["--stage", 0, "--set", "storage_0=1"], 64, "no value is given for storage_1"),
        (["--stage", 0, "--set", "storage_0=much", "--otherwise", 1], 64, "not a finite number"),
        (["--stage", 0, "--state", __file__], 64, "is not JSON"),
    ],
)
def test_states_that_make_no_sense_are_refused(
    stored: tuple[Policy, Path], arguments: list[Any], code: int, message: str
):
    found, shown = call("policy", "evaluate", stored[1], *arguments)
    assert found == code
    assert message in shown


def case_of(root: Path, **policy: Any) -> TinyCase:
    case = tiny_case(root)
    case.training["stopping_rules"] = [{"type": "iteration_limit", "limit": 3}]
    case.files["config.json"]["policy"] = policy
    case.write()
    return case


def test_check_says_what_a_policy_may_be_used_for(tmp_path: Path):
    case = case_of(tmp_path / "case")
    assert call("train", case.root, "-q", "-j", 1)[0] == 0
    policy = case.root / "output" / "policy"
    code, shown = call("policy", "check", policy, case.root, "--format", "json")
    told = json.loads(shown)
    assert code == 0
    assert [told[use]["allowed"] for use in ("simulation", "resume", "warm_start")] == [
        True,
        True,
        True,
    ]
    case.training["forward_passes"] += 1
    case.write()
    code, shown = call("policy", "check", policy, case.root)
    assert code == 0
    assert "resume: no" in shown
    assert "training.forward_passes" in shown
    assert "warm start: yes" in shown
    assert call("policy", "check", policy, case.root, "--shift", 50)[0] == 5


def test_a_case_may_start_from_the_cuts_of_another_run(tmp_path: Path):
    first = case_of(tmp_path / "first")
    assert call("train", first.root, "-q", "-j", 1)[0] == 0
    second = case_of(
        tmp_path / "second",
        mode="warm_start",
        path=str(first.root / "output" / "policy"),
        stage_map={"shift": 0},
    )
    assert call("train", second.root, "-q", "-j", 1)[0] == 0
    results = hw.load_results(second.root / "output")
    assert results.training_metadata["lower_bound"]["proven"]
    cold = hw.load_results(first.root / "output").convergence["lower_bound"]
    assert results.convergence["lower_bound"][0] >= cold[-1] * (1 - 1e-9)


def test_a_case_may_say_that_it_goes_on(tmp_path: Path):
    case = case_of(tmp_path / "case")
    assert call("train", case.root, "-q", "-j", 1)[0] == 0
    case.training["stopping_rules"] = [{"type": "iteration_limit", "limit": 5}]
    case.files["config.json"]["policy"] = {"mode": "resume", "path": "output/policy"}
    case.write()
    assert call("train", case.root, "-o", tmp_path / "on", "-q", "-j", 1)[0] == 0
    assert hw.load_policy(tmp_path / "on" / "policy").n_iterations == 5
    case.files["config.json"]["policy"]["path"] = "nowhere"
    case.write()
    code, shown = call("train", case.root, "-o", tmp_path / "on", "-q", "-j", 1)
    assert (code, "HW808" in shown, "policy.path" in shown) == (5, True, True)
