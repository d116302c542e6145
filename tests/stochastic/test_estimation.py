from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import (
    AnnualComponent,
    Correlation,
    CorrelationGroup,
    EstimationConfig,
    InflowObservation,
    InflowStatistics,
    InitialConditions,
    NoiseClass,
    OrderSelection,
)
from headwater.stochastic import ShortHistoryError, build_inflow_model, build_uncertainty
from headwater.stochastic.estimation import complete_system

MEANS = np.array([100.0, 120.0, 90.0, 80.0, 70.0, 60.0, 50.0, 45.0, 50.0, 60.0, 75.0, 90.0])


def simulated(n_years, phi=0.6, correlation=0.5, n_hydros=2, seed=1):
    """Monthly inflows of a first-order model with known means, deviations of a fifth of them and
    correlated noise.
    """
    rng = np.random.default_rng(seed)
    factor = np.linalg.cholesky(
        np.full((n_hydros, n_hydros), correlation) + (1 - correlation) * np.eye(n_hydros)
    )
    z = np.zeros((n_hydros, 12 * n_years + 24))
    for t in range(1, z.shape[1]):
        z[:, t] = phi * z[:, t - 1] + np.sqrt(1 - phi**2) * (factor @ rng.normal(size=n_hydros))
    return MEANS + 0.2 * MEANS * z[:, 24:].reshape(n_hydros, n_years, 12)


def as_history(values, first_year=1900):
    return tuple(
        InflowObservation(h, date(first_year + y, m + 1, 1), float(value))
        for (h, y, m), value in np.ndenumerate(values)
        if np.isfinite(value)
    )


@pytest.fixture
def study(make_system, months):
    """A year of months, two rivers with sixty years of history and nothing else."""
    return make_system(
        12,
        2,
        seasons=range(12),
        season_map=months,
        inflow_statistics=(),
        inflow_history=as_history(simulated(60)),
    )


def test_without_statistics_everything_is_estimated(study):
    values = simulated(60)
    found = complete_system(study)
    assert found.path == "full_estimation"
    assert dict(found.sources) == {
        "statistics": "estimated",
        "coefficients": "estimated",
        "correlation": "estimated",
    }
    rows = {(row.hydro_id, row.stage_id): row for row in found.system.inflow_statistics}
    assert len(rows) == 24
    for (h, m), row in rows.items():
        assert row.mean_m3s == pytest.approx(values[h, :, m].mean())
        assert row.std_m3s == pytest.approx(values[h, :, m].std())
        assert row.coefficients
    assert found.system.correlation.profiles["default"][0].matrix[0, 1] == pytest.approx(
        0.5, abs=0.085
    )  # three standard errors


def test_the_estimated_model_feeds_the_stage_problems(study):
    model = build_inflow_model(study)
    assert model.n_lags >= 1
    means = np.array(
        [
            [
                row.mean_m3s
                for row in complete_system(study).system.inflow_statistics
                if row.hydro_id == h
            ]
            for h in (0, 1)
        ]
    )
    for t in range(12):
        past = np.array([means[:, (t - lag) % 12] for lag in range(1, model.n_lags + 1)])
        expected = model.base[t] + (model.psi[t] * past.T).sum(axis=1)
        np.testing.assert_allclose(expected, means[:, t])


def test_a_long_record_of_a_known_model_is_recovered(make_system, months):
    system = make_system(
        12,
        2,
        seasons=range(12),
        season_map=months,
        inflow_statistics=(),
        inflow_history=as_history(simulated(200), first_year=1700),
    )
    options = EstimationConfig(max_order=1, order_selection=OrderSelection.FIXED)
    for row in complete_system(system, options).system.inflow_statistics:
        assert row.coefficients[0] == pytest.approx(0.6, abs=0.15)
        assert row.residual_std_ratio == pytest.approx(0.8, abs=0.12)


def test_given_statistics_stay_and_coefficients_are_fitted(study):
    given = tuple(InflowStatistics(h, t, 500.0, 50.0) for h in (0, 1) for t in range(12))
    full, partial = complete_system(study), complete_system(replace(study, inflow_statistics=given))
    assert partial.path == "partial_estimation"
    for fitted, kept in zip(
        full.system.inflow_statistics, partial.system.inflow_statistics, strict=True
    ):
        assert (kept.mean_m3s, kept.std_m3s) == (500.0, 50.0)
        assert kept.coefficients == fitted.coefficients
        assert kept.residual_std_ratio == fitted.residual_std_ratio


