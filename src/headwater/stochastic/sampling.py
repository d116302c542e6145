"""Noise of forward passes and simulations.

It is drawn for any scenario without reference to any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headwater.arrays import Array, Indices
from headwater.core.noise import Draws
from headwater.model import NoiseClass, OpeningSource, SelectionMode
from headwater.stochastic import rng
from headwater.stochastic.draws import Basis, StageVisit, Streams, groups_of_visits
from headwater.stochastic.uncertainty import Uncertainty

TRAINING = Streams(
    rng.Purpose.TRAINING_INDEX,
    rng.Purpose.TRAINING_NOISE,
    rng.Purpose.TRAINING_SELECTION,
    rng.Purpose.BATCH_DESIGN,
    rng.Purpose.TRAINING_REGIME,
    SelectionMode.PERMUTATION,
    uses_iteration=True,
)
SIMULATION = Streams(
    rng.Purpose.SIMULATION_INDEX,
    rng.Purpose.SIMULATION_NOISE,
    rng.Purpose.SIMULATION_SELECTION,
    rng.Purpose.SIMULATION_DESIGN,
    rng.Purpose.SIMULATION_REGIME,
    SelectionMode.SEQUENTIAL,
    uses_iteration=False,
)
STOPPING = Streams(
    rng.Purpose.STOPPING_INDEX,
    rng.Purpose.SIMULATION_NOISE,
    rng.Purpose.SIMULATION_SELECTION,
    rng.Purpose.SIMULATION_DESIGN,
    rng.Purpose.STOPPING_REGIME,
    SelectionMode.SEQUENTIAL,
    uses_iteration=False,
)


@dataclass(frozen=True, eq=False)
class Sampler:
    """Noise as a pure function of stage, iteration and scenario.

    In-sample classes take the same opening of the tree; fresh noise of several classes is
    correlated. In training, classes whose scenarios are the openings are drawn stage by stage like
    those in-sample: whole paths would leave states unvisited that the bound needs.

    Attributes:
        basis: tree, seeds and settings.
        draws: of each class, as its scheme makes them.
        warnings: in words.
    """

    basis: Basis
    draws: Mapping[NoiseClass, Draws]
    warnings: tuple[str, ...] = ()

    @property
    def uncertainty(self) -> Uncertainty:
        """Tree, correlation and layout."""
        return self.basis.uncertainty

    def noise(self, stage_index: int, iteration: int, scenarios: Indices, turn: int = 0) -> Array:
        """Noise of some scenarios at a stage.

        Args:
            stage_index: position of the stage.
            iteration: absolute, from 1; ignored in simulation.
            scenarios: ``[scenario]``, global numbers from 0.
            turn: how often a cyclic horizon has been completed before. Every turn draws anew; where
                noise comes from a library, it goes on with another of its scenarios, in sequential
                order the one behind.

        Returns:
            ``[scenario, entry]``, standardised and correlated; 0 for external loads and
            availabilities, which have values instead. A row is the same in whatever batch its
            scenario is asked for.
        """
        basis = self.basis
        layout, tree = basis.uncertainty.layout, basis.uncertainty.tree
        visit = StageVisit(basis, stage_index, iteration, scenarios, turn)
        drawn = {noise_class: draws.noise(visit) for noise_class, draws in self.draws.items()}
        noise = np.zeros((len(scenarios), layout.dim))
        if any(own is None for own in drawn.values()):
            group = int(self._groups_of([stage_index], [turn])[0])
            c = basis.counter(iteration)
            words = rng.raw_words(basis.index_seed, basis.streams.index, group, scenarios, c, 1)[
                :, 0
            ]
            noise = tree.noise[stage_index][tree.openings_at(stage_index, words)]
        for noise_class, own in drawn.items():
            if own is not None:
                noise[:, layout.segment(noise_class)] = own
        return noise

    def openings(
        self,
        stage_indices: Sequence[int],
        iterations: Indices,
        scenarios: Indices,
        turns: Sequence[int],
    ) -> list[Indices] | None:
        """Openings of the tree that some scenarios take, where all their noise comes from it.

        The noise is that of `noise`.

        Args:
            stage_indices: ``[visit]`` positions of stages.
            iterations: absolute, from 1; ignored in simulation.
            scenarios: ``[scenario]``, global numbers from 0.
            turns: ``[visit]`` as in `noise`.

        Returns:
            Per visit ``[iteration, scenario]``; ``None`` where some noise comes from elsewhere.
        """
        if not all(draws.takes_openings for draws in self.draws.values()):
            return None
        basis = self.basis
        groups = self._groups_of(stage_indices, turns)
        c = iterations if basis.streams.uses_iteration else np.zeros_like(iterations)
        shape = len(groups), len(iterations), len(scenarios)
        group, of_iteration, scenario = (
            np.broadcast_to(one, shape).ravel()
            for one in (groups[:, None, None], c[:, None], scenarios)
        )
        words = rng.raw_words(
            basis.index_seed, basis.streams.index, group, scenario, of_iteration, 1
        ).reshape(shape)
        return [
            basis.uncertainty.tree.openings_at(t, rows)
            for t, rows in zip(stage_indices, words, strict=True)
        ]

    def regime_levels(self, n_visits: int, iteration: int, scenarios: Indices) -> Array:
        """Numbers of the unit interval that select the regimes of some scenarios.

        Args:
            n_visits: visits of stages.
            iteration: absolute, from 1; ignored in simulation.
            scenarios: ``[scenario]``, global numbers from 0.

        Returns:
            ``[visit, scenario]``.
        """
        basis = self.basis
        c = basis.counter(iteration)
        words = rng.raw_words(
            basis.index_seed, basis.streams.regime, 0, scenarios, c, max(n_visits, 1)
        )
        return np.ascontiguousarray(rng.uniforms(words).T)

    def _groups_of(self, stage_indices: Sequence[int], turns: Sequence[int]) -> Indices:
        return groups_of_visits(self.uncertainty.noise_groups, stage_indices, turns)

    def load_mw(
        self, stage_index: int, iteration: int, scenarios: Indices, noise: Array, turn: int = 0
    ) -> Array:
        """Load of some scenarios, ``[scenario, bus, block]`` in MW.

        It follows from their noise, or comes from external scenarios.
        """
        eta = noise[:, self.uncertainty.layout.load]
        given = self.draws[NoiseClass.LOAD].values(
            StageVisit(self.basis, stage_index, iteration, scenarios, turn)
        )
        return self.uncertainty.load.load_mw(stage_index, eta, given)

    def available_mw(
        self, stage_index: int, iteration: int, scenarios: Indices, noise: Array, turn: int = 0
    ) -> Array:
        """Availability of some scenarios, ``[scenario, source, block]`` in MW, as `load_mw`."""
        eta = noise[:, self.uncertainty.layout.ncs]
        given = self.draws[NoiseClass.NCS].values(
            StageVisit(self.basis, stage_index, iteration, scenarios, turn)
        )
        return self.uncertainty.availability.available_mw(stage_index, eta, given)

    def initial_memory_m3s(self, iteration: int, scenarios: Indices) -> Array | None:
        """Past inflows that some scenarios start from, ``[scenario, lag, hydro]``.

        It is ``None`` where they start from those of the study.
        """
        return self.draws[NoiseClass.INFLOW].memory_m3s(iteration, scenarios)

    def sampled_years(self, iteration: int, scenarios: Indices) -> Indices | None:
        """Year of history that each scenario replays from; ``None`` when none does."""
        return self.draws[NoiseClass.INFLOW].years(iteration, scenarios)

    def report(self) -> dict[str, object]:
        """Schemes, and how the libraries look."""
        classes: dict[str, object] = {}
        for noise_class in NoiseClass:
            entry: dict[str, object] = {"scheme": self.basis.source.scheme(noise_class).type}
            if noise_class in self.uncertainty.given:
                entry["openings"] = OpeningSource.SCENARIOS.value
            classes[noise_class.value] = entry | self.draws[noise_class].report()
        return classes
