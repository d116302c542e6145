from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import (
    AvailabilityStatistics,
    Block,
    Correlation,
    CorrelationGroup,
    GivenOpenings,
    LoadStatistics,
    NoiseClass,
    OutOfSample,
    SamplingMethod,
    ScenarioSource,
    Stage,
)
from headwater.stochastic import build_uncertainty, rng, simulation_sampler, training_sampler

IN_SAMPLE = ScenarioSource()
FRESH = ScenarioSource(OutOfSample(), OutOfSample(), OutOfSample(), seed=42)


def rows_of(tree, t, noise):
    """Which opening each row is."""
    return [int(np.flatnonzero((tree.noise[t] == row).all(axis=1))[0]) for row in noise]


@pytest.fixture
def three_classes(make_system):
    """Two hydros, one stochastic load, one source, three stages of five openings."""
    return build_uncertainty(
        make_system(
            3,
            2,
            n_openings=5,
            n_sources=1,
            load_statistics=tuple(LoadStatistics(0, t, 100.0, 10.0) for t in range(3)),
            availability_statistics=tuple(AvailabilityStatistics(0, t, 0.5, 0.1) for t in range(3)),
        ),
        42,
    )


def test_in_sample_openings_are_those_of_the_published_stream(three_classes):
    sampler = training_sampler(three_classes, IN_SAMPLE, 42)
    chosen = [
        rows_of(three_classes.tree, t, sampler.noise(t, iteration, np.array([scenario])))[0]
        for iteration in (1, 2)
        for scenario in (0, 1)
        for t in range(3)
    ]
    assert chosen == [4, 1, 1, 4, 1, 3, 2, 4, 2, 4, 2, 1]


def test_openings_drawn_for_all_stages_at_once_are_those_of_the_noise(three_classes):
    sampler, scenarios = training_sampler(three_classes, IN_SAMPLE, 42), np.arange(30)
    visits, turns = [0, 1, 2, 1, 2], [0, 0, 0, 1, 1]
    iterations = np.array([3, 4, 9])
    openings = sampler.openings(visits, iterations, scenarios, turns)
    for t, turn, of_visit in zip(visits, turns, openings, strict=True):
        for iteration, chosen in zip(iterations, of_visit, strict=True):
            np.testing.assert_array_equal(
                three_classes.tree.noise[t][chosen],
                sampler.noise(t, int(iteration), scenarios, turn),
            )
    assert (
        training_sampler(three_classes, FRESH, 42).openings(visits, iterations, scenarios, turns)
        is None
    )


def test_all_in_sample_classes_take_the_same_opening(three_classes):
    noise = training_sampler(three_classes, IN_SAMPLE, 42).noise(1, 3, np.arange(50))
    assert (
        len(set(rows_of(three_classes.tree, 1, noise))) == 5
    )  # whole rows of the tree, and all of them in turn


def test_openings_of_unequal_probability_are_drawn_accordingly(make_system):
    values = np.array([[1.0], [2.0], [3.0]])
    probability = np.array([0.7, 0.1, 0.2])
    uncertainty = build_uncertainty(
        make_system(1, given_openings=GivenOpenings({0: values}, {0: probability})), 42
    )
    scenarios = np.arange(5000)
    noise = training_sampler(uncertainty, IN_SAMPLE, 42).noise(0, 1, scenarios)[:, 0]
    np.testing.assert_allclose(
        [(noise == value).mean() for value in (1, 2, 3)], probability, atol=0.02
    )
    words = (
        rng.raw_words(42, rng.Purpose.TRAINING_INDEX, 0, scenarios, 1, 1)[:, 0].astype(float)
        / 2.0**64
    )
    np.testing.assert_array_equal(
        noise, np.where(words < 0.7, 1.0, np.where(words < 0.8, 2.0, 3.0))
    )


def test_fresh_noise_is_the_numbers_of_its_coordinates(make_system):
    uncertainty = build_uncertainty(make_system(6, 3), 1)
    noise = training_sampler(uncertainty, FRESH, 1).noise(5, 3, np.array([7]))
    np.testing.assert_allclose(noise, [[-0.75027290, -0.67510026, -0.50639815]], atol=5e-9)


def test_fresh_noise_has_the_correlation_of_the_user(make_system):
    matrix = np.array([[1, 0.75, 0.6], [0.75, 1, 0.7], [0.6, 0.7, 1]])
    group = CorrelationGroup("rivers", NoiseClass.INFLOW, (0, 1, 2), matrix)
    uncertainty = build_uncertainty(
        make_system(1, 3, correlation=Correlation({"default": (group,)})), 1
    )
    noise = training_sampler(uncertainty, FRESH, 1).noise(0, 1, np.arange(5000))
    np.testing.assert_allclose(np.corrcoef(noise.T), matrix, atol=0.05)
    np.testing.assert_allclose(noise.std(axis=0), 1.0, atol=0.05)


@pytest.mark.parametrize(
    "source", [IN_SAMPLE, FRESH, replace(IN_SAMPLE, load=OutOfSample(), seed=5)]
)
@pytest.mark.parametrize("build", [training_sampler, simulation_sampler])
def test_a_scenario_is_the_same_in_whatever_batch_it_is_asked_for(three_classes, source, build):
    sampler = build(three_classes, source, 42)
    together = sampler.noise(2, 9, np.arange(100))
    scattered = np.array([73, 4, 99])
    np.testing.assert_array_equal(sampler.noise(2, 9, scattered), together[scattered])
    for scenario in (0, 57):
        np.testing.assert_array_equal(
            sampler.noise(2, 9, np.array([scenario]))[0], together[scenario]
        )


