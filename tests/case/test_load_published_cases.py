"""The published cases load unchanged, with a known list of warnings."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

import headwater as hw
from headwater.case import Severity, load_case, refused_features
from headwater.model import (
    CostSegment,
    FphaSource,
    InflowNonNegativity,
    InSample,
    IterationLimit,
    OutOfSample,
)
from published import CASES, case_directory

GOLDEN = {
    "1dtoy": "HW552 HW612",
    "4ree": "HW552 HW612 HW613",
    "d01-thermal-dispatch": "HW524 HW552",
    "d02-single-hydro": "HW524 HW552 HW602 HW612",
    "d03-two-hydro-cascade": "HW524 HW552 HW602x2 HW612",
    "d04-transmission": "HW524 HW552 HW602x2 HW612",
    "d05-fpha-constant-head": "HW513 HW524 HW552 HW602 HW612 HW615",
    "d07-fpha-computed": "HW524 HW552 HW602 HW612 HW615",
    "d08-evaporation": "HW524 HW552 HW602 HW612",
    "d10-inflow-nonnegativity": "HW524 HW552 HW602 HW612 HW617 HW712",
    "d11-water-withdrawal": "HW524 HW552 HW602 HW612",
    "d12-par-annual": "HW552 HW612",
    "d13-generic-constraint": "HW524 HW552",
    "d14-block-factors": "HW524 HW552",
    "d15-non-controllable-source": "HW524 HW552",
    "d16-par1-lag-shift": "HW508 HW524 HW552 HW612 HW715",
    "d20-operational-violations": "HW524 HW552 HW602 HW612",
    "d23-bidirectional-withdrawal": "HW524 HW552 HW602 HW613 HW614",
    "d25-discount-rate": "HW524 HW552 HW602 HW612",
    "d27-per-stage-thermal-cost": "HW524 HW552",
    "d29-weekly-par-noise-sharing": "HW552 HW557 HW612",
}
"""Case -> codes of what validation finds in it, all of them warnings, with how often each is
found.
"""

REFUSED = {name for name, codes in GOLDEN.items() if "HW710" in codes}


@cache
def loaded(name):
    return load_case(case_directory(name))


def test_every_published_case_is_in_the_table():
    assert set(CASES) == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_published_case_has_no_error_and_the_known_warnings(name):
    report = hw.validate_case(case_directory(name))
    assert {finding.severity for finding in report} == {Severity.WARNING}, str(report)
    found = Counter(finding.code for finding in report for _ in range(finding.count))
    assert [code if n == 1 else f"{code}x{n}" for code, n in sorted(found.items())] == GOLDEN[
        name
    ].split(), str(report)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_published_case_can_run_unless_it_is_known_to_need_more(name):
    case = loaded(name)
    assert bool(refused_features(case)) == (name in REFUSED)


def test_figures_of_a_small_case_arrive_in_the_model():
    case = loaded("1dtoy")
    system = case.system
    assert case.name == "1dtoy"
    assert system.initial.storage_hm3 == {0: 83.222}
    assert system.thermals[1].cost_segments == (CostSegment(15.0, 10.0),)
    assert [stage.n_openings for stage in system.stages] == [10] * 4
    assert [row.std_m3s for row in system.inflow_statistics] == [10.0] * 4
    assert system.discount_factors[0] == pytest.approx(1.12 ** -(31 / 365.25))
    assert system.resolved_penalties.deficit_segments[0][0].cost_per_mwh == 1000.0
    assert case.config.training.stopping_rules == (IterationLimit(128),)
    assert case.config.training.tree_seed == 42
    assert case.config.inflow_non_negativity is InflowNonNegativity.NONE
    assert case.config.simulation.n_scenarios == 100
    assert case_directory("1dtoy") / "config.json" in case.input_files


def test_autoregressive_coefficients_join_their_statistics():
    system = loaded("d16-par1-lag-shift").system
    assert [
        (row.stage_id, row.coefficients, row.residual_std_ratio) for row in system.inflow_statistics
    ] == [
        (-1, (), None),
        (0, (0.5,), 1.0),
        (1, (0.5,), 1.0),
        (2, (0.5,), 1.0),
    ]
    assert system.initial.past_inflows_m3s == {0: (200.0,)}
    assert all(stage.inflow_lags for stage in system.stages)


def test_stage_values_override_only_the_cells_they_give():
    costs = loaded("d27-per-stage-thermal-cost").system.bounds.thermal
    assert np.isnan(costs.cost_per_mwh[0, 0, 0])
    assert costs.cost_per_mwh[0, 1, 0] == 120.0
    assert costs.max_generation_mw[0, 1, 0] == costs.max_generation_mw[0, 0, 0]


def test_planes_factors_and_constraints_arrive_in_the_model():
    fpha = loaded("d05-fpha-constant-head").system
    assert fpha.production[0][1].planes[0].gamma_q == 1.0
    assert fpha.production[0][1].fit.source is FphaSource.PRECOMPUTED
    factors = loaded("d14-block-factors").system
    assert sorted(set(factors.load_factor.ravel())) == [0.8, 1.2]
    constrained = loaded("d13-generic-constraint").system
    assert constrained.generic_constraints[0].slack_cost == 5000.0
    assert [bound.bound for bound in constrained.generic_constraint_bounds] == [10.0, 10.0]


def test_the_cost_of_missing_inflow_may_come_from_the_configuration():
    case = loaded("d10-inflow-nonnegativity")
    assert case.system.penalties.hydro.inflow_nonnegativity_cost == 500.0
    assert case.config.inflow_non_negativity is InflowNonNegativity.PENALTY


def test_out_of_sample_scenarios_keep_their_seed():
    source = loaded("d29-weekly-par-noise-sharing").config.training.scenario_source
    assert (source.inflow, source.load, source.seed) == (OutOfSample(), InSample(), 42)
