"""Hydrothermal problems with known answers from the literature of the field,
as studies built in code.

Most are stated in units of energy per stage. One block of 10^6 / 3600 hours makes one unit of flow
held over the stage one hm3, so that volumes, flows and powers keep their numbers; a cost ``c`` per
unit and stage is ``c / hours`` per MWh. Stage ids start at 1, as in the sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from headwater.model import (
    Block,
    Bus,
    ContractKind,
    CycleType,
    DeficitSegment,
    EnergyContract,
    FphaPlane,
    GivenOpenings,
    GraphType,
    Hydro,
    HydroPenalties,
    InflowNonNegativity,
    InflowStatistics,
    InitialConditions,
    IterationLimit,
    Line,
    LoadStatistics,
    MixedCVaR,
    Penalties,
    PolicyGraph,
    PreStudyStage,
    ProductionKind,
    RegimeChain,
    Season,
    SeasonMap,
    Stage,
    StageOverrides,
    Study,
    StudyConfig,
    System,
    Thermal,
    TrainingConfig,
    Transition,
)

UNIT_HOURS = 1e6 / 3600.0
"""Hours of a stage in which one m3/s is one hm3."""

UNLIMITED = 1000.0

FIRST_STEPS_VALUE = 8333.333333
FIRST_STEPS_COST_TO_GO = {
    0.0: 23333.333333,
    50.0: 17500.0,
    100.0: 12500.0,
    150.0: 7500.0,
    200.0: 3333.333333,
}
"""Cost after stage 1 of `first_steps`, by storage at its end."""
INNER_BOUND_VALUES = {
    1: 9.166667,
    2: 21.388889,
    3: 33.611111,
    4: 45.833333,
    6: 70.277778,
    12: 143.611111,
    20: 241.388889,
}
"""Value of `inner_bound` by number of stages, by dynamic programming (the kinks of its value
functions lie on a known grid).

