from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.special import ndtr

from headwater.errors import ModelError
from headwater.model import (
    AvailabilityStatistics,
    External,
    ExternalScenarios,
    GivenOpenings,
    Historical,
    HistoricalLags,
    InflowObservation,
    InflowStatistics,
    LoadStatistics,
    OpeningSource,
    OutOfSample,
    SamplingMethod,
    ScenarioSource,
    SelectionMode,
)
from headwater.stochastic import (
    build_uncertainty,
    openings_in_words,
    rng,
    simulation_sampler,
    training_sampler,
    uncertainty_differences,
)

EXTERNAL = ScenarioSource(inflow=External(), seed=1)
HISTORICAL = ScenarioSource(inflow=Historical(), seed=1)


def given(*counts, n=1, start=50.0, weights=None):
    """Scenarios of ``n`` entities, each value another; stages with a count of 0 have none."""
    values, value = {}, start
    for t, count in enumerate(counts):
        if count:
            values[t] = value + np.arange(count * n, dtype=float).reshape(count, n)
            value += 100.0
    return ExternalScenarios(tuple(range(n)), values, weights or {})


def observed(make_system, months, years, n_lags=1):
    """Two hydros with a history.

    The value of month ``m`` of year ``y`` is ``y - 1900 + m / 100``, ten times for the second.
    """
    history = tuple(
        InflowObservation(h, date(year, month, 1), scale * (year - 1900 + month / 100))
        for h, scale in ((0, 1.0), (1, 10.0))
        for year in years
        for month in range(1, 13)
    )
    statistics = tuple(
        InflowStatistics(h, t, 100.0, 20.0, (0.5,) * n_lags, 0.8)
        for h in (0, 1)
        for t in range(-n_lags, 3)
    )
    return make_system(
        3,
        2,
        seasons=[0, 1, 2],
        season_map=months,
        n_pre_study=n_lags,
        pre_seasons=[12 - back for back in range(n_lags, 0, -1)],
        inflow_statistics=statistics,
        inflow_history=history,
        n_openings=5,
    )


def test_the_openings_of_a_historical_study_are_the_values_of_its_years_together(
    make_system, months
):
    system = observed(make_system, months, range(1990, 1997))
    uncertainty = build_uncertainty(system, 1, source=HISTORICAL)
    for t in range(3):
        years = 90 + np.arange(7) + (t + 1) / 100
        np.testing.assert_allclose(
            uncertainty.tree.noise[t], np.stack([years, 10 * years], axis=1), rtol=1e-14
        )
        np.testing.assert_allclose(
            uncertainty.innovation_m3s(t, uncertainty.tree.noise[t]), uncertainty.tree.noise[t]
        )
    assert uncertainty.inflow.n_lags == 0
    assert openings_in_words(uncertainty) == (
        "inflow openings are the values of 7 years of history",
    )
    fewer = replace(HISTORICAL, historical_years=(1991, 1994))
    assert [len(noise) for noise in build_uncertainty(system, 1, source=fewer).tree.noise] == [
        2,
        2,
        2,
    ]


@pytest.mark.parametrize("lags", HistoricalLags)
def test_a_simulation_replays_whole_years_of_the_openings(make_system, months, lags):
    uncertainty = build_uncertainty(
        observed(make_system, months, range(1990, 1997)), 1, source=HISTORICAL
    )
    sampler = simulation_sampler(uncertainty, replace(HISTORICAL, historical_lags=lags), 1, 7)
    for t in range(3):
        np.testing.assert_allclose(
            sampler.noise(t, 0, np.arange(7))[:, 0], 90 + np.arange(7) + (t + 1) / 100, rtol=1e-14
        )
    told = uncertainty_differences(uncertainty, HISTORICAL)
    assert told == (
        "the simulation replays whole years of history, the openings take them stage by stage",
    )


def test_trajectories_of_training_draw_scenarios_stage_by_stage(make_system):
    system = make_system(3, external_inflows=given(4, 4, 4))
    uncertainty = build_uncertainty(system, 1, source=EXTERNAL)
    sampler = training_sampler(uncertainty, EXTERNAL, 1, 500)
    seen = np.stack(
        [sampler.noise(t, 1, np.arange(500))[:, 0] - 50 - 100 * t for t in range(3)], axis=1
    )
    assert len(np.unique(seen[:, :2], axis=0)) == 16
    openings = sampler.openings([0, 1, 2], np.array([1]), np.arange(500), [0, 0, 0])
    assert (np.stack([one[0] for one in openings], axis=1) == seen).all()


