"""How large a run is, before it begins: programs, problems to be solved, memory."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.model import Study
from headwater.sddp.simulation.parts import TABLE_BYTES_PER_COLUMN, scenarios_per_part
from headwater.sddp.stage.problems import build_problems


@dataclass(frozen=True)
class RunPlan:
    """Sizes of a run.

    Attributes:
        n_stages, n_state: stages and components of the state.
        rows, columns, nonzeros: of the largest stage program, without cuts.
        iterations, forward_passes: at most, and of each iteration.
        problems_per_iteration: linear programs of one iteration, the bound included.
        cuts_per_stage: at the end, if no rule stops earlier and none is deactivated.
        cut_megabytes: memory of all these cuts.
        scenarios: that would be simulated; 0 without simulation.
        simulated_problems: linear programs of the simulation.
        part_scenarios: scenarios of one run of the output.
        part_megabytes: memory of the tables of one, roughly.
    """

    n_stages: int
    n_state: int
    rows: int
    columns: int
    nonzeros: int
    iterations: int
    forward_passes: int
    problems_per_iteration: int
    cuts_per_stage: int
    cut_megabytes: float
    scenarios: int
    simulated_problems: int
    part_scenarios: int
    part_megabytes: float


def plan_run(study: Study) -> RunPlan:
    """Build the programs of a study and measure them; nothing is solved."""
    problems = build_problems(study)
    training, simulation = study.config.training, study.config.simulation
    largest = max(problems.stage_statistics(), key=lambda one: one.nonzeros)
    passes, iterations = training.forward_passes, training.max_iterations if training.enabled else 0
    followed = [t for t in range(problems.n_stages) if problems.successor(t) is not None]
    cuts = [iterations * passes * problems.n_cuts_of_trial(t) for t in followed]
    dimension = problems.layout.dimension
    part = scenarios_per_part(problems, problems.walk)
    columns = sum(problems.stages[t].template.n_columns for t in problems.walk.positions)
    scenarios = simulation.n_scenarios if simulation.enabled else 0
    return RunPlan(
        n_stages=problems.n_stages,
        n_state=dimension,
        rows=largest.rows,
        columns=largest.columns,
        nonzeros=largest.nonzeros,
        iterations=iterations,
        forward_passes=passes if iterations else 0,
        problems_per_iteration=passes * problems.n_solves_of_trajectory
        + problems.n_solves_of_bound,
        cuts_per_stage=max(cuts, default=0),
        cut_megabytes=sum(cuts) * len(problems.each) * (dimension + 1) * 8 / 1e6,
        scenarios=scenarios,
        simulated_problems=scenarios * problems.walk.n_visits,
        part_scenarios=part,
        part_megabytes=part * columns * TABLE_BYTES_PER_COLUMN / 1e6,
    )
