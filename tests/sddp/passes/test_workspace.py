"""How much work is worth a thread or a task, and what threads tell of theirs."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from headwater.distributed import ThreadTeam
from headwater.sddp.passes.workspace import (
    Accounts,
    longest_first,
    openings_in_a_block,
    threads_worth,
)


def test_more_threads_are_called_the_more_there_is_to_be_solved():
    threads = ThreadTeam(5)
    try:
        called = [threads_worth(threads, n_rows) for n_rows in (0, 299, 1_200, 6_000, 10**9)]
    finally:
        threads.close()
    assert called == [1, 1, 2, 4, 5]


@pytest.mark.parametrize(("n_rows", "length"), [(0, 50), (10, 5), (26, 1), (5_000, 1)])
def test_small_programs_are_solved_several_at_a_time(n_rows: int, length: int):
    assert openings_in_a_block(n_rows) == length


def test_openings_with_most_pivots_come_first_and_ties_in_their_order():
    pivots = np.array([[3, 9, 3, 0], [0, 0, 0, 0]])
    assert longest_first(pivots).tolist() == [[1, 0, 2, 3], [0, 1, 2, 3]]


def test_the_work_of_all_threads_is_added_up_by_stage():
    class Noted:
        def __init__(self) -> None:
            self.given: list[tuple[Any, ...]] = []

        def note(self, *given: Any) -> None:
            self.given.append(given)

    accounts, noted = Accounts(2, 3), Noted()
    first, second = accounts.cleared()
    first.trials[1], first.pivots[1], first.seconds[1], first.entering[0] = 2, 30, 0.5, 0.25
    second.trials[1], second.pivots[1], second.seconds[1], second.entering[0] = 1, 4, 1.0, 0.5
    second.trials[2] = 7
    accounts.note(cast("Any", noted), [10, 20, 1])
    assert noted.given == [(1, 3, 60, 34, 1.5), (2, 7, 7, 0, 0.0)]
    assert accounts.entering() == 0.75
    accounts.cleared()
    accounts.note(cast("Any", noted), [10, 20, 1])
    assert len(noted.given) == 2
