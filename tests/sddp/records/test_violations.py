"""Broken limits are counted plant by plant, and told."""

from __future__ import annotations

import json

import numpy as np
import pytest

import headwater.model as m
from headwater.results.simulation_journal import _from_json, _to_json
from headwater.sddp import train_policy
from headwater.sddp.records.violations import ViolationCounts
from headwater.sddp.simulation.simulation import simulate_policy
from operated import reservoir, system
from small_systems import study


def simulated(made: m.System, n_scenarios: int = 3, **settings: object):
    chosen = study(made, method="none", iterations=2, cost_scale=1.0, **settings)
    chunks = []
    record = simulate_policy(
        train_policy(chosen), chosen, n_scenarios=n_scenarios, sink=chunks.append
    )
    return record, chunks


def dry(**changes: object) -> m.System:
    """Two stages without inflow.

    50 hm3 in a reservoir that should hold 60, and a minimum outflow nobody can give.
    """
    plant = reservoir(min_storage_hm3=60.0, min_outflow_m3s=5.0, name="Dry Lake")
    base = {
        "load": 0.0,
        "hydros": (plant, reservoir(1)),
        "initial": m.InitialConditions(storage_hm3={0: 50.0, 1: 100.0}),
        "penalties": m.Penalties(deficit_segments=(m.DeficitSegment(None, 1000.0),)),
        "inflow_statistics": tuple(
            m.InflowStatistics(h, t, 0.0, 0.0) for h in (0, 1) for t in (0, 1)
        ),
    }
    return system(2, **{**base, **changes})


def test_dead_storage_is_told_with_plant_frequency_and_amount():
    """50 of 60 hm3 at both stages: 10 hm3 short.

    Releasing 5 m3/s for 100 h would take 1.8 hm3 more, so nothing is released.
    """
    record, _ = simulated(dry())
    dead, flow = record.violations
    assert (dead.kind, dead.entity_id, dead.name) == ("storage_below_minimum", 0, "Dry Lake")
    assert (dead.scenario_stages, dead.of, dead.share) == (6, 6, 1.0)
    assert (dead.mean, dead.largest) == pytest.approx((10.0, 10.0))
    assert (flow.kind, flow.entity_id, flow.unit) == ("outflow_below_minimum", 0, "m3/s")
    assert flow.mean == pytest.approx(5.0)
    assert str(dead) == (
        "storage below its minimum (dead volume used): Hydro 0 Dry Lake in 6 of 6 scenario-stages "
        "(100 %), 10 hm3 on average, 10 at most"
    )


def test_nothing_is_told_where_all_limits_hold():
    record, _ = simulated(dry(initial=m.InitialConditions(storage_hm3={0: 90.0, 1: 100.0})))
    assert record.violations == ()


def test_only_some_stages_may_break_a_limit():
    """61 hm3 give 5 m3/s (1.8 hm3) once, and then stand below the minimum if they do it again.

    Storage is dearer.
    """
    record, _ = simulated(dry(initial=m.InitialConditions(storage_hm3={0: 62.0, 1: 100.0})))
    (flow,) = record.violations
    assert (flow.kind, flow.scenario_stages, flow.of) == ("outflow_below_minimum", 3, 6)
    assert flow.largest == pytest.approx(5.0 - 0.2 / 0.36)


def test_user_constraints_with_slack_are_counted():
    constraint = m.GenericConstraint(
        4,
        m.parse_expression("hydro_storage(1)"),
        m.Sense.GREATER_EQUAL,
        name="reserve",
        slack_cost=0.001,
    )
    made = dry(
        initial=m.InitialConditions(storage_hm3={0: 90.0, 1: 80.0}),
        generic_constraints=(constraint,),
        generic_constraint_bounds=(m.GenericConstraintBound(4, 1, 85.0),),
    )
    record, _ = simulated(made)
    (broken,) = record.violations
    assert str(broken) == (
        "user constraint broken: Constraint 4 reserve in 3 of 6 scenario-stages (50 %), "
        "5 units of the constraint on average, 5 at most"
    )


def test_they_are_counted_without_any_table():
    made = dry()
    chosen = study(made, method="none", iterations=2, cost_scale=1.0)
    config = m.SimulationConfig(detail=m.SimulationDetail.SUMMARY)
    chosen = m.Study(
        made,
        m.StudyConfig(
            chosen.config.training, config, inflow_non_negativity=m.InflowNonNegativity.NONE
        ),
    )
    record = simulate_policy(train_policy(chosen), chosen, n_scenarios=3, sink=lambda chunk: None)
    assert [one.kind for one in record.violations] == [
        "storage_below_minimum",
        "outflow_below_minimum",
    ]


def test_an_interrupted_simulation_remembers_what_was_broken():
    _, (chunk,) = simulated(dry())
    again = _from_json(json.loads(json.dumps(_to_json(chunk.part)))).violations
    assert again.listed(dry()) == chunk.part.violations.listed(dry()) != ()


def test_counts_of_parts_add_up_to_those_of_the_whole():
    rng = np.random.default_rng(3)
    stages = [{"withdrawal": np.maximum(rng.normal(size=(8, 2)), 0.0)} for _ in range(3)]
    whole = ViolationCounts.of(stages)
    parts = [
        ViolationCounts.of([{k: v[part] for k, v in stage.items()} for stage in stages])
        for part in (slice(3), slice(3, 8))
    ]
    joined = ViolationCounts().merged(parts[0]).merged(parts[1])
    assert joined.n == whole.n == 24
    assert joined.times["withdrawal"].tolist() == whole.times["withdrawal"].tolist()
    assert joined.total["withdrawal"] == pytest.approx(whole.total["withdrawal"])
    assert joined.largest["withdrawal"].tolist() == whole.largest["withdrawal"].tolist()
