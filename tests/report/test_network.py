"""Pictures of exchanges show mean flows, limits, and full lines, counted a second time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
from headwater.report.network import _turned, exchange, network, uses_of_lines
from headwater.report.outcome import Outcome

pytest.importorskip("networkx", reason="networkx is not installed")


@pytest.fixture
def example(example_output: Path) -> Outcome:
    return Outcome.of_results(hw.load_results(example_output))


def test_mean_flows_and_full_hours_are_those_of_the_table(example: Outcome):
    hours = {
        (one.stage_id, block): h
        for one in example.stages
        for block, h in enumerate(one.block_hours)
    }
    limits = {
        (i, s, b): (low, high)
        for _, i, s, b, code, low, high in example.limits.filter(
            pl.col("entity_type_code") == 3
        ).iter_rows()
        if code == 8
    }
    for use in uses_of_lines(example):
        rows = example.rows("exchanges", "net_flow_mw").filter(pl.col("line_id") == use.line_id)
        energy = full = total = 0.0
        for _, stage, block, _, flow in rows.select(
            "scenario_id", "stage_id", "block_id", "line_id", "net_flow_mw"
        ).iter_rows():
            low, high = limits[use.line_id, stage, block]
            h = hours[stage, block]
            energy, total = energy + flow * h, total + h
            full += h * (flow >= 0.999 * high > 0 or flow <= 0.999 * low < 0)
        assert use.mean_mw == pytest.approx(energy / total)
        assert use.at_limit == pytest.approx(full / total)
        assert use.least_mw < 0 < use.most_mw
    shares = [use.at_limit for use in uses_of_lines(example)]
    assert shares == sorted(shares, reverse=True)
    assert max(shares) > 0.05


def test_every_bus_and_line_stands_on_the_network_and_arrows_follow_the_flow(example: Outcome):
    drawn = network(example)
    lines, buses = drawn.traces[-2], drawn.traces[-1]
    assert len(lines["x"]) == 5
    assert buses["text"] == ["Highlands", "Coast", "South", "Drylands", "Junction"]
    places = dict(zip(buses["text"], zip(buses["x"], buses["y"], strict=True), strict=True))
    assert len(set(places.values())) == 5
    names = example.names("bus")
    for use, arrow in zip(uses_of_lines(example), drawn.layout["annotations"], strict=True):
        receiver = np.array(places[names[use.target if use.mean_mw >= 0 else use.source]])
        head, tail = np.array([arrow["x"], arrow["y"]]), np.array([arrow["ax"], arrow["ay"]])
        assert np.linalg.norm(receiver - head) < np.linalg.norm(receiver - tail)
    assert network(example).traces[-1]["x"] == buses["x"]  # the same picture every time


def test_a_chain_of_buses_lies_from_left_to_right_with_its_names_above_and_below():
    """However the buses were placed, and the first one on the left."""
    angle = 0.7
    along = np.array([np.cos(angle), np.sin(angle)])
    turned = _turned(np.outer([0.9, 0.3, -0.3, -0.9], along))
    assert turned[:, 0] == pytest.approx([-1.0, -1 / 3, 1 / 3, 1.0])
    assert turned[:, 1].tolist() == [0.0] * 4
    triangle = _turned(np.array([[0.0, 0.0], [0.1, 1.0], [0.0, 2.0]]))
    assert np.abs(triangle).max(axis=0) == pytest.approx([1.0, 1.0])
    assert triangle[0, 0] == -1.0
    assert _turned(np.array([[0.4, 0.2]])).tolist() == [[0.0, 0.0]]


def test_the_flow_of_a_line_is_drawn_between_its_limits(example: Outcome):
    drawn = {trace["name"]: trace["y"] for trace in exchange(example, "South to Coast").traces}
    low, high = drawn["limit towards the source"], drawn["limit towards the target"]
    assert all(
        a - 1e-6 <= y <= b + 1e-6 for a, y, b in zip(low, drawn["median"], high, strict=True)
    )
    with pytest.raises(hw.UnknownNameError, match="did you mean 'South to Coast'"):
        exchange(example, "South to Cost")


def test_the_use_of_all_lines_is_a_share_of_their_limits(example: Outcome):
    (table,) = exchange(example).traces
    z = np.array(table["z"], float)
    assert z.shape == (5, 24)
    assert z.min() >= 0.0
    assert z.max() <= 100.0 + 1e-6
