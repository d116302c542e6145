"""A small case of the kinds and choices that the other systems of the fuzzer lack.

Batteries, demand responses, unit groups, sources that must be taken, reserves, stocks, lines around
a loop with reactances, phase shifters, curves of losses and failures, ramps between chronological
blocks, water that travels, risk measures by their type, and the stopping rules that ask for more
than a number of iterations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from case_builder import TinyCase


def newer_kinds(root: Path) -> TinyCase:
    """The case, to be written into ``root``."""
    case = TinyCase(root)
    case.files["system/buses.json"] = {"buses": [{"id": b, "name": "ABC"[b]} for b in range(3)]}
    case.files["system/lines.json"] = {
        "lines": [_line(number, *ends) for number, ends in enumerate(((0, 1), (1, 2), (2, 0)))]
    }
    case.tables["scenarios/load_seasonal_stats"] += [
        {"bus_id": 2, "stage_id": stage, "mean_mw": 20.0, "std_mw": 1.0} for stage in (0, 1)
    ]
    case.files["system/batteries.json"] = {
        "batteries": [
            _battery(0, self_discharge_per_hour=0.0005),
            _battery(1, closed_within_stage=True),
            _battery(2, exit_stage_id=1),
        ]
    }
    units = {"hydro_id": 1, "max_generation_mw": 30.0, "cost_per_mwh": 0.5}
    case.files["system/unit_groups.json"] = {
        "unit_groups": [{"id": g, "name": f"G{g}", "bus_id": g, **units} for g in range(2)]
    }
    case.files["system/demand_responses.json"] = {
        "demand_responses": [
            {
                "id": 0,
                "name": "D0",
                "bus_id": 1,
                "steps": [{"max_mw": 6.0, "price_per_mwh": 40.0}],
                "max_shift_mw": 5.0,
                "recovery_factor": 1.05,
                "exit_stage_id": 1,
            }
        ]
    }
    case.files["system/non_controllable_sources.json"] = {
        "non_controllable_sources": [
            {
                "id": n,
                "name": f"N{n}",
                "bus_id": n,
                "max_generation_mw": 9.0,
                "allow_curtailment": n > 0,
            }
            for n in range(2)
        ]
    }
    failure = {"id": 0, "name": "AB fails", "line_id": 0, "limit_factor": 1.3}
    case.files["system/contingencies.json"] = {"contingencies": [failure]}
    case.files["system/reserves.json"] = {"reserves": _reserves()}
    case.files["system/stocks.json"] = {"stocks": _stocks()}
    _make_chronological(case)
    case.hydros[0]["travel_time_hours"] = 30.0
    case.hydros[1]["balance_each_block"] = True
    case.hydros[0]["seepage"] = {"slope_m3s_per_hm3": 0.01, "constant_m3s": 0.3}
    days = {"start_date": "2023-12-30", "end_date": "2024-01-01"}
    case.initial["past_defluences"] = [{"hydro_id": 0, **days, "value_m3s": 25.0}]
    measures: tuple[dict[str, Any], ...] = (
        {"type": "entropic", "aversion": 1e-6},
        {
            "type": "blend",
            "shares": [0.5, 0.3, 0.2],
            "measures": [
                "expectation",
                {"type": "chi_square", "radius": 0.1},
                {"cvar": {"tail_fraction": 0.3, "lambda": 1.0}},
            ],
        },
    )
    for stage, measure in zip(case.stages, measures, strict=True):
        stage["risk_measure"] = measure
    case.training["stopping_rules"] += [
        {"type": "small_changes", "tolerance": 1e-6, "times": 2, "minimum_iterations": 3},
        {"type": "gap", "relative_tolerance": 1e-4},
    ]
    config = case.files["config.json"]
    config["modeling"]["inflow_non_negativity"] = {"method": "penalty"}
    config["upper_bound_evaluation"] = {
        "enabled": True,
        "initial_iteration": 1,
        "interval_iterations": 1,
        "lipschitz": {"mode": "auto", "fallback_value": 5000.0},
    }
    return case


def _make_chronological(case: TinyCase) -> None:
    """Let blocks follow each other in the second stage, where a plant with ramps enters."""
    case.stages[1]["block_mode"] = "chronological"
    ramps = {"max_ramp_up_mw_per_hour": 0.2, "max_ramp_down_mw_per_hour": 0.1}
    ramps |= {"min_stable_mw": 5.0, "start_cost": 200.0, "min_up_hours": 9.0}
    case.thermals.append({**case.thermals[0], "id": 2, "name": "T2", "entry_stage_id": 1, **ramps})


def _line(number: int, source: int, target: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"L{number}",
        "source_bus_id": source,
        "target_bus_id": target,
        "capacity": {"direct_mw": 40.0, "reverse_mw": 30.0},
        "reactance_pu": 0.1 + 0.05 * number,
        "max_phase_shift_degrees": 1.5 * number,
        "loss_curve": [{"flow_mw": 15.0, "losses_mw": 0.2}, {"flow_mw": 30.0, "losses_mw": 0.9}],
    }


def _battery(bus_id: int, **more: float) -> dict[str, Any]:
    return {
        "id": bus_id,
        "name": f"B{bus_id}",
        "bus_id": bus_id,
        "max_energy_mwh": 90.0,
        "max_charge_mw": 20.0,
        "max_discharge_mw": 25.0,
        "charge_efficiency": 0.9,
        "discharge_efficiency": 0.8,
        "initial_energy_mwh": 40.0,
        "cost_per_mwh": 0.02,
        **more,
    }


def _reserves() -> list[dict[str, Any]]:
    up = [
        {"power": "thermal_generation(0)", "max_reserve_mw": 10.0, "cost_per_mwh": 1.5},
        {"power": "hydro_generation(0) + hydro_generation(1)", "capacity_mw": 90.0},
    ]
    return [
        {
            "id": 0,
            "name": "spinning",
            "providers": up,
            "requirement_mw": 5.0,
            "requirement_by_stage": [{"stage_id": 1, "requirement_mw": 7.0}],
            "load_share": 0.02,
            "bus_ids": [0, 1],
            "covers_largest": True,
            "shortage_cost": 900.0,
        },
        {
            "id": 1,
            "name": "down",
            "room": "below",
            "providers": [{"power": "thermal_generation(1)"}],
            "requirement_mw": 2.0,
        },
    ]


def _stocks() -> list[dict[str, Any]]:
    return [
        {
            "id": 0,
            "name": "gas",
            "unit": "GJ",
            "consumption": "8.5 * thermal_generation(0)",
            "initial_amount": 90_000.0,
            "max_amount": 400_000.0,
            "max_supply": 300_000.0,
            "min_supply": 1_000.0,
            "supply_cost": 1.2,
            "supply_by_stage": [{"stage_id": 1, "max_supply": 250_000.0, "supply_cost": 1.5}],
            "shortage_cost": 90.0,
        },
        {
            "id": 1,
            "name": "carbon",
            "consumption": "0.4 * thermal_generation(1)",
            "initial_amount": 20_000.0,
        },
    ]
