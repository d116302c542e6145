"""The page that tells of an import: what became of the files, and figures that engineers know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from headwater.imports.newave.energy import Energies
from headwater.imports.newave.report import ImportReport


def write_page(path: Path, report: ImportReport, energies: Energies) -> None:
    """Write the page in Markdown."""
    text = "\n".join(_lines(report, energies)) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _lines(report: ImportReport, energies: Energies) -> Iterator[str]:
    yield "# What became of the deck"
    yield ""
    yield "## Files"
    yield ""
    rows = [(row["file"], row["fate"], row["notes"].replace("|", "/")) for row in report.rows()]
    yield from _table(("File", "Became", "Notes"), rows)
    yield ""
    yield "## Water as energy"
    yield ""
    yield "In MW months, at the productivities of the case. Water counts in every submarket whose"
    yield "plants it passes. The usual inflow is the mean of the records in that month."
    yield ""
    headings = ("Submarket", "Full", "Stored", "Share", "Inflow before the study", "Usual", "Share")
    markets = [
        (
            one.name,
            f"{one.largest_stored:,.0f}",
            f"{one.stored:,.0f}",
            _percent(one.stored, one.largest_stored),
            f"{one.inflow:,.0f}",
            f"{one.mean_inflow:,.0f}",
            _percent(one.inflow, one.mean_inflow),
        )
        for one in energies.markets
    ]
    yield from _table(headings, markets)
    yield ""
    yield "## Hydro plants"
    yield ""
    yield "Power less outages, of all turbines; the mean inflow is the natural flow of the records,"
    yield "and the mean power what the turbines make of it without storage."
    yield ""
    plants = [
        (
            one.name,
            f"{one.capacity_mw:,.1f}",
            f"{one.productivity:.4f}",
            f"{one.mean_inflow_m3s:,.1f}",
            f"{one.mean_power_mw:,.1f}",
            _percent(one.mean_power_mw, one.capacity_mw),
        )
        for one in energies.plants
    ]
    units = ("Plant", "MW", "MW per m3/s", "Mean inflow in m3/s", "Mean power in MW", "Share")
    yield from _table(units, plants)


def _percent(part: float, whole: float) -> str:
    return f"{100.0 * part / whole:.1f} %" if whole > 0.0 else ""


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{' --- |' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
