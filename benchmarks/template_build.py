"""How long it takes to build stage programs of a large system.

160 hydros (50 with 10 planes), 130 thermals, 3 blocks.

Run with ``python benchmarks/template_build.py [stages]``; prints the seconds of one stage, of the
whole study, and of the form that is solved.
"""

from __future__ import annotations

import sys
import time
from datetime import date

import numpy as np

import headwater.model as m
from headwater.lp import build_stage_template, make_form
from headwater.model import System

N_HYDROS, N_PLANE_HYDROS, N_PLANES, N_THERMALS, N_LAGS = 160, 50, 10, 130, 6


def large_system(n_stages: int) -> System:
    rng = np.random.default_rng(1)
    first = [date(2024 + k // 12, 1 + k % 12, 1) for k in range(n_stages + 1)]
    stages = tuple(
        m.Stage(t, first[t], first[t + 1], tuple(m.Block(h) for h in (100.0, 400.0, 230.0)))
        for t in range(n_stages)
    )
    hydros = tuple(
        m.Hydro(
            h,
            h % 4,
            float(rng.uniform(100, 5000)),
            float(rng.uniform(100, 800)),
            float(rng.uniform(80, 600)),
            productivity_mw_per_m3s=0.8,
            production=m.ProductionKind.FPHA if h < N_PLANE_HYDROS else m.ProductionKind.CONSTANT,
            downstream_id=h + 1 if (h + 1) % 8 else None,
            min_storage_hm3=20.0,
            min_outflow_m3s=5.0,
            max_outflow_m3s=5000.0,
            min_turbined_m3s=2.0,
            min_generation_mw=1.0,
            evaporation=m.Evaporation((80.0,) * 12),
            diversion=m.Diversion((h + 20) % N_HYDROS, 5.0) if h % 20 == 0 else None,
        )
        for h in range(N_HYDROS)
    )
    return System(
        stages=stages,
        buses=tuple(m.Bus(b) for b in range(4)),
        lines=tuple(m.Line(i, i, (i + 1) % 4, 500.0, 500.0) for i in range(4)),
        hydros=hydros,
        thermals=tuple(
            m.Thermal(
                j, j % 4, 200.0, (m.CostSegment(100.0, 50.0 + j), m.CostSegment(100.0, 80.0 + j))
            )
            for j in range(N_THERMALS)
        ),
        non_controllables=tuple(m.NonControllableSource(r, r % 4, 300.0) for r in range(8)),
        contracts=(m.EnergyContract(0, 0, m.ContractKind.IMPORT, 200.0, 50.0),),
        fpha_planes=tuple(
            m.FphaPlane(h, i, 0.1 * i, 0.01, 0.8 - 0.01 * i, -0.01)
            for h in range(N_PLANE_HYDROS)
            for i in range(N_PLANES)
        ),
        hydro_geometry=tuple(
            m.GeometryPoint(h, v, 300.0 + v / 100, 5.0 + v / 50)
            for h in range(N_HYDROS)
            for v in (0.0, 500.0, 2000.0, 5000.0)
        ),
    )


def main() -> None:
    n_stages = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    system = large_system(n_stages)
    psi = np.full((N_HYDROS, N_LAGS), 0.1)
    start = time.perf_counter()
    # Limits, costs and cascade of all stages are resolved on first use.
    _ = (
        system.bounds,
        system.resolved_penalties,
        system.cascade,
        system.production,
        system.network,
        system.geometry,
    )
    print(f"resolving the system: {time.perf_counter() - start:.2f} s")
    start = time.perf_counter()
    template = build_stage_template(system, 0, psi)
    one = time.perf_counter() - start
    print(
        f"one stage: {one:.3f} s  ({template.n_static} rows, {template.n_columns} columns, "
        f"{template.matrix.nnz} non-zeros)"
    )
    start = time.perf_counter()
    for t in range(n_stages):
        build_stage_template(system, t, psi)
    print(f"{n_stages} templates: {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    make_form(template, m.Formulation.CONDENSED, 1000.0)
    print(f"condensed form of one stage: {time.perf_counter() - start:.3f} s")


if __name__ == "__main__":
    main()
