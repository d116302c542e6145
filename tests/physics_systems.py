"""Random systems of three stages in which newer physics takes part beside the founding kinds."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import numpy as np

import headwater.model as m
from headwater.equipment.battery import Battery
from headwater.equipment.contingency import Contingency
from headwater.equipment.demand_response import DemandResponse, DemandStep
from headwater.equipment.unit_group import UnitGroup
from random_systems import random_study


def quickly(made: m.Study, iterations: int = 8) -> m.Study:
    """The same study, trained for a few iterations."""
    rules = (m.IterationLimit(iterations),)
    training = dataclasses.replace(made.config.training, stopping_rules=rules)
    return dataclasses.replace(made, config=dataclasses.replace(made.config, training=training))


def travelling(seed: int, *, averse: bool = False) -> m.Study:
    """A random system of three stages of other lengths, some of which follow the hours."""
    rng = np.random.default_rng([seed, 5])
    risk = (m.MixedCVaR(0.4, 0.5),) * 3 if averse else None
    made = random_study(seed, risk=risk)
    system = made.system
    lengths = rng.uniform(100.0, 900.0, 3)
    n_blocks = len(system.stages[0].blocks)
    stages = []
    for stage, hours in zip(system.stages, lengths, strict=True):
        share = rng.uniform(0.5, 1.5, n_blocks)
        blocks = tuple(m.Block(float(h)) for h in hours * share / share.sum())
        mode = m.BlockMode(str(rng.choice(["parallel", "chronological"])))
        stages.append(dataclasses.replace(stage, blocks=blocks, block_mode=mode))
    start = stages[0].start_date
    past = tuple(
        m.PastDefluence(
            plant.id,
            start - timedelta(days=until + length),
            start - timedelta(days=until),
            float(rng.uniform(5, 60)),
        )
        for plant in system.hydros
        for until, length in ((0, 9), (12, 20))
    )
    hydros = tuple(
        dataclasses.replace(
            plant,
            travel_time_hours=float(rng.uniform(5.0, 700.0))
            if plant.downstream_id is not None and (h or seed % 4 < 3)
            else None,
            balance_each_block=bool(h and seed % 2),
            seepage=m.Seepage(float(rng.uniform(0.0, 0.1)), float(rng.uniform(0.0, 2.0)))
            if (h + seed) % 2
            else None,
        )
        for h, plant in enumerate(system.hydros)
    )
    of = dataclasses.replace(
        system,
        stages=tuple(stages),
        hydros=hydros,
        initial=dataclasses.replace(system.initial, past_defluences=past),
    )
    return dataclasses.replace(made, system=of)


def storing(seed: int, *, averse: bool = False) -> m.Study:
    """One of these rivers, with batteries and with load that answers to prices."""
    made, rng = travelling(seed, averse=averse), np.random.default_rng([seed, 6])

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    batteries = tuple(
        Battery(
            b,
            bus,
            max_energy_mwh=draw(200.0, 4000.0),
            max_charge_mw=draw(5.0, 25.0),
            max_discharge_mw=draw(5.0, 25.0),
            charge_efficiency=draw(0.8, 1.0),
            discharge_efficiency=draw(0.8, 1.0),
            initial_energy_mwh=draw(0.0, 200.0),
            self_discharge_per_hour=draw(0.0, 0.002) if b == 1 else 0.0,
            closed_within_stage=b == 2,
        )
        for b, bus in ((1, 1), (2, 2), (4, 2))
    )
    responses = tuple(
        DemandResponse(
            i,
            bus,
            steps=tuple(DemandStep(draw(2.0, 80.0), draw(50.0, 400.0)) for _ in range(2 * i)),
            max_shift_mw=draw(2.0, 12.0) if i else 0.0,
            max_recovery_mw=draw(2.0, 20.0) if seed % 2 else None,
            recovery_factor=draw(0.9, 1.2),
            shift_cost_per_mwh=draw(0.0, 5.0),
        )
        for i, bus in enumerate((1, 2))
    )
    equipment = (*made.system.equipment, *batteries, *responses)
    return dataclasses.replace(made, system=dataclasses.replace(made.system, equipment=equipment))


def meshed(seed: int, *, averse: bool = False) -> m.Study:
    """Such a system whose two buses are joined by a mesh over two more, with phase shifters,
    losses that grow with the flow, and lines that may fail.
    """
    made, rng = storing(seed, averse=averse), np.random.default_rng([seed, 7])
    system = made.system

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    lines = []
    for i, pair in enumerate(((1, 2), (1, 2), (1, 3), (3, 2), (3, 4), (4, 2), (1, 4))):
        flows = np.cumsum(rng.uniform(5.0, 25.0, 3))
        losses = np.cumsum(np.diff(flows, prepend=0.0) * np.sort(rng.uniform(0.0, 0.2, 3)))
        shift = draw(0.0, 4.0)
        lines.append(
            m.Line(
                5 + i,
                *pair,
                draw(25, 60),
                draw(25, 60),
                losses_percent=draw(0, 3),
                reactance_pu=None if i == 6 else draw(0.05, 0.3),
                min_phase_shift_degrees={2: -shift, 4: shift}.get(i, 0.0),
                max_phase_shift_degrees={2: shift, 4: shift}.get(i, 0.0),
                loss_curve=tuple(map(m.LossPoint, flows.tolist(), losses.tolist()))
                if i in (0, 3, 6)
                else (),
            )
        )
    loads = tuple(
        m.LoadStatistics(bus, stage.id, draw(3, 15), 0.0)
        for bus in (3, 4)
        for stage in system.stages
    )
    failures = (Contingency(1, 5, limit_factor=1.2), Contingency(3, 7, watched_line_ids=(6, 8)))
    more = dataclasses.replace(
        system,
        buses=(*system.buses, m.Bus(3), m.Bus(4)),
        lines=tuple(lines),
        load_statistics=(*system.load_statistics, *loads),
        equipment=(*system.equipment, *failures),
    )
    return dataclasses.replace(made, system=more)


def grouped(seed: int, *, averse: bool = False) -> m.Study:
    """Such a mesh whose first two plants deliver through groups of units at several buses."""
    made, rng = meshed(seed, averse=averse), np.random.default_rng([seed, 8])
    groups = []
    for h, plant in enumerate(made.system.hydros[:2]):
        for g, bus in enumerate((plant.bus_id, 3, 2)[: 3 - h]):
            groups.append(
                UnitGroup(
                    3 * h + g,
                    plant.id,
                    bus,
                    float(rng.uniform(0.3, 0.8)) * plant.max_generation_mw,
                    min_generation_mw=float(rng.uniform(1.0, 6.0)) if g else 0.0,
                    cost_per_mwh=float(rng.uniform(0.0, 9.0)),
                )
            )
    equipment = (*made.system.equipment, *groups)
    return dataclasses.replace(made, system=dataclasses.replace(made.system, equipment=equipment))
