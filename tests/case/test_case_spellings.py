"""Older spellings load as the canonical ones do; contradictions between them do not."""

from __future__ import annotations

import pytest

from case_builder import codes_of, tiny_case
from headwater.case import load_case, validate_case
from headwater.model import CostSegment, OutOfSample


def both_spellings(tmp_path, old, new):
    """Load the tiny case with the older and with the canonical spelling."""
    return load_case(tiny_case(tmp_path / "old").edit(old)), load_case(
        tiny_case(tmp_path / "new").edit(new)
    )


def old_thermals(case):
    for thermal in case.thermals:
        limits = thermal.pop("generation")
        thermal |= {"min_generation_mw": limits["min_mw"], "max_generation_mw": limits["max_mw"]}


def chain(key):
    return lambda case: case.files["stages.json"]["policy_graph"].update(
        transitions=[{"source_id": 0, "target_id": 1, "probability": 1.0, key: 0.2}]
    )


def tree_seed(key):
    return lambda case: case.training.update({key: case.training.pop("tree_seed")})


SAMPLE = {"scheme": "out_of_sample"}
SPELLINGS = {
    "bus excess": (
        lambda case: case.files["system/buses.json"]["buses"][0].update(
            penalties={"excess_cost": 0.3}
        ),
        lambda case: case.files["system/buses.json"]["buses"][0].update(excess_cost=0.3),
    ),
    "thermal limits": (old_thermals, lambda case: None),
    "discount of a transition": (
        chain("annual_discount_rate"),
        chain("annual_discount_rate_override"),
    ),
    "tree seed": (tree_seed("seed"), tree_seed("tree_seed")),
    "scenario source": (
        lambda case: case.files["stages.json"].update(
            scenario_source={"sampling_scheme": {"type": "out_of_sample"}, "seed": 7}
        ),
        lambda case: case.training.update(
            scenario_source={"inflow": SAMPLE, "load": SAMPLE, "ncs": SAMPLE, "seed": 7}
        ),
    ),
    "sampling scheme of the simulation": (
        lambda case: case.files["config.json"].update(
            simulation={"sampling_scheme": {"type": "in_sample"}}
        ),
        lambda case: case.files["config.json"].update(simulation={"scenario_source": {}}),
    ),
}


@pytest.mark.parametrize(("old", "new"), SPELLINGS.values(), ids=SPELLINGS)
def test_an_older_spelling_means_the_same_and_is_pointed_out(tmp_path, old, new):
    older, canonical = both_spellings(tmp_path, old, new)
    assert codes_of(older.report.findings) == {"HW701"}
    assert canonical.report.findings == ()
    assert older.system == canonical.system
    assert older.config == canonical.config


def test_a_single_thermal_cost_is_one_segment(tmp_path):
    def old(case):
        for thermal in case.thermals:
            segment = {
                "capacity_mw": thermal["generation"]["max_mw"],
                "cost_per_mwh": thermal.pop("cost_per_mwh"),
            }
            thermal["cost_segments"] = [segment]

    segments, scalar = both_spellings(tmp_path, old, lambda case: None)
    assert scalar.system.thermals[0].cost_segments == (CostSegment(60.0, 20.0),)
    assert segments.system == scalar.system
    assert segments.report.findings == ()


def test_the_older_scenario_source_gives_the_seed_of_the_tree_when_nothing_else_does(tmp_path):
    case = tiny_case(tmp_path)
    del case.training["tree_seed"]
    case.files["stages.json"]["scenario_source"] = {
        "sampling_scheme": {"type": "historical"},
        "seed": 11,
    }
    report = validate_case(case.write())
    assert codes_of(report.errors) == {"HW556"}
    assert "HW552" not in codes_of(report.warnings)


def test_only_inflows_can_be_historical(tmp_path):
    case = tiny_case(tmp_path)
    case.files["stages.json"]["scenario_source"] = {
        "sampling_scheme": {"type": "out_of_sample"},
        "seed": 11,
    }
    source = load_case(case.write()).config.training.scenario_source
    assert (source.inflow, source.load, source.seed) == (OutOfSample(), OutOfSample(), 11)


def test_an_older_column_name_is_renamed(tmp_path):
    for name, column in (("old", "ncs_id"), ("new", "source_id")):
        case = tiny_case(tmp_path / name)
        case.files["system/non_controllable_sources.json"] = {
            "non_controllable_sources": [
                {"id": 0, "name": "W", "bus_id": 0, "max_generation_mw": 9.0}
            ]
        }
        case.tables["constraints/penalty_overrides_ncs"] = [
            {column: 0, "stage_id": 1, "curtailment_cost": 2.0}
        ]
        case.write()
    older, canonical = load_case(tmp_path / "old"), load_case(tmp_path / "new")
    assert older.system == canonical.system
    assert codes_of(older.report.findings) - codes_of(canonical.report.findings) == {"HW701"}
    assert canonical.system.bounds.non_controllable.curtailment_cost[0].tolist() == [0.005, 2.0]


CONTRADICTIONS = {
    "seed": lambda case: case.training.update(seed=8),
    "excess": lambda case: case.files["system/buses.json"]["buses"][0].update(
        excess_cost=1.0, penalties={"excess_cost": 2.0}
    ),
    "limits": lambda case: case.thermals[0].update(max_generation_mw=1.0),
    "source": lambda case: (
        case.files["stages.json"].update(
            scenario_source={"sampling_scheme": {"type": "out_of_sample"}, "seed": 1}
        ),
        case.training.update(scenario_source={"seed": 1}),
    ),
}


@pytest.mark.parametrize("change", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_two_spellings_that_differ_are_an_error(tmp_path, change):
    assert codes_of(validate_case(tiny_case(tmp_path).edit(change)).errors) == {"HW702"}


def test_two_spellings_that_agree_are_a_warning(tmp_path):
    case = tiny_case(tmp_path)
    case.training["seed"] = case.training["tree_seed"]
    assert codes_of(validate_case(case.write()).findings) == {"HW701"}
