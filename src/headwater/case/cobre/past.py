"""Which days the inflows before a study stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from headwater.case.cobre.newer import Newer, dates, number, objects, whole

MOST_LAGS = 60
"""Periods that are looked back at most."""

_FILE = "initial_conditions.json"


def lag_windows(stages_file: Mapping[str, Any], n: int) -> list[tuple[date, date]] | None:
    """Days of the last periods before the study, the most recent first.

    The months or weeks before the first stage where seasons are such, else the stages before the
    study, and before these spans as long as the first stage.

    Args:
        stages_file: content of ``stages.json``.
        n: number of periods.

    Returns:
        First day of each and the day after its last; ``None`` for seasons of other kinds.
    """
    stages = [stage for _, stage in objects(stages_file.get("stages")) if whole(stage.get("id"))]
    starts = [dates(stage) for stage in sorted(stages, key=lambda stage: stage["id"])]
    start, end = starts[0] if starts else (None, None)
    if start is None or end is None or end <= start:
        return None
    seasons = stages_file.get("season_definitions")
    kind = seasons.get("cycle_type") if isinstance(seasons, dict) else None
    if seasons is None:
        return _spans(_pre_study(stages_file), start, end - start, n)
    if kind == "monthly":
        return list(_months(start, n))
    return list(_weeks(start, n)) if kind == "weekly" else None


def _pre_study(stages_file: Mapping[str, Any]) -> Sequence[tuple[date, date]]:
    rows = [row for _, row in objects(stages_file.get("pre_study_stages")) if whole(row.get("id"))]
    spans = [dates(row) for row in sorted(rows, key=lambda row: -row["id"])]
    return [(first, last) for first, last in spans if first is not None and last is not None]


def _spans(
    known: Sequence[tuple[date, date]], start: date, length: timedelta, n: int
) -> list[tuple[date, date]]:
    spans = list(known[:n])
    while len(spans) < n:
        end = spans[-1][0] if spans else start
        spans.append((end - length, end))
    return spans


def _months(start: date, n: int) -> Iterator[tuple[date, date]]:
    end = start.replace(day=1)
    for _ in range(n):
        last = end - timedelta(days=1)
        yield last.replace(day=1), end
        end = last.replace(day=1)


def _weeks(start: date, n: int) -> Iterator[tuple[date, date]]:
    end = start - timedelta(days=start.weekday())
    for _ in range(n):
        yield end - timedelta(days=7), end
        end -= timedelta(days=7)


def read_past(newer: Newer) -> None:
    """Rewrite ``initial_conditions.json``.

    Observations that stand for whole periods before the study, without a gap, are the past inflows
    of the models; others are the beginning of the period in which the study starts.
    """
    _past_inflows(newer)
    initial = newer.raw.get(_FILE, {})
    _commitments(newer, initial)


def _past_inflows(newer: Newer) -> None:
    initial = newer.raw.get(_FILE, {})
    observations = initial.get("recent_observations")
    windows = lag_windows(newer.raw.get("stages.json", {}), MOST_LAGS)
    if not isinstance(observations, list) or windows is None:
        return
    values: dict[int, dict[tuple[Any, Any], tuple[int, float]]] = {}
    for position, row in objects(observations):
        if whole(row.get("hydro_id")) and number(row.get("value_m3s")):
            values.setdefault(row["hydro_id"], {})[dates(row)] = position, row["value_m3s"]
    taken: set[int] = set()
    past = initial.setdefault("past_inflows", [])
    given = {row.get("hydro_id") for _, row in objects(past)}
    for hydro_id, seen in values.items():
        whole_periods = []
        for window in windows:
            if window not in seen:
                break
            whole_periods.append(seen[window])
        if whole_periods and hydro_id not in given and isinstance(past, list):
            taken |= {position for position, _ in whole_periods}
            past.append({"hydro_id": hydro_id, "values_m3s": [v for _, v in whole_periods]})
    left = [row for position, row in enumerate(observations) if position not in taken]
    initial["recent_observations"] = left
    for key in ("past_inflows", "recent_observations"):
        if initial[key] == []:
            del initial[key]


def _commitments(newer: Newer, initial: dict[str, Any]) -> None:
    """Deliveries that are decided before the study, by the stage in which they arrive."""
    rows = initial.pop("past_anticipated_commitments", None)
    arrivals = {dates(stage): k for k, stage in enumerate(newer.stages)}
    pipeline = []
    for position, row in objects(rows):
        steps = ("past_anticipated_commitments", position)
        if dates(row) not in arrivals:
            message = (
                "expected the days of one study stage, got "
                f"{row.get('start_date')} to {row.get('end_date')}: deliveries within a stage or "
                "beyond the horizon are not part of the model here"
            )
            newer.refuse(_FILE, steps, message, "give one window for each stage of delivery")
            continue
        pipeline.append(
            {
                "thermal_id": row.get("thermal_id"),
                "stage_offset": arrivals[dates(row)] + 1,
                "committed_mw": row.get("value_mw"),
            }
        )
    if pipeline:
        initial["gnl_pipeline"] = pipeline
