"""A valid case on disk with every file, and in them every key and column that can stand
together.
"""

from __future__ import annotations

import copy
import itertools
from datetime import date
from pathlib import Path
from typing import Any

from case_builder import TinyCase
from headwater.model.penalties import HYDRO_COST_NAMES

N_STAGES, N_OPENINGS = 4, 3
STAGES = range(N_STAGES)
HYDROS, BUSES, THERMALS, LINES, SOURCES = range(5), range(2), range(3), range(2), range(2)
ORDER = 2
"""Autoregressive order of every plant."""


def full_case(root: Path) -> TinyCase:
    """The case, to be written into ``root``.

    It loads without error and can be edited like the tiny one.
    """
    case = TinyCase(root)
    case.files = {
        "config.json": _config(),
        "stages.json": _stages(),
        "penalties.json": _penalties(),
        "initial_conditions.json": _initial(),
        **_entities(),
        **_scenario_files(),
        **_constraint_files(),
    }
    case.tables = {**_system_tables(), **_scenario_tables(), **_bounds(), **_overrides()}
    return case


class KeptCase(TinyCase):
    """The full case in a directory that is kept.

    Only what was changed is written, and taken back afterwards.
    """

    def __init__(self, plain: TinyCase) -> None:
        self.root, self.plain = plain.root, plain
        self.files, self.tables = copy.deepcopy(plain.files), copy.deepcopy(plain.tables)

    def write(self, *, csv: bool = False) -> Path:
        assert not csv
        self._write_changes(self, self.plain)
        return self.root

    def take_back(self) -> None:
        self._write_changes(self.plain, self)

    def _write_changes(self, new: TinyCase, old: TinyCase) -> None:
        changes = TinyCase(self.root)
        changes.files = {
            name: content for name, content in new.files.items() if content != old.files.get(name)
        }
        changes.tables = {
            name: rows for name, rows in new.tables.items() if rows != old.tables.get(name)
        }
        changes.write()
        for name in old.files.keys() - new.files.keys():
            (self.root / name).unlink()
        for name in old.tables.keys() - new.tables.keys():
            (self.root / f"{name}.parquet").unlink()


def _config() -> dict[str, Any]:
    return {
        "modeling": {
            "inflow_non_negativity": {"method": "truncation_with_penalty", "penalty_cost": 900.0},
            "linearized_head_passes": 2,
        },
        "training": {
            "enabled": True,
            "forward_passes": 3,
            "tree_seed": 11,
            "stopping_rules": [
                {"type": "iteration_limit", "limit": 7},
                {"type": "time_limit", "seconds": 60.0},
                {"type": "bound_stalling", "iterations": 4, "tolerance": 1e-4},
            ],
            "scenario_source": {
                "inflow": {"scheme": "historical", "selection_mode": "random", "openings": "model"},
                "load": {"scheme": "external", "selection_mode": "sequential", "openings": "model"},
                "ncs": {"scheme": "external", "selection_mode": "permutation", "openings": "model"},
                "seed": 5,
                "historical_years": {"from": 2001, "to": 2003},
                "historical": {"initial_lags": "study"},
                "couple_classes": False,
            },
        },
        "simulation": {
            "enabled": True,
            "num_scenarios": 6,
            "scenario_source": {
                "inflow": {"scheme": "external"},
                "load": {"scheme": "out_of_sample"},
                "seed": 9,
            },
        },
    }


def _stages() -> dict[str, Any]:
    starts = [date(2024, month, 1) for month in range(1, N_STAGES + 2)]
    stages = []
    for t, (start, end) in enumerate(itertools.pairwise(starts)):
        hours = 24.0 * (end - start).days
        stages.append(
            {
                "id": t,
                "start_date": start.isoformat(),
                "end_date": end.isoformat(),
                "season_id": t,
                "blocks": [
                    {"id": 0, "name": "HEAVY", "hours": hours / 4},
                    {"id": 1, "name": "MEDIUM", "hours": hours / 4},
                    {"id": 2, "name": "LIGHT", "hours": hours / 2},
                ],
                "block_mode": "chronological" if t == 1 else "parallel",
                "state_variables": {"storage": True, "inflow_lags": True},
                "risk_measure": {"cvar": {"alpha": 0.9, "lambda": 0.3}}
                if t % 2
                else {"cvar": {"tail_fraction": 0.2, "lambda": 0.4}},
                "num_scenarios": N_OPENINGS,
                "sampling_method": "saa",
            }
        )
    rates = [{"annual_discount_rate_override": 0.09}, {}, {}]
    chain = [
        {"source_id": t, "target_id": t + 1, "probability": 1.0, **rate}
        for t, rate in enumerate(rates)
    ]
    months = [
        {
            "id": m,
            "label": f"month {m + 1}",
            "month_start": m + 1,
            "day_start": 1,
            "month_end": m + 1,
            "day_end": 31,
        }
        for m in range(12)
    ]
    return {
        "policy_graph": {
            "type": "finite_horizon",
            "annual_discount_rate": 0.1,
            "transitions": chain,
        },
        "stages": stages,
        "pre_study_stages": [
            {"id": -2, "start_date": "2023-11-01", "end_date": "2023-12-01", "season_id": 10},
            {"id": -1, "start_date": "2023-12-01", "end_date": "2024-01-01", "season_id": 11},
        ],
        "season_definitions": {"cycle_type": "monthly", "seasons": months},
    }


