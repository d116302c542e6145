"""What people get wrong in spreadsheets: each mistake is told with sheet, cell and repair."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater.imports.tables import import_table, write_table_starter

Rows = dict[str, list[list[str]]]


@pytest.fixture(scope="module")
def starters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """The CSV files of two templates, by sheet."""
    found = {}
    for template in ("one-reservoir", "from-history"):
        root = write_table_starter(tmp_path_factory.mktemp("starter") / template, template)
        found[template] = {
            file.stem: list(csv.reader(file.read_text("utf-8-sig").splitlines()))
            for file in root.iterdir()
        }
    return found


def write(root: Path, rows: Rows, separator: str = ",", encoding: str = "utf-8") -> Path:
    root.mkdir()
    for name, lines in rows.items():
        with open(root / f"{name}.csv", "w", encoding=encoding, newline="") as stream:
            csv.writer(stream, delimiter=separator).writerows(lines)
    return root


def edited(rows: Rows, change: Callable[[Rows], None]) -> Rows:
    copy = {name: [list(line) for line in lines] for name, lines in rows.items()}
    change(copy)
    return copy


def cell(sheet: str, heading: str, value: str, row: int = 1) -> Callable[[Rows], None]:
    """Change a cell; rows count from 1 below the headings."""

    def change(rows: Rows) -> None:
        rows[sheet][row][rows[sheet][0].index(heading)] = value

    return change


def heading(sheet: str, old: str, new: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[sheet][0][rows[sheet][0].index(old)] = new

    return change


def line(sheet: str, *values: str) -> Callable[[Rows], None]:
    return lambda rows: rows[sheet].append(list(values))


def sheet(name: str, *lines: list[str]) -> Callable[[Rows], None]:
    return lambda rows: rows.update({name: list(lines)})


MOST = "reservoir.max_storage_hm3"
MISTAKES: dict[str, tuple[Callable[[Rows], None], str]] = {
    "a unit in the cell": (
        cell("hydros", MOST, "900 hm3"),
        r"file 'hydros.csv': cell E2, column 'reservoir.max_storage_hm3': expected a number alone, "
        r"got '900 hm3'. Fix: write 900 without the unit, and the column is in hm3",
    ),
    "a percentage": (cell("hydros", MOST, "12%"), "write the number without %: 12"),
    "words for a number": (cell("hydros", MOST, "big"), "E2.*expected a number, got 'big'"),
    "thousands or decimals": (
        cell("hydros", MOST, "1,234"),
        "'1,234' may be 1234 or 1.234. Fix: write 1234, or 1.234 if it is a small number",
    ),
    "a failed formula": (cell("hydros", MOST, "#REF!"), "E2.*formula of this cell failed: #REF!"),
    "a negative storage": (
        cell("hydros", MOST, "-5"),
        "file 'hydros.csv': cell E2, column 'reservoir.max_storage_hm3'.*at least 0, got -5",
    ),
    "a least above a most": (
        cell("hydros", "reservoir.min_storage_hm3", "999999"),
        "file 'hydros.csv': .*min_storage",
    ),
    "month first": (
        cell("stages", "start_date", "01/31/2024"),
        "file 'stages.csv': cell A2.*has the month 31: days come first. Fix: write 31/01/2024",
    ),
    "a day that does not exist": (cell("stages", "end_date", "31/02/2024"), "B2.*no day '31/02/2"),
    "a year of two digits": (cell("stages", "start_date", "01/01/24"), "A2.*year .* two digits"),
    "a month for a date": (cell("stages", "start_date", "Jan 2024"), "A2.*expected a date, got"),
    "half a scenario": (cell("stages", "num_scenarios", "10.5"), "expected a whole number, got"),
    "a sheet in the singular": (
        lambda rows: rows.update(hydro=rows.pop("hydros")),
        "file 'hydro.csv': no sheet of a case is called 'hydro'. Fix: did you mean 'hydros'",
    ),
    "notes on a sheet": (sheet("meeting", ["when"]), "begin with _ to leave it out"),
    "a heading without its section": (
        heading("hydros", MOST, "max_storage_hm3"),
        "'max_storage_hm3' is not a known column. Fix: did you mean 'reservoir.max_storage_hm3'",
    ),
    "a heading of one's own": (
        heading("hydros", MOST, "colour"),
        "'hydros.csv': column E1.*'colour' is not a known column. Fix: remove the column",
    ),
    "a column that is missing": (
        heading("hydros", "bus", "_bus"),
        "the column 'bus' is required and was not found. Fix: add the column",
    ),
    "a name that is missing": (cell("hydros", "name", ""), "B2.*expected a value, got an empty"),
    "a number that is missing": (
        cell("thermals", "cost_per_mwh", ""),
        "file 'thermals.csv'.*cost",
    ),
    "a bus that does not exist": (
        cell("hydros", "bus", "NORTH"),
        "C2, column 'bus': there is no bus 'NORTH'. Fix: name one of those there are: MAIN",
    ),
    "a name in other letters": (
        cell("hydros", "bus", "Main"),
        "no bus 'Main'. Fix: did you mean 'MAIN'",
    ),
    "a row of totals": (
        line("load_seasonal_stats", "Total", "mean_mw", *["9"] * 12),
        "A4, column 'bus': there is no bus 'Total'. Fix: remove the row of totals",
    ),
    "a plant twice": (
        lambda rows: rows["thermals"].append(["9", *rows["thermals"][1][1:]]),
        "'COAL' stands in the rows 2 and 4. Fix: give every row a name of its own",
    ),
    "a heading twice": (
        heading("hydros", "reservoir.min_storage_hm3", MOST),
        "the heading 'reservoir.max_storage_hm3' stands twice, in the columns D and E",
    ),
    "a word that is misspelt": (
        cell("hydros", "generation.model", "constant productivty"),
        "expected .*constant_productivity.*got 'constant productivty'. Fix: did you mean 'const",
    ),
    "a file of settings that is none": (
        line("settings", "configs.json", "training.seed", "1"),
        "file 'settings.csv': cell A.*'configs.json' is not a file of a case. Fix: did you mean '",
    ),
    "a setting that is none": (
        line("settings", "config.json", "training.speed", "1"),
        "cell B.*'training.speed' is not a known key of config.json",
    ),
    "a switch that is neither": (
        line("settings", "config.json", "simulation.enabled", "maybe"),
        "cell C.*expected true or false, got 'maybe'",
    ),
    "no settings at all": (lambda rows: rows.pop("settings"), "config.json.*training.*required"),
    "an empty file": (sheet("lines"), "file 'lines.csv': expected a row of headings, got an empty"),
    "more cells than headings": (
        line("storage", "RESERVOIR", "3", "4"),
        "row 3 has 3 cells, and there are 2 headings. Fix: quote cells that hold the separator",
    ),
    "a sheet twice": (
        lambda rows: rows.update({"Hydros": rows["hydros"]}),
        "'hydros' is given twice, also as file 'Hydros.csv'. Fix: keep one",
    ),
    "another measure over stages": (
        cell("load_seasonal_stats", "value", "mean"),
        "B2, column 'value': expected one of mean_mw, std_mw, got 'mean'",
    ),
    "a measure twice": (
        lambda rows: rows["load_seasonal_stats"].append(rows["load_seasonal_stats"][1]),
        "mean_mw is given twice for the stage 0. Fix: keep one row",
    ),
    "a stage that does not exist": (
        heading("load_seasonal_stats", "11", "99"),
        "load_seasonal_stats.*99",
    ),
}  # fmt: skip
HISTORY: dict[str, tuple[Callable[[Rows], None], str]] = {
    "a month that is missing": (
        heading("inflow_history", "3", "remarks"),
        "needs the twelve months as columns; this one lacks Mar. Fix: name the columns 1 to 12",
    ),
    "a mean among the years": (
        cell("inflow_history", "year", "mean", 4),
        "file 'inflow_history.csv': cell B5, column 'year': expected a year, got 'mean'",
    ),
    "a year twice": (
        lambda rows: rows["inflow_history"].append(rows["inflow_history"][1]),
        "the year 1984 stands in the rows 2 and",
    ),
    "a word in a month": (
        cell("inflow_history", "7", "dry", 2),
        "file 'inflow_history.csv': cell I3, column '7': expected a number, got 'dry'",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_place_and_repair(
    mistake: str, starters: dict[str, Rows], tmp_path: Path
) -> None:
    change, message = MISTAKES[mistake]
    root = write(tmp_path / "sheets", edited(starters["one-reservoir"], change))
    with pytest.raises(hw.CaseError, match=message):
        import_table(root, tmp_path / "case")
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize("mistake", HISTORY)
def test_a_mistake_in_a_table_of_years(
    mistake: str, starters: dict[str, Rows], tmp_path: Path
) -> None:
    change, message = HISTORY[mistake]
    root = write(tmp_path / "sheets", edited(starters["from-history"], change))
    with pytest.raises(hw.CaseError, match=message):
        import_table(root, tmp_path / "case")


def test_all_mistakes_are_told_at_once(starters: dict[str, Rows], tmp_path: Path) -> None:
    def change(rows: Rows) -> None:
        cell("hydros", MOST, "big")(rows)
        cell("stages", "start_date", "soon", 3)(rows)
        cell("thermals", "bus", "NORTH", 2)(rows)

    root = write(tmp_path / "sheets", edited(starters["one-reservoir"], change))
    with pytest.raises(hw.CaseError) as refused:
        import_table(root, tmp_path / "case")
    assert len(refused.value.report.errors) == 3


class TestWorkbooks:
    """Mistakes that only workbooks have."""

    @pytest.fixture
    def book(self, tmp_path: Path) -> Any:
        openpyxl = pytest.importorskip("openpyxl")
        path = write_table_starter(tmp_path / "book.xlsx", "one-reservoir")
        return openpyxl.load_workbook(path)

    def refused(self, book: Any, tmp_path: Path, message: str) -> None:
        book.save(tmp_path / "changed.xlsx")
        with pytest.raises(hw.CaseError, match=message):
            import_table(tmp_path / "changed.xlsx", tmp_path / "case")

    def test_merged_cells(self, book: Any, tmp_path: Path) -> None:
        book["thermals"].merge_cells("C2:C3")
        self.refused(book, tmp_path, "sheet 'thermals': cells C2:C3: merged cells hold one value")

    def test_a_formula_that_excel_has_not_computed(self, book: Any, tmp_path: Path) -> None:
        book["hydros"]["E2"] = "=2*450"
        self.refused(book, tmp_path, "cell E2: the value of this formula is not stored in the fil")

    def test_a_number_that_excel_took_for_a_date(self, book: Any, tmp_path: Path) -> None:
        import datetime

        book["hydros"]["E2"] = datetime.datetime(2027, 1, 2)
        self.refused(book, tmp_path, "got the date 2027-01-02. Fix: format the cell as a number")

    def test_a_damaged_or_protected_workbook(self, tmp_path: Path) -> None:
        pytest.importorskip("openpyxl")
        (tmp_path / "book.xlsx").write_bytes(b"PK nothing of a workbook")
        with pytest.raises(hw.UsageError, match="damaged, protected by a password"):
            import_table(tmp_path / "book.xlsx", tmp_path / "case")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("old.xls", "is not an .xlsx workbook: save it as one"),
        ("one.csv", "is one table: give the directory"),
        ("absent.xlsx", "does not exist"),
        (".", "holds no CSV file"),
    ],
)
def test_what_is_no_spreadsheet(name: str, message: str, tmp_path: Path) -> None:
    if name in ("old.xls", "one.csv"):
        (tmp_path / name).write_text("a")
    source = tmp_path / name
    if name == ".":
        source = tmp_path / "empty"
        source.mkdir()
    with pytest.raises(hw.UsageError, match=message):
        import_table(source, tmp_path / "case")


class TestWhatIsUnderstood:
    """Habits that are no mistakes: recognised, said, and read."""

    @pytest.mark.parametrize(
        ("encoding", "said"),
        [("cp1252", "Latin-1"), ("utf-8-sig", "byte order mark"), ("utf-16", "UTF-16")],
    )
    def test_semicolons_decimal_commas_and_encodings(
        self, encoding: str, said: str, starters: dict[str, Rows], tmp_path: Path
    ) -> None:
        rows = edited(starters["one-reservoir"], cell("hydros", "name", "SÃO JOÃO"))
        rows = edited(rows, cell("inflow_seasonal_stats", "hydro", "SÃO JOÃO"))
        rows = edited(rows, cell("inflow_seasonal_stats", "hydro", "SÃO JOÃO", 2))
        rows = edited(rows, cell("storage", "hydro", "SÃO JOÃO"))
        commas = {
            name: [
                [one.replace(".", ",") if _is_number(one) else one for one in row] for row in lines
            ]
            for name, lines in rows.items()
        }
        commas["hydros"][1][4] = "1.234,5"
        for row in commas["stages"][1:]:
            row[:2] = ["/".join(reversed(day.split("-"))) for day in row[:2]]

        made = import_table(write(tmp_path / "s", commas, ";", encoding), tmp_path / "case")

        plain = edited(rows, cell("hydros", MOST, "1234.5"))
        same = import_table(write(tmp_path / "p", plain), tmp_path / "other")
        assert made.case.system == same.case.system
        assert made.case.system.hydros["SÃO JOÃO"].max_storage_hm3 == 1234.5
        assert any(said in sentence for sentence in made.said)
        assert any("';' between cells, decimal commas" in sentence for sentence in made.said)

    def test_titles_units_nothings_and_ids_that_are_left_out(
        self, starters: dict[str, Rows], tmp_path: Path
    ) -> None:
        def change(rows: Rows) -> None:
            thermals = [row[1:] for row in rows["thermals"]]
            units = ["", "", "MW", "MW", "$/MWh"]
            rows["thermals"] = [["Our plants"], thermals[0], units, *thermals[1:]]
            rows["inflow_seasonal_stats"][0][0] = " Hydro "
            line("settings", "config.json", "training.tree_seed", "n/a")(rows)

        root = write(tmp_path / "s", edited(starters["one-reservoir"], change))
        made = import_table(root, tmp_path / "case")

        plain = import_table(write(tmp_path / "p", starters["one-reservoir"]), tmp_path / "other")
        assert made.case.system == plain.case.system
        assert "a row of units is left out: thermals" in made.said

    def test_names_of_months_in_a_table_of_years(
        self, starters: dict[str, Rows], tmp_path: Path
    ) -> None:
        def change(rows: Rows) -> None:
            months = ["jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "dez"]
            months.insert(10, "Nov")
            rows["inflow_history"][0][1:] = ["Ano", *months]

        root = write(tmp_path / "s", edited(starters["from-history"], change))
        made = import_table(root, tmp_path / "case")

        plain = import_table(write(tmp_path / "p", starters["from-history"]), tmp_path / "other")
        assert made.case.system == plain.case.system
        assert "a table of years and months: inflow_history" in made.said


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "." in text
