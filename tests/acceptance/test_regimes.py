"""Studies with regimes converge to what the literature, arithmetic and extensive forms say."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

import headwater as hw
import oracle_systems as oracles
from headwater import model as m
from headwater.errors import ModelError, UnsupportedFeatureError, UsageError
from headwater.policy import read_policy, write_policy
from headwater.sddp import train_policy
from headwater.sddp.bounds.extensive_form import solve_extensive_form
from headwater.sddp.simulation.simulation import simulate_policy
from random_systems import random_study
from regime_systems import CHAIN, in_two_regimes

HALF_TAIL = m.MixedCVaR(weight=0.5, tail_fraction=0.66)


def thermal_study(
    loads: tuple[float, ...], chain: m.RegimeChain, *, n_stages: int = 3, repeats: bool = False
) -> m.Study:
    """One bus and one plant at 10 $/MWh; every regime has a load of its own in MW."""
    days = [date(2026, 1 + t, 1) for t in range(n_stages + 1)]
    stages = tuple(m.Stage(t, days[t], days[t + 1], (m.Block(1.0),)) for t in range(n_stages))

    def of_load(load: float) -> tuple[m.LoadStatistics, ...]:
        return tuple(m.LoadStatistics(0, t, load, 0.0) for t in range(n_stages))

    back = m.Transition(n_stages - 1, 0, 1.0, 1.0)
    graph = m.PolicyGraph(
        m.GraphType.CYCLIC if repeats else m.GraphType.FINITE_HORIZON,
        transitions=(back,) if repeats else (),
        regimes=chain,
    )
    system = m.System(
        stages=stages,
        buses=(m.Bus(0),),
        thermals=(m.Thermal.flat(0, 0, 100.0, 10.0),),
        load_statistics=of_load(loads[0]),
        policy_graph=graph,
        regime_changes=tuple({"load_statistics": of_load(load)} for load in loads),
    )
    training = m.TrainingConfig(forward_passes=2, stopping_rules=(m.IterationLimit(30),))
    return m.Study(system, m.StudyConfig(training))


@pytest.mark.parametrize(
    ("stochastic", "risk", "figure"),
    [(False, None, 851.8), (True, None, 855.0), (True, HALF_TAIL, 828.157)],
)
def test_the_hydro_valley_with_markov_prices_earns_what_its_source_says(stochastic, risk, figure):
    study = oracles.hydro_valley_with_prices(stochastic=stochastic, risk=risk)
    assert -train_policy(study).lower_bound == pytest.approx(figure, abs=1e-3)


def test_half_of_the_worst_case_is_what_the_source_says():
    risk = m.MixedCVaR(weight=0.5, tail_fraction=1e-6)
    study = oracles.hydro_valley_with_prices(stochastic=True, risk=risk)
    assert -train_policy(study).lower_bound == pytest.approx(780.867, abs=1e-3)


def test_costs_without_state_are_those_of_the_chain():
    chain = m.RegimeChain(
        ("a", "b"),
        (0.25, 0.75),
        ((0.5, 0.5), (0.1, 0.9)),
        (m.StageMatrix(0, ((1.0, 0.0), (0.2, 0.8))),),
    )
    policy = train_policy(thermal_study((20.0, 60.0), chain))
    # a: 0.25, then 0.25 + 0.75 * 0.2 = 0.4, then 0.4 * 0.5 + 0.6 * 0.1 = 0.26
    shares = np.array([0.25, 0.4, 0.26])
    assert policy.lower_bound == pytest.approx(float((200 * shares + 600 * (1 - shares)).sum()))
    nowhere = np.zeros(0)
    assert policy.value(0, nowhere, regime="a") == pytest.approx(200 + 0.5 * 200 + 0.5 * 600)
    assert policy.value(1, nowhere, regime="b") == pytest.approx(0.1 * 200 + 0.9 * 600)
    assert policy.value(2, nowhere, regime="b") == 0.0


def test_a_chain_of_regimes_goes_round_a_cycle():
    chain = m.RegimeChain(("a", "b"), (1.0, 0.0), ((0.5, 0.5), (0.1, 0.9)))
    study = thermal_study((20.0, 60.0), chain, n_stages=1, repeats=True)
    discount = 2.0 ** (-31 / 365.25)
    training = replace(study.config.training, stopping_rules=(m.IterationLimit(400),))
    policy = train_policy(replace(study, config=replace(study.config, training=training)))
    matrix = np.array(chain.matrix)
    whole = np.linalg.solve(np.eye(2) - discount * matrix, np.array([200.0, 600.0]))
    assert policy.lower_bound == pytest.approx(whole[0], rel=1e-6)
    assert policy.value(0, np.zeros(0), regime="b") == pytest.approx(matrix[1] @ whole, rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_random_systems_converge_to_their_extensive_form(seed):
    risk = (m.MixedCVaR(weight=0.6, tail_fraction=0.4),) * 3 if seed % 2 else None
    study = in_two_regimes(random_study(seed, risk=risk, iterations=120))
    expected = solve_extensive_form(study).cost
    assert train_policy(study).lower_bound == pytest.approx(expected, rel=1e-7)


def test_one_regime_is_no_regime():
    study = random_study(3, iterations=8)
    alone = m.RegimeChain(("only",), (1.0,), ((1.0,),))
    graph = replace(study.system.policy_graph, regimes=alone)
    regime = replace(study, system=replace(study.system, policy_graph=graph, regime_changes=({},)))
    bounds = [
        [one.lower_bound for one in train_policy(made).training.iterations]
        for made in (study, regime)
    ]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-9)


def test_stored_policies_know_their_regimes_and_go_on_to_the_same_bits(tmp_path):
    study = in_two_regimes(random_study(2, iterations=6))
    fewer = replace(
        study,
        config=replace(
            study.config,
            training=replace(study.config.training, stopping_rules=(m.IterationLimit(3),)),
        ),
    )
    write_policy(train_policy(fewer), tmp_path)
    half = read_policy(tmp_path)
    assert [one.regime for one in half.regimes] == ["dry", "wet"]
    whole, resumed = train_policy(study), train_policy(study, resume=half, threads=2)
    for ours, theirs in zip(whole.regimes, resumed.regimes, strict=True):
        for a, b in zip(ours.pools, theirs.pools, strict=True):
            n = a.n_populated
            assert n == b.n_populated
            assert np.array_equal(a.intercepts[:n], b.intercepts[:n])
            assert np.array_equal(a.coefficients[:n], b.coefficients[:n])
    assert resumed.lower_bound == whole.lower_bound


def test_a_simulation_tells_which_regime_ruled_and_costs_what_the_bound_says():
    study = oracles.hydro_valley_with_prices(stochastic=True, iterations=12)
    policy = train_policy(study)
    chunks = []
    record = simulate_policy(policy, study, n_scenarios=600, sink=chunks.append)
    assert abs(record.summary.mean_cost - policy.lower_bound) < 2 * record.summary.ci95
    tables = [chunk.tables for chunk in chunks]
    regimes = np.concatenate([one["regimes"]["regime_id"] for one in tables]).reshape(-1, 3)
    assert (regimes[:, 0] == 0).all()
    assert (regimes < 2).all()
    assert abs((regimes[:, 1] == 0).mean() - 0.6) < 0.08
    # the price of a contract is that of the regime
    prices = np.concatenate([one["contracts"]["price_per_mwh"] for one in tables]).reshape(-1, 3)
    expected = np.array([[1.0, 2.0, 3.0], [2.0, 1.0, 4.0]])[regimes, np.arange(3)]
    assert prices == pytest.approx(-expected / oracles.UNIT_HOURS)


def test_a_simulation_does_not_depend_on_threads():
    study = in_two_regimes(random_study(1, iterations=3))
    policy = train_policy(study)
    told = []
    for threads in (1, 3):
        chunks = []
        simulate_policy(policy, study, n_scenarios=30, sink=chunks.append, threads=threads)
        told.append(np.concatenate([one.tables["costs"]["total_cost"] for one in chunks]))
    assert np.array_equal(*told)


def test_who_asks_for_the_future_names_the_regime():
    study = in_two_regimes(random_study(2, iterations=3))
    policy = hw.Policy.of(train_policy(study))
    state = policy.initial_state
    stage = study.system.stages[0].id
    with pytest.raises(UsageError, match="depends on the regime: expected one of dry, wet"):
        policy.value(state, stage)
    with pytest.raises(UsageError, match="got 'foggy'"):
        policy.value(state, stage, regime="foggy")
    dry = policy.in_regime("dry")
    assert dry.value(state, stage) == policy.value(state, stage, regime="dry")
    assert np.array_equal(
        dry.water_values(state, stage), policy.water_values(state, stage, regime="dry")
    )
    assert len(dry.cuts(stage)) == len(policy.cuts(stage, regime="dry")) > 0
    assert dry.decide(stage=stage).storage_hm3
    with pytest.raises(UsageError, match="depends on the regime"):
        policy.decide(stage=stage)
    assert set(policy.cuts_frame()["regime"].unique()) == {"dry", "wet"}


def test_what_cannot_stand_beside_regimes_is_refused():
    study = in_two_regimes(random_study(2, iterations=3))
    training = replace(study.config.training, cut_formulation=m.CutFormulation.MULTI)
    with pytest.raises(UnsupportedFeatureError, match="regimes together with"):
        train_policy(replace(study, config=replace(study.config, training=training)))
    with pytest.raises(UnsupportedFeatureError, match="regimes together with"):
        train_policy(study, warm_start=train_policy(random_study(2, iterations=1)))


def test_regimes_with_other_lags_are_refused():
    study = in_two_regimes(random_study(2, iterations=3))
    first, second = study.system.regime_changes
    short = tuple(replace(row, coefficients=()) for row in study.system.inflow_statistics)
    changed = replace(study.system, regime_changes=(first, {**second, "inflow_statistics": short}))
    with pytest.raises(ModelError, match="regime 'wet' has another state"):
        train_policy(replace(study, system=changed))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((("a", "b"), (0.5, 0.6), ((1.0, 0.0), (0.0, 1.0))), "add up to 1"),
        ((("a", "b"), (0.5, 0.5), ((1.0, 0.0),)), "expected 2 rows"),
        ((("a", "b"), (0.5, 0.5), ((1.0,), (0.0, 1.0))), "expected 2 probabilities"),
        ((("a", "a"), (0.5, 0.5), ((1.0, 0.0), (0.0, 1.0))), "repeated name"),
        ((("a/b",), (1.0,), ((1.0,),)), "letters"),
    ],
)
def test_a_chain_that_is_none_is_refused(given, words):
    with pytest.raises(ModelError, match=words):
        m.RegimeChain(*given)


def test_a_regime_may_not_change_what_the_state_is_made_of():
    study = random_study(2)
    graph = replace(study.system.policy_graph, regimes=CHAIN)
    with pytest.raises(ModelError, match="expected 2 entries"):
        replace(study.system, policy_graph=graph, regime_changes=({},))
    with pytest.raises(ModelError, match="regime 'dry' changes 'hydros'"):
        replace(study.system, policy_graph=graph, regime_changes=({"hydros": ()}, {}))
