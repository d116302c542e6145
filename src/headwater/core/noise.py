"""What sampling schemes are given, and what they make: noise of one class for any scenarios."""

from __future__ import annotations

from typing import Protocol

from headwater.arrays import Array, Indices


class Visit(Protocol):
    """Some scenarios at a visit of a stage, for which noise is asked.

    Attributes:
        stage_index: position of the stage.
        iteration: of training, from 1; without meaning in simulation.
        scenarios: ``[scenario]`` global numbers from 0.
        turn: how often a horizon that repeats has been completed before.
    """

    @property
    def stage_index(self) -> int: ...  # noqa: D102

    @property
    def iteration(self) -> int: ...  # noqa: D102

    @property
    def scenarios(self) -> Indices: ...  # noqa: D102

    @property
    def turn(self) -> int: ...  # noqa: D102

    def of(self, scenarios: Indices) -> Visit:
        """The same visit of other scenarios."""
        ...


class Draws:
    """Noise of one class as a pure function of the visit: any scenarios, in any order.

    Libraries of noise are derived from it.

    Attributes:
        takes_openings: whether all of it is that of the openings of the tree, so that passes may
            draw openings in place of it.
        warnings: in words.
    """

    takes_openings: bool = False
    warnings: tuple[str, ...] = ()

    def noise(self, visit: Visit) -> Array | None:  # noqa: ARG002
        """Noise ``[scenario, entry of the class]``, standardised and correlated.

        A row must be the same in whatever batch its scenario is asked for. ``None`` takes the noise
        of the opening of the tree that the scenario draws.
        """
        return None

    def values(self, visit: Visit) -> tuple[Indices, Array] | None:  # noqa: ARG002
        """Realised loads or availabilities.

        They come as positions of the entities and values ``[scenario, entity]``.
        """
        return None

    def memory_m3s(self, iteration: int, scenarios: Indices) -> Array | None:  # noqa: ARG002
        """Past inflows to start from, ``[scenario, lag, hydro]``.

        It is ``None`` where scenarios start from those of the study.
        """
        return None

    def years(self, iteration: int, scenarios: Indices) -> Indices | None:  # noqa: ARG002
        """Year of history that each scenario replays; ``None`` when none does."""
        return None

    def report(self) -> dict[str, object]:
        """What is worth telling of it besides the name of the scheme."""
        return {}


class NoiseView(Protocol):
    """What a sampling scheme makes its draws of, for one class of noise.

    Attributes:
        noise_class: ``inflow``, ``load`` or ``ncs``.
        seed: of fresh draws.
        is_training: whether it is for training, and not for simulation.
        n_trajectories: of one iteration, or simulated scenarios.
    """

    @property
    def noise_class(self) -> str: ...  # noqa: D102

    @property
    def seed(self) -> int: ...  # noqa: D102

    @property
    def is_training(self) -> bool: ...  # noqa: D102

    @property
    def n_trajectories(self) -> int: ...  # noqa: D102

    def openings(self) -> Draws:
        """Noise of the openings of the tree."""
        ...

    def fresh(self) -> Draws:
        """Noise drawn afresh from the statistical models, by the sampling method of each stage."""
        ...

    def external(self) -> Draws:
        """Whole scenarios that are given."""
        ...

    def historical(self) -> Draws:
        """Whole years of history."""
        ...
