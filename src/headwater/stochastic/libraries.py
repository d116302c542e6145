"""Finite sets of scenarios to choose from: replayed years of history and scenarios supplied from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError
from headwater.model import ExternalScenarios, NoiseClass, System
from headwater.stochastic.calendar import SeasonTimeline
from headwater.stochastic.estimation import Estimation
from headwater.stochastic.par import InflowModel

Array = NDArray[np.float64]

_EXACT_M3S = 1e-10
_UNUSUAL = 4.0


@dataclass(frozen=True, eq=False)
class InflowLibrary:
    """Noise that makes the inflow model follow given inflows.

    Attributes:
        eta: ``[scenario, stage, hydro]``.
        memory_m3s: ``[scenario, lag, hydro]`` past that each scenario starts from; ``None`` where all start from the study's.
        years: calendar year of each scenario; empty for external ones.
        warnings: in words.
    """

    eta: Array
    memory_m3s: Array | None = None
    years: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def n_scenarios(self) -> int:
        """Scenarios to choose from."""
        return len(self.eta)

    def report(self) -> dict[str, object]:
        """Statistics of the noise."""
        return eta_report(self.eta) | {"scenarios": self.n_scenarios, "years": list(self.years)}


@dataclass(frozen=True, eq=False)
class ValueLibrary:
    """Realised loads or availabilities.

    Attributes:
        values: ``[scenario, stage, entity]``, MW or fraction.
        positions: ``[entity]`` position of the bus or source.
    """

    values: Array
    positions: NDArray[np.int64]

    @property
    def n_scenarios(self) -> int:
        """Scenarios to choose from."""
        return len(self.values)

    def report(self) -> dict[str, object]:
        """Statistics of the values."""
        return {
            "scenarios": self.n_scenarios,
            "mean": float(self.values.mean()),
            "min": float(self.values.min()),
            "max": float(self.values.max()),
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
        "beyond_4": int((np.abs(eta) > _UNUSUAL).sum()),
    }


def invert_inflows(system: System, inflow: InflowModel, targets_m3s: Array, memory_m3s: Array) -> Array:
    """Noise under which the model gives the target inflows: ``eta = (target - base - sum_l psi * lag) / sigma``.

    Args:
        system: for messages.
        inflow: the model.
        targets_m3s: ``[scenario, stage, hydro]``.
        memory_m3s: ``[scenario, lag, hydro]`` inflows before the first stage.

    Returns:
        ``[scenario, stage, hydro]``; 0 where the model has no noise and the target is what it gives.

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
                f"hydro {system.hydros[hydro].id} at stage {stage.id}: the inflow is {wanted:g} m3/s in scenario "
                f"{scenario}, but its model has no noise and gives {wanted - extra:g} m3/s; "
                "give it a deviation, or the inflow that the model gives"
            )
        eta[:, t] = np.where(noisy, surplus / np.where(noisy, sigma, 1.0), 0.0)
        memory = inflow.next_memory_m3s(t, memory, target)
    return eta


def historical_library(
    estimation: Estimation, inflow: InflowModel, years: Sequence[int] | None = None, *, own_past: bool = False
) -> InflowLibrary:
    """Years of history as scenarios of the study.

    A year is that of the observation of the first study period. It counts when every hydro has all observations of the study
    and of the lags before it.

    Args:
        estimation: with the history.
        inflow: the model.
        years: that may be used; ``None`` takes all.
        own_past: start each scenario from the inflows observed before it instead of those before the study.

    Raises:
        ModelError: no seasons or history, a stage without a season, or no year that is complete.
    """
    system = estimation.system
    if system.season_map is None:
        raise ModelError("replaying historical years needs season_definitions, which say what its dates belong to")
    if not estimation.cycles:
        raise ModelError("replaying historical years needs an inflow history, and there is none")
    without = [stage.id for stage in system.stages if stage.season_id is None]
    if without:
        raise ModelError(f"replaying historical years needs a season_id on every stage; stage(s) {without} have none")
    timeline = SeasonTimeline(system, system.season_map)
    first = timeline.n_pre_study
    history = {fit.history.cycle: fit.history for fit in estimation.cycles}
    start = timeline.periods[first]
    own_year = start.ordinal // history[start.cycle].n_seasons
    n_lags = inflow.n_own_lags
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
        warnings.append(f"historical year(s) {', '.join(map(str, dropped))} lack observations and are left out")
    if not complete:
        raise ModelError(
            "no historical year has all observations of the study "
            f"({len(wanted)} stages and {n_lags} lags before them, for every hydro); "
            f"the history covers {table.first_year} to {covered[-2] if len(covered) > 1 else table.first_year}"
        )
    values = np.array([found[year] for year in complete])
    targets = values[:, : len(wanted)]
    memory = np.repeat(inflow.initial_lags_m3s[None], len(complete), axis=0)
    if own_past:
        memory = memory.copy()
        memory[:, :n_lags] = values[:, len(wanted) :]
    eta = invert_inflows(system, inflow, targets, memory)
    unusual = int((np.abs(eta) > _UNUSUAL).sum())
    if unusual:
        warnings.append(f"{unusual} historical inflows lie more than 4 deviations from what the inflow model expects")
    return InflowLibrary(eta, memory if own_past else None, tuple(complete), tuple(warnings))


