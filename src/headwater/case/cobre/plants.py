"""What stands in ``system/`` of the newer dialect, and its penalties."""

from __future__ import annotations

from typing import Any

import polars as pl

from headwater.case.cobre.newer import (
    POST_STUDY,
    PRODUCTIVITIES,
    TAILRACES,
    Newer,
    Steps,
    day,
    number,
    objects,
    whole,
)

_HYDROS, _MODELS = "system/hydros.json", "system/hydro_production_models.json"
_THERMALS, _PENALTIES = "system/thermals.json", "penalties.json"
_GROUPS, _SOURCES = "system/unit_groups.json", "system/non_controllable_sources.json"

_DATED = {
    "system/lines.json": "lines",
    _HYDROS: "hydros",
    _THERMALS: "thermals",
    _SOURCES: "non_controllable_sources",
    "system/pumping_stations.json": "pumping_stations",
    "system/energy_contracts.json": "contracts",
}


def read_plants(newer: Newer) -> None:
    """Rewrite the files of ``system/`` and ``penalties.json``."""
    _dates_of_service(newer)
    _thermals(newer)
    _productivities(newer)
    for position, hydro in newer.entries(_HYDROS, "hydros"):
        _hydro(newer, position, hydro)
    _turbined_costs(newer)
    if not newer.tables.pop(TAILRACES, pl.DataFrame()).is_empty():
        message = "curves of the tailrace that depend on the level downstream are not part of the "
        newer.refuse_row(TAILRACES, None, f"{message}model here", "give 'tailrace' of each plant")
    after = newer.raw.pop(POST_STUDY, {})
    if after.get("thermal_bounds"):
        message = "plants that are dispatched ahead deliver nothing beyond the horizon here"
        newer.refuse_row(POST_STUDY, None, message, "remove the file, or lengthen the study")


def _dates_of_service(newer: Newer) -> None:
    """A plant is there from the first stage that begins on its date or later."""
    stages = newer.stages
    starts = [(day(stage["start_date"]), stage["id"]) for stage in stages]
    for position, bus in newer.entries("system/buses.json", "buses"):
        since = day(bus.pop("operational_start_date", None))
        if since is not None and starts and starts[0][0] is not None and since > starts[0][0]:
            steps = ("buses", position, "operational_start_date")
            message = f"a bus that enters service within the study ({since}) is not part of the "
            fix = "let the bus be there from the start, and let its lines enter"
            newer.refuse("system/buses.json", steps, f"{message}model here", fix)
    for file, key in _DATED.items():
        for position, one in newer.entries(file, key):
            text = one.pop("operational_start_date", None)
            since = day(text)
            if text is not None and since is None:
                steps = (key, position, "operational_start_date")
                message = f"expected a date as YYYY-MM-DD, got {text!r}"
                newer.wrong("HW204", file, steps, message, "write the date as 2024-01-31")
            if since is None or not starts:
                continue
            later = [stage_id for start, stage_id in starts if start is not None and start >= since]
            first = later[0] if later else starts[-1][1] + 1
            if first > starts[0][1]:
                entry = one.get("entry_stage_id")
                one["entry_stage_id"] = max(entry, first) if whole(entry) else first


def _thermals(newer: Newer) -> None:
    """How many stages ahead a plant is dispatched."""
    for position, thermal in newer.entries(_THERMALS, "thermals"):
        ahead = thermal.pop("anticipated_config", None)
        if not isinstance(ahead, dict):
            continue
        steps: Steps = ("thermals", position, "anticipated_config")
        lag = ahead.get("lead_stages")
        hours = ahead.get("lead_time_hours")
        if lag is None and number(hours):
            lag = _stages_ahead(newer, float(hours))
            if lag is None:
                message = (
                    f"{hours:g} hours ahead of delivery is not the start of a stage, the same "
                    "number of stages ahead throughout; other times are not part of the model here"
                )
                newer.refuse(_THERMALS, (*steps, "lead_time_hours"), message, "give 'lead_stages'")
                continue
        thermal["gnl_config"] = {"lag_stages": lag}


