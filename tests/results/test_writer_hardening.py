"""Writing results: whole or not at all, and the same bytes for the same data."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headwater as hw
from headwater import files
from headwater.case.starter import write_starter
from headwater.errors import ResultsError, UsageError
from headwater.results import SCHEMAS, ResultsWriter, load_results, own_files
from headwater.results.pieces import write_parquet
from headwater.sddp import train_policy
from synthetic_tables import sink_of


def write(output: Path, study, chunks, record) -> None:
    ResultsWriter(output).begin()
    with sink_of(output, study) as sink:
        for chunk in chunks:
            sink.write(chunk)
        sink.finish(record)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(directory)): p.read_bytes()
        for p in sorted(directory.rglob("*"))
        if p.is_file()
    }


def hidden(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.name.startswith(".")]


@pytest.fixture
def written(tmp_path, a_study, make_chunk, make_record) -> Path:
    chunks = [make_chunk(0), make_chunk(3)]
    write(tmp_path / "output", a_study, chunks, make_record(*chunks))
    return tmp_path / "output"


def test_equal_data_gives_equal_bytes(tmp_path, a_study, make_chunk, make_record):
    chunks = [make_chunk(0), make_chunk(3)]
    for name in ("a", "b"):
        write(tmp_path / name, a_study, chunks, make_record(*chunks))
    one, other = contents(tmp_path / "a" / "simulation"), contents(tmp_path / "b" / "simulation")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] in ([], ["metadata.json"])
    assert "hydros/part-00000-00001.parquet" in one
    assert one["_SUCCESS"] == b""


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 3000))
def test_a_table_always_has_the_same_bytes(tmp_path_factory, seed, n_rows):
    rng = np.random.default_rng(seed)
    directory = tmp_path_factory.mktemp("bytes")
    frame = pl.DataFrame(
        {"a": rng.normal(size=n_rows), "b": rng.integers(0, 4, n_rows), "c": [None] * n_rows}
    )
    write_parquet(frame, directory / "a.parquet")
    write_parquet(frame.clone(), directory / "b.parquet")
    assert (directory / "a.parquet").read_bytes() == (directory / "b.parquet").read_bytes()


def test_a_simulation_that_fails_leaves_the_previous_results(written, a_study, make_chunk):
    before = contents(written)
    ResultsWriter(written).begin()

    def fail_in_the_middle() -> None:
        with sink_of(written, a_study) as sink:
            sink.write(make_chunk(0, seed=9))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    shutil.rmtree(written / "simulation.partial", ignore_errors=True)
    assert contents(written) == before
    assert not hidden(written)


@pytest.mark.parametrize(
    "failure", [OSError("disk full"), KeyboardInterrupt()], ids=["full disk", "ctrl-c"]
)
def test_wherever_writing_stops_the_results_are_the_old_ones_or_the_new(
    tmp_path, a_study, make_chunk, make_record, monkeypatch, failure
):
    old, new = make_chunk(0), make_chunk(0, seed=1)
    for stop_at in range(200):
        output = tmp_path / str(stop_at)
        write(output, a_study, [old], make_record(old))
        calls = 0

        def counted(original, stop_at=stop_at):
            def call(*args, **kwargs):
                nonlocal calls
                calls += 1
                if calls == stop_at + 1:
                    raise failure
                return original(*args, **kwargs)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", counted(Path.rename))
            if stop_at % 5 == 0:  # a sample of the many syncs
                patch.setattr(os, "fsync", counted(os.fsync))
            try:
                write(output, a_study, [new], make_record(new))
                finished = True
            except (ResultsError, KeyboardInterrupt):
                finished = False
        mean = load_results(output).simulation_metadata["cost"]["mean"]
        expected = (
            [new.summary.mean_cost] if finished else [old.summary.mean_cost, new.summary.mean_cost]
        )
        assert mean in expected
        assert len(load_results(output).table("hydros"))
        if stop_at > 3 and calls <= stop_at:
            break


@pytest.mark.parametrize("stop_at", [0, 1])
def test_a_killed_run_leaves_readable_results_and_the_next_one_cleans_up(
    written, a_study, make_chunk, make_record, stop_at
):
    """The process dies without cleaning up before the first or the second rename of the swap."""
    before = load_results(written).table("buses")
    program = f"""
