"""A policy may only be used where its cuts mean the same."""

from __future__ import annotations

import dataclasses
import logging

import pytest

import headwater.model as m
from headwater.equipment.recorded_state import founding_layout
from headwater.errors import PolicyError
from headwater.policy import check_compatibility
from headwater.sddp import CutPool, Policy
from headwater.sddp.stage.problems import policy_stages
from small_systems import random_system, study


def untrained(system: m.System, n_lags: int = 1) -> Policy:
    layout = founding_layout(tuple(h.id for h in system.hydros), n_lags)
    pools = tuple(CutPool(layout.dimension, 0) for _ in system.stages)
    return Policy(layout, policy_stages(system), pools, "inflow", 0.0, 0)


@pytest.fixture
def system() -> m.System:
    return random_system(3)


def test_a_policy_fits_the_study_it_came_from(system):
    check_compatibility(untrained(system), study(system), "inflow")


def test_loads_costs_and_limits_may_change(system):
    changed = dataclasses.replace(
        system,
        load_statistics=(),
        penalties=m.Penalties(excess_cost_per_mwh=7.0),
        thermals=system.thermals[:1],
        generic_constraints=(),
        generic_constraint_bounds=(),
    )
    check_compatibility(untrained(system), study(changed), "inflow")


def test_every_difference_is_listed_with_its_code(system):
    hydros = tuple(
        dataclasses.replace(h, id=99, downstream_id=None)
        if h.id == system.hydros[-1].id
        else dataclasses.replace(h, downstream_id=None)
        for h in system.hydros
    )
    other = dataclasses.replace(
        random_system(3, n_lags=0, planes=False, n_stages=2),
        hydros=tuple(dataclasses.replace(h, production=m.ProductionKind.CONSTANT) for h in hydros),
        inflow_statistics=(),
        hydro_bound_overrides=m.StageOverrides(),
    )
    with pytest.raises(PolicyError) as caught:
        check_compatibility(untrained(system), study(other), "other inflow")
    for code in ("HW801", "HW802", "HW803", "HW804", "HW805"):
        assert code in str(caught.value)
    assert "hydros 1 (1) differs at stage 0" in str(caught.value)


def test_a_different_number_of_lags_is_told(system):
    with pytest.raises(
        PolicyError, match="HW802 inflow lags in the state: the policy has 2, the study 1"
    ):
        check_compatibility(untrained(system, n_lags=2), study(system), "inflow")


def test_a_different_inflow_model_is_told(system):
    with pytest.raises(PolicyError, match="HW804"):
        check_compatibility(untrained(system), study(system), "other")


def test_an_unknown_digest_is_not_compared_and_said(system, caplog):
    with caplog.at_level(logging.WARNING):
        check_compatibility(untrained(system), study(system), None)
    assert "HW807" in caplog.text
