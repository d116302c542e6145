"""From dated inflow observations to one value per hydro, season and year."""

from __future__ import annotations

import calendar as _gregorian
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from headwater.arrays import Array
from headwater.errors import ModelError
from headwater.model import HistoryResolution, InflowObservation, PreStudyStage, Stage, System
from headwater.stochastic.seasons import Period, SeasonCalendar

_MIN_COVERAGE = 0.9
"""A season of a year counts as observed when observations cover this share of its days."""

_SLACK_DAYS = 7
"""An observation may be this much longer than a season before it counts as coarser."""

_LONGEST_DAILY, _LONGEST_WEEKLY, _LONGEST_MONTHLY = 3.0, 14.0, 45.0
"""Largest median spacing in days that is taken for each resolution."""


@dataclass(frozen=True, eq=False)
class SeasonalHistory:
    """Mean inflow of every occurrence of the seasons of one cycle.

    Attributes:
        cycle: position of the cycle in the season map.
        season_ids: ``[season]`` in the order of the year; ``None`` where a part of the year has no
            season.
        first_year: year of the first row.
        values_m3s: ``[hydro, year, season]``; ``nan`` where there is no observation.
        warnings: what was aggregated or is missing, in words.
    """

    cycle: int
    season_ids: tuple[int | None, ...]
    first_year: int
    values_m3s: Array
    warnings: tuple[str, ...] = ()

    @property
    def n_seasons(self) -> int:
        """Seasons of a year."""
        return len(self.season_ids)

    @property
    def sequence_m3s(self) -> Array:
        """``[hydro, period]``: the same values one after the other."""
        return self.values_m3s.reshape(len(self.values_m3s), -1)

    def at(self, period: Period) -> Array:
        """Values of one occurrence, ``[hydro]``; ``nan`` outside the years observed."""
        place = period.ordinal - self.first_year * self.n_seasons
        sequence = self.sequence_m3s
        if period.cycle != self.cycle or not 0 <= place < sequence.shape[1]:
            return np.full(len(sequence), np.nan)
        return sequence[:, place]


def seasonal_history(
    system: System,
    calendar: SeasonCalendar,
    cycle: int,
    resolution: HistoryResolution | None = None,
) -> SeasonalHistory:
    """Average the inflow history of a system over the occurrences of the seasons of one cycle.

    An observation counts with the days that it shares with an occurrence; one whose date lies in a
    stage with a season of the cycle belongs to the period of that stage as a whole. Occurrences of
    which less than 90 % is observed count as missing.

    Args:
        system: for its history and stages.
        calendar: the seasons.
        cycle: position of the cycle.
        resolution: length of an observation; ``None`` infers it from the median spacing of dates.

    Raises:
        ModelError: unknown hydros, values that are not finite, or observations that are coarser
            than the seasons.
    """
    observations = system.inflow_history
    season_ids = calendar.cycles[cycle]
    n, n_hydros = len(season_ids), len(system.hydros)
    if not observations:
        return SeasonalHistory(cycle, season_ids, 0, np.full((n_hydros, 0, n), np.nan))
    _check(system, observations)
    days_apart = _median_spacing(observations)
    shares = _Shares(system, calendar, cycle, _resolution(resolution, days_apart))
    dates = sorted({observation.date for observation in observations})
    of_date = {day: shares.of(day) for day in dates}
    ordinals = [period.ordinal for parts in of_date.values() for period, _ in parts]
    first_year, last_year = min(ordinals) // n, max(ordinals) // n
    total = np.zeros((n_hydros, (last_year - first_year + 1) * n))
    covered = np.zeros_like(total)
    for observation in observations:
        hydro = system.hydro_index[observation.hydro_id]
        for period, overlap in of_date[observation.date]:
            place = period.ordinal - first_year * n
            total[hydro, place] += observation.value_m3s * overlap
            covered[hydro, place] += overlap
    periods = {period.ordinal: period for parts in of_date.values() for period, _ in parts}
    length = np.full(total.shape[1], np.inf)
    for ordinal, period in periods.items():
        length[ordinal - first_year * n] = period.days
    seen = covered >= _MIN_COVERAGE * length
    values = np.where(seen, total / np.where(covered > 0.0, covered, 1.0), np.nan)
    values[:, [i for i in range(values.shape[1]) if season_ids[i % n] is None]] = np.nan
    warnings = []
    shortest = min(period.days for period in periods.values())
    longest_observation = max(shares.length(day) for day in dates)
    if longest_observation > shortest + _SLACK_DAYS and longest_observation > 1.25 * shortest:
        raise ModelError(
            "the inflow history is coarser than the seasons: an observation stands for "
            f"{longest_observation} days, the shortest season has {shortest}; define longer "
            "seasons or give finer observations"
        )
    if longest_observation < 0.75 * shortest:
        warnings.append(
            f"the inflow history (one value per {days_apart:g} days) is finer than the seasons: "
            "it was averaged over them"
        )
    return SeasonalHistory(
        cycle, season_ids, first_year, values.reshape(n_hydros, -1, n), tuple(warnings)
    )


