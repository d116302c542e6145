"""A tiny valid case on disk, for tests that break it in one place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

INTEGER_COLUMNS = {"lag", "ar_order", "opening_index", "entity_index"}


class TinyCase:
    """Two monthly stages, two buses with a line, two hydros in cascade and two thermals; edit it,
    then `write` it.

    Attributes:
        files: JSON file -> its content, free to edit.
        tables: table (without suffix) -> its rows, free to edit.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, Any] = copy.deepcopy(_FILES)
        self.tables: dict[str, list[dict[str, Any]]] = copy.deepcopy(_TABLES)

    def write(self, *, csv: bool = False) -> Path:
        """Write the case and return its directory."""
        for directory in ("system", "scenarios", "constraints"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (self.root / name).write_text(json.dumps(content), encoding="utf-8")
        for name, rows in self.tables.items():
            frame = frame_of(rows)
            if csv:
                frame.write_csv(self.root / f"{name}.csv")
            else:
                frame.write_parquet(self.root / f"{name}.parquet")
        return self.root

    def edit(self, change: Callable[[TinyCase], object]) -> Path:
        """Change the case, then write it."""
        change(self)
        return self.write()

    @property
    def hydros(self) -> list[dict[str, Any]]:
        """Entries of ``system/hydros.json``."""
        return self.files["system/hydros.json"]["hydros"]

    @property
    def thermals(self) -> list[dict[str, Any]]:
        """Entries of ``system/thermals.json``."""
        return self.files["system/thermals.json"]["thermals"]

    @property
    def stages(self) -> list[dict[str, Any]]:
        """Entries of ``stages.json``."""
        return self.files["stages.json"]["stages"]

    @property
    def training(self) -> dict[str, Any]:
        """Section ``training`` of ``config.json``."""
        return self.files["config.json"]["training"]

    @property
    def initial(self) -> dict[str, Any]:
        """Content of ``initial_conditions.json``."""
        return self.files["initial_conditions.json"]


def tiny_case(root: Path) -> TinyCase:
    """A tiny valid case, to be written into ``root``."""
    return TinyCase(root)


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a table with the exact types of the case format."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    overrides: dict[str, Any] = {
        name: pl.Int32() if name.endswith("_id") or name in INTEGER_COLUMNS else pl.Float64()
        for name in names
    }
    if "date" in overrides:
        overrides["date"] = pl.Date()
    return pl.DataFrame([{name: row.get(name) for name in names} for row in rows], schema=overrides)


def _stage(stage_id: int, start: str, end: str, hours: float) -> dict[str, Any]:
    return {
        "id": stage_id,
        "start_date": start,
        "end_date": end,
        "blocks": [
            {"id": 0, "name": "HEAVY", "hours": hours / 4},
            {"id": 1, "name": "LIGHT", "hours": hours * 3 / 4},
        ],
        "num_scenarios": 4,
    }


def _hydro(hydro_id: int, downstream: int | None) -> dict[str, Any]:
    return {
        "id": hydro_id,
        "name": f"H{hydro_id}",
        "bus_id": 0,
        "downstream_id": downstream,
        "reservoir": {"min_storage_hm3": 10.0, "max_storage_hm3": 100.0},
        "outflow": {"min_outflow_m3s": 0.0, "max_outflow_m3s": 500.0},
        "generation": {
            "model": "constant_productivity",
            "productivity_mw_per_m3s": 0.5,
            "min_turbined_m3s": 0.0,
            "max_turbined_m3s": 100.0,
            "min_generation_mw": 0.0,
            "max_generation_mw": 50.0,
        },
    }


def _thermal(thermal_id: int, cost: float) -> dict[str, Any]:
    generation = {"min_mw": 0.0, "max_mw": 60.0}
    return {
        "id": thermal_id,
        "name": f"T{thermal_id}",
        "bus_id": thermal_id,
        "generation": generation,
        "cost_per_mwh": cost,
    }


