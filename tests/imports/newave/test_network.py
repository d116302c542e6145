from __future__ import annotations

import pytest

from headwater.errors import CaseError
from newave_decks import small_deck, year_row


def with_lines(file: str, change) -> dict[str, list[str]]:
    lines = small_deck()[file]
    return {file: change(lines)}


def test_submarkets_are_buses_and_fictitious_ones_have_no_load(imported):
    case = imported()
    buses = {bus["id"]: bus for bus in case.file("system/buses.json")["buses"]}
    assert [buses[code]["name"] for code in (1, 2, 7)] == ["NORTH", "SOUTH", "KNOT"]
    assert buses[1]["deficit_segments"] == [{"depth_mw": None, "cost": 4000.0}]
    assert set(case.column("scenarios/load_seasonal_stats", "mean_mw", bus_id=7)) == {0.0}


def test_loads_follow_the_months_and_after_the_study_the_rows_without_a_year(imported):
    loads = imported().column("scenarios/load_seasonal_stats", "mean_mw", bus_id=1)
    assert loads[:8] == [105.0, 106.0, 107.0, 108.0, 109.0, 110.0, 111.0, 112.0]
    assert loads[8:20] == [100.0 + month for month in range(1, 13)]
    assert loads[20:] == [150.0] * 12


def test_additional_loads_are_part_of_the_load(imported):
    loads = imported().column("scenarios/load_seasonal_stats", "mean_mw", bus_id=2)
    assert (loads[0], loads[19], loads[20]) == (205.0, 205.0, 216.0)


def test_the_shape_of_the_load_is_that_of_the_levels(imported):
    factors = imported().file("scenarios/load_factors.json")["load_factors"]
    one = next(f for f in factors if f["bus_id"] == 1 and f["stage_id"] == 3)
    assert [block["factor"] for block in one["block_factors"]] == [1.2, 1.06, 0.875]


def test_exchanges_are_lines_with_limits_factors_and_losses(imported):
    case = imported()
    [line] = case.file("system/lines.json")["lines"]
    assert (line["source_bus_id"], line["target_bus_id"]) == (1, 2)
    assert line["capacity"] == {"direct_mw": 80.0, "reverse_mw": 60.0}
    assert line["losses_percent"] == pytest.approx(3.0)  # the mean of 2 and 4 %
    assert case.rows("constraints/line_bounds", stage_id=30)[0]["direct_mw"] == 80.0
    factors = case.file("constraints/exchange_factors.json")["exchange_factors"][0]
    assert [b["direct_factor"] for b in factors["block_factors"]] == [0.9, 1.0, 1.1]
    assert [b["reverse_factor"] for b in factors["block_factors"]] == [1.0, 1.0, 1.0]


def test_losses_that_are_switched_off_are_none(imported):
    lines = small_deck()["dger.dat"]
    off = ["PERDAS P/ TRANSMISSAO   0" if x.startswith("PERDAS") else x for x in lines]
    case = imported({"dger.dat": off})
    assert "losses_percent" not in case.file("system/lines.json")["lines"][0]
    assert case.fate("loss.dat") == "ignored"


def test_small_plants_are_power_that_is_available(imported):
    case = imported()
    [source] = case.file("system/non_controllable_sources.json")["non_controllable_sources"]
    assert (source["bus_id"], source["max_generation_mw"]) == (1, 10.0)
    assert set(case.column("constraints/ncs_bounds", "available_generation_mw")) == {10.0}


def test_a_load_that_ends_before_the_study_is_told_with_its_month(imported):
    def cut(lines):
        start = lines.index(" MERCADO DE ENERGIA TOTAL")
        return [*lines[: start + 5], " 999"]  # one year of one submarket

    with pytest.raises(CaseError, match=r"load of submarket 1 in 01/2022 is expected"):
        imported(with_lines("sistema.dat", cut))


def test_a_number_that_is_none_is_told_with_line_and_columns(imported):
    def spoil(lines):
        number = next(n for n, line in enumerate(lines) if line.startswith("2022"))
        values = year_row("2022", [80.0] * 12)
        return [*lines[:number], values.replace("80.", "8O.", 1), *lines[number + 1 :]]

    with pytest.raises(CaseError, match=r"sistema\.dat line 17, columns 8 to 14: .*got '8O\.'"):
        imported(with_lines("sistema.dat", spoil))


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "sistema.dat",
            "   1   2    ",
            "   1  99    ",
            r"sistema\.dat: 1-99 names the submarket 99",
        ),
        ("conft.dat", "  2     EE", " 98     EE", r"conft\.dat: OLEO names the submarket 98"),
        (
            "ree.dat",
            "SOUTH          2",
            "SOUTH         97",
            r"ree\.dat: BAIXA names the submarket 97",
        ),
    ],
)
def test_a_submarket_that_does_not_exist_is_refused(imported, file, old, new, expected):
    lines = [line.replace(old, new) for line in small_deck()[file]]
    assert lines != small_deck()[file]
    with pytest.raises(CaseError, match=expected):
        imported({file: lines})


def test_small_plants_of_later_decks_have_blocks_kinds_and_a_shape(imported):
    lines = small_deck()["sistema.dat"]
    start = lines.index(" GERACAO DE PEQUENAS USINAS") + 3
    wind = ["   1    3  EOL", *lines[start + 1 : start + 3]]
    levels = small_deck()["patamar.dat"]
    first = levels.index("   1   2")
    shape = [line.replace("0.9000", "0.5000") for line in levels[first + 1 : first + 7]]
    case = imported(
        {
            "sistema.dat": [*lines[:start], *wind, " 999"],
            "patamar.dat": [*levels, *[" HEADING"] * 4, "   1   3  EOL", *shape, "9999"],
        }
    )
    [source] = case.file("system/non_controllable_sources.json")["non_controllable_sources"]
    assert source["name"] == "EOL NORTH"
    assert source["max_generation_mw"] == pytest.approx(10.0 * 1.1)
    factors = case.file("scenarios/non_controllable_factors.json")["non_controllable_factors"]
    assert [one["factor"] for one in factors[0]["block_factors"]] == [0.5, 1.0, 1.1]