def test_given_coefficients_stay_and_statistics_are_fitted(study):
    given = tuple(
        InflowStatistics(h, t, np.nan, np.nan, (0.4,), 0.9) for h in (0, 1) for t in range(12)
    )
    full, kept = complete_system(study), complete_system(replace(study, inflow_statistics=given))
    assert kept.path == "user_ar_history_stats"
    assert kept.report is None
    for fitted, row in zip(
        full.system.inflow_statistics, kept.system.inflow_statistics, strict=True
    ):
        assert (row.mean_m3s, row.std_m3s) == (fitted.mean_m3s, fitted.std_m3s)
        assert (row.coefficients, row.residual_std_ratio) == ((0.4,), 0.9)


def test_with_everything_given_only_the_correlation_is_estimated(study):
    given = tuple(
        InflowStatistics(h, t, 500.0, 50.0, (0.4,), 0.9) for h in (0, 1) for t in range(12)
    )
    found = complete_system(replace(study, inflow_statistics=given))
    assert found.path == "user_provided_all"
    assert found.system.inflow_statistics == given
    assert found.system.correlation.profiles["default"][0].matrix[0, 1] == pytest.approx(
        0.5, abs=0.085
    )


def test_a_given_correlation_wins(study):
    matrix = np.array([[1.0, -0.3], [-0.3, 1.0]])
    given = Correlation({"default": (CorrelationGroup("all", NoiseClass.INFLOW, (0, 1), matrix),)})
    found = complete_system(replace(study, correlation=given))
    assert found.system.correlation is given
    assert found.sources["correlation"] == "user"


def test_without_history_nothing_changes(make_system):
    system = make_system(2)
    found = complete_system(system)
    assert found.system is system
    assert found.path == "user_stats_white_noise"
    with_coefficients = replace(
        system,
        inflow_statistics=tuple(replace(r, coefficients=(0.5,)) for r in system.inflow_statistics),
    )
    assert complete_system(with_coefficients).path == "user_provided_no_history"


def test_coefficients_without_statistics_and_history_are_refused(make_system):
    rows = tuple(InflowStatistics(0, t, np.nan, np.nan, (0.5,)) for t in range(2))
    with pytest.raises(ModelError, match="without inflow statistics and without history"):
        complete_system(make_system(2, inflow_statistics=rows))


def test_history_without_season_definitions_is_refused(study):
    with pytest.raises(ModelError, match="season_definitions"):
        complete_system(replace(study, season_map=None))


def test_a_hydro_without_history_is_refused(study):
    only_first = tuple(o for o in study.inflow_history if o.hydro_id == 0)
    with pytest.raises(ModelError, match=r"hydro\(s\) 1 have no inflow history"):
        complete_system(replace(study, inflow_history=only_first))


def test_a_single_observation_of_a_season_is_refused(study):
    few = tuple(o for o in study.inflow_history if o.date.month != 3 or o.date.year == 1900)
    with pytest.raises(ModelError, match="hydro 0 has a single observation of season 2") as raised:
        complete_system(replace(study, inflow_history=few))
    assert isinstance(raised.value, ShortHistoryError)
    assert [one.hydro_id for one in raised.value.shortfalls] == [0, 1]
    assert [one.counts for one in raised.value.shortfalls] == [{2: 1}, {2: 1}]


def test_everything_that_a_history_lacks_is_said_at_once(study):
    few = tuple(
        o
        for o in study.inflow_history
        if o.hydro_id == 1 or (o.date.month > 2 and (o.date.month != 5 or o.date.year == 1950))
    )
    with pytest.raises(ShortHistoryError) as raised:
        complete_system(replace(study, inflow_history=few))
    assert [one.counts for one in raised.value.shortfalls] == [{0: 0, 1: 0, 4: 1}]
    text = "hydro 0 has a single observation of season 4 and no observation of seasons 0, 1"
    assert text in str(raised.value)


