"""The states that forward passes visited, kept for what is judged by them.

Dominated cuts, the upper bound, diagnostics.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FIRST_ROWS = 64


@dataclass
class StageStates:
    """The states that left one stage, in the order of iteration and trajectory.

    Attributes:
        states: ``[visit, n_state]`` in hm3, m3/s and MW; room for more follows the first
            ``n_visits``.
        iteration: ``[visit]`` iteration (1-based).
        trajectory: ``[visit]`` trajectory (0-based).
        n_visits: visits so far.
    """

    states: NDArray[np.float64]
    iteration: NDArray[np.int32]
    trajectory: NDArray[np.int32]
    n_visits: int = 0

    @property
    def visited(self) -> NDArray[np.float64]:
        """The states alone, ``[visit, n_state]``, a view."""
        return self.states[: self.n_visits]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The visits as named arrays to be stored: views."""
        used = slice(0, self.n_visits)
        return {
            "states": self.states[used],
            "iteration": self.iteration[used],
            "trajectory": self.trajectory[used],
        }


@dataclass
class VisitedStates:
    """The archive of all stages: grows by every iteration, forgets nothing.

    Attributes:
        n_state: length of a state.
        memory_limit_bytes: beyond this, room for more states is a temporary file mapped into
            memory.
        stages: one record per stage.
    """

    n_state: int
    memory_limit_bytes: int
    stages: list[StageStates] = field(default_factory=list)
    _in_memory: int = 0

    @classmethod
    def empty(cls, n_stages: int, n_state: int, memory_limit_mb: float = 2048.0) -> VisitedStates:
        """An archive without visits."""
        archive = cls(n_state, int(memory_limit_mb * 2**20))
        archive.stages = [
            StageStates(np.empty((0, n_state)), np.empty(0, np.int32), np.empty(0, np.int32))
            for _ in range(n_stages)
        ]
        return archive

    def add(self, t: int, iteration: int, states: NDArray[np.float64]) -> None:
        """Add the states ``[trajectory, n_state]`` that left stage position ``t``.

        The trajectories are those of an iteration.
        """
        self.extend(
            t,
            np.full(len(states), iteration, np.int32),
            np.arange(len(states), dtype=np.int32),
            states,
        )

    def extend(
        self,
        t: int,
        iteration: NDArray[np.int32],
        trajectory: NDArray[np.int32],
        states: NDArray[np.float64],
    ) -> None:
        """Add states with the iteration and trajectory of each."""
        stage = self.stages[t]
        start, stop = stage.n_visits, stage.n_visits + len(states)
        if stop > len(stage.states):
            self._grow(stage, max(stop, 2 * len(stage.states), _FIRST_ROWS))
        stage.states[start:stop] = states
        stage.iteration[start:stop] = iteration
        stage.trajectory[start:stop] = trajectory
        stage.n_visits = stop

    def forget_after(self, iteration: int) -> None:
        """Drop the visits of later iterations, for an iteration that was not finished."""
        for stage in self.stages:
            stage.n_visits = int(
                np.searchsorted(stage.iteration[: stage.n_visits], iteration, side="right")
            )

    def _grow(self, stage: StageStates, rows: int) -> None:
        n_bytes = rows * self.n_state * 8
        held = 0 if isinstance(stage.states, np.memmap) else stage.states.nbytes
        wider: NDArray[np.float64]
        if n_bytes and self._in_memory - held + n_bytes > self.memory_limit_bytes:
            with tempfile.TemporaryFile(prefix="headwater-states-") as file:
                # the mapping keeps the nameless file alive; it vanishes with the process
                wider = np.memmap(file, np.float64, "w+", shape=(rows, self.n_state))
            self._in_memory -= held
        else:
            wider = np.empty((rows, self.n_state))
            self._in_memory += n_bytes - held
        wider[: stage.n_visits] = stage.visited
        stage.states = wider
        for name in ("iteration", "trajectory"):
            longer = np.zeros(rows, np.int32)
            longer[: stage.n_visits] = getattr(stage, name)[: stage.n_visits]
            setattr(stage, name, longer)

    def __repr__(self) -> str:
        visits = sum(stage.n_visits for stage in self.stages)
        return (
            f"<VisitedStates: {visits} states of {len(self.stages)} "
            f"stages, {self.n_state} components>"
        )
