"""How large a figure of a system can be."""

LARGEST_NUMBER = 1e15
"""Beyond this no figure means anything, in whatever unit or currency, and a solver takes it for no
limit.
"""

LARGEST_PRICE = 1e20
"""Prices of water by the cubic metre in a small currency are large, and money is counted in a unit
that follows from prices.
"""

_PRICED = ("cost", "price", "penalty")


def largest_of(name: str) -> float:
    """How large the figure under a key or in a column may be."""
    return LARGEST_PRICE if any(word in name for word in _PRICED) else LARGEST_NUMBER
