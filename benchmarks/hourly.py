"""How fast weeks of hours are solved: chronological stages of more and more blocks.

A cascade with travel times, thermals with ramps, and batteries, all at one bus, in weeks whose
hours are put together to blocks of other lengths. Prints processor time per stage program.

    python benchmarks/hourly.py --hydros 6 --thermals 8 --blocks 21,84,168
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from datetime import date, timedelta

import numpy as np

import headwater as hw
import headwater.model as m
from headwater.equipment.battery import Battery

WEEK, STAGES, OPENINGS, PASSES = 168.0, 8, 10, 4


def weeks(n_hydros: int, n_thermals: int, n_blocks: int, seed: int = 1) -> m.System:
    """The system, in stages of so many blocks."""
    rng, hours = np.random.default_rng(seed), WEEK / n_blocks
    start, blocks = date(2026, 1, 5), tuple(m.Block(hours) for _ in range(n_blocks))
    stages = tuple(
        m.Stage(
            t,
            start + timedelta(days=7 * t),
            start + timedelta(days=7 * (t + 1)),
            blocks,
            n_openings=OPENINGS,
            block_mode=m.BlockMode.CHRONOLOGICAL,
        )
        for t in range(STAGES)
    )
    flows = rng.uniform(80.0, 300.0, n_hydros).tolist()
    hydros = []
    for h, flow in enumerate(flows):
        below = h + 1 if h % 3 < 2 and h + 1 < n_hydros else None
        plant = m.Hydro(
            h,
            0,
            float(rng.uniform(50.0, 900.0)),
            1.8 * flow,
            1.44 * flow,
            f"H{h}",
            productivity_mw_per_m3s=0.8,
            downstream_id=below,
            min_outflow_m3s=0.2 * flow,
        )
        hours_below = None if below is None else 18.0
        hydros.append(dataclasses.replace(plant, travel_time_hours=hours_below))
    power = sum(plant.max_generation_mw for plant in hydros)
    each = power / n_thermals
    thermals = [m.Thermal.flat(j, 0, each, 20.0 + 8.0 * j) for j in range(n_thermals)]
    ramped = [dataclasses.replace(one, max_ramp_up_mw_per_hour=each / 4.0) for one in thermals]
    middle = (np.arange(n_blocks) + 0.5) * hours
    shape = 0.7 + 0.35 * np.sin(2.0 * np.pi * middle / 24.0) + rng.normal(0.0, 0.03, n_blocks)
    factors = [
        {"bus_id": 0, "stage_id": stage.id, "block_id": k, "factor": float(shape[k])}
        for stage in stages
        for k in range(n_blocks)
    ]
    store, rate = 0.1 * power, 0.03 * power
    batteries = [
        Battery(b, 0, store, rate, rate, charge_efficiency=0.92, discharge_efficiency=0.92)
        for b in range(2)
    ]
    return m.System(
        stages=stages,
        buses=(m.Bus(0, "bus", (m.DeficitSegment(None, 3000.0),)),),
        hydros=tuple(hydros),
        thermals=tuple(ramped),
        initial=m.InitialConditions(
            storage_hm3={plant.id: 0.5 * plant.max_storage_hm3 for plant in hydros}
        ),
        inflow_statistics=tuple(
            m.InflowStatistics(h, stage.id, flow, 0.3 * flow)
            for h, flow in enumerate(flows)
            for stage in stages
        ),
        load_statistics=tuple(
            m.LoadStatistics(0, stage.id, 0.9 * power, 0.03 * power) for stage in stages
        ),
        load_factors=m.StageOverrides.from_rows(factors, entity="bus_id"),
        equipment=tuple(batteries),
    )


def measure(system: m.System, iterations: int) -> str:
    """A row of the table: size of a program, and what one costs."""
    training = m.TrainingConfig(PASSES, (m.IterationLimit(iterations),))
    study = m.Study(
        system,
        m.StudyConfig(training, inflow_non_negativity=m.InflowNonNegativity.PENALTY),
    )
    program = hw.stage_program(study, 1)
    began = time.process_time()
    policy = hw.train(study, threads=1, progress=False)
    spent = time.process_time() - began
    assert policy.training is not None
    counts = policy.training.solver_counts
    solved = counts["solves"]
    return (
        f"| {len(system.stages[0].blocks)} | {len(program.rows)} | {len(program.columns)} "
        f"| {policy.layout.dimension} | {1e3 * spent / solved:.2f} ms "
        f"| {counts['pivots'] / solved:.0f} | {counts.get('fallbacks', 0)} of {solved} |"
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hydros", type=int, default=6)
    parser.add_argument("--thermals", type=int, default=8)
    parser.add_argument("--blocks", default="21,84,168", help="blocks of a week")
    parser.add_argument("--iterations", type=int, default=4)
    given = parser.parse_args()
    hw.train(hw.examples.load("one-reservoir").with_(iterations=1), progress=False)  # compile
    print("| Blocks | Rows | Columns | States | Time per program | Pivots | Left to HiGHS |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for n_blocks in map(int, given.blocks.split(",")):
        print(measure(weeks(given.hydros, given.thermals, n_blocks), given.iterations), flush=True)


if __name__ == "__main__":
    main()
