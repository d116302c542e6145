"""What Headwater found for the submarkets of a deck, in the quantities that NEWAVE states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from headwater.core.equipment import EQUIPMENT
from headwater.errors import UsageError
from headwater.imports.newave.energy import MarketWater
from headwater.imports.newave.hydros import HydroSystem
from headwater.imports.newave.outputs import (
    HYDRO,
    INFLOW,
    PRICE,
    STORED,
    STORED_SHARE,
    THERMAL,
    Series,
)
from headwater.imports.newave.settings import Settings
from headwater.results.reader import Results

Means = dict[tuple[str, int], Series]
"""Quantity and submarket -> month -> mean over the scenarios."""


@dataclass(frozen=True)
class OwnStudy:
    """What results of a deck's case are read with.

    Attributes:
        settings: of the deck.
        system: its hydro plants.
        thermal_markets: thermal plant -> submarket.
    """

    settings: Settings
    system: HydroSystem
    thermal_markets: Mapping[int, int]


def own_means(results: Results, study: OwnStudy) -> Means:
    """Means over the scenarios by quantity, submarket and month of the study.

    Raises:
        UsageError: the results are not of a case made of this deck, or have no simulation.
    """
    if not results.has_simulation:
        raise UsageError(
            f"{results.directory} has no simulation to compare; run 'headwater simulate' first"
        )
    _check(results, study)
    horizon = study.settings.horizon
    found: Means = {}
    months = dict(enumerate(horizon.months[: horizon.n_study]))
    _add_water(results, study, months, found)
    _add_prices(results, study, months, found)
    if "thermals" in results.tables:
        rows = _mean_power(results, "thermals", "thermal_id", study, months)
        for plant, stage, power in rows.iter_rows():
            market = study.thermal_markets.get(plant)
            if market is not None:
                _add(found, THERMAL.name, market, months[stage], power)
    return found


def _check(results: Results, study: OwnStudy) -> None:
    first = study.settings.horizon.first
    stages = results.simulation_metadata["stages"]
    begins = date.fromisoformat(str(stages[0]["start_date"])) if stages else None
    hydros = next(kind.code for kind in EQUIPMENT.by_code() if kind.name == "hydro")
    plants = results.entities.filter(pl.col("entity_type_code") == hydros)["entity_id"]
    strangers = sorted(set(plants.to_list()) - set(study.system.rivers))
    if begins != first or strangers:
        reason = (
            f"they begin in {begins:%m/%Y} and the deck in {first:%m/%Y}"
            if begins is not None and begins != first
            else f"they have hydro plants {strangers[:5]}, and the deck has not"
        )
        raise UsageError(
            f"the results in {results.directory} are not of a case made of this deck: {reason}"
        )


def _add(found: Means, quantity: str, market: int, month: date, value: float) -> None:
    series = found.setdefault((quantity, market), {})
    series[month] = series.get(month, 0.0) + value


def _add_water(results: Results, study: OwnStudy, months: Mapping[int, date], found: Means) -> None:
    """Generation of hydro plants, and their water as energy."""
    power = _mean_power(results, "hydros", "hydro_id", study, months)
    for plant, stage, value in power.iter_rows():
        _add(found, HYDRO.name, study.system.rivers[plant].submarket, months[stage], value)
    query = results.scan("hydros", names=False).filter(pl.col("stage_id") < len(months))
    last = pl.col("block_id") == pl.col("block_id").max().over("stage_id")
    state = (
        query.filter(last)
        .group_by("stage_id", "hydro_id")
        .agg(pl.col("storage_final_hm3").mean(), pl.col("incremental_inflow_m3s").mean())
        .collect()
    )
    water = MarketWater(study.system)
    for (stage,), rows in state.group_by("stage_id"):
        day, position = months[int(str(stage))], int(str(stage))
        storage = dict(zip(rows["hydro_id"], rows["storage_final_hm3"], strict=True))
        own = dict(zip(rows["hydro_id"], rows["incremental_inflow_m3s"], strict=True))
        largest = water.largest_mw_months(position)
        for market, energy in water.stored_mw_months(storage, position).items():
            _add(found, STORED.name, market, day, energy)
            if largest[market] > 0.0:
                _add(found, STORED_SHARE.name, market, day, 100.0 * energy / largest[market])
        for market, energy in water.inflow_mw(_natural(study.system, own), position).items():
            _add(found, INFLOW.name, market, day, energy)


def _natural(system: HydroSystem, own_m3s: Mapping[int, float]) -> dict[int, float]:
    """Flow of the whole river above each plant, from the inflows between plants."""
    flows = dict.fromkeys(system.rivers, 0.0)
    for code in system.rivers:
        below: int | None = code
        while below is not None:
            flows[below] += own_m3s.get(code, 0.0)
            below = system.rivers[below].downstream
    return flows


def _mean_power(
    results: Results, table: str, key: str, study: OwnStudy, months: Mapping[int, date]
) -> pl.DataFrame:
    """Mean power of entities: id, stage, MW."""
    horizon = study.settings.horizon
    hours = pl.DataFrame(
        {"stage_id": list(months), "hours": [horizon.hours(stage) for stage in months]},
        schema={"stage_id": pl.Int32, "hours": pl.Float64},
    )
    return (
        results.scan(table, names=False)
        .group_by(key, "stage_id")
        .agg(pl.col("generation_mwh").sum() / pl.col("scenario_id").n_unique())
        .join(hours.lazy(), on="stage_id")
        .select(key, "stage_id", pl.col("generation_mwh") / pl.col("hours"))
        .collect()
    )


def _add_prices(
    results: Results, study: OwnStudy, months: Mapping[int, date], found: Means
) -> None:
    """Marginal costs, weighted with the hours of the load levels."""
    hours = [
        {"stage_id": stage, "block_id": block, "hours": value}
        for stage in months
        for block, value in enumerate(study.settings.block_hours[stage])
    ]
    weights = pl.DataFrame(
        hours, schema={"stage_id": pl.Int32, "block_id": pl.Int32, "hours": pl.Float64}
    )
    mean = (pl.col("spot_price") * pl.col("hours")).sum() / pl.col("hours").sum()
    rows = (
        results.scan("buses", names=False)
        .join(weights.lazy(), on=["stage_id", "block_id"])
        .group_by("bus_id", "stage_id")
        .agg(mean)
        .collect()
    )
    for market, stage, cost in rows.iter_rows():
        _add(found, PRICE.name, market, months[stage], cost)
