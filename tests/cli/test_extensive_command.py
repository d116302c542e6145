"""``headwater extensive``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from case_builder import tiny_case
from headwater.cli.app import app

run = CliRunner()


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return tiny_case(tmp_path / "case").write()


def test_the_optimum_is_shown_with_the_size_of_the_tree(case: Path):
    done = run.invoke(app, ["extensive", str(case)])
    assert done.exit_code == 0, done.output
    assert "optimal cost" in done.output
    assert "nodes" in done.output
    assert "bound of the policy" not in done.output


def test_a_policy_is_held_against_it(case: Path):
    assert run.invoke(app, ["train", str(case)]).exit_code == 0
    done = run.invoke(
        app,
        ["--output-format", "json", "extensive", str(case), "-p", str(case / "output" / "policy")],
    )
    assert done.exit_code == 0, done.output
    data = json.loads(done.output)["data"]
    assert data["lower_bound"] <= data["cost"] * (1 + 1e-7)
    assert data["gap"] == pytest.approx((data["cost"] - data["lower_bound"]) / data["cost"])
    assert (
        "bound of the policy"
        in run.invoke(app, ["extensive", str(case), "-p", str(case / "output" / "policy")]).output
    )
