"""Systems with just enough in them to have uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest

from headwater.model import (
    Block,
    Bus,
    Hydro,
    InflowStatistics,
    NonControllableSource,
    PreStudyStage,
    Season,
    SeasonMap,
    Stage,
    System,
)
from headwater.model.stages import CycleType

QUARTERS = SeasonMap(
    CycleType.CUSTOM,
    (
        Season(0, month_start=1, month_end=3),
        Season(1, month_start=4, month_end=6),
        Season(2, month_start=7, month_end=9),
        Season(3, month_start=10, month_end=12),
    ),
)
MONTHS = SeasonMap(CycleType.MONTHLY, tuple(Season(m, month_start=m + 1) for m in range(12)))


def first_of(month: int, year: int = 2026) -> date:
    """First day of a month counted from January of ``year``.

    The count may be negative or pass the year.
    """
    years, position = divmod(month - 1, 12)
    return date(year + years, position + 1, 1)


def make_system(
    n_stages: int = 3,
    n_hydros: int = 1,
    *,
    seasons: Sequence[int | None] | None = None,
    n_openings: Sequence[int] | int = 1,
    n_blocks: int = 1,
    months_per_stage: int = 1,
    n_pre_study: int = 0,
    pre_seasons: Sequence[int | None] | None = None,
    n_buses: int = 1,
    n_sources: int = 0,
    **rest: Any,
) -> System:
    """Monthly stages from January 2026, hydros of mean 100 and deviation 20
    unless statistics are given.
    """
    openings = [n_openings] * n_stages if isinstance(n_openings, int) else list(n_openings)
    step = months_per_stage
    stages = rest.pop("stages", None) or tuple(
        Stage(
            id=t,
            start_date=first_of(1 + t * step),
            end_date=first_of(1 + (t + 1) * step),
            blocks=(Block(730.0 / n_blocks),) * n_blocks,
            season_id=None if seasons is None else seasons[t],
            n_openings=openings[t],
        )
        for t in range(n_stages)
    )
    pre_study = tuple(
        PreStudyStage(
            -back,
            first_of(1 - back * step),
            first_of(1 - (back - 1) * step),
            pre_seasons and pre_seasons[-back],
        )
        for back in range(n_pre_study, 0, -1)
    )
    statistics = rest.pop("inflow_statistics", None)
    if statistics is None:
        statistics = tuple(
            InflowStatistics(h, stage.id, 100.0, 20.0) for h in range(n_hydros) for stage in stages
        )
    return System(
        stages=stages,
        pre_study_stages=rest.pop("pre_study_stages", pre_study),
        buses=tuple(Bus(b) for b in range(n_buses)),
        hydros=tuple(
            Hydro(h, 0, 100.0, 50.0, 50.0, productivity_mw_per_m3s=1.0) for h in range(n_hydros)
        ),
        non_controllables=tuple(NonControllableSource(r, 0, 200.0) for r in range(n_sources)),
        inflow_statistics=statistics,
        **rest,
    )


@pytest.fixture(name="make_system")
def make_system_fixture() -> Callable[..., System]:
    return make_system


@pytest.fixture
def quarters() -> SeasonMap:
    return QUARTERS


@pytest.fixture
def months() -> SeasonMap:
    return MONTHS
