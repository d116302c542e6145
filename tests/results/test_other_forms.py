"""Tables for pandas and xarray, and what notebooks show."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import headwater as hw
import headwater.model as m
from headwater.results import SCHEMAS, load_results
from headwater.results.other_forms import pandas_table
from small_systems import random_system, study

NAMES = ("Ridge", "<script>alert(1)</script>", "Ünïcode & 'quotes'")


@cache
def written(partitioning: m.Partitioning, where: Path) -> hw.Results:
    """Results on disk of a study whose plants have names."""
    system = random_system(3)
    hydros = [
        dataclasses.replace(h, name=name) for h, name in zip(system.hydros, NAMES, strict=True)
    ]
    source = m.NonControllableSource(5, 1, 20.0, "Windy")
    made = study(
        dataclasses.replace(system, hydros=hydros, non_controllables=(source,)),
        iterations=2,
        method="penalty",
    )
    simulation = m.SimulationConfig(enabled=True, n_scenarios=3, partitioning=partitioning)
    made = dataclasses.replace(made, config=dataclasses.replace(made.config, simulation=simulation))
    from headwater.api import run_training

    run_training(made, where, threads=1, then_simulate=True)
    return load_results(where)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> hw.Results:
    return written(m.Partitioning.CHUNK, tmp_path_factory.mktemp("results") / "chunks [1]")


def test_every_number_of_every_table_is_in_the_dataset_and_nothing_else(results: hw.Results):
    pytest.importorskip("xarray")
    for name in results.tables:
        frame, data = results.table(name), results.to_xarray(name)
        labels = {dim: list(data[dim].values) for dim in data.sizes}
        keys = [key for key in SCHEMAS[name].sort_keys if key in frame.columns]
        dims = next(iter(data.data_vars.values())).dims
        places = []
        for key, dim in zip(keys, dims, strict=True):
            named = f"{key.removesuffix('_id')}_name"
            by_name = named in frame.columns and frame[named].null_count() == 0
            column = named if by_name else key
            places.append(
                [labels[dim].index(-1 if cell is None else cell) for cell in frame[column]]
            )
        for column, values in data.data_vars.items():
            cells = frame[str(column)].cast(pl.Float64).fill_null(np.nan).to_numpy()
            assert np.array_equal(values.values[tuple(places)], cells, equal_nan=True), (
                name,
                column,
            )
            assert np.isfinite(values.values).sum() == np.isfinite(cells).sum(), (name, column)
            assert values.attrs["units"] == next(
                c.unit for c in SCHEMAS[name].columns if c.name == column
            )


def test_the_dimensions_are_scenario_stage_block_and_plant_by_name_with_ids_and_dates(
    results: hw.Results,
):
    pytest.importorskip("xarray")
    data = results.to_xarray("hydros", ["storage_final_hm3"])
    assert dict(data.sizes) == {"scenario": 3, "stage": 3, "block": 2, "plant": 3}
    assert list(data.data_vars) == ["storage_final_hm3"]
    assert [str(name) for name in data.plant.values] == list(NAMES)
    assert data.hydro_id.values.tolist() == [0, 1, 2]
    assert str(data.start_date.values[0])[:10] == "2024-01-01"
    one = data.storage_final_hm3.sel(plant="Ridge", scenario=1, stage=2, block=1)
    table = results.table("hydros").filter(
        (pl.col("hydro_name") == "Ridge")
        & (pl.col("scenario_id") == 1)
        & (pl.col("stage_id") == 2)
        & (pl.col("block_id") == 1)
    )
    assert float(one) == table["storage_final_hm3"].item()
    assert results.to_xarray("buses").spot_price.dims == ("scenario", "stage", "block", "bus")


def test_a_dataset_of_a_column_that_is_not_there_is_refused(results: hw.Results):
    pytest.importorskip("xarray")
    with pytest.raises(
        hw.UsageError, match=r"'hydros' has no variable storage \(it has: turbined_m3s"
    ):
        results.to_xarray("hydros", ["storage"])


def test_pandas_tables_hold_the_same_with_types_that_pandas_users_expect(results: hw.Results):
    pd = pytest.importorskip("pandas")
    for name in results.tables:
        frame, table = results.table(name), results.to_pandas(name)
        assert list(table.columns) == frame.columns
        for column, dtype in frame.schema.items():
            if dtype == pl.Float64:
                assert table[column].dtype == np.float64
                assert np.array_equal(
                    table[column].to_numpy(), frame[column].to_numpy(), equal_nan=True
                )
            elif dtype == pl.Date:
                assert pd.api.types.is_datetime64_any_dtype(table[column])
                assert [day.date() for day in table[column]] == frame[column].to_list()
            elif dtype in (pl.String, pl.Boolean) or not frame[column].null_count():
                assert [None if pd.isna(cell) else cell for cell in table[column]] == frame[
                    column
                ].to_list()
    some = pandas_table(
        pl.DataFrame({"a": pl.Series([1, None, 3], dtype=pl.Int32), "b": [True, None, False]})
    )
    assert [str(dtype) for dtype in some.dtypes] == ["Int32", "boolean"]
    assert some["a"].isna().tolist() == [False, True, False]
    assert some["a"].sum() == 4


@pytest.mark.parametrize(("library", "call"), [("pandas", "to_pandas"), ("xarray", "to_xarray")])
def test_a_library_that_is_missing_is_named_with_what_installs_it(
    library: str, call: str, results: hw.Results, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        hw.UsageError, match=rf"this needs {library}: pip install 'headwater\[data\]'"
    ):
        getattr(results, call)("hydros")


@pytest.mark.parametrize("partitioning", list(m.Partitioning))
def test_a_lazy_table_is_the_table(partitioning: m.Partitioning, tmp_path: Path):
    results = written(partitioning, tmp_path / "year=2024 [1]")
    for name in results.tables:
        keys = SCHEMAS[name].sort_keys
        for names in (True, False):
            lazy = results.scan(name, names=names).sort(keys, maintain_order=True).collect()
            assert lazy.equals(results.table(name, names=names)), name
    ridge = (
        results.scan("hydros")
        .filter(pl.col("hydro_name") == "Ridge")
        .select(pl.len())
        .collect()
        .item()
    )
    assert ridge == 3 * 3 * 2
    with pytest.raises(hw.ResultsError, match="has no table 'hydro'"):
        results.scan("hydro")


def held(results: hw.Results, where: Path) -> dict[str, Any]:
    """Everything that a user holds."""
    policy = hw.train(
        study(random_system(3), iterations=2, method="penalty"), threads=1, progress=False
    )
    simulation = hw.simulate(policy, n_scenarios=2, threads=1, progress=False)
    from case_builder import tiny_case

    run = hw.run(tiny_case(where / "case").write(), threads=1, progress=False)
    return {
        "case": hw.load_case(where / "case"),
        "study": policy.study,
        "system": hw.load_case(where / "case").system,
        "policy": policy,
        "training": policy.training,
        "simulation": simulation,
        "record": simulation.record,
        "results": results,
        "decision": policy.decide(),
        "comparison": policy.compare(policy, scenarios=2, threads=1, progress=False),
        "run": run,
        "fit": hw.FitResult(where, policy_uncertainty(policy)),
    }


def policy_uncertainty(policy: hw.Policy) -> Any:
    from headwater.stochastic import study_uncertainty

    assert policy.study is not None
    return study_uncertainty(policy.study)


def test_what_a_user_holds_is_shown_in_few_words(results: hw.Results, tmp_path: Path):
    for name, value in held(results, tmp_path).items():
        assert len(repr(value)) < 400, name
        assert repr(value).startswith("<"), name
        html: Callable[[], str] | None = getattr(value, "_repr_html_", None)
        if name not in ("training", "record"):
            assert html is not None, name
            assert len(html()) < 6000, name


def test_names_are_shown_in_notebooks_and_never_executed():
    system = random_system(3)
    hydros = [
        dataclasses.replace(h, name=name) for h, name in zip(system.hydros, NAMES, strict=True)
    ]
    made = study(dataclasses.replace(system, hydros=hydros), iterations=2, method="penalty")
    html = dataclasses.replace(made, name="<b>bold</b>")._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html
    assert "Ridge" in html
