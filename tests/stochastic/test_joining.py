from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import NoiseClass
from headwater.stochastic.joining import joined_scenarios

INFLOW, LOAD, NCS = NoiseClass.INFLOW, NoiseClass.LOAD, NoiseClass.NCS


def joined(counts, weights=None, couple=None, n_openings=1, seed=7, group=2):
    weights = dict.fromkeys(counts) | (weights or {})
    return joined_scenarios(counts, weights, couple, n_openings, seed, group, "stage 4")


def chance_of(numbers, chance, column, n):
    return np.array([chance[numbers[:, column] == k].sum() for k in range(n)])


def test_classes_with_equally_many_scenarios_go_together_by_number_and_known_ones_with_all():
    numbers, chance = joined({INFLOW: 3, LOAD: 3, NCS: 1})
    assert numbers.tolist() == [[0, 0, 0], [1, 1, 0], [2, 2, 0]]
    assert chance.tolist() == [1 / 3] * 3


def test_one_class_keeps_its_order_and_its_weights():
    numbers, chance = joined({LOAD: 3}, {LOAD: np.array([0.5, 0.0, 0.5])})
    assert numbers.tolist() == [[0], [1], [2]]
    assert chance.tolist() == [0.5, 0.0, 0.5]


def test_all_combinations_are_openings_where_there_is_room_for_them():
    numbers, chance = joined({INFLOW: 2, LOAD: 3}, {INFLOW: np.array([0.25, 0.75])}, n_openings=6)
    assert numbers.tolist() == [[i, j] for i in range(2) for j in range(3)]
    np.testing.assert_allclose(chance, np.repeat([0.25, 0.75], 3) / 3, rtol=1e-15)


@pytest.mark.parametrize("n_openings", [1, 8, 20])
@pytest.mark.parametrize("weighted", [False, True])
def test_independent_draws_give_every_scenario_its_probability_and_no_pair_twice(
    n_openings, weighted
):
    rng = np.random.default_rng(n_openings)
    counts = {INFLOW: 5, LOAD: 7, NCS: 3}
    weights = {kind: rng.dirichlet(np.ones(n)) for kind, n in counts.items()} if weighted else {}
    numbers, chance = joined(counts, weights, n_openings=n_openings)
    assert len(np.unique(numbers, axis=0)) == len(numbers)
    assert len(numbers) >= n_openings
    assert chance.sum() == pytest.approx(1.0, abs=1e-12)
    for column, (kind, n) in enumerate(counts.items()):
        wanted = weights.get(kind, np.full(n, 1.0 / n))
        np.testing.assert_allclose(chance_of(numbers, chance, column, n), wanted, atol=1e-12)


def test_draws_differ_with_seed_and_stage_and_come_again_with_the_same():
    first = joined({INFLOW: 5, LOAD: 7})[0].tolist()
    assert first == joined({INFLOW: 5, LOAD: 7})[0].tolist()
    others = [
        joined({INFLOW: 5, LOAD: 7}, seed=s, group=g)[0].tolist() for s, g in ((8, 2), (7, 3))
    ]
    assert all(a != b for a, b in pairwise([first, *others]))


def test_equally_many_can_be_asked_to_be_independent():
    numbers, chance = joined({INFLOW: 4, LOAD: 4}, couple=False)
    assert (numbers[:, 0] != numbers[:, 1]).any()
    np.testing.assert_allclose(chance_of(numbers, chance, 0, 4), 0.25)


def test_what_cannot_be_joined_by_number_is_refused():
    with pytest.raises(
        ModelError, match=r"stage 4: .* 3 of class 'inflow', 2 of class 'load'; give equally many"
    ):
        joined({INFLOW: 3, LOAD: 2}, couple=True)
    weights = {INFLOW: np.array([0.25, 0.75]), LOAD: np.array([0.5, 0.5])}
    with pytest.raises(
        ModelError, match="inflow, load are joined by number and differ in their weights"
    ):
        joined({INFLOW: 2, LOAD: 2}, weights)
    assert joined({INFLOW: 2, LOAD: 2}, {INFLOW: np.array([0.25, 0.75])})[1].tolist() == [
        0.25,
        0.75,
    ]
