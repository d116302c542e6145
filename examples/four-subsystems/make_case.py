"""Writes the example case, so that every number in it has an explanation.

    python examples/four-subsystems/make_case.py [DIRECTORY]

The numbers are in `numbers_of_the_system.py`; here they become statistics, planes, tables and
files. Before anything is written, an energy balance of the average year and of a dry year checks
that the numbers belong together.
"""

from __future__ import annotations

import json
import sys
from calendar import monthrange
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numbers_of_the_system import (
    BLOCKS,
    BUS_NAMES,
    DEFICIT,
    END_RESERVE_COST,
    END_RESERVE_GWH,
    FIRST_MONTH,
    FLOOD_SPACE,
    GORGE,
    HYDROS,
    IMPORT_LIMIT_COST,
    IMPORT_LIMIT_MW,
    LAKESIDE,
    LINES,
    LOAD_GROWTH,
    LOADS,
    MESA,
    N_OPENINGS,
    N_STAGES,
    OASIS,
    OWN_PENALTIES,
    PAST_INFLOW_SHARE,
    PEAK_FACTORS,
    PENALTIES,
    REFUELLING,
    RIDGE,
    RIVER_CORRELATION,
    RIVERS,
    SHAPES,
    SPARE_UNIT,
    THERMALS,
    WITHDRAWALS,
)
from scipy.spatial import ConvexHull

HERE = Path(__file__).resolve().parent


def scaled(shape: tuple[float, ...]) -> np.ndarray:
    """A shape over the year with an average of one."""
    values = np.array(shape)
    return values / values.mean()


def stage_dates() -> list[date]:
    """First days of the stages, and the day after the last."""
    first = FIRST_MONTH.year * 12 + FIRST_MONTH.month - 1
    return [date(*divmod_month(first + k)) for k in range(N_STAGES + 1)]


def divmod_month(month_number: int) -> tuple[int, int, int]:
    """Year, month and first day of the month that is ``month_number`` months after year zero."""
    return month_number // 12, month_number % 12 + 1, 1


def month_of(stage_id: int) -> int:
    """Calendar month, 1 to 12; stages before the study have negative ids."""
    return (FIRST_MONTH.month - 1 + stage_id) % 12 + 1


def is_wet(hydro_id: int, month: int) -> bool:
    """Whether a month belongs to the wet half of the river's year."""
    shape = scaled(SHAPES[HYDROS[hydro_id][1]])
    return bool(shape[month - 1] > 1.0)


def inflow_mean(hydro_id: int, month: int) -> float:
    """Mean inflow of a month in m3/s."""
    return RIVERS[hydro_id][0] * float(scaled(SHAPES[HYDROS[hydro_id][1]])[month - 1])


def inflow_std(hydro_id: int, month: int) -> float:
    """Standard deviation of the inflow of a month in m3/s."""
    dry, wet = RIVERS[hydro_id][1]
    return inflow_mean(hydro_id, month) * (wet if is_wet(hydro_id, month) else dry)


def coefficients(hydro_id: int) -> np.ndarray:
    """Autoregressive coefficients ``[month - 1, lag - 1]``."""
    dry, wet = RIVERS[hydro_id][2:]
    return np.array([wet if is_wet(hydro_id, month) else dry for month in range(1, 13)])


def residual_ratios(phi: np.ndarray) -> np.ndarray:
    """Deviation of the noise that keeps the standardised inflow at variance one, ``[month - 1]``.

    ``rho`` is the correlation of a month with the one before. It obeys
    ``rho[m] = phi[m, 1] + phi[m, 2] * rho[m - 1]``, a contraction, so that going round the year a
    few times gives it to the last digit.
    """
    rho = np.zeros(12)
    for _ in range(60):
        for m in range(12):
            rho[m] = phi[m, 0] + phi[m, 1] * rho[m - 1]
    before = np.roll(rho, 1)
    rho_two = phi[:, 0] * before + phi[:, 1]
    return np.sqrt(1.0 - phi[:, 0] * rho - phi[:, 1] * rho_two)


