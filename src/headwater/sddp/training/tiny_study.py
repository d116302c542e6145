"""A study small enough to be trained in no time, through which all is compiled that a run calls."""

from __future__ import annotations

from datetime import date, timedelta

from headwater.model import (
    Block,
    Bus,
    Hydro,
    InflowNonNegativity,
    InflowStatistics,
    InitialConditions,
    IterationLimit,
    LoadStatistics,
    PreStudyStage,
    Stage,
    Study,
    StudyConfig,
    System,
    Thermal,
    TrainingConfig,
)

_START = date(2026, 1, 1)
_DAYS = 30


def tiny_study() -> Study:
    """A small study with all that compiled code must handle.

    It has two plants in a row whose inflow remembers a stage, two thermals, three stages of three
    openings.
    """
    ids, hydros = range(3), range(2)
    system = System(
        stages=tuple(
            Stage(t, _day(t), _day(t + 1), (Block(24.0 * _DAYS),), n_openings=3) for t in ids
        ),
        pre_study_stages=(PreStudyStage(-1, _day(-1), _day(0)),),
        buses=(Bus(0),),
        hydros=tuple(
            Hydro(
                h,
                0,
                300.0,
                150.0,
                120.0,
                productivity_mw_per_m3s=0.8,
                downstream_id=1 if h == 0 else None,
            )
            for h in hydros
        ),
        thermals=(Thermal.flat(0, 0, 60.0, 90.0), Thermal.flat(1, 0, 60.0, 400.0)),
        initial=InitialConditions(
            storage_hm3=dict.fromkeys(hydros, 120.0),
            past_inflows_m3s=dict.fromkeys(hydros, (60.0,)),
        ),
        inflow_statistics=tuple(
            InflowStatistics(h, t, 60.0, 20.0, coefficients=(0.5,) if t in ids else ())
            for h in hydros
            for t in (-1, *ids)
        ),
        load_statistics=tuple(LoadStatistics(0, t, 180.0) for t in ids),
    )
    training = TrainingConfig(forward_passes=2, stopping_rules=(IterationLimit(2),))
    return Study(
        system, StudyConfig(training, inflow_non_negativity=InflowNonNegativity.PENALTY), "tiny"
    )


def _day(t: int) -> date:
    return _START + timedelta(days=_DAYS * t)