def _stages_ahead(newer: Newer, hours: float) -> int | None:
    starts = [day(stage["start_date"]) for stage in newer.stages]
    for lag in range(1, len(starts)):
        gaps = {
            (later - earlier).days * 24.0
            for earlier, later in zip(starts[:-lag], starts[lag:], strict=True)
            if earlier is not None and later is not None
        }
        if gaps == {hours}:
            return lag
    return None


def _hydro(newer: Newer, position: int, hydro: dict[str, Any]) -> None:
    """A plant, whose groups become its limits."""
    steps: Steps = ("hydros", position)
    hydro.pop("specific_productivity_mw_per_m3s_per_m", None)
    filling = hydro.get("filling")
    if isinstance(filling, dict) and "filling_min_rate_m3s" in filling:
        filling["filling_inflow_m3s"] = filling.pop("filling_min_rate_m3s")
    if "unit_groups" not in hydro:
        return
    groups = [group for _, group in objects(hydro.pop("unit_groups"))]
    generation = hydro.get("generation")
    if not groups:
        message = "expected at least one unit group, got none"
        newer.wrong(
            "HW201", _HYDROS, (*steps, "unit_groups"), message, "add the group of the plant"
        )
        return
    named: list[Any] = [group.get("bus_id") for group in groups]
    buses = {bus_id for bus_id in named if whole(bus_id)}
    if buses:
        hydro.setdefault("bus_id", min(buses))
    if isinstance(generation, dict):
        limits = _limits_of_groups(newer, steps, generation, groups)
        if len(buses) > 1:
            _deliver(newer, hydro, groups, limits)


def _deliver(
    newer: Newer, hydro: dict[str, Any], groups: list[dict[str, Any]], limits: list[float]
) -> None:
    """What groups at each of several buses deliver there together."""
    file = newer.raw.setdefault(_GROUPS, {"unit_groups": []})
    there: list[dict[str, Any]] = file["unit_groups"]
    by_bus: dict[Any, dict[str, Any]] = {}
    for group, most in zip(groups, limits, strict=False):
        bus_id, least = group.get("bus_id"), group.get("min_generation_mw")
        entry = by_bus.setdefault(
            str(bus_id),
            {"hydro_id": hydro.get("id"), "bus_id": bus_id, "name": group.get("name", "")},
        )
        entry["max_generation_mw"] = entry.get("max_generation_mw", 0.0) + most
        if number(least):
            entry["min_generation_mw"] = entry.get("min_generation_mw", 0.0) + least
    for entry in by_bus.values():
        there.append({"id": len(there), **entry})


def _limits_of_groups(
    newer: Newer, steps: Steps, generation: dict[str, Any], groups: list[dict[str, Any]]
) -> list[float]:
    """What the groups can do together; each may be limited by its water or by its power.

    Returns the largest power of each, none where they are not understood.
    """
    flows: list[Any] = [group.get("max_turbined_m3s") for group in groups]
    powers: list[Any] = [group.get("max_generation_mw") for group in groups]
    if not all(number(value) for value in (*flows, *powers)):
        newer.wrong(
            "HW201",
            _HYDROS,
            (*steps, "unit_groups"),
            "expected 'max_turbined_m3s' and 'max_generation_mw' of every unit group",
            "add them",
        )
        return []
    ratios = {power / flow for flow, power in zip(flows, powers, strict=True) if flow}
    productivity: Any = generation.get("productivity_mw_per_m3s")
    flow, power = float(sum(flows)), float(sum(powers))
    if len(groups) > 1 and len(ratios) > 1:
        if generation.get("model") != "constant_productivity" or not number(productivity):
            message = "unit groups of different kinds are one plant here only where power is "
            fix = "make a plant of each kind of group"
            steps = (*steps, "unit_groups")
            newer.refuse(_HYDROS, steps, f"{message}proportional to flow", fix)
            return []
        flow = sum(
            min(q, p / productivity) if productivity else q
            for q, p in zip(flows, powers, strict=True)
        )
        powers = [min(q * productivity, p) for q, p in zip(flows, powers, strict=True)]
        power = float(sum(powers))
    for key, together in (("max_turbined_m3s", flow), ("max_generation_mw", power)):
        if number(generation.get(key)):
            generation[key] = min(generation[key], together)
    for key in ("min_turbined_m3s", "min_generation_mw"):
        least: list[Any] = [group.get(key) for group in groups]
        if number(generation.get(key)) and all(number(value) for value in least):
            generation[key] = max(generation[key], sum(least))
    return powers


