"""What is said about a system before it is solved."""

from __future__ import annotations

import dataclasses

import pytest

import headwater.model as m
from headwater.lp import program_statistics, program_warnings
from headwater.sddp.stage.problems import build_problems
from operated import inflows, operate, reservoir, system
from small_systems import study
from whole_systems import whole_system


def test_a_plain_system_needs_no_advice() -> None:
    assert (
        program_warnings(system(hydros=(reservoir(),), thermals=(m.Thermal.flat(0, 0, 10.0, 5.0),)))
        == ()
    )


def test_terms_that_mean_nothing_are_named_with_their_stages() -> None:
    rules = tuple(
        m.GenericConstraint(i, m.parse_expression(text), m.Sense.LESS_EQUAL, slack_cost=1.0)
        for i, text in enumerate(
            ("hydro_diversion(0) + hydro_evaporation(0)", "thermal_generation(4)")
        )
    )
    bounds = tuple(m.GenericConstraintBound(i, t, 5.0) for i in range(2) for t in range(2))
    found = program_warnings(
        system(
            3,
            hydros=(reservoir(),),
            thermals=(m.Thermal.flat(4, 0, 10.0, 5.0, entry_stage_id=1),),
            generic_constraints=rules,
            generic_constraint_bounds=bounds,
        )
    )
    assert found == (
        "constraint 0: hydro_diversion(0) is 0, because the plant has no diversion",
        "constraint 0: hydro_evaporation(0) is 0, because the plant has no evaporation",
        "constraint 1: thermal_generation(4) is 0 at stage(s) 0, where it is absent",
    )


def test_segments_that_hold_less_than_the_maximum_are_told() -> None:
    short = m.Thermal(3, 0, 90.0, (m.CostSegment(40.0, 5.0),))
    assert program_warnings(system(thermals=(short,))) == (
        "thermal 3: its cost segments hold 40 MW, less than its maximum; they limit it",
    )
    assert operate(system(thermals=(short,))).column("thermals", "generation_mw") == pytest.approx(
        [40.0]
    )


def test_the_whole_system_says_what_rests_and_what_is_approximate() -> None:
    text = "\n".join(program_warnings(whole_system(0)))
    assert "pumping station 6 rests at stage(s) 0, where one of its plants is absent" in text
    hard = dataclasses.replace(
        whole_system(0),
        generic_constraints=tuple(
            dataclasses.replace(c, slack_cost=None) for c in whole_system(0).generic_constraints
        ),
    )
    assert "user constraint(s) 0, 1, 2, 3, 4, 5 and 2 more have no slack" in "\n".join(
        program_warnings(hard)
    )


def test_statistics_measure_the_solved_program() -> None:
    """One reservoir, one block of 100 h.

    Balance v + 0.36 (q + s - z) and load q + deficit - excess; z is taken out.
    """
    problems = build_problems(
        study(
            system(hydros=(reservoir(),), inflow_statistics=inflows(h0=(5.0,))), cost_scale=1000.0
        )
    )
    (one,) = problems.stage_statistics()
    stage = problems.stages[0]
    assert one == program_statistics(stage.form, stage.scaling)
    assert (one.rows, one.columns, one.nonzeros) == (2, 6, 6)
    assert one.given.coefficient == (pytest.approx(0.36), 1.0)
    # Excess at 10 and deficit at 1000 $/MWh for 100 h; the future cost is not a cost of the stage.
    assert one.given.cost == (1000.0, 100_000.0)
    assert one.given.column_bound == (100.0, 100.0)
    # The columns with a range of 100 are counted in units of 128; the rows' largest entries are
    # then about one.
    assert one.scaled.column_bound == (100.0 / 128, 100.0 / 128)
    assert 0.5 < one.scaled.coefficient[1] <= 1.5
    assert one.cost_scale == 1000.0
