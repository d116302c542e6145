"""The configuration fits together and with the files it relies on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import polars as pl

from headwater.case.parts import Parts
from headwater.case.rules import ERROR, WARNING, Problem, rule
from headwater.case.schema_config import ConfigFile
from headwater.case.schema_penalties import PenaltiesFile

_FILE = "config.json"
_CONFIG = (_FILE,)


@rule("HW552", WARNING, needs=_CONFIG)
def tree_seed(parts: Parts) -> Iterator[Problem]:
    """The opening tree has a seed of its own."""
    if parts.config is not None and parts.config.training.tree_seed is None:
        yield Problem(_FILE, "no seed of the opening tree is given; 42 is used", "training.tree_seed", None, "give a seed")


@rule("HW553", WARNING, needs=_CONFIG)
def cut_cap(parts: Parts) -> Iterator[Problem]:
    """The cap on active cuts leaves room for the cuts of one iteration."""
    training = parts.config.training if parts.config else None
    cap = training.cut_selection.max_active_per_stage if training else None
    if training is not None and cap is not None and cap < training.forward_passes:
        message = f"at most {cap} active cuts per stage, but one iteration adds {training.forward_passes}"
        yield Problem(_FILE, message, "training.cut_selection.max_active_per_stage", None, "raise it to forward_passes or more")


@rule("HW701", WARNING, needs=_CONFIG)
def general_threshold(parts: Parts) -> Iterator[Problem]:
    """Each method of cut selection has a parameter of its own."""
    if parts.config is not None and parts.config.training.cut_selection.threshold is not None:
        message = "'threshold' means something else for each method of cut selection"
        fix = "give 'memory_window' (lml1) or 'domination_epsilon' (domination)"
        yield Problem(_FILE, message, "training.cut_selection.threshold", None, fix)


@rule("HW712", WARNING, needs=(*_CONFIG, "penalties.json"))
def negative_inflow_cost(parts: Parts) -> Iterator[Problem]:
    """The cost of missing inflow is given in one place."""
    penalties = parts.shape("penalties.json", PenaltiesFile)
    own = parts.config.modeling.inflow_non_negativity.penalty_cost if parts.config else None
    if own is None or penalties is None:
        return
    path, other = "modeling.inflow_non_negativity.penalty_cost", penalties.hydro.inflow_nonnegativity_cost
    if other is None:
        message = f"{own:g} is used as the cost of missing inflow, because penalties.json has none"
        yield Problem(_FILE, message, path, None, "move it to hydro.inflow_nonnegativity_cost in penalties.json")
    else:
        message = f"{own:g} is not used: hydro.inflow_nonnegativity_cost in penalties.json says {other:g}"
        yield Problem(_FILE, message, path, None, "remove it")


def _schemes(config: ConfigFile | None) -> dict[str, set[str]]:
    schemes: dict[str, set[str]] = defaultdict(set)
    if config is not None:
        for source in (config.training.scenario_source, config.simulation.scenario_source):
            if source is not None:
                for name in ("inflow", "load", "ncs"):
                    schemes[name].add(getattr(source, name).scheme)
    return schemes


EXTERNAL = {
    "inflow": ("scenarios/external_inflow_scenarios.parquet", "hydro_id"),
    "load": ("scenarios/external_load_scenarios.parquet", "bus_id"),
    "ncs": ("scenarios/external_ncs_scenarios.parquet", "ncs_id"),
}
_LOADS = "scenarios/load_seasonal_stats.parquet"
_SOURCES = "scenarios/non_controllable_stats.parquet"
_EXTERNAL_FILES = tuple(file for file, _ in EXTERNAL.values())


def _expected_ids(parts: Parts, name: str) -> set[int]:
    if name == "inflow":
        return parts.ids("hydro")
    if name == "load":
        return set(parts.table(_LOADS).filter(pl.col("std_mw") > 0).get_column("bus_id").to_list())
    return set(parts.table(_SOURCES).get_column("ncs_id").to_list())


@rule("HW546", ERROR, needs=(*_CONFIG, *_EXTERNAL_FILES, _LOADS, _SOURCES, "stages.json", "system/hydros.json"))
def external_files(parts: Parts) -> Iterator[Problem]:
    """External scenarios are there, and complete, where a scheme asks for them."""
    schemes = _schemes(parts.config)
    for name, (file, column) in EXTERNAL.items():
        if "external" not in schemes[name]:
            continue
        frame = parts.table(file)
        if frame.is_empty():
            message = f"the {name} scheme 'external' needs {file}, which is missing or empty"
            yield Problem(_FILE, message, f"training.scenario_source.{name}.scheme", None, f"add {file} or change the scheme")
            continue
        expected = _expected_ids(parts, name)
        missing_stages = sorted(parts.study_ids - set(frame.get_column("stage_id").to_list()))
        if missing_stages:
            yield Problem(file, f"stages {missing_stages[:10]} have no scenario", None, None, "add scenarios for every stage")
        for key, rows in frame.group_by(["stage_id", "scenario_id"], maintain_order=True):
            lacking = sorted(expected - set(rows.get_column(column).to_list()))
            if lacking:
                message = f"scenario {key[1]} of stage {key[0]} has no row for {column} {lacking[:10]}"
                yield Problem(file, message, None, f"Stage {key[0]}", "give every entity in every scenario")


@rule("HW547", WARNING, needs=(*_CONFIG, *_EXTERNAL_FILES, "stages.json"))
def external_count(parts: Parts) -> Iterator[Problem]:
    """The number of external scenarios is that of the openings."""
    schemes = _schemes(parts.config)
    for name, (file, _) in EXTERNAL.items():
        if "external" not in schemes[name]:
            continue
        counts = dict(parts.table(file).group_by("stage_id").agg(pl.col("scenario_id").n_unique()).iter_rows())
        for stage in parts.stages:
            if stage.id in counts and counts[stage.id] != stage.num_scenarios:
                message = f"the file has {counts[stage.id]} scenarios, num_scenarios is {stage.num_scenarios}"
                yield Problem(file, message, None, f"Stage {stage.id}", "make both equal")


@rule("HW556", needs=(*_CONFIG, "scenarios/inflow_history.parquet"))
def historical_years(parts: Parts) -> Iterator[Problem]:
    """The historical scheme has a history."""
    if "historical" in _schemes(parts.config)["inflow"] and parts.table("scenarios/inflow_history.parquet").is_empty():
        message = "the scheme 'historical' needs scenarios/inflow_history.parquet, which is missing or empty"
        yield Problem(_FILE, message, "training.scenario_source.inflow.scheme", None, "add the history or change the scheme")
