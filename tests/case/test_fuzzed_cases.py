"""Whatever a case directory contains, validation answers with findings and never with a traceback."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from case_builder import TinyCase, frame_of, rich_case
from headwater.case import load_case, refused_features, validate_case
from headwater.errors import CaseError

EXAMPLES = int(os.environ.get("HEADWATER_FUZZ_EXAMPLES", "26"))
"""Examples in all; set the variable to search longer, e.g. to 10000 before a release."""


def searching(share: float) -> settings:
    """Settings for a test that tries its share of the examples."""
    return settings(
        max_examples=max(1, round(EXAMPLES * share)),
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31, -(2**63), 10**30, 0.5, -0.0, 1e308, 1e-320, "", "fpha", "2024-01-01", "cyclic", "\x00", "ação"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
CELLS = st.sampled_from([None, -1, 0, 1, 2, 7, 2**31 - 1]) | st.floats()


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, item in inner for deeper in nodes(item, (*path, key)))]


def replace_node(case: TinyCase, draw: st.DrawFn) -> None:
    name = draw(st.sampled_from(sorted(case.files)))
    paths = nodes(case.files[name])[1:]
    if not paths:
        return
    path = draw(st.sampled_from(paths))
    holder = case.files[name]
    for key in path[:-1]:
        holder = holder[key]
    how = draw(st.sampled_from(["delete", "replace", "insert"]))
    if how == "delete":
        del holder[path[-1]]
    elif how == "replace" or not isinstance(holder, dict):
        holder[path[-1]] = draw(VALUES)
    else:
        holder[draw(st.text(max_size=8))] = draw(VALUES)


def replace_cell(case: TinyCase, draw: st.DrawFn) -> None:
    rows = case.tables[draw(st.sampled_from(sorted(case.tables)))]
    row = draw(st.sampled_from(rows))
    column = draw(st.sampled_from(sorted(row)))
    value = draw(CELLS)
    row[column] = (
        int(value) if column.endswith(("_id", "_index", "lag")) and value is not None and abs(value) < 2**31 else value
    )
    if column.endswith(("_id", "_index", "lag")) and not isinstance(row[column], int | None):
        row[column] = 3


@st.composite
def broken_cases(draw: st.DrawFn) -> TinyCase:
    case = rich_case(Path("unused"))
    for _ in range(draw(st.integers(1, 3))):
        draw(st.sampled_from([replace_node, replace_node, replace_cell]))(case, draw)
    return case


def assert_answered(root: Path) -> None:
    report = validate_case(root, strict=True)
    assert all(finding.code[:2] == "HW" and finding.message for finding in report)
    json.dumps(report.to_json())
    str(report).encode()
    if not validate_case(root).ok:
        with pytest.raises(CaseError):
            load_case(root)
        return
    study = load_case(root)
    refused_features(study)
    assert study.system.production is not None
    assert study.system.resolved_penalties is not None


@searching(0.46)
@given(case=broken_cases())
def test_a_case_with_random_values_is_answered(case):
    with tempfile.TemporaryDirectory() as directory:
        case.root = Path(directory)
        case.write()
        assert_answered(case.root)


@searching(0.3)
@given(data=st.data())
def test_a_case_with_random_bytes_is_answered(data):
    with tempfile.TemporaryDirectory() as directory:
        case = rich_case(Path(directory))
        files = sorted(path for path in case.write().rglob("*.*") if path.is_file())
        path = data.draw(st.sampled_from(files))
        content = path.read_bytes()
        start = data.draw(st.integers(0, len(content)))
        junk = data.draw(st.binary(max_size=20))
        rest = content[start + len(junk) :] if path.suffix == ".json" else b""
        path.write_bytes(content[:start] + junk + rest)
        assert_answered(case.root)


@searching(0.24)
@given(data=st.data())
def test_a_table_with_columns_of_any_type_is_answered(data):
    types = [pl.Boolean(), pl.String(), pl.Date(), pl.List(pl.Int8()), pl.UInt64(), pl.Float32(), pl.Binary(), pl.Null()]
    with tempfile.TemporaryDirectory() as directory:
        case = rich_case(Path(directory))
        case.write()
        name = data.draw(st.sampled_from(sorted(case.tables)))
        frame = frame_of(case.tables[name])
        column = data.draw(st.sampled_from(frame.columns))
        dtype = data.draw(st.sampled_from(types))
        values = [None] * frame.height if data.draw(st.booleans()) else None
        series = frame.get_column(column).cast(dtype, strict=False) if values is None and dtype != pl.Binary() else None
        if series is None:
            series = pl.Series(column, [None] * frame.height, dtype=dtype)
        frame.with_columns(series).write_parquet(case.root / f"{name}.parquet")
        assert_answered(case.root)
