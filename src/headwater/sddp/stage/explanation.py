"""The linear program that a stage solves, with names, and why one could not be solved."""

from __future__ import annotations

import logging

from headwater.arrays import Array
from headwater.errors import InfeasibleError, SolverError, UnboundedError
from headwater.lp import NamedProgram, explain_infeasible, explain_unbounded, named_program
from headwater.model import Study, System
from headwater.sddp.stage.batches import NoiseBatch
from headwater.sddp.stage.problem import StageProblem

logger = logging.getLogger(__name__)


def stage_program(
    system: System,
    problem: StageProblem,
    state: Array,
    noise: NoiseBatch,
    opening: int = 0,
    title: str = "",
) -> NamedProgram:
    """The LP that a stage solves at a state under one opening.

    With its cuts, named and in $.
    """
    innovation = problem.innovations(state, noise)[0][opening]
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
    error: SolverError,
    system: System,
    problem: StageProblem,
    state: Array,
    noise: NoiseBatch,
    opening: int | None,
) -> str | None:
    """Why a stage could not be solved, in words.

    ``None`` where nothing more can be said. The error gets the LP itself.
    """
    try:
        return _explain(error, system, problem, state, noise, opening)
    except Exception:
        # an explanation that fails must not hide what it was to explain
        logger.debug(
            "stage %s could not be explained", system.stages[problem.template.t].id, exc_info=True
        )
        return None


def _explain(
    error: SolverError,
    system: System,
    problem: StageProblem,
    state: Array,
    noise: NoiseBatch,
    opening: int | None,
) -> str | None:
    # Without the failing opening's number, every opening is a candidate.
    for candidate in range(len(noise.innovation)) if opening is None else (opening,):
        program = error.lp = stage_program(system, problem, state, noise, candidate)
        if not isinstance(error, InfeasibleError | UnboundedError):
            return None
        found = (
            explain_infeasible(program)
            if isinstance(error, InfeasibleError)
            else explain_unbounded(program)
        )
        if found is not None:
            return str(found)
    return None


def usual_causes(study: Study) -> str:
    """What usually makes a stage infeasible, in words, where nothing more is known.

    Empty where the study has none of it.
    """
    causes = []
    if not study.config.inflow_non_negativity.has_slack:
        causes.append(
            "a negative inflow that no reservoir can absorb "
            "(modeling.inflow_non_negativity.method is "
            f"'{study.config.inflow_non_negativity.value}'; 'penalty' adds a priced slack)"
        )
    hard = [
        c.name or f"constraint {c.id}"
        for c in study.system.generic_constraints
        if c.slack_cost is None
    ]
    if hard:
        causes.append(f"user constraints without slack ({', '.join(hard)})")
    return "; usual causes: " + " or ".join(causes) if causes else ""
