"""Noise of forward passes and simulations, drawn for any scenario without reference to any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array, FrozenDict
from headwater.model import NoiseClass, OpeningSource, ScenarioSource, Scheme, SelectionMode
from headwater.stochastic import rng
from headwater.stochastic.designs import DESIGNED, design_normals
from headwater.stochastic.libraries import (
    InflowLibrary,
    ValueLibrary,
)
from headwater.stochastic.model_paths import ModelPaths
from headwater.stochastic.uncertainty import Uncertainty

Scenarios = NDArray[np.int64]

_LIBRARY = (Scheme.EXTERNAL, Scheme.HISTORICAL)


@dataclass(frozen=True)
class Streams:
    """Purposes of the random streams of training or of simulation."""

    index: rng.Purpose
    noise: rng.Purpose
    selection: rng.Purpose
    design: rng.Purpose
    default_selection: SelectionMode
    uses_iteration: bool


TRAINING = Streams(
    rng.Purpose.TRAINING_INDEX,
    rng.Purpose.TRAINING_NOISE,
    rng.Purpose.TRAINING_SELECTION,
    rng.Purpose.BATCH_DESIGN,
    SelectionMode.PERMUTATION,
    uses_iteration=True,
)
SIMULATION = Streams(
    rng.Purpose.SIMULATION_INDEX,
    rng.Purpose.SIMULATION_NOISE,
    rng.Purpose.SIMULATION_SELECTION,
    rng.Purpose.SIMULATION_DESIGN,
    SelectionMode.SEQUENTIAL,
    uses_iteration=False,
)


STOPPING = Streams(
    rng.Purpose.STOPPING_INDEX,
    rng.Purpose.SIMULATION_NOISE,
    rng.Purpose.SIMULATION_SELECTION,
    rng.Purpose.SIMULATION_DESIGN,
    SelectionMode.SEQUENTIAL,
    uses_iteration=False,
)


@dataclass(frozen=True, eq=False)
class Sampler:
    """Noise as a pure function of stage, iteration and scenario.

    In-sample classes take the same opening of the tree; out-of-sample classes are drawn afresh with the sampling method of the
    stage and correlated; external and historical classes take one scenario of their library for the whole trajectory. In
    training, external and historical classes whose scenarios are the openings are drawn stage by stage like those in-sample:
    whole paths would leave states unvisited that the bound needs.

    Attributes:
        uncertainty: tree, correlation and layout.
        source: scheme of each class.
        index_seed, noise_seed: seeds of the choice of openings, and of fresh noise and the choice of library scenarios.
        streams: purposes of the random streams.
        n_trajectories: trajectories of one iteration, or simulated scenarios.
        inflows: library of inflow noise, if the scheme has one.
        values: libraries of realised loads and availabilities.
        warnings: in words.
    """

    uncertainty: Uncertainty
    source: ScenarioSource
    index_seed: int
    noise_seed: int
    streams: Streams
    n_trajectories: int
    inflows: InflowLibrary | None = None
    values: Mapping[NoiseClass, ValueLibrary] = field(default_factory=FrozenDict)
    warnings: tuple[str, ...] = ()

    def noise(self, stage_index: int, iteration: int, scenarios: Scenarios, turn: int = 0) -> Array:
        """Noise of some scenarios at a stage.

        Args:
            stage_index: position of the stage.
            iteration: absolute, from 1; ignored in simulation.
            scenarios: ``[scenario]``, global numbers from 0.
            turn: how often a cyclic horizon has been completed before. Every turn draws anew; where noise comes from a library,
                it goes on with another of its scenarios, in sequential order the one behind.

        Returns:
            ``[scenario, entry]``, standardised and correlated; 0 for external loads and availabilities, which have values
            instead. A row is the same in whatever batch its scenario is asked for.
        """
        layout, tree = self.uncertainty.layout, self.uncertainty.tree
        group = int(self._groups_of([stage_index], [turn])[0])
        c = iteration if self.streams.uses_iteration else 0
        noise = np.zeros((len(scenarios), layout.dim))
        if any(self._takes_openings(noise_class, stage_index) for noise_class in NoiseClass):
            words = rng.raw_words(self.index_seed, self.streams.index, group, scenarios, c, 1)[:, 0]
            noise = tree.noise[stage_index][tree.openings_at(stage_index, words)]
        drawn = [noise_class for noise_class in NoiseClass if self._scheme(noise_class) is Scheme.OUT_OF_SAMPLE]
        if any(layout.segment(noise_class).stop > layout.segment(noise_class).start for noise_class in drawn):
            fresh = self._fresh(stage_index, turn, scenarios, c)
            for noise_class in drawn:
                segment = layout.segment(noise_class)
                if self.uncertainty.is_given(noise_class, stage_index):
                    noise[:, segment] = self._model_values(noise_class, stage_index, iteration, scenarios, turn, fresh)
                else:
                    noise[:, segment] = fresh[:, segment]
        if self.inflows is not None and _has(self.inflows, stage_index):
            chosen = self._selected(NoiseClass.INFLOW, self.inflows, iteration, scenarios, turn)
            noise[:, layout.inflow] = self.inflows.eta[chosen, stage_index]
        for noise_class, library in self.values.items():
            if _has(library, stage_index):
                noise[:, layout.segment(noise_class)] = 0.0
        return noise

    def _scheme(self, noise_class: NoiseClass) -> Scheme:
        """Scheme that a class is drawn by."""
        scheme = self.source.scheme(noise_class)
        if self.streams.uses_iteration and noise_class in self.uncertainty.given and scheme in _LIBRARY:
            return Scheme.IN_SAMPLE
        return scheme

    def _takes_openings(self, noise_class: NoiseClass, stage_index: int) -> bool:
        """Whether a class takes the openings of a stage: where it is in-sample, or its library has nothing to say."""
        scheme = self._scheme(noise_class)
        if scheme not in _LIBRARY:
            return scheme is Scheme.IN_SAMPLE
        library = self.inflows if noise_class is NoiseClass.INFLOW else self.values.get(noise_class)
        return library is not None and not _has(library, stage_index)

    def _model_values(
        self, noise_class: NoiseClass, stage_index: int, iteration: int, scenarios: Scenarios, turn: int, fresh: Array
    ) -> Array:
        """What the statistical model of a class makes of fresh noise, where the stage problem takes values."""
        layout, models = self.uncertainty.layout, self.uncertainty.statistical()
        if noise_class is NoiseClass.INFLOW:
            visit = stage_index + turn * len(self.uncertainty.system.horizon.cycle)
            return self._paths.inflow_m3s(visit, iteration, scenarios)
        if noise_class is NoiseClass.LOAD:
            mean, std, known = models.load.mean_mw, models.load.std_mw, layout.load_buses
        else:
            mean, std, known = models.availability.mean, models.availability.std, layout.sources
        values: Array = mean[known, stage_index] + std[known, stage_index] * fresh[:, layout.segment(noise_class)]
        return values

    @cached_property
    def _paths(self) -> ModelPaths:
        uncertainty = self.uncertainty
        horizon = uncertainty.system.horizon

        def noise(visit: int, iteration: int, scenarios: Scenarios) -> Array:
            c = iteration if self.streams.uses_iteration else 0
            return self._fresh(horizon.position(visit), horizon.turn(visit), scenarios, c)[:, uncertainty.layout.inflow]

        return ModelPaths(uncertainty.statistical().inflow, horizon.position, noise, truncates=uncertainty.truncates)

    def openings(
        self, stage_indices: Sequence[int], iterations: NDArray[np.int64], scenarios: Scenarios, turns: Sequence[int]
    ) -> list[NDArray[np.int64]] | None:
        """Openings of the tree that some scenarios take, where all their noise comes from it; the noise is that of `noise`.

        Args:
            stage_indices: ``[visit]`` positions of stages.
            iterations: absolute, from 1; ignored in simulation.
            scenarios: ``[scenario]``, global numbers from 0.
            turns: ``[visit]`` as in `noise`.

        Returns:
            Per visit ``[iteration, scenario]``; ``None`` where some noise comes from elsewhere.
        """
        if any(self._scheme(noise_class) is not Scheme.IN_SAMPLE for noise_class in NoiseClass):
            return None
        groups = self._groups_of(stage_indices, turns)
        c = iterations if self.streams.uses_iteration else np.zeros_like(iterations)
        shape = len(groups), len(iterations), len(scenarios)
        group, of_iteration, scenario = (
            np.broadcast_to(one, shape).ravel() for one in (groups[:, None, None], c[:, None], scenarios)
        )
        words = rng.raw_words(self.index_seed, self.streams.index, group, scenario, of_iteration, 1).reshape(shape)
        return [self.uncertainty.tree.openings_at(t, rows) for t, rows in zip(stage_indices, words, strict=True)]

    def _groups_of(self, stage_indices: Sequence[int], turns: Sequence[int]) -> NDArray[np.int64]:
        """Noise group of each visit; every turn of a cycle has groups of its own."""
        return _groups_of_visits(self.uncertainty.noise_groups, stage_indices, turns)

    def load_mw(self, stage_index: int, iteration: int, scenarios: Scenarios, noise: Array, turn: int = 0) -> Array:
        """Load of some scenarios, ``[scenario, bus, block]`` in MW, for their noise or from external scenarios."""
        eta = noise[:, self.uncertainty.layout.load]
        given = self._values(NoiseClass.LOAD, stage_index, iteration, scenarios, turn)
        return self.uncertainty.load.load_mw(stage_index, eta, given)

    def available_mw(self, stage_index: int, iteration: int, scenarios: Scenarios, noise: Array, turn: int = 0) -> Array:
        """Availability of some scenarios, ``[scenario, source, block]`` in MW, as `load_mw`."""
        eta = noise[:, self.uncertainty.layout.ncs]
        given = self._values(NoiseClass.NCS, stage_index, iteration, scenarios, turn)
        return self.uncertainty.availability.available_mw(stage_index, eta, given)

    def initial_memory_m3s(self, iteration: int, scenarios: Scenarios) -> Array | None:
        """Past inflows that some scenarios start from, ``[scenario, lag, hydro]``; ``None`` for those of the study."""
        if self.inflows is None or self.inflows.memory_m3s is None:
            return None
        return self.inflows.memory_m3s[self._selected(NoiseClass.INFLOW, self.inflows, iteration, scenarios)]

    def sampled_years(self, iteration: int, scenarios: Scenarios) -> NDArray[np.int64] | None:
        """Year of history that each scenario replays from; ``None`` when none does."""
        if self.inflows is None or not self.inflows.years:
            return None
        chosen = self._selected(NoiseClass.INFLOW, self.inflows, iteration, scenarios)
        return np.array(self.inflows.years, np.int64)[chosen]

    def report(self) -> dict[str, object]:
        """Schemes, and how the libraries look."""
        classes: dict[str, object] = {}
        for noise_class in NoiseClass:
            entry: dict[str, object] = {"scheme": self.source.scheme(noise_class).value}
            if noise_class in self.uncertainty.given:
                entry["openings"] = OpeningSource.SCENARIOS.value
            library = self.inflows if noise_class is NoiseClass.INFLOW else self.values.get(noise_class)
            if library is not None:
                entry |= {"selection_mode": self._mode(noise_class).value} | library.report()
            classes[noise_class.value] = entry
        return classes

    def _values(
        self, noise_class: NoiseClass, stage_index: int, iteration: int, scenarios: Scenarios, turn: int
    ) -> tuple[NDArray[np.int64], Array] | None:
        library = self.values.get(noise_class)
        if library is None or not _has(library, stage_index):
            return None
        chosen = self._selected(noise_class, library, iteration, scenarios, turn)
        return library.positions, library.values[chosen, stage_index]

    def _mode(self, noise_class: NoiseClass) -> SelectionMode:
        return self.source.selection(noise_class) or self.streams.default_selection

    def _selected(
        self,
        noise_class: NoiseClass,
        library: InflowLibrary | ValueLibrary,
        iteration: int,
        scenarios: Scenarios,
        turn: int = 0,
    ) -> Scenarios:
        """Library scenario of each trajectory; scenarios with weights come as often as these say."""
        n = library.n_scenarios
        stream = list(NoiseClass).index(noise_class)
        if self._coupled:
            external = [c for c in NoiseClass if self.source.scheme(c) is Scheme.EXTERNAL]
            if noise_class in external:
                noise_class, stream = external[0], 0
        mode = self._mode(noise_class)
        first = (iteration - 1) * self.n_trajectories if self.streams.uses_iteration else 0
        order = first + scenarios + turn
        if library.weights is not None and mode is not SelectionMode.RANDOM:
            start = 0.0
            if mode is SelectionMode.PERMUTATION:
                words = rng.raw_words(self.noise_seed, self.streams.selection, 0, np.zeros(1, np.int64), 2 * stream, 1)
                start = float(rng.uniforms(words)[0, 0])
            return _by_weight((radical_inverse(order) + start) % 1.0, library.weights)
        if mode is SelectionMode.SEQUENTIAL:
            return order % n
        if mode is SelectionMode.RANDOM:
            a = iteration if self.streams.uses_iteration else 0
            words = rng.raw_words(
                self.noise_seed, self.streams.selection, a, scenarios, 2 * (stream + turn * len(NoiseClass)) + 1, 1
            )[:, 0]
            return rng.indices(words, n) if library.weights is None else _by_weight(rng.uniforms(words), library.weights)
        rounds, place = np.divmod(order, n)
        chosen = np.empty(len(scenarios), np.int64)
        for number in np.unique(rounds):
            words = rng.raw_words(self.noise_seed, self.streams.selection, int(number), np.zeros(1, np.int64), 2 * stream, n)
            here = rounds == number
            chosen[here] = rng.permutation(words[0])[place[here]]
        return chosen

    @property
    def _coupled(self) -> bool:
        if self.source.couple_classes is not None:
            return self.source.couple_classes
        counts = {library.n_scenarios for library in self.values.values()}
        if self.inflows is not None and self.source.inflow is Scheme.EXTERNAL:
            counts.add(self.inflows.n_scenarios)
        return len(counts) == 1

    def _fresh(self, stage_index: int, turn: int, scenarios: Scenarios, c: int) -> Array:
        """Draws of the statistical models, ``[scenario, entry]``."""
        group = int(_groups_of_visits(self.uncertainty.model_groups, [stage_index], [turn])[0])
        dim = self.uncertainty.layout.dim
        method = self.uncertainty.system.stages[stage_index].sampling_method
        if method in DESIGNED:
            shape = (self.n_trajectories, dim)
            normals = design_normals(method, self.noise_seed, self.streams.design, group, c, shape)[scenarios]
        else:
            normals = rng.normals(rng.raw_words(self.noise_seed, self.streams.noise, group, scenarios, c, dim))
        return self.uncertainty.correlator.apply(stage_index, normals)


def _groups_of_visits(groups: Sequence[int], stage_indices: Sequence[int], turns: Sequence[int]) -> NDArray[np.int64]:
    numbers = np.asarray(groups, np.int64)
    return numbers[list(stage_indices)] + np.asarray(turns, np.int64) * (int(numbers.max()) + 1)


def _has(library: InflowLibrary | ValueLibrary, stage_index: int) -> bool:
    """Whether a library has something to say about a stage."""
    return library.at is None or bool(library.at[stage_index])


def _by_weight(level: Array, weights: Array) -> Scenarios:
    """Scenario in whose stretch of the unit interval each level lies; one of weight 0 has none."""
    ends = np.cumsum(weights)[: int(np.flatnonzero(weights > 0.0)[-1])]
    return np.searchsorted(ends, level, side="right").astype(np.int64)


def radical_inverse(number: NDArray[np.int64]) -> Array:
    """Van der Corput's sequence in base 2: the first numbers of it always cover the unit interval evenly."""
    level, scale, rest = np.zeros(number.shape), 0.5, number.copy()
    while rest.any():
        level += scale * (rest & 1)
        rest >>= 1
        scale *= 0.5
    return level
