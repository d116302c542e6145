r"""Energy contracts: import from, or export to, a neighbour within hard limits, at a price.

    min_mw <= chi[c, k] <= max_mw      cost  tau_k price chi[c, k]

Imports add to the load balance of their bus, exports take from it; revenue is a negative price.
"""

from __future__ import annotations

from headwater.core.program import ABSENT, LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import ContractKind


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
    bus = ctx.system.network.contract_bus
    for c, contract in enumerate(ctx.system.contracts):
        sign = 1.0 if contract.kind is ContractKind.IMPORT else -1.0
        for k in range(ctx.n_blocks):
            if build.columns["contract"][c, k] != ABSENT:
                build.put(build.rows["load"][bus[c], k], build.columns["contract"][c, k], sign)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``contracts``."""
    contracts = read.system.contracts
    if not contracts:
        return {}
    power = read.values(s, "contract")
    price = read.system.bounds.contract.price_per_mwh[:, read.ctx.t]
    return read.flat(
        s,
        "contract_id",
        [contract.id for contract in contracts],
        {
            "power_mw": power,
            "energy_mwh": power * read.hours,
            "price_per_mwh": price + 0.0 * power,
            "total_cost": read.priced(s, "contract"),
            "operative_state_code": read.states("contracts", power),
        },
    )
