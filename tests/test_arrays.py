"""Frozen arrays and dictionaries cannot be changed, and dictionaries of arrays compare, hash,
pickle and copy.
"""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from headwater.arrays import FrozenDict, frozen


def test_a_frozen_array_refuses_to_be_written_to():
    for array in (frozen([1, 2], np.int64), frozen(np.eye(2)[:, ::-1]), frozen(np.arange(3.0))):
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_an_array_in_one_piece_is_locked_and_not_copied():
    array = np.arange(3.0)
    assert frozen(array) is array


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.__setitem__("b", 1),
        lambda d: d.__delitem__("a"),
        lambda d: d.update(b=1),
        lambda d: d.pop("a"),
        lambda d: d.popitem(),
        lambda d: d.clear(),
        lambda d: d.setdefault("b", 1),
        lambda d: d.__ior__({"b": 1}),
    ],
)
def test_a_frozen_dictionary_refuses_every_change(change):
    made = FrozenDict(a=1)
    with pytest.raises(TypeError, match="cannot be changed"):
        change(made)
    assert made == {"a": 1}


@pytest.mark.parametrize(
    "remake",
    [lambda d: pickle.loads(pickle.dumps(d)), copy.copy, copy.deepcopy, lambda d: d.copy()],
)
def test_a_frozen_dictionary_of_arrays_is_the_same_after_pickling_and_copying(remake):
    made = FrozenDict({(1, 2): np.array([1.0, np.nan]), "b": FrozenDict(c=3)})
    again = remake(made)
    assert type(again) is FrozenDict
    assert again == made
    assert (again != made) is False
    assert hash(again) == hash(made)


def test_frozen_dictionaries_of_arrays_differ_by_any_entry_key_or_shape():
    made = FrozenDict(a=np.zeros((1, 2)))
    assert made == FrozenDict(a=np.zeros((1, 2)))
    for other in (
        {"a": np.array([[0.0, 1.0]])},
        {"b": np.zeros((1, 2))},
        {"a": np.zeros(2)},
        {},
        {"a": 0.0},
    ):
        assert made != FrozenDict(other)
    assert made != [1]


def test_equal_frozen_dictionaries_have_one_hash_whatever_order_number_types_and_signs_of_zero():
    one = FrozenDict(a=np.array([0.0, 1.0]), b=1)
    other = FrozenDict(b=1.0, a=np.array([-0.0, 1.0], np.float32))
    assert one == other
    assert hash(one) == hash(other)
    assert {one: "found"}[other] == "found"


def test_a_frozen_dictionary_reads_and_writes_as_a_dictionary():
    made = FrozenDict(b=1, a=2)
    assert json.dumps(made) == '{"b": 1, "a": 2}'
    assert made | {"c": 3} == {"b": 1, "a": 2, "c": 3}
    assert repr(made) == "FrozenDict({'b': 1, 'a': 2})"
