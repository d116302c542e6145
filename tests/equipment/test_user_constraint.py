"""User constraints: rows, aggregation over blocks, marginal values."""

from __future__ import annotations

import dataclasses

import pytest

import headwater.model as m
from headwater.core.equipment import EQUIPMENT
from headwater.errors import ModelError
from operated import Operation, inflows, operate, reservoir, system
from small_systems import stages

PER_BLOCK, SUM, AVERAGE = (
    m.BlockAggregation.PER_BLOCK,
    m.BlockAggregation.SUM,
    m.BlockAggregation.AVERAGE,
)


def limited(
    aggregation: m.BlockAggregation,
    bound: float,
    *,
    slack_cost: float | None = None,
    block: int | None = None,
    text: str = "",
) -> m.System:
    """Cheap plant at 10, dear one at 30; load 100 and 50 MW over 40 and 60 h.

    The cheap plant is limited by a constraint.
    """
    return system(
        stages=stages(1, (40.0, 60.0)),
        thermals=(m.Thermal.flat(0, 0, 200.0, 10.0), m.Thermal.flat(1, 0, 200.0, 30.0)),
        load_factors=m.StageOverrides.from_rows(
            [{"bus_id": 0, "stage_id": 0, "block_id": 1, "factor": 0.5}], entity="bus_id"
        ),
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
    """60 MW per block: 40 MW for 40 h move to the dear plant, 20 $/MWh more.

    The first row is worth -20 an hour.
    """
    found = operate(limited(PER_BLOCK, 60.0))
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 40 * 40)
    assert found.column("violations/generic", "block_id") == [0, 1]
    assert found.column("violations/generic", "marginal_value") == pytest.approx(
        [-20.0, 0.0], abs=1e-9
    )


def test_a_sum_adds_the_blocks_and_an_average_weighs_them_by_hours() -> None:
    """Sum 130 of 150 MW: the 20 MW are moved where they last 40 h.

    Average 60 of 70 MW: 10 * 100 MWh are moved.
    """
    summed = operate(limited(SUM, 130.0))
    assert summed.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 20 * 40)
    # One more unit of the sum saves 20 * 40 $, that is 8 $ per hour of the stage.
    assert summed.column("violations/generic", "marginal_value") == pytest.approx([-8.0])
    mean = operate(limited(AVERAGE, 60.0))
    assert mean.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 10 * 100)
    assert mean.column("violations/generic", "marginal_value") == pytest.approx([-20.0])
    assert mean.column("violations/generic", "block_id") == [-1]


def test_slack_of_an_aggregated_row_is_paid_for_the_hours_of_the_stage() -> None:
    """Sum 130 at 3 $ per unit and hour.

    20 units for 100 h cost 6000, less than moving 20 MW for 40 h at 20 (16 000).
    """
    found = operate(limited(SUM, 130.0, slack_cost=3.0))
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 6000.0)
    assert found.column("violations/generic", "slack_value") == pytest.approx([20.0])
    assert found.column("violations/generic", "slack_cost") == pytest.approx([6000.0])
    assert sum(found.column("costs", "generic_violation_cost")) == pytest.approx(6000.0)


def test_slack_of_a_row_of_the_whole_stage_is_paid_for_its_hours() -> None:
    """25 hm3 are to be left of 30, at 0.7 $ per hm3 and hour; 10 MW of load over 40 and 60 h cost
    50 $/MWh without water.

    All load needs 10 * 0.36 = 3.6 hm3, so that 26.4 are left and nothing is paid. A bound
    of 28.4 hm3 is missed by 2 hm3 at 0.7 * 100 $ each, 140 $; water for these makes 2 /
    0.0036 = 555 MWh at 50 $.
    """
    kept = m.GenericConstraint(
        5, m.parse_expression("hydro_storage(0)"), m.Sense.GREATER_EQUAL, slack_cost=0.7
    )
    for bound, missed in ((25.0, 0.0), (28.4, 2.0)):
        found = operate(
            system(
                load=10.0,
                stages=stages(1, (40.0, 60.0)),
                hydros=(reservoir(),),
                thermals=(m.Thermal.flat(0, 0, 200.0, 50.0),),
                initial=m.InitialConditions(storage_hm3={0: 30.0}),
                inflow_statistics=inflows(h0=(0.0,)),
                generic_constraints=(kept,),
                generic_constraint_bounds=(m.GenericConstraintBound(5, 0, bound),),
            )
        )
        assert found.lower_bound == pytest.approx(0.7 * 100.0 * missed)
        assert found.column("violations/generic", "block_id") == [-1]
        assert found.column("violations/generic", "slack_value") == pytest.approx([missed])
        assert sum(found.column("costs", "generic_violation_cost")) == pytest.approx(
            0.7 * 100.0 * missed
        )