def test_a_single_observation_of_a_season_without_a_stage_is_left_out(make_system, months):
    """August is observed once and no stage stands for it: the model is the one without it."""
    values = simulated(60)
    once, never = values.copy(), values.copy()
    once[:, 1:, 7] = np.nan
    never[:, :, 7] = np.nan
    found, without = (
        complete_system(
            make_system(
                6, 2, seasons=range(6), season_map=months, inflow_statistics=(), inflow_history=h
            )
        )
        for h in (as_history(once), as_history(never))
    )
    assert found.system.inflow_statistics == without.system.inflow_statistics
    np.testing.assert_array_equal(
        found.system.correlation.profiles["default"][0].matrix,
        without.system.correlation.profiles["default"][0].matrix,
    )
    words = "hydro 0 has a single observation, left out, of season(s) 7"
    assert words in found.warnings
    assert "hydro 0 has no observation of season(s) 7" in without.warnings


def test_a_history_that_only_correlates_may_be_short(study):
    given = tuple(
        InflowStatistics(h, t, 500.0, 50.0, (0.4,), 0.9) for h in (0, 1) for t in range(12)
    )
    few = tuple(o for o in study.inflow_history if o.date.month != 3 or o.date.year == 1900)
    found = complete_system(replace(study, inflow_statistics=given, inflow_history=few))
    assert found.system.inflow_statistics == given


def test_a_season_of_the_study_that_was_never_observed_is_refused(study):
    few = tuple(o for o in study.inflow_history if o.date.month != 3)
    with pytest.raises(ModelError, match="hydro 0 has no observation of season 2"):
        complete_system(replace(study, inflow_history=few))


def test_few_years_give_order_zero_with_a_warning(make_system, months):
    system = make_system(
        12,
        1,
        seasons=range(12),
        season_map=months,
        inflow_statistics=(),
        inflow_history=as_history(simulated(20, n_hydros=1)),
    )
    found = complete_system(system)
    assert all(not row.coefficients for row in found.system.inflow_statistics)
    assert any("fewer than 30 observations" in warning for warning in found.warnings)
    assert len(found.report["white_noise_fallbacks"]) == 12
    relaxed = complete_system(system, EstimationConfig(min_observations_per_season=20))
    assert any(row.coefficients for row in relaxed.system.inflow_statistics)


def test_lags_before_a_study_of_some_months_take_their_statistics_and_values_from_history(
    make_system, months
):
    values = simulated(60)
    history = as_history(
        values, first_year=1966
    )  # up to December 2025; the study starts in January 2026
    system = make_system(
        3, 2, seasons=range(3), season_map=months, inflow_statistics=(), inflow_history=history
    )
    model = build_inflow_model(
        system,
        complete_system(
            system, EstimationConfig(order_selection=OrderSelection.FIXED, max_order=2)
        ),
    )
    np.testing.assert_allclose(model.initial_lags_m3s[0], values[:, -1, 11])
    np.testing.assert_allclose(model.initial_lags_m3s[1], values[:, -1, 10])
    assert not any("seasonal mean is taken" in warning for warning in model.warnings)


def test_past_inflows_win_over_history(study):
    late = replace(study, inflow_history=as_history(simulated(60), first_year=1966))
    past = InitialConditions(past_inflows_m3s={0: (11.0,), 1: (12.0,)})
    model = build_inflow_model(replace(late, initial=past))
    np.testing.assert_array_equal(model.initial_lags_m3s[0], [11.0, 12.0])


def test_an_annual_component_is_estimated_on_request(study):
    found = complete_system(study, EstimationConfig(order_selection=OrderSelection.PACF_ANNUAL))
    assert all(row.annual is not None for row in found.system.inflow_statistics)
    model = build_inflow_model(study, found)
    assert model.n_lags == 12
    assert model.initial_lags_m3s.shape == (12, 2)


def test_an_annual_component_needs_a_year_and_a_month(make_system, months, study):
    short = tuple(o for o in study.inflow_history if o.date.year < 1901)
    options = EstimationConfig(order_selection=OrderSelection.PACF_ANNUAL)
    with pytest.raises(ModelError, match="single observation"):
        complete_system(replace(study, inflow_history=short), options)
    two_januaries = tuple(
        o for o in study.inflow_history if o.date.year < 1902 and o.date.month < 7
    )
    half = make_system(
        6,
        2,
        seasons=range(6),
        season_map=months,
        inflow_statistics=(),
        inflow_history=two_januaries,
    )
    with pytest.raises(ModelError, match="needs 13"):
        complete_system(half, options)


