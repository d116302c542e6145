"""How long a large case takes to load and validate, and how much memory: every override table full.

200 hydros, 150 thermals, 30 lines, 10 buses, 120 monthly stages of 3 blocks. Run:
``python benchmarks/case_load.py``.
"""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from headwater.case import write_starter
from headwater.model.penalties import HYDRO_COST_NAMES

N_HYDROS, N_THERMALS, N_LINES, N_BUSES, N_SOURCES, N_STATIONS, N_CONTRACTS, N_STAGES, N_BLOCKS = (
    200,
    150,
    30,
    10,
    20,
    5,
    10,
    120,
    3,
)
LIMIT_SECONDS, LIMIT_BYTES = 10.0, 2**30

_LOAD = """
import resource, sys, time
start = time.perf_counter()
from headwater.case import load_case
imported = time.perf_counter()
case = load_case(sys.argv[1])
system = case.system
assert system.bounds.hydro.max_storage_hm3.shape == (200, 120)
assert system.resolved_penalties is not None
loaded = time.perf_counter()
import headwater
assert headwater.validate_case(sys.argv[1]).ok
validated = time.perf_counter()
unit = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(imported - start, loaded - imported, validated - loaded, peak, len(case.report.warnings))
"""


def product(entity: str, n_entities: int, *, blocks: bool = False) -> pl.DataFrame:
    grid = {entity: n_entities, "stage_id": N_STAGES, **({"block_id": N_BLOCKS} if blocks else {})}
    axes = np.meshgrid(*(np.arange(n, dtype=np.int32) for n in grid.values()), indexing="ij")
    return pl.DataFrame({name: axis.ravel() for name, axis in zip(grid, axes, strict=True)})


def fill(frame: pl.DataFrame, **values: float) -> pl.DataFrame:
    return frame.with_columns([pl.lit(float(value)).alias(name) for name, value in values.items()])


