from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import (
    AnnualComponent,
    GraphType,
    InflowStatistics,
    InitialConditions,
    PolicyGraph,
    RecentObservation,
    Transition,
)
from headwater.stochastic import build_inflow_model, shift_lags, truncate
from headwater.stochastic.implied import implied_residual_variances, residual_ratio

MU, S = (100.0, 80.0, 60.0, 90.0), (30.0, 20.0, 15.0, 25.0)


def rows(n_stages, phi=(), ratio=None, first=0, mean=100.0, std=20.0, hydro=0):
    """The same statistics at every stage; coefficients at study stages only."""
    return tuple(
        InflowStatistics(hydro, t, mean, std, phi if t >= 0 else (), ratio if t >= 0 else None)
        for t in range(first, n_stages)
    )


def past(*values):
    return InitialConditions(past_inflows_m3s={0: values})


@pytest.fixture
def four_quarters(make_system, quarters):
    """One year of quarters; only the first has an autoregressive model."""
    statistics = tuple(InflowStatistics(0, t, MU[t], S[t]) for t in range(4))
    first = replace(statistics[0], coefficients=(0.5, 0.2), residual_std_ratio=0.8)
    return make_system(
        4,
        seasons=range(4),
        months_per_stage=3,
        season_map=quarters,
        inflow_statistics=(first, *statistics[1:]),
        initial=past(70.0, 65.0),
    )


def test_statistics_become_weights_base_and_deviation(four_quarters):
    model = build_inflow_model(four_quarters)
    np.testing.assert_allclose(model.psi[0, 0], [0.6, 0.4], rtol=1e-12)
    assert model.base[0, 0] == pytest.approx(22.0, rel=1e-12)
    assert model.sigma[0, 0] == pytest.approx(24.0, rel=1e-12)
    assert model.order.tolist() == [[2], [0], [0], [0]]
    np.testing.assert_array_equal(model.base[1:, 0], MU[1:])
    np.testing.assert_array_equal(model.sigma[1:, 0], S[1:])
    np.testing.assert_array_equal(model.psi[1:], 0.0)


def test_the_equation_gives_the_inflow_for_lags_and_noise(four_quarters):
    model = build_inflow_model(four_quarters)
    eta = np.array([[-2.0], [0.0], [0.5], [2.5]])
    lags = np.repeat(model.initial_lags_m3s[None], 4, axis=0)
    inflow = model.innovation_m3s(0, eta) + model.lag_term_m3s(0, lags)
    np.testing.assert_allclose(inflow[:, 0], [42.0, 90.0, 102.0, 150.0], rtol=1e-12)


def test_a_negative_inflow_is_raised_to_zero_and_others_are_left_alone(four_quarters):
    model = build_inflow_model(four_quarters)
    eta = np.array([[-5.0], [-3.75], [-2.0]])
    lag_term = model.lag_term_m3s(0, np.repeat(model.initial_lags_m3s[None], 3, axis=0))
    innovation, truncated = truncate(model.innovation_m3s(0, eta), lag_term)
    assert truncated[:, 0].tolist() == [True, False, False]
    np.testing.assert_allclose((innovation + lag_term)[:, 0], [0.0, 0.0, 42.0], atol=1e-12)
    assert ((innovation - model.base[0]) / model.sigma[0])[0, 0] == pytest.approx(
        -3.75
    )  # the noise it amounts to


def test_truncation_never_leaves_a_negative_inflow_and_needs_no_deviation():
    random = np.random.default_rng(1)
    innovation, lag_term = random.normal(0, 50, (500, 3)), random.normal(0, 50, (500, 3))
    raised, truncated = truncate(innovation, lag_term)
    assert (raised + lag_term >= 0.0).all()
    np.testing.assert_array_equal(raised[~truncated], innovation[~truncated])
    np.testing.assert_array_equal((raised + lag_term)[truncated], 0.0)


