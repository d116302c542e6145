"""The grid of Bolivia: 28 buses with DC power flow, 11 hydro plants, 34 generators.

From LearningToOptimize/DecisionRules.jl (MIT); its files are read where they are, since they are
too many to be written here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from published.case_files import (
    Entry,
    PublishedCase,
    bus,
    case,
    hydro,
    line,
    months,
    penalties,
    thermal,
)

PER_UNIT_MW = 100.0
LOAD_SHARE = 0.6
"""All published runs take so much of the loads of the file."""

WATER_PER_MWH = 0.1
"""Cost of hydro generation, $/MWh. It is taken off all other sources instead, and `WATER_COST`
added to what a stage costs.
"""

WATER_COST = WATER_PER_MWH * 482.5321428571429
"""The same for all load of a stage, $."""

LEFT = 1000
"""The plant without turbines at which water that leaves the system ends."""


def bolivia(
    folder: Path,
    inflows_m3s: Sequence[np.ndarray],
    iterations: int = 1,
    forward_passes: int = 1,
    simulated: int | None = None,
) -> PublishedCase:
    """The system over so many stages of an hour as there are inflows.

    Args:
        folder: where the files are.
        inflows_m3s: per stage ``[opening, plant]``.
        iterations: of training.
        forward_passes: of an iteration.
        simulated: scenarios.
    """
    grid = json.loads((folder / "PowerModels.json").read_text())
    plants = json.loads((folder / "hydro.json").read_text())["Hydrogenerators"]
    generators = grid["gen"]
    of_water = {str(plant["index_grid"]) for plant in plants}
    n_stages, every = len(inflows_m3s), [bus(b["index"]) for b in grid["bus"].values()]
    loads = {entry["id"]: 0.0 for entry in every}
    for load in grid["load"].values():
        loads[load["load_bus"]] += LOAD_SHARE * PER_UNIT_MW * load["pd"]
    return case(
        stages=months(n_stages, hours=1.0, num_scenarios=len(inflows_m3s[0])),
        loads_mw={b: [load] * n_stages for b, load in loads.items()},
        buses=[
            entry
            | {
                "deficit_segments": [
                    {"depth_mw": None, "cost": grid["cost_deficit"] - WATER_PER_MWH}
                ]
            }
            for entry in every
        ],
        lines=[_line(branch) for branch in grid["branch"].values()],
        thermals=[
            thermal(
                int(key),
                PER_UNIT_MW * one["pmax"],
                one["cost"][0] / PER_UNIT_MW - WATER_PER_MWH,
                one["gen_bus"],
            )
            for key, one in generators.items()
            if key not in of_water
        ],
        hydros=[
            *(_hydro(plant, generators[str(plant["index_grid"])]) for plant in plants),
            hydro(LEFT, 0.0, 0.0, bus_id=every[0]["id"]),
        ],
        storage_hm3=[],
        files={
            "initial_conditions.json": {
                "storage": [
                    {"hydro_id": h, "value_hm3": 0.0}
                    for h in (*(plant["index"] for plant in plants), LEFT)
                ],
                "filling_storage": [],
            }
        },
        penalty=penalties(exchange=0.0, excess=0.0, spillage_cost=0.0, diversion_cost=0.0),
        iterations=iterations,
        forward_passes=forward_passes,
        simulated=simulated,
        tables=_openings([plant["index"] for plant in plants], inflows_m3s),
    )


def _line(branch: dict[str, Any]) -> Entry:
    """A branch; the limit of the angle between its ends limits its flow."""
    r, x = branch["br_r"], branch["br_x"]
    reactance = (r * r + x * x) / x
    most = PER_UNIT_MW * min(branch["rate_a"], branch["angmax"] / reactance)
    built = line(
        branch["index"],
        branch["name"].strip(),
        (branch["f_bus"], branch["t_bus"]),
        (most, most),
        0.0,
    )
    return built | {"reactance_pu": reactance}


def _hydro(plant: dict[str, Any], generator: dict[str, Any]) -> Entry:
    """A plant; where only its turbined water goes on, spilled water takes a
    channel out of the system.
    """
    turbined, spilled = plant["downstream_turn"], plant["downstream_spill"]
    channel: Entry = {}
    if turbined and not spilled:
        channel = {
            "diversion": {"downstream_id": LEFT, "max_flow_m3s": 1e4},
            "penalties": {"spillage_cost": 1e4},
        }
    built = hydro(
        plant["index"],
        plant["max_volume"],
        plant["max_turn"],
        bus_id=generator["gen_bus"],
        downstream_id=turbined[0] if turbined else None,
        name=plant["name"].strip(),
        productivity=plant["production_factor"],
        outflow_m3s=(0.0, None),
        **channel,
    )
    built["generation"]["max_generation_mw"] = PER_UNIT_MW * generator["pmax"]
    return built


def _openings(plants: Sequence[int], inflows_m3s: Sequence[np.ndarray]) -> dict[str, list[Entry]]:
    """Means, deviations and openings that give the inflows back."""
    means = [values.mean(axis=0) for values in inflows_m3s]
    spread = [
        np.where(np.ptp(values, axis=0) > 0, values.std(axis=0), 0.0) for values in inflows_m3s
    ]
    every = (*plants, LEFT)
    order = sorted(range(len(every)), key=lambda place: every[place])
    statistics, noise = [], []
    for t, values in enumerate(inflows_m3s):
        padded = [np.append(one, 0.0) for one in (means[t], spread[t])]
        statistics += [
            {
                "hydro_id": h,
                "stage_id": t,
                "mean_m3s": float(padded[0][p]),
                "std_m3s": float(padded[1][p]),
            }
            for p, h in enumerate(every)
        ]
        for w, row in enumerate(values):
            away = np.append(row - means[t], 0.0)
            noise += [
                {
                    "stage_id": t,
                    "opening_index": w,
                    "entity_index": place,
                    "value": float(away[p] / padded[1][p]) if padded[1][p] > 0 else 0.0,
                }
                for place, p in enumerate(order)
            ]
    return {"scenarios/inflow_seasonal_stats": statistics, "scenarios/noise_openings": noise}


def inflows(folder: Path, n_stages: int) -> list[np.ndarray]:
    """Inflows of the stages, ``[opening, plant]`` in m3/s: the 48 months again and again."""
    table = np.loadtxt(folder / "inflows.csv", delimiter=",")
    months_ = table.reshape(len(table), -1, 15).transpose(0, 2, 1)
    return [months_[t % len(months_)] for t in range(n_stages)]
