"""Non-controllable sources: what is available is used or curtailed at a cost."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from operated import operate, system
from small_systems import stages, study


def test_curtailment_is_a_true_cost() -> None:
    """Load 100; 130 MW of wind with curtailment at 2 $/MWh: 30 MW are lost, 30 * 2 * 100 = 6000."""
    found = operate(
        system(
            non_controllables=(m.NonControllableSource(4, 0, 130.0, curtailment_cost_per_mwh=2.0),)
        )
    )
    assert found.lower_bound == pytest.approx(6000.0)
    assert found.column("non_controllables", "available_mw") == pytest.approx([130.0])
    assert found.column("non_controllables", "generation_mw") == pytest.approx([100.0])
    assert found.column("non_controllables", "curtailment_mwh") == pytest.approx([3000.0])
    assert found.column("non_controllables", "curtailment_cost") == pytest.approx([6000.0])
    assert found.column("costs", "curtailment_cost") == pytest.approx([6000.0])
    assert found.column("buses", "spot_price") == pytest.approx([-2.0])


def test_stage_bounds_and_block_factors_shape_the_availability() -> None:
    """40 MW available at stage 0, times 0.5 in the second block.

    60 and 80 MW of thermal at 10 over 40 and 60 h.
    """
    found = operate(
        system(
            hours=(40.0, 60.0),
            non_controllables=(m.NonControllableSource(4, 0, 130.0),),
            thermals=(m.Thermal.flat(0, 0, 200.0, 10.0),),
            ncs_bound_overrides=m.StageOverrides.from_rows(
                [{"ncs_id": 4, "stage_id": 0, "available_generation_mw": 40.0}], entity="ncs_id"
            ),
            ncs_factors=m.StageOverrides.from_rows(
                [{"ncs_id": 4, "stage_id": 0, "block_id": 1, "factor": 0.5}], entity="ncs_id"
            ),
        )
    )
    assert found.lower_bound == pytest.approx(10 * (60 * 40 + 80 * 60))


def test_openings_differ_in_row_bounds_alone() -> None:
    windy = system(
        stages=stages(1, (100.0,), n_openings=3),
        non_controllables=(m.NonControllableSource(4, 0, 80.0),),
        availability_statistics=(m.AvailabilityStatistics(4, 0, 0.5, 0.25),),
        given_openings=m.GivenOpenings({0: np.array([[-1.0], [0.0], [4.0]])}),
        thermals=(m.Thermal.flat(0, 0, 200.0, 10.0),),
    )
    problems = build_problems(study(windy, cost_scale=1.0))
    stage = problems.stages[0]
    solved = SolverPool(problems).solve(
        0, problems.initial_state, stage.openings, None, want_primal=True
    )
    # Availability 80 * clip(0.5 + 0.25 eta): 20, 40, 80 MW; the thermal plant serves the rest of
    # 100 MW at 10 for 100 h.
    assert stage.objective(solved) == pytest.approx([80_000.0, 60_000.0, 20_000.0])


def test_a_source_outside_its_life_gives_nothing() -> None:
    late = m.NonControllableSource(4, 0, 30.0, entry_stage_id=1)
    found = operate(system(2, non_controllables=(late,)))
    assert found.column("non_controllables", "generation_mw") == pytest.approx([0.0, 30.0])
    assert found.column("non_controllables", "available_mw") == pytest.approx([0.0, 30.0])


def test_a_source_that_must_be_taken_leaves_an_excess_and_no_curtailment() -> None:
    must = m.NonControllableSource(4, 0, 130.0, curtailment_cost_per_mwh=2.0)
    must = dataclasses.replace(must, allow_curtailment=False)
    found = operate(system(non_controllables=(must,)))
    assert found.column("non_controllables", "generation_mw") == pytest.approx([130.0])
    assert found.column("non_controllables", "curtailment_mw") == [0.0]
    assert found.column("buses", "excess_mw") == pytest.approx([30.0])
    excess_cost = found.column("costs", "excess_cost")
    assert excess_cost == pytest.approx([found.lower_bound])
