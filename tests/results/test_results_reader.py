"""Reading results back: with names and dates, and never anything but what was written."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
from headwater.api import run_simulation
from headwater.core.equipment import EQUIPMENT
from headwater.errors import ResultsError
from headwater.results import SCHEMAS, ResultsWriter, load_results
from small_systems import random_system, study
from whole_systems import whole_system

NAMES = ("ITÁ, upper", 'the "old" one', " [red]7[/red]\n")


@cache
def named_study() -> hw.Study:
    """Plants with awkward names; thermals without any."""
    system = random_system(4, n_openings=2)
    hydros = tuple(
        dataclasses.replace(h, name=name) for h, name in zip(system.hydros, NAMES, strict=False)
    )
    return study(
        dataclasses.replace(system, hydros=hydros), iterations=2, forward_passes=1, method="penalty"
    )


@cache
def policy() -> hw.Policy:
    return hw.train(named_study(), threads=1)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a run in a directory whose name looks like a pattern."""
    directory = tmp_path_factory.mktemp("results") / "year=2024 [1] *"
    ResultsWriter(directory).begin()
    ResultsWriter(directory).write_training(policy(), named_study())
    run_simulation(named_study(), policy(), directory, n_scenarios=120, threads=1)
    return directory


@pytest.fixture
def results_dir(sound: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "out"))


def test_names_and_dates_are_joined(sound: Path):
    system = named_study().system
    results = load_results(sound)
    hydros = results.table("hydros")
    assert hydros.columns[:7] == [
        "scenario_id",
        "stage_id",
        "start_date",
        "end_date",
        "block_id",
        "hydro_id",
        "hydro_name",
    ]
    assert hydros.select("hydro_id", "hydro_name").unique().sort("hydro_id").rows() == [
        (h.id, h.name) for h in system.hydros
    ]
    starts = hydros.select("stage_id", "start_date", "end_date").unique().sort("stage_id").rows()
    assert starts == [(s.id, s.start_date, s.end_date) for s in system.stages]
    assert starts[1][1] == date(2024, 1, 1) + timedelta(days=30)
    assert results.table("thermals")["thermal_name"].null_count() in (
        0,
        results.table("thermals").height,
    )
    assert set(results.table("buses")["bus_name"]) == {"north", "south"}
    assert "line_name" in results.table("exchanges").columns
    assert "hydro_name" in results.table("inflow_lags").columns
    assert results.table("costs").columns[:5] == [
        "scenario_id",
        "stage_id",
        "start_date",
        "end_date",
        "block_id",
    ]


def test_every_table_of_entities_comes_with_their_names(tmp_path: Path):
    made = study(whole_system(2), iterations=1, forward_passes=1, method="penalty")
    run_simulation(made, hw.train(made, threads=1), tmp_path, n_scenarios=2, threads=1)
    results = load_results(tmp_path)
    written = [pair for pair in EQUIPMENT.tables if pair[1].name in results.tables]
    assert len(written) == len(results.tables) - 1  # costs are of no kind
    for part, table in written:
        frame = results.table(table.name)
        assert (f"{part.name}_name" in frame.columns) == table.by_entity
        if table.by_entity:
            given = {one.id: one.name for one in getattr(made.system, part.collection)}
            assert (
                dict(frame.select(f"{part.name}_id", f"{part.name}_name").unique().iter_rows())
                == given
            )


def test_names_may_be_left_out_and_rows_are_sorted_over_all_parts(sound: Path):
    results = load_results(sound)
    assert set(results.tables) >= {
        "costs",
        "hydros",
        "thermals",
        "buses",
        "exchanges",
        "inflow_lags",
        "violations/generic",
    }
    for name in results.tables:
        plain, rich = results.table(name, names=False), results.table(name)
        assert dict(plain.schema) == {
            one.name: one.dtype for one in SCHEMAS[name].columns if not one.kind
        }
        assert plain.equals(rich.select(plain.columns))
        assert plain.equals(plain.sort(SCHEMAS[name].sort_keys))
        assert plain["scenario_id"].n_unique() == 120


def test_tables_on_disk_are_those_in_memory(sound: Path):
    memory = hw.simulate(policy(), n_scenarios=120, threads=1)
    disk = load_results(sound)
    assert memory.tables == tuple(sorted(disk.tables))
    for name in memory.tables:
        assert memory.table(name).equals(disk.table(name)), name
        assert memory.table(name, names=False).equals(disk.table(name, names=False)), name
    assert memory.mean_cost == disk.simulation_metadata["cost"]["mean"]


