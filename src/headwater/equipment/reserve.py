r"""Reserves: power that is held back, so that what fails or was not foreseen can be made good.

    sum_i r[z, i, k] + short[z, k] >= requirement + share * mean load                of zone z
    sum_{i != j} r[z, i, k] + short[z, k] >= P[j, k]   for every provider j, if the largest must be
                                                       covered
    P[i, k] + sum_z r[z, i, k] <= capacity of i        where room above is held
    P[i, k] - sum_z r[z, i, k] >= floor of i           where room below is held
    cost  tau_k (cost r[z, i, k] + shortage_cost short[z, k])

What can provide is any expression over quantities: a plant, a group of plants, a battery, a line.
Several zones (spinning, secondary, up and down) share the room of one provider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import numpy as np
from annotated_types import MinLen

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import (
    BlockExpression,
    Check,
    Name,
    NonNegative,
    OwnId,
    Ref,
    StageId,
    Unit,
    in_file,
)
from headwater.core.ids import ABSENT
from headwater.core.parts import (
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
from headwater.core.program import Combination, LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.expressions import combination_of, parses
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.errors import ModelError


class Room(Enum):
    """On which side of its power a provider holds reserve."""

    ABOVE = "above"
    BELOW = "below"


@in_file()
@dataclass(frozen=True, slots=True)
class ReserveProvider:
    """What can hold reserve, and how much."""

    power: Annotated[
        str,
        Check(parses),
        BlockExpression(),
        "its power: an expression as in user constraints, e.g. thermal_generation(3)",
    ]
    max_reserve_mw: Annotated[NonNegative | None, "most reserve that it can hold"] = None
    capacity_mw: Annotated[
        float | None,
        "limit of its power that the reserve stays within; without it, what the limits of its "
        "parts come to",
    ] = None
    cost_per_mwh: Annotated[NonNegative, Unit("$/(MW h)"), "cost of holding a MW for an hour"] = 0.0


@in_file()
@dataclass(frozen=True, slots=True)
class ReserveRequirement:
    """What is required at one stage, in place of what other stages require."""

    stage_id: StageId
    requirement_mw: Annotated[NonNegative, "reserve that is required"]


@in_file()
@dataclass(frozen=True, slots=True)
class Reserve:
    """Power that a zone requires to be held back in every block."""

    id: OwnId
    providers: Annotated[tuple[ReserveProvider, ...], MinLen(1), "what can hold it"]
    name: Name = ""
    room: Annotated[Room, "whether room above the power or below it is held"] = Room.ABOVE
    requirement_mw: Annotated[NonNegative, "reserve that is required in every block"] = 0.0
    requirement_by_stage: Annotated[
        tuple[ReserveRequirement, ...], "requirements of single stages, in place of that"
    ] = ()
    load_share: Annotated[
        NonNegative, "share of the mean load of its buses that is required as well"
    ] = 0.0
    bus_ids: Annotated[tuple[int, ...], Ref("bus"), "buses whose load counts; none for all"] = ()
    covers_largest: Annotated[
        bool, "whether the others must make good the power of every provider, should it fail"
    ] = False
    shortage_cost: Annotated[
        NonNegative, Unit("$/(MW h)"), "cost of a MW that is not held for an hour"
    ] = 1000.0

    def requirement(self, stage_id: int) -> float:
        """Reserve that is required at a stage, without the share of the load."""
        given = (one for one in self.requirement_by_stage if one.stage_id == stage_id)
        return next((one.requirement_mw for one in given), self.requirement_mw)


def required_mw(ctx: StageContext, reserve: Reserve) -> Array:
    """Reserve that is required, ``[block]``."""
    system = ctx.system
    load = np.zeros(ctx.n_blocks)
    for row in system.load_statistics if reserve.load_share else ():
        counts = not reserve.bus_ids or row.bus_id in reserve.bus_ids
        if row.stage_id == ctx.stage.id and counts:
            factors = system.load_factor[system.bus_index[row.bus_id], ctx.t]
            load += row.mean_mw * factors[: ctx.n_blocks]
    required: Array = reserve.requirement(ctx.stage.id) + reserve.load_share * load
    return required


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns of reserve ``[reserve, block, provider]`` and of shortage ``[reserve, block]``."""
    reserves = ctx.system.of(Reserve)
    most = max((len(reserve.providers) for reserve in reserves), default=0)
    held = build.column_family("reserve", (len(reserves), ctx.n_blocks, most))
    short = build.column_family("reserve_shortage", (len(reserves), ctx.n_blocks))
    for z, reserve in enumerate(reserves):
        for k, hours in enumerate(ctx.block_hours):
            for i, one in enumerate(reserve.providers):
                limit = math.inf if one.max_reserve_mw is None else one.max_reserve_mw
                held[z, k, i] = build.column(0.0, limit, hours * one.cost_per_mwh)
            short[z, k] = build.column(cost=hours * reserve.shortage_cost)


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Requirements of the zones, and room of the providers."""
    reserves = ctx.system.of(Reserve)
    required = build.row_family("reserve_requirement", (len(reserves), ctx.n_blocks))
    most = max((len(reserve.providers) for reserve in reserves), default=0)
    failing = build.row_family("reserve_largest", (len(reserves), ctx.n_blocks, most))
    for z, reserve in enumerate(reserves):
        for k, amount in enumerate(required_mw(ctx, reserve)):
            row = required[z, k] = build.row(float(amount), math.inf)
            _put_held(build, row, z, k, leaving_out=None)
            for i, one in enumerate(reserve.providers if reserve.covers_largest else ()):
                row = failing[z, k, i] = build.row(0.0, math.inf)
                _put_held(build, row, z, k, leaving_out=i)
                combination, constant = combination_of(build, ctx, one.power, k)
                build.shift_row(row, -constant)
                for column, value in combination:
                    build.put(row, column, -value)
    _declare_room(build, ctx)


def _put_held(build: LpBuilder, row: int, z: int, k: int, leaving_out: int | None) -> None:
    for i, column in enumerate(build.columns["reserve"][z, k]):
        if column != ABSENT and i != leaving_out:
            build.put(row, int(column), 1.0)
    build.put(row, int(build.columns["reserve_shortage"][z, k]), 1.0)


def _declare_room(build: LpBuilder, ctx: StageContext) -> None:
    """A row for every power that holds reserve on one side, and every block."""
    sharing = _sharing(ctx)
    rows = build.row_family("reserve_room", (len(sharing), ctx.n_blocks))
    for number, ((power, room), places) in enumerate(sharing.items()):
        for k in range(ctx.n_blocks):
            combination, constant = combination_of(build, ctx, power, k)
            limit = _limit(build, [one for *_, one in places], combination, constant, room)
            above = room is Room.ABOVE
            row = rows[number, k] = build.row(
                -math.inf if above else limit, limit if above else math.inf
            )
            build.shift_row(row, constant)
            for column, value in combination:
                build.put(row, column, value)
            for z, i, _ in places:
                build.put(row, int(build.columns["reserve"][z, k, i]), 1.0 if above else -1.0)


def _sharing(ctx: StageContext) -> dict[tuple[str, Room], list[tuple[int, int, ReserveProvider]]]:
    """Powers and the side on which they hold reserve -> zones and providers that share the room."""
    sharing: dict[tuple[str, Room], list[tuple[int, int, ReserveProvider]]] = {}
    for z, reserve in enumerate(ctx.system.of(Reserve)):
        for i, one in enumerate(reserve.providers):
            power = "".join(one.power.split())
            sharing.setdefault((power, reserve.room), []).append((z, i, one))
    return sharing


def _limit(
    build: LpBuilder,
    providers: list[ReserveProvider],
    combination: Combination,
    constant: float,
    room: Room,
) -> float:
    """Limit of a power that reserve stays within: the tightest one given, else that of its parts.

    Raises:
        ModelError: no limit is given and its parts have none.
    """
    given = [one.capacity_mw for one in providers if one.capacity_mw is not None]
    if given:
        return min(given) if room is Room.ABOVE else max(given)
    limit = constant + build.reach(combination)[room is Room.ABOVE]
    if not math.isfinite(limit):
        raise ModelError(
            f"the power '{providers[0].power}' holds reserve and has no limit of its own: give "
            "capacity_mw"
        )
    return limit


def read_zones(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``reserves``."""
    reserves = read.system.of(Reserve)
    required = np.array([required_mw(read.ctx, reserve) for reserve in reserves])
    held = read.stage_values(s, "reserve").sum(axis=3)
    return {
        "required_mw": np.broadcast_to(required.T, (len(s.primal), *required.T.shape)),
        "held_mw": np.swapaxes(held, 1, 2),
        "shortage_mw": read.values(s, "reserve_shortage"),
    }


