"""The account of an estimation: orders, coefficients, what was reduced, and what looks odd."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from headwater.arrays import FrozenDict
from headwater.model import EstimationConfig, InflowStatistics, System
from headwater.stochastic.calendar import SeasonTimeline
from headwater.stochastic.cycle_fit import CycleFit, unit_coefficients
from headwater.stochastic.order import Z_ALPHA
from headwater.stochastic.stability import monodromy_radius
from headwater.stochastic.yule_walker import correlation_matrix

_OVERFIT_VARIANCE = 0.01
_STD_RATIO_JUMP = 2.0
_LIKELY_NEGATIVE = 0.10


def fitting_report(
    system: System,
    timeline: SeasonTimeline,
    config: EstimationConfig,
    fits: Sequence[CycleFit],
    given: Sequence[InflowStatistics] | None,
    white_noise: Sequence[Mapping[str, object]],
    warnings: list[str],
) -> Mapping[str, object]:
    """Describe an estimation in plain lists and dictionaries, ready for JSON.

    Args:
        system: the power system.
        timeline: its stages in the calendar.
        config: options of the estimation.
        fits: what was estimated, by cycle.
        given: statistics that the user gave, to compare with; ``None`` where they were estimated.
        white_noise: seasons that got order 0 for lack of observations.
        warnings: receives what looks odd.
    """
    lag_scale, std_ratio = (
        ([], []) if given is None else _compare_with_user(system, timeline, fits, given, warnings)
    )
    hydros: dict[str, object] = {}
    for h, hydro in enumerate(system.hydros):
        parts = [_report_hydro(fit, h, hydro.id, warnings) for fit in fits]
        hydros[str(hydro.id)] = parts[0] if len(parts) == 1 else {"cycles": parts}
    return FrozenDict(
        {
            "method": config.order_selection.value,
            "divisor": "N",
            "max_order": config.max_order,
            "z_alpha": Z_ALPHA,
            "hydros": hydros,
            "white_noise_fallbacks": list(white_noise),
            "lag_scale_warnings": lag_scale,
            "std_ratio_warnings": std_ratio,
        }
    )


def _report_hydro(fit: CycleFit, h: int, hydro_id: int, warnings: list[str]) -> dict[str, object]:
    from scipy.special import ndtr  # takes long to import, and most studies do without

    hydro, statistics = fit.hydros[h], fit.statistics
    season_ids = fit.history.season_ids
    radius = monodromy_radius(unit_coefficients(fit, h))
    likely_negative = []
    for m, equation in enumerate(hydro.seasons):
        season_id, n = season_ids[m], int(statistics.n_obs[h, m])
        if not equation.phi and equation.annual is None:
            continue
        if equation.residual_variance < _OVERFIT_VARIANCE:
            warnings.append(
                f"hydro {hydro_id}, season {season_id}: the equation leaves only "
                f"{100 * equation.residual_variance:.2g} % of the "
                "variance; it is probably overfitted"
            )
        smallest = float(
            np.linalg.eigvalsh(correlation_matrix(fit.correlograms[h], m, len(equation.phi)))[0]
        )
        if smallest <= 0.0:
            warnings.append(
                f"hydro {hydro_id}, season {season_id}: the matrix of the equations is not "
                f"positive definite (smallest eigenvalue {smallest:.3g})"
            )
        left = fit.residuals[h, :, m]
        mean = float(np.nanmean(left)) if np.isfinite(left).any() else 0.0
        if abs(mean) > 3.0 * equation.residual_std_ratio / math.sqrt(n):
            warnings.append(
                f"hydro {hydro_id}, season {season_id}: the residuals "
                f"have the mean {mean:.3g}, not 0"
            )
        sigma = statistics.std_m3s[h, m] * equation.residual_std_ratio
        if sigma > 0.0 and ndtr(-statistics.mean_m3s[h, m] / sigma) > _LIKELY_NEGATIVE:
            likely_negative.append(season_id)
    return {
        "selected_order": max(hydro.orders, default=0),
        "season_ids": list(season_ids),
        "orders": list(hydro.orders),
        "coefficients": [list(equation.phi) for equation in hydro.seasons],
        "annual_coefficients": [equation.annual for equation in hydro.seasons],
        "residual_std_ratio": [equation.residual_std_ratio for equation in hydro.seasons],
        "pacf": hydro.pacf.tolist(),
        "n_obs": statistics.n_obs[h].tolist(),
        "history_class": [kind.value for kind in statistics.classes[h]],
        "monodromy_radius": radius,
        "likely_negative_seasons": likely_negative,
        "contribution_reductions": [
            {
                "season_id": season_ids[r.season],
                "original_order": r.original_order,
                "reduced_order": r.reduced_order,
                "contributions": list(r.contributions),
                "reason": r.reason,
            }
            for r in hydro.reductions
        ],
    }


def _compare_with_user(
    system: System,
    timeline: SeasonTimeline,
    fits: Sequence[CycleFit],
    rows: Sequence[InflowStatistics],
    warnings: list[str],
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Hints that given statistics and history are about different quantities."""
    lag_scale: list[dict[str, object]] = []
    std_ratio: list[dict[str, object]] = []
    by_key = {(row.hydro_id, row.stage_id): row for row in rows}
    first = system.stages[0]
    for h, hydro in enumerate(system.hydros):
        past = system.initial.past_inflows_m3s.get(hydro.id, ())
        period = timeline.periods[timeline.n_pre_study]
        fit = next(fit for fit in fits if fit.history.cycle == period.cycle)
        row = by_key.get((hydro.id, first.id))
        if past and row is not None and period.season_id is not None:
            fitted = float(
                fit.statistics.mean_m3s[h, fit.history.season_ids.index(period.season_id)]
            )
            if abs(past[0] - fitted) < abs(past[0] - row.mean_m3s):
                lag_scale.append(
                    {
                        "hydro_id": hydro.id,
                        "past_inflow": past[0],
                        "user_mean": row.mean_m3s,
                        "fitted_mean": fitted,
                    }
                )
                warnings.append(
                    f"hydro {hydro.id}: the latest past inflow {past[0]:g} is closer to the mean "
                    f"of the history ({fitted:g}) than to the given mean "
                    f"({row.mean_m3s:g}) of the first stage"
                )
        std_ratio.extend(_std_jumps(timeline, h, hydro.id, fit, by_key, warnings))
    return lag_scale, std_ratio


