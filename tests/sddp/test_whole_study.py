"""Training and simulation with everything on: slopes, balances, costs."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest

import headwater.model as m
from headwater.sddp import SimulationChunk, train_policy
from headwater.sddp.simulation.simulation import simulate_policy
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from small_systems import study
from stage_values import aggregate
from whole_systems import whole_system

N_SCENARIOS = 6


def trained(seed: int, formulation: m.Formulation, **options: object) -> StudyProblems:
    chosen = study(whole_system(seed, **options), iterations=8, forward_passes=3, method="penalty")  # type: ignore[arg-type]
    policy = train_policy(chosen)
    config = dataclasses.replace(
        chosen.config, training=dataclasses.replace(chosen.config.training, formulation=formulation)
    )
    return build_problems(dataclasses.replace(chosen, config=config), policy.pools)


def interior_state(problems: StudyProblems, t: int, rng: np.random.Generator) -> np.ndarray:
    system = problems.system
    present = np.isin(
        system.operative_states["hydros"][:, t],
        (m.OperativeState.FILLING, m.OperativeState.OPERATING),
    )
    storage = np.where(
        present,
        rng.uniform(0.15, 0.7, len(present)) * system.bounds.hydro.max_storage_hm3[:, t],
        0.0,
    )
    lags = rng.uniform(
        15, 40, problems.layout.size("storage") * problems.layout.block("inflow_lag").depth
    )
    gas = rng.uniform(8, 25, 2) * [1.0, t + 1 < 4]
    return np.concatenate([storage, lags, gas, rng.uniform(3, 20, 1) * (t < 3)])


@pytest.mark.parametrize("formulation", list(m.Formulation))
@pytest.mark.parametrize("chronological", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_slopes_of_every_state_agree_with_finite_differences(
    seed: int, chronological: bool, formulation: m.Formulation
) -> None:
    """Equality where both one-sided differences agree, between them elsewhere;
    storages, lags and commitments.

    Every kind of reservoir is felt: with evaporation and pumping (2), planes (3), filling (5), one
    that leaves (7), plain (11).
    """
    problems = trained(seed, formulation, chronological=chronological)
    programs, rng, step = SolverPool(problems), np.random.default_rng(50 + seed), 1e-3
    layout = problems.layout
    smooth = {"lag": 0, "commitment": 0} | {
        f"storage of {i}": 0 for i in layout.block("storage").ids
    }
    filling = 0

    def value(t: int, state: np.ndarray) -> tuple[float, np.ndarray]:
        point = aggregate(problems, t, programs.solve(t, state, problems.stages[t].openings, None))
        return point.value, point.slope

    for t in range(4):
        for _ in range(2):
            state = interior_state(problems, t, rng)
            centre, slope = value(t, state)
            for j in range(layout.dimension):
                kind = (
                    f"storage of {layout.block('storage').ids[j]}"
                    if j < 5
                    else "lag"
                    if j < 15
                    else "commitment"
                )
                if kind == "commitment" and state[j] == 0.0:
                    continue  # the plant is gone: another power than 0 is not a state
                move = np.eye(layout.dimension)[j] * step
                right = (value(t, state + move)[0] - centre) / step
                left = (centre - value(t, state - move)[0]) / step
                tolerance = (
                    1e-6 * max(abs(right), abs(left))
                    + 1e-7 * abs(centre) / max(1.0, abs(centre))
                    + 2e-9 * abs(centre)
                )
                assert min(left, right) - tolerance <= slope[j] <= max(left, right) + tolerance, (
                    t,
                    j,
                )
                smooth[kind] += abs(right - left) <= tolerance and abs(slope[j]) > 1.0
                filling += kind == "storage of 5" and t < 3 and abs(slope[j]) > 1.0
    assert min(smooth.values()) >= 2
    assert filling > 0


def simulated(
    seed: int, **options: object
) -> tuple[m.System, dict[str, dict[str, np.ndarray]], SimulationChunk]:
    chosen = study(whole_system(seed, **options), iterations=6, forward_passes=2, method="penalty")  # type: ignore[arg-type]
    chunks: list[SimulationChunk] = []
    simulate_policy(train_policy(chosen), chosen, n_scenarios=N_SCENARIOS, sink=chunks.append)
    tables = {
        name: {c: np.asarray(v) for c, v in table.items()}
        for name, table in chunks[0].tables.items()
    }
    return chosen.system, tables, chunks[0]


def pick(table: dict[str, np.ndarray], column: str, t: int, n_blocks: int) -> np.ndarray:
    """``[scenario, block, entity]`` of one stage."""
    return table[column][table["stage_id"] == t].reshape(N_SCENARIOS, n_blocks, -1)


@pytest.mark.parametrize("chronological", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_water_and_power_balance_with_everything_on(seed: int, chronological: bool) -> None:
    system, tables, _ = simulated(seed, chronological=chronological)
    hydros, ids = tables["hydros"], [plant.id for plant in system.hydros]
    for t, stage in enumerate(system.stages):
        hours = np.array([block.hours for block in stage.blocks])
        get = partial(pick, hydros, t=t, n_blocks=len(hours))
        state = get("operative_state_code")[0, 0]
        withdrawn = system.bounds.hydro.water_withdrawal_m3s[:, t] * np.isin(state, (1, 2))
        net = (
            get("inflow_m3s")
            + np.nan_to_num(get("diverted_inflow_m3s"))
            - np.nan_to_num(get("diverted_outflow_m3s"))
            + get("inflow_nonnegativity_slack_m3s")
            - get("outflow_m3s")
            - np.nan_to_num(get("evaporation_m3s"))
            - withdrawn
            + get("water_withdrawal_violation_neg_m3s")
            - get("water_withdrawal_violation_pos_m3s")
        )
        pumped = pick(tables["pumping_stations"], "pumped_flow_m3s", t, len(hours))
        for j, station in enumerate(system.pumping_stations):
            net[:, :, ids.index(station.source_hydro_id)] -= pumped[:, :, j]
            net[:, :, ids.index(station.destination_hydro_id)] += pumped[:, :, j]
        volume = net * (0.0036 * hours)[None, :, None]
        initial, final = get("storage_initial_hm3"), get("storage_final_hm3")
        present = np.isin(state, (1, 2))
        if chronological:
            assert (initial + volume)[..., present] == pytest.approx(final[..., present], abs=1e-6)
        whole = initial[:, 0] + volume.sum(axis=1)
        assert whole[:, present] == pytest.approx(final[:, -1][:, present], abs=1e-6)
        gone = get("storage_final_hm3")[:, -1][:, state == 3]
        assert gone == pytest.approx(0.0, abs=1e-9)

        bus_of = {bus.id: b for b, bus in enumerate(system.buses)}
        supply = np.zeros((N_SCENARIOS, len(hours), 2))
        parts = (
            ("hydros", "generation_mw", system.hydros, 1.0),
            ("thermals", "generation_mw", system.thermals, 1.0),
            ("non_controllables", "generation_mw", system.non_controllables, 1.0),
            ("pumping_stations", "power_consumption_mw", system.pumping_stations, -1.0),
        )
        for name, column, entities, sign in parts:
            power = pick(tables[name], column, t, len(hours))
            for i, entity in enumerate(entities):
                supply[..., bus_of[entity.bus_id]] += sign * power[..., i]
        traded = pick(tables["contracts"], "power_mw", t, len(hours))
        for i, deal in enumerate(system.contracts):
            supply[..., bus_of[deal.bus_id]] += (
                1.0 if deal.kind is m.ContractKind.IMPORT else -1.0
            ) * traded[..., i]
        direct, reverse, lost = (
            pick(tables["exchanges"], name, t, len(hours))
            for name in ("direct_flow_mw", "reverse_flow_mw", "losses_mw")
        )
        assert lost == pytest.approx((direct + reverse) * [0.04, 0.0])
        for i, line in enumerate(system.lines):
            keep = 1.0 - line.losses_percent / 100.0
            supply[..., bus_of[line.target_bus_id]] += keep * direct[..., i] - reverse[..., i]
            supply[..., bus_of[line.source_bus_id]] += keep * reverse[..., i] - direct[..., i]
        deficit, excess, load = (
            pick(tables["buses"], name, t, len(hours))
            for name in ("deficit_mw", "excess_mw", "load_mw")
        )
        assert supply + deficit - excess == pytest.approx(load, abs=1e-6)


def test_net_generation_of_plane_plants_lies_under_every_plane() -> None:
    system, tables, _ = simulated(0, chronological=True)
    chosen = tables["hydros"]["hydro_id"] == 3
    h = {name: values[chosen] for name, values in tables["hydros"].items()}
    mean = (h["storage_initial_hm3"] + h["storage_final_hm3"]) / 2
    for plane in system.fpha_planes:
        bound = plane.kappa * plane.gamma_0 + plane.gamma_v * mean
        bound += plane.gamma_q * h["turbined_m3s"] + plane.gamma_s * h["spillage_m3s"]
        assert (h["generation_mw"] <= bound + 1e-6).all()
    assert h["generation_mw"].max() > 0.0


@pytest.mark.parametrize("seed", range(3))
def test_components_add_up_to_the_cost_and_costs_to_the_total(seed: int) -> None:
    _, tables, chunk = simulated(seed)
    costs = tables["costs"]
    sums = ("total_cost", "immediate_cost", "future_cost", "hydro_violation_cost", "pumping_cost")
    summed = sum(
        values for name, values in costs.items() if name.endswith("_cost") and name not in sums
    )
    assert summed == pytest.approx(costs["immediate_cost"], rel=1e-9, abs=1e-6)
    discounted = (
        (costs["immediate_cost"] * costs["discount_factor"]).reshape(N_SCENARIOS, -1).sum(axis=1)
    )
    assert discounted == pytest.approx(chunk.summary.total_cost, rel=1e-9)
    for table, column, component in (
        ("contracts", "total_cost", "contract_cost"),
        ("thermals", "generation_cost", "thermal_cost"),
        ("non_controllables", "curtailment_cost", "curtailment_cost"),
        ("exchanges", "exchange_cost", "exchange_cost"),
        ("hydros", "spillage_cost", "spillage_cost"),
        ("pumping_stations", "pumping_cost", "pumping_cost"),
        ("violations/generic", "slack_cost", "generic_violation_cost"),
    ):
        assert tables[table][column].sum() == pytest.approx(
            costs[component].sum(), rel=1e-9, abs=1e-6
        ), table


def test_the_forward_cost_is_the_simulated_one() -> None:
    """The objective less the discounted future is the sum of the components, in
    every stage and scenario.
    """
    chosen = study(whole_system(1), iterations=5, forward_passes=2, method="penalty")
    policy = train_policy(chosen)
    problems = build_problems(chosen, policy.pools)
    programs, state = SolverPool(problems), problems.initial_state
    chunks: list[SimulationChunk] = []
    single = dataclasses.replace(chosen)
    simulate_policy(policy, single, n_scenarios=1, sink=chunks.append)
    costs = chunks[0].tables["costs"]
    from headwater.stochastic import simulation_sampler

    sampler = simulation_sampler(
        problems.uncertainty,
        chosen.config.training.scenario_source,
        chosen.config.training.tree_seed,
    )
    for t, problem in enumerate(problems.stages):
        eta = sampler.noise(t, 0, np.array([0]))
        u = problems.uncertainty
        batch = problem.noise_batch(
            u.innovation_m3s(t, eta), u.load_mw(t, eta), u.available_mw(t, eta)
        )
        solved = programs.solve_each(t, state[None, :], batch, None)
        reported = np.asarray(costs["total_cost"])[np.asarray(costs["stage_id"]) == t].sum()
        assert problem.trial_objectives(solved)[0, 0] == pytest.approx(reported, rel=1e-7)
        state = problem.leave(solved)[0][0]
