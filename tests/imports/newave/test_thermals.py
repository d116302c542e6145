from __future__ import annotations

import pytest

from headwater.errors import CaseError
from newave_decks import small_deck

FULL = 200.0 * 0.9 * 0.8
"""Power of GAS less forced and scheduled outages."""


def test_outages_lower_the_power_and_maintenance_replaces_scheduled_ones_in_its_years(imported):
    power = imported().column("constraints/thermal_bounds", "max_generation_mw", thermal_id=1)
    assert power[2] == pytest.approx(200.0 * 0.9)  # July of the year of maintenance: none planned
    assert power[8:] == pytest.approx([FULL] * 24)


def test_maintenance_counts_by_the_days_of_the_month(imported):
    lines = [x for x in small_deck()["adterm.dat"] if not x.startswith("    1")]
    case = imported({"adterm.dat": [*lines[:2], " 9999"]})
    power = case.column("constraints/thermal_bounds", "max_generation_mw", thermal_id=1)
    assert power[1] == pytest.approx((200.0 - 100.0 * 15 / 30) * 0.9)


def test_the_least_generation_of_later_years_has_a_column_of_its_own(imported):
    least = imported().column("constraints/thermal_bounds", "min_generation_mw", thermal_id=1)
    assert (least[2], least[8], least[31]) == (20.0, 30.0, 30.0)


def test_costs_follow_the_years_and_their_changes(imported):
    cost = imported().column("constraints/thermal_bounds", "cost_per_mwh", thermal_id=1)
    assert cost[:3] == [95.0, 95.0, 90.0]
    assert cost[8:] == [120.0] * 24  # the last year holds after the study


def test_power_that_comes_later_is_not_there_before(imported):
    power = imported().column("constraints/thermal_bounds", "max_generation_mw", thermal_id=3)
    rated = 100.0 * 0.9 * 0.8
    assert power[:8] == [0.0] * 8
    assert power[8:13] == pytest.approx([rated, rated, rated / 2, rated / 2, rated])


def test_orders_under_way_are_the_mean_of_the_levels_and_fit_the_limits(imported):
    case = imported()
    assert case.thermal(1)["gnl_config"] == {"lag_stages": 2}
    first = 0.1 * 150.0 + 0.9 * 90.0
    pipeline = case.file("initial_conditions.json")["gnl_pipeline"]
    assert [one["committed_mw"] for one in pipeline] == pytest.approx([first, 100.0])
    assert [one["stage_offset"] for one in pipeline] == [1, 2]
    assert "differ by load level" in case.notes("adterm.dat")


def test_a_plant_that_never_has_power_is_left_out_by_name(imported):
    lines = [line for line in small_deck()["expt.dat"] if "POTEF" not in line]
    case = imported({"expt.dat": lines})
    assert [one["id"] for one in case.file("system/thermals.json")["thermals"]] == [1]
    assert "without power at any stage: OLEO" in case.notes("conft.dat")


def test_least_generation_above_the_power_is_lowered_and_told(imported):
    lines = [line.replace(" 30.00", "300.00") for line in small_deck()["term.dat"]]
    case = imported({"term.dat": lines})
    least = case.column("constraints/thermal_bounds", "min_generation_mw", thermal_id=1)
    assert least[8] == pytest.approx(FULL)
    assert "of GAS" in case.notes("term.dat")


def test_a_plant_without_a_cost_is_refused(imported):
    lines = [line for line in small_deck()["clast.dat"] if "OLEO" not in line]
    with pytest.raises(CaseError, match=r"clast\.dat: a cost of class 3 is expected"):
        imported({"clast.dat": lines})


def test_a_plant_without_figures_is_refused(imported):
    lines = [line for line in small_deck()["term.dat"] if "OLEO" not in line]
    with pytest.raises(CaseError, match=r"term\.dat: a row of plant 3 OLEO is expected"):
        imported({"term.dat": lines})