def test_weights_say_how_often_a_scenario_is_drawn_and_walked(make_system):
    weights = {t: np.array([1.0, 0.0, 3.0]) for t in range(2)}
    system = make_system(2, external_inflows=given(3, 3, weights=weights))
    uncertainty = build_uncertainty(system, 1, source=EXTERNAL)
    assert [p.tolist() for p in uncertainty.tree.probability] == [[0.25, 0.0, 0.75]] * 2
    drawn = training_sampler(uncertainty, EXTERNAL, 1, 4000).noise(0, 1, np.arange(4000))[:, 0]
    assert np.mean(drawn == 50.0) == pytest.approx(0.25, abs=0.03)
    for mode in SelectionMode:
        source = replace(EXTERNAL, inflow_selection=mode)
        sampler = simulation_sampler(uncertainty, source, 1, 64)
        first, second = (sampler.noise(t, 0, np.arange(64))[:, 0] for t in range(2))
        assert (second - first == 100.0).all(), "a scenario is walked as a whole"
        tolerance = 0.15 if mode is SelectionMode.RANDOM else 1 / 64
        assert np.mean(first == 50.0) == pytest.approx(0.25, abs=tolerance)
        assert not (first == 51.0).any()


def test_paths_need_one_weight_along_the_stages_openings_do_not(make_system):
    weights = {0: np.array([1.0, 3.0]), 1: np.array([2.0, 3.0])}
    uncertainty = build_uncertainty(
        make_system(2, external_inflows=given(2, 2, weights=weights)), 1, source=EXTERNAL
    )
    assert [p.tolist() for p in uncertainty.tree.probability] == [[0.25, 0.75], [0.4, 0.6]]
    training_sampler(uncertainty, EXTERNAL, 1, 2)
    with pytest.raises(
        ModelError, match=r"weight of scenario 0 is 0.4 of the total at stage 1 and 0.25 at stage 0"
    ):
        simulation_sampler(uncertainty, EXTERNAL, 1, 2)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], "expected 2 values"),
        ([1.0, -1.0], "at least 0"),
        ([0.0, 0.0], "not all 0"),
        ([1.0, np.nan], "finite"),
    ],
)
def test_weights_that_are_none_are_refused(make_system, weights, message):
    system = make_system(1, external_inflows=given(2, weights={0: np.array(weights)}))
    with pytest.raises(ModelError, match=message):
        build_uncertainty(system, 1, source=EXTERNAL)


def test_given_loads_and_availability_are_cut_at_their_limits_and_take_the_factors(make_system):
    system = make_system(
        1,
        n_buses=2,
        n_sources=1,
        load_statistics=(LoadStatistics(0, 0, 40.0, 5.0), LoadStatistics(1, 0, 30.0)),
        availability_statistics=(AvailabilityStatistics(0, 0, 0.5, 0.1),),
        external_loads=ExternalScenarios((0,), {0: np.array([[-3.0], [77.0]])}),
        external_availability=ExternalScenarios((0,), {0: np.array([[0.25], [1.5]])}),
    )
    source = ScenarioSource(load=External(), ncs=External(), seed=1)
    uncertainty = build_uncertainty(system, 1, source=source)
    tree = uncertainty.tree.noise[0]
    assert uncertainty.load_mw(0, tree)[:, :, 0].tolist() == [[0.0, 30.0], [77.0, 30.0]]
    assert uncertainty.available_mw(0, tree)[:, 0, 0].tolist() == [50.0, 200.0]
    told = openings_in_words(uncertainty)
    assert "scenarios of load and availability are joined by number at stage 0" in told
    assert "inflow openings are drawn from the statistical model" in told


def test_loads_that_are_certain_by_their_statistics_can_be_given(make_system):
    system = make_system(
        2,
        n_buses=2,
        load_statistics=tuple(LoadStatistics(bus, t, 30.0) for bus in (0, 1) for t in (0, 1)),
        external_loads=ExternalScenarios((1,), {1: np.array([[10.0], [20.0]])}),
    )
    source = ScenarioSource(load=External(), seed=1)
    uncertainty = build_uncertainty(system, 1, source=source)
    assert uncertainty.load_mw(0, uncertainty.tree.noise[0])[0, :, 0].tolist() == [30.0, 30.0]
    for sampler in (
        training_sampler(uncertainty, source, 1, 6),
        simulation_sampler(uncertainty, source, 1, 6),
    ):
        noise = sampler.noise(1, 1, np.arange(6))
        assert set(sampler.load_mw(1, 1, np.arange(6), noise)[:, 1, 0]) == {10.0, 20.0}


