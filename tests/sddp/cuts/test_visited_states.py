"""The archive of visited states."""

import numpy as np
import pytest

from headwater.sddp.cuts.visited_states import VisitedStates


def _filled(limit_mb: float, iterations: int = 40) -> VisitedStates:
    archive = VisitedStates.empty(2, 3, limit_mb)
    for iteration in range(1, iterations + 1):
        for t in range(2):
            archive.add(
                t, iteration, np.full((5, 3), 100.0 * t + iteration) + np.arange(5)[:, None] / 10
            )
    return archive


@pytest.mark.parametrize("limit_mb", [2048.0, 0.0])
def test_states_come_back_in_order_in_memory_and_on_disk(limit_mb):
    archive = _filled(limit_mb)
    assert archive.stages[1].visited.shape == (200, 3)
    assert archive.stages[1].visited[7, 0] == pytest.approx(102.2)
    assert archive.stages[1].iteration[7] == 2
    assert archive.stages[1].trajectory[7] == 2
    assert isinstance(archive.stages[0].states, np.memmap) == (limit_mb == 0.0)


def test_a_limit_between_sends_only_what_exceeds_it_to_disk():
    one_stage = 256 * 3 * 8
    archive = _filled(1.5 * one_stage / 2**20)
    kinds = {isinstance(stage.states, np.memmap) for stage in archive.stages}
    assert kinds == {True, False}


def test_an_unfinished_iteration_is_forgotten():
    archive = _filled(2048.0, 3)
    archive.add(0, 4, np.zeros((5, 3)))
    archive.forget_after(3)
    assert [stage.n_visits for stage in archive.stages] == [15, 15]
