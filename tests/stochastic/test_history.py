from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import (
    CycleType,
    HistoryResolution,
    InflowObservation,
    PreStudyStage,
    Season,
    SeasonMap,
)
from headwater.stochastic.history import seasonal_history
from headwater.stochastic.seasons import SeasonCalendar


def monthly(values, start=(2020, 1), hydro=0):
    year, month = start
    return tuple(
        InflowObservation(
            hydro, date(year + (month - 1 + i) // 12, (month - 1 + i) % 12 + 1, 1), float(v)
        )
        for i, v in enumerate(values)
        if v is not None
    )


def averaged(system, seasons, resolution=None, cycle=0):
    return seasonal_history(system, SeasonCalendar(seasons), cycle, resolution)


def test_months_are_averaged_over_a_quarter_by_their_days(make_system, quarters):
    values = [100.0, 250.0, 300.0, *[1.0] * 9] * 2
    found = averaged(make_system(inflow_history=monthly(values)), quarters)
    assert found.first_year == 2020
    np.testing.assert_allclose(
        found.values_m3s[0, :, 0], [215.934065934066, 215.555555555556], atol=1e-12
    )
    assert any("finer than the seasons" in warning for warning in found.warnings)


def test_years_are_aligned_when_one_is_missing_or_a_series_starts_late(make_system, months):
    first = monthly([*range(12), *[None] * 12, *range(24, 36)])
    second = monthly(range(7, 31), start=(2020, 8), hydro=1)
    found = averaged(make_system(n_hydros=2, inflow_history=(*first, *second)), months)
    assert found.values_m3s.shape == (2, 3, 12)
    np.testing.assert_array_equal(found.values_m3s[0, 0], range(12))
    assert np.isnan(found.values_m3s[0, 1]).all()
    np.testing.assert_array_equal(found.values_m3s[0, 2], range(24, 36))
    assert np.isnan(found.values_m3s[1, 0, :7]).all()
    assert found.values_m3s[1, 0, 7] == 7.0
    assert found.values_m3s[1, 2, 6] == 30.0


def test_days_count_for_the_month_they_lie_in_and_a_month_observed_in_part_is_missing(
    make_system, months
):
    start = date(2021, 1, 20)
    days = tuple(
        InflowObservation(0, start + timedelta(days=i), 10.0 if i < 12 else 20.0)
        for i in range(12 + 28 + 28)
    )
    found = averaged(make_system(inflow_history=days), months)
    assert np.isnan(found.values_m3s[0, 0, 0])  # 12 of 31 days
    assert found.values_m3s[0, 0, 1] == 20.0
    assert found.values_m3s[0, 0, 2] == 20.0  # 28 of 31 days are more than 90 %
    shorter = averaged(make_system(inflow_history=days[:-1]), months)
    assert np.isnan(shorter.values_m3s[0, 0, 2])


def test_weeks_that_straddle_two_months_count_for_both_by_their_days(make_system, months):
    first = date(2021, 1, 1)
    weeks = tuple(InflowObservation(0, first + timedelta(days=7 * i), float(i)) for i in range(9))
    found = averaged(make_system(inflow_history=weeks), months)
    assert found.values_m3s[0, 0, 0] == pytest.approx((0 * 7 + 1 * 7 + 2 * 7 + 3 * 7 + 4 * 3) / 31)
    assert found.values_m3s[0, 0, 1] == pytest.approx((4 * 4 + 5 * 7 + 6 * 7 + 7 * 7 + 8 * 3) / 28)


def test_weekly_observations_fill_weekly_seasons_with_week_53_in_the_last(make_system):
    weeks = SeasonMap(CycleType.WEEKLY, tuple(Season(w, month_start=1) for w in range(52)))
    first = date.fromisocalendar(2020, 1, 1)  # a year with 53 weeks
    history = tuple(
        InflowObservation(0, first + timedelta(days=7 * i), float(i)) for i in range(53 + 52)
    )
    found = averaged(make_system(inflow_history=history), weeks)
    assert found.values_m3s.shape == (1, 2, 52)
    assert found.values_m3s[0, 0, 0] == 0.0
    assert found.values_m3s[0, 0, 51] == pytest.approx(51.5)
    assert found.values_m3s[0, 1, 0] == 53.0


def test_a_season_over_new_year_belongs_to_the_year_it_begins_in(make_system):
    halves = SeasonMap(
        CycleType.CUSTOM,
        (Season(0, month_start=11, month_end=4), Season(1, month_start=5, month_end=10)),
    )
    values = [1.0] * 10 + [2.0] * 6 + [3.0] * 6 + [4.0] * 6
    found = averaged(make_system(inflow_history=monthly(values)), halves)
    by_start = dict(zip(found.season_ids, found.values_m3s[0].T, strict=True))
    assert by_start[0][found.first_year - 2020 :][0] != 1.0 or found.first_year == 2019
    position = 2020 - found.first_year
    assert by_start[1][position] == 1.0
    assert by_start[0][position] == pytest.approx(2.0)
    assert by_start[1][position + 1] == pytest.approx(3.0)


def test_an_observation_dated_inside_a_stage_belongs_to_the_season_of_the_stage(
    make_system, months
):
    stage = PreStudyStage(-1, date(2025, 12, 29), date(2026, 1, 5), season_id=0)
    weeks = (
        InflowObservation(0, date(2025, 12, 22), 5.0),
        InflowObservation(0, date(2025, 12, 29), 9.0),
    )
    more = tuple(
        InflowObservation(0, date(2026, 1, 5) + timedelta(days=7 * i), 9.0) for i in range(4)
    )
    base = make_system(1, stages=make_system(1).stages, inflow_history=(*weeks, *more))
    later = replace(
        base,
        stages=(replace(base.stages[0], start_date=date(2027, 1, 1), end_date=date(2027, 2, 1)),),
    )
    alone = averaged(later, months)
    with_stage = averaged(replace(later, pre_study_stages=(stage,)), months)
    january = (2026 - alone.first_year, 0)
    assert alone.values_m3s[0][january] == pytest.approx(9.0)
    assert with_stage.values_m3s[0][january] == pytest.approx(9.0)
    # 35 days of observations with the week of the stage as a whole, and 32 by the calendar
    changed = replace(
        later,
        pre_study_stages=(stage,),
        inflow_history=(weeks[0], replace(weeks[1], value_m3s=44.0), *more),
    )
    assert averaged(changed, months).values_m3s[0][january] == pytest.approx(
        (44.0 * 7 + 9.0 * 27) / 34, rel=0.05
    )
    assert (
        averaged(changed, months).values_m3s[0][january]
        > averaged(replace(changed, pre_study_stages=()), months).values_m3s[0][january]
    )


def test_a_declared_resolution_is_used_and_one_that_is_coarser_than_the_seasons_is_refused(
    make_system, months
):
    history = monthly([1.0, 2.0, 3.0])
    as_days = averaged(make_system(inflow_history=history), months, HistoryResolution.DAILY)
    assert np.isnan(as_days.values_m3s).all()
    weeks = SeasonMap(CycleType.WEEKLY, tuple(Season(w, month_start=1) for w in range(52)))
    with pytest.raises(ModelError, match="coarser than the seasons"):
        averaged(make_system(inflow_history=history), weeks)


def test_one_value_per_quarter_is_taken_as_the_quarter(make_system, quarters):
    history = tuple(InflowObservation(0, date(2020, 3 * q + 2, 15), float(q)) for q in range(4))
    found = averaged(make_system(inflow_history=history), quarters)
    np.testing.assert_array_equal(found.values_m3s[0, 0], [0.0, 1.0, 2.0, 3.0])


def test_a_map_of_months_and_quarters_gives_each_cycle_its_own_table(make_system):
    months = tuple(Season(m, month_start=m + 1, month_end=m + 1) for m in range(12))
    both = SeasonMap(
        CycleType.CUSTOM,
        (*months, *(Season(12 + q, month_start=3 * q + 1, month_end=3 * q + 3) for q in range(4))),
    )
    system = make_system(inflow_history=monthly(range(12)))
    assert averaged(system, both).season_ids == tuple(range(12))
    coarse = averaged(system, both, cycle=1)
    assert coarse.season_ids == (12, 13, 14, 15)
    assert coarse.values_m3s[0, 0, 0] == pytest.approx((0 * 31 + 1 * 29 + 2 * 31) / 91)


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (InflowObservation(7, date(2020, 1, 1), 1.0), r"hydro\(s\) 7, which do not exist"),
        (InflowObservation(0, date(2020, 1, 1), np.nan), "not a finite number"),
    ],
)
def test_observations_that_mean_nothing_are_refused(make_system, months, observation, message):
    with pytest.raises(ModelError, match=message):
        averaged(make_system(inflow_history=(observation,)), months)