def read_providers(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``reserve_providers``."""
    reserves, blocks = read.system.of(Reserve), range(read.ctx.n_blocks)
    values = read.stage_values(s, "reserve")
    rows = [
        (k, z, i)
        for k in blocks
        for z, reserve in enumerate(reserves)
        for i in range(len(reserve.providers))
    ]
    k, z, i = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    shape = (len(s.primal), len(rows))
    ids = np.array([reserve.id for reserve in reserves], np.int32)
    return {
        "block_id": np.broadcast_to(k.astype(np.int32), shape),
        "reserve_id": np.broadcast_to(ids[z], shape),
        "provider": np.broadcast_to(i.astype(np.int32) + 1, shape),
        "held_mw": values[:, z, k, i],
    }


def label_rooms(ctx: StageContext, reserves: Sequence[str]) -> Labeller:
    """Power of a row, and its block."""
    del reserves
    powers = [power for power, _ in _sharing(ctx)]
    return lambda index: [powers[index[0]], str(index[1])]


EQUIPMENT.add(
    Equipment(
        "reserve",
        "reserves",
        Reserve,
        EntityFile("system/reserves.json", "reserves", meaning="reserves of power, by zone"),
        Words("reserve", "reserves", "Reserve"),
        code=10,
        tables=(
            ResultTable(
                "reserves",
                "scenario, stage, block and reserve",
                (
                    Column("required_mw", "MW", "required, without what the largest provider asks"),
                    Column("held_mw", "MW", "held back by all providers"),
                    Column("shortage_mw", "MW", "not held"),
                ),
                read_zones,
            ),
            ResultTable(
                "reserve_providers",
                "scenario, stage, block, reserve and provider",
                (
                    Column("reserve_id", "-", "id of the reserve", "whole"),
                    Column("provider", "-", "place in its list of providers, from 1", "whole"),
                    Column("held_mw", "MW", "held back"),
                ),
                read_providers,
                by_entity=False,
                block="some",
                sort=("scenario_id", "stage_id", "block_id", "reserve_id", "provider"),
            ),
        ),
        costs=(
            Cost("reserve_cost", "reserve that is held", "resource", ("reserve",)),
            Cost(
                "reserve_shortage_cost",
                "reserve that is not held",
                "violation",
                ("reserve_shortage",),
            ),
        ),
        quantities=(
            Quantity("reserve_held", (("reserve", 1.0),)),
            Quantity("reserve_shortage", (("reserve_shortage", 1.0),)),
        ),
        pieces=(Piece(Phase.COLUMNS, declare_columns), Piece(Phase.ROWS, declare_rows)),
        violations=(
            Violation("reserve_shortage", "reserve not held", "MW", families=("reserve_shortage",)),
        ),
        families=(
            Family("reserve", "reserve held for {0}", "MW"),
            Family("reserve_shortage", "shortage of {0}", "MW"),
            Family("reserve_requirement", "the requirement of {0}", "MW", is_row=True),
            Family("reserve_largest", "cover of the largest of {0}", "MW", is_row=True),
            Family("reserve_room", "room of {0}", "MW", is_row=True, labels=label_rooms),
        ),
    )
)
