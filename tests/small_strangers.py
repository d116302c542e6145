"""Small systems that nobody chose, as whole case directories: random ones with oddities that first
cases of users have.

Every one is small enough for the extensive form, which judges where its bound ends. A stranger is
one of two twins: the plain one, in units in which numbers are of ordinary size, is what the
extensive form is solved for; the other has all costs and all volumes and flows multiplied by powers
of ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import headwater as hw
from case_builder import TinyCase, plane
from extensive_form import extensive_form_value
from headwater.model import BoundStalling, IterationLimit, Study
from small_stranger_oddities import DIMENSIONS, ODDITIES
from unit_scaling import scale_case

MONTHS = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")
BEFORE = ("2025-11-01", "2025-12-01", "2026-01-01")


@dataclass(frozen=True)
class SmallStranger:
    """A system by its seed.

    Attributes:
        seed: of everything that is drawn.
        oddities: what is unusual about it, names of `ODDITIES` and `DIMENSIONS`.
        money, water: factors of all costs, and of all volumes and flows.
    """

    seed: int
    oddities: tuple[str, ...] = ()
    money: float = 1.0
    water: float = 1.0

    def write_plain(self, directory: Path) -> Path:
        """Write the twin whose numbers are of ordinary size."""
        rng = np.random.default_rng(self.seed)
        case = _random_case(
            directory,
            rng,
            dict(pair for name in self.oddities for pair in DIMENSIONS.get(name, {}).items()),
        )
        for name in self.oddities:
            if name in ODDITIES:
                ODDITIES[name](case, rng)
        return case.write()

    def write(self, directory: Path) -> Path:
        """Write the case."""
        if self.money == self.water == 1.0:
            return self.write_plain(directory)
        plain = self.write_plain(directory.with_name(directory.name + "-plain"))
        return scale_case(plain, directory, self.money, self.water)

    def study(self, directory: Path, iterations: int = 300) -> Study:
        """Write and load the case, to be trained until nothing has happened for a good while."""
        case = hw.load_case(self.write(directory))
        rules = (IterationLimit(iterations), BoundStalling(60, 1e-13))
        return replace(
            case,
            config=replace(
                case.config, training=replace(case.config.training, stopping_rules=rules)
            ),
        )

    def optimum(self, directory: Path) -> float:
        """Least expected (or risk-adjusted) cost in $, from the extensive form of the plain twin.

        The tolerances of the general solver are absolute, so money is counted in larger units where
        it does not succeed.
        """
        plain = self.write_plain(directory)
        for unit in (1.0, 1e3, 1e6):
            case = hw.load_case(
                scale_case(plain, directory.with_name(f"{directory.name}-{unit:g}"), 1.0 / unit)
            )
            try:
                return (
                    self.money
                    * unit
                    * extensive_form_value(case.system, case.config, proven_to=1e-8)
                )
            except AssertionError as error:
                failure = error
        raise failure

    def money_scale(self, directory: Path) -> float:
        """Cost of serving all load at the mean cost of thermals, in $.

        What is small beside it is rounding.
        """
        system = hw.load_case(self.write_plain(directory)).system
        load = sum(row.mean_mw for row in system.load_statistics) / len(system.stages)
        costs = [
            segment.cost_per_mwh for thermal in system.thermals for segment in thermal.cost_segments
        ]
        hours = sum(block.hours for stage in system.stages for block in stage.blocks)
        return self.money * float(max(load, 1.0) * hours * max(float(np.mean(costs or [0.0])), 1.0))


@dataclass(frozen=True)
class Verdict:
    """How training a stranger ended.

    Attributes:
        bounds: after every iteration, $.
        off_optimum: distance of the last from the optimum, relative to the optimum or, where that
            is next to nothing, to a ten-thousandth of what serving the load costs.
        largest_fall: how far a bound ever lies below an earlier one, relatively.
        counts: of the solver.
    """

    bounds: tuple[float, ...]
    off_optimum: float
    largest_fall: float
    counts: Mapping[str, int]


def judge(stranger: SmallStranger, directory: Path) -> Verdict:
    """Train a stranger until its bound stands still, and compare with the extensive form."""
    training = hw.train(stranger.study(directory / "case"), threads=1).training
    bounds = [record.lower_bound for record in training.iterations]
    optimum = stranger.optimum(directory / "judged")
    size = max(abs(optimum), 1e-4 * stranger.money_scale(directory / "scale"))
    fall = float((np.maximum.accumulate(bounds) - bounds).max()) / size
    return Verdict(tuple(bounds), (bounds[-1] - optimum) / size, fall, training.solver_counts)


def drawn(seed: int) -> SmallStranger:
    """A stranger with up to three oddities, and in half of the cases units of other sizes."""
    rng = np.random.default_rng([seed, 1])
    names = sorted({*ODDITIES, *DIMENSIONS})
    chosen = tuple(sorted(rng.choice(names, int(rng.integers(0, 4)), replace=False).tolist()))
    if rng.random() < 0.5:
        return SmallStranger(seed, chosen)
    money, water = (10.0 ** int(k) for k in rng.integers(-4, 5, 2))
    return SmallStranger(seed, chosen, money, water)


def _random_case(root: Path, rng: np.random.Generator, forced: dict[str, int]) -> TinyCase:
    """One to three months, one to four plants in a row or side by side, one or two
    buses, up to five thermals.
    """
    low_high = {
        "stages": (1, 3),
        "hydros": (1, 4),
        "blocks": (1, 3),
        "buses": (1, 2),
        "thermals": (1, 5),
        "lags": (0, 2),
    }
    n = {name: int(rng.integers(low, high + 1)) for name, (low, high) in low_high.items()} | forced
    case = TinyCase(root)
    case.tables = {}
    _write_stages(case, rng, n)
    means = rng.uniform(20.0, 90.0, n["hydros"])
    rated = _write_hydros(case, rng, n, means)
    case.files["system/buses.json"] = {
        "buses": [{"id": b, "name": f"B{b}"} for b in range(n["buses"])]
    }
    capacity = float(rng.uniform(0.1, 0.6) * max(rated, 30.0))
    ends = {"source_bus_id": 0, "target_bus_id": n["buses"] - 1}
    line = {
        "id": 0,
        "name": "L",
        **ends,
        "capacity": {"direct_mw": capacity, "reverse_mw": 0.7 * capacity},
    }
    case.files["system/lines.json"] = {"lines": [line] if n["buses"] > 1 else []}
    load = float(rng.uniform(0.2, 1.6) * max(rated, 30.0))
    case.files["system/thermals.json"] = {
        "thermals": [
            _thermal(rng, j, n["buses"], load, n["thermals"]) for j in range(n["thermals"])
        ]
    }
    case.tables["scenarios/load_seasonal_stats"] = [
        {
            "bus_id": b,
            "stage_id": t,
            "mean_mw": float(load / n["buses"] * rng.uniform(0.8, 1.2)),
            "std_mw": 0.0,
        }
        for b in range(n["buses"])
        for t in range(n["stages"])
    ]
    _write_inflows(case, rng, n, means)
    case.files["config.json"] = {
        "training": {
            "forward_passes": 5,
            "tree_seed": int(rng.integers(1000)),
            "stopping_rules": [{"type": "iteration_limit", "limit": 40}],
        },
        "modeling": {"inflow_non_negativity": {"method": "penalty"}},
    }
    return case


def _write_stages(case: TinyCase, rng: np.random.Generator, n: dict[str, int]) -> None:
    def blocks(hours: float) -> list[dict[str, object]]:
        share = rng.uniform(0.5, 1.5, n["blocks"])
        return [
            {"id": k, "name": f"K{k}", "hours": float(hours * s)}
            for k, s in enumerate(share / share.sum())
        ]

    case.files["stages.json"] = {
        "policy_graph": {
            "type": "finite_horizon",
            "annual_discount_rate": float(rng.choice([0.0, 0.12])),
        },
        "season_definitions": {
            "cycle_type": "monthly",
            "seasons": [{"id": m, "label": f"M{m}", "month_start": m + 1} for m in range(12)],
        },
        "pre_study_stages": [
            {"id": -k, "start_date": BEFORE[2 - k], "end_date": BEFORE[3 - k], "season_id": 12 - k}
            for k in (1, 2)
        ],
        "stages": [
            {
                "id": t,
                "start_date": MONTHS[t],
                "end_date": MONTHS[t + 1],
                "season_id": t,
                "blocks": blocks(24.0 * (31, 28, 31)[t]),
                "num_scenarios": n.get("openings") or int(rng.integers(1, 5)),
                "state_variables": {"inflow_lags": n["lags"] > 0},
            }
            for t in range(n["stages"])
        ],
    }


def _write_hydros(
    case: TinyCase, rng: np.random.Generator, n: dict[str, int], means: np.ndarray
) -> float:
    """Plants, their storage, maybe planes of the last one.

    Gives the power that mean inflows make, MW.
    """
    in_a_row = rng.random() < 0.7
    hydros, rated, water = [], 0.0, 0.0
    for h in range(n["hydros"]):
        water = means[h] + (water if in_a_row else 0.0)
        turbined, productivity = float(water * rng.uniform(1.1, 2.0)), float(rng.uniform(0.2, 1.1))
        large = float(water * rng.choice([0.2, 3.0, 12.0]))
        hydros.append(
            {
                "id": h,
                "name": f"H{h}",
                "bus_id": int(h % n["buses"]),
                "downstream_id": h + 1 if in_a_row and h + 1 < n["hydros"] else None,
                "reservoir": {
                    "min_storage_hm3": float(rng.choice([0.0, 0.2]) * large),
                    "max_storage_hm3": large,
                },
                "outflow": {"min_outflow_m3s": float(rng.choice([0.0, 0.3]) * water)},
                "generation": {
                    "model": "constant_productivity",
                    "productivity_mw_per_m3s": productivity,
                    "min_turbined_m3s": float(rng.choice([0.0, 0.1]) * turbined),
                    "max_turbined_m3s": turbined,
                    "min_generation_mw": 0.0,
                    "max_generation_mw": turbined * productivity,
                },
            }
        )
        rated += water * productivity
    case.files["system/hydros.json"] = {"hydros": hydros}
    full = float(rng.uniform(0.0, 1.0))
    case.files["initial_conditions.json"] = {
        "storage": [
            {"hydro_id": h["id"], "value_hm3": full * h["reservoir"]["max_storage_hm3"]}
            for h in hydros
        ],
        "filling_storage": [],
    }
    if n.get("planes"):
        last = hydros[-1]
        last["generation"]["model"] = "fpha"
        rule = {"start_stage_id": 0, "model": "fpha", "fpha_config": {"source": "precomputed"}}
        models = [
            {"hydro_id": last["id"], "selection_mode": "stage_ranges", "stage_ranges": [rule]}
        ]
        case.files["system/hydro_production_models.json"] = {"production_models": models}
        slopes = ((0.0, 0.0, 0.9, 0.0), (-2.0, 0.03, 0.8, -0.01), (5.0, 0.02, 0.5, -0.02))
        case.tables["system/fpha_hyperplanes"] = [
            plane(last["id"], m)
            | dict(zip(("gamma_0", "gamma_v", "gamma_q", "gamma_s"), numbers, strict=True))
            for m, numbers in enumerate(slopes)
        ]
    return rated


def _thermal(
    rng: np.random.Generator, j: int, n_buses: int, load: float, count: int
) -> dict[str, object]:
    size = float(load * rng.uniform(0.2, 1.5) / count)
    return {
        "id": j,
        "name": f"T{j}",
        "bus_id": j % n_buses,
        "generation": {"min_mw": float(rng.choice([0.0, 0.0, 0.2]) * size), "max_mw": size},
        "cost_per_mwh": float(rng.uniform(10.0, 600.0)),
    }


def _write_inflows(
    case: TinyCase, rng: np.random.Generator, n: dict[str, int], means: np.ndarray
) -> None:
    if not n["hydros"]:
        return
    spread = float(rng.uniform(0.05, 0.5))
    ids = range(-2, n["stages"])
    case.tables["scenarios/inflow_seasonal_stats"] = [
        {
            "hydro_id": h,
            "stage_id": t,
            "mean_m3s": float(mean * rng.uniform(0.7, 1.3)),
            "std_m3s": float(spread * mean),
        }
        for h, mean in enumerate(means)
        for t in ids
    ]
    if n["lags"]:
        case.tables["scenarios/inflow_ar_coefficients"] = [
            {
                "hydro_id": h,
                "stage_id": t,
                "lag": lag,
                "coefficient": float(rng.uniform(0.05, 0.4)),
                "residual_std_ratio": 0.9,
            }
            for h in range(n["hydros"])
            for t in range(n["stages"])
            for lag in range(1, n["lags"] + 1)
        ]
        case.initial["past_inflows"] = [
            {
                "hydro_id": h,
                "values_m3s": [float(mean * rng.uniform(0.5, 1.5)) for _ in range(n["lags"])],
            }
            for h, mean in enumerate(means)
        ]
