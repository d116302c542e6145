"""Pictures of a training: how its bounds met, what it learned, where the time went."""

from __future__ import annotations

from typing import Any

import polars as pl

from headwater.errors import UsageError
from headwater.report.costs import money_unit
from headwater.report.drawing import Drawing, band, bars, line
from headwater.report.theme import fan_color, series_color, source_color, theme

_STEPS = {
    "forward pass": ("forward_wall_ms",),
    "backward pass": ("backward_wall_ms",),
    "cut selection": ("cut_selection_ms",),
    "bounds": ("lower_bound_ms", "upper_bound_ms", "rule_simulation_ms"),
    "exchange between processes": ("mpi_allreduce_ms", "cut_sync_ms", "state_exchange_ms"),
    "checkpoints": ("checkpoint_ms",),
    "the rest": ("cut_batch_build_ms", "overhead_ms"),
}
"""Steps of an iteration -> their columns in ``timing/iterations``."""


def convergence(trace: pl.DataFrame, by: str = "iteration") -> Drawing:
    """The lower bound, and the cost that forward passes met with its 95 % interval.

    Args:
        trace: rows of ``training/convergence``.
        by: ``"iteration"`` or ``"time"``.

    Raises:
        UsageError: another ``by``.
    """
    if by not in ("iteration", "time"):
        raise UsageError(f"convergence is drawn by 'iteration' or 'time', got '{by}'")
    x = (
        trace["iteration"].to_list()
        if by == "iteration"
        else (trace["wall_time_ms"] / 1e3).to_list()
    )
    values = [
        one
        for name in ("lower_bound", "upper_bound_mean")
        for one in trace[name].drop_nulls().to_list()
    ]
    unit, word = money_unit(max(map(abs, values), default=0.0))
    mean, half = trace["upper_bound_mean"] / unit, trace["upper_bound_ci95"] / unit
    traces = [
        *band(
            x,
            (mean - half).to_list(),
            (mean + half).to_list(),
            ("95 % interval of the mean", "upper end of the interval"),
            0.18,
        ),
        line(x, mean.to_list(), "cost of the forward passes", fan_color(0.75), width=1.5),
        line(
            x,
            (trace["lower_bound"] / unit).to_list(),
            "lower bound",
            source_color("load"),
            meta={"ink": True},
            width=2.5,
        ),
    ]
    if trace["upper_bound_det"].is_not_null().any():
        traces.append(
            line(
                x,
                (trace["upper_bound_det"] / unit).to_list(),
                "upper bound",
                theme()["alarm"],
                dash="dash",
            )
        )
    low, high = _shown_range(trace, unit)
    x_title = "iteration" if by == "iteration" else "time since training started, s"
    layout: dict[str, Any] = {"yaxis": {"range": [low, high]}} if high > low else {}
    if by == "iteration":
        layout["xaxis"] = _iterations(x)
    return Drawing(
        "Bound and cost during training", traces, x_title, f"present value, {word}", layout
    )


def _shown_range(trace: pl.DataFrame, unit: float) -> tuple[float, float]:
    """The costs worth looking at: first iterations are far off and would flatten what follows."""
    later = trace.slice(min(trace.height // 10, trace.height - 1))
    values = [
        one / unit
        for name in ("lower_bound", "upper_bound_mean", "upper_bound_det")
        for one in later[name].drop_nulls()
    ]
    low, high = min(values, default=0.0), max(values, default=0.0)
    margin = 0.08 * (high - low)
    return low - margin, high + margin


_FEW_ITERATIONS = 12


def _iterations(x: list[int]) -> dict[str, Any]:
    """An axis of iterations; of a few every one is marked, and no fraction of one."""
    return {"dtick": 1} if len(x) <= _FEW_ITERATIONS else {}


def cuts(trace: pl.DataFrame) -> Drawing:
    """How many cuts the policy has after every iteration, and how many were ever made."""
    x = trace["iteration"].to_list()
    made = trace["cuts_active"][0] - trace["cuts_added"][0] + trace["cuts_removed"][0]
    ever = (trace["cuts_added"].cum_sum() + made).to_list()
    traces = [
        line(x, ever, "ever made", source_color("pumping"), dash="dot"),
        line(x, trace["cuts_active"].to_list(), "active", source_color("hydro"), fill="tozeroy"),
    ]
    traces[1]["fillcolor"] = fan_color(0.14)
    layout = {"xaxis": _iterations(x), "yaxis": {"rangemode": "tozero"}}
    return Drawing("Cuts of all stages", traces, "iteration", "cuts", layout)


def training_time(timing: pl.DataFrame) -> Drawing:
    """Where the time of every iteration went.

    Args:
        timing: rows of ``training/timing/iterations``.
    """
    whole = timing.filter(pl.col("worker_id").is_null() & pl.col("rank").is_null()).sort(
        "iteration"
    )
    x, traces = whole["iteration"].to_list(), []
    for position, (name, columns) in enumerate(_STEPS.items()):
        seconds = (
            whole.select(pl.sum_horizontal(pl.col(*columns).fill_null(0)) / 1e3)
            .to_series()
            .to_list()
        )
        if any(one > 0 for one in seconds):
            traces.append(bars(x, seconds, name, series_color(position)))
    layout = {
        "barmode": "stack",
        "bargap": 0.0 if len(x) > 60 else 0.1,
        "xaxis": _iterations(x),
    }
    return Drawing("Time of the iterations", traces, "iteration", "wall time, s", layout)


def problems_above_tolerance(trace: pl.DataFrame) -> Drawing:
    """Stage problems with a certified gap above tolerance, and those that took more attempts."""
    x = trace["iteration"].to_list()
    traces = [
        bars(
            x,
            trace["lp_retries"].to_list(),
            "took more than one attempt",
            source_color("contract_import"),
        ),
        bars(
            x,
            trace["lps_above_tolerance"].to_list(),
            "taken with a gap above tolerance",
            theme()["alarm"],
        ),
    ]
    layout = {"barmode": "group", "xaxis": _iterations(x), "yaxis": {"rangemode": "tozero"}}
    return Drawing(
        "Stage problems that were hard", traces, "iteration", "problems of the iteration", layout
    )
