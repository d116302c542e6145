"""The deterministic upper bound as part of a training, and simulation with what it leaves."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import headwater as hw
import headwater.model as m
import oracle_systems as oracles
from headwater.errors import ModelError, PolicyError
from headwater.lp import diagnose_program
from headwater.policy import read_policy, write_policy
from headwater.sddp import Policy, events, train_policy
from headwater.sddp.bounds.inner_stage import inner_of, inner_problems
from headwater.sddp.bounds.vertices import VERTICES, choose_visits
from headwater.sddp.stage.explanation import stage_program
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from random_systems import random_study
from small_systems import random_system, study
from upper_bounds import bounded, with_config


def a_study(iterations: int = 8, **changes: object) -> hw.Study:
    """Three stages with lags, planes and a withdrawal; bounded after iterations 2, 5 and 8."""
    made = study(
        random_system(7, n_openings=3),
        iterations=iterations,
        forward_passes=5,
        method="penalty",
        **changes,
    )
    return bounded(made, initial_iteration=2, interval_iterations=3)


def told(policy: Policy) -> list[object]:
    """What training says of the bound, and the vertices, to the last bit."""
    assert policy.training is not None
    assert policy.progress is not None
    values = [
        (one.iteration, one.value, one.upper_bound, one.n_vertices)
        for one in policy.training.inner_evaluations
    ]
    arrays = [
        {name: array.tobytes() for name, array in stage.items()}
        for stage in policy.progress.parts[VERTICES]
    ]
    return [values, arrays, [record.upper_bound for record in policy.training.iterations]]


def test_the_bound_is_evaluated_when_it_is_due_and_stands_until_the_next_time():
    records = train_policy(a_study()).training.iterations  # type: ignore[union-attr]
    assert [record.iteration for record in records if record.inner is not None] == [2, 5, 8]
    bounds = [record.upper_bound for record in records]
    assert bounds[0] is None
    assert bounds[1] == bounds[2] == bounds[3]
    assert bounds[7] <= bounds[4] <= bounds[1]  # type: ignore[operator]


def test_any_number_of_threads_gives_the_same_bound():
    one, three = (train_policy(a_study(), threads=n) for n in (1, 3))
    assert told(one) == told(three)


def test_a_resumed_training_gives_the_same_bound(tmp_path: Path):
    def stop_after_four(event: events.Event) -> None:
        if isinstance(event, events.IterationFinished) and event.record.iteration == 4:
            raise hw.StopTraining

    half = train_policy(a_study(), on_event=stop_after_four)
    write_policy(half, tmp_path)
    resumed = train_policy(a_study(), resume=read_policy(tmp_path))
    assert told(resumed) == told(train_policy(a_study()))


def test_a_bound_that_is_given_up_leaves_no_trace():
    """Asked to stop while the bound of iteration 5 is evaluated, the
    training ends after iteration 4.
    """
    finished = 0

    def count(event: events.Event) -> None:
        nonlocal finished
        finished += isinstance(event, events.IterationFinished)

    calls = 0

    def should_stop() -> bool:
        nonlocal calls
        calls += finished == 4
        return calls == 3 + 2 + 1  # three stages forward, two backward, the first of the bound

    policy = train_policy(a_study(), on_event=count, should_stop=should_stop)
    assert policy.training is not None
    assert (policy.n_iterations, policy.training.reason) == (4, "shutdown")
    assert told(policy)[0] == told(train_policy(a_study(4)))[0]


def test_other_settings_of_the_bound_are_not_resumed(tmp_path: Path):
    write_policy(train_policy(a_study(2)), tmp_path)
    other = with_config(a_study(), upper_bound=m.UpperBoundConfig(True, 2, 2))
    with pytest.raises(PolicyError, match=r"upper_bound\.interval_iterations"):
        hw.train(other, resume=tmp_path, threads=1)


def test_the_inner_approximation_lies_above_the_cuts():
    chosen = a_study(20)
    policy = train_policy(chosen)
    outer = build_problems(chosen, policy.pools)
    inner = inner_problems(outer, inner_of(policy))
    states = np.stack([outer.initial_state] * 2)
    states[1, : outer.layout.size("storage")] *= 0.5
    programs = [SolverPool(problems) for problems in (outer, inner)]
    for t in range(outer.n_stages):
        for state in states:
            low, high = (
                problems.stages[t].objective(one.solve(t, state, problems.stages[t].openings, None))
                for problems, one in zip((outer, inner), programs, strict=True)
            )
            assert (high >= low * (1.0 - 1e-7)).all()


def simulated(policy: Policy, chosen: hw.Study, kind: m.PolicyType) -> hw.Simulation:
    simulation = dataclasses.replace(chosen.config.simulation, policy_type=kind)
    return hw.simulate(
        policy, with_config(chosen, simulation=simulation), n_scenarios=60, threads=1
    )


def test_both_approximations_operate_equally_well_where_they_meet():
    """Of equal optima either may be taken, so costs agree on average, not scenario by scenario."""
    chosen = bounded(oracles.first_steps())
    policy = train_policy(chosen)
    for kind in m.PolicyType:
        simulation = m.SimulationConfig(policy_type=kind)
        result = hw.simulate(
            policy, with_config(chosen, simulation=simulation), n_scenarios=2000, threads=1
        )
        assert abs(result.mean_cost - policy.lower_bound) <= 3.0 * result.summary.ci95


def test_the_mean_cost_of_the_inner_policy_keeps_its_promise():
    """Operating by the inner approximation costs at most its bound on average.

    The scenarios are all paths of the tree.
    """
    chosen = bounded(random_study(3, iterations=3, forward_passes=2))
    policy = train_policy(chosen)
    assert policy.training is not None
    assert policy.training.upper_bound is not None
    assert policy.training.upper_bound > policy.lower_bound * 1.001
    simulation = m.SimulationConfig(policy_type=m.PolicyType.INNER)
    result = hw.simulate(
        policy, with_config(chosen, simulation=simulation), n_scenarios=3000, threads=1
    )
    assert result.mean_cost <= policy.training.upper_bound + 3.0 * result.summary.ci95


def test_a_stored_policy_can_be_operated_by_its_inner_approximation(tmp_path: Path):
    chosen = a_study()
    policy = train_policy(chosen)
    write_policy(policy, tmp_path)
    one, other = (simulated(p, chosen, m.PolicyType.INNER) for p in (policy, read_policy(tmp_path)))
    assert one.table("hydros").equals(other.table("hydros"))


def test_a_policy_without_inner_approximation_says_so():
    chosen = with_config(a_study(), upper_bound=m.UpperBoundConfig())
    with pytest.raises(PolicyError, match="no inner approximation: train it with"):
        simulated(train_policy(chosen), chosen, m.PolicyType.INNER)


def test_truncated_inflows_with_lags_are_refused():
    truncating = with_config(a_study(), inflow_non_negativity=m.InflowNonNegativity.TRUNCATION)
    with pytest.raises(ModelError, match="not convex"):
        train_policy(truncating)


def test_truncated_inflows_without_lags_are_bounded():
    made = study(
        random_system(3, n_lags=0, n_openings=3),
        iterations=20,
        forward_passes=4,
        method="truncation",
    )
    policy = train_policy(bounded(made, m.Gap(relative_tolerance=0.01), interval_iterations=5))
    assert policy.training is not None
    assert policy.training.reason == "gap"
    assert policy.training.upper_bound >= policy.lower_bound  # type: ignore[operator]


def test_a_statistical_gap_of_a_risk_averse_study_is_refused():
    averse = random_study(1, risk=(m.MixedCVaR(0.5, 0.5),) * 3)
    rules = (m.IterationLimit(2), m.StatisticalGap())
    with pytest.raises(ModelError, match="risk-averse"):
        train_policy(
            with_config(
                averse, training=dataclasses.replace(averse.config.training, stopping_rules=rules)
            )
        )


def test_the_gap_rule_needs_the_bound():
    made = study(random_system(7))
    with pytest.raises(ModelError, match="needs the deterministic upper bound"):
        with_config(made, training=m.TrainingConfig(1, (m.IterationLimit(2), m.Gap(tolerance=1.0))))


def test_a_simulation_ends_training_when_costs_settle_and_changes_nothing_else():
    rule = m.SimulationStalling(
        replications=8, period=3, bound_window=2, distance_tol=0.01, bound_tol=0.01
    )
    plain = random_study(3, iterations=40)
    ruled = with_config(
        plain,
        training=dataclasses.replace(
            plain.config.training, stopping_rules=(m.IterationLimit(40), rule)
        ),
    )
    policy = train_policy(ruled, threads=2)
    assert policy.training is not None
    assert policy.training.reason == "simulation"
    assert policy.training.converged
    assert policy.n_iterations % 3 == 0
    checks = [record for record in policy.training.iterations if record.simulations]
    assert len(checks) >= 2
    assert all(len(one.costs) == 3 for record in checks for one in record.simulations)
    same = with_config(
        plain,
        training=dataclasses.replace(
            plain.config.training, stopping_rules=(m.IterationLimit(policy.n_iterations),)
        ),
    )
    assert train_policy(same).lower_bound == policy.lower_bound


def test_every_rule_is_written_down_after_every_iteration():
    chosen = bounded(
        study(random_system(7), iterations=3, method="penalty"),
        m.BoundStalling(2, 1e-12),
        m.Gap(tolerance=0.0),
    )
    policy = train_policy(chosen)
    assert policy.training is not None
    for record in policy.training.iterations:
        assert [one.rule for one in record.rules] == ["iteration_limit", "bound_stalling", "gap"]
    assert [record.rules[0].met for record in policy.training.iterations] == [False, False, True]
    assert policy.training.iterations[0].rules[1].detail == "not enough iterations yet"


def test_vertices_are_the_last_of_equal_visits():
    visited = np.array([[1.0, 5.0], [2.0, 5.0], [1.0, 5.0]])
    assert choose_visits(visited, 10).tolist() == [1, 2]
    assert choose_visits(visited[:0], 10).tolist() == []


def test_too_many_visits_leave_the_ends_and_the_latest():
    rng = np.random.default_rng(1)
    visited = rng.uniform(0.0, 100.0, (40, 2))
    chosen = choose_visits(visited, 10)
    ends = {int(i) for i in (*visited.argmin(axis=0), *visited.argmax(axis=0))}
    assert len(chosen) == 10
    assert ends <= set(chosen.tolist())
    assert set(range(40 - (10 - len(ends)), 40)) <= set(chosen.tolist())
    assert len(choose_visits(visited, 1)) == 1


def test_a_stage_with_the_inner_approximation_has_names_and_the_cost_that_is_solved():
    """The named program, in $, costs what the solver found.

    So its failures can be explained and saved like others.
    """
    made = a_study()
    inner = inner_problems(build_problems(made), inner_of(train_policy(made)))
    programs = SolverPool(inner)
    for t in range(inner.n_stages - 1):
        problem = inner.stages[t]
        solved = programs.solve(t, inner.initial_state, problem.openings, None)
        for opening in range(len(problem.openings.innovation)):
            named = stage_program(
                inner.system, problem, inner.initial_state, problem.openings, opening
            )
            assert len(set(named.columns)) == len(named.columns) == problem.form.n_columns
            assert len(set(named.rows)) == len(named.rows) == problem.form.n_rows
            found = diagnose_program(named)
            assert found.optimum == pytest.approx(
                solved.results.objective[opening] * problem.form.cost_scale, rel=1e-6
            )
