from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import (
    AvailabilityStatistics,
    EstimationConfig,
    External,
    ExternalScenarios,
    Historical,
    HistoricalLags,
    InflowObservation,
    InflowStatistics,
    InitialConditions,
    LoadStatistics,
    NoiseClass,
    OrderSelection,
    OutOfSample,
    SamplingMethod,
    ScenarioSource,
    SelectionMode,
)
from headwater.stochastic import (
    build_inflow_model,
    build_uncertainty,
    simulation_sampler,
    training_sampler,
)
from headwater.stochastic.estimation import complete_system
from headwater.stochastic.external_library import external_inflow_library
from headwater.stochastic.libraries import historical_library, invert_inflows

EVERYONE = np.arange(4)


def first_order(hydro, stages, base, psi, sigma):
    """Statistics of a model with the given base, coefficient and noise.

    All periods have the same statistics.
    """
    mean = base / (1.0 - psi)
    ratio = 0.5
    return tuple(InflowStatistics(hydro, t, mean, sigma / ratio, (psi,), ratio) for t in stages)


@pytest.fixture
def two_hydros(make_system):
    """The worked example of two inverted inflows.

    Base 70, psi 0.3, sigma 10, lag 100, and 120, 0.4, 20, 200.
    """
    statistics = (
        *first_order(0, range(-1, 3), 70.0, 0.3, 10.0),
        *first_order(1, range(-1, 3), 120.0, 0.4, 20.0),
    )
    past = InitialConditions(past_inflows_m3s={0: (100.0,), 1: (200.0,)})
    return make_system(3, 2, n_pre_study=1, inflow_statistics=statistics, initial=past)


def external(*scenarios):
    """Scenarios as lists of stages of values."""
    values = np.array(scenarios, float)
    return ExternalScenarios((0, 1), {t: values[:, t] for t in range(values.shape[1])})


def test_inverting_the_worked_example(two_hydros):
    given = external([[105, 210], [98, 225], [112, 195]], [[88, 180], [98, 225], [112, 195]])
    system = replace(two_hydros, external_inflows=given)
    library = external_inflow_library(system, build_inflow_model(system))
    np.testing.assert_allclose(library.eta[0, :, 0], [0.5, -0.35, 1.26], atol=1e-12)
    np.testing.assert_allclose(library.eta[0, :, 1], [0.5, 1.05, -0.75], atol=1e-12)
    np.testing.assert_allclose(library.eta[1, 0], [-1.2, -1.0], atol=1e-12)


def test_the_model_gives_the_targets_back(two_hydros):
    rng = np.random.default_rng(1)
    targets = rng.uniform(50.0, 300.0, size=(5, 3, 2))
    model = build_inflow_model(two_hydros)
    memory = np.repeat(model.initial_lags_m3s[None], 5, axis=0)
    eta = invert_inflows(two_hydros, model, targets, memory)
    for t in range(3):
        inflow = model.innovation_m3s(t, eta[:, t]) + model.lag_term_m3s(t, memory)
        np.testing.assert_allclose(inflow, targets[:, t])
        memory = model.next_memory_m3s(t, memory, inflow)


def test_a_past_that_differs_from_the_inverted_one_shows_through_the_lags(two_hydros):
    model = build_inflow_model(two_hydros)
    targets = np.full((1, 3, 2), 150.0)
    eta = invert_inflows(two_hydros, model, targets, model.initial_lags_m3s[None])
    memory = model.initial_lags_m3s[None] + 10.0
    for t in range(3):
        inflow = model.innovation_m3s(t, eta[:, t]) + model.lag_term_m3s(t, memory)
        np.testing.assert_allclose(inflow - 150.0, 10.0 * np.array([[0.3, 0.4]]) ** (t + 1))
        memory = model.next_memory_m3s(t, memory, inflow)


