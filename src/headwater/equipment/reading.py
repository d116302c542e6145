"""How solutions of a stage are read.

Families of columns become arrays ``[scenario, block, entity]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.core.parts import OPERATIVE_STATE, Equipment, ResultTable
from headwater.core.state import StateLayout
from headwater.equipment.context import StageContext
from headwater.model import System

Columns = dict[str, NDArray[np.generic]]


class Template(Protocol):
    """What of a stage program readers need, see `headwater.lp.StageTemplate`."""

    @property
    def n_columns(self) -> int:
        """Number of columns."""

    @property
    def n_state(self) -> int:
        """Length of the state."""

    @property
    def n_hydros(self) -> int:
        """Hydros of the system."""

    @property
    def layout(self) -> StateLayout:
        """What each component of the state is."""

    @property
    def cost(self) -> Array:
        """``[column]`` in $."""

    @property
    def column_upper(self) -> Array:
        """``[column]``."""

    @property
    def columns(self) -> Mapping[str, NDArray[np.int64]]:
        """Family -> positions of its columns."""

    @property
    def rows(self) -> Mapping[str, NDArray[np.int64]]:
        """Family -> positions of its rows."""

    @property
    def out_column(self) -> NDArray[np.int64]:
        """``[state]`` column that holds each component of the state that leaves."""


@dataclass(frozen=True)
class StageSolutions:
    """Solutions of one stage for several scenarios.

    Attributes:
        primal: ``[scenario, column]`` of the canonical template; money columns in $.
        state: ``[scenario, n_state]`` incoming state.
        load_mw: ``[scenario, bus, block]``.
        load_dual: ``[scenario, bus, block]`` in $ per MW.
        generic_dual: ``[scenario, row]`` in $ per unit of the right-hand side, of the rows of user
            constraints.
        worth: ``[scenario, component]`` of one more unit of the incoming components that are
            priced, in $.
        future_cost: ``[scenario]`` in $, not discounted.
        cumulative_discount: present value of $1 of this stage.
        stage_id: what tables call the stage.
        productivity: ``[scenario, hydro]`` in MW per m3/s, where it depends on the scenario; NaN
            elsewhere.
    """

    primal: Array
    state: Array
    load_mw: Array
    load_dual: Array
    generic_dual: Array
    worth: Array
    future_cost: Array
    cumulative_discount: float
    stage_id: int
    productivity: Array

    @classmethod
    def empty(
        cls, template: Template, n_scenarios: int, cumulative_discount: float, stage_id: int
    ) -> StageSolutions:
        """Room for the solutions of some scenarios."""
        loads = (n_scenarios, *template.rows["load"].shape)
        return cls(
            primal=np.empty((n_scenarios, template.n_columns)),
            state=np.empty((n_scenarios, template.n_state)),
            load_mw=np.empty(loads),
            load_dual=np.empty(loads),
            generic_dual=np.empty((n_scenarios, len(template.rows["generic"]))),
            worth=np.empty((n_scenarios, len(template.layout.priced))),
            future_cost=np.empty(n_scenarios),
            cumulative_discount=cumulative_discount,
            stage_id=stage_id,
            productivity=np.full((n_scenarios, template.n_hydros), np.nan),
        )

    def of(self, scenarios: NDArray[np.int64]) -> StageSolutions:
        """Solutions of some scenarios, by position."""
        arrays = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("cumulative_discount", "stage_id")
        }
        return StageSolutions(
            **{name: array[scenarios] for name, array in arrays.items()},
            cumulative_discount=self.cumulative_discount,
            stage_id=self.stage_id,
        )


class StageReader:
    """Access to the solutions of one stage by family.

    Args:
        ctx: the stage.
        template: its canonical program.
    """

    def __init__(self, ctx: StageContext, template: Template) -> None:
        self.ctx = ctx
        self.template = template

    @property
    def system(self) -> System:
        """The power system."""
        return self.ctx.system

    @property
    def hours(self) -> Array:
        """Block hours that multiply ``[scenario, block, entity]``."""
        return self.ctx.block_hours[None, :, None]

    def values(self, s: StageSolutions, family: str) -> Array:
        """``[scenario, block, entity...]`` values of a family ``[entity, block, ...]``.

        Values of absent entities are 0.
        """
        return np.moveaxis(self.stage_values(s, family), 2, 1)

    def priced(self, s: StageSolutions, family: str) -> Array:
        """The same times the cost of each column, in $."""
        return np.moveaxis(self.stage_priced(s, family), 2, 1)

    def stage_values(self, s: StageSolutions, family: str) -> Array:
        """``[scenario, entity...]`` values of a family ``[entity...]``; 0 where absent."""
        positions = self.template.columns[family]
        return np.where(positions >= 0, s.primal[:, positions], 0.0)

    def stage_priced(self, s: StageSolutions, family: str) -> Array:
        """The same times the cost of each column, in $."""
        positions = self.template.columns[family]
        return np.where(positions >= 0, s.primal[:, positions] * self.template.cost[positions], 0.0)

    def incoming(self, s: StageSolutions, block: str) -> Array:
        """``[scenario, component]`` values of a block of the state that enters."""
        values: Array = s.state[:, self.template.layout.span(block)]
        return values

    def worth(self, s: StageSolutions, block: str) -> Array:
        """``[scenario, component]`` of one more unit of a block of the state that enters, in $."""
        layout = self.template.layout
        values: Array = s.worth[:, np.isin(layout.priced, layout.places(block))]
        return values

    def repeat(self, stage_values: NDArray[Any]) -> NDArray[Any]:
        """``[scenario, entity]`` -> the same in every block."""
        return np.repeat(stage_values[:, None, :], self.ctx.n_blocks, axis=1)

    def table(self, s: StageSolutions, part: Equipment, declared: ResultTable) -> Columns:
        """A table of a kind, name of a column -> ``[scenario, row]``.

        Without columns where the kind has no entity.

        Where it has a row for every block, rows are by block, then entity, and begin with their
        ids.
        """
        entities = getattr(self.system, part.collection)
        if not entities:
            return {}
        values = declared.read(self, s)
        if declared.block != "every":
            return dict(values)
        n_scenarios, n_blocks = len(s.primal), self.ctx.n_blocks
        shape = (n_scenarios, n_blocks, len(entities))
        found: dict[str, NDArray[Any]] = {
            "block_id": np.broadcast_to(np.arange(n_blocks, dtype=np.int32)[:, None], shape),
            f"{part.name}_id": np.broadcast_to(
                np.array([one.id for one in entities], np.int32), shape
            ),
        }
        for column in declared.columns:
            if column is OPERATIVE_STATE:
                codes = self.system.operative_states[part.collection][:, self.ctx.t]
                found[column.name] = np.broadcast_to(codes, shape)
            else:
                found[column.name] = values[column.name]
        return {
            name: np.ascontiguousarray(one).reshape(n_scenarios, -1) for name, one in found.items()
        }
