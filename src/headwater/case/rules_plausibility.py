"""Figures are of the right size.

Rules compare loads with capacity and inflows with plants, look for sentinels, and add up the energy
of a dry year.

All of it is advice with the figures that led to it. Thresholds are wide, since real systems are:
they catch wrong units (MWh for MW, l/s for m3/s), slipped decimal points and marks for missing
values, not unusual plants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from headwater.arrays import Array
from headwater.case.parts import KINDS, Parts
from headwater.case.rules import WARNING, Problem, rule, study_rule
from headwater.model import HM3_PER_M3S_HOUR, ContractKind, Study, System
from headwater.model.water_energy import accumulated_productivity

_LOADS = "scenarios/load_seasonal_stats.parquet"
_LOAD_FACTORS = "scenarios/load_factors.json"
_STATS = "scenarios/inflow_seasonal_stats.parquet"
_HISTORY = "scenarios/inflow_history.parquet"
_SOURCES = "scenarios/non_controllable_stats.parquet"
_EXTERNAL_INFLOWS = "scenarios/external_inflow_scenarios.parquet"
_EXTERNAL_LOADS = "scenarios/external_load_scenarios.parquet"

LOAD_OVER_SUPPLY = 5.0
"""Mean load of a stage against all that could be generated or brought, from which on it is
doubted.
"""

INFLOW_OVER_PLANT = 20.0
"""Mean inflow of the study against the flow that turbines and an empty reservoir could take, from
which on it is doubted.
"""

INFLOW_OVER_TURBINES = 300.0
"""The same against the turbines alone."""

INFLOW_OF_A_STAGE = 100.0
"""The same as the first of a single stage: floods are larger than means."""

YEARS_TO_FILL = 300.0
"""Years that the mean inflow needs to fill a reservoir, from which on one of the two is doubted."""

DRY_SUPPLY_OVER_LOAD = 0.25
"""Energy that can be had in a dry year against the load, below which both are doubted."""

_HOURS_OF_YEAR = 8766.0


def figure(value: float) -> str:
    """A figure with four digits that count, never as a power of ten."""
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _mean_load_mw(system: System) -> Array:
    """Mean load of each bus and stage over its blocks, ``[bus, stage]``.

    Factors of blocks are included.
    """
    load = np.zeros((len(system.buses), len(system.stages)))
    for row in system.load_statistics:
        if row.stage_id in system.stage_index and row.bus_id in system.bus_index:
            load[system.bus_index[row.bus_id], system.stage_index[row.stage_id]] = row.mean_mw
    for t, stage in enumerate(system.stages):
        hours = np.array([block.hours for block in stage.blocks])
        load[:, t] *= system.load_factor[:, t, : len(hours)] @ hours / hours.sum()
    return load


def _capacity_mw(system: System) -> tuple[Array, Array]:
    """Power that each bus can count on, ``[bus, stage]``.

    What its plants and imports can give, and what lines can bring besides.
    """
    n_buses, n_stages, bounds, network = (
        len(system.buses),
        len(system.stages),
        system.bounds,
        system.network,
    )
    own, lines = np.zeros((n_buses, n_stages)), np.zeros((n_buses, n_stages))
    np.add.at(own, network.bus["hydros"], bounds.hydro.max_generation_mw)
    np.add.at(own, network.bus["thermals"], bounds.thermal.max_generation_mw.max(axis=2))
    np.add.at(
        own, network.bus["non_controllables"], bounds.non_controllable.available_generation_mw
    )
    for c, contract in enumerate(system.contracts):
        if contract.kind is ContractKind.IMPORT:
            own[network.bus["contracts"][c]] += bounds.contract.max_mw[c]
    np.add.at(lines, network.line_target, bounds.line.direct_mw.max(axis=2))
    np.add.at(lines, network.line_source, bounds.line.reverse_mw.max(axis=2))
    return own, lines


@study_rule("HW620", needs=(_LOADS, _LOAD_FACTORS))
def load_against_capacity(study: Study) -> Iterator[Problem]:
    """The load of a bus is not many times what its plants, contracts and lines could bring."""
    system = study.system
    load, (own, lines) = _mean_load_mw(system), _capacity_mw(system)
    supply = own + np.minimum(lines, own.sum(axis=0) - own)
    for b, bus in enumerate(system.buses):
        ratio = np.divide(load[b], supply[b], out=np.zeros_like(load[b]), where=supply[b] > 0)
        far = np.flatnonzero(ratio > LOAD_OVER_SUPPLY)
        if not len(far):
            continue
        t = int(far[np.argmax(ratio[far])])
        hours = sum(block.hours for block in system.stages[t].blocks)
        message = (
            f"the mean load is {figure(load[b, t])} MW at stage {system.stages[t].id}, "
            f"{figure(ratio[t])} times the "
        )
        message += (
            f"{figure(supply[b, t])} MW that plants, imports and lines could "
            f"bring (so at {len(far)} of "
        )
        message += f"{len(ratio)} stages)"
        if ratio[t] < 3.0 * hours:
            message += (
                f"; it looks like MWh: over the {hours:g} hours of the stage it would be "
                f"{figure(load[b, t] / hours)} MW"
            )
        yield Problem(
            _LOADS,
            message,
            "load_seasonal_stats.mean_mw",
            f"Bus {bus.id}",
            "give the mean power of the stage in MW",
        )


@dataclass(frozen=True)
class _Inflow:
    """Mean inflow of one plant.

    Attributes:
        file: where it comes from.
        m3s: mean of each stage, or the mean of the record alone.
        stage_ids: the stages; empty for a record.
    """

    file: str
    m3s: Array
    stage_ids: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Over all stages."""
        return float(self.m3s.mean())


