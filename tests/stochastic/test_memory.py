from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from headwater.errors import ModelError, UnsupportedFeatureError
from headwater.model import (
    Block,
    CycleType,
    InflowStatistics,
    InitialConditions,
    PreStudyStage,
    RecentObservation,
    Season,
    SeasonMap,
    Stage,
)
from headwater.stochastic import build_inflow_model
from headwater.stochastic.calendar import SeasonTimeline
from headwater.stochastic.memory import period_shares


def stages_of(*spans):
    """Stages from (start, end, season)."""
    return tuple(
        Stage(t, date.fromisoformat(start), date.fromisoformat(end), (Block(24.0),), season)
        for t, (start, end, season) in enumerate(spans)
    )


def model_of(
    make_system,
    season_map,
    stages,
    initial,
    *,
    n_lags=1,
    pre=("2026-03-01", "2026-04-01", 2),
    others=(),
    back_to=None,
):
    """A model with as many lags at every stage, for one hydro."""
    before = (pre, *others)
    pre_study = tuple(
        PreStudyStage(-i, date.fromisoformat(start), date.fromisoformat(end), season)
        for i, (start, end, season) in enumerate(before, start=1)
    )
    phi = (0.5, 0.1)[:n_lags]
    statistics = (
        *(InflowStatistics(0, stage.id, 450.0, 50.0) for stage in pre_study),
        *(InflowStatistics(0, stage.id, 450.0, 50.0, phi, 0.8) for stage in stages),
    )
    system = make_system(
        stages=stages,
        season_map=season_map,
        inflow_statistics=statistics,
        initial=initial,
        pre_study_stages=pre_study,
    )
    return system, build_inflow_model(system)


def follow(model, inflows):
    """Memory after each stage for the given inflows, ``[stage, component]`` of the only hydro."""
    memory = model.initial_lags_m3s[None]
    rows = []
    for t, z in enumerate(inflows):
        memory = model.next_memory_m3s(t, memory, np.array([[float(z)]]))
        rows.append(memory[0, :, 0])
    return np.array(rows)


WEEKS_OF_APRIL = stages_of(
    ("2026-03-28", "2026-04-04", 3),
    ("2026-04-04", "2026-04-11", 3),
    ("2026-04-11", "2026-04-18", 3),
    ("2026-04-18", "2026-04-25", 3),
    ("2026-04-25", "2026-05-02", 3),
    ("2026-05-02", "2026-06-01", 4),
)
PAST = InitialConditions(past_inflows_m3s={0: (470.0, 460.0)})


def test_weeks_of_a_month_count_by_their_days(make_system, months):
    system, model = model_of(make_system, months, WEEKS_OF_APRIL, PAST)
    shares = period_shares(SeasonTimeline(system, months))
    np.testing.assert_allclose(
        [s.weight for s in shares], [3 / 30, 7 / 30, 7 / 30, 7 / 30, 6 / 30, 30 / 31]
    )
    np.testing.assert_allclose([s.weight_next for s in shares], [0, 0, 0, 0, 1 / 31, 0])
    assert [s.closes for s in shares] == [False, False, False, False, True, True]
    after = follow(model, [500, 480, 450, 430, 400, 420])
    np.testing.assert_allclose(after[:4, 0], 470.0)  # lags stand still inside the month
    assert after[4, 0] == pytest.approx(447.333333333333, abs=1e-9)
    assert after[5, 0] == pytest.approx(419.354838709677, abs=1e-9)


def test_a_study_that_starts_inside_a_month_counts_what_was_observed(make_system, months):
    initial = InitialConditions(
        past_inflows_m3s={0: (470.0,)},
        recent_observations=(RecentObservation(0, date(2026, 4, 1), date(2026, 4, 4), 520.0),),
    )
    _, model = model_of(
        make_system,
        months,
        stages_of(
            *[
                (s.start_date.isoformat(), s.end_date.isoformat(), s.season_id)
                for s in WEEKS_OF_APRIL[1:]
            ]
        ),
        initial,
    )
    np.testing.assert_allclose(model.initial_lags_m3s[:, 0], [470.0, 52.0])
    assert follow(model, [480, 450, 430, 400, 420])[3, 0] == pytest.approx(
        449.333333333333, abs=1e-9
    )


