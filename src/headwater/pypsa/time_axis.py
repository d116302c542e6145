"""Stages and blocks of a study out of the snapshots of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Literal

import numpy as np

from headwater.arrays import Array, Indices
from headwater.errors import UsageError

Stages = Literal["month", "week", "day"] | Sequence[Any]
"""Length of the stages; or their first days, and the day after the last one."""

Blocks = int | Literal["snapshots"]
"""Load levels of each stage; or every snapshot a block of its own, in its order."""

_DAYS = {"day": 1, "week": 7}


@dataclass(frozen=True)
class TimeAxis:
    """Which snapshots belong to which stage and block.

    Attributes:
        hours: ``[snapshot]`` length of each.
        bounds: first day of every stage, and the day after the last one.
        blocks: ``[stage][block]`` positions of the snapshots.
        chronological: whether blocks follow each other.
    """

    hours: Array
    bounds: tuple[date, ...]
    blocks: tuple[tuple[Indices, ...], ...]
    chronological: bool

    @property
    def n_stages(self) -> int:
        """Number of stages."""
        return len(self.blocks)

    @property
    def has_several(self) -> bool:
        """Whether some stage has several blocks."""
        return any(len(stage) > 1 for stage in self.blocks)

    def varies_within_stages(self, values: Array) -> bool:
        """Whether the blocks of some stage have other means of a series than the stage."""
        return any(max(stage) > min(stage) for stage in self.by_block(values))

    @cached_property
    def block_hours(self) -> list[list[float]]:
        """Length of every block, ``[stage][block]``."""
        return [[float(self.hours[block].sum()) for block in stage] for stage in self.blocks]

    def by_block(self, values: Array) -> list[list[float]]:
        """Means of a series over the blocks, ``[stage][block]``."""
        return [[self._mean(values, block) for block in stage] for stage in self.blocks]

    def by_stage(self, values: Array) -> list[float]:
        """Means of a series over the stages, ``[stage]``."""
        return [self._mean(values, np.concatenate(stage)) for stage in self.blocks]

    def _mean(self, values: Array, places: Indices) -> float:
        return float(np.average(values[places], weights=self.hours[places]))

    @classmethod
    def of_network(cls, n: Any, stages: Stages, blocks: Blocks, load: Array) -> TimeAxis:
        """The axis of a network.

        Args:
            n: the network.
            stages: see `Stages`.
            blocks: see `Blocks`.
            load: ``[snapshot]`` what snapshots of a stage are sorted by where it has load levels,
                in MW.

        Raises:
            UsageError: the snapshots have no dates, weights that differ, or leave a stage empty.
        """
        days, hours = _days(n), _hours(n)
        bounds = _bounds(stages, days)
        first = np.searchsorted(days, np.array(bounds, "datetime64[D]"))
        if first[0] != 0 or first[-1] != len(days):
            raise UsageError(
                f"the stages go from {bounds[0]} to {bounds[-1]} and leave out snapshots: the "
                f"network has {days[0]} to {days[-1]}"
            )
        grouped = []
        for t in range(len(bounds) - 1):
            places = np.arange(first[t], first[t + 1])
            if not len(places):
                raise UsageError(f"the stage that begins on {bounds[t]} has no snapshot")
            grouped.append(_blocks(places, blocks, load, hours))
        return cls(hours, bounds, tuple(grouped), blocks == "snapshots")


def snapshot_dates(n: Any) -> Any:
    """The snapshots as dates and times.

    Raises:
        UsageError: they are none, or there are several investment periods or scenarios.
    """
    index = n.snapshots
    if getattr(index, "nlevels", 1) > 1:
        raise UsageError("a study has no investment periods: take one period of the network")
    if getattr(n, "has_scenarios", False):
        raise UsageError(
            "the network has scenarios of its own: give inflows as `inflow` and take a network "
            "without scenarios"
        )
    if not str(index.dtype).startswith("datetime64") or not len(index):
        raise UsageError(
            f"the snapshots of the network need dates (n.set_snapshots(pd.date_range(...))), got "
            f"{list(index[:3])}"
        )
    if not index.is_monotonic_increasing:
        raise UsageError("the snapshots of the network must be in order")
    return index


def _days(n: Any) -> Any:
    return snapshot_dates(n).values.astype("datetime64[D]")


def _hours(n: Any) -> Array:
    weights = n.snapshot_weightings
    hours: Array = weights["objective"].to_numpy(np.float64)
    if not np.array_equal(hours, weights["stores"].to_numpy(np.float64)):
        raise UsageError(
            "snapshot_weightings must be the same for 'objective' and 'stores': hours of a study "
            "are both"
        )
    if (hours <= 0.0).any():
        raise UsageError("snapshot_weightings must be above 0")
    return hours


def _bounds(stages: Stages, days: Any) -> tuple[date, ...]:
    first, last = (day.astype(object) for day in (days[0], days[-1]))
    if stages == "month":
        months = np.arange(days[0].astype("datetime64[M]"), days[-1].astype("datetime64[M]") + 2)
        return (first, *(month.astype("datetime64[D]").astype(object) for month in months[1:]))
    if isinstance(stages, str):
        if stages not in _DAYS:
            raise UsageError(
                f"stages are 'month', 'week', 'day' or their first days, got '{stages}'"
            )
        step = timedelta(days=_DAYS[stages])
        count = (last - first) // step + 1
        return tuple(first + i * step for i in range(count + 1))
    try:
        given = [np.datetime64(day, "D").astype(object) for day in stages]
    except (TypeError, ValueError):
        raise UsageError(f"stages are given by their first days, got {stages!r}") from None
    if len(given) < 2 or sorted(set(given)) != given:
        raise UsageError(
            "first days of stages must rise, and the day after the last stage is the end"
        )
    return tuple(given)


def _blocks(places: Indices, blocks: Blocks, load: Array, hours: Array) -> tuple[Indices, ...]:
    """The blocks of a stage: single snapshots, or load levels of like length, highest first."""
    if blocks == "snapshots":
        return tuple(places[i : i + 1] for i in range(len(places)))
    if not isinstance(blocks, int) or blocks < 1:
        raise UsageError(f"blocks are a number of load levels or 'snapshots', got {blocks!r}")
    order = places[np.argsort(-load[places], kind="stable")]
    # a snapshot belongs to the level in which its middle lies
    middle = np.cumsum(hours[order]) - hours[order] / 2.0
    level = np.minimum((middle / hours[order].sum() * blocks).astype(int), blocks - 1)
    return tuple(np.sort(order[level == k]) for k in range(blocks) if (level == k).any())
