"""The table of hydro plants: water, power, water values, slacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.equipment.hydro import seepage, travel
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import NONE, OperativeState

STORAGE_TOLERANCE_HM3 = 1e-6
"""Storage this close to a limit counts as at the limit."""


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``hydros``.

    ``inflow_m3s`` is what the river brings: the incremental inflow of the plant, that of absent
    plants above it, and the outflow of the plants above it; diverted and pumped water has columns
    of its own.
    """
    hydros = read.system.hydros
    turbined, spillage = read.values(s, "turbined"), read.values(s, "spillage")
    outflow = turbined + spillage
    inflow = read.repeat(read.stage_values(s, "inflow"))
    generation, productivity = _generation(read, s, turbined)
    diverted_in, diverted_out = _diverted(read, s)
    initial, final = _storages(read, s)
    evaporates = np.array([plant.evaporation is not None for plant in hydros])

    def stage(family: str) -> Array:
        return read.repeat(read.stage_values(s, family))

    return {
        "turbined_m3s": turbined,
        "spillage_m3s": spillage,
        "outflow_m3s": outflow,
        "evaporation_m3s": np.where(evaporates, stage("evaporation"), np.nan),
        "diverted_inflow_m3s": diverted_in,
        "diverted_outflow_m3s": diverted_out,
        "incremental_inflow_m3s": inflow,
        "inflow_m3s": inflow + _arriving(read, s, outflow, inflow),
        "storage_initial_hm3": initial,
        "storage_final_hm3": final,
        "generation_mw": generation,
        "generation_mwh": generation * read.hours,
        "productivity_mw_per_m3s": productivity,
        "spillage_cost": read.priced(s, "spillage"),
        "water_value_per_hm3": read.repeat(read.worth(s, "storage")),
        "storage_binding_code": _binding(read, final),
        "turbined_slack_m3s": read.values(s, "turbined_slack"),
        "outflow_slack_below_m3s": read.values(s, "outflow_below_slack"),
        "outflow_slack_above_m3s": read.values(s, "outflow_above_slack"),
        "generation_slack_mw": read.values(s, "generation_slack"),
        "storage_violation_below_hm3": stage("storage_slack"),
        "filling_target_violation_hm3": stage("filling_slack"),
        "evaporation_violation_pos_m3s": stage("evaporation_beyond"),
        "evaporation_violation_neg_m3s": stage("evaporation_short"),
        "inflow_nonnegativity_slack_m3s": stage("inflow_slack"),
        "water_withdrawal_violation_pos_m3s": stage("withdrawal_beyond"),
        "water_withdrawal_violation_neg_m3s": stage("withdrawal_short"),
    }


def _generation(read: StageReader, s: StageSolutions, turbined: Array) -> tuple[Array, Array]:
    """Net power and productivity, ``[scenario, block, hydro]``.

    Productivity is NaN where planes are used.
    """
    production = [stages[read.ctx.t] for stages in read.system.production]
    fixed = np.array([np.nan if one.planes else one.productivity_mw_per_m3s for one in production])
    productivity = read.repeat(np.where(np.isnan(s.productivity), fixed, s.productivity))
    net = read.values(s, "generation") - read.values(s, "negative_generation")
    generation = np.where(np.isnan(productivity), net, turbined * np.nan_to_num(productivity))
    return generation, productivity


def generated_mwh(read: StageReader, s: StageSolutions) -> Array:
    """Net energy of all plants, ``[scenario]``."""
    generation, _ = _generation(read, s, read.values(s, "turbined"))
    energy: Array = (generation * read.hours).sum(axis=(1, 2))
    return energy


def _arriving(read: StageReader, s: StageSolutions, outflow: Array, inflow: Array) -> Array:
    """Inflow from upstream, ``[scenario, block, hydro]``.

    What comes down the river besides the plant's own incremental inflow.
    """
    arriving = np.zeros_like(outflow)
    seeping = seepage.flow_m3s(read, s)
    for h in range(outflow.shape[2]):
        receiver = read.system.cascade.receiver[h, read.ctx.t]
        if receiver == NONE:
            continue
        arriving[:, :, receiver] += seeping[:, None, h]
        if not read.ctx.present(h):
            arriving[:, :, receiver] += inflow[:, :, h]
        if read.system.hydros[h].travels:
            arriving[:, :, receiver] += travel.arriving_m3s(read, s, h, outflow[:, :, h])
        elif read.ctx.present(h):
            arriving[:, :, receiver] += outflow[:, :, h]
    return arriving


def _diverted(read: StageReader, s: StageSolutions) -> tuple[Array, Array]:
    """Diverted water that arrives and that leaves.

    NaN at plants that no channel ends at, or starts from.
    """
    out = read.values(s, "diversion")
    arriving, hydros, index = np.full_like(out, np.nan), read.system.hydros, read.system.hydro_index
    for plant in hydros:
        if plant.diversion is not None:
            arriving[:, :, index[plant.diversion.downstream_id]] = 0.0
    for h, destination in enumerate(read.system.cascade.diversion_receiver[:, read.ctx.t]):
        if destination != NONE:
            arriving[:, :, destination] = np.nan_to_num(arriving[:, :, destination]) + out[:, :, h]
    has_channel = np.array([plant.diversion is not None for plant in hydros])
    return arriving, np.where(has_channel, out, np.nan)


def _storages(read: StageReader, s: StageSolutions) -> tuple[Array, Array]:
    """Storage that every block starts and ends with.

    Parallel blocks start and end with the stage.
    """
    n_hydros = read.ctx.n_hydros
    initial = read.repeat(s.state[:, :n_hydros])
    final = read.repeat(read.stage_values(s, "storage"))
    absent = [h for h in range(n_hydros) if not read.ctx.present(h)]
    if read.ctx.chronological and read.ctx.n_blocks > 1:
        between = read.values(s, "block_storage")
        between[:, :, absent] = final[:, :-1, absent]
        initial[:, 1:], final[:, :-1] = between, between
    return initial, final


def _binding(read: StageReader, final: Array) -> NDArray[np.int8]:
    limits, t = read.system.bounds.hydro, read.ctx.t
    states = read.system.operative_states["hydros"][:, t]
    below = (final <= limits.min_storage_hm3[:, t] + STORAGE_TOLERANCE_HM3) & (
        states == OperativeState.OPERATING
    )
    above = (final >= limits.max_storage_hm3[:, t] - STORAGE_TOLERANCE_HM3) & np.isin(
        states, (OperativeState.OPERATING, OperativeState.FILLING)
    )
    codes: NDArray[np.int8] = below.astype(np.int8) + np.int8(2) * above.astype(np.int8)
    return codes
