"""Equipment that came after the founding kinds, with every key, for cases that hold everything."""

from __future__ import annotations

from typing import Any

from case_builder import TinyCase
from full_case import N_STAGES


def add_newer_kinds(case: TinyCase) -> None:
    """Add batteries with limits of stages, stocks, reserves, reactances, ramps and travel times."""
    battery = {"bus_id": 0, "max_energy_mwh": 90.0, "max_charge_mw": 20.0, "max_discharge_mw": 25.0}
    battery |= {
        "self_discharge_per_hour": 0.0001,
        "closed_within_stage": False,
        "charge_efficiency": 0.9,
        "discharge_efficiency": 0.8,
        "initial_energy_mwh": 40.0,
        "cost_per_mwh": 0.02,
    }
    later = {"entry_stage_id": 1, "exit_stage_id": 3}
    batteries = [{"id": 0, "name": "B0", **battery}, {"id": 1, "name": "B1", **battery, **later}]
    case.files["system/batteries.json"] = {"batteries": batteries}
    case.tables["constraints/battery_bounds"] = [
        {"battery_id": b, "stage_id": t, "max_charge_mw": 15.0, "max_discharge_mw": 16.0}
        for b in range(2)
        for t in range(N_STAGES)
    ]
    case.files["system/stocks.json"] = {"stocks": [stock(0), stock(1)]}
    case.files["system/reserves.json"] = {"reserves": [reserve(0), reserve(1)]}
    for line in case.files["system/lines.json"]["lines"]:
        line["reactance_pu"] = 0.2
        line |= {"min_phase_shift_degrees": -1.0, "max_phase_shift_degrees": 2.0}
        line["loss_curve"] = [
            {"flow_mw": 20.0, "losses_mw": 0.4},
            {"flow_mw": 40.0, "losses_mw": 1.2},
        ]
    failure = {"line_id": 0, "watched_line_ids": [1], "limit_factor": 1.5}
    later = {"entry_stage_id": 1, "exit_stage_id": 3}
    case.files["system/contingencies.json"] = {
        "contingencies": [{"id": c, "name": f"C{c}", **failure, **later} for c in range(2)]
    }
    for source in case.files["system/non_controllable_sources.json"]["non_controllable_sources"]:
        source["allow_curtailment"] = True
    groups = {"hydro_id": 0, "bus_id": 1, "max_generation_mw": 90.0, "min_generation_mw": 1.0}
    groups |= {"cost_per_mwh": 0.5, **later}
    case.files["system/unit_groups.json"] = {
        "unit_groups": [{"id": g, "name": f"G{g}", **groups} for g in range(2)]
    }
    case.files["system/demand_responses.json"] = {"demand_responses": [response(0), response(1)]}
    case.thermals.append(ramped_thermal(len(case.thermals)))
    above = next(plant for plant in case.hydros if plant["downstream_id"] is not None)
    above["travel_time_hours"] = 30.0
    for plant in case.hydros:
        plant["balance_each_block"] = False
        plant["seepage"] = {"slope_m3s_per_hm3": 0.001, "constant_m3s": 0.01}
    days = {"start_date": "2023-12-29", "end_date": "2023-12-31"}
    case.initial["past_defluences"] = [{"hydro_id": above["id"], **days, "value_m3s": 12.0}]


def ramped_thermal(thermal_id: int) -> dict[str, Any]:
    """A plant with ramps, which is there while blocks follow each other."""
    return {
        "id": thermal_id,
        "name": f"T{thermal_id}",
        "bus_id": 0,
        "generation": {"min_mw": 0.0, "max_mw": 12.0},
        "cost_per_mwh": 44.0,
        "max_ramp_up_mw_per_hour": 0.5,
        "max_ramp_down_mw_per_hour": 0.25,
        "min_stable_mw": 2.0,
        "start_cost": 30.0,
        "min_up_hours": 3.0,
        "min_down_hours": 4.0,
        "entry_stage_id": 1,
        "exit_stage_id": 2,
    }


def response(response_id: int) -> dict[str, Any]:
    """A demand response with every key."""
    return {
        "id": response_id,
        "name": f"D{response_id}",
        "bus_id": 0,
        "steps": [{"max_mw": 3.0, "price_per_mwh": 80.0}, {"max_mw": 2.0, "price_per_mwh": 300.0}],
        "max_shift_mw": 4.0,
        "max_recovery_mw": 5.0,
        "recovery_factor": 1.1,
        "shift_cost_per_mwh": 0.5,
        "entry_stage_id": 1,
        "exit_stage_id": 3,
    }


def stock(stock_id: int) -> dict[str, Any]:
    """A stock with every key."""
    ship = {"stage_id": 1, "max_supply": 50.0, "min_supply": 5.0, "supply_cost": 2.0}
    return {
        "id": stock_id,
        "name": f"S{stock_id}",
        "unit": "t",
        "consumption": "0.3 * thermal_generation(0)",
        "initial_amount": 40.0,
        "max_amount": 900.0,
        "max_supply": 30.0,
        "min_supply": 3.0,
        "supply_cost": 1.0,
        "supply_by_stage": [ship],
        "shortage_cost": 70.0,
    }


def reserve(reserve_id: int) -> dict[str, Any]:
    """A reserve with every key."""
    provider = {
        "power": "thermal_generation(0)",
        "max_reserve_mw": 5.0,
        "capacity_mw": 90.0,
        "cost_per_mwh": 1.0,
    }
    return {
        "id": reserve_id,
        "name": f"R{reserve_id}",
        "providers": [provider],
        "room": "above",
        "requirement_mw": 4.0,
        "requirement_by_stage": [{"stage_id": 1, "requirement_mw": 6.0}],
        "load_share": 0.1,
        "bus_ids": [0],
        "covers_largest": False,
        "shortage_cost": 300.0,
    }
