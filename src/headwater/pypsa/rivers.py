"""Reservoirs of a network as plants, pumping stations and batteries, and their inflows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from headwater.errors import UsageError
from headwater.pypsa.components import Account
from headwater.pypsa.draft import Draft
from headwater.pypsa.inflows import monthly_record, openings
from headwater.pypsa.reservoirs import Reservoir

HM3_PER_M3S_HOUR = 0.0036
"""hm3 that a flow of 1 m3/s moves in an hour."""

_OPENINGS = 20
"""Openings of a stage where a model is estimated; years and samples are openings themselves."""

_ENOUGH = 1.001
"""The basin that a pump draws from receives a little more than the pump can take."""

Productivity = float | Mapping[str, float]
"""MW that 1 m3/s stands for, of all reservoirs or by name."""


def productivity_of(productivity: Productivity, name: str) -> float:
    """MW that 1 m3/s stands for at a reservoir.

    Raises:
        UsageError: it is missing or not above 0.
    """
    value = productivity.get(name) if isinstance(productivity, Mapping) else productivity
    if value is None or not np.isfinite(value) or value <= 0.0:
        raise UsageError(f"the productivity of '{name}' must be a number above 0, got {value}")
    return float(value)


def rivers_among(reservoirs: Sequence[Reservoir], uncertain: Collection[str]) -> list[Reservoir]:
    """The reservoirs through which water flows: with inflow, above another one, or below.

    Args:
        reservoirs: all of them.
        uncertain: names of those whose inflow is given.
    """
    below = {one.downstream for one in reservoirs}
    return [
        one
        for one in reservoirs
        if one.name in uncertain
        or one.inflow.any()
        or one.downstream is not None
        or one.name in below
    ]


def add_rivers(
    draft: Draft, rivers: Sequence[Reservoir], productivity: Productivity, account: Account
) -> None:
    """Add plants with a reservoir, the pumps that fill them, and their initial storage."""
    water = {one.name: productivity_of(productivity, one.name) for one in rivers}
    for one in rivers:
        _add_plant(draft, one, water[one.name])
        if draft.axis.varies_within_stages(one.inflow):
            what = "its inflow is the mean of the stage in all blocks of it"
            account.approximate(one.kind, one.name, what)
    for one in rivers:
        if one.downstream is not None:
            arrives = one.downstream_share * water[one.name] / water[one.downstream]
            if not np.isclose(arrives, 1.0, rtol=1e-9):
                reason = (
                    f"of the water that leaves it {arrives:g} would arrive in '{one.downstream}': "
                    f"give a productivity to each, so that efficiency2 of its link is their ratio"
                )
                account.refuse(one.kind, one.name, reason)
            entry = draft.entities["hydro"][draft.id_of("hydro", one.name)]
            entry["downstream_id"] = draft.id_of("hydro", one.downstream)
        if one.in_mw > 0.0:
            _add_pump(draft, one, water[one.name], account)


def _add_plant(draft: Draft, one: Reservoir, water: float) -> None:
    bus = draft.id_of("bus", one.bus)
    if one.out_cost:
        bus = _terminal(draft, one, bus)
    made = water * one.out_efficiency
    hm3 = HM3_PER_M3S_HOUR / water
    hydro = draft.add(
        "hydro",
        one.name,
        bus_id=bus,
        reservoir={"min_storage_hm3": one.least * hm3, "max_storage_hm3": one.most * hm3},
        outflow={"min_outflow_m3s": 0.0},
        generation={
            "model": "constant_productivity",
            "productivity_mw_per_m3s": made,
            "min_turbined_m3s": 0.0,
            "max_turbined_m3s": one.out_mw / made,
            "min_generation_mw": 0.0,
            "max_generation_mw": one.out_mw,
        },
        penalties={"spillage_cost": one.spill_cost * water},
    )
    draft.initial_hm3[hydro] = one.initial * hm3


def _terminal(draft: Draft, one: Reservoir, bus: int) -> int:
    """A bus of the plant's own: power pays its cost on the way from there, as plants have none."""
    terminal = draft.add("bus", f"{one.name} (terminal)")
    draft.add(
        "line",
        f"{one.name} (cost of power)",
        source_bus_id=terminal,
        target_bus_id=bus,
        capacity={"direct_mw": one.out_mw, "reverse_mw": 0.0},
        exchange_cost=one.out_cost,
    )
    return terminal


