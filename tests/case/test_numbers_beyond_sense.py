"""Numbers beyond all sense are named where they stand, and text of a case cannot steer a
terminal.
"""

from __future__ import annotations

import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.case import validate_case

LARGEST = 1e15


def errors_of(case):
    return [
        (finding.code, finding.file, finding.path, finding.message)
        for finding in validate_case(case.write()).errors
    ]


@pytest.mark.parametrize("value", [1.001e15, -1e16, 1e300, 10**40])
def test_a_huge_number_of_a_document_is_named(tmp_path, value):
    case = tiny_case(tmp_path)
    case.hydros[1]["reservoir"]["max_storage_hm3"] = value
    ((code, file, path, message),) = errors_of(case)
    assert (code, file, path) == (
        "HW204",
        "system/hydros.json",
        "hydros[1].reservoir.max_storage_hm3",
    )
    assert "expected a number within ±1e+15" in message


@pytest.mark.parametrize(("value", "n_errors"), [(2e19, 0), (1.001e20, 1)])
def test_prices_may_be_larger_for_they_are_counted_in_a_unit_of_their_own(
    tmp_path, value, n_errors
):
    case = tiny_case(tmp_path)
    case.thermals[0]["cost_per_mwh"] = value
    found = [error for error in errors_of(case) if "expected a number within" in error[3]]
    assert len(found) == n_errors
    assert all("within ±1e+20" in message for *_, message in found)


def test_the_largest_number_of_a_document_is_a_number(tmp_path):
    case = tiny_case(tmp_path)
    case.thermals[0]["generation"]["max_mw"] = LARGEST
    assert errors_of(case) == []


@pytest.mark.parametrize("value", [1.001e15, -1e16, 1e300])
def test_a_huge_number_of_a_table_is_named(tmp_path, value):
    case = tiny_case(tmp_path)
    case.tables["scenarios/inflow_seasonal_stats"][2]["mean_m3s"] = value
    ((code, _, path, message),) = errors_of(case)
    assert (code, path) == ("HW204", "inflow_seasonal_stats[2].mean_m3s")
    assert "expected a number within ±1e+15, got " in message


def test_a_huge_number_of_an_expression_is_named(tmp_path):
    case = tiny_case(tmp_path)
    case.files["constraints/generic_constraints.json"] = {
        "constraints": [
            {
                "id": 0,
                "name": "C",
                "expression": "2e15 * hydro_storage(0)",
                "sense": "<=",
                "slack": {"enabled": False},
            }
        ]
    }
    ((code, _, _, message),) = errors_of(case)
    assert code == "HW203"
    assert "expected a number up to 1e+15, got 2e15" in message


def test_settings_say_for_themselves_how_large_they_may_be(tmp_path):
    case = tiny_case(tmp_path)
    case.training["stopping_rules"].append({"type": "time_limit", "seconds": 1e18})
    assert errors_of(case) == []


@pytest.mark.parametrize("key", ["\x1b[31mred", "\x1b]0;title\x07", "a\rb", "\u202eback"])
def test_no_key_of_a_case_steers_a_terminal(tmp_path, key):
    case = tiny_case(tmp_path)
    case.hydros[0][key] = 1
    report = validate_case(case.write())
    with pytest.raises(hw.CaseError) as error:
        hw.load_case(case.root)
    for text in (str(report), str(error.value), str(report.findings[0].path)):
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(text)
    assert key.encode("unicode_escape").decode() in str(report)
