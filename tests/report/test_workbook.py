"""Workbooks of runs: what stands in them, and that no text becomes a formula."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

import headwater as hw
from headwater.errors import ResultsError, UsageError

openpyxl = pytest.importorskip("openpyxl")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a system whose names look like formulas."""
    place = tmp_path_factory.mktemp("workbook")
    build = hw.SystemBuilder("sheet", start="2027-01", months=3, openings=3)
    build.bus("=1+1")
    build.hydro(
        "@Lake\x07\u00e9",
        bus="=1+1",
        storage_hm3=(0.0, 400.0),
        turbined_m3s=100.0,
        productivity=1.0,
        inflow=(60.0, 20.0),
    )
    build.thermal("-Gas", bus="=1+1", max_mw=80.0, cost=50.0)
    build.load("=1+1", 150.0)
    build.build().with_(iterations=3, scenarios=4).save(place / "case")
    hw.run(place / "case", place / "output", threads=1, progress=False)
    return place / "output"


def test_sheets_hold_the_run_its_iterations_scenarios_and_means(output: Path) -> None:
    path = hw.write_workbook(output)
    assert path == output / "report.xlsx"
    book = openpyxl.load_workbook(path)
    results = hw.load_results(output)
    assert book.sheetnames[:3] == ["run", "iterations", "scenarios"]
    assert set(book.sheetnames[3:]) == {
        name for name in results.tables if name not in ("lp_gaps", "violations")
    }
    assert book["iterations"].max_row == 1 + 3
    assert book["scenarios"].max_row == 1 + 4
    sheet = book["hydros"]
    heads = [cell.value for cell in sheet[1]]
    expected = (
        results.table("hydros")
        .group_by("stage_id", "block_id", "hydro_id")
        .agg(pl.col("storage_final_hm3").mean())
        .sort("stage_id", "hydro_id", "block_id")
    )
    found = [row[heads.index("storage_final_hm3")].value for row in sheet.iter_rows(min_row=2)]
    assert sorted(found) == pytest.approx(sorted(expected["storage_final_hm3"]))
    assert sheet.freeze_panes == "A2"


def test_no_text_is_a_formula(output: Path, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(hw.write_workbook(str(output), str(tmp_path / "x" / "b.xlsx")))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    texts = {cell.value for cell in cells if isinstance(cell.value, str)}
    assert {"=1+1", "-Gas", "@Lake\u00e9"} <= texts
    assert {cell.data_type for cell in cells} <= {"s", "n", "d", "b"}


def test_what_cannot_be_written_is_said(output: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="the workbook cannot be written"):
        hw.write_workbook(output, tmp_path / "file" / "book.xlsx")
    with pytest.raises(ResultsError):
        hw.write_workbook(tmp_path / "nothing")


def test_without_the_package_the_extra_is_named(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UsageError, match=r"headwater\[report\]"):
        hw.write_workbook(output)


def test_csv_files_hold_the_tables_with_names_and_guard_them(output: Path, tmp_path: Path) -> None:
    results = hw.load_results(output)
    target = results.write_csv()
    assert target == output / "csv"
    written = {path.stem for path in target.iterdir()}
    assert written == {"convergence", "scenario_summary", "stage_summary", *results.tables}
    frame = pl.read_csv(target / "buses.csv", try_parse_dates=True)
    whole = results.table("buses")
    assert frame.columns == whole.columns
    assert frame.height == whole.height
    assert frame["bus_name"].unique().to_list() == ["'=1+1"]
    assert frame["spot_price"].to_list() == whole["spot_price"].to_list()
    results.write_csv()  # again, over what it wrote
    (target / "notes.txt").write_text("mine")
    results.write_csv()
    assert (output / "csv.kept-1" / "notes.txt").read_text() == "mine"


def test_a_simulation_to_disk_is_that_of_memory(output: Path, tmp_path: Path) -> None:
    case, policy = output.parent / "case", str(output / "policy")
    result = hw.simulate_to_disk(
        policy, str(tmp_path / "again"), str(case), threads=1, progress=False
    )
    assert result.output_dir == tmp_path / "again"
    found = hw.compare_results(str(output), tmp_path / "again", ["mean_cost", "hydros", "buses"])
    assert max(one.relative for one in found) == 0.0
    assert hw.overview(str(tmp_path / "again"))["status"] == "complete"
    again = hw.simulate_to_disk(
        policy, tmp_path / "again", case, resume=True, threads=1, progress=False
    )
    assert again.simulation is not None
    with pytest.raises(hw.PolicyError, match="say which study"):
        hw.simulate_to_disk(policy, tmp_path / "other", progress=False)


def test_commands_write_workbook_and_csv(output: Path, tmp_path: Path, capsys) -> None:
    from headwater.cli.app import _run, app

    def call(*words: object) -> int:
        return _run(lambda: app([str(word) for word in words], standalone_mode=False))

    book = tmp_path / "book.xlsx"
    assert call("report", output, "--xlsx", "-o", book) == 0
    assert openpyxl.load_workbook(book).sheetnames[0] == "run"
    assert call("report", output, "--xlsx", "--open") == 64
    case, target = output.parent / "case", tmp_path / "out"
    assert call("run", case, "-o", target, "-q", "-j", 1, "--format", "csv") == 0
    assert (target / "csv" / "hydros.csv").is_file()
    words = ("simulate", case, "-p", target / "policy", "-o", tmp_path / "sim", "-q", "-j", 1)
    assert call(*words, "--format", "csv") == 0
    assert (tmp_path / "sim" / "csv" / "buses.csv").is_file()
    capsys.readouterr()


def test_who_names_the_case_is_pointed_to_its_results(output: Path, tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "output").symlink_to(output)
    with pytest.raises(ResultsError, match=r"did you mean .*case/output\?"):
        hw.write_report(tmp_path / "case")
