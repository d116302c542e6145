"""The cut pool."""

from __future__ import annotations

import numpy as np

from headwater.sddp.cuts.pool import CutPool


def test_the_pool_is_the_maximum_of_its_active_cuts():
    pool = CutPool(2, 10)
    slots = pool.append(
        np.array([1.0, 5.0]),
        np.array([[1.0, 0.0], [0.0, -1.0]]),
        iteration=1,
        forward_passes=[0, 1],
    )
    state = np.array([3.0, 2.0])
    assert pool.value(state) == (4.0, slots[0])
    pool.active[slots[0]] = False
    assert pool.value(state) == (3.0, slots[1])


def test_an_empty_pool_bounds_nothing():
    assert CutPool(2, 3).value(np.zeros(2)) == (-np.inf, -1)


def test_coefficients_start_on_a_cache_line():
    assert CutPool(3, 7).coefficients.ctypes.data % 64 == 0


def test_the_pool_grows_beyond_its_capacity_and_keeps_slots():
    pool = CutPool(1, 2)
    for k in range(5):
        pool.append(
            np.array([float(k)]), np.array([[float(-k)]]), iteration=k + 1, forward_passes=[0]
        )
    assert pool.n_populated == 5
    assert pool.intercepts[:5].tolist() == [0, 1, 2, 3, 4]
    assert pool.born_at[:5].tolist() == [1, 2, 3, 4, 5]


def test_a_pool_goes_back_to_what_it_was_before_an_unfinished_iteration():
    pool = CutPool(1, 1)
    pool.append(np.array([1.0]), np.array([[0.0]]), iteration=1, forward_passes=[0])
    undo = pool.remember()
    pool.append(np.array([9.0]), np.array([[0.0]]), iteration=2, forward_passes=[0])
    pool.active[0], pool.times_binding[0], pool.last_binding[0] = False, 3, 2
    undo()
    assert (pool.times_binding[0], pool.last_binding[0]) == (0, 1)
    assert pool.value(np.zeros(1)) == (1.0, 0)
