"""Building a case in code, plant by plant, by name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from headwater.case.builder_names import kind_of, with_ids
from headwater.case.documents import Documents
from headwater.case.load import Case, case_of
from headwater.case.series_given import columns_of, record_of, values_by_stage
from headwater.case.starter_parts import MONTHLY_SEASONS, usual_penalties
from headwater.errors import UsageError
from headwater.model.named import entity_position

Json = dict[str, Any]

_OWN_METHODS = {
    "bus": "bus",
    "hydro": "hydro",
    "thermal": "thermal",
    "line": "line",
    "non_controllable": "wind",
}
"""Kinds that have a method of their own."""

_OWN_KINDS = {"non_controllable": "non-controllable source"}
"""What the builder calls a kind in messages, where that is not its name."""


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
        self._months = _months(start, months)
        self._blocks = dict(blocks or {"ALL": 1.0})
        if not self._blocks or min(self._blocks.values()) <= 0.0:
            raise UsageError("blocks are given by name with their share of the hours, above 0")
        self._discount, self._openings, self._deficit_cost = discount_rate, openings, deficit_cost
        self._entities: dict[str, dict[str, Json]] = {
            kind: {} for kind in ("bus", "hydro", "thermal", "line", "non-controllable source")
        }
        self._others: dict[str, dict[str, Json]] = {}
        self._references: list[tuple[Json, str, str, str]] = []
        self._initial: dict[str, float] = {}
        self._rows: dict[str, list[Json]] = {}
        self._records: dict[str, list[tuple[date, float]]] = {}
        self._loads: list[tuple[str, list[float], list[float], list[float] | None]] = []
        self._groups: list[tuple[list[str], list[list[float]]]] = []

    def __repr__(self) -> str:
        kinds = {**self._entities, **self._others}
        counts = ", ".join(f"{len(one)} {kind}" for kind, one in kinds.items() if one)
        return f"<SystemBuilder {self.name}: {counts or 'empty'}; {len(self._starts)} months>"

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
        self._initial[name] = float(more.pop("initial_hm3", low + 0.5 * (high - low)))
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
        self._add("hydro", name, entry, bus_id=("bus", bus))
        if downstream is not None:
            self._references.append((entry, "downstream_id", "hydro", downstream))
        record = record_of(inflow, self._starts[0])
        if record is not None:
            self._records[name] = record
        else:
            mean, deviation = self._statistics(inflow, f"inflow of {name}")
            self._note(
                "scenarios/inflow_seasonal_stats",
                entry,
                "hydro_id",
                mean_m3s=mean,
                std_m3s=deviation,
            )
        return self

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
        return self._add("thermal", name, entry, bus_id=("bus", bus))

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
        entry = {"max_generation_mw": capacity_mw, **more}
        self._add("non-controllable source", name, entry, bus_id=("bus", bus))
        mean, deviation = self._statistics(profile, f"profile of {name}")
        self._note("scenarios/non_controllable_stats", entry, "ncs_id", mean=mean, std=deviation)
        return self

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
        ends = {"source_bus_id": ("bus", source), "target_bus_id": ("bus", target)}
        return self._add("line", name, {"capacity": capacity, **more}, **ends)

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
        if any(bus == other for other, _, _, _ in self._loads):
            raise UsageError(f"the bus '{bus}' has a load already")
        if block_factors is not None and len(block_factors) != len(self._blocks):
            raise UsageError(
                f"expected {len(self._blocks)} factors, one for each block, got "
                f"{len(block_factors)}"
            )
        means = values_by_stage(mean, self._starts, f"load of {bus}")
        deviations = values_by_stage(std, self._starts, f"deviation of the load of {bus}")
        self._loads.append(
            (
                bus,
                means,
                deviations,
                None if block_factors is None else [float(f) for f in block_factors],
            )
        )
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
        if kind in _OWN_METHODS:
            raise UsageError(f"a {part.words.one} is added with '{_OWN_METHODS[kind]}'")
        if kind == "user_constraint":
            raise UsageError("user constraints and their bounds are added to the files of a case")
        held = self._others.setdefault(kind, {})
        if name in held:
            raise UsageError(f"there is a {part.words.one} '{name}' already")
        held[name] = fields
        return self

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
        self._groups.append((list(hydros), rows))
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
        return case_of(self._documents(), self.name)

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
        return self._months[:-1]

    def _add(
        self, kind: str, name: str, entry: Json, **references: tuple[str, str]
    ) -> SystemBuilder:
        held = self._entities[kind]
        if name in held:
            raise UsageError(f"there is a {kind} '{name}' already")
        # the entry itself goes in, because references and rows are filled in later
        whole = {"id": len(held), "name": name, **entry}
        entry.clear()
        entry.update(whole)
        held[name] = entry
        self._references += [
            (entry, key, other, target) for key, (other, target) in references.items()
        ]
        return self

    def _all_loads(self) -> list[tuple[str, list[float], list[float]]]:
        """Loads of all buses where there are any: a bus that is not named has none."""
        given = [(bus, means, deviations) for bus, means, deviations, _ in self._loads]
        named, none = {bus for bus, _, _ in given}, [0.0] * len(self._starts)
        others = [bus for bus in self._entities["bus"] if bus not in named]
        return given + [(bus, none, none) for bus in others] if given else []

    def _id(self, kind: str, name: str) -> int:
        names = list(self._entities[kind])
        return entity_position(kind, range(len(names)), names, name)

    def _id_of(self, kind: str, name: str) -> int:
        """Id of an entity of any kind."""
        own = _OWN_KINDS.get(kind, kind)
        if own in self._entities:
            return self._id(own, name)
        names = list(self._others.get(kind, {}))
        return entity_position(kind_of(kind).words.one, range(len(names)), names, name)

    def _statistics(self, given: Any, what: str) -> tuple[list[float], list[float]]:
        mean, deviation = columns_of(given) or (given, 0.0)
        return values_by_stage(mean, self._starts, what), values_by_stage(
            deviation, self._starts, f"deviation of the {what}"
        )

    def _note(self, table: str, entry: Json, key: str, **columns: list[float]) -> None:
        rows = self._rows.setdefault(table, [])
        for t in range(len(self._starts)):
            rows.append(
                {
                    key: entry["id"],
                    "stage_id": t,
                    **{name: values[t] for name, values in columns.items()},
                }
            )

    def _documents(self) -> Documents:
        for entry, key, kind, name in self._references:
            entry[key] = self._id(kind, name)
        hydros = self._entities["hydro"]
        if self._records and len(self._records) < len(hydros):
            without = next(name for name in hydros if name not in self._records)
            raise UsageError(
                f"'{without}' has no record of inflows and other plants have: "
                "give all plants one, or none"
            )
        files = {
            "config.json": self._config(),
            "stages.json": self._stages(),
            "penalties.json": usual_penalties(
                [{"depth_mw": None, "cost": float(self._deficit_cost)}]
            ),
            "initial_conditions.json": {
                "storage": [
                    {"hydro_id": self._id("hydro", name), "value_hm3": v}
                    for name, v in self._initial.items()
                ],
                "filling_storage": [],
            },
            "system/buses.json": {"buses": list(self._entities["bus"].values())},
            "system/lines.json": {"lines": list(self._entities["line"].values())},
            "system/hydros.json": {"hydros": list(hydros.values())},
            "system/thermals.json": {"thermals": list(self._entities["thermal"].values())},
        }
        sources = list(self._entities["non-controllable source"].values())
        if sources:
            files["system/non_controllable_sources.json"] = {"non_controllable_sources": sources}
        for kind, held in self._others.items():
            part = kind_of(kind)
            files[part.file.name] = {
                part.file.key: [
                    {"id": n, "name": name, **with_ids(part, fields, self._id_of)}
                    for n, (name, fields) in enumerate(held.items())
                ]
            }
        if self._groups:
            files["scenarios/correlation.json"] = self._correlation()
        shaped = [(bus, factors) for bus, _, _, factors in self._loads if factors is not None]
        if shaped:
            files["scenarios/load_factors.json"] = {
                "load_factors": [one for each in shaped for one in self._factors(*each)]
            }
        return Documents(
            files,
            {
                f"{name}.parquet": pl.DataFrame(rows)
                for name, rows in self._tables().items()
                if rows
            },
        )

    def _tables(self) -> dict[str, list[Json]]:
        loads = [
            {
                "bus_id": self._id("bus", bus),
                "stage_id": t,
                "mean_mw": means[t],
                "std_mw": deviations[t],
            }
            for bus, means, deviations in self._all_loads()
            for t in range(len(self._starts))
        ]
        history = [
            {"hydro_id": self._id("hydro", name), "date": day, "value_m3s": value}
            for name, record in self._records.items()
            for day, value in record
        ]
        return {
            **self._rows,
            "scenarios/load_seasonal_stats": loads,
            "scenarios/inflow_history": history,
        }

    def _config(self) -> Json:
        return {
            "modeling": {"inflow_non_negativity": {"method": "penalty"}},
            "training": {
                "forward_passes": 4,
                "tree_seed": 42,
                "stopping_rules": [{"type": "iteration_limit", "limit": 50}],
            },
            "simulation": {"enabled": True, "num_scenarios": 200},
        }

    def _stages(self) -> Json:
        total = sum(self._blocks.values())
        stages = []
        for t, (start, end) in enumerate(zip(self._months, self._months[1:], strict=False)):
            hours = (end - start).days * 24.0
            blocks = [
                {"id": i, "name": n, "hours": hours * share / total}
                for i, (n, share) in enumerate(self._blocks.items())
            ]
            stage: Json = {
                "id": t,
                "season_id": start.month - 1,
                "start_date": start.isoformat(),
                "end_date": end.isoformat(),
            }
            if self._records:
                stage["state_variables"] = {"inflow_lags": True}
            stages.append({**stage, "blocks": blocks, "num_scenarios": self._openings})
        graph = {"type": "finite_horizon", "annual_discount_rate": self._discount}
        return {"policy_graph": graph, "season_definitions": MONTHLY_SEASONS, "stages": stages}

    def _factors(self, bus: str, factors: list[float]) -> list[Json]:
        by_block = [{"block_id": i, "factor": factor} for i, factor in enumerate(factors)]
        return [
            {"bus_id": self._id("bus", bus), "stage_id": t, "block_factors": by_block}
            for t in range(len(self._starts))
        ]

    def _correlation(self) -> Json:
        groups = [
            {
                "name": f"group {i}",
                "entities": [{"type": "inflow", "id": self._id("hydro", name)} for name in names],
                "matrix": matrix,
            }
            for i, (names, matrix) in enumerate(self._groups)
        ]
        return {"method": "spectral", "profiles": {"default": {"correlation_groups": groups}}}


def _months(start: str | date, months: int) -> list[date]:
    """First days of the months of a study and of the month after it."""
    try:
        first = (
            start
            if isinstance(start, date)
            else date.fromisoformat(start if len(start) > 7 else f"{start}-01")
        )
    except ValueError:
        raise UsageError(f"expected a month such as '2027-01' as start, got '{start}'") from None
    if first.day != 1:
        raise UsageError(f"a study of months starts on the first of one, got {first}")
    return [
        date(first.year + (first.month - 1 + i) // 12, (first.month - 1 + i) % 12 + 1, 1)
        for i in range(months + 1)
    ]