def _productivities(newer: Newer) -> None:
    """Productivities stand with the plant here, and with a range of stages where it changes."""
    table = newer.tables.pop(PRODUCTIVITIES, pl.DataFrame())
    given: dict[int, dict[int | None, float]] = {}
    for row in table.iter_rows(named=True):
        value = row["equivalent_productivity_mw_per_m3s"]
        if value is not None:
            given.setdefault(row["hydro_id"], {})[row["stage_id"]] = value
    hydros: dict[Any, dict[str, Any]] = {
        hydro.get("id"): hydro for _, hydro in newer.entries(_HYDROS, "hydros")
    }
    kept = []
    for position, entry in newer.entries(_MODELS, "production_models"):
        hydro_id: Any = entry.get("hydro_id")
        plain = whole(hydro_id)
        hydro, values = (
            (hydros[hydro_id], given.get(hydro_id, {}))
            if plain and hydro_id in hydros
            else ({}, {})
        )
        if not _one_rule_for_all(newer, position, entry, hydro, values):
            kept.append(entry)
    for hydro_id, hydro in hydros.items():
        generation = hydro.get("generation")
        values = given.get(hydro_id, {}) if whole(hydro_id) else {}
        if isinstance(generation, dict) and values:
            value = values.get(None, next(iter(values.values())))
            if generation.get("model") != "fpha" or not _is_mean(generation, value):
                generation.setdefault("productivity_mw_per_m3s", value)
    models = newer.raw.get(_MODELS, {})
    if models.pop("fpha_plane_reduction", None) is not None:
        message = "planes are fitted and thinned by Headwater's own method; "
        message += "'fpha_plane_reduction' is left out"
        newer.leave_out(_MODELS, ("fpha_plane_reduction",), message)
    if isinstance(models.get("production_models"), list):
        models["production_models"] = kept
        if not kept:
            del newer.raw[_MODELS]


def _is_mean(generation: dict[str, Any], productivity: float) -> bool:
    """Whether a productivity says no more than the largest power and flow of a plant do.

    Plants with planes must have one in the newer dialect.
    """
    flow: Any = generation.get("max_turbined_m3s")
    power: Any = generation.get("max_generation_mw")
    return number(flow) and number(power) and flow > 0 and productivity == power / flow


def _one_rule_for_all(
    newer: Newer,
    position: int,
    entry: dict[str, Any],
    hydro: dict[str, Any],
    values: dict[int | None, float],
) -> bool:
    """Rewrite the rules of a plant; true where the plant itself says all of it."""
    seasonal = entry.get("selection_mode") == "seasonal"
    key = "seasons" if seasonal else "stage_ranges"
    if not seasonal:
        _rules_of_stages(newer, entry, values)
    generation = hydro.get("generation")
    generation = generation if isinstance(generation, dict) else {}
    for rule_position, rule in objects(entry.get(key)):
        steps: Steps = ("production_models", position, key, rule_position, "reference_volume")
        if rule.pop("reference_volume", None) is not None and rule.get("model") != "fpha":
            message = "'reference_volume' is left out: heads are taken at the volumes of the study"
            newer.leave_out(_MODELS, steps, message)
        own = rule.pop("productivity_mw_per_m3s", values.get(None))
        if own is None or rule.get("model") == "fpha":
            continue
        if generation.setdefault("productivity_mw_per_m3s", own) != own:
            rule["productivity_override"] = own
    rules = [rule for _, rule in objects(entry.get(key))]
    ids = newer.stage_ids
    return bool(
        len(rules) == 1
        and not seasonal
        and ids
        and rules[0].get("model") == generation.get("model") != "fpha"
        and set(rules[0]) <= {"model", "start_stage_id", "end_stage_id"}
        and rules[0].get("start_stage_id") == ids[0]
        and rules[0].get("end_stage_id") in (None, ids[-1])
    )