def test_an_inflow_without_noise_must_be_the_one_that_the_model_gives(make_system):
    system = make_system(1, 1, inflow_statistics=(InflowStatistics(0, 0, 100.0, 0.0),))
    model = build_inflow_model(system)
    assert (
        invert_inflows(system, model, np.full((1, 1, 1), 100.0), np.zeros((1, 0, 1)))[0, 0, 0]
        == 0.0
    )
    with pytest.raises(
        ModelError, match="hydro 0 at stage 0: the inflow is 101 m3/s in scenario 0"
    ):
        invert_inflows(system, model, np.full((1, 1, 1), 101.0), np.zeros((1, 0, 1)))


def test_unusual_inflows_are_pointed_out(two_hydros):
    system = replace(two_hydros, external_inflows=external([[105, 210], [98, 225], [190, 195]]))
    assert (
        "more than 4 deviations"
        in external_inflow_library(system, build_inflow_model(system)).warnings[0]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: None, "asked for and not given"),
        (
            lambda e: replace(
                e, entity_ids=(0,), values={t: v[:, :1] for t, v in e.values.items()}
            ),
            "lack 1",
        ),
        (
            lambda e: replace(e, values={t: v for t, v in e.values.items() if t != 1}),
            r"lack stage\(s\) 1",
        ),
        (lambda e: replace(e, values={**e.values, 9: e.values[0]}), "name stage 9"),
        (lambda e: replace(e, values={**e.values, 1: e.values[1] * np.nan}), "not all finite"),
        (lambda e: replace(e, values={**e.values, 1: e.values[1][:, :1]}), "expected 2 columns"),
        (lambda e: replace(e, values={**e.values, 1: e.values[1][:0]}), r"lack stage\(s\) 1"),
        (lambda e: replace(e, entity_ids=(0, 7)), "lack 1"),
        (lambda e: replace(e, entity_ids=(1, 0)), "must ascend"),
    ],
)
def test_external_scenarios_must_be_whole(two_hydros, change, message):
    given = change(external([[105, 210], [98, 225], [112, 195]]))
    uncertainty = build_uncertainty(replace(two_hydros, external_inflows=given), 1)
    with pytest.raises(ModelError, match=message):
        training_sampler(uncertainty, ScenarioSource(inflow=External(), seed=1), 1)


def test_stages_with_fewer_scenarios_repeat_them(two_hydros):
    given = external(*[[[100 + k, 200], [98, 225], [112, 195]] for k in range(3)])
    shorter = replace(given, values={**given.values, 1: np.array([[90.0, 220.0], [95.0, 221.0]])})
    system = replace(two_hydros, external_inflows=shorter)
    model = build_inflow_model(system)
    library = external_inflow_library(system, model)
    assert library.n_scenarios == 3
    inflow = (
        model.base[1] + model.psi[1, :, 0] * [102.0, 200.0] + model.sigma[1] * library.eta[2, 1]
    )
    np.testing.assert_allclose(inflow, [90.0, 220.0])


def realised(sampler, n_stages, iteration=1, scenarios=EVERYONE):
    """Inflows that the model gives along the trajectories of a sampler."""
    inflow = sampler.uncertainty.inflow
    memory = sampler.initial_memory_m3s(iteration, scenarios)
    if memory is None:
        memory = np.repeat(inflow.initial_lags_m3s[None], len(scenarios), axis=0)
    rows = []
    for t in range(n_stages):
        eta = sampler.noise(t, iteration, scenarios)[:, sampler.uncertainty.layout.inflow]
        z = inflow.innovation_m3s(t, eta) + inflow.lag_term_m3s(t, memory)
        memory = inflow.next_memory_m3s(t, memory, z)
        rows.append(z)
    return np.stack(rows, axis=1)


