"""Which stage follows which."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import Block, GraphType, Horizon, PolicyGraph, Stage, Transition
from headwater.model.horizon import cumulative_discount, horizon_of, visited_stages

STAGES = tuple(
    Stage(10 * t, date(2026, t + 1, 1), date(2026, t + 2, 1), (Block(730.0),)) for t in range(4)
)
CHAIN = (Transition(0, 10), Transition(10, 20), Transition(20, 30))


def cyclic(*transitions: Transition, rate: float = 0.1) -> PolicyGraph:
    return PolicyGraph(GraphType.CYCLIC, rate, transitions)


@pytest.mark.parametrize("transitions", [(), CHAIN])
def test_a_chain_ends(transitions):
    horizon = horizon_of(PolicyGraph(transitions=transitions), STAGES)
    assert [horizon.successor(t) for t in range(4)] == [1, 2, 3, None]
    assert (horizon.is_cyclic, list(horizon.cycle)) == (False, [])
    with pytest.raises(IndexError, match="ends after 4 stages"):
        horizon.position(4)


@pytest.mark.parametrize("chain", [(), CHAIN])
def test_a_cycle_goes_round_for_ever(chain):
    horizon = horizon_of(cyclic(*chain, Transition(30, 10)), STAGES)
    assert horizon == Horizon(4, cycle_start=1)
    assert [horizon.successor(t) for t in range(4)] == [1, 2, 3, 1]
    assert horizon.walk(11) == (0, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1)
    assert [horizon.turn(visit) for visit in range(11)] == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_a_stage_can_lead_back_to_itself():
    horizon = horizon_of(cyclic(Transition(0, 0)), STAGES[:1])
    assert (horizon.walk(3), horizon.successor(0), horizon.turn(2)) == ((0, 0, 0), 0, 2)


def test_the_discount_accumulates_round_the_cycle():
    factors = np.array([0.9, 0.8, 0.5])
    assert cumulative_discount(Horizon(3, 1), factors, 6) == pytest.approx(
        [1.0, 0.9, 0.72, 0.36, 0.288, 0.144]
    )


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (PolicyGraph(transitions=CHAIN[:2]), "not the chain of stages"),
        (PolicyGraph(transitions=(*CHAIN, Transition(30, 10))), "not the chain of stages"),
        (PolicyGraph(transitions=(Transition(0, 20), *CHAIN)), "not the chain of stages"),
        (cyclic(), "closed by one transition"),
        (cyclic(*CHAIN), "closed by one transition"),
        (cyclic(*CHAIN, Transition(20, 10)), "closed by one transition"),
        (cyclic(*CHAIN, Transition(30, 10), Transition(30, 0)), "closed by one transition"),
        (cyclic(*CHAIN, Transition(30, 10, probability=0.5)), "closed by one transition"),
        (cyclic(*CHAIN, Transition(30, 10), rate=0.0), "discount rate above 0"),
    ],
)
def test_other_graphs_are_refused(graph, message):
    with pytest.raises(ModelError, match=message):
        horizon_of(graph, STAGES)


def test_one_discounted_stage_of_the_cycle_is_enough_but_not_one_before_it():
    inside = cyclic(
        *CHAIN[:2], Transition(20, 30, annual_discount_rate=0.1), Transition(30, 10), rate=0.0
    )
    assert horizon_of(inside, STAGES).cycle_start == 1
    before = cyclic(
        Transition(0, 10, annual_discount_rate=0.1), *CHAIN[1:], Transition(30, 10), rate=0.0
    )
    with pytest.raises(ModelError, match="discount rate above 0"):
        horizon_of(before, STAGES)


def test_later_turns_count_on_and_keep_their_months():
    horizon = horizon_of(cyclic(*CHAIN, Transition(30, 10)), STAGES)
    visited = visited_stages(horizon, STAGES, 9)
    assert [stage.id for stage in visited] == [0, 10, 20, 30, 31, 32, 33, 34, 35]
    assert [stage.start_date.month for stage in visited] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert all(stage.start_date.day == 1 for stage in visited)
    assert all(left.end_date == right.start_date for left, right in pairwise(visited))
    assert [stage.blocks for stage in visited[4:7]] == [stage.blocks for stage in STAGES[1:]]


def test_a_year_stays_a_year_and_days_that_make_no_month_are_counted():
    year = tuple(
        Stage(
            q,
            date(2027, 3 * q + 1, 1),
            date(2027 + (q == 3), (3 * q + 3) % 12 + 1, 1),
            (Block(1.0),),
        )
        for q in range(4)
    )
    visited = visited_stages(Horizon(4, 0), year, 9)
    assert (visited[4].start_date, visited[8].start_date) == (date(2028, 1, 1), date(2029, 1, 1))
    weeks = tuple(
        Stage(w, date(2027, 1, 4 + 7 * w), date(2027, 1, 11 + 7 * w), (Block(1.0),))
        for w in range(2)
    )
    assert [stage.start_date for stage in visited_stages(Horizon(2, 0), weeks, 5)] == [
        date(2027, 1, 4),
        date(2027, 1, 11),
        date(2027, 1, 18),
        date(2027, 1, 25),
        date(2027, 2, 1),
    ]
    february = (Stage(0, date(2028, 2, 29), date(2028, 3, 29), (Block(1.0),)),)
    assert [stage.start_date for stage in visited_stages(Horizon(1, 0), february, 13)][12] == date(
        2029, 2, 28
    )
