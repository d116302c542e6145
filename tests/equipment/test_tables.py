"""Every column of the simulation tables against its definition, with every kind of equipment on."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import headwater.model as m
from headwater.equipment.hydro.state import memory_places
from headwater.results.schemas import SCHEMAS, SIMULATION_TABLES
from headwater.sddp import SimulationChunk, train_policy
from headwater.sddp.simulation.simulation import simulate_policy
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.stochastic import simulation_sampler
from small_systems import study
from whole_systems import whole_system

N_SCENARIOS = 5
Table = dict[str, np.ndarray]


@cache
def simulated(seed: int) -> tuple[m.Study, StudyProblems, dict[str, Table]]:
    chosen = study(whole_system(seed), iterations=6, forward_passes=2, method="penalty")
    policy = train_policy(chosen)
    chunks: list[SimulationChunk] = []
    simulate_policy(policy, chosen, n_scenarios=N_SCENARIOS, sink=chunks.append)
    tables = {
        name: {c: np.asarray(v) for c, v in table.items()}
        for name, table in chunks[0].tables.items()
    }
    return chosen, build_problems(chosen, policy.pools), tables


def at(table: Table, column: str, t: int) -> np.ndarray:
    """``[scenario, row]`` of one stage."""
    return table[column][table["stage_id"] == t].reshape(N_SCENARIOS, -1)


def block_hours(system: m.System, table: Table) -> np.ndarray:
    """Hours of the block of each row."""
    hours = [[block.hours for block in stage.blocks] for stage in system.stages]
    return np.array(
        [hours[t][k] for t, k in zip(table["stage_id"], table["block_id"], strict=True)]
    )


def of_entity(entities: tuple, table: Table, id_column: str, attribute: str) -> np.ndarray:
    values = {entity.id: getattr(entity, attribute) for entity in entities}
    return np.array([values[i] for i in table[id_column]], float)


def stage_values(array: np.ndarray, ids: np.ndarray, table: Table, id_column: str) -> np.ndarray:
    """``array[entity, stage]`` for each row."""
    return array[np.searchsorted(ids, table[id_column]), table["stage_id"]]


WHERE_THERE_IS_SUCH = {"commitments", "phase_shifters", "seepage", "travelling_water"}
"""Tables of what only some lines, thermal and hydro plants have, and those of these systems not."""


def test_all_columns_of_all_tables_are_there() -> None:
    _, _, tables = simulated(0)
    founding = {name for name in SIMULATION_TABLES if not SCHEMAS[name].kind}
    assert set(tables) == founding - WHERE_THERE_IS_SUCH
    for name, table in tables.items():
        declared = [
            column
            for column in SCHEMAS[name].columns
            if column.name != "scenario_id" and not column.kind
        ]
        assert list(table) == [column.name for column in declared]
        for column in declared:
            if not column.nullable and table[column.name].dtype.kind == "f":
                assert np.isfinite(table[column.name]).all(), (name, column.name)


@pytest.mark.parametrize("seed", range(2))
def test_the_worth_of_water_and_of_energy_are_slopes_of_the_stage(seed: int) -> None:
    """Finite differences of the stage's optimal value in incoming storage and in load, from what
    the tables say it met.
    """
    chosen, problems, tables = simulated(seed)
    u, programs = problems.uncertainty, SolverPool(problems)
    sampler = simulation_sampler(
        u, m.ScenarioSource(), chosen.config.training.tree_seed, N_SCENARIOS
    )
    layout, n, everyone = problems.layout, problems.layout.size("storage"), np.arange(N_SCENARIOS)
    agreeing = {"water": 0, "energy": 0}
    for t, stage in enumerate(chosen.system.stages):
        eta = sampler.noise(t, 0, everyone)
        load, available = u.load_mw(t, eta), u.available_mw(t, eta)
        states = np.zeros((N_SCENARIOS, layout.dimension))
        states[:, :n] = at(tables["hydros"], "storage_initial_hm3", t)[:, :n]
        states[:, memory_places(layout).ravel()] = at(tables["inflow_lags"], "inflow_m3s", t)
        ahead = at(tables["thermals"], "gnl_committed_mw", t)[:, :4]
        states[:, layout.span("gnl_commitment").start] = ahead[:, 2]
        states[:, layout.span("gnl_commitment").stop - 1] = ahead[:, 3]
        # What is committed for the stage after is what this stage's neighbour shows as committed.
        later = at(tables["thermals"], "gnl_committed_mw", t + 1)[:, 2] if t < 3 else 0.0
        states[:, layout.span("gnl_commitment").start + 1] = later

        def value(
            states: np.ndarray,
            load: np.ndarray,
            t: int = t,
            eta: np.ndarray = eta,
            avail: np.ndarray = available,
        ):
            batch = problems.stages[t].noise_batch(u.innovation_m3s(t, eta), load, avail)
            return problems.stages[t].trial_objectives(programs.solve_each(t, states, batch, None))[
                :, 0
            ]

        centre = value(states, load)
        n_blocks = len(stage.blocks)
        shown = at(tables["costs"], "total_cost", t).sum(axis=1)
        assert shown == pytest.approx(centre, rel=1e-7)
        step = 1e-3
        for h in np.flatnonzero(np.isin(chosen.system.operative_states["hydros"][:, t], (1, 2))):
            move = np.eye(layout.dimension)[h] * step
            right, left = (
                (value(states + move, load) - centre) / step,
                (centre - value(states - move, load)) / step,
            )
            shown = at(tables["hydros"], "water_value_per_hm3", t)[:, h]
            agreeing["water"] += between(-shown, left, right, centre)
        for b in range(2):
            for k in range(n_blocks):
                more = np.zeros_like(load)
                more[:, b, k] = step
                right, left = (
                    (value(states, load + more) - centre) / step,
                    (centre - value(states, load - more)) / step,
                )
                hours = stage.blocks[k].hours
                shown = at(tables["buses"], "spot_price", t)[:, 2 * k + b] * hours
                agreeing["energy"] += between(shown, left, right, centre)
    assert min(agreeing.values()) > 20


def between(slope: np.ndarray, left: np.ndarray, right: np.ndarray, value: np.ndarray) -> int:
    """Make sure of slopes; how many of them have no kink."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    tolerance = 1e-6 * np.maximum(np.abs(low), np.abs(high)) + 3e-9 * np.abs(value)
    assert (low - tolerance <= slope).all()
    assert (slope <= high + tolerance).all()
    return int((high - low <= tolerance).sum())