class _Shares:
    """How the observation of a date is shared out among the occurrences of seasons."""

    def __init__(
        self,
        system: System,
        calendar: SeasonCalendar,
        cycle: int,
        resolution: HistoryResolution | None,
    ) -> None:
        self._calendar, self._cycle, self._resolution = calendar, cycle, resolution
        seasons = set(calendar.cycles[cycle]) - {None}
        every: tuple[Stage | PreStudyStage, ...] = (*system.pre_study_stages, *system.stages)
        self._stages = [stage for stage in every if stage.season_id in seasons]

    def of(self, day: date) -> list[tuple[Period, int]]:
        """Occurrences with the number of days that they share with the observation."""
        start, end = self._span(day)
        for stage in self._stages:
            if stage.start_date <= day < stage.end_date:
                own = self._calendar.period(stage.start_date, stage.end_date, stage.season_id)
                return [(own, (end - start).days)]
        parts = []
        period = self._calendar.containing(start, self._cycle)
        while period.start_date < end:
            overlap = (min(end, period.end_date) - max(start, period.start_date)).days
            parts.append((period, overlap))
            period = self._calendar.before(period, -1)
        return parts

    def length(self, day: date) -> int:
        """Days that an observation of this date stands for."""
        start, end = self._span(day)
        return (end - start).days

    def _span(self, day: date) -> tuple[date, date]:
        if self._resolution is HistoryResolution.DAILY:
            return day, day + timedelta(days=1)
        if self._resolution is HistoryResolution.WEEKLY:
            return day, day + timedelta(days=7)
        if self._resolution is HistoryResolution.MONTHLY:
            first = day.replace(day=1)
            return first, first + timedelta(days=_gregorian.monthrange(day.year, day.month)[1])
        period = self._calendar.containing(day, self._cycle)
        return period.start_date, period.end_date


def _check(system: System, observations: Sequence[InflowObservation]) -> None:
    unknown = sorted({o.hydro_id for o in observations} - set(system.hydro_index))
    if unknown:
        raise ModelError(
            f"the inflow history names hydro(s) {', '.join(map(str, unknown))}, which do not exist"
        )
    for observation in observations:
        if not np.isfinite(observation.value_m3s):
            raise ModelError(
                f"the inflow of hydro {observation.hydro_id} on "
                f"{observation.date} is not a finite number"
            )


def _median_spacing(observations: Sequence[InflowObservation]) -> float:
    gaps = [(b.date - a.date).days for a, b in pairwise(observations) if a.hydro_id == b.hydro_id]
    return float(np.median(gaps)) if gaps else 30.0


def _resolution(declared: HistoryResolution | None, days_apart: float) -> HistoryResolution | None:
    """The resolution declared or seen; ``None`` for one value per season."""
    if declared is not None:
        return declared
    if days_apart <= _LONGEST_DAILY:
        return HistoryResolution.DAILY
    if days_apart <= _LONGEST_WEEKLY:
        return HistoryResolution.WEEKLY
    return HistoryResolution.MONTHLY if days_apart <= _LONGEST_MONTHLY else None
