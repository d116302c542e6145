"""A policy is used only where its cuts mean what they meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

import headwater as hw
import headwater.model as m
from trained_policies import small_study, trained


def changed(**changes: object) -> hw.Study:
    chosen = small_study()
    return dataclasses.replace(chosen, system=dataclasses.replace(chosen.system, **changes))  # type: ignore[arg-type]


def _renamed_hydro() -> hw.Study:
    """The last plant gets another id, everywhere."""
    system = small_study().system
    old = system.hydros[-1].id
    new = {old: 77}
    hydros = tuple(
        dataclasses.replace(
            h, id=new.get(h.id, h.id), downstream_id=new.get(h.downstream_id, h.downstream_id)
        )  # type: ignore[arg-type]
        for h in system.hydros
    )
    return changed(
        hydros=hydros,
        inflow_statistics=tuple(
            dataclasses.replace(s, hydro_id=new.get(s.hydro_id, s.hydro_id))
            for s in system.inflow_statistics
        ),
        initial=m.InitialConditions(
            storage_hm3={new.get(h, h): v for h, v in system.initial.storage_hm3.items()},
            past_inflows_m3s={new.get(h, h): v for h, v in system.initial.past_inflows_m3s.items()},
        ),
        hydro_bound_overrides=m.StageOverrides.from_rows([], entity="hydro_id"),
        fpha_planes=tuple(
            dataclasses.replace(p, hydro_id=new.get(p.hydro_id, p.hydro_id))
            for p in system.fpha_planes
        ),
        generic_constraints=(),
        generic_constraint_bounds=(),
    )


def _renumbered_stages() -> hw.Study:
    system = small_study().system
    return changed(
        stages=tuple(dataclasses.replace(s, id=s.id + 1) for s in system.stages),
        inflow_statistics=tuple(
            dataclasses.replace(s, stage_id=s.stage_id + (s.stage_id >= 0))
            for s in system.inflow_statistics
        ),
        load_statistics=tuple(
            dataclasses.replace(s, stage_id=s.stage_id + 1) for s in system.load_statistics
        ),
        load_factors=m.StageOverrides.from_rows([], entity="bus_id"),
        hydro_bound_overrides=m.StageOverrides.from_rows([], entity="hydro_id"),
        generic_constraints=(),
        generic_constraint_bounds=(),
    )


def _without_planes() -> hw.Study:
    hydros = tuple(
        dataclasses.replace(h, production=m.ProductionKind.CONSTANT)
        for h in small_study().system.hydros
    )
    return changed(hydros=hydros, fpha_planes=())


def _other_inflows(**changes: object) -> Callable[[], hw.Study]:
    def make() -> hw.Study:
        first, *others = small_study().system.inflow_statistics
        moved = [s for s in (first, *others) if s.stage_id == 1]
        replaced = {id(moved[0]): dataclasses.replace(moved[0], **changes)}  # type: ignore[arg-type]
        return changed(inflow_statistics=tuple(replaced.get(id(s), s) for s in (first, *others)))

    return make


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (_renamed_hydro, "HW801", "77"),
        (_renumbered_stages, "HW805", r"3 \(0, 1, 2\), the study 3 \(1, 2, 3\)"),
        (_without_planes, "HW803", r"production function of hydros 1 \(1\) differs at stage 0"),
        (_other_inflows(mean_m3s=41.5), "HW804", "inflow model"),
        (_other_inflows(std_m3s=1.25), "HW804", "inflow model"),
        (_other_inflows(coefficients=(0.05,)), "HW804", "inflow model"),
    ],
)
def test_a_policy_of_another_system_is_refused(make: Callable[[], hw.Study], code: str, says: str):
    with pytest.raises(
        hw.PolicyError, match=rf"does not fit the study:\n  {code} .*{says}"
    ) as caught:
        hw.simulate(trained(), make(), n_scenarios=2, threads=1)
    assert caught.value.exit_code == 5


def test_loads_costs_limits_and_network_may_differ():
    system = small_study().system
    altered = changed(
        thermals=tuple(
            dataclasses.replace(
                t,
                cost_segments=tuple(
                    dataclasses.replace(s, cost_per_mwh=s.cost_per_mwh * 1.5)
                    for s in t.cost_segments
                ),
            )
            for t in system.thermals
        ),
        load_statistics=tuple(
            dataclasses.replace(s, mean_mw=0.9 * s.mean_mw) for s in system.load_statistics
        ),
        lines=(),
        generic_constraints=(),
        generic_constraint_bounds=(),
    )
    assert hw.simulate(trained(), altered, n_scenarios=2, threads=1).mean_cost > 0