def test_deterministic_chain_with_one_lag_falls_towards_its_mean(make_system):
    # The published lag-shift case: a deviation of practically nothing, lags found by stage, one
    # season id for all.
    system = make_system(
        3,
        seasons=[0, 0, 0],
        n_pre_study=1,
        pre_seasons=[0],
        inflow_statistics=rows(3, (0.5,), 1.0, first=-1, std=1e-10),
        initial=past(200.0),
    )
    model = build_inflow_model(system)
    lags, inflows = model.initial_lags_m3s[None], []
    for t in range(3):
        inflow = model.innovation_m3s(t, np.zeros((1, 1))) + model.lag_term_m3s(t, lags)
        inflows.append(float(inflow[0, 0]))
        lags = shift_lags(lags, inflow)
    assert inflows == pytest.approx([150.0, 125.0, 112.5], rel=1e-12)
    assert model.warnings == ()


def test_all_arrays_are_read_only_contiguous_float64(four_quarters):
    model = build_inflow_model(four_quarters)
    for array in (model.psi, model.base, model.sigma, model.initial_lags_m3s):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        assert not array.flags.writeable


# --- where the statistics of a lag come from


def test_without_definitions_a_lag_is_the_stage_before_it_pre_study_included(make_system):
    means = {-2: (10.0, 1.0), -1: (20.0, 2.0), 0: (30.0, 3.0), 1: (40.0, 4.0)}
    statistics = tuple(
        InflowStatistics(0, t, mean, std, (0.5, 0.25) if t >= 0 else (), 0.9 if t >= 0 else None)
        for t, (mean, std) in means.items()
    )
    model = build_inflow_model(
        make_system(2, n_pre_study=2, inflow_statistics=statistics, initial=past(1.0, 2.0))
    )
    np.testing.assert_allclose(
        model.psi[:, 0], [[0.5 * 3 / 2, 0.25 * 3 / 1], [0.5 * 4 / 3, 0.25 * 4 / 2]]
    )
    assert model.base[0, 0] == pytest.approx(30 - 0.75 * 20 - 0.75 * 10)
    assert model.base[1, 0] == pytest.approx(40 - 0.5 * 4 / 3 * 30 - 0.5 * 20)


def test_a_pre_study_stage_without_statistics_takes_those_of_its_season(make_system):
    statistics = (InflowStatistics(0, 0, 30.0, 3.0, (0.5,), 0.9), InflowStatistics(0, 1, 40.0, 4.0))
    system = make_system(
        2,
        seasons=[5, 6],
        n_pre_study=1,
        pre_seasons=[6],
        inflow_statistics=statistics,
        initial=past(1.0),
    )
    model = build_inflow_model(system)
    assert model.psi[0, 0, 0] == pytest.approx(0.5 * 3 / 4)
    assert model.base[0, 0] == pytest.approx(30 - 0.375 * 40)


def test_seasons_that_repeat_show_which_comes_before_the_first_stage(make_system):
    statistics = tuple(
        InflowStatistics(0, t, 10.0 * (t % 2 + 1), 1.0 + t % 2, (0.5,), 0.9) for t in range(3)
    )
    model = build_inflow_model(
        make_system(3, seasons=[7, 8, 7], inflow_statistics=statistics, initial=past(1.0))
    )
    assert model.psi[0, 0, 0] == pytest.approx(
        0.5 * 1 / 2
    )  # season 8 came before season 7 once, so it did before


def test_stages_that_fill_a_year_close_it(make_system):
    statistics = tuple(InflowStatistics(0, t, 10.0 + t, 1.0 + t, (0.5,), 0.9) for t in range(12))
    model = build_inflow_model(
        make_system(12, seasons=range(12), inflow_statistics=statistics, initial=past(1.0))
    )
    assert model.psi[0, 0, 0] == pytest.approx(0.5 * 1 / 12)


@pytest.mark.parametrize("seasons", [None, [0, 1, 2]])
def test_a_lag_without_statistics_is_an_error_that_says_what_to_add(make_system, seasons):
    system = make_system(
        3, seasons=seasons, inflow_statistics=rows(3, (0.5,), 0.9), initial=past(1.0)
    )
    with pytest.raises(ModelError, match=r"hydro 0: lag 1 of stage 0 .* add a pre-study stage"):
        build_inflow_model(system)


