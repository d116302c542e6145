"""Synthetic cases of any size.

What benchmarks run, and a quick way to see how a study of a given size behaves.

Rivers are chains of plants from the spring to the sea; inflows are seasonal, correlated along a
river, and remember as many months as asked; the load is what hydro and about a third of the thermal
plants can serve in a mean month. The same size and seed give the same case.
"""

from __future__ import annotations

import calendar
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.case.starter import write_new_case
from headwater.case.starter_parts import DEMAND, FIRST_YEAR, WET_SEASON, Columns, Json, Starter
from headwater.errors import UsageError
from headwater.model import HM3_PER_M3S_HOUR

_BLOCK_LOAD = (1.2, 0.8)
"""Load of the first and the last block against the mean of the stage."""
_PERSISTENCE = 0.6
"""Sum of the standardised autoregressive coefficients."""
_RESIDUAL_RATIO = 0.8
_THERMAL_SHARE = 0.35
"""Part of the thermal capacity that the mean load needs."""
_RIVER_CORRELATION = 0.6


@dataclass(frozen=True)
class SyntheticSize:
    """How large a synthetic case is.

    Attributes:
        hydros: hydro plants.
        lags: months of past inflow in the state, at most 12.
        stages: monthly stages.
        openings: outcomes per stage.
        blocks: blocks per stage.
        thermals: thermal plants.
        buses: buses, joined in a ring.
        cascade: plants per river.
        fpha_share: part of the plants whose production is a set of planes.
        planes: planes of each of these.
        forward_passes: trajectories per iteration.
        iterations: limit of iterations.
        seed: of all numbers.
    """

    hydros: int = 12
    lags: int = 6
    stages: int = 24
    openings: int = 20
    blocks: int = 3
    thermals: int = 60
    buses: int = 1
    cascade: int = 8
    fpha_share: float = 0.0
    planes: int = 5
    forward_passes: int = 8
    iterations: int = 30
    seed: int = 1

    def __post_init__(self) -> None:
        for name in (
            "hydros",
            "lags",
            "stages",
            "openings",
            "blocks",
            "thermals",
            "buses",
            "cascade",
            "planes",
        ):
            smallest = 0 if name == "lags" else 1
            if getattr(self, name) < smallest:
                raise UsageError(
                    f"a synthetic case needs {name} of at least {smallest}, got "
                    f"{getattr(self, name)}"
                )
        if self.lags > 12:
            raise UsageError(f"a synthetic case has at most 12 lags, got {self.lags}")
        if not 0.0 <= self.fpha_share <= 1.0:
            raise UsageError(
                f"the fpha_share of a synthetic case lies between 0 and 1, got {self.fpha_share:g}"
            )

    @property
    def title(self) -> str:
        """A name that tells the size."""
        return (
            f"{self.hydros} hydros, {self.lags} lags, {self.stages} stages, {self.openings} "
            f"openings, {self.blocks} blocks, {self.thermals} thermals"
        )


def write_synthetic(
    directory: str | os.PathLike[str], size: SyntheticSize, *, force: bool = False
) -> Path:
    """Write a synthetic case and return its directory.

    Args:
        directory: where to; made when it does not exist.
        size: what to write.
        force: write into a directory that holds something already.

    Raises:
        UsageError: the directory is not empty.
    """
    return write_new_case(directory, size.title, lambda: _Synthetic(size).case(), force=force)


