"""Building a case in code, plant by plant, by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from headwater.case.builder_files import BusLoad, Given, OverTime, months_from
from headwater.case.builder_names import kind_of
from headwater.case.load import Case, case_of
from headwater.case.series_given import columns_of, record_of, values_by_stage
from headwater.core.wording import numbered
from headwater.errors import UsageError

Json = dict[str, Any]

MethodT = TypeVar("MethodT", bound=Callable[..., Any])
_METHODS: dict[str, str] = {}
"""Kinds that have a method of their own, and its name."""


def _adds(kind: str) -> Callable[[MethodT], MethodT]:
    """Note of a method which kind it adds."""

    def note(method: MethodT) -> MethodT:
        _METHODS[kind] = method.__name__
        return method

    return note


class SystemBuilder:
    """A system of monthly stages, put together by name.

    `build` makes a case of it, `save` a directory.

    Plants may name buses and plants that come later. Whatever the case format knows and has no
    argument here is given as further keywords, as in the JSON files
    (``outflow={"min_outflow_m3s": 20.0}``).

    Values over time (``inflow``, ``mean``, ``profile``) are a number, 12 values from January to
    December, one value for each stage, or a pandas or Polars series by date.

    Args:
        name: of the case.
        start: first month, ``"2027-01"``.
        months: number of stages.
        blocks: share of the hours of a stage by name of the block; by default one block.
        discount_rate: per year.
        openings: of every stage.
        deficit_cost: cost of unserved energy in $/MWh, of buses without their own.

    Raises:
        UsageError: an argument makes no sense.

    Examples:
        >>> build = hw.SystemBuilder("mine", start="2027-01", months=12)
        >>> build = build.bus("Main").thermal("Gas", bus="Main", max_mw=180.0, cost=75.0)
        >>> build = build.hydro("Ridge", bus="Main", storage_hm3=(100.0, 900.0),
        ...                     turbined_m3s=220.0, productivity=0.9, inflow=(150.0, 45.0))
        >>> case = build.load("Main", 260.0).build()
        >>> [plant.name for plant in case.system.hydros], len(case.system.stages)
        (['Ridge'], 12)
        >>> policy = hw.train(case)  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        *,
        start: str | date,
        months: int,
        blocks: Mapping[str, float] | None = None,
        discount_rate: float = 0.0,
        openings: int = 20,
        deficit_cost: float = 4000.0,
    ) -> None:
        if months < 1:
            raise UsageError(f"a study needs at least one month, got {months}")
        self.name = name
        by_name = dict(blocks or {"ALL": 1.0})
        if not by_name or min(by_name.values()) <= 0.0:
            raise UsageError("blocks are given by name with their share of the hours, above 0")
        self._given = Given(
            months_from(start, months), by_name, discount_rate, openings, float(deficit_cost)
        )

    def __repr__(self) -> str:
        held = self._given.entities
        words = {kind: kind_of(kind).words for kind in held}
        counts = [numbered(len(held[kind]), one.one, one.many) for kind, one in words.items()]
        months = numbered(len(self._starts), "month")
        return f"<SystemBuilder {self.name}: {', '.join(counts) or 'empty'}; {months}>"

    @_adds("bus")
    def bus(self, name: str, *, deficit_cost: float | None = None, **more: Any) -> SystemBuilder:
        """Add a bus.

        Args:
            name: its name.
            deficit_cost: cost of unserved energy in $/MWh; by default that of the builder.
            more: further keys of ``system/buses.json``.

        Raises:
            UsageError: there is one of that name.

        Examples:
            >>> build.bus("Main", deficit_cost=3000.0)
        """
        own = (
            {}
            if deficit_cost is None
            else {"deficit_segments": [{"depth_mw": None, "cost": float(deficit_cost)}]}
        )
        return self._add("bus", name, {**own, **more})

    @_adds("hydro")
    def hydro(
        self,
        name: str,
        *,
        bus: str,
        storage_hm3: tuple[float, float],
        turbined_m3s: float,
        productivity: float,
        inflow: Any = 0.0,
        downstream: str | None = None,
        **more: Any,
    ) -> SystemBuilder:
        """Add a hydro plant.

        Args:
            name: its name.
            bus: name of its bus.
            storage_hm3: least and most storage; the plant starts half full, or with
                ``initial_hm3=``.
            turbined_m3s: most flow through the turbines.
            productivity: MW per m3/s.
            inflow: natural inflow between this plant and those upstream in m3/s: the mean over
                time; mean and deviation, as a pair or as a table with columns ``mean`` and ``std``;
                or a record by date that ends before the study, from which an autoregressive model
                is estimated.
            downstream: name of the plant that receives its water.
            more: ``initial_hm3``, and further keys of ``system/hydros.json``.

        Raises:
            UsageError: there is one of that name, or values over time make no sense.

        Examples:
            >>> build.hydro("Ridge", bus="Main", storage_hm3=(100.0, 900.0), turbined_m3s=220.0,
            ...             productivity=0.9, inflow=(150.0, 45.0), downstream="Gorge")
        """
        low, high = (float(value) for value in storage_hm3)
        initial = float(more.pop("initial_hm3", low + 0.5 * (high - low)))
        power = {"max_generation_mw": turbined_m3s * productivity, **more.pop("generation", {})}
        entry = {
            "reservoir": {"min_storage_hm3": low, "max_storage_hm3": high},
            "outflow": {"min_outflow_m3s": 0.0},
            "generation": {
                "model": "constant_productivity",
                "productivity_mw_per_m3s": productivity,
                "min_turbined_m3s": 0.0,
                "max_turbined_m3s": turbined_m3s,
                "min_generation_mw": 0.0,
                **power,
            },
            **more,
        }
        if downstream is not None:
            entry["downstream"] = downstream
        self._add("hydro", name, {"bus": bus, **entry})
        self._given.initial_hm3[name] = initial
        record = record_of(inflow, self._starts[0])
        if record is not None:
            self._given.records[name] = record
            return self
        mean, deviation = self._statistics(inflow, f"inflow of {name}")
        return self._note("inflow_seasonal_stats", name, mean_m3s=mean, std_m3s=deviation)

    @_adds("thermal")
    def thermal(
        self, name: str, *, bus: str, max_mw: float, cost: float, min_mw: float = 0.0, **more: Any
    ) -> SystemBuilder:
        """Add a thermal plant.

        Args:
            name: its name.
            bus: name of its bus.
            max_mw: capacity.
            cost: $/MWh.
            min_mw: least power.
            more: further keys of ``system/thermals.json``.

        Raises:
            UsageError: there is one of that name.

        Examples:
            >>> build.thermal("Gas", bus="Main", max_mw=180.0, cost=75.0)
        """
        entry = {"generation": {"min_mw": min_mw, "max_mw": max_mw}, "cost_per_mwh": cost, **more}
        return self._add("thermal", name, {"bus": bus, **entry})

    @_adds("non_controllable")
    def wind(
        self, name: str, *, bus: str, capacity_mw: float, profile: Any = 1.0, **more: Any
    ) -> SystemBuilder:
        """Add wind, sun, or another source whose power is not decided.

        Args:
            name: its name.
            bus: name of its bus.
            capacity_mw: most power.
            profile: available share of the capacity, 0 to 1: the mean over time, or mean and
                deviation as for inflows.
            more: further keys of ``system/non_controllable_sources.json``.

        Raises:
            UsageError: there is one of that name, or values over time make no sense.

        Examples:
            >>> build.wind("Hill", bus="Main", capacity_mw=60.0, profile=(0.35, 0.1))
        """
        self._add("non_controllable", name, {"bus": bus, "max_generation_mw": capacity_mw, **more})
        mean, deviation = self._statistics(profile, f"profile of {name}")
        return self._note("non_controllable_stats", name, mean=mean, std=deviation)

    @_adds("line")
    def line(
        self,
        name: str,
        source: str,
        target: str,
        capacity_mw: float,
        reverse_mw: float | None = None,
        **more: Any,
    ) -> SystemBuilder:
        """Add a line between two buses.

        Args:
            name: its name.
            source: name of a bus.
            target: name of another.
            capacity_mw: most power from source to target.
            reverse_mw: most power back; by default the same.
            more: further keys of ``system/lines.json``, e.g. ``losses_percent``, or
                ``reactance_pu`` where flows follow Kirchhoff's laws.

        Raises:
            UsageError: there is one of that name.

        Examples:
            >>> build.line("Valley to City", "Valley", "City", 400.0, 300.0)
        """
        capacity = {
            "direct_mw": capacity_mw,
            "reverse_mw": capacity_mw if reverse_mw is None else reverse_mw,
        }
        ends = {"source_bus": source, "target_bus": target}
        return self._add("line", name, {**ends, "capacity": capacity, **more})

    def load(
        self, bus: str, mean: Any, std: Any = 0.0, *, block_factors: Sequence[float] | None = None
    ) -> SystemBuilder:
        """Give a bus its load.

        Args:
            bus: name of the bus.
            mean: MW over time.
            std: deviation in MW over time.
            block_factors: load of each block against the mean of the stage; with the shares of the
                blocks they average to 1.

        Raises:
            UsageError: the bus has a load already, or values make no sense.

        Examples:
            >>> build.load("Main", 260.0, 8.0)
        """
        if any(bus == other.bus for other in self._given.loads):
            raise UsageError(f"the bus '{bus}' has a load already")
        n_blocks = len(self._given.blocks)
        if block_factors is not None and len(block_factors) != n_blocks:
            raise UsageError(
                f"expected {n_blocks} factors, one for each block, got {len(block_factors)}"
            )
        means = values_by_stage(mean, self._starts, f"load of {bus}")
        deviations = values_by_stage(std, self._starts, f"deviation of the load of {bus}")
        factors = None if block_factors is None else [float(factor) for factor in block_factors]
        self._given.loads.append(BusLoad(bus, means, deviations, factors))
        return self

    def add(self, kind: str, name: str, **fields: Any) -> SystemBuilder:
        """Add equipment of any other kind, also of kinds that installed packages bring.

        Args:
            kind: e.g. ``"battery"``, ``"stock"``, ``"reserve"``, ``"pumping_station"``.
            name: its name.
            fields: keys of its file. Other entities may be given by name, in expressions in quotes.

        Raises:
            UsageError: there is no such kind, there is one of that name, or the kind has a method
                of its own here.

        Examples:
            >>> build.add("battery", "Store", bus="Main", max_energy_mwh=400.0,
            ...           max_charge_mw=100.0, max_discharge_mw=100.0)
            >>> build.add("stock", "CO2", consumption="0.4 * thermal_generation('Gas')",
            ...           initial_amount=90_000.0, shortage_cost=80.0)
        """
        part = kind_of(kind)
        if kind in _METHODS:
            raise UsageError(f"a {part.words.one} is added with '{_METHODS[kind]}'")
        if kind == "user_constraint":
            raise UsageError("user constraints and their bounds are added to the files of a case")
        return self._add(kind, name, fields)

    def correlation(
        self, hydros: Sequence[str], matrix: Sequence[Sequence[float]]
    ) -> SystemBuilder:
        """Say how the inflows of some plants go together.

        Without it, and without records, they are independent.

        Args:
            hydros: names of the plants.
            matrix: their correlations, in that order.

        Raises:
            UsageError: the matrix is not square.

        Examples:
            >>> build.correlation(["Ridge", "Mesa"], [[1.0, 0.6], [0.6, 1.0]])
        """
        rows = [[float(value) for value in row] for row in matrix]
        if any(len(row) != len(hydros) for row in rows) or len(rows) != len(hydros):
            raise UsageError(
                f"expected a matrix of {len(hydros)} by {len(hydros)} for {len(hydros)} plants"
            )
        self._given.groups.append((list(hydros), rows))
        return self

    def build(self) -> Case:
        """The case.

        Raises:
            UnknownNameError: a bus or plant that is named does not exist.
            UsageError: some plants have records of inflows and others not.
            CaseError: the case has errors; the message lists them all.

        Examples:
            >>> case = build.build()
        """
        return case_of(self._given.documents(), self.name)

    def save(self, directory: str | os.PathLike[str]) -> Path:
        """Write the case into a new directory, see `Case.save`.

        Args:
            directory: one that does not exist yet, or is empty.

        Raises:
            CaseError: the case has errors.
            UsageError: ``directory`` holds something already.

        Examples:
            >>> build.save("my-case")
        """
        return self.build().save(directory)

    @property
    def _starts(self) -> list[date]:
        return self._given.starts

    def _add(self, kind: str, name: str, fields: Json) -> SystemBuilder:
        held = self._given.entities.setdefault(kind, {})
        if name in held:
            raise UsageError(f"there is a {kind_of(kind).words.one} '{name}' already")
        held[name] = fields
        return self

    def _statistics(self, given: Any, what: str) -> tuple[list[float], list[float]]:
        mean, deviation = columns_of(given) or (given, 0.0)
        return values_by_stage(mean, self._starts, what), values_by_stage(
            deviation, self._starts, f"deviation of the {what}"
        )

    def _note(self, table: str, name: str, **columns: list[float]) -> SystemBuilder:
        self._given.over_time.setdefault(table, []).append(OverTime(name, columns))
        return self
