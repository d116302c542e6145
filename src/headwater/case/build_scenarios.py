"""What the files say about the uncertain future and the known past, as values of the model."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater import model as m
from headwater.arrays import FrozenDict
from headwater.case.parts import Parts


def inflow_statistics(parts: Parts) -> tuple[m.InflowStatistics, ...]:
    """Statistics with their autoregressive coefficients and annual terms."""
    phi: dict[tuple[int, int], list[float]] = {}
    ratio: dict[tuple[int, int], float | None] = {}
    for row in (
        parts.table("scenarios/inflow_ar_coefficients.parquet")
        .sort(["hydro_id", "stage_id", "lag"])
        .iter_rows(named=True)
    ):
        key = (row["hydro_id"], row["stage_id"])
        phi.setdefault(key, []).append(row["coefficient"])
        ratio[key] = (
            row["residual_std_ratio"] if row["residual_std_ratio"] is not None else ratio.get(key)
        )
    annual = {
        (row["hydro_id"], row["stage_id"]): m.AnnualComponent(
            row["annual_coefficient"], row["annual_mean_m3s"], row["annual_std_m3s"]
        )
        for row in parts.table("scenarios/inflow_annual_component.parquet").iter_rows(named=True)
    }
    own_ratio = {
        (row["hydro_id"], row["stage_id"]): row["residual_std_ratio"]
        for row in parts.table("scenarios/inflow_annual_component.parquet").iter_rows(named=True)
        if row["residual_std_ratio"] is not None
    }
    ratio |= own_ratio
    statistics = []
    given = parts.table("scenarios/inflow_seasonal_stats.parquet")
    if given.is_empty():
        # The means and deviations come from history; the coefficients are kept.
        statistics = [
            m.InflowStatistics(
                h,
                t,
                math.nan,
                math.nan,
                tuple(phi.get((h, t), ())),
                ratio.get((h, t)),
                annual.get((h, t)),
            )
            for h, t in sorted(phi.keys() | annual.keys())
        ]
    for row in parts.table("scenarios/inflow_seasonal_stats.parquet").iter_rows(named=True):
        key = (row["hydro_id"], row["stage_id"])
        statistics.append(
            m.InflowStatistics(
                hydro_id=row["hydro_id"],
                stage_id=row["stage_id"],
                mean_m3s=row["mean_m3s"],
                std_m3s=row["std_m3s"],
                coefficients=tuple(phi.get(key, ())),
                residual_std_ratio=ratio.get(key),
                annual=annual.get(key),
            )
        )
    return tuple(statistics)


def noise_dimensions(parts: Parts) -> tuple[int, int]:
    """Width of an opening: without and with the non-controllable sources that have statistics."""
    loads = (
        parts.table("scenarios/load_seasonal_stats.parquet")
        .filter(pl.col("std_mw") > 0)
        .get_column("bus_id")
        .to_list()
    )
    sources = parts.table("scenarios/non_controllable_stats.parquet").get_column("ncs_id").to_list()
    base = len(parts.ids("hydro")) + len(parts.ids("bus").intersection(loads))
    n_sources = len(parts.ids("non_controllable").intersection(sources))
    return base, base + n_sources


def given_openings(parts: Parts) -> m.GivenOpenings | None:
    """The opening tree of the user; sources that it leaves out have zero noise."""
    frame = parts.table("scenarios/noise_openings.parquet")
    chances = parts.table("scenarios/opening_probabilities.parquet")
    if frame.is_empty():
        return None
    width = noise_dimensions(parts)[1]
    noise: dict[int, NDArray[np.float64]] = {}
    for (stage_id,), rows in frame.group_by(["stage_id"], maintain_order=True):
        opening = rows.get_column("opening_index").to_numpy()
        values = np.zeros((int(opening.max()) + 1, width))
        values[opening, rows.get_column("entity_index").to_numpy()] = rows.get_column(
            "value"
        ).to_numpy()
        values.flags.writeable = False
        noise[int(str(stage_id))] = values
    probability: dict[int, NDArray[np.float64]] = {}
    for (stage_id,), rows in chances.group_by(["stage_id"], maintain_order=True):
        chance = np.zeros(rows.height)
        chance[rows.get_column("opening_index").to_numpy()] = rows.get_column(
            "probability"
        ).to_numpy()
        chance.flags.writeable = False
        probability[int(str(stage_id))] = chance
    return m.GivenOpenings(FrozenDict(noise), FrozenDict(probability))


def external_scenarios(
    parts: Parts, name: str, entity: str, value: str
) -> m.ExternalScenarios | None:
    """Scenarios of one class from outside.

    Hydros, buses or sources in ascending id, scenarios in ascending number.
    """
    frame = parts.table(name)
    if frame.is_empty():
        return None
    ids = tuple(frame.get_column(entity).unique().sort().to_list())
    place = {entity_id: position for position, entity_id in enumerate(ids)}
    values: dict[int, NDArray[np.float64]] = {}
    weights: dict[int, NDArray[np.float64]] = {}
    for (stage_id,), rows in frame.group_by(["stage_id"], maintain_order=True):
        numbers, scenario = np.unique(
            rows.get_column("scenario_id").to_numpy(), return_inverse=True
        )
        table = np.full((len(numbers), len(ids)), np.nan)
        table[scenario, [place[i] for i in rows.get_column(entity).to_list()]] = rows.get_column(
            value
        ).to_numpy()
        table.flags.writeable = False
        values[int(str(stage_id))] = table
        if rows.get_column("weight").null_count() < rows.height:
            weight = np.full(len(numbers), np.nan)
            weight[scenario] = rows.get_column("weight").to_numpy()
            weight.flags.writeable = False
            weights[int(str(stage_id))] = weight
    return m.ExternalScenarios(ids, FrozenDict(values), FrozenDict(weights))
