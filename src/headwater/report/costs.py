"""Pictures of costs and of risk: what is spent when, how scenarios differ, deficits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from headwater.core.equipment import EQUIPMENT
from headwater.errors import ResultsError
from headwater.report.drawing import Drawing, bars, line, shortened
from headwater.report.outcome import Outcome
from headwater.report.theme import series_color, source_color, theme
from headwater.results.statistics import SMALL_MWH, worst_mean

_GROUPS = {
    "recourse": ("deficit and excess", "deficit"),
    "violation": ("limits broken", "losses"),
    "regularization": ("spillage, exchanges and the like", "pumping"),
}
"""Categories of cost that are drawn as one -> their name, and the source whose colour they have."""

_COLORS = {"thermal_cost": "thermal", "contract_cost": "contract_import"}
_BINS = 30


def costs(outcome: Outcome) -> Drawing:
    """Mean cost of every stage by category, in $ of the stage.

    Raises:
        ResultsError: the run kept no table of costs.
    """
    parts = _parts(outcome.rows("costs").columns)
    frame = _by_stage(outcome, [one for _, columns in parts.values() for one in columns])
    sums = {name: frame.select(columns).sum_horizontal() for name, (_, columns) in parts.items()}
    sizes = {name: float(np.max(np.abs(one.to_numpy()), initial=0.0)) for name, one in sums.items()}
    unit, word = money_unit(max(sizes.values()))
    traces = [
        bars(outcome.middles, (values / unit).to_list(), name, parts[name][0])
        for name, values in sums.items()
        if sizes[name]
    ]
    layout = {
        "barmode": "relative",
        "bargap": 0.08,
        "xaxis": outcome.date_axis,
    }
    return Drawing(
        "Cost of every stage, mean of all scenarios",
        traces,
        "stage",
        f"cost of the stage, {word}",
        layout,
    )


def _parts(there: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    """What is drawn: its name -> its colour and the columns of the table of costs that it sums.

    Together they are the immediate cost. Kinds of equipment that the system lacks have no column.

    Args:
        there: columns of the table of costs.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for cost in (one for one in EQUIPMENT.costs if one.name in there):
        if cost.category == "resource":
            color = (
                source_color(_COLORS[cost.name])
                if cost.name in _COLORS
                else series_color(len(found))
            )
            found[cost.meaning.partition(",")[0]] = color, [cost.name]
        elif cost.category in _GROUPS:
            name, source = _GROUPS[cost.category]
            found.setdefault(name, (source_color(source), []))[1].append(cost.name)
    return found


def _by_stage(outcome: Outcome, columns: Sequence[str]) -> pl.DataFrame:
    """Mean of some columns of the table of costs over the scenarios, a row for every stage."""
    rows = outcome.rows("costs")
    n_scenarios = rows["scenario_id"].n_unique()
    mean = rows.group_by("stage_id").agg(pl.col(*columns).sum() / n_scenarios)
    order = pl.DataFrame(
        {"stage_id": [one.stage_id for one in outcome.stages]}, schema={"stage_id": pl.Int32}
    )
    return order.join(mean, on="stage_id", how="left", maintain_order="left").fill_null(0.0)


def money_unit(largest: float) -> tuple[float, str]:
    """A unit in which amounts are short: its size in $, and its name."""
    for size, word in ((1e9, "billion $"), (1e6, "million $"), (1e3, "thousand $")):
        if largest >= 2.0 * size:
            return size, word
    return 1.0, "$"


def cost_distribution(
    totals: Sequence[float], bound: float | None = None, tail_fraction: float = 0.05
) -> Drawing:
    """How total costs of scenarios are spread, with their mean and the mean of the worst.

    Args:
        totals: present value of the costs of each scenario, $.
        bound: lower bound of the expected cost, $; ``None`` draws none.
        tail_fraction: share of the worst scenarios whose mean is drawn.
    """
    values = np.asarray(totals, np.float64)
    if not values.size:
        raise ResultsError("there is no scenario whose cost could be drawn")
    unit, word = money_unit(float(np.max(np.abs(values))))
    counts, edges = np.histogram(values / unit, min(_BINS, max(5, int(2 * np.sqrt(values.size)))))
    middles, shares = (edges[:-1] + edges[1:]) / 2, 100.0 * counts / values.size
    traces = [bars(middles.tolist(), shares.tolist(), "scenarios", source_color("hydro"))]
    worst = f"mean of the worst {100 * tail_fraction:g} %"
    marks = [("mean", float(values.mean()), source_color("load"), "solid")]
    if bound is not None:
        marks.append(("lower bound of the mean", bound, source_color("renewable"), "dash"))
    marks.append((worst, worst_mean(values, tail_fraction), theme()["alarm"], "dot"))
    top = 1.05 * float(shares.max())
    for name, value, color, dash in marks:
        more = {"meta": {"ink": True}} if name == "mean" else {}
        traces.append(line([value / unit] * 2, [0.0, top], name, color, dash=dash, **more))
    layout = {"bargap": 0.04, "hovermode": "closest"}
    return Drawing(
        "Total cost of the scenarios",
        traces,
        f"present value of all costs, {word}",
        "share of scenarios, %",
        layout,
    )