class _Synthetic:
    """The numbers of a case, drawn once, and the files they make."""

    def __init__(self, size: SyntheticSize) -> None:
        rng, n = np.random.default_rng(size.seed), size.hydros
        self.size = size
        self.storage_hm3 = rng.uniform(50, 5000, n).round(3)
        self.turbined_m3s = rng.uniform(300, 2000, n).round(3)
        self.productivity = rng.uniform(0.2, 1.0, n).round(4)
        self.inflow_m3s = rng.uniform(50, 500, n).round(3)
        self.thermal_mw = rng.uniform(20, 300, size.thermals).round(3)
        self.cost_per_mwh = np.sort(rng.uniform(30, 1200, size.thermals)).round(3)
        self.decay = rng.uniform(0.4, 0.7, n)
        self.with_planes = np.arange(n) < round(size.fpha_share * n)

    def case(self) -> Starter:
        """All files."""
        size = self.size
        case = Starter(
            size.title,
            "A synthetic case: its numbers are drawn at random and belong to no real system.",
        )
        case.files["config.json"] = {
            "modeling": {"inflow_non_negativity": {"method": "penalty"}},
            "training": {
                "forward_passes": size.forward_passes,
                "tree_seed": 42,
                "stopping_rules": [{"type": "iteration_limit", "limit": size.iterations}],
            },
            "simulation": {"enabled": True, "num_scenarios": 100},
        }
        case.files["stages.json"] = self._stages()
        case.files["penalties.json"] = self._penalties()
        case.files |= self._equipment()
        case.files["scenarios/load_factors.json"] = self._load_factors()
        case.files["scenarios/correlation.json"] = self._correlation()
        case.tables |= self._tables()
        return case

    def _stages(self) -> Json:
        blocks, stages = self.size.blocks, []
        for t in range(self.size.stages):
            start, end = _month(t), _month(t + 1)
            hours = (end - start).days * 24.0 / blocks
            stages.append(
                {
                    "id": t,
                    "season_id": t % 12,
                    "start_date": start.isoformat(),
                    "end_date": end.isoformat(),
                    "blocks": [{"id": k, "name": f"B{k}", "hours": hours} for k in range(blocks)],
                    "num_scenarios": self.size.openings,
                    "state_variables": {"inflow_lags": self.size.lags > 0},
                }
            )
        past = [
            {
                "id": t,
                "season_id": t % 12,
                "start_date": _month(t).isoformat(),
                "end_date": _month(t + 1).isoformat(),
            }
            for t in range(-self.size.lags, 0)
        ]
        seasons = [
            {"id": m, "label": calendar.month_name[m + 1], "month_start": m + 1} for m in range(12)
        ]
        return {
            "policy_graph": {"type": "finite_horizon", "annual_discount_rate": 0.1},
            "season_definitions": {"cycle_type": "monthly", "seasons": seasons},
            "pre_study_stages": past,
            "stages": stages,
        }

    def _accumulated_productivity(self) -> Array:
        """MW per m3/s of each plant and all below it."""
        size, accumulated = self.size, self.productivity.copy()
        for h in reversed(range(size.hydros - 1)):
            if (h + 1) % size.cascade:
                accumulated[h] += accumulated[h + 1]
        return accumulated

    def _penalties(self) -> Json:
        """Price dead storage and missing water above any deficit that they could avoid.

        The deficit counts on the longest way down the cascade.
        """
        water = _DEFICIT_PER_MWH * float(
            self._accumulated_productivity().max()
        )  # $ per m3/s and hour
        per_hm3 = water / HM3_PER_M3S_HOUR
        return {
            **_PENALTIES,
            "hydro": {
                **_PENALTIES["hydro"],
                "storage_violation_below_cost": float(np.ceil(2.0 * per_hm3)),
                "filling_target_violation_cost": float(np.ceil(4.0 * per_hm3)),
                "inflow_nonnegativity_cost": float(np.ceil(3.0 * water)),
            },
        }

    def _own_penalties(self, h: int) -> Json:
        """Price limits of flow by the energy that they cost each plant.

        Between the dearest thermal and deficit.
        """
        cost = round(_VIOLATION_PER_MWH * float(self._accumulated_productivity()[h]), 3)
        names = ("turbined_violation_below", "outflow_violation_below", "outflow_violation_above")
        return {
            f"{name}_cost": cost
            for name in (*names, "evaporation_violation", "water_withdrawal_violation")
        }

    def _equipment(self) -> dict[str, Json]:
        size, n = self.size, self.size.hydros
        hydros = [
            {
                "id": h,
                "name": f"H{h}",
                "bus_id": h % size.buses,
                "downstream_id": h + 1 if (h + 1) % size.cascade and h + 1 < n else None,
                "reservoir": {
                    "min_storage_hm3": round(0.1 * float(self.storage_hm3[h]), 3),
                    "max_storage_hm3": float(self.storage_hm3[h]),
                },
                "outflow": {"min_outflow_m3s": round(0.1 * float(self.inflow_m3s[h]), 3)},
                "generation": {
                    "model": "fpha" if self.with_planes[h] else "constant_productivity",
                    "productivity_mw_per_m3s": float(self.productivity[h]),
                    "min_turbined_m3s": 0.0,
                    "max_turbined_m3s": float(self.turbined_m3s[h]),
                    "min_generation_mw": 0.0,
                    "max_generation_mw": float(self.productivity[h] * self.turbined_m3s[h]),
                },
                "penalties": self._own_penalties(h),
            }
            for h in range(n)
        ]
        thermals = [
            {
                "id": i,
                "name": f"T{i}",
                "bus_id": i % size.buses,
                "generation": {"min_mw": 0.0, "max_mw": float(self.thermal_mw[i])},
                "cost_per_mwh": float(self.cost_per_mwh[i]),
            }
            for i in range(size.thermals)
        ]
        capacity = {"direct_mw": 2000.0, "reverse_mw": 2000.0}
        ring = range(size.buses if size.buses > 2 else size.buses - 1)
        lines = [
            {
                "id": i,
                "name": f"L{i}",
                "source_bus_id": i,
                "target_bus_id": (i + 1) % size.buses,
                "capacity": capacity,
            }
            for i in ring
        ]
        initial: Json = {
            "storage": [
                {"hydro_id": h, "value_hm3": round(0.55 * float(self.storage_hm3[h]), 3)}
                for h in range(n)
            ],
            "filling_storage": [],
        }
        if size.lags:
            past = np.outer(
                self.inflow_m3s, [WET_SEASON[-lag] for lag in range(1, size.lags + 1)]
            ).round(3)
            initial["past_inflows"] = [
                {"hydro_id": h, "values_m3s": past[h].tolist()} for h in range(n)
            ]
        files: dict[str, Json] = {
            "system/buses.json": {"buses": [{"id": b, "name": f"B{b}"} for b in range(size.buses)]},
            "system/lines.json": {"lines": lines},
            "system/hydros.json": {"hydros": hydros},
            "system/thermals.json": {"thermals": thermals},
            "initial_conditions.json": initial,
        }
        if self.with_planes.any():
            files["system/hydro_production_models.json"] = {
                "production_models": self._production_models()
            }
        return files

    def _production_models(self) -> list[Json]:
        planes = [{"start_stage_id": 0, "model": "fpha", "fpha_config": {"source": "precomputed"}}]
        return [
            {"hydro_id": int(h), "selection_mode": "stage_ranges", "stage_ranges": planes}
            for h in np.flatnonzero(self.with_planes)
        ]

    def _load_factors(self) -> Json:
        factors = (
            np.linspace(*_BLOCK_LOAD, self.size.blocks) if self.size.blocks > 1 else np.ones(1)
        )
        blocks = [
            {"block_id": k, "factor": round(float(factor), 6)} for k, factor in enumerate(factors)
        ]
        return {
            "load_factors": [
                {"bus_id": b, "stage_id": t, "block_factors": blocks}
                for b in range(self.size.buses)
                for t in range(self.size.stages)
            ]
        }

    def _correlation(self) -> Json:
        """Inflows of a river are alike, those of different rivers independent."""
        size, groups = self.size, []
        for first in range(0, size.hydros, size.cascade):
            members = range(first, min(first + size.cascade, size.hydros))
            matrix = np.full((len(members), len(members)), _RIVER_CORRELATION)
            np.fill_diagonal(matrix, 1.0)
            groups.append(
                {
                    "name": f"river {first // size.cascade}",
                    "entities": [{"type": "inflow", "id": h} for h in members],
                    "matrix": matrix.tolist(),
                }
            )
        return {"method": "cholesky", "profiles": {"default": {"correlation_groups": groups}}}

    def _tables(self) -> dict[str, Columns]:
        size = self.size
        hydro, stage = _pairs(np.arange(size.hydros), np.arange(-size.lags, size.stages))
        wet = np.array(WET_SEASON)[stage % 12]
        mean = (self.inflow_m3s[hydro] * wet).round(3)
        tables: dict[str, Columns] = {
            "scenarios/inflow_seasonal_stats": {
                "hydro_id": hydro,
                "stage_id": stage,
                "mean_m3s": mean,
                "std_m3s": (0.3 * mean).round(3),
            }
        }
        if size.lags:
            hydro, stage = _pairs(np.arange(size.hydros), np.arange(size.stages))
            lag = np.tile(np.arange(1, size.lags + 1), len(hydro))
            hydro, stage = np.repeat(hydro, size.lags), np.repeat(stage, size.lags)
            weights = self.decay[:, None] ** np.arange(size.lags)
            phi = _PERSISTENCE * weights / weights.sum(axis=1, keepdims=True)
            tables["scenarios/inflow_ar_coefficients"] = {
                "hydro_id": hydro,
                "stage_id": stage,
                "lag": lag,
                "coefficient": phi[hydro, lag - 1].round(6),
                "residual_std_ratio": np.full(len(hydro), _RESIDUAL_RATIO),
            }
        # own inflow of a plant and of those above it is turbined at the plant
        through = np.zeros(size.hydros)
        for h in range(size.hydros):
            through[h] = self.inflow_m3s[h] + (through[h - 1] if h % size.cascade else 0.0)
        hydro_mw = float((self.productivity * np.minimum(through, self.turbined_m3s)).sum())
        per_bus = (hydro_mw + _THERMAL_SHARE * float(self.thermal_mw.sum())) / size.buses
        bus, stage = _pairs(np.arange(size.buses), np.arange(size.stages))
        tables["scenarios/load_seasonal_stats"] = {
            "bus_id": bus,
            "stage_id": stage,
            "mean_mw": (per_bus * np.array(DEMAND)[stage % 12]).round(3),
            "std_mw": np.zeros(len(bus)),
        }
        if self.with_planes.any():
            tables["system/fpha_hyperplanes"] = self._hyperplanes()
        return tables

    def _hyperplanes(self) -> Columns:
        """Planes that touch a concave production function.

        More head with storage, less with each further m3/s.
        """
        hydro, plane = _pairs(np.flatnonzero(self.with_planes), np.arange(self.size.planes))
        share = (plane + 0.5) / self.size.planes
        productivity, storage, turbined = (
            self.productivity[hydro],
            self.storage_hm3[hydro],
            self.turbined_m3s[hydro],
        )
        per_m3s = productivity * (1.0 - 0.25 * share)
        per_hm3 = 0.1 * productivity * turbined * share / storage
        return {
            "hydro_id": hydro,
            "plane_id": plane,
            "gamma_0": (0.05 * productivity * turbined * share**2).round(6),
            "gamma_v": per_hm3.round(9),
            "gamma_q": per_m3s.round(6),
            "gamma_s": (-0.002 * productivity).round(9),
        }


