"""A horizon of 24 months that rolls on: next month's study starts from the cuts of last month's policy.

    python examples/rolling-horizon/next_month.py [ITERATIONS]

The four subsystems of the neighbouring example are planned from May on. Then May passes: one of its scenarios has come true,
June becomes the first month, and a month is added at the end. The study of June is trained twice, from nothing and from the
cuts that were learned in May, and the bounds of both are printed side by side.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np

import headwater as hw
from headwater.model import (
    GivenOpenings,
    InitialConditions,
    IterationLimit,
    PolicyConfig,
    PreStudyStage,
    StageMap,
    StageOverrides,
)
from headwater.stochastic import study_uncertainty

CASE = Path(__file__).parent.parent / "four-subsystems"
YEAR = 12


def next_month(study: hw.Study, month: hw.Simulation) -> hw.Study:
    """The study that begins one month later; the month that is added is like the same month of the year before.

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
    known = {stage.id for stage in stages} | {stage.id for stage in system.pre_study_stages} | {first.id}
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
        elif isinstance(value, tuple) and value and hasattr(value[0], "stage_id") and value[0].stage_id is not None:
            keep = known if field.name == "inflow_statistics" else known - {first.id}
            copies = [dataclasses.replace(row, stage_id=added.id) for row in value if row.stage_id == model.id]
            changed[field.name] = (*(row for row in value if row.stage_id in keep), *copies)
    return dataclasses.replace(
        study, system=dataclasses.replace(system, **changed), name=f"{study.name} from {stages[0].start_date}"
    )


def came_true(system: hw.System, month: hw.Simulation) -> InitialConditions:
    """Storages and past inflows after the first month of the first scenario."""
    hydros = month.table("hydros").filter(scenario_id=0, stage_id=system.stages[0].id).unique("hydro_id", keep="first")
    storage = dict(zip(hydros["hydro_id"], hydros["storage_final_hm3"], strict=True))
    inflow = dict(zip(hydros["hydro_id"], hydros["inflow_m3s"], strict=True))
    past = {hydro_id: (inflow[hydro_id], *before[:-1]) for hydro_id, before in system.initial.past_inflows_m3s.items()}
    return dataclasses.replace(system.initial, storage_hm3=storage, past_inflows_m3s=past)


def openings(study: hw.Study, model_id: int, added_id: int) -> dict[int, np.ndarray]:
    """The openings of every stage that remains, and for the new one those of the same month of the year before."""
    tree, stages = study_uncertainty(study).tree, study.system.stages
    noise = {stage.id: tree.noise[t] for t, stage in enumerate(stages) if t > 0}
    return {**noise, added_id: noise[model_id]}


def extended(table: StageOverrides, model_id: int, added_id: int, known: set[int]) -> StageOverrides:
    """A table of values of single stages with those of the new one."""
    kept, copied = np.isin(table.stage_id, sorted(known)), table.stage_id == model_id
    return StageOverrides(
        np.concatenate([table.entity_id[kept], table.entity_id[copied]]),
        np.concatenate([table.stage_id[kept], np.full(int(copied.sum()), added_id)]),
        np.concatenate([table.block_id[kept], table.block_id[copied]]),
        {name: np.concatenate([column[kept], column[copied]]) for name, column in table.values.items()},
    )


def with_settings(study: hw.Study, iterations: int, passes: int, policy: PolicyConfig | None = None) -> hw.Study:
    """The same study with other settings of training."""
    training = dataclasses.replace(study.config.training, stopping_rules=(IterationLimit(iterations),), forward_passes=passes)
    config = dataclasses.replace(study.config, training=training, policy=policy or study.config.policy)
    return dataclasses.replace(study, config=config)


def bounds(policy: hw.Policy) -> list[float]:
    """The lower bound after every iteration."""
    assert policy.training is not None
    return [record.lower_bound for record in policy.training.iterations]


def roll_on(iterations: int, passes: int = 4, threads: int | None = None) -> tuple[hw.Policy, hw.Policy, hw.Policy]:
    """Train May, then June from nothing and June from the cuts of May."""
    may = with_settings(hw.load_case(CASE), iterations, passes)
    policy = hw.train(may, threads=threads)
    june = next_month(may, hw.simulate(policy, n_scenarios=1, threads=threads))
    cold = hw.train(june, threads=threads)
    rolling = with_settings(june, iterations, passes, PolicyConfig(stage_map=StageMap(shift=1)))
    return policy, cold, hw.train(rolling, warm_start=policy, threads=threads)


def main() -> None:
    """Print the bounds of both trainings of June."""
    _, cold, warm = roll_on(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
    final = bounds(cold)[-1]
    needed = next((k for k, bound in enumerate(bounds(warm), 1) if bound >= final), None)
    sys.stdout.write("iteration     from nothing   from the cuts of May\n")
    for k, (one, other) in enumerate(zip(bounds(cold), bounds(warm), strict=True), 1):
        sys.stdout.write(f"{k:9d} {one:16,.0f} {other:22,.0f}\n")
    sys.stdout.write(
        f"the final bound of the training from nothing is reached after {needed} of {len(bounds(cold))} iterations\n"
    )


if __name__ == "__main__":
    main()
