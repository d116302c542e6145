"""The certificate on a program small enough to be solved by hand, with every kind of
bound, none of them symmetric.

    minimise  3 a + 7 b + theta          0 <= a <= 4,  0 <= b <= 9,  0 <= theta <= 50
              4 <= a + 2 b <= 11         5 a - b <= 6                theta + b / 2 >= 3  (a cut)

The first row at its lower and the second at its upper bound give a = 16/11, b = 14/11, the cut
theta = 26/11: 172/11 $. The duals 71/22, -1/22 and 1 make every reduced cost zero and give 4 *
71/22 - 6/22 + 3 = 172/11 $ too.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from headwater.solver import AppendedRows, LinearProgram
from headwater.solver.certificate_kernel import certify
from headwater.solver.highs import kernel_program
from headwater.solver.kernel_constants import BOUNDED, NO_BOUND, PROVEN
from headwater.solver.repair import Certifier

OPTIMUM = 172.0 / 11.0
POINT = (16.0 / 11.0, 14.0 / 11.0, 26.0 / 11.0)
DUALS = (71.0 / 22.0, -1.0 / 22.0, 1.0)

FEASIBILITY = 1e-6
"""How far a point may miss a bound or a row."""
RELATIVE_GAP = 1e-7
"""Largest gap of a proven answer."""


def certified(point=POINT, duals=DUALS):
    """Outcome, bound and gap, and the duals as the certificate leaves them."""
    matrix = sp.csc_array(np.array([[1.0, 2.0, 0.0], [5.0, -1.0, 0.0]]))
    program = LinearProgram(
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data,
        cost=np.array([3.0, 7.0, 1.0]),
        column_lower=np.zeros(3),
        column_upper=np.array([4.0, 9.0, 50.0]),
        row_lower=np.array([4.0, -np.inf]),
        row_upper=np.array([11.0, 6.0]),
    )
    cuts = AppendedRows(np.array([1, 2], np.int32))
    cuts.append(np.array([[0.5, 1.0]]))
    x, y = np.array(point), np.array(duals)
    scratch = np.empty(3), np.empty(3), np.empty(2), np.empty(1)
    lower, upper = program.row_lower, program.row_upper
    found = certify(
        kernel_program(program, cuts), lower, upper, np.array([3.0]), x, y, *scratch, False
    )
    return (*found, y)


def test_the_optimum_is_proven_with_its_bound():
    outcome, bound, gap, _ = certified()
    assert outcome == PROVEN
    assert bound == pytest.approx(OPTIMUM, rel=1e-12)
    assert bound <= OPTIMUM
    assert abs(gap) < 1e-12


SIDES = {
    "the lower bound of a row": (POINT[0] - 1.0, POINT[1] + 0.5, 26.0 / 11.0, (-1.0, 0.0, 0.0)),
    "the upper bound of a row with two": (1.0, 5.0, 1.0, (1.0, 0.0, 0.0)),
    "the upper bound of a row with one": (2.0, 4.0, 2.0, (0.0, -1.0, 0.0)),
    "the lower bound of a column": (0.0, 3.0, 2.0, (-1.0, 0.0, 0.0)),
    "the upper bound of a column": (2.0, 4.0, 50.0, (0.0, 0.0, 1.0)),
    "a cut": (1.0, 2.0, 2.0, (0.0, 0.0, -1.0)),
}
"""Side -> a feasible point where it binds, alone, and the direction that leaves it by one unit."""


@pytest.mark.parametrize("side", SIDES)
def test_a_point_may_miss_each_side_by_a_millionth_and_no_more(side: str):
    *point, direction = SIDES[side]
    for share in (0.0, 0.5, 0.9):
        outcome, _, gap, _ = certified(np.array(point) + share * FEASIBILITY * np.array(direction))
        assert outcome == BOUNDED
        assert 0.0 < gap < np.inf
    for share in (1.2, 3.0, 50.0, 1e4):
        outcome, _, gap, _ = certified(np.array(point) + share * FEASIBILITY * np.array(direction))
        assert outcome == BOUNDED
        assert gap == np.inf


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, PROVEN), (0.9, PROVEN), (1.2, BOUNDED), (3.0, BOUNDED), (50.0, BOUNDED)],
)
def test_a_gap_of_a_ten_millionth_is_proven_and_no_larger_one(share: float, expected: int):
    """One of theta more costs one more, and the point stays feasible."""
    outcome, bound, gap, _ = certified(
        (POINT[0], POINT[1], POINT[2] + share * RELATIVE_GAP * OPTIMUM)
    )
    assert outcome == expected
    assert bound == pytest.approx(OPTIMUM, rel=1e-12)
    assert gap == pytest.approx(share * RELATIVE_GAP * OPTIMUM, rel=1e-4)


@pytest.mark.parametrize(
    ("duals", "by_hand"),
    [
        # reduced costs 3, 7 and 1 at the lower bounds 0
        ((0.0, 0.0, 0.0), 0.0),
        # 2 * 4; reduced costs 1, 3, 1 at 0
        ((2.0, 0.0, 0.0), 8.0),
        # -2 * 11, the upper bound; reduced costs 5, 11, 1 at 0
        ((-2.0, 0.0, 0.0), -22.0),
        # 4 * 4; reduced costs -1 at 4 and -1 at 9
        ((4.0, 0.0, 0.0), 16.0 - 4.0 - 9.0),
        # -0.5 * 6; reduced costs 5.5 and 6.5 at 0
        ((0.0, -0.5, 0.0), -3.0),
        # 2 * 3 from the cut; reduced costs 3, 6 at 0 and -1 at 50
        ((0.0, 0.0, 2.0), 6.0 - 50.0),
    ],
)
def test_the_bound_is_that_of_the_duals_side_by_side(duals, by_hand):
    outcome, bound, gap, _ = certified(duals=duals)
    assert outcome == BOUNDED
    assert bound == pytest.approx(by_hand, abs=1e-12)
    assert bound <= by_hand
    assert gap == pytest.approx(OPTIMUM - by_hand)


@pytest.mark.parametrize(
    ("duals", "cleaned"),
    [
        ((1.0, 0.7, 0.0), (1.0, 0.0, 0.0)),
        ((1.0, 0.0, -0.7), (1.0, 0.0, 0.0)),
        ((1.0, -0.5, 1.0), (1.0, -0.5, 1.0)),
    ],
)
def test_a_dual_against_a_bound_that_a_row_does_not_have_is_dropped(duals, cleaned):
    _, bound, _, left = certified(duals=duals)
    assert tuple(left) == cleaned
    assert bound == pytest.approx(certified(duals=cleaned)[1], abs=1e-12)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_duals_that_are_no_numbers_bound_nothing(place: int, value: float):
    duals = np.array(DUALS)
    duals[place] = value
    outcome, bound, gap, _ = certified(duals=duals)
    assert (outcome, bound, gap) == (NO_BOUND, -np.inf, np.inf)


@pytest.mark.parametrize(("missed", "expected"), [(0.9e-8, PROVEN), (1e-6, BOUNDED)])
def test_a_point_that_is_cheap_because_it_misses_a_row_a_little_takes_nothing_from_the_bound(
    missed: float, expected: int
):
    """A row that is missed by 1e-8, at a dual of a million, makes the point a cent cheaper than
    anything feasible.

    minimise  1e6 a + b    a >= 1e-3 (a row)    b >= 1e3 (a row)

    The optimum is 1000 + 1000 $, the tolerated relative gap 2e-4 $.
    """
    matrix = sp.csc_array(np.eye(2))
    program = LinearProgram(
        matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
        np.array([1e6, 1.0]), np.zeros(2), np.full(2, np.inf), np.zeros(2), np.full(2, np.inf),
        money=0.0,
    )  # fmt: skip
    certifier = Certifier(kernel_program(program, AppendedRows()))
    lower, upper = np.array([1e-3, 1e3]), np.full(2, np.inf)
    outcome, bound, gap = certifier.judge(
        lower, upper, np.array([1e-3 - missed, 1e3]), np.array([1e6, 1.0])
    )
    assert outcome == expected
    assert bound == pytest.approx(2000.0, rel=1e-12)
    assert gap == pytest.approx(-1e6 * missed, rel=1e-3)
