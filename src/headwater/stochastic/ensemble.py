"""An inflow model from nothing but external scenarios.

Each stage is its own season, the scenarios are its years.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headwater.arrays import FrozenDict
from headwater.model import (
    Correlation,
    CorrelationGroup,
    EstimationConfig,
    ExternalScenarios,
    InflowStatistics,
    NoiseClass,
    OrderSelection,
    System,
)
from headwater.stochastic.order import order_by_criterion, order_by_significance
from headwater.stochastic.residuals import pearson
from headwater.stochastic.yule_walker import (
    Correlogram,
    SeasonFit,
    explained_variances,
    fit_season,
    partial_autocorrelations,
)


def fit_ensemble(system: System, scenarios: ExternalScenarios, config: EstimationConfig) -> System:
    """Statistics, coefficients and correlation of a system from external inflow scenarios.

    Lags reach back to the first stage only: what came before is the same in every scenario, and so
    explains nothing.

    Args:
        system: without inflow statistics and history.
        scenarios: complete for the hydros and stages of the system; all stages with the same number
            of scenarios or repeated.
        config: how orders are chosen; an annual component is not estimated.
    """
    n = max(len(scenarios.values[stage.id]) for stage in system.stages)
    values = np.stack(
        [
            scenarios.values[stage.id][np.arange(n) % len(scenarios.values[stage.id])]
            for stage in system.stages
        ],
        axis=1,
    )
    mean, std = values.mean(axis=0), values.std(axis=0)
    varies = std > 1e-9 * np.maximum(np.abs(mean), 1.0)
    scaled = (values - mean) / np.where(varies, std, 1.0) * varies
    n_stages, n_hydros = mean.shape
    rows, left = [], np.full(scaled.shape, np.nan)
    for h, hydro in enumerate(system.hydros):
        rho = np.zeros((n_stages, config.max_order + 1))
        for t in range(n_stages):
            for lag in range(min(t, config.max_order) + 1):
                rho[t, lag] = float(
                    np.clip((scaled[:, t, h] * scaled[:, t - lag, h]).mean(), -1.0, 1.0)
                )
        rho[:, 0] = 1.0
        for t, stage in enumerate(system.stages):
            fit = _fit_stage(Correlogram(rho), t, n, config) if varies[t, h] else SeasonFit()
            ratio = fit.residual_std_ratio if fit.phi else None
            spread = float(std[t, h]) if varies[t, h] else 0.0
            rows.append(
                InflowStatistics(hydro.id, stage.id, float(mean[t, h]), spread, fit.phi, ratio)
            )
            if varies[t, h]:
                left[:, t, h] = scaled[:, t, h] - sum(
                    phi * scaled[:, t - lag, h] for lag, phi in enumerate(fit.phi, 1)
                )
    correlation = system.correlation
    if correlation is None and n_hydros:
        matrix, _ = pearson(left.reshape(-1, n_hydros).T)
        ids = tuple(hydro.id for hydro in system.hydros)
        group = CorrelationGroup("all_hydros", NoiseClass.INFLOW, ids, matrix)
        correlation = Correlation(FrozenDict({"default": (group,)}))
    return replace(system, inflow_statistics=tuple(rows), correlation=correlation)


def _fit_stage(
    correlogram: Correlogram, t: int, n_scenarios: int, config: EstimationConfig
) -> SeasonFit:
    highest = min(t, config.max_order)
    if highest == 0 or n_scenarios < config.min_observations_per_season:
        return SeasonFit()
    method = config.order_selection
    if method is OrderSelection.FIXED:
        order = highest
    elif method in (OrderSelection.AIC, OrderSelection.BIC):
        penalty = 2.0 if method is OrderSelection.AIC else float(np.log(n_scenarios))
        order = order_by_criterion(
            explained_variances(correlogram, t, highest), n_scenarios, penalty
        )
    else:
        order = order_by_significance(
            partial_autocorrelations(correlogram, t, highest), n_scenarios
        )
    fit = fit_season(correlogram, t, order)
    return fit if not fit.phi or fit.phi[0] >= 0.0 else SeasonFit()
