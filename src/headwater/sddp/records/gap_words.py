"""How a run says that LPs were solved with a gap above tolerance."""

from __future__ import annotations

import math


def told_gaps(count: int, solved: int, largest: float, reference: float, what: str) -> str:
    """How many LPs, and what the largest gap is worth, in one sentence.

    Args:
        count: LPs whose gap is above tolerance.
        solved: of how many.
        largest: largest gap in $; infinite where an LP has a bound and no known point.
        reference: amount in $ that it is compared with.
        what: what that amount is, in words.
    """
    known = math.isfinite(largest)
    size = (
        f"the largest gap is {largest:.3g} $" if known else "for one of them only a bound is known"
    )
    share = gap_share(largest, reference)
    part = "" if share is None else f" ({100 * share:.2g} % of the {what})"
    return (
        f"{count:,} of {solved:,} LPs were solved with a certified gap "
        f"above tolerance; {size}{part}"
    )


def gap_share(gap: float, reference: float) -> float | None:
    """A gap as a share of an amount; ``None`` where one of them does not say."""
    if not (math.isfinite(gap) and math.isfinite(reference)) or reference == 0.0:
        return None
    return gap / abs(reference)