def _costs(first: float) -> dict[str, float]:
    """All hydro costs, no two the same."""
    return {name: first + 10.0 * position for position, name in enumerate(HYDRO_COST_NAMES)}


def _penalties() -> dict[str, Any]:
    return {
        "bus": {
            "deficit_segments": [
                {"depth_mw": 50.0, "cost": 4000.0},
                {"depth_mw": None, "cost": 5000.0},
            ],
            "excess_cost": 0.1,
        },
        "line": {"exchange_cost": 0.01},
        "hydro": _costs(400.0),
        "non_controllable_source": {"curtailment_cost": 0.005},
    }


def _initial() -> dict[str, Any]:
    return {
        "storage": [{"hydro_id": h, "value_hm3": 50.0 + h} for h in HYDROS if h != 3],
        "filling_storage": [{"hydro_id": 3, "value_hm3": 4.0}],
        "past_inflows": [
            {"hydro_id": h, "values_m3s": [30.0 + h, 31.0], "season_ids": [11, 10]} for h in HYDROS
        ],
        "recent_observations": [
            {
                "hydro_id": 0,
                "start_date": "2023-12-20",
                "end_date": "2023-12-24",
                "value_m3s": 33.0,
            },
            {
                "hydro_id": 0,
                "start_date": "2023-12-24",
                "end_date": "2023-12-26",
                "value_m3s": 35.0,
            },
        ],
        "gnl_pipeline": [
            {"thermal_id": 2, "stage_offset": offset, "committed_mw": 5.0 * offset}
            for offset in (1, 2)
        ],
    }


def _hydro(
    hydro_id: int, downstream: int | None, model: str = "constant_productivity", **more: Any
) -> dict[str, Any]:
    return {
        "id": hydro_id,
        "name": f"H{hydro_id}",
        "bus_id": hydro_id % 2,
        "downstream_id": downstream,
        "reservoir": {"min_storage_hm3": 10.0, "max_storage_hm3": 100.0},
        "outflow": {"min_outflow_m3s": 1.0, "max_outflow_m3s": 500.0},
        "generation": {
            "model": model,
            "productivity_mw_per_m3s": 0.5 + 0.01 * hydro_id,
            "min_turbined_m3s": 1.0,
            "max_turbined_m3s": 100.0,
            "min_generation_mw": 0.5,
            "max_generation_mw": 50.0,
        },
        **more,
    }


