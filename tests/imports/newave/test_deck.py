from __future__ import annotations

import pytest

import headwater as hw
from headwater.errors import CaseError, UsageError
from headwater.imports.newave import import_newave
from newave_decks import small_deck, write_deck


def test_every_file_of_the_directory_is_in_the_report(imported):
    case = imported()
    deck = case.root.parent / "deck"
    assert {path.name for path in deck.iterdir()} <= set(case.made.report.files)
    page = (case.root / "import-report.md").read_text(encoding="utf-8")
    assert all(f"| {path.name} | " in page for path in deck.iterdir())
    assert case.fate("notes.txt") == "ignored"


def test_files_that_the_list_names_and_that_do_not_exist_are_told(imported):
    assert imported().fate("tecno.dat") == "missing"


def test_names_are_found_whatever_their_case(tmp_path):
    deck = write_deck(tmp_path / "deck")
    for path in list(deck.iterdir()):
        path.rename(deck / path.name.upper())
    made = import_newave(deck, tmp_path / "case")
    assert made.counts["hydro plants"] == 4


def test_files_that_a_deck_can_do_without_may_be_missing(imported):
    optional = "modif exph expt manutt c_adic dsvagua penalid ghmin agrint re cvar loss adterm"
    case = imported({f"{name}.dat": None for name in optional.split()})
    assert hw.validate_case(case.root).ok
    assert case.fate("modif.dat") == "missing"


def test_a_deck_without_a_file_that_it_needs_is_refused_with_its_name(imported):
    with pytest.raises(CaseError, match=r"^arquivos\.dat: .* lacks files .*: term\.dat$"):
        imported({"term.dat": None})


def test_a_directory_that_is_no_deck_is_refused(tmp_path):
    (tmp_path / "some.txt").write_text("", encoding="utf-8")
    with pytest.raises(CaseError, match=r"neither CASO\.DAT nor ARQUIVOS\.DAT"):
        import_newave(tmp_path, tmp_path / "case")
    with pytest.raises(UsageError, match="no directory"):
        import_newave(tmp_path / "nowhere", tmp_path / "case")


def test_a_directory_that_is_not_empty_is_not_written_to(imported, tmp_path):
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "mine.txt").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="not an empty directory"):
        imported(scenarios=5)


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("confhd.dat", " 40.00", " 4O.00", r"line 3, .*initial volume.*a number, got '4O\.00'"),
        ("confhd.dat", "  11  ", "  1x  ", r"line 3, columns 20 to 23: the gauging station"),
        ("term.dat", " 200.", " 2oo.", r"line 3, .*the installed power must be a number"),
        ("vazpast.dat", "    104.00", "    1o4.00", r"line 4, .*inflow of April"),
        ("dsvagua.dat", "  -2.00", "  -2,00", r"line 3, .*flow of January"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_file_line_and_column(imported, file, old, new, expected):
    lines = small_deck()[file]
    position = next(n for n, line in enumerate(lines) if old in line)
    lines[position] = lines[position].replace(old, new, 1)
    with pytest.raises(CaseError, match=rf"^{file} {expected}"):
        imported({file: lines})


def test_a_line_that_is_cut_is_told(imported):
    lines = small_deck()["term.dat"]
    with pytest.raises(CaseError, match=r"term\.dat line 4, .*installed power is missing.*cut\?"):
        imported({"term.dat": [*lines[:3], lines[3][:15]]})


def test_letters_of_latin_1_are_read(imported):
    lines = [line.replace("NORTH TO SOUTH", "SÃO JOÃO") for line in small_deck()["agrint.dat"]]
    entries = imported({"agrint.dat": lines}).file("constraints/generic_constraints.json")
    assert entries["constraints"][0]["name"] == "SÃO JOÃO"


def test_a_row_that_does_not_say_what_it_is_about_is_refused(imported):
    lines = small_deck()["conft.dat"]
    with pytest.raises(CaseError, match=r"conft\.dat: row 2 of a table has no code of a plant"):
        imported({"conft.dat": [*lines[:3], "     " + lines[3][5:]]})


def test_the_line_that_ends_a_table_is_no_row_of_it(imported):
    lines = [*small_deck()["dsvagua.dat"], "9999     "]
    taken = imported({"dsvagua.dat": lines})
    assert taken.fate("dsvagua.dat") == "approximated"
