"""Finding entities and stages by what people call them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

import headwater.model as m
from headwater.errors import UnknownNameError, UsageError
from headwater.model.named import StageSpan, stage_position_of
from small_systems import stages


def plants(*names: str) -> m.System:
    """Plants with ids 3, 5, 7, ... of these names."""
    hydros = [
        m.Hydro(3 + 2 * i, 0, 10.0, 1.0, 1.0, name, productivity_mw_per_m3s=1.0)
        for i, name in enumerate(names)
    ]
    return m.System(stages=stages(2), buses=(m.Bus(0, "North"),), hydros=tuple(hydros[::-1]))


def test_an_entity_is_found_by_its_name_and_by_its_id():
    hydros = plants("Ridge", "Gorge").hydros
    assert (hydros["Ridge"].id, hydros["gorge"].id) == (3, 5)
    assert hydros.by_id(5).name == "Gorge"
    assert (hydros.names, hydros.ids) == (("Ridge", "Gorge"), (3, 5))


def test_a_number_is_a_position_as_in_every_tuple():
    system = plants("Ridge", "Gorge")
    assert system.hydros[1].name == "Gorge"
    assert [hydro.name for hydro in system.hydros[:1]] == ["Ridge"]
    assert system.hydros == tuple(system.hydros)
    assert system.buses["North"].id == 0


def test_capitals_matter_where_names_differ_in_nothing_else():
    hydros = plants("Ridge", "RIDGE").hydros
    assert (hydros["Ridge"].id, hydros["RIDGE"].id) == (3, 5)
    with pytest.raises(
        UnknownNameError, match="2 hydros are called 'ridge': give an id, one of 3, 5"
    ):
        hydros["ridge"]


def test_a_misspelt_name_says_what_was_probably_meant():
    with pytest.raises(
        UnknownNameError, match=r"there is no hydro 'Rigde'; did you mean 'Ridge'\?"
    ):
        plants("Ridge", "Gorge").hydros["Rigde"]


def test_another_name_says_what_there_is():
    with pytest.raises(
        UnknownNameError, match=r"there is no hydro 'Itaipu'; there are: Ridge \(id 3\), hydro 5$"
    ):
        plants("Ridge", "").hydros["Itaipu"]
    with pytest.raises(
        UnknownNameError, match=r"there is no hydro with id 4; there are: Ridge \(id 3\)$"
    ):
        plants("Ridge").hydros.by_id(4)


def test_names_that_are_missing_or_the_same_get_labels_that_differ():
    hydros = plants("Ridge", "", "Twin", "Twin").hydros
    assert hydros.labels == ("Ridge", "hydro 5", "Twin (id 7)", "Twin (id 9)")
    with pytest.raises(
        UnknownNameError, match="2 hydros are called 'Twin': give an id, one of 7, 9"
    ):
        hydros["Twin"]


def test_an_unknown_name_is_a_key_error_and_one_of_headwater_with_a_readable_message():
    with pytest.raises(KeyError) as caught:
        plants("Ridge").hydros["x"]
    assert isinstance(caught.value, UsageError)
    assert str(caught.value).startswith("there is no hydro 'x'")


MONTHS = [
    StageSpan(4 + i, date(2027, 1 + i, 1), date(2027, 2 + i, 1), label)
    for i, label in enumerate(["Jan", "Feb", "Mar"])
]
WEEKS = [StageSpan(i, date(2027, 2, 1 + 7 * i), date(2027, 2, 8 + 7 * i)) for i in range(3)]


@pytest.mark.parametrize(
    "key",
    [5, np.int32(5), "5", "2027-02", "2027-02-28", "2027-02-01", date(2027, 2, 3),
     datetime(2027, 2, 3, 12), "Feb", "feb",
     np.datetime64("2027-02-14"), "2027-02-14T06:00"],
)  # fmt: skip
def test_a_stage_is_found_by_id_date_month_and_label(key: Any):
    assert stage_position_of(MONTHS, key) == 1


@pytest.mark.parametrize("key", [3, "2027-04", "2026-12-31", "Apr", date(2028, 1, 1), "someday"])
def test_a_stage_that_is_not_there_says_which_are(key: Any):
    with pytest.raises(
        UnknownNameError, match=r"there are 3, from 4 \(2027-01-01\) to 6 .* ends on 2027-04-01"
    ):
        stage_position_of(MONTHS, key)


def test_a_month_of_several_stages_means_none_of_them():
    with pytest.raises(
        UnknownNameError,
        match=r"3 stages are meant by '2027-02': 0 \(2027-02-01\), 1 \(2027-02-08\), 2",
    ):
        stage_position_of(WEEKS, "2027-02")
    assert stage_position_of(WEEKS, "2027-02-14") == 1


@pytest.mark.parametrize("key", [True, 1.0, None])
def test_what_names_no_stage_is_refused(key: Any):
    with pytest.raises(UnknownNameError, match="expected the id, date or label of a stage"):
        stage_position_of(MONTHS, key)


def test_stages_of_a_system_are_found_by_date():
    system = plants("Ridge")
    assert system.stages["2024-02-01"].id == 1
    assert system.stages[date(2024, 1, 1)] is system.stages[0]
