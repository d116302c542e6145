"""The openings of every stage and their probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array, frozen
from headwater.errors import ModelError
from headwater.model import GivenOpenings, System
from headwater.stochastic import rng
from headwater.stochastic.layout import NoiseLayout

Draw = Callable[[], Array]
"""Draws the noise ``[opening, entry]`` of one stage, the same whenever it is called."""


@dataclass(frozen=True, eq=False)
class OpeningTree:
    """Noise and probability of the openings of each stage.

    Validation wants to know whether a tree can be drawn and how large it is, not its numbers: these
    are drawn when they are first asked for.

    Attributes:
        draws: per stage what draws its noise; none of them can fail.
        probability: per stage ``[opening]``, adding up to 1.
        warnings: what a sampling method could not do as asked, in words.
    """

    draws: tuple[Draw, ...]
    probability: tuple[Array, ...]
    warnings: tuple[str, ...] = ()

    @cached_property
    def noise(self) -> tuple[Array, ...]:
        """Noise per stage ``[opening, entry]``, entries as in `NoiseLayout`.

        Standardised and correlated, or values where a class is given.
        """
        return tuple(frozen(draw()) for draw in self.draws)

    def n_openings(self, stage_index: int) -> int:
        """Openings of a stage."""
        return len(self.probability[stage_index])

    def openings_at(self, stage_index: int, words: rng.Words) -> NDArray[np.int64]:
        """Opening that each random word selects, by the probabilities of the stage.

        With equal probabilities this is the high word of ``word * n``; otherwise the inverse of the
        cumulative probability at the same number. An opening of probability 0 is never selected.
        """
        cumulative = self._cumulative[stage_index]
        if cumulative is None:
            return rng.indices(words, self.n_openings(stage_index))
        level = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return np.searchsorted(cumulative, level, side="right").astype(np.int64)

    @cached_property
    def _cumulative(self) -> tuple[Array | None, ...]:
        """Per stage the probability of an opening up to each one but the last that can occur.

        ``None`` if all are equal.
        """
        cumulative: list[Array | None] = []
        for p in self.probability:
            equal = bool((p == p[0]).all())
            cumulative.append(None if equal else np.cumsum(p)[: int(np.flatnonzero(p > 0.0)[-1])])
        return tuple(cumulative)


def given_tree(system: System, layout: NoiseLayout, given: GivenOpenings) -> OpeningTree:
    """The tree of openings that the user gave.

    Raises:
        ModelError: a stage has none, they have the wrong shape, or their probabilities do not add
            up to 1.
    """
    for name, stage_ids in (
        ("openings", given.noise),
        ("opening probabilities", given.probability),
    ):
        for stage_id in stage_ids:
            if stage_id not in system.stage_index:
                raise ModelError(
                    f"{name} are given for stage {stage_id}, which is not a study stage"
                )
    draws: list[Draw] = []
    probability = []
    for stage in system.stages:
        if stage.id not in given.noise:
            raise ModelError(
                f"stage {stage.id} has no given openings; give openings for "
                "all study stages or for none"
            )
        values = np.array(given.noise[stage.id], np.float64, ndmin=2)
        without_sources = layout.dim - len(layout.sources)
        if values.shape[1] == without_sources < layout.dim:
            values = np.hstack([values, np.zeros((len(values), len(layout.sources)))])
        if values.ndim != 2 or not len(values) or values.shape[1] != layout.dim:
            raise ModelError(
                f"given openings of stage {stage.id}: expected at least one row of {layout.dim} "
                f"entries ({layout.n_hydros} hydros, {len(layout.load_buses)} stochastic loads, "
                f"{len(layout.sources)} sources), got shape {values.shape}"
            )
        if not np.isfinite(values).all():
            raise ModelError(f"given openings of stage {stage.id} are not all finite")
        draws.append(partial(np.copy, values))
        probability.append(frozen(_given_probability(given, stage.id, len(values))))
    return OpeningTree(tuple(draws), tuple(probability))


def _given_probability(given: GivenOpenings, stage_id: int, n_openings: int) -> Array:
    if stage_id not in given.probability:
        return np.full(n_openings, 1.0 / n_openings)
    p = np.array(given.probability[stage_id], np.float64)
    if p.shape != (n_openings,):
        raise ModelError(
            f"opening probabilities of stage {stage_id}: expected {n_openings} "
            f"values, got shape {p.shape}"
        )
    if not (p >= 0.0).all() or abs(p.sum() - 1.0) > 1e-9:
        raise ModelError(
            f"opening probabilities of stage {stage_id} must be at least 0 and add up to 1, got "
            f"{p.tolist()} (sum {p.sum()})"
        )
    return p