def test_with_definitions_the_statistics_of_the_exact_period_come_first(make_system, months):
    # Fourteen months: the second January differs from the first.
    statistics = [InflowStatistics(0, t, 100.0 + t, 10.0 + t) for t in range(14)]
    statistics[13] = replace(statistics[13], coefficients=(0.5, 0.25), residual_std_ratio=0.9)
    system = make_system(
        14,
        seasons=[t % 12 for t in range(14)],
        season_map=months,
        inflow_statistics=tuple(statistics),
    )
    model = build_inflow_model(system)
    np.testing.assert_allclose(model.psi[13, 0], [0.5 * 23 / 22, 0.25 * 23 / 21])


def test_a_missing_season_is_named(make_system, months):
    system = make_system(
        3,
        seasons=[0, 1, 2],
        season_map=months,
        inflow_statistics=rows(3, (0.5,), 0.9),
        initial=past(1.0),
    )
    with pytest.raises(ModelError, match="season 11 from 2025-12-01"):
        build_inflow_model(system)


def test_a_past_without_deviation_has_no_weight_and_this_is_said(make_system):
    statistics = (
        InflowStatistics(0, -1, 50.0, 0.0),
        InflowStatistics(0, 0, 100.0, 20.0, (0.5,), 0.9),
    )
    model = build_inflow_model(
        make_system(1, n_pre_study=1, inflow_statistics=statistics, initial=past(50.0))
    )
    assert model.psi[0, 0, 0] == 0.0
    assert model.base[0, 0] == 100.0
    assert any("stage -1" in warning for warning in model.warnings)


@pytest.mark.parametrize("deviation", [5e-324, 1e-100, 1e-11])
def test_a_past_that_is_constant_but_for_rounding_has_no_weight(make_system, deviation):
    statistics = (
        InflowStatistics(0, -1, 50.0, deviation),
        InflowStatistics(0, 0, 100.0, 20.0, (0.5,), 0.9),
    )
    model = build_inflow_model(
        make_system(1, n_pre_study=1, inflow_statistics=statistics, initial=past(50.0))
    )
    assert model.psi[0, 0, 0] == 0.0


def test_a_past_that_deviates_a_little_keeps_its_weight(make_system):
    statistics = (
        InflowStatistics(0, -1, 50.0, 1e-9),
        InflowStatistics(0, 0, 100.0, 20.0, (0.5,), 0.9),
    )
    model = build_inflow_model(
        make_system(1, n_pre_study=1, inflow_statistics=statistics, initial=past(50.0))
    )
    assert model.psi[0, 0, 0] == pytest.approx(1e10)


# --- residual ratios


def test_implied_ratio_of_one_season():
    rho, variance = implied_residual_variances([(0.5, 0.3)], lambda m, lag: 0)
    np.testing.assert_allclose(rho, [[0.714285714286, 0.657142857143]], atol=1e-12)
    assert variance[0] == pytest.approx(0.445714285714, abs=1e-12)
    assert residual_ratio(variance[0], (0.5, 0.3)) == pytest.approx(0.667618368317, abs=1e-12)


def test_implied_ratio_of_two_seasons():
    rho, variance = implied_residual_variances([(0.6, 0.2), (0.5,)], lambda m, lag: (m - lag) % 2)
    np.testing.assert_allclose(rho, [[0.7, 0.5], [0.5, 0.35]], atol=1e-12)
    np.testing.assert_allclose(variance, [0.48, 0.75], atol=1e-12)


def test_noise_with_the_implied_ratio_keeps_the_variance_of_every_season():
    coefficients = [(0.4, 0.3, -0.1), (0.7,), (0.2, 0.5)]
    _, variance = implied_residual_variances(coefficients, lambda m, lag: (m - lag) % 3)
    ratio = np.sqrt(variance)
    random = np.random.default_rng(3)
    paths = list(random.standard_normal((3, 40000)))
    for step in range(60):
        phi = coefficients[step % 3]
        known = sum(weight * paths[-lag] for lag, weight in enumerate(phi, start=1))
        paths.append(known + ratio[step % 3] * random.standard_normal(40000))
    assert [float(np.std(path)) for path in paths[-3:]] == pytest.approx([1.0, 1.0, 1.0], abs=0.015)