def test_external_inflows_are_what_the_trajectories_see(two_hydros):
    given = external(*[[[100 + k, 200], [98, 225 - k], [112, 195]] for k in range(4)])
    uncertainty = build_uncertainty(replace(two_hydros, external_inflows=given), 1)
    source = ScenarioSource(inflow=External(), seed=3, inflow_selection=SelectionMode.SEQUENTIAL)
    found = realised(training_sampler(uncertainty, source, 1, 4), 3)
    np.testing.assert_allclose(found[:, 0, 0], [100, 101, 102, 103])
    np.testing.assert_allclose(found[:, 1, 1], [225, 224, 223, 222])


def chosen(sampler, iteration, scenarios):
    return realised(sampler, 1, iteration, scenarios)[:, 0, 0].round().astype(int) - 100


@pytest.fixture
def five_external(two_hydros):
    given = external(*[[[100 + k, 200], [98, 225], [112, 195]] for k in range(5)])
    return build_uncertainty(replace(two_hydros, external_inflows=given), 1)


def test_permutation_uses_every_scenario_once_before_any_comes_again(five_external):
    sampler = training_sampler(five_external, ScenarioSource(inflow=External(), seed=3), 1, 3)
    sequence = np.concatenate(
        [chosen(sampler, iteration, np.arange(3)) for iteration in range(1, 11)]
    )
    rounds = sequence.reshape(6, 5)
    for one in rounds:
        assert sorted(one) == [0, 1, 2, 3, 4]
    assert len({tuple(one) for one in rounds}) > 1
    alone = [int(chosen(sampler, 2, np.array([m]))[0]) for m in range(3)]
    assert alone == sequence[3:6].tolist()


def test_sequential_goes_through_the_scenarios_in_order(five_external):
    source = ScenarioSource(inflow=External(), seed=3, inflow_selection=SelectionMode.SEQUENTIAL)
    sampler = training_sampler(five_external, source, 1, 3)
    assert [*chosen(sampler, 1, np.arange(3)), *chosen(sampler, 2, np.arange(3))] == [
        0,
        1,
        2,
        3,
        4,
        0,
    ]
    simulation = simulation_sampler(five_external, ScenarioSource(inflow=External(), seed=3), 1, 7)
    assert chosen(simulation, 0, np.arange(7)).tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert "some are used again" in simulation.warnings[0]


def test_random_selection_draws_with_replacement_by_seed(five_external):
    source = ScenarioSource(inflow=External(), seed=3, inflow_selection=SelectionMode.RANDOM)
    draws = chosen(training_sampler(five_external, source, 1, 500), 1, np.arange(500))
    np.testing.assert_allclose(np.bincount(draws, minlength=5) / 500, 0.2, atol=0.06)
    other = chosen(
        training_sampler(five_external, replace(source, seed=4), 1, 500), 1, np.arange(500)
    )
    assert not np.array_equal(draws, other)
    assert not np.array_equal(
        draws, chosen(training_sampler(five_external, source, 1, 500), 2, np.arange(500))
    )


# --- loads and availabilities


@pytest.fixture
def loads_and_sources(make_system):
    """A certain and a random load, a source of 200 MW, two stages; external values of both."""
    return make_system(
        2,
        1,
        n_buses=2,
        n_sources=1,
        load_statistics=(
            *(LoadStatistics(0, t, 50.0) for t in range(2)),
            *(LoadStatistics(1, t, 100.0, 10.0) for t in range(2)),
        ),
        availability_statistics=tuple(AvailabilityStatistics(0, t, 0.5, 0.1) for t in range(2)),
        external_loads=ExternalScenarios(
            (1,), {t: np.array([[70.0], [-5.0], [130.0 + t]]) for t in range(2)}
        ),
        external_availability=ExternalScenarios(
            (0,), {t: np.array([[0.25], [1.5], [0.75]]) for t in range(2)}
        ),
    )


