"""Noise of forward passes and simulations, drawn for any scenario without reference to any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError
from headwater.model import HistoricalLags, NoiseClass, SamplingMethod, ScenarioSource, Scheme, SelectionMode
from headwater.stochastic import rng
from headwater.stochastic.designs import DESIGNED, design_normals, design_warning
from headwater.stochastic.libraries import (
    InflowLibrary,
    ValueLibrary,
    external_inflow_library,
    external_value_library,
    historical_library,
)
from headwater.stochastic.uncertainty import Uncertainty

Array = NDArray[np.float64]
Scenarios = NDArray[np.int64]

_LIBRARY = (Scheme.EXTERNAL, Scheme.HISTORICAL)


@dataclass(frozen=True)
class _Streams:
    """Purposes of the random streams of training or of simulation."""

    index: rng.Purpose
    noise: rng.Purpose
    selection: rng.Purpose
    design: rng.Purpose
    default_selection: SelectionMode
    uses_iteration: bool


_TRAINING = _Streams(
    rng.Purpose.TRAINING_INDEX,
    rng.Purpose.TRAINING_NOISE,
    rng.Purpose.TRAINING_SELECTION,
    rng.Purpose.BATCH_DESIGN,
    SelectionMode.PERMUTATION,
    uses_iteration=True,
)
_SIMULATION = _Streams(
    rng.Purpose.SIMULATION_INDEX,
    rng.Purpose.SIMULATION_NOISE,
    rng.Purpose.SIMULATION_SELECTION,
    rng.Purpose.SIMULATION_DESIGN,
    SelectionMode.SEQUENTIAL,
    uses_iteration=False,
)


_STOPPING = _Streams(
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
    stage and correlated; external and historical classes take one scenario of their library for the whole trajectory.

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
    streams: _Streams
    n_trajectories: int
    inflows: InflowLibrary | None = None
    values: Mapping[NoiseClass, ValueLibrary] = field(default_factory=lambda: MappingProxyType({}))
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
        schemes = {noise_class: self.source.scheme(noise_class) for noise_class in NoiseClass}
        group = int(self._groups_of([stage_index], [turn])[0])
        c = iteration if self.streams.uses_iteration else 0
        noise = np.zeros((len(scenarios), layout.dim))
        if Scheme.IN_SAMPLE in schemes.values():
            words = rng.raw_words(self.index_seed, self.streams.index, group, scenarios, c, 1)[:, 0]
            noise = tree.noise[stage_index][tree.openings_at(stage_index, words)]
        drawn = [layout.segment(noise_class) for noise_class in NoiseClass if schemes[noise_class] is Scheme.OUT_OF_SAMPLE]
        if any(segment.stop > segment.start for segment in drawn):
            fresh = self._fresh(stage_index, group, scenarios, c)
            for segment in drawn:
                noise[:, segment] = fresh[:, segment]
        if self.inflows is not None:
            chosen = self._selected(NoiseClass.INFLOW, self.inflows.n_scenarios, iteration, scenarios, turn)
            noise[:, layout.inflow] = self.inflows.eta[chosen, stage_index]
        for noise_class in self.values:
            noise[:, layout.segment(noise_class)] = 0.0
        return noise

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
        if any(self.source.scheme(noise_class) is not Scheme.IN_SAMPLE for noise_class in NoiseClass):
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
        groups = np.asarray(self.uncertainty.noise_groups, np.int64)
        return groups[list(stage_indices)] + np.asarray(turns, np.int64) * (int(groups.max()) + 1)

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
        return self.inflows.memory_m3s[self._selected(NoiseClass.INFLOW, self.inflows.n_scenarios, iteration, scenarios)]

    def sampled_years(self, iteration: int, scenarios: Scenarios) -> NDArray[np.int64] | None:
        """Year of history that each scenario replays from; ``None`` when none does."""
        if self.inflows is None or not self.inflows.years:
            return None
        chosen = self._selected(NoiseClass.INFLOW, self.inflows.n_scenarios, iteration, scenarios)
        return np.array(self.inflows.years, np.int64)[chosen]

    def report(self) -> dict[str, object]:
        """Schemes, and how the libraries look."""
        classes: dict[str, object] = {}
        for noise_class in NoiseClass:
            entry: dict[str, object] = {"scheme": self.source.scheme(noise_class).value}
            library = self.inflows if noise_class is NoiseClass.INFLOW else self.values.get(noise_class)
            if library is not None:
                entry |= {"selection_mode": self._mode(noise_class).value} | library.report()
            classes[noise_class.value] = entry
        return classes

    def _values(
        self, noise_class: NoiseClass, stage_index: int, iteration: int, scenarios: Scenarios, turn: int
    ) -> tuple[NDArray[np.int64], Array] | None:
        library = self.values.get(noise_class)
        if library is None:
            return None
        chosen = self._selected(noise_class, library.n_scenarios, iteration, scenarios, turn)
        return library.positions, library.values[chosen, stage_index]

    def _mode(self, noise_class: NoiseClass) -> SelectionMode:
        return self.source.selection(noise_class) or self.streams.default_selection

    def _selected(self, noise_class: NoiseClass, n: int, iteration: int, scenarios: Scenarios, turn: int = 0) -> Scenarios:
        """Library scenario of each trajectory."""
        stream = list(NoiseClass).index(noise_class)
        if self._coupled:
            external = [c for c in NoiseClass if self.source.scheme(c) is Scheme.EXTERNAL]
            if noise_class in external:
                noise_class, stream = external[0], 0
        mode = self._mode(noise_class)
        first = (iteration - 1) * self.n_trajectories if self.streams.uses_iteration else 0
        order = first + scenarios + turn
        if mode is SelectionMode.SEQUENTIAL:
            return order % n
        if mode is SelectionMode.RANDOM:
            a = iteration if self.streams.uses_iteration else 0
            words = rng.raw_words(
                self.noise_seed, self.streams.selection, a, scenarios, 2 * (stream + turn * len(NoiseClass)) + 1, 1
            )[:, 0]
            return rng.indices(words, n)
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

    def _fresh(self, stage_index: int, group: int, scenarios: Scenarios, c: int) -> Array:
        dim = self.uncertainty.layout.dim
        method = self.uncertainty.system.stages[stage_index].sampling_method
        if method in DESIGNED:
            shape = (self.n_trajectories, dim)
            normals = design_normals(method, self.noise_seed, self.streams.design, group, c, shape)[scenarios]
        else:
            normals = rng.normals(rng.raw_words(self.noise_seed, self.streams.noise, group, scenarios, c, dim))
        return self.uncertainty.correlator.apply(stage_index, normals)


def training_sampler(uncertainty: Uncertainty, source: ScenarioSource, tree_seed: int, n_trajectories: int = 1) -> Sampler:
    """Sampler of forward passes: openings are chosen with ``tree_seed``, everything else with the seed of ``source``.

    Args:
        uncertainty: models and tree.
        source: scheme of each class.
        tree_seed: seed of the opening tree.
        n_trajectories: forward passes of one iteration.

    Raises:
        ModelError: a scheme without a seed or without its scenarios, historical loads or sources, or in-sample stages of one
            noise group that differ in openings.
    """
    return _sampler(uncertainty, source, tree_seed, n_trajectories, _TRAINING)


def simulation_sampler(uncertainty: Uncertainty, source: ScenarioSource, tree_seed: int, n_trajectories: int = 1) -> Sampler:
    """Sampler of simulated scenarios, apart from all training draws; the seed of ``source``, else ``tree_seed``, settles it.

    Args:
        uncertainty: models and tree.
        source: scheme of each class.
        tree_seed: seed of the opening tree.
        n_trajectories: simulated scenarios.

    Raises:
        ModelError: as `training_sampler`.
    """
    return _sampler(uncertainty, source, tree_seed, n_trajectories, _SIMULATION)


def stopping_sampler(uncertainty: Uncertainty, tree_seed: int, n_trajectories: int) -> Sampler:
    """Sampler of the trajectories that a stopping rule simulates: drawn from the tree, the same ones every time.

    Args:
        uncertainty: models and tree.
        tree_seed: seed of the opening tree.
        n_trajectories: trajectories of one simulation.

    Raises:
        ModelError: stages of one noise group that differ in openings.
    """
    return _sampler(uncertainty, ScenarioSource(), tree_seed, n_trajectories, _STOPPING)


def _sampler(
    uncertainty: Uncertainty, source: ScenarioSource, tree_seed: int, n_trajectories: int, streams: _Streams
) -> Sampler:
    warnings = _check(uncertainty, source, n_trajectories)
    noise_seed = tree_seed if source.seed is None else source.seed
    index_seed = tree_seed if streams.uses_iteration else noise_seed
    inflows: InflowLibrary | None = None
    if source.inflow is Scheme.HISTORICAL:
        chosen = source.historical_lags or (HistoricalLags.STUDY if streams.uses_iteration else HistoricalLags.WINDOW)
        inflows = historical_library(
            uncertainty.estimation,
            uncertainty.inflow,
            source.historical_years,
            own_past=chosen is HistoricalLags.WINDOW,
        )
    elif source.inflow is Scheme.EXTERNAL:
        inflows = external_inflow_library(uncertainty.system, uncertainty.inflow)
    values = {}
    for noise_class, needed in (
        (NoiseClass.LOAD, uncertainty.layout.load_buses),
        (NoiseClass.NCS, uncertainty.layout.sources),
    ):
        if source.scheme(noise_class) is Scheme.EXTERNAL:
            values[noise_class] = external_value_library(uncertainty.system, noise_class, needed.tolist())
    counts = {f"external scenarios of class '{c.value}'": library.n_scenarios for c, library in values.items()}
    if inflows is not None:
        counts["historical years" if inflows.years else "external inflows"] = inflows.n_scenarios
    for name, count in counts.items():
        if count < n_trajectories:
            warnings.append(f"there are {count} {name} for {n_trajectories} trajectories: some are used again")
    if inflows is not None:
        warnings.extend(inflows.warnings)
    return Sampler(
        uncertainty,
        source,
        index_seed,
        noise_seed,
        streams,
        n_trajectories,
        inflows,
        MappingProxyType(values),
        tuple(warnings),
    )


def _check(uncertainty: Uncertainty, source: ScenarioSource, n_trajectories: int) -> list[str]:
    schemes = {noise_class: source.scheme(noise_class) for noise_class in NoiseClass}
    for noise_class in (NoiseClass.LOAD, NoiseClass.NCS):
        if schemes[noise_class] is Scheme.HISTORICAL:
            raise ModelError(f"the scheme 'historical' is for inflows only, got it for class '{noise_class.value}'")
    if source.historical_years is not None and source.inflow is not Scheme.HISTORICAL:
        raise ModelError("historical_years are given, but the inflow scheme is not 'historical'")
    if source.seed is None and any(scheme is not Scheme.IN_SAMPLE for scheme in schemes.values()):
        others = sorted({scheme.value for scheme in schemes.values() if scheme is not Scheme.IN_SAMPLE})
        raise ModelError(f"the scheme(s) {', '.join(others)} need a seed: give scenario_source.seed")
    warnings: list[str] = []
    if Scheme.OUT_OF_SAMPLE in schemes.values():
        methods = {stage.sampling_method for stage in uncertainty.system.stages}
        plain = sorted(m.value for m in methods & {SamplingMethod.SELECTIVE, SamplingMethod.HISTORICAL_RESIDUALS})
        if plain:
            warnings.append(
                f"out-of-sample noise of stages with the sampling method(s) {', '.join(plain)} is drawn by plain sampling"
            )
        for method in sorted(methods & DESIGNED, key=lambda m: m.value):
            if warning := design_warning(method, n_trajectories):
                warnings.append(f"out-of-sample noise: {warning}")
    if Scheme.IN_SAMPLE in schemes.values():
        _check_groups(uncertainty)
    return warnings


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