def test_missing_ratios_are_derived_in_a_periodic_year(make_system, quarters):
    phi = [(0.6, 0.2), (0.5,), (0.6, 0.2), (0.5,)]
    statistics = tuple(InflowStatistics(0, t, 100.0, 10.0 + t, phi[t]) for t in range(4))
    system = make_system(
        4,
        seasons=range(4),
        months_per_stage=3,
        season_map=quarters,
        inflow_statistics=statistics,
        initial=past(1.0, 2.0),
    )
    model = build_inflow_model(system)
    ratio = np.array([0.692820323028, 0.866025403784, 0.692820323028, 0.866025403784])
    np.testing.assert_allclose(model.sigma[:, 0], ratio * [10, 11, 12, 13], rtol=1e-11)
    assert model.warnings == ()


def test_a_given_ratio_stays_as_given(make_system):
    system = make_system(
        2, seasons=[0, 0], inflow_statistics=rows(2, (0.5,), 1.0), initial=past(1.0)
    )  # implied would be sqrt(0.75)
    np.testing.assert_array_equal(build_inflow_model(system).sigma, 20.0)


def test_a_past_without_model_is_taken_as_uncorrelated_and_this_is_said(make_system):
    system = make_system(
        1, n_pre_study=2, inflow_statistics=rows(1, (0.5, 0.3), first=-2), initial=past(1.0, 2.0)
    )
    model = build_inflow_model(system)
    assert model.sigma[0, 0] == pytest.approx(20.0 * np.sqrt(1 - 0.25 - 0.09))
    assert any("uncorrelated" in warning and "stage -1" in warning for warning in model.warnings)


def test_coefficients_that_explain_everything_are_refused(make_system):
    system = make_system(2, seasons=[0, 0], inflow_statistics=rows(2, (1.0,)), initial=past(1.0))
    with pytest.raises(ModelError, match="explain all of the variance"):
        build_inflow_model(system)


def test_coefficients_with_a_given_ratio_may_explain_everything(make_system):
    first, second = rows(2, (1.0,), 0.7)
    system = make_system(
        2,
        seasons=[0, 0],
        inflow_statistics=(first, replace(second, coefficients=(0.5,), residual_std_ratio=None)),
    )
    np.testing.assert_allclose(build_inflow_model(system).sigma[:, 0], [14.0, 20.0 * np.sqrt(0.75)])


# --- what is refused


def test_every_hydro_needs_statistics_at_every_stage(make_system):
    with pytest.raises(ModelError, match=r"hydro 1 at stage\(s\) 2"):
        build_inflow_model(make_system(3, 2, inflow_statistics=(*rows(3), *rows(2, hydro=1))))
    with pytest.raises(ModelError, match=r"hydro 0 at stage\(s\) 0, 1, 2"):
        build_inflow_model(make_system(3, inflow_statistics=()))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (InflowStatistics(0, 0, np.inf, 1.0), "finite mean"),
        (InflowStatistics(0, 0, 1.0, -1.0), "at least 0"),
        (InflowStatistics(0, 0, 1.0, 0.0, (0.5,)), "deviation, which is 0"),
        (InflowStatistics(0, 0, 1.0, 1.0, (np.nan,)), "not all finite"),
        (InflowStatistics(0, 0, 1.0, 1.0, (0.5,), 1.5), r"\(0, 1\], got 1.5"),
        (InflowStatistics(0, 9, 1.0, 1.0), "no such study"),
        (InflowStatistics(9, 0, 1.0, 1.0), "no such hydro"),
    ],
)
def test_impossible_statistics_are_refused(make_system, row, message):
    with pytest.raises(ModelError, match=message):
        build_inflow_model(make_system(1, inflow_statistics=(row,)))


def months_with_annual_term(make_system, months, **changes):
    """The worked example of an annual component.

    January with two lags and the mean of the past twelve months.
    """
    mean = (100, 80, 60, 50, 45, 40, 40, 45, 50, 60, 70, 90)
    std = (30, 24, 18, 15, 12, 10, 10, 12, 15, 18, 21, 27)
    statistics = [InflowStatistics(0, m, float(mean[m]), float(std[m])) for m in range(12)]
    annual = AnnualComponent(0.2, changes.pop("annual_mean", 60.0), changes.pop("annual_std", 20.0))
    ratio = changes.pop("ratio", 0.8)
    statistics[0] = replace(
        statistics[0], coefficients=(0.5, 0.1), residual_std_ratio=ratio, annual=annual
    )
    return make_system(
        12, seasons=range(12), season_map=months, inflow_statistics=tuple(statistics), **changes
    )


