r"""Non-controllable sources (wind, solar, small hydro).

Generation up to an exogenous availability, the rest curtailed.

    gn[r, k] + kap[r, k] = A[r, k]      gn, kap >= 0      cost  tau_k c_curt kap[r, k]

A source that must be taken has no curtailment: ``gn[r, k] = A[r, k]``.

The right-hand side is the availability of the opening, so openings differ in row bounds only, and
the cost is the true cost of curtailed energy.
"""

from __future__ import annotations

import numpy as np

from headwater.core.equipment import EQUIPMENT
from headwater.core.flows import BusFlow
from headwater.core.ids import ABSENT
from headwater.core.parts import (
    OPERATIVE_STATE,
    Column,
    Cost,
    EntityFile,
    Equipment,
    Family,
    Limit,
    Phase,
    Piece,
    Quantity,
    ResultTable,
    Words,
)
from headwater.core.program import LpBuilder
from headwater.core.stage_tables import StageTable
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import NonControllableSource


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """For each source and block: generated and curtailed power in MW."""
    shape = (len(ctx.system.non_controllables), ctx.n_blocks)
    generated, curtailed = (
        build.column_family("ncs_generation", shape),
        build.column_family("ncs_curtailment", shape),
    )
    cost = ctx.system.bounds.non_controllable.curtailment_cost
    for r in range(shape[0]):
        if ctx.operating("non_controllables", r):
            for k, hours in enumerate(ctx.block_hours):
                generated[r, k] = build.column()
                if ctx.system.non_controllables[r].allow_curtailment:
                    curtailed[r, k] = build.column(cost=hours * cost[r, ctx.t])


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Availability rows; their right-hand side comes with the opening."""
    generated, curtailed = build.columns["ncs_generation"], build.columns["ncs_curtailment"]
    rows = build.row_family("availability", (len(ctx.system.non_controllables), ctx.n_blocks))
    for r, k in np.ndindex(generated.shape[0], generated.shape[1]):
        if generated[r, k] != ABSENT:
            row = rows[r, k] = build.equality()
            build.put(row, int(generated[r, k]), 1.0)
            if curtailed[r, k] != ABSENT:
                build.put(row, int(curtailed[r, k]), 1.0)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Generation enters the load balance of the source's bus."""
    generated, bus = build.columns["ncs_generation"], ctx.system.network.bus["non_controllables"]
    for r, k in np.ndindex(generated.shape[0], generated.shape[1]):
        if generated[r, k] != ABSENT:
            build.put(int(build.rows["load"][bus[r], k]), int(generated[r, k]), 1.0)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``non_controllables``."""
    generated, curtailed = read.values(s, "ncs_generation"), read.values(s, "ncs_curtailment")
    return {
        "generation_mw": generated,
        "generation_mwh": generated * read.hours,
        "available_mw": generated + curtailed,
        "curtailment_mw": curtailed,
        "curtailment_mwh": curtailed * read.hours,
        "curtailment_cost": read.priced(s, "ncs_curtailment"),
    }


_TABLES = (
    ResultTable(
        "non_controllables",
        "scenario, stage, block and non-controllable source",
        (
            Column("generation_mw", "MW", "power"),
            Column("generation_mwh", "MWh", "energy of the block"),
            Column("available_mw", "MW", "power that was available"),
            Column("curtailment_mw", "MW", "available and not used"),
            Column("curtailment_mwh", "MWh", "curtailed energy of the block"),
            Column("curtailment_cost", "$", "cost of curtailment"),
            OPERATIVE_STATE,
        ),
        read_table,
        place=6,
    ),
)

_COSTS = (
    Cost(
        "curtailment_cost",
        "curtailed availability",
        "regularization",
        ("ncs_curtailment",),
        place=18,
    ),
)

EQUIPMENT.add(
    Equipment(
        "non_controllable",
        "non_controllables",
        NonControllableSource,
        EntityFile(
            "system/non_controllable_sources.json",
            "non_controllable_sources",
            place=4,
            meaning="wind, sun and the like",
        ),
        Words("non-controllable source", "non-controllable sources", "Source"),
        code=7,
        place=6,
        stage_tables=(
            StageTable(
                "constraints/ncs_bounds.parquet",
                "ncs_id",
                held_in="ncs_bound_overrides",
                place=5,
            ),
            StageTable(
                "constraints/penalty_overrides_ncs.parquet",
                "source_id",
                "ncs_id",
                held_in="ncs_penalty_overrides",
                place=10,
            ),
        ),
        flows=(
            BusFlow(
                "renewable", "wind, sun and other", "non_controllables", "generation_mwh", place=1
            ),
        ),
        limits=(Limit(6, "generation or power", "available_generation_mw"),),
        capacity=(("max_generation_mw", "MW"),),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("non_controllable_generation", (("ncs_generation", 1.0),)),
            Quantity("non_controllable_curtailment", (("ncs_curtailment", 1.0),)),
        ),
        pieces=(
            Piece(Phase.COLUMNS, declare_columns, place=7),
            Piece(Phase.ROWS, declare_rows, place=7),
            Piece(Phase.TERMS, put_terms, place=9),
        ),
        families=(
            Family("ncs_generation", "generation of {0}", "MW"),
            Family("ncs_curtailment", "curtailment of {0}", "MW"),
            Family("availability", "the availability of {0}", "MW", is_row=True),
        ),
    )
)
