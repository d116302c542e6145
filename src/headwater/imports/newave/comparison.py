"""Results of a deck's case beside what NEWAVE answered for the same deck."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headwater.errors import UsageError
from headwater.imports.newave.deck import Deck
from headwater.imports.newave.hydro_files import read_system
from headwater.imports.newave.opened import opened_deck
from headwater.imports.newave.outputs import NAMES, QUANTITIES, Answers, Places, read_answers
from headwater.imports.newave.own_results import Means, OwnStudy, own_means
from headwater.imports.newave.settings import Settings, read_settings
from headwater.results.reader import Results, load_results

COMPARISON_NAME = "compare-newave.csv"

_SCHEMA = {
    "quantity": pl.String,
    "unit": pl.String,
    "submarket_id": pl.Int64,
    "submarket": pl.String,
    "month": pl.Date,
    "newave": pl.Float64,
    "headwater": pl.Float64,
    "difference": pl.Float64,
    "difference_percent": pl.Float64,
    "file": pl.String,
}


@dataclass(frozen=True)
class NewaveComparison:
    """Both answers side by side.

    Attributes:
        table: a row for each quantity, submarket and month, see `_SCHEMA`: means over the series
            of NEWAVE and over the scenarios of Headwater, and the former's file; empty cells where
            one of them has nothing.
        read: output files that something was taken from.
        missing: quantity -> files that would have it and were not found.
        notes: files that could not be read or matched, and why.
        bounds: last lower bounds in $ of NEWAVE and of Headwater.

    Examples:
        >>> found = compare_newave("deck", "case/output")
        >>> found.bounds, found.table.head()
    """

    table: pl.DataFrame
    read: tuple[str, ...]
    missing: dict[str, str]
    notes: tuple[str, ...]
    bounds: tuple[float | None, float | None]

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the table as a CSV file."""
        target = Path(path)
        self.table.write_csv(target)
        return target

    def means(self) -> pl.DataFrame:
        """Means over the months that both have, or that Headwater has where NEWAVE has none.

        Columns: quantity, unit, submarket, months, newave, headwater, difference_percent.
        """
        both = pl.col("newave").is_not_null() & pl.col("headwater").is_not_null()
        some = both.any().over("quantity", "submarket_id")
        used = self.table.filter(both | ~some)
        means = used.group_by("quantity", "unit", "submarket", maintain_order=True).agg(
            pl.len().alias("months"), pl.col("newave", "headwater").mean()
        )
        return means.with_columns(_percent().alias("difference_percent"))


def compare_newave(
    deck: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    outputs: str | os.PathLike[str] | None = None,
) -> NewaveComparison:
    """Set results of a deck's case beside the output files of NEWAVE.

    Args:
        deck: directory with the deck, or a zip file of it.
        output: output directory of Headwater, of a case that was made of the deck.
        outputs: directory with NEWAVE's output files, when it is not the deck's own.

    Returns:
        Both answers; without output files those of Headwater alone.

    Raises:
        DeckError: the deck cannot be read.
        ResultsError: there are no results in ``output``.
        UsageError: they are of another case, or have no simulation; or a directory is not there.

    Examples:
        >>> compare_newave("deck", "case/output").table
    """
    results = load_results(Path(output))
    with opened_deck(deck) as source:
        directory = source.directory if outputs is None else Path(outputs)
        if not directory.is_dir():
            raise UsageError(f"there is no directory '{directory}' with output files of NEWAVE")
        return _compared(source, results, directory)


def _compared(source: Deck, results: Results, directory: Path) -> NewaveComparison:
    """Results beside the output files of a directory."""
    settings = read_settings(source)
    names, reservoirs = _markets(source)
    system, _ = read_system(source, settings)
    thermals = {
        row["codigo_usina"]: row["submercado"] for row in source.table("conft", "Conft", "usinas")
    }
    own = own_means(results, OwnStudy(settings, system, thermals))
    places = _places(settings, names, reservoirs)
    answers = read_answers(directory, places)
    has = {quantity for quantity, _ in answers.means}
    bound = results.training_metadata["lower_bound"]["value"] if results.has_training else None
    return NewaveComparison(
        pl.DataFrame(list(_rows(own, answers, names)), schema=_SCHEMA, orient="row").with_columns(
            (pl.col("headwater") - pl.col("newave")).alias("difference"),
            _percent().alias("difference_percent"),
        ),
        tuple(answers.read),
        {one.meaning: NAMES[one.name] for one in QUANTITIES if one.name not in has},
        tuple(answers.notes),
        (None if answers.bound is None else answers.bound * _MILLION, bound),
    )


_MILLION = 1e6
"""Bounds in ``pmo.dat`` are in millions."""


def _percent() -> pl.Expr:
    newave, headwater = pl.col("newave"), pl.col("headwater")
    return pl.when(newave != 0.0).then(100.0 * (headwater - newave) / newave)


def _markets(deck: Deck) -> tuple[dict[int, str], dict[str, int]]:
    """Names of submarkets, and the submarket of equivalent reservoirs by name."""
    system = deck.read("sistema", "Sistema")
    names = {
        row["codigo_submercado"]: str(row["nome_submercado"] or row["codigo_submercado"]).strip()
        for row in deck.rows("sistema", system.custo_deficit)
    }
    reservoirs = {
        str(row["nome"]).strip().upper(): row["submercado"]
        for row in deck.table("ree", "Ree", "rees")
    }
    return names, reservoirs


def _places(settings: Settings, names: dict[int, str], reservoirs: dict[str, int]) -> Places:
    months = settings.horizon.months[: settings.horizon.n_study]
    return Places(
        months,
        {name.upper(): code for code, name in names.items()},
        reservoirs,
        dict(zip(months, settings.block_hours[: len(months)], strict=True)),
    )


def _rows(own: Means, answers: Answers, names: dict[int, str]) -> Iterator[tuple[Any, ...]]:
    for quantity in QUANTITIES:
        for market, name in names.items():
            key = (quantity.name, market)
            theirs, ours = answers.means.get(key, {}), own.get(key, {})
            for month in sorted({*theirs, *ours}):
                yield (
                    *(quantity.name, quantity.unit, market, name, month),
                    *(theirs.get(month), ours.get(month), None, None),
                    answers.sources.get(key) if month in theirs else None,
                )
