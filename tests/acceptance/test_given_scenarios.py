"""Studies that are given scenarios train on them.

Bounds judged by the linear program over the tree of the scenarios.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
import headwater.model as m
from extensive_form import extensive_form_value
from headwater.errors import PolicyError
from headwater.results.statistics import gap_to_bound
from headwater.stochastic import simulation_sampler, study_uncertainty
from published import case_directory
from scenario_studies import by_hand, inflow_values, load_values, scenario_study
from small_systems import random_system, repeating
from trained_policies import fingerprint

IN_TURN = m.SelectionMode.SEQUENTIAL


def converged(made: m.Study) -> hw.Policy:
    training = made.config.training
    rules = (*training.stopping_rules, m.BoundStalling(25, 1e-12))
    config = dataclasses.replace(
        made.config, training=dataclasses.replace(training, stopping_rules=rules)
    )
    return hw.train(dataclasses.replace(made, config=config), threads=1)


def simulated_costs(policy: hw.Policy, made: m.Study, n: int) -> np.ndarray:
    return hw.simulate(policy, made, n_scenarios=n, threads=1).record.summary.total_cost


def equal_chances(values: dict[int, np.ndarray]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    return {t: (rows, np.full(len(rows), 1.0 / len(rows))) for t, rows in values.items()}


def beside(inflows, loads):
    return {
        t: np.hstack([inflows[t][np.arange(len(loads[t])) % len(inflows[t])], loads[t]])
        for t in inflows
    }


@pytest.mark.parametrize("counts", [(1, 1, 1), (1, 3, 2), (4, 2, 3)])
@pytest.mark.parametrize("seed", [3, 4])
def test_the_bound_is_the_optimum_over_all_histories_of_given_inflows_and_loads(seed, counts):
    system = random_system(seed, n_openings=4)
    inflows, loads = inflow_values(system, counts, seed), load_values(counts, seed)
    made = scenario_study(inflows, loads, system=system)
    optimum = extensive_form_value(*parts(by_hand(made, equal_chances(beside(inflows, loads)))))
    assert converged(made).lower_bound == pytest.approx(optimum, rel=1e-7)


def parts(made: m.Study) -> tuple[m.System, m.StudyConfig]:
    return made.system, made.config


def test_weights_are_the_probabilities_of_the_openings_and_equal_repetition():
    system = random_system(3, n_openings=4)
    inflows, loads = inflow_values(system, (1, 2, 2)), load_values((1, 1, 1))
    weights = {t: np.array([6.0, 2.0]) for t in (1, 2)}
    weighted = converged(scenario_study(inflows, loads, system=system, weights=weights)).lower_bound
    chances = equal_chances(
        beside(
            {t: inflows[t] for t in inflows},
            {t: np.repeat(loads[t], len(inflows[t]), 0) for t in loads},
        )
    )
    chances |= {t: (chances[t][0], np.array([0.75, 0.25])) for t in (1, 2)}
    assert weighted == pytest.approx(
        extensive_form_value(*parts(by_hand(scenario_study(inflows, loads), chances))), rel=1e-7
    )
    repeated = {t: rows if len(rows) == 1 else rows[[0, 0, 0, 1]] for t, rows in inflows.items()}
    assert weighted == pytest.approx(
        converged(scenario_study(repeated, loads, system=system)).lower_bound, rel=1e-9
    )
    equal = converged(scenario_study(inflows, loads, system=system)).lower_bound
    assert abs(weighted - equal) > 1e-3 * equal


def test_one_scenario_is_a_deterministic_problem_whose_simulation_costs_the_bound():
    system = random_system(4)
    made = scenario_study(inflow_values(system, (1, 1, 1)), load_values((1, 1, 1)), system=system)
    policy = converged(made)
    costs = simulated_costs(policy, made, 1)
    assert costs[0] == pytest.approx(policy.lower_bound, rel=1e-9)
    assert policy.layout.block("inflow_lag").depth == 0, "known inflows have no past in the state"
    assert policy.training.differences == ()


@pytest.mark.parametrize("counts", [(1, 0, 0), (0, 3, 0), (2, 0, 2)])
def test_stages_without_scenarios_take_the_model_with_the_given_inflows_as_their_past(counts):
    system = random_system(3, n_openings=3)
    made = scenario_study(inflow_values(system, counts), system=system)
    uncertainty = study_uncertainty(made)
    assert [bool(row.any()) for row in uncertainty.inflow.psi] == [n == 0 for n in counts]
    policy = converged(made)
    assert policy.layout.block("inflow_lag").depth == 1
    assert policy.lower_bound == pytest.approx(extensive_form_value(*parts(made)), rel=1e-7)


def test_a_known_first_stage_keeps_the_openings_of_a_random_load():
    system = random_system(3, n_openings=4)
    made = scenario_study(inflow_values(system, (1, 3, 0)), system=system)
    tree = study_uncertainty(made).tree
    assert [tree.n_openings(t) for t in range(3)] == [4, 6, 4]
    given = made.system.external_inflows.values
    n = len(system.hydros)
    assert (tree.noise[0][:, :n] == given[0]).all()
    assert len(np.unique(tree.noise[0][:, n:], axis=0)) == 4
    for row in given[1]:
        assert tree.probability[1][
            (tree.noise[1][:, :n] == row).all(axis=1)
        ].sum() == pytest.approx(1 / 3)


def test_openings_of_the_model_are_those_of_a_study_without_scenarios():
    system = random_system(3, n_openings=4)
    inflows = inflow_values(system, (2, 2, 2))
    asked = scenario_study(
        inflows, system=system, source={"inflow_openings": m.OpeningSource.MODEL}
    )
    plain = scenario_study(system=system)
    for one, other in zip(
        study_uncertainty(asked).tree.noise, study_uncertainty(plain).tree.noise, strict=True
    ):
        assert (one == other).all()


def test_scenarios_can_be_the_openings_of_trajectories_of_any_scheme():
    system = random_system(3, n_openings=4)
    source = {"inflow": m.InSample(), "inflow_openings": m.OpeningSource.SCENARIOS}
    made = scenario_study(inflow_values(system, (2, 2, 2)), system=system, source=source)
    again = scenario_study(inflow_values(system, (2, 2, 2)), system=system)
    for one, other in zip(
        study_uncertainty(made).tree.noise, study_uncertainty(again).tree.noise, strict=True
    ):
        assert (one == other).all()


def test_a_simulation_of_fresh_noise_sees_the_model_although_training_saw_scenarios():
    system = random_system(3, n_openings=4, n_lags=2)
    inflows, loads = inflow_values(system, (2, 0, 2)), load_values((2, 2, 0))
    fresh = m.ScenarioSource(m.OutOfSample(), m.OutOfSample(), seed=5)
    with_scenarios = scenario_study(inflows, loads, system=system, simulated=fresh)
    model = scenario_study(system=system, simulated=fresh)
    ours, theirs = (
        hw.scenarios(made, "simulation", n_scenarios=40) for made in (with_scenarios, model)
    )
    np.testing.assert_allclose(ours["value"], theirs["value"], rtol=1e-12)
    policy = hw.train(with_scenarios, threads=1)
    assert np.isfinite(simulated_costs(policy, with_scenarios, 40)).all()
    assert "fresh inflow noise" in policy.training.bound_meaning


def test_the_simulation_walks_whole_scenarios_and_the_bound_says_that_it_speaks_of_others():
    system = random_system(3, n_openings=4)
    inflows = inflow_values(system, (3, 3, 3))
    source = {"inflow_selection": IN_TURN}
    made = scenario_study(
        inflows, load_values((1, 1, 1)), system=system, source=source, iterations=10
    )
    policy = hw.train(made, threads=1)
    simulated = hw.simulate(policy, made, n_scenarios=3, threads=1)
    record = simulated.record
    walked = (
        simulated.table("hydros").filter(block_id=0).sort("scenario_id", "stage_id", "hydro_id")
    )
    seen = walked["incremental_inflow_m3s"].to_numpy().reshape(3, 3, -1)
    for t in range(3):
        np.testing.assert_allclose(seen[:, t], inflows[t], rtol=1e-9)
    told = "the simulation follows whole inflow scenarios, the openings take them stage by stage"
    assert record.differences == policy.training.differences == (told,)
    assert told in policy.training.bound_meaning
    assert "under the openings of training" in policy.training.bound_meaning
    assert "3 scenarios at stages 0 to 2" in policy.provenance["openings"]
    assert gap_to_bound(record, made, policy) is None


def test_where_paths_and_openings_are_the_same_the_gap_is_one():
    system = random_system(3, n_openings=4)
    made = scenario_study(inflow_values(system, (1, 3, 1)), load_values((1, 1, 1)), system=system)
    policy = converged(made)
    record = hw.simulate(policy, made, n_scenarios=3, threads=1).record
    assert record.summary.mean_cost == pytest.approx(policy.lower_bound, rel=1e-7)
    assert abs(gap_to_bound(record, made, policy)["relative"]) < 1e-6
    assert (
        policy.training.bound_meaning == "the optimal expected cost of the study is at least this"
    )


def test_a_training_is_not_resumed_with_other_openings_and_does_not_depend_on_threads():
    system = random_system(3, n_openings=4)
    inflows = inflow_values(system, (1, 3, 2))
    made = scenario_study(inflows, system=system, iterations=4)
    first = hw.train(made, threads=1)
    assert fingerprint(hw.train(made, threads=2)) == fingerprint(first)
    for other in (
        scenario_study(
            inflows, system=system, iterations=8, source={"inflow_openings": m.OpeningSource.MODEL}
        ),
        scenario_study({**inflows, 1: inflows[1] * 1.01}, system=system, iterations=8),
        scenario_study(
            inflows, system=system, iterations=8, weights={1: np.array([1.0, 2.0, 3.0])}
        ),
    ):
        with pytest.raises(PolicyError):
            hw.train(other, threads=1, resume=first)
    longer = scenario_study(inflows, system=system, iterations=8)
    whole = fingerprint(hw.train(longer, threads=1))
    assert fingerprint(hw.train(longer, threads=1, resume=first)) == whole


def weekly_case(
    directory: Path,
    n_scenarios: int,
    openings: str | None = None,
    shape: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0),
) -> Path:
    """A published case of four weeks with inflows of its own, in file form.

    ``shape`` multiplies those of each week.
    """
    root = directory / f"{n_scenarios}-{openings}"
    shutil.copytree(case_directory("d29-weekly-par-noise-sharing"), root)
    stats = pl.read_parquet(root / "scenarios/inflow_seasonal_stats.parquet").filter(
        pl.col("stage_id") >= 0
    )
    rng = np.random.default_rng(5)
    rows = [
        {
            **row,
            "scenario_id": k,
            "value_m3s": row["mean_m3s"] * shape[row["stage_id"]] * rng.uniform(0.8, 1.2),
        }
        for row in stats.select("stage_id", "hydro_id", "mean_m3s").iter_rows(named=True)
        for k in range(n_scenarios)
    ]
    ids = dict.fromkeys(("stage_id", "scenario_id", "hydro_id"), pl.Int32)
    table = pl.DataFrame(rows).select(
        *(pl.col(name).cast(kind) for name, kind in ids.items()), "value_m3s"
    )
    table.write_parquet(root / "scenarios/external_inflow_scenarios.parquet")
    config = json.loads((root / "config.json").read_text())
    inflow = {"scheme": "external"} | ({} if openings is None else {"openings": openings})
    config["training"]["scenario_source"] = {"seed": 42, "inflow": inflow}
    config["training"]["stopping_rules"][0]["limit"] = 60
    config["simulation"]["num_scenarios"] = n_scenarios
    (root / "config.json").write_text(json.dumps(config))
    return root


@pytest.mark.parametrize(
    ("shape", "falls"),
    [((1.0, 1.0, 1.0, 1.0), False), ((0.3, 4.0, 2.0, 0.0), True), ((2.0, 1.0, 1.0, 4.0), True)],
)
def test_a_weekly_case_with_one_path_costs_its_bound_and_no_more_than_with_openings_of_the_model(
    tmp_path, shape, falls
):
    results = {}
    for openings in ("scenarios", "model"):
        case = hw.load_case(weekly_case(tmp_path, 1, openings, shape))
        policy = hw.train(case, threads=1)
        results[openings] = policy, hw.simulate(policy, case, threads=1).mean_cost
    (policy, cost), (drawn, dearer) = results["scenarios"], results["model"]
    assert cost == pytest.approx(policy.lower_bound, rel=1e-8, abs=1e-6)
    assert dearer > 1.05 * cost if falls else dearer >= cost * (1.0 - 1e-9)
    assert (
        policy.training.bound_meaning == "the optimal expected cost of the study is at least this"
    )
    assert "which are not the openings of training" in drawn.training.bound_meaning


def test_the_files_of_a_weekly_case_ask_for_scenarios_as_openings_by_default(tmp_path):
    by_default, asked = (
        hw.load_case(weekly_case(tmp_path, 3, openings)) for openings in (None, "scenarios")
    )
    trees = [study_uncertainty(case).tree.noise for case in (by_default, asked)]
    given = by_default.system.external_inflows.values
    for t, stage in enumerate(by_default.system.stages):
        assert (trees[0][t] == given[stage.id]).all()
        assert (trees[0][t] == trees[1][t]).all()


def test_a_policy_that_was_trained_on_other_openings_has_no_gap():
    system = random_system(3, n_openings=4)
    loads = load_values((1, 3, 1))
    made = scenario_study(loads=loads, system=system, iterations=5)
    policy = hw.train(made, threads=1)
    model = scenario_study(
        loads=loads, system=system, source={"load_openings": m.OpeningSource.MODEL}, iterations=5
    )
    in_sample = dataclasses.replace(
        model.config.simulation, scenario_source=m.ScenarioSource(seed=1)
    )
    model = dataclasses.replace(
        model, config=dataclasses.replace(model.config, simulation=in_sample)
    )
    record = hw.simulate(policy, model, n_scenarios=5, threads=1).record
    assert (
        "trained on other openings (load openings are the given scenarios" in record.differences[0]
    )
    assert gap_to_bound(record, model, policy) is None


def test_on_a_horizon_that_repeats_fresh_inflows_follow_the_model_from_turn_to_turn():
    system = random_system(3, n_openings=4)
    fresh = m.ScenarioSource(m.OutOfSample(), seed=5)
    made = repeating(scenario_study(inflow_values(system, (2, 1, 3)), system=system))
    uncertainty, model = (
        study_uncertainty(made),
        study_uncertainty(repeating(scenario_study(system=system))),
    )
    ours, theirs = (simulation_sampler(u, fresh, 1, 6) for u in (uncertainty, model))
    everyone, n = np.arange(6), len(system.hydros)
    memory = np.repeat(model.inflow.initial_lags_m3s[None], 6, axis=0)
    for visit in range(8):
        t, turn = made.system.horizon.position(visit), made.system.horizon.turn(visit)
        eta = theirs.noise(t, 0, everyone, turn)[:, :n]
        inflow = model.inflow.innovation_m3s(t, eta) + model.inflow.lag_term_m3s(t, memory)
        memory = model.inflow.next_memory_m3s(t, memory, inflow)
        np.testing.assert_allclose(ours.noise(t, 0, everyone, turn)[:, :n], inflow, rtol=1e-12)
        alone = ours.noise(t, 0, everyone[2:3], turn)[:, :n]
        assert (alone == ours.noise(t, 0, everyone, turn)[2:3, :n]).all()
    policy = hw.train(
        repeating(scenario_study(inflow_values(system, (2, 1, 3)), system=system, iterations=3)),
        threads=1,
    )
    assert np.isfinite(policy.lower_bound)