def write_case(root: Path) -> None:
    write_starter(root, "subsystems")
    for stale in (*root.glob("scenarios/*"), *root.glob("constraints/*")):
        stale.unlink()

    def read(name: str) -> dict:
        return json.loads((root / name).read_text())

    def write(name: str, content: dict) -> None:
        (root / name).write_text(json.dumps(content))

    hydro = read("system/hydros.json")["hydros"][0]
    hydro["outflow"]["max_outflow_m3s"] = 9000.0
    thermal = read("system/thermals.json")["thermals"][0]
    line = read("system/lines.json")["lines"][0]
    stages = read("stages.json")
    starts = [date(2024 + i // 12, i % 12 + 1, 1) for i in range(N_STAGES + 1)]
    template = stages["stages"][0]
    stages["stages"] = []
    for i, (start, end) in enumerate(itertools.pairwise(starts)):
        hours = (end - start).days * 8.0
        blocks = [{"id": k, "name": f"B{k}", "hours": hours} for k in range(N_BLOCKS)]
        dates = {"start_date": start.isoformat(), "end_date": end.isoformat()}
        stages["stages"].append(
            {**template, "id": i, "season_id": i % 12, **dates, "blocks": blocks}
        )
    write("stages.json", stages)
    # rivers of ten plants each
    hydros = [
        {
            **hydro,
            "id": i,
            "name": f"H{i}",
            "bus_id": i % N_BUSES,
            "downstream_id": None if i % 10 == 9 else i + 1,
        }
        for i in range(N_HYDROS)
    ]
    write("system/hydros.json", {"hydros": hydros})
    thermals = [
        {**thermal, "id": i, "name": f"T{i}", "bus_id": i % N_BUSES} for i in range(N_THERMALS)
    ]
    write("system/thermals.json", {"thermals": thermals})
    write("system/buses.json", {"buses": [{"id": i, "name": f"B{i}"} for i in range(N_BUSES)]})
    ends = [
        {"source_bus_id": i % N_BUSES, "target_bus_id": (i + 1 + i // N_BUSES) % N_BUSES}
        for i in range(N_LINES)
    ]
    write(
        "system/lines.json",
        {"lines": [{**line, "id": i, "name": f"L{i}", **end} for i, end in enumerate(ends)]},
    )
    sources = [
        {"id": i, "name": f"W{i}", "bus_id": i % N_BUSES, "max_generation_mw": 80.0}
        for i in range(N_SOURCES)
    ]
    write("system/non_controllable_sources.json", {"non_controllable_sources": sources})
    stations = [
        {
            "id": i, "name": f"P{i}", "bus_id": i, "source_hydro_id": 20 * i + 11,
            "destination_hydro_id": 20 * i, "consumption_mw_per_m3s": 0.9,
            "flow": {"min_m3s": 0.0, "max_m3s": 30.0},
        }
        for i in range(N_STATIONS)
    ]  # fmt: skip
    write("system/pumping_stations.json", {"pumping_stations": stations})
    limits = {"min_mw": 0.0, "max_mw": 50.0}
    contracts = [
        {
            "id": i,
            "name": f"C{i}",
            "bus_id": i % N_BUSES,
            "type": "import",
            "price_per_mwh": 300.0,
            "limits": limits,
        }
        for i in range(N_CONTRACTS)
    ]
    write("system/energy_contracts.json", {"contracts": contracts})
    storage = [{"hydro_id": i, "value_hm3": 800.0} for i in range(N_HYDROS)]
    past = [{"hydro_id": i, "values_m3s": [200.0]} for i in range(N_HYDROS)]
    write(
        "initial_conditions.json", {"storage": storage, "filling_storage": [], "past_inflows": past}
    )
    for stage in stages["stages"]:
        stage["state_variables"] = {"inflow_lags": True}
    write("stages.json", stages)

    def table(name: str, frame: pl.DataFrame) -> None:
        frame.write_parquet(root / f"{name}.parquet")

    table(
        "scenarios/inflow_seasonal_stats",
        fill(product("hydro_id", N_HYDROS), mean_m3s=200, std_m3s=50),
    )
    ar = fill(product("hydro_id", N_HYDROS), coefficient=0.5, residual_std_ratio=0.75**0.5)
    table(
        "scenarios/inflow_ar_coefficients",
        ar.with_columns(pl.lit(1, dtype=pl.Int32()).alias("lag")),
    )
    table(
        "scenarios/load_seasonal_stats", fill(product("bus_id", N_BUSES), mean_mw=4000, std_mw=100)
    )
    table("scenarios/non_controllable_stats", fill(product("ncs_id", N_SOURCES), mean=0.4, std=0.1))
    hydro_bounds = {
        "min_turbined_m3s": 1, "max_turbined_m3s": 290, "min_storage_hm3": 230,
        "max_storage_hm3": 1450, "min_outflow_m3s": 5, "max_outflow_m3s": 8000,
        "min_generation_mw": 1, "max_generation_mw": 250, "water_withdrawal_m3s": 0.5,
        "max_diversion_m3s": 0, "filling_inflow_m3s": 0,
    }  # fmt: skip
    table("constraints/hydro_bounds", fill(product("hydro_id", N_HYDROS), **hydro_bounds))
    thermal_bounds = {"min_generation_mw": 1, "max_generation_mw": 150, "cost_per_mwh": 95}
    table(
        "constraints/thermal_bounds",
        fill(product("thermal_id", N_THERMALS, blocks=True), **thermal_bounds),
    )
    table(
        "constraints/line_bounds", fill(product("line_id", N_LINES), direct_mw=110, reverse_mw=90)
    )
    table(
        "constraints/pumping_bounds", fill(product("station_id", N_STATIONS), min_m3s=1, max_m3s=25)
    )
    table(
        "constraints/contract_bounds",
        fill(product("contract_id", N_CONTRACTS), min_mw=1, max_mw=45, price_per_mwh=310),
    )
    table("constraints/ncs_bounds", fill(product("ncs_id", N_SOURCES), available_generation_mw=75))
    table("constraints/penalty_overrides_bus", fill(product("bus_id", N_BUSES), excess_cost=0.2))
    table(
        "constraints/penalty_overrides_line", fill(product("line_id", N_LINES), exchange_cost=0.02)
    )
    costs = {name: 600.0 + 10 * i for i, name in enumerate(HYDRO_COST_NAMES)}
    table("constraints/penalty_overrides_hydro", fill(product("hydro_id", N_HYDROS), **costs))
    table(
        "constraints/penalty_overrides_ncs",
        fill(product("source_id", N_SOURCES), curtailment_cost=0.006),
    )

    def factors(key: str, entity: str, n: int, **block: float) -> dict:
        each = [{"block_id": k, **block} for k in range(N_BLOCKS)]
        return {
            key: [
                {entity: e, "stage_id": t, "block_factors": each}
                for e in range(n)
                for t in range(N_STAGES)
            ]
        }

    write("scenarios/load_factors.json", factors("load_factors", "bus_id", N_BUSES, factor=1.0))
    write(
        "scenarios/non_controllable_factors.json",
        factors("non_controllable_factors", "ncs_id", N_SOURCES, factor=0.9),
    )
    both = {"direct_factor": 0.9, "reverse_factor": 0.8}
    write(
        "constraints/exchange_factors.json", factors("exchange_factors", "line_id", N_LINES, **both)
    )


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "large"
        write_case(root)
        command = [sys.executable, "-c", _LOAD, str(root)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        print(ended.stderr)
        return 1
    imported, loaded, validated, peak, warnings = ended.stdout.split()
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = float(imported) + max(float(loaded), float(validated))
    print(
        f"import {float(imported):.2f} s, load and validate {float(loaded):.2f} s (limit "
        f"{LIMIT_SECONDS:g} s in all)"
    )
    print(
        "validate as the command does, models and stage programs included: "
        f"{float(validated):.2f} s (the same limit)"
    )
    print(
        f"processor {cpu.ru_utime + cpu.ru_stime:.2f} s, peak memory "
        f"{int(peak) / 2**20:.0f} MiB (limit 1024)"
    )
    print(f"{warnings} warnings")
    return 0 if total < LIMIT_SECONDS and int(peak) < LIMIT_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
