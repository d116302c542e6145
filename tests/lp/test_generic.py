"""User constraints: rows, aggregation over blocks, marginal values."""

from __future__ import annotations

import pytest

import headwater.model as m
from headwater.errors import ModelError
from operated import operate, system
from small_systems import stages

PER_BLOCK, SUM, AVERAGE = m.BlockAggregation.PER_BLOCK, m.BlockAggregation.SUM, m.BlockAggregation.AVERAGE


def limited(
    aggregation: m.BlockAggregation, bound: float, *, slack_cost: float | None = None, block: int | None = None, text: str = ""
) -> m.System:
    """Cheap plant at 10, dear one at 30; load 100 and 50 MW over 40 and 60 h; the cheap plant is limited by a constraint."""
    return system(
        stages=stages(1, (40.0, 60.0)),
        thermals=(m.Thermal.flat(0, 0, 200.0, 10.0), m.Thermal.flat(1, 0, 200.0, 30.0)),
        load_factors=m.StageOverrides.from_rows([{"bus_id": 0, "stage_id": 0, "block_id": 1, "factor": 0.5}], entity="bus_id"),
        generic_constraints=(
            m.GenericConstraint(
                5,
                m.parse_expression(text or "thermal_generation(0)"),
                m.Sense.LESS_EQUAL,
                slack_cost=slack_cost,
                block_aggregation=aggregation,
            ),
        ),
        generic_constraint_bounds=(m.GenericConstraintBound(5, 0, bound, block_id=block),),
    )


EVERYTHING_CHEAP = 10 * (100 * 40 + 50 * 60)


def test_without_aggregation_each_block_has_a_row() -> None:
    """60 MW per block: 40 MW for 40 h move to the dear plant, 20 $/MWh more; the first row is worth -20 an hour."""
    found = operate(limited(PER_BLOCK, 60.0))
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 40 * 40)
    assert found.column("violations/generic", "block_id") == [0, 1]
    assert found.column("violations/generic", "marginal_value") == pytest.approx([-20.0, 0.0], abs=1e-9)


def test_a_sum_adds_the_blocks_and_an_average_weighs_them_by_hours() -> None:
    """Sum 130 of 150 MW: the 20 MW are moved where they last 40 h. Average 60 of 70 MW: 10 * 100 MWh are moved."""
    summed = operate(limited(SUM, 130.0))
    assert summed.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 20 * 40)
    # One more unit of the sum saves 20 * 40 $, that is 8 $ per hour of the stage.
    assert summed.column("violations/generic", "marginal_value") == pytest.approx([-8.0])
    mean = operate(limited(AVERAGE, 60.0))
    assert mean.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 10 * 100)
    assert mean.column("violations/generic", "marginal_value") == pytest.approx([-20.0])
    assert mean.column("violations/generic", "block_id") == [-1]


def test_slack_of_an_aggregated_row_is_paid_for_the_hours_of_the_stage() -> None:
    """Sum 130 at 3 $ per unit and hour: 20 units for 100 h cost 6000, less than moving 20 MW for 40 h at 20 (16 000)."""
    found = operate(limited(SUM, 130.0, slack_cost=3.0))
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 6000.0)
    assert found.column("violations/generic", "slack_value") == pytest.approx([20.0])
    assert found.column("violations/generic", "slack_cost") == pytest.approx([6000.0])
    assert sum(found.column("costs", "generic_violation_cost")) == pytest.approx(6000.0)


def test_a_bound_for_one_block_of_an_aggregated_constraint_is_refused() -> None:
    with pytest.raises(ModelError, match="constraint 5 aggregates over blocks"):
        operate(limited(AVERAGE, 60.0, block=1))


def test_a_named_block_is_taken_as_it_is_in_an_aggregate() -> None:
    """The average of the cheap plant plus its power in block 0: 70 + 100 without limit, 150 allowed.

    A MW in block 0 counts 0.4 + 1, so 20 / 1.4 MW are moved there.
    """
    found = operate(limited(AVERAGE, 150.0, text="thermal_generation(0) + thermal_generation(0, 0)"))
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 40 * 20 / 1.4)


def test_a_constant_moves_to_the_other_side() -> None:
    found = operate(limited(PER_BLOCK, 70.0, text="thermal_generation(0) + 10"))
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 40 * 40)


def test_an_import_cannot_be_named_as_an_export() -> None:
    import dataclasses

    deal = m.EnergyContract(3, 0, m.ContractKind.IMPORT, 5.0, 5.0)
    with pytest.raises(ModelError, match=r"'contract_export\(3\)', but contract 3 is an import"):
        operate(dataclasses.replace(limited(PER_BLOCK, 60.0, text="contract_export(3)"), contracts=(deal,)))