def test_without_observations_the_days_of_the_study_alone_make_the_mean(make_system, months):
    _, model = model_of(
        make_system,
        months,
        WEEKS_OF_APRIL[:0]
        or stages_of(
            ("2026-04-16", "2026-04-21", 3),
            ("2026-04-21", "2026-05-01", 3),
            ("2026-05-01", "2026-06-01", 4),
        ),
        PAST,
    )
    assert follow(model, [300, 600, 1])[1, 0] == pytest.approx((300 * 5 + 600 * 10) / 15)


def test_a_week_that_straddles_two_months_counts_for_both(make_system, months):
    stages = stages_of(
        ("2026-01-01", "2026-01-28", 0),
        ("2026-01-28", "2026-02-04", 0),
        ("2026-02-04", "2026-03-01", 1),
        ("2026-03-01", "2026-04-01", 2),
    )
    system, model = model_of(
        make_system, months, stages, PAST, pre=("2025-12-01", "2026-01-01", 11)
    )
    shares = period_shares(SeasonTimeline(system, months))
    assert (shares[1].weight, shares[1].weight_next, shares[1].closes) == (
        pytest.approx(4 / 31),
        pytest.approx(3 / 28),
        True,
    )
    after = follow(model, [100, 200, 300, 400])
    assert after[1, 0] == pytest.approx((100 * 27 + 200 * 4) / 31)
    assert after[2, 0] == pytest.approx((200 * 3 + 300 * 25) / 28)