def load_mean(bus_id: int, stage_id: int) -> float:
    """Average load of a month in MW."""
    average, shape, _ = LOADS[bus_id]
    growth = LOAD_GROWTH if stage_id >= 12 else 1.0
    return average * float(scaled(shape)[month_of(stage_id) - 1]) * growth


def block_factors(bus_id: int) -> tuple[float, float, float]:
    """Load of each block against the average of the month."""
    peak, shoulder = PEAK_FACTORS[bus_id]
    (_, peak_hours), (_, shoulder_hours), (_, light_hours) = BLOCKS
    return peak, shoulder, (24.0 - peak * peak_hours - shoulder * shoulder_hours) / light_hours


def lakeside_power(
    volume_hm3: np.ndarray, turbined_m3s: np.ndarray, spilled_m3s: float = 0.0
) -> np.ndarray:
    """Power of Lakeside in MW.

    0.00981 * efficiency * (forebay - tailrace - losses) * flow, with levels of our own.
    """
    minimum, maximum = HYDROS[LAKESIDE][3:5]
    fill = (np.clip(volume_hm3, minimum, maximum) - minimum) / (maximum - minimum)
    forebay_m = 372.0 + 28.0 * fill**0.85
    tailrace_m = 326.0 + 0.0045 * (turbined_m3s + spilled_m3s)
    return 0.00981 * 0.91 * 0.98 * (forebay_m - tailrace_m) * turbined_m3s


def lakeside_planes() -> list[dict[str, float]]:
    """Planes over the power of Lakeside.

    The upper side of the convex hull of a grid of points (volume, flow, power).
    """
    minimum, maximum = HYDROS[LAKESIDE][3:5]
    largest = HYDROS[LAKESIDE][7]
    volumes, flows = np.meshgrid(
        np.linspace(minimum, maximum, 3), np.linspace(0.0, largest, 4), indexing="ij"
    )
    powers = lakeside_power(volumes, flows)
    # Equal sizes in all directions keep the hull well shaped; the planes are scaled back.
    size = np.array([maximum, largest, powers.max()])
    hull = ConvexHull(np.column_stack([volumes.ravel(), flows.ravel(), powers.ravel()]) / size)
    half_flow, mean_volume = np.array(largest / 2), np.array((minimum + maximum) / 2)
    spill_slope = float(
        lakeside_power(mean_volume, half_flow, 1.0) - lakeside_power(mean_volume, half_flow)
    )
    planes = set()
    for a_v, a_q, a_g, offset in hull.equations:
        if a_g < 1e-9:
            continue
        gamma_v, gamma_q = -a_v / a_g * size[2] / size[0], -a_q / a_g * size[2] / size[1]
        if gamma_v >= -1e-12 and gamma_q > 1e-9:
            planes.add(
                (round(-offset / a_g * size[2], 6), round(abs(gamma_v), 8), round(gamma_q, 8))
            )
    return [
        {
            "gamma_0": g0,
            "gamma_v": gv,
            "gamma_q": gq,
            "gamma_s": round(spill_slope, 8),
            "kappa": 1.0,
        }
        for g0, gv, gq in sorted(planes)
    ]


def productivity(hydro_id: int) -> float:
    """MW per m3/s; for Lakeside at mean level and two thirds of its flow."""
    given = HYDROS[hydro_id][6]
    if given is not None:
        return given
    flow = np.array(HYDROS[hydro_id][7] * 2 / 3)
    return float(lakeside_power(np.array(sum(HYDROS[hydro_id][3:5]) / 2), flow) / flow)


def largest_output(hydro_id: int) -> float:
    """MW of a plant at full flow (and full lake)."""
    flow = HYDROS[hydro_id][7]
    if HYDROS[hydro_id][6] is None:
        return round(float(lakeside_power(np.array(HYDROS[hydro_id][4]), np.array(flow))), 1)
    return round(productivity(hydro_id) * flow, 1)