def _add_pump(draft: Draft, one: Reservoir, water: float, account: Account) -> None:
    """A pump, and the basin that it draws from, which always has enough."""
    if one.in_cost:
        account.refuse(one.kind, one.name, "filling must have no cost")
    flow = one.in_mw * one.in_efficiency / water
    basin = draft.add(
        "hydro",
        f"{one.name} (lower basin)",
        bus_id=draft.id_of("bus", one.in_bus),
        reservoir={"min_storage_hm3": 0.0, "max_storage_hm3": 0.0},
        outflow={"min_outflow_m3s": 0.0},
        generation={
            "model": "constant_productivity",
            "productivity_mw_per_m3s": water,
            "min_turbined_m3s": 0.0,
            "max_turbined_m3s": 0.0,
            "min_generation_mw": 0.0,
            "max_generation_mw": 0.0,
        },
    )
    draft.initial_hm3[basin] = 0.0
    draft.constant_m3s[basin] = _ENOUGH * flow
    draft.add(
        "pumping_station",
        f"{one.name} (pump)",
        bus_id=draft.id_of("bus", one.in_bus),
        source_hydro_id=basin,
        destination_hydro_id=draft.id_of("hydro", one.name),
        consumption_mw_per_m3s=water / one.in_efficiency,
        flow={"min_m3s": 0.0, "max_m3s": flow},
    )


def add_batteries(draft: Draft, batteries: Sequence[Reservoir], account: Account) -> None:
    """Add what stores energy without water."""
    for one in batteries:
        if one.in_cost:
            account.refuse(one.kind, one.name, "filling must have no cost")
        if one.least > 0.0:
            account.refuse(one.kind, one.name, "a battery has no least content")
        if one.in_mw > 0.0 and one.in_bus != one.bus:
            account.refuse(
                one.kind, one.name, "a battery takes power from the bus that it gives it to"
            )
        if draft.axis.has_several:
            what = "its content is limited at the end of each stage, not between the blocks"
            account.approximate(one.kind, one.name, what)
        draft.add(
            "battery",
            one.name,
            bus_id=draft.id_of("bus", one.bus),
            max_energy_mwh=one.most,
            max_charge_mw=one.in_mw,
            max_discharge_mw=one.out_mw,
            charge_efficiency=one.in_efficiency,
            discharge_efficiency=one.out_efficiency,
            initial_energy_mwh=one.initial,
            cost_per_mwh=one.out_cost,
        )


def add_inflows(
    draft: Draft,
    rivers: Sequence[Reservoir],
    productivity: Productivity,
    table: Any,
    estimated: bool,
) -> int:
    """Add the inflows; returns the number of openings of a stage.

    Args:
        draft: with its plants.
        rivers: the plants that are reservoirs of the network.
        productivity: see `Productivity`.
        table: of inflows, or ``None``.
        estimated: whether a model is to be estimated from it.
    """
    ids = {one.name: draft.id_of("hydro", one.name) for one in rivers}
    flow = {one.name: 1.0 / productivity_of(productivity, one.name) for one in rivers}
    if estimated and rivers:
        records = monthly_record(table, rivers, draft.axis)
        for name, record in records.items():
            draft.note(
                "scenarios/inflow_history",
                (
                    {"hydro_id": ids[name], "date": day, "value_m3s": value * flow[name]}
                    for day, value in record
                ),
            )
        days = [day for day, _ in next(iter(records.values()))]
        for hydro, constant in draft.constant_m3s.items():
            draft.note(
                "scenarios/inflow_history",
                ({"hydro_id": hydro, "date": day, "value_m3s": constant} for day in days),
            )
        return _OPENINGS
    drawn = {
        ids[name]: values * flow[name]
        for name, values in openings(table, rivers, draft.axis).items()
    }
    count = max((len(values) for values in drawn.values()), default=1)
    for hydro, constant in draft.constant_m3s.items():
        drawn[hydro] = np.full((count, draft.axis.n_stages), constant)
    draft.note(
        "scenarios/external_inflow_scenarios",
        (
            {"stage_id": t, "scenario_id": i, "hydro_id": hydro, "value_m3s": float(values[i, t])}
            for hydro, values in drawn.items()
            for t in range(draft.axis.n_stages)
            for i in range(count)
        ),
    )
    return count