def test_external_loads_and_availabilities_are_taken_as_they_are_within_their_limits(
    loads_and_sources,
):
    uncertainty = build_uncertainty(loads_and_sources, 1)
    sequential = SelectionMode.SEQUENTIAL
    source = ScenarioSource(
        load=External(), ncs=External(), seed=1, load_selection=sequential, ncs_selection=sequential
    )
    sampler = simulation_sampler(uncertainty, source, 1, 3)
    scenarios = np.arange(3)
    noise = sampler.noise(1, 0, scenarios)
    assert (noise[:, uncertainty.layout.load] == 0.0).all()
    load = sampler.load_mw(1, 0, scenarios, noise)
    np.testing.assert_allclose(load[:, :, 0], [[50.0, 70.0], [50.0, 0.0], [50.0, 131.0]])
    np.testing.assert_allclose(
        sampler.available_mw(1, 0, scenarios, noise)[:, 0, 0], [50.0, 200.0, 150.0]
    )


def test_external_classes_with_equally_many_scenarios_stay_together(loads_and_sources):
    uncertainty = build_uncertainty(loads_and_sources, 1)
    coupled = ScenarioSource(load=External(), ncs=External(), seed=5)
    scenarios = np.arange(30)

    def pairs(source):
        sampler = training_sampler(uncertainty, source, 1, 30)
        noise = sampler.noise(0, 1, scenarios)
        load = sampler.load_mw(0, 1, scenarios, noise)[:, 1, 0]
        available = sampler.available_mw(0, 1, scenarios, noise)[:, 0, 0]
        return set(zip(load.tolist(), available.tolist(), strict=True))

    assert pairs(coupled) == {(70.0, 50.0), (0.0, 200.0), (130.0, 150.0)}
    assert len(pairs(replace(coupled, couple_classes=False))) > 3


def test_a_random_load_without_external_scenarios_is_refused(loads_and_sources):
    lacking = replace(
        loads_and_sources,
        external_loads=ExternalScenarios((0,), {t: np.ones((2, 1)) for t in range(2)}),
    )
    with pytest.raises(ModelError, match="'load' lack 1"):
        training_sampler(build_uncertainty(lacking, 1), ScenarioSource(load=External(), seed=1), 1)


def test_values_of_unknown_entities_are_refused(loads_and_sources):
    more = replace(
        loads_and_sources,
        external_loads=ExternalScenarios((1, 8), {t: np.ones((2, 2)) for t in range(2)}),
    )
    with pytest.raises(ModelError, match="8"):
        training_sampler(build_uncertainty(more, 1), ScenarioSource(load=External(), seed=1), 1)


# --- years of history


@pytest.fixture
def with_history(make_system, months):
    """A year of months from January 2026 after forty years of record."""
    values = 100.0 + 20.0 * np.random.default_rng(2).normal(size=(2, 40, 12))
    history = tuple(
        InflowObservation(h, date(1980 + y, m + 1, 1), float(v))
        for (h, y, m), v in np.ndenumerate(values)
    )
    system = make_system(
        12, 2, seasons=range(12), season_map=months, inflow_statistics=(), inflow_history=history
    )
    return replace(
        system, initial=InitialConditions(past_inflows_m3s={0: (90.0,) * 12, 1: (95.0,) * 12})
    ), values


TWO_LAGS = EstimationConfig(order_selection=OrderSelection.FIXED, max_order=2)


