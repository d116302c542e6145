"""Noise of forward passes and simulations, drawn for any scenario without reference to any other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError, UnsupportedFeatureError
from headwater.model import NoiseClass, ScenarioSource, Scheme
from headwater.stochastic import rng
from headwater.stochastic.tree import require_plain_sampling
from headwater.stochastic.uncertainty import Uncertainty

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sampler:
    """Noise as a pure function of stage, iteration and scenario.

    In-sample classes take the same opening of the tree; out-of-sample classes are drawn afresh and correlated.

    Attributes:
        uncertainty: tree, correlation and layout.
        source: scheme of each class.
        index_seed, noise_seed: seeds of the choice of openings and of fresh noise.
        index_purpose, noise_purpose: their streams.
        uses_iteration: whether different iterations have different noise.
    """

    uncertainty: Uncertainty
    source: ScenarioSource
    index_seed: int
    noise_seed: int
    index_purpose: rng.Purpose
    noise_purpose: rng.Purpose
    uses_iteration: bool

    def noise(self, stage_index: int, iteration: int, scenarios: NDArray[np.int64]) -> Array:
        """Noise of some scenarios at a stage.

        Args:
            stage_index: position of the stage.
            iteration: absolute, from 1; ignored in simulation.
            scenarios: ``[scenario]``, global numbers from 0.

        Returns:
            ``[scenario, entry]``, standardised and correlated. A row is the same in whatever batch its scenario is asked for.
        """
        layout, tree = self.uncertainty.layout, self.uncertainty.tree
        drawn = [c for c in NoiseClass if self.source.scheme(c) is Scheme.OUT_OF_SAMPLE]
        group = self.uncertainty.noise_groups[stage_index]
        c = iteration if self.uses_iteration else 0
        if len(drawn) == len(NoiseClass):
            return self._fresh(stage_index, group, scenarios, c)
        words = rng.raw_words(self.index_seed, self.index_purpose, group, scenarios, c, 1)[:, 0]
        noise = tree.noise[stage_index][tree.openings_at(stage_index, words)]
        segments = [layout.segment(noise_class) for noise_class in drawn]
        if any(segment.stop > segment.start for segment in segments):
            fresh = self._fresh(stage_index, group, scenarios, c)
            for segment in segments:
                noise[:, segment] = fresh[:, segment]
        return noise

    def _fresh(self, stage_index: int, group: int, scenarios: NDArray[np.int64], c: int) -> Array:
        words = rng.raw_words(self.noise_seed, self.noise_purpose, group, scenarios, c, self.uncertainty.layout.dim)
        return self.uncertainty.correlator.apply(stage_index, rng.normals(words))


def training_sampler(uncertainty: Uncertainty, source: ScenarioSource, tree_seed: int) -> Sampler:
    """Sampler of forward passes: openings are chosen with ``tree_seed``, fresh noise is drawn with the seed of ``source``.

    Raises:
        ModelError: an out-of-sample class without a seed, or in-sample stages of one noise group that differ in openings.
        UnsupportedFeatureError: external or historical scenarios, or a sampling method that is not built.
    """
    _check(uncertainty, source)
    noise_seed = tree_seed if source.seed is None else source.seed
    purposes = (rng.Purpose.TRAINING_INDEX, rng.Purpose.TRAINING_NOISE)
    return Sampler(uncertainty, source, tree_seed, noise_seed, *purposes, uses_iteration=True)


def simulation_sampler(uncertainty: Uncertainty, source: ScenarioSource, tree_seed: int) -> Sampler:
    """Sampler of simulated scenarios, apart from all training draws; the seed of ``source``, else ``tree_seed``, settles it.

    Raises:
        ModelError: as `training_sampler`.
        UnsupportedFeatureError: as `training_sampler`.
    """
    _check(uncertainty, source)
    seed = tree_seed if source.seed is None else source.seed
    purposes = (rng.Purpose.SIMULATION_INDEX, rng.Purpose.SIMULATION_NOISE)
    return Sampler(uncertainty, source, seed, seed, *purposes, uses_iteration=False)


def _check(uncertainty: Uncertainty, source: ScenarioSource) -> None:
    schemes = {noise_class: source.scheme(noise_class) for noise_class in NoiseClass}
    unsupported = [
        f"scenario scheme '{scheme.value}' of class '{noise_class.value}'"
        for noise_class, scheme in schemes.items()
        if scheme in (Scheme.EXTERNAL, Scheme.HISTORICAL)
    ]
    if unsupported:
        raise UnsupportedFeatureError(unsupported)
    if Scheme.OUT_OF_SAMPLE in schemes.values():
        require_plain_sampling(uncertainty.system)
        if source.seed is None:
            raise ModelError("out-of-sample noise needs a seed: give scenario_source.seed")
    if Scheme.IN_SAMPLE in schemes.values():
        _check_groups(uncertainty)


def _check_groups(uncertainty: Uncertainty) -> None:
    """Stages of a group select their opening with one number, which means the same only among the same openings."""
    first: dict[int, int] = {}
    for t, group in enumerate(uncertainty.noise_groups):
        reference = first.setdefault(group, t)
        same_count = uncertainty.tree.n_openings(t) == uncertainty.tree.n_openings(reference)
        if not same_count:
            stages = uncertainty.system.stages
            raise ModelError(
                f"stages {stages[reference].id} and {stages[t].id} stand for one season period and share their noise, but "
                f"have {uncertainty.tree.n_openings(reference)} and {uncertainty.tree.n_openings(t)} openings; "
                "give them the same number"
            )
