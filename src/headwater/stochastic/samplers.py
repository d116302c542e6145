"""Samplers of training, of simulation and of stopping rules.

What a scenario source asks for, checked and made ready.
"""

from __future__ import annotations

from dataclasses import dataclass

from headwater.choices.sampling.out_of_sample import OutOfSample
from headwater.core.noise import Draws
from headwater.errors import ModelError
from headwater.model import HistoricalLags, NoiseClass, SamplingMethod, ScenarioSource
from headwater.stochastic.designs import DESIGNED, design_warning
from headwater.stochastic.draws import Basis, FreshDraws, LibraryDraws, OpeningDraws, Streams
from headwater.stochastic.external_library import external_inflow_library, external_value_library
from headwater.stochastic.libraries import InflowLibrary, ValueLibrary, historical_library
from headwater.stochastic.sampling import SIMULATION, STOPPING, TRAINING, Sampler
from headwater.stochastic.uncertainty import Uncertainty


def training_sampler(
    uncertainty: Uncertainty, source: ScenarioSource, tree_seed: int, n_trajectories: int = 1
) -> Sampler:
    """Sampler of forward passes.

    Openings are chosen with ``tree_seed``, everything else with the seed of ``source``.

    Args:
        uncertainty: models and tree.
        source: scheme of each class.
        tree_seed: seed of the opening tree.
        n_trajectories: forward passes of one iteration.

    Raises:
        ModelError: a scheme without a seed or without its scenarios, historical loads or sources,
            or in-sample stages of one noise group that differ in openings.
    """
    return _sampler(uncertainty, source, tree_seed, n_trajectories, TRAINING)


def simulation_sampler(
    uncertainty: Uncertainty, source: ScenarioSource, tree_seed: int, n_trajectories: int = 1
) -> Sampler:
    """Sampler of simulated scenarios, apart from all training draws.

    Its seed is that of ``source``, or else ``tree_seed``.

    Args:
        uncertainty: models and tree.
        source: scheme of each class.
        tree_seed: seed of the opening tree.
        n_trajectories: simulated scenarios.

    Raises:
        ModelError: as `training_sampler`.
    """
    return _sampler(uncertainty, source, tree_seed, n_trajectories, SIMULATION)


def stopping_sampler(uncertainty: Uncertainty, tree_seed: int, n_trajectories: int) -> Sampler:
    """Sampler of the trajectories that a stopping rule simulates.

    They are drawn from the tree, the same ones every time.

    Args:
        uncertainty: models and tree.
        tree_seed: seed of the opening tree.
        n_trajectories: trajectories of one simulation.

    Raises:
        ModelError: stages of one noise group that differ in openings.
    """
    return _sampler(uncertainty, ScenarioSource(), tree_seed, n_trajectories, STOPPING)


@dataclass(frozen=True, eq=False)
class ClassNoise:
    """What the scheme of a class makes its draws of, see `headwater.core.noise.NoiseView`."""

    basis: Basis
    of: NoiseClass

    @property
    def noise_class(self) -> str:
        """Its name."""
        return self.of.value

    @property
    def seed(self) -> int:
        """Of fresh draws."""
        return self.basis.noise_seed

    @property
    def is_training(self) -> bool:
        """Whether it is for training."""
        return self.basis.streams.uses_iteration

    @property
    def n_trajectories(self) -> int:
        """Of one iteration, or simulated scenarios."""
        return self.basis.n_trajectories

    def openings(self) -> Draws:
        """Noise of the openings of the tree."""
        return OpeningDraws()

    def fresh(self) -> Draws:
        """Noise drawn afresh."""
        return FreshDraws(self.basis, self.of)

    def external(self) -> Draws:
        """Whole scenarios that are given."""
        uncertainty = self.basis.uncertainty
        library: InflowLibrary | ValueLibrary
        if self.of is NoiseClass.INFLOW:
            library = external_inflow_library(uncertainty.system, uncertainty.inflow)
            name = "external inflows"
        else:
            layout = uncertainty.layout
            needed = layout.load_buses if self.of is NoiseClass.LOAD else layout.sources
            partly = self.of in uncertainty.given
            library = external_value_library(
                uncertainty.system, self.of, needed.tolist(), partly=partly
            )
            name = f"external scenarios of class '{self.of.value}'"
        self.basis.external[self.of] = library
        return LibraryDraws(self.basis, self.of, library, name)

    def historical(self) -> Draws:
        """Whole years of history."""
        source, uncertainty = self.basis.source, self.basis.uncertainty
        default = HistoricalLags.STUDY if self.is_training else HistoricalLags.WINDOW
        library = historical_library(
            uncertainty.estimation,
            uncertainty.inflow,
            source.historical_years,
            own_past=(source.historical_lags or default) is HistoricalLags.WINDOW,
        )
        return LibraryDraws(self.basis, self.of, library, "historical years")


