"""The uncertainty of a study as tables.

These are openings, trajectories, and the model in the columns of the case format.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.model import NoiseClass, System
from headwater.stochastic import Sampler, Uncertainty


def openings_table(uncertainty: Uncertainty) -> pl.DataFrame:
    """The opening tree in the columns of ``scenarios/noise_openings.parquet``.

    Where scenarios of a class are its openings, ``value`` is their inflow in m3/s, load in MW or
    availability instead of noise.
    """
    frames = []
    for stage, noise in zip(uncertainty.system.stages, uncertainty.tree.noise, strict=True):
        n, dim = noise.shape
        frames.append(
            pl.DataFrame(
                {
                    "stage_id": np.full(n * dim, stage.id, np.int32),
                    "opening_index": np.repeat(np.arange(n, dtype=np.uint32), dim),
                    "entity_index": np.tile(np.arange(dim, dtype=np.uint32), n),
                    "value": noise.ravel(),
                }
            )
        )
    return pl.concat(frames)


def probabilities_table(uncertainty: Uncertainty) -> pl.DataFrame:
    """Probabilities of openings as ``scenarios/opening_probabilities.parquet`` has them."""
    rows = zip(uncertainty.system.stages, uncertainty.tree.probability, strict=True)
    return pl.concat(
        pl.DataFrame(
            {
                "stage_id": np.full(len(p), stage.id, np.int32),
                "opening_index": np.arange(len(p), dtype=np.uint32),
                "probability": p,
            }
        )
        for stage, p in rows
    )


def statistics_table(system: System) -> pl.DataFrame:
    """Means and deviations in the columns of ``scenarios/inflow_seasonal_stats.parquet``."""
    rows = system.inflow_statistics
    return _table(
        ("hydro_id", pl.Int32, [r.hydro_id for r in rows]),
        ("stage_id", pl.Int32, [r.stage_id for r in rows]),
        ("mean_m3s", pl.Float64, [r.mean_m3s for r in rows]),
        ("std_m3s", pl.Float64, [r.std_m3s for r in rows]),
    )


def coefficients_table(system: System) -> pl.DataFrame:
    """Coefficients in the columns of ``scenarios/inflow_ar_coefficients.parquet``."""
    rows = [
        (r, lag, phi)
        for r in system.inflow_statistics
        for lag, phi in enumerate(r.coefficients, start=1)
    ]
    return _table(
        ("hydro_id", pl.Int32, [r.hydro_id for r, _, _ in rows]),
        ("stage_id", pl.Int32, [r.stage_id for r, _, _ in rows]),
        ("lag", pl.Int32, [lag for _, lag, _ in rows]),
        ("coefficient", pl.Float64, [phi for _, _, phi in rows]),
        ("residual_std_ratio", pl.Float64, [r.residual_std_ratio for r, _, _ in rows]),
    )


def annual_table(system: System) -> pl.DataFrame:
    """Annual terms in the columns of ``scenarios/inflow_annual_component.parquet``."""
    rows = [(r, r.annual) for r in system.inflow_statistics if r.annual is not None]
    return _table(
        ("hydro_id", pl.Int32, [r.hydro_id for r, _ in rows]),
        ("stage_id", pl.Int32, [r.stage_id for r, _ in rows]),
        ("annual_coefficient", pl.Float64, [a.coefficient for _, a in rows]),
        ("annual_mean_m3s", pl.Float64, [a.mean_m3s for _, a in rows]),
        ("annual_std_m3s", pl.Float64, [a.std_m3s for _, a in rows]),
        ("residual_std_ratio", pl.Float64, [r.residual_std_ratio for r, _ in rows]),
    )


def load_table(system: System) -> pl.DataFrame:
    """Load statistics in the columns of ``scenarios/load_seasonal_stats.parquet``."""
    rows = system.load_statistics
    return _table(
        ("bus_id", pl.Int32, [r.bus_id for r in rows]),
        ("stage_id", pl.Int32, [r.stage_id for r in rows]),
        ("mean_mw", pl.Float64, [r.mean_mw for r in rows]),
        ("std_mw", pl.Float64, [r.std_mw for r in rows]),
    )


def lags_table(uncertainty: Uncertainty) -> pl.DataFrame:
    """The inflow equations as the stage problems hold them.

    Lag 0 stands for equations without lags.
    """
    system, inflow = uncertainty.system, uncertainty.inflow
    frames = []
    for t, stage in enumerate(system.stages):
        for h, hydro in enumerate(system.hydros):
            psi = inflow.psi[t, h]
            lags = np.flatnonzero(psi) + 1 if psi.any() else np.zeros(1, np.int64)
            values = [psi[lag - 1] if lag else 0.0 for lag in lags]
            frames.append((stage.id, hydro.id, lags, values, inflow.base[t, h], inflow.sigma[t, h]))
    return _table(
        ("stage_id", pl.Int32, [f[0] for f in frames for _ in f[2]]),
        ("hydro_id", pl.Int32, [f[1] for f in frames for _ in f[2]]),
        ("lag", pl.Int32, [int(lag) for f in frames for lag in f[2]]),
        ("psi", pl.Float64, [float(value) for f in frames for value in f[3]]),
        ("base", pl.Float64, [float(f[4]) for f in frames for _ in f[2]]),
        ("sigma", pl.Float64, [float(f[5]) for f in frames for _ in f[2]]),
    )


def trajectories_table(sampler: Sampler, n_scenarios: int, iteration: int = 1) -> pl.DataFrame:
    """Noise and realised values along sampled trajectories.

    Columns: ``scenario_id``, ``stage_id``, ``class`` (``inflow``, ``load``, ``ncs``),
    ``entity_id``, ``block_id`` (empty for inflows), ``noise`` (empty where nothing is random or
    values are given), ``value`` in m3/s or MW. Inflows are those of the model, before negative ones
    are treated.
    """
    uncertainty = sampler.uncertainty
    system, layout, inflow = uncertainty.system, uncertainty.layout, uncertainty.inflow
    scenarios = np.arange(n_scenarios)
    memory = sampler.initial_memory_m3s(iteration, scenarios)
    if memory is None:
        memory = np.repeat(inflow.initial_lags_m3s[None], n_scenarios, axis=0)
    frames = []
    for t, stage in enumerate(system.stages):
        noise = sampler.noise(t, iteration, scenarios)
        eta = noise[:, layout.inflow]
        z = inflow.inflow_m3s(t, eta, memory)
        memory = inflow.next_memory_m3s(t, memory, z)
        drawn = noise.copy()
        for kind in NoiseClass:
            if uncertainty.is_given(kind, t):
                drawn[:, layout.segment(kind)] = np.nan
        eta = drawn[:, layout.inflow]
        frames.append(
            _values(
                "inflow", stage.id, [h.id for h in system.hydros], z[:, :, None], eta, blocks=False
            )
        )
        load_noise = _spread(drawn[:, layout.load], layout.load_buses, len(system.buses))
        load = sampler.load_mw(t, iteration, scenarios, noise)
        frames.append(_values("load", stage.id, [b.id for b in system.buses], load, load_noise))
        source_noise = _spread(drawn[:, layout.ncs], layout.sources, len(system.non_controllables))
        available = sampler.available_mw(t, iteration, scenarios, noise)
        frames.append(
            _values(
                "ncs", stage.id, [r.id for r in system.non_controllables], available, source_noise
            )
        )
    return pl.concat(frames).sort("scenario_id", "stage_id", maintain_order=True)


def _spread(noise: Array, positions: NDArray[np.int64], n: int) -> Array:
    """Noise of all entities, ``nan`` for those without."""
    spread = np.full((len(noise), n), np.nan)
    spread[:, positions] = noise
    return spread


def _values(
    kind: str, stage_id: int, ids: list[int], values: Array, noise: Array, *, blocks: bool = True
) -> pl.DataFrame:
    n_scenarios, n_entities, n_blocks = values.shape
    n = n_scenarios * n_entities * n_blocks
    block = np.tile(np.arange(n_blocks, dtype=np.int32), n_scenarios * n_entities)
    return pl.DataFrame(
        {
            "scenario_id": np.repeat(np.arange(n_scenarios, dtype=np.int32), n_entities * n_blocks),
            "stage_id": np.full(n, stage_id, np.int32),
            "class": pl.Series([kind], dtype=pl.String).new_from_index(0, n),
            "entity_id": np.tile(np.repeat(np.array(ids, np.int32), n_blocks), n_scenarios),
            "block_id": pl.Series(block) if blocks else pl.Series([None] * n, dtype=pl.Int32),
            "noise": pl.Series(np.repeat(noise.reshape(-1), n_blocks)).fill_nan(None),
            "value": values.ravel(),
        }
    )


def _table(*columns: tuple[str, type[pl.DataType], list[object]]) -> pl.DataFrame:
    return pl.DataFrame(
        {name: pl.Series(name, values, dtype=dtype) for name, dtype, values in columns}
    )
