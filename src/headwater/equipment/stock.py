r"""Stocks: an amount kept from stage to stage that operation uses up and deliveries fill.

Fuel in store, a budget of emissions, take-or-pay contracts, and every other constraint that links
stages: what uses the stock up is any expression over quantities of the system.

    x[s] = x_in[s] + supply[s] + short[s] - waste[s] - sum_k tau_k use[s, k]      0 <= x <= max
    use[s, k] = expression of block k, in units per hour
    cost  supply_cost supply[s] + shortage_cost short[s]

The amount is limited at the end of the stage, not between its blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import (
    BlockExpression,
    Check,
    Name,
    NonNegative,
    Ordered,
    OwnId,
    StageId,
    Unit,
    in_file,
)
from headwater.core.ids import ABSENT
from headwater.core.parts import (
    Advice,
    Column,
    Cost,
    EntityFile,
    Equipment,
    Family,
    Phase,
    Piece,
    Quantity,
    ResultTable,
    Violation,
    Words,
)
from headwater.core.program import LpBuilder
from headwater.core.state import StateBlock
from headwater.core.stores import Store
from headwater.equipment.context import StageContext
from headwater.equipment.expressions import combination_of, parses
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import System

_AMOUNT = Unit("unit of the stock")


@in_file(checks=(Ordered("min_supply", "max_supply"),))
@dataclass(frozen=True, slots=True)
class StockSupply:
    """What a stock is delivered at one stage, in place of what its other stages have."""

    stage_id: StageId
    max_supply: Annotated[NonNegative, _AMOUNT, "most that can be delivered in the stage"]
    min_supply: Annotated[NonNegative, _AMOUNT, "least that is delivered and paid for"] = 0.0
    supply_cost: Annotated[NonNegative, Unit("$ per unit of the stock"), "cost of a unit"] = 0.0


@in_file(checks=(Ordered("initial_amount", "max_amount"), Ordered("min_supply", "max_supply")))
@dataclass(frozen=True, slots=True)
class Stock:
    """An amount that operation uses up from stage to stage, and deliveries fill."""

    id: OwnId
    consumption: Annotated[
        str,
        Check(parses),
        BlockExpression(),
        Unit("unit of the stock per hour"),
        "what uses it up: an expression as in user constraints",
    ]
    name: Name = ""
    unit: Annotated[str, "what it is counted in, e.g. t, GJ or t CO2; for people"] = ""
    initial_amount: Annotated[NonNegative, _AMOUNT, "before the first stage"] = 0.0
    max_amount: Annotated[
        NonNegative | None,
        _AMOUNT,
        "most that can be kept; without it the initial amount and all supplies",
    ] = None
    max_supply: Annotated[NonNegative, _AMOUNT, "most that can be delivered in a stage"] = 0.0
    min_supply: Annotated[
        NonNegative, _AMOUNT, "least that is delivered and paid for in a stage (take or pay)"
    ] = 0.0
    supply_cost: Annotated[NonNegative, Unit("$ per unit of the stock"), "cost of a unit"] = 0.0
    supply_by_stage: Annotated[
        tuple[StockSupply, ...], "supplies of single stages, in place of those above"
    ] = ()
    shortage_cost: Annotated[
        NonNegative | None,
        Unit("$ per unit of the stock"),
        "cost of using more than there is; without it that is impossible",
    ] = None

    def supply(self, stage_id: int) -> StockSupply:
        """What is delivered at a stage."""
        given = next((one for one in self.supply_by_stage if one.stage_id == stage_id), None)
        everywhere = StockSupply(stage_id, self.max_supply, self.min_supply, self.supply_cost)
        return everywhere if given is None else given

    def capacity(self, system: System) -> float:
        """Most that can be kept."""
        if self.max_amount is not None:
            return self.max_amount
        supplies = (self.supply(stage.id).max_supply for stage in system.stages)
        return self.initial_amount + sum(supplies)


def state(system: System, n_lags: int, n_accumulators: int) -> Iterator[StateBlock]:
    """Amount of every stock; how far inflow models look back does not matter."""
    del n_lags, n_accumulators
    stocks = system.of(Stock)
    yield StateBlock(
        "stock",
        "unit of the stock",
        ("stock_id",),
        tuple((one.id,) for one in stocks),
        words="stocks",
        priced=True,
        entity_names=stocks.names,
        initial=partial(_initial, stocks),
        box=partial(_box, system, stocks),
    )


def _initial(stocks: tuple[Stock, ...]) -> Array:
    return np.array([one.initial_amount for one in stocks], np.float64)


def _box(system: System, stocks: tuple[Stock, ...]) -> tuple[Array, Array]:
    most = np.array([one.capacity(system) for one in stocks], np.float64)
    return np.zeros(len(stocks)), most


def declare_amount_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``x[s]``."""
    stocks = ctx.system.of(Stock)
    amount = build.column_family("stock", len(stocks))
    amount[:] = [build.column(0.0, stock.capacity(ctx.system)) for stock in stocks]
    build.leave("stock", amount)