@pytest.mark.parametrize("seed", range(2))
def test_energies_flows_and_states_follow_their_definitions(seed: int) -> None:
    system, tables = simulated(seed)[0].system, simulated(seed)[2]
    for name, pairs in {
        "hydros": [("generation_mw", "generation_mwh")],
        "thermals": [("generation_mw", "generation_mwh")],
        "exchanges": [("net_flow_mw", "net_flow_mwh"), ("losses_mw", "losses_mwh")],
        "buses": [
            ("load_mw", "load_mwh"),
            ("deficit_mw", "deficit_mwh"),
            ("excess_mw", "excess_mwh"),
        ],
        "pumping_stations": [("power_consumption_mw", "energy_consumption_mwh")],
        "contracts": [("power_mw", "energy_mwh")],
        "non_controllables": [
            ("generation_mw", "generation_mwh"),
            ("curtailment_mw", "curtailment_mwh"),
        ],
    }.items():
        for power, energy in pairs:
            hours = block_hours(system, tables[name])
            assert tables[name][energy] == pytest.approx(tables[name][power] * hours, rel=1e-12), (
                name,
                energy,
            )
    for name, kind, id_column in (
        ("hydros", "hydros", "hydro_id"),
        ("thermals", "thermals", "thermal_id"),
        ("exchanges", "lines", "line_id"),
        ("pumping_stations", "pumping_stations", "pumping_station_id"),
        ("contracts", "contracts", "contract_id"),
        ("non_controllables", "non_controllables", "non_controllable_id"),
    ):
        entities = getattr(system, kind)
        for entity in entities:
            rows = tables[name][id_column] == entity.id
            for t in range(4):
                filling = getattr(entity, "filling", None)
                entered = entity.entry_stage_id is None or entity.entry_stage_id <= t
                gone = entity.exit_stage_id is not None and entity.exit_stage_id <= t
                fills = filling is not None and filling.start_stage_id <= t and not entered
                expected = 3 if gone else 2 if entered else 1 if fills else 0
                here = rows & (tables[name]["stage_id"] == t)
                assert set(tables[name]["operative_state_code"][here]) == {expected}, (
                    name,
                    entity.id,
                    t,
                )
    h = tables["hydros"]
    assert h["outflow_m3s"] == pytest.approx(h["turbined_m3s"] + h["spillage_m3s"], abs=1e-12)
    x = tables["exchanges"]
    assert x["net_flow_mw"] == pytest.approx(x["direct_flow_mw"] - x["reverse_flow_mw"], abs=1e-12)
    p = tables["pumping_stations"]
    rate = of_entity(system.pumping_stations, p, "pumping_station_id", "consumption_mw_per_m3s")
    assert p["power_consumption_mw"] == pytest.approx(p["pumped_flow_m3s"] * rate)
    assert p["pumped_volume_hm3"] == pytest.approx(
        p["pumped_flow_m3s"] * 0.0036 * block_hours(system, p)
    )
    assert p["pumped_flow_m3s"].max() > 0.0
    r = tables["non_controllables"]
    assert r["available_mw"] == pytest.approx(r["generation_mw"] + r["curtailment_mw"])