def _entities() -> dict[str, Any]:
    points = [{"outflow_m3s": 0.0, "height_m": 200.0}, {"outflow_m3s": 900.0, "height_m": 204.0}]
    lake = {
        "coefficients_mm": [float(40 + m) for m in range(12)],
        "reference_volumes_hm3": [50.0 + m for m in range(12)],
    }
    hydros = [
        _hydro(
            0,
            1,
            tailrace={"type": "polynomial", "coefficients": [200.0, 0.004]},
            hydraulic_losses={"type": "factor", "value": 0.02},
            efficiency={"type": "constant", "value": 0.92},
            evaporation=lake,
            diversion={"downstream_id": 2, "max_flow_m3s": 4.0},
            penalties=_costs(500.0),
        ),
        _hydro(1, 2, "fpha", tailrace={"type": "piecewise", "points": points}),
        _hydro(
            2,
            None,
            tailrace={"type": "polynomial", "coefficients": [150.0, 0.002]},
            hydraulic_losses={"type": "constant", "value_m": 1.5},
            efficiency={"type": "constant", "value": 0.9},
        ),
        _hydro(
            3,
            1,
            filling={"start_stage_id": 0, "filling_inflow_m3s": 2.0},
            entry_stage_id=2,
            exit_stage_id=N_STAGES,
        ),
        _hydro(4, None, "linearized_head"),
    ]
    fit = {
        "source": "computed",
        "volume_discretization_points": 4,
        "turbine_discretization_points": 6,
        "spillage_discretization_points": 3,
        "max_planes_per_hydro": 8,
        "fitting_window": {"volume_min_hm3": 20.0, "volume_max_percentile": 0.9},
        "kappa": "worst_case",
    }
    other = {
        **fit,
        "fitting_window": {"volume_min_percentile": 0.1, "volume_max_hm3": 95.0},
        "kappa": "least_squares",
    }
    models = [
        {
            "hydro_id": 1,
            "selection_mode": "stage_ranges",
            "stage_ranges": [
                {
                    "start_stage_id": 0,
                    "end_stage_id": 2,
                    "model": "fpha",
                    "fpha_config": {"source": "precomputed"},
                },
                {
                    "start_stage_id": 3,
                    "model": "constant_productivity",
                    "productivity_override": 0.6,
                },
            ],
        },
        {
            "hydro_id": 2,
            "selection_mode": "seasonal",
            "default_model": "constant_productivity",
            "seasons": [
                {"season_id": 1, "model": "fpha", "fpha_config": fit},
                {"season_id": 2, "model": "fpha", "fpha_config": other},
                {"season_id": 3, "model": "constant_productivity", "productivity_override": 0.7},
            ],
        },
    ]
    steps = [
        {"capacity_mw": 30.0, "cost_per_mwh": 25.0},
        {"capacity_mw": 40.0, "cost_per_mwh": 45.0},
    ]
    limits = {"min_mw": 2.0, "max_mw": 60.0}
    later = {"entry_stage_id": 1, "exit_stage_id": 3}
    flow = {"min_m3s": 0.5, "max_m3s": 5.0}
    power = {"min_mw": 1.0, "max_mw": 9.0}
    return {
        "system/buses.json": {
            "buses": [
                {"id": 0, "name": "A"},
                {
                    "id": 1,
                    "name": "B",
                    "deficit_segments": [
                        {"depth_mw": 20.0, "cost": 3000.0},
                        {"depth_mw": None, "cost": 6000.0},
                    ],
                    "excess_cost": 0.2,
                },
            ]
        },
        "system/lines.json": {
            "lines": [
                {
                    "id": line,
                    "name": f"L{line}",
                    "source_bus_id": line,
                    "target_bus_id": 1 - line,
                    "capacity": {"direct_mw": 40.0, "reverse_mw": 30.0},
                    "losses_percent": 2.0 * line,
                    **({"exchange_cost": 0.02, **later} if line else {}),
                }
                for line in LINES
            ]
        },
        "system/hydros.json": {"hydros": hydros},
        "system/thermals.json": {
            "thermals": [
                {"id": 0, "name": "T0", "bus_id": 0, "generation": limits, "cost_per_mwh": 20.0},
                {
                    "id": 1,
                    "name": "T1",
                    "bus_id": 1,
                    "generation": limits,
                    "cost_segments": steps,
                    **later,
                },
                {
                    "id": 2,
                    "name": "T2",
                    "bus_id": 1,
                    "generation": limits,
                    "cost_per_mwh": 30.0,
                    "gnl_config": {"lag_stages": 2},
                },
            ]
        },
        "system/non_controllable_sources.json": {
            "non_controllable_sources": [
                {"id": 0, "name": "Wind", "bus_id": 0, "max_generation_mw": 9.0},
                {
                    "id": 1,
                    "name": "Sun",
                    "bus_id": 1,
                    "max_generation_mw": 7.0,
                    "curtailment_cost": 0.006,
                    **later,
                },
            ]
        },
        "system/pumping_stations.json": {
            "pumping_stations": [
                {
                    "id": pump,
                    "name": f"P{pump}",
                    "bus_id": pump,
                    "source_hydro_id": 2,
                    "destination_hydro_id": pump,
                    "consumption_mw_per_m3s": 0.4,
                    "flow": flow,
                    **(later if pump else {}),
                }
                for pump in range(2)
            ]
        },
        "system/energy_contracts.json": {
            "contracts": [
                {
                    "id": 0,
                    "name": "Buy",
                    "bus_id": 0,
                    "type": "import",
                    "price_per_mwh": 99.0,
                    "limits": power,
                },
                {
                    "id": 1,
                    "name": "Sell",
                    "bus_id": 1,
                    "type": "export",
                    "price_per_mwh": -9.0,
                    "limits": power,
                    **later,
                },
            ]
        },
        "system/hydro_production_models.json": {"production_models": models},
    }


