"""What is given to a stage and what comes back: openings, solutions, new cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.sddp.kernels import trial_kernel as kernel
from headwater.solver import OpeningResults, TrialResults


@dataclass(frozen=True)
class NoiseBatch:
    """The parts of the right-hand sides that come from noise, for several openings.

    Attributes:
        innovation: ``[opening, hydro]`` in m3/s for lags of zero, before any truncation.
        factor: ``[opening, hydro]`` that the lag term is multiplied by; ``[opening, 0]`` where the
            noise multiplies nothing.
        demand_shift: ``[opening, row]`` load and availability part of the row bounds.
        row_shift: ``[opening, row]`` all of it, with the innovation part.
        exogenous: ``[opening, exogenous]`` innovation part of the exogenous outgoing state.
    """

    innovation: Array
    factor: Array
    demand_shift: Array
    row_shift: Array
    exogenous: Array

    def __len__(self) -> int:
        return len(self.innovation)

    def arrays(self) -> kernel.NoiseArrays:
        """The same as compiled functions see it."""
        return kernel.NoiseArrays(
            self.innovation, self.factor, self.demand_shift, self.row_shift, self.exogenous
        )

    def alone(self, opening: int) -> NoiseBatch:
        """One of the openings."""
        one = slice(opening, opening + 1)
        return NoiseBatch(
            self.innovation[one],
            self.factor[one],
            self.demand_shift[one],
            self.row_shift[one],
            self.exogenous[one],
        )


@dataclass(frozen=True)
class Solved:
    """Solutions of a stage at one state.

    Attributes:
        state: incoming state.
        noise: the openings.
        results: what the solver said, in scaled money.
    """

    state: Array
    noise: NoiseBatch
    results: OpeningResults


@dataclass(frozen=True)
class SolvedTrials:
    """Solutions of a stage at several states.

    Attributes:
        states: ``[trial, n_state]`` incoming states.
        innovation: ``[trial, hydro]`` in m3/s after truncation, where every trial has one opening
            of its own; else the openings of the tree ``[opening, hydro]`` before any truncation.
        truncated: ``[trial, hydro]`` for trials with openings of their own; ``None`` where the
            method never truncates.
        results: what the solver said, in scaled money.
        productivity: ``[trial, hydro]`` where it followed storage, NaN elsewhere; ``None`` where it
            was constant.
    """

    states: Array
    innovation: Array
    truncated: NDArray[np.bool_] | None
    results: TrialResults
    productivity: Array | None = None


@dataclass(frozen=True)
class NewCuts:
    """Where the cuts of some trials go.

    Attributes:
        intercepts: ``[trial, cut]`` in $.
        slopes: ``[trial, cut, n_state]``; one cut a trial, or one for every opening.
        quality: ``[trial, cut]`` see `headwater.sddp.kernels.cut_kernel.SOUND` and the others.
        leaning: ``[trial]`` whether its cuts rest on cuts that may be wrong.
    """

    intercepts: Array
    slopes: Array
    quality: NDArray[np.int8]
    leaning: NDArray[np.bool_]

    @classmethod
    def empty(cls, n_trials: int, n_cuts: int, n_state: int) -> NewCuts:
        """Room for cuts."""
        return cls.at(np.empty(n_trials * n_cuts), np.empty((n_trials * n_cuts, n_state)), n_trials)

    @classmethod
    def at(cls, intercepts: Array, slopes: Array, n_trials: int) -> NewCuts:
        """Where cuts are written: ``intercepts[cut]`` and ``slopes[cut, n_state]``.

        Those of a trial stand together.
        """
        shape = n_trials, len(intercepts) // n_trials
        return cls(
            intercepts.reshape(shape),
            slopes.reshape(*shape, -1),
            np.zeros(shape, np.int8),
            np.zeros(n_trials, np.bool_),
        )

    def of(self, part: slice) -> NewCuts:
        """Those of some trials."""
        return NewCuts(
            self.intercepts[part], self.slopes[part], self.quality[part], self.leaning[part]
        )