def _inflows(system: System) -> dict[int, _Inflow]:
    """Hydro id -> its mean inflows, from statistics or from the record."""
    found: dict[int, list[tuple[int, float]]] = {}
    for row in system.inflow_statistics:
        if row.stage_id in system.stage_index and np.isfinite(row.mean_m3s):
            found.setdefault(row.hydro_id, []).append((row.stage_id, row.mean_m3s))
    inflows = {
        hydro_id: _Inflow(
            _STATS, np.array([mean for _, mean in rows]), tuple(stage for stage, _ in rows)
        )
        for hydro_id, rows in found.items()
    }
    recorded: dict[int, list[float]] = {}
    for observation in system.inflow_history:
        recorded.setdefault(observation.hydro_id, []).append(observation.value_m3s)
    for hydro_id, values in recorded.items():
        inflows.setdefault(hydro_id, _Inflow(_HISTORY, np.array([np.mean(values)]), ()))
    return inflows


@study_rule("HW621", needs=(_STATS, _HISTORY))
def inflow_against_plant(study: Study) -> Iterator[Problem]:
    """The inflow of a plant is not many times what its turbines and its reservoir could take."""
    system, bounds = study.system, study.system.bounds.hydro
    shortest = min(sum(block.hours for block in stage.blocks) for stage in system.stages)
    for hydro_id, inflow in _inflows(system).items():
        if hydro_id not in system.hydro_index:
            continue
        h = system.hydro_index[hydro_id]
        turbines = float(bounds.max_turbined_m3s[h].max())
        filling = float(bounds.max_storage_hm3[h].max()) / (HM3_PER_M3S_HOUR * shortest)
        if turbines <= 0.0:
            continue  # a node of the river, not a plant
        mean, largest, takes = inflow.mean, float(inflow.m3s.max()), turbines + filling
        over = mean > INFLOW_OVER_PLANT * takes or mean > INFLOW_OVER_TURBINES * turbines
        if over or largest > INFLOW_OF_A_STAGE * takes:
            message = f"the mean inflow is {figure(mean)} m3/s"
            if not over:
                stage = inflow.stage_ids[int(np.argmax(inflow.m3s))] if inflow.stage_ids else None
                message = f"the inflow of stage {stage} is {figure(largest)} m3/s"
            message += (
                f"; the turbines take {figure(turbines)} m3/s and the empty reservoir "
                f"{figure(filling)} m3/s "
            )
            message += "over a stage"
            if over and mean / 1000.0 < 10.0 * turbines:
                message += f"; it looks like l/s, which would be {figure(mean / 1000.0)} m3/s"
            path = None if inflow.file == _HISTORY else "inflow_seasonal_stats.mean_m3s"
            yield Problem(
                inflow.file, message, path, f"Hydro {hydro_id}", "give the inflow in m3/s"
            )


