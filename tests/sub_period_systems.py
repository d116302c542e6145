"""Random cascades whose stages are not one season period each.

Weeks inside months, months before quarters.
"""

from __future__ import annotations

import dataclasses
from datetime import date

import headwater.model as m
from small_systems import random_system

MONTHS = tuple(m.Season(i, month_start=i + 1, month_end=i + 1) for i in range(12))
QUARTERS = tuple(m.Season(12 + q, month_start=3 * q + 1, month_end=3 * q + 3) for q in range(4))


def resliced(seed: int, spans, pre, season_map, *, n_openings: int = 2, recent=()) -> m.System:
    """A random cascade on other stages.

    (start, end, season) of each, and of the pre-study stages.
    """
    base = random_system(seed, n_stages=len(spans), n_lags=2)
    stages = tuple(
        m.Stage(
            t,
            date.fromisoformat(a),
            date.fromisoformat(b),
            (m.Block(200.0), m.Block(300.0)),
            season,
            n_openings,
        )
        for t, (a, b, season) in enumerate(spans)
    )
    before = tuple(
        m.PreStudyStage(-i, date.fromisoformat(a), date.fromisoformat(b), season)
        for i, (a, b, season) in enumerate(pre, 1)
    )
    rows = [row for row in base.inflow_statistics if row.stage_id >= 0]
    rows += [
        m.InflowStatistics(hydro.id, stage.id, 40.0 + hydro.id, 6.0)
        for hydro in base.hydros
        for stage in before
    ]
    initial = dataclasses.replace(
        base.initial,
        past_inflows_m3s={
            hydro.id: tuple(30.0 + 3.0 * i for i in range(9)) for hydro in base.hydros
        },
        recent_observations=tuple(
            m.RecentObservation(
                hydro.id, date.fromisoformat(a), date.fromisoformat(b), v + hydro.id
            )
            for a, b, v in recent
            for hydro in base.hydros
        ),
    )
    return dataclasses.replace(
        base,
        stages=stages,
        pre_study_stages=before,
        season_map=season_map,
        inflow_statistics=tuple(rows),
        initial=initial,
    )


def weeks(seed: int) -> m.System:
    """Three parts of January, one of which reaches into February, the rest of February, March."""
    return resliced(
        seed,
        [
            ("2026-01-01", "2026-01-15", 0),
            ("2026-01-15", "2026-02-03", 0),
            ("2026-02-03", "2026-03-01", 1),
            ("2026-03-01", "2026-04-01", 2),
        ],
        [("2025-12-01", "2026-01-01", 11), ("2025-11-01", "2025-12-01", 10)],
        m.SeasonMap(m.CycleType.MONTHLY, MONTHS),
    )


def started_month(seed: int) -> m.System:
    """A study that starts on 8 January, with a week of observations."""
    return resliced(
        seed,
        [
            ("2026-01-08", "2026-01-20", 0),
            ("2026-01-20", "2026-02-01", 0),
            ("2026-02-01", "2026-03-01", 1),
        ],
        [("2025-12-01", "2026-01-01", 11), ("2025-11-01", "2025-12-01", 10)],
        m.SeasonMap(m.CycleType.MONTHLY, MONTHS),
        recent=[("2026-01-01", "2026-01-08", 55.0)],
    )


def months_then_quarters(seed: int) -> m.System:
    """February and March, then the second and third quarter."""
    return resliced(
        seed,
        [
            ("2026-02-01", "2026-03-01", 1),
            ("2026-03-01", "2026-04-01", 2),
            ("2026-04-01", "2026-07-01", 13),
            ("2026-07-01", "2026-10-01", 14),
        ],
        [
            ("2026-01-01", "2026-02-01", 0),
            ("2025-12-01", "2026-01-01", 11),
            ("2026-01-01", "2026-04-01", 12),
            ("2025-10-01", "2026-01-01", 15),
        ],
        m.SeasonMap(m.CycleType.CUSTOM, MONTHS + QUARTERS),
    )


def with_cargoes(system: m.System, lag: int) -> m.System:
    """The same with a plant that is dispatched ahead.

    Its commitments stand between lags and accumulators.
    """
    ship = m.Thermal(
        7,
        0,
        45.0,
        (m.CostSegment(25.0, 55.0), m.CostSegment(20.0, 75.0)),
        "ship",
        4.0,
        gnl_lag_stages=lag,
    )
    pipeline = {(7, offset): 6.0 + 9.0 * offset for offset in range(1, lag + 1)}
    initial = dataclasses.replace(system.initial, gnl_pipeline_mw=pipeline)
    return dataclasses.replace(system, thermals=(*system.thermals, ship), initial=initial)


KINDS = {
    "weeks": weeks,
    "started month": started_month,
    "months then quarters": months_then_quarters,
    "weeks and cargoes": lambda seed: with_cargoes(weeks(seed), 2),
    "months, quarters, cargoes": lambda seed: with_cargoes(months_then_quarters(seed), 1),
}
