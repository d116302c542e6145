"""A package that Headwater does not know adds choices, and everything treats them like its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from case_builder import TinyCase, tiny_case
from outside_package import headwater, installed, metadata
from rank_processes import on_ranks, requires_mpi


def chosen(root: Path) -> TinyCase:
    """A case with choices of the package."""
    case = tiny_case(root)
    for stage in case.stages:
        stage["risk_measure"] = {"type": "exponential", "gamma": 1e-6}
    case.training["stopping_rules"].append({"type": "little_gain", "amount": 1e9, "iterations": 2})
    antithetic = {"scheme": {"type": "antithetic", "share": 0.5}}
    case.training["scenario_source"] = {"inflow": antithetic, "seed": 5}
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 4}
    return case


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case that was run with the package."""
    root = chosen(tmp_path_factory.mktemp("chosen") / "case").write()
    done = headwater("run", root)
    assert done.returncode == 0, done.stderr
    return root


def test_results_name_the_choices_and_their_package(trained: Path):
    found = metadata(trained)
    assert found["stages"][0]["risk_measure"] == {"type": "exponential", "gamma": 1e-6}
    assert found["packages"] == ["headwater-outside 1.0"]
    assert found["lower_bound"]["kind"] == "nested_risk"
    rules = found["configuration"]["training"]["stopping_rules"]
    assert rules[1] == {"type": "little_gain", "amount": 1e9, "iterations": 2}
    source = found["configuration"]["training"]["scenario_source"]
    assert source["inflow"] == {"type": "antithetic", "share": 0.5}
    assert source["load"] == "in_sample"
    assert metadata(trained, "simulation")["schemes"]["inflow"] == "antithetic"


def test_a_rule_of_the_package_ends_training(trained: Path):
    found = metadata(trained)
    assert found["iterations"] == {"completed": 3, "reason": "little_gain", "converged": True}
    assert [rule["rule"] for rule in found["stopping_rules"]] == ["iteration_limit", "little_gain"]


def test_the_policy_is_read_back_and_simulates_the_same(trained: Path, tmp_path: Path):
    again = tmp_path / "again"
    (policy,) = {path.parent for path in trained.rglob("LATEST")}
    done = headwater("simulate", trained, "--policy", policy, "--output", again)
    assert done.returncode == 0, done.stderr
    assert (
        metadata(again, "simulation")["policy_digest"]
        == metadata(trained, "simulation")["policy_digest"]
    )


def test_without_the_package_the_policy_says_what_it_needs(trained: Path, tmp_path: Path):
    plain = tiny_case(tmp_path / "plain").write()
    (policy,) = {path.parent for path in trained.rglob("LATEST")}
    done = headwater("policy", "check", policy, plain, there=False)
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert (
        "'exponential' of headwater-outside 1.0 (one of the risk_measures), which is not here"
        in said
    )
    assert "Traceback" not in said


def test_without_the_package_the_case_says_what_it_knows(trained: Path):
    done = headwater("validate", trained, there=False)
    assert done.returncode != 0
    assert "exponential" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_parameters_out_of_range_are_findings(tmp_path: Path):
    case = chosen(tmp_path / "case")
    case.stages[0]["risk_measure"] = {"type": "exponential", "gamma": -1.0}
    case.stages[1]["risk_measure"] = {"type": "exponential", "gama": 1.0}
    done = headwater("validate", case.write())
    said = " ".join(done.stdout.split())
    assert "expected a number above 0, got -1.0" in said
    assert "stages[0].risk_measure.gamma" in said
    assert "did you mean 'gamma'" in said


def test_schemas_describe_the_parameters(tmp_path: Path):
    done = headwater("schema", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "stages.schema.json").read_text(encoding="utf-8")
    definitions = json.loads(text)["$defs"]
    (form,) = [one for one in definitions.values() if "gamma" in one.get("properties", {})]
    assert form["properties"]["gamma"]["description"] == "aversion to risk, per $"
    assert form["properties"]["gamma"]["exclusiveMinimum"] == 0


def test_the_reference_lists_them():
    program = (
        "from headwater.case.reference import reference_pages; "
        "print(reference_pages()['root-files.md'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env=installed(),
        check=True,
    )
    assert "`stages[].risk_measure (exponential).gamma`" in done.stdout
    assert "`training.stopping_rules[] (little_gain).amount`" in done.stdout
    assert "`training.scenario_source.inflow.scheme (antithetic).share`" in done.stdout


def test_a_description_names_them(trained: Path):
    done = headwater("describe", trained)
    assert "exponential (gamma" in done.stdout
    assert "inflow antithetic" in done.stdout


@requires_mpi
def test_two_ranks_learn_the_same_policy(trained: Path, tmp_path: Path):
    root = chosen(tmp_path / "case").write()
    done = on_ranks(
        2,
        sys.executable,
        "-m",
        "headwater",
        "run",
        root,
        patience=300.0,
        PYTHONPATH=installed()["PYTHONPATH"],
    )
    assert done.returncode == 0, done.stderr
    assert metadata(root)["policy_digest"] == metadata(trained)["policy_digest"]


def test_the_policy_names_the_package_of_its_choices(trained: Path):
    (policy,) = {path.parent for path in trained.rglob("LATEST")}
    said = headwater("policy", "inspect", policy, there=False)
    assert "headwater-outside 1.0" in said.stdout + said.stderr


def test_a_broken_package_is_told_and_stops_no_command(tmp_path: Path):
    meta = tmp_path / "broken_kinds-1.2.dist-info"
    meta.mkdir()
    (tmp_path / "broken_kinds.py").write_text("raise ValueError('broken inside')\n")
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-kinds\nVersion: 1.2\n")
    entries = "".join(
        f"[headwater.{group}]\nkiln = broken_kinds:Kiln\n"
        for group in ("equipment", "risk_measures", "stopping_rules", "sampling_schemes")
    )
    (meta / "entry_points.txt").write_text(entries)
    path = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), *sys.path))}
    case = tiny_case(tmp_path / "case").write()

    def validated() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "headwater", "validate", str(case)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=300, env=path, check=False
        )

    done = validated()
    assert done.returncode == 0, done.stderr
    assert "'kiln' of the installed package broken-kinds 1.2 cannot be loaded" in done.stderr
    (case / "system" / "kilns.json").write_text("{}")
    done = validated()
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert "HW104" in said
    assert "broken-kinds 1.2 cannot be loaded" in said
    assert "Traceback" not in said + done.stderr
