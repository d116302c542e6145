"""What a solver instance did so far, and where its time went."""

from __future__ import annotations

from dataclasses import dataclass, field

COUNTED = ("solves", "fallbacks", "pivots", "retried", "attempts", "bounded")
"""What `SolverStatistics.effort` counts of the programs themselves, besides reasons."""

NUMBERS = (*COUNTED, "bases", "solve", "load")
"""Names of what `SolverStatistics.numbers` gives."""


@dataclass
class SolverStatistics:
    """Counts of one instance since it was made; ``reasons`` counts why first attempts failed.

    ``fallbacks`` counts openings that the kernel left to HiGHS, ``retried`` those that HiGHS did
    not solve at once, ``bounded`` those whose best answer has a gap above tolerance. ``levels``
    counts by number, from 1, the attempts that then solved them; ``bases`` the bases that solves
    started from. ``kernel_seconds``, ``highs_seconds`` (``repair_seconds`` of it on further
    attempts) and ``load_seconds`` (of rows) tell where the time went.
    """

    solves: int = 0
    fallbacks: int = 0
    pivots: int = 0
    retried: int = 0
    attempts: int = 0
    bounded: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    levels: dict[int, int] = field(default_factory=dict)
    bases: int = 0
    kernel_seconds: float = 0.0
    highs_seconds: float = 0.0
    load_seconds: float = 0.0
    repair_seconds: float = 0.0

    def numbers(self) -> tuple[float, ...]:
        """Counts and seconds that every instance has, in the order of `NUMBERS`."""
        return (
            self.solves, self.fallbacks, self.pivots, self.retried, self.attempts, self.bounded,
            self.bases, self.kernel_seconds + self.highs_seconds, self.load_seconds,
        )  # fmt: skip

    def rare(self) -> dict[str, int]:
        """Counts that most instances never have.

        Reasons are counted as ``reason: ...``, attempts by their number as ``level: ...``.
        """
        if not self.reasons and not self.levels:
            return {}
        named = {f"reason: {name}": count for name, count in self.reasons.items()}
        return named | {f"level: {level}": count for level, count in self.levels.items()}

    def effort(self) -> dict[str, float]:
        """All that is counted, and seconds of ``solve`` and ``load``."""
        return dict(zip(NUMBERS, self.numbers(), strict=True)) | self.rare()
