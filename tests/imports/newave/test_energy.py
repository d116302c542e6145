from __future__ import annotations

import pytest

from newave_decks import record, small_deck

RHO = {
    "ALTA": 0.009 * (100.0 + 0.01 * 600.0 - 41.0),
    "MEIA": 0.009 * (100.0 + 0.01 * 50.0 - 41.0),
    "BAIXA": 0.009 * (100.0 + 0.01 * 450.0 - 45.0) * 0.9,
}
"""Productivities at the first stage, by hand."""
MONTH = 0.0036 * 730.5
"""hm3 of 1 m3/s in a month."""


def test_stored_energy_counts_in_every_submarket_that_the_water_passes(imported):
    north, south = imported().made.energies.markets
    alta, baixa = 400.0, 400.0  # above the minimum: 40 % of 1000, 80 % of 500 hm3
    assert north.stored == pytest.approx(alta / MONTH * (RHO["ALTA"] + RHO["MEIA"]), rel=1e-6)
    assert south.stored == pytest.approx((alta + baixa) / MONTH * RHO["BAIXA"], rel=1e-6)
    assert north.largest_stored == pytest.approx(north.stored * 1000.0 / 400.0)


def test_beyond_the_border_no_more_water_counts_than_the_copy_of_the_reservoir_holds(imported):
    deck = small_deck()
    copy = "   10 FICT.ALTA      11     9    2  40.00   EX      1     1931     2020"
    files = {
        "confhd.dat": [*deck["confhd.dat"], copy],
        "modif.dat": [*deck["modif.dat"][:-1], " USINA   10", " VOLMAX   30.000 '%'", " 9999"],
    }
    registry = {10: record("FICT.ALTA", station=11, storage=(100.0, 1100.0), specific=0.0)}
    north, south = imported(files, registry).made.energies.markets
    assert north.stored == pytest.approx(400.0 / MONTH * (RHO["ALTA"] + RHO["MEIA"]), rel=1e-6)
    assert south.stored == pytest.approx((300.0 + 400.0) / MONTH * RHO["BAIXA"], rel=1e-6)
    assert south.largest_stored == pytest.approx((300.0 + 500.0) / MONTH * RHO["BAIXA"], rel=1e-6)


def test_inflow_energy_is_that_of_natural_flows_of_the_month_before_the_study(imported):
    north, south = imported().made.energies.markets
    assert north.inflow == pytest.approx(104.0 * RHO["ALTA"] + 134.0 * RHO["MEIA"], rel=1e-6)
    assert south.inflow == pytest.approx(304.0 * RHO["BAIXA"], rel=1e-6)


def test_mean_power_is_what_turbines_make_of_the_mean_flow(imported):
    plants = {one.name: one for one in imported().made.energies.plants}
    alta = plants["ALTA"]
    assert alta.capacity_mw == pytest.approx(200.0 * 0.9 * 0.95)
    assert alta.mean_power_mw == pytest.approx(alta.mean_inflow_m3s * RHO["ALTA"], rel=1e-6)
    baixa = plants["BAIXA"]
    assert baixa.mean_power_mw < baixa.capacity_mw
    assert baixa.mean_inflow_m3s > alta.mean_inflow_m3s


def test_the_page_of_the_import_shows_both(imported):
    page = (imported().root / "import-report.md").read_text(encoding="utf-8")
    assert "## Water as energy" in page
    row = next(line for line in page.splitlines() if line.startswith("| NORTH "))
    assert "40.0 %" in row
    assert any(line.startswith("| BAIXA ") for line in page.splitlines())


def test_a_reservoir_without_turbines_makes_no_energy_of_its_own(imported):
    lines = [line for line in small_deck()["modif.dat"] if "USINA    4" not in line]
    changed = [*lines[:-1], " USINA    1", " NUMCNJ     0", lines[-1]]
    made = imported({"modif.dat": changed}).made
    assert next(one for one in made.energies.plants if one.name == "ALTA").mean_power_mw == 0.0
