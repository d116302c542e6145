from __future__ import annotations

import numpy as np
import pytest

from headwater.errors import CaseError
from newave_decks import ALTA, BAIXA, COPY, MEIA, NOVA, record, small_deck

MEAN_LEVEL = 100.0 + 0.01 * (100.0 + 1100.0) / 2.0
"""Of ALTA: the level is linear in storage."""


def test_fictitious_plants_are_left_out_and_the_river_runs_on_beyond_the_border(imported):
    case = imported()
    links = {h["id"]: h.get("downstream_id") for h in case.file("system/hydros.json")["hydros"]}
    assert links == {ALTA: MEIA, MEIA: BAIXA, BAIXA: None, NOVA: BAIXA}
    assert "MEIA to BAIXA" in case.notes("confhd.dat")


def test_a_plant_gives_its_power_to_the_submarket_of_its_equivalent_reservoir(imported):
    case = imported()
    assert [case.hydro(code)["bus_id"] for code in (ALTA, MEIA, BAIXA)] == [1, 1, 2]


def test_a_plant_without_monthly_regulation_keeps_its_storage_and_has_one_row_of_geometry(imported):
    case = imported()
    assert case.hydro(MEIA)["reservoir"] == {"min_storage_hm3": 50.0, "max_storage_hm3": 50.0}
    assert len(case.rows("system/hydro_geometry", hydro_id=MEIA)) == 1
    assert case.hydro(MEIA)["evaporation"]["coefficients_mm"] == [20.0] * 12


def test_turbines_are_less_by_outages(imported):
    generation = imported().hydro(ALTA)["generation"]
    share = 0.9 * 0.95
    assert generation["max_generation_mw"] == pytest.approx(2 * 100.0 * share)
    assert generation["max_turbined_m3s"] == pytest.approx(2 * 150.0 * share)


def test_productivity_is_that_of_the_net_head_at_the_mean_level(imported):
    productivity = imported().hydro(ALTA)["generation"]["productivity_mw_per_m3s"]
    assert productivity == pytest.approx(0.009 * (MEAN_LEVEL - 40.0 - 1.0), rel=1e-6)


def test_losses_may_be_a_share_of_the_head_and_the_tailrace_may_change_with_time(imported):
    case = imported()
    level = 100.0 + 0.01 * 450.0
    before, after = (0.009 * (level - tailrace) * 0.9 for tailrace in (45.0, 42.0))
    assert case.hydro(BAIXA)["generation"]["productivity_mw_per_m3s"] == pytest.approx(before)
    [model] = case.file("system/hydro_production_models.json")["production_models"]
    assert model["hydro_id"] == BAIXA
    ranges = [
        (one["start_stage_id"], one["end_stage_id"], one["productivity_override"])
        for one in model["stage_ranges"]
    ]
    assert ranges[0] == (0, 1, pytest.approx(before, rel=1e-6))
    assert ranges[1] == (2, None, pytest.approx(after, rel=1e-6))


def test_initial_storage_is_a_share_of_the_useful_volume(imported):
    initial = {
        one["hydro_id"]: one["value_hm3"]
        for one in imported().file("initial_conditions.json")["storage"]
    }
    assert initial == pytest.approx({ALTA: 100.0 + 0.4 * 1000.0, MEIA: 50.0, BAIXA: 600.0})


def test_initial_storage_above_the_first_limit_starts_at_the_limit(imported):
    lines = small_deck()["modif.dat"]
    changed = [line.replace(" 6 2021  50.000", " 5 2021  30.000") for line in lines]
    made = imported({"modif.dat": changed})
    initial = made.file("initial_conditions.json")["storage"]
    assert initial[0] == {"hydro_id": ALTA, "value_hm3": pytest.approx(400.0)}
    assert "below the initial one of ALTA" in made.notes("modif.dat")
    assert "below the initial one" not in imported().notes("modif.dat")


def test_limits_of_storage_hold_until_the_next_card(imported):
    top = imported().column("constraints/hydro_bounds", "max_storage_hm3", hydro_id=ALTA)
    assert top[:4] == [1100.0, 600.0, 600.0, 1100.0]
    assert top[20:] == top[8:20]  # after the study its last year is repeated


def test_the_least_outflow_of_the_registry_is_replaced_by_a_card(imported):
    case = imported()
    assert case.hydro(ALTA)["outflow"]["min_outflow_m3s"] == 12.0
    assert case.hydro(BAIXA)["outflow"]["min_outflow_m3s"] == 30.0


