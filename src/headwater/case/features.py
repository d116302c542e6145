"""The features that are known and not built yet, as one table: a feature that lands deletes its row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from headwater import model as m
from headwater.case.report import Collector, Finding, Severity
from headwater.model import Study

_SHOWN = 5


@dataclass(frozen=True)
class Feature:
    """One row.

    Attributes:
        name: short name.
        used: the places in a study that use it, e.g. ``["Hydro 3"]``; empty when it is not used.
        where: file (and path) that asks for it in a case.
        sentence: what is missing, for people.
    """

    name: str
    used: Callable[[Study], list[str]]
    where: tuple[str, str | None]
    sentence: str


def _entities(kind: str, label: str, test: Callable[[Any], bool]) -> Callable[[Study], list[str]]:
    return lambda study: [f"{label} {entity.id}" for entity in getattr(study.system, kind) if test(entity)]


def _stages(test: Callable[[m.Stage], bool]) -> Callable[[Study], list[str]]:
    return lambda study: [f"stage {stage.id}" for stage in study.system.stages if test(stage)]


def _setting(study: Study, path: str) -> Any:
    """A value of ``config.json``; ``None`` when it is not given, as in every study built in code."""
    value: Any = getattr(study, "raw_config", {})
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _config(*paths: str, built: tuple[Any, ...] = ()) -> Callable[[Study], list[str]]:
    """Used when one of the settings is given with a value other than those that are built."""
    return lambda study: [path for path in paths if _setting(study, path) not in (None, *built)]


def _stopping_rules(study: Study) -> list[str]:
    rules = _setting(study, "training.stopping_rules") or ()
    return sorted({f"'{rule['type']}'" for rule in rules} - {"'iteration_limit'", "'time_limit'", "'bound_stalling'"})


def _production(test: Callable[[m.ResolvedProduction], bool]) -> Callable[[Study], list[str]]:
    def used(study: Study) -> list[str]:
        pairs = zip(study.system.hydros, study.system.production, strict=True)
        return [f"Hydro {hydro.id}" for hydro, resolved in pairs if any(test(one) for one in resolved)]

    return used


def _graph(study: Study) -> list[str]:
    graph = study.system.policy_graph
    if graph.type is m.GraphType.CYCLIC:
        return ["cyclic"]
    if not graph.transitions:
        return []
    ids = [stage.id for stage in study.system.stages]
    chain = {(source, target, 1.0) for source, target in pairwise(ids)}
    given = {(t.source_id, t.target_id, t.probability) for t in graph.transitions}
    return [] if given == chain else ["transitions other than the chain of stages"]


def _sub_periods(study: Study) -> list[str]:
    system = study.system
    seasonal = [stage for stage in system.stages if stage.season_id is not None]
    if system.season_map is None or not seasonal:
        return []
    periods = Counter((stage.season_id, stage.start_date.year) for stage in seasonal)
    shared = [stage for stage in seasonal if periods[stage.season_id, stage.start_date.year] > 1]
    monthly = system.season_map.cycle_type is m.CycleType.MONTHLY
    odd = [stage for stage in seasonal if monthly and not 28 <= stage.days <= 31]
    days = [stage.days for stage in seasonal]
    mixed = seasonal if max(days) > 1.5 * min(days) else []
    return [f"stage {stage.id}" for stage in system.stages if stage in shared or stage in odd or stage in mixed]


def _estimation(study: Study) -> list[str]:
    system = study.system
    autoregressive = any(row.coefficients for row in system.inflow_statistics)
    return ["inflow_history"] if system.inflow_history and not autoregressive else []


def _schemes(scheme: m.Scheme) -> Callable[[Study], list[str]]:
    def used(study: Study) -> list[str]:
        sources = {"training": study.config.training.scenario_source, "simulation": study.config.simulation.scenario_source}
        return [
            f"{name} {noise_class.value}"
            for name, source in sources.items()
            if source is not None
            for noise_class in m.NoiseClass
            if source.scheme(noise_class) is scheme
        ]

    return used


_CONFIG, _STAGES, _HYDROS = "config.json", "stages.json", "system/hydros.json"

FEATURES: tuple[Feature, ...] = (
    Feature(
        "policy graphs",
        _graph,
        (_STAGES, "policy_graph"),
        "policy graphs other than the chain of stages are not built yet",
    ),
    Feature(
        "annual component",
        lambda study: sorted(
            {f"Hydro {row.hydro_id}" for row in study.system.inflow_statistics if row.annual is not None},
        ),
        ("scenarios/inflow_annual_component.parquet", None),
        "the annual component of inflow models, PAR(p)-A, is not built yet",
    ),
    Feature(
        "estimation",
        _estimation,
        ("scenarios/inflow_history.parquet", None),
        "estimating inflow models from history is not built yet (give statistics and coefficients)",
    ),
    Feature(
        "sub-period stages",
        _sub_periods,
        (_STAGES, "season_definitions"),
        "stages shorter or longer than the periods of their seasons are not built yet",
    ),
    Feature(
        "recent observations",
        lambda study: sorted({f"Hydro {observation.hydro_id}" for observation in study.system.initial.recent_observations}),
        ("initial_conditions.json", "recent_observations"),
        "inflows observed since the start of the current period are not built yet",
    ),
    Feature(
        "historical scheme",
        _schemes(m.Scheme.HISTORICAL),
        (_CONFIG, "training.scenario_source"),
        "drawing scenarios from historical years is not built yet",
    ),
    Feature(
        "external scheme",
        _schemes(m.Scheme.EXTERNAL),
        (_CONFIG, "training.scenario_source"),
        "external scenarios are not built yet",
    ),
    Feature(
        "selection mode",
        _config(
            *(
                f"{part}.scenario_source.{name}.selection_mode"
                for part in ("training", "simulation")
                for name in ("inflow", "load", "ncs")
            )
        ),
        (_CONFIG, "scenario_source.selection_mode"),
        "choosing among external scenarios (selection_mode) is not built yet",
    ),
    Feature(
        "sampling methods",
        _stages(lambda stage: stage.sampling_method is not m.SamplingMethod.SAA),
        (_STAGES, "stages.sampling_method"),
        "sampling methods other than 'saa' are not built yet",
    ),
    Feature(
        "noise sharing",
        _config("stochastic.noise_sharing", built=("season_group",)),
        (_CONFIG, "stochastic.noise_sharing"),
        "noise sharing other than 'season_group' is not built yet",
    ),
    Feature(
        "warm start",
        _config("policy.mode", built=("fresh",)),
        (_CONFIG, "policy.mode"),
        "starting from a stored policy (warm_start, resume) is not built yet",
    ),
    Feature(
        "policy settings",
        _config("policy.stage_map", "policy.purge_after", "policy.trust", built=(False, "identity")),
        (_CONFIG, "policy"),
        "settings for starting from a stored policy are not built yet",
    ),
    Feature(
        "boundary policy",
        _config("policy.boundary"),
        (_CONFIG, "policy.boundary"),
        "terminal cuts from another policy are not built yet",
    ),
    Feature(
        "checkpoints",
        _config("policy.checkpointing.enabled", built=(False,)),
        (_CONFIG, "policy.checkpointing.enabled"),
        "checkpoints are not built yet",
    ),
    Feature(
        "cut selection",
        _config("training.cut_selection.enabled", built=(False,)),
        (_CONFIG, "training.cut_selection.enabled"),
        "cut selection is not built yet",
    ),
    Feature(
        "cap on active cuts",
        _config(
            "training.cut_selection.max_active_per_stage",
            "training.cut_selection.protect_warm_start",
            "training.cut_selection.working_set",
            built=(False,),
        ),
        (_CONFIG, "training.cut_selection"),
        "these settings of cut selection are not built yet",
    ),
    Feature(
        "multi cuts",
        _config("training.cut_formulation", built=("single",)),
        (_CONFIG, "training.cut_formulation"),
        "one cut for each opening ('multi') is not built yet",
    ),
    Feature(
        "archive limit",
        _config("training.archive_memory_limit_mb"),
        (_CONFIG, "training.archive_memory_limit_mb"),
        "a limit on the archive of visited states is not built yet",
    ),
    Feature(
        "cycle settings",
        _config("training.cycle"),
        (_CONFIG, "training.cycle"),
        "settings of cyclic training are not built yet",
    ),
    Feature(
        "stopping rules",
        _stopping_rules,
        (_CONFIG, "training.stopping_rules"),
        "some stopping rules are not built yet",
    ),
    Feature(
        "deterministic upper bound",
        _config("upper_bound_evaluation.enabled", built=(False,)),
        (_CONFIG, "upper_bound_evaluation.enabled"),
        "the deterministic upper bound is not built yet",
    ),
    Feature(
        "inner approximation",
        _config("simulation.policy_type", built=("outer",)),
        (_CONFIG, "simulation.policy_type"),
        "simulating with the inner approximation is not built yet",
    ),
    Feature(
        "simulation settings",
        lambda study: [
            *_config("simulation.detail", built=("full",))(study),
            *_config("simulation.partitioning", built=("chunk",))(study),
            *_config("simulation.on_failure", built=("skip",))(study),
            *_config("simulation.cvar_tail_fractions", built=([0.05],))(study),
            *_config("simulation.io_channel_capacity", built=(16,))(study),
        ],
        (_CONFIG, "simulation"),
        "some settings of the simulation are not built yet",
    ),
    Feature(
        "exports",
        _config("exports.states", "exports.stochastic", built=(False,)),
        (_CONFIG, "exports"),
        "exporting visited states and stochastic artefacts is not built yet",
    ),
)
"""Every feature that is refused today."""


def _uses(study: Study) -> Iterator[tuple[Feature, str]]:
    for feature in FEATURES:
        used = feature.used(study)
        if used:
            yield feature, f"{feature.sentence}: {_listed(used)}"


def _listed(places: Iterable[str]) -> str:
    named = list(places)
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return ", ".join(named[:_SHOWN]) + more


def refused_features(study: Study) -> list[str]:
    """One sentence for each feature that a study uses and that is not built yet; empty when the study can be run."""
    return [sentence for _, sentence in _uses(study)]


def report_features(study: Study, collector: Collector) -> None:
    """Report the features in use that are not built yet as warnings (HW710)."""
    for feature, sentence in _uses(study):
        file, path = feature.where
        fix = "remove it from the case to train or simulate now"
        collector.add(Finding("HW710", Severity.WARNING, file, path, None, sentence, fix))
