"""The committed reference pages are what the schemas, tables and rules say, and
leave nothing unexplained.
"""

from __future__ import annotations

import re
from pathlib import Path

from headwater.case import code_table
from headwater.case.manifest import JSON_FILES, TABLE_FILES
from headwater.case.reference import reference_pages
from headwater.case.tables import TABLES
from headwater.cli.reference import commands_page
from headwater.results.reference import result_tables_page


def rows_of(text: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]


def test_the_committed_pages_are_up_to_date(root: Path) -> None:
    pages = {
        path.name: path.read_text(encoding="utf-8")
        for path in (root / "docs" / "reference").iterdir()
    }
    assert pages == {
        **reference_pages(),
        "result-tables.md": result_tables_page(),
        "commands.md": commands_page(),
    }, "run scripts/make-reference"


def test_every_file_has_its_section() -> None:
    headings = re.findall(r"^## (\S+)$", "".join(reference_pages().values()), re.MULTILINE)
    assert sorted(headings) == sorted([*JSON_FILES, *TABLE_FILES])


def test_every_field_and_column_has_a_meaning_and_a_type() -> None:
    text = "".join(text for name, text in reference_pages().items() if name != "codes.md")
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert len(lines) > 400
    assert [
        cells[0] for cells in lines if not cells[5].removesuffix(" |").strip() or not cells[1]
    ] == []


def test_every_figure_in_a_unit_shows_it() -> None:
    units = {
        name: cells[2]
        for text in reference_pages().values()
        for cells in rows_of(text)
        if len(cells) == 6
        for name in cells[:1]
    }
    assert units["`hydros[].reservoir.max_storage_hm3`"] == "hm3"
    assert units["`hydro.spillage_cost`"] == "$/(m3/s h)"
    assert units["`gamma_v`"] == "MW/hm3"


def test_ranges_defaults_and_words_come_from_the_schemas() -> None:
    rows = {cells[0]: cells for text in reference_pages().values() for cells in rows_of(text)}
    assert rows["`training.forward_passes`"][1:5] == ["whole number", "", "required", ">= 1"]
    assert rows["`training.formulation`"][3:5] == ['`"condensed"`', "`condensed`, `explicit`"]
    assert rows["`stages[].risk_measure.cvar.lambda`"][4] == ">= 0, <= 1"
    assert rows["`gamma_q`"][1:5] == ["float64", "MW/(m3/s)", "required", "> 0"]


def test_every_code_is_on_its_page() -> None:
    page = reference_pages()["codes.md"]
    codes = [entry.code for entry in code_table()]
    assert len(codes) > 80
    assert re.findall(r"^\| (HW\d{3}) ", page, re.MULTILINE) == codes
    assert all(entry.meaning.endswith(".") for entry in code_table())


def test_every_column_of_every_table_is_explained() -> None:
    text = "".join(reference_pages().values())
    for name, table in TABLES.items():
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert [cells[0] for cells in rows_of(section)] == [f"`{column}`" for column in table.names]
