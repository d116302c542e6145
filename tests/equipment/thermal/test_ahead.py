"""Thermals that are dispatched ahead."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from extensive_form import extensive_form_value
from headwater.errors import ModelError
from headwater.lp import build_stage_template, initial_commitments_mw
from headwater.sddp import train_policy
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from operated import operate, system
from small_systems import random_system, study
from sub_period_systems import with_cargoes


def chain(
    lag: int = 2, load: tuple[float, ...] = (100.0, 40.0, 90.0, 60.0), **changes: object
) -> m.System:
    """A ship of gas at 20 ordered two stages ahead, a plant at 50 on the spot.

    The first cargoes are 30 and 50 MW.
    """
    ship = m.Thermal(0, 0, 80.0, (m.CostSegment(80.0, 20.0),), gnl_lag_stages=lag)
    base: dict[str, object] = {
        "thermals": (ship, m.Thermal.flat(1, 0, 200.0, 50.0)),
        "load_statistics": tuple(m.LoadStatistics(0, t, value) for t, value in enumerate(load)),
        "initial": m.InitialConditions(gnl_pipeline_mw={(0, 1): 30.0, (0, 2): 50.0}),
    }
    return system(len(load), **{**base, **changes})


def test_cargoes_arrive_on_their_stage_and_are_ordered_for_it() -> None:
    """30 and 50 MW are there already; 80 of 90 and all of 60 MW are ordered in time.

    Stage 1 has 50 MW for 40 MW of load: 10 MW of excess at 10.
    (30 * 20 + 70 * 50) + (50 * 20 + 10 * 10) + (80 * 20 + 10 * 50) + (60 * 20) = 8500 $/h.
    """
    found = operate(chain())
    assert found.lower_bound == pytest.approx(850_000.0)
    assert found.column("thermals", "generation_mw", thermal_id=0) == pytest.approx(
        [30.0, 50.0, 80.0, 60.0]
    )
    assert found.column("thermals", "gnl_committed_mw", thermal_id=0) == pytest.approx(
        [30.0, 50.0, 80.0, 60.0]
    )
    assert found.column("thermals", "gnl_decision_mw", thermal_id=0) == pytest.approx(
        [80.0, 60.0, 0.0, 0.0]
    )
    assert found.column("thermals", "is_gnl", thermal_id=0) == [1.0] * 4
    assert np.isnan(found.column("thermals", "gnl_committed_mw", thermal_id=1)).all()


def test_power_is_the_same_in_all_blocks() -> None:
    """90 MW for 40 h and 30 MW for 60 h.

    Above 30 MW, one more MW of cargo saves 30 $/h first and costs 20 + 10 $/h then.
    """
    factors = m.StageOverrides.from_rows(
        [{"bus_id": 0, "stage_id": 2, "block_id": k, "factor": f} for k, f in ((0, 1.5), (1, 0.5))],
        entity="bus_id",
    )
    found = operate(chain(load=(100.0, 40.0, 60.0), load_factors=factors, stages=_two_blocks(3)))
    assert found.column("thermals", "generation_mw", thermal_id=0)[4:] == pytest.approx(
        [30.0, 30.0]
    )


def _two_blocks(n: int) -> tuple[m.Stage, ...]:
    from small_systems import stages

    return stages(n, (40.0, 60.0))


def test_the_slope_of_the_last_commitment_is_carried_by_the_order() -> None:
    """At stage 0, a cut on the second outgoing commitment must price the order, one on the first
    the second incoming one.
    """
    template = build_stage_template(chain(), 0, np.zeros((0, 0)))
    assert template.n_state == 2
    assert template.columns["gnl_commitment"].tolist() == [0, 1]
    assert template.out_column.tolist() == [1, template.columns["gnl_order"][0]]
    assert template.theta == 2


@pytest.mark.parametrize("formulation", list(m.Formulation))
def test_slopes_in_the_commitments_are_those_of_the_value(formulation: m.Formulation) -> None:
    chosen = study(chain(), iterations=12, formulation=formulation)
    problems = build_problems(chosen, train_policy(chosen).pools)
    programs = SolverPool(problems)

    def value(t: int, state: np.ndarray) -> tuple[float, np.ndarray]:
        solved = programs.solve(t, state, problems.stages[t].openings, None)
        return float(problems.stages[t].objective(solved)[0]), problems.stages[t].slope(
            solved, np.ones(1)
        )

    # Stage 0: one more MW now saves 50 - 20; one more MW for stage 1 costs 20 and 10 of excess.
    assert value(0, np.array([30.0, 50.0]))[1] == pytest.approx([-3000.0, 3000.0])
    for t, state in (
        (0, np.array([25.0, 31.0])),
        (1, np.array([20.0, 55.0])),
        (2, np.array([70.0, 45.0])),
    ):
        centre, slope = value(t, state)
        for j in range(2):
            step = np.eye(2)[j] * 1e-2
            assert (value(t, state + step)[0] - centre) / 1e-2 == pytest.approx(
                slope[j], rel=1e-6, abs=1e-3
            )


def test_orders_keep_to_the_limits_of_the_stage_of_delivery() -> None:
    limits = m.StageOverrides.from_rows(
        [{"thermal_id": 0, "stage_id": 2, "min_generation_mw": 20.0, "max_generation_mw": 35.0}],
        entity="thermal_id",
    )
    bounded = chain(thermal_bound_overrides=limits)
    template = build_stage_template(bounded, 0, np.zeros((0, 0)))
    order = template.columns["gnl_order"][0]
    assert (template.column_lower[order], template.column_upper[order]) == (20.0, 35.0)
    beyond = build_stage_template(bounded, 2, np.zeros((0, 0)))
    order = beyond.columns["gnl_order"][0]
    assert (beyond.column_lower[order], beyond.column_upper[order]) == (0.0, 0.0)


def test_the_first_pipeline_must_be_complete_and_possible() -> None:
    def refused(pipeline: dict[tuple[int, int], float], message: str) -> None:
        initial = m.InitialConditions(gnl_pipeline_mw=pipeline)
        with pytest.raises(ModelError, match=message):
            initial_commitments_mw(dataclasses.replace(chain(), initial=initial))

    refused({(0, 1): 30.0}, "no commitment of thermal 0 for study stage 2")
    refused({(0, 1): 30.0, (0, 2): 90.0}, "commits thermal 0 to 90 MW")
    refused({(0, 1): 30.0, (0, 2): 50.0, (0, 3): 1.0}, "thermal 0 at offset 3")
    refused({(0, 1): 30.0, (0, 2): 50.0, (1, 1): 1.0}, "thermal 1 at offset 1")


def test_on_a_horizon_that_repeats_orders_are_for_the_stage_that_comes_then() -> None:
    """Four stages for ever cost what ten times four stages cost, the rest being worth 1e-7 of
    that.
    """
    load, rate = (100.0, 40.0, 90.0, 60.0), 150.0
    limits = m.StageOverrides.from_rows(
        [{"thermal_id": 0, "stage_id": t, "max_generation_mw": 55.0} for t in range(1, 40, 4)],
        entity="thermal_id",
    )
    only = m.StageOverrides.from_rows(
        [{"thermal_id": 0, "stage_id": 1, "max_generation_mw": 55.0}], entity="thermal_id"
    )
    for_ever = chain(
        load=load,
        policy_graph=m.PolicyGraph(m.GraphType.CYCLIC, rate, (m.Transition(3, 0),)),
        thermal_bound_overrides=only,
    )
    orders = [build_stage_template(for_ever, t, np.zeros((0, 0))) for t in range(4)]
    assert [o.column_upper[o.columns["gnl_order"][0]] for o in orders] == [80.0, 80.0, 80.0, 55.0]
    repeated = chain(
        load=load * 10,
        policy_graph=m.PolicyGraph(annual_discount_rate=rate),
        thermal_bound_overrides=limits,
    )
    long = train_policy(study(repeated, iterations=10))
    assert train_policy(study(for_ever, iterations=30)).lower_bound == pytest.approx(
        long.lower_bound, rel=1e-6
    )


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_the_bound_with_orders_reaches_the_extensive_form(lag: int) -> None:
    """The extensive form ties what every node of the tree delivers to what
    the nodes above it ordered.
    """
    chosen = study(
        with_cargoes(random_system(lag, n_stages=4), lag),
        iterations=40,
        forward_passes=3,
        method="penalty",
    )
    policy = train_policy(chosen)
    assert policy.lower_bound == pytest.approx(
        extensive_form_value(chosen.system, chosen.config), rel=1e-6
    )
