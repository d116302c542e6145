"""Whatever a case directory contains, validation answers with findings and never with a
traceback.
"""

from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import headwater as hw
from case_builder import TinyCase, frame_of
from full_case import KeptCase, full_case
from headwater.case import (
    describe_case,
    load_case,
    refused_features,
    report_to_sarif,
    validate_case,
)
from headwater.errors import CaseError

EXAMPLES = int(os.environ.get("HEADWATER_FUZZ_EXAMPLES", "40"))
"""Examples in all; set the variable to search longer, e.g. to 10000 before a release."""


SECONDS = 60
"""Longest time that an answer may take."""


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
    st.sampled_from(
        [
            2**31,
            -(2**63),
            10**30,
            0.5,
            -0.0,
            1e308,
            1e-320,
            "",
            "fpha",
            "2024-01-01",
            "cyclic",
            "\x00",
            "ação",
        ]
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
)
CELLS = st.sampled_from([None, -1, 0, 1, 2, 7, 2**31 - 1]) | st.floats()


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values inside a JSON value."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(deeper for key, item in inner for deeper in nodes(item, (*path, key)))]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> TinyCase:
    """A case with every file, in a directory in which every example changes
    a part and takes it back.
    """
    case = full_case(tmp_path_factory.mktemp("full"))
    case.write()
    return case


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
    name = draw(st.sampled_from(sorted(case.tables)))
    rows = case.tables[name]
    row = draw(st.integers(0, len(rows) - 1))
    column = draw(st.sampled_from(sorted(rows[row])))
    value = draw(CELLS)
    if column.endswith(("_id", "_index", "lag", "order")):
        value = value if value is None or (isinstance(value, int) and value < 2**31) else 3
    elif column == "date":
        value = draw(st.none() | st.dates())
    rows[row] = {**rows[row], column: value}


def change_rows(case: TinyCase, draw: st.DrawFn) -> None:
    """Rows that are missing, doubled or in another order, or a whole file that is missing."""
    name = draw(st.sampled_from(sorted(case.tables)))
    how = draw(st.sampled_from(["table", "file", "cut", "doubled", "reversed"]))
    rows = case.tables[name]
    if how == "table":
        del case.tables[name]
    elif how == "file":
        del case.files[draw(st.sampled_from(sorted(case.files)))]
    elif how == "cut":
        case.tables[name] = rows[draw(st.integers(0, len(rows) - 1)) :]
    elif how == "doubled":
        case.tables[name] = [*rows, rows[draw(st.integers(0, len(rows) - 1))]]
    else:
        case.tables[name] = rows[::-1]


def assert_answered(root: Path, *, rehearse: bool) -> None:
    report = validate_case(root, strict=True)
    assert all(finding.code[:2] == "HW" and finding.message for finding in report)
    json.dumps(report.to_json())
    json.dumps(report_to_sarif(report, "1"))
    str(report).encode()
    try:
        study = load_case(root)
    except CaseError as broken:
        str(broken).encode()
        return
    assert study.report.ok
    refused_features(study)
    describe_case(study)
    assert study.system.production is not None
    assert study.system.resolved_penalties is not None
    if rehearse:
        hw.validate_case(root)


def answer(
    plain: TinyCase, change: Callable[[TinyCase], object], *, rehearse: bool = False
) -> None:
    case = KeptCase(plain)
    change(case)
    try:
        case.write()
        with warnings.catch_warnings(), time_limit(SECONDS):
            assert_answered(case.root, rehearse=rehearse)
    finally:
        case.take_back()


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Fail when the block takes longer."""

    def fail(signum: int, frame: object) -> None:
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@searching(0.4)
@given(data=st.data())
def test_a_case_with_random_values_is_answered(plain, data):
    def change(case: TinyCase) -> None:
        for _ in range(data.draw(st.integers(1, 3))):
            data.draw(
                st.sampled_from(
                    [replace_node, replace_node, replace_node, replace_cell, change_rows]
                )
            )(case, data.draw)

    answer(plain, change)


@searching(0.1)
@given(data=st.data())
def test_a_setting_out_of_the_ordinary_is_answered_when_models_are_made_of_it(plain, data):
    answer(plain, lambda case: replace_node(case, data.draw), rehearse=True)


@searching(0.3)
@given(data=st.data())
def test_a_case_with_random_bytes_is_answered(plain, data):
    files = sorted(path for path in plain.root.rglob("*.*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    junk = data.draw(st.binary(max_size=20))
    rest = data.draw(st.sampled_from([b"", content[start + len(junk) :], content[start:]]))
    try:
        path.write_bytes(content[:start] + junk + rest)
        with time_limit(SECONDS):
            assert_answered(plain.root, rehearse=False)
    finally:
        path.write_bytes(content)


ENCODINGS = ["utf-16", "utf-16-le", "utf-32", "latin-1", "cp037", "utf-7"]


@searching(0.05)
@given(data=st.data())
def test_a_file_in_another_encoding_is_answered(plain, data):
    name = data.draw(st.sampled_from(sorted(plain.files)))
    text = json.dumps(
        {**plain.files[name], "_note": data.draw(st.text(alphabet="açãoé€", max_size=5))},
        ensure_ascii=False,
    )
    path = plain.root / name
    content = path.read_bytes()
    try:
        path.write_bytes(text.encode(data.draw(st.sampled_from(ENCODINGS)), errors="replace"))
        with time_limit(SECONDS):
            assert_answered(plain.root, rehearse=False)
    finally:
        path.write_bytes(content)


TYPES = [
    pl.Boolean(),
    pl.String(),
    pl.Date(),
    pl.List(pl.Int8()),
    pl.UInt64(),
    pl.Float32(),
    pl.Binary(),
    pl.Null(),
]


@searching(0.15)
@given(data=st.data())
def test_a_table_with_columns_of_any_type_is_answered(plain, data):
    name = data.draw(st.sampled_from(sorted(plain.tables)))
    frame = frame_of(plain.tables[name])
    column = data.draw(st.sampled_from(frame.columns))
    dtype = data.draw(st.sampled_from(TYPES))
    series = pl.Series(column, [None] * frame.height, dtype=dtype)
    if dtype != pl.Binary() and data.draw(st.booleans()):
        with suppress(pl.exceptions.PolarsError):  # not every type converts to every other
            series = frame.get_column(column).cast(dtype, strict=False)
    path = plain.root / f"{name}.parquet"
    content = path.read_bytes()
    try:
        frame.with_columns(series).write_parquet(path)
        with time_limit(SECONDS):
            assert_answered(plain.root, rehearse=False)
    finally:
        path.write_bytes(content)
