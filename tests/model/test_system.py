"""The model of a system: order, lookup, resolution, topology."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headwater.model as m
from headwater.errors import ModelError
from headwater.model.penalties import DIRECTIONAL, HYDRO_COST_NAMES
from headwater.model.resolved_penalties import derived_costs
from small_systems import layout_example, random_system, stages


def test_entities_are_kept_in_order_of_id_whatever_order_they_are_given_in():
    system = layout_example()
    backwards = dataclasses.replace(system, hydros=system.hydros[::-1], buses=system.buses[::-1])
    assert backwards == system
    assert [h.id for h in backwards.hydros] == [0, 1, 2]
    assert backwards.hydro_index[2] == 2


def test_two_entities_with_one_id_are_refused():
    with pytest.raises(ModelError, match=r"buses.*1.*more than once"):
        m.System(stages=stages(1), buses=(m.Bus(1), m.Bus(1)))


def test_a_system_needs_stages_and_buses():
    with pytest.raises(ModelError, match="stage"):
        m.System(stages=(), buses=(m.Bus(0),))
    with pytest.raises(ModelError, match="bus"):
        m.System(stages=stages(1), buses=())


def test_the_discount_follows_the_calendar_days_of_the_stage():
    january = m.Stage(0, date(2024, 1, 1), date(2024, 2, 1), (m.Block(730.0),))
    graph = m.PolicyGraph(annual_discount_rate=0.12)
    assert graph.discount_factor(january) == pytest.approx(1.12 ** -(31 / 365.25))
    override = m.PolicyGraph(
        annual_discount_rate=0.12, transitions=(m.Transition(0, 1, annual_discount_rate=0.0),)
    )
    assert override.discount_factor(january) == 1.0


def test_water_of_a_plant_whose_neighbour_enters_late_goes_to_the_next_one_present():
    hydros = tuple(
        m.Hydro(
            i,
            0,
            10.0,
            10.0,
            10.0,
            productivity_mw_per_m3s=1.0,
            downstream_id=i + 1 if i < 2 else None,
            entry_stage_id=2 if i == 1 else None,
        )
        for i in range(3)
    )
    system = m.System(stages=stages(3), buses=(m.Bus(0),), hydros=hydros)
    assert system.cascade.receiver[0].tolist() == [2, 2, 1]
    assert system.cascade.receiver[1].tolist() == [2, 2, 2]
    assert system.cascade.upstream_at(2, 0).tolist() == [0, 1]
    assert system.cascade.topological_order == (0, 1, 2)


def test_a_circle_of_downstream_links_is_refused():
    hydros = tuple(
        m.Hydro(i, 0, 10.0, 10.0, 10.0, productivity_mw_per_m3s=1.0, downstream_id=1 - i)
        for i in range(2)
    )
    system = m.System(stages=stages(1), buses=(m.Bus(0),), hydros=hydros)
    with pytest.raises(ModelError, match=r"hydros \[0, 1\] form a cycle"):
        _ = system.cascade


@pytest.mark.parametrize(
    ("stage_id", "state"),
    [
        (0, m.OperativeState.NON_EXISTING),
        (1, m.OperativeState.FILLING),
        (3, m.OperativeState.OPERATING),
        (5, m.OperativeState.DECOMMISSIONED),
    ],
)
def test_a_plant_fills_before_it_operates_and_ends_at_its_exit(
    stage_id: int, state: m.OperativeState
):
    plant = m.Hydro(
        0,
        0,
        10.0,
        10.0,
        10.0,
        productivity_mw_per_m3s=1.0,
        entry_stage_id=2,
        exit_stage_id=5,
        filling=m.Filling(1),
    )
    system = m.System(stages=stages(6), buses=(m.Bus(0),), hydros=(plant,))
    assert system.operative_states["hydros"][0, stage_id] == state


def test_a_row_for_one_block_wins_over_the_row_of_its_stage():
    rows = [
        {"thermal_id": 0, "stage_id": 1, "block_id": 1, "max_generation_mw": 5.0},
        {"thermal_id": 0, "stage_id": 1, "max_generation_mw": 8.0, "cost_per_mwh": 77.0},
    ]
    system = m.System(
        stages=stages(2, (100.0, 200.0)),
        buses=(m.Bus(0),),
        thermals=(m.Thermal.flat(0, 0, 20.0, 50.0),),
        thermal_bound_overrides=m.StageOverrides.from_rows(rows, entity="thermal_id"),
    )
    assert system.bounds.thermal.max_generation_mw[0].tolist() == [[20.0, 20.0], [8.0, 5.0]]
    assert system.bounds.thermal.cost_per_mwh[0, 1].tolist() == [77.0, 77.0]
    assert np.isnan(system.bounds.thermal.cost_per_mwh[0, 0]).all()


def test_an_override_of_an_unknown_entity_is_refused():
    system = dataclasses.replace(
        layout_example(),
        hydro_bound_overrides=m.StageOverrides.from_rows(
            [{"hydro_id": 9, "stage_id": 0, "max_storage_hm3": 1.0}], entity="hydro_id"
        ),
    )
    with pytest.raises(ModelError, match="unknown id 9"):
        _ = system.bounds


def slow_hydro_cost(system: m.System, name: str, h: int, t: int) -> float:
    """Walk the three tiers for one cell."""
    symmetric = DIRECTIONAL.get(name)
    names = [name] if symmetric is None else [symmetric, name]
    value = None
    derived = derived_costs(system)
    for n in names:
        own = getattr(system.penalties.hydro, n)
        if own is None and n in derived:
            own = derived[n][h]
        value = own if own is not None else value
    for n in names:
        own = getattr(system.hydros[h].costs, n)
        value = own if own is not None else value
    table = system.hydro_penalty_overrides
    for n in names:
        for row in range(len(table)):
            if (
                table.entity_id[row] == system.hydros[h].id
                and table.stage_id[row] == system.stages[t].id
                and n in table.values
            ):
                cell = table.values[n][row]
                value = cell if not np.isnan(cell) else value
    assert value is not None
    return float(value)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000))
def test_resolved_penalties_equal_a_walk_through_the_tiers_cell_by_cell(seed: int):
    rng = np.random.default_rng(seed)

    def some(probability: float) -> dict[str, float]:
        return {
            name: float(rng.uniform(1, 9))
            for name in HYDRO_COST_NAMES
            if rng.random() < probability
        }

    base = layout_example()
    rows = [
        {"hydro_id": h, "stage_id": t, **some(0.3)}
        for h in range(3)
        for t in range(2)
        if rng.random() < 0.6
    ]
    system = dataclasses.replace(
        base,
        penalties=m.Penalties(hydro=m.HydroPenalties(**some(0.5))),
        hydros=tuple(dataclasses.replace(h, costs=m.HydroCosts(**some(0.3))) for h in base.hydros),
        hydro_penalty_overrides=m.StageOverrides.from_rows(rows, entity="hydro_id"),
    )
    for name in HYDRO_COST_NAMES:
        resolved = system.resolved_penalties.hydro[name]
        for h in range(3):
            for t in range(2):
                assert resolved[h, t] == slow_hydro_cost(system, name, h, t)


def test_resolved_arrays_cannot_be_changed():
    system = random_system(0)
    with pytest.raises(ValueError, match="read-only"):
        system.bounds.hydro.max_storage_hm3[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        system.resolved_penalties.hydro["spillage_cost"][0, 0] = 1.0


def test_planes_of_a_stage_replace_those_for_all_stages_as_a_set():
    plane = m.FphaPlane(1, 0, 5.0, 0.1, 0.5, 0.0, stage_id=1)
    base = layout_example()
    system = dataclasses.replace(base, fpha_planes=(*base.fpha_planes, plane))
    assert len(system.production[1][0].planes) == 4
    assert system.production[1][1].planes == (plane,)


def test_a_plant_without_planes_or_productivity_is_named():
    base = layout_example()
    with pytest.raises(ModelError, match="hydro 1 uses FPHA at stage 0"):
        _ = dataclasses.replace(base, fpha_planes=()).production
    bare = dataclasses.replace(base.hydros[0], productivity_mw_per_m3s=None)
    with pytest.raises(ModelError, match="hydro 0 has no productivity"):
        _ = dataclasses.replace(base, hydros=(bare, *base.hydros[1:])).production
