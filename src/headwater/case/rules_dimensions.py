"""Layer 4: tables cover what they must cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from headwater.case.build_scenarios import noise_dimensions
from headwater.case.parts import Parts
from headwater.case.rules import ERROR, WARNING, Problem, rule
from headwater.core.wording import opened

_STATS = "scenarios/inflow_seasonal_stats.parquet"
_AR = "scenarios/inflow_ar_coefficients.parquet"
_LOADS = "scenarios/load_seasonal_stats.parquet"
_OPENINGS = "scenarios/noise_openings.parquet"
_CHANCES = "scenarios/opening_probabilities.parquet"
_GEOMETRY = "system/hydro_geometry.parquet"
_PLANES = "system/fpha_hyperplanes.parquet"
_MODELS = "system/hydro_production_models.json"


def _uncovered(parts: Parts, table: str, column: str, kind: str, label: str) -> Iterator[Problem]:
    if parts.table(table).is_empty():
        return
    rows = set(parts.rows(table, column, "stage_id"))
    for entity_id in sorted(parts.ids(kind)):
        missing = [stage for stage in sorted(parts.study_ids) if (entity_id, stage) not in rows]
        if missing:
            message = (
                f"{len(missing)} of {len(parts.study_ids)} study stages have no row (stages "
                f"{opened(missing)})"
            )
            yield Problem(table, message, None, f"{label} {entity_id}", "add the missing rows")


@rule("HW401", needs=(_STATS, "system/hydros.json", "stages.json"))
def inflow_coverage(parts: Parts) -> Iterator[Problem]:
    """Inflow statistics exist for every plant at every study stage."""
    yield from _uncovered(parts, _STATS, "hydro_id", "hydro", "Hydro")


@rule("HW402", needs=(_LOADS, "system/buses.json", "stages.json"))
def load_coverage(parts: Parts) -> Iterator[Problem]:
    """Load statistics exist for every bus at every study stage."""
    yield from _uncovered(parts, _LOADS, "bus_id", "bus", "Bus")


@rule(
    "HW403",
    needs=(
        _OPENINGS,
        _LOADS,
        "scenarios/non_controllable_stats.parquet",
        "system/hydros.json",
        "stages.json",
    ),
)
def opening_shape(parts: Parts) -> Iterator[Problem]:
    """Given openings cover every stage, without gaps, with the right number of dimensions."""
    frame = parts.table(_OPENINGS)
    if frame.is_empty():
        return
    narrow, wide = noise_dimensions(parts)
    widths = str(narrow) if narrow == wide else f"{narrow} or {wide}"
    given = set(frame.get_column("stage_id").unique().to_list())
    for stage in sorted(parts.study_ids - given):
        yield Problem(
            _OPENINGS,
            f"stage {stage} has no openings; expected some for every study stage",
            None,
            f"Stage {stage}",
            "add",
        )
    shapes: dict[int, set[int]] = {}
    for (stage_key,), rows in frame.group_by(["stage_id"], maintain_order=True):
        stage = int(str(stage_key))
        openings = rows.get_column("opening_index").unique().sort().to_list()
        entities = rows.get_column("entity_index").unique().sort().to_list()
        where, fix = (
            f"Stage {stage}",
            "number openings and entities from 0 and give every pair once",
        )
        if openings != list(range(len(openings))) or entities != list(range(len(entities))):
            yield Problem(
                _OPENINGS,
                "expected opening and entity indices from 0 without gaps",
                None,
                where,
                fix,
            )
        elif len(openings) * len(entities) != rows.height:
            message = (
                f"expected {len(openings)} x {len(entities)} = {len(openings) * len(entities)} "
                f"rows, got {rows.height}"
            )
            yield Problem(_OPENINGS, message, None, where, fix)
        elif len(entities) not in (narrow, wide):
            message = (
                f"expected {widths} entities (hydros, then buses with uncertain load, then "
                f"sources), got {len(entities)}"
            )
            yield Problem(
                _OPENINGS, message, None, where, "give one value for each dimension of the noise"
            )
        shapes.setdefault(len(entities), set()).add(stage)
    if len(shapes) > 1:
        yield Problem(
            _OPENINGS,
            f"expected the same number of entities at all stages, got {sorted(shapes)}",
            None,
            None,
            "align",
        )


@rule("HW403", needs=(_OPENINGS, _CHANCES))
def opening_chances(parts: Parts) -> Iterator[Problem]:
    """Probabilities belong to given openings and add up to one at each stage."""
    chances = parts.table(_CHANCES)
    if chances.is_empty():
        return
    openings = parts.table(_OPENINGS).select("stage_id", "opening_index").unique()
    for (stage_key,), rows in chances.group_by(["stage_id"], maintain_order=True):
        stage = int(str(stage_key))
        expected = (
            openings.filter(pl.col("stage_id") == stage)
            .get_column("opening_index")
            .sort()
            .to_list()
        )
        got = rows.get_column("opening_index").sort().to_list()
        if got != expected:
            message = (
                f"expected probabilities of the {len(expected)} openings in "
                f"{_OPENINGS}, got {len(got)}"
            )
            yield Problem(
                _CHANCES, message, None, f"Stage {stage}", "give one probability for each opening"
            )
        elif abs(float(rows.get_column("probability").sum()) - 1.0) > 1e-6:
            total = float(rows.get_column("probability").sum())
            yield Problem(
                _CHANCES,
                f"expected probabilities that add up to 1, got {total:g}",
                None,
                f"Stage {stage}",
                "correct them",
            )


@rule("HW548", WARNING, needs=(_OPENINGS, "stages.json"))
def opening_count(parts: Parts) -> Iterator[Problem]:
    """The number of given openings replaces ``num_scenarios``."""
    indices: dict[int, set[int]] = {}
    for stage_id, index in parts.rows(_OPENINGS, "stage_id", "opening_index"):
        indices.setdefault(stage_id, set()).add(index)
    counts = {stage_id: len(of_stage) for stage_id, of_stage in indices.items()}
    for stage in parts.stages:
        if stage.id in counts and counts[stage.id] != stage.num_scenarios:
            message = (
                f"the file gives {counts[stage.id]} openings, which replace num_scenarios "
                f"{stage.num_scenarios}"
            )
            yield Problem(
                _OPENINGS,
                message,
                None,
                f"Stage {stage.id}",
                "set num_scenarios to the same number",
            )


def production_at(parts: Parts, hydro: Any) -> dict[int, tuple[str, str | None, float | None]]:
    """Stage id -> (production model, source of its planes, productivity override) of one plant."""
    file = parts.shape(_MODELS)
    entry = (
        next((e for e in file.production_models if e.hydro_id == hydro.id), None) if file else None
    )
    result: dict[int, tuple[str, str | None, float | None]] = {}
    for stage in parts.stages:
        chosen: tuple[str, str | None, float | None] = (hydro.generation.model, None, None)
        if entry is not None and entry.selection_mode == "seasonal":
            default = entry.default_model or hydro.generation.model
            chosen = (default, "precomputed" if default == "fpha" else None, None)
        for rule_ in (
            *((entry.stage_ranges or ()) if entry else ()),
            *((entry.seasons or ()) if entry else ()),
        ):
            start = getattr(rule_, "start_stage_id", None)
            end = getattr(rule_, "end_stage_id", None)
            holds = (
                start <= stage.id and (end is None or stage.id <= end)
                if start is not None
                else None
            )
            if holds is None:
                holds = getattr(rule_, "season_id", None) == stage.season_id
            if holds:
                source = None if rule_.fpha_config is None else rule_.fpha_config.source
                chosen = (rule_.model, source, rule_.productivity_override)
                break
        result[stage.id] = chosen
    return result


@rule("HW404", needs=(_GEOMETRY, _MODELS, "system/hydros.json", "stages.json"))
def geometry_points(parts: Parts) -> Iterator[Problem]:
    """Plants whose head or surface follows their storage have at least two points of geometry."""
    counts = Counter(parts.table(_GEOMETRY).get_column("hydro_id").to_list())
    for hydro in parts.hydros:
        models = production_at(parts, hydro).values()
        needs = "computed FPHA" if any(source == "computed" for _, source, _ in models) else None
        if any(model == "linearized_head" for model, _, _ in models):
            needs = "linearized_head"
        reservoir = hydro.reservoir
        varies = reservoir.max_storage_hm3 > reservoir.min_storage_hm3
        if hydro.evaporation is not None and varies and counts.get(hydro.id, 0) == 1:
            needs = "evaporation of a lake whose storage varies"
        if needs is not None and counts.get(hydro.id, 0) < 2:
            message = f"{needs} needs at least 2 rows of geometry, got {counts.get(hydro.id, 0)}"
            yield Problem(
                _GEOMETRY,
                message,
                None,
                f"Hydro {hydro.id}",
                "add the volume-height-area curve of the reservoir",
            )


@rule("HW405", needs=(_PLANES, _MODELS, "system/hydros.json", "stages.json"))
def precomputed_planes(parts: Parts) -> Iterator[Problem]:
    """Plants with precomputed FPHA have planes wherever they use it."""
    rows = set(parts.rows(_PLANES, "hydro_id", "stage_id"))
    for hydro in parts.hydros:
        models = production_at(parts, hydro)
        used = [
            stage
            for stage, (model, source, _) in models.items()
            if model == "fpha" and source == "precomputed"
        ]
        missing = [
            stage
            for stage in used
            if (hydro.id, stage) not in rows and (hydro.id, None) not in rows
        ]
        if missing:
            message = f"precomputed FPHA is used at stages {missing[:10]}, which have no plane"
            yield Problem(
                _PLANES,
                message,
                None,
                f"Hydro {hydro.id}",
                "add planes for these stages, or for all (empty stage_id)",
            )


@rule(
    "HW406",
    WARNING,
    strict=ERROR,
    needs=(_AR, "initial_conditions.json", "scenarios/inflow_history.parquet"),
)
def missing_lags(parts: Parts) -> Iterator[Problem]:
    """Lags that nothing gives take the seasonal mean."""
    orders: dict[int, int] = {}
    for hydro_id, lag in parts.rows(_AR, "hydro_id", "lag"):
        orders[hydro_id] = max(lag, orders.get(hydro_id, lag))
    given = (
        {entry.hydro_id: len(entry.values_m3s) for entry in parts.initial.past_inflows}
        if parts.initial
        else {}
    )
    recorded = set(parts.table("scenarios/inflow_history.parquet").get_column("hydro_id").to_list())
    for hydro_id in sorted(orders):
        have = given.get(hydro_id, 0)
        if have < orders[hydro_id] and hydro_id not in recorded:
            lags = ", ".join(
                str(lag) for lag in range(have + 1, min(orders[hydro_id], have + 12) + 1)
            )
            message = (
                f"the model looks back {orders[hydro_id]} periods, past_inflows gives {have}; "
            )
            message += f"lags {lags} take the seasonal mean"
            yield Problem(
                "initial_conditions.json",
                message,
                "past_inflows",
                f"Hydro {hydro_id}",
                "give the missing past inflows",
            )


@rule("HW407", needs=("initial_conditions.json", "stages.json"))
def past_seasons(parts: Parts) -> Iterator[Problem]:
    """Seasons of past inflows are those of the periods before the study, most recent first."""
    file = parts.stages_file
    if parts.initial is None or file is None:
        return
    definitions = file.season_definitions
    seasons = (
        {s.id for s in definitions.seasons} if definitions else {s.season_id for s in file.stages}
    )
    first = parts.stages[0].season_id
    ordered = sorted(season for season in seasons if season is not None)
    for position, entry in enumerate(parts.initial.past_inflows):
        if entry.season_ids is None:
            continue
        path, who = f"past_inflows[{position}].season_ids", f"Hydro {entry.hydro_id}"
        unknown = sorted(set(entry.season_ids) - set(ordered))
        if unknown:
            yield Problem(
                "initial_conditions.json",
                f"seasons {unknown[:10]} do not exist",
                path,
                who,
                "correct the seasons",
            )
        elif definitions is not None and definitions.cycle_type != "custom" and first in ordered:
            start = ordered.index(first)
            expected = [
                ordered[(start - lag) % len(ordered)] for lag in range(1, len(entry.season_ids) + 1)
            ]
            if entry.season_ids != expected:
                message = (
                    f"expected the seasons before the study, most recent first: {expected[:12]}, "
                    f"got {entry.season_ids[:12]}"
                )
                yield Problem(
                    "initial_conditions.json",
                    message,
                    path,
                    who,
                    "order the values from the most recent backwards",
                )


@rule("HW408", WARNING, needs=(_AR, "stages.json"))
def lags_are_state(parts: Parts) -> Iterator[Problem]:
    """Autoregressive inflows make lags part of the state, whatever the stages say."""
    with_lags = set(parts.table(_AR).get_column("stage_id").to_list())
    without = [
        s.id for s in parts.stages if s.id in with_lags and not s.state_variables.inflow_lags
    ]
    if without:
        message = (
            f"stages {without[:10]} have autoregressive inflows and inflow_lags false; past "
            "inflows are state all the same"
        )
        yield Problem(
            "stages.json",
            message,
            "stages.state_variables.inflow_lags",
            None,
            "set inflow_lags to true",
        )
