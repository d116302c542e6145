"""The tables that a simulation writes."""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Equipment, ResultTable
from headwater.results.table_schema import (
    CODE,
    FLAG,
    FLOAT,
    INT,
    LONG,
    TEXT,
    Column,
    TableSchema,
    floats,
    ids,
    maybe,
)

_TYPES = {"number": FLOAT, "whole": INT, "code": CODE, "flag": FLAG}
"""Kind of the values of a column -> its type in files."""

_STAGE_QUANTITIES = (
    ("immediate_cost", "$", "cost of the stage, current value"),
    ("future_cost", "$", "expected cost of all later stages, seen from the next stage"),
    ("load_mwh", "MWh", "load of all buses"),
    ("deficit_mwh", "MWh", "unserved energy of all buses"),
    ("hydro_mwh", "MWh", "net energy of all hydro plants"),
    ("thermal_mwh", "MWh", "energy of all thermal plants"),
    ("spillage_hm3", "hm3", "water spilled by all plants"),
    ("storage_final_hm3", "hm3", "water stored in all reservoirs at the end of the stage"),
)


def _about_equipment(part: Equipment, table: ResultTable) -> TableSchema:
    """The schema of a table that a kind of equipment declares."""
    keys = ids(
        part.name if table.by_entity else "",
        block=table.block != "none",
        nullable_block=table.block == "some",
    )
    columns = tuple(
        Column(c.name, _TYPES[c.kind], c.unit, c.meaning, c.nullable) for c in table.columns
    )
    return TableSchema(
        table.name,
        (*keys, *columns),
        table.sort or tuple(key.name for key in keys),
        f"simulation/{table.name}/",
        table.rows,
        part.collection if table.by_entity else None,
        _only_with(part),
    )


def _only_with(part: Equipment) -> str:
    """The kind without which its columns and tables are not there."""
    return "" if part.founding else part.name


SIMULATION_SCHEMAS = (
    TableSchema(
        "costs",
        (
            *ids(),
            *floats(
                ("total_cost", "$", "immediate cost plus discounted future cost"),
                (
                    "immediate_cost",
                    "$",
                    "cost of the stage, shared by block hours where it has no block",
                ),
                (
                    "future_cost",
                    "$",
                    "expected cost of all later stages, seen from the next "
                    "stage, shared by block hours",
                ),
                ("discount_factor", "-", "present value of $1 of this stage"),
            ),
            *(
                Column(cost.name, FLOAT, "$", cost.meaning, kind=_only_with(part))
                for part, cost in EQUIPMENT.costs_by_kind
            ),
        ),
        ("scenario_id", "stage_id", "block_id"),
        "simulation/costs/",
        "scenario, stage and block",
    ),
    *(_about_equipment(part, table) for part, table in EQUIPMENT.tables),
    TableSchema(
        "scenario_summary",
        (
            Column("scenario_id", INT, "-", "scenario, from 0"),
            maybe(
                "total_cost",
                "$",
                "present value of all costs; null, as all costs and "
                "totals, when the scenario failed",
            ),
            maybe("resource_cost", "$", "thermal generation and contracts, present value"),
            maybe("recourse_cost", "$", "deficit and excess, present value"),
            maybe("violation_cost", "$", "violations of limits and constraints, present value"),
            maybe(
                "regularization_cost",
                "$",
                "spillage, diversion, turbining, curtailment, exchanges, present value",
            ),
            maybe(
                "imputed_cost",
                "$",
                "energy of pumping at the spot price, present value; not part of the total",
            ),
            maybe("deficit_mwh", "MWh", "unserved energy, all buses and stages"),
            maybe("spillage_hm3", "hm3", "spilled water, all plants and stages"),
            Column("lp_solves", LONG, "-", "stage problems solved"),
            Column(
                "lps_above_tolerance",
                LONG,
                "-",
                "stage problems taken with a certified gap above tolerance",
            ),
            Column(
                "solve_time_ms",
                FLOAT,
                "ms",
                "share of the time of the scenarios that were solved together",
                timing=True,
            ),
            Column("status", TEXT, "-", "complete, or failed when a stage could not be solved"),
            Column(
                "sampled_years",
                TEXT,
                "-",
                "first year of the history that the scenario replays; null without",
                nullable=True,
            ),
        ),
        ("scenario_id",),
        "simulation/scenario_summary.parquet",
        "scenario",
    ),
    TableSchema(
        "simulation_lp_gaps",
        (
            Column("scenario_id", INT, "-", "scenario, from 0"),
            Column("stage_id", INT, "-", "stage"),
            Column("bound", FLOAT, "$", "certified lower bound of its optimum"),
            Column("gap", FLOAT, "$", "cost of the decision that was taken less the bound"),
            Column(
                "gap_share", FLOAT, "-", "gap as a share of the mean simulated cost", nullable=True
            ),
            Column("attempts", INT, "-", "attempts made at it"),
        ),
        ("scenario_id", "stage_id"),
        "simulation/diagnostics/lp_gaps.parquet",
        "problem taken with a gap above tolerance",
    ),
    TableSchema(
        "stage_summary",
        (
            Column("stage_id", INT, "-", "stage of the case"),
            *(
                Column(
                    f"{name}_{statistic}",
                    FLOAT,
                    unit,
                    f"{text}; {how} over the scenarios that were solved",
                )
                for name, unit, text in _STAGE_QUANTITIES
                for statistic, how in (
                    ("mean", "mean"),
                    ("std", "sample deviation"),
                    ("max", "largest"),
                )
            ),
        ),
        ("stage_id",),
        "simulation/stage_summary.parquet",
        "stage",
    ),
)
