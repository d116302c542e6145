"""``headwater import table``, ``export table`` and the starters of ``init`` for spreadsheets."""

from __future__ import annotations

import pytest

import headwater as hw
from headwater.cli.app import _run, app


@pytest.fixture
def command(capsys, monkeypatch):
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)

    def call(*arguments):
        capsys.readouterr()
        code = _run(lambda: app([str(a) for a in arguments], standalone_mode=False))
        return code, *capsys.readouterr()

    return call


@pytest.mark.parametrize("form", ["--csv", "--xlsx"])
def test_a_starter_is_filled_in_imported_and_exported(command, form, tmp_path):
    if form == "--xlsx":
        pytest.importorskip("openpyxl")
    book = tmp_path / ("book.xlsx" if form == "--xlsx" else "sheets")
    code, out, _ = command("init", form, "-t", "from-history", tmp_path / book.stem)
    assert (code, book.exists()) == (0, True)
    assert f"headwater import table {book} CASE" in out.replace("\n", "")

    code, out, _ = command("import", "table", book, tmp_path / "case")
    assert code == 0
    assert "recognised a table of years and months: inflow_history" in out

    assert command("export", "table", tmp_path / "case", tmp_path / "again")[0] == 0
    assert command("import", "table", tmp_path / "again", tmp_path / "other")[0] == 0
    one, other = hw.load_case(tmp_path / "case"), hw.load_case(tmp_path / "other")
    assert one.system == other.system


def test_warnings_of_what_was_imported_are_shown(command, tmp_path):
    command("init", "--csv", tmp_path / "sheets")
    file = tmp_path / "sheets" / "inflow_seasonal_stats.csv"
    rows = file.read_text("utf-8-sig").splitlines()
    certain = ["RESERVOIR,std_m3s" + ",0" * 12 if ",std_m3s," in row else row for row in rows]
    file.write_text("\n".join(certain), "utf-8")
    code, out, _ = command("import", "table", tmp_path / "sheets", tmp_path / "case")
    assert code == 0
    assert "HW602" in out


def test_mistakes_end_with_the_code_of_a_bad_case(command, tmp_path):
    command("init", "--csv", tmp_path / "sheets")
    thermals = tmp_path / "sheets" / "thermals.csv"
    thermals.write_text(thermals.read_text("utf-8-sig").replace("60.0", "60 $"), "utf-8")
    code, out, err = command("import", "table", tmp_path / "sheets", tmp_path / "case")
    assert code == 1
    assert "write 60.0" in " ".join((out + err).split()) or "60 $" in out + err
    assert "Traceback" not in err
    assert not (tmp_path / "case").exists()


def test_a_book_that_does_not_exist_is_wrong_usage(command, tmp_path):
    code, _, err = command("import", "table", tmp_path / "absent.xlsx", tmp_path / "case")
    assert code == 64
    assert "does not exist" in err