def test_classes_may_mix_schemes(three_classes):
    layout = three_classes.layout
    mixed = replace(IN_SAMPLE, load=OutOfSample(), seed=42)
    scenarios = np.arange(60)
    noise = training_sampler(three_classes, mixed, 42).noise(0, 1, scenarios)
    tree = training_sampler(three_classes, IN_SAMPLE, 42).noise(0, 1, scenarios)
    fresh = training_sampler(three_classes, FRESH, 42).noise(0, 1, scenarios)
    for segment, expected in ((layout.inflow, tree), (layout.load, fresh), (layout.ncs, tree)):
        np.testing.assert_array_equal(noise[:, segment], expected[:, segment])
    assert len(np.unique(noise[:, layout.load])) == 60


def test_drawing_never_changes_the_tree(three_classes):
    before = [array.copy() for array in three_classes.tree.noise]
    sampler = training_sampler(three_classes, replace(IN_SAMPLE, ncs=OutOfSample(), seed=1), 42)
    noise = sampler.noise(0, 1, np.arange(10))
    noise[:] = 0.0
    for array, copy in zip(three_classes.tree.noise, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_iterations_of_training_differ_and_simulation_ignores_them(three_classes):
    scenarios = np.arange(20)
    for source in (IN_SAMPLE, FRESH):
        training = training_sampler(three_classes, source, 42)
        simulation = simulation_sampler(three_classes, source, 42)
        assert not np.array_equal(training.noise(0, 1, scenarios), training.noise(0, 2, scenarios))
        np.testing.assert_array_equal(
            simulation.noise(0, 1, scenarios), simulation.noise(0, 2, scenarios)
        )
        assert not np.array_equal(
            training.noise(0, 0, scenarios), simulation.noise(0, 0, scenarios)
        )


def test_the_seed_of_the_source_settles_simulation_but_not_the_openings_of_training(three_classes):
    scenarios = np.arange(20)
    seeded = replace(IN_SAMPLE, seed=1)

    def drawn(build, source):
        return build(three_classes, source, 42).noise(0, 1, scenarios)

    np.testing.assert_array_equal(
        drawn(training_sampler, IN_SAMPLE), drawn(training_sampler, seeded)
    )
    assert not np.array_equal(
        drawn(simulation_sampler, IN_SAMPLE), drawn(simulation_sampler, seeded)
    )
    np.testing.assert_array_equal(
        drawn(simulation_sampler, IN_SAMPLE), drawn(simulation_sampler, replace(seeded, seed=42))
    )


def test_fresh_noise_needs_a_seed(three_classes):
    for build in (training_sampler, simulation_sampler):
        with pytest.raises(ModelError, match=r"scenario_source\.seed"):
            build(three_classes, replace(FRESH, seed=None), 42)


def weekly(make_system, months, openings, method=SamplingMethod.SAA):
    weeks = tuple(
        Stage(
            t,
            date(2026, 1, 1 + 7 * t),
            date(2026, 1, 8 + 7 * t),
            (Block(168.0),),
            0,
            n_openings=n,
            sampling_method=method,
        )
        for t, n in enumerate(openings)
    )
    return build_uncertainty(make_system(stages=weeks, season_map=months), 5)


def test_weeks_of_one_month_repeat_their_draw(make_system, months):
    uncertainty = weekly(make_system, months, (4, 4))
    for source in (IN_SAMPLE, FRESH):
        sampler = training_sampler(uncertainty, source, 5)
        np.testing.assert_array_equal(
            sampler.noise(0, 1, np.arange(9)), sampler.noise(1, 1, np.arange(9))
        )


@pytest.mark.parametrize(
    "method", [SamplingMethod.LHS, SamplingMethod.QMC_SOBOL, SamplingMethod.QMC_HALTON]
)
def test_weeks_of_one_month_repeat_the_rows_of_a_design(make_system, months, method):
    """In training, where every iteration has its own design, and in simulation.

    The next year's January draws anew.
    """
    uncertainty = weekly(make_system, months, (4, 4), method)
    few, seen = np.array([7, 2, 5]), []
    for sampler in (
        training_sampler(uncertainty, FRESH, 5, 8),
        simulation_sampler(uncertainty, FRESH, 42, 8),
    ):
        for iteration in (1, 2):
            first = sampler.noise(0, iteration, np.arange(8))
            np.testing.assert_array_equal(first, sampler.noise(1, iteration, np.arange(8)))
            np.testing.assert_array_equal(first[few], sampler.noise(1, iteration, few))
            assert not np.isclose(first, sampler.noise(1, iteration, np.arange(8), turn=1)).any()
            seen.append(first)
    assert not np.isclose(seen[0], seen[1]).any()
    np.testing.assert_array_equal(seen[2], seen[3])


def test_weeks_of_one_month_need_equal_openings_to_share_an_index(make_system, months):
    uncertainty = weekly(make_system, months, (4, 5))
    training_sampler(uncertainty, FRESH, 5)
    with pytest.raises(ModelError, match=r"stages 0 and 1 .* 4 and 5 openings"):
        training_sampler(uncertainty, IN_SAMPLE, 5)
