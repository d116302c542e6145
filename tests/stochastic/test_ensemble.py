from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headwater.model import (
    EstimationConfig,
    External,
    ExternalScenarios,
    OrderSelection,
    ScenarioSource,
)
from headwater.stochastic import build_uncertainty, training_sampler
from headwater.stochastic.estimation import complete_system


@pytest.fixture
def system(make_system):
    """Two rivers known by 400 scenarios of five stages.

    Coefficient 0.7, noise correlated by 0.6.
    """
    rng = np.random.default_rng(4)
    noise = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.6], [0.6, 1.0]], size=(400, 5))
    z = noise.copy()
    for t in range(1, 5):
        z[:, t] = 0.7 * z[:, t - 1] + np.sqrt(1 - 0.49) * noise[:, t]
    values = 100.0 + 10.0 * np.arange(5)[None, :, None] + 15.0 * z
    given = ExternalScenarios((0, 1), {t: values[:, t] for t in range(5)})
    return make_system(5, 2, inflow_statistics=(), external_inflows=given)


def test_statistics_coefficients_and_correlation_come_from_the_scenarios(system):
    found = complete_system(system)
    assert found.path == "external_ensemble"
    for row in found.system.inflow_statistics:
        values = system.external_inflows.values[row.stage_id][:, row.hydro_id]
        assert row.mean_m3s == pytest.approx(values.mean())
        assert row.std_m3s == pytest.approx(values.std())
        if row.stage_id == 0:
            assert row.coefficients == ()
        else:
            assert row.coefficients[0] == pytest.approx(0.7, abs=0.15)
    assert found.system.correlation.profiles["default"][0].matrix[0, 1] == pytest.approx(
        0.6, abs=0.05
    )


def test_first_order_coefficients_are_the_correlations_of_neighbours(system):
    options = EstimationConfig(order_selection=OrderSelection.FIXED, max_order=1)
    rows = {
        (r.hydro_id, r.stage_id): r
        for r in complete_system(system, options).system.inflow_statistics
    }
    values = system.external_inflows.values
    assert rows[1, 3].coefficients[0] == pytest.approx(
        np.corrcoef(values[3][:, 1], values[2][:, 1])[0, 1]
    )


def test_lags_do_not_reach_before_the_first_stage(system):
    options = EstimationConfig(order_selection=OrderSelection.FIXED, max_order=4)
    for row in complete_system(system, options).system.inflow_statistics:
        assert len(row.coefficients) <= row.stage_id


def test_the_forward_pass_follows_the_scenarios_and_the_tree_is_drawn_from_the_fitted_model(system):
    stages = tuple(replace(stage, n_openings=7) for stage in system.stages)
    uncertainty = build_uncertainty(replace(system, stages=stages), 1)
    assert [uncertainty.tree.n_openings(t) for t in range(5)] == [7] * 5
    sampler = training_sampler(uncertainty, ScenarioSource(inflow=External(), seed=1), 1, 400)
    eta = np.array([sampler.noise(t, 1, np.arange(400)) for t in range(5)])
    np.testing.assert_allclose(eta.std(), 1.0, atol=0.02)
