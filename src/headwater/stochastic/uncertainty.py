"""All of the uncertainty of a system in one value: what the algorithm asks for numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from headwater.arrays import Array, FrozenDict, Mask
from headwater.model import (
    EstimationConfig,
    InflowNoise,
    NoiseClass,
    NoiseSharing,
    ScenarioSource,
    Study,
    System,
)
from headwater.stochastic.calendar import build_timeline
from headwater.stochastic.correlation import Correlator, build_correlator
from headwater.stochastic.estimation import Estimation, complete_system
from headwater.stochastic.given import (
    Given,
    entries,
    given_values,
    known_inflows,
    passing_availability,
    passing_inflows,
    passing_loads,
)
from headwater.stochastic.inflow_model import InflowModel
from headwater.stochastic.layout import NoiseLayout, noise_layout
from headwater.stochastic.libraries import historical_library
from headwater.stochastic.magnitudes import refuse_absurd_statistics
from headwater.stochastic.normal import (
    AvailabilityModel,
    LoadModel,
    build_availability_model,
    build_load_model,
    truncation_warnings,
)
from headwater.stochastic.opening_tree import OpeningTree
from headwater.stochastic.par import build_inflow_model
from headwater.stochastic.tree import make_tree


@dataclass(frozen=True, eq=False)
class StatisticalModels:
    """The models of all classes by their statistics, also where scenarios are given."""

    inflow: InflowModel
    load: LoadModel
    availability: AvailabilityModel


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Models, correlation and opening tree of a system. Immutable, so threads may share it.

    Attributes:
        system: where it all comes from, with statistics and correlation estimated where they were
            not given.
        estimation: which parts were given and which were estimated.
        layout: what the entries of a noise vector belong to.
        inflow, load, availability: from noise to physical values.
        correlator: how independent draws become correlated.
        tree: openings of every stage.
        noise_groups: per stage the number of its group; stages of one group take the same opening.
        model_groups: the same for fresh draws of the statistical models, which do not mind that
            openings are given.
        given: classes whose scenarios are their openings, where they have some.
        couple: whether scenarios of several classes are joined by number; ``None`` where their
            numbers decide.
        truncates: whether negative inflows are raised to zero.
        statistical: makes the models by statistics; fails where they are incomplete, which matters
            only to who asks.
    """

    system: System
    estimation: Estimation
    layout: NoiseLayout
    inflow: InflowModel
    load: LoadModel
    availability: AvailabilityModel
    correlator: Correlator
    tree: OpeningTree
    noise_groups: tuple[int, ...]
    model_groups: tuple[int, ...]
    given: Given
    couple: bool | None
    truncates: bool
    statistical: Callable[[], StatisticalModels]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was assumed or repaired, in words."""
        known = {kind for kind, values in self.given.items() if values.at.all()}
        of_given = tuple(text for values in self.given.values() for text in values.warnings)
        of_models = self.inflow.warnings + self.correlator.warnings
        return of_models + of_given + self.tree.warnings + truncation_warnings(self.system, known)

    def is_given(self, noise_class: NoiseClass, stage_index: int) -> bool:
        """Whether the noise of a class is its value at a stage."""
        return noise_class in self.given and self.given[noise_class].n_at(stage_index) > 0

    def central_noise(self, stage_index: int) -> Array:
        """The middle of the noise of a stage ``[1, entry]``.

        0, and the mean of the openings where a class is given.
        """
        noise, probability = self.tree.noise[stage_index], self.tree.probability[stage_index]
        middle = np.zeros((1, self.layout.dim))
        for kind, given in self.given.items():
            if given.n_at(stage_index):
                places = entries(self.layout, kind, given)
                middle[0, places] = probability @ noise[:, places]
        return middle

    def innovation_m3s(self, stage_index: int, eta: Array) -> Array:
        """Inflow without its lag term, ``[scenario, hydro]`` in m3/s.

        It is made of noise ``[scenario, entry]``.
        """
        return self.inflow.innovation_m3s(stage_index, eta[:, self.layout.inflow])

    def lag_factor(self, stage_index: int, eta: Array) -> Array:
        """What the lag term of the inflow is multiplied by, ``[scenario, hydro]``.

        For noise ``[scenario, entry]``; ``[scenario, 0]`` where nothing is.
        """
        return self.inflow.lag_factor(stage_index, eta[:, self.layout.inflow])

    def load_mw(self, stage_index: int, eta: Array) -> Array:
        """Load, ``[scenario, bus, block]`` in MW, for noise ``[scenario, entry]``."""
        return self.load.load_mw(stage_index, eta[:, self.layout.load])

    def available_mw(self, stage_index: int, eta: Array) -> Array:
        """Availability, ``[scenario, source, block]`` in MW, for noise ``[scenario, entry]``."""
        return self.availability.available_mw(stage_index, eta[:, self.layout.ncs])


def study_uncertainty(study: Study, *, statistical: bool = False) -> Uncertainty:
    """Build everything for a study, as its configuration says.

    Args:
        study: the study.
        statistical: leave given scenarios out, for those who look at the models.

    Raises:
        ModelError: as `build_uncertainty`.
    """
    config = study.config
    return build_uncertainty(
        study.system,
        config.training.tree_seed,
        config.estimation,
        source=None if statistical else config.training.scenario_source,
        noise_sharing=config.noise_sharing,
        experimental=config.experimental,
        truncates=config.inflow_non_negativity.truncates,
        inflow_noise=config.inflow_noise,
    )


def build_uncertainty(
    system: System,
    tree_seed: int,
    estimation: EstimationConfig | None = None,
    *,
    source: ScenarioSource | None = None,
    noise_sharing: NoiseSharing = NoiseSharing.SEASON_GROUP,
    experimental: bool = False,
    truncates: bool = False,
    inflow_noise: InflowNoise = InflowNoise.NORMAL,
) -> Uncertainty:
    """Build everything once, before training or simulation.

    Args:
        system: the power system.
        tree_seed: seed of the opening tree.
        estimation: how inflow models are estimated from history where they are not given.
        source: of training, which says whether given scenarios are the openings; ``None`` takes the
            statistical models.
        noise_sharing: whether the stages of one season period repeat one draw.
        experimental: allow the sampling method ``selective``.
        truncates: whether negative inflows are raised to zero, and so remembered.
        inflow_noise: distribution of the noise of inflow models, and how it enters.

    Raises:
        ModelError: statistics, history, correlation, given openings or scenarios contradict the
            system.
        UnsupportedFeatureError: the system asks for something that is not built yet.
    """
    refuse_absurd_statistics(system)
    source = source or ScenarioSource()
    completed = complete_system(system, estimation, inflow_noise)
    system = completed.system
    given = given_values(completed, source)
    given_at = [_positions(given, kind) for kind in (NoiseClass.LOAD, NoiseClass.NCS)]
    layout = noise_layout(system, *given_at)
    load, availability = build_load_model(system, layout), build_availability_model(system, layout)

    @cache
    def statistical() -> StatisticalModels:
        model = build_inflow_model(system, completed, inflow_noise)
        return StatisticalModels(model, load, availability)

    inflow = _inflow(system, given, lambda: statistical().inflow)
    correlator = build_correlator(system, layout)
    model_groups = _model_groups(system, noise_sharing)
    groups = _groups(model_groups, given)
    tree = make_tree(
        system,
        layout,
        correlator,
        groups,
        tree_seed,
        cache(lambda: historical_library(completed, statistical().inflow).eta),
        experimental=experimental,
        given=given,
        couple=source.couple_classes,
        varies=_varying(inflow, load, availability),
    )
    return Uncertainty(
        system=system,
        estimation=completed,
        layout=layout,
        inflow=inflow,
        load=passing_loads(load, given[NoiseClass.LOAD]) if NoiseClass.LOAD in given else load,
        availability=passing_availability(availability, given[NoiseClass.NCS])
        if NoiseClass.NCS in given
        else availability,
        correlator=correlator,
        tree=tree,
        noise_groups=groups,
        model_groups=model_groups,
        given=FrozenDict(given),
        couple=source.couple_classes,
        truncates=truncates,
        statistical=statistical,
    )


def _inflow(system: System, given: Given, estimated: Callable[[], InflowModel]) -> InflowModel:
    """The inflow model, where inflows are given only as far as they leave stages to it."""
    inflows = given.get(NoiseClass.INFLOW)
    if inflows is None:
        return estimated()
    return known_inflows(system) if inflows.at.all() else passing_inflows(estimated(), inflows)


def _varying(
    inflow: InflowModel, load: LoadModel, availability: AvailabilityModel
) -> dict[NoiseClass, Mask]:
    """Stages at which a class has any noise in the statistical models, ``[stage]``."""
    deviations = {
        NoiseClass.INFLOW: inflow.sigma.T,
        NoiseClass.LOAD: load.std_mw,
        NoiseClass.NCS: availability.std,
    }
    return {kind: np.any(std > 0.0, axis=0) for kind, std in deviations.items()}


def _positions(given: Given, kind: NoiseClass) -> list[int]:
    return [int(position) for position in given[kind].positions] if kind in given else []


def _model_groups(system: System, noise_sharing: NoiseSharing) -> tuple[int, ...]:
    """Number of the group of every stage; stages of one group share the draws of the models."""
    if noise_sharing is NoiseSharing.NONE:
        return tuple(range(len(system.stages)))
    return build_timeline(system).noise_groups()


def _groups(groups: tuple[int, ...], given: Given) -> tuple[int, ...]:
    """Stages with external scenarios draw on their own.

    Their values are of the stage, not of its season period.
    """
    own = np.zeros(len(groups), np.bool_)
    for values in given.values():
        if not values.years:
            own |= values.at
    return tuple(
        len(groups) + t if alone else group
        for t, (group, alone) in enumerate(zip(groups, own, strict=True))
    )
