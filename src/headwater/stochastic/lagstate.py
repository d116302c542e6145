"""How past inflows move on when a stage has passed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def shift_lags(
    lags_m3s: NDArray[np.float64], inflow_m3s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Lags of the next stage.

    The new inflow becomes lag 1, every other lag grows older by one, the oldest is forgotten.

    Args:
        lags_m3s: ``[scenario, lag, hydro]``, row 0 the most recent.
        inflow_m3s: ``[scenario, hydro]``, inflow realised at the stage.

    Returns:
        A new array ``[scenario, lag, hydro]``.
    """
    n_lags = lags_m3s.shape[1]
    return np.concatenate([inflow_m3s[:, None], lags_m3s], axis=1)[:, :n_lags].copy()
