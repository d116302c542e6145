"""What a case means does not depend on the order or the form in which it is written."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from collections.abc import Mapping
from itertools import permutations

import numpy as np
import polars as pl
import pytest

from case_builder import frame_of, rich_case, tiny_case
from full_case import full_case
from headwater.case import load_case
from published import case_directory

ORDER_MEANS_SOMETHING = {
    "deficit_segments",
    "cost_segments",
    "values_m3s",
    "season_ids",
    "stage_ranges",
    "matrix",
    "entities",
    "stopping_rules",
    "points",
    "coefficients",
    "coefficients_mm",
    "reference_volumes_hm3",
}


def shuffled(value, chance, key=""):
    """The same JSON value with its keys and its unordered lists in another order."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {name: shuffled(value[name], chance, name) for name in keys}
    if isinstance(value, list) and key not in ORDER_MEANS_SOMETHING:
        items = [shuffled(item, chance, key) for item in value]
        chance.shuffle(items)
        return items
    return value


def bytes_of(value):
    """A value as bytes: equal bytes mean equal in everything, order and types of numbers
    included.
    """
    if dataclasses.is_dataclass(value):
        fields = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
        return b"(%s %s)" % (
            type(value).__name__.encode(),
            b"".join(name.encode() + bytes_of(one) for name, one in fields),
        )
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} ".encode() + value.tobytes()
    if isinstance(value, Mapping):
        return b"{%s}" % b"".join(bytes_of(key) + bytes_of(one) for key, one in value.items())
    if isinstance(value, tuple | list):
        return b"[%s]" % b"".join(map(bytes_of, value))
    return f"{type(value).__name__} {value!r};".encode()