import os, sys
from pathlib import Path
from headwater import files
calls = 0
rename = Path.rename
def dying(*args):
    global calls
    calls += 1
    if calls == {stop_at} + 1:
        os._exit(9)
    return rename(*args)
Path.rename = dying
with files.replaced_directory(Path(sys.argv[1]) / "simulation", "costs") as directory:
    (directory / "costs").mkdir()
"""
    subprocess.run([sys.executable, "-c", program, str(written)], check=False, timeout=60)
    assert hidden(written)
    assert load_results(written).table("buses").equals(before)
    ResultsWriter(written).begin()
    assert not hidden(written)
    assert load_results(written).table("buses").equals(before)


def test_results_that_vanish_while_they_are_written_are_an_error(
    tmp_path, a_study, make_chunk, make_record
):
    ResultsWriter(tmp_path).begin()
    with sink_of(tmp_path, a_study) as sink:
        sink.write(make_chunk(0))
        for path in tmp_path.iterdir():
            shutil.rmtree(path, ignore_errors=True)
        with pytest.raises(ResultsError, match=str(tmp_path)):
            sink.finish(make_record(make_chunk(0)))


def test_an_output_path_that_is_a_file_is_named(tmp_path):
    (tmp_path / "output").write_text("")
    with pytest.raises(ResultsError, match=str(tmp_path / "output")):
        ResultsWriter(tmp_path / "output").begin()


def test_a_full_disk_is_a_results_error_and_keeps_the_old_results(written, a_study):
    """The limit on file size stands in for a full disk."""
    program = """
import resource, sys
from pathlib import Path
import numpy as np
import polars as pl
import headwater as hw
from headwater import files
from headwater.case.starter import write_starter
from headwater.errors import ResultsError
from headwater.results.pieces import said_with_place, write_parquet
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with said_with_place(Path(sys.argv[1])):
        frame = pl.DataFrame({"a": np.random.default_rng(0).normal(size=100_000)})
        write_parquet(frame, Path(sys.argv[1]) / "x.parquet")
