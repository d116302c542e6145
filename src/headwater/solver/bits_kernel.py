"""Sets of small numbers as bits, 64 to a word.

What takes part in a pivot is few, and is found without looking at all.
"""

from __future__ import annotations

import numpy as np

from headwater.solver.compiled import InCode, compiled

_ONE, _SIX, _SIXTY_THREE, _ALL = np.uint64(1), np.uint64(6), np.uint64(63), np.uint64(2**64 - 1)

lowest_bit = InCode(lambda numba: numba.lowest_bit())
"""For compiled code: place of the lowest bit of a word that is not zero."""

highest_bit = InCode(lambda numba: numba.highest_bit())
"""For compiled code: place of the highest bit of a word that is not zero."""

_count_bits = InCode(lambda numba: numba.count_bits())


def words_for(n: int) -> int:
    """Words of a set of numbers below ``n``."""
    return (n + 63) // 64


@compiled
def n_words(n):
    """Words that hold the numbers below ``n``."""
    return (np.uint64(n) + _SIXTY_THREE) >> _SIX


@compiled
def put(bits, i):
    """Put a number into a set."""
    at = np.uint64(i)
    bits[at >> _SIX] |= _ONE << (at & _SIXTY_THREE)


@compiled
def take(bits, i):
    """Take a number out of a set."""
    at = np.uint64(i)
    bits[at >> _SIX] &= ~(_ONE << (at & _SIXTY_THREE))


@compiled
def put_all(bits, n):
    """Make a set hold all numbers below ``n``."""
    whole = np.uint64(n) >> _SIX
    for w in range(whole):
        bits[w] = _ALL
    rest = np.uint64(n) & _SIXTY_THREE
    if rest != 0:
        bits[whole] = (_ONE << rest) - _ONE


@compiled
def empty(bits):
    """Take everything out of a set."""
    for w in range(bits.shape[0]):
        bits[w] = np.uint64(0)


@compiled
def members(bits, n, out):
    """Write the numbers below ``n`` that are in a set, which is empty above, to ``out``, in order.

    Returns how many.
    """
    count = np.uint64(0)
    for w in range(n_words(n)):
        word = bits[w]
        while word != 0:
            out[count] = (w << _SIX) + lowest_bit(word)
            count += _ONE
            word &= word - _ONE
    return count


@compiled
def size_of(bits, n):
    """How many numbers are in a set of numbers below ``n``."""
    total = np.uint64(0)
    for w in range(n_words(n)):
        total += _count_bits(bits[w])
    return total


@compiled
def holds(bits, i):
    """Whether a number is in a set."""
    at = np.uint64(i)
    return (bits[at >> _SIX] >> (at & _SIXTY_THREE)) & _ONE != 0
