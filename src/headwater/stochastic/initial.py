"""Inflows of the periods before the study: given, observed, or assumed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError
from headwater.model import Hydro, System
from headwater.stochastic.calendar import Timeline


class PastInflows(Protocol):
    """What is known about the inflow of a hydro (by position) some periods before the study."""

    def observed_m3s(self, hydro: int, lag: int) -> float | None:
        """The recorded value, if there is one."""
        ...

    def mean_m3s(self, hydro: int, lag: int) -> float | None:
        """The seasonal mean, if there are statistics."""
        ...


def initial_lags(
    system: System,
    timeline: Timeline,
    width: NDArray[np.int64],
    past: PastInflows,
    warnings: list[str],
    elapsed: Sequence[int] | None = None,
) -> NDArray[np.float64]:
    """Lags before the first stage.

    A lag is the past inflow that is given; else the mean of the recent observations when they cover
    its whole period; else the value of the history; else the seasonal mean of the period, with a
    warning, if some model looks that far back. A lag that nobody gives and no model looks at is 0.

    Args:
        system: for its initial conditions.
        timeline: to find the periods.
        width: ``[stage, hydro]`` past inflows that a model looks at.
        past: history and seasonal means.
        warnings: receives what was assumed.
        elapsed: periods that have closed before each stage; ``None`` for one per stage.

    Returns:
        ``[lag, hydro]`` in m3/s, row 0 the most recent.

    Raises:
        ModelError: a past inflow is not finite or of an unknown hydro, or a needed lag has no value
            and no seasonal mean.
    """
    n_lags = int(width.max(initial=0))
    lags = np.zeros((n_lags, len(system.hydros)))
    before = range(len(width)) if elapsed is None else elapsed
    for hydro_id, values in system.initial.past_inflows_m3s.items():
        if hydro_id not in system.hydro_index:
            raise ModelError(f"past inflows name hydro {hydro_id}, which does not exist")
        if not np.isfinite(values).all():
            raise ModelError(
                f"the past inflows {tuple(values)} of hydro {hydro_id} are not all finite"
            )
    for h, hydro in enumerate(system.hydros):
        given = system.initial.past_inflows_m3s.get(hydro.id, ())
        needed = max(
            (int(p) - closed for closed, p in zip(before, width[:, h], strict=True)), default=0
        )
        assumed = []
        for lag in range(1, n_lags + 1):
            value = given[lag - 1] if lag <= len(given) else _observed(system, timeline, hydro, lag)
            value = past.observed_m3s(h, lag) if value is None else value
            if value is None and lag <= needed:
                value = past.mean_m3s(h, lag)
                assumed.append(lag)
                if value is None:
                    raise ModelError(
                        f"{_name(hydro)}: the inflow of "
                        f"{timeline.label(timeline.n_pre_study, lag)} (lag {lag}) is neither "
                        "given nor known from statistics; add it to past_inflows"
                    )
            lags[lag - 1, h] = 0.0 if value is None else value
        if assumed:
            warnings.append(
                f"{_name(hydro)}: no past inflow for lag(s) {', '.join(map(str, assumed))}; the "
                "seasonal mean is taken "
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
