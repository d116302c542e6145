from __future__ import annotations

from datetime import date

import pytest

from headwater.errors import ModelError
from headwater.model import (
    Block,
    InflowStatistics,
    InitialConditions,
    RecentObservation,
    Season,
    SeasonMap,
    Stage,
)
from headwater.model.stages import CycleType
from headwater.stochastic.calendar import SeasonTimeline, build_timeline
from headwater.stochastic.seasons import SeasonCalendar


def stage(stage_id, start, end, season_id):
    return Stage(
        stage_id, date.fromisoformat(start), date.fromisoformat(end), (Block(100.0),), season_id
    )


def test_a_week_across_new_year_with_season_january_belongs_to_the_coming_january(months):
    period = SeasonCalendar(months).period(date(2025, 12, 29), date(2026, 1, 5), 0)
    assert (period.start_date, period.end_date) == (date(2026, 1, 1), date(2026, 2, 1))


def test_without_a_season_the_most_overlapped_one_is_taken(months):
    assert SeasonCalendar(months).period(date(2026, 3, 28), date(2026, 4, 4)).season_id == 2
    assert SeasonCalendar(months).period(date(2026, 3, 30), date(2026, 4, 6)).season_id == 3


@pytest.mark.parametrize(
    ("start", "end", "year"),
    [(date(1, 1, 1), date(2026, 1, 1), 0), (date(2026, 1, 1), date(9999, 12, 31), 10_000)],
)
def test_a_date_at_an_end_of_the_calendar_is_told_as_a_wrong_date(months, start, end, year):
    with pytest.raises(ModelError, match=f"of the year {year} .* dates of stages"):
        SeasonCalendar(months).period(start, end)


def test_the_month_before_january_is_december_of_the_year_before(months):
    calendar = SeasonCalendar(months)
    january = calendar.period(date(2026, 1, 1), date(2026, 2, 1), 0)
    before = calendar.before(january, 1)
    assert (before.season_id, before.start_date) == (11, date(2025, 12, 1))
    assert calendar.before(january, 14).start_date == date(2024, 11, 1)


def test_week_53_belongs_to_the_last_season():
    weeks = SeasonMap(CycleType.WEEKLY, tuple(Season(w, month_start=1) for w in range(52)))
    period = SeasonCalendar(weeks).period(
        date(2020, 12, 28), date(2021, 1, 4)
    )  # ISO week 53 of 2020
    assert period.season_id == 51
    assert period.days == 14
    following = SeasonCalendar(weeks).period(date(2021, 1, 4), date(2021, 1, 11))
    assert (following.season_id, following.ordinal) == (0, period.ordinal + 1)


def test_a_custom_season_may_wrap_over_new_year():
    halves = SeasonMap(CycleType.CUSTOM, (Season(0, 5, month_end=10), Season(1, 11, month_end=4)))
    calendar = SeasonCalendar(halves)
    wet = calendar.period(date(2026, 2, 1), date(2026, 3, 1))
    assert (wet.season_id, wet.start_date, wet.end_date) == (1, date(2025, 11, 1), date(2026, 5, 1))
    assert calendar.before(wet, 1).start_date == date(2025, 5, 1)


def test_months_and_quarters_in_one_map_are_two_cycles(quarters):
    months = tuple(Season(m, m + 1) for m in range(12))
    coarse = tuple(
        Season(12 + q.id, q.month_start, month_end=q.month_end) for q in quarters.seasons
    )
    calendar = SeasonCalendar(SeasonMap(CycleType.CUSTOM, months + coarse))
    january = calendar.period(date(2026, 1, 1), date(2026, 2, 1), 0)
    first_quarter = calendar.period(date(2026, 1, 1), date(2026, 4, 1), 12)
    assert calendar.before(january, 1).season_id == 11
    assert calendar.before(first_quarter, 1).season_id == 15


@pytest.mark.parametrize(
    "seasons",
    [
        (Season(0, 1, month_end=6), Season(1, 8, month_end=12)),  # July is missing
        (Season(0, 1, month_end=7), Season(1, 7, month_end=12)),  # July twice
        (),
    ],
)
def test_custom_seasons_with_gaps_or_overlaps_are_refused(seasons):
    with pytest.raises(ModelError, match="fill the year"):
        SeasonCalendar(SeasonMap(CycleType.CUSTOM, seasons))


