"""The configuration fits together and with the files it relies on."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.case.parts import Parts
from headwater.case.report import Severity
from headwater.case.rules import ERROR, WARNING, Problem, rule, study_rule
from headwater.case.settings import FILES_OF_NEEDS, without_effect
from headwater.core.choices import STOPPING_RULES
from headwater.model import Study, why_rules_are_refused

_FILE = "config.json"
_CONFIG = (_FILE,)


@rule("HW552", WARNING, needs=_CONFIG)
def tree_seed(parts: Parts) -> Iterator[Problem]:
    """The opening tree has a seed of its own."""
    if parts.config is not None and parts.config.training.tree_seed is None:
        yield Problem(
            _FILE,
            "no seed of the opening tree is given; 42 is used",
            "training.tree_seed",
            None,
            "give a seed",
        )


@rule("HW553", WARNING, needs=_CONFIG)
def cut_cap(parts: Parts) -> Iterator[Problem]:
    """The cap on active cuts leaves room for the cuts of one iteration."""
    training = parts.config.training if parts.config else None
    cap = training.cut_selection.max_active_per_stage if training else None
    if training is not None and cap is not None and cap < training.forward_passes:
        message = (
            f"at most {cap} active cuts per stage, but one iteration adds {training.forward_passes}"
        )
        yield Problem(
            _FILE,
            message,
            "training.cut_selection.max_active_per_stage",
            None,
            "raise it to forward_passes or more",
        )


def _settings_rule(code: str, severity: Severity, strict: Severity, sentence: str) -> None:
    def settings_have_an_effect(parts: Parts) -> Iterator[Problem]:
        for path, need in without_effect(parts):
            if need.code == code:
                message = (
                    f"the setting has no effect here: it needs {need.needs.replace('`', chr(39))}"
                )
                yield Problem(
                    _FILE, message, path, None, "remove the setting, or give what it needs"
                )

    settings_have_an_effect.__doc__ = sentence
    rule(code, severity, strict=strict, needs=FILES_OF_NEEDS)(settings_have_an_effect)


_settings_rule(
    "HW716",
    ERROR,
    ERROR,
    "Settings for a horizon that repeats, or for one that ends, are given with that horizon.",
)
_settings_rule("HW717", WARNING, ERROR, "Every setting that is given has an effect.")


@rule("HW701", WARNING, needs=_CONFIG)
def general_threshold(parts: Parts) -> Iterator[Problem]:
    """Each method of cut selection has a parameter of its own."""
    if parts.config is not None and parts.config.training.cut_selection.threshold is not None:
        message = "'threshold' means something else for each method of cut selection"
        fix = "give 'memory_window' (lml1) or 'domination_epsilon' (domination)"
        yield Problem(_FILE, message, "training.cut_selection.threshold", None, fix)


@rule("HW720", needs=_CONFIG)
def gap_without_bound(parts: Parts) -> Iterator[Problem]:
    """What needs the deterministic upper bound has it.

    The stopping rule `gap` and simulation with the inner approximation need it.
    """
    config = parts.config
    if config is None or config.upper_bound_evaluation.enabled:
        return
    fix = "set upper_bound_evaluation.enabled to true"
    for place, shape in enumerate(config.training.stopping_rules):
        if STOPPING_RULES[shape.type].needs_upper_bound:
            message = (
                f"the rule '{shape.type}' compares the bounds from below and above, but "
                "upper_bound_evaluation is switched off"
            )
            yield Problem(_FILE, message, f"training.stopping_rules[{place}]", None, fix)
    if (
        config.training.enabled
        and config.simulation.enabled
        and config.simulation.policy_type == "inner"
    ):
        message = (
            "the policy type 'inner' needs what upper_bound_evaluation "
            "leaves, which is switched off"
        )
        yield Problem(_FILE, message, "simulation.policy_type", None, fix)


@study_rule("HW721", ERROR, needs=("config.json",))
def comparable_statistical_gap(study: Study) -> Iterator[Problem]:
    """The stopping rule `statistical_gap` has a bound and costs that can be compared.

    Its bound is one of mean costs, and the costs come from the same noise.
    """
    reason = why_rules_are_refused(study)
    if reason is not None:
        yield Problem(
            _FILE,
            reason,
            "training.stopping_rules",
            None,
            "use the rule 'gap' or 'bound_stalling' instead",
        )


@study_rule("HW722", ERROR, needs=("config.json", "scenarios/inflow_ar_coefficients.parquet"))
def bound_under_truncation(study: Study) -> Iterator[Problem]:
    """There is no deterministic upper bound where inflows have lags and are truncated."""
    lags = any(row.coefficients for row in study.system.inflow_statistics)
    if study.config.upper_bound.enabled and study.config.inflow_non_negativity.truncates and lags:
        message = (
            "costs are not convex in inflow lags where inflows are truncated, so "
            "nothing bounds them from above"
        )
        fix = "set modeling.inflow_non_negativity.method to 'penalty', or switch the evaluation off"
        yield Problem(_FILE, message, "upper_bound_evaluation.enabled", None, fix)


@rule("HW712", WARNING, needs=(*_CONFIG, "penalties.json"))
def negative_inflow_cost(parts: Parts) -> Iterator[Problem]:
    """The cost of missing inflow is given in one place."""
    penalties = parts.shape("penalties.json")
    own = parts.config.modeling.inflow_non_negativity.penalty_cost if parts.config else None
    if own is None or penalties is None:
        return
    path, other = (
        "modeling.inflow_non_negativity.penalty_cost",
        penalties.hydro.inflow_nonnegativity_cost,
    )
    if other is None:
        message = f"{own:g} is used as the cost of missing inflow, because penalties.json has none"
        yield Problem(
            _FILE,
            message,
            path,
            None,
            "move it to hydro.inflow_nonnegativity_cost in penalties.json",
        )
    else:
        message = (
            f"{own:g} is not used: hydro.inflow_nonnegativity_cost in penalties.json says {other:g}"
        )
        yield Problem(_FILE, message, path, None, "remove it")
