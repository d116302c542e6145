"""Which setting of ``config.json`` needs which other.

The table that validation judges by and the documentation prints.

A setting whose need is not met has no effect. What is said about it is that, and what would give it
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.case.parts import Parts
from headwater.case.report import Severity
from headwater.case.schema_config import ConfigFile
from headwater.case.shapes import Shape

HISTORY = "scenarios/inflow_history.parquet"
_STATS = "scenarios/inflow_seasonal_stats.parquet"
_AR = "scenarios/inflow_ar_coefficients.parquet"

FILES_OF_NEEDS = (
    "config.json",
    "stages.json",
    "system/hydros.json",
    "system/hydro_production_models.json",
    HISTORY,
    _STATS,
    _AR,
)
"""Files that the needs below look at."""


@dataclass(frozen=True)
class Need:
    """What some settings need to have an effect.

    Attributes:
        settings: their places in ``config.json``.
        needs: what must hold, in words.
        met: whether it holds.
        code: of the finding where it does not.
        severity: of that finding.
    """

    settings: tuple[str, ...]
    needs: str
    met: Callable[[Parts, ConfigFile], bool]
    code: str = "HW717"
    severity: Severity = Severity.WARNING


def _cyclic(parts: Parts, _: ConfigFile) -> bool:
    return parts.stages_file is not None and parts.stages_file.policy_graph.type == "cyclic"


def _estimates(parts: Parts, _: ConfigFile) -> bool:
    return not parts.table(HISTORY).is_empty() and (
        parts.table(_STATS).is_empty() or parts.table(_AR).is_empty()
    )


def _has_history(parts: Parts, _: ConfigFile) -> bool:
    return not parts.table(HISTORY).is_empty()


def _has_seasons(parts: Parts, _: ConfigFile) -> bool:
    return parts.stages_file is not None and parts.stages_file.season_definitions is not None


def _selective(parts: Parts, _: ConfigFile) -> bool:
    return any(stage.sampling_method == "selective" for stage in parts.stages)


def _linearised(parts: Parts, _: ConfigFile) -> bool:
    file = parts.shape("system/hydro_production_models.json")
    models: set[str | None] = {hydro.generation.model for hydro in parts.hydros}
    for entry in file.production_models if file is not None else ():
        models.add(entry.default_model)
        models |= {rule.model for rule in (*(entry.stage_ranges or ()), *(entry.seasons or ()))}
    return "linearized_head" in models


def _selects(method: str) -> Callable[[Parts, ConfigFile], bool]:
    def met(_: Parts, config: ConfigFile) -> bool:
        selection = config.training.cut_selection
        return bool(selection.enabled and selection.method == method)

    return met


def _keeps_states(_: Parts, config: ConfigFile) -> bool:
    selection = config.training.cut_selection
    dominates = selection.enabled and selection.method == "domination"
    return bool(dominates or config.upper_bound_evaluation.enabled or config.exports.states)


def _schemes(config: ConfigFile, section: str) -> list[str]:
    """Schemes of the three classes that a section asks for."""
    source = (
        config.training.scenario_source
        if section == "training"
        else config.simulation.scenario_source
    )
    return (
        []
        if source is None
        else [getattr(source, name).scheme_name for name in ("inflow", "load", "ncs")]
    )


def _of_library(section: str, name: str) -> Callable[[Parts, ConfigFile], bool]:
    """Whether a class takes its values from a list of scenarios, of which one is selected."""
    position = ("inflow", "load", "ncs").index(name)
    return lambda _, config: (
        (_schemes(config, section) or ["", "", ""])[position] in ("external", "historical")
    )


def _scenario_needs(section: str) -> Iterator[Need]:
    """Needs of a section ``scenario_source``."""
    source = f"{section}.scenario_source"
    for name in ("inflow", "load", "ncs"):
        yield Need(
            (f"{source}.{name}.selection_mode",),
            f"`{source}.{name}.scheme` `external`"
            + (" or `historical`" if name == "inflow" else ""),
            _of_library(section, name),
        )
    yield Need(
        (f"{source}.couple_classes",),
        f"the scheme `external` for two classes or more of `{source}`",
        lambda _, config: _schemes(config, section).count("external") >= 2,
    )
    yield Need(
        (f"{source}.historical.initial_lags",),
        f"`{source}.inflow.scheme` `historical`",
        lambda _, config: "historical" in _schemes(config, section),
    )


def _mode(*modes: str) -> Callable[[Parts, ConfigFile], bool]:
    return lambda _, config: config.policy.mode in modes


NEEDS: tuple[Need, ...] = (
    Need(
        ("policy.path",),
        "`policy.mode` `warm_start` or `resume`, or `training.enabled` false",
        lambda _, config: config.policy.mode != "fresh" or not config.training.enabled,
    ),
    Need(
        ("policy.stage_map", "policy.trust", "policy.purge_after", "policy.validate_compatibility"),
        "`policy.mode` `warm_start`",
        _mode("warm_start"),
    ),
    Need(
        ("training.cut_selection.protect_warm_start",),
        "`policy.mode` `warm_start`",
        _mode("warm_start"),
    ),
    Need(
        ("policy.boundary",),
        "`policy_graph.type` `finite_horizon`: a horizon that repeats has no end to value",
        lambda parts, config: not _cyclic(parts, config),
        "HW716",
        Severity.ERROR,
    ),
    Need(
        ("simulation.num_stages",),
        "`policy_graph.type` `cyclic`: of a horizon that ends all stages are simulated",
        _cyclic,
        "HW716",
        Severity.ERROR,
    ),
    Need(
        ("training.cycle.tolerance", "training.cycle.max_length"),
        "`policy_graph.type` `cyclic`",
        _cyclic,
    ),
    Need(
        (
            "policy.checkpointing.initial_iteration",
            "policy.checkpointing.interval_iterations",
            "policy.checkpointing.interval_minutes",
        ),
        "`policy.checkpointing.enabled`",
        lambda _, config: config.policy.checkpointing.enabled,
    ),
    Need(
        ("training.cut_selection.method",),
        "`training.cut_selection.enabled`",
        lambda _, config: config.training.cut_selection.enabled,
    ),
    Need(
        ("training.cut_selection.check_frequency",),
        "`training.cut_selection.enabled` and a method other than `dynamic`",
        lambda _, config: (
            config.training.cut_selection.enabled
            and config.training.cut_selection.method != "dynamic"
        ),
    ),
    Need(
        ("training.cut_selection.memory_window",),
        "`training.cut_selection.enabled` with the method `lml1`",
        _selects("lml1"),
    ),
    Need(
        ("training.cut_selection.domination_epsilon",),
        "`training.cut_selection.enabled` with the method `domination`",
        _selects("domination"),
    ),
    Need(
        ("training.archive_memory_limit_mb",),
        "cut selection by `domination`, `upper_bound_evaluation.enabled` or `exports.states`",
        _keeps_states,
    ),
    Need(
        ("training.stopping_mode",),
        "two stopping rules or more",
        lambda _, config: len(config.training.stopping_rules) > 1,
    ),
    Need(
        (
            "upper_bound_evaluation.initial_iteration",
            "upper_bound_evaluation.interval_iterations",
            "upper_bound_evaluation.max_vertices_per_stage",
            "upper_bound_evaluation.lipschitz.mode",
            "upper_bound_evaluation.lipschitz.fallback_value",
        ),
        "`upper_bound_evaluation.enabled`",
        lambda _, config: config.upper_bound_evaluation.enabled,
    ),
    Need(
        ("upper_bound_evaluation.lipschitz.scale_factor",),
        "`upper_bound_evaluation.enabled` with `lipschitz.mode` `auto`",
        lambda _, config: (
            config.upper_bound_evaluation.enabled
            and config.upper_bound_evaluation.lipschitz.mode == "auto"
        ),
    ),
    Need(
        (
            "estimation.max_order",
            "estimation.order_selection",
            "estimation.min_observations_per_season",
            "estimation.max_coefficient_magnitude",
            "estimation.mode_rounding_m3s",
        ),
        f"`{HISTORY}`, and no statistics or no coefficients beside it "
        "that leave nothing to estimate",
        _estimates,
    ),
    Need(("estimation.history_resolution",), f"`{HISTORY}`", _has_history),
    Need(("stochastic.noise_sharing",), "`season_definitions` in stages.json", _has_seasons),
    Need(("stochastic.experimental",), "a stage with the sampling method `selective`", _selective),
    Need(
        ("modeling.linearized_head_passes",),
        "a plant with the model `linearized_head`",
        _linearised,
    ),
    *_scenario_needs("training"),
    *_scenario_needs("simulation"),
    Need(
        ("simulation.tables", "simulation.partitioning"),
        "`simulation.detail` `full`",
        lambda _, config: config.simulation.detail == "full",
    ),
    Need(
        ("exports.states",),
        "`training.enabled`",
        lambda _, config: config.training.enabled,
    ),
)
"""Every setting that has an effect only beside others."""


def without_effect(parts: Parts) -> Iterator[tuple[str, Need]]:
    """Settings that are given with a value of their own and whose need is not met."""
    config = parts.config
    if config is None:
        return
    for need in NEEDS:
        given = [path for path in need.settings if _is_given(parts.raw_config, path)]
        if given and not need.met(parts, config):
            for path in given:
                yield path, need


def _is_given(raw: Mapping[str, Any], path: str) -> bool:
    """Whether a setting is given, with another value than the one it has by default."""
    value: Any = raw
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return bool(value != default_of(path))


def default_of(path: str) -> Any:
    """Value of a setting that is not given; ``None`` where it has none.

    Raises:
        KeyError: there is no such setting.
    """
    shape: type[Shape] = ConfigFile
    steps = path.split(".")
    for key in steps[:-1]:
        shape = _section(shape, key)
    default = shape.model_fields[steps[-1]].get_default()
    return None if repr(default) == "PydanticUndefined" else default


def _section(shape: type[Shape], key: str) -> type[Shape]:
    annotation: Any = shape.model_fields[key].annotation
    options = getattr(annotation, "__args__", (annotation,))
    return next(
        option for option in options if isinstance(option, type) and issubclass(option, Shape)
    )
