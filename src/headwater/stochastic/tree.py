"""The opening tree.

The outcomes of every stage that the backward pass visits, fixed before training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array, FrozenDict, frozen
from headwater.errors import ModelError
from headwater.model import NoiseClass, SamplingMethod, System
from headwater.stochastic import rng
from headwater.stochastic.calendar import build_timeline
from headwater.stochastic.correlation import Correlator, build_correlator
from headwater.stochastic.designs import DESIGNED, check_design, design_normals, design_warning
from headwater.stochastic.given import Given, entries
from headwater.stochastic.joining import joined_scenarios
from headwater.stochastic.layout import NoiseLayout, noise_layout
from headwater.stochastic.opening_tree import Draw, OpeningTree, given_tree
from headwater.stochastic.selective import pool_size, representative_openings

NO_CLASS: Mapping[NoiseClass, Any] = FrozenDict()


def build_opening_tree(
    system: System, tree_seed: int, *, experimental: bool = False
) -> OpeningTree:
    """The openings given by the user, or else drawn with ``tree_seed``.

    Nothing else has an influence.

    Raises:
        ModelError: as `make_tree`.
    """
    layout = noise_layout(system)
    groups = build_timeline(system).noise_groups()
    return make_tree(
        system,
        layout,
        build_correlator(system, layout),
        groups,
        tree_seed,
        experimental=experimental,
    )


def make_tree(
    system: System,
    layout: NoiseLayout,
    correlator: Correlator,
    groups: Sequence[int],
    tree_seed: int,
    historical: Callable[[], Array] | None = None,
    *,
    experimental: bool = False,
    given: Given = NO_CLASS,
    couple: bool | None = None,
    varies: Mapping[NoiseClass, NDArray[np.bool_]] = NO_CLASS,
) -> OpeningTree:
    """As `build_opening_tree`, from its parts.

    Args:
        system: the power system.
        layout: entries of a noise vector.
        correlator: of the entries.
        groups: noise group of each stage.
        tree_seed: seed.
        historical: gives the noise of the years of history ``[year, stage, hydro]`` for the method
            ``historical_residuals``.
        experimental: allow the method ``selective``.
        given: classes whose scenarios are the openings, where they have some; the others are drawn.
        couple: whether scenarios of several classes are joined by number, see `are_joined`.
        varies: ``[stage]`` whether a class is random by its statistics, so that several draws of it
            are of use.

    Raises:
        ModelError: the given openings do not fit the system, a stage asks for what its sampling
            method cannot give, or given scenarios cannot be joined.
    """
    if system.given_openings is not None:
        return given_tree(system, layout, system.given_openings)
    generator = _Generator(system, layout, correlator, groups, tree_seed, historical, experimental)
    return generator.run(_Scenarios(given, couple, varies))


@dataclass(frozen=True)
class _Scenarios:
    """Given scenarios and how they become openings, see `make_tree`."""

    given: Given
    couple: bool | None
    varies: Mapping[NoiseClass, NDArray[np.bool_]]

    def at(self, t: int) -> list[NoiseClass]:
        """Classes that are given at a stage."""
        return [kind for kind, values in self.given.items() if values.n_at(t)]

    def others_vary(self, t: int) -> bool:
        """Whether a class that is not given at a stage is random there."""
        known = self.at(t)
        return any(bool(flags[t]) for kind, flags in self.varies.items() if kind not in known)


class _Generator:
    """Draws the openings of all stages.

    The stages of a noise group take the first rows of the same draw.
    """

    def __init__(
        self,
        system: System,
        layout: NoiseLayout,
        correlator: Correlator,
        groups: Sequence[int],
        tree_seed: int,
        historical: Callable[[], Array] | None,
        experimental: bool,
    ) -> None:
        self.system, self.layout, self.correlator = system, layout, correlator
        self.groups, self.seed, self.experimental = groups, tree_seed, experimental
        self._historical = historical
        self.warnings: list[str] = []
        self.largest: dict[int, int] = {}
        for stage, group in zip(system.stages, groups, strict=True):
            if stage.n_openings < 1:
                raise ModelError(
                    f"stage {stage.id} needs at least 1 opening, got {stage.n_openings}"
                )
            self.largest[group] = max(self.largest.get(group, 0), stage.n_openings)

    def run(self, scenarios: _Scenarios) -> OpeningTree:
        draws, probability = [], []
        for t in range(len(self.system.stages)):
            draw, chance = self._with_scenarios(t, scenarios) if scenarios.at(t) else self._stage(t)
            draws.append(draw)
            probability.append(frozen(chance))
        return OpeningTree(tuple(draws), tuple(probability), tuple(dict.fromkeys(self.warnings)))

    def _stage(self, t: int) -> tuple[Draw, Array]:
        stage, group = self.system.stages[t], self.groups[t]
        n, method = stage.n_openings, stage.sampling_method
        if method is SamplingMethod.SELECTIVE:
            values, chance = self._selective(t)
            return partial(np.copy, values), chance
        draw: Draw
        if method is SamplingMethod.HISTORICAL_RESIDUALS:
            years = self._years(t)
            n = min(n, len(years))
            draw = partial(self._residuals, t, n, years)
        elif method in DESIGNED:
            draw = self._designed(t, self.largest[group], n)
            if warning := design_warning(method, self.largest[group]):
                self.warnings.append(f"stage {stage.id}: {warning}")
        else:
            draw = partial(self._independent, t, n)
        return draw, np.full(n, 1.0 / n)

    def _with_scenarios(self, t: int, scenarios: _Scenarios) -> tuple[Draw, Array]:
        """Scenarios of the classes that are given.

        Each is repeated with draws of the others, where these are random.
        """
        stage, kinds = self.system.stages[t], scenarios.at(t)
        numbers, chance = joined_scenarios(
            {kind: scenarios.given[kind].n_at(t) for kind in kinds},
            {kind: scenarios.given[kind].weights[t] for kind in kinds},
            scenarios.couple,
            stage.n_openings,
            self.seed,
            self.groups[t],
            f"stage {stage.id}",
        )
        n_copies = -(-stage.n_openings // len(numbers)) if scenarios.others_vary(t) else 1
        n = n_copies * len(numbers)
        beside = (
            self._beside_scenarios(t, n)
            if scenarios.others_vary(t)
            else partial(np.zeros, (n, self.layout.dim))
        )
        return partial(self._joined, t, scenarios, numbers, n_copies, beside), np.tile(
            chance / n_copies, n_copies
        )

    def _joined(
        self, t: int, scenarios: _Scenarios, numbers: NDArray[np.int64], n_copies: int, beside: Draw
    ) -> Array:
        """Values of given classes by the numbers ``[opening, class]`` of their scenarios.

        In draws of the others.
        """
        values = beside()
        for column, kind in enumerate(scenarios.at(t)):
            known = scenarios.given[kind]
            stage_values = known.values[t]
            assert stage_values is not None
            values[:, self.layout.segment(kind)] = 0.0
            values[:, entries(self.layout, kind, known)] = np.tile(
                stage_values[numbers[:, column]], (n_copies, 1)
            )
        return values

    def _beside_scenarios(self, t: int, n: int) -> Draw:
        """Noise of the classes that are not given.

        Methods whose openings are not equally likely draw independently.
        """
        stage, method = self.system.stages[t], self.system.stages[t].sampling_method
        if method in DESIGNED:
            return self._designed(t, n, n)
        if method in (SamplingMethod.SELECTIVE, SamplingMethod.HISTORICAL_RESIDUALS):
            self.warnings.append(
                f"stage {stage.id}: scenarios are openings there, so what is random besides is "
                f"drawn by plain sampling instead of '{method.value}'"
            )
        return partial(self._independent, t, n)

    def _designed(self, t: int, n_points: int, n: int) -> Draw:
        """What draws the first ``n`` points of the design of the stage's group."""
        method = self.system.stages[t].sampling_method
        check_design(method, self.layout.dim)

        def draw() -> Array:
            shape = (n_points, self.layout.dim)
            normals = design_normals(
                method, self.seed, rng.Purpose.BATCH_DESIGN, self.groups[t], 0, shape
            )
            return self.correlator.apply(t, normals)[:n]

        return draw

    def _independent(self, t: int, n: int) -> Array:
        # Stages of one group get the same numbers because the coordinates name the group and not
        # the stage.
        words = rng.raw_words(
            self.seed, rng.Purpose.OPENINGS, self.groups[t], np.arange(n), 0, self.layout.dim
        )
        return self.correlator.apply(t, rng.normals(words))

    def _years(self, t: int) -> Array:
        """Noise of the years of history ``[year, stage, hydro]``.

        A stage takes as many of them as it has openings.
        """
        stage = self.system.stages[t]
        if self._historical is None:
            raise ModelError(
                f"stage {stage.id}: sampling method 'historical_residuals' needs "
                "an inflow model and a history"
            )
        years = self._historical()
        n = min(stage.n_openings, len(years))
        if n < stage.n_openings:
            self.warnings.append(
                f"stage {stage.id}: sampling method 'historical_residuals' has {n} historical "
                f"years; {n} openings are used instead of {stage.n_openings}"
            )
        return years

    def _residuals(self, t: int, n: int, years: Array) -> Array:
        """Noise of historical years without repetition.

        The classes without history are drawn independently.
        """
        words = rng.raw_words(
            self.seed,
            rng.Purpose.BATCH_DESIGN,
            self.groups[t],
            np.zeros(1, np.int64),
            0,
            len(years),
        )[0]
        values = self._independent(t, n)
        values[:, self.layout.inflow] = years[rng.permutation(words)[:n], t]
        return values

    def _selective(self, t: int) -> tuple[Array, Array]:
        stage, group = self.system.stages[t], self.groups[t]
        if not self.experimental:
            raise ModelError(
                f"stage {stage.id}: the sampling method 'selective' is experimental; "
                "stochastic.experimental allows it"
            )
        if self.largest[group] != stage.n_openings:
            raise ModelError(
                f"stage {stage.id} shares its noise with stages of another number of openings, "
                "which the sampling method 'selective' cannot do: its openings have weights; give "
                "them the same number"
            )
        members = np.arange(pool_size(stage.n_openings))
        words = rng.raw_words(
            self.seed, rng.Purpose.BATCH_DESIGN, group, members, 0, self.layout.dim
        )
        pool = self.correlator.apply(t, rng.normals(words))
        return representative_openings(pool, stage.n_openings, self.seed, group)
