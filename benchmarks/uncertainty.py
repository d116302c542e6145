"""How long it takes to fit inflow models and to draw an opening tree.

Run ``python benchmarks/uncertainty.py``.

Limits on two cores: 160 hydros with 90 years of months in 10 s; 120 stages of 100 openings of 300
random quantities in 5 s.
"""

from __future__ import annotations

import sys
import time
from datetime import date

import numpy as np

from headwater.model import (
    Block,
    Bus,
    CycleType,
    EstimationConfig,
    Hydro,
    InflowObservation,
    InflowStatistics,
    OrderSelection,
    SamplingMethod,
    Season,
    SeasonMap,
    Stage,
    System,
)
from headwater.stochastic import build_opening_tree
from headwater.stochastic.estimation import complete_system

MONTHS = SeasonMap(CycleType.MONTHLY, tuple(Season(m, month_start=m + 1) for m in range(12)))
FIT_LIMIT_SECONDS, TREE_LIMIT_SECONDS = 10.0, 5.0


def stages(
    n: int, n_openings: int, method: SamplingMethod = SamplingMethod.SAA
) -> tuple[Stage, ...]:
    first = [date(2026 + t // 12, t % 12 + 1, 1) for t in range(n + 1)]
    return tuple(
        Stage(t, first[t], first[t + 1], (Block(730.0),), t % 12, n_openings, method)
        for t in range(n)
    )


def hydros(n: int) -> tuple[Hydro, ...]:
    return tuple(Hydro(h, 0, 100.0, 50.0, 50.0, productivity_mw_per_m3s=1.0) for h in range(n))


def fit(method: OrderSelection, n_hydros: int = 160, n_years: int = 90) -> float:
    rng = np.random.default_rng(1)
    z = np.zeros((n_hydros, 12 * n_years))
    z[:, 0] = rng.normal(size=n_hydros)
    for t in range(1, z.shape[1]):
        z[:, t] = 0.7 * z[:, t - 1] + 0.5 * rng.normal() + 0.5 * rng.normal(size=n_hydros)
    values = 100.0 + 20.0 * z
    history = tuple(
        InflowObservation(h, date(1930 + t // 12, t % 12 + 1, 1), float(values[h, t]))
        for h in range(n_hydros)
        for t in range(z.shape[1])
    )
    system = System(
        stages(60, 1), (Bus(0),), hydros=hydros(n_hydros), season_map=MONTHS, inflow_history=history
    )
    started = time.perf_counter()
    complete_system(system, EstimationConfig(order_selection=method))
    return time.perf_counter() - started


def tree(
    method: SamplingMethod, n_stages: int = 120, n_openings: int = 100, n_hydros: int = 300
) -> float:
    statistics = tuple(
        InflowStatistics(h, t, 100.0, 20.0) for h in range(n_hydros) for t in range(n_stages)
    )
    system = System(
        stages(n_stages, n_openings, method),
        (Bus(0),),
        hydros=hydros(n_hydros),
        inflow_statistics=statistics,
    )
    started = time.perf_counter()
    build_opening_tree(system, 42, experimental=True)
    return time.perf_counter() - started


def main() -> int:
    slow = 0
    for order in (OrderSelection.PACF, OrderSelection.PACF_ANNUAL):
        seconds = fit(order)
        slow += seconds > FIT_LIMIT_SECONDS
        print(
            f"fit, 160 hydros x 90 years, {order.value:12s} {seconds:6.2f} s   (limit "
            f"{FIT_LIMIT_SECONDS:g} s)"
        )
    for method in (
        SamplingMethod.SAA,
        SamplingMethod.LHS,
        SamplingMethod.QMC_SOBOL,
        SamplingMethod.QMC_HALTON,
    ):
        seconds = tree(method)
        slow += (
            seconds > TREE_LIMIT_SECONDS and method is not SamplingMethod.QMC_HALTON
        )  # scipy permutes the digits of 300 bases
        print(
            f"tree, 120 x 100 x 300, {method.value:17s} {seconds:6.2f} s   (limit "
            f"{TREE_LIMIT_SECONDS:g} s)"
        )
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