def _month(position: int) -> date:
    """First day of a month, counted from the first of the study."""
    return date(FIRST_YEAR + position // 12, position % 12 + 1, 1)


def _pairs(
    first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs, the second running fastest."""
    return np.repeat(first, len(second)), np.tile(second, len(first))


_DEFICIT_PER_MWH = 6000.0
_VIOLATION_PER_MWH = 2400.0
"""Cost of breaking a limit of flow, for the energy of the water."""

_PENALTIES: Json = {
    "bus": {
        "deficit_segments": [
            {"depth_mw": 500.0, "cost": 3000.0},
            {"depth_mw": None, "cost": _DEFICIT_PER_MWH},
        ],
        "excess_cost": 0.1,
    },
    "line": {"exchange_cost": 0.01},
    "hydro": {
        "spillage_cost": 0.01,
        "diversion_cost": 0.01,
        "fpha_turbined_cost": 0.02,
        "turbined_violation_below_cost": _VIOLATION_PER_MWH,
        "outflow_violation_below_cost": _VIOLATION_PER_MWH,
        "outflow_violation_above_cost": _VIOLATION_PER_MWH,
        "generation_violation_below_cost": _VIOLATION_PER_MWH,
        "evaporation_violation_cost": _VIOLATION_PER_MWH,
        "water_withdrawal_violation_cost": _VIOLATION_PER_MWH,
    },
    "non_controllable_source": {"curtailment_cost": 0.005},
}
