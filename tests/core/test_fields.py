"""One declaration of a field says its meaning, unit, range, reference and place in files."""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass
from typing import Annotated

import pytest

from headwater.core.field_checks import check_fields
from headwater.core.fields import (
    NOT_IN_FILES,
    Fraction,
    Id,
    InFile,
    Like,
    NonNegative,
    Positive,
    Ref,
    Unit,
    field_of,
    fields_of,
    references_of,
)
from headwater.core.units import unit_of
from headwater.errors import ModelError


@dataclass(frozen=True)
class Battery:
    id: Id
    bus_id: Annotated[Id, Ref("bus"), "bus that it is connected to"]
    max_energy_mwh: Annotated[Positive, InFile("energy.max_mwh"), "largest stored energy"]
    efficiency: Annotated[Fraction | None, "energy given for each MWh taken"] = None
    wear: Annotated[NonNegative, Unit("$/cycle"), InFile(required=True), "cost of a full cycle"] = (
        0.0
    )
    memory: Annotated[tuple[float, ...], NOT_IN_FILES] = ()
    __post_init__ = check_fields


@dataclass(frozen=True)
class BatteryOfTheFuture:
    efficiency: Annotated[Fraction, Like(Battery)]
    wear: Annotated[NonNegative, Like(Battery)]


def test_fields_come_in_the_order_of_the_class():
    assert [spec.name for spec in fields_of(Battery)] == [
        "id",
        "bus_id",
        "max_energy_mwh",
        "efficiency",
        "wear",
        "memory",
    ]


def test_a_declaration_says_meaning_unit_reference_and_place():
    energy, bus = field_of(Battery, "max_energy_mwh"), field_of(Battery, "bus_id")
    assert (energy.meaning, energy.unit, energy.place) == (
        "largest stored energy",
        "MWh",
        ("energy", "max_mwh"),
    )
    assert (bus.reference, bus.unit, bus.place) == ("bus", "", ("bus_id",))
    assert field_of(Battery, "wear").unit == "$/cycle"


@dataclass(frozen=True)
class Channel:
    below_id: Annotated[Annotated[Id, Ref("hydro")] | None, "plant that receives the water"] = None


@dataclass(frozen=True)
class Plant:
    bus_id: Annotated[Id, Ref("bus")]
    channel: Channel | None = None


def test_references_are_found_in_parts_of_a_class_and_where_they_may_be_absent():
    assert list(references_of(Plant)) == [("bus_id", "bus"), ("channel.below_id", "hydro")]


def test_files_may_ask_for_what_code_has_a_default_for():
    required = {spec.name: spec.required for spec in fields_of(Battery) if spec.in_files}
    assert required == {
        "id": True,
        "bus_id": True,
        "max_energy_mwh": True,
        "efficiency": False,
        "wear": True,
    }
    assert field_of(Battery, "wear").default == 0.0
    assert field_of(Battery, "id").default is MISSING


def test_a_field_can_mean_what_it_means_in_another_class():
    wear = field_of(BatteryOfTheFuture, "wear")
    assert (wear.meaning, wear.unit) == ("cost of a full cycle", "$/cycle")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("productivity_mw_per_m3s", "MW/(m3/s)"),
        ("cost_per_mwh", "$/MWh"),
        ("max_storage_hm3", "hm3"),
        ("height_m", "m"),
        ("coefficients_mm", "mm"),
        ("retry_time_budget_seconds", "s"),
        ("name", ""),
    ],
)
def test_the_ending_of_a_name_shows_the_unit(name, unit):
    assert unit_of(name) == unit


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_energy_mwh": 0.0}, "Battery.max_energy_mwh must be above 0, got 0.0"),
        ({"efficiency": 1.5}, "Battery.efficiency must be at least 0 and at most 1, got 1.5"),
        ({"wear": math.nan}, "Battery.wear must be at least 0, got nan"),
        ({"id": -1}, "Battery.id must be at least 0 and at most 2.14748e"),
    ],
)
def test_numbers_outside_their_range_are_refused_with_class_field_and_range(changes, message):
    with pytest.raises(ModelError) as refused:
        Battery(**{"id": 1, "bus_id": 0, "max_energy_mwh": 10.0, **changes})
    assert str(refused.value).startswith(message)


def test_numbers_in_their_range_and_absent_ones_pass():
    assert Battery(1, 0, 10.0).efficiency is None
    assert Battery(1, 0, 10.0, efficiency=1.0).efficiency == 1.0