def test_a_window_needs_the_lags_before_it(make_system, months):
    history = tuple(
        InflowObservation(0, date(1990 + i // 12, i % 12 + 1, 1), 100.0 + (37 * i) % 23)
        for i in range(24)
    )
    statistics = tuple(InflowStatistics(0, t, 100.0, 20.0, (0.3, 0.1), 0.9) for t in range(12))
    system = make_system(
        12,
        1,
        seasons=range(12),
        season_map=months,
        inflow_statistics=statistics,
        inflow_history=history,
    )
    completed = complete_system(system)
    library = historical_library(completed, build_inflow_model(system, completed))
    assert library.years == (1991,)


def test_replayed_years_give_the_observed_inflows(with_history):
    system, values = with_history
    uncertainty = build_uncertainty(system, 1, TWO_LAGS)
    source = ScenarioSource(inflow=Historical(), seed=1, inflow_selection=SelectionMode.SEQUENTIAL)
    n_lags = uncertainty.inflow.n_lags
    assert n_lags == 2
    for lags in HistoricalLags:
        sampler = simulation_sampler(uncertainty, replace(source, historical_lags=lags), 1, 4)
        first_year = sampler.draws[NoiseClass.INFLOW].library.years[0] - 1980
        assert first_year == 1
        found = realised(sampler, 12)
        np.testing.assert_allclose(found, values[:, first_year : first_year + 4].transpose(1, 2, 0))
        memory = sampler.initial_memory_m3s(0, EVERYONE)
        if lags is HistoricalLags.WINDOW:
            np.testing.assert_allclose(memory[0, 0], values[:, first_year - 1, 11])
            np.testing.assert_allclose(memory[0, 1], values[:, first_year - 1, 10])
        else:
            assert memory is None


def test_training_starts_from_the_past_of_the_study_and_simulation_from_that_of_the_year(
    with_history,
):
    system, _ = with_history
    uncertainty = build_uncertainty(system, 1, TWO_LAGS)
    source = ScenarioSource(inflow=Historical(), seed=1)
    assert training_sampler(uncertainty, source, 1, 4).initial_memory_m3s(1, EVERYONE) is None
    assert simulation_sampler(uncertainty, source, 1, 4).initial_memory_m3s(0, EVERYONE) is not None


def test_only_the_years_asked_for_are_replayed_and_incomplete_ones_are_named(with_history):
    system, _ = with_history
    uncertainty = build_uncertainty(system, 1, TWO_LAGS)
    source = ScenarioSource(inflow=Historical(), seed=1, historical_years=(1953, 1980, 1990, 1991))
    sampler = training_sampler(uncertainty, source, 1, 2)
    assert sampler.draws[NoiseClass.INFLOW].library.years == (1990, 1991)
    assert any("1953, 1980 lack observations" in warning for warning in sampler.warnings)
    with pytest.raises(ModelError, match="no historical year"):
        training_sampler(uncertainty, replace(source, historical_years=(1953,)), 1)


def test_history_is_for_inflows_with_seasons_and_a_record(make_system, with_history):
    system, _ = with_history
    uncertainty = build_uncertainty(system, 1, TWO_LAGS)
    with pytest.raises(ModelError, match="for inflows only"):
        training_sampler(uncertainty, ScenarioSource(load=Historical(), seed=1), 1)
    with pytest.raises(ModelError, match="historical_years are given"):
        training_sampler(uncertainty, ScenarioSource(historical_years=(1990,)), 1)
    with pytest.raises(ModelError, match="need a seed"):
        training_sampler(uncertainty, ScenarioSource(inflow=Historical()), 1)
    without = build_uncertainty(make_system(2), 1)
    with pytest.raises(ModelError, match="season_definitions"):
        training_sampler(without, ScenarioSource(inflow=Historical(), seed=1), 1)
    no_record = build_uncertainty(make_system(2, seasons=[0, 1], season_map=system.season_map), 1)
    with pytest.raises(ModelError, match="there is none"):
        training_sampler(no_record, ScenarioSource(inflow=Historical(), seed=1), 1)


def test_every_stage_needs_a_season_to_be_replayed(with_history):
    system, _ = with_history
    statistics = tuple(InflowStatistics(h, t, 100.0, 20.0) for h in range(2) for t in range(12))
    stages = (*system.stages[:-1], replace(system.stages[-1], season_id=None))
    changed = replace(
        system,
        stages=stages,
        inflow_statistics=tuple(replace(s, coefficients=()) for s in statistics),
    )
    with pytest.raises(ModelError, match="season_id on every stage"):
        training_sampler(
            build_uncertainty(changed, 1), ScenarioSource(inflow=Historical(), seed=1), 1
        )


def test_historical_residuals_as_openings_are_years_without_repetition(with_history):
    system, _ = with_history
    stages = tuple(
        replace(stage, n_openings=60, sampling_method=SamplingMethod.HISTORICAL_RESIDUALS)
        for stage in system.stages
    )
    uncertainty = build_uncertainty(replace(system, stages=stages), 1, TWO_LAGS)
    library = historical_library(uncertainty.estimation, uncertainty.inflow)
    assert uncertainty.tree.n_openings(3) == library.n_scenarios == 39
    np.testing.assert_array_equal(
        np.sort(uncertainty.tree.noise[3], axis=0), np.sort(library.eta[:, 3], axis=0)
    )
    assert any("39 historical years" in warning for warning in uncertainty.warnings)
    assert not np.array_equal(uncertainty.tree.noise[3], library.eta[:, 3])


def test_the_scheme_never_changes_the_openings(with_history):
    system, _ = with_history
    uncertainty = build_uncertainty(system, 1, TWO_LAGS)
    before = [noise.copy() for noise in uncertainty.tree.noise]
    for scheme in (Historical(), OutOfSample()):
        sampler = training_sampler(uncertainty, ScenarioSource(inflow=scheme, seed=1), 1, 4)
        for t in range(12):
            sampler.noise(t, 1, EVERYONE)[:] = 0.0
    for kept, noise in zip(before, uncertainty.tree.noise, strict=True):
        np.testing.assert_array_equal(kept, noise)


def test_the_report_tells_how_a_library_looks(with_history):
    system, _ = with_history
    uncertainty = build_uncertainty(system, 1, TWO_LAGS)
    report = training_sampler(
        uncertainty, ScenarioSource(inflow=Historical(), seed=1), 1, 4
    ).report()
    assert report["inflow"]["scheme"] == "historical"
    assert report["inflow"]["selection_mode"] == "permutation"
    assert report["inflow"]["scenarios"] == 39
    assert report["load"] == {"scheme": "in_sample"}


# --- fresh noise by design


@pytest.mark.parametrize(
    "method", [SamplingMethod.LHS, SamplingMethod.QMC_SOBOL, SamplingMethod.QMC_HALTON]
)
def test_fresh_noise_of_a_designed_stage_is_one_design_per_iteration(make_system, method):
    base = make_system(2, 3)
    system = replace(
        base, stages=tuple(replace(stage, sampling_method=method) for stage in base.stages)
    )
    uncertainty = build_uncertainty(system, 1)
    source = ScenarioSource(OutOfSample(), seed=9)
    sampler = training_sampler(uncertainty, source, 1, 256)
    whole = sampler.noise(1, 2, np.arange(256))
    np.testing.assert_allclose(whole.mean(axis=0), 0.0, atol=0.06)
    np.testing.assert_array_equal(sampler.noise(1, 2, np.array([5, 30])), whole[[5, 30]])
    assert not np.array_equal(whole, sampler.noise(1, 3, np.arange(256)))
    simulated = simulation_sampler(uncertainty, source, 1, 256).noise(1, 0, np.arange(256))
    assert not np.array_equal(whole, simulated)


def test_fresh_noise_of_weighted_openings_is_drawn_plainly_with_a_warning(make_system):
    base = make_system(1, 2, n_openings=4)
    system = replace(
        base, stages=(replace(base.stages[0], sampling_method=SamplingMethod.SELECTIVE),)
    )
    uncertainty = build_uncertainty(system, 1, experimental=True)
    source = ScenarioSource(OutOfSample(), seed=9)
    sampler = training_sampler(uncertainty, source, 1, 4)
    assert "selective" in sampler.warnings[0]
    plain = training_sampler(build_uncertainty(base, 1), source, 1, 4)
    np.testing.assert_array_equal(sampler.noise(0, 1, EVERYONE), plain.noise(0, 1, EVERYONE))