For 12 and 20 stages the source reports what its own training reached, 143.607512 and 241.3885.
"""
INFINITE_INNER_BOUND_VALUE = 119.1667
FAST_VALUE = 10.0
CASE3_VALUE = 11000.0
VALLEY_DETERMINISTIC_VALUE = 5.0
VALLEY_STOCHASTIC_VALUE = 1.666667
ADDITIVE_AUTOREGRESSIVE_VALUE = 6183.333333


def first_steps(forward_passes: int = 1, iterations: int = 30) -> Study:
    """SDDP.jl's first tutorial.

    One reservoir, one thermal that gets dearer, three equally likely inflows per stage.
    """
    system = System(
        stages=_stages(3),
        inflow_statistics=_inflows(1, [(50.0, 50.0)] * 3),
        given_openings=GivenOpenings({t: np.array([[-1.0], [0.0], [1.0]]) for t in (1, 2, 3)}),
        initial=InitialConditions(storage_hm3={1: 200.0}),
        load_statistics=_loads(1, [150.0] * 3),
        **_first_steps_plants(),
    )
    return _study("first steps", system, forward_passes, iterations)


def first_steps_from(
    storages_hm3: Sequence[float], forward_passes: int = 2, iterations: int = 60
) -> Study:
    """`first_steps` with a first stage that has no load and whose openings fill an empty reservoir
    to given storages.

    Nothing can be gained there, so the bound is the mean of the cost-to-go over the storages, and a
    converged policy is exact at each of them.
    """
    given = np.array(storages_hm3, float)[:, None]
    system = System(
        stages=_stages(3),
        inflow_statistics=_inflows(1, [(0.0, 1.0), (50.0, 50.0), (50.0, 50.0)]),
        given_openings=GivenOpenings(
            {1: given} | {t: np.array([[-1.0], [0.0], [1.0]]) for t in (2, 3)}
        ),
        load_statistics=_loads(1, [0.0, 150.0, 150.0]),
        **_first_steps_plants(),
    )
    return _study("first steps from given storages", system, forward_passes, iterations)


def additive_autoregressive(forward_passes: int = 2, iterations: int = 60) -> Study:
    """`first_steps` with inflow as a random walk from 50: the past inflow is state."""
    starts = [
        date(2022, 12, 1),
        date(2023, 1, 1),
        date(2023, 2, 1),
        date(2023, 3, 1),
        date(2023, 4, 1),
    ]
    phi = (1.0,)
    system = System(
        stages=tuple(
            Stage(t, starts[t], starts[t + 1], (Block(UNIT_HOURS),), season_id=t - 1, n_openings=3)
            for t in (1, 2, 3)
        ),
        season_map=SeasonMap(
            CycleType.MONTHLY, tuple(Season(m, month_start=m + 1) for m in range(12))
        ),
        pre_study_stages=(PreStudyStage(-1, starts[0], starts[1], season_id=11),),
        inflow_statistics=(
            InflowStatistics(1, -1, mean_m3s=50.0, std_m3s=1.0),
            *(
                InflowStatistics(1, t, 50.0, 1.0, coefficients=phi, residual_std_ratio=1.0)
                for t in (1, 2, 3)
            ),
        ),
        given_openings=GivenOpenings({t: np.array([[-10.0], [0.1], [9.6]]) for t in (1, 2, 3)}),
        initial=InitialConditions(storage_hm3={1: 200.0}, past_inflows_m3s={1: (50.0,)}),
        load_statistics=_loads(1, [150.0] * 3),
        **_first_steps_plants(),
    )
    return _study("additive autoregressive inflow", system, forward_passes, iterations)


def infinite_inner_bound(forward_passes: int = 4, iterations: int = 60) -> Study:
    """`inner_bound` for ever, a unit of money being worth 0.9 a stage later.

    One stage that leads back to itself.
    """
    once = inner_bound(1, forward_passes, iterations)
    days = once.system.stages[0].days
    rate = 0.9 ** (-365.25 / days) - 1.0
    graph = PolicyGraph(GraphType.CYCLIC, rate, (Transition(1, 1),))
    return replace(
        once, system=replace(once.system, policy_graph=graph), name="inner bound for ever"
    )


def inner_bound(n_stages: int, forward_passes: int = 2, iterations: int = 60) -> Study:
    """SDDP.jl's test of inner bounds: inflow and demand move against each other, spilling costs."""
    ids = range(1, n_stages + 1)
    system = System(
        stages=_stages(n_stages),
        buses=(Bus(1),),
        hydros=(_reservoir(1, min_storage_hm3=5.0, max_storage_hm3=15.0),),
        thermals=(Thermal.flat(1, 1, UNLIMITED, 1.0 / UNIT_HOURS),),
        penalties=_penalties(excess=1000.0, spillage=10.0),
        initial=InitialConditions(storage_hm3={1: 10.0}),
        inflow_statistics=_inflows(1, [(5.0, 5.0)] * n_stages),
        load_statistics=tuple(LoadStatistics(1, t, mean_mw=5.0, std_mw=2.5) for t in ids),
        given_openings=GivenOpenings(
            {t: np.array([[-1.0, 1.0], [0.0, 0.0], [1.0, -1.0]]) for t in ids}
        ),
    )
    return _study(f"inner bound over {n_stages} stages", system, forward_passes, iterations)


def fast_hydro_thermal(forward_passes: int = 1, iterations: int = 10) -> Study:
    """FAST's hydro-thermal example: two stages, an empty reservoir, a wet or a dry second stage."""
    system = System(
        stages=_stages(2),
        buses=(Bus(1),),
        hydros=(_reservoir(1, max_storage_hm3=8.0),),
        thermals=(Thermal.flat(1, 1, UNLIMITED, 5.0 / UNIT_HOURS),),
        penalties=_penalties(excess=0.0),
        inflow_statistics=_inflows(1, [(6.0, 0.0), (6.0, 4.0)]),
        load_statistics=_loads(1, [6.0, 6.0]),
        given_openings=GivenOpenings({1: np.array([[0.0]]), 2: np.array([[-1.0], [1.0]])}),
    )
    return _study("FAST hydro-thermal", system, forward_passes, iterations)