_FILES: dict[str, Any] = {
    "config.json": {
        "training": {
            "forward_passes": 2,
            "tree_seed": 7,
            "stopping_rules": [{"type": "iteration_limit", "limit": 5}],
        },
        "modeling": {"inflow_non_negativity": {"method": "none"}},
    },
    "stages.json": {
        "policy_graph": {"type": "finite_horizon", "annual_discount_rate": 0.1},
        "stages": [
            _stage(0, "2024-01-01", "2024-02-01", 744.0),
            _stage(1, "2024-02-01", "2024-03-01", 696.0),
        ],
    },
    "penalties.json": {
        "bus": {
            "deficit_segments": [
                {"depth_mw": 50.0, "cost": 4000.0},
                {"depth_mw": None, "cost": 5000.0},
            ],
            "excess_cost": 0.1,
        },
        "line": {"exchange_cost": 0.01},
        "hydro": {
            "spillage_cost": 0.01,
            "diversion_cost": 0.02,
            "fpha_turbined_cost": 0.05,
            "storage_violation_below_cost": 10_000_000.0,
            "filling_target_violation_cost": 20_000_000.0,
            "turbined_violation_below_cost": 500.0,
            "outflow_violation_below_cost": 500.0,
            "outflow_violation_above_cost": 500.0,
            "generation_violation_below_cost": 1000.0,
            "evaporation_violation_cost": 900.0,
            "water_withdrawal_violation_cost": 1000.0,
            "inflow_nonnegativity_cost": 8000.0,
        },
        "non_controllable_source": {"curtailment_cost": 0.005},
    },
    "initial_conditions.json": {
        "storage": [{"hydro_id": 0, "value_hm3": 50.0}, {"hydro_id": 1, "value_hm3": 60.0}],
        "filling_storage": [],
    },
    "system/buses.json": {"buses": [{"id": 0, "name": "A"}, {"id": 1, "name": "B"}]},
    "system/lines.json": {
        "lines": [
            {
                "id": 0,
                "name": "AB",
                "source_bus_id": 0,
                "target_bus_id": 1,
                "capacity": {"direct_mw": 40.0, "reverse_mw": 30.0},
            }
        ]
    },
    "system/hydros.json": {"hydros": [_hydro(0, 1), _hydro(1, None)]},
    "system/thermals.json": {"thermals": [_thermal(0, 20.0), _thermal(1, 35.0)]},
}

_TABLES: dict[str, list[dict[str, Any]]] = {
    "scenarios/inflow_seasonal_stats": [
        {"hydro_id": hydro, "stage_id": stage, "mean_m3s": 40.0 + hydro, "std_m3s": 8.0}
        for hydro in (0, 1)
        for stage in (0, 1)
    ],
    "scenarios/load_seasonal_stats": [
        {"bus_id": bus, "stage_id": stage, "mean_mw": 70.0, "std_mw": 0.0}
        for bus in (0, 1)
        for stage in (0, 1)
    ],
    "constraints/thermal_bounds": [
        {
            "thermal_id": 1,
            "stage_id": 1,
            "block_id": None,
            "max_generation_mw": 55.0,
            "cost_per_mwh": None,
        },
        {
            "thermal_id": 1,
            "stage_id": 1,
            "block_id": 0,
            "max_generation_mw": None,
            "cost_per_mwh": 45.0,
        },
    ],
}


def codes_of(findings: Any) -> set[str]:
    """Codes of some findings."""
    return {finding.code for finding in findings}


def ar_row(
    hydro: int, stage: int, lag: int, coefficient: float, ratio: float | None = 0.9
) -> dict[str, Any]:
    """A row of the autoregressive coefficients."""
    return {
        "hydro_id": hydro,
        "stage_id": stage,
        "lag": lag,
        "coefficient": coefficient,
        "residual_std_ratio": ratio,
    }


def geometry(
    hydro: int, volume: float, height: float = 300.0, area: float = 10.0
) -> dict[str, Any]:
    """A row of the reservoir geometry."""
    return {"hydro_id": hydro, "volume_hm3": volume, "height_m": height, "area_km2": area}


def plane(hydro: int, number: int, stage: int | None = None) -> dict[str, Any]:
    """A plane of a production function."""
    slopes = {"gamma_0": 1.0, "gamma_v": 0.01, "gamma_q": 0.5, "gamma_s": 0.0}
    return {"hydro_id": hydro, "stage_id": stage, "plane_id": number, **slopes}


