"""Seasons of the year as calendar periods."""

from __future__ import annotations

import calendar as _gregorian
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date

from headwater.errors import ModelError
from headwater.model import CycleType, Season, SeasonMap

SAME_LENGTH_DAYS = 7
"""Calendar lengths that differ by no more than this count as equal."""

_COMMON_YEAR = 2001
"""Any year without a leap day, to compare dates within the year."""


@dataclass(frozen=True, slots=True)
class Period:
    """One occurrence of a season in the calendar, e.g. January 2026.

    Attributes:
        cycle: position of the season's cycle in the season map.
        ordinal: running number of the occurrence; the period before has the number before.
        season_id: season that occurs; ``None`` in a part of the year that the map leaves without a
            season.
        start_date, end_date: calendar span, end exclusive.
    """

    cycle: int
    ordinal: int
    season_id: int | None
    start_date: date
    end_date: date

    @property
    def days(self) -> int:
        """Calendar days."""
        return (self.end_date - self.start_date).days


@dataclass(frozen=True, slots=True)
class _Cycle:
    """Seasons of one resolution that follow each other round the year.

    ``starts`` is ``None`` for ISO weeks.
    """

    season_ids: tuple[int | None, ...]
    starts: tuple[tuple[int, int], ...] | None

    def start(self, ordinal: int) -> date:
        year, position = divmod(ordinal, len(self.season_ids))
        if not MINYEAR <= year <= MAXYEAR:
            raise ModelError(
                f"a season of the year {year} is asked for, which no calendar has: the dates of "
                "stages, or of an inflow history, are wrong"
            )
        if self.starts is None:
            return date.fromisocalendar(year, position + 1, 1)
        month, day = self.starts[position]
        if day > 28:  # how long the month is takes longer than all the rest
            day = min(day, _gregorian.monthrange(year, month)[1])
        return date(year, month, day)


class SeasonCalendar:
    """A season map laid out along the calendar.

    A map may hold several cycles, for example twelve months and then four quarters: in ascending
    id, a new cycle begins when the seasons before it have filled the year.

    Raises:
        ModelError: custom seasons that overlap or leave gaps.
    """

    def __init__(self, season_map: SeasonMap) -> None:
        seasons = sorted(season_map.seasons, key=lambda season: season.id)
        self._cycles: tuple[_Cycle, ...]
        if season_map.cycle_type is CycleType.MONTHLY:
            by_month = {season.month_start: season.id for season in reversed(seasons)}
            months = range(1, 13)
            self._cycles = (
                _Cycle(tuple(by_month.get(m) for m in months), tuple((m, 1) for m in months)),
            )
        elif season_map.cycle_type is CycleType.WEEKLY:
            known = {season.id for season in seasons}
            # Week 53 belongs to the last season, whose occurrence then has two weeks.
            self._cycles = (
                _Cycle(tuple(week if week in known else None for week in range(52)), None),
            )
        else:
            self._cycles = _custom_cycles(seasons)

    def period(self, start_date: date, end_date: date, season_id: int | None = None) -> Period:
        """The occurrence of a season that a span of days overlaps most.

        Only the given season counts, or where none is given any season of the first cycle.

        Raises:
            ModelError: the season is not in the map.
        """
        cycle = 0 if season_id is None else self._cycle_of(season_id)
        season_ids = self._cycles[cycle].season_ids
        positions = range(len(season_ids)) if season_id is None else [season_ids.index(season_id)]
        n = len(season_ids)
        years = range(start_date.year - 1, end_date.year + 2)
        occurrences = [
            self._occurrence(cycle, year * n + position) for year in years for position in positions
        ]

        def fit(period: Period) -> tuple[int, int]:
            overlap = (min(end_date, period.end_date) - max(start_date, period.start_date)).days
            return max(overlap, 0), -abs((period.start_date - start_date).days)

        return max(occurrences, key=fit)

    @property
    def cycles(self) -> tuple[tuple[int | None, ...], ...]:
        """Season ids of every cycle in the order of the year.

        ``None`` where a part of the year has no season.
        """
        return tuple(cycle.season_ids for cycle in self._cycles)

    def containing(self, day: date, cycle: int) -> Period:
        """The occurrence of a season of one cycle that a day belongs to."""
        n = len(self._cycles[cycle].season_ids)
        ordinal = day.year * n + (day.timetuple().tm_yday - 1) * n // 366
        start = self._cycles[cycle].start
        while start(ordinal) > day:
            ordinal -= 1
        while start(ordinal + 1) <= day:
            ordinal += 1
        return self._occurrence(cycle, ordinal)

    def before(self, period: Period, n_periods: int) -> Period:
        """The occurrence ``n_periods`` steps earlier in the same cycle."""
        return self._occurrence(period.cycle, period.ordinal - n_periods)

    def _cycle_of(self, season_id: int) -> int:
        for cycle, seasons in enumerate(self._cycles):
            if season_id in seasons.season_ids:
                return cycle
        raise ModelError(f"season {season_id} is not in the season definitions")

    def _occurrence(self, cycle: int, ordinal: int) -> Period:
        seasons = self._cycles[cycle]
        season_id = seasons.season_ids[ordinal % len(seasons.season_ids)]
        return Period(cycle, ordinal, season_id, seasons.start(ordinal), seasons.start(ordinal + 1))


def _custom_cycles(seasons: list[Season]) -> tuple[_Cycle, ...]:
    cycles: list[_Cycle] = []
    run: list[Season] = []
    for season in seasons:
        run.append(season)
        ordered = sorted(run, key=_first_day)
        if _fills_the_year(ordered):
            cycles.append(
                _Cycle(
                    tuple(s.id for s in ordered),
                    tuple((s.month_start, s.day_start or 1) for s in ordered),
                )
            )
            run = []
    if run or not cycles:
        raise ModelError(
            f"the custom seasons {', '.join(str(s.id) for s in run) or '(none)'} do not fill the "
            "year without gaps and overlaps; both the first and the last day belong to a season"
        )
    return tuple(cycles)


def _fills_the_year(ordered: list[Season]) -> bool:
    """Whether each season ends the day before the next begins.

    One day more or less is a way of writing the same.
    """
    for season, following in zip(ordered, ordered[1:] + ordered[:1], strict=True):
        if (_last_day(season) + 1 - _first_day(following)) % 365 not in {364, 0, 1}:
            return False
    covered = sum((_last_day(s) - _first_day(s)) % 365 + 1 for s in ordered)
    return abs(covered - 365) <= len(ordered)


def _first_day(season: Season) -> int:
    return _day_of_year(season.month_start, season.day_start or 1)


def _last_day(season: Season) -> int:
    return _day_of_year(season.month_end or season.month_start, season.day_end or 31)


def _day_of_year(month: int, day: int) -> int:
    day = min(day, _gregorian.monthrange(_COMMON_YEAR, month)[1])
    return date(_COMMON_YEAR, month, day).timetuple().tm_yday
