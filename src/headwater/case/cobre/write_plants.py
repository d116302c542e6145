"""``system/`` and the penalties in the newer dialect."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from headwater.case.cobre.draft import Draft
from headwater.case.cobre.newer import PRODUCTIVITIES
from headwater.model import ProductionKind

_HYDROS, _MODELS = "system/hydros.json", "system/hydro_production_models.json"
_COSTS = "constraints/penalty_overrides_hydro.parquet"
_BUS_COSTS = "constraints/penalty_overrides_bus.parquet"
_LIFE = ("id", "name", "operational_start_date", "entry_stage_id", "exit_stage_id")
_ENTITIES = {
    "system/buses.json": ("buses", ("id", "name", "operational_start_date", "deficit_segments")),
    "system/lines.json": (
        "lines",
        (
            *_LIFE,
            "source_bus_id",
            "target_bus_id",
            "capacity",
            "exchange_cost",
            "losses_percent",
        ),
    ),
    "system/thermals.json": (
        "thermals",
        (*_LIFE, "bus_id", "cost_per_mwh", "generation", "anticipated_config"),
    ),
    "system/non_controllable_sources.json": (
        "non_controllable_sources",
        (*_LIFE, "bus_id", "max_generation_mw", "curtailment_cost", "allow_curtailment"),
    ),
    "system/pumping_stations.json": (
        "pumping_stations",
        (
            *_LIFE,
            "bus_id",
            "source_hydro_id",
            "destination_hydro_id",
            "consumption_mw_per_m3s",
            "flow",
        ),
    ),
    "system/energy_contracts.json": (
        "contracts",
        (*_LIFE, "bus_id", "type", "price_per_mwh", "limits"),
    ),
    _HYDROS: (
        "hydros",
        (
            *_LIFE,
            "downstream_id",
            "travel_time_hours",
            "reservoir",
            "outflow",
            "generation",
            "tailrace",
            "hydraulic_losses",
            "efficiency",
            "evaporation",
            "diversion",
            "filling",
            "unit_groups",
            "penalties",
        ),
    ),
}
_GROUP_LIMITS = ("min_generation_mw", "max_generation_mw", "min_turbined_m3s", "max_turbined_m3s")


def write_plants(draft: Draft) -> None:
    """Rewrite the files of ``system/`` and ``penalties.json``."""
    _thermals(draft)
    _excess_costs(draft)
    _productivities(draft)
    _turbined_costs(draft)
    for hydro in draft.entries(_HYDROS, "hydros"):
        _hydro(draft, hydro)
    for file, (key, known) in _ENTITIES.items():
        for entry in draft.entries(file, key):
            entry.setdefault("name", str(entry["id"]))
            entry["operational_start_date"] = draft.day_of_entry(entry)
            draft.only(f"{file} {entry['id']}", entry, known)
    general = draft.files["penalties.json"]["hydro"]
    if "inflow_nonnegativity_cost" not in general:
        cost = draft.case.config.inflow_non_negativity
        resolved = draft.case.system.resolved_penalties.hydro["inflow_nonnegativity_cost"]
        if cost.has_slack and resolved.size:
            general["inflow_nonnegativity_cost"] = float(resolved[0, 0])
            for hydro, values in zip(_in_order(draft), resolved, strict=True):
                if values[0] != resolved[0, 0]:
                    own = hydro.setdefault("penalties", {})
                    own.setdefault("inflow_nonnegativity_cost", float(values[0]))


def _in_order(draft: Draft) -> list[dict[str, Any]]:
    return sorted(draft.entries(_HYDROS, "hydros"), key=lambda hydro: hydro["id"])


def _thermals(draft: Draft) -> None:
    for thermal in draft.entries("system/thermals.json", "thermals"):
        segments = thermal.get("cost_segments")
        if segments is not None and len({one["cost_per_mwh"] for one in segments}) == 1:
            thermal["cost_per_mwh"] = segments[0]["cost_per_mwh"]
            del thermal["cost_segments"]
        if "gnl_config" in thermal:
            lag = thermal.pop("gnl_config")["lag_stages"]
            thermal["anticipated_config"] = {"lead_stages": lag}


def _excess_costs(draft: Draft) -> None:
    """A bus has no cost of its own there; a stage may give it one."""
    general = draft.files["penalties.json"]["bus"]["excess_cost"]
    given = draft.tables.get(_BUS_COSTS)
    there = set() if given is None else set(given.select("bus_id", "stage_id").iter_rows())
    rows = []
    for bus in draft.entries("system/buses.json", "buses"):
        own = bus.pop("excess_cost", general)
        if own != general:
            rows += [
                {"bus_id": bus["id"], "stage_id": stage.id, "excess_cost": float(own)}
                for stage in draft.case.system.stages
                if (bus["id"], stage.id) not in there
            ]
    if rows:
        frames = [pl.DataFrame(rows)] if given is None else [given, pl.DataFrame(rows)]
        draft.tables[_BUS_COSTS] = pl.concat(frames, how="diagonal")


def _hydro(draft: Draft, hydro: dict[str, Any]) -> None:
    generation = hydro["generation"]
    group = {key: generation[key] for key in _GROUP_LIMITS}
    name = hydro.get("name") or str(hydro["id"])
    hydro["unit_groups"] = [{"id": 0, "name": name, "bus_id": hydro.pop("bus_id"), **group}]
    filling = hydro.get("filling")
    if filling is not None and "filling_inflow_m3s" in filling:
        filling["filling_min_rate_m3s"] = filling.pop("filling_inflow_m3s")
    own = hydro.get("penalties", {})
    for kind in ("evaporation_violation", "water_withdrawal_violation"):
        directions = [own.pop(f"{kind}_{end}_cost", None) for end in ("pos", "neg")]
        if directions[0] is not None and directions[0] == directions[1]:
            own[f"{kind}_cost"] = directions[0]
        elif directions != [None, None]:
            place = f"{_HYDROS} {hydro['id']}: 'penalties'"
            draft.missing.append(f"{place}, a cost of each direction of {kind}")


def _productivities(draft: Draft) -> None:
    """Productivities stand in the file of production models there, for every plant."""
    models = draft.files.setdefault(_MODELS, {"production_models": []})["production_models"]
    by_id = {entry["hydro_id"]: entry for entry in models}
    first = draft.case.system.stages[0].id
    equivalent = []
    for hydro in draft.entries(_HYDROS, "hydros"):
        generation = hydro["generation"]
        own = generation.pop("productivity_mw_per_m3s", None)
        entry = by_id.get(hydro["id"])
        if entry is None:
            rule = {"start_stage_id": first, "model": generation["model"]}
            entry = {
                "hydro_id": hydro["id"],
                "selection_mode": "stage_ranges",
                "stage_ranges": [rule],
            }
            models.append(entry)
        _rules(draft, entry, own)
        if generation["model"] == "fpha":
            flow, power = generation["max_turbined_m3s"], generation["max_generation_mw"]
            equivalent.append((hydro["id"], own or (power / flow if flow else 1.0), flow))
    if equivalent:
        columns = [
            "hydro_id",
            "equivalent_productivity_mw_per_m3s",
            "reference_outflow_m3s",
        ]
        draft.tables[PRODUCTIVITIES] = pl.DataFrame(equivalent, columns, orient="row")
    if not models:
        del draft.files[_MODELS]


def _rules(draft: Draft, entry: dict[str, Any], own: float | None) -> None:
    seasons = draft.case.system.season_map
    if entry["selection_mode"] == "seasonal" and entry["default_model"] != "fpha":
        listed = {rule["season_id"] for rule in entry.setdefault("seasons", [])}
        entry["seasons"] += [
            {"season_id": season.id, "model": entry["default_model"]}
            for season in (() if seasons is None else seasons.seasons)
            if season.id not in listed
        ]
    for rule in (*entry.get("stage_ranges", ()), *entry.get("seasons", ())):
        override = rule.pop("productivity_override", None)
        if rule["model"] != "fpha":
            rule["productivity_mw_per_m3s"] = own if override is None else override
            if not rule["productivity_mw_per_m3s"]:
                draft.missing.append(f"{_MODELS} {entry['hydro_id']}: a productivity of 0")


def _turbined_costs(draft: Draft) -> None:
    """One cost of turbining for all plants there, whatever their production function."""
    system = draft.case.system
    costs, general = system.resolved_penalties.hydro, draft.files["penalties.json"]["hydro"]
    usual = general.pop("fpha_turbined_cost")
    general.pop("turbined_cost", None)
    general["turbined_cost"] = usual
    rows = []
    for h, hydro in enumerate(_in_order(draft)):
        own = hydro.get("penalties", {})
        for name in ("fpha_turbined_cost", "turbined_cost"):
            own.pop(name, None)
        planes = np.array([one.kind is ProductionKind.FPHA for one in system.production[h]])
        paid = np.where(planes, costs["fpha_turbined_cost"][h], costs["turbined_cost"][h])
        if paid[0] != usual:
            own["turbined_cost"] = float(paid[0])
            hydro["penalties"] = own
        rows += [
            {"hydro_id": hydro["id"], "stage_id": stage.id, "turbined_cost": float(cost)}
            for stage, cost in zip(system.stages, paid, strict=True)
            if cost != paid[0]
        ]
        if "penalties" in hydro and not hydro["penalties"]:
            del hydro["penalties"]
    table = draft.tables.get(_COSTS)
    if table is not None:
        names = {"fpha_turbined_cost", "turbined_cost"}
        table = table.drop([name for name in names if name in table.columns])
    if rows:
        key = ["hydro_id", "stage_id"]
        more = pl.DataFrame(rows)
        table = more if table is None else table.join(more, on=key, how="full", coalesce=True)
    if table is not None:
        draft.tables[_COSTS] = table