@pytest.mark.parametrize("seed", range(2))
def test_every_cost_is_a_price_times_an_amount(seed: int) -> None:
    system, tables = simulated(seed)[0].system, simulated(seed)[2]
    costs, h = tables["costs"], tables["hydros"]
    ids = np.array([plant.id for plant in system.hydros])
    hours = block_hours(system, h)
    stage_hours = np.array([stage.hours for stage in system.stages])[h["stage_id"]]
    share = hours / stage_hours
    fee = {
        name: stage_values(values, ids, h, "hydro_id")
        for name, values in system.resolved_penalties.hydro.items()
    }

    def check(component: str, table: Table, paid: np.ndarray) -> None:
        for t in range(4):
            shown = at(costs, component, t).sum(axis=1)
            rows = table["stage_id"] == t
            assert shown == pytest.approx(
                paid[rows].reshape(N_SCENARIOS, -1).sum(axis=1), rel=1e-9, abs=1e-5
            ), (component, t)

    check("spillage_cost", h, hours * fee["spillage_cost"] * h["spillage_m3s"])
    assert h["spillage_cost"] == pytest.approx(hours * fee["spillage_cost"] * h["spillage_m3s"])
    check(
        "diversion_cost",
        h,
        hours * fee["diversion_cost"] * np.nan_to_num(h["diverted_outflow_m3s"]),
    )
    fpha = np.isnan(h["productivity_mw_per_m3s"])
    check("fpha_turbined_cost", h, hours * fee["fpha_turbined_cost"] * h["turbined_m3s"] * fpha)
    check(
        "turbined_violation_cost",
        h,
        hours * fee["turbined_violation_below_cost"] * h["turbined_slack_m3s"],
    )
    check(
        "outflow_violation_below_cost",
        h,
        hours * fee["outflow_violation_below_cost"] * h["outflow_slack_below_m3s"],
    )
    check(
        "outflow_violation_above_cost",
        h,
        hours * fee["outflow_violation_above_cost"] * h["outflow_slack_above_m3s"],
    )
    check(
        "generation_violation_cost",
        h,
        hours * fee["generation_violation_below_cost"] * h["generation_slack_mw"],
    )
    check(
        "storage_violation_cost",
        h,
        share * fee["storage_violation_below_cost"] * h["storage_violation_below_hm3"],
    )
    check(
        "inflow_penalty_cost",
        h,
        hours * fee["inflow_nonnegativity_cost"] * h["inflow_nonnegativity_slack_m3s"],
    )
    for component, kind in (
        ("evaporation_violation_cost", "evaporation"),
        ("withdrawal_violation_cost", "water_withdrawal"),
    ):
        paid = sum(
            h[f"{kind}_violation_{side}_m3s"] * fee[f"{kind}_violation_{side}_cost"]
            for side in ("pos", "neg")
        )
        check(component, h, hours * paid)
    r, x, c, g = (
        tables[name] for name in ("non_controllables", "exchanges", "contracts", "thermals")
    )
    price = stage_values(
        system.bounds.non_controllable.curtailment_cost, np.array([1, 2]), r, "non_controllable_id"
    )
    assert r["curtailment_cost"] == pytest.approx(r["curtailment_mwh"] * price)
    price = stage_values(system.bounds.line.exchange_cost, np.array([3, 4]), x, "line_id")
    assert x["exchange_cost"] == pytest.approx(
        (x["direct_flow_mw"] + x["reverse_flow_mw"]) * block_hours(system, x) * price
    )
    assert c["total_cost"] == pytest.approx(c["energy_mwh"] * c["price_per_mwh"])
    for plant in system.thermals:
        rows = g["thermal_id"] == plant.id
        left, paid = g["generation_mw"][rows].copy(), np.zeros(rows.sum())
        for segment in plant.cost_segments:
            own = system.bounds.thermal.cost_per_mwh[
                system.thermal_index[plant.id], g["stage_id"][rows], 0
            ]
            used = np.minimum(left, segment.capacity_mw)
            paid += used * np.where(np.isnan(own), segment.cost_per_mwh, own)
            left -= used
        assert g["generation_cost"][rows] == pytest.approx(
            paid * block_hours(system, g)[rows], rel=1e-9, abs=1e-6
        )
    b = tables["buses"]
    cheap = np.minimum(b["deficit_mw"], 10.0)
    check(
        "deficit_cost",
        b,
        block_hours(system, b) * (800.0 * cheap + 3000.0 * (b["deficit_mw"] - cheap)),
    )
    waste = stage_values(system.bounds.bus.excess_cost, np.array([1, 2]), b, "bus_id")
    consumed = np.zeros(
        len(b["bus_id"])
    )  # negative net generation of plants with planes is paid like excess
    place = {key: i for i, key in enumerate(zip(*keys(b), b["bus_id"], strict=True))}
    bus = of_entity(system.hydros, h, "hydro_id", "bus_id")
    for key, power in zip(
        zip(*keys(h), bus, strict=True),
        np.where(fpha, np.minimum(h["generation_mw"], 0.0), 0.0),
        strict=True,
    ):
        consumed[place[key]] -= power
    check("excess_cost", b, block_hours(system, b) * waste * (b["excess_mw"] + consumed))
    for table, column, component in (
        (g, "generation_cost", "thermal_cost"),
        (c, "total_cost", "contract_cost"),
    ):
        check(component, table, table[column])
    p = tables["pumping_stations"]
    bus = of_entity(system.pumping_stations, p, "pumping_station_id", "bus_id")
    price = {
        (s, t, k, i): v
        for s, t, k, i, v in zip(*keys(b), b["bus_id"], b["spot_price"], strict=True)
    }
    spot = np.array([price[key] for key in zip(*keys(p), bus, strict=True)])
    assert p["pumping_cost"] == pytest.approx(p["energy_consumption_mwh"] * spot)
    check("pumping_cost", p, p["pumping_cost"])
    v = tables["violations/generic"]
    slack = {rule.id: rule.slack_cost for rule in system.generic_constraints}
    of_row = np.where(
        v["block_id"] < 0, [system.stages[t].hours for t in v["stage_id"]], block_hours(system, v)
    )
    assert v["slack_cost"] == pytest.approx(
        v["slack_value"] * of_row * [slack[i] for i in v["constraint_id"]]
    )
    check("generic_violation_cost", v, v["slack_cost"])
    assert (
        np.abs(v["marginal_value"]) <= np.array([slack[i] for i in v["constraint_id"]]) + 1e-6
    ).all()
    discount = system.cumulative_discount[costs["stage_id"]]
    assert costs["discount_factor"] == pytest.approx(discount)


def keys(table: Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scenario, stage and block of each row."""
    per_scenario = len(table["stage_id"]) // N_SCENARIOS
    return np.repeat(np.arange(N_SCENARIOS), per_scenario), table["stage_id"], table["block_id"]


@pytest.mark.parametrize("seed", range(2))
def test_binding_codes_say_where_storage_ends(seed: int) -> None:
    system, h = simulated(seed)[0].system, simulated(seed)[2]["hydros"]
    ids = np.array([plant.id for plant in system.hydros])
    low, high = (
        stage_values(values, ids, h, "hydro_id")
        for values in (system.bounds.hydro.min_storage_hm3, system.bounds.hydro.max_storage_hm3)
    )
    state, final, code = (
        h["operative_state_code"],
        h["storage_final_hm3"],
        h["storage_binding_code"],
    )
    at_floor = (final <= low + 1e-6) & (state == 2)
    at_top = (final >= high - 1e-6) & np.isin(state, (1, 2))
    assert (code == at_floor + 2 * at_top).all()
    assert at_floor.any()
    short = h["storage_violation_below_hm3"] > 1e-6
    assert (code[short] == 1).all()