def test_an_annual_component_adds_an_equal_share_to_twelve_lags(make_system, months):
    model = build_inflow_model(
        months_with_annual_term(make_system, months, initial=past(*[50.0] * 12))
    )
    assert model.psi.shape == (12, 1, 12)
    expected = [0.5 * 30 / 27 + 0.025, 0.1 * 30 / 21 + 0.025, *[0.025] * 10]
    np.testing.assert_allclose(model.psi[0, 0], expected, rtol=1e-13)
    np.testing.assert_allclose(model.psi[0, 0, :2], [0.580555555556, 0.167857142857], atol=1e-12)
    assert model.base[0, 0] == pytest.approx(21.75, abs=1e-12)
    assert model.order[0, 0] == 2


def test_an_annual_component_keeps_the_mean_also_when_its_own_mean_drifts(make_system, months):
    system = months_with_annual_term(
        make_system, months, annual_mean=80.0, initial=past(*[50.0] * 12)
    )
    model = build_inflow_model(system)
    means = np.array([row.mean_m3s for row in system.inflow_statistics])
    past_means = means[[-lag for lag in range(1, 13)]]
    assert model.base[0, 0] + model.psi[0, 0] @ past_means == pytest.approx(100.0)
    assert any("annual component differs by more than 5 %" in warning for warning in model.warnings)
    close = build_inflow_model(
        months_with_annual_term(make_system, months, initial=past(*[50.0] * 12))
    )
    assert not any("annual component" in warning for warning in close.warnings)


def test_the_ratio_implied_by_an_annual_component_counts_all_of_its_twelve_lags(
    make_system, months
):
    system = months_with_annual_term(make_system, months, ratio=None, initial=past(*[50.0] * 12))
    model = build_inflow_model(system)
    std = np.array([row.std_m3s for row in system.inflow_statistics])
    # All other months are independent, so the variance that the past explains is a plain sum.
    explained = sum((model.psi[0, 0, lag - 1] * std[-lag]) ** 2 for lag in range(1, 13))
    assert model.sigma[0, 0] ** 2 == pytest.approx(30.0**2 - explained)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annual_std": 0.0}, "a deviation above 0"),
        ({"annual_mean": np.nan}, "a finite coefficient and mean"),
    ],
)
def test_impossible_annual_components_are_refused(make_system, months, changes, message):
    with pytest.raises(ModelError, match=message):
        build_inflow_model(
            months_with_annual_term(make_system, months, initial=past(*[50.0] * 12), **changes)
        )


def test_an_annual_mean_that_hardly_deviates_weighs_too_much_and_is_refused(make_system, months):
    system = months_with_annual_term(
        make_system, months, initial=past(*[50.0] * 12), annual_std=1e-20
    )
    with pytest.raises(ModelError, match=r"a past inflow weighs .* its deviation is too small"):
        build_inflow_model(system)


def test_an_annual_component_needs_twelve_defined_seasons(make_system):
    row = replace(rows(1)[0], annual=AnnualComponent(0.2, 60.0, 20.0))
    with pytest.raises(ModelError, match="twelve seasons"):
        build_inflow_model(make_system(1, inflow_statistics=(row,)))


def test_an_unstable_model_is_warned_about_and_refused_on_a_cyclic_horizon(make_system, quarters):
    statistics = rows(4, (1.02,), 0.5)
    system = make_system(
        4,
        seasons=range(4),
        season_map=quarters,
        months_per_stage=3,
        inflow_statistics=statistics,
        initial=past(100.0),
    )
    assert any(
        "does not forget its past" in warning for warning in build_inflow_model(system).warnings
    )
    cyclic = replace(system, policy_graph=PolicyGraph(GraphType.CYCLIC, 0.1, (Transition(3, 0),)))
    with pytest.raises(ModelError, match="needs a stable model"):
        build_inflow_model(cyclic)
    stable = replace(cyclic, inflow_statistics=rows(4, (0.98,), 0.5))
    assert build_inflow_model(stable).warnings == ()


def test_negative_means_are_legal(make_system):
    assert (
        build_inflow_model(make_system(1, inflow_statistics=rows(1, mean=-5.0))).base[0, 0] == -5.0
    )