@study_rule("HW622", needs=(_STATS, _HISTORY))
def reservoir_against_inflow(study: Study) -> Iterator[Problem]:
    """The water that reaches a reservoir could fill it in a time that people live to see."""
    system, inflows = study.system, _inflows(study.system)
    arriving = np.array(
        [inflows[plant.id].mean if plant.id in inflows else np.nan for plant in system.hydros]
    )
    for h in system.cascade.topological_order:
        below = int(system.cascade.downstream[h])
        if below >= 0:
            arriving[below] += arriving[h]
    for h, plant in enumerate(system.hydros):
        room = float(system.bounds.hydro.max_storage_hm3[h].max())
        if np.isfinite(arriving[h]) and arriving[h] > 0.0:
            years = room / (HM3_PER_M3S_HOUR * _HOURS_OF_YEAR * arriving[h])
            if years > YEARS_TO_FILL:
                message = (
                    "the mean inflow, with that from above, is "
                    f"{figure(arriving[h])} m3/s and would take "
                )
                message += f"{figure(years)} years to fill the {figure(room)} hm3 of the reservoir"
                fix = "give storage in hm3 (millions of m3) and inflow in m3/s"
                yield Problem(
                    KINDS["hydro"][0],
                    message,
                    "hydros.reservoir.max_storage_hm3",
                    f"Hydro {plant.id}",
                    fix,
                )


@study_rule("HW623", needs=(_LOADS, _LOAD_FACTORS, _STATS, _HISTORY, _SOURCES))
def energy_of_a_dry_year(study: Study) -> Iterator[Problem]:
    """A dry year has energy for at least a quarter of the load.

    Rivers, reservoirs, other plants and imports count.
    """
    system, bounds = study.system, study.system.bounds
    hours = np.array([sum(block.hours for block in stage.blocks) for stage in system.stages])
    load = float((_mean_load_mw(system) @ hours).sum())
    if load <= 0.0 or system.external_inflows is not None or system.external_loads is not None:
        return
    dry, years = _dry_inflow_m3s(system), float(hours.sum()) / _HOURS_OF_YEAR
    per_m3s = accumulated_productivity(system)
    rivers = float((per_m3s[:, None] * dry * hours).sum())
    stored = float((per_m3s / HM3_PER_M3S_HOUR * system.initial_storage_hm3).sum())
    hydro = min(rivers + stored, float((bounds.hydro.max_generation_mw @ hours).sum()))
    own, _ = _capacity_mw(system)
    others = float((own.sum(axis=0) - bounds.hydro.max_generation_mw.sum(axis=0)) @ hours)
    if hydro + others < DRY_SUPPLY_OVER_LOAD * load:
        message = (
            f"over the {years:.3g} years of the study the load is {figure(load / 1e3)} GWh; with "
            "dry rivers (a deviation "
        )
        message += f"below the mean) hydro plants give at most {figure(hydro / 1e3)} GWh, of which "
        message += (
            f"{figure(stored / 1e3)} GWh are stored now, and all other plants and imports "
            f"{figure(others / 1e3)} GWh: "
        )
        message += f"{100 * (hydro + others) / load:.3g} % of the load"
        yield Problem(
            _LOADS,
            message,
            None,
            None,
            "check the units of loads, inflows and productivities, and the plants",
        )


def _dry_inflow_m3s(system: System) -> Array:
    """Inflow of each plant and stage in a dry year, ``[hydro, stage]``.

    A deviation below its mean, and never below zero.
    """
    dry = np.zeros((len(system.hydros), len(system.stages)))
    given = np.zeros(len(system.hydros), bool)
    for row in system.inflow_statistics:
        if (
            row.stage_id in system.stage_index
            and row.hydro_id in system.hydro_index
            and np.isfinite(row.mean_m3s)
        ):
            h = system.hydro_index[row.hydro_id]
            dry[h, system.stage_index[row.stage_id]] = max(row.mean_m3s - row.std_m3s, 0.0)
            given[h] = True
    recorded: dict[int, list[float]] = {}
    for observation in system.inflow_history:
        recorded.setdefault(observation.hydro_id, []).append(observation.value_m3s)
    for hydro_id, values in recorded.items():
        place = system.hydro_index.get(hydro_id)
        if place is not None and not given[place]:
            dry[place] = max(float(np.mean(values) - np.std(values)), 0.0)
    return dry


