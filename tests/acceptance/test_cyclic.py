"""Horizons that repeat, judged by what the sources say, and by long horizons that end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import headwater as hw
import oracle_systems as oracles
from case_builder import tiny_case
from headwater.errors import ModelError, PolicyError
from headwater.model import (
    Block,
    BoundStalling,
    Bus,
    ContractKind,
    CutFormulation,
    CutSelection,
    CycleConfig,
    CycleType,
    EnergyContract,
    GivenOpenings,
    GraphType,
    Hydro,
    InflowNonNegativity,
    InflowStatistics,
    InitialConditions,
    IterationLimit,
    LimitedMemory,
    LoadStatistics,
    MixedCVaR,
    PolicyGraph,
    Season,
    SeasonMap,
    SimulationConfig,
    Stage,
    Study,
    StudyConfig,
    System,
    Thermal,
    TrainingConfig,
    Transition,
)
from headwater.results import Results
from headwater.sddp.stage.problems import build_problems

HOURS = oracles.UNIT_HOURS
QUARTERS = SeasonMap(
    CycleType.CUSTOM,
    tuple(
        Season(
            q,
            month_start=3 * q + 1,
            month_end=3 * q + 3,
            day_start=1,
            day_end=31 if q in (0, 3) else 30,
        )
        for q in range(4)
    ),
)


def trained(study: Study, iterations: int = 60, **changes: object) -> hw.Policy:
    rules = (IterationLimit(iterations), BoundStalling(15, 1e-6))
    training = replace(study.config.training, stopping_rules=rules, **changes)
    return hw.train(replace(study, config=replace(study.config, training=training)), threads=1)


def quarters(
    years: int, *, cyclic: bool, phi: float = 0.4, rate: float = 1.0, forward_passes: int = 4
) -> Study:
    """A reservoir and a dear thermal over quarters whose wet half fills it.

    Inflows remember the quarter before.
    """
    starts = [date(2030 + q // 4, 3 * (q % 4) + 1, 1) for q in range(4 * years + 1)]
    n = len(starts) - 1
    mean, std, load = (60.0, 40.0, 15.0, 25.0), (12.0, 9.0, 4.0, 6.0), (50.0, 55.0, 60.0, 52.0)
    system = System(
        stages=tuple(
            Stage(t, starts[t], starts[t + 1], (Block(HOURS),), season_id=t % 4, n_openings=3)
            for t in range(n)
        ),
        season_map=QUARTERS,
        buses=(Bus(1),),
        hydros=(Hydro(1, 1, 90.0, 80.0, 80.0, productivity_mw_per_m3s=1.0),),
        thermals=(Thermal.flat(1, 1, 25.0, 20.0 / HOURS), Thermal.flat(2, 1, 40.0, 90.0 / HOURS)),
        initial=InitialConditions(storage_hm3={1: 30.0}, past_inflows_m3s={1: (25.0,)}),
        inflow_statistics=tuple(
            InflowStatistics(
                1, t, mean[t % 4], std[t % 4], (phi,) if phi else (), 0.9 if phi else None
            )
            for t in range(n)
        ),
        load_statistics=tuple(LoadStatistics(1, t, load[t % 4]) for t in range(n)),
        given_openings=GivenOpenings({t: np.array([[-1.2], [0.1], [1.1]]) for t in range(n)}),
        policy_graph=PolicyGraph(GraphType.CYCLIC, rate, (Transition(n - 1, 0),))
        if cyclic
        else PolicyGraph(annual_discount_rate=rate),
    )
    training = TrainingConfig(
        forward_passes=forward_passes, stopping_rules=(IterationLimit(10),), theta_lower_bound=0.0
    )
    return Study(
        system,
        StudyConfig(training, inflow_non_negativity=InflowNonNegativity.PENALTY),
        name="quarters",
    )


def closed(study: Study, back_to: int, rate: float) -> Study:
    ids = [stage.id for stage in study.system.stages]
    graph = PolicyGraph(GraphType.CYCLIC, rate, (Transition(ids[-1], ids[back_to]),))
    return replace(study, system=replace(study.system, policy_graph=graph))


@pytest.fixture(scope="module")
def for_ever() -> hw.Policy:
    return trained(oracles.infinite_inner_bound(), 100)


def test_the_infinite_problem_of_the_source(for_ever: hw.Policy):
    assert for_ever.lower_bound == pytest.approx(oracles.INFINITE_INNER_BOUND_VALUE, abs=0.1)
    bounds = [record.lower_bound for record in for_ever.training.iterations]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(bounds))
    assert max(bounds) <= oracles.INFINITE_INNER_BOUND_VALUE + 1e-3


@pytest.mark.parametrize("formulation", list(CutFormulation))
def test_the_cycle_may_be_unrolled(formulation: CutFormulation, for_ever: hw.Policy):
    """Two or three stages of the same kind, the first of them outside the cycle or inside it, are
    the same problem.
    """
    once = oracles.infinite_inner_bound()
    days = once.system.stages[0].days
    rate = 0.9 ** (-365.25 / days) - 1.0
    for n_stages, back_to in ((2, 0), (3, 1)):
        policy = trained(
            closed(oracles.inner_bound(n_stages, 4), back_to, rate), 90, cut_formulation=formulation
        )
        assert policy.lower_bound == pytest.approx(oracles.INFINITE_INNER_BOUND_VALUE, abs=0.1)
        for storage in (5.0, 8.0, 12.0, 15.0):
            assert policy.value(n_stages, np.array([storage])) == pytest.approx(
                for_ever.value(1, np.array([storage])), abs=0.3
            )


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_seasons_and_past_inflows_go_round_the_cycle(phi: float):
    """A long horizon that ends costs less, by no more than what its end can be worth."""
    cyclic, rate = quarters(1, cyclic=True, phi=phi, rate=1.0), 1.0
    policy = trained(cyclic)
    long = trained(quarters(7, cyclic=False, phi=phi, rate=rate), 30)
    most_per_quarter = 60.0 * 90.0
    rest = (1.0 + rate) ** -7 * most_per_quarter * 4.0 / (1.0 - 1.0 / (1.0 + rate))
    assert (
        long.lower_bound - 1e-6 * policy.lower_bound
        <= policy.lower_bound
        <= long.lower_bound + rest
    )
    assert policy.lower_bound == pytest.approx(long.lower_bound, rel=2e-2)


def test_two_years_are_one_year_twice():
    one, two = trained(quarters(1, cyclic=True)), trained(quarters(2, cyclic=True))
    assert two.lower_bound == pytest.approx(one.lower_bound, rel=2e-4)


def test_risk_nests_round_the_cycle():
    study = quarters(1, cyclic=True, phi=0.0)
    risk = MixedCVaR(0.5, 0.4)
    averse = replace(
        study,
        system=replace(
            study.system, stages=tuple(replace(s, risk=risk) for s in study.system.stages)
        ),
    )
    long = quarters(7, cyclic=False, phi=0.0)
    long = replace(
        long,
        system=replace(
            long.system, stages=tuple(replace(s, risk=risk) for s in long.system.stages)
        ),
    )
    policy = trained(averse)
    assert policy.training.lower_bound_kind == "nested_risk"
    assert policy.lower_bound > 1.02 * trained(study).lower_bound
    assert policy.lower_bound == pytest.approx(trained(long, 30).lower_bound, rel=2e-2)


def test_revenue_for_ever_has_a_bound():
    """What can be earned in a turn, summed over all time, bounds the future.

    A bound of 0 would be wrong.
    """
    study = oracles.infinite_inner_bound()
    sold = EnergyContract(
        1, 1, ContractKind.EXPORT, price_per_mwh=-4.0 / HOURS, min_mw=0.0, max_mw=3.0
    )
    selling = replace(study, system=replace(study.system, contracts=(sold,)))
    problems = build_problems(selling)
    least = (
        float(problems.stages[0].form.column_lower[problems.stages[0].form.theta])
        * problems.stages[0].form.cost_scale
    )
    assert least == pytest.approx(-12.0 / (1.0 - 0.9))
    policy, careful = trained(selling, 80), trained(selling, 80, theta_lower_bound=-400.0)
    assert policy.lower_bound == pytest.approx(careful.lower_bound, abs=0.5)
    assert policy.lower_bound < -12.0


def test_every_transition_has_its_own_discount():
    """The product round the cycle counts: a rate on one transition does the work of many."""
    study = oracles.inner_bound(2, 4)
    days = study.system.stages[0].days
    rate = 0.81 ** (-365.25 / days) - 1.0
    graph = PolicyGraph(
        GraphType.CYCLIC, 0.0, (Transition(1, 2), Transition(2, 1, annual_discount_rate=rate))
    )
    policy = trained(replace(study, system=replace(study.system, policy_graph=graph)), 90)
    assert policy.lower_bound == pytest.approx(
        oracles.INNER_BOUND_VALUES[2] + 0.81 * 24.4444 / 0.19, abs=0.1
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_any_number_of_threads_gives_the_same_bytes(threads: int):
    study = quarters(1, cyclic=True)
    training = replace(
        study.config.training,
        stopping_rules=(IterationLimit(6),),
        forward_passes=5,
        cycle=CycleConfig(max_length=14),
    )
    simulation = SimulationConfig(n_scenarios=6, n_stages=11)
    study = replace(study, config=replace(study.config, training=training, simulation=simulation))
    one, other = hw.train(study, threads=1), hw.train(study, threads=threads)
    for a, b in zip(one.pools, other.pools, strict=True):
        assert a.n_populated == 30
        assert a.coefficients[:30].tobytes() == b.coefficients[:30].tobytes()
        assert a.intercepts[:30].tobytes() == b.intercepts[:30].tobytes()
    first, second = hw.simulate(one, threads=1), hw.simulate(other, threads=threads)
    assert first.summary.total_cost.tobytes() == second.summary.total_cost.tobytes()
    assert first.table("hydros").equals(second.table("hydros"))


def test_a_simulation_goes_round_with_ids_and_dates_of_its_own():
    study = quarters(1, cyclic=True)
    policy = trained(study, 20)
    config = replace(study.config, simulation=SimulationConfig(n_scenarios=8, n_stages=10))
    simulation = hw.simulate(policy, replace(study, config=config), threads=1)
    stages = simulation.record.stages
    assert [stage.id for stage in stages] == list(range(10))
    assert [stage.start_date for stage in stages] == [
        date(2030 + q // 4, 3 * (q % 4) + 1, 1) for q in range(10)
    ]
    assert [stage.season_id for stage in stages] == [0, 1, 2, 3] * 2 + [0, 1]
    hydros = simulation.table("hydros")
    assert hydros["stage_id"].unique().sort().to_list() == list(range(10))
    by_stage = hydros.sort("scenario_id", "stage_id")
    final, initial = (
        by_stage[name].to_numpy().reshape(8, 10)
        for name in ("storage_final_hm3", "storage_initial_hm3")
    )
    assert initial[:, 1:] == pytest.approx(final[:, :-1], abs=1e-9)
    assert initial[:, 0] == pytest.approx(30.0)
    inflow = by_stage["incremental_inflow_m3s"].to_numpy().reshape(8, 10)
    lags = (
        simulation.table("inflow_lags")
        .sort("scenario_id", "stage_id")["inflow_m3s"]
        .to_numpy()
        .reshape(8, 10)
    )
    assert lags[:, 1:] == pytest.approx(inflow[:, :-1])
    # a later turn is not a copy of the first
    assert not np.allclose(inflow[:, :4], inflow[:, 4:8])
    costs = simulation.table("costs").sort("scenario_id", "stage_id")
    steps = [study.system.discount_factors[q % 4] for q in range(9)]
    assert costs["discount_factor"].to_numpy().reshape(8, 10)[0] == pytest.approx(
        np.cumprod([1.0, *steps])
    )
    total = costs.group_by("scenario_id", maintain_order=True).agg(
        (pl.col("immediate_cost") * pl.col("discount_factor")).sum()
    )
    assert total["immediate_cost"].to_numpy() == pytest.approx(simulation.summary.total_cost)


def test_simulations_and_forward_passes_meet_the_bound(for_ever: hw.Policy):
    simulation = hw.simulate(for_ever, n_scenarios=300, threads=1)
    summary = simulation.summary
    assert len(simulation.record.stages) == 88  # 0.9 ** 88 is the first power below 1e-4
    assert abs(summary.mean_cost - oracles.INFINITE_INNER_BOUND_VALUE) < 3.0 * summary.ci95
    late = [record.simulated_mean for record in for_ever.training.iterations[60:]]
    assert np.mean(late) == pytest.approx(oracles.INFINITE_INNER_BOUND_VALUE, rel=0.05)


def test_a_short_walk_counts_what_the_policy_expects_after_it():
    """Trajectories may be cut short: forward costs stay comparable, and the bound valid."""
    policy = trained(oracles.infinite_inner_bound(), 90, cycle=CycleConfig(max_length=6))
    assert policy.lower_bound == pytest.approx(oracles.INFINITE_INNER_BOUND_VALUE, abs=0.1)
    late = [record.simulated_mean for record in policy.training.iterations[60:]]
    assert np.mean(late) == pytest.approx(oracles.INFINITE_INNER_BOUND_VALUE, rel=0.05)


def test_a_stored_cyclic_policy_is_the_same(for_ever: hw.Policy, tmp_path):
    hw.save_policy(for_ever, tmp_path / "policy")
    back = hw.load_policy(tmp_path / "policy")
    assert back.value(1, np.array([8.0])) == for_ever.value(1, np.array([8.0]))
    assert back.water_values(1, np.array([8.0])) == for_ever.water_values(1, np.array([8.0]))


def test_a_policy_of_a_horizon_that_ends_does_not_fit_one_that_repeats(for_ever: hw.Policy):
    study = oracles.infinite_inner_bound()
    with pytest.raises(PolicyError, match="HW805 horizon"):
        hw.simulate(trained(oracles.inner_bound(1), 2), study, n_scenarios=2, threads=1)
    with pytest.raises(PolicyError, match="HW805 horizon"):
        hw.simulate(for_ever, oracles.inner_bound(1), n_scenarios=2, threads=1)


def test_a_number_of_stages_is_for_cyclic_studies():
    study = oracles.inner_bound(3)
    config = replace(study.config, simulation=SimulationConfig(n_scenarios=2, n_stages=2))
    with pytest.raises(ModelError, match=r"simulation\.num_stages is 2, but the horizon ends"):
        hw.simulate(trained(study, 2), replace(study, config=config), threads=1)


def test_a_cyclic_case_runs_and_reads_back(tmp_path):
    case = tiny_case(tmp_path)
    case.files["stages.json"]["policy_graph"] = {
        "type": "cyclic",
        "annual_discount_rate": 0.5,
        "transitions": [
            {"source_id": 0, "target_id": 1, "probability": 1.0},
            {"source_id": 1, "target_id": 0, "probability": 1.0},
        ],
    }
    case.files["config.json"]["training"]["cycle"] = {"tolerance": 0.5, "max_length": 30}
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 3, "num_stages": 5}
    case.write()
    result = hw.run(tmp_path, threads=1)
    assert result.policy.pools[1].n_populated
    results = Results(tmp_path / "output")
    table = results.table("hydros")
    starts = table.unique("stage_id").sort("stage_id")["start_date"].to_list()
    assert starts == sorted(set(starts))
    assert len(starts) == 5
    stages = results.simulation_metadata["stages"]
    assert [stage["repeats_stage_id"] for stage in stages] == [0, 1, 0, 1, 0]
    assert results.simulation_metadata["gap"] is None
    assert results.training_metadata["lower_bound"]["kind"] == "expected_cost"
    assert "of all time to come" in results.training_metadata["lower_bound"]["meaning"]


@pytest.mark.parametrize("formulation", list(CutFormulation))
def test_a_cyclic_training_goes_on_with_the_same_bytes(formulation: CutFormulation, tmp_path):
    """With cut selection, from a policy on disk."""
    study = quarters(1, cyclic=True)

    def until(iterations: int) -> Study:
        training = replace(
            study.config.training,
            stopping_rules=(IterationLimit(iterations),),
            cut_formulation=formulation,
            cut_selection=CutSelection(LimitedMemory(2), check_frequency=2),
            cycle=CycleConfig(max_length=15),
        )
        return replace(study, config=replace(study.config, training=training))

    whole = hw.train(until(7), threads=1)
    hw.save_policy(hw.train(until(4), threads=1), tmp_path / "policy")
    resumed = hw.train(until(7), resume=hw.load_policy(tmp_path / "policy"), threads=1)
    assert resumed.lower_bound == whole.lower_bound
    for a, b in zip(whole.pools, resumed.pools, strict=True):
        assert a.n_populated == b.n_populated > len(a.active_slots())
        for name in ("coefficients", "intercepts", "active", "opening", "times_binding"):
            assert (
                getattr(a, name)[: a.n_populated].tobytes()
                == getattr(b, name)[: a.n_populated].tobytes()
            )