except ResultsError as error:
    print("refused:", error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(written)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert f"refused: results cannot be written to {written}" in done.stdout


def test_training_results(tmp_path, a_study):
    policy = train_policy(a_study)
    writer = ResultsWriter(tmp_path)
    writer.begin()
    writer.write_training(policy, a_study)
    results = load_results(tmp_path)
    assert results.convergence["lower_bound"].to_list() == [
        r.lower_bound for r in policy.training.iterations
    ]
    metadata = results.training_metadata
    assert metadata["lower_bound"]["value"] == policy.lower_bound
    assert metadata["status"] == "complete"
    sizes = [
        (s["rows"], s["columns"], s["nonzeros"])
        for s in metadata["problem_dimensions"]["stage_programs"]
    ]
    assert sizes == [
        (one.rows, one.columns, one.nonzeros) for one in policy.training.stage_statistics
    ]
    state = json.loads(
        (tmp_path / "training" / "dictionaries" / "state_dictionary.json").read_text()
    )
    assert len(state["state_variables"]) == policy.layout.dimension


def test_training_stopped_before_its_first_iteration_is_written_as_valid_json(tmp_path, a_study):
    policy = train_policy(a_study, should_stop=lambda: True)
    assert policy.lower_bound == -np.inf
    ResultsWriter(tmp_path).write_training(policy, a_study)
    text = (tmp_path / "training" / "metadata.json").read_text()
    metadata = json.loads(
        text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON")
    )
    assert (metadata["status"], metadata["lower_bound"]["value"]) == ("interrupted", None)
    assert len(load_results(tmp_path).convergence) == 0


def test_dictionaries_describe_every_column_and_entity(written, a_study):
    directory = written / "simulation" / "dictionaries"
    with (directory / "variables.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    known = [
        (s.name, c.name) for s in SCHEMAS.values() for c in s.columns if not s.kind and not c.kind
    ]
    assert [(row["table"], row["column"]) for row in rows] == known
    with (directory / "entities.csv").open(newline="") as handle:
        entities = {
            (int(row["entity_type_code"]), int(row["entity_id"])): row
            for row in csv.DictReader(handle)
        }
    assert entities[2, 0]["name"] == "north"
    assert entities[1, 1]["bus_id"] == "1"
    assert len(entities) == sum(
        len(getattr(a_study.system, kind)) for kind in ("hydros", "thermals", "buses", "lines")
    )
    codes = json.loads((directory / "codes.json").read_text())
    assert codes["operative_state"]["2"] == "operating"


def test_files_of_a_user_outlive_every_directory_that_a_run_replaces(
    tmp_path, a_study, make_chunk, make_record
):
    for part in ("training", "training.partial", "simulation", "simulation.partial"):
        (tmp_path / part / "costs").mkdir(parents=True)
        (tmp_path / part / "costs" / "notes.txt").write_text(part)
        (tmp_path / part / "metadata.json").write_text('{"run_id": "x"}')
    (tmp_path / "simulation" / "costs" / "part-00000-00007.parquet").write_bytes(
        b"of an earlier run"
    )
    (tmp_path / "simulation.partial" / "journal").mkdir()
    for _ in range(2):
        write(tmp_path, a_study, [make_chunk(0)], make_record(make_chunk(0)))
    kept = {
        path.relative_to(tmp_path).as_posix(): path.read_text()
        for path in tmp_path.rglob("notes.txt")
    }
    assert sorted(kept.values()) == [
        "simulation",
        "simulation.partial",
        "training",
        "training.partial",
    ]
    assert set(kept) >= {
        "simulation.kept-1/costs/notes.txt",
        "simulation.partial.kept-1/costs/notes.txt",
    }
    assert not (tmp_path / "simulation" / "costs" / "part-00000-00007.parquet").exists()


def test_metadata_of_a_user_are_not_taken_for_ours(tmp_path):
    for content in ('{"title": "my data"}', "[1, 2]"):
        (tmp_path / "training").mkdir(exist_ok=True)
        (tmp_path / "training" / "metadata.json").write_text(content)
        with pytest.raises(ResultsError, match="was not written by Headwater"):
            ResultsWriter(tmp_path).begin()


@pytest.mark.parametrize("template", ["from-history", "cascade-fpha"])
def test_every_file_that_a_run_writes_is_known_as_ours(template, tmp_path):
    """Otherwise the files of earlier runs would pile up beside new results."""
    case = write_starter(tmp_path / "case", template)
    config = json.loads((case / "config.json").read_text())
    config["training"]["stopping_rules"] = [{"type": "iteration_limit", "limit": 2}]
    config["training"]["tree_seed"] = 1
    config["simulation"] = {"enabled": True, "num_scenarios": 3}
    config["exports"] = {"stochastic": True}
    (case / "config.json").write_text(json.dumps(config))
    for _ in range(2):
        hw.run(case, tmp_path / "out", threads=1)
        if template == "from-history":
            hw.fit(hw.load_case(case), tmp_path / "out" / "fit", pictures=False)
    parts = [path for path in (tmp_path / "out").iterdir() if path.name not in ("logs", "policy")]
    assert {"training", "simulation", "stochastic"} <= {part.name for part in parts}
    for part in parts:
        assert files.foreign_file(part, own_files.WRITTEN[part.name]) is None


def test_fit_does_not_replace_a_directory_of_other_things(tmp_path):
    case = hw.load_case(write_starter(tmp_path / "case", "from-history"))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("long")
    with pytest.raises(UsageError, match=r"chapter\.tex.*name a new directory"):
        hw.fit(case, tmp_path / "thesis", pictures=False)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "long"
