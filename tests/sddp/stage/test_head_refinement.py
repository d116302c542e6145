"""Simulation with the linearised head."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from headwater.errors import ModelError
from headwater.lp import linear_heads
from headwater.sddp import train_policy
from headwater.sddp.simulation.simulation import simulate_policy
from operated import inflows, operate, reservoir, system
from small_systems import study


def lake(passes: int = 1, **changes: object) -> m.System:
    """Constant release of 50 m3/s (spilling is dear, storage is full); heights rise 0.2 m per hm3.

    V_ref = 65; productivity 0.5 and efficiency 0.9 make H_ref = 0.5 / (9.81e-3 * 0.9) m.
    """
    plant = reservoir(
        productivity_mw_per_m3s=0.5, production=m.ProductionKind.LINEARIZED_HEAD, efficiency=0.9
    )
    base: dict[str, object] = {
        "hydros": (dataclasses.replace(plant, max_turbined_m3s=50.0),),
        "hydro_geometry": (
            m.GeometryPoint(0, 0.0, 300.0, 1.0),
            m.GeometryPoint(0, 100.0, 320.0, 1.0),
        ),
        "initial": m.InitialConditions(storage_hm3={0: 90.0}),
        "inflow_statistics": inflows(h0=(0.0, 0.0)),
    }
    return system(2, **{**base, **changes})


H_REF = 0.5 / (9.81e-3 * 0.9)


def productivity_at(storage: float) -> float:
    return 0.5 * (1 + 0.2 / H_REF * (storage - 65.0))


def test_productivity_follows_the_storage_of_the_trial() -> None:
    """50 m3/s for 100 h take 18 hm3: 90, then 72 hm3."""
    found = operate(lake())
    expected = [productivity_at(90.0), productivity_at(72.0)]
    assert found.column("hydros", "productivity_mw_per_m3s") == pytest.approx(expected)
    assert found.column("hydros", "generation_mw") == pytest.approx([50 * rho for rho in expected])
    assert found.column("buses", "deficit_mw") == pytest.approx(
        [100 - 50 * rho for rho in expected]
    )
    # Training uses the constant productivity, and says so.
    assert found.lower_bound == pytest.approx(2 * 75 * 1000 * 100)
    assert "linearised head" in " ".join(found.policy.training.warnings)


def test_a_second_pass_takes_the_mean_storage() -> None:
    chosen = study(lake(), iterations=5, cost_scale=1.0)
    simulation = m.SimulationConfig(linearized_head_passes=2)
    chosen = dataclasses.replace(
        chosen, config=dataclasses.replace(chosen.config, simulation=simulation)
    )
    chunks = []
    simulate_policy(train_policy(chosen), chosen, n_scenarios=1, sink=chunks.append)
    expected = [productivity_at(81.0), productivity_at(63.0)]
    assert chunks[0].tables["hydros"]["productivity_mw_per_m3s"] == pytest.approx(expected)


def test_maximum_generation_limits_the_flow_at_the_productivity_in_force() -> None:
    plant = dataclasses.replace(lake().hydros[0], max_generation_mw=20.0)
    found = operate(lake(hydros=(plant,)))
    assert found.column("hydros", "generation_mw")[0] == pytest.approx(20.0)
    assert found.column("hydros", "turbined_m3s")[0] == pytest.approx(20.0 / productivity_at(90.0))


def test_the_head_below_the_tailrace_counts_where_there_is_one() -> None:
    tailrace = m.PolynomialTailrace((250.0, 0.1))
    (head,) = linear_heads(
        lake(hydros=(dataclasses.replace(lake().hydros[0], tailrace=tailrace),)), 0
    )
    # 313 m at 65 hm3 less 255 m at 50 m3/s.
    assert head.sensitivity == pytest.approx(0.2 / 58.0)
    assert head.at(np.array([-5.0, 0.0, 100.0, 300.0])) == pytest.approx(
        [0.5 * (1 - 13 / 58), 0.5 * (1 - 13 / 58), 0.5 * (1 + 7 / 58), 0.5 * (1 + 7 / 58)]
    )


def test_a_plant_without_heights_is_refused() -> None:
    with pytest.raises(ModelError, match="hydro 0 uses the linearised head but has no"):
        linear_heads(lake(hydro_geometry=()), 0)


@pytest.mark.parametrize("formulation", list(m.Formulation))
def test_threads_and_formulations_do_not_matter(formulation: m.Formulation) -> None:
    noisy = lake(
        inflow_statistics=tuple(m.InflowStatistics(0, t, 30.0, 10.0) for t in range(2)),
        stages=tuple(dataclasses.replace(s, n_openings=4) for s in lake().stages),
    )
    chosen = study(noisy, iterations=5, method="penalty", formulation=formulation)
    policy = train_policy(chosen)
    runs = []
    for threads in (1, 3):
        chunks = []
        simulate_policy(policy, chosen, n_scenarios=9, threads=threads, sink=chunks.append)
        runs.append(chunks[0].tables["hydros"])
    for name, values in runs[0].items():
        assert values.tobytes() == runs[1][name].tobytes()
    storage, rho = runs[0]["storage_initial_hm3"], runs[0]["productivity_mw_per_m3s"]
    assert rho == pytest.approx([productivity_at(v) for v in storage])