def opening_rows(
    stages: tuple[int, ...] = (0, 1), n_openings: int = 4, width: int = 2
) -> list[dict[str, Any]]:
    """Rows of a complete opening tree."""
    return [
        {
            "stage_id": stage,
            "opening_index": opening,
            "entity_index": entity,
            "value": 0.1 * opening - entity,
        }
        for stage in stages
        for opening in range(n_openings)
        for entity in range(width)
    ]


def production(
    hydro_id: int = 0, start_stage_id: int = 0, source: str | None = None
) -> Callable[[TinyCase], None]:
    """A change that adds a production model by stage ranges; FPHA when a source is given."""

    def change(case: TinyCase) -> None:
        rule: dict[str, Any] = {
            "start_stage_id": start_stage_id,
            "end_stage_id": None,
            "model": "constant_productivity",
        }
        if source is not None:
            rule |= {"model": "fpha", "fpha_config": {"source": source}}
        model = {"hydro_id": hydro_id, "selection_mode": "stage_ranges", "stage_ranges": [rule]}
        case.files["system/hydro_production_models.json"] = {"production_models": [model]}

    return change


def constraint(expression: str, **more: Any) -> Callable[[TinyCase], None]:
    """A change that adds a generic constraint with a bound at the first stage."""

    def change(case: TinyCase) -> None:
        row = {
            "id": 0,
            "name": "c",
            "expression": expression,
            "sense": "<=",
            "slack": {"enabled": True, "penalty": 9.0},
        }
        case.files["constraints/generic_constraints.json"] = {"constraints": [{**row, **more}]}
        bound = {"constraint_id": 0, "stage_id": 0, "block_id": None, "bound": 10.0}
        case.tables["constraints/generic_constraint_bounds"] = [bound]

    return change


def rich_case(root: Path) -> TinyCase:
    """The tiny case with most kinds of files."""
    case = tiny_case(root)
    group: dict[str, Any] = {
        "name": "g",
        "entities": [{"type": "inflow", "id": 1}, {"type": "inflow", "id": 0}],
        "matrix": [[1, 0.4], [0.4, 1]],
    }
    case.files["scenarios/correlation.json"] = {
        "method": "spectral",
        "profiles": {"default": {"correlation_groups": [group]}},
    }
    case.files["scenarios/load_factors.json"] = {
        "load_factors": [
            {
                "bus_id": bus,
                "stage_id": stage,
                "block_factors": [{"block_id": k, "factor": 1 + 0.1 * k} for k in (0, 1)],
            }
            for bus in (0, 1)
            for stage in (0, 1)
        ]
    }
    case.files["constraints/exchange_factors.json"] = {
        "exchange_factors": [
            {
                "line_id": 0,
                "stage_id": stage,
                "block_factors": [
                    {"block_id": k, "direct_factor": 0.5, "reverse_factor": 1.5} for k in (0, 1)
                ],
            }
            for stage in (0, 1)
        ]
    }
    production(hydro_id=1, source="precomputed")(case)
    constraint("thermal_generation(0) + 2 * line_exchange(0, 1) - hydro_turbined(1)")(case)
    case.tables |= {
        "system/fpha_hyperplanes": [plane(1, number) for number in range(3)],
        "system/hydro_geometry": [geometry(0, volume) for volume in (0.0, 50.0, 100.0)],
        "scenarios/noise_openings": opening_rows(),
        "scenarios/inflow_ar_coefficients": [
            ar_row(1, stage, lag, 0.3 / lag) for stage in (0, 1) for lag in (1, 2)
        ],
        "constraints/hydro_bounds": [
            {
                "hydro_id": hydro,
                "stage_id": stage,
                "max_storage_hm3": 90.0 + hydro,
                "water_withdrawal_m3s": -1.0 * stage,
            }
            for hydro in (0, 1)
            for stage in (0, 1)
        ],
        "constraints/penalty_overrides_hydro": [
            {"hydro_id": 1, "stage_id": 0, "spillage_cost": 0.5}
        ],
    }
    case.initial["past_inflows"] = [
        {"hydro_id": 1, "values_m3s": [30.0, 31.0]},
        {"hydro_id": 0, "values_m3s": [20.0]},
    ]
    for stage in case.stages:
        stage["state_variables"] = {"inflow_lags": True}
    return case
