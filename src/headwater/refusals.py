"""Everything that is known and refused, as one table.

What a study may ask for and does not get, and how it is told.

Where something is refused, the sentence is made from its row here; the page on the model prints the
table. What lands deletes its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Refusal:
    """One row.

    Attributes:
        area: part of the model.
        feature: what is refused, in words that a sentence can begin with.
        code: of the finding of `headwater validate`; HW710 for what is not built yet, others for
            what makes no sense.
        instead: what to do.
    """

    area: str
    feature: str
    code: str
    instead: str


REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        "policy_graph": Refusal(
            "time",
            "policy graphs other than the chain of stages or that chain closed by one way back",
            "HW710",
            "leave the transitions out, or close the chain with one from the last stage",
        ),
        "beside_regimes": Refusal(
            "time",
            "regimes together with training.cut_formulation multi, upper_bound_evaluation, a warm "
            "start or scenarios of history",
            "HW710",
            "leave those out",
        ),
        "life_inside_cycle": Refusal(
            "time",
            "hydros that enter, fill or leave inside a cycle",
            "HW710",
            "let them enter before the stages that repeat",
        ),
        "finer_stages": Refusal(
            "time",
            "past inflows as state where stages become finer after coarser ones",
            "HW710",
            "begin with the finest stages",
        ),
        "season_left_out": Refusal(
            "time",
            "past inflows as state where a season period is left out between two stages",
            "HW710",
            "give every period a stage",
        ),
        "coarse_season_cut": Refusal(
            "time",
            "past inflows as state where a coarser season does not begin with its first stage",
            "HW710",
            "change the resolution where a coarse season begins",
        ),
        "second_change_of_resolution": Refusal(
            "time",
            "past inflows as state where the resolution of the stages changes more than once",
            "HW710",
            "change it once",
        ),
        "sub_periods_in_cycle": Refusal(
            "time",
            "past inflows as state on a cyclic horizon whose stages are not one season period each",
            "HW710",
            "let every stage of a cycle be one season period",
        ),
        "seasons_of_cycle": Refusal(
            "time",
            "past inflows as state on a cyclic horizon that does not close in the seasons",
            "HW570",
            "let the cycle be a whole year, or several",
        ),
        "unstable_model_in_cycle": Refusal(
            "time",
            "inflow models that do not forget their past on a cyclic horizon",
            "HW570",
            "lower the coefficients",
        ),
        "boundary_with_orders": Refusal(
            "training",
            "boundary cuts together with thermal plants dispatched ahead",
            "HW710",
            "do without one of them",
        ),
        "boundary_of_cycle": Refusal(
            "training",
            "boundary cuts on a cyclic horizon",
            "HW716",
            "a horizon that repeats has no end to value",
        ),
        "boundary_with_lag_slopes": Refusal(
            "training",
            "boundary cuts that depend on past inflows without training.theta_lower_bound",
            "when training starts",
            "give training.theta_lower_bound",
        ),
        "working_sets": Refusal(
            "training",
            "settings of working sets of cuts",
            "HW710",
            "the working rows of a solve are chosen by the engine",
        ),
        "risk_of_single_openings": Refusal(
            "training",
            "a cut for each opening (training.cut_formulation) with a risk measure without a "
            "linear form",
            "HW723",
            "set it to single, or choose another measure",
        ),
        "other_forward_passes": Refusal(
            "training",
            "training.forward_pass.type other than default and those of packages, "
            "cut_selection.basis_activity_window other than 5",
            "HW205",
            "leave them out",
        ),
        "compressed_checkpoints": Refusal(
            "training",
            "compressed checkpoints (policy.checkpointing.compress)",
            "HW205",
            "cuts are used as they lie on the disk",
        ),
        "selective_unasked": Refusal(
            "uncertainty",
            "the sampling method selective without stochastic.experimental",
            "HW559",
            "allow it there",
        ),
        "openings_in_groups": Refusal(
            "uncertainty",
            "other numbers of openings at stages that share their noise, where forward passes or "
            "simulations choose among openings, and with the sampling method selective",
            "HW570",
            "give them the same number",
        ),
        "annual_without_months": Refusal(
            "uncertainty",
            "the annual component with other than twelve seasons in the year",
            "HW570",
            "define monthly seasons, or do without it",
        ),
        "coarse_history": Refusal(
            "uncertainty",
            "inflow histories that are coarser than the seasons",
            "HW570",
            "define longer seasons or give finer observations",
        ),
        "weights_of_paths": Refusal(
            "uncertainty",
            "weights of external scenarios that change between stages, where scenarios are walked "
            "as whole paths",
            "HW570",
            "give each scenario one weight, or draw from the openings",
        ),
        "unequal_couples": Refusal(
            "uncertainty",
            "couple_classes over classes with other numbers of scenarios",
            "HW570",
            "give equally many, or leave it out",
        ),
        "scenarios_beside_openings": Refusal(
            "uncertainty",
            "scenarios as openings beside scenarios/noise_openings.parquet",
            "HW570",
            "remove one of them",
        ),
        "statistical_gap": Refusal(
            "stopping rules",
            "the rule statistical_gap with a risk measure other than the expectation, or with "
            "forward passes out of sample",
            "HW721",
            "use gap or bound_stalling",
        ),
        "gap_without_bound": Refusal(
            "stopping rules",
            "the rule gap without upper_bound_evaluation",
            "HW720",
            "switch the evaluation on",
        ),
        "bound_under_truncation": Refusal(
            "upper bound",
            "the deterministic upper bound where inflows have lags and are truncated",
            "HW722",
            "use the method penalty, or switch the evaluation off",
        ),
        "bound_without_price": Refusal(
            "upper bound",
            "the deterministic upper bound where nothing is sure to "
            "make good a change of the state",
            "when training starts",
            "give slack to user constraints, the method penalty, or lipschitz.fallback_value",
        ),
        "inner_without_bound": Refusal(
            "simulation",
            "simulation.policy_type inner without upper_bound_evaluation",
            "HW720",
            "train with it",
        ),
        "stages_of_a_finite_horizon": Refusal(
            "simulation",
            "simulation.num_stages on a horizon that ends",
            "HW716",
            "all its stages are simulated",
        ),
        "settings_of_others": Refusal(
            "results",
            "simulation.output_path, simulation.output_mode and exports "
            "other than states and stochastic",
            "HW205",
            "all results are always written",
        ),
    }
)
"""Name of a refusal -> what it is."""


def refused(name: str, where: str = "") -> str:
    """The sentence that refuses something, e.g. ``refused("finer_stages", "stages 3 and 4")``.

    Args:
        name: of the refusal.
        where: the place in the study.
    """
    feature = REFUSALS[name].feature
    return f"{feature}: {where}" if where else feature


def refusals_table() -> str:
    """The table as the page on the model prints it."""
    rows = [f"| {r.area} | {r.feature} | {r.code} | {r.instead} |" for r in REFUSALS.values()]
    return "\n".join(
        ["| Area | What is refused | Reported by | Instead |", "| --- | --- | --- | --- |", *rows]
    )
