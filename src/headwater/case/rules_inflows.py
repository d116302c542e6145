"""Inflow models, correlation and the past make statistical sense."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater.case.parts import Parts
from headwater.case.rules import INFO, WARNING, Problem, rule
from headwater.case.table_reader import ROW
from headwater.core.wording import opened

_STATS = "scenarios/inflow_seasonal_stats.parquet"
_AR = "scenarios/inflow_ar_coefficients.parquet"
_ANNUAL = "scenarios/inflow_annual_component.parquet"
_HISTORY = "scenarios/inflow_history.parquet"
_CORRELATION = "scenarios/correlation.json"
_PSD_TOLERANCE = 1e-9
_CLIPPED_SHARE = 0.10
"""Negative eigenvalues up to this share of the largest are taken for rounding of the figures and
clipped.
"""


def _keys(parts: Parts, name: str) -> set[tuple[int, int]]:
    return set(parts.rows(name, "hydro_id", "stage_id"))


@rule("HW530", needs=(_STATS, _AR, _ANNUAL, _HISTORY, "system/hydros.json", "stages.json"))
def statistics_for_coefficients(parts: Parts) -> Iterator[Problem]:
    """Coefficients belong to statistics."""
    if parts.table(_STATS).is_empty() and not parts.table(_HISTORY).is_empty():
        return  # the statistics are estimated from history
    known = _keys(parts, _STATS)
    hydros, stages = parts.ids("hydro"), parts.study_ids | parts.pre_study_ids
    for name in (_AR, _ANNUAL):
        for hydro_id, stage_id in sorted(_keys(parts, name) - known):
            if hydro_id not in hydros or stage_id not in stages:
                continue  # reported as a reference
            message = f"there are coefficients and no statistics for stage {stage_id}"
            yield Problem(
                name, message, None, f"Hydro {hydro_id}, stage {stage_id}", f"add a row to {_STATS}"
            )


def _by_key(parts: Parts) -> Iterator[tuple[int, int, dict[str, list[Any]]]]:
    """Hydro, stage, and the coefficients there as columns in ascending lag."""
    names = ("lag", "coefficient", "residual_std_ratio")
    rows = sorted(parts.rows(_AR, "hydro_id", "stage_id", *names), key=itemgetter(0, 1, 2))
    for (hydro_id, stage_id), given in groupby(rows, key=itemgetter(0, 1)):
        columns = zip(*(row[2:] for row in given), strict=True)
        yield hydro_id, stage_id, {n: list(c) for n, c in zip(names, columns, strict=True)}


@rule("HW531", needs=(_AR,))
def lags_contiguous(parts: Parts) -> Iterator[Problem]:
    """Lags count from one without gaps."""
    for hydro_id, stage_id, rows in _by_key(parts):
        lags = rows["lag"]
        if lags != list(range(1, len(lags) + 1)):
            message = f"expected lags 1 to {len(lags)}, got {lags[:12]}"
            yield Problem(
                _AR,
                message,
                None,
                f"Hydro {hydro_id}, stage {stage_id}",
                "number the lags from 1 without gaps",
            )


@rule("HW532", needs=(_AR, _STATS))
def declared_order(parts: Parts) -> Iterator[Problem]:
    """A declared order is the number of coefficients."""
    counts = Counter(parts.rows(_AR, "hydro_id", "stage_id"))
    for row, hydro_id, stage_id, order in parts.rows(
        _STATS, ROW, "hydro_id", "stage_id", "ar_order"
    ):
        found = counts.get((hydro_id, stage_id), 0)
        if order is not None and order != found:
            message = f"ar_order is {order}, but {_AR} has {found} coefficients"
            path = f"inflow_seasonal_stats[{row}].ar_order"
            yield Problem(
                _STATS,
                message,
                path,
                f"Hydro {hydro_id}, stage {stage_id}",
                "correct the order or the coefficients",
            )


@rule("HW533", needs=(_AR,))
def residual_ratio(parts: Parts) -> Iterator[Problem]:
    """The residual ratio lies in (0, 1] and is the same for all lags of a stage."""
    for hydro_id, stage_id, rows in _by_key(parts):
        ratios = set(rows["residual_std_ratio"])
        value = next(iter(ratios))
        if len(ratios) > 1:
            message = "expected one residual_std_ratio for all lags, got several"
            yield Problem(
                _AR,
                message,
                None,
                f"Hydro {hydro_id}, stage {stage_id}",
                "repeat the same value on every lag",
            )
        elif value is not None and not 0 < value <= 1:
            message = f"expected a residual_std_ratio in (0, 1], got {value:g}"
            yield Problem(
                _AR,
                message,
                None,
                f"Hydro {hydro_id}, stage {stage_id}",
                "correct the ratio, or leave it out",
            )


@rule("HW534", INFO, needs=(_AR,))
def derived_ratio(parts: Parts) -> Iterator[Problem]:
    """Residual ratios that are not given are derived."""
    frame = parts.table(_AR)
    if not frame.is_empty() and frame.get_column("residual_std_ratio").null_count():
        message = "residual_std_ratio is derived from the coefficients where it is not given"
        yield Problem(_AR, message, None, None, "give the ratio to use another one")


@rule("HW535", needs=(_AR, "stages.json"))
def seasons_for_lags(parts: Parts) -> Iterator[Problem]:
    """Where seasons are defined, a stage with autoregressive inflows belongs to one."""
    if parts.stages_file is None or parts.stages_file.season_definitions is None:
        return
    with_lags = set(parts.table(_AR).get_column("stage_id").to_list())
    for stage in parts.stages:
        if stage.id in with_lags and stage.season_id is None:
            message = "it has autoregressive inflows and no season_id"
            yield Problem(
                "stages.json", message, "stages.season_id", f"Stage {stage.id}", "give its season"
            )


@rule("HW536", needs=(_STATS, _HISTORY, "system/hydros.json", "config.json"))
def some_inflow_model(parts: Parts) -> Iterator[Problem]:
    """Plants have inflows from somewhere."""
    source = None if parts.config is None else parts.config.training.scenario_source.inflow
    external = source is not None and (
        source.scheme_name == "external" or source.openings == "scenarios"
    )
    if (
        parts.hydros
        and parts.table(_STATS).is_empty()
        and parts.table(_HISTORY).is_empty()
        and not external
    ):
        message = (
            f"there are {len(parts.hydros)} hydros, and neither statistics nor history nor "
            "external inflows"
        )
        yield Problem(
            _STATS, message, None, None, "add the statistics of every plant at every stage"
        )


def _estimates(parts: Parts) -> bool:
    return not parts.table(_HISTORY).is_empty() and (
        parts.table(_STATS).is_empty() or parts.table(_AR).is_empty()
    )


@rule("HW537", needs=(_STATS, _AR, _HISTORY, "stages.json"))
def seasons_for_estimation(parts: Parts) -> Iterator[Problem]:
    """Estimation knows the seasons."""
    if (
        _estimates(parts)
        and parts.stages_file is not None
        and parts.stages_file.season_definitions is None
    ):
        message = "estimating inflow models from history needs 'season_definitions', got none"
        yield Problem("stages.json", message, "season_definitions", None, "define the seasons")


@rule("HW538", needs=(_STATS, _AR, _HISTORY, "system/hydros.json"))
def observations_for_estimation(parts: Parts) -> Iterator[Problem]:
    """Every plant whose model is estimated has a history."""
    if _estimates(parts):
        observed = set(parts.table(_HISTORY).get_column("hydro_id").to_list())
        for hydro_id in sorted(parts.ids("hydro") - observed):
            yield Problem(
                _HISTORY,
                "the plant has no observation",
                None,
                f"Hydro {hydro_id}",
                "add its history",
            )


@rule("HW543", WARNING, needs=(_STATS, _AR, _HISTORY, "config.json"))
def enough_observations(parts: Parts) -> Iterator[Problem]:
    """Estimation has enough years."""
    if not _estimates(parts) or parts.config is None:
        return
    needed = parts.config.estimation.min_observations_per_season
    years = (
        parts.table(_HISTORY)
        .group_by("hydro_id")
        .agg(pl.col("date").dt.year().n_unique())
        .sort("hydro_id")
    )
    for hydro_id, count in years.iter_rows():
        if count < needed:
            message = (
                f"{count} years are recorded, min_observations_per_season asks for {needed}; its "
                "seasons are skipped"
            )
            yield Problem(
                _HISTORY, message, None, f"Hydro {hydro_id}", "record more years or lower the limit"
            )


@rule("HW558", needs=(_STATS, _AR))
def deviation_for_lags(parts: Parts) -> Iterator[Problem]:
    """Standardised coefficients need a deviation."""
    with_lags = _keys(parts, _AR)
    for row, hydro_id, stage_id, std in parts.rows(_STATS, ROW, "hydro_id", "stage_id", "std_m3s"):
        if std == 0 and (hydro_id, stage_id) in with_lags:
            message = "expected std_m3s above 0 where there are autoregressive coefficients, got 0"
            path = f"inflow_seasonal_stats[{row}].std_m3s"
            yield Problem(
                _STATS,
                message,
                path,
                f"Hydro {hydro_id}, stage {stage_id}",
                "give a deviation or drop the coefficients",
            )


@rule("HW602", WARNING, needs=(_STATS,))
def deterministic_inflows(parts: Parts) -> Iterator[Problem]:
    """Inflows without deviation are certain."""
    certain: dict[int, list[int]] = defaultdict(list)
    for hydro_id, stage_id, std in parts.rows(_STATS, "hydro_id", "stage_id", "std_m3s"):
        if std == 0:
            certain[hydro_id].append(stage_id)
    for hydro_id, stages in sorted(certain.items()):
        message = (
            f"std_m3s is 0 at {len(stages)} stages ({opened(stages)}): its inflow is certain there"
        )
        yield Problem(_STATS, message, None, f"Hydro {hydro_id}", "nothing, if this is intended")


@rule("HW605", WARNING, needs=(_AR, "stages.json"))
def stable_models(parts: Parts) -> Iterator[Problem]:
    """Over one cycle of seasons, shocks die out."""
    season_of = {stage.id: stage.season_id for stage in parts.stages}
    models: dict[int, dict[int, list[float]]] = defaultdict(dict)
    for hydro_id, stage_id, rows in _by_key(parts):
        season = season_of.get(stage_id)
        if season is not None:
            models[hydro_id].setdefault(season, rows["coefficient"])
    seasons = sorted({season for season in season_of.values() if season is not None})
    for hydro_id, by_season in sorted(models.items()):
        order = max(len(phi) for phi in by_season.values())
        product = np.eye(order)
        for season in seasons:
            product = _companion(by_season.get(season, []), order) @ product
        try:
            radius = float(np.max(np.abs(np.linalg.eigvals(product))))
        except np.linalg.LinAlgError:  # the product overflows
            radius = float("inf")
        if radius >= 1.0:
            message = (
                f"a shock grows by a factor of {radius:.3g} over one cycle "
                "of seasons; expected below 1"
            )
            yield Problem(_AR, message, None, f"Hydro {hydro_id}", "check the coefficients")


def _companion(phi: list[float], order: int) -> NDArray[np.float64]:
    matrix = np.eye(order, k=-1)
    matrix[0, : len(phi)] = phi
    return matrix


def _negative_eigenvalues(parts: Parts) -> Iterator[tuple[str, str, float, float]]:
    """Matrices that are not positive semidefinite.

    Each comes with its method, its place, and its smallest and largest eigenvalue.
    """
    file = parts.shape(_CORRELATION)
    if file is None:
        return
    for name, profile in sorted(file.profiles.items()):
        for position, group in enumerate(profile.correlation_groups):
            eigenvalues = np.linalg.eigvalsh(np.array(group.matrix))
            if len(eigenvalues) and eigenvalues[0] < -_PSD_TOLERANCE:
                path = f"profiles.{name}.correlation_groups[{position}].matrix"
                yield file.method, path, float(eigenvalues[0]), float(eigenvalues[-1])


@rule("HW539", WARNING, needs=(_CORRELATION,))
def clipped_correlation(parts: Parts) -> Iterator[Problem]:
    """A matrix that is almost a correlation matrix is replaced by a close one (method spectral)."""
    for method, path, smallest, largest in _negative_eigenvalues(parts):
        if method == "spectral" and smallest >= -_CLIPPED_SHARE * largest:
            message = (
                f"the matrix has the negative eigenvalue {smallest:.3g}; it is replaced by the "
                "closest that has none"
            )
            yield Problem(_CORRELATION, message, path, None, "correct the matrix")


@rule("HW540", needs=(_CORRELATION,))
def definite_correlation(parts: Parts) -> Iterator[Problem]:
    """Correlations do not contradict each other.

    The method cholesky allows no negative eigenvalue at all.
    """
    for method, path, smallest, largest in _negative_eigenvalues(parts):
        if method == "cholesky":
            message = (
                "the method 'cholesky' needs a matrix without negative "
                f"eigenvalues, got {smallest:.3g}"
            )
            yield Problem(
                _CORRELATION, message, path, None, "correct the matrix or use the method 'spectral'"
            )
        elif smallest < -_CLIPPED_SHARE * largest:
            message = (
                f"the smallest eigenvalue is {smallest:.3g} (largest "
                f"{largest:.3g}), expected none below 0"
            )
            yield Problem(
                _CORRELATION,
                message,
                path,
                None,
                "correct the entries, which contradict each other",
            )
