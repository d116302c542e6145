"""Geometry, planes and production models of the plants make physical sense."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby, pairwise
from operator import itemgetter

import polars as pl

from headwater.case.parts import Parts
from headwater.case.rules import ERROR, WARNING, Problem, rule
from headwater.case.rules_dimensions import production_at
from headwater.case.table_reader import ROW
from headwater.core.wording import opened

_HYDROS = "system/hydros.json"
_GEOMETRY = "system/hydro_geometry.parquet"
_PLANES = "system/fpha_hyperplanes.parquet"
_MODELS = "system/hydro_production_models.json"
_PRODUCTION = (_HYDROS, _MODELS, "stages.json")


def _falls(parts: Parts, column: str) -> Iterator[Problem]:
    points = sorted(parts.rows(_GEOMETRY, "hydro_id", "volume_hm3", ROW, column))
    for hydro_id, curve in groupby(points, key=itemgetter(0)):
        for (*_, left), (*_, row, right) in pairwise(curve):
            if right < left:
                message = (
                    f"expected {column} that does not fall with volume, got "
                    f"{left:g} followed by {right:g}"
                )
                yield Problem(
                    _GEOMETRY,
                    message,
                    f"hydro_geometry[{row}].{column}",
                    f"Hydro {hydro_id}",
                    "correct the curve",
                )
                break


@rule("HW509", needs=(_GEOMETRY,))
def volumes_rise(parts: Parts) -> Iterator[Problem]:
    """Each volume appears once in the geometry of a plant."""
    places: dict[tuple[int, float], list[int]] = {}
    for row, hydro_id, volume in sorted(parts.rows(_GEOMETRY, ROW, "hydro_id", "volume_hm3")):
        places.setdefault((hydro_id, volume), []).append(row)
    for (hydro_id, volume), rows in places.items():
        if len(rows) == 1:
            continue
        message = f"expected volumes that rise, got {volume} hm3 in {len(rows)} rows"
        yield Problem(
            _GEOMETRY,
            message,
            f"hydro_geometry[{rows[1]}].volume_hm3",
            f"Hydro {hydro_id}",
            "keep one row per volume",
        )


@rule("HW510", needs=(_GEOMETRY,))
def heights_rise(parts: Parts) -> Iterator[Problem]:
    """Height does not fall with volume."""
    yield from _falls(parts, "height_m")


@rule("HW511", needs=(_GEOMETRY,))
def areas_rise(parts: Parts) -> Iterator[Problem]:
    """Area does not fall with volume."""
    yield from _falls(parts, "area_km2")


@rule("HW512", needs=(_HYDROS, _GEOMETRY))
def evaporation_geometry(parts: Parts) -> Iterator[Problem]:
    """A plant that evaporates has a surface."""
    known = set(parts.table(_GEOMETRY).get_column("hydro_id").to_list())
    for position, hydro in enumerate(parts.hydros):
        if hydro.evaporation is not None and hydro.id not in known:
            message = (
                "evaporation needs the geometry of the reservoir, "
                f"{_GEOMETRY} has no row of this plant"
            )
            yield Problem(
                _HYDROS,
                message,
                f"hydros[{position}].evaporation",
                f"Hydro {hydro.id}",
                "add its geometry",
            )


@rule("HW513", WARNING, strict=ERROR, needs=(_PLANES, *_PRODUCTION))
def few_planes(parts: Parts) -> Iterator[Problem]:
    """A production function has at least three planes."""
    counts = Counter(parts.rows(_PLANES, "hydro_id", "stage_id"))
    for hydro in sorted(parts.hydros, key=lambda hydro: hydro.id):
        stages = [
            s
            for s, (model, source, _) in production_at(parts, hydro).items()
            if (model, source) == ("fpha", "precomputed")
        ]
        few = [
            s
            for s in stages
            if 0 < (counts.get((hydro.id, s)) or counts.get((hydro.id, None), 0)) < 3
        ]
        if few:
            message = f"the production function has fewer than 3 planes at stages {opened(few)}"
            yield Problem(
                _PLANES,
                message,
                None,
                f"Hydro {hydro.id}",
                "check that the planes cover the operating range",
            )


@rule("HW566", WARNING, needs=(_PLANES, *_PRODUCTION))
def planes_cover_the_plant(parts: Parts) -> Iterator[Problem]:
    """Planes hold over the whole range of storage and turbined flow of their plant.

    Planes that do not say for which range they hold are not judged.
    """
    planes = parts.table(_PLANES)
    limits = {"valid_v_min_hm3": "min", "valid_v_max_hm3": "max", "valid_q_max_m3s": "max"}
    for hydro in sorted(parts.hydros, key=lambda hydro: hydro.id):
        if not any(
            source == "precomputed" for _, source, _ in production_at(parts, hydro).values()
        ):
            continue
        own = planes.filter(pl.col("hydro_id") == hydro.id)
        reach = (
            hydro.reservoir.min_storage_hm3,
            hydro.reservoir.max_storage_hm3,
            hydro.generation.max_turbined_m3s,
        )
        for (column, end), wanted in zip(limits.items(), reach, strict=True):
            given = own.select(ROW, column).drop_nulls().sort(ROW)
            short = given.filter(
                pl.col(column) > wanted if end == "min" else pl.col(column) < wanted
            )
            if short.height:
                row, value = short.row(0)
                what = "turbined flow" if column == "valid_q_max_m3s" else "storage"
                message = (
                    f"{short.height} planes hold for a {what} of "
                    f"{'at least' if end == 'min' else 'at most'} {value:g}, "
                )
                message += f"the plant reaches {wanted:g}"
                path = f"fpha_hyperplanes[{row}].{column}"
                yield Problem(
                    _PLANES,
                    message,
                    path,
                    f"Hydro {hydro.id}",
                    "fit the planes over the whole range of the plant",
                )


@rule("HW516", WARNING, needs=_PRODUCTION)
def fitting_data(parts: Parts) -> Iterator[Problem]:
    """Fitted planes know tailrace, losses and efficiency."""
    for position, hydro in enumerate(parts.hydros):
        if any(source == "computed" for _, source, _ in production_at(parts, hydro).values()):
            missing = [
                name
                for name in ("tailrace", "hydraulic_losses", "efficiency")
                if getattr(hydro, name) is None
            ]
            if missing:
                message = (
                    f"planes are fitted without {', '.join(missing)} (taken as level 0, no "
                    "losses, efficiency 1)"
                )
                yield Problem(
                    _HYDROS,
                    message,
                    f"hydros[{position}]",
                    f"Hydro {hydro.id}",
                    f"add {', '.join(missing)}",
                )


@rule("HW517", WARNING, needs=(_MODELS,))
def overlapping_ranges(parts: Parts) -> Iterator[Problem]:
    """Stage ranges of a production model do not overlap; the first one wins."""
    file = parts.shape(_MODELS)
    for position, entry in enumerate(file.production_models if file else ()):
        ranges = sorted(
            (r.start_stage_id, float("inf") if r.end_stage_id is None else float(r.end_stage_id))
            for r in entry.stage_ranges or ()
        )
        seasons = [season.season_id for season in entry.seasons or ()]
        if any(right[0] <= left[1] for left, right in pairwise(ranges)) or len(set(seasons)) < len(
            seasons
        ):
            message = "some ranges overlap; the first that holds is used"
            yield Problem(
                _MODELS,
                message,
                f"production_models[{position}]",
                f"Hydro {entry.hydro_id}",
                "separate them",
            )


@rule("HW518", needs=_PRODUCTION)
def productivity_everywhere(parts: Parts) -> Iterator[Problem]:
    """Stages without FPHA have a productivity."""
    for position, hydro in enumerate(parts.hydros):
        models = production_at(parts, hydro)
        own = hydro.generation.productivity_mw_per_m3s
        bare = [
            s
            for s, (model, _, override) in models.items()
            if model != "fpha" and override is None and own is None
        ]
        uncovered = [
            s for s, (model, source, _) in models.items() if model == "fpha" and source is None
        ]
        if bare:
            message = f"stages {opened(bare)} have neither FPHA nor a productivity"
            path = f"hydros[{position}].generation.productivity_mw_per_m3s"
            yield Problem(
                _HYDROS, message, path, f"Hydro {hydro.id}", "give a productivity to fall back on"
            )
        elif uncovered and len(uncovered) < len(models):
            message = f"stages {opened(uncovered)} are covered by no entry of {_MODELS}"
            yield Problem(
                _MODELS, message, None, f"Hydro {hydro.id}", "extend a range or give a default"
            )


@rule("HW519", needs=_PRODUCTION)
def fpha_entry(parts: Parts) -> Iterator[Problem]:
    """A plant with FPHA says where its planes come from."""
    for position, hydro in enumerate(parts.hydros):
        models = production_at(parts, hydro).values()
        if models and all(model == "fpha" and source is None for model, source, _ in models):
            message = f"the model 'fpha' needs an entry in {_MODELS}, got none"
            yield Problem(
                _HYDROS,
                message,
                f"hydros[{position}].generation.model",
                f"Hydro {hydro.id}",
                "add the entry",
            )
