"""Which stages a trajectory visits, in what order, and at which visits cuts are made.

On a horizon that ends a trajectory visits every stage once. On one that repeats it goes round the
cycle until money of that time hardly counts. Cuts of a stage in the cycle hold at all its visits;
they are made at the states of one turn per trajectory: the first, in which the initial state is
felt, alternating with one drawn from the later ones, where the system has settled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError
from headwater.model import CycleConfig, Horizon, Stage, System
from headwater.model.horizon import cumulative_discount, visited_stages
from headwater.stochastic import rng


@dataclass(frozen=True)
class Walk:
    """The visits of every trajectory.

    Attributes:
        horizon: order of the stages.
        positions: ``[visit]`` stage position.
        stages: ``[visit]`` the visit as a stage of its own: beyond the study's stages with another
            id and later dates.
        cumulative_discount: ``[visit]`` present value of one unit at the start of the visit.
        final_discount: present value of one unit after the last visit.
    """

    horizon: Horizon
    positions: tuple[int, ...]
    stages: tuple[Stage, ...]
    cumulative_discount: NDArray[np.float64]
    final_discount: float

    @classmethod
    def of_length(cls, system: System, n_visits: int) -> Walk:
        """The first ``n_visits`` visits."""
        positions = system.horizon.walk(n_visits)
        discount = cumulative_discount(system.horizon, system.discount_factors, n_visits)
        stages = visited_stages(system.horizon, system.stages, n_visits)
        return cls(
            system.horizon,
            positions,
            stages,
            discount,
            float(discount[-1] * system.discount_factors[positions[-1]]),
        )

    @classmethod
    def of_training(cls, system: System, config: CycleConfig) -> Walk:
        """The visits of training: every stage of a horizon that ends.

        Else on until money is worth less than the tolerance.
        """
        horizon = system.horizon
        if not horizon.is_cyclic:
            return cls.of_length(system, horizon.n_stages)
        longest = max(config.max_length, horizon.n_stages + 1)
        discount = cumulative_discount(horizon, system.discount_factors, longest + 1)
        worthless = np.flatnonzero(discount < config.tolerance)
        n_visits = int(worthless[0]) if len(worthless) else longest
        return cls.of_length(system, min(max(n_visits, horizon.n_stages + 1), longest))

    @classmethod
    def of_simulation(cls, system: System, n_stages: int | None, config: CycleConfig) -> Walk:
        """The visits of a simulation: every stage of a horizon that ends.

        On a horizon that repeats they are ``n_stages``, or as many as in training.

        Raises:
            ModelError: a number of stages is asked for, and the horizon ends.
        """
        if n_stages is None:
            return cls.of_training(system, config)
        if not system.horizon.is_cyclic:
            raise ModelError(
                f"simulation.num_stages is {n_stages}, but the horizon ends: all its "
                f"{system.horizon.n_stages} stages are simulated; remove the setting"
            )
        return cls.of_length(system, n_stages)

    @property
    def n_visits(self) -> int:
        """Number of visits."""
        return len(self.positions)

    @property
    def turns(self) -> list[int]:
        """How often the cycle has been completed before each visit, ``[visit]``."""
        return [self.horizon.turn(visit) for visit in range(self.n_visits)]

    @property
    def n_trial_turns(self) -> int:
        """Turns of the cycle in which the visit after its last stage is still made."""
        if not self.horizon.is_cyclic:
            return 1
        return (self.n_visits - 1 - self.horizon.n_stages) // len(self.horizon.cycle) + 1

    def trial_turns(
        self, seed: int, iteration: int, trajectories: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The turn at whose states each trajectory makes its cuts, ``[trajectory]``.

        0 on a horizon that ends.
        """
        later = self.n_trial_turns - 1
        if later == 0:
            return np.zeros(len(trajectories), np.int64)
        words = rng.raw_words(seed, rng.Purpose.CYCLE_TURN, iteration, trajectories, 0, 1)[:, 0]
        drawn = 1 + rng.indices(words, later)
        return np.where((iteration + trajectories) % 2 == 1, 0, drawn)

    def makes_cut(self, visit: int, trial_turns: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which trajectories make a cut at the state that leaves this visit, ``[trajectory]``.

        ``None`` where all do.
        """
        if self.positions[visit] not in self.horizon.cycle:
            return None
        made: NDArray[np.bool_] = trial_turns == self.horizon.turn(visit)
        return made

    def keeps_basis(self, visit: int, trial_turns: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which trajectories make a cut with the basis of this visit, that of the visit before it.

        ``None`` where all do.
        """
        position = self.positions[visit]
        if position not in self.horizon.cycle:
            return None
        kept: NDArray[np.bool_] = trial_turns + (
            position == self.horizon.cycle_start
        ) == self.horizon.turn(visit)
        return kept
