"""Few openings that stand for many: clusters of a large sample, weighted by their share of it."""

from __future__ import annotations

import numpy as np

from headwater.arrays import Array
from headwater.stochastic import rng

_MAX_ITERATIONS = 100
_SMALLEST_POOL, _POOL_PER_OPENING = 1000, 20
_SEEDING = 1 << 62
"""Third coordinate of the stream that seeds the clusters, apart from all members of the pool."""


def pool_size(n_openings: int) -> int:
    """Draws that the openings are chosen from."""
    return max(_SMALLEST_POOL, _POOL_PER_OPENING * n_openings)


def representative_openings(
    pool: Array, n_openings: int, seed: int, group: int
) -> tuple[Array, Array]:
    """Choose openings among many draws by k-means.

    The opening of a cluster is its member closest to the centre, its probability the share of the
    cluster. Each dimension is then shifted and scaled to a weighted mean of 0 and variance of 1.

    Args:
        pool: draws ``[draw, entry]``.
        n_openings: number of clusters.
        seed: of the choice of first centres.
        group: noise group of the stage.

    Returns:
        Openings ``[opening, entry]`` and their probabilities ``[opening]``.
    """
    centres = _first_centres(pool, n_openings, seed, group)
    owner = np.full(len(pool), -1)
    for _ in range(_MAX_ITERATIONS):
        nearest = _squared_distances(pool, centres).argmin(axis=1)
        if (nearest == owner).all():
            break
        owner = nearest
        for k in range(n_openings):
            members = owner == k
            if members.any():
                centres[k] = pool[members].mean(axis=0)
    distance = _squared_distances(pool, centres)
    chosen, share = [], []
    for k in range(n_openings):
        members = np.flatnonzero(owner == k)
        if len(members):
            chosen.append(members[distance[members, k].argmin()])
            share.append(len(members) / len(pool))
    openings, probability = pool[chosen], np.array(share)
    probability /= probability.sum()
    mean = probability @ openings
    deviation = np.sqrt(probability @ (openings - mean) ** 2)
    return (openings - mean) / np.where(deviation > 0.0, deviation, 1.0), probability


def _first_centres(pool: Array, n_centres: int, seed: int, group: int) -> Array:
    """k-means++ seeding.

    Each centre is drawn with probability proportional to its squared distance from those before.
    """
    words = rng.raw_words(
        seed, rng.Purpose.BATCH_DESIGN, group, np.zeros(1, np.int64), _SEEDING, n_centres
    )[0]
    level = rng.uniforms(words)
    chosen = [int(level[0] * len(pool))]
    distance = ((pool - pool[chosen[0]]) ** 2).sum(axis=1)
    for k in range(1, n_centres):
        cumulative = np.cumsum(distance)
        if cumulative[-1] > 0.0:
            pick = int(np.searchsorted(cumulative, level[k] * cumulative[-1], side="right"))
        else:
            pick = int(level[k] * len(pool))
        chosen.append(min(pick, len(pool) - 1))
        distance = np.minimum(distance, ((pool - pool[chosen[-1]]) ** 2).sum(axis=1))
    return pool[chosen].copy()


def _squared_distances(points: Array, centres: Array) -> Array:
    """``[point, centre]``."""
    cross = points @ centres.T
    result: Array = (points**2).sum(axis=1)[:, None] - 2.0 * cross + (centres**2).sum(axis=1)
    return result
