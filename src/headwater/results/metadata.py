"""What is recorded about a run.

Versions, sizes, seeds, timings, statistics, and the configuration that was used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import socket
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from headwater.core.equipment import EQUIPMENT
from headwater.core.provenance import is_choice, type_of
from headwater.lp import FittedPlanes
from headwater.model import Stage, Study
from headwater.results.digests import input_digests, packages, versions
from headwater.results.statistics import gap_to_bound, simulation_statistics
from headwater.results.training_frames import finite_or_none
from headwater.sddp import Policy, SimulationRecord, TrainingRecord
from headwater.sddp.bounds.vertices import VERTICES
from headwater.sddp.records.gap_words import gap_share
from headwater.sddp.training.fingerprint import case_digest, study_fingerprint

UPPER_BOUND_MEANING = {
    "expected_cost": "the optimal expected cost of the study is at most this",
    "nested_risk": "the optimal nested risk-adjusted cost is at most this; it is not "
    "comparable with mean simulated cost",
}


def new_run_id() -> str:
    """Names a run: all that it writes carries it."""
    return uuid.uuid4().hex


def training_metadata(policy: Policy, study: Study, run_id: str | None = None) -> dict[str, Any]:
    """Contents of ``training/metadata.json``; without the id of a run it gets one of its own."""
    record = policy.training
    if record is None:
        raise ValueError("the policy carries no training record")
    return {
        **_header(run_id, study, record.seconds, record.threads, record.solver),
        "status": "interrupted" if record.reason == "shutdown" else "complete",
        "distribution": {
            "ranks": record.ranks,
            "threads_per_rank": record.threads,
            "communication_share": _share(record, "communication_seconds"),
            "idle_share": _share(record, "idle_seconds"),
        },
        "problem_dimensions": _dimensions(study, policy, record),
        "iterations": {
            "completed": len(record.iterations),
            "reason": record.reason,
            "converged": record.converged,
        },
        "lower_bound": {
            "value": policy.lower_bound if record.iterations else None,
            "kind": record.lower_bound_kind,
            "proven": all(one.lower_bound_proven for one in record.iterations[-1:]),
            "covers": record.covers,
            "openings": list(record.openings),
            "differences": list(record.differences),
            "meaning": record.bound_meaning,
        },
        "upper_bound": _upper_bound(record),
        "stopping_rules": [dataclasses.asdict(rule) for rule in record.iterations[-1].rules]
        if record.iterations
        else [],
        "cuts": {
            "generated": sum(pool.n_populated for pool in policy.all_pools),
            "active": sum(len(pool.active_slots()) for pool in policy.all_pools),
        },
        "policy_digest": policy_digest(policy),
        "lp_solves": sum(r.lp_solves for r in record.iterations),
        "lp_retries": sum(r.retries for r in record.iterations),
        "lps_above_tolerance": _gaps(record),
        "solver_counts": dict(record.solver_counts),
        "seeds": {
            "tree_seed": study.config.training.tree_seed,
            "forward": study.config.training.scenario_source.seed,
        },
        "warnings": list(record.warnings),
    }


def _gaps(record: TrainingRecord) -> dict[str, Any]:
    """Stage problems that were taken with a gap above tolerance.

    An amount is ``None`` where one of the gaps is not known.
    """
    bound = record.iterations[-1].lower_bound if record.iterations else 0.0
    largest = record.largest_gap
    return {
        "count": record.lps_above_tolerance,
        "of": sum(one.lp_solves for one in record.iterations),
        "largest_gap": finite_or_none(largest),
        "share_of_lower_bound": gap_share(largest, bound),
        "gap_of_bound": finite_or_none(record.iterations[-1].gap_of_bound)
        if record.iterations
        else None,
    }


def _share(record: TrainingRecord, name: str) -> float:
    """Part of the time of all ranks in passes that something took."""
    total = sum(r.forward_seconds + r.backward_seconds for r in record.rank_timings)
    return sum(getattr(r, name) for r in record.rank_timings) / total if total else 0.0


def _upper_bound(record: TrainingRecord) -> dict[str, Any] | None:
    """The deterministic upper bound and its distance from the lower one.

    ``None`` where none was evaluated.
    """
    if record.upper_bound is None:
        return None
    lower, last = record.iterations[-1].lower_bound, record.inner_evaluations[-1]
    return {
        "value": record.upper_bound,
        "kind": record.lower_bound_kind,
        "meaning": UPPER_BOUND_MEANING[record.lower_bound_kind],
        "gap": record.upper_bound - lower,
        "gap_percent": 100.0 * (record.upper_bound - lower) / max(1.0, abs(record.upper_bound)),
        "evaluated_after_iteration": last.iteration,
        "certified": last.certified,
        "vertices": last.n_vertices,
    }


def policy_digest(policy: Policy, *, with_bases: bool = False) -> str:
    """SHA-256 of the active cuts, to tell whether two results come from one policy.

    Args:
        policy: the policy.
        with_bases: also of the bases that solves start from, which decide between equally good
            solutions, and of the inner approximation.
    """
    digest = hashlib.sha256()
    for pool in policy.all_pools:
        slots = pool.active_slots()
        digest.update(np.ascontiguousarray(pool.coefficients[slots]).tobytes())
        digest.update(np.ascontiguousarray(pool.intercepts[slots]).tobytes())
    bases = [basis for one in policy.regimes or (policy,) for basis in one.bases]
    for basis in bases if with_bases else ():
        digest.update(b"-" if basis is None else basis.columns.tobytes() + basis.rows.tobytes())
    if with_bases and policy.progress is not None:
        for stage in policy.progress.parts.get(VERTICES, ()):
            for name in sorted(stage):
                digest.update(np.ascontiguousarray(stage[name]).tobytes())
    return digest.hexdigest()


def simulation_metadata(
    record: SimulationRecord,
    study: Study,
    solver: str,
    policy: Policy | None = None,
    run_id: str | None = None,
) -> dict[str, Any]:
    """Contents of ``simulation/metadata.json``; without the id of a run it gets one of its own."""
    summary, failures = record.summary, record.failures
    return {
        **_header(run_id, study, record.seconds, record.threads, solver, record.stages),
        "status": "partial" if failures else "complete",
        "distribution": {"ranks": record.ranks, "threads_per_rank": record.threads},
        "policy_digest": None if policy is None else policy_digest(policy),
        "scenarios": {
            "total": len(summary.scenario_id),
            "completed": int(summary.completed.sum()),
            "failed": len(failures),
            "failures": [dataclasses.asdict(failure) for failure in failures],
            "resumed": record.resumed_scenarios,
        },
        "lps_above_tolerance": {
            "count": record.lps_above_tolerance,
            "of": int(summary.lp_solves.sum()),
            "largest_gap": record.largest_gap,
            "share_of_mean_cost": gap_share(record.largest_gap, summary.mean_cost),
            "scenarios": list(record.scenarios_with_gap),
        },
        "schemes": dict(record.schemes),
        "differences": list(record.differences),
        **simulation_statistics(summary, study.config.simulation.cvar_tail_fractions),
        "violations": [
            {**dataclasses.asdict(one), "share": one.share, "unit": one.unit, "sentence": str(one)}
            for one in record.violations
        ],
        "gap": None if policy is None else gap_to_bound(record, study, policy),
        "seeds": {"tree_seed": study.config.training.tree_seed, "simulation": record.seed},
        "warnings": list(record.warnings),
    }


def scaling_report(record: TrainingRecord, study: Study) -> dict[str, Any]:
    """Size of every stage program and range of its numbers, before and after it is scaled."""
    stages = []
    for stage, one in zip(study.system.stages, record.stage_statistics, strict=True):
        stages.append(
            {
                "stage_id": stage.id,
                "n_cols": one.columns,
                "n_rows": one.rows,
                "n_nz": one.nonzeros,
                "before": _ranges(dataclasses.asdict(one.given)),
                "after": _ranges(dataclasses.asdict(one.scaled)),
            }
        )
    cost_scale = record.stage_statistics[0].cost_scale if record.stage_statistics else None
    return {
        "cost_scale": cost_scale,
        "row_and_column_scaling": "powers of two chosen from the case",
        "stages": stages,
    }


def _ranges(ranges: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    return {
        f"{name}_{end}": value
        for name, pair in ranges.items()
        for end, value in zip(("min", "max"), pair, strict=True)
    }


def fitting_report(fitted: Sequence[FittedPlanes]) -> list[dict[str, Any]]:
    """How well computed planes fit the production function of each plant, in MW."""
    return [
        {
            "hydro_id": fit.hydro_id,
            "stage_ids": list(fit.stage_ids),
            "planes": len(fit.planes),
            "planes_of_the_hull": fit.n_hull,
            "kappa": fit.kappa,
            "max_error_mw": fit.max_error_mw,
            "rms_error_mw": fit.rms_error_mw,
            "volume_window_hm3": [fit.volume_min_hm3, fit.volume_max_hm3],
            "max_turbined_m3s": fit.max_turbined_m3s,
            "warnings": list(fit.warnings),
        }
        for fit in fitted
    ]


def _header(
    run_id: str | None,
    study: Study,
    seconds: float,
    threads: int,
    solver: str,
    stages: Sequence[Stage] | None = None,
) -> dict[str, Any]:
    """What every record begins with.

    Args:
        run_id: of the run; ``None`` gives a new one.
        study: what was run.
        seconds: wall time.
        threads: worker threads.
        solver: name and version.
        stages: the stages that were visited; those of the study where they are not given.
    """
    finished = datetime.now(UTC)
    return {
        "run_id": run_id or new_run_id(),
        **case_identity(study),
        "case_directory": _case_directory(study),
        "finished_at": finished.isoformat(timespec="seconds"),
        "duration_seconds": seconds,
        "threads": threads,
        "hostname": socket.gethostname(),
        "versions": versions(solver),
        "stages": [
            {
                "stage_id": s.id,
                "start_date": s.start_date.isoformat(),
                "end_date": s.end_date.isoformat(),
                "block_hours": [block.hours for block in s.blocks],
                **({} if s.risk.neutral else {"risk_measure": to_json(s.risk)}),
                **_repeated(study, visit),
            }
            for visit, s in enumerate(stages or study.system.stages)
        ],
        "configuration": to_json(study.config),
        **packages(study),
        "input_files": input_digests(study),
    }


def case_identity(study: Study) -> dict[str, str]:
    """The name of a case and a digest of its system.

    They tell whether two parts of results are of one case.
    """
    return {"case": study.name, "case_digest": case_digest(study_fingerprint(study))}


def _case_directory(study: Study) -> str | None:
    """Where the case was read from; ``None`` for a study built in code."""
    root = getattr(study, "root", None)
    return None if root is None else str(Path(root).absolute())


def _repeated(study: Study, visit: int) -> dict[str, int]:
    """Which stage of the study a visit repeats, where the horizon does."""
    horizon = study.system.horizon
    return (
        {"repeats_stage_id": study.system.stages[horizon.position(visit)].id}
        if horizon.is_cyclic
        else {}
    )


def _dimensions(study: Study, policy: Policy, record: TrainingRecord) -> dict[str, Any]:
    system = study.system
    kinds = (
        *(part.collection for part in EQUIPMENT.told_of(system) if part.code is not None),
        "stages",
    )
    return {
        **{kind: len(getattr(system, kind)) for kind in kinds},
        "state": policy.layout.dimension,
        "lags": policy.layout.block("inflow_lag").depth,
        "stage_programs": [
            {"stage_id": stage.id, **dataclasses.asdict(statistics)}
            for stage, statistics in zip(system.stages, record.stage_statistics, strict=True)
        ],
    }


def to_json(value: Any) -> Any:
    """A dataclass tree as JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if is_choice(value):
            return {"type": type_of(value), **fields} if fields else type_of(value)
        return fields
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
