"""Inflows of the periods before the study: given, observed, or assumed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError
from headwater.model import Hydro, System
from headwater.stochastic.calendar import Timeline

SeasonalMean = Callable[[int, int], float | None]


def initial_lags(
    system: System,
    timeline: Timeline,
    order: NDArray[np.int64],
    seasonal_mean_m3s: SeasonalMean,
    warnings: list[str],
) -> NDArray[np.float64]:
    """Lags before the first stage.

    A lag is the past inflow that is given; else the mean of the observations when they cover its whole period; else the
    seasonal mean of the period, with a warning, if some model looks that far back. A lag that nobody gives and no model looks
    at is 0.

    Args:
        system: for its initial conditions.
        timeline: to find the periods.
        order: ``[stage, hydro]``.
        seasonal_mean_m3s: (hydro, lag) -> mean of the lag's period, ``None`` if there are no statistics for it.
        warnings: receives what was assumed.

    Returns:
        ``[lag, hydro]`` in m3/s, row 0 the most recent.

    Raises:
        ModelError: a past inflow is not finite or of an unknown hydro, or a needed lag has no value and no seasonal mean.
    """
    n_lags = int(order.max(initial=0))
    lags = np.zeros((n_lags, len(system.hydros)))
    for hydro_id, values in system.initial.past_inflows_m3s.items():
        if hydro_id not in system.hydro_index:
            raise ModelError(f"past inflows name hydro {hydro_id}, which does not exist")
        if not np.isfinite(values).all():
            raise ModelError(f"the past inflows {tuple(values)} of hydro {hydro_id} are not all finite")
    for h, hydro in enumerate(system.hydros):
        given = system.initial.past_inflows_m3s.get(hydro.id, ())
        needed = max((int(p) - t for t, p in enumerate(order[:, h])), default=0)
        assumed = []
        for lag in range(1, n_lags + 1):
            value = given[lag - 1] if lag <= len(given) else _observed(system, timeline, hydro, lag)
            if value is None and lag <= needed:
                value = seasonal_mean_m3s(h, lag)
                assumed.append(lag)
                if value is None:
                    raise ModelError(
                        f"{_name(hydro)}: the inflow of {timeline.label(timeline.n_pre_study, lag)} (lag {lag}) is neither "
                        "given nor known from statistics; add it to past_inflows"
                    )
            lags[lag - 1, h] = 0.0 if value is None else value
        if assumed:
            warnings.append(
                f"{_name(hydro)}: no past inflow for lag(s) {', '.join(map(str, assumed))}; the seasonal mean is taken "
                f"({', '.join(f'{lags[lag - 1, h]:g}' for lag in assumed)} m3/s)"
            )
        if (lags[:, h] < 0.0).any():
            warnings.append(f"{_name(hydro)}: negative past inflow ({lags[:, h].min():g} m3/s)")
    return lags


def _observed(system: System, timeline: Timeline, hydro: Hydro, lag: int) -> float | None:
    """Mean of the recent observations over the period of a lag, if they cover every day of it."""
    span = timeline.span(timeline.n_pre_study, lag)
    if span is None:
        return None
    days, volume = 0, 0.0
    for observation in system.initial.recent_observations:
        if observation.hydro_id == hydro.id:
            overlap = _overlap_days(span, (observation.start_date, observation.end_date))
            days += overlap
            volume += observation.value_m3s * overlap
    return volume / days if days == (span[1] - span[0]).days else None


def _overlap_days(left: tuple[date, date], right: tuple[date, date]) -> int:
    return max((min(left[1], right[1]) - max(left[0], right[0])).days, 0)


def _name(hydro: Hydro) -> str:
    return f"hydro {hydro.id} ({hydro.name})" if hydro.name else f"hydro {hydro.id}"
