"""Stage programs in names: written, read back by a solver, explained."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog

import headwater.model as m
from headwater.errors import InfeasibleError, UnboundedError, UsageError
from headwater.lp import (
    NamedProgram,
    build_stage_template,
    explain_infeasible,
    explain_unbounded,
    write_program,
)
from headwater.lp.explain import in_words
from headwater.lp.names import column_names, labels, row_names
from headwater.sddp import SimulationChunk, train_policy
from headwater.sddp.simulation.inspection import scenario_program
from headwater.sddp.simulation.simulation import simulate_policy
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from operated import inflows, operate, reservoir, system
from read_by_highs import ReadByHighs
from small_systems import random_system, study
from sub_period_systems import KINDS
from whole_systems import whole_system


def read_and_solved(
    path: Path, column: str | None = None, row: str | None = None
) -> tuple[float, int]:
    """Optimum and number of columns of a file, as HiGHS reads it.

    The names must be among those of its columns and rows.
    """
    with ReadByHighs(path) as model:
        assert model.has(column, row)
        return model.run(), model.n_columns


@pytest.mark.parametrize("seed", range(2))
def test_every_column_and_row_has_a_name_of_its_own(seed: int) -> None:
    whole = whole_system(seed)
    for t in range(4):
        template = build_stage_template(whole, t, np.full((5, 2), 0.2))
        for names, size in (
            (column_names(whole, template), template.n_columns),
            (row_names(whole, template), template.n_static),
        ):
            assert len(set(names)) == len(names) == size
            assert all(name and " " not in name for name in names)


def test_names_say_plant_and_block() -> None:
    whole = whole_system(0, chronological=True)
    template = build_stage_template(whole, 1, np.full((5, 2), 0.2))
    columns, rows = column_names(whole, template), row_names(whole, template)
    assert columns[:5] == [f"storage[plant_{h}]" for h in (2, 3, 5, 7, 11)]
    assert {
        "turbined[plant_3,2]",
        "past_inflow[plant_7,2]",
        "gnl_commitment[gas,2]",
        "pumping[lift,0]",
    } <= set(columns)
    assert {
        "ncs_curtailment[wind,1]",
        "contract[sell,0]",
        "line_direct[tie,1]",
        "gnl_order[ship]",
    } <= set(columns)
    assert {
        "balance[plant_2]",
        "balance[plant_2,1]",
        "load_balance[north,0]",
        "plane[plant_3,0,1]",
    } <= set(rows)
    assert {"filling_retention[plant_5]", "evaporation[plant_2]", "constraint[rule_1,1]"} <= set(
        rows
    )


def test_entities_that_share_a_name_are_told_apart_by_id() -> None:
    buses = (m.Bus(1, "São Paulo"), m.Bus(2, "x"), m.Bus(3, "x"), m.Bus(4))
    assert labels(buses) == ["São_Paulo", "x#2", "x#3", "4"]


@pytest.mark.parametrize("kind", ["weeks and cargoes", "months then quarters"])
def test_what_is_gathered_of_a_period_under_way_has_names_too(kind: str) -> None:
    problems = build_problems(study(KINDS[kind](0), formulation=m.Formulation.EXPLICIT))
    for stage in problems.stages:
        for names in (
            column_names(problems.system, stage.template),
            row_names(problems.system, stage.template),
        ):
            assert len(set(names)) == len(names)
            assert all(names)
    columns = column_names(problems.system, problems.stages[0].template)
    assert {
        "past_inflow[0,1]",
        "past_inflow[1,2]",
        "past_inflow[1,gathered1]",
        "next_past_inflow[0,gathered1]",
    } <= set(columns)


@pytest.mark.parametrize("suffix", [".lp", ".mps"])
@pytest.mark.parametrize("stage_id", [0, 2, 3])
def test_a_written_program_has_the_optimum_that_the_scenario_meets(
    tmp_path: Path, suffix: str, stage_id: int
) -> None:
    chosen = study(whole_system(2), iterations=4, forward_passes=2, method="penalty")
    policy = train_policy(chosen)
    program = scenario_program(chosen, stage_id, scenario=3, policy=policy)
    path = tmp_path / f"stage{suffix}"
    write_program(program, path)
    shown = "storage(plant_2)" if suffix == ".lp" else "storage[plant_2]"
    optimum, _ = read_and_solved(path, shown, shown.replace("storage", "balance"))

    problems, sampler = build_problems(chosen, policy.pools), None
    from headwater.stochastic import simulation_sampler

    u = problems.uncertainty
    sampler = simulation_sampler(
        u, chosen.config.training.scenario_source, chosen.config.training.tree_seed
    )
    programs, state = SolverPool(problems), problems.initial_state
    for t in range(stage_id + 1):
        eta = sampler.noise(t, 0, np.array([3]))
        batch = problems.stages[t].noise_batch(
            u.innovation_m3s(t, eta), u.load_mw(t, eta), u.available_mw(t, eta)
        )
        solved = programs.solve_each(t, state[None, :], batch, None)
        state = problems.stages[t].leave(solved)[0][0]
    met = float(problems.stages[stage_id].trial_objectives(solved)[0, 0])
    assert optimum == pytest.approx(met, rel=1e-7)


def _external_loads(system: m.System) -> m.System:
    """Four scenarios of the load of both buses."""
    rng = np.random.default_rng(8)
    values = {stage.id: rng.uniform(50.0, 160.0, (4, 2)) for stage in system.stages}
    return dataclasses.replace(system, external_loads=m.ExternalScenarios((0, 1), values))


@pytest.mark.parametrize(
    ("chosen", "source"),
    [
        (KINDS["weeks and cargoes"](1), m.ScenarioSource()),
        (_external_loads(random_system(4)), m.ScenarioSource(load=m.External(), seed=3)),
        (
            random_system(5, n_lags=2),
            m.ScenarioSource(m.OutOfSample(), m.OutOfSample(), m.OutOfSample(), seed=9),
        ),
    ],
    ids=["weeks and cargoes", "external loads", "Latin hypercubes"],
)
def test_the_program_of_a_scenario_costs_what_the_simulation_says(
    chosen: m.System, source: m.ScenarioSource
) -> None:
    n_scenarios = 4
    if source.inflow is m.OutOfSample():
        drawn = tuple(
            dataclasses.replace(s, sampling_method=m.SamplingMethod.LHS) for s in chosen.stages
        )
        chosen = dataclasses.replace(chosen, stages=drawn)
    asked = study(chosen, iterations=4, forward_passes=2, method="penalty")
    simulation = m.SimulationConfig(n_scenarios=n_scenarios, scenario_source=source)
    asked = dataclasses.replace(
        asked, config=dataclasses.replace(asked.config, simulation=simulation)
    )
    policy = train_policy(asked)
    chunks: list[SimulationChunk] = []
    simulate_policy(policy, asked, n_scenarios=n_scenarios, sink=chunks.append)
    costs = chunks[0].tables["costs"]
    for stage in chosen.stages:
        here = costs["stage_id"] == stage.id
        simulated = np.asarray(costs["total_cost"])[here].reshape(n_scenarios, -1).sum(axis=1)
        for scenario in range(n_scenarios):
            program = scenario_program(asked, stage.id, scenario=scenario, policy=policy)
            assert optimum(program) == pytest.approx(simulated[scenario], rel=1e-7)


def optimum(program: NamedProgram) -> float:
    equal = program.row_lower == program.row_upper
    above, below = ~equal & np.isfinite(program.row_lower), ~equal & np.isfinite(program.row_upper)
    result = linprog(
        program.cost,
        A_ub=sp.vstack([program.matrix[below], -program.matrix[above]]),
        b_ub=np.concatenate([program.row_upper[below], -program.row_lower[above]]),
        A_eq=program.matrix[equal],
        b_eq=program.row_lower[equal],
        bounds=np.column_stack([program.column_lower, program.column_upper]),
        method="highs",
    )
    assert result.status == 0
    return float(result.fun)


def test_a_file_needs_a_suffix_that_says_its_form(tmp_path: Path) -> None:
    program = scenario_program(study(system()), 0)
    with pytest.raises(UsageError, match=r"should end in \.lp or \.mps"):
        write_program(program, tmp_path / "stage.txt")
    with pytest.raises(UsageError, match="there is no stage 9"):
        scenario_program(study(system()), 9)


def test_names_become_words() -> None:
    assert in_words("balance[Itaipu,2]") == ("the water balance of Itaipu in block 2", "hm3")
    assert in_words("future_cost") == ("the future cost", "$")
    assert in_words("generation_slack[a,0]") == (
        "generation below the minimum of a in block 0",
        "MW",
    )
    assert in_words("something_new[a,0]") == ("something new of a in block 0", "")


def _rule(text: str, sense: m.Sense, bound: float) -> dict[str, object]:
    return {
        "generic_constraints": (
            m.GenericConstraint(1, m.parse_expression(text), sense, "night rule"),
        ),
        "generic_constraint_bounds": (m.GenericConstraintBound(1, 0, bound),),
    }


def test_an_infeasible_stage_is_explained_by_plant_constraint_and_stage() -> None:
    """Plant `coal` has 60 MW and the rule wants 75.

    15 MW are missing, and the limit of the plant takes part.
    """
    torn = system(
        thermals=(m.Thermal.flat(0, 0, 60.0, 10.0, name="coal"),),
        **_rule("thermal_generation(0)", m.Sense.GREATER_EQUAL, 75.0),
    )
    with pytest.raises(InfeasibleError) as caught:
        operate(torn)
    message = str(caught.value)
    assert message.startswith("stage 0 (2024-01-01")
    assert "user constraint night_rule in block 0 (short by 15)" in message
    assert "the greatest generation of coal in block 0 (60 MW)" in message
    assert "row" not in message


def test_water_that_no_reservoir_has_is_explained_by_its_balance() -> None:
    """-20 m3/s over 100 h take 7.2 hm3 from a reservoir that has 2."""
    parched = system(
        hydros=(reservoir(name="Tucurui"),),
        initial=m.InitialConditions(storage_hm3={0: 2.0}),
        inflow_statistics=inflows(h0=(-20.0,)),
    )
    with pytest.raises(
        InfeasibleError,
        match=r"the water balance of Tucurui \(lacks 5.2 hm3 of water\).*negative inflow",
    ):
        operate(parched)


def test_rules_that_contradict_each_other_are_told_for_all_blocks_at_once_with_what_helps() -> None:
    rules = ((m.Sense.GREATER_EQUAL, 80.0, "keep going"), (m.Sense.LESS_EQUAL, 30.0, "quiet river"))
    torn = system(
        hours=(50.0, 50.0),
        hydros=(reservoir(name="Itaipu"),),
        initial=m.InitialConditions(storage_hm3={0: 100.0}),
        inflow_statistics=inflows(h0=(0.0,)),
        generic_constraints=tuple(
            m.GenericConstraint(i, m.parse_expression("hydro_turbined(0)"), sense, name)
            for i, (sense, _, name) in enumerate(rules)
        ),
        generic_constraint_bounds=tuple(
            m.GenericConstraintBound(i, 0, bound) for i, (_, bound, _) in enumerate(rules)
        ),
    )
    with pytest.raises(InfeasibleError) as caught:
        operate(torn)
    message = str(caught.value)
    assert "in blocks 0, 1 (" in message
    assert "what helps: give user constraints " in message
    assert (
        message.count("keep_going") + message.count("quiet_river") == 4
    )  # each as violated or colliding, and in the remedy


def test_limits_at_zero_are_told_only_where_nothing_else_collides() -> None:
    """A rule that wants less than nothing collides with zero.

    A reservoir without water is explained by its water.
    """
    less = system(
        thermals=(m.Thermal.flat(0, 0, 60.0, 10.0, name="coal"),),
        **_rule("thermal_generation(0)", m.Sense.LESS_EQUAL, -5.0),
    )
    with pytest.raises(
        InfeasibleError,
        match=r"night_rule in block 0 \(over by 5\) together with the least generation "
        r"of coal.*0 MW",
    ):
        operate(less)


def test_a_pumping_minimum_that_has_no_water_is_explained() -> None:
    pump = m.PumpingStation(0, 0, 0, 1, 0.1, 30.0, "lift", min_flow_m3s=20.0)
    dry = system(
        hydros=(reservoir(0, name="lower"), reservoir(1, name="upper")),
        pumping_stations=(pump,),
        initial=m.InitialConditions(storage_hm3={0: 2.0, 1: 0.0}),
        inflow_statistics=inflows(h0=(0.0,), h1=(0.0,)),
    )
    with pytest.raises(
        InfeasibleError,
        match=r"the water balance of lower.*least pumped flow of lift in block 0 \(20 m3/s\)",
    ):
        operate(dry)


def test_a_cost_without_minimum_names_what_earns() -> None:
    endless = system(
        contracts=(m.EnergyContract(2, 0, m.ContractKind.IMPORT, -30.0, np.inf, "neighbour"),),
        penalties=m.Penalties(
            deficit_segments=(m.DeficitSegment(None, 1000.0),), excess_cost_per_mwh=0.0
        ),
    )
    with pytest.raises(
        UnboundedError, match="the cost falls without limit with contract neighbour in block 0"
    ):
        operate(endless)


def test_a_program_with_a_solution_has_nothing_to_explain() -> None:
    program = scenario_program(study(system(thermals=(m.Thermal.flat(0, 0, 60.0, 10.0),))), 0)
    assert explain_infeasible(program) is None
    assert explain_unbounded(program) is None


def test_a_row_with_two_sides_is_written_with_both(tmp_path: Path) -> None:
    program = NamedProgram(
        "range",
        ("x[a]", "y"),
        ("r[a]", "free"),
        sp.csr_array(np.array([[1.0, 1.0], [1.0, 0.0]])),
        np.array([1.0, -1.0]),
        np.array([-np.inf, 2.0]),
        np.array([4.0, np.inf]),
        np.array([1.0, -np.inf]),
        np.array([3.0, np.inf]),
    )
    for suffix in (".lp", ".mps"):
        path = tmp_path / f"range{suffix}"
        write_program(program, path)
        assert read_and_solved(path)[1] == 2
        bounded = dataclasses.replace(program, column_lower=np.array([-5.0, 2.0]))
        write_program(bounded, path)
        # x = -5 and y at most 8: x - y = -13.
        assert read_and_solved(path)[0] == pytest.approx(-13.0)
