"""Makes the case of four reservoirs in Brazil with inflows whose noise multiplies the past.

Ten years of months, 100 given openings each, as published by C. Fuellner and others with the
program LogLinearSDDP.jl (data: Shapiro, Tekaya, da Costa and Soares 2013). Their lower bounds after
two hours with one solve for each opening: LIN-SHA 2.136e8 to 2.147e8, LIN-FIT 1.981e8 to 1.984e8.

    python benchmarks/brazil_multiplicative.py DATA CASE --model shapiro
    headwater train CASE

``DATA`` is the directory of its tables. Power and water are in the same unit there, means of a
month in MW: a block of one hour and a productivity of 1 say the same here, so that $/MWh are their
$ per MW and month. Deficit in tranches is a share of the load: thermal plants with limits of each
stage, and the bus for the last one.
"""

from __future__ import annotations

import argparse
import csv
import json
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headwater.model.stages import DAYS_PER_YEAR, HM3_PER_M3S_HOUR

SYSTEMS = ("SE", "S", "NE", "N")
BUSES = (*SYSTEMS, "X")
DISCOUNT = 0.9906
N_STAGES = 120
FIRST_YEAR = 2011


class Tables:
    """The published tables."""

    def __init__(self, root: Path, model: str) -> None:
        self.root, self.model = root, model

    def rows(self, name: str) -> list[dict[str, str]]:
        """Rows of a table of text."""
        with (self.root / f"{name}.csv").open(encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    def coefficients(self, column: str) -> np.ndarray:
        """A column of the inflow model, ``[month, system]``."""
        found = {
            (int(row["month"]), row["system"]): row[column]
            for row in self.rows(f"{self.model}_model_coefficients")
        }
        return np.array([[float(found[m, s]) for s in SYSTEMS] for m in range(1, 13)])

    def sigma(self) -> np.ndarray:
        """Deviation of the logarithmic noise, ``[month, system]``."""
        if self.model == "fitted":
            return self.coefficients("sigma")
        variance = {
            (int(row["month"]), row["system"]): float(row[row["system"]])
            for row in self.rows("shapiro_model_covariance")
        }
        return np.sqrt([[variance[m, s] for s in SYSTEMS] for m in range(1, 13)])

    def openings(self) -> np.ndarray:
        """Noise of stages from the second on, ``[stage, opening, system]``."""
        table = pl.read_parquet(self.root / f"{self.model}_model_noise_openings.parquet")
        values = table.sort("stage", "opening").select(SYSTEMS).to_numpy()
        return values.reshape(N_STAGES - 1, -1, len(SYSTEMS))


def inflow_tables(tables: Tables, n_stages: int) -> dict[str, pl.DataFrame]:
    """The inflow model as statistics, coefficients and given openings.

    With noise of mean 1 the published coefficients are multiplied by the mean of its exponential;
    the means are those to which the model tends.
    """
    sigma = tables.sigma()
    lift = np.exp(sigma**2 / 2.0)
    psi, base = tables.coefficients("factor") * lift, tables.coefficients("constant") * lift
    mean = np.ones_like(psi)
    for _ in range(200):
        for m in range(12):
            mean[m] = base[m] + psi[m] * mean[m - 1]
    std = mean * np.sqrt(np.expm1(sigma**2))
    stats, lags, noise = [], [], []
    for t in range(-1, n_stages):
        m = t % 12
        for h in range(len(SYSTEMS)):
            stats.append((h, t, mean[m, h], std[m, h]))
            if t >= 0:
                lags.append((h, t, 1, psi[m, h] * std[m - 1, h] / std[m, h], 1.0))
    recent = {int(row["stage"]): row for row in tables.rows("recent_inflows")}
    known, before = (np.array([float(recent[k][s]) for s in SYSTEMS]) for k in (1, 0))
    logarithm = np.log(known / (base[0] + psi[0] * before))
    noise += [(0, 0, h, logarithm[h] / sigma[0, h] + sigma[0, h] / 2.0) for h in range(4)]
    for t, drawn in enumerate(tables.openings()[: n_stages - 1], 1):
        scaled = drawn / sigma[t % 12]
        noise += [(t, w, h, scaled[w, h]) for w in range(len(scaled)) for h in range(4)]
    frame = {
        "scenarios/inflow_seasonal_stats.parquet": (
            stats,
            ["hydro_id", "stage_id", "mean_m3s", "std_m3s"],
        ),
        "scenarios/inflow_ar_coefficients.parquet": (
            lags,
            ["hydro_id", "stage_id", "lag", "coefficient", "residual_std_ratio"],
        ),
        "scenarios/noise_openings.parquet": (
            noise,
            ["stage_id", "opening_index", "entity_index", "value"],
        ),
    }
    return {name: _frame(rows, columns) for name, (rows, columns) in frame.items()}


def _frame(rows: list[tuple[Any, ...]], columns: list[str]) -> pl.DataFrame:
    unsigned = {"opening_index", "entity_index"}
    types: dict[str, Any] = {
        name: pl.UInt32()
        if name in unsigned
        else pl.Int32()
        if name.endswith("_id") or name == "lag"
        else pl.Float64()
        for name in columns
    }
    return pl.DataFrame(rows, types, orient="row")


def system_files(tables: Tables, n_stages: int) -> tuple[dict[str, Any], dict[str, pl.DataFrame]]:
    """The power system: files of ``system/``, and tables that depend on the load of a stage."""
    place = {name: number for number, name in enumerate(BUSES)}
    thermals = [
        {
            "id": int(row["id"]),
            "name": row["name"],
            "bus_id": place[row["system"]],
            "cost_per_mwh": float(row["cost_per_mwmonth"]),
            "generation": {
                "min_mw": float(row["min_generation"]),
                "max_mw": float(row["max_generation"]),
            },
        }
        for row in tables.rows("thermals")
    ]
    tranches, limits = tables.rows("deficit"), []
    demand = tables.rows("demand")[:n_stages]
    for row in tranches[:-1]:
        for name in SYSTEMS:
            share = float(row["share_of_demand"])
            most = [share * float(loads[name]) for loads in demand]
            number = 1000 + len(SYSTEMS) * int(row["tranche"]) + place[name]
            thermals.append(
                {
                    "id": number,
                    "name": f"deficit {row['tranche']} of {name}",
                    "bus_id": place[name],
                    "cost_per_mwh": float(row["cost_per_mwmonth"]),
                    "generation": {"min_mw": 0.0, "max_mw": max(most)},
                }
            )
            limits += [(number, t, value) for t, value in enumerate(most)]
    last = [{"depth_mw": None, "cost": float(tranches[-1]["cost_per_mwmonth"])}]
    files = {
        "system/buses.json": {
            "buses": [{"id": i, "name": n, "deficit_segments": last} for n, i in place.items()]
        },
        "system/lines.json": {
            "lines": [
                {
                    "id": number,
                    "name": f"{row['from']} to {row['to']}",
                    "source_bus_id": place[row["from"]],
                    "target_bus_id": place[row["to"]],
                    "capacity": {"direct_mw": min(float(row["capacity"]), 1e6), "reverse_mw": 0.0},
                    "exchange_cost": float(row["cost"]),
                }
                for number, row in enumerate(tables.rows("exchange"))
            ]
        },
        "system/thermals.json": {"thermals": thermals},
        "system/hydros.json": {"hydros": [_hydro(row, place) for row in tables.rows("reservoirs")]},
    }
    loads = [
        (place[name], t, float(row[name]), 0.0) for t, row in enumerate(demand) for name in BUSES
    ]
    columns = ["bus_id", "stage_id", "mean_mw", "std_mw"]
    frames = {
        "constraints/thermal_bounds.parquet": _frame(
            limits, ["thermal_id", "stage_id", "max_generation_mw"]
        ),
        "scenarios/load_seasonal_stats.parquet": _frame(loads, columns),
    }
    return files, frames


def _hydro(row: dict[str, str], place: dict[str, int]) -> dict[str, Any]:
    most = float(row["max_hydro_generation"])
    return {
        "id": place[row["system"]],
        "name": row["name"],
        "bus_id": place[row["system"]],
        "downstream_id": None,
        "reservoir": {
            "min_storage_hm3": 0.0,
            "max_storage_hm3": float(row["max_storage"]) * HM3_PER_M3S_HOUR,
        },
        "outflow": {"min_outflow_m3s": 0.0, "max_outflow_m3s": None},
        "generation": {
            "model": "constant_productivity",
            "productivity_mw_per_m3s": 1.0,
            "min_turbined_m3s": 0.0,
            "max_turbined_m3s": most,
            "min_generation_mw": 0.0,
            "max_generation_mw": most,
        },
    }


def study_files(
    tables: Tables, n_stages: int, forward_passes: int, seconds: float
) -> dict[str, Any]:
    """Stages, penalties, start and settings."""
    days = [date(FIRST_YEAR + m // 12, m % 12 + 1, 1) for m in range(n_stages + 1)]
    spans = [(later - earlier).days for earlier, later in pairwise(days)]
    stages = [
        {
            "id": t,
            "start_date": days[t].isoformat(),
            "end_date": days[t + 1].isoformat(),
            "blocks": [{"id": 0, "name": "month", "hours": 1.0}],
            "num_scenarios": 100 if t else 1,
            "state_variables": {"storage": True, "inflow_lags": True},
        }
        for t in range(n_stages)
    ]
    steps = [
        {
            "source_id": t,
            "target_id": t + 1,
            "probability": 1.0,
            "annual_discount_rate_override": DISCOUNT ** (-DAYS_PER_YEAR / spans[t]) - 1.0,
        }
        for t in range(n_stages - 1)
    ]
    reservoirs = tables.rows("reservoirs")
    before = next(row for row in tables.rows("recent_inflows") if row["stage"] == "0")
    start = {
        "storage": [
            {"hydro_id": h, "value_hm3": float(row["initial_storage"]) * HM3_PER_M3S_HOUR}
            for h, row in enumerate(reservoirs)
        ],
        "filling_storage": [],
        "past_inflows": [
            {"hydro_id": h, "values_m3s": [float(before[name])]} for h, name in enumerate(SYSTEMS)
        ],
    }
    dear = 1e5
    hydro = {"spillage_cost": 0.0, "diversion_cost": 0.0, "fpha_turbined_cost": 0.0}
    violations = (
        "storage_violation_below_cost",
        "filling_target_violation_cost",
        "turbined_violation_below_cost",
        "outflow_violation_below_cost",
        "outflow_violation_above_cost",
        "generation_violation_below_cost",
        "evaporation_violation_cost",
        "water_withdrawal_violation_cost",
    )
    return {
        "stages.json": {
            "policy_graph": {
                "type": "finite_horizon",
                "annual_discount_rate": 0.0,
                "transitions": steps,
            },
            "pre_study_stages": [
                {
                    "id": -1,
                    "start_date": f"{FIRST_YEAR - 1}-12-01",
                    "end_date": f"{FIRST_YEAR}-01-01",
                }
            ],
            "stages": stages,
        },
        "initial_conditions.json": start,
        "penalties.json": {
            "bus": {
                "deficit_segments": [{"depth_mw": None, "cost": 5845.54}],
                "excess_cost": dear,
            },
            "line": {"exchange_cost": 0.001},
            "hydro": {**hydro, **dict.fromkeys(violations, dear)},
            "non_controllable_source": {"curtailment_cost": 0.0},
        },
        "config.json": {
            "modeling": {"inflow_non_negativity": {"method": "none"}},
            "stochastic": {"inflow_noise": "multiplicative"},
            "training": {
                "forward_passes": forward_passes,
                "tree_seed": 11111,
                "stopping_rules": [
                    {"type": "time_limit", "seconds": seconds},
                    {"type": "iteration_limit", "limit": 10000},
                ],
                "cut_selection": {"enabled": True, "method": "level1"},
            },
        },
    }


def write_case(data: Path, case: Path, model: str, n_stages: int, **settings: Any) -> Path:
    """Write the case.

    Args:
        data: directory of the published tables.
        case: new directory.
        model: ``shapiro`` (LIN-SHA) or ``fitted`` (LIN-FIT).
        n_stages: months of the study; 1 is the published first stage without a future.
        settings: of `study_files`.
    """
    tables = Tables(data, model)
    files, frames = system_files(tables, n_stages)
    files |= study_files(tables, n_stages, **settings)
    frames |= inflow_tables(tables, n_stages)
    for folder in ("system", "scenarios", "constraints"):
        (case / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (case / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for name, frame in frames.items():
        frame.write_parquet(case / name)
    return case


def main() -> None:
    """Write the case that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="directory of the published tables")
    parser.add_argument("case", type=Path, help="new case directory")
    parser.add_argument("--model", choices=("shapiro", "fitted"), default="shapiro")
    parser.add_argument("--stages", type=int, default=N_STAGES)
    parser.add_argument("--forward-passes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=600.0, help="time limit of training")
    given = parser.parse_args()
    settings = {"forward_passes": given.forward_passes, "seconds": given.seconds}
    write_case(given.data, given.case, given.model, given.stages, **settings)


if __name__ == "__main__":
    main()