def external_inflow_library(system: System, inflow: InflowModel) -> InflowLibrary:
    """External inflows as noise, from the past of the study.

    Raises:
        ModelError: the scenarios are missing or incomplete, or contradict a model without noise.
    """
    values = _external(system, system.external_inflows, NoiseClass.INFLOW, [hydro.id for hydro in system.hydros])
    memory = np.repeat(inflow.initial_lags_m3s[None], len(values), axis=0)
    eta = invert_inflows(system, inflow, values, memory)
    unusual = int((np.abs(eta) > _UNUSUAL).sum())
    warnings: tuple[str, ...] = ()
    if unusual:
        warnings = (f"{unusual} external inflows lie more than 4 deviations from what the inflow model expects",)
    return InflowLibrary(eta, warnings=warnings)


def external_value_library(system: System, noise_class: NoiseClass, needed: Sequence[int]) -> ValueLibrary:
    """External loads or availabilities.

    Args:
        system: with the scenarios.
        noise_class: load or non-controllable sources.
        needed: positions of the entities that must be there: those that are random.

    Raises:
        ModelError: the scenarios are missing or incomplete.
    """
    is_load = noise_class is NoiseClass.LOAD
    given = system.external_loads if is_load else system.external_availability
    entities = system.buses if is_load else system.non_controllables
    index = system.bus_index if is_load else system.ncs_index
    values = _external(system, given, noise_class, [entities[position].id for position in needed])
    assert given is not None
    unknown = sorted(set(given.entity_ids) - set(index))
    if unknown:
        raise ModelError(f"external scenarios of class '{noise_class.value}' name {unknown}, which do not exist")
    return ValueLibrary(values, np.array([index[i] for i in given.entity_ids], np.int64))


def _external(system: System, given: ExternalScenarios | None, noise_class: NoiseClass, needed: Sequence[int]) -> Array:
    """``[scenario, stage, entity]`` with the scenarios of shorter stages repeated."""
    name = f"external scenarios of class '{noise_class.value}'"
    if given is None or not given.values:
        raise ModelError(f"{name} are asked for and not given")
    if list(given.entity_ids) != sorted(set(given.entity_ids)):
        raise ModelError(f"{name}: the entity ids must ascend without repetition, got {given.entity_ids}")
    missing = sorted(set(needed) - set(given.entity_ids))
    if missing:
        raise ModelError(f"{name} lack {', '.join(map(str, missing))}; give every entity in every scenario")
    if noise_class is NoiseClass.INFLOW and set(given.entity_ids) != set(needed):
        raise ModelError(f"{name} name hydros that do not exist: {sorted(set(given.entity_ids) - set(needed))}")
    lacking = [stage.id for stage in system.stages if stage.id not in given.values or not len(given.values[stage.id])]
    if lacking:
        raise ModelError(f"{name} lack stage(s) {', '.join(map(str, lacking))}; give every study stage at least one scenario")
    for stage_id, values in given.values.items():
        if stage_id not in system.stage_index:
            raise ModelError(f"{name} name stage {stage_id}, which is not a study stage")
        if values.ndim != 2 or values.shape[1] != len(given.entity_ids):
            raise ModelError(f"{name} at stage {stage_id}: expected {len(given.entity_ids)} columns, got shape {values.shape}")
        if not np.isfinite(values).all():
            raise ModelError(f"{name} at stage {stage_id} are not all finite")
    n = max(len(given.values[stage.id]) for stage in system.stages)
    rows = [given.values[stage.id][np.arange(n) % len(given.values[stage.id])] for stage in system.stages]
    return np.stack(rows, axis=1)
