"""Reading results back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import polars as pl
import pytest

import headwater.model as m
from headwater.core.equipment import EQUIPMENT
from headwater.errors import ResultsError
from headwater.results import SCHEMAS, chunk_frame, load_results
from synthetic_tables import TABLES, sink_of


def write(output: Path, study: m.Study, chunks, record) -> Path:
    with sink_of(output, study) as sink:
        for chunk in chunks:
            sink.write(chunk)
        sink.finish(record)
    return output


@pytest.fixture
def chunks(make_chunk):
    return [make_chunk(0), make_chunk(3), make_chunk(6, 1)]


@pytest.fixture
def written(tmp_path, a_study, chunks, make_record) -> Path:
    return write(tmp_path / "output", a_study, chunks, make_record(*chunks))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_all_of_its_parts_in_order(written, chunks, name):
    frame = load_results(written).table(name, names=False)
    expected = pl.concat([chunk_frame(name, chunk) for chunk in chunks])
    # costs of kinds that the system does not have are not written
    absent = [cost.name for part in EQUIPMENT if not part.founding for cost in part.costs]
    assert frame.equals(expected.drop(absent, strict=False))
    assert frame.equals(frame.sort(SCHEMAS[name].sort_keys))


def test_the_tables_that_were_written_are_listed(written):
    assert sorted(load_results(written).tables) == sorted(TABLES)


def test_names_and_dates_stand_beside_ids(tmp_path, a_study, chunks, make_record):
    system = a_study.system
    names = ('Água, "Fria"', "", "3")
    hydros = tuple(dataclasses.replace(h, name=names[i % 3]) for i, h in enumerate(system.hydros))
    study = dataclasses.replace(a_study, system=dataclasses.replace(system, hydros=hydros))
    results = load_results(write(tmp_path, study, chunks, make_record(*chunks)))
    frame = results.table("hydros")
    assert frame.columns[:7] == [
        "scenario_id",
        "stage_id",
        "start_date",
        "end_date",
        "block_id",
        "hydro_id",
        "hydro_name",
    ]
    assert len(frame) == len(results.table("hydros", names=False))
    for row in (
        frame.select("stage_id", "start_date", "end_date", "hydro_id", "hydro_name")
        .unique()
        .iter_rows(named=True)
    ):
        stage = system.stages[system.stage_index[row["stage_id"]]]
        assert (row["start_date"], row["end_date"]) == (stage.start_date, stage.end_date)
        assert (row["hydro_name"] or "") == hydros[system.hydro_index[row["hydro_id"]]].name
    assert set(results.table("buses")["bus_name"]) == {"north", "south"}
    assert "line_name" in results.table("exchanges").columns
    assert "thermal_name" in results.table("thermals").columns
    assert "start_date" in results.table("violations/generic").columns


def test_the_summary_has_all_scenarios(written, chunks):
    summary = load_results(written).summary
    assert summary["scenario_id"].to_list() == list(range(7))
    assert summary["total_cost"].to_list() == [
        c for chunk in chunks for c in chunk.summary.total_cost
    ]


@pytest.mark.parametrize("damage", ["truncated", "one bit", "removed", "replaced"])
def test_a_damaged_part_is_named(written, damage):
    part = written / "simulation" / "hydros" / "part-00000-00001.parquet"
    content = part.read_bytes()
    part.unlink()
    if damage == "truncated":
        part.write_bytes(content[:-7])
    elif damage == "one bit":
        part.write_bytes(content[:900] + bytes([content[900] ^ 1]) + content[901:])
    elif damage == "replaced":
        part.write_bytes(
            (written / "simulation" / "buses" / "part-00000-00001.parquet").read_bytes()
        )
    results = load_results(written)
    with pytest.raises(ResultsError, match=str(part)):
        results.table("hydros")
    assert len(results.table("buses"))


def test_a_table_all_of_whose_parts_are_gone_is_an_error(written):
    for part in (written / "simulation" / "buses").iterdir():
        part.unlink()
    with pytest.raises(ResultsError, match="buses"):
        load_results(written).table("buses")


def test_an_unknown_table_is_answered_with_those_there_are(written):
    with pytest.raises(ResultsError, match=r"no table 'rivers' \(it has: costs"):
        load_results(written).table("rivers")


def test_a_directory_without_results_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="holds no results"):
        load_results(tmp_path)
    with pytest.raises(ResultsError, match="holds no results"):
        load_results(tmp_path / "absent")


def test_results_without_training_say_so(written):
    results = load_results(written)
    assert not results.has_training
    with pytest.raises(ResultsError, match=r"training.metadata\.json cannot be read"):
        _ = results.convergence


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 3, "stages": 4}', "{"])
def test_damaged_metadata_is_named(written, content):
    (written / "simulation" / "metadata.json").write_text(content)
    with pytest.raises(ResultsError, match=r"metadata\.json"):
        load_results(written).table("buses")


def test_metadata_lists_every_table_file(written):
    listed = json.loads((written / "simulation" / "metadata.json").read_text())["tables"]
    assert set(listed) == {
        p.relative_to(written / "simulation").as_posix() for p in written.rglob("*.parquet")
    }