def deficit_probability(outcome: Outcome) -> Drawing:
    """In how many scenarios load is not served, by stage, for the system and its buses.

    Raises:
        ResultsError: the run kept no table of buses.
    """
    rows, n_scenarios = _deficits(outcome)
    traces = []
    for position, (name, mine) in enumerate(_places(outcome, rows)):
        hit = (
            mine.group_by("scenario_id", "stage_id")
            .agg(pl.col("deficit_mwh").sum())
            .filter(pl.col("deficit_mwh") > SMALL_MWH)
        )
        count = dict(hit.group_by("stage_id").len().iter_rows())
        share = [100.0 * count.get(one.stage_id, 0) / n_scenarios for one in outcome.stages]
        if position == 0:
            traces.append(bars(outcome.middles, share, name, source_color("deficit")))
        else:
            points = {"mode": "markers", "marker": {"size": 7, "color": series_color(position - 1)}}
            traces.append(
                line(
                    outcome.middles,
                    [one or None for one in share],
                    name,
                    series_color(position - 1),
                    **points,
                )
            )
    layout = {
        "bargap": 0.08,
        "xaxis": outcome.date_axis,
        "yaxis": {"rangemode": "tozero"},
    }
    return Drawing(
        "Probability that load is not served", traces, "stage", "share of scenarios, %", layout
    )


def deficit_depth(outcome: Outcome) -> Drawing:
    """How much load is not served, by stage: the mean where it happens, and the worst scenario.

    Raises:
        ResultsError: the run kept no table of buses.
    """
    rows, _ = _deficits(outcome)
    total = rows.group_by("scenario_id", "stage_id").agg(pl.col("deficit_mwh", "load_mwh").sum())
    share = total.with_columns(
        share=pl.when(pl.col("load_mwh") > 0).then(
            100.0 * pl.col("deficit_mwh") / pl.col("load_mwh")
        )
    )
    hit = share.filter(pl.col("deficit_mwh") > SMALL_MWH)
    by = {
        s: (mean, worst)
        for s, mean, worst in hit.group_by("stage_id")
        .agg(m=pl.col("share").mean(), w=pl.col("share").max())
        .iter_rows()
    }
    mean, worst = zip(*(by.get(one.stage_id, (0.0, None)) for one in outcome.stages), strict=True)
    traces = [
        bars(
            outcome.middles, mean, "mean of the scenarios with a deficit", source_color("deficit")
        ),
        line(
            outcome.middles,
            worst,
            "worst scenario",
            source_color("load"),
            mode="markers",
            meta={"ink": True},
        ),
    ]
    layout = {
        "bargap": 0.08,
        "xaxis": outcome.date_axis,
        "yaxis": {"rangemode": "tozero"},
    }
    return Drawing(
        "Depth of the deficit", traces, "stage", "load that is not served, % of the load", layout
    )


def _deficits(outcome: Outcome) -> tuple[pl.DataFrame, int]:
    rows = outcome.rows("buses", "load_mwh", "deficit_mwh", "excess_mwh")
    return rows, max(1, rows["scenario_id"].n_unique())


def _places(outcome: Outcome, rows: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """The system, and the buses where load is not served at all times."""
    names = outcome.names("bus")
    hit = rows.filter(pl.col("deficit_mwh") > SMALL_MWH)["bus_id"].unique().sort().to_list()
    of_buses = (
        [(shortened(names[i]), rows.filter(pl.col("bus_id") == i)) for i in hit]
        if len(names) > 1
        else []
    )
    return [("any bus", rows), *of_buses]