def _std_jumps(
    timeline: SeasonTimeline,
    h: int,
    hydro_id: int,
    fit: CycleFit,
    by_key: Mapping[tuple[int, int], InflowStatistics],
    warnings: list[str],
) -> list[dict[str, object]]:
    user: dict[int, float] = {}
    for stage, period in zip(timeline.stages, timeline.periods, strict=True):
        row = by_key.get((hydro_id, stage.id))
        if row is not None and period.season_id is not None:
            user.setdefault(period.season_id, row.std_m3s)
    jumps: list[dict[str, object]] = []
    ids = fit.history.season_ids
    for m, season_id in enumerate(ids):
        before = ids[m - 1]
        if (
            season_id not in user
            or before not in user
            or season_id is None
            or before is None
            or len(ids) < 2
        ):
            continue
        fitted, fitted_before = fit.statistics.std_m3s[h, m], fit.statistics.std_m3s[h, m - 1]
        if min(user[season_id], user[before], fitted, fitted_before) > 0.0:
            ratio = float((user[season_id] / fitted) / (user[before] / fitted_before))
            if max(ratio, 1.0 / ratio) > _STD_RATIO_JUMP:
                jumps.append({"hydro_id": hydro_id, "season_id": season_id, "ratio": ratio})
    if jumps:
        warnings.append(
            f"hydro {hydro_id}: the given deviations relate differently to those of the history "
            "from season to season (season(s) "
            f"{', '.join(str(jump['season_id']) for jump in jumps)})"
        )
    return jumps
