"""Systems, cases, policies and simulations are pickled, copied and hashed, and
mean the same afterwards.
"""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import headwater as hw
from full_case import full_case
from random_systems import random_study
from whole_systems import whole_system


def pickled(value):
    return pickle.loads(pickle.dumps(value))


@pytest.fixture(scope="module")
def policy():
    return hw.train(random_study(1, iterations=2))


@pytest.mark.parametrize("again", [pickled, copy.copy, copy.deepcopy])
def test_a_case_with_every_key_and_its_system_are_equal_with_equal_hashes_after_the_way(
    tmp_path, again
):
    case = hw.load_case(full_case(tmp_path).write())
    for value in (case, case.system):
        other = again(value)
        assert other == value
        assert hash(other) == hash(value)


def test_what_a_system_derives_does_not_travel_and_is_derived_anew():
    system = whole_system(1)
    size = len(pickle.dumps(system))
    derived = system.bounds.hydro.max_storage_hm3
    assert len(pickle.dumps(system)) == size
    np.testing.assert_array_equal(pickled(system).bounds.hydro.max_storage_hm3, derived)


def test_systems_that_differ_in_an_array_differ():
    system = whole_system(1)
    table = dataclasses.replace(system.hydro_bound_overrides)
    for values in ({name: column + 1.0 for name, column in table.values.items()}, {}):
        other = dataclasses.replace(
            system, hydro_bound_overrides=dataclasses.replace(table, values=values)
        )
        assert other != system
    assert len({system, whole_system(1), whole_system(2)}) == 2


def test_mappings_given_to_a_system_are_its_own_afterwards():
    storage = {1: 5.0}
    initial = hw.model.InitialConditions(storage_hm3=storage)
    storage[1] = 7.0
    assert initial.storage_hm3 == {1: 5.0}


@pytest.mark.parametrize("again", [pickled, copy.deepcopy])
def test_a_policy_simulates_the_same_after_the_way_and_is_itself_alone(policy, again):
    other = again(policy)
    assert other != policy
    assert len({policy, other, policy}) == 2
    one, two = (hw.simulate(each, n_scenarios=3) for each in (policy, other))
    assert one.table("hydros").equals(two.table("hydros"))


@pytest.mark.parametrize("again", [pickled, copy.deepcopy])
def test_a_simulation_has_the_same_tables_after_the_way(policy, again):
    simulation = hw.simulate(policy, n_scenarios=3)
    other = again(simulation)
    assert other != simulation
    for table in ("hydros", "costs", "thermals"):
        assert other.table(table).equals(simulation.table(table))
    assert {simulation, other, simulation} == {other, simulation}
