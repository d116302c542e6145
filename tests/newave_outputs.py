"""Output files of NEWAVE, written with the columns with which inewave reads them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BLOCKS = {
    "earmfm": ("earmfm", "EarmsAnos"),
    "earmfpm": ("earmfpm", "EarmsAnos"),
    "eafbm": ("eafbm", "EafsAnos"),
    "ghtotm": ("ghtotm", "GHAnos"),
    "ghtot": ("ghtot", "GHAnos"),
    "gttot": ("gttot", "GTAnos"),
    "cmarg": ("cmarg", "CmargsAnos"),
    "cmarg27": ("cmarg", "CmargsAnos27"),
    "cmargmed": ("cmargmed", "CmargsAnos"),
}
"""Kind of a table -> where inewave has its columns."""

Years = Mapping[int, Sequence[Mapping[str, Any]]]
"""Year -> rows: ``serie``, perhaps ``patamar``, and ``values`` of twelve months."""


def write_table(path: Path, kind: str, place: str, years: Years, version: str = "30.0.1") -> Path:
    """Write a table of nwlistop.

    Args:
        path: the file.
        kind: see `BLOCKS`.
        place: ``SUBMERCADO:NORTH`` and the like.
        years: what it says.
        version: of NEWAVE, in the heading.
    """
    from cfinterface.components.tabular import TabularParser
    from inewave.config import MESES_DF

    module, block = BLOCKS[kind]
    columns = getattr(importlib.import_module(f"inewave.nwlistop.modelos.{module}"), block).COLUMNS
    lines = [f"  PMO TEST  NW Versao {version}", "     TABLE".ljust(59) + place, ""]
    for year, rows in years.items():
        content = {
            column.name: [
                row[column.name]
                if column.name in ("serie", "patamar")
                else row["values"][MESES_DF.index(column.name)]
                for row in rows
            ]
            for column in columns
        }
        written = [line.rstrip("\n") for line in TabularParser(columns).format_rows(content)]
        lines += [
            f"     ANO: {year}",
            "        PAT          1        2   ",
            *written,
            " MEDIA ",
            "",
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="latin-1")
    return path


def write_means(path: Path, rows: Sequence[tuple[str, int, Sequence[float]]]) -> Path:
    """Write ``MEDIAS-MERC.CSV``: name of a variable, submarket, value of every stage."""
    n_stages = len(rows[0][2])
    lines = ["VAR,SBM_ext," + ",".join(str(n + 1) for n in range(n_stages)) + ","]
    lines += [
        f"{name},{market}," + ",".join(map(str, values)) + "," for name, market, values in rows
    ]
    path.write_text("\n".join(lines) + "\n", encoding="latin-1")
    return path


def write_convergence(path: Path, bounds: Sequence[float]) -> Path:
    """Write the table of convergence of ``pmo.dat``, with lower bounds in millions."""
    heading = "    ITER               LIM.INF.        "
    lines = [f"{heading}        ZINF           LIM.SUP.", "", ""]
    for number, bound in enumerate(bounds, 1):
        cells = (bound * 0.9, bound, bound * 1.1, bound * 1.2, 0.1, bound)
        lines.append(f"    {number:4} " + "".join(f"{value:23.2f}" for value in cells))
    path.write_text("\n".join([*lines, "", ""]) + "\n", encoding="latin-1")
    return path
