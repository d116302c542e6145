"""The cut pool."""

from __future__ import annotations

import numpy as np
import pytest

from headwater.core.state import StateLayout
from headwater.sddp.cuts.fields import CUT_FIELDS, CutField
from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.cuts.table import Cuts

EVERY_FIELD = pytest.mark.parametrize("field", CUT_FIELDS, ids=lambda field: field.name)


def values_of(field: CutField) -> list[float]:
    """Three values, each unlike its neighbour and the first unlike what a cut is born with."""
    other = (not field.born) if field.kind is np.bool_ else field.born + 7
    return [other, field.born, other]


def a_pool_with(field: CutField) -> CutPool:
    pool = CutPool(1, 1)
    pool.append(np.zeros(3), np.arange(3.0)[:, None], iteration=4)
    getattr(pool, field.name)[:3] = values_of(field)
    return pool


def test_the_pool_is_the_maximum_of_its_active_cuts():
    pool = CutPool(2, 10)
    slots = pool.append(
        np.array([1.0, 5.0]),
        np.array([[1.0, 0.0], [0.0, -1.0]]),
        iteration=1,
        forward_pass=[0, 1],
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
            np.array([float(k)]), np.array([[float(-k)]]), iteration=k + 1, forward_pass=[0]
        )
    assert pool.n_populated == 5
    assert pool.intercepts[:5].tolist() == [0, 1, 2, 3, 4]
    assert pool.born_at[:5].tolist() == [1, 2, 3, 4, 5]


def test_a_pool_goes_back_to_what_it_was_before_an_unfinished_iteration():
    pool = CutPool(1, 1)
    pool.append(np.array([1.0]), np.array([[0.0]]), iteration=1, forward_pass=[0])
    undo = pool.remember()
    pool.append(np.array([9.0]), np.array([[0.0]]), iteration=2, forward_pass=[0])
    pool.active[0], pool.times_binding[0], pool.last_binding[0] = False, 3, 2
    undo()
    assert (pool.times_binding[0], pool.last_binding[0]) == (0, 1)
    assert pool.value(np.zeros(1)) == (1.0, 0)


@EVERY_FIELD
def test_every_field_is_kept_when_a_pool_grows_and_goes_to_another_pool(field: CutField):
    pool, other = a_pool_with(field), CutPool(1, 0)
    pool.make_room(20)
    other.take(pool, np.array([2, 1]))
    assert getattr(pool, field.name)[:3].tolist() == values_of(field)
    assert getattr(other, field.name)[:2].tolist() == values_of(field)[2:0:-1]
    assert other.coefficients[:2, 0].tolist() == [2.0, 1.0]


@EVERY_FIELD
def test_slots_of_an_unfinished_iteration_hold_what_a_cut_is_born_with(field: CutField):
    pool = CutPool(1, 4)
    undo = pool.remember()
    pool.append(np.ones(3), np.zeros((3, 1)), iteration=4)
    getattr(pool, field.name)[:3] = values_of(field)
    undo()
    assert getattr(pool, field.name).tolist() == [field.born] * 4


@EVERY_FIELD
def test_every_field_is_an_array_of_the_cuts_of_a_stage_and_a_column_where_it_has_one(
    field: CutField,
):
    cuts = Cuts(a_pool_with(field), StateLayout(()), 3, inactive=True)
    assert getattr(cuts, field.name).tolist() == values_of(field)
    if field.column:
        assert cuts.frame()[field.column].to_list() == values_of(field)
    else:
        assert field.name not in cuts.frame().columns


def test_a_new_cut_has_what_it_is_given_and_else_what_cuts_are_born_with():
    pool = CutPool(1, 1)
    slots = pool.append(np.ones(2), np.zeros((2, 1)), iteration=4, opening=[5, 6], relaxed=True)
    assert (pool.opening[slots].tolist(), pool.relaxed[slots].all()) == ([5, 6], True)
    assert pool.active[slots].all()
    assert pool.last_binding[slots].tolist() == pool.born_at[slots].tolist() == [4, 4]


def test_a_field_that_cuts_do_not_have_is_refused():
    with pytest.raises(TypeError, match="no field colour"):
        CutPool(1, 1).append(np.zeros(1), np.zeros((1, 1)), iteration=1, colour=3)
