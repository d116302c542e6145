"""Scenarios from outside, years of history and sampling methods have the files they rely on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import polars as pl

from headwater.case.parts import Parts
from headwater.case.rules import ERROR, WARNING, Problem, rule
from headwater.case.schema_config import ConfigFile
from headwater.case.schema_sources import YearRange

_FILE = "config.json"
_CONFIG = (_FILE,)


def _schemes(config: ConfigFile | None) -> dict[str, set[str]]:
    schemes: dict[str, set[str]] = defaultdict(set)
    if config is not None:
        for source in (config.training.scenario_source, config.simulation.scenario_source):
            if source is not None:
                for name in ("inflow", "load", "ncs"):
                    schemes[name].add(getattr(source, name).scheme_name)
    return schemes


EXTERNAL = {
    "inflow": ("scenarios/external_inflow_scenarios.parquet", "hydro_id"),
    "load": ("scenarios/external_load_scenarios.parquet", "bus_id"),
    "ncs": ("scenarios/external_ncs_scenarios.parquet", "ncs_id"),
}

_OPENINGS = "scenarios/noise_openings.parquet"

_LOADS = "scenarios/load_seasonal_stats.parquet"

_SOURCES = "scenarios/non_controllable_stats.parquet"

_EXTERNAL_FILES = tuple(file for file, _ in EXTERNAL.values())


def _expected_ids(parts: Parts, name: str) -> set[int]:
    if name == "inflow":
        return parts.ids("hydro")
    if name == "load":
        return parts.ids("bus").intersection(
            parts.table(_LOADS).filter(pl.col("std_mw") > 0).get_column("bus_id").to_list()
        )
    return parts.ids("non_controllable").intersection(
        parts.table(_SOURCES).get_column("ncs_id").to_list()
    )


def _training_scheme(parts: Parts, name: str) -> str | None:
    """Scheme of a class in training."""
    return (
        None
        if parts.config is None
        else str(getattr(parts.config.training.scenario_source, name).scheme_name)
    )


def _opens_with_scenarios(parts: Parts, name: str) -> bool:
    """Whether the external or historical scenarios of a class are its openings.

    See `ScenarioSource.opens_with_scenarios`.
    """
    if parts.config is None:
        return False
    source = getattr(parts.config.training.scenario_source, name)
    if source.openings is not None:
        return bool(source.openings == "scenarios")
    return source.scheme_name in ("external", "historical") and parts.table(_OPENINGS).is_empty()


@rule(
    "HW546",
    ERROR,
    needs=(
        *_CONFIG,
        *_EXTERNAL_FILES,
        _OPENINGS,
        _LOADS,
        _SOURCES,
        "stages.json",
        "system/hydros.json",
    ),
)
def external_files(parts: Parts) -> Iterator[Problem]:
    """External scenarios are there, and complete, where they are asked for.

    A scheme asks for them, or they are to be the openings.

    Those that are openings may leave stages out, which then take the statistical model.
    """
    schemes = _schemes(parts.config)
    for name, (file, column) in EXTERNAL.items():
        are_openings = (
            _opens_with_scenarios(parts, name) and _training_scheme(parts, name) != "historical"
        )
        if "external" not in schemes[name] and not are_openings:
            continue
        frame = parts.table(file)
        if frame.is_empty():
            wanted = (
                "scheme 'external' needs"
                if "external" in schemes[name]
                else "openings 'scenarios' need"
            )
            setting = "scheme" if "external" in schemes[name] else "openings"
            message, path = (
                f"the {name} {wanted} {file}, which is missing or empty",
                f"training.scenario_source.{name}.{setting}",
            )
            yield Problem(_FILE, message, path, None, f"add {file} or change the {setting}")
            continue
        expected = _expected_ids(parts, name)
        missing_stages = sorted(parts.study_ids - set(frame.get_column("stage_id").to_list()))
        if missing_stages and not are_openings:
            yield Problem(
                file,
                f"stages {missing_stages[:10]} have no scenario",
                None,
                None,
                "add scenarios for every stage",
            )
        for key, rows in frame.group_by(["stage_id", "scenario_id"], maintain_order=True):
            lacking = sorted(expected - set(rows.get_column(column).to_list()))
            if lacking:
                message = (
                    f"scenario {key[1]} of stage {key[0]} has no row for {column} {lacking[:10]}"
                )
                yield Problem(
                    file, message, None, f"Stage {key[0]}", "give every entity in every scenario"
                )
            weights = rows.get_column("weight").unique().to_list()
            if len(weights) > 1:
                message = (
                    f"scenario {key[1]} of stage {key[0]} has the weights "
                    f"{sorted(weights, key=str)}"
                )
                yield Problem(
                    file,
                    message,
                    None,
                    f"Stage {key[0]}",
                    "give a scenario one weight, the same in all its rows",
                )
        yield from _weights(file, frame)


def _weights(file: str, frame: pl.DataFrame) -> Iterator[Problem]:
    """Weights of all scenarios of a stage or of none, and not all 0."""
    for of_stage, rows in frame.group_by(["stage_id"], maintain_order=True):
        stage_id, weight = of_stage[0], rows.get_column("weight")
        if 0 < weight.null_count() < rows.height:
            message = f"some scenarios of stage {stage_id} have a weight, others have none"
            yield Problem(
                file,
                message,
                None,
                f"Stage {stage_id}",
                "give all scenarios of a stage a weight, or none",
            )
        elif weight.null_count() == 0 and not (weight > 0.0).any():
            message = f"the weights of stage {stage_id} are all 0"
            yield Problem(
                file,
                message,
                None,
                f"Stage {stage_id}",
                "give at least one scenario a weight above 0",
            )


@rule("HW547", WARNING, needs=(*_CONFIG, *_EXTERNAL_FILES, _OPENINGS, "stages.json"))
def external_count(parts: Parts) -> Iterator[Problem]:
    """The number of external scenarios is that of the openings."""
    schemes = _schemes(parts.config)
    for name, (file, _) in EXTERNAL.items():
        if "external" not in schemes[name]:
            continue
        counts = dict(
            parts.table(file).group_by("stage_id").agg(pl.col("scenario_id").n_unique()).iter_rows()
        )
        for stage in parts.stages:
            if stage.id in counts and counts[stage.id] != stage.num_scenarios:
                message = (
                    f"the file has {counts[stage.id]} scenarios, num_scenarios is "
                    f"{stage.num_scenarios}"
                )
                if _opens_with_scenarios(parts, name):
                    message += (
                        ", which counts only for draws of other classes: "
                        "the scenarios are the openings"
                    )
                yield Problem(file, message, None, f"Stage {stage.id}", "make both equal")


@rule("HW547", WARNING, needs=(*_CONFIG, _OPENINGS))
def settings_of_paths(parts: Parts) -> Iterator[Problem]:
    """Settings for walking whole scenarios act somewhere.

    They act in a simulation, and in training where they are not the openings.
    """
    if parts.config is None or parts.config.simulation.scenario_source is None:
        return  # the simulation inherits them
    source = parts.config.training.scenario_source
    for name in EXTERNAL:
        if not _opens_with_scenarios(parts, name):
            continue
        keys = (
            [f"{name}.selection_mode"] if getattr(source, name).selection_mode is not None else []
        )
        if name == "inflow" and source.historical.initial_lags is not None:
            keys.append("historical.initial_lags")
        for key in keys:
            message = (
                f"it has no effect: the {name} scenarios are the openings, which trajectories of "
                "training draw one by one"
            )
            fix = f"remove it, or set training.scenario_source.{name}.openings to 'model'"
            yield Problem(_FILE, message, f"training.scenario_source.{key}", None, fix)


_HISTORY = "scenarios/inflow_history.parquet"

_AR = "scenarios/inflow_ar_coefficients.parquet"

_ANNUAL = "scenarios/inflow_annual_component.parquet"


@rule("HW556", needs=(*_CONFIG, _HISTORY, _AR, _ANNUAL, "stages.json", "system/hydros.json"))
def historical_years(parts: Parts) -> Iterator[Problem]:
    """The historical scheme has a history with seasons and at least one complete year.

    That year has all observations of the study and of its lags.
    """
    if parts.config is None or parts.stages_file is None:
        return
    for section, source in (
        ("training", parts.config.training),
        ("simulation", parts.config.simulation),
    ):
        if (
            source.scenario_source is None
            or source.scenario_source.inflow.scheme_name != "historical"
        ):
            continue
        path = f"{section}.scenario_source.inflow.scheme"
        definitions = parts.stages_file.season_definitions
        without = [stage.id for stage in parts.stages if stage.season_id is None]
        if parts.table(_HISTORY).is_empty():
            message = f"the scheme 'historical' needs {_HISTORY}, which is missing or empty"
            yield Problem(_FILE, message, path, None, "add the history or change the scheme")
        elif definitions is None or without:
            message = (
                "the scheme 'historical' needs 'season_definitions' and a season_id at every "
                "stage, which say what the "
            )
            message += "dates of the history belong to"
            yield Problem(
                _FILE, message, path, None, "define the seasons in stages.json or change the scheme"
            )
        elif definitions.cycle_type == "monthly":
            allowed = _allowed_years(source.scenario_source.historical_years)
            if not any(year in allowed for year in _whole_years(parts)):
                message = (
                    "no year has observations of all months of the study and of the lags before "
                    "it, for every hydro"
                )
                if allowed is not _ALL_YEARS:
                    message = f"among 'historical_years', {message}"
                yield Problem(
                    _FILE,
                    message,
                    path,
                    None,
                    "complete the history, allow other years or change the scheme",
                )


_ALL_YEARS = range(-(10**6), 10**6)


def _allowed_years(years: list[int] | YearRange | None) -> range | list[int]:
    if years is None:
        return _ALL_YEARS
    return range(years.from_year, years.to_year + 1) if isinstance(years, YearRange) else years


def _whole_years(parts: Parts) -> Iterator[int]:
    """Years in which a replay of the study can start.

    Those in which every plant has every month that it needs.
    """
    start = parts.stages[0].start_date
    lags = parts.table(_AR).get_column("lag")
    n_lags = max(
        lags.n_unique(), 0 if parts.table(_ANNUAL).is_empty() else 12
    )  # lags count from 1 without gaps
    first = 12 * start.year + start.month - 1
    needed = {
        12 * stage.start_date.year + stage.start_date.month - 1 - first for stage in parts.stages
    }
    needed |= set(range(-n_lags, 0))
    month = 12 * pl.col("date").dt.year().cast(pl.Int64) + pl.col("date").dt.month() - 1
    months = parts.table(_HISTORY).select("hydro_id", month=month).unique()
    observed: dict[int, set[int]] = {hydro_id: set() for hydro_id in parts.ids("hydro")}
    for hydro_id, number in months.filter(pl.col("hydro_id").is_in(list(observed))).iter_rows():
        observed[hydro_id].add(number)
    common = set.intersection(*observed.values()) if observed else set()
    for number in sorted(common):
        if number % 12 == start.month - 1 and all(number + shift in common for shift in needed):
            yield number // 12


@rule("HW559", needs=(*_CONFIG, _HISTORY, "stages.json"))
def sampling_methods(parts: Parts) -> Iterator[Problem]:
    """Sampling methods have what they need.

    Historical residuals need a history, the selective method a consent.
    """
    allowed = parts.config is not None and parts.config.stochastic.experimental
    for position, stage in enumerate(parts.stages_file.stages if parts.stages_file else ()):
        message = None
        if stage.sampling_method == "historical_residuals" and parts.table(_HISTORY).is_empty():
            message, fix = (
                f"the method 'historical_residuals' needs {_HISTORY}, which is missing or empty",
                "add the history",
            )
        elif stage.sampling_method == "selective" and not allowed:
            message, fix = (
                "the method 'selective' is experimental",
                "allow it with stochastic.experimental in config.json",
            )
        if message is not None:
            path = f"stages[{position}].sampling_method"
            yield Problem(
                "stages.json",
                message,
                path,
                f"Stage {stage.id}",
                f"{fix}, or choose another method",
            )
