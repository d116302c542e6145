r"""Energy contracts: import from, or export to, a neighbour within hard limits, at a price.

    min_mw <= chi[c, k] <= max_mw      cost  tau_k price chi[c, k]

Imports add to the load balance of their bus, exports take from it; revenue is a negative price.
"""

from __future__ import annotations

from functools import partial

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
from headwater.core.program import Combination, LpBuilder
from headwater.core.stage_tables import StageTable
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.errors import ModelError
from headwater.model import ContractKind, EnergyContract, System


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``chi[c, k]`` in MW."""
    contracts, limits = ctx.system.contracts, ctx.system.bounds.contract
    power = build.column_family("contract", (len(contracts), ctx.n_blocks))
    for c in range(len(contracts)):
        if not ctx.operating("contracts", c):
            continue
        for k, hours in enumerate(ctx.block_hours):
            price = hours * limits.price_per_mwh[c, ctx.t]
            power[c, k] = build.column(limits.min_mw[c, ctx.t], limits.max_mw[c, ctx.t], price)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Contracted power enters the load balance of its bus."""
    bus = ctx.system.network.bus["contracts"]
    for c, contract in enumerate(ctx.system.contracts):
        sign = 1.0 if contract.kind is ContractKind.IMPORT else -1.0
        for k in range(ctx.n_blocks):
            if build.columns["contract"][c, k] != ABSENT:
                build.put(build.rows["load"][bus[c], k], build.columns["contract"][c, k], sign)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``contracts``."""
    power = read.values(s, "contract")
    price = read.system.bounds.contract.price_per_mwh[:, read.ctx.t]
    return {
        "power_mw": power,
        "energy_mwh": power * read.hours,
        "price_per_mwh": price + 0.0 * power,
        "total_cost": read.priced(s, "contract"),
    }


def lowest_cost(system: System, t: int) -> float:
    """What all contracts earn at most at a stage, as a negative cost in $."""
    limits = system.bounds.contract
    earned = np.minimum(limits.price_per_mwh[:, t], 0.0) * limits.max_mw[:, t]
    return float(np.sum(earned)) * system.stages[t].hours


def _power_of(
    kind: ContractKind, build: LpBuilder, ctx: StageContext, c: int, k: int
) -> tuple[Combination, float]:
    """Power of a contract in a block, which a constraint must name by its kind."""
    contract = ctx.system.contracts[c]
    if contract.kind is not kind:
        raise ModelError(
            f"an expression names 'contract_{kind.value}({contract.id})', but contract "
            f"{contract.id} is an {contract.kind.value}"
        )
    column = int(build.columns["contract"][c, k])
    return [] if column == ABSENT else [(column, 1.0)], 0.0


_TABLES = (
    ResultTable(
        "contracts",
        "scenario, stage, block and contract",
        (
            Column("power_mw", "MW", "imported or exported power"),
            Column("energy_mwh", "MWh", "energy of the block"),
            Column("price_per_mwh", "$/MWh", "price in force, negative for revenue"),
            Column("total_cost", "$", "cost, negative for revenue"),
            OPERATIVE_STATE,
        ),
        read_table,
        place=5,
    ),
)

_COSTS = (
    Cost("contract_cost", "contracts, export revenue negative", "resource", ("contract",), place=1),
)

EQUIPMENT.add(
    Equipment(
        "contract",
        "contracts",
        EnergyContract,
        EntityFile(
            "system/energy_contracts.json",
            "contracts",
            place=6,
            meaning="contracts of import and export",
        ),
        Words("contract", "contracts", "Contract"),
        code=5,
        place=5,
        stage_tables=(
            StageTable(
                "constraints/contract_bounds.parquet", held_in="contract_bound_overrides", place=4
            ),
        ),
        flows=(
            BusFlow(
                "contract_import",
                "bought",
                "contracts",
                "energy_mwh",
                only=("kind", "import"),
                place=4,
            ),
            BusFlow(
                "contract_export",
                "sold",
                "contracts",
                "energy_mwh",
                takes=True,
                only=("kind", "export"),
                place=9,
            ),
        ),
        limits=(Limit(6, "generation or power", "max_mw", "min_mw"),),
        capacity=(("max_mw", "MW"),),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("contract_import", combine=partial(_power_of, ContractKind.IMPORT)),
            Quantity("contract_export", combine=partial(_power_of, ContractKind.EXPORT)),
        ),
        pieces=(
            Piece(Phase.COLUMNS, declare_columns, place=5),
            Piece(Phase.TERMS, put_terms, place=7),
        ),
        families=(Family("contract", "contract {0}", "MW", floor="power of contract"),),
        lowest_cost=lowest_cost,
    )
)
