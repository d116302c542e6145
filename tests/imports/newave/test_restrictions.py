from __future__ import annotations

import pytest

from newave_decks import ALTA, BAIXA, MEIA, small_deck


def constraint(case, name):
    entries = case.file("constraints/generic_constraints.json")["constraints"]
    return next(one for one in entries if one["name"] == name)


def limits(case, name):
    rows = case.rows(
        "constraints/generic_constraint_bounds", constraint_id=constraint(case, name)["id"]
    )
    return {(row["stage_id"], row["block_id"]): row["bound"] for row in rows}


def test_sums_of_exchanges_are_limited_in_the_months_and_levels_that_are_given(imported):
    case = imported()
    assert constraint(case, "NORTH TO SOUTH")["expression"] == "1.0 * line_direct(0)"
    assert limits(case, "NORTH TO SOUTH") == {
        (stage, block): bound for stage in (1, 2) for block, bound in enumerate((70.0, 75.0, 80.0))
    }


def test_an_exchange_against_the_direction_of_its_line_is_the_reverse_flow(imported):
    lines = [x.replace("   1   1   2", "   1   2   1") for x in small_deck()["agrint.dat"]]
    case = imported({"agrint.dat": lines})
    assert constraint(case, "NORTH TO SOUTH")["expression"] == "1.0 * line_reverse(0)"


def test_an_open_end_goes_on_to_the_last_stage(imported):
    lines = [x.replace("7 2021 ", "       ") for x in small_deck()["agrint.dat"]]
    assert max(limits(imported({"agrint.dat": lines}), "NORTH TO SOUTH")) == (31, 2)


def test_sets_of_plants_are_limited_in_all_levels(imported):
    case = imported()
    expression = f"1.0 * hydro_generation({ALTA}) + 1.0 * hydro_generation({MEIA})"
    assert constraint(case, "LINE OUT")["expression"] == expression
    assert limits(case, "LINE OUT") == {(2, None): 150.0, (3, None): 150.0}


def test_least_generation_is_a_limit_of_the_plant_and_by_level_a_constraint_with_a_price(imported):
    case = imported()
    least = case.column("constraints/hydro_bounds", "min_generation_mw", hydro_id=ALTA)
    assert least[:3] == [None, 25.0, None]
    one = constraint(case, "least generation of BAIXA")
    assert (one["expression"], one["sense"]) == (f"1.0 * hydro_generation({BAIXA})", ">=")
    assert one["slack"] == {"enabled": True, "penalty": pytest.approx(1000.0)}
    assert limits(case, "least generation of BAIXA") == {(1, 0): 35.0}


@pytest.mark.parametrize(
    ("switch", "file"),
    [
        ("AGRUPAMENTO LIVRE", "agrint.dat"),
        ("RESTRICOES ELETRICAS", "re.dat"),
        ("CONSIDERA GHMIN", "ghmin.dat"),
        ("DESP. ANTEC.  GNL", "adterm.dat"),
    ],
)
def test_what_is_switched_off_is_ignored_and_told(imported, switch, file):
    lines = small_deck()["dger.dat"]
    off = [f"{switch:<21}   0" if line.startswith(switch) else line for line in lines]
    case = imported({"dger.dat": off})
    assert case.fate(file) == "ignored"
    assert "switched off" in case.notes(file)
