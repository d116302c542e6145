"""What a case means does not depend on the order or the form in which it is written."""

from __future__ import annotations

import json
import random

import polars as pl
import pytest

from case_builder import frame_of, rich_case
from headwater.case import load_case
from shared_data import CASES, requires_shared

ORDER_MEANS_SOMETHING = {"deficit_segments", "values_m3s", "matrix", "entities", "stopping_rules", "cost_segments"}


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


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_keys_entries_and_rows_does_not_matter(tmp_path, seed):
    chance = random.Random(seed)
    plain, mixed = rich_case(tmp_path / "plain"), rich_case(tmp_path / "mixed")
    mixed.files = {name: shuffled(content, chance) for name, content in mixed.files.items()}
    for rows in mixed.tables.values():
        chance.shuffle(rows)
    first, second = load_case(plain.write()), load_case(mixed.write())
    assert first.report.errors == ()
    assert first.system == second.system
    assert first.config == second.config


def test_the_order_of_the_members_of_a_correlation_group_does_not_matter(tmp_path):
    cases = [rich_case(tmp_path / name) for name in ("a", "b")]
    cases[1].files["scenarios/correlation.json"]["profiles"]["default"]["correlation_groups"][0]["entities"].reverse()
    first, second = (load_case(case.write()).system.correlation for case in cases)
    assert first == second
    assert first.profiles["default"][0].entity_ids == (0, 1)


def test_csv_and_parquet_say_the_same(tmp_path):
    parquet, csv = rich_case(tmp_path / "parquet"), rich_case(tmp_path / "csv")
    first, second = load_case(parquet.write()), load_case(csv.write(csv=True))
    assert first.system == second.system
    assert [(f.code, f.message) for f in first.report] == [(f.code, f.message) for f in second.report]


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
    case.files["stages.json"]["pre_study_stages"] = [{"id": -1, "start_date": "2023-12-01", "end_date": "2024-01-01"}]
    case.tables["scenarios/inflow_seasonal_stats"].append({"hydro_id": 0, "stage_id": -1, "mean_m3s": 9.0, "std_m3s": 1.0})
    rows = load_case(case.write()).system.inflow_statistics
    assert [row.mean_m3s for row in rows if row.stage_id == -1] == [9.0]


@requires_shared
def test_a_published_case_written_as_csv_is_the_same_case(tmp_path):
    source = CASES / "1dtoy"
    for path in source.rglob("*"):
        target = tmp_path / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            target.write_text(json.dumps(json.loads(path.read_text())))
        elif path.suffix == ".parquet":
            pl.read_parquet(path).write_csv(target.with_suffix(".csv"))
    assert load_case(source).system == load_case(tmp_path).system
