"""From arrays to typed tables."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from headwater.errors import ResultsError
from headwater.results import SCHEMAS, chunk_frame, tables_to_frame
from headwater.results.frames import summary_frame
from headwater.results.training_frames import convergence_frame
from headwater.sddp import IterationRecord, TrainingRecord
from synthetic_tables import TABLES, summary_of


@pytest.mark.parametrize("name", TABLES)
def test_a_chunk_has_the_columns_and_types_of_its_schema(make_chunk, name):
    frame = chunk_frame(name, make_chunk(first=20))
    assert dict(frame.schema) == SCHEMAS[name].polars_schema
    assert frame["scenario_id"].unique().sort().to_list() == [20, 21, 22]
    assert frame.equals(frame.sort(SCHEMAS[name].sort_keys))


def test_rows_belong_to_their_scenario(make_chunk):
    chunk = make_chunk()
    frame = chunk_frame("costs", chunk)
    per_scenario = len(frame) // 3
    expected = chunk.tables["costs"]["thermal_cost"].reshape(3, per_scenario)
    for scenario in range(3):
        np.testing.assert_array_equal(
            frame.filter(pl.col("scenario_id") == scenario)["thermal_cost"], expected[scenario]
        )


def test_not_a_number_and_no_block_become_null(make_chunk):
    chunk = make_chunk()
    hydros = chunk_frame("hydros", chunk)
    assert (
        hydros["evaporation_m3s"].null_count()
        == np.isnan(chunk.tables["hydros"]["evaporation_m3s"]).sum()
        > 0
    )
    generic = chunk_frame("violations/generic", chunk)
    assert (
        generic["block_id"].null_count()
        == (chunk.tables["violations/generic"]["block_id"] == -1).sum()
        > 0
    )
    assert generic["constraint_id"].null_count() == 0


def test_not_a_number_where_there_must_be_one_is_refused(make_chunk):
    columns = make_chunk().tables["buses"]
    columns["spot_price"][3] = np.nan
    with pytest.raises(ResultsError, match="'buses', column 'spot_price': 1 values"):
        tables_to_frame("buses", columns)


def test_missing_and_unknown_columns_are_named(make_chunk):
    columns = make_chunk().tables["buses"]
    columns["spot_prize"] = columns.pop("spot_price")
    with pytest.raises(
        ResultsError, match=r"missing columns \['spot_price'\], unknown columns \['spot_prize'\]"
    ):
        tables_to_frame("buses", columns)


def test_an_unknown_table_is_named():
    with pytest.raises(ResultsError, match="no table 'rivers'"):
        tables_to_frame("rivers", {})


def test_a_value_too_large_for_its_column_is_refused(make_chunk):
    columns = make_chunk().tables["buses"]
    columns["bus_id"] = columns["bus_id"].astype(np.int64) + 2**40
    with pytest.raises(ResultsError, match="column 'bus_id'"):
        tables_to_frame("buses", columns)


def test_the_summary_has_one_row_per_scenario_and_its_categories_add_up():
    frame = summary_frame(summary_of(np.array([8.0, 16.0])))
    assert frame.columns == [column.name for column in SCHEMAS["scenario_summary"].columns]
    parts = frame.select(
        "resource_cost", "recourse_cost", "violation_cost", "regularization_cost"
    ).sum_horizontal()
    assert parts.to_list() == frame["total_cost"].to_list() == [8.0, 16.0]


def iteration(number: int, forward_passes: int) -> IterationRecord:
    return IterationRecord(
        number,
        90.0,
        100.0,
        5.0,
        1.0,
        forward_passes,
        8,
        0,
        8,
        50,
        0,
        0.5,
        1.25,
        0.1,
        1.85,
        2.0 * number,
        300.0,
    )


@pytest.mark.parametrize(
    ("kind", "forward_passes", "gap"),
    [("expected_cost", 8, 10.0), ("expected_cost", 1, None), ("nested_risk", 8, None)],
)
def test_convergence_follows_the_iterations_and_its_gap_is_null_where_it_says_nothing(
    kind, forward_passes, gap
):
    record = TrainingRecord(
        (iteration(1, forward_passes), iteration(2, forward_passes)),
        "iteration_limit",
        False,
        kind,
        4.0,
        1,
        (),
        "s",
    )
    frame = convergence_frame(record)
    assert dict(frame.schema) == SCHEMAS["convergence"].polars_schema
    row = frame.row(1, named=True)
    assert (
        row["iteration"],
        row["lower_bound"],
        row["upper_bound_mean"],
        row["upper_bound_ci95"],
    ) == (2, 90.0, 100.0, 1.0)
    assert (row["time_forward_ms"], row["time_backward_ms"], row["wall_time_ms"]) == (
        500,
        1250,
        4000,
    )
    assert row["gap_percent"] == gap
    assert row["lb_kind"] == kind


def test_training_that_ended_before_its_first_iteration_has_an_empty_table():
    frame = convergence_frame(
        TrainingRecord((), "shutdown", False, "expected_cost", 0.1, 1, (), "s")
    )
    assert dict(frame.schema) == SCHEMAS["convergence"].polars_schema
    assert len(frame) == 0
