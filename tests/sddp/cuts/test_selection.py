"""Cut selection: what is deactivated, and that nothing is lost by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle_systems as oracles
from extensive_form import extensive_form_value
from headwater import model as m
from headwater.errors import ModelError
from headwater.sddp import train_policy
from headwater.sddp.cuts.fields import BOUNDARY, WARM_START
from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.cuts.selection import select_cuts
from headwater.sddp.cuts.visited_states import VisitedStates
from headwater.sddp.events import Event, IterationFinished
from headwater.sddp.kernels.selection_kernel import needed_cuts
from headwater.sddp.simulation.simulation import simulate_policy
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from small_systems import random_system, study

METHODS = {
    "level1": m.CutSelection(m.Level1(), check_frequency=3),
    "lml1": m.CutSelection(m.LimitedMemory(4), check_frequency=2),
    "domination": m.CutSelection(m.Domination(), check_frequency=4),
    "dynamic": m.CutSelection(m.Dynamic()),
}


def pool_of(n_cuts: int, n_state: int = 1) -> CutPool:
    pool = CutPool(n_state, n_cuts)
    for k in range(n_cuts):
        pool.append(np.array([float(k)]), np.zeros((1, n_state)), iteration=k + 1, forward_pass=[0])
    return pool


def active(pool: CutPool) -> list[int]:
    return pool.active_slots().tolist()


def test_level_1_keeps_what_bound_often_enough_and_what_was_just_born():
    pool = pool_of(5)
    pool.times_binding[:5] = [0, 2, 3, 0, 0]
    record = select_cuts(pool, 0, m.CutSelection(m.Level1(2), check_frequency=1), 5, None)
    assert active(pool) == [2, 4]
    assert (record.active_before, record.deactivated, record.active_after, record.evicted) == (
        5,
        3,
        2,
        None,
    )


def test_limited_memory_level_1_forgets_what_bound_too_long_ago():
    pool = pool_of(5)
    pool.last_binding[:5] = [5, 2, 3, 4, 5]
    select_cuts(pool, 0, m.CutSelection(m.LimitedMemory(2), check_frequency=5), 5, None)
    assert active(pool) == [0, 2, 3, 4]


def test_domination_judges_by_visited_states_only():
    # 10 - x, 5, x: at 0 the first is highest, at 10 the last; 5 would be highest nowhere, and ties
    # with both at 5
    pool = CutPool(1, 4)
    for k, (intercept, slope) in enumerate([(10.0, -1.0), (5.0, 0.0), (0.0, 1.0), (-100.0, 0.0)]):
        pool.append(np.array([intercept]), np.array([[slope]]), iteration=k + 1, forward_pass=[0])
    visited = VisitedStates.empty(1, 1)
    visited.add(0, 1, np.array([[0.0], [10.0]]))
    rule = m.CutSelection(m.Domination(), check_frequency=1)
    tied = VisitedStates.empty(1, 1)
    tied.add(0, 1, np.array([[0.0], [10.0], [5.0]]))
    select_cuts(pool, 0, rule, 4, tied)
    assert active(pool) == [0, 1, 2, 3]  # the last was born in this very iteration
    select_cuts(pool, 0, rule, 5, visited)
    assert active(pool) == [0, 2]


def test_the_cap_evicts_what_bound_longest_ago_then_least_often_then_the_oldest():
    pool = pool_of(7)
    pool.last_binding[:7] = [3, 2, 2, 2, 6, 6, 7]
    pool.times_binding[:7] = [9, 5, 1, 1, 0, 0, 0]
    record = select_cuts(pool, 0, m.CutSelection(max_active_per_stage=4), 7, None)
    assert active(pool) == [0, 4, 5, 6]
    assert (record.deactivated, record.evicted) == (0, 3)
    pool.active[:7] = True
    select_cuts(pool, 0, m.CutSelection(max_active_per_stage=5), 7, None)
    assert active(pool) == [0, 1, 4, 5, 6]


def test_cuts_of_a_boundary_stay_and_those_of_another_policy_when_protected():
    pool = pool_of(4)
    pool.born_at[:3] = [BOUNDARY, WARM_START, WARM_START]
    everything = m.CutSelection(m.Level1(), check_frequency=1, protect_warm_start=True)
    select_cuts(pool, 0, everything, 9, None)
    assert active(pool) == [0, 1, 2]
    select_cuts(pool, 0, replace(everything, protect_warm_start=False), 9, None)
    assert active(pool) == [0]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 40),
    st.integers(1, 30),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.5]),
)
def test_needed_cuts_are_those_that_come_near_the_maximum_somewhere(
    seed, n_cuts, n_states, n_state, epsilon
):
    rng = np.random.default_rng(seed)
    coefficients, intercepts = (
        rng.integers(-5, 6, (n_cuts, n_state)) * 1.0,
        rng.integers(-9, 10, n_cuts) * 1.0,
    )
    states, known = rng.integers(0, 5, (n_states, n_state)) * 1.0, rng.random(n_cuts) < 0.2
    values = states @ coefficients.T + intercepts
    expected = known | (values >= values.max(axis=1, keepdims=True) - epsilon).any(axis=0)
    assert (
        needed_cuts(coefficients, intercepts, states, known, epsilon).tolist() == expected.tolist()
    )


@pytest.mark.parametrize("method", METHODS)
def test_selection_changes_neither_the_limit_nor_the_rise_of_the_bound(method):
    chosen = oracles.inner_bound(4)
    config = replace(
        chosen.config.training,
        cut_selection=METHODS[method],
        forward_passes=3,
        stopping_rules=(m.IterationLimit(60),),
    )
    policy = train_policy(replace(chosen, config=replace(chosen.config, training=config)))
    assert policy.training is not None
    bounds = np.array([record.lower_bound for record in policy.training.iterations])
    assert (np.diff(bounds) >= -1e-9 * np.abs(bounds[1:])).all()
    assert bounds[-1] == pytest.approx(oracles.INNER_BOUND_VALUES[4], abs=1e-3)
    removed = sum(record.cuts_removed for record in policy.training.iterations)
    assert (removed > 0) == (method != "dynamic")
    assert (
        policy.training.iterations[-1].cuts_active
        == sum(p.n_populated for p in policy.pools) - removed
    )


@pytest.mark.parametrize("formulation", list(m.Formulation))
def test_the_cap_holds_after_every_iteration_and_the_policy_simulates(formulation):
    selection = m.CutSelection(max_active_per_stage=6)
    chosen = study(
        random_system(11, n_openings=3), iterations=15, forward_passes=3, method="penalty",
        formulation=formulation, cut_selection=selection,
    )  # fmt: skip
    n_futures = len(chosen.system.stages) - 1
    active_cuts: list[int] = []

    def watch(event: Event) -> None:
        if isinstance(event, IterationFinished):
            active_cuts.append(event.record.cuts_active)

    policy = train_policy(chosen, on_event=watch)
    assert max(active_cuts) == 6 * n_futures
    record = simulate_policy(policy, chosen, n_scenarios=40, sink=lambda chunk: None)
    assert record.summary.mean_cost >= policy.lower_bound - 3 * record.summary.ci95
    value = extensive_form_value(chosen.system, chosen.config)
    assert policy.lower_bound <= value * (1 + 1e-7)


def test_programs_hold_the_active_cuts_only_and_solve_as_if_the_others_had_never_been():
    selection = m.CutSelection(m.Level1(), check_frequency=1)
    chosen = study(
        random_system(3, n_openings=3),
        iterations=12,
        forward_passes=2,
        method="penalty",
        cut_selection=selection,
        cost_scale=1024.0,  # of a power of two no cost is rounded
    )
    policy = train_policy(chosen)
    again = build_problems(chosen, policy.pools)
    for stage in again.stages:
        assert stage.row_slots.tolist() == stage.pool.active_slots().tolist()
    problem = again.stages[0]
    before = SolverPool(again).solve(0, again.initial_state, problem.openings, None)
    programs = SolverPool(again)
    programs.solve(0, again.initial_state, problem.openings, None)
    problem.pool.active[problem.row_slots[-1]] = False
    kept = problem.drop_inactive_cuts()
    assert kept.tolist() == [True] * (len(kept) - 1) + [False]
    fewer = programs.solve(0, again.initial_state, problem.openings, None)
    fresh = build_problems(chosen, policy.pools)
    cold = SolverPool(fresh).solve(0, fresh.initial_state, fresh.stages[0].openings, None)
    assert fewer.results.objective.tobytes() == cold.results.objective.tobytes()
    assert (fewer.results.objective <= before.results.objective + 1e-9).all()


def test_impossible_settings_are_refused():
    with pytest.raises(ModelError, match="check frequency"):
        m.CutSelection(check_frequency=0)
    with pytest.raises(ModelError, match="cap on active cuts"):
        m.CutSelection(max_active_per_stage=0)
    with pytest.raises(ModelError, match="not be negative"):
        m.Domination(-1.0)
