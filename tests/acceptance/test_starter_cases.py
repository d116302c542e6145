"""Every starter case can be trained and simulated as it is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

import headwater as hw
from headwater.case import TEMPLATES, write_starter


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_starter_case_trains_and_simulates(tmp_path, template):
    case = hw.load_case(write_starter(tmp_path / "case", template))
    quick = replace(case.config.training, stopping_rules=(hw.model.IterationLimit(12),))
    policy = hw.train(case, quick, threads=1)
    bounds = [record.lower_bound for record in policy.training.iterations]
    assert bounds[-1] > bounds[0] > 0.0
    simulation = hw.simulate(policy, case, n_scenarios=20, threads=1)
    assert simulation.mean_cost > 0.3 * bounds[-1]
    lags = {"one-reservoir": 0, "cascade-fpha": 1, "subsystems": 0, "from-history": 3}[template]
    assert policy.layout.block("inflow_lag").depth == lags