def energy_of_water(hydro_id: int) -> float:
    """GWh that one hm3 makes on its way down: one hm3 is 1e6 / 3600 hours of one m3/s."""
    total, plant = 0.0, hydro_id
    while plant is not None:
        total += productivity(plant) * 1e6 / 3600 / 1000
        plant = HYDROS[plant][2]
    return total


def energy_balance() -> str:
    """Average power in MW by month, first year; refuses numbers that do not belong together.

    Raises:
        SystemExit: the average year is short of energy, a dry year is not short of cheap energy, or
            the peak cannot be met.
    """
    lines = ["month  load MW  river MW  wanted of thermal plants, MW: average year, dry year"]
    years = {"load": 0.0, "river": 0.0, "dry": 0.0}
    for stage_id in range(12):
        month = month_of(stage_id)
        load = sum(load_mean(bus, stage_id) for bus in LOADS)
        river = sum(inflow_mean(h, month) * energy_of_water(h) * 3.6 for h in RIVERS)
        river -= sum(
            monthly[month - 1] * energy_of_water(h) * 3.6 for h, monthly in WITHDRAWALS.items()
        )
        # Three quarters of a deviation below the mean on every river in every month: a bad year,
        # not the worst.
        dry = river - 0.75 * sum(inflow_std(h, month) * energy_of_water(h) * 3.6 for h in RIVERS)
        lines.append(f"{month:5d} {load:8.0f} {river:9.0f} {load - river:39.0f} {load - dry:9.0f}")
        years = {
            "load": years["load"] + load / 12,
            "river": years["river"] + river / 12,
            "dry": years["dry"] + dry / 12,
        }
    thermal = sum(plant[3] for plant in THERMALS)
    hydro = sum(largest_output(h) for h in RIVERS)
    stored = sum(HYDROS[h][4] * energy_of_water(h) for h in RIVERS)
    average, dry_need = years["load"] - years["river"], years["load"] - years["dry"]
    lines.append(
        f" year {years['load']:8.0f} {years['river']:9.0f} {average:39.0f} {dry_need:9.0f}"
    )
    lines.append(
        f"thermal plants {thermal:.0f} MW, hydro plants {hydro:.0f} MW, full reservoirs "
        f"{stored:.0f} GWh"
    )
    peak = max(
        sum(load_mean(bus, k) * block_factors(bus)[0] for bus in LOADS) for k in range(N_STAGES)
    )
    if not 0.35 * thermal < average < 0.75 * thermal:
        raise SystemExit(
            f"the average year needs {average:.0f} MW of {thermal:.0f} MW thermal: no story in that"
        )
    if not 0.75 * thermal < dry_need < 1.05 * thermal:
        raise SystemExit(
            f"a dry year needs {dry_need:.0f} MW of {thermal:.0f} MW thermal: "
            "deficit is no small risk, or none"
        )
    if peak > 0.8 * (thermal + hydro):
        raise SystemExit(
            f"a peak of {peak:.0f} MW leaves less than a fifth of "
            f"{thermal + hydro:.0f} MW in reserve"
        )
    return "\n".join(lines)


def make_config() -> dict[str, Any]:
    """How the example is trained and simulated."""
    return {
        "modeling": {"inflow_non_negativity": {"method": "penalty"}},
        "training": {
            "forward_passes": 4,
            "tree_seed": 20260501,
            "stopping_rules": [{"type": "iteration_limit", "limit": 40}],
            "scenario_source": {
                "seed": 7,
                "inflow": {"scheme": "in_sample"},
                "load": {"scheme": "in_sample"},
                "ncs": {"scheme": "in_sample"},
            },
        },
        "simulation": {"enabled": True, "num_scenarios": 200},
    }


