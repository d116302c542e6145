"""Weeks inside months and months before quarters: what has been gathered of a period is state, so cuts are exact."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np
import pytest

import headwater.model as m
from extensive_form import extensive_form_value
from headwater.sddp.backward import aggregate
from headwater.sddp.problems import build_problems
from headwater.sddp.training import train_policy
from headwater.stochastic import build_uncertainty
from small_systems import random_system, study

MONTHS = tuple(m.Season(i, month_start=i + 1, month_end=i + 1) for i in range(12))
QUARTERS = tuple(m.Season(12 + q, month_start=3 * q + 1, month_end=3 * q + 3) for q in range(4))


def resliced(seed: int, spans, pre, season_map, *, n_openings: int = 2, recent=()) -> m.System:
    """A random cascade on other stages: (start, end, season) of each, and of the pre-study stages."""
    base = random_system(seed, n_stages=len(spans), n_lags=2)
    stages = tuple(
        m.Stage(t, date.fromisoformat(a), date.fromisoformat(b), (m.Block(200.0), m.Block(300.0)), season, n_openings)
        for t, (a, b, season) in enumerate(spans)
    )
    before = tuple(
        m.PreStudyStage(-i, date.fromisoformat(a), date.fromisoformat(b), season) for i, (a, b, season) in enumerate(pre, 1)
    )
    rows = [row for row in base.inflow_statistics if row.stage_id >= 0]
    rows += [m.InflowStatistics(hydro.id, stage.id, 40.0 + hydro.id, 6.0) for hydro in base.hydros for stage in before]
    initial = dataclasses.replace(
        base.initial,
        past_inflows_m3s={hydro.id: tuple(30.0 + 3.0 * i for i in range(9)) for hydro in base.hydros},
        recent_observations=tuple(
            m.RecentObservation(hydro.id, date.fromisoformat(a), date.fromisoformat(b), v + hydro.id)
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
        [("2026-01-08", "2026-01-20", 0), ("2026-01-20", "2026-02-01", 0), ("2026-02-01", "2026-03-01", 1)],
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


KINDS = {"weeks": weeks, "started month": started_month, "months then quarters": months_then_quarters}


def value_and_slope(problems, t, state):
    solved = problems.new_programs().solve(t, state, problems.stages[t].openings, None)
    point = aggregate(problems, t, solved)
    return point.value, point.slope


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_the_bound_reaches_the_extensive_form(kind, seed):
    system = KINDS[kind](seed)
    # The extensive form branches at every stage; forward passes that share the noise of a month would not visit all of it.
    given = m.GivenOpenings(dict(enumerate(build_uncertainty(system, 42).tree.noise)))
    chosen = study(dataclasses.replace(system, given_openings=given), iterations=40, forward_passes=3, method="penalty")
    config = dataclasses.replace(chosen.config, noise_sharing=m.NoiseSharing.NONE)
    policy = train_policy(dataclasses.replace(chosen, config=config))
    assert policy.lower_bound == pytest.approx(extensive_form_value(chosen.system, chosen.config), rel=1e-6)


@pytest.mark.parametrize("formulation", list(m.Formulation))
@pytest.mark.parametrize("kind", KINDS)
def test_slopes_on_accumulators_lie_between_the_one_sided_finite_differences(kind, formulation):
    chosen = study(KINDS[kind](1), iterations=8, forward_passes=2, method="penalty", formulation=formulation)
    problems = build_problems(chosen, train_policy(chosen).pools)
    n, layout = problems.layout.n_hydros, problems.layout
    assert layout.n_accumulators > 0
    rng = np.random.default_rng(5)
    step, agreeing, felt = 1e-3, 0, 0
    for t in range(problems.n_stages):
        for _ in range(2):
            top = problems.system.bounds.hydro.max_storage_hm3[:, 0]
            state = np.concatenate([top * rng.uniform(0.2, 0.8, n), rng.uniform(20, 60, layout.dimension - n)])
            value, slope = value_and_slope(problems, t, state)
            for j in range(layout.dimension):
                forward, backward = state.copy(), state.copy()
                forward[j] += step
                backward[j] -= step
                right = (value_and_slope(problems, t, forward)[0] - value) / step
                left = (value - value_and_slope(problems, t, backward)[0]) / step
                margin = 1e-6 * max(1.0, abs(slope[j])) + 1e-8 * abs(value) / step
                assert left - margin <= slope[j] <= right + margin
                agreeing += abs(right - left) <= margin
                felt += j >= n * (1 + layout.n_lags) and abs(slope[j]) > 1e-3
    assert agreeing > 0
    assert felt > 0, "no accumulator had a slope: the test would not notice wrong ones"


def test_the_state_says_what_its_accumulators_are():
    problems = build_problems(study(months_then_quarters(0)))
    kinds = [component["kind"] for component in problems.layout.describe()]
    n = problems.layout.n_hydros
    assert len(kinds) == problems.layout.dimension == len(problems.initial_state)
    assert kinds.count("inflow_lag") == 2 * n
    assert kinds.count("inflow_accumulator") == (1 + 1 + 2) * n
