"""Draws of the project's own sampling schemes.

Openings of the tree, fresh noise, and scenarios of a finite set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import numpy as np

from headwater.arrays import Array, Indices
from headwater.core.noise import Draws, Visit
from headwater.model import NoiseClass, ScenarioSource, SelectionMode
from headwater.stochastic import rng
from headwater.stochastic.designs import DESIGNED, design_normals
from headwater.stochastic.libraries import InflowLibrary, ValueLibrary
from headwater.stochastic.model_paths import ModelPaths
from headwater.stochastic.uncertainty import Uncertainty


@dataclass(frozen=True)
class Streams:
    """Purposes of the random streams of training or of simulation."""

    index: rng.Purpose
    noise: rng.Purpose
    selection: rng.Purpose
    design: rng.Purpose
    regime: rng.Purpose
    default_selection: SelectionMode
    uses_iteration: bool


@dataclass(frozen=True, eq=False)
class Basis:
    """What all classes are drawn from.

    Attributes:
        uncertainty: tree, correlation and layout.
        source: scheme of each class.
        index_seed, noise_seed: seeds of the choice of openings, and of fresh noise and the choice
            of library scenarios.
        streams: purposes of the random streams.
        n_trajectories: trajectories of one iteration, or simulated scenarios.
        external: scenarios of each class that are given, as far as they are asked for.
    """

    uncertainty: Uncertainty
    source: ScenarioSource
    index_seed: int
    noise_seed: int
    streams: Streams
    n_trajectories: int
    external: dict[NoiseClass, InflowLibrary | ValueLibrary] = field(default_factory=dict)

    def counter(self, iteration: int) -> int:
        """The iteration as far as draws depend on it."""
        return iteration if self.streams.uses_iteration else 0

    def fresh(self, stage_index: int, turn: int, scenarios: Indices, c: int) -> Array:
        """Draws of the statistical models, ``[scenario, entry]``."""
        group = int(groups_of_visits(self.uncertainty.model_groups, [stage_index], [turn])[0])
        dim = self.uncertainty.layout.dim
        method = self.uncertainty.system.stages[stage_index].sampling_method
        if method in DESIGNED:
            shape = (self.n_trajectories, dim)
            normals = design_normals(method, self.noise_seed, self.streams.design, group, c, shape)[
                scenarios
            ]
        else:
            normals = rng.normals(
                rng.raw_words(self.noise_seed, self.streams.noise, group, scenarios, c, dim)
            )
        return self.uncertainty.correlator.apply(stage_index, normals)

    @cached_property
    def paths(self) -> ModelPaths:
        """Inflows of the statistical model, where the stage problem takes values."""
        uncertainty = self.uncertainty
        horizon = uncertainty.system.horizon

        def noise(visit: int, iteration: int, scenarios: Indices) -> Array:
            t, turn = horizon.position(visit), horizon.turn(visit)
            fresh = self.fresh(t, turn, scenarios, self.counter(iteration))
            return fresh[:, uncertainty.layout.inflow]

        return ModelPaths(
            uncertainty.statistical().inflow,
            horizon.position,
            noise,
            truncates=uncertainty.truncates,
        )

    @property
    def is_coupled(self) -> bool:
        """Whether all external classes take the same scenario number."""
        if self.source.couple_classes is not None:
            return self.source.couple_classes
        return len({library.n_scenarios for library in self.external.values()}) == 1


@dataclass(frozen=True, eq=False)
class StageVisit:
    """Some scenarios at a visit of a stage, see `headwater.core.noise.Visit`.

    Their fresh noise is drawn once.
    """

    basis: Basis
    stage_index: int
    iteration: int
    scenarios: Indices
    turn: int

    def of(self, scenarios: Indices) -> StageVisit:
        """The same visit of other scenarios."""
        return StageVisit(self.basis, self.stage_index, self.iteration, scenarios, self.turn)

    @cached_property
    def fresh(self) -> Array:
        """Fresh noise of all classes, ``[scenario, entry]``."""
        c = self.basis.counter(self.iteration)
        return self.basis.fresh(self.stage_index, self.turn, self.scenarios, c)


class OpeningDraws(Draws):
    """Noise of the openings of the tree."""

    takes_openings = True


class FreshDraws(Draws):
    """Fresh noise of a class; values of its statistical model where the stage problem takes values.

    Args:
        basis: what it is drawn from.
        noise_class: the class.
    """

    def __init__(self, basis: Basis, noise_class: NoiseClass) -> None:
        self._basis = basis
        self._class = noise_class

    def noise(self, visit: Visit) -> Array:
        """Draw afresh."""
        basis, here = self._basis, cast("StageVisit", visit)
        uncertainty = basis.uncertainty
        segment = uncertainty.layout.segment(self._class)
        if segment.stop == segment.start:
            return np.zeros((len(here.scenarios), 0))
        fresh = here.fresh[:, segment]
        if not uncertainty.is_given(self._class, here.stage_index):
            return fresh
        layout, models = uncertainty.layout, uncertainty.statistical()
        if self._class is NoiseClass.INFLOW:
            n = here.stage_index + here.turn * len(uncertainty.system.horizon.cycle)
            return basis.paths.inflow_m3s(n, here.iteration, here.scenarios)
        if self._class is NoiseClass.LOAD:
            mean, std, known = models.load.mean_mw, models.load.std_mw, layout.load_buses
        else:
            mean, std, known = models.availability.mean, models.availability.std, layout.sources
        values: Array = mean[known, here.stage_index] + std[known, here.stage_index] * fresh
        return values


class LibraryDraws(Draws):
    """Scenarios of a finite set, each walked as a whole.

    Args:
        basis: seeds and settings of the choice.
        noise_class: the class.
        library: the set.
        name: of its scenarios, for warnings.
    """

    def __init__(
        self,
        basis: Basis,
        noise_class: NoiseClass,
        library: InflowLibrary | ValueLibrary,
        name: str,
    ) -> None:
        self._basis = basis
        self._class = noise_class
        self.library = library
        n, count = basis.n_trajectories, library.n_scenarios
        few = (
            ()
            if count >= n
            else (f"there are {count} {name} for {n} trajectories: some are used again",)
        )
        self.warnings = (*few, *(library.warnings if isinstance(library, InflowLibrary) else ()))

    def _has(self, stage_index: int) -> bool:
        """Whether the library has something to say about a stage."""
        return self.library.at is None or bool(self.library.at[stage_index])

    def noise(self, visit: Visit) -> Array | None:
        """Noise under which the inflow model follows the scenario.

        0 for classes that have values instead.
        """
        if not self._has(visit.stage_index):
            return None
        if isinstance(self.library, ValueLibrary):
            segment = self._basis.uncertainty.layout.segment(self._class)
            return np.zeros((len(visit.scenarios), segment.stop - segment.start))
        chosen = self._selected(visit.iteration, visit.scenarios, visit.turn)
        eta: Array = self.library.eta[chosen, visit.stage_index]
        return eta

    def values(self, visit: Visit) -> tuple[Indices, Array] | None:
        """Loads or availabilities of the scenario."""
        if not isinstance(self.library, ValueLibrary) or not self._has(visit.stage_index):
            return None
        chosen = self._selected(visit.iteration, visit.scenarios, visit.turn)
        return self.library.positions, self.library.values[chosen, visit.stage_index]

    def memory_m3s(self, iteration: int, scenarios: Indices) -> Array | None:
        """Inflows before the scenario, where it does not start from the study's."""
        if not isinstance(self.library, InflowLibrary) or self.library.memory_m3s is None:
            return None
        memory: Array = self.library.memory_m3s[self._selected(iteration, scenarios)]
        return memory

    def years(self, iteration: int, scenarios: Indices) -> Indices | None:
        """Years of history, where the scenarios are such."""
        if not isinstance(self.library, InflowLibrary) or not self.library.years:
            return None
        return np.array(self.library.years, np.int64)[self._selected(iteration, scenarios)]

    def report(self) -> dict[str, object]:
        """How scenarios are chosen, and what they look like."""
        return {"selection_mode": self._mode(self._class).value} | self.library.report()

    def _mode(self, noise_class: NoiseClass) -> SelectionMode:
        return self._basis.source.selection(noise_class) or self._basis.streams.default_selection

    def _selected(self, iteration: int, scenarios: Indices, turn: int = 0) -> Indices:
        """Library scenario of each trajectory.

        Scenarios with weights come as often as these say.
        """
        basis, library, noise_class = self._basis, self.library, self._class
        n = library.n_scenarios
        stream = list(NoiseClass).index(noise_class)
        if basis.is_coupled:
            external = [c for c in NoiseClass if basis.source.scheme(c).type == "external"]
            if noise_class in external:
                noise_class, stream = external[0], 0
        mode = self._mode(noise_class)
        first = (iteration - 1) * basis.n_trajectories if basis.streams.uses_iteration else 0
        order = first + scenarios + turn
        seed, purpose = basis.noise_seed, basis.streams.selection
        if library.weights is not None and mode is not SelectionMode.RANDOM:
            start = 0.0
            if mode is SelectionMode.PERMUTATION:
                words = rng.raw_words(seed, purpose, 0, np.zeros(1, np.int64), 2 * stream, 1)
                start = float(rng.uniforms(words)[0, 0])
            return _by_weight((radical_inverse(order) + start) % 1.0, library.weights)
        if mode is SelectionMode.SEQUENTIAL:
            return order % n
        if mode is SelectionMode.RANDOM:
            a = basis.counter(iteration)
            place_of_draw = 2 * (stream + turn * len(NoiseClass)) + 1
            words = rng.raw_words(seed, purpose, a, scenarios, place_of_draw, 1)[:, 0]
            if library.weights is None:
                return rng.indices(words, n)
            return _by_weight(rng.uniforms(words), library.weights)
        rounds, place = np.divmod(order, n)
        chosen = np.empty(len(scenarios), np.int64)
        for number in np.unique(rounds):
            words = rng.raw_words(seed, purpose, int(number), np.zeros(1, np.int64), 2 * stream, n)
            here = rounds == number
            chosen[here] = rng.permutation(words[0])[place[here]]
        return chosen


def groups_of_visits(
    groups: Sequence[int], stage_indices: Sequence[int], turns: Sequence[int]
) -> Indices:
    """Noise group of each visit; every turn of a cycle has groups of its own."""
    numbers = np.asarray(groups, np.int64)
    return numbers[list(stage_indices)] + np.asarray(turns, np.int64) * (int(numbers.max()) + 1)


def _by_weight(level: Array, weights: Array) -> Indices:
    """Scenario in whose stretch of the unit interval each level lies; one of weight 0 has none."""
    ends = np.cumsum(weights)[: int(np.flatnonzero(weights > 0.0)[-1])]
    return np.searchsorted(ends, level, side="right").astype(np.int64)


def radical_inverse(number: Indices) -> Array:
    """Van der Corput's sequence in base 2.

    The first numbers of it always cover the unit interval evenly.
    """
    level, scale, rest = np.zeros(number.shape), 0.5, number.copy()
    while rest.any():
        level += scale * (rest & 1)
        rest >>= 1
        scale *= 0.5
    return level
