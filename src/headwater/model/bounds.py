"""Limits of every entity at every stage.

Base values with the overrides of single stages applied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TypeVar

import numpy as np

from headwater.arrays import Array
from headwater.model.system_view import SystemView

Entity = TypeVar("Entity")


@dataclass(frozen=True)
class HydroBounds:
    """Arrays ``[hydro, stage]``; ``max_outflow_m3s`` is infinite where there is no limit."""

    min_storage_hm3: Array
    max_storage_hm3: Array
    min_turbined_m3s: Array
    max_turbined_m3s: Array
    min_outflow_m3s: Array
    max_outflow_m3s: Array
    min_generation_mw: Array
    max_generation_mw: Array
    max_diversion_m3s: Array
    filling_inflow_m3s: Array
    water_withdrawal_m3s: Array


@dataclass(frozen=True)
class ThermalBounds:
    """Arrays ``[thermal, stage, block]``, blocks padded.

    ``cost_per_mwh`` is NaN where the plant's own segments hold.
    """

    min_generation_mw: Array
    max_generation_mw: Array
    cost_per_mwh: Array


@dataclass(frozen=True)
class LineBounds:
    """Arrays ``[line, stage, block]`` with the exchange factors multiplied in, blocks padded."""

    direct_mw: Array
    reverse_mw: Array


@dataclass(frozen=True)
class PumpingBounds:
    """Arrays ``[station, stage]``."""

    min_flow_m3s: Array
    max_flow_m3s: Array


@dataclass(frozen=True)
class ContractBounds:
    """Arrays ``[contract, stage]``."""

    min_mw: Array
    max_mw: Array
    price_per_mwh: Array


@dataclass(frozen=True)
class NonControllableBounds:
    """Array ``[source, stage]``: power available before any stochastic factor."""

    available_mw: Array


@dataclass(frozen=True)
class ResolvedBounds:
    """All limits, each a question answered by one array."""

    hydro: HydroBounds
    thermal: ThermalBounds
    line: LineBounds
    pumping: PumpingBounds
    contract: ContractBounds
    non_controllable: NonControllableBounds


def resolve_bounds(system: SystemView) -> ResolvedBounds:
    """Broadcast base limits over the stages and apply the overrides."""
    resolved = ResolvedBounds(
        _hydro(system),
        _thermal(system),
        _line(system),
        _pumping(system),
        _contract(system),
        _non_controllable(system),
    )
    for group in (getattr(resolved, f.name) for f in fields(resolved)):
        for f in fields(group):
            getattr(group, f.name).flags.writeable = False
    return resolved


def _base(
    system: SystemView,
    entities: Sequence[Entity],
    value: Callable[[Entity], float | None],
    missing: float = 0.0,
) -> Array:
    """One value for each entity, the same at all stages, ``[entity, stage]``."""
    column = [missing if (v := value(entity)) is None else v for entity in entities]
    return np.repeat(np.array(column, np.float64)[:, None], len(system.stages), axis=1)


def _per_block(system: SystemView, array: Array) -> Array:
    return np.repeat(array[:, :, None], _n_blocks(system), axis=2)


def _n_blocks(system: SystemView) -> int:
    return max(len(stage.blocks) for stage in system.stages)


def _hydro(system: SystemView) -> HydroBounds:
    base = partial(_base, system, system.hydros)
    hydro = HydroBounds(
        min_storage_hm3=base(lambda h: h.min_storage_hm3),
        max_storage_hm3=base(lambda h: h.max_storage_hm3),
        min_turbined_m3s=base(lambda h: h.min_turbined_m3s),
        max_turbined_m3s=base(lambda h: h.max_turbined_m3s),
        min_outflow_m3s=base(lambda h: h.min_outflow_m3s),
        max_outflow_m3s=base(lambda h: h.max_outflow_m3s, np.inf),
        min_generation_mw=base(lambda h: h.min_generation_mw),
        max_generation_mw=base(lambda h: h.max_generation_mw),
        max_diversion_m3s=base(lambda h: None if h.diversion is None else h.diversion.max_flow_m3s),
        filling_inflow_m3s=base(lambda h: None if h.filling is None else h.filling.inflow_m3s),
        water_withdrawal_m3s=base(lambda _: 0.0),
    )
    for f in fields(hydro):
        system.hydro_bound_overrides.apply(
            f.name, getattr(hydro, f.name), system.hydro_index, system.stage_index
        )
    return hydro


def _thermal(system: SystemView) -> ThermalBounds:
    base = partial(_base, system, system.thermals)
    thermal = ThermalBounds(
        min_generation_mw=_per_block(system, base(lambda j: j.min_generation_mw)),
        max_generation_mw=_per_block(system, base(lambda j: j.max_generation_mw)),
        cost_per_mwh=_per_block(system, base(lambda _: np.nan)),
    )
    for f in fields(thermal):
        system.thermal_bound_overrides.apply(
            f.name, getattr(thermal, f.name), system.thermal_index, system.stage_index
        )
    return thermal


def _line(system: SystemView) -> LineBounds:
    direct = _base(system, system.lines, lambda line: line.direct_capacity_mw)
    reverse = _base(system, system.lines, lambda line: line.reverse_capacity_mw)
    system.line_bound_overrides.apply("direct_mw", direct, system.line_index, system.stage_index)
    system.line_bound_overrides.apply("reverse_mw", reverse, system.line_index, system.stage_index)
    line = LineBounds(direct_mw=_per_block(system, direct), reverse_mw=_per_block(system, reverse))
    for name, limit in (("direct_factor", line.direct_mw), ("reverse_factor", line.reverse_mw)):
        factor = np.ones_like(limit)
        system.exchange_factors.apply(name, factor, system.line_index, system.stage_index)
        np.multiply(limit, factor, out=limit)
    return line


def _pumping(system: SystemView) -> PumpingBounds:
    base = partial(_base, system, system.pumping_stations)
    pumping = PumpingBounds(
        min_flow_m3s=base(lambda p: p.min_flow_m3s), max_flow_m3s=base(lambda p: p.max_flow_m3s)
    )
    system.pumping_bound_overrides.apply(
        "min_m3s", pumping.min_flow_m3s, system.pumping_index, system.stage_index
    )
    system.pumping_bound_overrides.apply(
        "max_m3s", pumping.max_flow_m3s, system.pumping_index, system.stage_index
    )
    return pumping


def _contract(system: SystemView) -> ContractBounds:
    base = partial(_base, system, system.contracts)
    contract = ContractBounds(
        min_mw=base(lambda c: c.min_mw),
        max_mw=base(lambda c: c.max_mw),
        price_per_mwh=base(lambda c: c.price_per_mwh),
    )
    for f in fields(contract):
        system.contract_bound_overrides.apply(
            f.name, getattr(contract, f.name), system.contract_index, system.stage_index
        )
    return contract


def _non_controllable(system: SystemView) -> NonControllableBounds:
    available = _base(system, system.non_controllables, lambda r: r.max_generation_mw)
    system.ncs_bound_overrides.apply(
        "available_generation_mw", available, system.ncs_index, system.stage_index
    )
    return NonControllableBounds(available_mw=available)


def load_factors(system: SystemView) -> Array:
    """Multipliers of the load of each bus, ``[bus, stage, block]``; 1 where none is given."""
    return _factors(system, len(system.buses), "load")


def ncs_factors(system: SystemView) -> Array:
    """Multipliers of the availability of each source, ``[source, stage, block]``.

    1 where none is given.
    """
    return _factors(system, len(system.non_controllables), "ncs")


def _factors(system: SystemView, n_entities: int, which: str) -> Array:
    factor = np.ones((n_entities, len(system.stages), _n_blocks(system)))
    table, index = (
        (system.load_factors, system.bus_index)
        if which == "load"
        else (system.ncs_factors, system.ncs_index)
    )
    table.apply("factor", factor, index, system.stage_index)
    factor.flags.writeable = False
    return factor
