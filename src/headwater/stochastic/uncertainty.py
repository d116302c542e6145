"""All of the uncertainty of a system in one value: what the algorithm asks for numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from headwater.model import EstimationConfig, NoiseSharing, Study, System
from headwater.stochastic.calendar import build_timeline
from headwater.stochastic.correlation import Correlator, build_correlator
from headwater.stochastic.estimation import Estimation, complete_system
from headwater.stochastic.layout import NoiseLayout, noise_layout
from headwater.stochastic.libraries import historical_library
from headwater.stochastic.normal import (
    AvailabilityModel,
    LoadModel,
    build_availability_model,
    build_load_model,
    truncation_warnings,
)
from headwater.stochastic.par import InflowModel, build_inflow_model
from headwater.stochastic.tree import OpeningTree, make_tree

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Models, correlation and opening tree of a system. Immutable, so threads may share it.

    Attributes:
        system: where it all comes from, with statistics and correlation estimated where they were not given.
        estimation: which parts were given and which were estimated.
        layout: what the entries of a noise vector belong to.
        inflow, load, availability: from noise to physical values.
        correlator: how independent draws become correlated.
        tree: openings of every stage.
        noise_groups: per stage the number of its group; stages of one group share their noise.
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

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was assumed or repaired, in words."""
        return self.inflow.warnings + self.correlator.warnings + self.tree.warnings + truncation_warnings(self.system)

    def innovation_m3s(self, stage_index: int, eta: Array) -> Array:
        """Inflow without its lag term, ``[scenario, hydro]`` in m3/s, for noise ``[scenario, entry]``."""
        return self.inflow.innovation_m3s(stage_index, eta[:, self.layout.inflow])

    def load_mw(self, stage_index: int, eta: Array) -> Array:
        """Load, ``[scenario, bus, block]`` in MW, for noise ``[scenario, entry]``."""
        return self.load.load_mw(stage_index, eta[:, self.layout.load])

    def available_mw(self, stage_index: int, eta: Array) -> Array:
        """Availability, ``[scenario, source, block]`` in MW, for noise ``[scenario, entry]``."""
        return self.availability.available_mw(stage_index, eta[:, self.layout.ncs])


def study_uncertainty(study: Study) -> Uncertainty:
    """Build everything for a study, as its configuration says.

    Raises:
        ModelError: as `build_uncertainty`.
    """
    config = study.config
    return build_uncertainty(
        study.system,
        config.training.tree_seed,
        config.estimation,
        noise_sharing=config.noise_sharing,
        experimental=config.experimental,
    )


def build_uncertainty(
    system: System,
    tree_seed: int,
    estimation: EstimationConfig | None = None,
    *,
    noise_sharing: NoiseSharing = NoiseSharing.SEASON_GROUP,
    experimental: bool = False,
) -> Uncertainty:
    """Build everything once, before training or simulation.

    Args:
        system: the power system.
        tree_seed: seed of the opening tree.
        estimation: how inflow models are estimated from history where they are not given.
        noise_sharing: whether the stages of one season period repeat one draw.
        experimental: allow the sampling method ``selective``.

    Raises:
        ModelError: statistics, history, correlation or given openings contradict the system.
        UnsupportedFeatureError: the system asks for something that is not built yet.
    """
    completed = complete_system(system, estimation)
    inflow = build_inflow_model(system, completed)
    system = completed.system
    layout = noise_layout(system)
    correlator = build_correlator(system, layout)
    groups = build_timeline(system).noise_groups()
    if noise_sharing is NoiseSharing.NONE:
        groups = tuple(range(len(system.stages)))
    return Uncertainty(
        system=system,
        estimation=completed,
        layout=layout,
        inflow=inflow,
        load=build_load_model(system, layout),
        availability=build_availability_model(system, layout),
        correlator=correlator,
        tree=make_tree(
            system,
            layout,
            correlator,
            groups,
            tree_seed,
            cache(lambda: historical_library(completed, inflow).eta),
            experimental=experimental,
        ),
        noise_groups=groups,
    )