def test_an_unknown_season_is_refused(months):
    with pytest.raises(ModelError, match="season 12"):
        SeasonCalendar(months).period(date(2026, 1, 1), date(2026, 2, 1), 12)


def test_without_definitions_equal_season_ids_do_not_share_noise(make_system):
    assert build_timeline(make_system(3, seasons=[0, 0, 0])).noise_groups() == (0, 1, 2)


def test_weeks_of_one_month_share_their_noise(make_system, months):
    weeks = (
        stage(0, "2026-04-04", "2026-04-11", 3),
        stage(1, "2026-04-11", "2026-04-18", 3),
        stage(2, "2026-04-18", "2026-05-02", 3),
        stage(3, "2026-05-02", "2026-06-01", 4),
    )
    assert build_timeline(make_system(stages=weeks, season_map=months)).noise_groups() == (
        0,
        0,
        0,
        1,
    )


def test_stages_without_a_season_are_alone(make_system, months):
    system = make_system(3, seasons=[0, None, 2], season_map=months)
    assert build_timeline(system).noise_groups() == (0, 1, 2)


def test_the_same_season_of_another_year_has_its_own_noise(make_system, months):
    system = make_system(14, seasons=[t % 12 for t in range(14)], season_map=months)
    assert build_timeline(system).noise_groups() == tuple(range(14))


def test_three_months_that_claim_one_season_are_refused(make_system, months):
    stages = tuple(stage(t, f"2026-0{t + 1}-01", f"2026-0{t + 2}-01", 0) for t in range(3))
    with pytest.raises(ModelError, match="take 59 days"):
        build_timeline(make_system(stages=stages, season_map=months)).noise_groups()


def test_stages_of_one_period_must_follow_each_other(make_system, months):
    stages = (
        stage(0, "2026-01-01", "2026-01-08", 0),
        stage(1, "2026-02-01", "2026-03-01", 1),
        stage(2, "2026-03-01", "2026-03-08", 0),
    )
    with pytest.raises(ModelError, match="follow each other"):
        build_timeline(make_system(stages=stages, season_map=months)).noise_groups()


def test_stages_are_uniform_when_each_is_one_period_of_which_nothing_has_been_observed(
    make_system, months
):
    weeks = (stage(0, "2026-01-01", "2026-01-08", 0), stage(1, "2026-01-08", "2026-02-01", 0))
    assert not build_timeline(make_system(stages=weeks, season_map=months)).is_uniform()
    assert not build_timeline(
        make_system(3, seasons=[0, 3, 6], months_per_stage=3, season_map=months)
    ).is_uniform()
    started = InitialConditions(
        recent_observations=(RecentObservation(0, date(2026, 1, 1), date(2026, 1, 4), 520.0),)
    )
    before = InitialConditions(
        recent_observations=(RecentObservation(0, date(2025, 12, 1), date(2026, 1, 1), 520.0),)
    )
    assert build_timeline(
        make_system(2, seasons=[0, 1], season_map=months, initial=before)
    ).is_uniform()
    assert not build_timeline(
        make_system(2, seasons=[0, 1], season_map=months, initial=started)
    ).is_uniform()
    assert build_timeline(make_system(2)).is_uniform()


def test_a_period_that_is_exactly_there_comes_before_others_of_its_season(make_system, months):
    system = make_system(
        14,
        seasons=[t % 12 for t in range(14)],
        season_map=months,
        n_pre_study=1,
        pre_seasons=[11],
        inflow_statistics=(InflowStatistics(0, 0, 1.0),),
    )
    timeline = build_timeline(system)
    assert isinstance(timeline, SeasonTimeline)
    assert timeline.back(1, 1) == (0, 12)  # January 2026: December 2025 itself, then December 2026
    assert timeline.back(13, 1) == (
        12,
        0,
    )  # January 2027: December 2026 itself, then the pre-study one
    assert timeline.back(1, 2) == (11,)  # November 2025 is not there: November 2026
