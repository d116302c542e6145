"""The features that are known and not built yet, as one table.

Whoever builds a feature deletes its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.case.names import entity_label
from headwater.case.report import Collector, Finding, Severity
from headwater.core.wording import listed
from headwater.errors import ModelError
from headwater.model import Study, excluded_by_regimes
from headwater.refusals import refused


@dataclass(frozen=True)
class Feature:
    """One row.

    Attributes:
        name: short name.
        used: the places in a study that use it, e.g. ``["Hydro 3"]``; empty when it is not used.
        where: file (and path) that asks for it in a case.
        sentence: what is refused, for people.
    """

    name: str
    used: Callable[[Study], list[str]]
    where: tuple[str, str | None]
    sentence: str


def _setting(study: Study, path: str) -> Any:
    """A value of ``config.json``.

    ``None`` when it is not given, as in every study built in code.
    """
    value: Any = getattr(study, "raw_config", {})
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _config(*paths: str, built: tuple[Any, ...] = ()) -> Callable[[Study], list[str]]:
    """Used when one of the settings is given with a value other than those that are built."""
    return lambda study: [path for path in paths if _setting(study, path) not in (None, *built)]


def _graph(study: Study) -> list[str]:
    try:
        _ = study.system.horizon
    except ModelError as error:
        return [str(error)]
    return []


def _lives_inside_cycle(study: Study) -> list[str]:
    if _graph(study):
        return []
    changing = study.system.operative_states["hydros"][:, list(study.system.horizon.cycle)]
    return [
        entity_label("Hydro", hydro.id, hydro.name)
        for hydro, states in zip(study.system.hydros, changing, strict=True)
        if len(set(states.tolist())) > 1
    ]


def _boundary_with_orders(study: Study) -> list[str]:
    """Thermals whose orders reach beyond the horizon.

    There, cuts of another policy value the end of the horizon.
    """
    if study.config.policy.boundary is None:
        return []
    return [
        entity_label("Thermal", thermal.id, thermal.name)
        for thermal in study.system.thermals
        if thermal.gnl_lag_stages is not None
    ]


_CONFIG, _STAGES = "config.json", "stages.json"

FEATURES: tuple[Feature, ...] = (
    Feature("policy graphs", _graph, (_STAGES, "policy_graph"), refused("policy_graph")),
    Feature(
        "regimes together with",
        excluded_by_regimes,
        (_STAGES, "policy_graph.regimes"),
        refused("beside_regimes"),
    ),
    Feature(
        "hydros that enter, fill or leave inside a cycle",
        _lives_inside_cycle,
        (_STAGES, "policy_graph"),
        refused("life_inside_cycle"),
    ),
    Feature(
        "boundary cuts together with thermal plants dispatched ahead",
        _boundary_with_orders,
        (_CONFIG, "policy.boundary"),
        refused("boundary_with_orders"),
    ),
    Feature(
        "working sets",
        _config("training.cut_selection.working_set"),
        (_CONFIG, "training.cut_selection.working_set"),
        refused("working_sets"),
    ),
)
"""Every feature that is refused today."""


def _uses(study: Study) -> Iterator[tuple[Feature, str]]:
    for feature in FEATURES:
        used = feature.used(study)
        if used:
            yield feature, f"{feature.sentence}: {listed(used)}"


def refused_features(study: Study) -> list[str]:
    """One sentence for each feature that a study uses and that is not built yet.

    Empty when the study can be run.
    """
    return [sentence for _, sentence in _uses(study)]


def report_features(study: Study, collector: Collector) -> None:
    """Report the features in use that are not built yet as warnings (HW710)."""
    for feature, sentence in _uses(study):
        file, path = feature.where
        fix = "remove it from the case to train or simulate now"
        collector.add(Finding("HW710", Severity.WARNING, file, path, None, sentence, fix))
