"""A study that ends where another policy begins to know: cuts of its stage value what follows."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import replace

import numpy as np
import pytest

import headwater as hw
import oracle_systems as oracles
from case_builder import tiny_case
from extensive_form import extensive_form_value
from headwater.equipment.recorded_state import founding_layout
from headwater.errors import ModelError, PolicyError
from headwater.model import (
    Boundary,
    BoundStalling,
    CutFormulation,
    CutSelection,
    Domination,
    Dynamic,
    Gap,
    GivenOpenings,
    IterationLimit,
    Level1,
    LimitedMemory,
    MixedCVaR,
    PolicyConfig,
    StageOverrides,
    Study,
    System,
)
from headwater.results.statistics import gap_to_bound
from headwater.sddp import CutPool, train_policy
from headwater.sddp.cuts.boundary import BoundaryCuts, lowest_terminal_value
from headwater.sddp.cuts.fields import BOUNDARY
from headwater.sddp.stage.problems import build_problems
from random_systems import random_study
from upper_bounds import bounded


def first_stages(study: Study, n_stages: int) -> Study:
    """The study up to a stage, with what is said of the later ones left out."""
    kept = {stage.id for stage in study.system.stages[:n_stages]}

    def shortened(value: object) -> object:
        if isinstance(value, StageOverrides):
            rows = np.isin(value.stage_id, sorted(kept))
            columns = {name: column[rows] for name, column in value.values.items()}
            return StageOverrides(
                value.entity_id[rows], value.stage_id[rows], value.block_id[rows], columns
            )
        if isinstance(value, GivenOpenings):
            noise, probability = (
                {t: x for t, x in values.items() if t in kept}
                for values in (value.noise, value.probability)
            )
            return GivenOpenings(noise, probability)
        if isinstance(value, tuple) and value and hasattr(value[0], "stage_id"):
            return tuple(
                row
                for row in value
                if row.stage_id is None or row.stage_id < 0 or row.stage_id in kept
            )
        return value

    fields = {f.name: shortened(getattr(study.system, f.name)) for f in dataclasses.fields(System)}
    return replace(study, system=System(**fields | {"stages": study.system.stages[:n_stages]}))


def trained(study: Study, boundary: BoundaryCuts | None = None, **changes: object) -> hw.Policy:
    rules = (IterationLimit(300), BoundStalling(25, 1e-11))
    training = replace(study.config.training, stopping_rules=rules, forward_passes=6, **changes)
    return train_policy(
        replace(study, config=replace(study.config, training=training)), boundary=boundary
    )


def shifted(cuts: BoundaryCuts, value: float) -> BoundaryCuts:
    return replace(cuts, intercepts=cuts.intercepts + value)


@pytest.fixture(scope="module")
def later_stages() -> hw.Policy:
    """What follows the first stage of the tutorial, learned without that stage, from
    every storage that matters.
    """
    return trained(oracles.first_steps_from([0.0, 50.0, 100.0, 150.0, 200.0]))


def test_a_study_cut_in_two_costs_what_the_whole_does(later_stages: hw.Policy):
    first = first_stages(oracles.first_steps(), 1)
    assert trained(first).lower_bound < 0.5 * oracles.FIRST_STEPS_VALUE
    policy = trained(first, BoundaryCuts.of_policy(later_stages, 1))
    assert policy.lower_bound == pytest.approx(oracles.FIRST_STEPS_VALUE, abs=1e-4)
    assert policy.value(1, np.array([75.0])) == later_stages.value(1, np.array([75.0]))
    assert policy.water_values(1, np.array([75.0])) == later_stages.water_values(
        1, np.array([75.0])
    )


@pytest.mark.parametrize("formulation", list(CutFormulation))
@pytest.mark.parametrize("n_stages", [1, 2])
@pytest.mark.parametrize("seed", [3, 6, 9])
def test_random_trees_cut_in_two_cost_what_the_whole_does(
    seed: int, n_stages: int, formulation: CutFormulation
):
    """With discount, several reservoirs, risk.

    The second half may have a cut for each opening, the first one for all.
    """
    study = random_study(
        seed, risk=(MixedCVaR(0.5, 0.4), MixedCVaR(0.3, 0.5), MixedCVaR(0.8, 0.34))
    )
    whole = trained(study, cut_formulation=formulation)
    optimum = extensive_form_value(study.system, study.config)
    boundary = BoundaryCuts.of_policy(whole, study.system.stages[n_stages - 1].id)
    assert trained(first_stages(study, n_stages), boundary).lower_bound == pytest.approx(
        optimum, rel=1e-6
    )


@pytest.mark.parametrize("seed", [3, 6, 9])
def test_a_study_that_ends_with_other_cuts_is_bounded_from_above_too(seed: int):
    """The cuts at its end are what it is to pay there, so its optimum is that of the whole."""
    study = random_study(seed)
    boundary = BoundaryCuts.of_policy(trained(study), study.system.stages[1].id)
    first = bounded(first_stages(study, 2), Gap(relative_tolerance=1e-4), interval_iterations=5)
    policy = train_policy(first, boundary=boundary)
    assert policy.training is not None
    assert policy.training.reason == "gap"
    assert policy.training.upper_bound == pytest.approx(
        extensive_form_value(study.system, study.config), rel=2e-4
    )


def test_past_inflows_are_part_of_what_the_boundary_knows():
    study = random_study(4)
    boundary = BoundaryCuts.of_policy(trained(study), study.system.stages[1].id)
    first = first_stages(study, 2)
    with pytest.raises(ModelError, match=r"give training\.theta_lower_bound"):
        trained(first, boundary)
    optimum = extensive_form_value(study.system, study.config)
    assert trained(first, boundary, theta_lower_bound=0.0).lower_bound == pytest.approx(
        optimum, rel=1e-6
    )


@pytest.mark.parametrize("formulation", list(CutFormulation))
@pytest.mark.parametrize("value", [-1e6, 1e6])
def test_what_follows_may_be_worth_money(
    later_stages: hw.Policy, value: float, formulation: CutFormulation
):
    """A constant at the end of two stages moves the bound by as much.

    Earlier bounds of the future cost make room for it.
    """
    study = first_stages(oracles.inner_bound(3), 2)
    given = BoundaryCuts.of_policy(trained(oracles.inner_bound(3)), 2)
    plain, moved = (
        trained(study, cuts, cut_formulation=formulation) for cuts in (given, shifted(given, value))
    )
    assert moved.lower_bound == pytest.approx(plain.lower_bound + value, rel=1e-9)


def test_the_least_value_is_that_of_a_fine_grid():
    rng = np.random.default_rng(3)
    study = random_study(3)
    system, n = study.system, len(study.system.hydros)
    layout = system.state_layout(0)
    for _ in range(5):
        pool = CutPool(n, 8)
        pool.append(
            rng.normal(0.0, 1e5, 8),
            rng.normal(0.0, 1e3, (8, n)),
            iteration=BOUNDARY,
            forward_pass=0,
        )
        axes = [np.linspace(0.0, top, 21) for top in system.bounds.hydro.max_storage_hm3[:, -1]]
        values = [pool.value(np.array(point))[0] for point in itertools.product(*axes)]
        least = lowest_terminal_value(layout, pool)
        assert least <= min(values)
        spacing = sum(1e3 * 4.0 * axis[1] for axis in axes)
        assert least >= min(values) - spacing


@pytest.mark.parametrize("method", [Level1(), LimitedMemory(1), Domination(), Dynamic()])
def test_boundary_cuts_are_never_removed(
    later_stages: hw.Policy, method: Level1 | LimitedMemory | Domination | Dynamic
):
    boundary = BoundaryCuts.of_policy(later_stages, 1)
    first = first_stages(oracles.first_steps(), 1)
    selection = CutSelection(method, check_frequency=1, max_active_per_stage=1)
    policy = trained(first, boundary, cut_selection=selection)
    pool = policy.pools[-1]
    assert (pool.born_at[: pool.n_populated] == BOUNDARY).all()
    assert len(pool.active_slots()) == pool.n_populated == len(boundary.intercepts)
    assert policy.lower_bound == pytest.approx(oracles.FIRST_STEPS_VALUE, abs=1e-4)


def test_a_policy_with_a_boundary_is_stored_and_simulated_with_it(
    later_stages: hw.Policy, tmp_path
):
    first = first_stages(oracles.first_steps(), 1)
    policy = trained(first, BoundaryCuts.of_policy(later_stages, 1))
    hw.save_policy(policy, tmp_path / "policy")
    simulation = hw.simulate(hw.load_policy(tmp_path / "policy"), first, n_scenarios=30, threads=1)
    costs = simulation.table("costs")
    future = costs["future_cost"].to_numpy()
    final = simulation.table("hydros")["storage_final_hm3"].to_numpy()
    assert future == pytest.approx(
        [later_stages.value(1, np.array([storage])) for storage in final], rel=1e-9
    )
    # thermal power is bought so that water is left for later: without a boundary none would be
    assert final.min() > 1.0
    assert (
        hw.simulate(trained(first), first, n_scenarios=30, threads=1)
        .table("hydros")["storage_final_hm3"]
        .min()
        < 1e-6
    )


def test_no_gap_is_shown_where_the_bound_counts_what_follows_and_the_simulation_does_not(
    later_stages: hw.Policy,
):
    """The bounds of the first stage alone and of the whole study meet their simulations, that of
    the cut study does not.
    """
    whole, first = oracles.first_steps(), first_stages(oracles.first_steps(), 1)
    for study, boundary, compared in (
        (whole, None, True),
        (first, None, True),
        (first, BoundaryCuts.of_policy(later_stages, 1), False),
    ):
        policy = trained(study, boundary)
        record = hw.simulate(policy, study, n_scenarios=20, threads=1).record
        gap = gap_to_bound(record, study, policy)
        assert (gap is not None) == compared
        if boundary is not None:
            # what would have been shown: a bound far above what the simulated stage costs
            assert record.summary.mean_cost < 0.8 * policy.lower_bound


def test_the_forward_cost_counts_what_follows(later_stages: hw.Policy):
    policy = trained(
        first_stages(oracles.first_steps(), 1), BoundaryCuts.of_policy(later_stages, 1)
    )
    means = [record.simulated_mean for record in policy.training.iterations]
    assert np.mean(means) == pytest.approx(oracles.FIRST_STEPS_VALUE, rel=0.1)


def test_a_boundary_that_ends_on_another_day_is_remarked(later_stages: hw.Policy):
    boundary = BoundaryCuts.of_policy(later_stages, 1)
    policy = trained(first_stages(oracles.first_steps(), 1), boundary)
    assert policy.training.warnings == ()
    late = replace(
        boundary,
        stage=replace(boundary.stage, end_date=oracles.first_steps().system.stages[2].end_date),
    )
    warnings = trained(first_stages(oracles.first_steps(), 1), late).training.warnings
    assert [
        text
        for text in warnings
        if "boundary cuts value water after stage 1 of their policy" in text
    ]


def test_cuts_of_another_state_are_refused(later_stages: hw.Policy):
    study = first_stages(oracles.first_steps(), 1)
    boundary = BoundaryCuts.of_policy(later_stages, 1)
    with pytest.raises(
        PolicyError, match=r"HW801 hydros: the boundary policy has 1 \(7\), the study 1 \(1\)"
    ):
        build_problems(study, boundary=replace(boundary, layout=founding_layout((7,), 0)))
    with pytest.raises(
        PolicyError, match="HW802 inflow lags in the state: the boundary policy has 2, the study 0"
    ):
        build_problems(study, boundary=replace(boundary, layout=founding_layout((1,), 2)))
    with pytest.raises(ModelError, match="this one repeats"):
        build_problems(oracles.infinite_inner_bound(), boundary=boundary)
    with pytest.raises(PolicyError, match="no stage 9"):
        BoundaryCuts.of_policy(later_stages, 9)
    with pytest.raises(PolicyError, match="stage 3 of the boundary policy has no cuts"):
        BoundaryCuts.of_policy(later_stages, 3)


def test_a_case_names_a_policy_and_its_stage(tmp_path):
    case = tiny_case(tmp_path / "later")
    later = hw.run(case.write(), threads=1)
    assert later.policy.pools[0].n_populated
    soon = tiny_case(tmp_path / "soon")
    soon.files["config.json"]["policy"] = {
        "boundary": {"path": "../later/output/policy", "source_stage": 0}
    }
    run = hw.run(soon.write(), threads=1)
    known = later.policy.pools[0]
    end = run.policy.pools[-1]
    assert end.n_populated == len(known.active_slots())
    assert (
        end.coefficients[: end.n_populated].tobytes()
        == known.coefficients[known.active_slots()].tobytes()
    )
    assert run.policy.lower_bound > later.policy.lower_bound
    assert (
        hw.load_policy(tmp_path / "soon" / "output" / "policy").pools[-1].n_populated
        == end.n_populated
    )
    soon.files["config.json"]["policy"]["boundary"]["path"] = "nowhere"
    with pytest.raises(PolicyError, match=r"HW808 .*policy\.boundary\.path"):
        hw.train(hw.load_case(soon.write()), threads=1)


def test_a_study_in_code_names_a_policy_as_well(later_stages: hw.Policy, tmp_path):
    hw.save_policy(later_stages, tmp_path / "later")
    first = first_stages(oracles.first_steps(), 1)
    config = replace(
        first.config, policy=PolicyConfig(boundary=Boundary(str(tmp_path / "later"), 1))
    )
    assert hw.train(replace(first, config=config), threads=1).lower_bound == pytest.approx(
        oracles.FIRST_STEPS_VALUE, abs=1e-4
    )
