"""Pictures of exchanges: flow on a line, use of all lines, and the network with its congestion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from headwater.arrays import Array
from headwater.errors import ResultsError
from headwater.model.named import EntityKey
from headwater.report.drawing import Drawing, escaped, heat, line, shortened
from headwater.report.fans import fan_traces, fans, scenario_traces
from headwater.report.outcome import Outcome
from headwater.report.theme import source_color, theme

_FLOW = 8
"""Code of limits of flows."""

_AT_LIMIT = 0.999
_LONGEST_NAME = 24
_WIDEST, _THINNEST = 9.0, 1.5


@dataclass(frozen=True)
class LineUse:
    """How a line was used over all scenarios and hours.

    Attributes:
        line_id, name: of the line.
        source, target: ids of the buses at its ends; flows to the target are positive.
        mean_mw: mean flow.
        least_mw, most_mw: limits, the mean over the hours of the study; the one towards the
            source is negative. ``None`` where they are not known.
        at_limit: share of the hours in which the flow is at a limit; ``None`` where these are not
            known.
    """

    line_id: int
    name: str
    source: int
    target: int
    mean_mw: float
    least_mw: float | None
    most_mw: float | None
    at_limit: float | None


def exchange(
    outcome: Outcome, line_key: EntityKey | None = None, scenarios: Sequence[str | int] = ()
) -> Drawing:
    """Mean flow of every stage on a line as a fan, or how much all lines are used.

    Args:
        outcome: the simulation.
        line_key: name or id of a line; flows to its target are positive. ``None`` draws the use of
            all lines, as a share of the limit in the direction of the flow.
        scenarios: drawn beside the fan.

    Raises:
        UnknownNameError: there is no such line.
        ResultsError: the run kept no table of exchanges, or its limits are not known.
    """
    if line_key is None:
        return _use_of_all(outcome)
    which = outcome.find("line", line_key)
    rows = outcome.kept("mean flows", lambda: _mean_flows(outcome))
    known = outcome.kept("flow fans", lambda: fans(outcome, rows, "mw", "line_id"))
    limits = outcome.limit("line", _FLOW).filter(pl.col("entity_id") == which)
    by_stage = {
        int(s): (a, b)
        for s, a, b in limits.select("stage_id", "lower_bound", "upper_bound").iter_rows()
    }
    style: dict[str, Any] = {"dash": "dot", "width": 1.2, "hoverinfo": "skip"}
    traces = fan_traces(outcome.middles, known[which])
    for side, name in enumerate(("limit towards the source", "limit towards the target")):
        values = [by_stage.get(one.stage_id, (None, None))[side] for one in outcome.stages]
        if by_stage:
            traces.append(line(outcome.middles, values, name, theme()["limit"], **style))
    mine = outcome.by_entity("flows", rows, "line_id")[which]
    traces += scenario_traces(outcome, mine, "mw", scenarios, outcome.middles)
    layout = {"xaxis": outcome.date_axis}
    title = f"{shortened(outcome.names('line')[which])}: flow"
    return Drawing(title, traces, "stage", "mean flow of the stage, MW", layout)


def _flows(outcome: Outcome) -> pl.DataFrame:
    rows = outcome.rows("exchanges", "net_flow_mw")
    return rows.join(outcome.hours, on=["stage_id", "block_id"])


def _mean_flows(outcome: Outcome) -> pl.DataFrame:
    mean = (pl.col("net_flow_mw") * pl.col("hours")).sum() / pl.col("hours").sum()
    return _flows(outcome).group_by("scenario_id", "stage_id", "line_id").agg(mw=mean)


def _with_use(outcome: Outcome) -> pl.DataFrame:
    """Flows with the limits of their blocks, and ``use``: their share of the limit."""
    limits = outcome.block_limits("line", _FLOW)
    if not limits.height:
        raise ResultsError("these results do not hold the limits of lines, which a training writes")
    rows = _flows(outcome).join(
        limits.rename({"entity_id": "line_id"}), on=["line_id", "stage_id", "block_id"], how="left"
    )
    flow = pl.col("net_flow_mw")
    limit = pl.when(flow >= 0).then(pl.col("upper_bound")).otherwise(pl.col("lower_bound"))
    return rows.with_columns(use=pl.when(limit.abs() > 0).then(flow / limit).otherwise(None))


def _use_of_all(outcome: Outcome) -> Drawing:
    rows = outcome.kept("use of lines", lambda: _with_use(outcome))
    mean = (pl.col("use") * pl.col("hours")).sum() / pl.col("hours").sum()
    known = {
        (int(i), int(s)): 100.0 * value
        for i, s, value in rows.group_by("line_id", "stage_id").agg(mean).iter_rows()
        if value is not None
    }
    names = outcome.names("line")
    values = [[known.get((i, one.stage_id)) for one in outcome.stages] for i in names]
    labels = [shortened(name, _LONGEST_NAME) for name in names.values()]
    traces = [heat(outcome.middles, _different(labels), values, "% of the limit", zmin=0, zmax=100)]
    layout = {
        "xaxis": outcome.date_axis,
        "yaxis": {"type": "category"},
        "hovermode": "closest",
    }
    return Drawing("Use of the lines, mean of all scenarios", traces, "stage", "line", layout)


def _different(labels: Sequence[str]) -> list[str]:
    """Labels no two of which are alike, as an axis needs them."""
    seen: dict[str, int] = {}
    found = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        found.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return found


def uses_of_lines(outcome: Outcome) -> list[LineUse]:
    """How every line was used, those that are most often at a limit first.

    Raises:
        ResultsError: the run kept no table of exchanges, or does not say where lines lead.
    """
    ends = {
        one["line_id"]: (one["source_bus_id"], one["target_bus_id"])
        for one in outcome.leads["lines"]
    }
    limited = bool(outcome.block_limits("line", _FLOW).height)
    rows = outcome.kept("use of lines", lambda: _with_use(outcome)) if limited else _flows(outcome)
    hours = pl.col("hours")

    def mean(of: pl.Expr) -> pl.Expr:
        return (of * hours).sum() / hours.sum()

    wanted = {"mean_mw": mean(pl.col("net_flow_mw"))}
    if limited:
        at_limit = pl.col("use").fill_null(0.0) >= _AT_LIMIT
        wanted |= {
            "least_mw": mean(pl.col("lower_bound")),
            "most_mw": mean(pl.col("upper_bound")),
            "at_limit": mean(at_limit.cast(pl.Float64)),
        }
    names = outcome.names("line")
    none = {"least_mw": None, "most_mw": None, "at_limit": None}
    found = [
        LineUse(i, names[i], *ends[i], **{**none, **row})
        for row in rows.group_by("line_id").agg(**wanted).to_dicts()
        for i in (int(row.pop("line_id")),)
    ]
    return sorted(found, key=lambda one: (-(one.at_limit or 0.0), one.line_id))


def network(outcome: Outcome) -> Drawing:
    """The buses, placed by how they are connected, and the lines between them.

    A line is as wide as its mean flow, which goes where the arrow points; the colour of its middle
    says how often it is at a limit.

    Raises:
        ResultsError: the run kept no table of exchanges, or does not say where lines lead.
        UsageError: networkx is not installed.
    """
    uses = uses_of_lines(outcome)
    places = _places(outcome, uses)
    largest = max((abs(one.mean_mw) for one in uses), default=0.0) or 1.0
    between: dict[frozenset[int], int] = {}
    traces: list[dict[str, Any]] = []
    middles: list[tuple[float, float]] = []
    arrows: list[dict[str, Any]] = []
    for use in uses:
        pair = frozenset((use.source, use.target))
        number = between[pair] = between.get(pair, -1) + 1
        a, b = places[use.source], places[use.target]
        middle = _bent(places[min(pair)], places[max(pair)], number)
        width = max(_THINNEST, _WIDEST * abs(use.mean_mw) / largest)
        path = ([a[0], middle[0], b[0]], [a[1], middle[1], b[1]])
        drawn = line(*path, shortened(use.name), theme()["limit"], width=width, shape="spline")
        traces.append({**drawn, "hoverinfo": "skip", "showlegend": False, "opacity": 0.6})
        middles.append(middle)
        arrows.append(_arrow(middle, a if use.mean_mw < 0 else b))
    traces.append(_marks_of_lines(outcome, uses, middles))
    traces.append(_marks_of_buses(outcome, places))
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    layout = {
        "xaxis": {**hidden, "range": [-1.35, 1.35]},
        "yaxis": {**hidden, "range": [-1.25, 1.25]},
        "hovermode": "closest",
        "showlegend": False,
        "annotations": arrows,
    }
    return Drawing("Network: mean flows and congestion", traces, "", "", layout)


def _places(outcome: Outcome, uses: Sequence[LineUse]) -> dict[int, tuple[float, float]]:
    """Where buses stand, within -1 and 1; always the same for the same network."""
    try:
        import networkx as nx
    except ImportError:
        from headwater.errors import UsageError

        raise UsageError(
            "a drawn network needs networkx: pip install 'headwater[report]'"
        ) from None
    graph = nx.Graph()
    graph.add_nodes_from(outcome.ids("bus"))
    graph.add_edges_from((one.source, one.target) for one in uses)
    connected = graph.number_of_nodes() > 2 and graph.number_of_nodes() <= _MOST_BY_DISTANCE
    if connected and nx.is_connected(graph):
        placed = nx.kamada_kawai_layout(graph)
    else:
        placed = nx.spring_layout(graph, seed=1, iterations=200)
    ids = [int(bus) for bus in placed]
    turned = _turned(np.array([placed[bus] for bus in placed], np.float64).reshape(-1, 2))
    return {bus: (float(x), float(y)) for bus, (x, y) in zip(ids, turned, strict=True)}


def _turned(places: Array) -> Array:
    """Places ``[bus, axis]`` turned so that they spread from left to right, where a page is wide.

    Stretched to the whole width as well, and the first bus on the left half; the layout has no
    scale that could be spoiled.
    """
    if len(places) < 2:
        return np.zeros_like(places)
    centred = places - places.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned: Array = centred @ axes.T
    turned = turned * np.where(turned[0] > 0, -1.0, 1.0)
    reach = np.abs(turned).max(axis=0)
    flat = reach[1] < _FLAT * reach[0]
    scale = np.where(reach > 0, 1.0 / np.where(reach > 0, reach, 1.0), 1.0)
    turned = turned * (np.array([scale[0], 0.0]) if flat else scale)
    return turned


_FLAT = 0.05
"""A network that is less high than this share of its width is a chain."""


_MOST_BY_DISTANCE = 150
"""Buses up to which the time of placing them by their distances does not matter."""


def _bent(a: tuple[float, float], b: tuple[float, float], number: int) -> tuple[float, float]:
    """The middle of a line; parallel lines bend to one side and to the other in turn."""
    x, y = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    aside = 0.12 * ((number + 1) // 2) * (1 if number % 2 else -1)
    return x - aside * (b[1] - a[1]), y + aside * (b[0] - a[0])


def _arrow(middle: tuple[float, float], end: tuple[float, float]) -> dict[str, Any]:
    """An arrow on a line, between its middle and the bus that receives."""
    head = [m + 0.45 * (e - m) for m, e in zip(middle, end, strict=True)]
    tail = [m + 0.35 * (e - m) for m, e in zip(middle, end, strict=True)]
    return {
        "x": head[0], "y": head[1], "ax": tail[0], "ay": tail[1],
        "xref": "x", "yref": "y", "axref": "x", "ayref": "y",
        "showarrow": True, "arrowhead": 2, "arrowsize": 1.6, "arrowwidth": 1.6,
        "arrowcolor": theme()["limit"], "text": "",
    }  # fmt: skip


def _marks_of_lines(
    outcome: Outcome, uses: Sequence[LineUse], middles: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    buses = outcome.names("bus")
    texts = []
    for use in uses:
        sent, got = (use.source, use.target) if use.mean_mw >= 0 else (use.target, use.source)
        text = f"{shortened(use.name)}: {abs(use.mean_mw):,.0f} MW from {shortened(buses[sent])}"
        text += f" to {shortened(buses[got])} on average"
        if use.at_limit is not None:
            text += f", at a limit in {100 * use.at_limit:.0f} % of the hours"
        texts.append(escaped(text))
    scale = {"title": {"text": "hours at a limit, %", "side": "right"}, "thickness": 12}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "lines",
        "x": [x for x, _ in middles],
        "y": [y for _, y in middles],
        "hovertext": texts,
        "hoverinfo": "text",
        "marker": {
            "size": 15,
            "color": [None if one.at_limit is None else 100.0 * one.at_limit for one in uses],
            "colorscale": theme()["scale"],
            "cmin": 0,
            "cmax": 100,
            "colorbar": scale,
            "line": {"width": 1, "color": theme()["limit"]},
        },
    }


def _marks_of_buses(outcome: Outcome, places: dict[int, tuple[float, float]]) -> dict[str, Any]:
    names = outcome.names("bus")
    load = _mean_load(outcome)
    from_left = sorted(names, key=lambda i: places[i])
    sides = {
        i: ("top", "bottom")[number % 2 if places[i][1] == 0 else places[i][1] < 0]
        for number, i in enumerate(from_left)
    }
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": "buses",
        "x": [places[i][0] for i in names],
        "y": [places[i][1] for i in names],
        "text": [escaped(shortened(name, _LONGEST_NAME)) for name in names.values()],
        "textposition": [f"{sides[i]} center" for i in names],
        "hovertext": [
            escaped(f"{shortened(name)}: mean load {load.get(i, 0.0):,.0f} MW")
            for i, name in names.items()
        ],
        "hoverinfo": "text",
        "marker": {"size": 20, "color": source_color("hydro"), "symbol": "square"},
    }


def _mean_load(outcome: Outcome) -> dict[int, float]:
    if "buses" not in outcome.tables:
        return {}
    rows = outcome.rows("buses", "load_mwh", "deficit_mwh", "excess_mwh")
    hours = sum(one.hours for one in outcome.stages) * max(1, rows["scenario_id"].n_unique())
    return {
        int(i): mwh / hours
        for i, mwh in rows.group_by("bus_id").agg(pl.col("load_mwh").sum()).iter_rows()
    }
