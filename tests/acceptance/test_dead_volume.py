"""Starters, the example and a planner's case keep the dead volume of their reservoirs
unless water truly runs out.

Whether it does is judged by a linear program of the stage, at the state in which the scenario
arrives there and with its inflows, that minimises storage below its minimum and nothing else: loads
may go unserved and every other limit be broken.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.case import TEMPLATES, write_starter
from shared_data import SHARED, requires_shared
from water_saving import BOUGHT, SHORTFALL, least_shortfall, program_met

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "four-subsystems"
SMALLEST_HM3 = 1e-6


def avoidable(
    case: hw.Case, iterations: int, scenarios: int, *, wholly: bool = False
) -> list[tuple[int, int, float, float]]:
    """Scenario, stage, cost of storage below its minimum and of bought water, and the least cost of
    them, where it is less.

    With ``wholly`` only where it is nothing. Where water has run out, a policy may use more than
    the stage must, so that another plant, or the same one later, needs less.
    """
    policy = hw.train(
        case,
        replace(case.config.training, stopping_rules=(hw.model.IterationLimit(iterations),)),
        threads=1,
    )
    hydros = hw.simulate(policy, case, n_scenarios=scenarios, threads=1).table("hydros")
    used = hydros.filter(pl.col("storage_violation_below_hm3") > SMALLEST_HM3)
    found = []
    for scenario, stage in (
        used.select("scenario_id", "stage_id").unique().sort("scenario_id", "stage_id").rows()
    ):
        here = (
            hydros.filter(scenario_id=scenario, stage_id=stage).unique("hydro_id").sort("hydro_id")
        )
        program = program_met(policy, case, here, scenario, stage)
        paid = _prices(program, SHORTFALL) @ here["storage_violation_below_hm3"].to_numpy()
        bought = _prices(program, BOUGHT)
        if len(bought):
            paid += bought @ here["inflow_nonnegativity_slack_m3s"].to_numpy()
        least = least_shortfall(program)
        trifle = SMALLEST_HM3 * _prices(program, SHORTFALL).max()
        allowed = paid if wholly and least > trifle else least * (1.0 + 1e-6)
        if paid > allowed + trifle:
            found.append((scenario, stage, float(paid), least))
    return found


def _prices(program: hw.lp.NamedProgram, kind: str) -> np.ndarray:
    """Cost of each plant's column of a kind, in the order of the plants' ids."""
    return np.array(
        [
            cost
            for name, cost in zip(program.columns, program.cost, strict=True)
            if name.startswith(kind)
        ]
    )


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_starter_uses_dead_volume_only_where_water_runs_out(tmp_path, template):
    assert avoidable(hw.load_case(write_starter(tmp_path / "case", template)), 15, 100) == []


def test_the_example_uses_dead_volume_only_where_water_runs_out():
    assert avoidable(hw.load_case(EXAMPLE), 6, 30) == []


@requires_shared
def test_a_planners_case_uses_dead_volume_only_where_water_runs_out(tmp_path):
    template = write_starter(tmp_path / "template", "from-history")
    script = SHARED / "strangers" / "planner_case.py"
    subprocess.run([sys.executable, script, tmp_path / "case", template], check=True)
    assert avoidable(hw.load_case(tmp_path / "case"), 3, 15, wholly=True) == []


def one_plant(root: Path, storage_hm3: float, **outflow: float) -> pl.DataFrame:
    """What a single plant does in January: 0.5 MW per m3/s, dead volume 10 hm3, no inflow, 20 MW
    that no thermal plant serves.

    The thermal plants give 120 MW, the load is 140 MW. An hm3 is 277.8 m3/s
    for an hour, so 138.9 MWh.
    """
    case = tiny_case(root)
    (plant,) = case.files["system/hydros.json"]["hydros"] = case.hydros[:1]
    plant["downstream_id"] = None
    plant["outflow"] |= outflow
    case.initial["storage"] = [{"hydro_id": 0, "value_hm3": storage_hm3}]
    case.tables["scenarios/inflow_seasonal_stats"] = [
        {"hydro_id": 0, "stage_id": stage, "mean_m3s": 0.0, "std_m3s": 0.0} for stage in (0, 1)
    ]
    study = hw.load_case(case.write())
    simulation = hw.simulate(hw.train(study, threads=1), study, n_scenarios=1, threads=1)
    deficit = (
        simulation.table("buses")
        .filter(stage_id=0)
        .group_by("block_id")
        .agg(pl.col("deficit_mw").sum())
    )
    return (
        simulation.table("hydros").filter(stage_id=0).join(deficit, on="block_id").sort("block_id")
    )


def test_dead_volume_is_worth_more_than_load(tmp_path):
    """To serve 20 MW for 744 hours takes 107.1 hm3, which are there, but below the
    dead volume or not at all.
    """
    january = one_plant(tmp_path, storage_hm3=10.0)
    assert january["storage_final_hm3"].to_list() == pytest.approx([10.0, 10.0])
    assert january["turbined_m3s"].to_list() == pytest.approx([0.0, 0.0], abs=1e-9)
    assert january["deficit_mw"].to_list() == pytest.approx([20.0, 20.0])


def test_dead_volume_is_worth_more_than_a_least_outflow(tmp_path):
    """30 m3/s for 744 hours are 80.4 hm3."""
    january = one_plant(tmp_path, storage_hm3=10.0, min_outflow_m3s=30.0)
    assert january["storage_final_hm3"].to_list() == pytest.approx([10.0, 10.0])
    assert january["outflow_slack_below_m3s"].to_list() == pytest.approx([30.0, 30.0])


def test_load_is_worth_more_than_a_largest_outflow(tmp_path):
    """20 MW are 40 m3/s, 30 more than may flow.

    90 hm3 above the dead volume last for 625 hours of them.
    """
    january = one_plant(tmp_path, storage_hm3=100.0, max_outflow_m3s=10.0)
    assert january["storage_final_hm3"].min() >= 10.0 - 1e-9
    served = 20.0 - january["deficit_mw"].to_numpy()
    np.testing.assert_allclose(0.5 * january["turbined_m3s"].to_numpy(), served, atol=1e-6)
    np.testing.assert_allclose(
        january["outflow_slack_above_m3s"], np.maximum(2.0 * served - 10.0, 0.0), atol=1e-6
    )
    assert january["outflow_slack_above_m3s"].max() > 1.0


def test_a_shortfall_that_nothing_avoids_is_told_from_one_that_is_chosen(tmp_path):
    """Dead volume is cheaper than load here, so that it is used, and the judge must say that it
    need not have been.
    """
    case = tiny_case(tmp_path)
    case.files["penalties.json"]["hydro"]["storage_violation_below_cost"] = 1000.0
    case.initial["storage"] = [{"hydro_id": h, "value_hm3": 10.0} for h in (0, 1)]
    for row in case.tables["scenarios/load_seasonal_stats"]:
        row["mean_mw"] = 150.0
    found = avoidable(hw.load_case(case.write()), 3, 4)
    assert found
    assert all(least == 0.0 for *_, least in found)
