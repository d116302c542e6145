"""Cases that small decks become."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from newave_decks import REGISTRY, small_deck, write_deck

pytest.importorskip("inewave")

from headwater.imports.newave import NewaveImport, import_newave


@dataclass
class Imported:
    """A case, its files as they were written, and the report."""

    made: NewaveImport

    @property
    def root(self) -> Path:
        return self.made.case

    def file(self, name: str) -> Any:
        return json.loads((self.root / name).read_text(encoding="utf-8"))

    def rows(self, name: str, **where: Any) -> list[dict[str, Any]]:
        table = pl.read_parquet(self.root / f"{name}.parquet")
        for column, value in where.items():
            table = table.filter(pl.col(column) == value)
        return table.sort(table.columns[:2]).to_dicts()

    def column(self, name: str, column: str, **where: Any) -> list[Any]:
        return [row[column] for row in self.rows(name, **where)]

    def hydro(self, code: int) -> dict[str, Any]:
        return next(one for one in self.file("system/hydros.json")["hydros"] if one["id"] == code)

    def thermal(self, code: int) -> dict[str, Any]:
        entries = self.file("system/thermals.json")["thermals"]
        return next(one for one in entries if one["id"] == code)

    def notes(self, file: str) -> str:
        return "; ".join(self.made.report.files[file].notes)

    def fate(self, file: str) -> str:
        return self.made.report.files[file].fate.value


Import = Callable[..., Imported]


@pytest.fixture(scope="session")
def small_case(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """The small deck as a case, made once."""
    directory = tmp_path_factory.mktemp("newave")
    deck = write_deck(directory / "deck")
    return Imported(import_newave(deck, directory / "case"))


@pytest.fixture
def imported(tmp_path: Path, small_case: Imported) -> Import:
    """Import the small deck with some of its files, or records of its registry, replaced."""

    def run(
        files: Mapping[str, Sequence[str] | None] | None = None,
        registry: Mapping[int, bytes] | None = None,
        flows: bytes | None = None,
        **options: Any,
    ) -> Imported:
        if not (files or registry or flows or options):
            return small_case
        changed = {**small_deck(), **(files or {})}
        given = {name: lines for name, lines in changed.items() if lines is not None}
        deck = write_deck(
            tmp_path / "deck", given, registry={**REGISTRY, **(registry or {})}, flows=flows
        )
        return Imported(import_newave(deck, tmp_path / "case", **options))

    return run
