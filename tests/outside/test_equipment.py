"""A package that Headwater does not know adds a kind of equipment with a state, and everything
treats it like its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from case_builder import TinyCase, tiny_case
from outside_package import headwater, installed, metadata
from rank_processes import on_ranks, requires_mpi

LOAD = {
    "id": 4,
    "name": "cold store",
    "bus_id": 0,
    "max_power_mw": 15.0,
    "max_owed_mwh": 6000.0,
    "cost_per_mwh": 0.5,
}


def with_load(root: Path, **changes: object) -> TinyCase:
    """A case with a load that may be put off."""
    case = tiny_case(root)
    case.files["system/deferrable_loads.json"] = {"deferrable_loads": [{**LOAD, **changes}]}
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 3}
    return case


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The case after a run with the package."""
    root = with_load(tmp_path_factory.mktemp("deferrable") / "case").write()
    done = headwater("run", root)
    assert done.returncode == 0, done.stderr
    return root


def table(root: Path, name: str) -> pl.DataFrame:
    return pl.concat(
        [pl.read_parquet(part) for part in sorted(root.rglob(f"simulation/{name}/*.parquet"))]
    )


def test_what_is_owed_adds_up_in_the_results(run: Path) -> None:
    rows = table(run, "deferrable_loads").sort("scenario_id", "stage_id", "block_id")
    hours = {
        stage["id"]: [block["hours"] for block in stage["blocks"]]
        for stage in tiny_case(run).stages
    }
    for (_,), scenario in rows.group_by("scenario_id"):
        owed = 0.0
        for (stage,), blocks in scenario.sort("stage_id", "block_id").group_by(
            "stage_id", maintain_order=True
        ):
            moved = (blocks["put_off_mw"] - blocks["served_late_mw"]).to_list()
            owed += sum(h * one for h, one in zip(hours[stage], moved, strict=True))
            assert blocks["owed_mwh"].to_list() == pytest.approx([owed] * len(blocks), abs=1e-6)
    assert rows["put_off_mw"].max() > 1.0, "nothing is put off, so that nothing is tested"
    assert "deferral_cost" in table(run, "costs").columns


def test_results_name_its_package(run: Path) -> None:
    assert metadata(run)["packages"] == ["headwater-outside 1.0"]


def test_it_lowers_the_cost(run: Path, tmp_path: Path) -> None:
    plain = with_load(tmp_path / "plain", max_power_mw=0.0).write()
    assert headwater("run", plain).returncode == 0
    less, more = metadata(run)["lower_bound"]["value"], metadata(plain)["lower_bound"]["value"]
    assert less < more * (1.0 - 1e-6)


def test_its_state_is_recorded_with_the_policy_and_read_back(run: Path, tmp_path: Path) -> None:
    (policy,) = {path.parent for path in run.rglob("LATEST")}
    (record,) = policy.rglob("metadata.json")
    layout = json.loads(record.read_text(encoding="utf-8"))["layout"]
    assert layout["layout_version"] == 2
    assert [block["name"] for block in layout["blocks"]] == ["owed_energy"]
    done = headwater("simulate", run, "--policy", policy, "--output", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    assert table(tmp_path / "again", "deferrable_loads").equals(table(run, "deferrable_loads"))
    inspected = headwater("policy", "inspect", policy, "--format", "json")
    assert "owed_energy" in inspected.stdout


def test_without_the_package_its_file_is_no_part_of_a_case(run: Path) -> None:
    done = headwater("validate", run, there=False)
    assert done.returncode != 0
    assert "system/deferrable_loads.json" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_policy_with_its_state_does_not_fit_a_case_without_it(run: Path, tmp_path: Path) -> None:
    (policy,) = {path.parent for path in run.rglob("LATEST")}
    done = headwater("policy", "check", policy, tiny_case(tmp_path).write(), there=False)
    said = " ".join((done.stdout + done.stderr).split())
    assert "owed_energy: the policy has 1 (4), the study none" in said
    assert "Traceback" not in said


def test_what_is_wrong_with_it_is_found(tmp_path: Path) -> None:
    done = headwater("validate", with_load(tmp_path, bus_id=99).write())
    said = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert "HW301" in said
    assert "Deferrable load 4" in said


def test_schema_reference_and_description_know_it(run: Path, tmp_path: Path) -> None:
    assert headwater("schema", "--output", tmp_path).returncode == 0
    assert "max_owed_mwh" in (tmp_path / "system" / "deferrable_loads.schema.json").read_text(
        encoding="utf-8"
    )
    program = (
        "from headwater.case.reference import reference_pages; "
        "print(reference_pages()['system-files.md'])"
    )
    command = [sys.executable, "-c", program]
    page = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=installed(), check=True
    )
    assert "`deferrable_loads[].max_owed_mwh`" in page.stdout
    assert "deferrable loads" in headwater("describe", run).stdout


def test_the_balance_of_the_report_holds_with_what_it_gives_and_takes(run: Path) -> None:
    program = (
        "import sys, json, numpy as np, headwater as hw\n"
        "from headwater.report.balance import balance\n"
        "from headwater.report.outcome import Outcome\n"
        "drawn = balance(Outcome.of_results(hw.load_results(sys.argv[1])))\n"
        "print(json.dumps({one['name']: list(one['y']) for one in drawn.traces}))\n"
    )
    command = [sys.executable, "-c", program, str(run / "output")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=installed(), check=True
    )
    series = json.loads(done.stdout)
    load = series.pop("load")
    assert max(series["load put off"]) > 0.0
    assert [sum(one) for one in zip(*series.values(), strict=True)] == pytest.approx(load)


def test_a_table_of_the_case_limits_it_at_a_stage(tmp_path: Path) -> None:
    case = with_load(tmp_path / "case")
    case.tables["constraints/deferrable_load_bounds"] = [
        {"deferrable_load_id": 4, "stage_id": 0, "max_power_mw": 0.25}
    ]
    root = case.write()
    done = headwater("run", root)
    assert done.returncode == 0, done.stderr
    first = table(root, "deferrable_loads").filter(stage_id=0)
    assert 0.0 < first["put_off_mw"].max() <= 0.25 + 1e-9


def test_its_state_has_a_price_in_the_upper_bound(tmp_path: Path) -> None:
    case = with_load(tmp_path / "case")
    case.files["config.json"]["upper_bound_evaluation"] = {"enabled": True}
    case.files["config.json"].setdefault("modeling", {})["inflow_non_negativity"] = {
        "method": "penalty"
    }
    root = case.write()
    done = headwater("run", root)
    assert done.returncode == 0, done.stderr


@requires_mpi
def test_two_ranks_learn_the_same(run: Path, tmp_path: Path) -> None:
    root = with_load(tmp_path / "case").write()
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
    assert metadata(root)["policy_digest"] == metadata(run)["policy_digest"]