def declare_flow_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns of use in units per hour for each block, and of supply, shortage and waste."""
    stocks = ctx.system.of(Stock)
    use = build.column_family("stock_use", (len(stocks), ctx.n_blocks))
    supply, short, waste = (
        build.column_family(name, len(stocks))
        for name in ("stock_supply", "stock_shortage", "stock_waste")
    )
    for s, stock in enumerate(stocks):
        use[s] = [build.column(-np.inf, np.inf) for _ in range(ctx.n_blocks)]
        delivered = stock.supply(ctx.stage.id)
        supply[s] = build.column(delivered.min_supply, delivered.max_supply, delivered.supply_cost)
        if stock.shortage_cost is not None:
            short[s] = build.column(cost=stock.shortage_cost)
        waste[s] = build.column()


def declare_balance_rows(build: LpBuilder, ctx: StageContext) -> None:
    """The balance of every stock."""
    stocks, place = ctx.system.of(Stock), ctx.layout.places("stock")
    rows = build.row_family("stock_balance", len(stocks))
    for s in range(len(stocks)):
        row = rows[s] = build.equality()
        build.put_state(row, place[s], -1.0)
        build.put(row, build.columns["stock"][s], 1.0)
        build.put(row, build.columns["stock_supply"][s], -1.0)
        build.put(row, build.columns["stock_waste"][s], 1.0)
        if build.columns["stock_shortage"][s] != ABSENT:
            build.put(row, build.columns["stock_shortage"][s], -1.0)
        for k, hours in enumerate(ctx.block_hours):
            build.put(row, build.columns["stock_use"][s, k], hours)


def declare_use_rows(build: LpBuilder, ctx: StageContext) -> None:
    """What uses every stock up, block by block.

    Raises:
        ModelError: an expression names what does not exist, or has no value of a block.
    """
    stocks = ctx.system.of(Stock)
    rows = build.row_family("stock_consumption", (len(stocks), ctx.n_blocks))
    for s, stock in enumerate(stocks):
        for k in range(ctx.n_blocks):
            combination, constant = combination_of(build, ctx, stock.consumption, k)
            row = rows[s, k] = build.equality(constant)
            build.put(row, build.columns["stock_use"][s, k], 1.0)
            for column, value in combination:
                build.put(row, column, -value)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``stocks``."""
    return {
        "use_per_hour": read.values(s, "stock_use"),
        "supply": read.repeat(read.stage_values(s, "stock_supply")),
        "shortage": read.repeat(read.stage_values(s, "stock_shortage")),
        "waste": read.repeat(read.stage_values(s, "stock_waste")),
        "amount_initial": read.repeat(read.incoming(s, "stock")),
        "amount_final": read.repeat(read.stage_values(s, "stock")),
        "value_per_unit": read.repeat(read.worth(s, "stock")),
    }


def hard_stocks(system: System) -> Iterator[str]:
    """Stocks that end a run when they are empty."""
    for stock in system.of(Stock):
        if stock.shortage_cost is None:
            yield (
                f"stock {stock.id} has no shortage_cost: a stage that must use more than there is "
                "has no solution"
            )


EQUIPMENT.add(
    Equipment(
        "stock",
        "stocks",
        Stock,
        EntityFile("system/stocks.json", "stocks", meaning="stocks of fuel, budgets, contracts"),
        Words("stock", "stocks", "Stock"),
        code=9,
        tables=(
            ResultTable(
                "stocks",
                "scenario, stage, block and stock",
                (
                    Column("use_per_hour", "unit of the stock per hour", "what uses it up"),
                    Column("supply", "unit of the stock", "delivered in the stage"),
                    Column(
                        "shortage", "unit of the stock", "used in the stage without being in stock"
                    ),
                    Column("waste", "unit of the stock", "given away in the stage"),
                    Column("amount_initial", "unit of the stock", "at the start of the stage"),
                    Column("amount_final", "unit of the stock", "at the end of the stage"),
                    Column(
                        "value_per_unit",
                        "$ per unit of the stock",
                        "worth of one more unit at the start, current value",
                    ),
                ),
                read_table,
            ),
        ),
        costs=(
            Cost(
                "stock_supply_cost",
                "what is delivered to stocks",
                "resource",
                ("stock_supply",),
                of_stage=True,
            ),
            Cost(
                "stock_shortage_cost",
                "what is used without being in stock",
                "violation",
                ("stock_shortage",),
                of_stage=True,
            ),
        ),
        quantities=(
            Quantity("stock_use", (("stock_use", 1.0),)),
            Quantity("stock_supply", (("stock_supply", 1.0),), of_stage=True),
            Quantity("stock_amount", (("stock", 1.0),), of_stage=True),
        ),
        state=state,
        pieces=(
            Piece(Phase.STATE_COLUMNS, declare_amount_columns),
            Piece(Phase.COLUMNS, declare_flow_columns),
            Piece(Phase.STATE_ROWS, declare_balance_rows),
            Piece(Phase.ROWS, declare_use_rows),
        ),
        store=Store(
            "stocks",
            "amount_initial",
            "amount_final",
            "value_per_unit",
            "amount",
            "unit of the stock",
        ),
        violations=(
            Violation(
                "stock_shortage", "more used than there was", "units", families=("stock_shortage",)
            ),
        ),
        families=(
            Family("stock", "amount of {0}", ""),
            Family("stock_use", "use of {0}", "per hour"),
            Family("stock_supply", "supply of {0}", ""),
            Family("stock_shortage", "shortage of {0}", ""),
            Family("stock_waste", "waste of {0}", ""),
            Family("stock_balance", "the balance of {0}", "", is_row=True),
            Family("stock_consumption", "what uses {0} up", "", is_row=True),
        ),
        advice=(Advice(hard_stocks),),
    )
)
