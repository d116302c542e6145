"""The files of a case that is made from a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from headwater.case.documents import Documents
from headwater.case.starter_parts import MONTHLY_SEASONS, usual_penalties
from headwater.core.equipment import EQUIPMENT
from headwater.errors import UsageError
from headwater.pypsa.time_axis import TimeAxis

Json = dict[str, Any]

_LEAST_FACTOR = 1e-9
"""Stands for a load of zero in a block of a stage with load: factors of loads are above 0."""


@dataclass
class Draft:
    """A case under construction; entities are named, and their ids are their places.

    Attributes:
        axis: stages and blocks.
        entities: kind -> entries in the order of their ids.
        rows: table -> rows.
        factors: ``load``, ``non_controllable`` or ``exchange`` -> entries.
        initial_hm3: hydro id -> storage.
        constant_m3s: hydro id -> inflow that is always the same.
    """

    axis: TimeAxis
    entities: dict[str, list[Json]] = field(
        default_factory=lambda: {part.name: [] for part in EQUIPMENT}
    )
    rows: dict[str, list[Json]] = field(default_factory=dict)
    factors: dict[str, list[Json]] = field(default_factory=dict)
    initial_hm3: dict[int, float] = field(default_factory=dict)
    constant_m3s: dict[int, float] = field(default_factory=dict)

    def add(self, kind: str, name: str, **entry: Any) -> int:
        """Add an entity; returns its id."""
        held = self.entities[kind]
        held.append({"id": len(held), "name": name, **entry})
        return len(held) - 1

    def id_of(self, kind: str, name: str) -> int:
        """Id of an entity.

        Raises:
            UsageError: there is none of that name.
        """
        names = [entry["name"] for entry in self.entities[kind]]
        if name not in names:
            one = EQUIPMENT[kind].words.one
            raise UsageError(
                f"the network has no {one} '{name}', which one of its components names"
            )
        return names.index(name)

    def note(self, table: str, rows: Iterable[Json]) -> None:
        """Add rows to a table; a table without any is none."""
        added = list(rows)
        if added:
            self.rows.setdefault(table, []).extend(added)

    def note_factors(self, kind: str, owner: Json, values: list[list[Json]]) -> None:
        """Add factors of every block, ``[stage][block]``, without their block ids."""
        self.factors.setdefault(kind, []).extend(
            {
                **owner,
                "stage_id": t,
                "block_factors": [{"block_id": k, **one} for k, one in enumerate(stage)],
            }
            for t, stage in enumerate(values)
        )

    def documents(
        self,
        *,
        deficit_cost: float,
        discount_rate: float,
        repeats: bool,
        n_openings: int,
        estimated: bool,
    ) -> Documents:
        """The files.

        Args:
            deficit_cost: cost of load that is not served, per MWh.
            discount_rate: per year.
            repeats: whether the last stage is followed by the first.
            n_openings: of every stage.
            estimated: whether inflows are those of a model estimated from a record.
        """
        self._note_buses_without_load()
        files: dict[str, Json] = {
            "config.json": _config("scenarios/external_inflow_scenarios" in self.rows),
            "stages.json": self._stages(discount_rate, repeats, n_openings, estimated),
            "penalties.json": self._penalties(deficit_cost),
            "initial_conditions.json": {
                "storage": [
                    {"hydro_id": hydro, "value_hm3": value}
                    for hydro, value in self.initial_hm3.items()
                ],
                "filling_storage": [],
            },
        }
        for part in EQUIPMENT:
            held = self.entities[part.name]
            if held or part.file.required:
                files[part.file.name] = {part.file.key: held}
        for kind, (file, key) in {
            "load": ("scenarios/load_factors.json", "load_factors"),
            "non_controllable": (
                "scenarios/non_controllable_factors.json",
                "non_controllable_factors",
            ),
            "exchange": ("constraints/exchange_factors.json", "exchange_factors"),
        }.items():
            if self.factors.get(kind):
                files[file] = {key: self.factors[kind]}
        tables = {f"{name}.parquet": pl.DataFrame(rows) for name, rows in self.rows.items() if rows}
        return Documents(files, tables)

    def _note_buses_without_load(self) -> None:
        """Every bus has a load in the files, be it zero."""
        table = "scenarios/load_seasonal_stats"
        loaded = {row["bus_id"] for row in self.rows.get(table, ())}
        self.note(
            table,
            (
                {"bus_id": bus["id"], "stage_id": t, "mean_mw": 0.0, "std_mw": 0.0}
                for bus in self.entities["bus"]
                if bus["id"] not in loaded
                for t in range(self.axis.n_stages)
            ),
        )

    def _stages(
        self, discount_rate: float, repeats: bool, n_openings: int, estimated: bool
    ) -> Json:
        graph: Json = {
            "type": "cyclic" if repeats else "finite_horizon",
            "annual_discount_rate": discount_rate,
        }
        bounds = self.axis.bounds
        if repeats:
            last = self.axis.n_stages - 1
            graph["transitions"] = [
                *({"source_id": t, "target_id": t + 1, "probability": 1.0} for t in range(last)),
                {"source_id": last, "target_id": 0, "probability": 1.0},
            ]
        stages = []
        for t, hours in enumerate(self.axis.block_hours):
            stage: Json = {
                "id": t,
                "start_date": bounds[t].isoformat(),
                "end_date": bounds[t + 1].isoformat(),
                "blocks": [
                    {"id": k, "name": f"block {k}", "hours": length}
                    for k, length in enumerate(hours)
                ],
                "block_mode": "chronological" if self.axis.chronological else "parallel",
                "num_scenarios": n_openings,
            }
            if estimated:
                stage |= {
                    "season_id": bounds[t].month - 1,
                    "state_variables": {"inflow_lags": True},
                }
            stages.append(stage)
        seasons = {"season_definitions": MONTHLY_SEASONS} if estimated else {}
        return {"policy_graph": graph, **seasons, "stages": stages}

    def _penalties(self, deficit_cost: float) -> Json:
        """Costs as in PyPSA: ties cost nothing, what must not happen costs more than deficit."""
        costs = usual_penalties([{"depth_mw": None, "cost": deficit_cost}])
        costs["bus"]["excess_cost"] = costs["line"]["exchange_cost"] = 0.0
        costs["non_controllable_source"]["curtailment_cost"] = 0.0
        water = deficit_cost * max(self._productivity_to_the_sea().values(), default=1.0)
        for key in costs["hydro"]:
            if key in ("spillage_cost", "diversion_cost", "fpha_turbined_cost"):
                costs["hydro"][key] = 0.0
            elif key == "storage_violation_below_cost":
                costs["hydro"][key] = 2.0 * water / 0.0036
            elif key == "filling_target_violation_cost":
                costs["hydro"][key] = 4.0 * water / 0.0036
            elif key == "inflow_nonnegativity_cost":
                costs["hydro"][key] = 3.0 * water
            else:
                costs["hydro"][key] = 0.25 * water
        return costs

    def _productivity_to_the_sea(self) -> Mapping[int, float]:
        """MW that a flow of 1 m3/s makes in a plant and all below it, by id."""
        hydros = {entry["id"]: entry for entry in self.entities["hydro"]}
        found: dict[int, float] = {}
        for one in hydros:
            total, at, seen = 0.0, one, set[int]()
            while at is not None and at not in seen:
                seen.add(at)
                total += hydros[at]["generation"]["productivity_mw_per_m3s"]
                at = hydros[at].get("downstream_id")
            found[one] = total
        return found


def load_factors(values: list[float], mean: float) -> list[Json]:
    """Factors of the blocks of a stage against its mean load."""
    return [{"factor": max(value / mean, _LEAST_FACTOR)} for value in values]


def _config(given: bool) -> Json:
    """How to begin; inflows that are given are the openings."""
    training: Json = {
        "forward_passes": 4,
        "tree_seed": 42,
        "stopping_rules": [{"type": "iteration_limit", "limit": 100}],
    }
    if given:
        training["scenario_source"] = {"inflow": {"scheme": "in_sample", "openings": "scenarios"}}
    return {
        "modeling": {"inflow_non_negativity": {"method": "penalty"}},
        "training": training,
        "simulation": {"enabled": True, "num_scenarios": 200},
    }
