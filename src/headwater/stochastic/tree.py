"""The opening tree: the outcomes of every stage that the backward pass visits, fixed before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError, UnsupportedFeatureError
from headwater.model import GivenOpenings, SamplingMethod, System
from headwater.stochastic import rng
from headwater.stochastic.calendar import build_timeline
from headwater.stochastic.correlation import Correlator, build_correlator
from headwater.stochastic.layout import NoiseLayout, noise_layout

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OpeningTree:
    """Noise and probability of the openings of each stage.

    Attributes:
        noise: per stage ``[opening, entry]``, standardised and correlated; entries as in `NoiseLayout`.
        probability: per stage ``[opening]``, adding up to 1.
    """

    noise: tuple[Array, ...]
    probability: tuple[Array, ...]

    def n_openings(self, stage_index: int) -> int:
        """Openings of a stage."""
        return len(self.noise[stage_index])

    def openings_at(self, stage_index: int, words: rng.Words) -> NDArray[np.int64]:
        """Opening that each random word selects, by the probabilities of the stage.

        With equal probabilities this is the high word of ``word * n``; otherwise the inverse of the cumulative probability at
        the same number. An opening of probability 0 is never selected.
        """
        cumulative = self._cumulative[stage_index]
        if cumulative is None:
            return rng.indices(words, self.n_openings(stage_index))
        level = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return np.searchsorted(cumulative, level, side="right").astype(np.int64)

    @cached_property
    def _cumulative(self) -> tuple[Array | None, ...]:
        """Per stage the probability of an opening up to each one but the last that can occur; ``None`` if all are equal."""
        cumulative: list[Array | None] = []
        for p in self.probability:
            equal = bool((p == p[0]).all())
            cumulative.append(None if equal else np.cumsum(p)[: int(np.flatnonzero(p > 0.0)[-1])])
        return tuple(cumulative)


def build_opening_tree(system: System, tree_seed: int) -> OpeningTree:
    """The openings given by the user, or else drawn with ``tree_seed``; nothing else has an influence.

    Raises:
        ModelError: the given openings do not fit the system, or its statistics or correlation are wrong.
        UnsupportedFeatureError: a stage asks for a sampling method other than sample average approximation.
    """
    layout = noise_layout(system)
    groups = build_timeline(system).noise_groups()
    return make_tree(system, layout, build_correlator(system, layout), groups, tree_seed)


def make_tree(
    system: System, layout: NoiseLayout, correlator: Correlator, groups: Sequence[int], tree_seed: int
) -> OpeningTree:
    """As `build_opening_tree`, from its parts; ``groups`` is the noise group of each stage."""
    if system.given_openings is not None:
        return _given_tree(system, layout, system.given_openings)
    require_plain_sampling(system)
    noise, probability = [], []
    for t, stage in enumerate(system.stages):
        if stage.n_openings < 1:
            raise ModelError(f"stage {stage.id} needs at least 1 opening, got {stage.n_openings}")
        # Stages of one group get the same numbers because the coordinates name the group and not the stage.
        openings = np.arange(stage.n_openings)
        words = rng.raw_words(tree_seed, rng.Purpose.OPENINGS, groups[t], openings, 0, layout.dim)
        noise.append(_frozen(correlator.apply(t, rng.normals(words))))
        probability.append(_frozen(np.full(stage.n_openings, 1.0 / stage.n_openings)))
    return OpeningTree(tuple(noise), tuple(probability))


def require_plain_sampling(system: System) -> None:
    """Refuse sampling methods that are not built.

    Raises:
        UnsupportedFeatureError: a stage has one.
    """
    others = [stage for stage in system.stages if stage.sampling_method is not SamplingMethod.SAA]
    if others:
        raise UnsupportedFeatureError(
            [f"sampling method '{stage.sampling_method.value}' (stage {stage.id})" for stage in others]
        )


def _given_tree(system: System, layout: NoiseLayout, given: GivenOpenings) -> OpeningTree:
    for name, stage_ids in (("openings", given.noise), ("opening probabilities", given.probability)):
        for stage_id in stage_ids:
            if stage_id not in system.stage_index:
                raise ModelError(f"{name} are given for stage {stage_id}, which is not a study stage")
    noise, probability = [], []
    for stage in system.stages:
        if stage.id not in given.noise:
            raise ModelError(f"stage {stage.id} has no given openings; give openings for all study stages or for none")
        values = np.array(given.noise[stage.id], np.float64, ndmin=2)
        without_sources = layout.dim - len(layout.sources)
        if values.shape[1] == without_sources < layout.dim:
            values = np.hstack([values, np.zeros((len(values), len(layout.sources)))])
        if values.ndim != 2 or not len(values) or values.shape[1] != layout.dim:
            raise ModelError(
                f"given openings of stage {stage.id}: expected at least one row of {layout.dim} entries "
                f"({layout.n_hydros} hydros, {len(layout.load_buses)} stochastic loads, "
                f"{len(layout.sources)} sources), got shape {values.shape}"
            )
        if not np.isfinite(values).all():
            raise ModelError(f"given openings of stage {stage.id} are not all finite")
        noise.append(_frozen(values))
        probability.append(_frozen(_given_probability(given, stage.id, len(values))))
    return OpeningTree(tuple(noise), tuple(probability))


def _given_probability(given: GivenOpenings, stage_id: int, n_openings: int) -> Array:
    if stage_id not in given.probability:
        return np.full(n_openings, 1.0 / n_openings)
    p = np.array(given.probability[stage_id], np.float64)
    if p.shape != (n_openings,):
        raise ModelError(f"opening probabilities of stage {stage_id}: expected {n_openings} values, got shape {p.shape}")
    if not (p >= 0.0).all() or abs(p.sum() - 1.0) > 1e-9:
        raise ModelError(
            f"opening probabilities of stage {stage_id} must be at least 0 and add up to 1, got {p.tolist()} (sum {p.sum()})"
        )
    return p


def _frozen(array: Array) -> Array:
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
