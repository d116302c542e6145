r"""Unit groups: what a hydro plant generates is delivered at several buses, and may cost something.

    sum_g G[g, k] = generation of the plant         0 <= G[g, k] <= max_generation
    G[g, k] + slack[g, k] >= min_generation
    cost  tau_k (cost G[g, k] + generation violation cost of the plant slack[g, k])

over the groups of a plant that are there. A group takes its power from the bus of the plant and
gives it to its own, so that the tables of plants stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import (
    BusId,
    EntryStage,
    ExitStage,
    HydroId,
    Name,
    NonNegative,
    Ordered,
    OwnId,
    in_file,
)
from headwater.core.flows import BusFlow
from headwater.core.ids import ABSENT
from headwater.core.parts import (
    OPERATIVE_STATE,
    Column,
    Cost,
    EntityFile,
    Equipment,
    Family,
    Labeller,
    Phase,
    Piece,
    Quantity,
    ResultTable,
    Violation,
    Words,
)
from headwater.core.program import LpBuilder
from headwater.core.repairs import RepairedStage, Room
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import plants
from headwater.equipment.reading import Columns, StageReader, StageSolutions


@in_file(checks=(Ordered("min_generation_mw", "max_generation_mw"),))
@dataclass(frozen=True, slots=True)
class UnitGroup:
    """Units of a hydro plant that deliver at one bus."""

    id: OwnId
    hydro_id: Annotated[HydroId, "plant that they belong to"]
    bus_id: BusId
    max_generation_mw: Annotated[NonNegative, "largest generation"]
    name: Name = ""
    min_generation_mw: Annotated[NonNegative, "smallest generation"] = 0.0
    cost_per_mwh: Annotated[NonNegative, "cost of generation: operation and maintenance"] = 0.0
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None


def _groups(ctx: StageContext) -> dict[int, list[int]]:
    """Position of every plant that has groups -> positions of those that are there."""
    found: dict[int, list[int]] = {}
    for g, group in enumerate(ctx.system.of(UnitGroup)):
        there = found.setdefault(ctx.system.hydro_index[group.hydro_id], [])
        if ctx.operating("unit_groups", g):
            there.append(g)
    return {h: there for h, there in found.items() if ctx.operating("hydros", h)}


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``G[g, k]`` in MW, and what is missing to the minimum."""
    groups = ctx.system.of(UnitGroup)
    shape = (len(groups), ctx.n_blocks)
    power, missing = (
        build.column_family(name, shape) for name in ("unit_group_generation", "unit_group_slack")
    )
    for h, there in _groups(ctx).items():
        price = ctx.penalty("generation_violation_below_cost", h)
        for g in there:
            one = groups[g]
            for k, hours in enumerate(ctx.block_hours):
                cost = hours * one.cost_per_mwh
                power[g, k] = build.column(0.0, one.max_generation_mw, cost)
                if one.min_generation_mw > 0.0:
                    missing[g, k] = build.column(0.0, one.min_generation_mw, hours * price)


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Groups share the generation of their plant, and keep to their minimum."""
    groups, n_blocks = ctx.system.of(UnitGroup), ctx.n_blocks
    if not len(groups):
        return
    shared = build.row_family("unit_group_sum", (ctx.n_hydros, n_blocks))
    least = build.row_family("unit_group_minimum", (len(groups), n_blocks))
    power, missing = build.columns["unit_group_generation"], build.columns["unit_group_slack"]
    for h, there in _groups(ctx).items():
        for k in range(n_blocks):
            row = shared[h, k] = build.equality()
            for g in there:
                build.put(row, int(power[g, k]), 1.0)
            for column, value in plants.generation(build, ctx, h, k):
                build.put(row, column, -value)
            for g in (g for g in there if missing[g, k] != ABSENT):
                row = least[g, k] = build.row(groups[g].min_generation_mw, np.inf)
                build.put(row, int(power[g, k]), 1.0)
                build.put(row, int(missing[g, k]), 1.0)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Power goes from the bus of the plant to that of the group."""
    own, load = ctx.bus("unit_groups"), build.rows["load"]
    for h, there in _groups(ctx).items():
        plant = ctx.system.network.bus["hydros"][h]
        for g in (g for g in there if own[g] != plant):
            for k in range(ctx.n_blocks):
                column = int(build.columns["unit_group_generation"][g, k])
                build.put(load[own[g], k], column, 1.0)
                build.put(load[plant, k], column, -1.0)


