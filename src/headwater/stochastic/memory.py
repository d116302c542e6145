"""How the past inflows that a model looks at move on.

Also where stages and season periods do not go one to one.

The memory of a hydro is, in this order: its lags (means of whole season periods, the most recent
first), the accumulator of the period under way, and, where the stages become coarser along the
horizon, the accumulator of the coarse period under way and the coarse periods completed so far. A
stage changes it linearly,

    memory' = keep @ memory + add * inflow,

so that it can be part of the state and cuts stay exact. While a period is under way its lags stand
still; when its last stage is done, its mean becomes lag 1. On the way into coarser stages the
completed coarse periods become the lags.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from headwater.arrays import Array
from headwater.errors import ModelError, UnsupportedFeatureError
from headwater.model import System
from headwater.refusals import refused
from headwater.stochastic.calendar import SeasonTimeline
from headwater.stochastic.seasons import Period, SeasonCalendar

_NOTHING = 1e-12


@dataclass(frozen=True, eq=False)
class MemoryTransition:
    """The change of the memory at one stage.

    Attributes:
        keep: ``[hydro, component after, component before]``.
        add: ``[hydro, component after]`` per m3/s of inflow.
    """

    keep: Array
    add: Array

    def apply(self, memory_m3s: Array, inflow_m3s: Array) -> Array:
        """Memory after the stage, ``[scenario, component, hydro]``."""
        kept = np.einsum("hij,sjh->sih", self.keep, memory_m3s)
        return np.ascontiguousarray(kept + self.add.T[None] * inflow_m3s[:, None, :])


@dataclass(frozen=True)
class PeriodShare:
    """How a stage relates to the period it stands for.

    Attributes:
        weight: its days inside the period over the days of the period.
        weight_next: its days inside the following period over the days of that.
        closes: no later stage stands for the period.
    """

    weight: float
    weight_next: float
    closes: bool


@dataclass(frozen=True, eq=False)
class Memory:
    """Memory of all stages.

    Attributes:
        n_lags: lags, the leading components.
        n_components: all components.
        transitions: per stage.
        extra_m3s: ``[component - n_lags, hydro]`` what the components beyond the lags hold before
            the first stage.
    """

    n_lags: int
    n_components: int
    transitions: tuple[MemoryTransition, ...]
    extra_m3s: Array


def period_shares(timeline: SeasonTimeline) -> tuple[PeriodShare, ...]:
    """Share of every study stage in its period."""
    first = timeline.n_pre_study
    periods = timeline.periods[first:]
    shares = []
    for t, period in enumerate(periods):
        stage = timeline.stages[first + t]
        following = timeline.calendar.before(period, -1)
        shares.append(
            PeriodShare(
                _overlap(stage.start_date, stage.end_date, period) / period.days,
                _overlap(stage.start_date, stage.end_date, following) / following.days,
                closes=period not in periods[t + 1 :],
            )
        )
    return tuple(shares)


def periods_elapsed(timeline: SeasonTimeline) -> tuple[int, ...]:
    """How many periods have closed before each study stage."""
    closed, elapsed = 0, []
    for share in period_shares(timeline):
        elapsed.append(closed)
        closed += share.closes
    return tuple(elapsed)


def check_recent_observations(system: System) -> None:
    """Make sure that recent observations are of known hydros, before the study, and do not overlap.

    Raises:
        ModelError: they are not.
    """
    latest: dict[int, date] = {}
    start = system.stages[0].start_date
    for o in sorted(system.initial.recent_observations, key=lambda o: (o.hydro_id, o.start_date)):
        where = f"the recent observation of hydro {o.hydro_id} from {o.start_date} to {o.end_date}"
        if o.hydro_id not in system.hydro_index:
            raise ModelError(f"{where}: there is no such hydro")
        if o.end_date <= o.start_date:
            raise ModelError(
                f"{where} ends before it starts; the end is the first day that is not observed"
            )
        if not (np.isfinite(o.value_m3s) and o.value_m3s >= 0.0):
            raise ModelError(f"{where}: expected a finite inflow of at least 0, got {o.value_m3s}")
        if o.end_date > start:
            raise ModelError(f"{where} reaches into the study, which starts on {start}")
        if o.hydro_id in latest and o.start_date < latest[o.hydro_id]:
            raise ModelError(f"{where} overlaps the one before, which ends on {latest[o.hydro_id]}")
        latest[o.hydro_id] = o.end_date


def observed_part(system: System, period: Period) -> tuple[Array, Array]:
    """What recent observations say of a period.

    ``sum value * days / days of the period``, and the same of 1, ``[hydro]``.
    """
    total, weight = np.zeros(len(system.hydros)), np.zeros(len(system.hydros))
    for observation in system.initial.recent_observations:
        share = _overlap(observation.start_date, observation.end_date, period) / period.days
        hydro = system.hydro_index[observation.hydro_id]
        total[hydro] += observation.value_m3s * share
        weight[hydro] += share
    return total, weight


def build_memory(
    system: System, timeline: SeasonTimeline, n_lags: int, past_m3s: Callable[[int], Array]
) -> Memory:
    """Transitions of a study whose stages are not one season period each.

    Args:
        system: for its hydros and recent observations.
        timeline: the stages in the calendar.
        n_lags: lags that models look at.
        past_m3s: number of periods -> the inflows of so many periods before the first stage
            ``[period, hydro]``, most recent first.
    """
    study = timeline.periods[timeline.n_pre_study :]
    change = next((t for t in range(1, len(study)) if study[t].cycle != study[t - 1].cycle), None)
    shape = _Shape(n_lags, change is not None)
    builder = _Builder(system, timeline, shape, change)
    extra = builder.initial(past_m3s)
    transitions = tuple(builder.transition(t) for t in range(len(study)))
    return Memory(n_lags, shape.n_components, transitions, extra)


@dataclass(frozen=True)
class _Shape:
    """Positions of the components."""

    n_lags: int
    coarsens: bool

    @property
    def accumulator(self) -> int:
        return self.n_lags

    @property
    def coarse(self) -> int:
        return self.n_lags + 1

    @property
    def ring(self) -> range:
        return range(self.n_lags + 2, 2 * self.n_lags + 2) if self.coarsens else range(0)

    @property
    def n_components(self) -> int:
        return self.n_lags + 1 + (1 + self.n_lags if self.coarsens else 0)


class _Builder:
    """Builds the transitions in the order of the stages.

    It keeps the weight that each accumulator has gathered.
    """

    def __init__(
        self, system: System, timeline: SeasonTimeline, shape: _Shape, change: int | None
    ) -> None:
        self.system, self.timeline, self.shape, self.change = system, timeline, shape, change
        self.n_hydros = len(system.hydros)
        self.study = timeline.periods[timeline.n_pre_study :]
        self.stages = timeline.stages[timeline.n_pre_study :]
        self.shares = period_shares(timeline)
        self.gathered = np.zeros(self.n_hydros)
        self.gathered_coarse = np.zeros(self.n_hydros)

    @property
    def calendar(self) -> SeasonCalendar:
        return self.timeline.calendar

    def initial(self, past_m3s: Callable[[int], Array]) -> Array:
        """Components beyond the lags before the first stage."""
        extra = np.zeros((self.shape.n_components - self.shape.n_lags, self.n_hydros))
        start = self.study[0]
        extra[0], self.gathered = observed_part(self.system, start)
        if self.change is None:
            return extra
        under_way = self.calendar.containing(
            self.stages[0].start_date, self.study[self.change].cycle
        )
        oldest = self.calendar.before(under_way, self.shape.n_lags)
        fine = [self.calendar.before(start, 1)]
        while fine[-1].start_date > oldest.start_date:
            fine.append(self.calendar.before(fine[-1], 1))
        past = past_m3s(len(fine))
        extra[1], self.gathered_coarse = observed_part(self.system, under_way)
        for values, period in zip(past, fine, strict=True):
            share = _overlap(period.start_date, period.end_date, under_way) / under_way.days
            extra[1] += values * share
            self.gathered_coarse = self.gathered_coarse + share
        for back in range(1, self.shape.n_lags + 1):
            coarse = self.calendar.before(under_way, back)
            weights = np.array(
                [_overlap(p.start_date, p.end_date, coarse) for p in fine], np.float64
            )
            extra[1 + back] = weights @ past / weights.sum()
        return extra

    def transition(self, t: int) -> MemoryTransition:
        """Transition of study stage ``t``."""
        n, shape = self.shape.n_components, self.shape
        keep, add = np.zeros((self.n_hydros, n, n)), np.zeros((self.n_hydros, n))
        share = self.shares[t]
        acc = shape.accumulator
        if share.closes:
            total = self.gathered + share.weight
            safe = np.where(total > _NOTHING, total, 1.0)
            if shape.n_lags:
                keep[:, 0, acc] = 1.0 / safe
                add[:, 0] = share.weight / safe
                for lag in range(1, shape.n_lags):
                    keep[:, lag, lag - 1] = 1.0
            add[:, acc] = share.weight_next
            self.gathered = np.full(self.n_hydros, share.weight_next)
        else:
            for lag in range(shape.n_lags):
                keep[:, lag, lag] = 1.0
            keep[:, acc, acc] = 1.0
            add[:, acc] = share.weight
            self.gathered = self.gathered + share.weight
        if self.change is not None and t < self.change:
            self._coarse(t, keep, add)
            if t == self.change - 1:
                self._enter_coarse(keep, add)
        return MemoryTransition(keep, add)

    def _coarse(self, t: int, keep: Array, add: Array) -> None:
        """Accumulate the coarse period beside the fine one, and push it when it is complete."""
        assert self.change is not None
        stage, shape = self.stages[t], self.shape
        period = self.calendar.containing(stage.start_date, self.study[self.change].cycle)
        weight = _overlap(stage.start_date, stage.end_date, period) / period.days
        following = self.calendar.before(period, -1)
        weight_next = _overlap(stage.start_date, stage.end_date, following) / following.days
        acc = shape.coarse
        if stage.end_date >= period.end_date:
            total = self.gathered_coarse + weight
            keep[:, shape.ring[0], acc] = 1.0 / total
            add[:, shape.ring[0]] = weight / total
            for newer, older in zip(shape.ring, shape.ring[1:], strict=False):
                keep[:, older, newer] = 1.0
            add[:, acc] = weight_next
            self.gathered_coarse = np.full(self.n_hydros, weight_next)
        else:
            for place in shape.ring:
                keep[:, place, place] = 1.0
            keep[:, acc, acc] = 1.0
            add[:, acc] = weight
            self.gathered_coarse = self.gathered_coarse + weight

    def _enter_coarse(self, keep: Array, add: Array) -> None:
        """The completed coarse periods are the lags of the next stage.

        The fine accumulator has done its work.
        """
        shape = self.shape
        for lag, place in enumerate(shape.ring):
            keep[:, lag] = keep[:, place]
            add[:, lag] = add[:, place]
        keep[:, shape.accumulator], add[:, shape.accumulator] = (
            keep[:, shape.coarse],
            add[:, shape.coarse],
        )
        self.gathered = self.gathered_coarse
        for place in (shape.coarse, *shape.ring):
            keep[:, place] = 0.0
            add[:, place] = 0.0


def check_sequence(system: System, timeline: SeasonTimeline) -> None:
    """Make sure that past inflows can move on from every stage to the next.

    Raises:
        UnsupportedFeatureError: a period between two stages is left out, or the stages become
            finer.
    """
    study = timeline.periods[timeline.n_pre_study :]
    found: list[str] = []
    changes = 0
    for t in range(1, len(study)):
        before, now = study[t - 1], study[t]
        stages = f"stages {system.stages[t - 1].id} and {system.stages[t].id}"
        if before.cycle == now.cycle:
            if now.ordinal - before.ordinal not in (0, 1):
                found.append(refused("season_left_out", stages))
        elif now.days < before.days:
            found.append(refused("finer_stages", stages))
        else:
            changes += 1
            if not system.stages[t - 1].end_date == system.stages[t].start_date == now.start_date:
                found.append(refused("coarse_season_cut", stages))
    if changes > 1:
        found.append(refused("second_change_of_resolution"))
    if found:
        raise UnsupportedFeatureError(found)


def _overlap(start: date, end: date, period: Period) -> int:
    return max((min(end, period.end_date) - max(start, period.start_date)).days, 0)