def case3_deterministic(forward_passes: int = 1, iterations: int = 60) -> Study:
    """HydroPowerModels.jl's three-bus case over twelve hours with a known inflow."""
    inflow = [80.0, 70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]
    hours = [date(2023, 1, 1) + timedelta(days=day) for day in range(13)]
    system = System(
        stages=tuple(Stage(t, hours[t - 1], hours[t], (Block(1.0),)) for t in range(1, 13)),
        buses=(Bus(1), Bus(2), Bus(3)),
        lines=(
            Line(1, 1, 3, 100.0, 100.0),
            Line(2, 2, 3, 65.0, 65.0),
            Line(3, 1, 2, 25.0, 25.0),
        ),
        hydros=(
            Hydro(
                1,
                1,
                max_storage_hm3=0.54,
                max_turbined_m3s=80.0,
                max_generation_mw=UNLIMITED,
                productivity_mw_per_m3s=1.0,
            ),
        ),
        thermals=(Thermal.flat(2, 2, 100.0, 20.0), Thermal.flat(3, 3, 50.0, 100.0)),
        penalties=Penalties(
            deficit_segments=(DeficitSegment(None, 1000.0),),
            excess_cost_per_mwh=0.0,
            exchange_cost_per_mwh=0.0,
            hydro=HydroPenalties(spillage_cost=0.0, fpha_turbined_cost=0.0),
        ),
        initial=InitialConditions(storage_hm3={1: 0.18}),
        inflow_statistics=_inflows(1, [(value, 0.0) for value in inflow]),
        load_statistics=_loads(3, [100.0] * 12),
    )
    return _study("case3", system, forward_passes, iterations)


def hydro_valley(*, stochastic: bool, forward_passes: int = 2, iterations: int = 60) -> Study:
    """SDDP.jl's hydro valley: two reservoirs in cascade with concave
    production, selling at 1, 2, 3.

    Revenue is turned into cost: the market buys from a thermal at the price of the stage what the
    valley does not deliver, 140 being the most it could. Any part of an inflow may be refused, as
    withdrawal beyond a negligible schedule.
    """
    wet = np.array([[0.0, 0.0], [20.0, 0.0], [50.0, 20.0]])
    dry = np.zeros((1, 2))
    planes = ((0.0, 1.1), (5.0, 1.0), (35.0, 0.5))
    system = System(
        stages=_stages(3),
        buses=(Bus(1),),
        hydros=tuple(
            Hydro(
                h,
                1,
                max_storage_hm3=200.0,
                max_turbined_m3s=70.0,
                max_generation_mw=UNLIMITED,
                production=ProductionKind.FPHA,
                downstream_id=downstream,
            )
            for h, downstream in ((1, 2), (2, None))
        ),
        fpha_planes=tuple(
            FphaPlane(h, m, g0, 0.0, gq, 0.0) for h in (1, 2) for m, (g0, gq) in enumerate(planes)
        ),
        thermals=(Thermal.flat(1, 1, 140.0, 1.0 / UNIT_HOURS),),
        thermal_bound_overrides=_thermal_prices([1.0, 2.0, 3.0]),
        hydro_bound_overrides=StageOverrides.from_rows(
            [
                {"hydro_id": h, "stage_id": t, "water_withdrawal_m3s": 1e-6}
                for h in (1, 2)
                for t in (1, 2, 3)
            ],
            entity="hydro_id",
        ),
        penalties=_penalties(excess=1.0, spillage=1000.0, withdrawal_beyond=1e-9),
        initial=InitialConditions(storage_hm3={1: 200.0, 2: 200.0}),
        inflow_statistics=(*_inflows(1, [(0.0, 1.0)] * 3), *_inflows(2, [(0.0, 1.0)] * 3)),
        load_statistics=_loads(1, [140.0] * 3),
        given_openings=GivenOpenings(
            {1: dry, 2: wet if stochastic else dry, 3: wet if stochastic else dry}
        ),
    )
    return _study(
        f"hydro valley, {'stochastic' if stochastic else 'deterministic'} inflow",
        system,
        forward_passes,
        iterations,
    )


