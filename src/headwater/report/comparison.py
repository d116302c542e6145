"""Pictures of two runs beside each other, and how sure their difference is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater.report.costs import money_unit
from headwater.report.drawing import Drawing, band, bars, line, shortened
from headwater.report.fans import fans
from headwater.report.outcome import Outcome
from headwater.report.prices import stage_prices
from headwater.report.theme import series_color, source_color
from headwater.results.reader import Results

_BINS = 30
_SAME = 1e-9
"""Relative difference up to which inflows count as the same."""


@dataclass(frozen=True)
class CostDifference:
    """How much more the second run costs than the first, present value in $.

    Attributes:
        first, second: mean cost of each.
        ci95: half width of the 95 % interval of the difference.
        n: scenarios that were compared.
        is_paired: whether these are the same futures, scenario by scenario, so that the difference
            of each counts.
        differences: ``[scenario]`` of a paired comparison, else empty.
    """

    first: float
    second: float
    ci95: float
    n: int
    is_paired: bool
    differences: NDArray[np.float64]

    @property
    def difference(self) -> float:
        """Mean of the second less mean of the first."""
        return self.second - self.first

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves zero out."""
        return abs(self.difference) > self.ci95


def cost_difference(one: Results, other: Results) -> CostDifference:
    """Compare the costs of two simulations.

    Where both saw the same inflows in scenarios of the same number, their difference is taken
    scenario by scenario, which
    leaves most of the chance out; otherwise the two means are compared as of independent samples.
    """
    costs = [_totals(results) for results in (one, other)]
    both = (
        costs[0].join(costs[1], on="scenario_id", suffix="_other", how="inner").sort("scenario_id")
    )
    if both.height and _same_futures(one, other, both["scenario_id"].to_list()):
        first, second = both["total_cost"].to_numpy(), both["total_cost_other"].to_numpy()
        difference = second - first
        half = _half_width(difference)
        return CostDifference(
            float(first.mean()), float(second.mean()), half, len(first), True, difference
        )
    a, b = (frame["total_cost"].to_numpy() for frame in costs)
    half = float(np.hypot(_half_width(a), _half_width(b)))
    none = np.zeros(0)
    return CostDifference(float(a.mean()), float(b.mean()), half, min(len(a), len(b)), False, none)


def _totals(results: Results) -> pl.DataFrame:
    return results.summary.select("scenario_id", "total_cost").drop_nulls()


def _half_width(values: NDArray[np.float64]) -> float:
    n = len(values)
    return float(1.96 * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else 0.0


def _same_futures(one: Results, other: Results, scenarios: list[int]) -> bool:
    """Whether the inflows of some scenarios are the same in both."""
    if "hydros" not in one.tables or "hydros" not in other.tables:
        return False
    keys = ["scenario_id", "stage_id", "hydro_id"]
    column = "incremental_inflow_m3s"
    frames = [
        results.table("hydros", names=False, columns=[column])
        .filter((pl.col("block_id") == 0) & pl.col("scenario_id").is_in(scenarios))
        .select(*keys, column)
        for results in (one, other)
    ]
    if frames[0].height != frames[1].height:
        return False
    both = frames[0].join(frames[1], on=keys, suffix="_other", how="inner")
    size = pl.max_horizontal(pl.col(column).abs(), pl.col(f"{column}_other").abs(), pl.lit(1.0))
    apart = ((pl.col(column) - pl.col(f"{column}_other")).abs() / size).max()
    return both.height == frames[0].height and float(both.select(apart).item() or 0.0) <= _SAME


def run_names(one: Results, other: Results) -> tuple[str, str]:
    """Short names of two runs: of their directories, as long as it takes to tell them apart."""
    parts = [results.directory.absolute().parts for results in (one, other)]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(path[-length:]) for path in parts]
        if names[0] != names[1]:
            return shortened(names[0]), shortened(names[1])
    return "first", "second"


