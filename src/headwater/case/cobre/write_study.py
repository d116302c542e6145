"""``config.json``, ``stages.json``, the past and the rest of a case in the newer dialect."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from headwater.case.cobre.draft import Draft
from headwater.case.cobre.past import lag_windows

_STAGE = (
    "id",
    "start_date",
    "end_date",
    "season_id",
    "blocks",
    "block_mode",
    "state_variables",
    "risk_measure",
    "sampling_method",
    "num_openings",
)
_HISTORY = "scenarios/inflow_history.parquet"
_CONSTRAINTS = "constraints/generic_constraints.json"
_LIMITS = "constraints/generic_constraint_bounds.parquet"
_ESTIMATION = (
    "max_order",
    "order_selection",
    "min_observations_per_season",
    "max_coefficient_magnitude",
)
_RULES = ("iteration_limit", "time_limit", "bound_stalling")


def write_stages(draft: Draft) -> None:
    """Rewrite ``stages.json``."""
    file = draft.files["stages.json"]
    graph = file["policy_graph"]
    if graph["type"] != "finite_horizon":
        draft.missing.append(f"stages.json: a horizon that is {graph['type']}")
    draft.only("stages.json policy_graph", graph, ("type", "annual_discount_rate", "transitions"))
    for stage in file["stages"]:
        stage["num_openings"] = stage.pop("num_scenarios")
        risk = stage.get("risk_measure")
        cvar = risk.get("cvar") if isinstance(risk, dict) else None
        if isinstance(risk, dict) and cvar is None:
            draft.missing.append(f"stages.json {stage['id']}: the risk measure '{risk['type']}'")
        if cvar is not None and "tail_fraction" in cvar:
            cvar["alpha"] = 1.0 - cvar.pop("tail_fraction")
        draft.only(f"stages.json {stage['id']}", stage, _STAGE)
    draft.only(
        "stages.json", file, ("policy_graph", "stages", "season_definitions", "pre_study_stages")
    )


def write_config(draft: Draft) -> None:
    """Rewrite ``config.json``; settings without a counterpart are left out and noted."""
    config = draft.files["config.json"]
    training, simulation = config["training"], config.setdefault("simulation", {})
    config["modeling"] = {
        "inflow_non_negativity": {"method": draft.case.config.inflow_non_negativity.value}
    }
    if "cost_scale" in training:
        config["modeling"]["cost_scale_factor"] = training.pop("cost_scale")
    training["selection"] = {"method": "sampled", "forward_passes": training.pop("forward_passes")}
    scenarios = simulation.pop("num_scenarios", draft.case.config.simulation.n_scenarios)
    simulation["selection"] = {"method": "sampled", "num_scenarios": scenarios}
    _training(draft, training)
    source = training.setdefault("scenario_source", {})
    if "scenarios/noise_openings.parquet" in draft.tables:
        source["openings"] = {"source": "file"}
    for name, section in (("training", training), ("simulation", simulation)):
        _source(draft, name, section.get("scenario_source"))
    draft.leave_out(
        "simulation", simulation, ("enabled", "selection", "scenario_source", "io_channel_capacity")
    )
    _policy(draft, config.get("policy"))
    draft.leave_out("exports", config.get("exports", {}), ("states", "stochastic"))
    estimation = config.get("estimation", {})
    if estimation.get("order_selection") not in (None, "pacf", "pacf_annual"):
        draft.missing.append(f"config.json: the order selection '{estimation['order_selection']}'")
    draft.leave_out("estimation", estimation, _ESTIMATION)
    draft.leave_out(
        "", config, ("training", "simulation", "modeling", "policy", "exports", "estimation")
    )


def _training(draft: Draft, training: dict[str, Any]) -> None:
    rules = training["stopping_rules"]
    draft.notes += [
        f"training.stopping_rules '{rule['type']}'" for rule in rules if rule["type"] not in _RULES
    ]
    training["stopping_rules"] = [rule for rule in rules if rule["type"] in _RULES]
    own = training.pop("cut_selection", {})
    chosen: dict[str, Any] = {}
    if "max_active_per_stage" in own:
        chosen["max_active_per_stage"] = own.pop("max_active_per_stage")
    if "cut_activity_tolerance" in own:
        chosen["row_activity_tolerance"] = own.pop("cut_activity_tolerance")
    method = own.pop("method", None) if own.pop("enabled", False) else None
    if method in ("level1", "domination"):
        chosen["selection"] = {"method": method}
        if "check_frequency" in own:
            chosen["selection"]["check_frequency"] = own.pop("check_frequency")
        if method == "domination":
            margin = own.pop("domination_epsilon", 0.0)
            chosen["selection"]["domination_tolerance"] = margin
    elif method is not None:
        draft.notes.append(f"training.cut_selection '{method}'")
    draft.leave_out("training.cut_selection", own, ())
    if chosen:
        training["cut_selection"] = chosen
    known = (
        "enabled",
        "selection",
        "stopping_rules",
        "stopping_mode",
        "tree_seed",
        "cut_selection",
        "scenario_source",
        "solver",
    )
    draft.leave_out("training", training, known)


def _source(draft: Draft, name: str, source: dict[str, Any] | None) -> None:
    if source is None:
        return
    place = f"{name}.scenario_source"
    classes = ("inflow", "load", "ncs")
    draft.leave_out(place, source, (*classes, "seed", "historical_years", "openings"))
    for one in classes:
        entry = source.get(one, {})
        if not isinstance(entry.get("scheme", "in_sample"), str):
            draft.missing.append(f"config.json {place}.{one}: the scheme {entry['scheme']}")
        draft.leave_out(f"{place}.{one}", entry, ("scheme",))


def _policy(draft: Draft, policy: dict[str, Any] | None) -> None:
    if policy is None:
        return
    draft.leave_out("policy", policy, ("path", "mode", "boundary", "checkpointing"))
    draft.leave_out("policy.boundary", policy.get("boundary", {}), ("path", "strict"))
    known = ("enabled", "initial_iteration", "interval_iterations", "store_basis", "compress")
    draft.leave_out("policy.checkpointing", policy.get("checkpointing", {}), known)


def write_past(draft: Draft) -> None:
    """Rewrite ``initial_conditions.json``: past inflows with their days."""
    initial = draft.files["initial_conditions.json"]
    rows = initial.pop("past_inflows", [])
    most = max((len(row["values_m3s"]) for row in rows), default=0)
    windows = lag_windows(draft.files["stages.json"], most)
    if rows and windows is None:
        draft.missing.append("initial_conditions.json: past inflows of custom seasons")
        windows = []
    seen = [
        {
            "hydro_id": row["hydro_id"],
            "start_date": start.isoformat(),
            "end_date": end.isoformat(),
            "value_m3s": value,
        }
        for row in rows
        for value, (start, end) in zip(row["values_m3s"], windows or (), strict=False)
    ]
    observed = seen + initial.pop("recent_observations", [])
    if observed:
        initial["recent_observations"] = sorted(
            observed, key=lambda row: (row["hydro_id"], row["start_date"])
        )
    stages = draft.case.system.stages
    ordered = [
        {
            "thermal_id": row["thermal_id"],
            "start_date": stages[row["stage_offset"] - 1].start_date.isoformat(),
            "end_date": stages[row["stage_offset"] - 1].end_date.isoformat(),
            "value_mw": row["committed_mw"],
        }
        for row in initial.pop("gnl_pipeline", [])
        if row["stage_offset"] <= len(stages)
    ]
    if ordered:
        initial["past_anticipated_commitments"] = ordered
    known = ("storage", "filling_storage", "recent_observations", "past_anticipated_commitments")
    draft.only("initial_conditions.json", initial, (*known, "past_defluences"))


def write_history(draft: Draft) -> None:
    """Give observations of inflow a last day."""
    frame = draft.tables.get(_HISTORY)
    if frame is None or frame.is_empty():
        return
    days = frame.get_column("date").unique().sort().to_list()
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    shortest = min(gaps, default=31)
    monthly = shortest >= 28
    if monthly and any(one.day != 1 for one in days):
        draft.missing.append(f"{_HISTORY}: months that do not begin on their first day")
    ends = {one: _next_month(one) if monthly else one + timedelta(days=shortest) for one in days}
    draft.tables[_HISTORY] = frame.select(
        "hydro_id",
        pl.col("date").alias("start_date"),
        pl.col("date").replace_strict(ends, return_dtype=pl.Date()).alias("end_date"),
        "value_m3s",
    )


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def write_constraints(draft: Draft) -> None:
    """User constraints: which end a bound is stands in the table of bounds there."""
    senses = {}
    for entry in draft.entries(_CONSTRAINTS, "constraints"):
        senses[entry["id"]] = entry.pop("sense")
        if entry.pop("block_aggregation", "per_block") != "per_block":
            draft.missing.append(f"{_CONSTRAINTS} {entry['id']}: 'block_aggregation'")
        known = ("id", "name", "description", "expression", "slack")
        draft.only(f"{_CONSTRAINTS} {entry['id']}", entry, known)
    frame = draft.tables.get(_LIMITS)
    if frame is not None:
        sense = pl.col("constraint_id").replace_strict(
            senses, default="<=", return_dtype=pl.String()
        )
        draft.tables[_LIMITS] = frame.select(
            "constraint_id",
            "stage_id",
            "block_id",
            pl.when(sense.is_in([">=", "=="])).then(pl.col("bound")).alias("bound_lower"),
            pl.when(sense.is_in(["<=", "=="])).then(pl.col("bound")).alias("bound_upper"),
        )
