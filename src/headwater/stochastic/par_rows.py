"""The statistics of every hydro by position on the timeline, checked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headwater.core.wording import listed
from headwater.errors import ModelError
from headwater.model import InflowStatistics, System
from headwater.stochastic.autocorrelation import MONTHS_OF_ANNUAL_MEAN
from headwater.stochastic.calendar import Timeline


def lags_of(row: InflowStatistics) -> int:
    """Past inflows that a model looks at."""
    return (
        len(row.coefficients)
        if row.annual is None
        else max(len(row.coefficients), MONTHS_OF_ANNUAL_MEAN)
    )


def checked_rows(system: System, timeline: Timeline) -> tuple[Mapping[int, InflowStatistics], ...]:
    """Per hydro the checked statistics by position on the timeline.

    Study stages all have theirs.
    """
    position = {stage.id: p for p, stage in enumerate(timeline.stages)}
    rows: tuple[dict[int, InflowStatistics], ...] = tuple({} for _ in system.hydros)
    for row in system.inflow_statistics:
        where = f"inflow statistics of hydro {row.hydro_id} at stage {row.stage_id}"
        if row.hydro_id not in system.hydro_index:
            raise ModelError(f"{where}: there is no such hydro")
        if row.stage_id not in position:
            raise ModelError(f"{where}: there is no such study or pre-study stage")
        _check_row(row, where)
        if (
            row.annual is not None
            and timeline.seasons_of_year(position[row.stage_id]) != MONTHS_OF_ANNUAL_MEAN
        ):
            raise ModelError(
                f"{where}: an annual component needs season definitions with twelve seasons"
            )
        rows[system.hydro_index[row.hydro_id]][position[row.stage_id]] = row
    missing = []
    for h in range(len(system.hydros)):
        if stages := [
            system.stages[p - timeline.n_pre_study].id
            for p in position.values()
            if p not in rows[h] and p >= timeline.n_pre_study
        ]:
            missing.append(f"{hydro_name(system, h)} at stage(s) {listed(stages)}")
    if missing:
        raise ModelError(
            "inflow statistics are missing: "
            + "; ".join(missing)
            + " (every hydro needs a row for every study stage, also before it enters and after "
            "it leaves, because its river flows on; a dry one has mean 0)"
        )
    return rows


def _check_row(row: InflowStatistics, where: str) -> None:
    if not (np.isfinite(row.mean_m3s) and np.isfinite(row.std_m3s) and row.std_m3s >= 0.0):
        raise ModelError(
            f"{where}: expected a finite mean and a deviation of at least 0, got mean "
            f"{row.mean_m3s} and deviation {row.std_m3s}"
        )
    if not np.isfinite(row.coefficients).all():
        raise ModelError(f"{where}: the coefficients {row.coefficients} are not all finite")
    if row.annual is not None and not (
        row.annual.std_m3s > 0.0
        and np.isfinite([row.annual.coefficient, row.annual.mean_m3s]).all()
    ):
        raise ModelError(
            f"{where}: an annual component needs a finite coefficient and "
            "mean and a deviation above 0"
        )
    if lags_of(row) and row.std_m3s == 0.0:
        raise ModelError(
            f"{where}: coefficients are relative to the deviation, which is 0; give a deviation "
            "or no coefficients"
        )
    if row.residual_std_ratio is not None and not 0.0 < row.residual_std_ratio <= 1.0:
        raise ModelError(
            f"{where}: residual_std_ratio must lie in (0, 1], got {row.residual_std_ratio}"
        )


def hydro_name(system: System, hydro: int) -> str:
    """A hydro plant in words, by its position."""
    entity = system.hydros[hydro]
    return f"hydro {entity.id} ({entity.name})" if entity.name else f"hydro {entity.id}"
