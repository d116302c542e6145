"""From solutions of a stage to what the system did.

The simulation tables and the components of the cost.

Each equipment module reads its own table; here they are put together. Money is in $ of the stage,
not discounted.
"""

from __future__ import annotations

import numpy as np

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Category
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import readout as hydro_readout
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.lp.template import StageTemplate
from headwater.lp.violations import violations
from headwater.model import InflowNonNegativity, System

CATEGORIES: tuple[Category, ...] = ("resource", "recourse", "violation", "regularization")
"""Categories of the immediate cost; together they hold all of it."""


IMPUTED: Category = "imputed"
"""Category of components that are paid for elsewhere and not part of the immediate cost."""


def components_of(category: Category) -> tuple[str, ...]:
    """The components of the cost that belong to a category."""
    return tuple(cost.name for cost in EQUIPMENT.costs if cost.category == category)


class StageReadout:
    """Reads the solutions of one stage.

    Args:
        system: the power system.
        template: the canonical program of the stage.
        inflow_method: treatment of negative inflow, as the template was built.
    """

    def __init__(
        self, system: System, template: StageTemplate, inflow_method: InflowNonNegativity
    ) -> None:
        psi = np.zeros((template.n_hydros, template.n_lags))
        self.template = template
        self.ctx = StageContext(system=system, t=template.t, psi=psi, inflow_method=inflow_method)
        self._read = StageReader(self.ctx, template)
        told = {cost.name for part in EQUIPMENT.told_of(system) for cost in part.costs}
        self._costs_told = tuple(cost for cost in EQUIPMENT.costs if cost.name in told)

    def tables(self, s: StageSolutions) -> dict[str, Columns]:
        """All tables of the stage: name -> column -> ``[scenario, row]``.

        Rows are ordered by block, then by entity.
        """
        built = {"costs": self._costs(s)}
        built |= {table.name: self._read.table(s, part, table) for part, table in EQUIPMENT.tables}
        tables: dict[str, Columns] = {}
        for name, columns in built.items():
            n_rows = next(iter(columns.values())).shape[1] if columns else 0
            if n_rows:
                tables[name] = {
                    "stage_id": np.full((len(s.primal), n_rows), s.stage_id, np.int32),
                    **columns,
                }
        return tables

    def cost_components(self, s: StageSolutions) -> dict[str, Array]:
        """Components of the cost, ``[scenario, block]``.

        Costs of the whole stage are shared by block hours.
        """
        share = self.ctx.block_hours / self.ctx.hours
        blocks = (len(s.primal), self.ctx.n_blocks)
        costs = {cost.name: np.zeros(blocks) for cost in self._costs_told}
        for cost in self._costs_told:
            for family in cost.families:
                if cost.of_stage:
                    costs[cost.name] += (
                        self._read.stage_priced(s, family).sum(axis=1)[:, None] * share
                    )
                else:
                    priced = self._read.priced(s, family)
                    costs[cost.name] += priced.sum(axis=tuple(range(2, priced.ndim)))
            if cost.read is not None:
                costs[cost.name] += cost.read(self._read, s)
        for cost in self._costs_told:
            if cost.total_of:
                costs[cost.name] = np.sum([costs[name] for name in cost.total_of], axis=0)
        return costs

    def spilled_hm3(self, s: StageSolutions) -> Array:
        """Water spilled by all plants, ``[scenario]``."""
        spilled: Array = (self._read.values(s, "spillage").sum(axis=2) * self.ctx.block_hm3).sum(
            axis=1
        )
        return spilled

    def deficit_mwh(self, s: StageSolutions) -> Array:
        """Energy not served at all buses, ``[scenario]``."""
        unserved: Array = (
            self._read.values(s, "deficit").sum(axis=(2, 3)) * self.ctx.block_hours
        ).sum(axis=1)
        return unserved

    def quantities(self, s: StageSolutions) -> dict[str, Array]:
        """What the system did in the stage as a whole, ``[scenario]`` each.

        They are money in $ of the stage, energy and water.
        """
        hours = self.ctx.block_hours
        return {
            "immediate_cost": sum_components(self.cost_components(s)).sum(axis=1),
            "future_cost": s.future_cost,
            "load_mwh": (s.load_mw[:, :, : len(hours)].sum(axis=1) * hours).sum(axis=1),
            "deficit_mwh": self.deficit_mwh(s),
            "hydro_mwh": hydro_readout.generated_mwh(self._read, s),
            "thermal_mwh": (self._read.values(s, "thermal_segment").sum(axis=(2, 3)) * hours).sum(
                axis=1
            ),
            "spillage_hm3": self.spilled_hm3(s),
            "storage_final_hm3": self._read.stage_values(s, "storage").sum(axis=1),
        }

    def violations(self, s: StageSolutions) -> dict[str, Array]:
        """Kind of violation -> by how much limits are broken, ``[scenario, entity]``.

        The kinds are those of `headwater.lp.violations`.
        """
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
    parts = [
        components[name]
        for category in CATEGORIES
        for name in components_of(category)
        if name in components
    ]
    total: Array = np.sum(parts, axis=0)
    return total
