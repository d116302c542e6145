"""Keys of config.json reach the configuration that training and simulation act on."""

from __future__ import annotations

import pytest

from case_builder import codes_of, tiny_case
from headwater import model as m
from headwater.case import load_case, validate_case
from headwater.errors import ModelError


def training(tmp_path, **values):
    return load_case(
        tiny_case(tmp_path).edit(lambda case: case.training.update(values))
    ).config.training


@pytest.mark.parametrize(
    ("keys", "selection"),
    [
        ({}, None),
        ({"enabled": False, "method": "lml1", "memory_window": 3}, None),
        ({"max_active_per_stage": 10}, m.CutSelection(max_active_per_stage=10)),
        ({"enabled": True, "method": "level1"}, m.CutSelection(m.Level1())),
        (
            {
                "enabled": True,
                "method": "lml1",
                "memory_window": 7,
                "check_frequency": 2,
                "protect_warm_start": True,
            },
            m.CutSelection(m.LimitedMemory(7), check_frequency=2, protect_warm_start=True),
        ),
        (
            {"enabled": True, "method": "lml1", "threshold": 4},
            m.CutSelection(m.LimitedMemory(4)),
        ),
        (
            {"enabled": True, "method": "domination", "domination_epsilon": 0.5},
            m.CutSelection(m.Domination(0.5)),
        ),
    ],
)
def test_cut_selection(tmp_path, keys, selection):
    assert training(tmp_path, cut_selection=keys).cut_selection == selection


def test_a_method_that_needs_a_window_says_so(tmp_path):
    root = tiny_case(tmp_path).edit(
        lambda case: case.training.update(cut_selection={"enabled": True, "method": "lml1"})
    )
    assert "HW205" in codes_of(validate_case(root))


def test_the_limit_of_the_archive(tmp_path):
    assert training(tmp_path / "given", archive_memory_limit_mb=10).archive_memory_limit_mb == 10
    assert training(tmp_path / "default").archive_memory_limit_mb == 2048


RULES = [
    ({"type": "time_limit", "seconds": 5}, m.TimeLimit(5.0)),
    ({"type": "bound_stalling", "iterations": 3, "tolerance": 0.1}, m.BoundStalling(3, 0.1)),
    (
        {
            "type": "simulation",
            "replications": 9,
            "period": 2,
            "bound_window": 3,
            "distance_tol": 0.1,
            "bound_tol": 0.2,
        },
        m.SimulationStalling(9, 2, 3, 0.1, 0.2),
    ),
    (
        {
            "type": "simulation",
            "replications": 9,
            "period": 2,
            "bound_window": 3,
            "distance_tol": 0.1,
            "bound_tol": 0.2,
            "norm": "l2",
        },
        m.SimulationStalling(9, 2, 3, 0.1, 0.2, "l2"),
    ),
    ({"type": "statistical_gap"}, m.StatisticalGap(0.95, 0.01, 1, 5)),
    (
        {
            "type": "statistical_gap",
            "confidence": 0.9,
            "tolerance": 0.2,
            "min_iterations": 7,
            "window": 2,
        },
        m.StatisticalGap(0.9, 0.2, 7, 2),
    ),
]


@pytest.mark.parametrize(("keys", "rule"), RULES)
def test_stopping_rules(tmp_path, keys, rule):
    rules = [{"type": "iteration_limit", "limit": 4}, keys]
    assert training(tmp_path, stopping_rules=rules).stopping_rules == (m.IterationLimit(4), rule)


def bounded_case(tmp_path, **keys):
    case = tiny_case(tmp_path)
    case.files["config.json"]["upper_bound_evaluation"] = {"enabled": True, **keys}
    return case


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, m.UpperBoundConfig(enabled=True)),
        (
            {"initial_iteration": 2, "interval_iterations": 3, "max_vertices_per_stage": 4},
            m.UpperBoundConfig(True, 2, 3, 4),
        ),
        (
            {"lipschitz": {"mode": "fixed", "fallback_value": 60.0}},
            m.UpperBoundConfig(True, lipschitz=m.LipschitzMode.FIXED, fallback_value=60.0),
        ),
        (
            {"lipschitz": {"scale_factor": 1.5, "fallback_value": 9.0}},
            m.UpperBoundConfig(True, scale_factor=1.5, fallback_value=9.0),
        ),
    ],
)
def test_the_upper_bound(tmp_path, keys, expected):
    assert load_case(bounded_case(tmp_path, **keys).write()).config.upper_bound == expected


def test_the_gap_rule_and_the_inner_policy(tmp_path):
    case = bounded_case(tmp_path)
    case.training["stopping_rules"].append({"type": "gap", "relative_tolerance": 0.1})
    case.files["config.json"]["simulation"] = {"enabled": True, "policy_type": "inner"}
    config = load_case(case.write()).config
    assert config.training.stopping_rules[-1] == m.Gap(relative_tolerance=0.1)
    assert config.simulation.policy_type is m.PolicyType.INNER


@pytest.mark.parametrize(
    "change",
    [
        lambda case: case.training["stopping_rules"].append({"type": "gap"}),
        lambda case: case.files["config.json"].update(
            upper_bound_evaluation={"lipschitz": {"mode": "fixed"}}
        ),
    ],
)
def test_what_is_missing_is_said(tmp_path, change):
    assert "HW205" in codes_of(validate_case(tiny_case(tmp_path).edit(change)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: m.TrainingConfig(0, (m.IterationLimit(1),)),
        lambda: m.TrainingConfig(1, (m.IterationLimit(1),), threads=0),
        lambda: m.TrainingConfig(1, (m.IterationLimit(1),), cost_scale=float("inf")),
        lambda: m.TrainingConfig(1, (m.IterationLimit(1),), theta_lower_bound=1.8e307),
        lambda: m.TrainingConfig(1, (m.IterationLimit(1),), theta_lower_bound=-1e20),
        lambda: m.SimulationConfig(n_scenarios=0),
        lambda: m.SimulationConfig(io_channel_capacity=0),
    ],
)
def test_settings_made_in_code_keep_to_the_ranges_of_files(make):
    with pytest.raises(ModelError, match="must be"):
        make()