def test_a_system_without_hydros_has_an_empty_model(make_system):
    model = build_inflow_model(make_system(2, 0))
    assert model.psi.shape == (2, 0, 0)
    assert model.innovation_m3s(0, np.empty((4, 0))).shape == (4, 0)


def test_lags_that_are_switched_off_but_needed_are_kept_with_a_warning(make_system):
    base = make_system(
        1, n_pre_study=1, inflow_statistics=rows(1, (0.5,), 0.9, first=-1), initial=past(1.0)
    )
    model = build_inflow_model(replace(base, stages=(replace(base.stages[0], inflow_lags=False),)))
    assert model.n_lags == 1
    assert any("inflow_lags is off at stage(s) 0" in warning for warning in model.warnings)


# --- lags before the study


def test_given_past_inflows_are_the_initial_lags_most_recent_first(make_system):
    statistics = (*rows(1, (0.3, 0.2), 0.9, first=-2), *rows(1, hydro=1))
    initial = InitialConditions(past_inflows_m3s={0: (70.0, 65.0, 60.0), 1: (5.0,)})
    model = build_inflow_model(
        make_system(1, 2, n_pre_study=2, inflow_statistics=statistics, initial=initial)
    )
    np.testing.assert_array_equal(model.initial_lags_m3s, [[70.0, 5.0], [65.0, 0.0]])
    assert model.warnings == ()  # hydro 1 has no model that looks back


def test_missing_lags_take_the_seasonal_mean_and_this_is_said(make_system):
    pre = (InflowStatistics(0, -2, 40.0, 5.0), InflowStatistics(0, -1, 50.0, 5.0))
    system = make_system(
        2, n_pre_study=2, inflow_statistics=(*pre, *rows(2, (0.3, 0.2), 0.9)), initial=past(77.0)
    )
    model = build_inflow_model(system)
    np.testing.assert_array_equal(model.initial_lags_m3s[:, 0], [77.0, 40.0])
    (warning,) = model.warnings
    assert "hydro 0" in warning
    assert "lag(s) 2;" in warning


def test_a_lag_that_only_a_later_stage_looks_at_is_needed_too(make_system):
    pre = (InflowStatistics(0, -1, 50.0, 5.0),)
    study = (
        InflowStatistics(0, 0, 100.0, 20.0),
        InflowStatistics(0, 1, 100.0, 20.0, (0.0, 0.2), 0.9),
    )
    model = build_inflow_model(make_system(2, n_pre_study=1, inflow_statistics=pre + study))
    np.testing.assert_array_equal(model.initial_lags_m3s[:, 0], [50.0, 0.0])
    assert "lag(s) 1;" in model.warnings[0]


def test_observations_that_cover_a_whole_period_give_its_lag(make_system):
    december = (
        RecentObservation(0, date(2025, 12, 1), date(2025, 12, 11), 62.0),
        RecentObservation(0, date(2025, 12, 11), date(2026, 1, 1), 31.0),
    )
    statistics = rows(1, (0.5,), 0.9, first=-1)
    whole = make_system(
        1,
        n_pre_study=1,
        inflow_statistics=statistics,
        initial=InitialConditions(recent_observations=december),
    )
    assert build_inflow_model(whole).initial_lags_m3s[0, 0] == pytest.approx(
        (62 * 10 + 31 * 21) / 31
    )
    partly = replace(whole, initial=InitialConditions(recent_observations=december[:1]))
    assert build_inflow_model(partly).initial_lags_m3s[0, 0] == 100.0  # the seasonal mean


def test_negative_past_inflows_are_kept_with_a_warning(make_system):
    system = make_system(
        1, n_pre_study=1, inflow_statistics=rows(1, (0.5,), 0.9, first=-1), initial=past(-3.0)
    )
    model = build_inflow_model(system)
    assert model.initial_lags_m3s[0, 0] == -3.0
    assert any("negative past inflow" in warning for warning in model.warnings)


@pytest.mark.parametrize("values", [{0: (np.nan,)}, {7: (1.0,)}])
def test_past_inflows_must_be_finite_and_of_a_known_hydro(make_system, values):
    system = make_system(1, initial=InitialConditions(past_inflows_m3s=values))
    with pytest.raises(ModelError, match="past inflows"):
        build_inflow_model(system)
