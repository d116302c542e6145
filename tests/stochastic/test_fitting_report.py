"""What the account of an estimation points out."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from headwater.model import EstimationConfig, InflowObservation, OrderSelection
from headwater.stochastic.estimation import complete_system

FIRST_ORDER = EstimationConfig(
    order_selection=OrderSelection.FIXED, max_order=1, min_observations_per_season=2
)


@pytest.fixture
def fitted(make_system, months):
    """What is made of ``[year, month]`` of one river, ``nan`` for missing values."""

    def fit(values, config=FIRST_ORDER):
        history = tuple(
            InflowObservation(0, date(1950 + y, m + 1, 1), float(v))
            for (y, m), v in np.ndenumerate(values)
            if np.isfinite(v)
        )
        used = [m for m in range(12) if np.isfinite(values[:, m]).any()]
        return complete_system(
            make_system(
                len(used),
                1,
                seasons=used,
                season_map=months,
                inflow_statistics=(),
                inflow_history=history,
            ),
            config,
        )

    return fit


def record(n_years=40, memory=0.5, mean=100.0, std=20.0, seed=3):
    rng, state = np.random.default_rng(seed), 0.0
    values = np.empty(12 * n_years)
    for t in range(len(values)):
        state = memory * state + np.sqrt(1.0 - memory**2) * rng.normal()
        values[t] = mean + std * state
    return values.reshape(n_years, 12)


def test_an_ordinary_record_has_nothing_to_point_out(fitted):
    found = fitted(record())
    assert found.warnings == ()
    assert found.report["hydros"]["0"]["likely_negative_seasons"] == []


def test_an_equation_that_explains_nearly_everything_is_probably_overfitted(fitted):
    values = record(memory=0.9995, std=30.0)
    texts = [w for w in fitted(values).warnings if "overfitted" in w]
    assert texts
    assert "hydro 0, season" in texts[0]


def test_residuals_without_mean_zero_are_pointed_out(fitted):
    """Januaries are high where the December before is missing, so those that have residuals lie
    below their mean.
    """
    values = record(60)
    values[20:40, 0] += 90.0
    values[19:39, 11] = np.nan
    assert [
        w
        for w in fitted(values).warnings
        if "hydro 0, season 0: the residuals have the mean -" in w
    ]


def test_a_matrix_that_is_not_positive_definite_is_pointed_out(fitted):
    """With few years and gaps each correlation is of other years, and together
    they contradict each other.
    """
    config = EstimationConfig(
        order_selection=OrderSelection.FIXED, max_order=6, min_observations_per_season=2
    )
    for seed in range(40):
        values = record(6, memory=0.95, seed=seed)
        values[np.random.default_rng(seed).random(values.shape) < 0.4] = np.nan
        if (np.isfinite(values).sum(axis=0) < 2).any():
            continue
        found = fitted(values, config)
        if any("is not positive definite (smallest eigenvalue -" in w for w in found.warnings):
            return
    pytest.fail("no record of forty had a matrix that is not positive definite")


def test_seasons_that_the_model_often_makes_negative_are_listed(fitted):
    values = record()
    values[:, 4] = 10.0 + 12.0 * (values[:, 4] - 100.0) / 20.0
    report = fitted(values).report["hydros"]["0"]
    assert report["likely_negative_seasons"] == [4]


def test_a_season_without_observation_is_named(fitted):
    values = record()
    values[:, 8] = np.nan
    assert "hydro 0 has no observation of season(s) 8" in fitted(values).warnings


def test_values_finer_than_the_seasons_are_averaged_and_this_is_said(make_system, months):
    days = [
        InflowObservation(0, date.fromordinal(day), 50.0 + day % 7)
        for day in range(date(1990, 1, 1).toordinal(), date(1996, 1, 1).toordinal())
    ]
    system = make_system(
        12,
        1,
        seasons=range(12),
        season_map=months,
        inflow_statistics=(),
        inflow_history=tuple(days),
    )
    assert any(
        "finer than the seasons: it was averaged" in w
        for w in complete_system(system, FIRST_ORDER).warnings
    )