def make_stages() -> dict[str, Any]:
    """Two years of months, and the two months before them that the inflow model looks back to."""
    seasons = [
        {"id": m - 1, "label": date(2026, m, 1).strftime("%B"), "month_start": m}
        for m in range(1, 13)
    ]
    stages = []
    for stage_id, (start, end) in enumerate(pairwise(stage_dates())):
        days = monthrange(start.year, start.month)[1]
        blocks = [
            {"id": k, "name": name, "hours": float(hours * days)}
            for k, (name, hours) in enumerate(BLOCKS)
        ]
        stages.append(
            {
                "id": stage_id,
                "start_date": start.isoformat(),
                "end_date": end.isoformat(),
                "season_id": start.month - 1,
                "blocks": blocks,
                "state_variables": {"storage": True, "inflow_lags": True},
                "num_scenarios": N_OPENINGS,
            }
        )
    number = FIRST_MONTH.year * 12 + FIRST_MONTH.month - 1
    before = [
        {
            "id": -k,
            "start_date": date(*divmod_month(number - k)).isoformat(),
            "end_date": date(*divmod_month(number - k + 1)).isoformat(),
            "season_id": month_of(-k) - 1,
        }
        for k in (2, 1)
    ]
    return {
        "policy_graph": {"type": "finite_horizon", "annual_discount_rate": 0.08},
        "season_definitions": {"cycle_type": "monthly", "seasons": seasons},
        "pre_study_stages": before,
        "stages": stages,
    }


def segments(bus_id: int | None) -> list[dict[str, float | None]]:
    """Deficit tranches of a bus, or of all buses without their own."""
    return [{"depth_mw": depth, "cost": cost} for depth, cost in DEFICIT[bus_id]]


def make_penalties() -> dict[str, Any]:
    """Penalties of all entities without their own."""
    return {**PENALTIES, "bus": {"deficit_segments": segments(None), **PENALTIES["bus"]}}


def make_initial_conditions() -> dict[str, Any]:
    """Storage at the start and the inflows of the months before."""
    past = [
        {
            "hydro_id": h,
            "values_m3s": [
                round(share * inflow_mean(h, month_of(-lag)), 1)
                for lag, share in enumerate(PAST_INFLOW_SHARE, 1)
            ],
        }
        for h in RIVERS
    ]
    storage = [{"hydro_id": h, "value_hm3": HYDROS[h][5]} for h in RIVERS]
    return {"storage": storage, "filling_storage": [], "past_inflows": past}


def make_buses() -> dict[str, Any]:
    """Four subsystems and the node where lines meet."""
    own = {
        b: {"deficit_segments": segments(b)} if b in DEFICIT else {} for b in range(len(BUS_NAMES))
    }
    return {"buses": [{"id": b, "name": name, **own[b]} for b, name in enumerate(BUS_NAMES)]}


def make_lines() -> dict[str, Any]:
    """Lines with capacities and losses."""
    return {
        "lines": [
            {
                "id": k,
                "name": name,
                "source_bus_id": source,
                "target_bus_id": target,
                "capacity": {"direct_mw": direct, "reverse_mw": reverse},
                "losses_percent": losses,
            }
            for k, (name, source, target, direct, reverse, losses) in enumerate(LINES)
        ]
    }


def make_hydros() -> dict[str, Any]:
    """Two cascades, a lake and a desert reservoir."""
    hydros = []
    for h, (name, bus, downstream, low, high, _, rho, flow, outflow) in enumerate(HYDROS):
        generation: dict[str, Any] = {"model": "fpha" if rho is None else "constant_productivity"}
        if rho is not None:
            generation["productivity_mw_per_m3s"] = rho
        generation |= {"min_turbined_m3s": 0.0, "max_turbined_m3s": flow}
        generation |= {"min_generation_mw": 0.0, "max_generation_mw": largest_output(h)}
        hydros.append(
            {
                "id": h,
                "name": name,
                "bus_id": bus,
                "downstream_id": downstream,
                "reservoir": {"min_storage_hm3": low, "max_storage_hm3": high},
                "outflow": {"min_outflow_m3s": outflow},
                "generation": generation,
                **({"penalties": OWN_PENALTIES[h]} if h in OWN_PENALTIES else {}),
            }
        )
    return {"hydros": hydros}


def make_production_models() -> dict[str, Any]:
    """Lakeside uses the planes of the table beside this file."""
    rule = {
        "start_stage_id": 0,
        "end_stage_id": None,
        "model": "fpha",
        "fpha_config": {"source": "precomputed"},
    }
    return {
        "production_models": [
            {"hydro_id": LAKESIDE, "selection_mode": "stage_ranges", "stage_ranges": [rule]}
        ]
    }


