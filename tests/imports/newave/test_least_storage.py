from __future__ import annotations

import pytest

from newave_decks import ALTA, BAIXA, small_deck

CURVE = [
    " CONFIGURACOES",
    "   1  11   1",
    " SIS     CUSTO",
    " XXX     XXXX.XX",
    "   1       500.00",
    "   2       600.00",
    " 999",
    " CURVA DE SEGURANCA (EM % DE EARMX)",
    " XXX",
    "       JAN.X",
    "   1",
    "2021  " + " ".join(["     "] * 4 + [" 20.0"] * 8),
    "2022  " + " ".join([" 30.0"] * 12),
    "9999",
]
MONTH = 0.0036 * 730.5


def deck(*, on: bool, cards: bool = False) -> dict[str, list[str]]:
    lines = small_deck()["dger.dat"]
    switch = f"{'C.AVERSAO/PENAL.VMINP':<21}{int(on):4}"
    files = {
        "dger.dat": [switch if line.startswith("C.AVERSAO") else line for line in lines],
        "curva.dat": CURVE,
    }
    if cards:
        changes = small_deck()["modif.dat"]
        files["modif.dat"] = [*changes[:-1], " VMINP     7 2021  40.000 '%'", changes[-1]]
    return files


def constraint(case, name):
    entries = case.file("constraints/generic_constraints.json")["constraints"]
    found = next(one for one in entries if one["name"] == name)
    rows = case.rows("constraints/generic_constraint_bounds", constraint_id=found["id"])
    return found, {row["stage_id"]: row["bound"] for row in rows}


def test_a_curve_is_a_share_of_the_stored_energy_at_a_price(imported):
    case = imported(deck(on=True))
    found, bounds = constraint(case, "least stored energy of reservoir 1")
    hydros = {h["id"]: h for h in case.file("system/hydros.json")["hydros"]}
    costs = hydros[ALTA]["penalties"]["storage_violation_below_cost"]
    energy = costs * 0.0036 / (2.0 * 4000.0)  # MW per m3/s of the plant and those below
    weight = energy / MONTH
    factor, _, quantity = found["expression"].partition(" * ")
    assert (float(factor), quantity) == (pytest.approx(weight), f"hydro_storage({ALTA})")
    assert bounds[0] == pytest.approx(weight * (100.0 + 0.2 * 1000.0))
    assert bounds[8] == bounds[31] == pytest.approx(weight * (100.0 + 0.3 * 1000.0))
    assert found["slack"] == {"enabled": True, "penalty": 500.0}


def test_cards_of_a_plant_hold_from_their_month_at_the_price_of_its_reservoir(imported):
    case = imported(deck(on=True, cards=True))
    found, bounds = constraint(case, "least operating storage of BAIXA")
    factor = float(found["expression"].partition(" * ")[0])
    assert found["expression"].endswith(f"hydro_storage({BAIXA})")
    assert min(bounds) == 2
    assert bounds[2] == pytest.approx(factor * (200.0 + 0.4 * 500.0))
    assert found["slack"]["penalty"] == 600.0


def test_curves_that_are_switched_off_are_told(imported):
    case = imported(deck(on=False, cards=True))
    assert case.fate("curva.dat") == "ignored"
    assert "VMINP: switched off" in case.notes("modif.dat")
    entries = case.file("constraints/generic_constraints.json")["constraints"]
    assert not any("least stored" in one["name"] for one in entries)
