from __future__ import annotations

import numpy as np
import pytest

from headwater.stochastic.selective import pool_size, representative_openings


def test_the_pool_grows_with_the_openings():
    assert pool_size(5) == 1000
    assert pool_size(100) == 2000


def test_clearly_separate_clusters_are_found_with_their_shares():
    rng = np.random.default_rng(0)
    centres = np.array([[-5.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    owner = rng.choice(3, size=600, p=[0.5, 0.3, 0.2])
    pool = centres[owner] + 0.1 * rng.normal(size=(600, 2))
    openings, probability = representative_openings(pool, 3, seed=1, group=0)
    counts = np.bincount(owner) / 600
    assert sorted(probability) == pytest.approx(sorted(counts))
    np.testing.assert_allclose(probability @ openings, 0.0, atol=1e-12)
    np.testing.assert_allclose(probability @ openings**2, 1.0)


def test_openings_of_one_cluster_each_are_the_pool_itself_up_to_shift_and_scale():
    pool = np.random.default_rng(1).normal(size=(4, 3))
    openings, probability = representative_openings(pool, 4, seed=1, group=0)
    np.testing.assert_allclose(probability, 0.25)
    expected = (pool - pool.mean(axis=0)) / pool.std(axis=0)
    np.testing.assert_allclose(np.sort(openings, axis=0), np.sort(expected, axis=0))


def test_identical_draws_give_fewer_openings_than_asked():
    openings, probability = representative_openings(np.zeros((50, 2)), 3, seed=1, group=0)
    assert probability.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(openings, 0.0)


def test_few_weighted_openings_represent_a_function_better_than_as_many_plain_draws():
    """The mean of a convex cost over the openings, compared with the whole pool."""

    def cost(noise):
        return np.maximum(noise.sum(axis=1) - 1.0, 0.0)

    selected, plain = [], []
    for seed in range(30):
        pool = np.random.default_rng(seed).normal(size=(1000, 2))
        openings, probability = representative_openings(pool, 20, seed=seed, group=0)
        truth = cost(pool).mean()
        selected.append((probability @ cost(openings) - truth) ** 2)
        plain.append((cost(pool[:20]).mean() - truth) ** 2)
    assert np.mean(selected) < 0.3 * np.mean(plain)
