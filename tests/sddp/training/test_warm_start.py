"""Starting from the cuts of another policy.

What may be taken over, what a bound is worth then, and how doubt is cleared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headwater as hw
import headwater.model as m
from extensive_form import extensive_form_value
from headwater.errors import PolicyError, UsageError
from headwater.policy import read_policy, write_policy
from headwater.sddp import Policy
from headwater.sddp.cuts.fields import WARM_START
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.training.matching import match_policy
from headwater.stochastic import study_uncertainty
from small_systems import random_system, study
from trained_policies import fingerprint

N_STAGES, WINDOW = 5, 4


def whole() -> m.System:
    """Five stages with given openings, so that every stage keeps its openings
    wherever the horizon begins.
    """
    system = random_system(11, n_stages=N_STAGES, n_openings=2)
    tree = study_uncertainty(study(system, method="penalty")).tree
    noise = {stage.id: tree.noise[t] for t, stage in enumerate(system.stages)}
    return dataclasses.replace(system, given_openings=m.GivenOpenings(noise))


def window(first: int, system: m.System | None = None) -> m.System:
    """Four consecutive stages."""
    system = system or whole()
    kept, before = system.stages[first : first + WINDOW], system.stages[:first]
    past = (
        *system.pre_study_stages,
        *(m.PreStudyStage(s.id, s.start_date, s.end_date, s.season_id) for s in before),
    )
    known = {stage.id for stage in (*kept, *past)}
    ids = {stage.id for stage in kept}
    openings = m.GivenOpenings(
        {i: noise for i, noise in system.given_openings.noise.items() if i in ids}
    )
    loads = tuple(row for row in system.load_statistics if row.stage_id in ids)
    inflows = tuple(row for row in system.inflow_statistics if row.stage_id in known)
    limits = tuple(row for row in system.generic_constraint_bounds if row.stage_id in ids)
    others: dict[str, Any] = {
        field.name: rows_of(getattr(system, field.name), ids)
        for field in dataclasses.fields(system)
        if isinstance(getattr(system, field.name), m.StageOverrides)
    }
    others |= {
        "load_statistics": loads,
        "inflow_statistics": inflows,
        "generic_constraint_bounds": limits,
    }
    return dataclasses.replace(
        system, stages=kept, pre_study_stages=past, given_openings=openings, **others
    )


def rows_of(table: m.StageOverrides, ids: set[int]) -> m.StageOverrides:
    kept = np.isin(table.stage_id, sorted(ids))
    values = {name: column[kept] for name, column in table.values.items()}
    return m.StageOverrides(
        table.entity_id[kept], table.stage_id[kept], table.block_id[kept], values
    )


def a_study(
    system: m.System, iterations: int = 6, policy: m.PolicyConfig | None = None, **training: Any
) -> hw.Study:
    made = study(system, iterations=iterations, forward_passes=3, method="penalty", **training)
    return dataclasses.replace(
        made, config=dataclasses.replace(made.config, policy=policy or m.PolicyConfig())
    )


def shifted(**settings: Any) -> m.PolicyConfig:
    return m.PolicyConfig(stage_map=m.StageMap(shift=1), **settings)


def optimum(made: hw.Study) -> float:
    return extensive_form_value(made.system, made.config)


def cheaper(system: m.System, factor: float = 0.3) -> m.System:
    """Less of every demand: old cuts lie too high."""
    loads = tuple(
        dataclasses.replace(row, mean_mw=factor * row.mean_mw) for row in system.load_statistics
    )
    return dataclasses.replace(system, load_statistics=loads)


def bounds(policy: Policy) -> list[float]:
    assert policy.training is not None
    return [record.lower_bound for record in policy.training.iterations]


def proven(policy: Policy) -> list[bool]:
    assert policy.training is not None
    return [record.lower_bound_proven for record in policy.training.iterations]


@cache
def earlier() -> Policy:
    return hw.train(a_study(window(0), 12), threads=1)


def test_a_horizon_that_rolls_on_starts_where_the_earlier_policy_ended_and_its_bound_holds():
    old, new = earlier(), a_study(window(1), 12)
    warm = hw.train(a_study(window(1), 12, shifted()), warm_start=old, threads=1)
    cold, best = hw.train(new, threads=1), optimum(new)
    assert all(proven(warm))
    assert all(bound <= best * (1 + 1e-9) for bound in bounds(warm))
    assert bounds(warm)[0] >= bounds(cold)[0] * (1 - 1e-12)
    assert bounds(warm)[-1] == pytest.approx(best, rel=1e-6)


def test_every_stage_takes_the_cuts_of_its_partner():
    old = earlier()
    warm = hw.train(a_study(window(1), 1, shifted()), warm_start=old, threads=1)
    for t, pool in enumerate(warm.pools):
        source = old.pools[t + 1] if t + 1 < WINDOW else None
        imported = np.flatnonzero(pool.born_at[: pool.n_populated] == WARM_START)
        if source is None or t == WINDOW - 1:
            assert not len(imported)
            continue
        slots = source.active_slots()
        assert imported.tolist() == list(range(len(slots)))
        assert np.array_equal(pool.coefficients[imported], source.coefficients[slots])
        assert np.array_equal(pool.intercepts[imported], source.intercepts[slots])
        assert (pool.times_binding[imported] >= source.times_binding[slots]).all()


def test_an_explicit_map_may_leave_stages_empty():
    old = earlier()
    policy = m.PolicyConfig(stage_map=m.StageMap(source_ids=(1, None, 3, None)))
    warm = hw.train(a_study(window(1), 1, policy), warm_start=old, threads=1)
    imported = [int((pool.born_at[: pool.n_populated] == WARM_START).sum()) for pool in warm.pools]
    assert imported == [len(old.pools[1].active_slots()), 0, len(old.pools[3].active_slots()), 0]


def test_cuts_that_may_be_wrong_are_told_and_purged_in_time():
    old, less = earlier(), cheaper(window(0))
    best = optimum(a_study(less))
    doubtful = hw.train(a_study(less, 6), warm_start=old, threads=1)
    assert bounds(doubtful)[-1] > best * (
        1 + 1e-3
    )  # cuts of a time of more demand: the bound is wrong ...
    assert not any(proven(doubtful))  # ... and says so
    assert doubtful.training is not None
    assert any("not proven to be lower bounds" in text for text in doubtful.training.warnings)
    for selection in (None, m.CutSelection(m.Level1(), check_frequency=1)):
        purged = hw.train(
            a_study(less, 20, m.PolicyConfig(purge_after=3), cut_selection=selection),
            warm_start=old,
            threads=1,
        )
        assert proven(purged) == [False] * 2 + [True] * 18
        assert all(bound <= best * (1 + 1e-9) for bound in bounds(purged)[2:])
        assert bounds(purged)[-1] == pytest.approx(best, rel=1e-6)
        assert not any(pool.unproven[pool.active_slots()].any() for pool in purged.pools)


def test_a_cut_is_doubtful_only_if_a_doubtful_cut_has_a_part_in_it():
    warm = hw.train(a_study(cheaper(window(0)), 4), warm_start=earlier(), threads=1)
    before_last = warm.pools[WINDOW - 2]
    own = before_last.born_at[: before_last.n_populated] > 0
    assert not before_last.unproven[: before_last.n_populated][own].any()
    assert warm.pools[0].unproven[: warm.pools[0].n_populated].any()


def paid_to_run(price: float) -> m.System:
    """Five stages, in the last of which a thermal plant costs so much.

    The policy of four stages knows nothing of it.
    """
    system = whole()
    plant = next(plant for plant in system.thermals if len(plant.cost_segments) == 1)
    row = {"thermal_id": plant.id, "stage_id": system.stages[-1].id, "cost_per_mwh": price}
    return dataclasses.replace(
        system, thermal_bound_overrides=m.StageOverrides.from_rows([row], entity="thermal_id")
    )


@pytest.mark.parametrize(
    ("price", "is_proven"), [(5.0, True), (0.0, True), (-1e-3, False), (-20000.0, False)]
)
def test_cuts_of_a_horizon_that_ends_earlier_are_proven_only_where_nothing_is_earned_later(
    price: float, is_proven: bool
):
    """They count with no cost after their last stage, which is a lower bound of what costs
    something and of nothing else.
    """
    longer = a_study(paid_to_run(price), 2)
    match = match_policy(earlier(), build_problems(longer), m.StageMap())
    assert match.sources == (0, 1, 2, 3, None)
    assert match.proven == (*(is_proven,) * 4, False)
    if price == -20000.0:
        warm = hw.train(longer, warm_start=earlier(), threads=1)
        assert bounds(warm)[0] > optimum(longer)  # the bound is wrong ...
        assert not any(proven(warm))  # ... and says so


def test_what_is_trusted_counts_as_proven():
    trusting = a_study(cheaper(window(0)), 2, m.PolicyConfig(trust=True, purge_after=None))
    assert all(proven(hw.train(trusting, warm_start=earlier(), threads=1)))


def test_a_training_that_started_warm_can_be_resumed(tmp_path: Path):
    old, less = earlier(), cheaper(window(0))
    for selection in (None, m.CutSelection(m.Domination(), check_frequency=2)):
        policy = m.PolicyConfig(purge_after=3)
        whole_run = hw.train(
            a_study(less, 6, policy, cut_selection=selection), warm_start=old, threads=1
        )
        for n_iterations in (1, 3, 4):
            half = hw.train(
                a_study(less, n_iterations, policy, cut_selection=selection),
                warm_start=old,
                threads=1,
            )
            write_policy(half, tmp_path)
            resumed = hw.train(
                a_study(less, 6, policy, cut_selection=selection), resume=tmp_path, threads=1
            )
            assert fingerprint(resumed) == fingerprint(whole_run), (selection, n_iterations)


def test_what_a_policy_says_of_its_stages_survives_the_disk(tmp_path: Path):
    old = earlier()
    write_policy(old, tmp_path)
    problems = build_problems(a_study(window(1)))
    there, here = (
        match_policy(policy, problems, m.StageMap(shift=1))
        for policy in (read_policy(tmp_path), old)
    )
    assert there == here
    assert there.proven == (True, True, True, False)
    assert there.sources == (1, 2, 3, None)


def other_hydro(system: m.System) -> m.System:
    *others, last = system.hydros
    moved = (
        dataclasses.replace(h, downstream_id=99 if h.downstream_id == last.id else h.downstream_id)
        for h in others
    )
    hydros = (*moved, dataclasses.replace(last, id=99))
    return dataclasses.replace(system, hydros=hydros, **_inflows(system, 99))


def _inflows(system: m.System, new_id: int) -> dict[str, Any]:
    old_id = system.hydros[-1].id

    def renamed(hydro_id: int) -> int:
        return new_id if hydro_id == old_id else hydro_id

    initial = dataclasses.replace(
        system.initial,
        storage_hm3={renamed(i): v for i, v in system.initial.storage_hm3.items()},
        past_inflows_m3s={renamed(i): v for i, v in system.initial.past_inflows_m3s.items()},
    )
    rows = tuple(
        dataclasses.replace(row, hydro_id=renamed(row.hydro_id)) for row in system.inflow_statistics
    )
    planes = tuple(
        dataclasses.replace(plane, hydro_id=renamed(plane.hydro_id)) for plane in system.fpha_planes
    )
    others = {
        "hydro_bound_overrides": m.StageOverrides(),
        "generic_constraints": (),
        "generic_constraint_bounds": (),
    }
    return {"initial": initial, "inflow_statistics": rows, "fpha_planes": planes, **others}


def no_lags(system: m.System) -> m.System:
    rows = tuple(
        dataclasses.replace(r, coefficients=(), residual_std_ratio=None)
        for r in system.inflow_statistics
    )
    return dataclasses.replace(system, inflow_statistics=rows)


def wetter(system: m.System) -> m.System:
    rows = tuple(
        dataclasses.replace(r, mean_m3s=r.mean_m3s * 1.01) for r in system.inflow_statistics
    )
    return dataclasses.replace(system, inflow_statistics=rows)


def one_order_less(system: m.System) -> m.System:
    rows = tuple(
        dataclasses.replace(r, coefficients=(), residual_std_ratio=None) if r.hydro_id == 0 else r
        for r in system.inflow_statistics
    )
    return dataclasses.replace(system, inflow_statistics=rows)


def constant_production(system: m.System) -> m.System:
    hydros = tuple(
        dataclasses.replace(h, production=m.ProductionKind.CONSTANT) for h in system.hydros
    )
    return dataclasses.replace(system, hydros=hydros, fpha_planes=(), production_models=())


REFUSED: dict[str, tuple[Callable[[m.System], m.System], str]] = {
    "other hydros": (other_hydro, r"HW801 hydros: the policy has .*, the study .*99"),
    "no lags": (
        no_lags,
        r"HW805 state: .*\n.*HW802 inflow lags in the state: the policy has 1, the study 0",
    ),
    "another order": (one_order_less, r"HW802 order of the inflow model of hydros 1 \(0\)"),
    "another production function": (
        constant_production,
        r"HW803 production function of hydros 1 \(1\)",
    ),
    "another inflow model": (wetter, r"HW804 inflow model .* of hydros"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_cuts_that_mean_something_else_are_refused(
    change: Callable[[m.System], m.System], message: str
):
    with pytest.raises(PolicyError, match=message) as caught:
        hw.train(a_study(change(window(0)), 1), warm_start=earlier(), threads=1)
    assert caught.value.exit_code == 5


def test_only_hydros_and_state_are_compared_when_that_is_asked_for():
    careless = m.PolicyConfig(validate_compatibility=False)
    trained = hw.train(a_study(wetter(window(0)), 1, careless), warm_start=earlier(), threads=1)
    assert trained.training is not None
    assert any("were not compared" in text for text in trained.training.warnings)
    assert not any(proven(trained))
    for change in (other_hydro, no_lags):
        with pytest.raises(PolicyError, match=r"HW80[15]"):
            hw.train(a_study(change(window(0)), 1, careless), warm_start=earlier(), threads=1)


@pytest.mark.parametrize(
    ("stage_map", "message"),
    [
        (
            m.StageMap(shift=40),
            "HW816 policy.stage_map: shifted by 40, no stage meets one of its 4",
        ),
        (
            m.StageMap(source_ids=(0,)),
            "HW816 policy.stage_map has 1 entries for 4 stages",
        ),
        (m.StageMap(source_ids=(0, 1, 2, 77)), r"HW816 policy.stage_map names stages 1 \(77\)"),
    ],
)
def test_a_map_that_leads_nowhere_is_refused(stage_map: m.StageMap, message: str):
    with pytest.raises(PolicyError, match=message):
        hw.train(
            a_study(window(0), 1, m.PolicyConfig(stage_map=stage_map)),
            warm_start=earlier(),
            threads=1,
        )


def test_cuts_of_single_openings_need_a_study_that_has_such_cuts():
    multi = hw.train(a_study(window(0), 3, cut_formulation=m.CutFormulation.MULTI), threads=1)
    with pytest.raises(PolicyError, match="HW817"):
        hw.train(a_study(window(0), 1), warm_start=multi, threads=1)
    system = window(0)
    fewer = m.GivenOpenings(
        {stage_id: noise[:1] for stage_id, noise in system.given_openings.noise.items()}
    )
    small = dataclasses.replace(system, given_openings=fewer)
    with pytest.raises(
        PolicyError,
        match=r"HW817 the policy has cuts for \d openings after stage \d, where the study has 1",
    ):
        hw.train(
            a_study(small, 1, cut_formulation=m.CutFormulation.MULTI), warm_start=multi, threads=1
        )
    again = a_study(window(0), 3, cut_formulation=m.CutFormulation.MULTI)
    best, warm = optimum(again), hw.train(again, warm_start=multi, threads=1)
    assert all(proven(warm))
    assert all(bound <= best * (1 + 1e-9) for bound in bounds(warm))


def test_one_cannot_both_resume_and_start_warm():
    old = earlier()
    with pytest.raises(UsageError, match="'resume' or 'warm_start'"):
        hw.train(a_study(window(0)), resume=old, warm_start=old, threads=1)