def rooms(stage: RepairedStage) -> Iterator[Room]:
    """A plant that generates less takes it from one of its groups, whichever that is."""
    for row in stage.rows("unit_group_sum") if "unit_group_sum" in stage.form.template.rows else ():
        yield stage.room(row, -1.0, "unit_group_generation")


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``unit_groups``."""
    groups, index = read.system.of(UnitGroup), read.system.hydro_index
    power = read.values(s, "unit_group_generation")
    network = read.system.network
    plant = network.bus["hydros"][[index[group.hydro_id] for group in groups]]
    elsewhere = (network.bus["unit_groups"] != plant)[None, None, :]
    return {
        "generation_mw": power,
        "generation_mwh": power * read.hours,
        "elsewhere_mwh": np.where(elsewhere, power * read.hours, 0.0),
        "missing_mw": read.values(s, "unit_group_slack"),
        "cost": read.priced(s, "unit_group_generation"),
    }


def label_sums(ctx: StageContext, groups: Sequence[str]) -> Labeller:
    """Plant and block."""
    del groups
    names = [plant.name or str(plant.id) for plant in ctx.system.hydros]
    return lambda index: [names[index[0]], str(index[1])]


EQUIPMENT.add(
    Equipment(
        "unit_group",
        "unit_groups",
        UnitGroup,
        EntityFile(
            "system/unit_groups.json",
            "unit_groups",
            meaning="units of hydro plants that deliver at buses of their own",
        ),
        Words("unit group", "unit groups", "Unit group"),
        code=13,
        capacity=(("max_generation_mw", "MW"),),
        tables=(
            ResultTable(
                "unit_groups",
                "scenario, stage, block and unit group",
                (
                    Column("generation_mw", "MW", "power"),
                    Column("generation_mwh", "MWh", "energy of the block"),
                    Column(
                        "elsewhere_mwh",
                        "MWh",
                        "energy that is given to another bus than the plant's",
                    ),
                    Column("missing_mw", "MW", "missing to the minimum generation"),
                    Column("cost", "$", "cost of generation"),
                    OPERATIVE_STATE,
                ),
                read_table,
            ),
        ),
        costs=(
            Cost(
                "unit_group_cost",
                "operation of unit groups",
                "resource",
                ("unit_group_generation",),
            ),
            Cost(
                "unit_group_violation_cost",
                "unit groups below their minimum generation",
                "violation",
                ("unit_group_slack",),
            ),
        ),
        quantities=(Quantity("unit_group_generation", (("unit_group_generation", 1.0),)),),
        pieces=(
            Piece(Phase.COLUMNS, declare_columns),
            Piece(Phase.ROWS, declare_rows),
            Piece(Phase.TERMS, put_terms),
        ),
        families=(
            Family("unit_group_generation", "generation of {0}", "MW"),
            Family(
                "unit_group_slack",
                "power missing to the minimum generation of {0}",
                "MW",
                own_limit=True,
            ),
            Family(
                "unit_group_sum",
                "what the groups of {0} share",
                "MW",
                is_row=True,
                labels=label_sums,
            ),
            Family("unit_group_minimum", "the minimum generation of {0}", "MW", is_row=True),
        ),
        violations=(
            Violation(
                "unit_group_below_minimum",
                "generation of a unit group below its minimum",
                "MW",
                families=("unit_group_slack",),
            ),
        ),
        flows=(
            BusFlow("unit_group", "hydro units elsewhere", "unit_groups", "elsewhere_mwh", place=0),
        ),
        repairs=rooms,
    )
)
