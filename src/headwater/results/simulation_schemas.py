"""The tables that a simulation writes."""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Equipment, ResultTable
from headwater.results.table_schema import (
    CODE,
    FLAG,
    FLOAT,
    INT,
    Column,
    TableSchema,
    gap_columns,
    ids,
    integer,
    long,
    number,
    words,
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
            number("total_cost", "immediate cost plus discounted future cost", "$"),
            number(
                "immediate_cost",
                "cost of the stage, shared by block hours where it has no block",
                "$",
            ),
            number(
                "future_cost",
                "expected cost of all later stages, seen from the next "
                "stage, shared by block hours",
                "$",
            ),
            number("discount_factor", "present value of $1 of this stage"),
            *(
                number(cost.name, cost.meaning, "$", kind=_only_with(part))
                for part, cost in EQUIPMENT.costs_by_kind
            ),
        ),
        ("scenario_id", "stage_id", "block_id"),
        "simulation/costs/",
        "scenario, stage and block",
    ),
    *(_about_equipment(part, table) for part, table in EQUIPMENT.tables),
    TableSchema(
        "regimes",
        (
            *ids(block=False),
            integer(
                "regime_id", "regime that ruled: its place in the names of the regimes, from 0"
            ),
        ),
        ("scenario_id", "stage_id"),
        "simulation/regimes/",
        "scenario and stage, in studies with regimes",
        kind="regime",
    ),
    TableSchema(
        "scenario_summary",
        (
            integer("scenario_id", "scenario, from 0"),
            number(
                "total_cost",
                "present value of all costs; null, as all costs and "
                "totals, when the scenario failed",
                "$",
                nullable=True,
            ),
            number(
                "resource_cost",
                "thermal generation and contracts, present value",
                "$",
                nullable=True,
            ),
            number("recourse_cost", "deficit and excess, present value", "$", nullable=True),
            number(
                "violation_cost",
                "violations of limits and constraints, present value",
                "$",
                nullable=True,
            ),
            number(
                "regularization_cost",
                "spillage, diversion, turbining, curtailment, exchanges, present value",
                "$",
                nullable=True,
            ),
            number(
                "imputed_cost",
                "energy of pumping at the spot price, present value; not part of the total",
                "$",
                nullable=True,
            ),
            number("deficit_mwh", "unserved energy, all buses and stages", "MWh", nullable=True),
            number("spillage_hm3", "spilled water, all plants and stages", "hm3", nullable=True),
            long("lp_solves", "stage problems solved"),
            long(
                "lps_above_tolerance", "stage problems taken with a certified gap above tolerance"
            ),
            number(
                "solve_time_ms",
                "share of the time of the scenarios that were solved together",
                "ms",
                timing=True,
            ),
            words("status", "complete, or failed when a stage could not be solved"),
            words(
                "sampled_years",
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
            integer("scenario_id", "scenario, from 0"),
            integer("stage_id", "stage"),
            *gap_columns(
                "cost of the decision that was taken less the bound", "the mean simulated cost"
            ),
        ),
        ("scenario_id", "stage_id"),
        "simulation/diagnostics/lp_gaps.parquet",
        "problem taken with a gap above tolerance",
    ),
    TableSchema(
        "stage_summary",
        (
            integer("stage_id", "stage of the case"),
            *(
                number(
                    f"{name}_{statistic}",
                    f"{text}; {how} over the scenarios that were solved",
                    unit,
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
