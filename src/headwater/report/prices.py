"""Pictures of marginal costs of energy and of what simulated water is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from headwater.report.drawing import Drawing, heat, line, shortened
from headwater.report.fans import Fan, fan_traces, fans, scenario_traces
from headwater.report.outcome import Outcome
from headwater.report.theme import series_color

MOST_LINES = 8
"""Buses that are drawn as lines; more are drawn as a table of colours."""

_UNIT = "marginal cost of energy, $/MWh"


def prices(
    outcome: Outcome, bus: str | int | None = None, scenarios: Sequence[str | int] = ()
) -> Drawing:
    """Marginal cost of energy in every stage, the mean over its hours.

    Args:
        outcome: the simulation.
        bus: name or id, for a fan of scenarios; ``None`` for the mean of every bus.
        scenarios: drawn beside the fan of a bus: numbers, or names of
            `headwater.report.fans.named_scenarios`.

    Raises:
        UnknownNameError: there is no such bus or scenario.
        ResultsError: the run kept no table of buses.
    """
    known: Mapping[int, Fan] = outcome.kept(
        "price fans", lambda: fans(outcome, stage_prices(outcome), "price", "bus_id")
    )
    layout = {"xaxis": outcome.date_axis}
    if bus is not None:
        which = outcome.find("bus", bus)
        rows = outcome.by_entity("prices", stage_prices(outcome), "bus_id")[which]
        traces = [
            *fan_traces(outcome.middles, known[which]),
            *scenario_traces(outcome, rows, "price", scenarios, outcome.middles),
        ]
        return Drawing(
            f"{shortened(outcome.names('bus')[which])}: price", traces, "stage", _UNIT, layout
        )
    names = outcome.names("bus")
    title = "Prices, mean of all scenarios"
    if len(names) <= MOST_LINES:
        traces = [
            line(outcome.middles, known[i]["mean"], shortened(name), series_color(position))
            for position, (i, name) in enumerate(names.items())
            if i in known
        ]
        return Drawing(title, traces, "stage", _UNIT, layout)
    shown = {i: shortened(name, 24) for i, name in names.items() if i in known}
    traces = [heat(outcome.middles, [*shown.values()], [known[i]["mean"] for i in shown], "$/MWh")]
    return Drawing(
        title,
        traces,
        "stage",
        "bus",
        {**layout, "hovermode": "closest", "yaxis": {"type": "category"}},
    )


def stage_prices(outcome: Outcome) -> pl.DataFrame:
    """Price of every scenario, stage and bus, the mean over the hours of the stage in $/MWh."""

    def make() -> pl.DataFrame:
        rows = outcome.rows("buses", "spot_price").join(outcome.hours, on=["stage_id", "block_id"])
        mean = (pl.col("spot_price") * pl.col("hours")).sum() / pl.col("hours").sum()
        return rows.group_by("scenario_id", "stage_id", "bus_id").agg(price=mean)

    return outcome.kept("stage prices", make)


def water_values(
    outcome: Outcome, hydro: str | int, scenarios: Sequence[str | int] = ()
) -> Drawing:
    """What one more hm3 at the start of every stage was worth in the simulated scenarios.

    Args:
        outcome: the simulation.
        hydro: name or id of a plant.
        scenarios: drawn beside the fan.

    Raises:
        UnknownNameError: there is no such plant or scenario.
        ResultsError: the run kept no table of plants.
    """
    which = outcome.find("hydro", hydro)
    rows = outcome.kept(
        "water",
        lambda: outcome.rows("hydros", "water_value_per_hm3").filter(pl.col("block_id") == 0),
    )
    known = outcome.kept(
        "water fans", lambda: fans(outcome, rows, "water_value_per_hm3", "hydro_id")
    )
    mine = outcome.by_entity("water", rows, "hydro_id")[which]
    traces = [
        *fan_traces(outcome.starts, known[which]),
        *scenario_traces(outcome, mine, "water_value_per_hm3", scenarios, outcome.starts),
    ]
    layout = {"xaxis": outcome.date_axis}
    title = f"{shortened(outcome.names('hydro')[which])}: simulated water value"
    return Drawing(title, traces, "start of the stage", "worth of one more hm3, $/hm3", layout)