def hydro_valley_with_prices(
    *,
    stochastic: bool,
    risk: MixedCVaR | None = None,
    forward_passes: int = 2,
    iterations: int = 30,
) -> Study:
    """SDDP.jl's hydro valley with prices that are a Markov chain, selling by contract.

    Of the three states of its last stage one is never reached. The cost is minus what is earned.
    """
    valley = hydro_valley(stochastic=stochastic)
    prices = ((1.0, 2.0, 3.0), (2.0, 1.0, 4.0), (9.0, 9.0, 9.0))
    stages = valley.system.stages
    chain = RegimeChain(
        ("low", "high", "never"),
        (1.0, 0.0, 0.0),
        ((0.6, 0.4, 0.0), (0.3, 0.7, 0.0), (0.0, 0.0, 1.0)),
    )
    system = replace(
        valley.system,
        stages=tuple(replace(stage, risk=risk or stage.risk) for stage in stages),
        thermals=(),
        thermal_bound_overrides=StageOverrides(),
        contracts=(EnergyContract(1, 1, ContractKind.EXPORT, -1.0, 1000.0),),
        load_statistics=_loads(1, [0.0] * 3),
        policy_graph=PolicyGraph(regimes=chain),
        regime_changes=tuple(
            {
                "contract_bound_overrides": StageOverrides.from_rows(
                    [
                        {"contract_id": 1, "stage_id": t, "price_per_mwh": -price / UNIT_HOURS}
                        for t, price in enumerate(of_regime, start=1)
                    ],
                    entity="contract_id",
                )
            }
            for of_regime in prices
        ),
    )
    return _study("hydro valley with prices", system, forward_passes, iterations)


def _study(name: str, system: System, forward_passes: int, iterations: int) -> Study:
    training = TrainingConfig(
        forward_passes=forward_passes, stopping_rules=(IterationLimit(iterations),)
    )
    return Study(
        system, StudyConfig(training, inflow_non_negativity=InflowNonNegativity.NONE), name=name
    )


def _stages(n_stages: int) -> tuple[Stage, ...]:
    """Stages of one block without discount; how long they are in the calendar does not matter."""
    start = [date(2023, 1, 1) + timedelta(days=12 * t) for t in range(n_stages + 1)]
    return tuple(
        Stage(t + 1, start[t], start[t + 1], (Block(UNIT_HOURS),)) for t in range(n_stages)
    )


def _reservoir(
    id: int,
    *,
    max_storage_hm3: float,
    min_storage_hm3: float = 0.0,
    max_turbined_m3s: float = UNLIMITED,
) -> Hydro:
    return Hydro(
        id,
        1,
        max_storage_hm3=max_storage_hm3,
        min_storage_hm3=min_storage_hm3,
        max_turbined_m3s=max_turbined_m3s,
        max_generation_mw=UNLIMITED,
        productivity_mw_per_m3s=1.0,
    )


def _first_steps_plants() -> dict[str, Any]:
    return {
        "buses": (Bus(1),),
        "hydros": (_reservoir(1, max_storage_hm3=200.0, max_turbined_m3s=250.0),),
        "thermals": (Thermal.flat(1, 1, 200.0, 50.0 / UNIT_HOURS),),
        "thermal_bound_overrides": _thermal_prices([50.0, 100.0, 150.0]),
        "penalties": _penalties(excess=0.01),
    }


def _thermal_prices(per_stage: Sequence[float]) -> StageOverrides:
    rows = [
        {"thermal_id": 1, "stage_id": t, "cost_per_mwh": price / UNIT_HOURS}
        for t, price in enumerate(per_stage, start=1)
    ]
    return StageOverrides.from_rows(rows, entity="thermal_id")


def _penalties(
    *, excess: float, spillage: float = 0.0, withdrawal_beyond: float = 1e4
) -> Penalties:
    """Costs per unit and stage, those of storage per hm3."""
    return Penalties(
        deficit_segments=(DeficitSegment(None, 1e4 / UNIT_HOURS),),
        excess_cost_per_mwh=excess / UNIT_HOURS,
        exchange_cost_per_mwh=0.0,
        hydro=HydroPenalties(
            spillage_cost=spillage / UNIT_HOURS,
            fpha_turbined_cost=0.0,
            storage_violation_below_cost=1e4,
            water_withdrawal_violation_cost=1e4 / UNIT_HOURS,
            water_withdrawal_violation_pos_cost=withdrawal_beyond / UNIT_HOURS,
        ),
    )


def _inflows(
    hydro_id: int, mean_and_std: Sequence[tuple[float, float]]
) -> tuple[InflowStatistics, ...]:
    return tuple(
        InflowStatistics(hydro_id, t, mean, std)
        for t, (mean, std) in enumerate(mean_and_std, start=1)
    )


def _loads(bus_id: int, means_mw: Sequence[float]) -> tuple[LoadStatistics, ...]:
    return tuple(LoadStatistics(bus_id, t, mean) for t, mean in enumerate(means_mw, start=1))
