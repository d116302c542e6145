"""The schema of a file follows from declared fields.

Places, ranges, forms told apart by their type, and back to objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar, get_args

import pytest
from pydantic import BaseModel

from headwater import model as m
from headwater.case.derived import list_schema, made_from, schema_of
from headwater.case.parts import SHAPES
from headwater.case.report import Collector
from headwater.case.shapes import parse_shape
from headwater.case.tables import TABLES
from headwater.core.fields import (
    ENTITY_KEYS,
    Check,
    FieldError,
    Id,
    InFile,
    Name,
    NonNegative,
    Ordered,
    OwnId,
    Positive,
    Section,
    fields_of,
    in_file,
)


class Chemistry(Enum):
    LITHIUM = "lithium"
    SODIUM = "sodium"


@dataclass(frozen=True)
class Linear:
    slope: Annotated[NonNegative, "loss of capacity for each cycle"]
    type: ClassVar[str] = "linear"


@dataclass(frozen=True)
class Points:
    heights: tuple[float, ...]


def some(values):
    if not values:
        raise FieldError("HW213", "expected at least one point, got none", "give the points")


@dataclass(frozen=True)
class PointsInFile:
    points: Annotated[tuple[float, ...], Check(some), "points of the curve"]
    type: ClassVar[str] = "points"

    def in_code(self):
        return Points(self.points)


@in_file(
    Section("energy", "limits of the energy", checks=(Ordered("min_mwh", "max_mwh"),)),
    Section("lead", "decisions ahead", optional=True),
    order=(*ENTITY_KEYS, "chemistry", "energy.min_mwh"),
)
@dataclass(frozen=True)
class Battery:
    id: OwnId
    max_energy_mwh: Annotated[Positive, InFile("energy.max_mwh"), "largest energy"]
    name: Name = ""
    min_energy_mwh: Annotated[
        NonNegative, InFile("energy.min_mwh", required=True), "least energy"
    ] = 0.0
    chemistry: Annotated[Chemistry, "what it is made of"] = Chemistry.LITHIUM
    lead_stages: Annotated[int | None, InFile("lead.stages", form=Id), "stages ahead"] = None
    ageing: Annotated[
        Linear | Points | None, InFile(form=Linear | PointsInFile | None), "how it ages"
    ] = None


SCHEMA = list_schema("batteries", Battery, "batteries")


def read(**keys):
    battery = {"id": 1, "name": "Bess", "energy": {"min_mwh": 0.0, "max_mwh": 4.0}, **keys}
    collector = Collector()
    shape = parse_shape(SCHEMA, {"batteries": [battery]}, "batteries.json", collector)
    findings = collector.report("case").findings
    return None if shape is None else made_from(shape.batteries[0]), [
        (f.code, f.path, f.message) for f in findings
    ]


def test_an_object_of_a_file_becomes_an_object_of_the_class():
    battery, findings = read(
        chemistry="sodium", lead={"stages": 2}, ageing={"type": "linear", "slope": 0.1}
    )
    assert findings == []
    assert battery == Battery(1, 4.0, "Bess", 0.0, Chemistry.SODIUM, 2, Linear(0.1))


def test_what_is_not_given_takes_the_default_of_the_class():
    assert read() == (Battery(1, 4.0, "Bess"), [])


def test_a_form_of_files_turns_itself_into_what_it_is_in_code():
    battery, _ = read(ageing={"type": "points", "points": [1.0, 0.9]})
    assert battery.ageing == Points((1.0, 0.9))


@pytest.mark.parametrize(
    ("keys", "finding"),
    [
        (
            {"energy": {"min_mwh": 0.0}},
            ("HW201", "batteries[0].energy.max_mwh", "this key is required and was not found"),
        ),
        (
            {"energy": {"max_mwh": 4.0}},
            ("HW201", "batteries[0].energy.min_mwh", "this key is required and was not found"),
        ),
        (
            {"energy": {"min_mwh": 0.0, "max_mwh": 0}},
            ("HW204", "batteries[0].energy.max_mwh", "expected a number above 0, got 0"),
        ),
        (
            {"energy": {"min_mwh": 5.0, "max_mwh": 4.0}},
            ("HW211", "batteries[0].energy", "expected min_mwh <= max_mwh, got 5 > 4"),
        ),
        (
            {"lead": {}},
            ("HW201", "batteries[0].lead.stages", "this key is required and was not found"),
        ),
        ({"charge": 1}, ("HW207", "batteries[0].charge", "'charge' is not a known key")),
        (
            {"chemistry": "lead"},
            ("HW205", "batteries[0].chemistry", "expected 'lithium' or 'sodium', got 'lead'"),
        ),
        (
            {"ageing": {"type": "cubic"}},
            (
                "HW205",
                "batteries[0].ageing",
                "expected one of the types 'linear', 'points', got 'cubic'",
            ),
        ),
        (
            {"ageing": {"type": "points", "points": []}},
            ("HW213", "batteries[0].ageing.points", "expected at least one point, got none"),
        ),
    ],
)
def test_what_a_declaration_rules_out_is_found_at_its_place(keys, finding):
    assert read(**keys) == (None if finding[0] != "HW207" else Battery(1, 4.0, "Bess"), [finding])


def test_keys_come_in_the_declared_order_and_then_in_that_of_the_fields():
    (item,) = SCHEMA.model_fields["batteries"].annotation.__args__
    assert list(item.model_fields) == ["id", "name", "chemistry", "energy", "lead", "ageing"]
    assert list(item.model_fields["energy"].annotation.model_fields) == ["min_mwh", "max_mwh"]


def test_meaning_and_unit_go_into_the_json_schema():
    energy = SCHEMA.model_json_schema()["$defs"]["BatteryEnergy"]["properties"]["max_mwh"]
    assert (energy["description"], energy["x-unit"], energy["exclusiveMinimum"]) == (
        "largest energy",
        "MWh",
        0,
    )


def test_every_field_that_files_give_says_what_it_means():
    classes = [
        model.declares
        for shape in SHAPES.values()
        for model in models_below(shape)
        if hasattr(model, "declares")
    ]
    declared = {cls for cls in classes if cls is not None}
    assert {m.Hydro, m.Penalties, m.FphaFit} <= declared
    fields = [
        (cls.__name__, spec.name, spec.meaning)
        for cls in declared
        for spec in fields_of(cls)
        if spec.in_files
    ]
    assert [(cls, name) for cls, name, meaning in fields if not meaning] == []


def test_every_column_of_a_table_says_what_it_means():
    columns = [
        (name, column.name, column.meaning)
        for name, table in TABLES.items()
        for column in table.columns
    ]
    assert len(columns) > 100
    assert [(name, column) for name, column, meaning in columns if not meaning] == []


def models_below(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_below(field.annotation)
    for argument in get_args(annotation):
        yield from models_below(argument)


def test_values_at_single_stages_are_columns_with_the_range_of_their_field():
    columns = {column.name: column for column in TABLES["constraints/hydro_bounds.parquet"].columns}
    turbined = columns["min_turbined_m3s"]
    assert (turbined.low, turbined.above, turbined.required, turbined.unit) == (
        0,
        False,
        False,
        "m3/s",
    )
    assert columns["max_diversion_m3s"].meaning == "largest diverted flow"
    costs = {
        column.name: column
        for column in TABLES["constraints/penalty_overrides_hydro.parquet"].columns
    }
    assert costs["generation_violation_below_cost"].above
    assert not costs["spillage_cost"].above


@dataclass(frozen=True)
class Patience:
    attempts: Annotated[int, InFile(form=Id | None), "attempts at one problem"] = 4


def test_a_form_that_may_be_absent_leaves_the_default_to_the_class():
    schema = schema_of(Patience)
    assert schema.model_fields["attempts"].get_default() is None
    assert made_from(schema()) == Patience(4)
    assert made_from(schema(attempts=0)) == Patience(0)
