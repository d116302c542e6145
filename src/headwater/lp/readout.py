"""From solutions of a stage to what the system did: the columns of the simulation tables.

Every function here returns arrays ``[scenario, block, entity]`` (or ``[scenario, entity]`` for stage quantities). Money is in $
of the stage, not discounted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.lp.context import StageContext
from headwater.lp.generic import rows_of_stage
from headwater.lp.template import StageTemplate
from headwater.model import NONE, InflowNonNegativity, System

Array = NDArray[np.float64]
Columns = dict[str, NDArray[np.generic]]

STORAGE_TOLERANCE_HM3 = 1e-6
"""Storage this close to a limit counts as at the limit."""

COST_COLUMNS = (
    "thermal_cost",
    "contract_cost",
    "deficit_cost",
    "excess_cost",
    "storage_violation_cost",
    "filling_target_cost",
    "hydro_violation_cost",
    "outflow_violation_below_cost",
    "outflow_violation_above_cost",
    "turbined_violation_cost",
    "generation_violation_cost",
    "evaporation_violation_cost",
    "withdrawal_violation_cost",
    "inflow_penalty_cost",
    "generic_violation_cost",
    "spillage_cost",
    "fpha_turbined_cost",
    "curtailment_cost",
    "exchange_cost",
    "pumping_cost",
)
"""Components of the immediate cost; ``hydro_violation_cost`` is the sum of the outflow, turbined, generation, evaporation and
withdrawal components and must not be added to them."""

_BLOCK_COSTS = {
    "thermal_cost": "thermal_segment",
    "deficit_cost": "deficit",
    "excess_cost": "excess",
    "outflow_violation_below_cost": "outflow_below_slack",
    "outflow_violation_above_cost": "outflow_above_slack",
    "turbined_violation_cost": "turbined_slack",
    "generation_violation_cost": "generation_slack",
    "spillage_cost": "spillage",
    "fpha_turbined_cost": "turbined",
}
_STAGE_COSTS = {
    "storage_violation_cost": ("storage_slack",),
    "withdrawal_violation_cost": ("withdrawal_short", "withdrawal_beyond"),
    "inflow_penalty_cost": ("inflow_slack",),
}
_HYDRO_VIOLATIONS = (
    "outflow_violation_below_cost",
    "outflow_violation_above_cost",
    "turbined_violation_cost",
    "generation_violation_cost",
    "evaporation_violation_cost",
    "withdrawal_violation_cost",
)
CATEGORIES = {
    "resource": ("thermal_cost", "contract_cost"),
    "recourse": ("deficit_cost", "excess_cost"),
    "violation": (
        "storage_violation_cost",
        "filling_target_cost",
        "hydro_violation_cost",
        "inflow_penalty_cost",
        "generic_violation_cost",
    ),
    "regularisation": ("spillage_cost", "fpha_turbined_cost", "curtailment_cost", "exchange_cost"),
}
"""Categories of the immediate cost; together they hold all of it."""


@dataclass(frozen=True)
class StageSolutions:
    """Solutions of one stage for several scenarios.

    Attributes:
        primal: ``[scenario, column]`` of the canonical template; money columns in $.
        state: ``[scenario, n_state]`` incoming state.
        load_mw: ``[scenario, bus, block]``.
        load_dual: ``[scenario, bus, block]`` in $ per MW.
        water_value: ``[scenario, hydro]`` in $/hm3 of incoming storage.
        future_cost: ``[scenario]`` in $, not discounted.
        cumulative_discount: present value of $1 of this stage.
    """

    primal: Array
    state: Array
    load_mw: Array
    load_dual: Array
    water_value: Array
    future_cost: Array
    cumulative_discount: float


class StageReadout:
    """Reads the solutions of one stage.

    Args:
        system: the power system.
        template: the canonical program of the stage.
        inflow_method: treatment of negative inflow, as the template was built.
    """

    def __init__(self, system: System, template: StageTemplate, inflow_method: InflowNonNegativity) -> None:
        self.system = system
        self.template = template
        psi = np.zeros((template.n_hydros, template.n_lags))
        self.ctx = StageContext(system=system, t=template.t, psi=psi, inflow_method=inflow_method)
        self._generic_rows = rows_of_stage(self.ctx)

    def tables(self, s: StageSolutions) -> dict[str, Columns]:
        """All tables of the stage: name -> column -> ``[scenario, row]``; rows by block, then entity."""
        n_scenarios = len(s.primal)
        built = {
            "costs": self._costs(s),
            "hydros": self._hydros(s),
            "thermals": self._thermals(s),
            "exchanges": self._exchanges(s),
            "buses": self._buses(s),
            "inflow_lags": self._inflow_lags(s),
            "violations/generic": self._generic(s),
        }
        for name, columns in built.items():
            n_rows = next(iter(columns.values())).shape[1] if columns else 0
            if n_rows:
                built[name] = {"stage_id": np.full((n_scenarios, n_rows), self.ctx.stage.id, np.int32), **columns}
        return {name: columns for name, columns in built.items() if columns and next(iter(columns.values())).shape[1]}

    def cost_components(self, s: StageSolutions) -> dict[str, Array]:
        """Components of the immediate cost, ``[scenario, block]``; costs of the whole stage are shared by block hours."""
        share = self.ctx.block_hours / self.ctx.hours
        blocks = (len(s.primal), self.ctx.n_blocks)
        costs = {name: np.zeros(blocks) for name in COST_COLUMNS}
        for name, family in _BLOCK_COSTS.items():
            costs[name] += self._priced(s, family).reshape(*blocks, -1).sum(axis=2)
        for name, families in _STAGE_COSTS.items():
            for family in families:
                costs[name] += self._priced_stage(s, family).sum(axis=1)[:, None] * share
        costs["exchange_cost"] += (self._priced(s, "line_direct") + self._priced(s, "line_reverse")).sum(axis=2)
        costs["excess_cost"] += self._priced(s, "negative_generation").sum(axis=2)
        for r, row in enumerate(self._generic_rows):
            paid = sum(self._slack(s, family, r)[1] for family in ("generic_slack", "generic_slack_minus"))
            if row.block is None:
                costs["generic_violation_cost"] += np.asarray(paid)[:, None] * share
            else:
                costs["generic_violation_cost"][:, row.block] += paid
        costs["hydro_violation_cost"] = np.sum([costs[name] for name in _HYDRO_VIOLATIONS], axis=0)
        return costs

    def spilled_hm3(self, s: StageSolutions) -> Array:
        """Water spilled by all plants, ``[scenario]``."""
        spilled: Array = (self._values(s, "spillage").sum(axis=2) * self.ctx.block_hm3).sum(axis=1)
        return spilled

    def deficit_mwh(self, s: StageSolutions) -> Array:
        """Energy not served at all buses, ``[scenario]``."""
        unserved: Array = (self._values(s, "deficit").sum(axis=(2, 3)) * self.ctx.block_hours).sum(axis=1)
        return unserved

    def _values(self, s: StageSolutions, family: str) -> Array:
        """``[scenario, block, entity...]`` values of a family ``[entity, block, ...]``; 0 where absent."""
        positions = self.template.columns[family]
        values = np.where(positions >= 0, s.primal[:, positions], 0.0)
        return np.moveaxis(values, 2, 1)

    def _priced(self, s: StageSolutions, family: str) -> Array:
        positions = self.template.columns[family]
        values = np.where(positions >= 0, s.primal[:, positions] * self.template.cost[positions], 0.0)
        return np.moveaxis(values, 2, 1)

    def _stage_values(self, s: StageSolutions, family: str) -> Array:
        positions = self.template.columns[family]
        return np.where(positions >= 0, s.primal[:, positions], 0.0)

    def _priced_stage(self, s: StageSolutions, family: str) -> Array:
        positions = self.template.columns[family]
        return np.where(positions >= 0, s.primal[:, positions] * self.template.cost[positions], 0.0)

    def _slack(self, s: StageSolutions, family: str, r: int) -> tuple[Array, Array]:
        column = self.template.columns[family][r]
        if column < 0:
            return np.zeros(len(s.primal)), np.zeros(len(s.primal))
        return s.primal[:, column], s.primal[:, column] * self.template.cost[column]

    def _repeat(self, stage_values: Array) -> Array:
        """``[scenario, entity]`` -> the same in every block."""
        return np.repeat(stage_values[:, None, :], self.ctx.n_blocks, axis=1)

    def _block_ids(self, n_scenarios: int, n_entities: int) -> NDArray[np.int32]:
        ids = np.repeat(np.arange(self.ctx.n_blocks, dtype=np.int32), n_entities)
        return np.broadcast_to(ids, (n_scenarios, len(ids)))

    def _entity_ids(self, n_scenarios: int, ids: list[int]) -> NDArray[np.int32]:
        tiled = np.tile(np.array(ids, np.int32), self.ctx.n_blocks)
        return np.broadcast_to(tiled, (n_scenarios, len(tiled)))

    def _states(self, n_scenarios: int, kind: str) -> NDArray[np.int8]:
        codes = np.tile(self.system.operative_states[kind][:, self.ctx.t], self.ctx.n_blocks)
        return np.broadcast_to(codes, (n_scenarios, len(codes)))

    def _flat(self, columns: Columns) -> Columns:
        return {name: np.ascontiguousarray(values).reshape(len(values), -1) for name, values in columns.items()}

    def _costs(self, s: StageSolutions) -> Columns:
        share = self.ctx.block_hours / self.ctx.hours
        components = self.cost_components(s)
        immediate = sum_components(components)
        future = s.future_cost[:, None] * share
        n_scenarios = len(s.primal)
        return {
            "block_id": self._block_ids(n_scenarios, 1),
            "total_cost": immediate + self.template.discount * future,
            "immediate_cost": immediate,
            "future_cost": future,
            "discount_factor": np.full_like(future, s.cumulative_discount),
            **components,
        }

    def _hydros(self, s: StageSolutions) -> Columns:
        system, t, hours = self.system, self.ctx.t, self.ctx.block_hours[None, :, None]
        n_scenarios, n_hydros = len(s.primal), self.ctx.n_hydros
        if not n_hydros:
            return {}
        turbined, spillage = self._values(s, "turbined"), self._values(s, "spillage")
        outflow = turbined + spillage
        production = [system.production[h][t] for h in range(n_hydros)]
        productivity = np.array([p.productivity_mw_per_m3s if not p.planes else np.nan for p in production])
        planes = np.isnan(productivity)
        net = self._values(s, "generation") - self._values(s, "negative_generation")
        generation = np.where(planes, net, turbined * np.where(planes, 0.0, productivity))
        inflow = self._repeat(self._stage_values(s, "inflow"))
        arriving = np.zeros_like(outflow)
        for h in range(n_hydros):
            receiver = system.cascade.receiver[h, t]
            if receiver != NONE:
                arriving[:, :, receiver] += outflow[:, :, h]
        final = self._stage_values(s, "storage")
        nothing = np.full_like(outflow, np.nan)
        zero = np.zeros_like(outflow)
        return self._flat(
            {
                "block_id": self._block_ids(n_scenarios, n_hydros),
                "hydro_id": self._entity_ids(n_scenarios, [hydro.id for hydro in system.hydros]),
                "turbined_m3s": turbined,
                "spillage_m3s": spillage,
                "outflow_m3s": outflow,
                "evaporation_m3s": nothing,
                "diverted_inflow_m3s": nothing,
                "diverted_outflow_m3s": nothing,
                "incremental_inflow_m3s": inflow,
                "inflow_m3s": inflow + arriving,
                "storage_initial_hm3": self._repeat(s.state[:, :n_hydros]),
                "storage_final_hm3": self._repeat(final),
                "generation_mw": generation,
                "generation_mwh": generation * hours,
                "productivity_mw_per_m3s": np.broadcast_to(productivity, outflow.shape),
                "spillage_cost": self._priced(s, "spillage"),
                "water_value_per_hm3": self._repeat(s.water_value),
                "storage_binding_code": np.repeat(self._binding(final)[:, None, :], self.ctx.n_blocks, axis=1),
                "operative_state_code": self._states(n_scenarios, "hydros"),
                "turbined_slack_m3s": self._values(s, "turbined_slack"),
                "outflow_slack_below_m3s": self._values(s, "outflow_below_slack"),
                "outflow_slack_above_m3s": self._values(s, "outflow_above_slack"),
                "generation_slack_mw": self._values(s, "generation_slack"),
                "storage_violation_below_hm3": self._repeat(self._stage_values(s, "storage_slack")),
                "filling_target_violation_hm3": zero,
                "evaporation_violation_pos_m3s": zero,
                "evaporation_violation_neg_m3s": zero,
                "inflow_nonnegativity_slack_m3s": self._repeat(self._stage_values(s, "inflow_slack")),
                "water_withdrawal_violation_pos_m3s": self._repeat(self._stage_values(s, "withdrawal_beyond")),
                "water_withdrawal_violation_neg_m3s": self._repeat(self._stage_values(s, "withdrawal_short")),
            }
        )

    def _binding(self, storage: Array) -> NDArray[np.int8]:
        limits = self.system.bounds.hydro
        below = storage <= limits.min_storage_hm3[:, self.ctx.t] + STORAGE_TOLERANCE_HM3
        above = storage >= limits.max_storage_hm3[:, self.ctx.t] - STORAGE_TOLERANCE_HM3
        return (below.astype(np.int8) + 2 * above.astype(np.int8)).astype(np.int8)

    def _thermals(self, s: StageSolutions) -> Columns:
        thermals = self.system.thermals
        if not thermals:
            return {}
        n_scenarios = len(s.primal)
        generation = self._values(s, "thermal_segment").sum(axis=3)
        nothing = np.full_like(generation, np.nan)
        return self._flat(
            {
                "block_id": self._block_ids(n_scenarios, len(thermals)),
                "thermal_id": self._entity_ids(n_scenarios, [thermal.id for thermal in thermals]),
                "generation_mw": generation,
                "generation_mwh": generation * self.ctx.block_hours[None, :, None],
                "generation_cost": self._priced(s, "thermal_segment").sum(axis=3),
                "is_gnl": np.zeros(generation.shape, np.bool_),
                "gnl_committed_mw": nothing,
                "gnl_decision_mw": nothing,
                "operative_state_code": self._states(n_scenarios, "thermals"),
            }
        )

    def _exchanges(self, s: StageSolutions) -> Columns:
        lines = self.system.lines
        if not lines:
            return {}
        n_scenarios, hours = len(s.primal), self.ctx.block_hours[None, :, None]
        direct, reverse = self._values(s, "line_direct"), self._values(s, "line_reverse")
        lost = (direct + reverse) * (np.array([line.losses_percent for line in lines]) / 100.0)
        return self._flat(
            {
                "block_id": self._block_ids(n_scenarios, len(lines)),
                "line_id": self._entity_ids(n_scenarios, [line.id for line in lines]),
                "direct_flow_mw": direct,
                "reverse_flow_mw": reverse,
                "net_flow_mw": direct - reverse,
                "net_flow_mwh": (direct - reverse) * hours,
                "losses_mw": lost,
                "losses_mwh": lost * hours,
                "exchange_cost": self._priced(s, "line_direct") + self._priced(s, "line_reverse"),
                "operative_state_code": self._states(n_scenarios, "lines"),
            }
        )

    def _buses(self, s: StageSolutions) -> Columns:
        n_scenarios, hours = len(s.primal), self.ctx.block_hours[None, :, None]
        buses = self.system.buses
        load = np.swapaxes(s.load_mw[:, :, : self.ctx.n_blocks], 1, 2)
        deficit, excess = self._values(s, "deficit").sum(axis=3), self._values(s, "excess")
        return self._flat(
            {
                "block_id": self._block_ids(n_scenarios, len(buses)),
                "bus_id": self._entity_ids(n_scenarios, [bus.id for bus in buses]),
                "load_mw": load,
                "load_mwh": load * hours,
                "deficit_mw": deficit,
                "deficit_mwh": deficit * hours,
                "excess_mw": excess,
                "excess_mwh": excess * hours,
                "spot_price": np.swapaxes(s.load_dual, 1, 2) / hours,
            }
        )

    def _inflow_lags(self, s: StageSolutions) -> Columns:
        n_scenarios, n_hydros, n_lags = len(s.primal), self.ctx.n_hydros, self.template.n_past_inflows
        if not n_hydros or not n_lags:
            return {}
        ids = np.array([hydro.id for hydro in self.system.hydros], np.int32)
        shape = (n_scenarios, n_hydros * n_lags)
        return {
            "hydro_id": np.broadcast_to(np.tile(ids, n_lags), shape),
            "lag_index": np.broadcast_to(np.repeat(np.arange(1, n_lags + 1, dtype=np.int32), n_hydros), shape),
            "inflow_m3s": s.state[:, n_hydros : n_hydros * (1 + n_lags)],
        }

    def _generic(self, s: StageSolutions) -> Columns:
        if not self._generic_rows:
            return {}
        shape = (len(s.primal), len(self._generic_rows))
        block = np.array([-1 if row.block is None else row.block for row in self._generic_rows], np.int32)
        ids = np.array([self.system.generic_constraints[row.constraint].id for row in self._generic_rows], np.int32)
        value, cost = np.zeros(shape), np.zeros(shape)
        for r in range(shape[1]):
            for family in ("generic_slack", "generic_slack_minus"):
                slack, paid = self._slack(s, family, r)
                value[:, r] += slack
                cost[:, r] += paid
        return {
            "block_id": np.broadcast_to(block, shape),
            "constraint_id": np.broadcast_to(ids, shape),
            "slack_value": value,
            "slack_cost": cost,
        }


def sum_components(components: dict[str, Array]) -> Array:
    """Immediate cost from its components, each counted once."""
    parts = [components[name] for names in CATEGORIES.values() for name in names]
    total: Array = np.sum(parts, axis=0)
    return total
