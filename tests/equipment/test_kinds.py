"""The registry of equipment.

Everything is found, everything has one owner, the order is declared.
"""

from __future__ import annotations

import dataclasses

import pytest

from headwater.core.equipment import EQUIPMENT, EquipmentRegistry
from headwater.core.parts import (
    LAST,
    Column,
    Cost,
    EntityFile,
    Equipment,
    Quantity,
    ResultTable,
    Words,
)
from headwater.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Flywheel:
    id: int
    bus_id: int


@dataclasses.dataclass(frozen=True)
class Kiln:
    id: int
    entry_stage_id: int | None = None


@dataclasses.dataclass(frozen=True)
class Anvil:
    id: int


def flywheel(**changes: object) -> Equipment:
    part = Equipment(
        "flywheel",
        "flywheels",
        Flywheel,
        EntityFile("system/f.json", "f"),
        Words("flywheel", "flywheels", "Flywheel"),
    )
    return dataclasses.replace(part, **changes)


def kiln(**changes: object) -> Equipment:
    part = Equipment(
        "kiln", "kilns", Kiln, EntityFile("system/k.json", "k"), Words("kiln", "kilns", "Kiln")
    )
    return dataclasses.replace(part, **changes)


def registry() -> EquipmentRegistry:
    """A registry without the kinds of the project."""
    return EquipmentRegistry("")


SHARED = {
    "name": {"name": "same"},
    "collection": {"collection": "same"},
    "file": {"file": EntityFile("same.json", "same")},
    "entity code": {"code": 77},
    "table": {
        "tables": (ResultTable("same", "row", (Column("a", "-", "a"),), lambda read, s: {}),)
    },
    "cost": {"costs": (Cost("same", "same"),)},
    "quantity": {"quantities": (Quantity("same"),)},
    "entity": {"entity": Kiln},
}


@pytest.mark.parametrize("what", SHARED)
def test_two_kinds_cannot_share_what_must_have_one_owner(what: str) -> None:
    ours = registry()
    ours.add(flywheel(**SHARED[what]))
    with pytest.raises(UsageError, match=f"has the {what} .* already"):
        ours.add(kiln(**SHARED[what]))


def test_a_kind_that_is_added_comes_behind_those_with_a_place() -> None:
    ours = registry()
    ours.add(kiln())
    ours.add(flywheel())
    assert [part.name for part in ours] == [
        "flywheel",
        "kiln",
    ]  # by name, since neither has a place
    ours.add(
        dataclasses.replace(
            kiln(),
            name="anvil",
            collection="anvils",
            entity=Anvil,
            file=EntityFile("a", "a"),
            place=3,
        )
    )
    assert [part.name for part in ours] == ["anvil", "flywheel", "kiln"]


def test_a_kind_says_whether_it_lives_and_has_a_bus() -> None:
    assert (flywheel().has_bus, flywheel().has_life) == (True, False)
    assert (kiln().has_bus, kiln().has_life) == (False, True)
    assert flywheel(place=LAST - 1).founding
    assert not flywheel().founding


def test_the_kinds_of_the_project_are_found_in_their_folder() -> None:
    founding = [
        "bus",
        "line",
        "hydro",
        "thermal",
        "pumping_station",
        "contract",
        "non_controllable",
        "user_constraint",
    ]
    assert [part.name for part in EQUIPMENT if part.founding] == founding
    codes = {part.code: part.name for part in EQUIPMENT.by_code() if part.founding}
    assert codes == dict(
        zip((0, 1, 2, 3, 4, 5, 7), ("hydro", "thermal", "bus", "line", *founding[4:7]), strict=True)
    )
    without = {part.name for part in EQUIPMENT if not part.has_life}
    assert without == {"bus", "reserve", "stock", "user_constraint"}


def test_places_of_tables_and_costs_are_all_different() -> None:
    for places in (
        [table.place for _, table in EQUIPMENT.tables],
        [cost.place for cost in EQUIPMENT.costs],
    ):
        fixed = [place for place in places if place < LAST]
        assert len(set(fixed)) == len(fixed)
