"""Where the noise of forward passes and simulations comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from headwater.choices.sampling.in_sample import InSample
from headwater.core.choices import SamplingScheme
from headwater.model.uncertainty import NoiseClass


class SelectionMode(Enum):
    """How a trajectory picks one of finitely many scenarios."""

    PERMUTATION = "permutation"
    RANDOM = "random"
    SEQUENTIAL = "sequential"


class OpeningSource(Enum):
    """What the openings of a class are.

    Draws of its statistical model, or the scenarios that are given for it.
    """

    MODEL = "model"
    SCENARIOS = "scenarios"


class HistoricalLags(Enum):
    """Which past a replayed year starts from: the one that it had, or that of the study."""

    WINDOW = "window"
    STUDY = "study"


@dataclass(frozen=True)
class ScenarioSource:
    """Where the noise of each class is drawn from, and the seed of fresh draws.

    Attributes:
        inflow, load, ncs: scheme of each class.
        seed: of fresh draws and of the choice among external and historical scenarios; needed by
            all schemes but in-sample.
        inflow_selection, load_selection, ncs_selection: how external and historical scenarios are
            picked; ``None`` permutes them in training and goes through them in order in simulation.
        historical_years: years that may start a replay; ``None`` takes all that the history covers.
        historical_lags: past that a replay starts from; ``None`` takes that of the study in
            training, so that bound and trajectories share it, and that of the replayed year in
            simulation.
        couple_classes: whether all external classes take the same scenario number; ``None`` couples
            them when they have equally many scenarios.
        inflow_openings, load_openings, ncs_openings: what the openings of training are, see
            `opens_with_scenarios`; of no meaning in simulation, which has no openings of its own.
    """

    inflow: SamplingScheme = field(default_factory=InSample)
    load: SamplingScheme = field(default_factory=InSample)
    ncs: SamplingScheme = field(default_factory=InSample)
    seed: int | None = None
    inflow_selection: SelectionMode | None = None
    load_selection: SelectionMode | None = None
    ncs_selection: SelectionMode | None = None
    historical_years: tuple[int, ...] | None = None
    historical_lags: HistoricalLags | None = None
    couple_classes: bool | None = None
    inflow_openings: OpeningSource | None = None
    load_openings: OpeningSource | None = None
    ncs_openings: OpeningSource | None = None

    def openings(self, noise_class: NoiseClass) -> OpeningSource | None:
        """What the openings of one class are asked to be."""
        return {
            NoiseClass.INFLOW: self.inflow_openings,
            NoiseClass.LOAD: self.load_openings,
            NoiseClass.NCS: self.ncs_openings,
        }[noise_class]

    def opens_with_scenarios(self, noise_class: NoiseClass, *, tree_is_given: bool) -> bool:
        """Whether the openings of a class are its given scenarios, where there are some.

        They are when that is asked for, and when trajectories of training take them and nothing
        else is asked for.

        Args:
            noise_class: the class.
            tree_is_given: whether the user gives the noise of all openings, which then are the
                openings.
        """
        asked = self.openings(noise_class)
        if asked is not None:
            return asked is OpeningSource.SCENARIOS
        return not tree_is_given and self.scheme(noise_class).walks_scenarios

    def draws_openings(self, noise_class: NoiseClass, *, tree_is_given: bool) -> bool:
        """Whether trajectories of training draw the openings of a class.

        Scenarios that are openings are drawn stage by stage.

        Args:
            noise_class: the class.
            tree_is_given: as in `opens_with_scenarios`.
        """
        scheme = self.scheme(noise_class)
        if scheme.walks_scenarios:
            return self.opens_with_scenarios(noise_class, tree_is_given=tree_is_given)
        return scheme.takes_openings

    def selection(self, noise_class: NoiseClass) -> SelectionMode | None:
        """How scenarios of one class are picked."""
        return {
            NoiseClass.INFLOW: self.inflow_selection,
            NoiseClass.LOAD: self.load_selection,
            NoiseClass.NCS: self.ncs_selection,
        }[noise_class]

    def scheme(self, noise_class: NoiseClass) -> SamplingScheme:
        """Scheme of one class."""
        return {
            NoiseClass.INFLOW: self.inflow,
            NoiseClass.LOAD: self.load,
            NoiseClass.NCS: self.ncs,
        }[noise_class]