def test_slack_of_a_row_of_one_block_is_paid_for_the_hours_of_that_block() -> None:
    """60 MW for the cheap plant in the block of 60 h that has 50 MW, in that of 40 h that has 100.

    40 MW at 3 $ for 40 h.
    """
    found = operate(limited(PER_BLOCK, 60.0, slack_cost=3.0))
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 3 * 40 * 40)
    found = operate(limited(PER_BLOCK, 20.0, slack_cost=3.0, block=1))
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 3 * 30 * 60)


def test_a_bound_for_one_block_of_an_aggregated_constraint_is_refused() -> None:
    with pytest.raises(ModelError, match="constraint 5 aggregates over blocks"):
        operate(limited(AVERAGE, 60.0, block=1))


def test_a_named_block_is_taken_as_it_is_in_an_aggregate() -> None:
    """The average of the cheap plant plus its power in block 0: 70 + 100
    without limit, 150 allowed.

    A MW in block 0 counts 0.4 + 1, so 20 / 1.4 MW are moved there.
    """
    found = operate(
        limited(AVERAGE, 150.0, text="thermal_generation(0) + thermal_generation(0, 0)")
    )
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 40 * 20 / 1.4)


def test_a_constant_moves_to_the_other_side() -> None:
    found = operate(limited(PER_BLOCK, 70.0, text="thermal_generation(0) + 10"))
    assert found.lower_bound == pytest.approx(EVERYTHING_CHEAP + 20 * 40 * 40)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hydro_storage(7)", r"'hydro_storage\(7\)', but there is no hydro 7"),
        ("thermal_generation(0) + thermal_generation(9, 1)", "there is no thermal 9"),
        ("line_exchange(2)", "there is no line 2"),
        ("bus_deficit(4)", "there is no bus 4"),
        ("pumping_power(1)", "there is no pumping station 1"),
        ("contract_import(3)", "there is no contract 3"),
        ("non_controllable_curtailment(5)", "there is no non-controllable source 5"),
        (
            "thermal_generation(0, 2)",
            r"'thermal_generation\(0, 2\)' names a block that stage 0 does not have",
        ),
    ],
)
def test_what_does_not_exist_cannot_be_named(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        operate(limited(PER_BLOCK, 60.0, text=text))


def test_a_term_written_in_code_must_name_a_quantity() -> None:
    wrong = dataclasses.replace(
        limited(PER_BLOCK, 60.0).generic_constraints[0],
        expression=m.Expression((m.Term(1.0, "hydro_power", 0),)),
    )
    with pytest.raises(
        ModelError, match=r"'hydro_power\(0\)', which is not a quantity; known: .*bus_deficit, "
    ):
        operate(dataclasses.replace(limited(PER_BLOCK, 60.0), generic_constraints=(wrong,)))


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        (
            m.GenericConstraintBound(5, 0, 60.0, block_id=2),
            "stage 0 for block 2, but that stage has blocks 0 to 1",
        ),
        (
            m.GenericConstraintBound(5, 8, 60.0),
            "constraint 5 has a bound at stage 8, but there is no such stage",
        ),
        (
            m.GenericConstraintBound(6, 0, 60.0),
            "constraint 6 has a bound at stage 0, but there is no such constraint",
        ),
    ],
)
def test_a_bound_belongs_to_a_constraint_a_stage_and_a_block(
    bound: m.GenericConstraintBound, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        operate(dataclasses.replace(limited(PER_BLOCK, 60.0), generic_constraint_bounds=(bound,)))


def everything() -> m.System:
    """Two buses and, of each kind, something that has room to move in both blocks (40 and 60 h).

    Hydro 0 (15 hm3, 25 m3/s) loses water to the sky, to a farm and through a channel to
    hydro 1 below, from which it is pumped back; the line has room both ways, and power
    may be missing or too much.
    """
    return system(
        stages=stages(1, (40.0, 60.0)),
        buses=(m.Bus(0), m.Bus(1)),
        lines=(m.Line(2, 0, 1, 30.0, 30.0),),
        hydros=(
            reservoir(
                0,
                downstream_id=1,
                diversion=m.Diversion(1, 20.0),
                evaporation=m.Evaporation((60.0,) * 12),
            ),
            reservoir(1),
        ),
        hydro_geometry=(m.GeometryPoint(0, 0.0, 10.0, 20.0), m.GeometryPoint(0, 100.0, 20.0, 80.0)),
        hydro_bound_overrides=m.StageOverrides.from_rows(
            [{"hydro_id": 0, "stage_id": 0, "water_withdrawal_m3s": 6.0}], entity="hydro_id"
        ),
        initial=m.InitialConditions(storage_hm3={0: 15.0, 1: 4.0}),
        inflow_statistics=inflows(h0=(25.0,), h1=(3.0,)),
        thermals=(m.Thermal.flat(1, 0, 80.0, 30.0),),
        pumping_stations=(m.PumpingStation(3, 1, 1, 0, 0.5, 15.0),),
        contracts=(
            m.EnergyContract(1, 0, m.ContractKind.IMPORT, 40.0, 25.0),
            m.EnergyContract(2, 1, m.ContractKind.EXPORT, -5.0, 25.0),
        ),
        non_controllables=(m.NonControllableSource(6, 1, 35.0),),
        load_statistics=(m.LoadStatistics(0, 0, 150.0), m.LoadStatistics(1, 0, 90.0)),
    )


READ = {
    "hydro_storage": ("hydros", "storage_final_hm3", 13.0),
    "hydro_turbined": ("hydros", "turbined_m3s", 21.0),
    "hydro_spillage": ("hydros", "spillage_m3s", 7.0),
    "hydro_diversion": ("hydros", "diverted_outflow_m3s", 9.0),
    "hydro_outflow": ("hydros", "outflow_m3s", 105.0),
    "hydro_generation": ("hydros", "generation_mw", 17.0),
    "hydro_evaporation": ("hydros", "evaporation_m3s", 4.0),
    "hydro_withdrawal": ("hydros", None, 4.5),
    "thermal_generation": ("thermals", "generation_mw", 23.0),
    "line_direct": ("exchanges", "direct_flow_mw", 11.0),
    "line_reverse": ("exchanges", "reverse_flow_mw", 12.0),
    "line_exchange": ("exchanges", "net_flow_mw", -8.0),
    "bus_deficit": ("buses", "deficit_mw", 6.0),
    "bus_excess": ("buses", "excess_mw", 3.0),
    "pumping_flow": ("pumping_stations", "pumped_flow_m3s", 5.0),
    "pumping_power": ("pumping_stations", "power_consumption_mw", 2.0),
    "contract_import": ("contracts", "power_mw", 13.0),
    "contract_export": ("contracts", "power_mw", 14.0),
    "non_controllable_generation": ("non_controllables", "generation_mw", 16.0),
    "non_controllable_curtailment": ("non_controllables", "curtailment_mw", 18.0),
}
"""Quantity -> the table and column that show it, and a value that no cost would lead to."""


def test_all_quantities_are_read_below() -> None:
    assert set(READ) == {name for name, (part, _) in EQUIPMENT.quantities.items() if part.founding}


@pytest.mark.parametrize("quantity", READ)
@pytest.mark.parametrize("chronological", [False, True])
def test_a_quantity_held_by_an_equality_is_what_the_tables_show(
    quantity: str, chronological: bool
) -> None:
    """In the second block alone where the quantity belongs to blocks.

    The first keeps the value it had without the rule.
    """
    table, column, value = READ[quantity]
    whole = everything()
    if chronological:
        sequence = tuple(
            dataclasses.replace(s, block_mode=m.BlockMode.CHRONOLOGICAL) for s in whole.stages
        )
        whole = dataclasses.replace(whole, stages=sequence)
    part, declared = EQUIPMENT.quantities[quantity]
    of_stage = declared.of_stage
    entity = getattr(whole, part.collection)[1 if quantity == "contract_export" else 0].id
    rule = m.GenericConstraint(9, m.parse_expression(f"{quantity}({entity})"), m.Sense.EQUAL)
    bound = m.GenericConstraintBound(9, 0, value, block_id=None if of_stage else 1)
    ruled = dataclasses.replace(
        whole, generic_constraints=(rule,), generic_constraint_bounds=(bound,)
    )
    free, held = operate(whole, method="penalty"), operate(ruled, method="penalty")

    def shown(found: Operation) -> list[float]:
        names = {
            "hydros": "hydro_id",
            "thermals": "thermal_id",
            "exchanges": "line_id",
            "buses": "bus_id",
        } | {
            "pumping_stations": "pumping_station_id",
            "contracts": "contract_id",
            "non_controllables": "non_controllable_id",
        }
        where = {names[table]: entity}
        if column is not None:
            return found.column(table, column, **where)
        short, beyond = (
            found.column(table, f"water_withdrawal_violation_{side}_m3s", **where)
            for side in ("neg", "pos")
        )
        return [6.0 - a + b for a, b in zip(short, beyond, strict=True)]

    assert shown(held)[-1] == pytest.approx(value)
    assert shown(free)[-1] != pytest.approx(value)
    assert held.lower_bound > free.lower_bound
    # The marginal value is the change of the cost per unit and hour of the row.
    hours, step = 100.0 if of_stage else 60.0, 1e-3
    moved = dataclasses.replace(
        ruled, generic_constraint_bounds=(dataclasses.replace(bound, bound=value + step),)
    )
    slope = (operate(moved, method="penalty").lower_bound - held.lower_bound) / step / hours
    assert held.column("violations/generic", "marginal_value") == pytest.approx(
        [slope], rel=1e-5, abs=1e-5
    )


def test_an_import_cannot_be_named_as_an_export() -> None:
    deal = m.EnergyContract(3, 0, m.ContractKind.IMPORT, 5.0, 5.0)
    with pytest.raises(ModelError, match=r"'contract_export\(3\)', but contract 3 is an import"):
        operate(
            dataclasses.replace(
                limited(PER_BLOCK, 60.0, text="contract_export(3)"), contracts=(deal,)
            )
        )
