"""The months of a deck as stages, and values by date as values by stage."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

AFTER_STUDY = 9999
"""Year under which tables give the months after the study (``POS``)."""


@dataclass(frozen=True)
class Horizon:
    """Stages of one month.

    Attributes:
        first: first day of the first month.
        n_study: months of the study.
        n_after: months after the study that the policy looks at as well.
    """

    first: date
    n_study: int
    n_after: int

    @property
    def n_stages(self) -> int:
        """Number of stages."""
        return self.n_study + self.n_after

    @property
    def months(self) -> list[date]:
        """First day of every stage."""
        return [later(self.first, n) for n in range(self.n_stages)]

    @property
    def last_year(self) -> int:
        """Last year of the study."""
        return later(self.first, self.n_study - 1).year

    def year_index(self, stage: int) -> int:
        """Calendar years since the first; those after the study count as its last one."""
        return min(self.months[stage].year, self.last_year) - self.first.year

    def hours(self, stage: int) -> float:
        """Hours of a stage."""
        day = self.months[stage]
        return 24.0 * calendar.monthrange(day.year, day.month)[1]

    def stage_of(self, day: date) -> int:
        """Position of the stage of a date; negative before the study."""
        return (day.year - self.first.year) * 12 + day.month - self.first.month

    def by_stage(self, values: Mapping[date, float]) -> list[float | None]:
        """Value of every stage from values by month.

        After the study: the value of its month where there is one, else that of the year 9999, else
            the last of the same
        calendar month.
        """
        found = []
        for position, day in enumerate(self.months):
            value = values.get(day)
            if value is None and position >= self.n_study:
                value = values.get(date(AFTER_STUDY, day.month, 1))
                year = day.year - 1
                while value is None and year >= self.first.year:
                    value = values.get(date(year, day.month, 1))
                    year -= 1
            found.append(value)
        return found

    def steps(
        self, changes: Iterable[tuple[date | None, float]], start: float, *, by_season: bool
    ) -> list[float]:
        """Value of every stage where each change holds until the next one.

        Args:
            changes: dates and values; those before the study are taken to hold when it begins.
            start: value before the first change.
            by_season: after the study the values of its last twelve months are repeated, instead of
                the last one held.
        """
        ordered = sorted((change for change in changes if change[0] is not None), key=_date)
        values, position, current = [], 0, start
        for day in self.months:
            while position < len(ordered) and _date(ordered[position]) <= day:
                current = ordered[position][1]
                position += 1
            values.append(current)
        if by_season and self.n_study >= 12:
            for stage in range(self.n_study, self.n_stages):
                values[stage] = values[stage - 12]
        return values

    def covers(self, stage: int, begin: date | None, end: date | None) -> bool:
        """Whether a stage lies in a range of months, ends included; an open end never comes."""
        day = self.months[stage]
        return (begin is None or begin <= day) and (end is None or day <= end)


def _date(change: tuple[date | None, float]) -> date:
    assert change[0] is not None
    return change[0]


def later(day: date, months: int) -> date:
    """First day of the month some months later."""
    total = day.year * 12 + day.month - 1 + months
    return date(total // 12, total % 12 + 1, 1)
