"""The linear program that a simulated scenario meets at a stage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headwater.errors import UsageError
from headwater.lp import NamedProgram
from headwater.model import Formulation, Study
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.stage.explanation import stage_program
from headwater.sddp.stage.head_refinement import HeadRefinement
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.stochastic import simulation_sampler


def scenario_program(
    study: Study, stage_id: int, *, scenario: int | None = None, policy: Policy | None = None
) -> NamedProgram:
    """The program of a stage in full form, at the state in which a scenario arrives there.

    Args:
        study: system and configuration.
        stage_id: the stage.
        scenario: number of a simulated scenario, whose start and noise are used; ``None`` takes the
            mean of all noise. Where scenarios are drawn together (Latin hypercubes, Sobol and
            Halton points), it is one of the configured simulation.
        policy: cuts of the future cost; without it every stage minds its own cost only.

    Raises:
        UsageError: there is no such stage, or the study has regimes.
        SolverError: an earlier stage could not be solved.
    """
    if stage_id not in study.system.stage_index:
        raise UsageError(
            f"there is no stage {stage_id} (stages: "
            f"{', '.join(str(s.id) for s in study.system.stages)})"
        )
    if study.system.policy_graph.regimes is not None:
        raise UsageError(
            "the stages of this study depend on the regime: ask for one of them, with "
            "study.in_regime(NAME) and policy.in_regime(NAME)"
        )
    config = study.config
    training = replace(config.training, formulation=Formulation.EXPLICIT)
    problems = build_problems(
        replace(study, config=replace(config, training=training)),
        policy.pools if policy else None,
        policy.outlooks if policy else None,
    )
    uncertainty, programs = problems.uncertainty, SolverPool(problems)
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
            load, available = (
                sampler.load_mw(t, 0, chosen, eta),
                sampler.available_mw(t, 0, chosen, eta),
            )
        batch = problem.noise_batch(
            uncertainty.innovation_m3s(t, eta), load, available, uncertainty.lag_factor(t, eta)
        )
        refinement = HeadRefinement.of_stage(problems.study, problem)
        if t == last:
            problem = problem if refinement is None else refinement.problem_at(state)
            break
        solved = programs.solve_each(
            t, state[None, :], batch, None, first=scenario or 0, refinement=refinement
        )
        state = problem.leave(solved)[0][0]
    noise_of = "mean noise" if scenario is None else f"scenario {scenario}"
    title = (
        f"{study.name or 'study'}, stage {stage_id}, {noise_of}, "
        f"{len(problem.row_slots)} cuts; money in $"
    )
    return stage_program(problems.system, problem, state, batch, title=title)
