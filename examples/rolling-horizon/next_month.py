"""A horizon of 24 months that rolls on.

Next month's study starts from the cuts of last month's policy.

    python examples/rolling-horizon/next_month.py [ITERATIONS]

The four subsystems of the neighbouring example are planned from May on. What follows the 24 months
is valued by a long-run policy, trained once on a horizon that repeats the last year for ever. Then
May passes: one of its scenarios has come true, June becomes the first month, and another May is
added at the end. The study of June is trained twice, from nothing and from the cuts that were
learned in May, and the bounds of both are printed side by side.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import headwater as hw
from headwater.model import (
    Boundary,
    GivenOpenings,
    GraphType,
    InitialConditions,
    IterationLimit,
    PolicyConfig,
    PolicyGraph,
    PreStudyStage,
    StageMap,
    StageOverrides,
    Transition,
)
from headwater.stochastic import study_uncertainty

CASE = Path(__file__).parent.parent / "four-subsystems"
YEAR = 12
EARLIER = 3
"""How many times longer than June the policies were trained that June can start from."""


def next_month(study: hw.Study, month: hw.Simulation) -> hw.Study:
    """The study that begins one month later.

    The month that is added is like the same month of the year before.

    Args:
        study: monthly stages, several years of them.
        month: simulation whose first scenario is what came true in the first month.
    """
    system = study.system
    first, *others = system.stages
    model = others[-YEAR]
    added = dataclasses.replace(
        model,
        id=others[-1].id + 1,
        start_date=others[-1].end_date,
        end_date=model.end_date.replace(year=model.end_date.year + 1),
    )
    stages = (*others, added)
    past = PreStudyStage(first.id, first.start_date, first.end_date, first.season_id)
    known = (
        {stage.id for stage in stages}
        | {stage.id for stage in system.pre_study_stages}
        | {first.id}
    )
    changed: dict[str, Any] = {
        "stages": stages,
        "pre_study_stages": (*system.pre_study_stages, past),
        "initial": came_true(system, month),
        "given_openings": GivenOpenings(openings(study, model.id, added.id)),
    }
    for field in dataclasses.fields(system):
        value = getattr(system, field.name)
        if isinstance(value, StageOverrides):
            changed[field.name] = extended(value, model.id, added.id, known - {first.id})
        elif (
            isinstance(value, tuple)
            and value
            and hasattr(value[0], "stage_id")
            and value[0].stage_id is not None
        ):
            keep = known if field.name == "inflow_statistics" else known - {first.id}
            copies = [
                dataclasses.replace(row, stage_id=added.id)
                for row in value
                if row.stage_id == model.id
            ]
            changed[field.name] = (*(row for row in value if row.stage_id in keep), *copies)
    return dataclasses.replace(
        study,
        system=dataclasses.replace(system, **changed),
        name=f"{study.name} from {stages[0].start_date}",
    )


def came_true(system: hw.System, month: hw.Simulation) -> InitialConditions:
    """Storages and past inflows after the first month of the first scenario."""
    hydros = (
        month.table("hydros")
        .filter(scenario_id=0, stage_id=system.stages[0].id)
        .unique("hydro_id", keep="first")
    )
    storage = dict(zip(hydros["hydro_id"], hydros["storage_final_hm3"], strict=True))
    inflow = dict(zip(hydros["hydro_id"], hydros["inflow_m3s"], strict=True))
    past = {
        hydro_id: (inflow[hydro_id], *before[:-1])
        for hydro_id, before in system.initial.past_inflows_m3s.items()
    }
    return dataclasses.replace(system.initial, storage_hm3=storage, past_inflows_m3s=past)


def openings(study: hw.Study, model_id: int, added_id: int) -> dict[int, np.ndarray]:
    """The openings of every stage that remains and of the new one.

    The new stage takes those of the same month of the year before.
    """
    tree, stages = study_uncertainty(study).tree, study.system.stages
    noise = {stage.id: tree.noise[t] for t, stage in enumerate(stages) if t > 0}
    return {**noise, added_id: noise[model_id]}


def extended(
    table: StageOverrides, model_id: int, added_id: int, known: set[int]
) -> StageOverrides:
    """A table of values of single stages with those of the new one."""
    kept, copied = np.isin(table.stage_id, sorted(known)), table.stage_id == model_id
    return StageOverrides(
        np.concatenate([table.entity_id[kept], table.entity_id[copied]]),
        np.concatenate([table.stage_id[kept], np.full(int(copied.sum()), added_id)]),
        np.concatenate([table.block_id[kept], table.block_id[copied]]),
        {
            name: np.concatenate([column[kept], column[copied]])
            for name, column in table.values.items()
        },
    )


def long_run(study: hw.Study, iterations: int, threads: int | None) -> hw.Policy:
    """The policy of the last year of a study, repeated for ever."""
    system = study.system
    before, year = system.stages[:-YEAR], system.stages[-YEAR:]
    ids = [stage.id for stage in year]
    tree = study_uncertainty(study).tree
    steps = (*pairwise(ids), (ids[-1], ids[0]))
    cycle = PolicyGraph(
        GraphType.CYCLIC,
        system.policy_graph.annual_discount_rate,
        tuple(Transition(a, b) for a, b in steps),
    )
    past = [
        PreStudyStage(stage.id, stage.start_date, stage.end_date, stage.season_id)
        for stage in before
    ]
    changed = {
        "stages": year,
        "policy_graph": cycle,
        "pre_study_stages": (*system.pre_study_stages, *past),
        "given_openings": GivenOpenings({i: tree.noise[system.stage_index[i]] for i in ids}),
        **rows_of(system, set(ids), {stage.id for stage in (*before, *system.pre_study_stages)}),
    }
    forever = dataclasses.replace(
        study, system=dataclasses.replace(system, **changed), name=f"{study.name}, the long run"
    )
    return hw.train(
        with_settings(forever, iterations, study.config.training.forward_passes), threads=threads
    )


def rows_of(system: hw.System, ids: set[int], before: set[int]) -> dict[str, Any]:
    """The tables of a system with the rows of some stages.

    Inflow statistics also of those before.
    """
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(system):
        value = getattr(system, field.name)
        keep = ids | before if field.name == "inflow_statistics" else ids
        if isinstance(value, StageOverrides):
            changed[field.name] = chosen(value, ids)
        elif isinstance(value, tuple) and value and getattr(value[0], "stage_id", None) is not None:
            changed[field.name] = tuple(row for row in value if row.stage_id in keep)
    return changed


def chosen(table: StageOverrides, ids: set[int]) -> StageOverrides:
    """The rows of some stages."""
    kept = np.isin(table.stage_id, sorted(ids))
    values = {name: column[kept] for name, column in table.values.items()}
    return StageOverrides(table.entity_id[kept], table.stage_id[kept], table.block_id[kept], values)


def with_settings(
    study: hw.Study,
    iterations: int,
    passes: int,
    policy: PolicyConfig | None = None,
    **training: Any,
) -> hw.Study:
    """The same study with other settings."""
    rules = (IterationLimit(iterations),)
    changed = dataclasses.replace(
        study.config.training, stopping_rules=rules, forward_passes=passes, **training
    )
    config = dataclasses.replace(
        study.config, training=changed, policy=policy or study.config.policy
    )
    return dataclasses.replace(study, config=config)


def bounds(policy: hw.Policy) -> list[float]:
    """The lower bound after every iteration."""
    assert policy.training is not None
    return [record.lower_bound for record in policy.training.iterations]


def roll_on(
    iterations: int, passes: int, directory: Path, threads: int | None = None
) -> tuple[hw.Policy, hw.Policy, hw.Policy]:
    """Train May, then June from nothing and June from the cuts of May.

    Args:
        iterations: of both trainings of June; the long-run policy and that of May are there already
            when June comes, and were trained for `EARLIER` times as many.
        passes: forward passes of an iteration.
        directory: where the long-run policy is kept.
        threads: worker threads.
    """
    case = with_settings(
        hw.load_case(CASE), iterations, passes, theta_lower_bound=0.0
    )  # no month can earn money
    hw.save_policy(long_run(case, EARLIER * iterations, threads), directory)
    first, last = case.system.stages[-YEAR].id, case.system.stages[-1].id

    def planned(study: hw.Study, source_stage: int, **settings: Any) -> hw.Study:
        policy = PolicyConfig(boundary=Boundary(str(directory), source_stage), **settings)
        return with_settings(study, iterations, passes, policy, theta_lower_bound=0.0)

    may = planned(case, last)
    policy = hw.train(with_settings(may, EARLIER * iterations, passes), threads=threads)
    june = next_month(may, hw.simulate(policy, n_scenarios=1, threads=threads))
    cold = hw.train(planned(june, first), threads=threads)
    # the cuts that value the end of April were made from those that value the end of May, so that
    # old cuts hold in June
    rolling = planned(june, first, stage_map=StageMap(shift=1), trust=True)
    return policy, cold, hw.train(rolling, warm_start=policy, threads=threads)


def first_to_reach(policy: hw.Policy, bound: float) -> int | None:
    """Iteration after which the bound is at least another one."""
    return next((k for k, own in enumerate(bounds(policy), 1) if own >= bound), None)


def main() -> None:
    """Print the bounds of both trainings of June."""
    iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as directory:
        _, cold, warm = roll_on(iterations, 4, Path(directory))
    sys.stdout.write("iteration     from nothing   from the cuts of May\n")
    for k, (one, other) in enumerate(zip(bounds(cold), bounds(warm), strict=True), 1):
        sys.stdout.write(f"{k:9d} {one:16,.0f} {other:22,.0f}\n")
    reached = first_to_reach(warm, bounds(cold)[-1])
    sys.stdout.write(
        f"the final bound of the training from nothing is reached after {reached} "
        f"of {iterations} iterations\n"
    )


if __name__ == "__main__":
    main()
