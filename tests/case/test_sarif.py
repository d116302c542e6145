"""A report for tools that show findings next to files."""

from __future__ import annotations

from case_builder import tiny_case
from headwater.case import report_to_sarif, validate_case


def test_every_finding_becomes_a_result_with_its_rule_place_and_level(tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[0]["bus_id"] = 9
    case.training.pop("tree_seed")
    report = validate_case(case.write())
    (run,) = report_to_sarif(report, "1.2.3")["runs"]
    assert run["tool"]["driver"]["version"] == "1.2.3"
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("HW301", "error"),
        ("HW552", "warning"),
    ]
    first = run["results"][0]["locations"][0]
    assert first["physicalLocation"]["artifactLocation"]["uri"] == "system/hydros.json"
    assert first["logicalLocations"][0]["fullyQualifiedName"] == "hydros[0].bus_id"
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["HW301", "HW552"]
    assert all(rule["shortDescription"]["text"] for rule in rules)