def _rules_of_stages(newer: Newer, entry: dict[str, Any], values: dict[int | None, float]) -> None:
    """One rule for each stage, where a table gives productivities of single stages."""
    if not any(stage_id is not None for stage_id in values):
        return
    rules = []
    for _, rule in objects(entry.get("stage_ranges")):
        first: Any = rule.get("start_stage_id")
        last: Any = rule.get("end_stage_id")
        inside = [
            stage_id
            for stage_id in newer.stage_ids
            if whole(first) and stage_id >= first and (not whole(last) or stage_id <= last)
        ]
        for stage_id in inside:
            one = {**rule, "start_stage_id": stage_id, "end_stage_id": stage_id}
            if stage_id in values:
                one.setdefault("productivity_mw_per_m3s", values[stage_id])
            rules.append(one)
    entry["stage_ranges"] = rules


def plants_with_planes(newer: Newer) -> tuple[set[int], set[int]]:
    """Ids of plants with production planes at some stage, and of plants without at some stage."""
    kinds: dict[int, set[Any]] = {}
    for _, hydro in newer.entries(_HYDROS, "hydros"):
        generation = hydro.get("generation")
        if whole(hydro.get("id")):
            kind = generation.get("model") if isinstance(generation, dict) else None
            kinds[hydro["id"]] = {kind}
    for _, entry in newer.entries(_MODELS, "production_models"):
        if whole(entry.get("hydro_id")):
            found = kinds.setdefault(entry["hydro_id"], set())
            found |= {entry[key] for key in ("default_model",) if isinstance(entry.get(key), str)}
            for key in ("stage_ranges", "seasons"):
                found |= {str(rule.get("model")) for _, rule in objects(entry.get(key))}
    planes = {hydro_id for hydro_id, kind in kinds.items() if "fpha" in kind}
    return planes, {hydro_id for hydro_id, kind in kinds.items() if kind != {"fpha"}}


def _turbined_costs(newer: Newer) -> None:
    """One cost of turbining there; here one for plants with planes and one for the others."""
    planes, others = plants_with_planes(newer)
    general = newer.section(_PENALTIES, "hydro")
    cost = general.pop("turbined_cost", None)
    if cost is not None:
        general.setdefault("fpha_turbined_cost", cost)
    of_others = dict.fromkeys(others, cost)
    for _, hydro in newer.entries(_HYDROS, "hydros"):
        own = hydro.get("penalties")
        if isinstance(own, dict) and "turbined_cost" in own and whole(hydro.get("id")):
            value = own.pop("turbined_cost")
            if hydro["id"] in planes:
                own.setdefault("fpha_turbined_cost", value)
            if hydro["id"] in others:
                of_others[hydro["id"]] = value
                own["turbined_cost"] = value
    if all(value in (None, 0) for value in of_others.values()):
        for _, hydro in newer.entries(_HYDROS, "hydros"):
            own = hydro.get("penalties")
            if isinstance(own, dict):
                own.pop("turbined_cost", None)
                if not own:
                    del hydro["penalties"]
    elif cost is not None:
        general["turbined_cost"] = cost
