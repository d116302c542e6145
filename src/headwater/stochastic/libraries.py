"""Finite sets of scenarios to choose from, and the one that replays years of history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.errors import ModelError
from headwater.model import System
from headwater.stochastic.calendar import SeasonTimeline
from headwater.stochastic.estimation import Estimation
from headwater.stochastic.inflow_model import InflowModel

_EXACT_M3S = 1e-10
UNUSUAL = 4.0
"""Noise of so many deviations is reported: the model finds the scenario all but impossible."""


@dataclass(frozen=True, eq=False)
class InflowLibrary:
    """Noise that makes the inflow model follow given inflows.

    Attributes:
        eta: ``[scenario, stage, hydro]``.
        memory_m3s: ``[scenario, lag, hydro]`` past that each scenario starts from; ``None`` where
            all start from the study's.
        years: calendar year of each scenario; empty for external ones.
        warnings: in words.
        weights: ``[scenario]`` probabilities; ``None`` where they are equal.
        at: ``[stage]`` where the library has something to say; ``None`` for all stages.
        passes: ``[stage]`` where the noise is the inflow itself, in m3/s; ``None`` for nowhere.
    """

    eta: Array
    memory_m3s: Array | None = None
    years: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    weights: Array | None = None
    at: NDArray[np.bool_] | None = None
    passes: NDArray[np.bool_] | None = None

    @property
    def n_scenarios(self) -> int:
        """Scenarios to choose from."""
        return len(self.eta)

    def report(self) -> dict[str, object]:
        """Statistics of the noise, and of inflows that are passed on as they are."""
        stages = np.arange(self.eta.shape[1]) if self.at is None else np.flatnonzero(self.at)
        passes = np.zeros(self.eta.shape[1], np.bool_) if self.passes is None else self.passes
        drawn, passed = self.eta[:, stages[~passes[stages]]], self.eta[:, stages[passes[stages]]]
        found = {} if passed.size and not drawn.size else eta_report(drawn)
        if passed.size:
            found |= {"given_m3s": _value_report(passed)}
        return found | {"scenarios": self.n_scenarios, "years": list(self.years)}


@dataclass(frozen=True, eq=False)
class ValueLibrary:
    """Realised loads or availabilities.

    Attributes:
        values: ``[scenario, stage, entity]``, MW or fraction.
        positions: ``[entity]`` position of the bus or source.
        weights: ``[scenario]`` probabilities; ``None`` where they are equal.
        at: ``[stage]`` where there are values; ``None`` for all stages.
    """

    values: Array
    positions: NDArray[np.int64]
    weights: Array | None = None
    at: NDArray[np.bool_] | None = None

    @property
    def n_scenarios(self) -> int:
        """Scenarios to choose from."""
        return len(self.values)

    def report(self) -> dict[str, object]:
        """Statistics of the values."""
        return {"scenarios": self.n_scenarios} | _value_report(self.values)


def _value_report(values: Array) -> dict[str, object]:
    """Mean and range of the values that are there."""
    return {
        "mean": float(np.nanmean(values)),
        "min": float(np.nanmin(values)),
        "max": float(np.nanmax(values)),
    }


def eta_report(eta: Array) -> dict[str, object]:
    """Mean, deviation, range, and how many values are unusual."""
    if not eta.size:
        return {"mean": 0.0, "std": 0.0, "min": 0.0, "max": 0.0, "beyond_4": 0}
    return {
        "mean": float(eta.mean()),
        "std": float(eta.std()),
        "min": float(eta.min()),
        "max": float(eta.max()),
        "beyond_4": int((np.abs(eta) > UNUSUAL).sum()),
    }


def invert_inflows(
    system: System, inflow: InflowModel, targets_m3s: Array, memory_m3s: Array
) -> Array:
    """Noise under which the model gives the target inflows.

    It is ``eta = (target - base - sum_l psi * lag) / sigma`` where it is normal.

    Args:
        system: for messages.
        inflow: the model.
        targets_m3s: ``[scenario, stage, hydro]``.
        memory_m3s: ``[scenario, lag, hydro]`` inflows before the first stage.

    Returns:
        ``[scenario, stage, hydro]``; 0 where the model has no noise and the target is what it
        gives.

    Raises:
        ModelError: a target differs from what a model without noise gives.
    """
    eta = np.zeros_like(targets_m3s)
    memory = np.ascontiguousarray(memory_m3s)
    for t, stage in enumerate(system.stages):
        target = targets_m3s[:, t]
        surplus = target - inflow.base[t] - inflow.lag_term_m3s(t, memory)
        sigma = inflow.sigma[t]
        noisy = sigma > 0.0
        wrong = (np.abs(surplus) >= _EXACT_M3S) & ~noisy
        if wrong.any():
            scenario, hydro = np.argwhere(wrong)[0]
            wanted, extra = target[scenario, hydro], surplus[scenario, hydro]
            raise ModelError(
                f"hydro {system.hydros[hydro].id} at stage {stage.id}: the inflow is {wanted:g} "
                f"m3/s in scenario {scenario}, but its model has no noise and gives "
                f"{wanted - extra:g} m3/s; give it a deviation, or the inflow that the model gives"
            )
        eta[:, t] = inflow.noise_of(t, target, memory)
        unknown = ~np.isfinite(eta[:, t]) & np.isfinite(target)
        if unknown.any():
            scenario, hydro = np.argwhere(unknown)[0]
            raise ModelError(
                f"hydro {system.hydros[hydro].id} at stage {stage.id}: the inflow is "
                f"{target[scenario, hydro]:g} m3/s in scenario {scenario}, and a model with "
                "lognormal noise gives no such inflow after the inflows before it; take "
                "stochastic.inflow_noise 'normal', or leave the scenario out"
            )
        memory = inflow.next_memory_m3s(t, memory, target)
    return eta


def historical_library(
    estimation: Estimation,
    inflow: InflowModel,
    years: Sequence[int] | None = None,
    *,
    own_past: bool = False,
) -> InflowLibrary:
    """Years of history as scenarios of the study.

    Args:
        estimation: with the history.
        inflow: the model.
        years: that may be used; ``None`` takes all.
        own_past: start each scenario from the inflows observed before it instead of those before
            the study.

    Raises:
        ModelError: as `historical_values`.
    """
    system, n_lags, n_stages = estimation.system, inflow.n_own_lags, len(estimation.system.stages)
    replay = historical_values(estimation, n_lags, years)
    memory = np.repeat(inflow.initial_lags_m3s[None], len(replay.years), axis=0)
    if own_past:
        memory = memory.copy()
        memory[:, :n_lags] = replay.values_m3s[:, n_stages:]
    eta = invert_inflows(system, inflow, replay.values_m3s[:, :n_stages], memory)
    warnings = list(replay.warnings)
    unusual = int((np.abs(eta) > UNUSUAL)[:, ~inflow.passes].sum())
    if unusual:
        warnings.append(
            f"{unusual} historical inflows lie more than 4 deviations from "
            "what the inflow model expects"
        )
    return InflowLibrary(
        eta, memory if own_past else None, replay.years, tuple(warnings), passes=inflow.passes
    )


@dataclass(frozen=True, eq=False)
class Replay:
    """Inflows of the years of history in which the study could take place.

    Attributes:
        values_m3s: ``[year, period, hydro]``, the periods of the study and then those before it,
            the most recent first.
        years: calendar year of the first period of the study.
        warnings: in words.
    """

    values_m3s: Array
    years: tuple[int, ...]
    warnings: tuple[str, ...] = ()


def historical_values(
    estimation: Estimation, n_lags: int, years: Sequence[int] | None = None
) -> Replay:
    """Observed inflows of the periods of the study in the years of history.

    A year is that of the observation of the first study period. It counts when every hydro has all
    observations of the study and of the lags before it.

    Args:
        estimation: with the history.
        n_lags: periods before the study.
        years: that may be used; ``None`` takes all.

    Raises:
        ModelError: no seasons or history, a stage without a season, or no year that is complete.
    """
    system = estimation.system
    if system.season_map is None:
        raise ModelError(
            "replaying historical years needs season_definitions, which "
            "say what its dates belong to"
        )
    if not estimation.cycles:
        raise ModelError("replaying historical years needs an inflow history, and there is none")
    without = [stage.id for stage in system.stages if stage.season_id is None]
    if without:
        raise ModelError(
            "replaying historical years needs a season_id on every stage; "
            f"stage(s) {without} have none"
        )
    timeline = SeasonTimeline(system, system.season_map)
    first = timeline.n_pre_study
    history = {fit.history.cycle: fit.history for fit in estimation.cycles}
    start = timeline.periods[first]
    own_year = start.ordinal // history[start.cycle].n_seasons
    wanted = [timeline.periods[first + t] for t in range(len(system.stages))]
    past = [timeline.calendar.before(start, lag) for lag in range(1, n_lags + 1)]

    def observed(year: int) -> Array:
        """``[period, hydro]`` of the periods of the study, then of its lags."""
        rows = []
        for period in (*wanted, *past):
            table = history[period.cycle]
            shifted = timeline.calendar.before(period, (own_year - year) * table.n_seasons)
            rows.append(table.at(shifted))
        return np.array(rows)

    table = history[start.cycle]
    covered = range(table.first_year, table.first_year + table.values_m3s.shape[1] + 1)
    candidates = sorted(set(years)) if years is not None else list(covered)
    found = {year: observed(year) for year in candidates}
    complete = [year for year, values in found.items() if np.isfinite(values).all()]
    warnings = []
    if years is not None and len(complete) < len(candidates):
        dropped = sorted(set(candidates) - set(complete))
        warnings.append(
            f"historical year(s) {', '.join(map(str, dropped))} lack observations and are left out"
        )
    if not complete:
        raise ModelError(
            f"no historical year has all observations of the study ({len(wanted)} stages and "
            f"{n_lags} lags before them, for every hydro); the history covers {table.first_year} "
            f"to {covered[-2] if len(covered) > 1 else table.first_year}"
        )
    return Replay(np.array([found[year] for year in complete]), tuple(complete), tuple(warnings))