def _factors(key: str, entity: str, ids: range, *names: str) -> dict[str, Any]:
    def block(i: int, t: int, k: int) -> dict[str, Any]:
        return {"block_id": k, **dict.fromkeys(names, 0.8 + 0.1 * k + 0.01 * i + 0.001 * t)}

    return {
        key: [
            {entity: i, "stage_id": t, "block_factors": [block(i, t, k) for k in range(3)]}
            for i in ids
            for t in STAGES
        ]
    }


def _scenario_files() -> dict[str, Any]:
    rivers = {
        "name": "rivers",
        "entities": [{"type": "inflow", "id": 1}, {"type": "inflow", "id": 0}],
        "matrix": [[1.0, 0.4], [0.4, 1.0]],
    }
    demand = {
        "name": "demand",
        "entities": [{"type": "load", "id": 0}, {"type": "load", "id": 1}],
        "matrix": [[1.0, -0.2], [-0.2, 1.0]],
    }
    profiles = {
        "default": {"correlation_groups": [rivers, demand]},
        "wet": {"correlation_groups": [copy.deepcopy(rivers)]},
    }
    schedule = [{"stage_id": 2, "profile_name": "wet"}, {"stage_id": 1, "profile_name": "wet"}]
    return {
        "scenarios/correlation.json": {
            "method": "spectral",
            "profiles": profiles,
            "schedule": schedule,
        },
        "scenarios/load_factors.json": _factors("load_factors", "bus_id", BUSES, "factor"),
        "scenarios/non_controllable_factors.json": _factors(
            "non_controllable_factors", "ncs_id", SOURCES, "factor"
        ),
    }


def _constraint_files() -> dict[str, Any]:
    texts = [
        "thermal_generation(0) + 2 * line_exchange(0, 1) - hydro_turbined(1)",
        "hydro_outflow(0) + 3 bus_deficit(1)",
    ]
    constraints = [
        {
            "id": i,
            "name": f"C{i}",
            "description": "kept for people",
            "expression": text,
            "sense": ("<=", ">=")[i],
            "slack": {"enabled": True, "penalty": 900.0 + i},
            "block_aggregation": ("per_block", "average")[i],
        }
        for i, text in enumerate(texts)
    ]
    return {
        "constraints/generic_constraints.json": {"constraints": constraints},
        "constraints/exchange_factors.json": _factors(
            "exchange_factors", "line_id", LINES, "direct_factor", "reverse_factor"
        ),
    }


def _system_tables() -> dict[str, list[dict[str, Any]]]:
    planes = [
        {
            "hydro_id": 1,
            "plane_id": number,
            "stage_id": stage,
            "gamma_0": 1.0 + number,
            "gamma_v": 0.01,
            "gamma_q": 0.5,
            "gamma_s": -0.01,
            "kappa": 0.98,
            "valid_v_min_hm3": 5.0,
            "valid_v_max_hm3": 110.0,
            "valid_q_max_m3s": 120.0,
        }
        for stage in (None, 1)
        for number in range(3)
    ]
    curve = [(0.0, 300.0, 1.0), (50.0, 310.0, 2.0), (120.0, 320.0, 3.0)]
    points = [
        {"hydro_id": h, "volume_hm3": v, "height_m": z + h, "area_km2": a}
        for h in (0, 2, 4)
        for v, z, a in curve
    ]
    return {"system/fpha_hyperplanes": planes, "system/hydro_geometry": points}


