"""What is decided in one stage, with prices and water values, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater.core.shown import Shown
from headwater.lp import StageReadout, sum_components
from headwater.model import System
from headwater.results import SCHEMAS, tables_to_frame
from headwater.results.names_in_tables import TableNames, chosen_table
from headwater.results.other_forms import OtherForms
from headwater.sddp.simulation.decisions import StageOutcome


@dataclass(frozen=True, repr=False)
class Decision(Shown, OtherForms):
    """The decision of one stage.

    Attributes:
        stage_id: the stage.
        start_date, end_date: its span.
        cost: cost of the stage in $.
        future_cost: expected cost in $ of everything after it, seen from the start of the next
            stage.
        discount_factor: what $1 of the next stage is worth in this one.
        state: ``[state]`` before the stage; ``policy.layout.names`` says what each component is.
        next_state: ``[state]`` after it, from which the next stage is decided.
        gap: certified distance of the total cost to the optimum in $; 0 where it is within
            tolerance.

    Examples:
        >>> decision = policy.decide({"Ridge": 3000.0}, otherwise="initial", stage="2027-02")
        >>> decision.prices["NORTH"]
        >>> decision.table("hydros")
    """

    stage_id: int
    start_date: date
    end_date: date
    cost: float
    future_cost: float
    discount_factor: float
    state: NDArray[np.float64]
    next_state: NDArray[np.float64]
    gap: float
    _system: System = field(repr=False, compare=False)
    _readout: StageReadout = field(repr=False, compare=False)
    _outcome: StageOutcome = field(repr=False, compare=False)

    @classmethod
    def of_outcome(
        cls, system: System, t: int, readout: StageReadout, outcome: StageOutcome
    ) -> Decision:
        """What the solution of stage position ``t`` says.

        Args:
            system: the power system.
            t: position of the stage.
            readout: where what stands in the solution.
            outcome: the solution.

        Examples:
            >>> policy.decide()  # makes one
        """
        stage, solutions = system.stages[t], outcome.solutions
        return cls(
            stage_id=stage.id,
            start_date=stage.start_date,
            end_date=stage.end_date,
            cost=float(sum_components(readout.cost_components(solutions)).sum()),
            future_cost=float(solutions.future_cost[0]),
            discount_factor=float(readout.template.discount),
            state=solutions.state[0],
            next_state=outcome.outgoing,
            gap=outcome.gap,
            _system=system,
            _readout=readout,
            _outcome=outcome,
        )

    @property
    def total_cost(self) -> float:
        """Cost of the stage and, discounted, of everything after it, in $."""
        return self.cost + self.discount_factor * self.future_cost

    @property
    def storage_hm3(self) -> dict[str, float]:
        """Storage of every reservoir at the end of the stage, by name, in hm3."""
        hydros = self._system.hydros
        return dict(zip(hydros.labels, self.next_state[: len(hydros)].tolist(), strict=True))

    @property
    def water_values(self) -> dict[str, float]:
        """Water values at the start of the stage in $/hm3, by name of the reservoir."""
        values = self._outcome.solutions.worth[0, : len(self._system.hydros)] + 0.0
        return dict(zip(self._system.hydros.labels, values.tolist(), strict=True))

    @cached_property
    def prices(self) -> dict[str, NDArray[np.float64]]:
        """Marginal cost of energy ``[block]`` by name of the bus, in $/MWh."""
        frame, buses = self.table("buses", names=False), self._system.buses
        return {
            label: frame.filter(pl.col("bus_id") == bus.id)["spot_price"].to_numpy()
            for label, bus in zip(buses.labels, buses, strict=True)
        }

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have rows."""
        return tuple(sorted(self._frames))

    def table(self, name: str, *, names: bool = True) -> pl.DataFrame:
        """One table of the stage, with the columns of a simulation's but the scenario.

        Args:
            name: ``"hydros"``, ``"thermals"``, ``"buses"``, ``"costs"``, ...; see `tables`.
            names: add the name of the entity and the dates of the stage beside their ids.

        Raises:
            UnknownNameError: no such table; the message lists those there are.

        Examples:
            >>> policy.decide().table("thermals")
        """
        frame = chosen_table(self._frames, name)
        return self._names.added_to(frame, SCHEMAS[name]) if names else frame

    @cached_property
    def _frames(self) -> dict[str, pl.DataFrame]:
        frames = {}
        for name, columns in self._readout.tables(self._outcome.solutions).items():
            frame = tables_to_frame(
                name, {column: values.ravel() for column, values in columns.items()}
            )
            frames[name] = frame.sort(SCHEMAS[name].sort_keys[1:], maintain_order=True)
        return frames

    @cached_property
    def _names(self) -> TableNames:
        return TableNames.of_system(self._system, self._system.stages)

    def facts(self) -> list[tuple[str, str]]:
        """Name and value of what a notebook shows below the heading."""
        water = self.water_values
        reservoirs = [
            (name, f"{held:,.1f} hm3, {water[name]:,.0f} $/hm3")
            for name, held in self.storage_hm3.items()
        ]
        buses = [
            (name, f"{', '.join(f'{price:,.2f}' for price in prices)} $/MWh")
            for name, prices in self.prices.items()
        ]
        return [*buses, *reservoirs][:30]

    def __repr__(self) -> str:
        return (
            f"<Decision of stage {self.stage_id} ({self.start_date} to {self.end_date}): cost "
            f"{self.cost:,.2f} $, future cost {self.future_cost:,.2f} $>"
        )
