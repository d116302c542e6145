"""Small systems built in code, for tests."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import numpy as np

import headwater.model as m
from headwater.model import System


def stages(
    n: int, hours: tuple[float, ...] = (730.0,), n_openings: int = 1, **others: object
) -> tuple[m.Stage, ...]:
    """Thirty-day stages with the same blocks."""
    start = date(2024, 1, 1)
    blocks = tuple(m.Block(h) for h in hours)
    return tuple(
        m.Stage(
            t,
            start + timedelta(days=30 * t),
            start + timedelta(days=30 * (t + 1)),
            blocks,
            n_openings=n_openings,
            **others,
        )  # type: ignore[arg-type]
        for t in range(n)
    )


def study(
    system: System,
    *,
    iterations: int = 30,
    forward_passes: int = 1,
    method: str = "none",
    **training: object,
) -> m.Study:
    """A study of a system with an iteration limit."""
    config = m.TrainingConfig(forward_passes, (m.IterationLimit(iterations),), **training)  # type: ignore[arg-type]
    return m.Study(
        system, m.StudyConfig(config, inflow_non_negativity=m.InflowNonNegativity(method))
    )


CHEAP_VIOLATIONS = m.HydroPenalties(
    storage_violation_below_cost=10_000.0,
    filling_target_violation_cost=50_000.0,
    turbined_violation_below_cost=500.0,
    outflow_violation_below_cost=500.0,
    outflow_violation_above_cost=500.0,
    generation_violation_below_cost=1_000.0,
    evaporation_violation_cost=5_000.0,
    water_withdrawal_violation_cost=1_000.0,
    inflow_nonnegativity_cost=1_000.0,
)
"""Costs so low that limits are broken now and then, which is what tests want to see."""


def repeating(made: m.Study) -> m.Study:
    """The same study on a horizon that begins anew after its last stage, at a
    discount that forgets soon.
    """
    ids = [stage.id for stage in made.system.stages]
    steps = tuple(m.Transition(a, b) for a, b in zip(ids, [*ids[1:], ids[0]], strict=True))
    graph = dataclasses.replace(
        made.system.policy_graph,
        type=m.GraphType.CYCLIC,
        transitions=steps,
        annual_discount_rate=3.0,
    )
    return dataclasses.replace(made, system=dataclasses.replace(made.system, policy_graph=graph))


def layout_example() -> System:
    """Three hydros (the middle one with four planes), two buses, a line, a thermal.

    The layout example of the specification.
    """
    planes = tuple(m.FphaPlane(1, i, 1.0 + i, 0.1, 0.5 + 0.1 * i, -0.01) for i in range(4))
    hydros = tuple(
        m.Hydro(
            i,
            0,
            200.0,
            50.0,
            50.0,
            productivity_mw_per_m3s=1.0,
            production=m.ProductionKind.FPHA if i == 1 else m.ProductionKind.CONSTANT,
            downstream_id=i + 1 if i < 2 else None,
        )
        for i in range(3)
    )
    return System(
        stages=stages(2),
        buses=(m.Bus(0), m.Bus(1)),
        lines=(m.Line(0, 0, 1, 10.0, 10.0),),
        hydros=hydros,
        thermals=(m.Thermal.flat(0, 0, 100.0, 50.0),),
        fpha_planes=planes,
    )


def numeric_example() -> System:
    """One hydro, one thermal, two blocks of 200 and 520 hours.

    The fully worked numeric example of the specification.
    """
    hydro = m.HydroPenalties(
        spillage_cost=0.01,
        storage_violation_below_cost=10_000.0,
        outflow_violation_below_cost=500.0,
        water_withdrawal_violation_cost=1_000.0,
        inflow_nonnegativity_cost=1_000.0,
    )
    penalties = m.Penalties(
        deficit_segments=(m.DeficitSegment(20.0, 1_000.0), m.DeficitSegment(None, 5_000.0)),
        excess_cost_per_mwh=0.001,
        hydro=hydro,
    )
    return System(
        stages=stages(2, (200.0, 520.0)),
        buses=(m.Bus(0),),
        hydros=(
            m.Hydro(
                0,
                0,
                200.0,
                60.0,
                54.0,
                productivity_mw_per_m3s=0.9,
                min_storage_hm3=20.0,
                min_outflow_m3s=15.0,
            ),
        ),
        thermals=(
            m.Thermal(
                0,
                0,
                70.0,
                (m.CostSegment(30.0, 50.0), m.CostSegment(40.0, 120.0)),
                min_generation_mw=5.0,
            ),
        ),
        penalties=penalties,
        policy_graph=m.PolicyGraph(annual_discount_rate=0.06),
        hydro_bound_overrides=m.StageOverrides.from_rows(
            [{"hydro_id": 0, "stage_id": 0, "water_withdrawal_m3s": 2.0}], entity="hydro_id"
        ),
        load_statistics=(m.LoadStatistics(0, 0, 80.0), m.LoadStatistics(0, 1, 80.0)),
        load_factors=m.StageOverrides.from_rows(
            [
                {"bus_id": 0, "stage_id": 0, "block_id": k, "factor": f}
                for k, f in enumerate((1.25, 0.9))
            ],
            entity="bus_id",
        ),
    )


def random_system(
    seed: int, *, n_stages: int = 3, n_openings: int = 2, n_lags: int = 1, planes: bool = True
) -> System:
    """A small cascade with soft limits, a withdrawal, lines with losses,
    segments, lags and maybe planes.
    """
    rng = np.random.default_rng(seed)
    n_hydros = int(rng.integers(2, 4))
    hydros = []
    for h in range(n_hydros):
        fpha = planes and h == 1
        qmax = float(rng.uniform(40, 90))
        hydros.append(
            m.Hydro(
                h,
                int(rng.integers(0, 2)),
                float(rng.uniform(80, 250)),
                qmax,
                qmax * 1.2,
                productivity_mw_per_m3s=float(rng.uniform(0.5, 1.1)),
                production=m.ProductionKind.FPHA if fpha else m.ProductionKind.CONSTANT,
                downstream_id=h + 1 if h + 1 < n_hydros else None,
                min_storage_hm3=float(rng.uniform(0, 20)),
                min_outflow_m3s=float(rng.uniform(0, 15)),
                max_outflow_m3s=float(rng.uniform(120, 200)),
                min_turbined_m3s=float(rng.choice([0.0, 5.0])),
                min_generation_mw=float(rng.choice([0.0, 4.0])),
            )
        )
    fpha_planes = tuple(
        m.FphaPlane(
            1,
            i,
            float(rng.uniform(-2, 1)),
            float(rng.uniform(0.01, 0.06)),
            float(rng.uniform(0.5, 0.9)),
            -0.01,
            0.98,
        )
        for i in range(3)
    )
    load = (140.0, 60.0)
    inflows = tuple(
        m.InflowStatistics(
            h,
            t,
            float(rng.uniform(25, 60)),
            float(rng.uniform(3, 8)),
            tuple(rng.uniform(0.1, 0.4, n_lags)),
            float(rng.uniform(0.7, 0.95)),
        )
        for h in range(n_hydros)
        for t in range(-n_lags, n_stages)
    )
    pre_study = tuple(
        m.PreStudyStage(
            -i,
            date(2024, 1, 1) - timedelta(days=30 * i),
            date(2024, 1, 1) - timedelta(days=30 * (i - 1)),
        )
        for i in range(1, n_lags + 1)
    )
    return System(
        stages=stages(n_stages, (300.0, 430.0), n_openings),
        buses=(m.Bus(0, "north"), m.Bus(1, "south")),
        lines=(m.Line(0, 0, 1, 40.0, 30.0, losses_percent=3.0),),
        hydros=tuple(hydros),
        thermals=(
            m.Thermal(
                0,
                0,
                60.0,
                (m.CostSegment(25.0, 40.0), m.CostSegment(35.0, 90.0)),
                min_generation_mw=3.0,
            ),
            m.Thermal.flat(1, 1, 30.0, 150.0),
        ),
        penalties=m.Penalties(
            deficit_segments=(m.DeficitSegment(10.0, 800.0), m.DeficitSegment(None, 3_000.0)),
            hydro=CHEAP_VIOLATIONS,
        ),
        policy_graph=m.PolicyGraph(annual_discount_rate=0.08),
        pre_study_stages=pre_study if n_lags else (),
        initial=m.InitialConditions(
            storage_hm3={h: float(rng.uniform(30, 70)) for h in range(n_hydros)},
            past_inflows_m3s={h: tuple(rng.uniform(25, 60, n_lags)) for h in range(n_hydros)}
            if n_lags
            else {},
        ),
        inflow_statistics=inflows
        if n_lags
        else tuple(i for i in map(_without_lags, inflows) if i.stage_id >= 0),
        load_statistics=tuple(
            m.LoadStatistics(b, t, load[b], 4.0) for b in range(2) for t in range(n_stages)
        ),
        load_factors=m.StageOverrides.from_rows(
            [
                {"bus_id": 0, "stage_id": t, "block_id": k, "factor": f}
                for t in range(n_stages)
                for k, f in ((0, 1.1), (1, 0.9))
            ],
            entity="bus_id",
        ),
        fpha_planes=fpha_planes if planes else (),
        hydro_bound_overrides=m.StageOverrides.from_rows(
            [
                {"hydro_id": 0, "stage_id": 1, "water_withdrawal_m3s": 3.0},
                {"hydro_id": n_hydros - 1, "stage_id": n_stages - 1, "water_withdrawal_m3s": -2.0},
            ],
            entity="hydro_id",
        ),
        generic_constraints=(
            m.GenericConstraint(
                0,
                m.parse_expression("hydro_storage(0) + 2 thermal_generation(1, 0)"),
                m.Sense.GREATER_EQUAL,
                slack_cost=20.0,
            ),
            m.GenericConstraint(
                1,
                m.parse_expression("line_exchange(0) + hydro_generation(1)"),
                m.Sense.LESS_EQUAL,
                slack_cost=30.0,
            ),
        ),
        generic_constraint_bounds=(
            m.GenericConstraintBound(0, 1, 45.0),
            m.GenericConstraintBound(1, 0, 60.0),
            m.GenericConstraintBound(1, 2, 50.0, block_id=1),
        ),
    )


def _without_lags(statistics: m.InflowStatistics) -> m.InflowStatistics:
    return dataclasses.replace(statistics, coefficients=(), residual_std_ratio=None)


def _constraint(id: int, text: str, sense: m.Sense, cost: float) -> m.GenericConstraint:
    return m.GenericConstraint(id, m.parse_expression(text), sense, slack_cost=cost)