def _scenario_tables() -> dict[str, list[dict[str, Any]]]:
    history = [
        {
            "hydro_id": h,
            "date": date(year, month, 1),
            "value_m3s": 30.0 + h + month + 0.5 * (year - 2000),
        }
        for h in HYDROS
        for year in range(2000, 2005)
        for month in range(1, 13)
    ]
    statistics = [
        {
            "hydro_id": h,
            "stage_id": t,
            "mean_m3s": 40.0 + h,
            "std_m3s": 8.0,
            "ar_order": ORDER if t >= 0 else 0,
        }
        for h in HYDROS
        for t in range(-2, N_STAGES)
    ]
    lags = [
        {
            "hydro_id": h,
            "stage_id": t,
            "lag": lag,
            "coefficient": 0.3 / lag,
            "residual_std_ratio": 0.9,
        }
        for h in HYDROS
        for t in STAGES
        for lag in range(1, ORDER + 1)
    ]
    annual = [
        {
            "hydro_id": 0,
            "stage_id": t,
            "annual_coefficient": 0.1,
            "annual_mean_m3s": 41.0,
            "annual_std_m3s": 5.0,
            "residual_std_ratio": 0.85,
        }
        for t in STAGES
    ]
    width = len(HYDROS) + len(BUSES) + len(SOURCES)
    openings = [
        {"stage_id": t, "opening_index": o, "entity_index": e, "value": 0.1 * (o - 1) + 0.01 * e}
        for t in STAGES
        for o in range(N_OPENINGS)
        for e in range(width)
    ]
    chances = [
        {"stage_id": 1, "opening_index": o, "probability": p} for o, p in enumerate((0.2, 0.3, 0.5))
    ]
    return {
        "scenarios/inflow_history": history,
        "scenarios/inflow_seasonal_stats": statistics,
        "scenarios/inflow_ar_coefficients": lags,
        "scenarios/inflow_annual_component": annual,
        "scenarios/external_inflow_scenarios": _external("hydro_id", HYDROS, "value_m3s", 41.0),
        "scenarios/external_load_scenarios": _external("bus_id", BUSES, "value_mw", 70.0),
        "scenarios/external_ncs_scenarios": _external("ncs_id", SOURCES, "value", 0.3),
        "scenarios/load_seasonal_stats": _grid("bus_id", BUSES, mean_mw=70.0, std_mw=4.0),
        "scenarios/non_controllable_stats": _grid("ncs_id", SOURCES, mean=0.4, std=0.1),
        "scenarios/noise_openings": openings,
        "scenarios/opening_probabilities": chances,
    }


def _external(entity: str, ids: range, column: str, value: float) -> list[dict[str, Any]]:
    return [
        {
            "stage_id": t,
            "scenario_id": s,
            entity: i,
            column: value + 0.01 * s + 0.001 * t,
            "weight": 1.0 + s,
        }
        for t in STAGES
        for s in range(N_OPENINGS)
        for i in ids
    ]


def _grid(
    entity: str, ids: range, *, blocks: tuple[int | None, ...] = (), **cells: float
) -> list[dict[str, Any]]:
    """A row for every entity and stage (and block), all with the same cells."""
    places = [(i, t) for i in ids for t in STAGES]
    if not blocks:
        return [{entity: i, "stage_id": t, **cells} for i, t in places]
    return [{entity: i, "stage_id": t, "block_id": k, **cells} for i, t in places for k in blocks]


def _bounds() -> dict[str, list[dict[str, Any]]]:
    hydro = {
        "min_turbined_m3s": 2.0,
        "max_turbined_m3s": 95.0,
        "min_storage_hm3": 9.0,
        "max_storage_hm3": 98.0,
        "min_outflow_m3s": 2.0,
        "max_outflow_m3s": 450.0,
        "min_generation_mw": 1.0,
        "max_generation_mw": 48.0,
        "max_diversion_m3s": 3.0,
        "filling_inflow_m3s": 1.0,
        "water_withdrawal_m3s": 0.2,
    }
    thermal = {"min_generation_mw": 3.0, "max_generation_mw": 55.0, "cost_per_mwh": 33.0}
    thermals = _grid("thermal_id", THERMALS, blocks=(None, 1), **thermal)
    for row in thermals:
        if row["thermal_id"] == 1:
            row["cost_per_mwh"] = None  # the plant has tranches
    return {
        "constraints/hydro_bounds": _grid("hydro_id", HYDROS, **hydro),
        "constraints/thermal_bounds": thermals,
        "constraints/line_bounds": _grid("line_id", LINES, direct_mw=35.0, reverse_mw=25.0),
        "constraints/pumping_bounds": _grid("station_id", range(2), min_m3s=0.7, max_m3s=4.0),
        "constraints/contract_bounds": _grid(
            "contract_id", range(2), min_mw=1.5, max_mw=8.0, price_per_mwh=77.0
        ),
        "constraints/ncs_bounds": _grid("ncs_id", SOURCES, available_generation_mw=6.0),
        "constraints/generic_constraint_bounds": [
            {"constraint_id": c, "stage_id": t, "block_id": k, "bound": 100.0 + t}
            for c, k in ((0, None), (0, 1), (1, None))
            for t in STAGES
        ],
    }


def _overrides() -> dict[str, list[dict[str, Any]]]:
    return {
        "constraints/penalty_overrides_bus": _grid("bus_id", BUSES, excess_cost=0.3),
        "constraints/penalty_overrides_line": _grid("line_id", LINES, exchange_cost=0.03),
        "constraints/penalty_overrides_hydro": _grid("hydro_id", HYDROS, **_costs(600.0)),
        "constraints/penalty_overrides_ncs": _grid("source_id", SOURCES, curtailment_cost=0.007),
    }
