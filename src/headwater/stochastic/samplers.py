"""Samplers of training, of simulation and of stopping rules: what a scenario source asks for, checked and made ready."""

from __future__ import annotations

from headwater.arrays import FrozenDict
from headwater.errors import ModelError
from headwater.model import HistoricalLags, NoiseClass, SamplingMethod, ScenarioSource, Scheme
from headwater.stochastic.designs import DESIGNED, design_warning
from headwater.stochastic.libraries import (
    InflowLibrary,
    external_inflow_library,
    external_value_library,
    historical_library,
)
from headwater.stochastic.sampling import SIMULATION, STOPPING, TRAINING, Sampler, Streams
from headwater.stochastic.uncertainty import Uncertainty


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
    return _sampler(uncertainty, source, tree_seed, n_trajectories, TRAINING)


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
    return _sampler(uncertainty, source, tree_seed, n_trajectories, SIMULATION)


def stopping_sampler(uncertainty: Uncertainty, tree_seed: int, n_trajectories: int) -> Sampler:
    """Sampler of the trajectories that a stopping rule simulates: drawn from the tree, the same ones every time.

    Args:
        uncertainty: models and tree.
        tree_seed: seed of the opening tree.
        n_trajectories: trajectories of one simulation.

    Raises:
        ModelError: stages of one noise group that differ in openings.
    """
    return _sampler(uncertainty, ScenarioSource(), tree_seed, n_trajectories, STOPPING)


def _sampler(
    uncertainty: Uncertainty, source: ScenarioSource, tree_seed: int, n_trajectories: int, streams: Streams
) -> Sampler:
    warnings = _check(uncertainty, source, n_trajectories)
    noise_seed = tree_seed if source.seed is None else source.seed
    index_seed = tree_seed if streams.uses_iteration else noise_seed
    drawn_by_opening = uncertainty.given if streams.uses_iteration else ()
    inflows: InflowLibrary | None = None
    if NoiseClass.INFLOW in drawn_by_opening:
        pass
    elif source.inflow is Scheme.HISTORICAL:
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
        if source.scheme(noise_class) is Scheme.EXTERNAL and noise_class not in drawn_by_opening:
            partly = noise_class in uncertainty.given
            values[noise_class] = external_value_library(uncertainty.system, noise_class, needed.tolist(), partly=partly)
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
        FrozenDict(values),
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
    if Scheme.IN_SAMPLE in schemes.values() or uncertainty.given:
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