def _sampler(
    uncertainty: Uncertainty,
    source: ScenarioSource,
    tree_seed: int,
    n_trajectories: int,
    streams: Streams,
) -> Sampler:
    warnings = _check(uncertainty, source, n_trajectories)
    noise_seed = tree_seed if source.seed is None else source.seed
    index_seed = tree_seed if streams.uses_iteration else noise_seed
    basis = Basis(uncertainty, source, index_seed, noise_seed, streams, n_trajectories)
    draws: dict[NoiseClass, Draws] = {}
    for noise_class in NoiseClass:
        scheme = source.scheme(noise_class)
        is_opening = (
            streams.uses_iteration and noise_class in uncertainty.given and scheme.walks_scenarios
        )
        own = ClassNoise(basis, noise_class)
        draws[noise_class] = own.openings() if is_opening else scheme.prepare(own)
    for noise_class in (NoiseClass.LOAD, NoiseClass.NCS, NoiseClass.INFLOW):
        warnings.extend(draws[noise_class].warnings)
    return Sampler(basis, draws, tuple(warnings))


def _check(uncertainty: Uncertainty, source: ScenarioSource, n_trajectories: int) -> list[str]:
    schemes = {noise_class: source.scheme(noise_class) for noise_class in NoiseClass}
    for noise_class, scheme in schemes.items():
        if noise_class.value not in scheme.classes:
            suited = " and ".join(
                f"{name}s" if name == "inflow" else name for name in scheme.classes
            )
            raise ModelError(
                f"the scheme '{scheme.type}' is for {suited} only, got it for class "
                f"'{noise_class.value}'"
            )
    if source.historical_years is not None and not source.inflow.replays_history:
        raise ModelError("historical_years are given, but the inflow scheme is not 'historical'")
    others = sorted({scheme.type for scheme in schemes.values() if scheme.needs_seed})
    if source.seed is None and others:
        raise ModelError(
            f"the scheme(s) {', '.join(others)} need a seed: give scenario_source.seed"
        )
    warnings: list[str] = []
    if OutOfSample() in schemes.values():
        methods = {stage.sampling_method for stage in uncertainty.system.stages}
        plain = sorted(
            m.value
            for m in methods & {SamplingMethod.SELECTIVE, SamplingMethod.HISTORICAL_RESIDUALS}
        )
        if plain:
            warnings.append(
                f"out-of-sample noise of stages with the sampling method(s) {', '.join(plain)} is "
                "drawn by plain sampling"
            )
        for method in sorted(methods & DESIGNED, key=lambda m: m.value):
            if warning := design_warning(method, n_trajectories):
                warnings.append(f"out-of-sample noise: {warning}")
    if any(scheme.takes_openings for scheme in schemes.values()) or uncertainty.given:
        _check_groups(uncertainty)
    return warnings


def _check_groups(uncertainty: Uncertainty) -> None:
    """Refuse a group of stages with different numbers of openings.

    Its stages select their opening with one number, which means the same only among the same
    openings.
    """
    first: dict[int, int] = {}
    for t, group in enumerate(uncertainty.noise_groups):
        reference = first.setdefault(group, t)
        same_count = uncertainty.tree.n_openings(t) == uncertainty.tree.n_openings(reference)
        if not same_count:
            stages = uncertainty.system.stages
            raise ModelError(
                f"stages {stages[reference].id} and {stages[t].id} stand for one season period "
                f"and share their noise, but have {uncertainty.tree.n_openings(reference)} and "
                f"{uncertainty.tree.n_openings(t)} openings; give them the same number"
            )