def test_stages_with_scenarios_draw_apart_although_they_share_a_season(make_system, months):
    system = make_system(
        2, seasons=[0, 0], season_map=months, external_inflows=given(6, 6), months_per_stage=1
    )
    days = [date(2026, 1, day) for day in (1, 15, 29)]
    halves = zip(system.stages, days, days[1:], strict=False)
    system = replace(
        system, stages=tuple(replace(s, start_date=a, end_date=b) for s, a, b in halves)
    )
    groups = build_uncertainty(system, 1).noise_groups
    assert groups[0] == groups[1]
    apart = build_uncertainty(system, 1, source=EXTERNAL)
    assert apart.noise_groups[0] != apart.noise_groups[1]


def test_a_given_tree_stays_the_tree_unless_scenarios_are_asked_for(make_system):
    noise = {t: np.array([[0.5], [-0.5]]) for t in range(2)}
    system = make_system(2, external_inflows=given(3, 3), given_openings=GivenOpenings(noise))
    kept = build_uncertainty(system, 1, source=EXTERNAL)
    assert [n.ravel().tolist() for n in kept.tree.noise] == [[0.5, -0.5]] * 2
    assert "noise_openings" in openings_in_words(kept)[0]
    assert uncertainty_differences(kept, EXTERNAL)
    with pytest.raises(
        ModelError, match=r"set training.scenario_source.inflow.openings to 'model'"
    ):
        build_uncertainty(
            system, 1, source=replace(EXTERNAL, inflow_openings=OpeningSource.SCENARIOS)
        )


def test_scenarios_that_are_asked_for_and_missing_are_named(make_system):
    with pytest.raises(
        ModelError, match="external scenarios of class 'load' are asked for and not given"
    ):
        build_uncertainty(
            make_system(1), 1, source=ScenarioSource(load_openings=OpeningSource.SCENARIOS)
        )


@pytest.mark.parametrize(
    ("simulated", "told"),
    [
        (ScenarioSource(), None),
        (EXTERNAL, "follows whole inflow scenarios"),
        (HISTORICAL, "not the inflow openings"),
        (ScenarioSource(inflow=OutOfSample(), seed=1), "fresh inflow noise"),
    ],
)
def test_what_a_simulation_sees_otherwise_is_said(make_system, simulated, told):
    uncertainty = build_uncertainty(
        make_system(3, external_inflows=given(1, 2, 2)), 1, source=EXTERNAL
    )
    found = uncertainty_differences(uncertainty, simulated)
    assert found == () if told is None else told in found[0]
    model = build_uncertainty(make_system(3, external_inflows=given(1, 2, 2)), 1)
    assert ("which are not the openings" in str(uncertainty_differences(model, simulated))) == (
        simulated is EXTERNAL
    )


def test_two_classes_that_branch_at_different_stages_differ_from_their_paths_only_in_pairing(
    make_system,
):
    system = make_system(
        2,
        external_inflows=given(3, 1),
        external_loads=ExternalScenarios(
            (0,), {0: np.array([[1.0]]), 1: np.array([[1.0], [2.0], [3.0]])}
        ),
    )
    source = ScenarioSource(External(), External(), seed=1)
    uncertainty = build_uncertainty(system, 1, source=source)
    assert (
        "pairs the scenarios of several classes" in uncertainty_differences(uncertainty, source)[0]
    )


def test_years_that_cannot_be_openings_are_named(make_system, months):
    system = observed(make_system, months, range(1990, 1993))
    uncertainty = build_uncertainty(
        system, 1, source=replace(HISTORICAL, historical_years=(1953, 1991))
    )
    assert any("1953 lack observations" in text for text in uncertainty.warnings)


def beside_scenarios(make_system, method):
    """Three weighted inflow scenarios, seven openings.

    The load is random at the first stage only.
    """
    weights = {t: np.array([1.0, 2.0, 5.0]) for t in range(2)}
    system = make_system(
        2,
        n_openings=7,
        load_statistics=(LoadStatistics(0, 0, 40.0, 5.0), LoadStatistics(0, 1, 40.0)),
        external_inflows=given(3, 3, weights=weights),
    )
    stages = tuple(replace(stage, sampling_method=method) for stage in system.stages)
    return build_uncertainty(replace(system, stages=stages), 11, source=EXTERNAL)


