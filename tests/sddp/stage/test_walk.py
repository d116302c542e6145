"""Visits of a trajectory, and where its cuts are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import headwater.model as m
from headwater.sddp.stage.walk import Walk
from small_systems import random_system


def cyclic(n_stages: int = 4, back_to: int = 1, rate: float = 0.5) -> m.System:
    system = random_system(1, n_stages=n_stages)
    ids = [stage.id for stage in system.stages]
    graph = m.PolicyGraph(m.GraphType.CYCLIC, rate, (m.Transition(ids[-1], ids[back_to]),))
    return replace(system, policy_graph=graph)


def test_a_horizon_that_ends_is_walked_once():
    walk = Walk.of_training(random_system(1, n_stages=3), m.CycleConfig())
    assert walk.positions == (0, 1, 2)
    turns = walk.trial_turns(1, 5, np.arange(4))
    assert turns.tolist() == [0, 0, 0, 0]
    assert all(
        walk.makes_cut(visit, turns) is None and walk.keeps_basis(visit, turns) is None
        for visit in range(3)
    )


def test_a_walk_ends_where_money_is_worth_nothing_or_at_the_longest_length():
    system = cyclic()
    walk = Walk.of_training(system, m.CycleConfig(tolerance=0.01))
    assert walk.final_discount < 0.01 <= walk.cumulative_discount[-1]
    assert walk.final_discount == pytest.approx(
        walk.cumulative_discount[-1] * system.discount_factors[walk.positions[-1]]
    )
    assert Walk.of_training(system, m.CycleConfig(max_length=9)).n_visits == 9
    assert Walk.of_training(system, m.CycleConfig(max_length=1)).positions == (0, 1, 2, 3, 1)


@pytest.mark.parametrize("back_to", [0, 1, 3])
@pytest.mark.parametrize("length", [5, 6, 7, 13])
def test_every_trajectory_makes_one_cut_per_stage_and_the_visit_after_it_has_a_basis(
    back_to: int, length: int
):
    walk = Walk.of_training(cyclic(back_to=back_to), m.CycleConfig(max_length=length))
    for iteration in range(1, 6):
        turns = walk.trial_turns(7, iteration, np.arange(9))
        everyone = np.ones(len(turns), np.bool_)
        chosen = [
            (walk.makes_cut(visit, turns), walk.keeps_basis(visit, turns))
            for visit in range(walk.n_visits)
        ]
        made, kept = (
            np.array([everyone if one is None else one for one in each])
            for each in zip(*chosen, strict=True)
        )
        for t in range(4):
            visits = [v for v, position in enumerate(walk.positions) if position == t]
            assert (made[visits].sum(axis=0) == 1).all()
            assert (kept[visits].sum(axis=0) == 1).all()
        for trajectory in range(9):
            for visit in np.flatnonzero(made[:, trajectory]):
                follower = walk.horizon.successor(walk.positions[visit])
                assert walk.positions[visit + 1] == follower
                if (
                    walk.positions[visit] != back_to - 1
                ):  # the way into the cycle borrows the basis of a later turn
                    assert kept[visit + 1, trajectory]


def test_first_turns_alternate_with_drawn_ones_and_all_later_turns_are_drawn():
    walk = Walk.of_training(cyclic(), m.CycleConfig(max_length=40))
    turns = np.array([walk.trial_turns(3, iteration, np.arange(50)) for iteration in range(1, 21)])
    assert (turns == 0).mean() == 0.5
    assert set(np.unique(turns)) == set(range(walk.n_trial_turns))
    part = walk.trial_turns(3, 4, np.arange(10, 20))
    assert part.tolist() == turns[3, 10:20].tolist()
