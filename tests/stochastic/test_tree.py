from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.special import ndtr

from headwater.errors import ModelError
from headwater.model import (
    AvailabilityStatistics,
    Block,
    Correlation,
    CorrelationGroup,
    GivenOpenings,
    InflowStatistics,
    LoadStatistics,
    NoiseClass,
    SamplingMethod,
    Stage,
)
from headwater.stochastic import OpeningTree, build_opening_tree, rng
from headwater.stochastic.calendar import build_timeline
from headwater.stochastic.correlation import build_correlator
from headwater.stochastic.layout import noise_layout
from headwater.stochastic.tree import make_tree


def test_openings_are_the_numbers_of_their_coordinates(make_system):
    tree = build_opening_tree(make_system(2, 3, n_openings=[2, 4]), 42)
    np.testing.assert_allclose(
        tree.noise[0],
        [[-0.14147610, 0.90170083, 0.02262722], [-0.85426147, -0.44358770, 0.51802522]],
        atol=5e-9,
    )
    assert [tree.n_openings(t) for t in range(2)] == [2, 4]
    np.testing.assert_array_equal(tree.probability[1], 0.25)


def test_only_the_seed_has_an_influence(make_system):
    base = build_opening_tree(make_system(3, 2, n_openings=5), 7)
    other_numbers = tuple(InflowStatistics(h, t, 10.0 + t, 3.0) for h in range(2) for t in range(3))
    for system in (
        make_system(3, 2, n_openings=5, inflow_statistics=other_numbers),
        make_system(3, 2, n_openings=5, n_blocks=3, n_buses=4, n_sources=1, seasons=[0, 0, 0]),
    ):
        tree = build_opening_tree(system, 7)
        for left, right in zip(base.noise, tree.noise, strict=True):
            np.testing.assert_array_equal(left, right)
    assert not np.array_equal(
        base.noise[0], build_opening_tree(make_system(3, 2, n_openings=5), 8).noise[0]
    )


def test_more_openings_or_more_stages_leave_the_others_as_they_are(make_system):
    small, large = (
        build_opening_tree(make_system(n, 2, n_openings=m), 7) for n, m in ((2, 40), (4, 90))
    )
    np.testing.assert_array_equal(small.noise[1], large.noise[1][:40])


@pytest.mark.parametrize(
    "method", [m for m in SamplingMethod if m is not SamplingMethod.HISTORICAL_RESIDUALS]
)
def test_a_tree_is_the_same_on_any_number_of_threads(make_system, method):
    """Trees built at once by several threads are, to the last bit, the one that is built alone."""
    system = by(method, make_system(6, 5, n_openings=16))
    alone = build_opening_tree(system, 21, experimental=True)
    with ThreadPoolExecutor(4) as pool:
        built = list(
            pool.map(lambda _: build_opening_tree(system, 21, experimental=True), range(4))
        )
    for tree in built:
        for name in ("noise", "probability"):
            pairs = zip(getattr(tree, name), getattr(alone, name), strict=True)
            assert all(left.tobytes() == right.tobytes() for left, right in pairs)


def test_stages_of_a_tree_differ(make_system):
    tree = build_opening_tree(make_system(2, 2, n_openings=5), 7)
    assert not np.isclose(tree.noise[0], tree.noise[1]).any()


def test_many_openings_have_mean_zero_and_deviation_one(make_system):
    (noise,) = build_opening_tree(make_system(1, 8, n_openings=500), 42).noise
    assert np.abs(noise.mean(axis=0)).max() < 0.15
    assert np.abs(noise.std(axis=0) - 1.0).max() < 0.15


def test_openings_have_the_correlation_of_the_user(make_system):
    matrix = np.array([[1, 0.75, 0.6], [0.75, 1, -0.2], [0.6, -0.2, 1]])
    group = CorrelationGroup("rivers", NoiseClass.INFLOW, (3, 0, 2), matrix)
    (noise,) = build_opening_tree(
        make_system(1, 4, n_openings=5000, correlation=Correlation({"default": (group,)})), 1
    ).noise
    sample = np.corrcoef(noise.T)
    np.testing.assert_allclose(sample[np.ix_([3, 0, 2], [3, 0, 2])], matrix, atol=0.05)
    assert np.abs(sample[1, [0, 2, 3]]).max() < 0.05  # hydro 1 is in no group


