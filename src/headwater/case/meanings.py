"""What every key and column of a case means, and in which unit: the one source of reference pages and editor hints."""

from __future__ import annotations

from headwater.arrays import FrozenDict

_FLOW_COST = "$/(m3/s h)"

UNITS = FrozenDict(
    {
        "hours": "h",
        "annual_discount_rate": "1/year",
        "annual_discount_rate_override": "1/year",
    }
)
"""Units that the name of a key does not show."""

_SUFFIXES = (
    ("_mw_per_m3s", "MW/(m3/s)"),
    ("_per_mwh", "$/MWh"),
    ("_hm3", "hm3"),
    ("_m3s", "m3/s"),
    ("_mw", "MW"),
    ("_km2", "km2"),
    ("_m", "m"),
)


def unit_of(key: str) -> str:
    """Unit of a key or column; empty for what has none."""
    if key in UNITS:
        return UNITS[key]
    return next((unit for suffix, unit in _SUFFIXES if key.endswith(suffix)), "")


def meaning_of(holder: str, key: str) -> str:
    """Meaning of a key inside the schema ``holder`` (the name of a class, or of a table); what is common needs no holder."""
    return MEANINGS.get(f"{holder}.{key}") or MEANINGS.get(key, "")


MEANINGS = FrozenDict(
    {
        # common
        "id": "number of the entity, unique among its kind",
        "name": "name for people",
        "type": "which of the known forms follows",
        "season_id": "season that the period belongs to",
        "enabled": "whether it is switched on",
        "start_date": "first day",
        "end_date": "day after the last one",
        # config.json
        "CutSelectionShape.method": "how cuts are judged",
        "threshold": "older parameter that means something else for each method",
        "memory_window": "iterations for which an idle cut is kept (lml1)",
        "domination_epsilon": "margin below which a cut counts as dominated (domination)",
        "check_frequency": "iterations between prunings",
        "cut_activity_tolerance": "dual value above which a cut counts as binding",
        "basis_activity_window": "fixed; other values are refused",
        "max_active_per_stage": "largest number of active cuts at a stage",
        "protect_warm_start": "whether cuts of an earlier policy are kept",
        "working_set": "settings of the method dynamic",
        "ScenarioSourceShape.inflow": "scheme for inflows",
        "ScenarioSourceShape.load": "scheme for loads",
        "ScenarioSourceShape.ncs": "scheme for non-controllable sources",
        "TrainingScenarioSourceShape.inflow": "scheme and openings for inflows",
        "TrainingScenarioSourceShape.load": "scheme and openings for loads",
        "TrainingScenarioSourceShape.ncs": "scheme and openings for non-controllable sources",
        "seed": "seed of the noise; needed for schemes other than in_sample",
        "historical_years": "years from which historical scenarios may start",
        "scheme": "openings of the tree, fresh noise, given scenarios, or history",
        "selection_mode": "order in which given scenarios are taken",
        "openings": "openings of training: given scenarios of the class, or draws of its statistical model; scenarios where "
        "the scheme is external or historical, else the model",
        "from": "first year",
        "to": "last year",
        "historical": "replay of past years",
        "initial_lags": "inflows before the first stage: those of the year that is replayed, or those of the study",
        "couple_classes": "whether inflow, load and availability of a scenario are taken from the same external scenario",
        "StageShape.num_scenarios": "number of openings of the stage",
        # stages.json
        "policy_graph": "how stages follow each other",
        "stages": "study stages",
        "season_definitions": "the seasons of a year",
        "pre_study_stages": "periods before the study that past inflows refer to",
        "annual_discount_rate": "discount rate",
        "transitions": "which stage follows which; the chain of stages when not given",
        "TransitionShape.source_id": "stage that is left",
        "target_id": "stage that follows",
        "probability": "probability",
        "annual_discount_rate_override": "discount rate of this transition",
        "blocks": "parts of the stage with their own balance",
        "block_mode": "whether blocks lie beside each other or follow each other",
        "state_variables": "what is carried from stage to stage",
        "StateVariablesShape.storage": "storage is always state",
        "inflow_lags": "whether past inflows are state",
        "risk_measure": "the word expectation, or a weighted CVaR",
        "sampling_method": "how the openings are drawn",
        "BlockShape.id": "number of the block within its stage, from 0",
        "hours": "length of the block",
        "cvar": "expectation and worst outcomes, weighted",
        "alpha": "confidence level; the tail is what lies beyond",
        "tail_fraction": "share of the worst outcomes, in place of alpha",
        "lambda": "weight of the worst outcomes; the expectation has the rest",
        "cycle_type": "what a season is",
        "SeasonDefinitionsShape.seasons": "the seasons",
        "label": "name of the season",
        "month_start": "month of its first day",
        "day_start": "day of the month of its first day",
        "month_end": "month of its last day",
        "day_end": "day of the month of its last day",
        "PreStudyStageShape.id": "negative number of the period",
    }
)
"""Key (or ``Schema.key``, ``table.column`` where it needs its own words) -> meaning."""
