"""Synthetic simulation tables: keys of a system, and costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import headwater.model as m
from headwater.results import SimulationSink
from headwater.sddp import Policy, ScenarioSummary, StageMoments
from headwater.sddp.records.simulation import STAGE_QUANTITIES
from headwater.sddp.stage.problems import build_problems, policy_stages

TABLES = ("costs", "hydros", "thermals", "exchanges", "buses", "inflow_lags", "violations/generic")
CATEGORIES = ("resource", "recourse", "violation", "regularization")


def summary_of(costs: NDArray[np.float64], first: int = 0) -> ScenarioSummary:
    n = len(costs)
    shares = {
        name: costs * share
        for name, share in zip(CATEGORIES, (0.5, 0.25, 0.125, 0.125), strict=True)
    }
    ids = np.arange(first, first + n)
    return ScenarioSummary(
        ids,
        costs,
        shares,
        np.zeros(n),
        np.arange(n) * 1.0,
        np.ones(n),
        np.full(n, 3),
        np.zeros(n),
        np.zeros(n, np.bool_),
    )


def moments_of(n_scenarios: int, n_stages: int, seed: int = 0) -> StageMoments:
    rng = np.random.default_rng(seed)
    return StageMoments.of(
        {name: rng.normal(size=(n_scenarios, n_stages)) for name in STAGE_QUANTITIES}
    )


def untrained(study: m.Study) -> Policy:
    """A policy without cuts."""
    problems = build_problems(study)
    return Policy(problems.layout, policy_stages(study.system), problems.pools, "", -np.inf, 0)


def sink_of(output: Path, study: m.Study, n_scenarios: int = 6, **options: bool) -> SimulationSink:
    return SimulationSink(output, study, untrained(study), n_scenarios, "solver 1.0", **options)


def key_columns(system: m.System, name: str, n_scenarios: int) -> dict[str, NDArray[np.generic]]:
    """Key columns: by scenario, stage, block, entity."""
    stages, blocks = [s.id for s in system.stages], range(2)
    entity = {
        "hydros": "hydros",
        "thermals": "thermals",
        "exchanges": "lines",
        "buses": "buses",
        "inflow_lags": "hydros",
    }
    label = {"hydros": "hydro_id", "thermals": "thermal_id", "lines": "line_id", "buses": "bus_id"}
    rows: list[dict[str, int]] = []
    for _ in range(n_scenarios):
        for stage in stages:
            if name == "costs":
                rows += [{"stage_id": stage, "block_id": k} for k in blocks]
            elif name == "violations/generic":
                rows += [
                    {"stage_id": stage, "block_id": k, "constraint_id": i}
                    for k, i in ((-1, 0), (0, 1), (1, 1))
                ]
            elif name == "inflow_lags":
                rows += [
                    {"stage_id": stage, "hydro_id": h.id, "lag_index": 1} for h in system.hydros
                ]
            else:
                kind = entity[name]
                rows += [
                    {"stage_id": stage, "block_id": k, label[kind]: e.id}
                    for k in blocks
                    for e in getattr(system, kind)
                ]
    return {key: np.array([row[key] for row in rows], np.int32) for key in rows[0]}
