"""Which scenarios of several classes make an opening together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.errors import ModelError
from headwater.model import NoiseClass
from headwater.stochastic import rng

Numbers = NDArray[np.int64]


def are_joined(counts: Mapping[NoiseClass, int], couple: bool | None) -> bool:
    """Whether scenarios of classes go together by their number.

    A class with one scenario is known, and goes with every other.

    Args:
        counts: scenarios of each class.
        couple: whether they are asked to; ``None`` joins classes with equally many.
    """
    several = {n for n in counts.values() if n > 1}
    return len(several) <= 1 if couple is None else couple


def joined_scenarios(
    counts: Mapping[NoiseClass, int],
    weights: Mapping[NoiseClass, Array | None],
    couple: bool | None,
    n_openings: int,
    seed: int,
    group: int,
    where: str,
) -> tuple[Numbers, Array]:
    """The scenarios that make the openings of a stage, and their probabilities.

    Classes are joined by number where `are_joined` says so. Otherwise they are independent: all
    combinations where these are at most ``n_openings``, else draws without repetition, in which
    every class goes through its scenarios in an order of its own and each scenario has exactly its
    probability.

    Args:
        counts: scenarios of each class, at least 1.
        weights: probabilities of its scenarios, ``None`` where they are equal.
        couple: see `are_joined`.
        n_openings: openings that the stage asks for.
        seed: of the draws.
        group: noise group of the stage.
        where: how messages call the stage.

    Returns:
        ``[opening, class]`` in the order of ``counts``, and ``[opening]`` adding up to 1.

    Raises:
        ModelError: classes to be joined by number differ in how many scenarios they have, or in
            their weights.
    """
    kinds = list(counts)
    probabilities = [_probability(counts[kind], weights[kind]) for kind in kinds]
    if are_joined(counts, couple):
        return _by_number(counts, weights, where)
    if prod(counts.values()) <= n_openings:
        numbers = np.indices([counts[kind] for kind in kinds]).reshape(len(kinds), -1).T
        chance = np.ones(1)
        for p in probabilities:
            chance = np.outer(chance, p).ravel()
        return np.ascontiguousarray(numbers), chance
    n_rounds = -(-n_openings // (sum(counts.values()) - len(kinds) + 1))
    drawn = [_round(probabilities, seed, group, number) for number in range(n_rounds)]
    numbers = np.concatenate([one[0] for one in drawn])
    chance = np.concatenate([one[1] for one in drawn]) / n_rounds
    # A combination that several rounds drew is one opening, at its first place.
    unique, first, place = np.unique(numbers, axis=0, return_index=True, return_inverse=True)
    total = np.zeros(len(unique))
    np.add.at(total, place.ravel(), chance)
    order = np.argsort(first)
    return np.ascontiguousarray(unique[order]), total[order]


def _probability(n: int, weights: Array | None) -> Array:
    return np.full(n, 1.0 / n) if weights is None else weights


def _by_number(
    counts: Mapping[NoiseClass, int], weights: Mapping[NoiseClass, Array | None], where: str
) -> tuple[Numbers, Array]:
    n = max(counts.values())
    listed = ", ".join(f"{count} of class '{kind.value}'" for kind, count in counts.items())
    if any(count not in (1, n) for count in counts.values()):
        raise ModelError(
            f"{where}: couple_classes joins scenarios by number, but there are {listed}; give "
            "equally many, or leave couple_classes out"
        )
    given = {
        kind.value: weights[kind]
        for kind in counts
        if counts[kind] == n and weights[kind] is not None
    }
    chances = list(given.values())
    if any(not np.allclose(chances[0], p, rtol=0.0, atol=1e-12) for p in chances[1:]):  # type: ignore[arg-type]
        raise ModelError(
            f"{where}: the scenarios of the classes {', '.join(given)} are joined by number and "
            "differ in their weights; give the same, or set couple_classes to false"
        )
    numbers = np.stack([np.arange(n) % count for count in counts.values()], axis=1)
    return numbers, _probability(n, chances[0] if chances else None)


def _round(
    probabilities: Sequence[Array], seed: int, group: int, number: int
) -> tuple[Numbers, Array]:
    """Lay the scenarios of every class end to end, each as long as its probability.

    Every stretch without an end is a draw.
    """
    orders, ends = [], []
    for place, p in enumerate(probabilities):
        words = rng.raw_words(seed, rng.Purpose.JOINING, group, np.full(1, number), place, len(p))[
            0
        ]
        order = rng.permutation(words)
        end = np.cumsum(p[order])
        end[-1] = 1.0
        orders.append(order)
        ends.append(end)
    cuts = np.unique(np.concatenate(ends))
    cuts = cuts[np.diff(cuts, prepend=0.0) > _ROUNDING]
    cuts[-1] = 1.0
    lengths = np.diff(cuts, prepend=0.0)
    middle = cuts - 0.5 * lengths
    columns = [
        order[np.minimum(np.searchsorted(end, middle), len(end) - 1)]
        for order, end in zip(orders, ends, strict=True)
    ]
    return np.stack(columns, axis=1), lengths


_ROUNDING = 1e-12
"""A stretch up to this is where two ends meet that differ by rounding."""
