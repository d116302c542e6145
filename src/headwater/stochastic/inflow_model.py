"""Inflows of all hydros, ready for the stage problems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.stochastic.lagstate import shift_lags
from headwater.stochastic.lognormal import LognormalNoise
from headwater.stochastic.memory import (
    Memory,
    MemoryTransition,
)


@dataclass(frozen=True, eq=False)
class InflowModel:
    """Inflows of all hydros, ready for the stage problems.

    All arrays are read-only and C-contiguous.

    Attributes:
        psi: ``[stage, hydro, lag]``, weight of the inflow ``lag + 1`` periods before; zero beyond
            the order.
        base: ``[stage, hydro]``, deterministic part in m3/s.
        sigma: ``[stage, hydro]``, deviation of the noise in m3/s.
        order: ``[stage, hydro]``, without the annual component.
        initial_lags_m3s: ``[lag, hydro]``, inflows before the first stage, row 0 the most recent.
        warnings: what was assumed or is unusual, in words.
        memory: how past inflows move on where stages are not one season period each; its components
            beyond the lags have zero weights in ``psi`` and their initial values at the end of
            ``initial_lags_m3s``.
        given: ``[stage]`` where the noise is the inflow itself, in m3/s, see `given.py`; ``None``
            for nowhere.
        lognormal: where noise is lognormal, see `headwater.stochastic.lognormal`; ``None`` where it
            is normal and added everywhere.
    """

    psi: Array
    base: Array
    sigma: Array
    order: NDArray[np.int64]
    initial_lags_m3s: Array
    warnings: tuple[str, ...] = ()
    memory: Memory | None = None
    given: NDArray[np.bool_] | None = None
    lognormal: LognormalNoise | None = None

    @property
    def passes(self) -> NDArray[np.bool_]:
        """``[stage]`` whether the noise is the inflow itself."""
        return np.zeros(len(self.base), np.bool_) if self.given is None else self.given

    @property
    def n_lags(self) -> int:
        """Components of the state per hydro.

        The most lags that any model looks back, and accumulators where there are some.
        """
        return int(self.psi.shape[2])

    @property
    def n_own_lags(self) -> int:
        """Leading lags that are plain past inflows."""
        return self.n_lags if self.memory is None else self.memory.n_lags

    def transition(self, stage_index: int) -> MemoryTransition | None:
        """How the past inflows move on at a stage.

        ``None`` where all grow older by one and the inflow becomes the first.
        """
        return None if self.memory is None else self.memory.transitions[stage_index]

    def next_memory_m3s(self, stage_index: int, memory_m3s: Array, inflow_m3s: Array) -> Array:
        """Past inflows of the next stage, ``[scenario, lag, hydro]``.

        They are made of those of this stage and its inflow.
        """
        transition = self.transition(stage_index)
        return (
            shift_lags(memory_m3s, inflow_m3s)
            if transition is None
            else transition.apply(memory_m3s, inflow_m3s)
        )

    def innovation_m3s(self, stage_index: int, eta_inflow: Array) -> Array:
        """Inflow for lags of zero, ``[scenario, hydro]`` in m3/s, for noise ``[scenario, hydro]``.

        ``base + sigma * eta``, or ``base * factor`` where the noise is lognormal.
        """
        innovation: Array = self.base[stage_index] + self.sigma[stage_index] * eta_inflow
        if self.lognormal is None:
            return innovation
        return self.lognormal.innovation_m3s(
            stage_index, eta_inflow, self.base[stage_index], innovation
        )

    def lag_factor(self, stage_index: int, eta_inflow: Array) -> Array:
        """What the lag term is multiplied by, ``[scenario, hydro]``.

        ``[scenario, 0]`` where no noise of the stage multiplies it.
        """
        if self.lognormal is None:
            return np.empty((len(eta_inflow), 0))
        return self.lognormal.lag_factor(stage_index, eta_inflow)

    def inflow_m3s(self, stage_index: int, eta_inflow: Array, lags_m3s: Array) -> Array:
        """Inflow ``[scenario, hydro]`` in m3/s for noise ``[scenario, hydro]``.

        After lags ``[scenario, lag, hydro]``.
        """
        past = self.lag_term_m3s(stage_index, lags_m3s)
        factor = self.lag_factor(stage_index, eta_inflow)
        inflow: Array = self.innovation_m3s(stage_index, eta_inflow)
        return inflow + (past * factor if factor.shape[1] else past)

    def noise_of(self, stage_index: int, inflow_m3s: Array, lags_m3s: Array) -> Array:
        """Noise ``[scenario, hydro]`` under which the inflow is what it is, where there is noise.

        ``nan`` where no noise gives the inflow.

        Args:
            stage_index: position of the stage.
            inflow_m3s: ``[scenario, hydro]``.
            lags_m3s: ``[scenario, lag, hydro]``.
        """
        past = self.lag_term_m3s(stage_index, lags_m3s)
        sigma = self.sigma[stage_index]
        noisy = sigma > 0.0
        surplus = inflow_m3s - self.base[stage_index] - past
        eta: Array = np.where(noisy, surplus / np.where(noisy, sigma, 1.0), 0.0)
        if self.lognormal is None:
            return eta
        return self.lognormal.noise_of(stage_index, inflow_m3s, past, self.base[stage_index], eta)

    def lag_term_m3s(self, stage_index: int, lags_m3s: Array) -> Array:
        """``sum_l psi * lag`` for lags ``[scenario, lag, hydro]``.

        The inflows are ``[scenario, hydro]`` in m3/s.
        """
        term = np.zeros((len(lags_m3s), self.psi.shape[1]))
        for lag in range(self.n_lags):
            term += self.psi[stage_index, :, lag] * lags_m3s[:, lag]
        return term


def truncate(innovation_m3s: Array, lag_term_m3s: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Raise the innovation of inflows that would be negative until they are zero.

    Args:
        innovation_m3s: ``base + sigma * eta``, ``[scenario, hydro]``.
        lag_term_m3s: ``sum_l psi * lag``, ``[scenario, hydro]``.

    Returns:
        The innovation with ``innovation + lag_term >= 0``, and where it was raised. A raised inflow
        no longer depends on the lags, so it contributes nothing to their slopes in a cut.
    """
    truncated = innovation_m3s + lag_term_m3s < 0.0
    return np.where(truncated, -lag_term_m3s, innovation_m3s), truncated
