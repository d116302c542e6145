"""A small study as one program over its tree.

Equal to a program made without the stage programs, and to training.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import headwater as hw
from extensive_form import extensive_form_value
from headwater.choices.risk.blend import Blend
from headwater.choices.risk.entropic import Entropic
from headwater.choices.risk.worst_case import WorstCase
from headwater.errors import SolverError, UsageError
from headwater.model import CutFormulation, InflowNonNegativity, MixedCVaR, Study
from headwater.sddp import train_policy
from headwater.sddp.bounds.extensive_form import solve_extensive_form
from random_systems import random_study


@pytest.mark.parametrize("risk", [MixedCVaR(), MixedCVaR(0.4, 0.3)], ids=["mean", "tail"])
@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_program_that_is_written_from_the_data_alone(seed: int, risk: MixedCVaR):
    study = random_study(seed, risk=(risk,) * 3)
    expected = extensive_form_value(study.system, study.config)
    assert solve_extensive_form(study).cost == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "measure",
    [WorstCase(), Blend((0.6, 0.4), (MixedCVaR(), WorstCase()))],
    ids=lambda one: one.type,
)
def test_training_converges_to_it(measure: Any):
    study = random_study(4, risk=(measure,) * 3, iterations=80)
    assert train_policy(study).lower_bound == pytest.approx(
        solve_extensive_form(study).cost, rel=1e-6
    )


def test_cuts_of_single_openings_change_nothing():
    study = random_study(6)
    training = replace(study.config.training, cut_formulation=CutFormulation.MULTI)
    multi = replace(study, config=replace(study.config, training=training))
    assert solve_extensive_form(multi).cost == solve_extensive_form(study).cost


def cut_off(study: Study) -> Study:
    """The same with negative inflows cut off."""
    method = replace(study.config, inflow_non_negativity=InflowNonNegativity.TRUNCATION)
    return replace(study, config=method)


def test_what_is_no_program_over_a_tree_is_refused():
    with pytest.raises(UsageError, match="cuts negative inflows off"):
        solve_extensive_form(cut_off(random_study(2)))
    with pytest.raises(UsageError, match="'entropic' has no linear form"):
        solve_extensive_form(random_study(2, risk=(Entropic(1e-6),) * 3))
    with pytest.raises(UsageError, match=r"would have 1,\d{3} columns for 21 nodes, and 900 are"):
        hw.extensive_form(random_study(2), max_columns=900)


def test_a_study_without_a_solution_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headwater.sddp.bounds.extensive_form.minimise", lambda *_: None)
    with pytest.raises(SolverError, match="has no optimum"):
        solve_extensive_form(random_study(2))
