"""Studies that are hard by construction.

Extreme numbers, no solution in one opening or in all, earnings without end.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

import headwater.model as m
from failing_studies import water_that_must_go
from headwater.errors import InfeasibleError, UnboundedError
from headwater.model import Formulation, System
from headwater.sddp import train_policy
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.training.compilation import compile_engine
from small_systems import random_system, study

SECONDS = 10.0
"""No study here may take longer to be refused."""


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile before anything is timed."""
    compile_engine()


def extreme_system(seed: int) -> System:
    """Thermal plants whose costs and capacities are drawn from 1e-6 to 1e9, deficits up to 1e9
    $/MWh, loads up to 1e8 MW.
    """
    rng = np.random.default_rng(seed)
    system = random_system(seed, planes=False, n_openings=4)

    def drawn() -> float:
        return float(10.0 ** rng.uniform(-6, 9))

    scale = float(10.0 ** rng.uniform(0, 6))
    deficits = (m.DeficitSegment(drawn(), 1e8), m.DeficitSegment(None, 1e9))
    return dataclasses.replace(
        system,
        thermals=tuple(m.Thermal.flat(i, i % 2, drawn(), drawn()) for i in range(8)),
        penalties=dataclasses.replace(system.penalties, deficit_segments=deficits),
        load_statistics=tuple(
            dataclasses.replace(one, mean_mw=one.mean_mw * scale) for one in system.load_statistics
        ),
        generic_constraints=(),
        generic_constraint_bounds=(),
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_study_of_extreme_numbers_learns_the_bound_of_the_untouched_programs(seed: int):
    bounds = []
    for formulation in (Formulation.CONDENSED, Formulation.EXPLICIT):
        extreme = study(
            extreme_system(seed),
            method="penalty",
            iterations=6,
            forward_passes=2,
            formulation=formulation,
        )
        bounds.append(train_policy(extreme).lower_bound)
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-7)


def test_one_opening_without_solution_is_named_with_its_stage():
    system = random_system(3, planes=False, n_openings=6, n_lags=0)
    mean = 60.0
    odd = tuple(
        dataclasses.replace(one, mean_m3s=mean, std_m3s=200.0) if one.stage_id == 1 else one
        for one in system.inflow_statistics
    )
    one_odd = study(dataclasses.replace(system, inflow_statistics=odd), iterations=5)
    inflow = mean + build_problems(one_odd).stages[1].openings.innovation
    parched = set(np.flatnonzero((inflow < 0.0).any(axis=1)))
    assert 0 < len(parched) < 6
    started = time.monotonic()
    with pytest.raises(
        InfeasibleError,
        match=r"stage 1 \(2024-01-31 to 2024-03-01\), iteration 1.*no feasible point.*balance",
    ) as caught:
        train_policy(one_odd)
    assert time.monotonic() - started < SECONDS
    assert caught.value.stage_id == 1
    assert caught.value.opening in parched


def test_a_stage_without_solution_in_every_opening_is_named_with_the_constraint():
    system = random_system(3, planes=False, n_openings=4)
    impossible = dataclasses.replace(
        system,
        generic_constraints=(
            m.GenericConstraint(9, m.parse_expression("hydro_storage(0)"), m.Sense.GREATER_EQUAL),
        ),
        generic_constraint_bounds=(m.GenericConstraintBound(9, 2, 1e5),),
    )
    started = time.monotonic()
    with pytest.raises(
        InfeasibleError,
        match=r"stage 2 .*scenario 0: opening \d has no feasible point.*"
        r"user constraint 9 \(short by",
    ) as caught:
        train_policy(study(impossible, method="penalty"))
    assert time.monotonic() - started < SECONDS
    assert caught.value.stage_id == 2
    # the one that the trajectory drew, not its place among the trajectories
    assert f"opening {caught.value.opening} " in str(caught.value)
    assert caught.value.opening in range(4)


def test_a_program_that_is_only_a_start_for_others_ends_no_run():
    """At the initial storage the last stage has no solution, but no trajectory ever comes there
    with so much water.
    """
    policy = train_policy(water_that_must_go(iterations=1))
    assert policy.n_iterations == 1
    # the second iteration comes there, and is told by what it was
    with pytest.raises(
        InfeasibleError, match=r"stage 1 .*iteration 2, scenario 0: opening 0 has no feasible point"
    ):
        train_policy(water_that_must_go(iterations=2))


def test_earnings_without_end_are_named_with_who_earns():
    neighbour = m.EnergyContract(2, 0, m.ContractKind.IMPORT, -30.0, np.inf, "neighbour")
    system = dataclasses.replace(random_system(3, planes=False), contracts=(neighbour,))
    started = time.monotonic()
    with pytest.raises(
        UnboundedError, match=r"opening \d has no minimum.*contract neighbour in blocks 0, 1"
    ) as caught:
        train_policy(study(system, method="penalty"))
    assert time.monotonic() - started < SECONDS
    assert caught.value.stage_id == 0