def test_any_way_to_cut_months_into_stages_gives_lags_that_are_means_over_days(make_system, months):
    """Stages of random length, against a day by day record."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        day, end, spans = date(2026, 1, 1), date(2026, 7, 1), []
        while day < end:
            until = min(day + timedelta(days=int(rng.integers(4, 25))), end)
            by_month = {}
            for i in range((until - day).days):
                month = (day + timedelta(days=i)).month
                by_month[month] = by_month.get(month, 0) + 1
            season = max(sorted(by_month), key=lambda month: by_month[month]) - 1
            spans.append((day.isoformat(), until.isoformat(), season))
            day = until
        if {season for _, _, season in spans} != set(range(6)):
            continue
        stages = stages_of(*spans)
        _, model = model_of(
            make_system,
            months,
            stages,
            PAST,
            n_lags=2,
            pre=("2025-12-01", "2026-01-01", 11),
            others=[("2025-11-01", "2025-12-01", 10)],
        )
        inflows = rng.uniform(100.0, 500.0, size=len(stages))
        after = follow(model, inflows)
        daily = {
            stage.start_date + timedelta(days=i): inflows[t]
            for t, stage in enumerate(stages)
            for i in range(stage.days)
        }
        for t in range(len(stages) - 1):
            if stages[t + 1].season_id == stages[t].season_id:
                continue
            # A stage that closes a month gives the days of its own month and, to the next, those of
            # the next alone.
            done, last = stages[t].season_id + 1, stages[t].end_date
            days = [value for day, value in daily.items() if day.month == done and day < last]
            assert after[t, 0] == pytest.approx(np.mean(days))


def quarters_after_months():
    months = tuple(Season(m, month_start=m + 1, month_end=m + 1) for m in range(12))
    quarters = tuple(Season(12 + q, month_start=3 * q + 1, month_end=3 * q + 3) for q in range(4))
    return SeasonMap(CycleType.CUSTOM, months + quarters)


FINE_THEN_COARSE = stages_of(
    ("2026-02-01", "2026-03-01", 1),
    ("2026-03-01", "2026-04-01", 2),
    ("2026-04-01", "2026-05-01", 3),
    ("2026-05-01", "2026-06-01", 4),
    ("2026-06-01", "2026-07-01", 5),
    ("2026-07-01", "2026-10-01", 14),
    ("2026-10-01", "2027-01-01", 15),
)


def test_quarters_after_months_look_back_on_quarters(make_system):
    initial = InitialConditions(
        past_inflows_m3s={0: (110.0, 120.0, 130.0, 140.0, 150.0, 160.0, 170.0, 180.0, 190.0)}
    )
    system = make_system(
        stages=FINE_THEN_COARSE,
        season_map=quarters_after_months(),
        initial=initial,
        pre_study_stages=(
            PreStudyStage(-1, date(2026, 1, 1), date(2026, 2, 1), 0),
            PreStudyStage(-2, date(2025, 12, 1), date(2026, 1, 1), 11),
            PreStudyStage(-3, date(2026, 4, 1), date(2026, 7, 1), 13),
            PreStudyStage(-4, date(2026, 1, 1), date(2026, 4, 1), 12),
        ),
        inflow_statistics=(
            *(InflowStatistics(0, t, 150.0, 30.0) for t in range(-4, 0)),
            *(InflowStatistics(0, t, 150.0, 30.0, (0.4, 0.2), 0.8) for t in range(7)),
        ),
    )
    model = build_inflow_model(system)
    assert model.n_own_lags == 2
    inflows = [200.0, 210.0, 220.0, 230.0, 240.0, 250.0, 260.0]
    after = follow(model, inflows)
    np.testing.assert_allclose(after[1, :2], [210.0, 200.0])  # months among themselves
    np.testing.assert_allclose(after[3, :2], [230.0, 220.0])
    second = (220 * 30 + 230 * 31 + 240 * 30) / 91
    first = (110 * 31 + 200 * 28 + 210 * 31) / 90
    np.testing.assert_allclose(after[4, :2], [second, first])  # on the way into the first quarter
    np.testing.assert_allclose(after[5, :2], [250.0, second])
    np.testing.assert_allclose(after[6, :2], [260.0, 250.0])


def test_quarters_before_the_study_are_means_of_the_months_of_the_past(make_system):
    """A study of one month before its first quarter.

    Its second quarter back lies before the study.
    """
    stages = stages_of(("2026-03-01", "2026-04-01", 2), ("2026-04-01", "2026-07-01", 13))
    values = (110.0, 120.0, 130.0, 140.0, 150.0, 160.0, 170.0, 180.0)
    system = make_system(
        stages=stages,
        season_map=quarters_after_months(),
        initial=InitialConditions(past_inflows_m3s={0: values}),
        pre_study_stages=(
            PreStudyStage(-1, date(2026, 2, 1), date(2026, 3, 1), 1),
            PreStudyStage(-2, date(2026, 1, 1), date(2026, 2, 1), 0),
            PreStudyStage(-3, date(2026, 1, 1), date(2026, 4, 1), 12),
            PreStudyStage(-4, date(2025, 10, 1), date(2026, 1, 1), 15),
        ),
        inflow_statistics=(
            *(InflowStatistics(0, t, 150.0, 30.0) for t in range(-4, 0)),
            *(InflowStatistics(0, t, 150.0, 30.0, (0.4, 0.2), 0.8) for t in range(2)),
        ),
    )
    model = build_inflow_model(system)
    after = follow(model, [200.0, 1.0])
    last = (130 * 31 + 140 * 30 + 150 * 31) / 92  # December, November, October
    np.testing.assert_allclose(after[0, :2], [(120 * 31 + 110 * 28 + 200 * 31) / 90, last])


def test_months_that_are_left_out_and_stages_that_become_finer_are_refused(make_system, months):
    skipping = stages_of(("2026-01-01", "2026-02-01", 0), ("2026-02-01", "2026-04-15", 3))
    with pytest.raises(
        UnsupportedFeatureError, match="left out between two stages: stages 0 and 1"
    ):
        model_of(make_system, months, skipping, PAST, pre=("2025-12-01", "2026-01-01", 11))
    finer = stages_of(("2026-01-01", "2026-04-01", 12), ("2026-04-01", "2026-05-01", 3))
    with pytest.raises(UnsupportedFeatureError, match="become finer"):
        model_of(
            make_system, quarters_after_months(), finer, PAST, pre=("2025-10-01", "2026-01-01", 15)
        )


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (RecentObservation(7, date(2026, 4, 1), date(2026, 4, 2), 1.0), "no such hydro"),
        (RecentObservation(0, date(2026, 4, 2), date(2026, 4, 2), 1.0), "ends before it starts"),
        (RecentObservation(0, date(2026, 4, 1), date(2026, 4, 2), -1.0), "at least 0, got -1.0"),
        (RecentObservation(0, date(2026, 4, 1), date(2026, 4, 5), 1.0), "reaches into the study"),
        (RecentObservation(0, date(2026, 4, 2), date(2026, 4, 4), 1.0), "overlaps the one before"),
    ],
)
def test_recent_observations_must_make_sense(make_system, months, observation, message):
    initial = InitialConditions(
        past_inflows_m3s={0: (470.0,)},
        recent_observations=(
            RecentObservation(0, date(2026, 4, 1), date(2026, 4, 3), 520.0),
            observation,
        ),
    )
    with pytest.raises(ModelError, match=message):
        model_of(make_system, months, stages_of(("2026-04-04", "2026-05-01", 3)), initial)
