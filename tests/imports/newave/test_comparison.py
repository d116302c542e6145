"""Results beside output files of NEWAVE; the files are written with the columns of inewave."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headwater as hw
from headwater.errors import UsageError
from headwater.imports.newave import NewaveComparison, compare_newave, import_newave
from newave_decks import ALTA, BAIXA, MEIA, NOVA, small_deck, write_deck
from newave_outputs import write_convergence, write_means, write_table

MAY = date(2021, 5, 1)
MONTHS = 20
"""Months of the study of the small deck, from May 2021 to the end of 2022."""
HM3_OF_A_MONTH = 0.0036 * 730.5
"""What 1 m3/s carries in a month of the mean year."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The small deck, and the results of its case."""
    root = tmp_path_factory.mktemp("compare")
    deck = write_deck(root / "deck")
    made = import_newave(deck, root / "case", forward_passes=2, iterations=3, scenarios=4)
    hw.run(made.case, progress=False, threads=1)
    return deck, made.case / "output"


@pytest.fixture
def hydros(run: tuple[Path, Path]) -> pl.DataFrame:
    return hw.load_results(run[1]).table("hydros", names=False)


def one(found: NewaveComparison, quantity: str, market: int, month: date) -> dict[str, Any]:
    return found.table.row(
        by_predicate=(pl.col("quantity") == quantity)
        & (pl.col("submarket_id") == market)
        & (pl.col("month") == month),
        named=True,
    )


def years(first: float, *, levels: tuple[Any, ...] = ()) -> dict[int, list[dict[str, Any]]]:
    """Two series: the second has three more than the first; months of a year count up."""

    def rows(year: int) -> list[dict[str, Any]]:
        start = first + 100.0 * (year - 2021)
        return [
            {
                "serie": serie,
                "patamar": level,
                "values": [start + 3.0 * (serie - 1) + n for n in range(12)],
            }
            for serie in (1, 2)
            for level in levels or (None,)
        ]

    return {year: rows(year) for year in (2021, 2022)}


def test_without_output_files_the_own_figures_stand_alone_and_it_is_said(run):
    found = compare_newave(*run)
    assert found.read == ()
    assert set(found.missing.values()) >= {"earmfmNNN.out", "gttotNNN.out"}
    assert found.table["newave"].null_count() == found.table.height
    assert found.table.filter(pl.col("quantity") == "marginal_cost")["month"].n_unique() == MONTHS


def test_means_over_the_series_of_the_months_of_the_study_are_taken(run, tmp_path):
    write_table(tmp_path / "EARMFM001.OUT", "earmfm", "SUBMERCADO:NORTH", years(50.0))
    found = compare_newave(*run, outputs=tmp_path)
    assert found.read == ("EARMFM001.OUT",)
    # May is the fifth month: 50 + 4 of the first series, three more of the second; whole numbers
    assert one(found, "stored_energy", 1, MAY)["newave"] == (54.0 + 57.0) / 2.0
    assert one(found, "stored_energy", 1, date(2022, 12, 1))["newave"] == (161.0 + 164.0) / 2.0
    assert one(found, "stored_energy", 2, MAY)["newave"] is None
    rows = found.table.filter(pl.col("newave").is_not_null())
    assert rows.height == MONTHS


def test_load_levels_add_up_unless_the_file_states_their_total(run, tmp_path):
    with_total = years(10.0, levels=("1", "2", "3", "TOTAL"))
    write_table(tmp_path / "gttot001.out", "gttot", "SUBMERCADO:NORTH", with_total)
    write_table(
        tmp_path / "gttot002.out", "gttot", "SUBMERCADO:SOUTH", years(10.0, levels=("1", "2", "3"))
    )
    found = compare_newave(*run, outputs=tmp_path)
    assert one(found, "thermal_generation", 1, MAY)["newave"] == pytest.approx(15.5)
    assert one(found, "thermal_generation", 2, MAY)["newave"] == pytest.approx(3 * 15.5)


@pytest.mark.parametrize(("kind", "version"), [("cmarg", "30.0.1"), ("cmarg27", "24")])
def test_marginal_costs_of_load_levels_are_weighted_with_hours(run, tmp_path, kind, version):
    table = years(0.0, levels=(1, 2, 3))
    for rows in table.values():
        for row in rows:
            row["values"] = [100.0 * row["patamar"] ** 2] * 12
    write_table(tmp_path / "cmarg001.out", kind, "SUBMERCADO:NORTH", table, version)
    found = compare_newave(*run, outputs=tmp_path)
    # levels last 10, 50 and 40 % of every month
    assert one(found, "marginal_cost", 1, MAY)["newave"] == pytest.approx(10.0 + 200.0 + 360.0)


def test_generation_of_equivalent_reservoirs_adds_up_to_submarkets(run, tmp_path):
    for number, name in ((1, "NORTH"), (2, "SOUTH")):
        write_table(
            tmp_path / f"ghtot00{number}.out",
            "ghtot",
            f"REE: {name}",
            years(float(number), levels=("TOTAL",)),
        )
    found = compare_newave(*run, outputs=tmp_path)
    assert one(found, "hydro_generation", 2, MAY)["newave"] == pytest.approx(7.5)