def difference_of_costs(found: CostDifference, names: tuple[str, str]) -> Drawing:
    """How the difference is spread over scenarios that are the same in both runs."""
    unit, word = money_unit(float(np.max(np.abs(found.differences), initial=0.0)))
    counts, edges = np.histogram(found.differences / unit, bins=_BINS)
    middles, shares = (edges[:-1] + edges[1:]) / 2, 100.0 * counts / max(1, found.n)
    top = 1.05 * float(shares.max(initial=0.0))
    mean, half = found.difference / unit, found.ci95 / unit
    traces = [
        bars(middles.tolist(), shares.tolist(), "scenarios", source_color("hydro")),
        line([mean, mean], [0.0, top], "mean", source_color("load"), meta={"ink": True}),
        line(
            [mean - half] * 2,
            [0.0, top],
            "95 % interval of the mean",
            source_color("losses"),
            dash="dot",
        ),
        line(
            [mean + half] * 2,
            [0.0, top],
            "its upper end",
            source_color("losses"),
            dash="dot",
            showlegend=False,
        ),
    ]
    title = f"Cost of {names[1]} less cost of {names[0]}"
    layout = {"bargap": 0.04, "hovermode": "closest"}
    return Drawing(
        title, traces, f"difference of the present value, {word}", "share of scenarios, %", layout
    )


def costs_beside(totals: tuple[list[float], list[float]], names: tuple[str, str]) -> Drawing:
    """How total costs are spread: the share of scenarios that cost at most as much."""
    unit, word = money_unit(max((abs(one) for both in totals for one in both), default=0.0))
    traces = []
    for position, (name, values) in enumerate(zip(names, totals, strict=True)):
        ordered = np.sort(np.asarray(values, np.float64)) / unit
        shares = 100.0 * np.arange(1, len(ordered) + 1) / max(1, len(ordered))
        traces.append(
            line(ordered.tolist(), shares.tolist(), name, series_color(position), shape="hv")
        )
    title, x_title = "Total costs of the scenarios", f"present value of all costs, {word}"
    return Drawing(
        title, traces, x_title, "share of scenarios at or below, %", {"hovermode": "closest"}
    )


def storage_beside(outcomes: tuple[Outcome, Outcome], names: tuple[str, str]) -> Drawing:
    """Water in all reservoirs at the end of every stage: median and eight in ten of either run."""
    return _beside(outcomes, names, _stored, "All reservoirs: stored water", "stored water, hm3")


def prices_beside(outcomes: tuple[Outcome, Outcome], names: tuple[str, str]) -> Drawing:
    """Price of every stage, the mean of all buses weighted by their load, of either run."""
    return _beside(
        outcomes, names, _system_price, "Price of the system", "marginal cost of energy, $/MWh"
    )


def _stored(outcome: Outcome) -> pl.DataFrame:
    rows = outcome.rows("hydros", "storage_final_hm3").sort("block_id", maintain_order=True)
    ends = rows.group_by("scenario_id", "stage_id", "hydro_id").agg(
        value=pl.col("storage_final_hm3").last()
    )
    return ends.group_by("scenario_id", "stage_id").agg(pl.col("value").sum())


def _system_price(outcome: Outcome) -> pl.DataFrame:
    loads = outcome.rows("buses", "load_mwh", "deficit_mwh", "excess_mwh")
    load = loads.group_by("scenario_id", "stage_id", "bus_id").agg(pl.col("load_mwh").sum())
    rows = stage_prices(outcome).join(load, on=["scenario_id", "stage_id", "bus_id"])
    weighed = (pl.col("price") * pl.col("load_mwh")).sum() / pl.col("load_mwh").sum()
    return rows.group_by("scenario_id", "stage_id").agg(value=weighed)


def _beside(
    outcomes: tuple[Outcome, Outcome],
    names: tuple[str, str],
    rows_of: Callable[[Outcome], pl.DataFrame],
    title: str,
    unit: str,
) -> Drawing:
    traces = []
    for position, (outcome, name) in enumerate(zip(outcomes, names, strict=True)):
        fan = fans(outcome, rows_of(outcome), "value")[-1]
        color = series_color(position)
        lower = f"{name}: 8 of 10 scenarios"
        area = band(
            outcome.ends, fan["p10"], fan["p90"], (lower, f"{name}: 9 of 10 are below"), 0.2
        )
        area[1]["fillcolor"] = f"rgba({_rgb(color)},0.18)"
        traces += [*area, line(outcome.ends, fan["p50"], f"{name}: median", color)]
    layout = {
        "xaxis": outcomes[0].date_axis,
        "yaxis": {"rangemode": "tozero"},
    }
    return Drawing(f"{title} in both runs", traces, "end of the stage", unit, layout)


def _rgb(color: str) -> str:
    return ",".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))
