"""What every key and column of a case means, and in which unit: the one source of reference pages and editor hints."""

from __future__ import annotations

from headwater.arrays import FrozenDict

_FLOW_COST = "$/(m3/s h)"

UNITS = FrozenDict(
    {
        "hours": "h",
        "annual_discount_rate": "1/year",
        "annual_discount_rate_override": "1/year",
        "retry_time_budget_seconds": "s",
        "interval_minutes": "min",
        "archive_memory_limit_mb": "MB",
        "theta_lower_bound": "$",
        "penalty_cost": _FLOW_COST,
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
        "modeling": "choices about the model of a stage",
        "training": "how the policy is trained",
        "estimation": "how inflow models are estimated from history",
        "stochastic": "how noise is made",
        "upper_bound_evaluation": "deterministic upper bound of the cost",
        "policy": "where the policy is kept and whether an earlier one is used",
        "simulation": "what is simulated after training",
        "exports": "additional results",
        "inflow_non_negativity": "treatment of negative sampled inflows",
        "linearized_head_passes": "passes that refine the head during simulation",
        "InflowNonNegativityShape.method": "none, a slack with a cost, truncation at zero, or both",
        "penalty_cost": "cost of missing inflow, used when penalties.json has none",
        "forward_passes": "trajectories per iteration",
        "stopping_rules": "when training ends; one rule must limit the iterations",
        "stopping_mode": "whether any rule or all rules together end the training",
        "tree_seed": "seed of the opening tree; 42 when not given",
        "cut_formulation": "one cut for all openings, or one for each",
        "forward_pass": "kind of forward pass",
        "solver": "budget for solving difficult stage problems again",
        "retry_max_attempts": "attempts at one stage problem",
        "retry_time_budget_seconds": "time for one stage problem, after which the best answer so far is taken",
        "cut_selection": "removal of cuts that no longer bind",
        "scenario_source": "where the noise of the forward pass comes from; the simulation inherits that of training",
        "cost_scale": "money unit inside the stage problems in $; without it a power of two chosen from the costs of the case",
        "formulation": "form of the stage problems: with eliminated or with explicit state",
        "theta_lower_bound": "smallest value of the future cost",
        "threads": "worker threads; all that are granted when not given",
        "archive_memory_limit_mb": "memory for visited states",
        "cycle": "how far trajectories follow a cyclic horizon",
        "CycleShape.tolerance": "a trajectory ends where money is worth less than this share of its value at the start",
        "max_length": "stages after which a trajectory ends in any case; the first turn of the cycle is always completed",
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
        "max_order": "largest autoregressive order that is tried",
        "order_selection": "criterion that chooses the order",
        "min_observations_per_season": "observations below which a season is not estimated",
        "max_coefficient_magnitude": "coefficient beyond which a model falls back to order 0",
        "history_resolution": "period of the history",
        "mode_rounding_m3s": "grid on which the most frequent value is looked for",
        "historical": "replay of past years",
        "initial_lags": "inflows before the first stage: those of the year that is replayed, or those of the study",
        "couple_classes": "whether inflow, load and availability of a scenario are taken from the same external scenario",
        "experimental": "allow the sampling method `selective`",
        "noise_sharing": "whether stages of one season share their noise",
        "initial_iteration": "first iteration at which it is done",
        "interval_iterations": "iterations between two times",
        "max_vertices_per_stage": "largest number of states kept for the upper bound",
        "lipschitz": "price of one unit that a state lies away from the visited ones",
        "LipschitzShape.mode": "derived from repairs that always work, or given",
        "fallback_value": "price per hm3, m3/s or MW that is used where none is derived; too small a value gives a wrong bound",
        "scale_factor": "factor on the derived prices",
        "path": "directory of the policy",
        "PolicyShape.mode": "start afresh, start with the cuts of an earlier policy, or continue a run",
        "validate_compatibility": "whether an earlier policy must fit the case",
        "stage_map": "whose cuts each stage takes: identity, a shift in stages, or stage ids of the earlier policy",
        "ShiftShape.shift": "stages that the horizon has moved on",
        "purge_after": "iterations after which cuts are removed that are not proven to be valid bounds",
        "trust": "whether all cuts of an earlier policy are taken as valid bounds, whatever has changed",
        "boundary": "policy whose cuts value the end of the horizon",
        "source_stage": "stage of that policy whose cuts are taken",
        "checkpointing": "writing the policy down while training goes on",
        "CheckpointingShape.initial_iteration": "first iteration after which a checkpoint is due",
        "CheckpointingShape.interval_iterations": "iterations between two checkpoints",
        "interval_minutes": "time between two checkpoints; without either interval, ten iterations",
        "keep": "checkpoints that are kept",
        "store_basis": "whether solver bases are stored, so that a resumed training is the same to the last bit",
        "compress": "must be false: checkpoints are not compressed",
        "num_scenarios": "number of scenarios",
        "num_stages": "stages that are simulated in a cyclic study; as many as in training when not given",
        "StageShape.num_scenarios": "number of openings of the stage",
        "policy_type": "lower (outer) or upper (inner) approximation of the future cost",
        "tables": "result tables that are written; all when not given",
        "detail": "every value, or summaries",
        "partitioning": "how tables are divided into files",
        "on_failure": "what happens when a scenario cannot be solved",
        "cvar_tail_fractions": "tails for which the mean cost is reported",
        "io_channel_capacity": "results that may wait to be written",
        "output_path": "not part of Headwater; refused",
        "output_mode": "not part of Headwater; refused",
        "states": "export the visited states",
        "ExportsShape.stochastic": "export what the stochastic models were made into",
        "ExportsShape.training": "not part of Headwater; refused",
        "ExportsShape.simulation": "not part of Headwater; refused",
        "cuts": "not part of Headwater; refused",
        "vertices": "not part of Headwater; refused",
        "forward_detail": "not part of Headwater; refused",
        "backward_detail": "not part of Headwater; refused",
        "compression": "not part of Headwater; refused",
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
        # penalties
        # initial_conditions.json
        # system
        # production models
        # scenarios and constraints in JSON
        # tables
        **{
            f"external_{kind}_scenarios.weight": "how likely the scenario is, on any scale and the same in all its rows; "
            "all are equally likely when not given"
            for kind in ("inflow", "load", "ncs")
        },
    }
)
"""Key (or ``Schema.key``, ``table.column`` where it needs its own words) -> meaning."""