def test_the_tree_is_read_only_contiguous_float64(make_system):
    tree = build_opening_tree(make_system(1, 2, n_openings=3), 1)
    for array in (*tree.noise, *tree.probability):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        assert not array.flags.writeable


def test_weeks_of_one_month_have_the_same_openings(make_system, months):
    weeks = tuple(
        Stage(
            t,
            date(2026, 1, 1 + 7 * t),
            date(2026, 1, 8 + 7 * t),
            (Block(168.0),),
            0,
            n_openings=3 + t,
        )
        for t in range(3)
    )
    tree = build_opening_tree(make_system(stages=weeks, season_map=months), 5)
    np.testing.assert_array_equal(tree.noise[0], tree.noise[1][:3])
    np.testing.assert_array_equal(tree.noise[1], tree.noise[2][:4])


@pytest.mark.parametrize("method", list(SamplingMethod))
def test_weeks_of_one_month_have_the_same_openings_by_any_method(make_system, months, method):
    """Two weeks of January and one of February, of other lengths: January alone shares."""
    days = [(1, 1, 8), (1, 8, 14), (2, 1, 8)]
    weeks = tuple(
        Stage(
            t,
            date(2026, month, a),
            date(2026, month, b),
            (Block(24.0 * (b - a)),),
            month - 1,
            n_openings=4,
            sampling_method=method,
        )
        for t, (month, a, b) in enumerate(days)
    )
    history = {}
    if method is SamplingMethod.HISTORICAL_RESIDUALS:
        years = np.random.default_rng(3).normal(size=(9, 1, 2))
        history = {
            "historical": lambda: np.repeat(years, 3, axis=1) * np.array([1.0, 1.0, 2.0])[:, None]
        }
    system = make_system(3, 2, stages=weeks, season_map=months)
    layout = noise_layout(system)
    groups = build_timeline(system).noise_groups()
    tree = make_tree(
        system, layout, build_correlator(system, layout), groups, 5, **history, experimental=True
    )
    assert groups[0] == groups[1] != groups[2]
    np.testing.assert_array_equal(tree.noise[0], tree.noise[1])
    np.testing.assert_array_equal(tree.probability[0], tree.probability[1])
    assert not np.isclose(tree.noise[0], tree.noise[2]).any()


@pytest.mark.parametrize(
    "method", [SamplingMethod.LHS, SamplingMethod.QMC_SOBOL, SamplingMethod.QMC_HALTON]
)
def test_a_week_with_fewer_openings_has_the_first_rows_of_the_design_of_its_month(
    make_system, months, method
):
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
        for t, n in enumerate((2, 8, 5))
    )
    noise = build_opening_tree(make_system(stages=weeks, season_map=months), 5).noise
    np.testing.assert_array_equal(noise[0], noise[1][:2])
    np.testing.assert_array_equal(noise[2], noise[1][:5])


def by(method, system, **changes):
    stages = tuple(replace(stage, sampling_method=method, **changes) for stage in system.stages)
    return replace(system, stages=stages)


