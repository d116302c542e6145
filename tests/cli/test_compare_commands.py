"""``headwater compare``: two runs, or a run beside output files of NEWAVE."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.cli.app import _run, app
from headwater.cli.structured import Form, said
from newave_decks import write_deck
from newave_outputs import write_means


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    said.color, said.form, said.command = None, Form.HUMAN, ""


@pytest.fixture
def command(capsys, monkeypatch):
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        capsys.readouterr()
        code = _run(lambda: app([str(a) for a in arguments], standalone_mode=False))
        return code, *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    pytest.importorskip("inewave")
    from headwater.imports.newave import import_newave

    root = tmp_path_factory.mktemp("compared")
    deck = write_deck(root / "deck")
    case = import_newave(deck, root / "case", forward_passes=1, iterations=2, scenarios=2).case
    hw.run(case, progress=False, threads=1)
    return deck, case / "output"


def test_a_run_is_shown_beside_means_of_newave_and_every_month_is_written(command, run, tmp_path):
    write_means(tmp_path / "MEDIAS-MERC.CSV", [("GTERM", 1, [100.0] * 20)])
    target = tmp_path / "months.csv"
    code, out, err = command("compare", "newave", *run, "--outputs", tmp_path, "-o", target)
    assert (code, err) == (0, "")
    assert "read: MEDIAS-MERC.CSV" in out
    assert "not found: stored energy at the end (earmfmNNN.out" in out
    thermal = next(line for line in out.splitlines() if line.startswith("thermal generation"))
    assert thermal.split()[3:6] == ["NORTH", "20", "100.00"]
    written = pl.read_csv(target, infer_schema_length=None)
    assert written["newave"].drop_nulls().to_list() == [100.0] * 20


def test_a_deck_without_outputs_gives_own_figures_and_says_so(command, run):
    code, out, err = command("compare", "newave", *run)
    assert (code, err) == (0, "")
    assert "no output file of NEWAVE was found: the figures are Headwater's alone" in out
    assert (run[1] / "compare-newave.csv").is_file()


def test_programs_get_the_means(command, run):
    code, out, _ = command("--output-format", "json", "compare", "newave", *run)
    answer = json.loads(out)
    assert (code, answer["command"], answer["success"]) == (0, "compare", True)
    prices = [row for row in answer["data"]["means"] if row["quantity"] == "marginal_cost"]
    assert [row["submarket"] for row in prices] == ["NORTH", "SOUTH", "KNOT"]
    assert answer["data"]["bounds"]["newave"] is None


def test_what_cannot_be_compared_with_a_deck_is_said(command, run, tmp_path):
    code, _, err = command("compare", "newave", tmp_path / "nothing", run[1])
    assert (code, "no directory" in err, "Traceback" in err) == (64, True, False)
    code, _, err = command("compare", "newave", run[0], tmp_path)
    assert (code != 0, "Traceback" in err) == (True, False)


def test_a_run_in_a_directory_called_newave_is_compared_as_any_other(
    command, tmp_path, monkeypatch
):
    case = tiny_case(tmp_path / "case")
    case.write()
    for name in ("newave", "other"):
        hw.run(case.root, tmp_path / name, threads=1, progress=False)
    monkeypatch.chdir(tmp_path)
    code, out, err = command("compare", "newave", "other")
    assert (code, err) == (0, "")
    assert out.rstrip().endswith("the same")
    assert command("compare", "runs", "newave", "other")[1] == out
