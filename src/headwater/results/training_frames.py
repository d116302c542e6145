"""The tables of a training from its record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from headwater.lp import FittedPlanes
from headwater.results.schemas import SCHEMAS
from headwater.sddp import TrainingRecord
from headwater.sddp.records.effort import LOWER_BOUND, StageEffort, StageGap
from headwater.sddp.records.gap_words import gap_share

_UNUSABLE = ("reason: kernel: no factorisation",)
"""Why the kernel cannot start from a basis."""


def timing_frame(record: TrainingRecord) -> pl.DataFrame:
    """Where the time of every iteration went, and how busy every worker was."""
    rows: list[dict[str, Any]] = []
    for timing in record.timings:
        seconds = {
            **timing.steps,
            "forward_wall": timing.forward_seconds,
            "backward_wall": timing.backward_seconds,
            "bwd_load_imbalance": timing.backward_imbalance,
            "bwd_scheduling_overhead": timing.backward_scheduling,
            "fwd_load_imbalance": timing.forward_imbalance,
            "fwd_scheduling_overhead": timing.forward_scheduling,
            "bake": timing.loading_seconds,
            "gil_wait": timing.waited_seconds,
            "overhead": timing.overhead_seconds,
        }
        steps = [name.removesuffix("_ms") for name in SCHEMAS["timing/iterations"].timing_columns]
        milliseconds = {f"{step}_ms": round(1e3 * seconds.get(step, 0.0)) for step in steps}
        rows.append(
            {"iteration": timing.iteration, "rank": None, "worker_id": None, **milliseconds}
        )
        rows.extend(
            {
                "iteration": worker.iteration,
                "rank": worker.rank,
                "worker_id": worker.worker,
                "forward_wall_ms": round(1e3 * worker.forward_seconds),
                "backward_wall_ms": round(1e3 * worker.backward_seconds),
                "gil_wait_ms": round(1e3 * worker.waited_seconds),
            }
            for worker in record.workers
            if worker.iteration == timing.iteration
        )
    return _frame("timing/iterations", rows)


def solver_frame(
    efforts: Iterable[StageEffort], stage_ids: Sequence[int], name: str = "solver/iterations"
) -> pl.DataFrame:
    """What the solvers did in every phase and stage."""
    rows = []
    for effort in efforts:
        counts: Mapping[str, float] = effort.counts
        solves, failures = int(counts.get("solves", 0)), int(counts.get("failed", 0))
        rows.append(
            {
                **_place(effort, stage_ids),
                "lp_solves": solves,
                "lp_successes": solves - failures,
                "lp_retries": int(counts.get("retried", 0)),
                "lp_failures": failures,
                "retry_attempts": int(counts.get("attempts", 0)),
                "relaxed": int(counts.get("bounded", 0)),
                "fallbacks": int(counts.get("fallbacks", 0)),
                "basis_offered": int(counts.get("bases", 0)),
                "basis_consistency_failures": int(
                    sum(counts.get(reason, 0) for reason in _UNUSABLE)
                ),
                "simplex_iterations": int(counts.get("pivots", 0)),
                "solve_time_ms": 1e3 * counts.get("solve", 0.0),
                "load_model_time_ms": 1e3 * counts.get("load", 0.0),
            }
        )
    return _frame(name, rows)


def retry_frame(
    efforts: Iterable[StageEffort], stage_ids: Sequence[int], name: str = "solver/retry_histogram"
) -> pl.DataFrame:
    """How many attempts the problems took that the first attempt did not solve."""
    rows = [
        {
            **_place(effort, stage_ids),
            "retry_level": int(key.removeprefix("level: ")),
            "count": int(count),
        }
        for effort in efforts
        for key, count in effort.counts.items()
        if key.startswith("level: ") and count > 0
    ]
    return _frame(name, rows)


def selection_frame(record: TrainingRecord, stage_ids: Sequence[int]) -> pl.DataFrame:
    """What cut selection did, for every stage and iteration in which it acted."""
    rows = [
        {
            "iteration": iteration.iteration,
            "stage": stage_ids[one.stage_position],
            "cuts_populated": one.populated,
            "cuts_active_before": one.active_before,
            "cuts_deactivated": one.deactivated,
            "cuts_active_after": one.active_after,
            "selection_time_ms": 1e3 * one.seconds,
            "budget_evicted": one.evicted,
            "active_after_budget": None if one.evicted is None else one.active_after - one.evicted,
        }
        for iteration in record.iterations
        for one in iteration.selection
    ]
    return _frame("cut_selection/iterations", rows)


def _place(effort: StageEffort | StageGap, stage_ids: Sequence[int]) -> dict[str, Any]:
    stage = -1 if effort.phase == LOWER_BOUND else stage_ids[effort.stage_position]
    return {"iteration": effort.iteration, "phase": effort.phase, "stage": stage}


def _frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = SCHEMAS[name]
    return pl.DataFrame(rows, schema=dict(schema.polars_schema)).sort(
        schema.sort_keys, nulls_last=False, maintain_order=True
    )


def convergence_frame(record: TrainingRecord) -> pl.DataFrame:
    """One row per iteration."""
    rows = [
        {
            "iteration": r.iteration,
            "lower_bound": r.lower_bound,
            "upper_bound_mean": r.simulated_mean,
            "upper_bound_std": r.simulated_std,
            "upper_bound_ci95": r.simulated_ci95,
            "upper_bound_det": r.upper_bound,
            "gap_percent": None
            if r.forward_passes == 1 or record.lower_bound_kind != "expected_cost"
            else 100.0 * r.gap,
            "cuts_added": r.cuts_added,
            "cuts_removed": r.cuts_removed,
            "cuts_active": r.cuts_active,
            "cuts_relaxed": r.cuts_relaxed,
            "time_forward_ms": round(1e3 * r.forward_seconds),
            "time_backward_ms": round(1e3 * r.backward_seconds),
            "time_total_ms": round(1e3 * r.total_seconds),
            "forward_passes": r.forward_passes,
            "lp_solves": r.lp_solves,
            "lp_retries": r.retries,
            "lps_above_tolerance": r.lps_above_tolerance,
            "largest_gap": finite_or_none(r.largest_gap),
            "gap_of_bound": finite_or_none(r.gap_of_bound),
            "truncated_inflows": r.truncated_inflows,
            "lb_kind": record.lower_bound_kind,
            "wall_time_ms": round(1e3 * r.elapsed_seconds),
            "rss_mb": r.peak_memory_mb,
        }
        for r in record.iterations
    ]
    return pl.DataFrame(rows, schema=SCHEMAS["convergence"].polars_schema)


def inner_bound_frame(record: TrainingRecord) -> pl.DataFrame:
    """One row per evaluation of the deterministic upper bound."""
    rows = [
        {
            "iteration": one.iteration,
            "upper_bound_det": one.value,
            "least_upper_bound": one.upper_bound,
            "n_vertices": one.n_vertices,
            "lp_solves": one.lp_solves,
            "certified": one.certified,
            "time_ms": round(1e3 * one.seconds),
        }
        for one in record.inner_evaluations
    ]
    return _frame("diagnostics/inner_bound", rows)


def gaps_frame(record: TrainingRecord, stage_ids: Sequence[int]) -> pl.DataFrame:
    """One row per stage problem that was taken with a gap above tolerance."""
    bounds = {one.iteration: one.lower_bound for one in record.iterations}
    rows = [
        {
            **_place(gap, stage_ids),
            "trial": gap.trial,
            "opening": gap.opening,
            "bound": gap.bound,
            "gap": finite_or_none(gap.gap),
            "gap_share": gap_share(gap.gap, bounds.get(gap.iteration, math.nan)),
            "attempts": gap.attempts,
        }
        for gap in record.gaps
    ]
    return _frame("diagnostics/lp_gaps", rows)


def finite_or_none(value: float) -> float | None:
    """A number, or null for what is not known."""
    return value if math.isfinite(value) else None


def stopping_rules_frame(record: TrainingRecord) -> pl.DataFrame:
    """One row per iteration and stopping rule."""
    rows = [
        {
            "iteration": r.iteration,
            "rule_index": place,
            "rule": one.rule,
            "met": one.met,
            "value": one.value,
            "threshold": one.threshold,
            "detail": one.detail,
        }
        for r in record.iterations
        for place, one in enumerate(r.rules)
    ]
    return _frame("diagnostics/stopping_rules", rows)


def ranks_frame(record: TrainingRecord) -> pl.DataFrame:
    """How every rank spent its time, one row per iteration and rank."""
    rows = [
        {
            "iteration": r.iteration,
            "rank": r.rank,
            "forward_time_ms": round(1e3 * r.forward_seconds),
            "backward_time_ms": round(1e3 * r.backward_seconds),
            "communication_time_ms": round(1e3 * r.communication_seconds),
            "idle_time_ms": round(1e3 * r.idle_seconds),
            "lp_solves": r.lp_solves,
            "scenarios_processed": r.trajectories,
        }
        for r in record.rank_timings
    ]
    return pl.DataFrame(rows, schema=SCHEMAS["timing/mpi_ranks"].polars_schema)


def planes_frame(fitted: Sequence[FittedPlanes]) -> pl.DataFrame:
    """Computed planes, a row per hydro, stage and plane: a table that a case can read."""
    rows = [
        {
            "hydro_id": fit.hydro_id,
            "plane_id": plane.plane_id,
            "stage_id": stage_id,
            "gamma_0": plane.gamma_0,
            "gamma_v": plane.gamma_v,
            "gamma_q": plane.gamma_q,
            "gamma_s": plane.gamma_s,
            "kappa": plane.kappa,
            "valid_v_min_hm3": fit.volume_min_hm3,
            "valid_v_max_hm3": fit.volume_max_hm3,
            "valid_q_max_m3s": fit.max_turbined_m3s,
        }
        for fit in fitted
        for stage_id in fit.stage_ids
        for plane in fit.planes
    ]
    schema = SCHEMAS["fpha_hyperplanes"]
    return pl.DataFrame(rows, schema=dict(schema.polars_schema)).sort(schema.sort_keys)
