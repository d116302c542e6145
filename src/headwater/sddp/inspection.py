"""Looking at one stage program: the one a simulated scenario solves, or the one that could not be solved."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from headwater.arrays import Array
from headwater.errors import InfeasibleError, SolverError, UnboundedError, UsageError
from headwater.lp import NamedProgram, explain_infeasible, explain_unbounded, named_program
from headwater.model import Formulation, Study, System
from headwater.sddp.head_refinement import HeadRefinement
from headwater.sddp.stage_problem import StageProblem
from headwater.sddp.stage_records import NoiseBatch
from headwater.stochastic import simulation_sampler

if TYPE_CHECKING:
    from headwater.sddp.policy import Policy

logger = logging.getLogger(__name__)


def stage_program(
    system: System, problem: StageProblem, state: Array, noise: NoiseBatch, opening: int = 0, title: str = ""
) -> NamedProgram:
    """The program that a stage solves at a state under one opening, with its cuts, named and in $."""
    innovation = noise.innovation[opening]
    if problem.truncates:
        innovation = problem.truncate(state, noise.innovation)[0][opening]
    slots = problem.row_slots
    return named_program(
        system,
        problem.form,
        state=state,
        innovation=innovation,
        demand_shift=noise.demand_shift[opening] / problem.scaling.row,
        intercepts=problem.pool.intercepts[slots],
        slopes=problem.pool.coefficients[slots],
        openings=problem.pool.opening[slots],
        title=title or f"stage {system.stages[problem.template.t].id}",
    )


def explain(
    error: SolverError, system: System, problem: StageProblem, state: Array, noise: NoiseBatch, opening: int | None
) -> str | None:
    """Why a stage could not be solved, in words; ``None`` where nothing more can be said. The error gets the LP itself."""
    try:
        return _explain(error, system, problem, state, noise, opening)
    except Exception:
        # an explanation that fails must not hide what it was to explain
        logger.debug("stage %s could not be explained", system.stages[problem.template.t].id, exc_info=True)
        return None


def _explain(
    error: SolverError, system: System, problem: StageProblem, state: Array, noise: NoiseBatch, opening: int | None
) -> str | None:
    # Without the failing opening's number, every opening is a candidate.
    for candidate in range(len(noise.innovation)) if opening is None else (opening,):
        program = error.lp = stage_program(system, problem, state, noise, candidate)
        if not isinstance(error, InfeasibleError | UnboundedError):
            return None
        found = explain_infeasible(program) if isinstance(error, InfeasibleError) else explain_unbounded(program)
        if found is not None:
            return str(found)
    return None


def usual_causes(study: Study) -> str:
    """What usually makes a stage infeasible, in words, where nothing more is known; empty where the study has none of it."""
    causes = []
    if not study.config.inflow_non_negativity.has_slack:
        causes.append(
            "a negative inflow that no reservoir can absorb (modeling.inflow_non_negativity.method is "
            f"'{study.config.inflow_non_negativity.value}'; 'penalty' adds a priced slack)"
        )
    hard = [c.name or f"constraint {c.id}" for c in study.system.generic_constraints if c.slack_cost is None]
    if hard:
        causes.append(f"user constraints without slack ({', '.join(hard)})")
    return "; usual causes: " + " or ".join(causes) if causes else ""


def scenario_program(study: Study, stage_id: int, *, scenario: int | None = None, policy: Policy | None = None) -> NamedProgram:
    """The program of a stage in full form, at the state in which a scenario arrives there.

    Args:
        study: system and configuration.
        stage_id: the stage.
        scenario: number of a simulated scenario, whose start and noise are used; ``None`` takes the mean of all noise. Where
            scenarios are drawn together (Latin hypercubes, Sobol and Halton points), it is one of the configured simulation.
        policy: cuts of the future cost; without it every stage minds its own cost only.

    Raises:
        UsageError: there is no such stage.
        SolverError: an earlier stage could not be solved.
    """
    from headwater.sddp.problems import build_problems

    if stage_id not in study.system.stage_index:
        raise UsageError(f"there is no stage {stage_id} (stages: {', '.join(str(s.id) for s in study.system.stages)})")
    config = study.config
    training = replace(config.training, formulation=Formulation.EXPLICIT)
    problems = build_problems(
        replace(study, config=replace(config, training=training)),
        policy.pools if policy else None,
        policy.outlooks if policy else None,
    )
    uncertainty, programs = problems.uncertainty, problems.new_programs()
    source = config.simulated_source
    n_scenarios = max(config.simulation.n_scenarios, (scenario or 0) + 1)
    sampler = simulation_sampler(uncertainty, source, config.training.tree_seed, n_scenarios)
    chosen, last = np.array([scenario or 0]), study.system.stage_index[stage_id]
    memory = None if scenario is None else sampler.initial_memory_m3s(0, chosen)
    state = problems.starting_states(1, memory)[0]
    for t in range(last + 1):
        problem = problems.stages[t]
        if scenario is None:
            eta = uncertainty.central_noise(t)
            load, available = uncertainty.load_mw(t, eta), uncertainty.available_mw(t, eta)
        else:
            eta = sampler.noise(t, 0, chosen)
            load, available = sampler.load_mw(t, 0, chosen, eta), sampler.available_mw(t, 0, chosen, eta)
        batch = problem.noise_batch(uncertainty.innovation_m3s(t, eta), load, available)
        refinement = HeadRefinement.of_stage(problems.study, problem)
        if t == last:
            problem = problem if refinement is None else refinement.problem_at(state)
            break
        solved = programs.solve_each(t, state[None, :], batch, None, first=scenario or 0, refinement=refinement)
        state = problem.leave(solved)[0][0]
    noise_of = "mean noise" if scenario is None else f"scenario {scenario}"
    title = f"{study.name or 'study'}, stage {stage_id}, {noise_of}, {len(problem.row_slots)} cuts; money in $"
    return stage_program(problems.system, problem, state, batch, title=title)