@pytest.mark.parametrize(
    "method", [SamplingMethod.LHS, SamplingMethod.QMC_SOBOL, SamplingMethod.QMC_HALTON]
)
def test_designs_are_correlated_after_they_are_drawn(make_system, method):
    matrix = np.array([[1.0, 0.8], [0.8, 1.0]])
    correlation = Correlation(
        {"default": (CorrelationGroup("g", NoiseClass.INFLOW, (0, 1), matrix),)}
    )
    tree = build_opening_tree(
        by(method, make_system(2, 3, n_openings=512, correlation=correlation)), 3
    )
    assert np.corrcoef(tree.noise[0].T)[0, 1] == pytest.approx(0.8, abs=0.03)
    np.testing.assert_allclose(tree.noise[0].mean(axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose(tree.noise[0].std(axis=0), 1.0, atol=0.03)
    assert not np.array_equal(tree.noise[0], tree.noise[1])
    again = build_opening_tree(
        by(method, make_system(2, 3, n_openings=512, correlation=correlation)), 3
    )
    np.testing.assert_array_equal(tree.noise[1], again.noise[1])


def test_a_latin_hypercube_has_one_opening_in_each_stratum(make_system):
    tree = build_opening_tree(by(SamplingMethod.LHS, make_system(1, 4, n_openings=50)), 5)
    strata = np.floor(ndtr(tree.noise[0]) * 50).astype(int)
    for column in strata.T:
        assert sorted(column) == list(range(50))


def test_sobol_points_that_are_no_power_of_two_are_pointed_out(make_system):
    tree = build_opening_tree(by(SamplingMethod.QMC_SOBOL, make_system(1, 2, n_openings=20)), 5)
    assert "power of two, e.g. 16 or 32" in tree.warnings[0]
    assert (
        build_opening_tree(
            by(SamplingMethod.QMC_SOBOL, make_system(1, 2, n_openings=16)), 5
        ).warnings
        == ()
    )


def test_what_a_design_cannot_do_is_known_before_its_numbers_are_drawn(make_system, monkeypatch):
    monkeypatch.setattr("headwater.stochastic.designs.MAX_SOBOL_DIMENSION", 1)
    with pytest.raises(ModelError, match="knows 1 dimensions, the noise has 2"):
        build_opening_tree(by(SamplingMethod.QMC_SOBOL, make_system(1, 2, n_openings=4)), 5)


@pytest.mark.parametrize(
    "method", [SamplingMethod.SAA, SamplingMethod.LHS, SamplingMethod.QMC_SOBOL]
)
def test_numbers_are_drawn_when_they_are_first_asked_for_and_once(make_system, method, monkeypatch):
    calls = []
    inverted = rng.inverted
    monkeypatch.setattr(
        rng, "inverted", lambda uniform: calls.append(len(uniform)) or inverted(uniform)
    )
    tree = build_opening_tree(by(method, make_system(3, 2, n_openings=4)), 5)
    assert [tree.n_openings(t) for t in range(3)] == [4, 4, 4]
    assert calls == []
    assert tree.noise is tree.noise
    assert calls == [4, 4, 4]
    assert not any(noise.flags.writeable for noise in tree.noise)


def test_methods_can_differ_between_stages(make_system):
    base = make_system(2, 2, n_openings=8)
    mixed = replace(
        base, stages=(base.stages[0], replace(base.stages[1], sampling_method=SamplingMethod.LHS))
    )
    plain, changed = build_opening_tree(base, 1), build_opening_tree(mixed, 1)
    np.testing.assert_array_equal(plain.noise[0], changed.noise[0])
    assert not np.array_equal(plain.noise[1], changed.noise[1])


def test_selective_openings_have_weights_and_keep_mean_and_variance(make_system):
    system = by(SamplingMethod.SELECTIVE, make_system(2, 3, n_openings=6))
    tree = build_opening_tree(system, 4, experimental=True)
    for noise, probability in zip(tree.noise, tree.probability, strict=True):
        assert probability.sum() == pytest.approx(1.0)
        assert len(set(probability.tolist())) > 1
        np.testing.assert_allclose(probability @ noise, 0.0, atol=1e-12)
        np.testing.assert_allclose(probability @ noise**2, 1.0)
    again = build_opening_tree(system, 4, experimental=True)
    np.testing.assert_array_equal(tree.noise[1], again.noise[1])


def test_selective_sampling_is_refused_unless_experimental(make_system):
    with pytest.raises(ModelError, match=r"stochastic\.experimental"):
        build_opening_tree(by(SamplingMethod.SELECTIVE, make_system(1)), 4)


def test_historical_residuals_need_a_history(make_system):
    with pytest.raises(ModelError, match="historical_residuals"):
        build_opening_tree(by(SamplingMethod.HISTORICAL_RESIDUALS, make_system(1)), 4)


def test_a_stage_without_openings_is_refused(make_system):
    with pytest.raises(ModelError, match="at least 1 opening, got 0"):
        build_opening_tree(make_system(1, n_openings=0), 1)


# --- openings given by the user


def given(noise, probability=None):
    return GivenOpenings({t: np.array(n, float) for t, n in noise.items()}, probability or {})


def test_given_openings_are_used_as_they_are(make_system):
    group = CorrelationGroup("rivers", NoiseClass.INFLOW, (0, 1), np.array([[1, 0.9], [0.9, 1]]))
    noise = {0: [[1.0, 2.0]], 1: [[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]}
    probability = {1: np.array([0.5, 0.25, 0.25])}
    system = make_system(
        2,
        2,
        n_openings=9,
        given_openings=given(noise, probability),
        correlation=Correlation({"default": (group,)}),
    )
    tree = build_opening_tree(system, 1)
    for t in range(2):
        np.testing.assert_array_equal(tree.noise[t], noise[t])
    np.testing.assert_array_equal(tree.probability[0], [1.0])
    np.testing.assert_array_equal(tree.probability[1], [0.5, 0.25, 0.25])


def test_a_tree_given_back_is_the_same_bit_for_bit(make_system):
    base = make_system(3, 2, n_openings=7)
    drawn = build_opening_tree(base, 11)
    again = build_opening_tree(
        replace(base, given_openings=GivenOpenings(dict(enumerate(drawn.noise)))), 99
    )
    for t in range(3):
        np.testing.assert_array_equal(drawn.noise[t], again.noise[t])
        np.testing.assert_array_equal(drawn.probability[t], again.probability[t])


def test_given_openings_without_sources_leave_these_at_their_mean(make_system):
    system = make_system(
        1,
        n_sources=1,
        load_statistics=(LoadStatistics(0, 0, 1.0, 1.0),),
        availability_statistics=(AvailabilityStatistics(0, 0, 0.5, 0.1),),
        given_openings=given({0: [[1.0, 2.0], [3.0, 4.0]]}),
    )
    np.testing.assert_array_equal(build_opening_tree(system, 1).noise[0], [[1, 2, 0], [3, 4, 0]])


@pytest.mark.parametrize(
    ("openings", "message"),
    [
        (given({0: [[1.0]]}), "stage 1 has no given openings"),
        (given({0: [[1.0]], 1: [[1.0]], 2: [[1.0]]}), "stage 2, which is not"),
        (given({0: [[1.0]], 1: [[1.0, 2.0]]}), "stage 1: expected at least one row of 1 entries"),
        (given({0: [[1.0]], 1: np.empty((0, 1))}), "expected at least one row"),
        (given({0: [[1.0]], 1: [[np.nan]]}), "not all finite"),
        (given({0: [[1.0]], 1: [[1.0]]}, {0: np.array([0.5])}), "add up to 1"),
        (given({0: [[1.0]], 1: [[1.0], [2.0]]}, {1: np.array([1.5, -0.5])}), "at least 0"),
        (given({0: [[1.0]], 1: [[1.0]]}, {1: np.array([0.5, 0.5])}), "expected 1 values"),
    ],
)
def test_given_openings_that_do_not_fit_are_refused(make_system, openings, message):
    with pytest.raises(ModelError, match=message):
        build_opening_tree(make_system(2, given_openings=openings), 1)


# --- choosing an opening


def tree_with(*probability):
    p = np.array(probability)
    return OpeningTree((lambda: np.zeros((len(p), 1)),), (p,))


WORDS = rng.raw_words(3, rng.Purpose.TRAINING_INDEX, 0, np.arange(20000), 1, 1)[:, 0]


def test_equal_probabilities_choose_by_the_high_word():
    np.testing.assert_array_equal(
        tree_with(0.2, 0.2, 0.2, 0.2, 0.2).openings_at(0, WORDS), rng.indices(WORDS, 5)
    )


def test_nearly_equal_probabilities_choose_nearly_the_same():
    nearly = tree_with(0.25, 0.25 + 1e-9, 0.25, 0.25 - 1e-9).openings_at(0, WORDS)
    np.testing.assert_array_equal(nearly, rng.indices(WORDS, 4))


def test_openings_are_chosen_as_often_as_their_probability_says():
    probability = np.array([0.0, 0.5, 0.3, 0.0, 0.2, 0.0])
    chosen = np.bincount(tree_with(*probability).openings_at(0, WORDS), minlength=6) / len(WORDS)
    np.testing.assert_allclose(chosen, probability, atol=0.015)
    assert (chosen[probability == 0.0] == 0.0).all()


def test_the_extreme_words_choose_openings_that_can_occur():
    extremes = np.array([0, 2**64 - 1], np.uint64)
    assert tree_with(0.0, 0.1, 0.2, 0.7, 0.0).openings_at(0, extremes).tolist() == [1, 3]