@pytest.mark.parametrize("method", SamplingMethod)
def test_scenarios_are_repeated_only_where_another_class_is_random(make_system, method):
    tree = beside_scenarios(make_system, method).tree
    assert tree.noise[0][:, 0].tolist() == [50.0, 51.0, 52.0] * 3
    np.testing.assert_allclose(tree.probability[0], [1 / 24, 2 / 24, 5 / 24] * 3, rtol=1e-15)
    assert len(np.unique(tree.noise[0][:, 1])) == 9
    assert tree.noise[1].tolist() == [[150.0, 0.0], [151.0, 0.0], [152.0, 0.0]]
    assert tree.probability[1].tolist() == [1 / 8, 2 / 8, 5 / 8]


@pytest.mark.parametrize(
    "method", [SamplingMethod.LHS, SamplingMethod.QMC_SOBOL, SamplingMethod.QMC_HALTON]
)
def test_draws_beside_scenarios_are_one_design_over_all_their_copies(make_system, method):
    uncertainty = beside_scenarios(make_system, method)
    drawn = ndtr(uncertainty.tree.noise[0][:, 1])
    if method is SamplingMethod.LHS:
        assert sorted(np.floor(9 * drawn)) == list(range(9))
    else:  # the first eight Sobol points, or nine Halton points of base 3, lie in a part each
        first = 8 if method is SamplingMethod.QMC_SOBOL else 9
        assert sorted(np.floor(first * drawn[:first])) == list(range(first))
    assert not any("plain sampling" in text for text in uncertainty.warnings)


@pytest.mark.parametrize(
    "method",
    [SamplingMethod.SAA, SamplingMethod.SELECTIVE, SamplingMethod.HISTORICAL_RESIDUALS],
)
def test_draws_beside_scenarios_are_plain_where_there_is_no_design(make_system, method):
    uncertainty = beside_scenarios(make_system, method)
    group = uncertainty.noise_groups[0]
    words = rng.raw_words(11, rng.Purpose.OPENINGS, group, np.arange(9), 0, 2)
    np.testing.assert_array_equal(uncertainty.tree.noise[0][:, 1], rng.normals(words)[:, 1])
    told = [text for text in uncertainty.warnings if f"instead of '{method.value}'" in text]
    assert len(told) == (0 if method is SamplingMethod.SAA else 1)
    assert all(text.startswith("stage 0:") for text in told)


def test_a_stage_that_a_library_leaves_out_takes_the_opening_of_the_tree(make_system):
    system = make_system(
        3,
        n_openings=5,
        load_statistics=tuple(LoadStatistics(0, t, 40.0, 5.0) for t in range(3)),
        external_loads=ExternalScenarios((0,), {1: np.array([[10.0], [20.0], [60.0]])}),
    )
    asked = ScenarioSource(load=External(), seed=1)
    uncertainty = build_uncertainty(system, 1, source=asked)
    walked = replace(asked, inflow=OutOfSample(), load_selection=SelectionMode.SEQUENTIAL)
    sampler = simulation_sampler(uncertainty, walked, 1, 40)
    fresh = simulation_sampler(uncertainty, ScenarioSource(inflow=OutOfSample(), seed=1), 1, 40)
    everyone = np.arange(40)
    for t in (0, 2):
        group = uncertainty.noise_groups[t]
        words = rng.raw_words(1, rng.Purpose.SIMULATION_INDEX, group, everyone, 0, 1)[:, 0]
        openings = np.array([int(word) * 5 >> 64 for word in words])
        assert set(openings) == set(range(5))
        noise = sampler.noise(t, 0, everyone)
        np.testing.assert_array_equal(noise[:, 1], uncertainty.tree.noise[t][openings, 1])
        np.testing.assert_array_equal(noise[:, 0], fresh.noise(t, 0, everyone)[:, 0])
        load = sampler.load_mw(t, 0, everyone, noise)[:, 0, 0]
        np.testing.assert_allclose(load, 40.0 + 5.0 * noise[:, 1], rtol=1e-13)
    noise = sampler.noise(1, 0, everyone)
    assert (noise[:, 1] == 0.0).all()
    load = sampler.load_mw(1, 0, everyone, noise)[:, 0, 0]
    assert load.tolist() == [(10.0, 20.0, 60.0)[scenario % 3] for scenario in everyone]
