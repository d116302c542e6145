"""From solutions of a stage to what the system did: the simulation tables and the components of the cost.

Each equipment module reads its own table; here they are put together. Money is in $ of the stage, not discounted.
"""

from __future__ import annotations

import numpy as np

from headwater.arrays import Array
from headwater.equipment import buses, contracts, lines, non_controllables, pumping
from headwater.equipment import user_constraints as generic
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import inflows
from headwater.equipment.hydro import readout as hydro_readout
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.equipment.thermal import generation as thermals
from headwater.lp.template import StageTemplate
from headwater.lp.violations import violations
from headwater.model import InflowNonNegativity, System

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
    "diversion_cost",
    "fpha_turbined_cost",
    "curtailment_cost",
    "exchange_cost",
    "pumping_cost",
)
"""Components of the immediate cost; ``hydro_violation_cost`` is the sum of the outflow, turbined, generation, evaporation and
withdrawal components and must not be added to them. ``pumping_cost`` is imputed (energy at the marginal cost of its bus) and
not part of the immediate cost: the energy is paid for where it is generated."""

_BLOCK_COSTS = {
    "thermal_cost": ("thermal_segment",),
    "contract_cost": ("contract",),
    "deficit_cost": ("deficit",),
    "excess_cost": ("excess", "negative_generation"),
    "outflow_violation_below_cost": ("outflow_below_slack",),
    "outflow_violation_above_cost": ("outflow_above_slack",),
    "turbined_violation_cost": ("turbined_slack",),
    "generation_violation_cost": ("generation_slack",),
    "spillage_cost": ("spillage",),
    "diversion_cost": ("diversion",),
    "fpha_turbined_cost": ("turbined",),
    "curtailment_cost": ("ncs_curtailment",),
    "exchange_cost": ("line_direct", "line_reverse"),
}
_STAGE_COSTS = {
    "storage_violation_cost": ("storage_slack",),
    "filling_target_cost": ("filling_slack", "retention_slack"),
    "evaporation_violation_cost": ("evaporation_short", "evaporation_beyond"),
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
    "regularization": ("spillage_cost", "diversion_cost", "fpha_turbined_cost", "curtailment_cost", "exchange_cost"),
}
"""Categories of the immediate cost; together they hold all of it."""


class StageReadout:
    """Reads the solutions of one stage.

    Args:
        system: the power system.
        template: the canonical program of the stage.
        inflow_method: treatment of negative inflow, as the template was built.
    """

    def __init__(self, system: System, template: StageTemplate, inflow_method: InflowNonNegativity) -> None:
        psi = np.zeros((template.n_hydros, template.n_lags))
        self.template = template
        self.ctx = StageContext(system=system, t=template.t, psi=psi, inflow_method=inflow_method)
        self._read = StageReader(self.ctx, template)

    def tables(self, s: StageSolutions) -> dict[str, Columns]:
        """All tables of the stage: name -> column -> ``[scenario, row]``; rows by block, then entity."""
        read = self._read
        built = {
            "costs": self._costs(s),
            "hydros": hydro_readout.read_table(read, s),
            "thermals": thermals.read_table(read, s),
            "exchanges": lines.read_table(read, s),
            "buses": buses.read_table(read, s),
            "pumping_stations": pumping.read_table(read, s),
            "contracts": contracts.read_table(read, s),
            "non_controllables": non_controllables.read_table(read, s),
            "inflow_lags": inflows.read_lags(read, s),
            "violations/generic": generic.read_table(read, s),
        }
        tables: dict[str, Columns] = {}
        for name, columns in built.items():
            n_rows = next(iter(columns.values())).shape[1] if columns else 0
            if n_rows:
                tables[name] = {"stage_id": np.full((len(s.primal), n_rows), s.stage_id, np.int32), **columns}
        return tables

    def cost_components(self, s: StageSolutions) -> dict[str, Array]:
        """Components of the cost, ``[scenario, block]``; costs of the whole stage are shared by block hours."""
        share = self.ctx.block_hours / self.ctx.hours
        blocks = (len(s.primal), self.ctx.n_blocks)
        costs = {name: np.zeros(blocks) for name in COST_COLUMNS}
        for name, families in _BLOCK_COSTS.items():
            for family in families:
                priced = self._read.priced(s, family)
                costs[name] += priced.sum(axis=tuple(range(2, priced.ndim)))
        for name, families in _STAGE_COSTS.items():
            for family in families:
                costs[name] += self._read.stage_priced(s, family).sum(axis=1)[:, None] * share
        costs["generic_violation_cost"] += generic.slack_costs(self._read, s)
        costs["pumping_cost"] += pumping.imputed_cost(self._read, s).sum(axis=2)
        costs["hydro_violation_cost"] = np.sum([costs[name] for name in _HYDRO_VIOLATIONS], axis=0)
        return costs

    def spilled_hm3(self, s: StageSolutions) -> Array:
        """Water spilled by all plants, ``[scenario]``."""
        spilled: Array = (self._read.values(s, "spillage").sum(axis=2) * self.ctx.block_hm3).sum(axis=1)
        return spilled

    def deficit_mwh(self, s: StageSolutions) -> Array:
        """Energy not served at all buses, ``[scenario]``."""
        unserved: Array = (self._read.values(s, "deficit").sum(axis=(2, 3)) * self.ctx.block_hours).sum(axis=1)
        return unserved

    def quantities(self, s: StageSolutions) -> dict[str, Array]:
        """What the system did in the stage as a whole, ``[scenario]`` each: money in $ of the stage, energy, water."""
        hours = self.ctx.block_hours
        return {
            "immediate_cost": sum_components(self.cost_components(s)).sum(axis=1),
            "future_cost": s.future_cost,
            "load_mwh": (s.load_mw[:, :, : len(hours)].sum(axis=1) * hours).sum(axis=1),
            "deficit_mwh": self.deficit_mwh(s),
            "hydro_mwh": hydro_readout.generated_mwh(self._read, s),
            "thermal_mwh": (self._read.values(s, "thermal_segment").sum(axis=(2, 3)) * hours).sum(axis=1),
            "spillage_hm3": self.spilled_hm3(s),
            "storage_final_hm3": self._read.stage_values(s, "storage").sum(axis=1),
        }

    def violations(self, s: StageSolutions) -> dict[str, Array]:
        """Kind of violation -> by how much limits are broken, ``[scenario, entity]``; see `headwater.lp.violations`."""
        return violations(self._read, s)

    def _costs(self, s: StageSolutions) -> Columns:
        share = self.ctx.block_hours / self.ctx.hours
        components = self.cost_components(s)
        immediate = sum_components(components)
        future = s.future_cost[:, None] * share
        block_id = np.broadcast_to(np.arange(self.ctx.n_blocks, dtype=np.int32), future.shape)
        return {
            "block_id": block_id,
            "total_cost": immediate + self.template.discount * future,
            "immediate_cost": immediate,
            "future_cost": future,
            "discount_factor": np.full_like(future, s.cumulative_discount),
            **components,
        }


def sum_components(components: dict[str, Array]) -> Array:
    """Immediate cost from its components, each counted once."""
    parts = [components[name] for names in CATEGORIES.values() for name in names]
    total: Array = np.sum(parts, axis=0)
    return total