def test_damage_to_a_part_is_an_error_whatever_it_is(results_dir: Path):
    """A single flipped bit in a number is as bad as a missing page."""
    path = results_dir / "simulation" / "hydros" / "part-00000-00001.parquet"
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for trial in range(60):
        damaged = bytearray(content)
        if trial % 4 == 0:
            del damaged[int(rng.integers(0, len(content))) :]
        else:
            damaged[int(rng.integers(0, len(content)))] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(damaged)
        with pytest.raises(ResultsError, match=r"part-00000-00001\.parquet is damaged") as caught:
            load_results(results_dir).table("hydros")
        assert caught.value.exit_code == 2
    path.write_bytes(content)
    assert load_results(results_dir).table("hydros")["scenario_id"].n_unique() == 120


def _edit(key: str, value: object) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / "simulation" / "metadata.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda root: (root / "simulation/hydros/part-00000-00000.parquet").unlink(),
            r"part-00000-00000\.parquet cannot be read",
        ),
        (
            lambda root: (root / "simulation/metadata.json").unlink(),
            r"metadata\.json cannot be read",
        ),
        (
            lambda root: (root / "simulation/metadata.json").write_bytes(b"{\xff"),
            r"metadata\.json cannot be read",
        ),
        (
            lambda root: (root / "simulation/metadata.json").write_text("[]"),
            "expected a JSON object",
        ),
        (
            lambda root: (root / "simulation/dictionaries/entities.csv").unlink(),
            r"entities\.csv cannot be read",
        ),
        (
            lambda root: (root / "simulation/dictionaries/entities.csv").write_text(""),
            r"entities\.csv cannot be read",
        ),
        (_edit("tables", {}), "lists no files of the table 'hydros'"),
        (_edit("tables", None), "lists no files of the table 'hydros'"),
        (_edit("tables", {"hydros/part-00000-00000.parquet": 7}), "is damaged"),
        (_edit("stages", None), "the list of stages is damaged"),
        (_edit("stages", [{"stage_id": "x"}]), "the list of stages is damaged"),
        (
            _edit("stages", [{"stage_id": 0, "start_date": "soon", "end_date": ""}]),
            "the list of stages is damaged",
        ),
    ],
)
def test_damage_elsewhere_is_an_error_that_names_the_file(
    change: Callable[[Path], object], says: str, results_dir: Path
):
    change(results_dir)
    with pytest.raises(ResultsError, match=says):
        load_results(results_dir).table("hydros")


def test_a_damaged_summary_or_trace_is_an_error(results_dir: Path):
    for name in ("simulation/scenario_summary.parquet", "training/convergence.parquet"):
        (results_dir / name).write_bytes(b"PAR1")
    with pytest.raises(ResultsError, match=r"scenario_summary\.parquet is damaged"):
        _ = load_results(results_dir).summary
    with pytest.raises(ResultsError, match=r"convergence\.parquet is damaged"):
        _ = load_results(results_dir).convergence


def test_parts_that_nobody_lists_are_not_read(results_dir: Path):
    folder = results_dir / "simulation" / "costs"
    shutil.copy(folder / "part-00000-00000.parquet", folder / "part-00000-00009.parquet")
    assert (
        load_results(results_dir)
        .table("costs")
        .equals(load_results(results_dir).table("costs").unique(maintain_order=True))
    )


def test_an_unknown_table_is_an_error_that_lists_the_tables(sound: Path):
    with pytest.raises(ResultsError, match=r"has no table 'hydro' \(it has: costs, hydros"):
        load_results(sound).table("hydro")


@pytest.mark.parametrize(
    "prepare",
    [
        lambda p: None,
        lambda p: p.mkdir(),
        lambda p: p.write_text("x"),
        lambda p: (p / "training").mkdir(parents=True),
    ],
)
def test_a_directory_without_results_is_an_error(prepare: Callable[[Path], object], tmp_path: Path):
    prepare(tmp_path / "out")
    with pytest.raises(ResultsError, match="holds no results of a run"):
        load_results(tmp_path / "out")


def test_a_part_without_its_mark_does_not_count(results_dir: Path):
    (results_dir / "simulation" / "_SUCCESS").unlink()
    results = load_results(results_dir)
    assert (results.has_training, results.has_simulation) == (True, False)
    assert "training" in repr(results)
    assert "simulation" not in repr(results)
    assert isinstance(results.convergence, pl.DataFrame)
