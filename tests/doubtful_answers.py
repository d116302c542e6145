"""Answers with a gap, planted.

Certificates that see less than there is to see, for some programs and always the same ones.
"""

from __future__ import annotations

import zlib

import pytest

from headwater.solver import highs, repair

SHARE = 1e-4
"""What the planted certificates leave of a bound."""


def plant_gaps(monkeypatch: pytest.MonkeyPatch, one_in: int = 7) -> None:
    """Let about one program in so many be taken with a gap of `SHARE` of its bound.

    Which ones is a matter of their right-hand sides, so that threads and ranks plant the same. It
    works where HiGHS solves one program after the other, as with
    ``formulation=Formulation.EXPLICIT``.
    """
    certify, solve_in_turn = repair.certify, highs.solve_in_turn

    def pessimistic(*arguments: object) -> tuple[int, float, float]:
        _, bound, gap = certify(*arguments)
        missing = SHARE * abs(bound)
        return repair.BOUNDED, bound - missing, gap + missing

    def doubtful(*arguments: object) -> int:
        *given, first, last = arguments
        row_lowers, outcome = given[5], given[-1]
        for w in range(first, last):  # type: ignore[call-overload]
            if solve_in_turn(*given, w, w + 1) == w:
                return w
            sides = row_lowers[w]  # type: ignore[index]
            if zlib.crc32(sides.tobytes()) % one_in == 0:
                outcome[w] = repair.BOUNDED  # type: ignore[index]
                return w
        return last  # type: ignore[return-value]

    monkeypatch.setattr(repair, "certify", pessimistic)
    monkeypatch.setattr(highs, "solve_in_turn", doubtful)
