"""Random numbers without state.

The coordinates of a draw are the counter of a Philox4x64-10 generator.

Two draws with different coordinates never share numbers, and the same coordinates give the same
numbers whatever was drawn before, on whichever thread or rank. Only the raw 64-bit words come from
the generator; all transforms are ours, because NumPy promises to keep the words of a bit generator
and not the methods of `numpy.random.Generator`.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, Parallel random numbers: as easy as
1, 2, 3, Proceedings of SC11 (2011).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_WORDS_PER_BLOCK = 4
_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_KEY_STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10
_MASK_64 = (1 << 64) - 1
_LOW_32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)

_BELOW_ONE = 1.0 - 2.0**-53

_FEW_DRAWS = 32
"""Up to here one generator object per draw is faster than the vectorised rounds."""


class Purpose(IntEnum):
    """What a stream is for; part of its key, so that purposes never share numbers."""

    OPENINGS = 1
    TRAINING_INDEX = 2
    TRAINING_NOISE = 3
    BATCH_DESIGN = 4
    TRAINING_SELECTION = 5
    SIMULATION_INDEX = 6
    SIMULATION_NOISE = 7
    SIMULATION_SELECTION = 8
    SIMULATION_DESIGN = 9
    CYCLE_TURN = 10
    STOPPING_INDEX = 11
    JOINING = 12
    TRAINING_REGIME = 13
    SIMULATION_REGIME = 14
    STOPPING_REGIME = 15


def raw_words(
    seed: int,
    purpose: Purpose,
    a: int | NDArray[np.int64],
    b: NDArray[np.int64],
    c: int | NDArray[np.int64],
    n_words: int,
) -> Words:
    """Words of one stream per entry of ``b``.

    Args:
        seed: any integer, taken modulo 2**64.
        purpose: what the stream is for.
        a: first coordinate, shared by all the draws or one for each.
        b: ``[draw]``, second coordinate.
        c: third coordinate, shared by all the draws or one for each.
        n_words: words of each draw.

    Returns:
        ``[draw, word]``. A row depends on its own coordinates only, not on the other rows.
    """
    rows = np.ascontiguousarray(b, np.uint64)
    first, third = (
        np.broadcast_to(np.asarray(coordinate, np.uint64), rows.shape) for coordinate in (a, c)
    )
    if len(rows) <= _FEW_DRAWS:
        return _words_one_by_one(seed, purpose, first, rows, third, n_words)
    return _words_vectorised(seed, purpose, first, rows, third, n_words)


def generator(seed: int, purpose: Purpose, a: int, b: int, c: int) -> np.random.Generator:
    """The stream of one draw for libraries that want a generator.

    Its numbers may change with their versions.

    Such libraries spawn children, which a bare key and counter cannot: the coordinates are hashed
    instead.
    """
    return np.random.Generator(
        np.random.Philox(np.random.SeedSequence([seed & _MASK_64, int(purpose), a, b, c]))
    )


def _words_one_by_one(seed: int, purpose: int, a: Words, b: Words, c: Words, n_words: int) -> Words:
    words = np.empty((len(b), n_words), np.uint64)
    key = np.array([seed & _MASK_64, purpose], np.uint64)
    counter = np.zeros(4, np.uint64)
    for row, coordinate in enumerate(b):
        counter[1], counter[2], counter[3] = a[row], coordinate, c[row]
        words[row] = np.random.Philox(key=key, counter=counter).random_raw(n_words)
    return words


def _words_vectorised(seed: int, purpose: int, a: Words, b: Words, c: Words, n_words: int) -> Words:
    n_blocks = -(-n_words // _WORDS_PER_BLOCK)
    shape = (len(b), n_blocks)
    # NumPy's generator advances the counter before its first block, so blocks count from 1.
    x0 = np.broadcast_to(np.arange(1, n_blocks + 1, dtype=np.uint64), shape)
    x1 = np.broadcast_to(a[:, None], shape)
    x2 = np.broadcast_to(b[:, None], shape)
    x3 = np.broadcast_to(c[:, None], shape)
    key = [seed & _MASK_64, int(purpose)]
    for _ in range(_ROUNDS):
        high0, low0 = _multiply(_MULTIPLIERS[0], x0)
        high1, low1 = _multiply(_MULTIPLIERS[1], x2)
        x0, x1, x2, x3 = high1 ^ x1 ^ np.uint64(key[0]), low1, high0 ^ x3 ^ np.uint64(key[1]), low0
        key = [(part + step) & _MASK_64 for part, step in zip(key, _KEY_STEPS, strict=True)]
    words = np.stack([x0, x1, x2, x3], axis=-1).reshape(len(b), n_blocks * _WORDS_PER_BLOCK)
    return np.ascontiguousarray(words[:, :n_words])


def _multiply(factor: np.uint64, x: Words) -> tuple[Words, Words]:
    """High and low word of the 128-bit product."""
    factor_high, factor_low = factor >> _32, factor & _LOW_32
    x_high, x_low = x >> _32, x & _LOW_32
    low_low = factor_low * x_low
    low_high = factor_low * x_high
    high_low = factor_high * x_low
    middle = (low_low >> _32) + (low_high & _LOW_32) + (high_low & _LOW_32)
    high = factor_high * x_high + (low_high >> _32) + (high_low >> _32) + (middle >> _32)
    return high, factor * x


def uniforms(words: Words) -> NDArray[np.float64]:
    """Uniform numbers in the open interval (0, 1), one per word."""
    # Adding the half to the largest of all words rounds up to 1, whose normal would be infinite.
    return np.minimum(((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53, _BELOW_ONE)


def normals(words: Words) -> NDArray[np.float64]:
    """Standard normal numbers, one per word, by inversion."""
    return inverted(uniforms(words))


def inverted(uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of the standard normal distribution.

    The number below which each of the given shares, in the open interval (0, 1), lies.
    """
    from scipy.special import ndtri  # takes long to import, and validation does without

    values: NDArray[np.float64] = ndtri(uniform)
    return values


def indices(words: Words, n: int) -> NDArray[np.int64]:
    """Positions in ``0 .. n-1``, one per word, all equally likely.

    A position is the high word of ``word * n``.
    """
    scale = np.uint64(n)
    carried = ((words & _LOW_32) * scale) >> _32
    return (((words >> _32) * scale + carried) >> _32).astype(np.int64)


def permutation(words: Words) -> NDArray[np.int64]:
    """Order of the words from small to large: a uniformly drawn permutation of their positions."""
    return np.argsort(words, kind="stable")