def test_cards_of_a_plant_that_is_not_modified_do_nothing(imported):
    lines = small_deck()["confhd.dat"]
    changed = [line.replace("EX      1", "EX      0") for line in lines]
    assert changed != lines
    assert imported({"confhd.dat": changed}).hydro(ALTA)["outflow"]["min_outflow_m3s"] == 0.0


def test_a_plant_under_construction_is_filled_enters_and_gets_its_turbines_one_by_one(imported):
    case = imported()
    plant = case.hydro(NOVA)
    flow = 40.0 / (0.0036 * 24.0 * (30 + 31))  # 40 hm3 in June and July
    assert plant["filling"] == {
        "start_stage_id": 1,
        "filling_inflow_m3s": pytest.approx(flow, rel=1e-6),
    }
    assert plant["entry_stage_id"] == 3
    filling = case.file("initial_conditions.json")["filling_storage"]
    assert filling == [{"hydro_id": NOVA, "value_hm3": 40.0}]  # half of the dead volume of 80 hm3
    power = case.column("constraints/hydro_bounds", "max_generation_mw", hydro_id=NOVA)
    assert power[3:8] == [0.0, 110.0, 110.0, 220.0, 220.0]


def test_turbines_that_come_are_not_counted_before(imported):
    rows = [f"{'   1 ALTA':<45}9/2021  100.0   2  1", "9999"]
    case = imported({"exph.dat": [*small_deck()["exph.dat"][:3], *rows]})
    power = case.column("constraints/hydro_bounds", "max_generation_mw", hydro_id=ALTA)
    assert power[3:5] == pytest.approx([100.0 * 0.855, 200.0 * 0.855])
    assert "do not exist and have no expansion: NOVA" in case.notes("confhd.dat")


def test_water_for_other_uses_is_taken_once_and_not_from_copies(imported):
    case = imported()
    taken = case.column("constraints/hydro_bounds", "water_withdrawal_m3s", hydro_id=ALTA)
    assert taken == [2.0] * 32
    assert not any(case.column("constraints/hydro_bounds", "water_withdrawal_m3s", hydro_id=MEIA))
    assert "fictitious" in case.notes("dsvagua.dat")


def test_water_of_a_plant_that_is_not_there_is_taken_from_the_next_one_downstream(imported):
    lines = [line.replace(f"  {ALTA:3}", "  150") for line in small_deck()["dsvagua.dat"]]
    plants = small_deck()["confhd.dat"]
    absent = plants[2].replace("   1 ALTA ", " 150 AWAY ").replace("   EX ", "   NC ")
    absent = absent[:25] + f"{BAIXA:4}" + absent[29:]
    case = imported({"dsvagua.dat": lines, "confhd.dat": [*plants, absent]})
    taken = case.column("constraints/hydro_bounds", "water_withdrawal_m3s", hydro_id=BAIXA)
    assert taken == [2.0] * 32
    assert "150" in case.notes("dsvagua.dat")


def test_costs_of_violations_are_those_of_the_deck_through_the_energy_of_the_water(imported):
    case = imported()
    hydros = case.file("system/hydros.json")["hydros"]
    best = {h["id"]: h["generation"]["productivity_mw_per_m3s"] for h in hydros}
    models = case.file("system/hydro_production_models.json")["production_models"]
    best[BAIXA] = max(one["productivity_override"] for one in models[0]["stage_ranges"])
    energy = best[ALTA] + best[MEIA] + best[BAIXA]
    costs = case.hydro(ALTA)["penalties"]
    assert costs["water_withdrawal_violation_cost"] == pytest.approx(4000.0 * energy)
    assert costs["outflow_violation_below_cost"] == pytest.approx(3000.0 * energy)
    assert costs["storage_violation_below_cost"] == pytest.approx(8000.0 * energy / 0.0036)
    south = case.hydro(BAIXA)["penalties"]
    assert south["outflow_violation_below_cost"] == pytest.approx(1000.0 * best[BAIXA])


def test_a_canal_carries_what_the_records_divert_and_records_are_natural(imported):
    flows = np.zeros((12 * 91, 320), "<i4")
    rng = np.random.default_rng(5)
    natural = rng.integers(60, 200, len(flows))
    other = rng.integers(300, 500, len(flows))
    diverted = np.minimum(natural - 10, 80)
    flows[:, 30], flows[:, 11] = natural, natural - diverted
    flows[:, 31], flows[:, 14] = other, other + diverted
    flows[:, 10], flows[:, 13] = 20, 5000
    registry = {
        MEIA: record("MEIA", station=31, storage=(50.0, 50.0), regulation="D", diversion=NOVA),
        NOVA: record("NOVA", station=32, storage=(80.0, 180.0), units=3),
    }
    past = small_deck()["vazpast.dat"]
    more = [past[3].replace("   11 ", f"   {station} ") for station in (31, 32)]
    case = imported({"vazpast.dat": [*past, *more]}, registry, flows.tobytes())
    assert case.hydro(MEIA)["diversion"] == {"downstream_id": NOVA, "max_flow_m3s": 80.0}
    history = case.column("scenarios/inflow_history", "value_m3s", hydro_id=MEIA)
    assert history == list(natural[: len(history)] - 20.0)
    assert "canal of 80 m3/s" in case.notes("vazoes.dat")


