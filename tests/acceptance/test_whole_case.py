"""A case directory with every kind of equipment, from files to results."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import headwater as hw
from case_builder import TinyCase, geometry, tiny_case
from headwater.case import refused_features
from headwater.cli.app import _run, app

STATION = {
    "id": 0,
    "name": "Lift",
    "bus_id": 0,
    "source_hydro_id": 1,
    "destination_hydro_id": 0,
    "consumption_mw_per_m3s": 0.1,
}
CONTRACT = {
    "id": 0,
    "name": "Deal",
    "bus_id": 0,
    "type": "export",
    "price_per_mwh": -9.0,
    "limits": {"min_mw": 0, "max_mw": 5},
}
SOURCE = {"id": 0, "name": "Wind", "bus_id": 0, "max_generation_mw": 5.0}


def whole_case(root: Path) -> TinyCase:
    """The tiny case with pumping, a contract, wind, a diversion, a lake, an ordered thermal, blocks
    in time, a constraint.
    """
    case = tiny_case(root)
    case.files["system/pumping_stations.json"] = {
        "pumping_stations": [{**STATION, "flow": {"min_m3s": 0, "max_m3s": 5}}]
    }
    case.files["system/energy_contracts.json"] = {"contracts": [CONTRACT]}
    case.files["system/non_controllable_sources.json"] = {"non_controllable_sources": [SOURCE]}
    case.hydros[0] |= {
        "diversion": {"downstream_id": 1, "max_flow_m3s": 3.0},
        "evaporation": {"coefficients_mm": [50.0] * 12},
    }
    case.tables["system/hydro_geometry"] = [
        geometry(0, volume, 300.0 + volume) for volume in (0.0, 50.0, 100.0)
    ]
    case.thermals[0]["gnl_config"] = {"lag_stages": 1}
    case.initial["gnl_pipeline"] = [{"thermal_id": 0, "stage_offset": 1, "committed_mw": 5.0}]
    case.stages[1]["block_mode"] = "chronological"
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 4}
    return case


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    path = whole_case(root / "case").write()
    assert refused_features(hw.load_case(path)) == []
    hw.run(path, root / "out", threads=1)
    return root


def test_all_tables_are_written_with_their_columns(output: Path) -> None:
    results = hw.load_results(output / "out")
    rows = {
        name: len(results.table(name))
        for name in ("pumping_stations", "contracts", "non_controllables")
    }
    stages_and_blocks = len(results.table("costs")) // 4
    assert (
        rows["pumping_stations"]
        == rows["contracts"]
        == rows["non_controllables"]
        == 4 * stages_and_blocks
    )
    thermals = results.table("thermals").filter(pl.col("thermal_id") == 0)
    assert thermals["is_gnl"].all()
    first = thermals.filter(pl.col("stage_id") == 0)
    assert first["generation_mw"].to_list() == pytest.approx([5.0] * len(first))
    ordered = first.group_by("scenario_id", maintain_order=True).agg(
        pl.col("gnl_decision_mw").first()
    )
    later = thermals.filter(pl.col("stage_id") == 1).group_by("scenario_id", maintain_order=True)
    assert later.agg(pl.col("gnl_committed_mw").first())[
        "gnl_committed_mw"
    ].to_list() == pytest.approx(ordered["gnl_decision_mw"].to_list())
    hydros = results.table("hydros").filter(pl.col("hydro_id") == 0)
    assert hydros["evaporation_m3s"].min() > 0.0
    assert hydros["diverted_outflow_m3s"].null_count() == 0


def test_the_components_of_the_costs_add_up(output: Path) -> None:
    costs = hw.load_results(output / "out").table("costs")
    sums = {"total_cost", "immediate_cost", "future_cost", "hydro_violation_cost", "pumping_cost"}
    parts = [name for name in costs.columns if name.endswith("_cost") and name not in sums]
    assert costs.select(pl.sum_horizontal(parts)).to_series().to_list() == pytest.approx(
        costs["immediate_cost"].to_list()
    )


def test_a_policy_with_orders_in_its_state_is_stored_and_read(output: Path) -> None:
    policy = hw.load_policy(output / "out" / "policy")
    assert policy.layout.block("gnl_commitment").depths == ((0, 1),)
    assert policy.layout.describe()[-1] == {
        "dimension": policy.layout.dimension - 1,
        "kind": "gnl_commitment_1",
        "thermal_id": 0,
        "lag": 1,
        "unit": "MW",
    }
    case = hw.load_case(output / "case")
    assert hw.simulate(policy, case, n_scenarios=2).mean_cost > 0.0
    plain = tiny_case(output / "plain").write()
    with pytest.raises(hw.PolicyError, match="HW802 thermals dispatched ahead"):
        hw.simulate(policy, hw.load_case(plain), n_scenarios=2)


def test_the_command_writes_the_program_of_a_stage(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = output / "stage.mps"
    arguments = [
        "lp",
        output / "case",
        "--stage",
        0,
        "--scenario",
        2,
        "--policy",
        output / "out" / "policy",
        "--output",
        target,
    ]
    assert _run(lambda: app([str(a) for a in arguments], standalone_mode=False)) == 0
    assert "rows" in capsys.readouterr().out
    written = target.read_text()
    names = [hydro.name or str(hydro.id) for hydro in hw.load_case(output / "case").system.hydros]
    assert f"storage[{names[0]}]" in written
    assert f"balance[{names[0]}]" in written
    assert "pumping[Lift,0]" in written
    assert "cut[0]" in written


def test_the_command_describes_the_programs(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(lambda: app(["describe", str(output / "case"), "--lp"], standalone_mode=False)) == 0
    shown = capsys.readouterr().out
    assert "pumping stations" in shown
    assert "stage programs without cuts" in shown


def test_an_unknown_stage_is_a_wrong_argument(output: Path) -> None:
    arguments = ["lp", str(output / "case"), "--stage", "9", "--output", str(output / "x.lp")]
    assert _run(lambda: app(arguments, standalone_mode=False)) == 64
    assert not (output / "x.lp").exists()
