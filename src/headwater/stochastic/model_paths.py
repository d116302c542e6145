"""Inflows of the statistical model along trajectories.

For stage problems that take inflows as they are given.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.stochastic.inflow_model import InflowModel


class ModelPaths:
    """Follows the statistical inflow model from visit to visit.

    Inflows do not depend on decisions, so they can be had before any stage is solved. Where the
    problem of a stage has no lags because inflows are given to it, the model's inflow stands in for
    noise.

    Args:
        model: the statistical model.
        position: visit -> stage position.
        noise: visit, iteration, scenarios -> standardised noise ``[scenario, hydro]``.
        truncates: whether negative inflows are raised to zero, and so remembered.
    """

    def __init__(
        self,
        model: InflowModel,
        position: Callable[[int], int],
        noise: Callable[[int, int, NDArray[np.int64]], Array],
        *,
        truncates: bool,
    ) -> None:
        self._model, self._position, self._noise, self._truncates = (
            model,
            position,
            noise,
            truncates,
        )
        self._latest: tuple[tuple[int, bytes], int, Array] | None = None

    def inflow_m3s(self, visit: int, iteration: int, scenarios: NDArray[np.int64]) -> Array:
        """Inflow at a visit, ``[scenario, hydro]``.

        Asking visit by visit saves going through those before.
        """
        key = iteration, scenarios.tobytes()
        latest = (
            self._latest
        )  # one value, read and replaced as a whole: threads at worst repeat work
        if latest is not None and latest[0] == key and latest[1] <= visit:
            first, memory = latest[1], latest[2]
        else:
            first, memory = 0, np.repeat(self._model.initial_lags_m3s[None], len(scenarios), axis=0)
        for v in range(first, visit):
            memory = self._model.next_memory_m3s(
                self._position(v), memory, self._at(v, iteration, scenarios, memory)
            )
        self._latest = key, visit, memory
        return self._at(visit, iteration, scenarios, memory)

    def _at(self, visit: int, iteration: int, scenarios: NDArray[np.int64], memory: Array) -> Array:
        t = self._position(visit)
        inflow = self._model.inflow_m3s(t, self._noise(visit, iteration, scenarios), memory)
        return np.maximum(inflow, 0.0) if self._truncates else inflow
