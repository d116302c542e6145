"""What decks of other months bring: each becomes a case that trains, or is refused in words."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import headwater as hw
from headwater.errors import CaseError
from headwater.imports.newave import import_newave
from newave_decks import (
    ALTA,
    BAIXA,
    MEIA,
    N_STATIONS,
    NOVA,
    records,
    small_deck,
    write_deck,
)

Files = dict[str, list[str]]
Change = Callable[[Files], None]
BINARY = ("hidr.dat", "vazoes.dat")


def setting(label: str, value: object) -> Change:
    """A number of the settings."""

    def change(files: Files) -> None:
        rows = files["dger.dat"]
        at = [n for n, row in enumerate(rows) if row[:21].strip() == label]
        assert len(at) == 1
        rows[at[0]] = label.ljust(21) + str(value).rjust(4)

    return change


def replaced(file: str, pattern: str, by: str) -> Change:
    """Lines in which a pattern is replaced."""

    def change(files: Files) -> None:
        text, times = re.subn(pattern, by, "\n".join(files[file]), flags=re.MULTILINE)
        assert times, pattern
        files[file] = text.split("\n")

    return change


def added(file: str, at: int, *lines: str) -> Change:
    def change(files: Files) -> None:
        files[file][at:at] = lines

    return change


def both(*changes: Change) -> Change:
    def change(files: Files) -> None:
        for one in changes:
            one(files)

    return change


def only_headings(files: Files) -> None:
    for name, heads in {
        **{"agrint": 3, "re": 2, "ghmin": 2, "adterm": 2, "c_adic": 2, "dsvagua": 2},
        **{"penalid": 2, "modif": 2, "expt": 2, "manutt": 2, "exph": 3},
    }.items():
        files[f"{name}.dat"] = files[f"{name}.dat"][:heads]


def empty(files: Files) -> None:
    for name in (
        *("agrint", "re", "ghmin", "adterm", "c_adic", "dsvagua", "penalid", "modif", "loss"),
        *("expt", "manutt", "exph"),
    ):
        files[f"{name}.dat"] = []


def one_load_level(files: Files) -> None:
    rows = []
    for number, row in enumerate(files["patamar.dat"]):
        shares = re.findall(r"\d\.\d{4}", row)
        if len(shares) == 12 and not re.match(r" {0,3}\d{4}", row):
            continue  # the second and the third level
        rows.append("  1" if number == 2 else re.sub(r"\d\.\d{4}", "1.0000", row))
    files["patamar.dat"] = rows
    files["adterm.dat"] = [re.sub(r"(\d+\.00 +)\d.*", r"\1", row) for row in files["adterm.dat"]]


def renumbered(files: Files) -> None:
    """Submarket 2 is 31, and the node 7 is 100."""
    for file, pattern, by in (
        ("sistema.dat", r"^ 2   SOUTH", " 31  SOUTH"),
        ("sistema.dat", r"^ 7   KNOT", " 100 KNOT"),
        ("sistema.dat", r"^   1   2 ", "   1  31 "),
        ("sistema.dat", r"^   2$", "  31"),
        ("ree.dat", r"SOUTH {10}2", "SOUTH         31"),
        ("conft.dat", r"OLEO {14}2 ", "OLEO             31 "),
        ("c_adic.dat", r"^   2  SOUTH", "  31  SOUTH"),
        ("patamar.dat", r"^   2$", "  31"),
        ("patamar.dat", r"^   1   2$", "   1  31"),
        ("patamar.dat", r"^   2   1$", "  31   1"),
        ("agrint.dat", r"^   1   1   2 ", "   1   1  31 "),
        ("loss.dat", r"0002", "0031"),
    ):
        replaced(file, pattern, by)(files)


def every_card(files: Files) -> None:
    coefficients = "".join(f"{value:15.6f}" for value in (100.0, 0.01, 0.0, 0.0, 0.0))
    files["modif.dat"][2:2] = [
        " USINA    4      BAIXA",
        " VOLMIN   210.000 'h'",
        " VOLMAX    95.000 '%'",
        " NUMCNJ     1",
        " NUMMAQ     3  1",
        " POTEFE   110.00     1",
        " PRODESP  0.0088",
        " TEIF      2.5",
        " IP        7.1",
        " PERDHIDR  1.2",
        " COEFEVAP   20   3",
        f" VOLCOTA {coefficients}",
        f" COTAREA {coefficients.replace('100', ' 50')}",
        " VAZMIN    10",
        " NUMBAS      5",
        " CMONT     8 2021  108.00",
        " VMAXT     7 2021  90.000 '%'",
        " VMINT     7 2021  10.000 '%'",
        " VMINP     7 2021  15.000 '%'",
        " VAZMINT   9 2021   25.00",
        " VAZMAXT   9 2021 4000.00",
        " TURBMAXT  9 2021  400.00",
        " TURBMINT  9 2021   10.00",
        " NUMPOS   6",
    ]


def without_plants(*names: str) -> Change:
    def change(files: Files) -> None:
        files["confhd.dat"] = [
            row for row in files["confhd.dat"] if not any(f" {one} " in row for one in names)
        ]

    return change


def fused_months(files: Files) -> None:
    """Months and years of individual modelling beside each equivalent reservoir."""
    files["ree.dat"][3:5] = [row.ljust(22) + "12 2021" for row in files["ree.dat"][3:5]]


GOOD: dict[str, Change] = {
    "that begins in July": setting("MES INICIO DO ESTUDO", 7),
    "that begins in December": setting("MES INICIO DO ESTUDO", 12),
    "of the last year of the loads": both(
        setting("ANO INICIO DO ESTUDO", 2022), setting("No. DE ANOS DO EST", 1)
    ),
    "of one year": setting("No. DE ANOS DO EST", 1),
    "without years after the study": setting("No. DE ANOS POS", 0),
    "with five years after the study": setting("No. DE ANOS POS", 5),
    "with maintenance of two years": setting("No. ANOS MANUT.UTE'S", 2),
    "without past inflows in the model": setting("ORDEM MAX. PAR(P)", 0),
    "with CVaR by month": setting("CVAR", 2),
    "with curves of least storage": setting("C.AVERSAO/PENAL.VMINP", 1),
    "with optional files that are empty": empty,
    "with optional files of headings only": only_headings,
    "with one load level": one_load_level,
    "with other numbers of submarkets": renumbered,
    "with months of individual modelling": fused_months,
    "with every card of a plant": every_card,
    "with cards in small letters": replaced("modif.dat", r"(VMAXT|USINA|CFUGA)", "vmaxt"),
    "without the plant at the top": without_plants("ALTA"),
    "without the plant in the middle": without_plants("MEIA"),
    "with a single plant": without_plants("ALTA", "MEIA", "FICT.MEIA", "NOVA"),
    "with a plant that comes too late": replaced("exph.dat", r"6/2021", "6/2041"),
    "with a plant that came before": replaced("exph.dat", r"(\d)/2021", r"\1/2019"),
    "with turbines of existing plants": added(
        "exph.dat", 3, "   1 ALTA                                      9/2021  100.0   1  1"
    ),
    "with an expansion of no plant of it": added(
        "exph.dat", 3, "  99 NOWHERE                                   9/2021  100.0   1  1"
    ),
    "with changes of thermals around it": added(
        "expt.dat",
        2,
        "   1 FCMAX    50.00 12 2016  1 2018",
        "   1 TEIFT   150.00  1 2023  1 2020",
        "9998 POTEF   100.00  1 2021",
        "   1 GTMIN  9999.00  1 2021  6 2021",
    ),
    "with maintenance around it": added(
        "manutt.dat",
        2,
        " 1OWNER            1GAS              1 01112020 120    100.00",
        " 1OWNER            1GAS              2 15122022 999    100.00",
    ),
    "with four steps of the deficit": replaced(
        "sistema.dat",
        r"4000\.00 0000\.00 0000\.00 0000\.00 1\.000 0\.000 0\.000 0\.000",
        "1470.57 3172.47 6630.01 7534.44 0.050 0.050 0.100 0.800",
    ),
    "without thermal plants": lambda files: files.update({"conft.dat": files["conft.dat"][:2]}),
    "with an exchange to no submarket of groups": replaced(
        "agrint.dat", r"^   1   1   2", "   1   1   7"
    ),
}


def try_it(deck: Path, case: Path) -> str:
    """Import, validate, train an iteration; returns the report of files."""
    made = import_newave(deck, case, forward_passes=2, iterations=1, scenarios=2, force=True)
    report = hw.validate_case(made.case)
    assert report.ok, str(report)
    policy = hw.train(made.case, progress=False, threads=1)
    assert np.isfinite(policy.lower_bound)
    return (made.case / "import-report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", GOOD)
def test_a_deck(name: str, tmp_path: Path) -> None:
    files = small_deck()
    GOOD[name](files)
    try_it(write_deck(tmp_path / "deck", files), tmp_path / "case")


def test_bytes_of_text_files_may_be_written_in_many_ways(tmp_path: Path) -> None:
    """Ends of lines, blanks, encodings, marks: the case stays the same."""

    def variant(name: str, change: Callable[[str], bytes]) -> dict[str, bytes]:
        deck = write_deck(tmp_path / name)
        for path in deck.iterdir():
            if path.name not in BINARY:
                path.write_bytes(change(path.read_bytes().decode("latin-1")))
        case = import_newave(deck, tmp_path / f"case-{name}").case
        return {
            str(path.relative_to(case)): path.read_bytes()
            for path in case.rglob("*")
            if path.is_file() and path.name != "import-report.md"
        }

    plain = variant("plain", lambda text: text.encode("latin-1"))
    assert variant("unix", lambda text: text.replace("\r\n", "\n").encode("latin-1")) == plain
    assert variant("utf-8", lambda text: text.encode("utf-8")) == plain
    assert variant("mark", lambda text: text.encode("utf-8-sig")) == plain
    assert variant("end", lambda text: text.encode("latin-1") + b"\x1a") == plain
    assert variant("padded", lambda text: text.replace("\r\n", "    \r\n").encode()) == plain
    stripped = variant("cut", lambda text: re.sub(r" +(?=\r\n)", "", text).encode())
    assert stripped == plain


def test_a_deck_may_be_packed_or_lie_in_a_folder(tmp_path: Path) -> None:
    deck = write_deck(tmp_path / "all" / "2021-05")
    assert import_newave(tmp_path / "all", tmp_path / "a").counts["hydro plants"] == 4
    packed, twice = tmp_path / "deck.zip", tmp_path / "twice.zip"
    with zipfile.ZipFile(packed, "w") as file:
        for path in deck.iterdir():
            file.write(path, f"DECK/{path.name}")
    with zipfile.ZipFile(twice, "w") as file:
        file.write(packed, "inner.zip")
    assert import_newave(packed, tmp_path / "b").counts["hydro plants"] == 4
    assert import_newave(twice, tmp_path / "c").counts["hydro plants"] == 4
    text = tmp_path / "some.txt"
    text.write_text("no deck", encoding="utf-8")
    with pytest.raises(CaseError, match=r"some\.txt' is neither a directory nor a zip file"):
        import_newave(text, tmp_path / "d")
    packed.write_bytes(packed.read_bytes()[:-3000])
    with pytest.raises(CaseError, match="neither a directory nor a zip file"):
        import_newave(packed, tmp_path / "e")


def test_files_that_are_cut_in_the_middle_never_end_in_a_traceback(tmp_path: Path) -> None:
    deck = write_deck(tmp_path / "deck")
    whole = {path: path.read_bytes() for path in deck.iterdir()}
    refused: set[str] = set()
    unnamed: list[str] = []
    for path, content in whole.items():
        path.write_bytes(content[: int(len(content) * 0.55)])
        try:
            import_newave(deck, tmp_path / "case", force=True)
        except CaseError as problem:
            refused.add(path.name)
            unnamed += [path.name] if path.name not in str(problem).lower() else []
        path.write_bytes(content)
    assert unnamed == []
    assert refused >= {"arquivos.dat", "modif.dat"}


def test_records_of_six_hundred_stations_are_read(tmp_path: Path) -> None:
    flows = np.frombuffer(records(), "<i4").reshape(-1, N_STATIONS)
    wide = np.zeros((len(flows), 600), "<i4")
    wide[:, :N_STATIONS] = flows
    deck = write_deck(tmp_path / "deck", flows=wide.tobytes())
    first = import_newave(deck, tmp_path / "wide").case
    second = import_newave(write_deck(tmp_path / "same"), tmp_path / "narrow").case
    history = "scenarios/inflow_history.parquet"
    assert (first / history).read_bytes() == (second / history).read_bytes()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (setting("DURACAO DO PERIODO", 2), "stages of one month"),
        (setting("MES INICIO DO ESTUDO", 13), "a first month from 1 to 12"),
        (setting("No. DE ANOS DO EST", 0), "at least one year"),
        (setting("No DE ABERTURAS", 0), "at least one opening is expected, got 0"),
        (setting("ANO INICIO DO ESTUDO", 2035), "durations of the load levels are expected"),
        (replaced("ree.dat", "NORTH          1", "NORTH          5"), "names the submarket 5"),
        (replaced("ree.dat", "   2 SOUTH", "   3 SOUTH"), "the equivalent reservoir 2"),
        (replaced("vazpast.dat", r"^   12", "   13"), "gauging station 12"),
    ],
)
def test_what_cannot_be_a_study_is_refused_in_words(
    change: Change, expected: str, tmp_path: Path
) -> None:
    files = small_deck()
    change(files)
    with pytest.raises(CaseError, match=expected):
        import_newave(write_deck(tmp_path / "deck", files), tmp_path / "case")


def test_plants_that_begin_after_the_last_stage_are_named(imported) -> None:
    lines = [row.replace("6/2021", "6/2041") for row in small_deck()["exph.dat"]]
    case = imported({"exph.dat": lines})
    assert {one["id"] for one in case.file("system/hydros.json")["hydros"]} == {ALTA, MEIA, BAIXA}
    assert "plants that begin after the last stage: NOVA" in case.notes("confhd.dat")
    assert NOVA not in {one["hydro_id"] for one in case.file("initial_conditions.json")["storage"]}
