"""What is unusual about small systems that nobody chose.

Each oddity forces sizes, or changes a case before it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from case_builder import TinyCase

Change = Callable[[TinyCase, np.random.Generator], None]

DIMENSIONS: dict[str, dict[str, int]] = {
    "one plant and one stage": {
        "hydros": 1,
        "stages": 1,
        "blocks": 1,
        "openings": 1,
        "thermals": 1,
        "buses": 1,
        "lags": 0,
    },
    "no hydro": {"hydros": 0, "lags": 0},
    "no thermal": {"thermals": 0},
    "lags": {"lags": 2, "stages": 3},
    "planes": {"planes": 1, "hydros": 2},
    "four in a row": {"hydros": 4, "stages": 3, "openings": 3},
}
"""Sizes that an oddity forces."""


def stats(case: TinyCase) -> list[dict[str, Any]]:
    """Rows of the inflow statistics."""
    return case.tables.get("scenarios/inflow_seasonal_stats", [])


def scale_inflows(case: TinyCase, factor: float) -> None:
    for row in stats(case):
        row["mean_m3s"] *= factor
        row["std_m3s"] *= factor
    for past in case.initial.get("past_inflows", []):
        past["values_m3s"] = [factor * value for value in past["values_m3s"]]


def scale_load(case: TinyCase, factor: float) -> None:
    for row in case.tables["scenarios/load_seasonal_stats"]:
        row["mean_mw"] *= factor


def costs(case: TinyCase) -> dict[str, Any]:
    """Hydro costs of the penalties."""
    return case.files["penalties.json"]["hydro"]


def wet(case: TinyCase, rng: np.random.Generator) -> None:
    scale_inflows(case, 20.0)
    scale_load(case, 0.3)


def dry(case: TinyCase, rng: np.random.Generator) -> None:
    scale_inflows(case, 0.02)
    for one in case.initial["storage"]:
        one["value_hm3"] = case.hydros[one["hydro_id"]]["reservoir"]["min_storage_hm3"]


def no_load(case: TinyCase, rng: np.random.Generator) -> None:
    scale_load(case, 0.0)


def no_inflow(case: TinyCase, rng: np.random.Generator) -> None:
    scale_inflows(case, 0.0)
    case.tables.pop("scenarios/inflow_ar_coefficients", None)


def run_of_river(case: TinyCase, rng: np.random.Generator) -> None:
    """Reservoirs without room: empty for ever, or full for ever."""
    held = float(rng.choice([0.0, 7.5]))
    for hydro, initial in zip(case.hydros, case.initial["storage"], strict=True):
        hydro["reservoir"] = {"min_storage_hm3": held, "max_storage_hm3": held}
        initial["value_hm3"] = held


def ties(case: TinyCase, rng: np.random.Generator) -> None:
    """All thermals cost the same, and all plants make the same of water."""
    for thermal in case.thermals:
        thermal["cost_per_mwh"] = 100.0
    for hydro in case.hydros:
        generation = hydro["generation"]
        generation |= {
            "productivity_mw_per_m3s": 0.5,
            "max_generation_mw": 0.5 * generation["max_turbined_m3s"],
        }


def free_power(case: TinyCase, rng: np.random.Generator) -> None:
    for thermal in case.thermals:
        thermal["cost_per_mwh"] = 0.0


def near_duplicates(case: TinyCase, rng: np.random.Generator) -> None:
    """Plants, and thermals, that differ in the ninth digit."""
    for plants in (case.hydros, case.thermals):
        for number, plant in enumerate(plants[1:], 1):
            nudge = 1.0 + 1e-9 * number
            for section in ("reservoir", "generation", "outflow"):
                for key, value in plants[0].get(section, {}).items():
                    if isinstance(value, float) and section in plant and key in plant[section]:
                        plant[section][key] = value * nudge
            if "cost_per_mwh" in plant:
                plant["cost_per_mwh"] = plants[0]["cost_per_mwh"] * nudge
    for initial in case.initial["storage"]:
        limits = case.hydros[initial["hydro_id"]]["reservoir"]
        initial["value_hm3"] = 0.5 * (limits["min_storage_hm3"] + limits["max_storage_hm3"])


def small_penalties(case: TinyCase, rng: np.random.Generator) -> None:
    """Tie-breakers of zero, and violations that cost next to nothing."""
    for name in costs(case):
        costs(case)[name] = (
            0.0 if name in ("spillage_cost", "diversion_cost", "fpha_turbined_cost") else 1e-6
        )
    case.files["penalties.json"]["line"]["exchange_cost"] = 0.0
    case.files["penalties.json"]["bus"]["excess_cost"] = 0.0


def huge_penalties(case: TinyCase, rng: np.random.Generator) -> None:
    for name in costs(case):
        if name.endswith("violation_below_cost") or name == "inflow_nonnegativity_cost":
            costs(case)[name] = 1e9


def deep_deficit(case: TinyCase, rng: np.random.Generator) -> None:
    """Thirty times the load, and many steps of deficit whose costs hardly differ."""
    scale_load(case, 30.0)
    steps = [{"depth_mw": 5.0 + k, "cost": 3000.0 + 0.001 * k} for k in range(12)]
    case.files["penalties.json"]["bus"]["deficit_segments"] = [
        *steps,
        {"depth_mw": None, "cost": 3001.0},
    ]


def fixed(case: TinyCase, rng: np.random.Generator) -> None:
    """Lower limits that equal the upper ones."""
    for thermal in case.thermals[::2]:
        thermal["generation"]["min_mw"] = thermal["generation"]["max_mw"]
    for hydro in case.hydros[::2]:
        hydro["generation"]["min_turbined_m3s"] = hydro["generation"]["max_turbined_m3s"]
        hydro["outflow"]["max_outflow_m3s"] = hydro["outflow"]["min_outflow_m3s"] = hydro[
            "generation"
        ]["max_turbined_m3s"]


def no_capacity(case: TinyCase, rng: np.random.Generator) -> None:
    """A thermal, a line and a plant that can do nothing."""
    for thermal in case.thermals[:1]:
        thermal["generation"] = {"min_mw": 0.0, "max_mw": 0.0}
    for line in case.files["system/lines.json"]["lines"]:
        line["capacity"] = {"direct_mw": 0.0, "reverse_mw": 0.0}
    for hydro in case.hydros[:1]:
        hydro["generation"] |= dict.fromkeys(
            ("min_turbined_m3s", "max_turbined_m3s", "max_generation_mw"), 0.0
        )


def ahead(case: TinyCase, rng: np.random.Generator) -> None:
    """A thermal whose power is ordered a stage ahead."""
    for thermal in case.thermals[:1]:
        thermal["gnl_config"] = {"lag_stages": 1}
        committed = 0.5 * (thermal["generation"]["min_mw"] + thermal["generation"]["max_mw"])
        case.initial["gnl_pipeline"] = [
            {"thermal_id": thermal["id"], "stage_offset": 1, "committed_mw": committed}
        ]


def giant(case: TinyCase, rng: np.random.Generator) -> None:
    """A million times the power: load, lines, thermals, and what water makes."""
    scale_load(case, 1e6)
    for thermal in case.thermals:
        thermal["generation"] = {name: 1e6 * value for name, value in thermal["generation"].items()}
    for hydro in case.hydros:
        for name in ("productivity_mw_per_m3s", "min_generation_mw", "max_generation_mw"):
            hydro["generation"][name] *= 1e6


def noisy(case: TinyCase, rng: np.random.Generator) -> None:
    """Inflows whose deviation is twice their mean, so that many are negative."""
    for row in stats(case):
        row["std_m3s"] = 2.0 * row["mean_m3s"]


def certain(case: TinyCase, rng: np.random.Generator) -> None:
    """Openings that are all the same."""
    for row in stats(case):
        row["std_m3s"] = 0.0
    case.tables.pop("scenarios/inflow_ar_coefficients", None)


def averse(case: TinyCase, rng: np.random.Generator) -> None:
    for stage in case.stages:
        stage["risk_measure"] = {"cvar": {"alpha": 0.7, "lambda": 0.6}}


def drop_and_sea(case: TinyCase, rng: np.random.Generator) -> None:
    """Reservoirs of a few cubic metres above reservoirs like a sea."""
    for number, (hydro, initial) in enumerate(
        zip(case.hydros, case.initial["storage"], strict=True)
    ):
        size = (2e-5, 4e6, 1e-2, 3e4)[number % 4]
        hydro["reservoir"] = {"min_storage_hm3": 0.0, "max_storage_hm3": size}
        initial["value_hm3"] = 0.4 * size


def cent_and_million(case: TinyCase, rng: np.random.Generator) -> None:
    """Thermal costs from a hundredth of a cent to a million."""
    for thermal in case.thermals:
        thermal["cost_per_mwh"] = float(10.0 ** rng.uniform(-4.0, 6.0))
    dearest = max((thermal["cost_per_mwh"] for thermal in case.thermals), default=1.0)
    case.files["penalties.json"]["bus"]["deficit_segments"] = [
        {"depth_mw": None, "cost": 2.0 * dearest + 1.0}
    ]


def ruled(case: TinyCase, rng: np.random.Generator) -> None:
    """User constraints that contradict what is cheapest."""
    if not case.hydros:
        return
    row = {
        "id": 0,
        "name": "kept",
        "expression": "hydro_storage(0)",
        "sense": ">=",
        "slack": {"enabled": True, "penalty": 30.0},
    }
    other = {
        "id": 1,
        "name": "tied",
        "expression": "hydro_generation(0) - 0.5 * bus_deficit(0)",
        "sense": "==",
    }
    case.files["constraints/generic_constraints.json"] = {
        "constraints": [row, {**other, "slack": {"enabled": True, "penalty": 3.0}}]
    }
    high = 0.9 * case.hydros[0]["reservoir"]["max_storage_hm3"]
    case.tables["constraints/generic_constraint_bounds"] = [
        {"constraint_id": c, "stage_id": stage["id"], "block_id": None, "bound": bound}
        for stage in case.stages
        for c, bound in ((0, high), (1, 12.0))
    ]


ODDITIES: dict[str, Change] = {
    "wet": wet,
    "dry": dry,
    "no load": no_load,
    "no inflow": no_inflow,
    "run of river": run_of_river,
    "ties": ties,
    "free power": free_power,
    "near duplicates": near_duplicates,
    "small penalties": small_penalties,
    "huge penalties": huge_penalties,
    "deep deficit": deep_deficit,
    "fixed": fixed,
    "no capacity": no_capacity,
    "ordered ahead": ahead,
    "giant": giant,
    "noisy": noisy,
    "certain": certain,
    "averse": averse,
    "drop and sea": drop_and_sea,
    "cent and million": cent_and_million,
    "ruled": ruled,
}
"""Name -> what it changes."""
