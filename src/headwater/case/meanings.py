"""What the keys of scenario sources and cut selection mean, for reference pages and editors."""

from __future__ import annotations

from headwater.arrays import FrozenDict


def meaning_of(holder: str, key: str) -> str:
    """Meaning of a key inside the schema ``holder`` (the name of a class); what is common needs no holder."""
    return MEANINGS.get(f"{holder}.{key}") or MEANINGS.get(key, "")


MEANINGS = FrozenDict(
    {
        # common
        "enabled": "whether it is switched on",
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
        # stages.json
    }
)
"""Key (or ``Schema.key`` where it needs its own words) -> meaning."""