def meaning(case):
    """Every part of the system and the configuration, and everything that is resolved, as bytes."""
    study = load_case(case.write())
    system = study.system
    parts = {field.name: getattr(system, field.name) for field in dataclasses.fields(system)}
    resolved = (
        "bounds",
        "resolved_penalties",
        "operative_states",
        "load_factor",
        "cascade",
        "production",
    )
    parts |= {name: getattr(system, name) for name in resolved} | {"config": study.config}
    return {name: bytes_of(value) for name, value in parts.items()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return meaning(full_case(tmp_path_factory.mktemp("plain")))


def assert_same(found, expected):
    """Compare without showing megabytes."""
    different = [name for name in expected if found[name] != expected[name]]
    assert different == []


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_keys_entries_and_rows_does_not_matter(plain, tmp_path, seed):
    chance = random.Random(seed)
    mixed = full_case(tmp_path)
    mixed.files = {name: shuffled(content, chance) for name, content in mixed.files.items()}
    for rows in mixed.tables.values():
        chance.shuffle(rows)
    assert_same(meaning(mixed), plain)


def old_names(case):
    """Every older spelling that the full case can be written in, as changes that do
    not depend on each other.
    """

    def thermals(which):
        thermal = case.thermals[which]
        limits = thermal.pop("generation")
        thermal |= {"min_generation_mw": limits["min_mw"], "max_generation_mw": limits["max_mw"]}

    def bus():
        one = case.files["system/buses.json"]["buses"][1]
        one["penalties"] = {"excess_cost": one.pop("excess_cost")}

    def seed():
        case.training["seed"] = case.training.pop("tree_seed")

    def discount():
        first = case.files["stages.json"]["policy_graph"]["transitions"][0]
        first["annual_discount_rate"] = first.pop("annual_discount_rate_override")

    def contracts():
        file = case.files["system/energy_contracts.json"]
        file["energy_contracts"] = file.pop("contracts")

    def segments():
        thermal = case.thermals[2]
        capacity = thermal.get("max_generation_mw") or thermal["generation"]["max_mw"]
        thermal["cost_segments"] = [
            {"capacity_mw": capacity, "cost_per_mwh": thermal.pop("cost_per_mwh")}
        ]

    def sources():
        for row in case.tables["constraints/penalty_overrides_ncs"]:
            row["ncs_id"] = row.pop("source_id")

    def scenarios():
        case.tables["scenarios/external_scenarios"] = case.tables.pop(
            "scenarios/external_inflow_scenarios"
        )

    each = (lambda: thermals(0), lambda: thermals(1), lambda: thermals(2))
    return (*each, bus, seed, discount, contracts, segments, sources, scenarios)


@pytest.mark.parametrize("seed", range(4))
def test_older_and_newer_spellings_mix_at_will(plain, tmp_path, seed):
    case = full_case(tmp_path)
    changes = old_names(case)
    for change in random.Random(seed).sample(changes, 5 if seed else len(changes)):
        change()
    assert_same(meaning(case), plain)


def test_the_order_of_the_members_of_a_correlation_group_does_not_matter(tmp_path):
    cases = [rich_case(tmp_path / name) for name in ("a", "b")]
    cases[1].files["scenarios/correlation.json"]["profiles"]["default"]["correlation_groups"][0][
        "entities"
    ].reverse()
    first, second = (load_case(case.write()).system.correlation for case in cases)
    assert first == second
    assert first.profiles["default"][0].entity_ids == (0, 1)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_each_correlation_stays_with_its_pair_in_whatever_order_members_are_written(
    tmp_path, order
):
    """Three plants with three different correlations, by their ids 0, 1 and 2.

    No order but the right one gives them back.
    """
    pairs = np.array([[1.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 1.0]])
    case = tiny_case(tmp_path)
    case.hydros.append({**copy.deepcopy(case.hydros[1]), "id": 2, "name": "H2"})
    case.initial["storage"].append({"hydro_id": 2, "value_hm3": 70.0})
    rows = case.tables["scenarios/inflow_seasonal_stats"]
    rows += [{**row, "hydro_id": 2} for row in rows if row["hydro_id"] == 1]
    group = {
        "name": "g",
        "entities": [{"type": "inflow", "id": member} for member in order],
        "matrix": pairs[np.ix_(order, order)].tolist(),
    }
    case.files["scenarios/correlation.json"] = {
        "method": "cholesky",
        "profiles": {"default": {"correlation_groups": [group]}},
    }
    (found,) = load_case(case.write()).system.correlation.profiles["default"]
    assert found.entity_ids == (0, 1, 2)
    np.testing.assert_array_equal(found.matrix, pairs)


def test_csv_and_parquet_say_the_same(tmp_path):
    parquet, csv = full_case(tmp_path / "parquet"), full_case(tmp_path / "csv")
    first, second = load_case(parquet.write()), load_case(csv.write(csv=True))
    assert bytes_of(first.system) == bytes_of(second.system)
    assert [(f.code, f.message) for f in first.report] == [
        (f.code, f.message) for f in second.report
    ]


def test_other_integer_and_float_types_say_the_same(tmp_path):
    exact, wide = rich_case(tmp_path / "exact"), rich_case(tmp_path / "wide")
    wide.write()
    for name, rows in wide.tables.items():
        frame = frame_of(rows)
        types = {
            column: pl.UInt16() if column == "stage_id" else pl.Int64()
            for column, dtype in frame.schema.items()
            if dtype == pl.Int32()
        }
        frame.cast(types).write_parquet(wide.root / f"{name}.parquet")
    assert load_case(exact.write()).system == load_case(wide.root).system


def test_a_pre_study_stage_has_a_negative_id_in_tables(tmp_path):
    case = rich_case(tmp_path)
    case.files["stages.json"]["pre_study_stages"] = [
        {"id": -1, "start_date": "2023-12-01", "end_date": "2024-01-01"}
    ]
    case.tables["scenarios/inflow_seasonal_stats"].append(
        {"hydro_id": 0, "stage_id": -1, "mean_m3s": 9.0, "std_m3s": 1.0}
    )
    rows = load_case(case.write()).system.inflow_statistics
    assert [row.mean_m3s for row in rows if row.stage_id == -1] == [9.0]


def test_a_published_case_written_as_csv_is_the_same_case(tmp_path):
    source = case_directory("1dtoy")
    for path in source.rglob("*"):
        target = tmp_path / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            target.write_text(json.dumps(json.loads(path.read_text())))
        elif path.suffix == ".parquet":
            pl.read_parquet(path).write_csv(target.with_suffix(".csv"))
    assert load_case(source).system == load_case(tmp_path).system
