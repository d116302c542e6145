"""Random systems with every kind of equipment on, for tests of the whole stage program."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np

import headwater.model as m
from small_systems import CHEAP_VIOLATIONS

MONTHS = [date(2023, month, 1) for month in range(1, 13)]

QUANTITIES = (
    "hydro_storage(2) + 2 hydro_outflow(2)",
    "hydro_turbined(2, 0) - 0.5 hydro_spillage(3) + hydro_evaporation(2)",
    "hydro_diversion(2) + hydro_withdrawal(2) + hydro_generation(3)",
    "thermal_generation(1) + line_direct(3) - line_reverse(3)",
    "bus_deficit(1) + bus_excess(2) + line_exchange(3)",
    "pumping_flow(4) + 0.3 pumping_power(4)",
    "contract_import(1) - contract_export(2) + 1.5",
    "non_controllable_generation(1) - non_controllable_curtailment(2)",
)
"""Expressions that between them name all twenty quantities."""


def whole_system(
    seed: int, *, n_lags: int = 2, chronological: bool | None = None, n_openings: int = 2
) -> m.System:
    """Four monthly stages of five plants in a row and everything else.

    Plant 3 uses planes; 5 fills in the second and third stage and enters at the fourth; 7 leaves
    after the third; 2 diverts to 11, has a lake that evaporates and water withdrawn; a station
    pumps from 11 to 2. Two thermals are dispatched ahead.
    """
    rng = np.random.default_rng(seed)
    blocks = tuple(m.Block(h) for h in (250.0, 300.0, 180.0))
    modes = [m.BlockMode.PARALLEL, m.BlockMode.CHRONOLOGICAL]
    stages = tuple(
        m.Stage(
            t,
            MONTHS[2 + t],
            MONTHS[3 + t],
            blocks[: 2 + t % 2],
            n_openings=n_openings,
            block_mode=modes[(seed + t) % 2 if chronological is None else int(chronological)],
        )
        for t in range(4)
    )
    return m.System(
        stages=stages,
        buses=(m.Bus(1, "north"), m.Bus(2, "south")),
        lines=(
            m.Line(
                3,
                1,
                2,
                float(rng.uniform(20, 50)),
                float(rng.uniform(20, 50)),
                "tie",
                losses_percent=4.0,
            ),
            m.Line(4, 2, 1, 15.0, 15.0, "late tie", entry_stage_id=2),
        ),
        hydros=_hydros(rng),
        thermals=(
            m.Thermal(
                1,
                1,
                60.0,
                (m.CostSegment(25.0, 40.0), m.CostSegment(35.0, 90.0)),
                "coal",
                min_generation_mw=3.0,
            ),
            m.Thermal.flat(2, 2, 30.0, float(rng.uniform(100, 180)), name="oil", entry_stage_id=1),
            m.Thermal(
                5,
                1,
                40.0,
                (m.CostSegment(20.0, 30.0), m.CostSegment(20.0, 60.0)),
                "gas",
                min_generation_mw=5.0,
                gnl_lag_stages=2,
            ),
            m.Thermal(
                6, 2, 25.0, (m.CostSegment(25.0, 70.0),), "ship", gnl_lag_stages=1, exit_stage_id=3
            ),
        ),
        pumping_stations=(
            m.PumpingStation(4, 2, 11, 2, 0.4, 12.0, "lift"),
            m.PumpingStation(6, 1, 5, 2, 0.3, 5.0, "late lift"),
        ),
        contracts=(
            m.EnergyContract(1, 1, m.ContractKind.IMPORT, float(rng.uniform(80, 200)), 15.0, "buy"),
            m.EnergyContract(
                2, 2, m.ContractKind.EXPORT, float(rng.uniform(-60, -20)), 20.0, "sell", min_mw=2.0
            ),
        ),
        non_controllables=(
            m.NonControllableSource(1, 1, 30.0, "wind", curtailment_cost_per_mwh=0.5),
            m.NonControllableSource(2, 2, 20.0, "sun", entry_stage_id=1),
        ),
        penalties=m.Penalties(
            deficit_segments=(m.DeficitSegment(10.0, 800.0), m.DeficitSegment(None, 3_000.0)),
            hydro=dataclasses.replace(
                CHEAP_VIOLATIONS,
                evaporation_violation_pos_cost=900.0,
                evaporation_violation_neg_cost=700.0,
                water_withdrawal_violation_pos_cost=300.0,
                inflow_nonnegativity_cost=9_000.0,
            ),
        ),
        policy_graph=m.PolicyGraph(annual_discount_rate=0.08),
        pre_study_stages=tuple(
            m.PreStudyStage(-i, MONTHS[2 - i], MONTHS[3 - i]) for i in range(1, n_lags + 1)
        ),
        initial=m.InitialConditions(
            storage_hm3={2: 60.0, 3: 50.0, 7: 40.0, 11: 45.0},
            filling_storage_hm3={5: 4.0},
            past_inflows_m3s={h: tuple(rng.uniform(15, 40, n_lags)) for h in (2, 3, 5, 7, 11)}
            if n_lags
            else {},
            gnl_pipeline_mw={(5, 1): 10.0, (5, 2): 22.0, (6, 1): 12.0},
        ),
        inflow_statistics=_inflows(rng, n_lags),
        load_statistics=tuple(
            m.LoadStatistics(b, t, load, 6.0)
            for b, load in ((1, 130.0), (2, 70.0))
            for t in range(4)
        ),
        load_factors=m.StageOverrides.from_rows(
            [
                {"bus_id": 1, "stage_id": t, "block_id": k, "factor": f}
                for t in range(4)
                for k, f in ((0, 1.2), (1, 0.8))
            ],
            entity="bus_id",
        ),
        availability_statistics=tuple(m.AvailabilityStatistics(1, t, 0.5, 0.3) for t in range(4)),
        ncs_factors=m.StageOverrides.from_rows(
            [{"ncs_id": 2, "stage_id": 2, "block_id": 0, "factor": 0.4}], entity="ncs_id"
        ),
        fpha_planes=tuple(
            m.FphaPlane(
                3,
                i,
                float(rng.uniform(-2, 1)),
                float(rng.uniform(0.01, 0.06)),
                float(rng.uniform(0.5, 0.9)),
                -0.01,
                0.98,
            )
            for i in range(3)
        ),
        hydro_geometry=(
            *(
                m.GeometryPoint(2, v, 300.0 + v / 10, a)
                for v, a in ((0.0, 5.0), (60.0, 40.0), (120.0, 60.0), (200.0, 90.0))
            ),
            m.GeometryPoint(5, 0.0, 100.0, 1.0),
            m.GeometryPoint(5, 90.0, 120.0, 30.0),
        ),
        hydro_bound_overrides=m.StageOverrides.from_rows(
            [
                {"hydro_id": 2, "stage_id": 1, "water_withdrawal_m3s": 3.0},
                {"hydro_id": 11, "stage_id": 2, "water_withdrawal_m3s": -2.0},
                {"hydro_id": 2, "stage_id": 2, "max_diversion_m3s": 4.0},
            ],
            entity="hydro_id",
        ),
        thermal_bound_overrides=m.StageOverrides.from_rows(
            [
                {"thermal_id": 1, "stage_id": 1, "block_id": 0, "max_generation_mw": 45.0},
                {"thermal_id": 2, "stage_id": 2, "cost_per_mwh": 130.0},
                {"thermal_id": 5, "stage_id": 3, "max_generation_mw": 30.0},
            ],
            entity="thermal_id",
        ),
        exchange_factors=m.StageOverrides.from_rows(
            [{"line_id": 3, "stage_id": 1, "block_id": 0, "direct_factor": 0.5}], entity="line_id"
        ),
        contract_bound_overrides=m.StageOverrides.from_rows(
            [{"contract_id": 1, "stage_id": 2, "price_per_mwh": 60.0, "max_mw": 8.0}],
            entity="contract_id",
        ),
        pumping_bound_overrides=m.StageOverrides.from_rows(
            [{"station_id": 4, "stage_id": 1, "max_m3s": 6.0}], entity="station_id"
        ),
        **_constraints(),
    )


def _hydros(rng: np.random.Generator) -> tuple[m.Hydro, ...]:
    downstream = {2: 3, 3: 5, 5: 7, 7: 11, 11: None}
    hydros = []
    for h, below in downstream.items():
        qmax = float(rng.uniform(40, 80))
        depth = tuple(float(rng.uniform(60, 160)) for _ in range(12))
        hydros.append(
            m.Hydro(
                h,
                1 + h % 2,
                float(rng.uniform(90, 200)),
                qmax,
                qmax * 0.9,
                name=f"plant {h}",
                productivity_mw_per_m3s=float(rng.uniform(0.4, 0.9)),
                production=m.ProductionKind.FPHA if h == 3 else m.ProductionKind.CONSTANT,
                downstream_id=below,
                min_storage_hm3=float(rng.uniform(8, 20)),
                min_outflow_m3s=float(rng.uniform(2, 12)),
                max_outflow_m3s=float(rng.uniform(70, 120)) if h != 5 else None,
                min_turbined_m3s=5.0 if h in (3, 5) else 0.0,
                min_generation_mw=4.0 if h in (5, 11) else 0.0,
                evaporation=m.Evaporation(depth) if h in (2, 5) else None,
                diversion=m.Diversion(11, 6.0) if h == 2 else None,
                filling=m.Filling(1, 4.0) if h == 5 else None,
                entry_stage_id=3 if h == 5 else None,
                exit_stage_id=3 if h == 7 else None,
            )
        )
    return tuple(hydros)


def _inflows(rng: np.random.Generator, n_lags: int) -> tuple[m.InflowStatistics, ...]:
    return tuple(
        m.InflowStatistics(
            h,
            t,
            float(rng.uniform(15, 40)),
            float(rng.uniform(3, 8)),
            tuple(rng.uniform(0.1, 0.4, n_lags)),
            float(rng.uniform(0.7, 0.95)) if n_lags else None,
        )
        for h in (2, 3, 5, 7, 11)
        for t in range(-n_lags, 4)
    )


def _constraints() -> dict[str, tuple[object, ...]]:
    senses = (m.Sense.GREATER_EQUAL, m.Sense.LESS_EQUAL, m.Sense.EQUAL)
    ways = (m.BlockAggregation.PER_BLOCK, m.BlockAggregation.SUM, m.BlockAggregation.AVERAGE)
    constraints = tuple(
        m.GenericConstraint(
            i,
            m.parse_expression(text),
            senses[i % 3],
            f"rule {i}",
            slack_cost=4.0 + i,
            block_aggregation=ways[(i // 2) % 3],
        )
        for i, text in enumerate(QUANTITIES)
    )
    bounds = (30.0, 25.0, 20.0, 35.0, 12.0, 4.0, 3.0, 9.0)
    entries = [
        m.GenericConstraintBound(i, t, bounds[i])
        for i in range(len(QUANTITIES))
        for t in range(4)
        if (i + t) % 4
    ]
    entries.append(m.GenericConstraintBound(1, 1, 21.0, block_id=1))
    return {"generic_constraints": constraints, "generic_constraint_bounds": tuple(entries)}