def test_the_table_of_means_serves_where_a_file_is_missing(run, tmp_path):
    write_table(tmp_path / "saidas" / "earmfm001.out", "earmfm", "SUBMERCADO:NORTH", years(50.0))
    write_means(
        tmp_path / "MEDIAS-MERC.CSV",
        [
            ("EARMF", 1, [1.0] * MONTHS),
            ("EARMF", 2, [2.0] * MONTHS),
            ("GTERM", 2, [30.0] * MONTHS),
            ("VENTO", 1, [5.0] * MONTHS),
        ],
    )
    write_convergence(tmp_path / "pmo.dat", [1.0, 2.5])
    found = compare_newave(*run, outputs=tmp_path)
    assert one(found, "stored_energy", 1, MAY)["newave"] == 55.5
    assert one(found, "stored_energy", 2, MAY)["newave"] == 2.0
    assert one(found, "thermal_generation", 2, date(2022, 12, 1))["newave"] == 30.0
    assert found.notes == ("MEDIAS-MERC.CSV: not compared: VENTO",)
    own = hw.load_results(run[1]).training_metadata["lower_bound"]["value"]
    assert found.bounds == (2.5e6, own)


def test_files_that_are_cut_or_of_another_deck_are_notes(run, tmp_path):
    write_table(tmp_path / "earmfm001.out", "earmfm", "SUBMERCADO:MARS", years(50.0))
    (tmp_path / "gttot001.out").write_text("SUBMERCADO:NORTH\n     ANO: 20")
    (tmp_path / "MEDIAS-MERC.CSV").write_text("")
    found = compare_newave(*run, outputs=tmp_path)
    assert found.read == ()
    assert any(note.startswith("earmfm001.out: it is of 'MARS'") for note in found.notes)
    assert any(note.startswith("gttot001.out: ") for note in found.notes)
    assert any(note.startswith("MEDIAS-MERC.CSV: cannot be read") for note in found.notes)


def test_own_generation_and_stored_energy_are_those_of_the_results(run, hydros):
    found = compare_newave(*run)
    may = hydros.filter(pl.col("stage_id") == 0)
    energy = may.filter(pl.col("hydro_id").is_in([ALTA, MEIA]))["generation_mwh"].sum()
    power = energy / 4 / (31 * 24)
    assert one(found, "hydro_generation", 1, MAY)["headwater"] == pytest.approx(power)
    productivity = dict(may.select("hydro_id", "productivity_mw_per_m3s").unique().iter_rows())
    stored = {
        plant: may.filter(pl.col("hydro_id") == plant)["storage_final_hm3"].mean()
        for plant in (ALTA, BAIXA)
    }
    above = {
        ALTA: (stored[ALTA] - 100.0) / HM3_OF_A_MONTH,
        BAIXA: (stored[BAIXA] - 200.0) / HM3_OF_A_MONTH,
    }
    north = above[ALTA] * (productivity[ALTA] + productivity[MEIA])
    south = (above[ALTA] + above[BAIXA]) * productivity[BAIXA]
    assert one(found, "stored_energy", 1, MAY)["headwater"] == pytest.approx(north)
    assert one(found, "stored_energy", 2, MAY)["headwater"] == pytest.approx(south)
    full_north = (1000.0 / HM3_OF_A_MONTH) * (productivity[ALTA] + productivity[MEIA])
    share = one(found, "stored_share", 1, MAY)["headwater"]
    assert share == pytest.approx(100.0 * north / full_north)


def test_own_inflow_energy_counts_every_plant_that_the_river_passes(run, hydros):
    found = compare_newave(*run)
    last = hydros.filter(pl.col("stage_id") == MONTHS - 1, pl.col("block_id") == 0)
    own = {
        plant: last.filter(pl.col("hydro_id") == plant)["incremental_inflow_m3s"].mean()
        for plant in (ALTA, MEIA, BAIXA, NOVA)
    }
    productivity = dict(last.select("hydro_id", "productivity_mw_per_m3s").unique().iter_rows())
    south = sum(own.values()) * productivity[BAIXA] + own[NOVA] * productivity[NOVA]
    month = date(2022, 12, 1)
    assert one(found, "inflow_energy", 2, month)["headwater"] == pytest.approx(south)


def test_own_marginal_costs_are_weighted_with_hours(run):
    found = compare_newave(*run)
    buses = hw.load_results(run[1]).table("buses", names=False)
    may = buses.filter(pl.col("stage_id") == 0, pl.col("bus_id") == 1)
    weight = pl.Series([0.1, 0.5, 0.4])
    by_level = may.group_by("block_id").agg(pl.col("spot_price").mean()).sort("block_id")
    expected = (by_level["spot_price"] * weight).sum()
    assert one(found, "marginal_cost", 1, MAY)["headwater"] == pytest.approx(expected)


def test_results_of_another_deck_are_refused(run, tmp_path):
    without = [line for line in small_deck()["confhd.dat"] if "ALTA" not in line]
    other = write_deck(tmp_path / "deck", {**small_deck(), "confhd.dat": without})
    with pytest.raises(UsageError, match=r"not of a case made of this deck.*plants \[1\]"):
        compare_newave(other, run[1])
    with pytest.raises(UsageError, match="no directory"):
        compare_newave(*run, outputs=tmp_path / "nowhere")


def test_the_table_is_written_as_csv(run, tmp_path):
    write_table(tmp_path / "earmfm001.out", "earmfm", "SUBMERCADO:NORTH", years(50.0))
    found = compare_newave(*run, outputs=tmp_path)
    read = pl.read_csv(
        found.write_csv(tmp_path / "both.csv"), try_parse_dates=True, infer_schema_length=None
    )
    assert read.columns == found.table.columns
    row = read.row(by_predicate=pl.col("file").is_not_null() & (pl.col("month") == MAY), named=True)
    assert row["difference"] == pytest.approx(row["headwater"] - 55.5)
    assert row["difference_percent"] == pytest.approx(100.0 * row["difference"] / 55.5)