NEGATIVE_SENTINELS = tuple(
    sign for digits in (2, 3, 4, 5, 6) for sign in (-float("9" * digits), -(10.0**digits - 0.1))
)
"""What files say for "missing" and inflows and loads do not reach: -99, -99.9, -999, -999.9, ..."""

POSITIVE_SENTINELS = tuple(float("9" * digits) for digits in (3, 4, 5, 6, 7, 8))
SENTINELS = frozenset((*NEGATIVE_SENTINELS, *POSITIVE_SENTINELS))

_VALUES = (
    (_STATS, "hydro_id", "mean_m3s", "Hydro"),
    (_HISTORY, "hydro_id", "value_m3s", "Hydro"),
    (_EXTERNAL_INFLOWS, "hydro_id", "value_m3s", "Hydro"),
    (_LOADS, "bus_id", "mean_mw", "Bus"),
    (_EXTERNAL_LOADS, "bus_id", "value_mw", "Bus"),
)
"""Tables of measured or forecast figures: file, entity, column and label."""


def _sentinel(values: list[float]) -> tuple[float, int] | None:
    """The value that stands for a missing one among figures of one entity, and how often.

    It is ``None`` where there is no such value.
    """
    for mark in (*NEGATIVE_SENTINELS, *POSITIVE_SENTINELS):
        n = sum(value == mark for value in values)
        others = [value for value in values if value != mark]
        if not n:
            continue
        beyond = 5.0 * max((abs(value) for value in others), default=0.0)
        if mark < 0 and (all(value >= 0 for value in others) or n >= 3 or -mark > beyond):
            return mark, n
        if mark > 0 and n >= 2 and others and mark > 3.0 * max(*others, 1.0):
            return mark, n
    return None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _sentinel_rule(file: str, column: str, figure: str, label: str) -> None:
    def no_sentinels(parts: Parts) -> Iterator[Problem]:
        if SENTINELS.isdisjoint(parts.table(file).get_column(figure).to_list()):
            return
        frame = parts.table(file).select(column, figure).drop_nulls()
        for entity_id, values in (
            frame.group_by(column).agg(pl.col(figure)).sort(column).iter_rows()
        ):
            found = _sentinel(values)
            if found is not None:
                message = (
                    f"{found[0]:g} appears {_times(found[1])} among {len(values)} values of "
                    f"{figure}: it looks like a placeholder "
                )
                message += "for missing values, but is taken as a number"
                stem = file.rsplit("/", 1)[1].removesuffix(".parquet")
                yield Problem(
                    file,
                    message,
                    f"{stem}.{figure}",
                    f"{label} {entity_id}",
                    "leave these rows out, or fill them in",
                )

    no_sentinels.__doc__ = (
        "Placeholders for missing values, such as -999, do not appear among measured figures."
    )
    rule("HW624", WARNING, needs=(file,))(no_sentinels)


for _file, _column, _figure, _label in _VALUES:
    _sentinel_rule(_file, _column, _figure, _label)


@rule("HW624", WARNING, needs=("initial_conditions.json",))
def no_sentinels_in_the_past(parts: Parts) -> Iterator[Problem]:
    """Placeholders for missing values, such as -999, do not appear among past inflows."""
    for position, entry in enumerate(parts.initial.past_inflows if parts.initial else ()):
        found = _sentinel(list(entry.values_m3s))
        if found is not None:
            message = (
                f"{found[0]:g} appears {_times(found[1])} among {len(entry.values_m3s)} past "
                "inflows: it looks like a placeholder "
            )
            message += "for missing values, but is taken as a number"
            path = f"past_inflows[{position}].values_m3s"
            yield Problem(
                "initial_conditions.json",
                message,
                path,
                f"Hydro {entry.hydro_id}",
                "give the inflow that was observed",
            )
