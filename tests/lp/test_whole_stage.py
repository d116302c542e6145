"""The stage program with everything on, against a second formulation written from the physics."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from dense_stage import dense_stage
from headwater.lp import build_stage_template
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from small_systems import study
from whole_systems import whole_system


def problems_of(
    system: m.System, formulation: m.Formulation = m.Formulation.CONDENSED
) -> StudyProblems:
    made = study(
        system,
        method="penalty",
        formulation=formulation,
        theta_lower_bound=0.0,
        cost_scale=1024.0,  # of a power of two no cost is rounded
    )
    return build_problems(made)


WEATHER = {"drought": ((0.0, 0.05), -7.0), "usual": ((0.1, 0.7), 0.0), "flood": ((0.97, 1.0), 9.0)}
"""How full the reservoirs are, and how far the noise of the inflows lies off."""


def random_state(
    problems: StudyProblems,
    t: int,
    rng: np.random.Generator,
    full: tuple[float, float] = (0.1, 0.7),
) -> np.ndarray:
    """A state the stage can be in.

    Storages, lags, commitments within the limits of the plants dispatched ahead.
    """
    system = problems.system
    present = np.isin(system.operative_states["hydros"][:, t], (1, 2))
    storage = np.where(
        present, rng.uniform(*full, len(present)) * system.bounds.hydro.max_storage_hm3[:, t], 0.0
    )
    lags = rng.uniform(
        15, 40, problems.layout.size("storage") * problems.layout.block("inflow_lag").depth
    )
    gas = rng.uniform(5, 30, 2) * [t < 4, t + 1 < 4]
    ship = rng.uniform(0, 25, 1) * (t < 3)
    return np.concatenate([storage, lags, gas, ship])


def random_noise(problems: StudyProblems, rng: np.random.Generator, off: float) -> np.ndarray:
    eta = rng.normal(size=(3, problems.uncertainty.layout.dim))
    eta[:, : problems.layout.size("storage")] += off
    return eta


@pytest.mark.parametrize("formulation", list(m.Formulation))
@pytest.mark.parametrize("chronological", [False, True])
@pytest.mark.parametrize("weather", WEATHER)
@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_is_that_of_the_program_written_a_second_time(
    seed: int, weather: str, chronological: bool, formulation: m.Formulation
) -> None:
    full, off = WEATHER[weather]
    system = whole_system(seed, chronological=chronological)
    problems = problems_of(system, formulation)
    programs, rng = SolverPool(problems), np.random.default_rng(seed)
    n = problems.layout.size("storage")
    for t in range(4):
        state = random_state(problems, t, rng, full)
        eta = random_noise(problems, rng, off)
        innovation = problems.uncertainty.innovation_m3s(t, eta)
        load, available = (
            problems.uncertainty.load_mw(t, eta),
            problems.uncertainty.available_mw(t, eta),
        )
        stage = problems.stages[t]
        found = stage.objective(
            programs.solve(t, state, stage.noise_batch(innovation, load, available), None)
        )
        for w in range(3):
            inflow = innovation[w] + sum(
                stage.psi[:, lag] * state[n * (1 + lag) : n * (2 + lag)] for lag in range(2)
            )
            ids = [plant.id for plant in system.hydros]
            expected, _ = dense_stage(
                system,
                t,
                storage=dict(zip(ids, state, strict=False)),
                inflow=dict(zip(ids, inflow, strict=True)),
                load=load[w],
                available=available[w],
                committed={5: state[n * 3], 6: state[n * 3 + 2]},
            )
            assert found[w] == pytest.approx(expected, rel=1e-9, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_one_chronological_block_is_the_same_program_as_one_parallel_block(seed: int) -> None:
    system = whole_system(seed)
    no_rules: dict[str, tuple[()]] = {"generic_constraints": (), "generic_constraint_bounds": ()}
    one = tuple(dataclasses.replace(s, blocks=(m.Block(720.0),)) for s in system.stages)
    tables = [
        f.name
        for f in dataclasses.fields(m.System)
        if isinstance(getattr(system, f.name), m.StageOverrides)
    ]
    first_block = {
        name: getattr(system, name)
        for name in tables
        if not (getattr(system, name).block_id > 0).any()
    }
    bare = dataclasses.replace(system, **{name: m.StageOverrides() for name in tables}, **no_rules)
    bare = dataclasses.replace(bare, **first_block)
    for t in range(4):
        built = []
        for mode in m.BlockMode:
            stages = tuple(dataclasses.replace(s, block_mode=mode) for s in one)
            built.append(
                build_stage_template(
                    dataclasses.replace(bare, stages=stages), t, np.full((5, 2), 0.2)
                )
            )
        parallel, chronological = built
        assert parallel.matrix.data.tobytes() == chronological.matrix.data.tobytes()
        assert parallel.matrix.indices.tobytes() == chronological.matrix.indices.tobytes()
        assert parallel.sensitivity.data.tobytes() == chronological.sensitivity.data.tobytes()
        for name in ("cost", "column_lower", "column_upper", "row_lower", "row_upper"):
            assert getattr(parallel, name).tobytes() == getattr(chronological, name).tobytes()


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_entities_are_given_changes_no_byte_of_the_program(seed: int) -> None:
    system = whole_system(seed)
    rng = np.random.default_rng(seed)
    shuffled = {
        field.name: tuple(value[i] for i in rng.permutation(len(value)))
        for field in dataclasses.fields(system)
        if isinstance(value := getattr(system, field.name), tuple)
    }
    psi = np.full((5, 2), 0.2)
    for t in range(4):
        one, other = (
            build_stage_template(s, t, psi)
            for s in (system, dataclasses.replace(system, **shuffled))
        )
        for name in ("cost", "column_lower", "column_upper", "row_lower", "row_upper"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
        for name in ("data", "indices", "indptr"):
            assert getattr(one.matrix, name).tobytes() == getattr(other.matrix, name).tobytes()
            assert (
                getattr(one.sensitivity, name).tobytes()
                == getattr(other.sensitivity, name).tobytes()
            )


def test_the_random_stages_use_every_kind_of_column() -> None:
    """The comparison above says something of a piece of equipment only where it does something."""
    used: dict[str, bool] = {}
    for seed in range(3):
        for full, off in WEATHER.values():
            problems = problems_of(whole_system(seed), m.Formulation.EXPLICIT)
            programs, rng = SolverPool(problems), np.random.default_rng(seed)
            for t, stage in enumerate(problems.stages):
                state = random_state(problems, t, rng, full)
                eta = random_noise(problems, rng, off)
                u = problems.uncertainty
                batch = stage.noise_batch(
                    u.innovation_m3s(t, eta), u.load_mw(t, eta), u.available_mw(t, eta)
                )
                solved = programs.solve(t, state, batch, None, want_primal=True)
                for name, columns in stage.template.columns.items():
                    if not columns.size:
                        continue  # of a kind that the system does not have
                    values = solved.results.primal[:, columns[columns >= 0]]
                    used[name] = used.get(name, False) or bool((np.abs(values) > 1e-6).any())
    assert {name for name, seen in used.items() if not seen} <= {"memory"}
