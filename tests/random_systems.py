"""Small random hydrothermal studies whose trees fit in one linear program.

The seed decides which features take part.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from headwater.model import (
    Block,
    Bus,
    CostSegment,
    DeficitSegment,
    FphaPlane,
    GenericConstraint,
    GenericConstraintBound,
    GivenOpenings,
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
    Sense,
    Stage,
    StageOverrides,
    Study,
    StudyConfig,
    System,
    Thermal,
    TrainingConfig,
    parse_expression,
)

STAGE_IDS = (3, 4, 6)
MONTHS = [date(2023, month, 1) for month in range(1, 8)]


def random_study(
    seed: int,
    *,
    risk: tuple[MixedCVaR, MixedCVaR, MixedCVaR] | None = None,
    iterations: int = 120,
    forward_passes: int = 5,
) -> Study:
    """Three stages, two or three openings each, two or three hydros in cascade, two
    buses, a line, three thermals.

    Blocks, lags, planes, soft limits, withdrawals, user constraints, discount, random load and
    unequal probabilities come and go with the seed.
    """
    rng = np.random.default_rng(seed)
    n_hydros, n_lags = 2 + seed % 2, seed % 3
    n_openings = [int(n) for n in rng.integers(2, 4, 3)]
    hours = _block_hours(rng, n_blocks=1 + seed % 3)
    hydros = _hydros(rng, n_hydros, with_planes=seed % 4 == 1)
    load_std = float(rng.uniform(5, 20)) if seed % 2 else 0.0
    noise_dimension = n_hydros + (load_std > 0.0)
    system = System(
        stages=tuple(
            Stage(
                id,
                MONTHS[2 + t],
                MONTHS[3 + t],
                tuple(Block(h) for h in hours),
                n_openings=n_openings[t],
                risk=MixedCVaR() if risk is None else risk[t],
            )
            for t, id in enumerate(STAGE_IDS)
        ),
        pre_study_stages=tuple(PreStudyStage(-n, MONTHS[2 - n], MONTHS[3 - n]) for n in (1, 2)),
        buses=(Bus(1), Bus(2, excess_cost_per_mwh=0.5)),
        lines=(Line(5, 1, 2, *rng.uniform(20, 60, 2), losses_percent=float(rng.uniform(0, 8))),),
        hydros=hydros,
        thermals=(
            Thermal.flat(
                1, 1, 60.0, float(rng.uniform(20, 60)), min_generation_mw=float(rng.uniform(0, 10))
            ),
            Thermal(
                2,
                2,
                55.0,
                (CostSegment(25.0, 40.0), CostSegment(30.0, float(rng.uniform(60, 120)))),
            ),
            Thermal.flat(7, 2, 40.0, float(rng.uniform(100, 250))),
        ),
        penalties=_penalties(rng),
        policy_graph=PolicyGraph(annual_discount_rate=0.15 if seed % 2 else 0.0),
        initial=InitialConditions(
            storage_hm3={h.id: float(rng.uniform(0.0, 0.8) * h.max_storage_hm3) for h in hydros},
            past_inflows_m3s={h.id: tuple(rng.uniform(15, 45, 2)) for h in hydros},
        ),
        inflow_statistics=_inflow_statistics(rng, hydros, n_lags),
        load_statistics=tuple(
            LoadStatistics(bus, t, float(rng.uniform(60, 120)), load_std if bus == 2 else 0.0)
            for bus in (1, 2)
            for t in STAGE_IDS
        ),
        load_factors=StageOverrides.from_rows(
            [
                {"bus_id": 1, "stage_id": t, "block_id": k, "factor": float(rng.uniform(0.7, 1.3))}
                for t in STAGE_IDS
                for k in range(len(hours))
            ],
            entity="bus_id",
        ),
        exchange_factors=StageOverrides.from_rows(
            [{"line_id": 5, "stage_id": 4, "block_id": 0, "direct_factor": 0.5}], entity="line_id"
        ),
        given_openings=_given_openings(rng, n_openings, noise_dimension) if seed % 4 == 2 else None,
        fpha_planes=_planes(hydros),
        thermal_bound_overrides=StageOverrides.from_rows(
            [{"thermal_id": 7, "stage_id": 6, "cost_per_mwh": 300.0, "max_generation_mw": 30.0}],
            entity="thermal_id",
        ),
        hydro_bound_overrides=_withdrawals(seed, hydros),
        **(_user_constraints(len(hours)) if seed % 3 != 1 else {}),
    )
    training = TrainingConfig(
        forward_passes=forward_passes,
        stopping_rules=(IterationLimit(iterations),),
        tree_seed=1000 + seed,
    )
    method = InflowNonNegativity.PENALTY if n_lags else InflowNonNegativity.NONE
    return Study(
        system, StudyConfig(training, inflow_non_negativity=method), name=f"random system {seed}"
    )


def _block_hours(rng: np.random.Generator, n_blocks: int) -> list[float]:
    shares = rng.uniform(0.5, 1.5, n_blocks)
    return [float(h) for h in 720.0 * shares / shares.sum()]


def _hydros(rng: np.random.Generator, n_hydros: int, *, with_planes: bool) -> tuple[Hydro, ...]:
    """A chain, most upstream first; ids leave gaps and the bus alternates."""
    hydros = []
    for n in range(n_hydros):
        max_storage, max_turbined = float(rng.uniform(60, 250)), float(rng.uniform(40, 90))
        last = n == n_hydros - 1
        hydros.append(
            Hydro(
                id=10 + 3 * n,
                bus_id=1 + n % 2,
                max_storage_hm3=max_storage,
                max_turbined_m3s=max_turbined,
                max_generation_mw=0.8 * max_turbined,
                productivity_mw_per_m3s=float(rng.uniform(0.5, 1.0)),
                production=ProductionKind.FPHA if last and with_planes else ProductionKind.CONSTANT,
                downstream_id=None if last else 10 + 3 * (n + 1),
                min_storage_hm3=float(rng.uniform(0.2, 0.7) * max_storage)
                if rng.random() < 0.6
                else 0.0,
                min_outflow_m3s=float(rng.uniform(20, 55)) if rng.random() < 0.5 else 0.0,
                max_outflow_m3s=float(rng.uniform(60, 100)) if rng.random() < 0.5 else None,
                min_turbined_m3s=float(rng.uniform(15, 40)) if rng.random() < 0.5 else 0.0,
                min_generation_mw=float(rng.uniform(12, 30)) if rng.random() < 0.5 else 0.0,
            )
        )
    return tuple(hydros)


def _planes(hydros: tuple[Hydro, ...]) -> tuple[FphaPlane, ...]:
    """Three planes with head effect, loss by spillage and one correction factor below 1."""
    return tuple(
        FphaPlane(h.id, m, g0, gv, gq, gs, kappa)
        for h in hydros
        if h.production is ProductionKind.FPHA
        for m, (g0, gv, gq, gs, kappa) in enumerate(
            [
                (0.0, 0.0, 0.95, 0.0, 1.0),
                (-3.0, 0.06, 0.8, -0.01, 1.0),
                (6.0, 0.05, 0.5, -0.02, 0.9),
            ]
        )
    )


def _penalties(rng: np.random.Generator) -> Penalties:
    return Penalties(
        deficit_segments=(DeficitSegment(30.0, 500.0), DeficitSegment(None, 2000.0)),
        excess_cost_per_mwh=0.1,
        exchange_cost_per_mwh=float(rng.uniform(0.0, 2.0)),
        hydro=HydroPenalties(
            spillage_cost=0.05,
            fpha_turbined_cost=0.1,
            storage_violation_below_cost=float(10.0 ** rng.uniform(3.0, 4.7)),
            turbined_violation_below_cost=float(rng.uniform(10, 150)),
            outflow_violation_below_cost=float(rng.uniform(20, 200)),
            outflow_violation_above_cost=80.0,
            generation_violation_below_cost=float(rng.uniform(10, 200)),
            water_withdrawal_violation_cost=float(rng.uniform(10, 400)),
            water_withdrawal_violation_pos_cost=0.5,
            inflow_nonnegativity_cost=float(10.0 ** rng.uniform(1.5, 3.6)),
        ),
    )


def _inflow_statistics(
    rng: np.random.Generator, hydros: tuple[Hydro, ...], n_lags: int
) -> tuple[InflowStatistics, ...]:
    rows = []
    for hydro in hydros:
        for t in (-2, -1, *STAGE_IDS):
            dry = (
                n_lags > 0 and hydro is hydros[0]
            )  # now and then below zero, which needs the method with slack
            phi = () if t < 0 else tuple(float(value) for value in rng.uniform(0.1, 0.45, n_lags))
            rows.append(
                InflowStatistics(
                    hydro.id,
                    t,
                    mean_m3s=float(rng.uniform(5, 15) if dry else rng.uniform(25, 60)),
                    std_m3s=float(rng.uniform(5, 14)),
                    coefficients=phi,
                    residual_std_ratio=0.9 if phi else None,
                )
            )
    return tuple(rows)


def _given_openings(
    rng: np.random.Generator, n_openings: list[int], dimension: int
) -> GivenOpenings:
    """Unequal probabilities, and extremes that random draws of this size do not reach."""
    probability = {
        t: rng.dirichlet(np.full(n, 3.0)) for t, n in zip(STAGE_IDS, n_openings, strict=True)
    }
    noise = {
        t: rng.uniform(-1.8, 2.2, (n, dimension))
        for t, n in zip(STAGE_IDS, n_openings, strict=True)
    }
    return GivenOpenings(noise, probability)


def _withdrawals(seed: int, hydros: tuple[Hydro, ...]) -> StageOverrides:
    """Water taken at one stage and added at another, for some seeds.

    A stage with a tighter storage limit.
    """
    rows = [
        {
            "hydro_id": hydros[0].id,
            "stage_id": 4,
            "max_storage_hm3": 0.9 * hydros[0].max_storage_hm3,
        }
    ]
    if seed % 5 in (1, 2):
        rows.append({"hydro_id": hydros[0].id, "stage_id": 3, "water_withdrawal_m3s": 8.0})
        rows.append(
            {
                "hydro_id": hydros[1].id,
                "stage_id": 6,
                "water_withdrawal_m3s": -5.0 if seed % 5 == 2 else 3.0,
            }
        )
    return StageOverrides.from_rows(rows, entity="hydro_id")


def _user_constraints(n_blocks: int) -> dict[str, Any]:
    """One constraint per block with a bound of its own for one block, one on storage, one
    equality.
    """
    bounds = [GenericConstraintBound(1, t, 90.0) for t in (3, 6)]
    if n_blocks > 1:
        bounds.append(GenericConstraintBound(1, 6, 75.0, block_id=1))
    return {
        "generic_constraints": (
            GenericConstraint(
                1,
                parse_expression(
                    "hydro_generation(10) + thermal_generation(1) - 0.5 * bus_deficit(1) + 2"
                ),
                Sense.LESS_EQUAL,
                slack_cost=90.0,
            ),
            GenericConstraint(
                2,
                parse_expression("hydro_storage(10) + 0.5 hydro_storage(13)"),
                Sense.GREATER_EQUAL,
                slack_cost=15.0,
            ),
            GenericConstraint(
                4,
                parse_expression("line_exchange(5, 0) - 0.1 hydro_outflow(13, 0)"),
                Sense.EQUAL,
                slack_cost=1.5,
            ),
        ),
        "generic_constraint_bounds": (
            *bounds,
            GenericConstraintBound(2, 4, 80.0),
            GenericConstraintBound(2, 6, 60.0),
            GenericConstraintBound(4, 4, 10.0),
        ),
    }