def test_a_river_that_loses_its_water_is_cut_above_the_plant(imported):
    flows = np.zeros((12 * 91, 320), "<i4")
    flows[:, 10], flows[:, 11], flows[:, 14] = 100, 150, 40
    flows[:, 13] = 120 + np.arange(len(flows)) % 7  # less than the 190 that come from above
    case = imported(flows=flows.tobytes())
    assert "downstream_id" not in case.hydro(MEIA)
    history = case.column("scenarios/inflow_history", "value_m3s", hydro_id=BAIXA)
    assert history == list(flows[: len(history), 13].astype(float))
    assert "the river is cut above" in case.notes("vazoes.dat")


def test_inflows_are_what_comes_between_plants(imported):
    case = imported()
    flows = np.frombuffer((case.root.parent / "deck" / "vazoes.dat").read_bytes(), "<i4")
    flows = flows.reshape(-1, 320)[: 12 * 90]  # the configuration ends the history in 2020
    for code, own in (
        (ALTA, flows[:, 10]),
        (MEIA, flows[:, 11] - flows[:, 10]),
        (NOVA, flows[:, 14]),
        (BAIXA, flows[:, 13] - flows[:, 11] - flows[:, 14]),
    ):
        history = case.column("scenarios/inflow_history", "value_m3s", hydro_id=code)
        assert history == list(own.astype(float))


def test_recent_inflows_go_back_from_the_month_before_the_study(imported):
    past = {
        one["hydro_id"]: one["values_m3s"]
        for one in imported().file("initial_conditions.json")["past_inflows"]
    }
    assert past[ALTA] == [104.0, 103.0]  # April, March
    assert past[MEIA] == [30.0, 30.0]
    assert past[BAIXA] == [300.0 - 130.0 - 40.0 - 4.0, 300.0 - 130.0 - 40.0 - 3.0]


def test_a_copy_beyond_the_border_needs_no_record_of_its_own(imported):
    assert COPY not in {h["id"] for h in imported().file("system/hydros.json")["hydros"]}


def test_a_plant_that_the_registry_lacks_is_refused(imported):
    with pytest.raises(CaseError, match=r"hidr\.dat: it has no plant 5, which confhd\.dat asks"):
        imported(registry={NOVA: record("", station=0, storage=(0.0, 0.0))})


def test_records_that_are_cut_are_refused(imported):
    with pytest.raises(CaseError, match=r"vazoes\.dat: years of 12 months with 320 or 600"):
        imported(flows=b"\0" * 1000)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (" VMAXT     6 2021", "VMAXT of plant 1 needs month, year and a number"),
        (" VMAXT    16 2021  50.000 '%'", "VMAXT of plant 1 needs month, year and a number"),
        (" VAZMIN   twelve", "VAZMIN of plant 1 needs a number, got 'twelve'"),
        (" USINA", "USINA needs the code of a plant"),
    ],
)
def test_a_card_that_lacks_its_numbers_is_told_with_its_line(imported, card, expected):
    lines = small_deck()["modif.dat"]
    with pytest.raises(CaseError, match=rf"modif\.dat line 4: {expected}"):
        imported({"modif.dat": [*lines[:3], card, *lines[3:]]})


def test_cards_that_nobody_knows_are_counted_in_the_report(imported):
    lines = small_deck()["modif.dat"]
    case = imported({"modif.dat": [*lines[:3], " NUMBAS      1", " NOVELTY     1", *lines[3:]]})
    assert "1 cards NUMBAS: base units" in case.notes("modif.dat")
    assert "1 cards NOVELTY: unknown" in case.notes("modif.dat")


def test_a_river_that_runs_in_a_circle_is_refused(imported):
    lines = small_deck()["confhd.dat"]
    circle = lines[3][:25] + f"{ALTA:4}" + lines[3][29:]
    with pytest.raises(CaseError, match=r"confhd\.dat: the river below plant 1 runs in a circle"):
        imported({"confhd.dat": [*lines[:3], circle, *lines[4:]]})
