from __future__ import annotations

import pytest

from headwater.errors import CaseError
from newave_decks import small_deck


def changed(file: str, old: str, new: str) -> dict[str, list[str]]:
    lines = small_deck()[file]
    assert any(line.startswith(old) for line in lines)
    return {file: [new if line.startswith(old) else line for line in lines]}


def test_months_from_the_first_one_to_the_end_and_beyond_are_stages(imported):
    stages = imported().file("stages.json")["stages"]
    assert len(stages) == 8 + 12 + 12
    assert stages[0]["start_date"] == "2021-05-01"
    assert stages[-1]["end_date"] == "2024-01-01"
    assert [stage["season_id"] for stage in stages[:9]] == [4, 5, 6, 7, 8, 9, 10, 11, 0]


def test_load_levels_are_blocks_that_fill_the_month(imported):
    stages = imported().file("stages.json")["stages"]
    hours = [block["hours"] for block in stages[0]["blocks"]]
    assert hours == pytest.approx([74.4, 372.0, 297.6])  # 10, 50 and 40 % of 744
    assert sum(block["hours"] for block in stages[9]["blocks"]) == pytest.approx(28 * 24)


def test_the_tail_of_the_risk_measure_is_the_share_of_the_worst_outcomes(imported):
    stage = imported().file("stages.json")["stages"][5]
    assert stage["risk_measure"] == {"cvar": {"tail_fraction": 0.15, "lambda": 0.4}}
    assert stage["num_scenarios"] == 3


def test_a_risk_measure_that_is_switched_off_is_the_expectation(imported):
    case = imported(changed("dger.dat", "CVAR", "CVAR                    0"))
    assert all("risk_measure" not in stage for stage in case.file("stages.json")["stages"])
    assert case.fate("cvar.dat") == "ignored"


def test_a_risk_measure_by_month_replaces_the_constant_one_where_it_says_something(imported):
    files = changed("dger.dat", "CVAR", "CVAR                    2")
    cells = ["     "] * 4 + [" 10.0", "  0.0"] + [" 20.0"] * 6
    lines = small_deck()["cvar.dat"]
    files["cvar.dat"] = [*lines[:5], " 2021  " + "  ".join(cells), *lines[5:]]
    stages = imported(files).file("stages.json")["stages"]
    tails = [stage["risk_measure"]["cvar"]["tail_fraction"] for stage in stages[:4]]
    assert tails == [0.10, 0.15, 0.20, 0.20]
    assert {stage["risk_measure"]["cvar"]["lambda"] for stage in stages} == {0.4}


def test_training_and_simulation_follow_the_deck_unless_told_otherwise(imported):
    config = imported().file("config.json")
    assert config["training"]["forward_passes"] == 8
    assert config["training"]["stopping_rules"] == [
        {"type": "iteration_limit", "limit": 30},
        {
            "type": "small_changes",
            "times": 3,
            "tolerance": pytest.approx(0.002),
            "minimum_iterations": 30,  # the deck asks for 3 of 200 trajectories
        },
    ]
    assert config["simulation"]["num_scenarios"] == 2000
    assert config["modeling"]["inflow_non_negativity"] == {"method": "truncation"}
    assert config["estimation"] == {"max_order": 2, "order_selection": "pacf"}


def test_options_replace_what_the_deck_computes(imported):
    case = imported(forward_passes=5, iterations=7, scenarios=9)
    config = case.file("config.json")
    assert config["training"]["forward_passes"] == 5
    assert config["training"]["stopping_rules"][0] == {"type": "iteration_limit", "limit": 7}
    assert config["simulation"]["num_scenarios"] == 9
    assert "5 forward passes an iteration in place of 200" in case.notes("dger.dat")
    assert "9 simulated scenarios in place of 2000" in case.notes("dger.dat")


def test_with_the_forward_passes_of_the_deck_its_stop_rule_is_its_own(imported):
    rules = imported(forward_passes=200).file("config.json")["training"]["stopping_rules"]
    assert rules[1]["minimum_iterations"] == 3


def test_a_switch_for_something_that_the_case_has_not_is_told(imported):
    case = imported(changed("dger.dat", "EL NINO", "EL NINO                 1"))
    assert "left out: El Nino" in case.notes("dger.dat")
    assert "El Nino" not in imported().notes("dger.dat")


def test_a_deck_without_a_first_year_is_refused_by_name(imported):
    with pytest.raises(CaseError, match=r"dger\.dat: the first year of the study is missing"):
        imported(changed("dger.dat", "ANO INICIO", "ANO INICIO DO ESTUDO"))