def make_thermals() -> dict[str, Any]:
    """Thermal plants, with one cost or with tranches."""
    thermals = []
    for j, (name, bus, low, high, tranches) in enumerate(THERMALS):
        cost: dict[str, Any] = {"cost_per_mwh": tranches[0][1]}
        if len(tranches) > 1:
            cost = {
                "cost_segments": [
                    {"capacity_mw": mw, "cost_per_mwh": price} for mw, price in tranches
                ]
            }
        thermals.append(
            {
                "id": j,
                "name": name,
                "bus_id": bus,
                "generation": {"min_mw": low, "max_mw": high},
                **cost,
            }
        )
    return {"thermals": thermals}


def make_correlation() -> dict[str, Any]:
    """Rivers go together; so, a little, do the loads.

    Raises:
        SystemExit: the matrix of the rivers is not positive definite.
    """
    if np.linalg.eigvalsh(np.array(RIVER_CORRELATION)).min() < 1e-3:
        raise SystemExit("the correlation matrix of the rivers is not positive definite")
    loads = np.full((len(LOADS), len(LOADS)), 0.4) + 0.6 * np.eye(len(LOADS))
    groups = [
        {
            "name": "rivers",
            "entities": [{"type": "inflow", "id": h} for h in RIVERS],
            "matrix": RIVER_CORRELATION,
        },
        {
            "name": "loads",
            "entities": [{"type": "load", "id": b} for b in LOADS],
            "matrix": loads.round(6).tolist(),
        },
    ]
    return {"method": "cholesky", "profiles": {"default": {"correlation_groups": groups}}}


def make_load_factors() -> dict[str, Any]:
    """Blocks of the day."""
    entries = []
    for bus in LOADS:
        factors = [{"block_id": k, "factor": round(f, 6)} for k, f in enumerate(block_factors(bus))]
        entries += [
            {"bus_id": bus, "stage_id": t, "block_factors": factors} for t in range(N_STAGES)
        ]
    return {"load_factors": entries}


def make_generic_constraints() -> dict[str, Any]:
    """Energy left in the reservoirs at the end, and what the Coast can import from the north."""
    reserve = " + ".join(
        f"{energy_of_water(h):.4f} * hydro_storage({h})"
        for h in (RIDGE, GORGE, LAKESIDE, MESA, OASIS)
    )
    return {
        "constraints": [
            {
                "id": 0,
                "name": "energy at the end",
                "description": "GWh in the reservoirs after the last stage, so that the study does "
                "not end with empty lakes",
                "expression": reserve,
                "sense": ">=",
                "slack": {"enabled": True, "penalty": END_RESERVE_COST},
            },
            {
                "id": 1,
                "name": "northern imports of the Coast",
                "description": "MW over both lines from the north",
                "expression": "line_exchange(0) + line_exchange(4)",
                "sense": "<=",
                "slack": {"enabled": True, "penalty": IMPORT_LIMIT_COST},
            },
        ]
    }