def test_a_given_annual_component_counts_in_the_residuals_that_give_the_correlation(study):
    annual = AnnualComponent(0.4, 75.0, 5.0)
    plain = tuple(
        InflowStatistics(h, t, 500.0, 50.0, (0.4,), 0.9) for h in (0, 1) for t in range(12)
    )
    with_annual = tuple(replace(row, annual=annual) for row in plain)
    matrices = [
        complete_system(replace(study, inflow_statistics=rows))
        .system.correlation.profiles["default"][0]
        .matrix
        for rows in (plain, with_annual)
    ]
    assert matrices[0][0, 1] != matrices[1][0, 1]


def test_seasons_with_thirty_years_have_a_correlation_profile(study):
    correlation = complete_system(study).system.correlation
    assert set(correlation.profiles) == {"default", *(f"season_{m:02d}" for m in range(12))}
    assert correlation.schedule[3] == "season_03"
    matrix = correlation.profile_at(3)[0].matrix
    assert matrix[0, 1] == pytest.approx(0.5, abs=0.35)


def test_an_estimated_matrix_that_is_not_positive_semidefinite_is_repaired_with_a_warning(
    make_system, months
):
    values = np.full((3, 30, 12), np.nan)
    rng = np.random.default_rng(3)
    base = rng.normal(size=(3, 10, 12))
    # Pairs of rivers that are never observed together, with contradictory signs.
    values[0, :10], values[1, :10] = base[0], base[0] + 0.1 * base[1]
    values[1, 10:20], values[2, 10:20] = base[1], base[1] + 0.1 * base[2]
    values[0, 20:], values[2, 20:] = base[2], -base[2] + 0.1 * base[0]
    system = make_system(
        12,
        3,
        seasons=range(12),
        season_map=months,
        inflow_statistics=(),
        inflow_history=as_history(100 + 10 * values),
    )
    uncertainty = build_uncertainty(system, 1)
    assert any("negative eigenvalue" in warning for warning in uncertainty.warnings)
    matrix = uncertainty.system.correlation.profiles["default"][0].matrix
    assert np.linalg.eigvalsh(matrix)[0] > -1e-12
    np.testing.assert_allclose(np.diag(matrix), 1.0)


def test_the_report_says_what_was_fitted(study):
    report = complete_system(study).report
    assert (report["method"], report["divisor"], report["max_order"]) == ("pacf", "N", 6)
    hydro = report["hydros"]["0"]
    assert hydro["selected_order"] == max(hydro["orders"])
    assert (
        len(hydro["coefficients"]) == len(hydro["residual_std_ratio"]) == len(hydro["n_obs"]) == 12
    )
    assert hydro["n_obs"] == [60] * 12
    assert hydro["history_class"] == ["default"] * 12
    assert 0.0 <= hydro["monodromy_radius"] < 0.1


def test_statistics_of_another_scale_than_the_history_are_pointed_out(study):
    given = tuple(
        InflowStatistics(h, t, 500.0, 50.0 if t != 4 else 500.0) for h in (0, 1) for t in range(12)
    )
    past = InitialConditions(past_inflows_m3s={0: (95.0,) * 6, 1: (480.0,) * 6})
    found = complete_system(replace(study, inflow_statistics=given, initial=past))
    assert [warning["hydro_id"] for warning in found.report["lag_scale_warnings"]] == [0]
    assert {warning["season_id"] for warning in found.report["std_ratio_warnings"]} >= {4, 5}


def test_a_dry_season_is_constant_and_has_no_noise(make_system, months):
    values = simulated(40, n_hydros=1)
    values[0, :, 6] = 0.0
    system = make_system(
        12,
        1,
        seasons=range(12),
        season_map=months,
        inflow_statistics=(),
        inflow_history=as_history(values),
    )
    found = complete_system(system, EstimationConfig(order_selection=OrderSelection.PACF_ANNUAL))
    row = found.system.inflow_statistics[6]
    assert (row.mean_m3s, row.std_m3s, row.coefficients, row.annual) == (0.0, 0.0, (), None)
    model = build_inflow_model(system, found)
    assert model.sigma[6, 0] == 0.0
    assert model.base[6, 0] == 0.0
    assert found.report["hydros"]["0"]["history_class"][6] == "constant"
