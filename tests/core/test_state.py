"""The state as blocks: where components stand, what they are called, and how two states differ."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from headwater.core.state import StateBlock, StateLayout, owner_of
from headwater.equipment.recorded_state import founding_layout, layout_of, layout_version, record_of

ENERGY = StateBlock("tank_level", "m", ("tank_id",), ((4,), (9,)), priced=True)
FULL = founding_layout((3, 7), 2, ((5, 1), (6, 3)), 1, (ENERGY,))


def test_blocks_are_equal_whose_components_are() -> None:
    """What is said of them, compared or asked for does not count; and no price is shown unasked."""
    plain = StateBlock("tank_level", "m", ("tank_id",), ((4,), (9,)))
    other = dataclasses.replace(
        plain,
        words="levels of tanks",
        compared="depth",
        code="HW999",
        priced=True,
        entity_names=("Upper", "Lower"),
        initial=lambda: np.zeros(2),
        box=lambda: (np.zeros(2), np.ones(2)),
    )
    assert plain == other != dataclasses.replace(other, owners=((4,), (8,)))
    assert not plain.priced


def test_the_places_of_the_founding_blocks_are_those_of_the_first_version() -> None:
    n, lags = 2, 2
    assert FULL.places("storage").tolist() == [0, 1]
    assert FULL.places("inflow_lag").tolist() == [
        n + lag * n + h for lag in range(lags) for h in range(n)
    ]
    assert FULL.places("gnl_commitment").tolist() == [6, 7, 8, 9]
    assert FULL.places("inflow_accumulator").tolist() == [10, 11]
    assert FULL.places("tank_level").tolist() == [12, 13]  # what is added stands behind all of them
    assert FULL.places("no_such_block").tolist() == []
    assert FULL.dimension == 14


def test_components_are_called_and_described_as_in_the_first_version() -> None:
    assert FULL.names == (
        *("storage_3", "storage_7"),
        *("inflow_3_lag_1", "inflow_7_lag_1", "inflow_3_lag_2", "inflow_7_lag_2"),
        *("commitment_5_lag_1", "commitment_6_lag_1", "commitment_6_lag_2", "commitment_6_lag_3"),
        *("accumulator_3_1", "accumulator_7_1"),
        *("tank_level_4", "tank_level_9"),
    )
    described = FULL.describe()
    assert described[0] == {"dimension": 0, "kind": "storage", "hydro_id": 3, "unit": "hm3"}
    assert described[5] == {
        "dimension": 5,
        "kind": "inflow_lag",
        "hydro_id": 7,
        "lag": 2,
        "unit": "m3/s",
    }
    assert described[8] == {
        "dimension": 8,
        "kind": "gnl_commitment_2",
        "thermal_id": 6,
        "lag": 2,
        "unit": "MW",
    }
    assert described[10] == {
        "dimension": 10,
        "kind": "inflow_accumulator",
        "hydro_id": 3,
        "place": 1,
        "unit": "m3/s",
    }
    assert described[13] == {"dimension": 13, "kind": "tank_level", "tank_id": 9, "unit": "m"}
    assert [owner_of(one) for one in (described[5], described[8], described[13])] == [
        ("hydro", 7),
        ("thermal", 6),
        ("tank", 9),
    ]


def test_priced_components_are_storages_and_blocks_that_say_so() -> None:
    assert FULL.priced.tolist() == [0, 1, 12, 13]


def test_the_order_in_which_blocks_are_given_does_not_matter_and_empty_ones_are_left_out() -> None:
    blocks = [*FULL.blocks, StateBlock("nothing_here", "-", ("id",), ())]
    assert StateLayout.of(reversed(blocks)) == FULL


DIFFERENT = {
    "HW801 hydros: the policy has 2 (3, 7), the study 1 (3)": (
        founding_layout((3,), 2),
        founding_layout((3, 7), 2),
    ),
    "HW802 inflow lags in the state: the policy has 0, the study 2": (
        founding_layout((3,), 2),
        founding_layout((3,), 0),
    ),
    "HW802 thermals dispatched ahead (id, lag): the policy has none, the study 1 ((5, 2))": (
        founding_layout((3,), 0, ((5, 2),)),
        founding_layout((3,), 0),
    ),
    "HW802 inflow accumulators per hydro: the policy has 2, the study 1": (
        founding_layout((3,), 1, (), 1),
        founding_layout((3,), 1, (), 2),
    ),
    "HW802 tank_level: the policy has none, the study 2 (4, 9)": (
        founding_layout((3,), 0, others=(ENERGY,)),
        founding_layout((3,), 0),
    ),
}


@pytest.mark.parametrize("sentence", DIFFERENT)
def test_a_difference_says_what_both_have(sentence: str) -> None:
    own, other = DIFFERENT[sentence]
    first, last = own.differences(other)
    assert last == sentence
    assert (
        first
        == f"HW805 state: the policy has {other.dimension} components, the study {own.dimension}"
    )
    assert not list(own.differences(own))


@pytest.mark.parametrize(
    ("layout", "version"), [(founding_layout((3, 7), 2, ((5, 1),), 1), 1), (FULL, 2)]
)
def test_a_recorded_state_comes_back_and_says_its_version(
    layout: StateLayout, version: int
) -> None:
    record = record_of(layout)
    assert (record["layout_version"], layout_version(layout)) == (version, version)
    assert ("blocks" in record) == (version == 2)
    assert layout_of(record) == layout


def test_a_record_of_the_first_version_without_later_keys_is_read() -> None:
    assert layout_of({"hydro_ids": [3, 7], "n_lags": 1}) == founding_layout((3, 7), 1)


def test_values_before_the_first_stage_do_not_make_two_states_differ() -> None:
    valued = StateBlock(
        "tank_level", "m", ("tank_id",), ((4,), (9,)), priced=True, initial=lambda: np.ones(2)
    )
    assert valued == ENERGY