def make_tables() -> dict[str, pl.DataFrame]:
    """All tables, by file."""
    stats, lags = [], []
    for h in RIVERS:
        phi = coefficients(h)
        ratios = residual_ratios(phi)
        order = 2 if phi[:, 1].any() else 1
        for t in range(-2, N_STAGES):
            month = month_of(t)
            stats.append((h, t, round(inflow_mean(h, month), 3), round(inflow_std(h, month), 3)))
            if t >= 0:
                lags += [
                    (h, t, k + 1, float(phi[month - 1, k]), float(ratios[month - 1]))
                    for k in range(order)
                ]
    loads = [
        (b, t, round(load_mean(b, t), 3), round(load_mean(b, t) * LOADS[b][2], 3))
        if b in LOADS
        else (b, t, 0.0, 0.0)
        for b in range(len(BUS_NAMES))
        for t in range(N_STAGES)
    ]
    hydro_bounds = [
        (
            h,
            t,
            WITHDRAWALS[h][month_of(t) - 1] if h in WITHDRAWALS else None,
            FLOOD_SPACE.get((h, month_of(t))),
            SPARE_UNIT.get((h, month_of(t))),
        )
        for h in RIVERS
        for t in range(N_STAGES)
    ]
    refuelling = [
        (REFUELLING[0], t, 0.0, 0.0) for t in range(N_STAGES) if month_of(t) == REFUELLING[1]
    ]
    limits: list[tuple[int, int, int | None, float]] = [(0, N_STAGES - 1, None, END_RESERVE_GWH)]
    limits += [(1, t, k, limit) for t in range(N_STAGES) for k, limit in enumerate(IMPORT_LIMIT_MW)]
    planes = [
        {"hydro_id": LAKESIDE, "plane_id": k, **plane} for k, plane in enumerate(lakeside_planes())
    ]
    whole, real = pl.Int32, pl.Float64
    return {
        "system/fpha_hyperplanes": pl.DataFrame(
            planes, schema_overrides={"hydro_id": whole, "plane_id": whole}
        ),
        "scenarios/inflow_seasonal_stats": table(
            stats, hydro_id=whole, stage_id=whole, mean_m3s=real, std_m3s=real
        ),
        "scenarios/inflow_ar_coefficients": table(
            lags,
            hydro_id=whole,
            stage_id=whole,
            lag=whole,
            coefficient=real,
            residual_std_ratio=real,
        ),
        "scenarios/load_seasonal_stats": table(
            loads, bus_id=whole, stage_id=whole, mean_mw=real, std_mw=real
        ),
        "constraints/hydro_bounds": table(
            [row for row in hydro_bounds if any(value is not None for value in row[2:])],
            hydro_id=whole,
            stage_id=whole,
            water_withdrawal_m3s=real,
            max_storage_hm3=real,
            max_turbined_m3s=real,
        ),
        "constraints/thermal_bounds": table(
            refuelling,
            thermal_id=whole,
            stage_id=whole,
            min_generation_mw=real,
            max_generation_mw=real,
        ),
        "constraints/generic_constraint_bounds": table(
            limits, constraint_id=whole, stage_id=whole, block_id=whole, bound=real
        ),
    }


def table(rows: list[tuple[Any, ...]], **columns: type[pl.DataType]) -> pl.DataFrame:
    """A table with exactly these column types."""
    return pl.DataFrame(rows, schema=columns, orient="row")


def readable_json(value: Any, indent: str = "") -> str:
    """JSON with one line for everything that holds no further objects."""
    flat = json.dumps(value)
    if not isinstance(value, dict | list) or (
        len(indent) + len(flat) <= 110 and flat.count("{") <= 1
    ):
        return flat
    deeper = indent + "  "
    if isinstance(value, dict):
        inner = [
            f"{deeper}{json.dumps(key)}: {readable_json(item, deeper)}"
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(inner) + f"\n{indent}}}"
    return (
        "[\n" + ",\n".join(deeper + readable_json(item, deeper) for item in value) + f"\n{indent}]"
    )


def write_case(directory: Path) -> None:
    """Write all files of the case."""
    files = {
        "config": make_config(),
        "stages": make_stages(),
        "penalties": make_penalties(),
        "initial_conditions": make_initial_conditions(),
        "system/buses": make_buses(),
        "system/lines": make_lines(),
        "system/hydros": make_hydros(),
        "system/hydro_production_models": make_production_models(),
        "system/thermals": make_thermals(),
        "scenarios/correlation": make_correlation(),
        "scenarios/load_factors": make_load_factors(),
        "constraints/generic_constraints": make_generic_constraints(),
    }
    for folder in ("system", "scenarios", "constraints"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / f"{name}.json").write_text(readable_json(content) + "\n", encoding="utf-8")
    for name, frame in make_tables().items():
        frame.write_parquet(directory / f"{name}.parquet", statistics=False)


if __name__ == "__main__":
    sys.stdout.write(energy_balance() + "\n")
    write_case(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
