"""Spatial correlation of the noise, estimated from the residuals of the fitted models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headwater.arrays import Array, FrozenDict
from headwater.model import Correlation, CorrelationGroup, InflowNoise, NoiseClass, System
from headwater.stochastic.calendar import SeasonTimeline
from headwater.stochastic.correlation import clipped_correlation
from headwater.stochastic.cycle_fit import CycleFit
from headwater.stochastic.lognormal import log_residuals
from headwater.stochastic.residuals import residual_correlation

_ROUNDING = 1e-12


def estimated_correlation(
    system: System,
    timeline: SeasonTimeline,
    fits: Sequence[CycleFit],
    warnings: list[str],
    noise: InflowNoise,
) -> Correlation:
    """Correlation of the residuals.

    Pooled as the default, and by season where there are enough of them.

    Args:
        system: its hydros and stages.
        timeline: calendar periods of the stages.
        fits: models of the cycles, with their residuals.
        warnings: gets a sentence for every matrix that had to be clipped.
        noise: distribution of the noise, on whose scale residuals are compared.
    """
    hydro_ids = tuple(hydro.id for hydro in system.hydros)
    profiles: dict[str, tuple[CorrelationGroup, ...]] = {}
    by_season: dict[int, str] = {}
    for fit in fits:
        normal = noise is InflowNoise.NORMAL
        found = residual_correlation(fit.residuals if normal else log_residuals(fit, noise))
        if "default" not in profiles:
            profiles["default"] = (_group("default", hydro_ids, found.pooled, warnings),)
        for season_id, matrix in zip(fit.history.season_ids, found.seasons, strict=False):
            if matrix is not None and season_id is not None:
                name = f"season_{season_id:02d}"
                profiles[name] = (_group(name, hydro_ids, matrix, warnings),)
                by_season[season_id] = name
    study = zip(system.stages, timeline.periods[timeline.n_pre_study :], strict=True)
    schedule = {
        stage.id: by_season[period.season_id]
        for stage, period in study
        if period.season_id is not None and period.season_id in by_season
    }
    used = {"default", *schedule.values()}
    return Correlation(
        {name: profile for name, profile in profiles.items() if name in used},
        FrozenDict(schedule),
    )


def _group(
    profile: str, hydro_ids: tuple[int, ...], matrix: Array, warnings: list[str]
) -> CorrelationGroup:
    eigenvalues = np.linalg.eigvalsh(matrix)
    if eigenvalues[0] < -_ROUNDING * max(eigenvalues[-1], 1.0):
        # Pairs observed in different years need not fit together, which is no fault of the
        # input.
        warnings.append(
            f"the estimated correlation of profile '{profile}' has the negative eigenvalue "
            f"{eigenvalues[0]:.3g}: it was clipped to 0 and the diagonal scaled back to 1"
        )
        matrix = clipped_correlation(matrix)
        matrix = np.clip((matrix + matrix.T) / 2.0, -1.0, 1.0)
    return CorrelationGroup("all_hydros", NoiseClass.INFLOW, hydro_ids, matrix)
