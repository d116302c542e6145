"""Which calendar period a stage stands for, and which stages stand some periods before it."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from itertools import pairwise
from typing import Protocol

from headwater.errors import ModelError
from headwater.model import PreStudyStage, SeasonMap, Stage, System
from headwater.stochastic.seasons import SAME_LENGTH_DAYS, Period, SeasonCalendar


class Timeline(Protocol):
    """The stages in order, pre-study stages first, and how to look back from them.

    Positions count pre-study and study stages together; `n_pre_study` of them come before the first
    study stage. Where the study repeats, the stages before the first one of the cycle are those at
    its end.
    """

    stages: tuple[Stage | PreStudyStage, ...]
    n_pre_study: int

    def back(self, position: int, lag: int) -> tuple[int, ...]:
        """Positions whose statistics can stand for the period ``lag`` steps back.

        The best comes first.
        """
        ...

    def span(self, position: int, lag: int) -> tuple[date, date] | None:
        """Calendar span of that period, end exclusive, where it is known."""
        ...

    def label(self, position: int, lag: int) -> str:
        """That period in words, for messages."""
        ...

    def period_before(self, position: int, lag: int) -> Period | None:
        """That period, where seasons are defined."""
        ...

    def season_before(self, position: int, lag: int) -> int | None:
        """Its season, where seasons are defined and it has one."""
        ...

    def seasons_of_year(self, position: int) -> int | None:
        """How many seasons the year of a stage has, where seasons are defined."""
        ...

    def one_year(self) -> tuple[int, ...] | None:
        """Positions of study stages that stand for each season of the year once, in order.

        ``None`` if there are none.
        """
        ...

    def noise_groups(self) -> tuple[int, ...]:
        """Number of the noise group of every study stage; stages of one group share their noise."""
        ...

    def is_uniform(self) -> bool:
        """Whether lags move on by exactly one period per stage."""
        ...


def build_timeline(system: System) -> Timeline:
    """How periods are looked back.

    By calendar period where seasons are defined, and stage by stage where they are not.
    """
    return (
        StageTimeline(system)
        if system.season_map is None
        else SeasonTimeline(system, system.season_map)
    )


class StageTimeline:
    """Every stage is its own period; season ids only say which stages have the same statistics."""

    def __init__(self, system: System) -> None:
        self.stages: tuple[Stage | PreStudyStage, ...] = (*system.pre_study_stages, *system.stages)
        self.n_pre_study = len(system.pre_study_stages)
        self._season_before_start: dict[tuple[int, int], int | None] = {}
        self._cycle = _positions_of_cycle(system)

    def back(self, position: int, lag: int) -> tuple[int, ...]:
        """The ``lag``-th stage back, then the stages of its season."""
        exact = position - lag
        if position in self._cycle:
            exact = self._cycle.start + (exact - self._cycle.start) % len(self._cycle)
        season_id = (
            self.stages[exact].season_id if exact >= 0 else self._season_of_missing(position, lag)
        )
        same = () if season_id is None else _with_season(self, season_id)
        return ((exact,) if exact >= 0 else ()) + tuple(other for other in same if other != exact)

    def span(self, position: int, lag: int) -> tuple[date, date] | None:
        """Dates of the ``lag``-th stage back, if there is such a stage."""
        if position < lag:
            return None
        stage = self.stages[position - lag]
        return stage.start_date, stage.end_date

    def label(self, position: int, lag: int) -> str:
        """The stage by its id."""
        if position >= lag:
            return f"stage {self.stages[position - lag].id}"
        return f"the stage {lag} before stage {self.stages[position].id}"

    def period_before(self, position: int, lag: int) -> Period | None:
        """Unknown."""
        del position, lag
        return None

    def season_before(self, position: int, lag: int) -> int | None:
        """Unknown."""
        del position, lag
        return None

    def seasons_of_year(self, position: int) -> int | None:
        """Unknown."""
        del position
        return None

    def one_year(self) -> tuple[int, ...] | None:
        """Unknown: without definitions seasons do not tile a year."""
        return None

    def noise_groups(self) -> tuple[int, ...]:
        """Each stage alone."""
        return tuple(range(len(self.stages) - self.n_pre_study))

    def is_uniform(self) -> bool:
        """Stages are their own periods: always uniform."""
        return True

    def _season_of_missing(self, position: int, lag: int) -> int | None:
        """Season of a period before the first known stage.

        As far as the order of the seasons reveals it.
        """
        key = (position, lag)
        if key not in self._season_before_start:
            self._season_before_start[key] = self._infer_season(position, lag)
        return self._season_before_start[key]

    def _infer_season(self, position: int, lag: int) -> int | None:
        season_id = self.stages[position].season_id
        if season_id is None:
            return None
        for other in range(lag, len(self.stages)):
            if self.stages[other].season_id == season_id:
                return self.stages[other - lag].season_id
        start = self.stages[0].start_date
        for n, stage in enumerate(self.stages, start=1):
            # Stages that fill one year repeat in the next, so the year before ends with the last of
            # them.
            if abs((stage.end_date - start).days - 365) <= SAME_LENGTH_DAYS:
                return self.stages[(position - lag) % n].season_id
        return None


class SeasonTimeline:
    """Every stage stands for a calendar occurrence of a season, e.g. January 2026."""

    def __init__(self, system: System, season_map: SeasonMap) -> None:
        self.stages: tuple[Stage | PreStudyStage, ...] = (*system.pre_study_stages, *system.stages)
        self.n_pre_study = len(system.pre_study_stages)
        self.calendar = SeasonCalendar(season_map)
        self.periods = tuple(
            self.calendar.period(s.start_date, s.end_date, s.season_id) for s in self.stages
        )
        self._recent = system.initial.recent_observations
        self._cycle = _positions_of_cycle(system)

    def back(self, position: int, lag: int) -> tuple[int, ...]:
        """Stages that stand for exactly that period, then stages of its season."""
        target = self.calendar.before(self.periods[position], lag)
        exact = tuple(p for p, period in enumerate(self.periods) if period == target)
        if position in self._cycle:
            first, last = self.periods[self._cycle.start], self.periods[self._cycle.stop - 1]
            turns, beyond = divmod(target.ordinal - first.ordinal, last.ordinal - first.ordinal + 1)
            if turns < 0:
                around = self.calendar.before(first, -beyond)
                exact = tuple(p for p in self._cycle if self.periods[p] == around)
        same = () if target.season_id is None else _with_season(self, target.season_id)
        return exact + tuple(other for other in same if other not in exact)

    def closes_the_cycle(self) -> bool:
        """Whether a cyclic study ends where its cycle begins.

        The period after its last stage has the season of the cycle's first stage.
        """
        if not len(self._cycle):
            return True
        first, last = self.periods[self._cycle.start], self.periods[self._cycle.stop - 1]
        after = self.calendar.before(last, -1)
        return (after.cycle, after.season_id) == (first.cycle, first.season_id)

    def span(self, position: int, lag: int) -> tuple[date, date] | None:
        """Dates of the period."""
        target = self.calendar.before(self.periods[position], lag)
        return target.start_date, target.end_date

    def label(self, position: int, lag: int) -> str:
        """The season and the start of its occurrence."""
        target = self.calendar.before(self.periods[position], lag)
        season = (
            "the period without season"
            if target.season_id is None
            else f"season {target.season_id}"
        )
        return f"{season} from {target.start_date}"

    def period_before(self, position: int, lag: int) -> Period | None:
        """The occurrence of a season."""
        return self.calendar.before(self.periods[position], lag)

    def season_before(self, position: int, lag: int) -> int | None:
        """The season of that occurrence."""
        return self.calendar.before(self.periods[position], lag).season_id

    def seasons_of_year(self, position: int) -> int | None:
        """Seasons of the cycle of the stage."""
        return len(self.calendar.cycles[self.periods[position].cycle])

    def one_year(self) -> tuple[int, ...] | None:
        """The first stage of each season of the first cycle that the study covers."""
        study = range(self.n_pre_study, len(self.stages))
        for cycle in self.calendar.cycles:
            first: dict[int | None, int] = {}
            for position in study:
                first.setdefault(self.periods[position].season_id, position)
            if all(season_id is not None and season_id in first for season_id in cycle):
                return tuple(first[season_id] for season_id in cycle)
        return None

    def noise_groups(self) -> tuple[int, ...]:
        """One group for the stages of each period; a stage without a season is alone.

        Raises:
            ModelError: the stages of a period do not follow each other, or are together longer than
                it.
        """
        groups: list[int] = []
        seen: dict[Period, int] = {}
        days: dict[Period, int] = {}
        previous: Period | None = None
        for stage, period in zip(
            self.stages[self.n_pre_study :], self.periods[self.n_pre_study :], strict=True
        ):
            if stage.season_id is None:
                groups.append(max(groups, default=-1) + 1)
                previous = None
                continue
            where = f"season {period.season_id} from {period.start_date}"
            if period in seen and period != previous:
                raise ModelError(
                    f"stage {stage.id} returns to {where}: the stages of one season period must "
                    "follow each other"
                )
            groups.append(seen.setdefault(period, max(groups, default=-1) + 1))
            days[period] = days.get(period, 0) + (stage.end_date - stage.start_date).days
            if days[period] > period.days + SAME_LENGTH_DAYS:
                raise ModelError(
                    f"the stages of {where} (last: stage {stage.id}) take {days[period]} days, "
                    f"the period has {period.days}; stages of one period share their noise, so "
                    "check their season ids and dates"
                )
            previous = period
        return tuple(groups)

    def is_uniform(self) -> bool:
        """Whether every stage is one season period, and no part of the first has been observed."""
        study = self.periods[self.n_pre_study :]
        follows = all(
            (left.cycle, left.ordinal + 1) == (right.cycle, right.ordinal)
            for left, right in pairwise(study)
        )
        return follows and not any(
            observation.end_date > study[0].start_date for observation in self._recent
        )


def _positions_of_cycle(system: System) -> range:
    """Positions of the stages that repeat, pre-study stages counted; empty where the study ends."""
    cycle, n_pre_study = system.horizon.cycle, len(system.pre_study_stages)
    return range(n_pre_study + cycle.start, n_pre_study + cycle.stop)


def _with_season(timeline: StageTimeline | SeasonTimeline, season_id: int) -> tuple[int, ...]:
    """Positions of the stages with a season, study stages first."""
    found = [p for p, stage in enumerate(timeline.stages) if stage.season_id == season_id]
    split = bisect_right(found, timeline.n_pre_study - 1)
    return (*found[split:], *found[:split])
