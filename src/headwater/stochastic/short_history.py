"""Whether an inflow history is long enough for the model that is to be estimated from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headwater.arrays import Array
from headwater.core.wording import listed
from headwater.errors import ModelError
from headwater.model import System
from headwater.stochastic.calendar import SeasonTimeline
from headwater.stochastic.history import SeasonalHistory

LEAST_OBSERVATIONS = 2
"""Observations that a season needs: a deviation cannot be taken from fewer."""


@dataclass(frozen=True)
class Shortfall:
    """The seasons of the study of which one hydro has too few observations.

    Attributes:
        hydro_id, hydro_name: the hydro.
        counts: season -> observations, fewer than `LEAST_OBSERVATIONS`.
    """

    hydro_id: int
    hydro_name: str
    counts: Mapping[int, int]

    def __str__(self) -> str:
        """In words, without the hydro."""
        parts = []
        for count, words in ((1, "a single observation"), (0, "no observation")):
            seasons = [season for season, found in self.counts.items() if found == count]
            if seasons:
                many = "s" if len(seasons) > 1 else ""
                parts.append(f"{words} of season{many} {listed(seasons)}")
        return " and ".join(parts)


class ShortHistoryError(ModelError):
    """An inflow history has too few observations of seasons of the study.

    Attributes:
        shortfalls: one for each hydro concerned.
    """

    def __init__(self, shortfalls: Sequence[Shortfall]) -> None:
        named = listed([f"hydro {one.hydro_id} has {one}" for one in shortfalls], shown=3)
        super().__init__(
            f"the inflow history is too short to estimate from: {named}; "
            f"at least {LEAST_OBSERVATIONS} are needed of every season of the study"
        )
        self.shortfalls = tuple(shortfalls)


def check_history(
    system: System,
    timeline: SeasonTimeline,
    histories: Iterable[SeasonalHistory],
    estimated: set[tuple[int, int]],
) -> None:
    """Check that every season of the study can be estimated.

    Args:
        system: for its hydros.
        timeline: which season a stage has.
        histories: of every cycle of seasons in use.
        estimated: hydro and stage for which something is to be estimated.

    Raises:
        ShortHistoryError: with all hydros and seasons of which there are too few observations.
    """
    found: dict[tuple[int, int | None], int] = {}
    for history in histories:
        observations = np.isfinite(history.values_m3s).sum(axis=1)
        for h, hydro in enumerate(system.hydros):
            for m, season_id in enumerate(history.season_ids):
                found[hydro.id, season_id] = int(observations[h, m])
    seasons = {
        stage.id: period.season_id
        for stage, period in zip(timeline.stages, timeline.periods, strict=True)
    }
    short: dict[int, dict[int, int]] = {}
    for hydro_id, stage_id in estimated:
        season_id = seasons[stage_id]
        if season_id is not None and found[hydro_id, season_id] < LEAST_OBSERVATIONS:
            short.setdefault(hydro_id, {})[season_id] = found[hydro_id, season_id]
    shortfalls = []
    for hydro in system.hydros:
        counts = dict(sorted(short.get(hydro.id, {}).items()))
        if counts:
            shortfalls.append(Shortfall(hydro.id, hydro.name, counts))
    if shortfalls:
        raise ShortHistoryError(shortfalls)


def without_single_values(history: SeasonalHistory) -> Array:
    """The values of a history, ``nan`` where a season has a single one: nothing follows from it."""
    counts = np.isfinite(history.values_m3s).sum(axis=1, keepdims=True)
    return np.where(counts < LEAST_OBSERVATIONS, np.nan, history.values_m3s)
