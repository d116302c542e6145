"""The tables of a run, as data: columns, types, units, meaning, order. Writers, readers and dictionaries all follow it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import polars as pl
from polars.datatypes import DataType, DataTypeClass

INT, CODE, FLOAT, TEXT, FLAG, LONG = pl.Int32, pl.Int8, pl.Float64, pl.String, pl.Boolean, pl.Int64


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    dtype: DataType | DataTypeClass
    unit: str
    description: str
    nullable: bool = False


@dataclass(frozen=True)
class TableSchema:
    """A table: its columns in order and the columns it is sorted by.

    ``entity`` is the kind of entity of its id column (``"hydros"``, ...), for joining names.
    """

    name: str
    columns: tuple[Column, ...]
    sort_keys: tuple[str, ...]
    entity: str | None = None

    @property
    def polars_schema(self) -> dict[str, DataType | DataTypeClass]:
        """Column name -> type."""
        return {column.name: column.dtype for column in self.columns}


def _ids(entity: str = "", *, block: bool = True, nullable_block: bool = False) -> tuple[Column, ...]:
    columns = [Column("scenario_id", INT, "-", "scenario, from 0"), Column("stage_id", INT, "-", "stage of the case")]
    if block:
        columns.append(Column("block_id", INT, "-", "block of the stage, from 0", nullable_block))
    if entity:
        columns.append(Column(f"{entity}_id", INT, "-", f"id of the {entity.replace('_', ' ')}"))
    return tuple(columns)


def _floats(*columns: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, FLOAT, unit, text) for name, unit, text in columns)


def _maybe(name: str, unit: str, text: str) -> Column:
    return Column(name, FLOAT, unit, text, nullable=True)


_STATE = Column("operative_state_code", CODE, "-", "0 not existing, 1 filling, 2 operating, 3 decommissioned")
_COSTS = (
    ("thermal_cost", "thermal generation"),
    ("contract_cost", "contracts, export revenue negative"),
    ("deficit_cost", "unserved load"),
    ("excess_cost", "excess energy and negative net generation of production planes"),
    ("storage_violation_cost", "storage below its minimum"),
    ("filling_target_cost", "filling target missed"),
    ("hydro_violation_cost", "sum of the six hydro violations that follow; not to be added to them"),
    ("outflow_violation_below_cost", "outflow below its minimum"),
    ("outflow_violation_above_cost", "outflow above its maximum"),
    ("turbined_violation_cost", "turbined flow below its minimum"),
    ("generation_violation_cost", "hydro generation below its minimum"),
    ("evaporation_violation_cost", "evaporation other than modelled"),
    ("withdrawal_violation_cost", "withdrawal other than scheduled"),
    ("inflow_penalty_cost", "water bought against negative inflow"),
    ("generic_violation_cost", "slack of user constraints"),
    ("spillage_cost", "spillage"),
    ("diversion_cost", "water sent through diversions"),
    ("fpha_turbined_cost", "turbined flow of plants with production planes"),
    ("curtailment_cost", "curtailed availability"),
    ("exchange_cost", "exchanges"),
    ("pumping_cost", "energy of pumping at the spot price; imputed, not part of the immediate cost"),
)

_TABLES = (
    TableSchema(
        "costs",
        (
            *_ids(),
            *_floats(
                ("total_cost", "$", "immediate cost plus discounted future cost"),
                ("immediate_cost", "$", "cost of the stage, shared by block hours where it has no block"),
                ("future_cost", "$", "expected cost of all later stages, seen from the next stage, shared by block hours"),
                ("discount_factor", "-", "present value of $1 of this stage"),
            ),
            *(Column(name, FLOAT, "$", text) for name, text in _COSTS),
        ),
        ("scenario_id", "stage_id", "block_id"),
    ),
    TableSchema(
        "hydros",
        (
            *_ids("hydro"),
            *_floats(
                ("turbined_m3s", "m3/s", "flow through the turbines"),
                ("spillage_m3s", "m3/s", "flow past the turbines"),
                ("outflow_m3s", "m3/s", "turbined plus spilled"),
            ),
            _maybe("evaporation_m3s", "m3/s", "evaporated; null where it is not modelled"),
            _maybe("diverted_inflow_m3s", "m3/s", "received through diversions; null without any"),
            _maybe("diverted_outflow_m3s", "m3/s", "sent through the diversion; null without one"),
            *_floats(
                ("incremental_inflow_m3s", "m3/s", "natural inflow between this plant and those upstream"),
                ("inflow_m3s", "m3/s", "incremental inflow plus what arrives from upstream"),
                ("storage_initial_hm3", "hm3", "storage at the start of the stage, or of the chronological block"),
                ("storage_final_hm3", "hm3", "storage at the end of the stage, or of the chronological block"),
                ("generation_mw", "MW", "net power"),
                ("generation_mwh", "MWh", "net energy of the block"),
            ),
            _maybe("productivity_mw_per_m3s", "MW/(m3/s)", "productivity in force; null with production planes"),
            *_floats(
                ("spillage_cost", "$", "cost of spillage"),
                ("water_value_per_hm3", "$/hm3", "worth of one more hm3 at the start of the stage, current value"),
            ),
            Column("storage_binding_code", CODE, "-", "0 none, 1 at or below minimum, 2 at maximum, 3 both"),
            _STATE,
            *_floats(
                ("turbined_slack_m3s", "m3/s", "missing to the minimum turbined flow"),
                ("outflow_slack_below_m3s", "m3/s", "missing to the minimum outflow"),
                ("outflow_slack_above_m3s", "m3/s", "beyond the maximum outflow"),
                ("generation_slack_mw", "MW", "missing to the minimum generation"),
                ("storage_violation_below_hm3", "hm3", "missing to the minimum storage"),
                ("filling_target_violation_hm3", "hm3", "missing to the filling target"),
                ("evaporation_violation_pos_m3s", "m3/s", "evaporated beyond the model"),
                ("evaporation_violation_neg_m3s", "m3/s", "evaporated short of the model"),
                ("inflow_nonnegativity_slack_m3s", "m3/s", "water bought against negative inflow"),
                ("water_withdrawal_violation_pos_m3s", "m3/s", "withdrawn beyond schedule"),
                ("water_withdrawal_violation_neg_m3s", "m3/s", "withdrawn short of schedule"),
            ),
        ),
        ("scenario_id", "stage_id", "block_id", "hydro_id"),
        "hydros",
    ),
    TableSchema(
        "thermals",
        (
            *_ids("thermal"),
            *_floats(
                ("generation_mw", "MW", "power"),
                ("generation_mwh", "MWh", "energy of the block"),
                ("generation_cost", "$", "cost of generation"),
            ),
            Column("is_gnl", FLAG, "-", "whether dispatch is decided ahead"),
            _maybe("gnl_committed_mw", "MW", "power committed earlier for this stage; null for ordinary plants"),
            _maybe("gnl_decision_mw", "MW", "power ordered now; null for ordinary plants"),
            _STATE,
        ),
        ("scenario_id", "stage_id", "block_id", "thermal_id"),
        "thermals",
    ),
    TableSchema(
        "exchanges",
        (
            *_ids("line"),
            *_floats(
                ("direct_flow_mw", "MW", "sent from source to target"),
                ("reverse_flow_mw", "MW", "sent from target to source"),
                ("net_flow_mw", "MW", "direct minus reverse"),
                ("net_flow_mwh", "MWh", "net energy of the block"),
                ("losses_mw", "MW", "sent and not received"),
                ("losses_mwh", "MWh", "lost energy of the block"),
                ("exchange_cost", "$", "cost of exchange"),
            ),
            _STATE,
        ),
        ("scenario_id", "stage_id", "block_id", "line_id"),
        "lines",
    ),
    TableSchema(
        "buses",
        (
            *_ids("bus"),
            *_floats(
                ("load_mw", "MW", "load"),
                ("load_mwh", "MWh", "load energy of the block"),
                ("deficit_mw", "MW", "unserved load"),
                ("deficit_mwh", "MWh", "unserved energy of the block"),
                ("excess_mw", "MW", "power disposed of"),
                ("excess_mwh", "MWh", "energy disposed of in the block"),
                ("spot_price", "$/MWh", "marginal cost of energy, current value"),
            ),
        ),
        ("scenario_id", "stage_id", "block_id", "bus_id"),
        "buses",
    ),
    TableSchema(
        "pumping_stations",
        (
            *_ids("pumping_station"),
            *_floats(
                ("pumped_flow_m3s", "m3/s", "pumped flow"),
                ("pumped_volume_hm3", "hm3", "pumped volume of the block"),
                ("power_consumption_mw", "MW", "power taken from the bus"),
                ("energy_consumption_mwh", "MWh", "energy of the block"),
                ("pumping_cost", "$", "energy at the spot price; imputed, not part of the immediate cost"),
            ),
            _STATE,
        ),
        ("scenario_id", "stage_id", "block_id", "pumping_station_id"),
        "pumping_stations",
    ),
    TableSchema(
        "contracts",
        (
            *_ids("contract"),
            *_floats(
                ("power_mw", "MW", "imported or exported power"),
                ("energy_mwh", "MWh", "energy of the block"),
                ("price_per_mwh", "$/MWh", "price in force, negative for revenue"),
                ("total_cost", "$", "cost, negative for revenue"),
            ),
            _STATE,
        ),
        ("scenario_id", "stage_id", "block_id", "contract_id"),
        "contracts",
    ),
    TableSchema(
        "non_controllables",
        (
            *_ids("non_controllable"),
            *_floats(
                ("generation_mw", "MW", "power"),
                ("generation_mwh", "MWh", "energy of the block"),
                ("available_mw", "MW", "power that was available"),
                ("curtailment_mw", "MW", "available and not used"),
                ("curtailment_mwh", "MWh", "curtailed energy of the block"),
                ("curtailment_cost", "$", "cost of curtailment"),
            ),
            _STATE,
        ),
        ("scenario_id", "stage_id", "block_id", "non_controllable_id"),
        "non_controllables",
    ),
    TableSchema(
        "inflow_lags",
        (
            *_ids("hydro", block=False),
            Column("lag_index", INT, "-", "periods back, from 1"),
            Column("inflow_m3s", FLOAT, "m3/s", "incremental inflow that many periods before the stage"),
        ),
        ("scenario_id", "stage_id", "hydro_id", "lag_index"),
        "hydros",
    ),
    TableSchema(
        "violations/generic",
        (
            *_ids(nullable_block=True),
            Column("constraint_id", INT, "-", "id of the user constraint"),
            *_floats(
                ("slack_value", "unit of the constraint", "violation"),
                ("slack_cost", "$", "cost of the violation"),
                ("marginal_value", "$ per unit and hour", "change of cost when the bound grows by one unit for an hour"),
            ),
        ),
        ("scenario_id", "stage_id", "constraint_id", "block_id"),
    ),
    TableSchema(
        "scenario_summary",
        (
            Column("scenario_id", INT, "-", "scenario, from 0"),
            *_floats(
                ("total_cost", "$", "present value of all costs"),
                ("resource_cost", "$", "thermal generation and contracts"),
                ("recourse_cost", "$", "deficit and excess"),
                ("violation_cost", "$", "violations of limits and constraints"),
                ("regularisation_cost", "$", "spillage, turbining, curtailment, exchanges"),
                ("deficit_mwh", "MWh", "unserved energy"),
                ("spillage_hm3", "hm3", "spilled water"),
            ),
            Column("lp_solves", LONG, "-", "stage problems solved"),
        ),
        ("scenario_id",),
    ),
    TableSchema(
        "convergence",
        (
            Column("iteration", INT, "-", "iteration, from 1"),
            Column("lower_bound", FLOAT, "$", "bound of the optimal cost"),
            Column("upper_bound_mean", FLOAT, "$", "mean simulated cost of the forward pass; a noisy estimate, no bound"),
            Column("upper_bound_std", FLOAT, "$", "its sample standard deviation"),
            Column("upper_bound_ci95", FLOAT, "$", "half width of the 95 % interval of the mean"),
            Column("gap_percent", FLOAT, "%", "gap; null when risk-averse or with one forward pass", nullable=True),
            Column("cuts_added", INT, "-", "cuts added"),
            Column("cuts_removed", INT, "-", "cuts deactivated"),
            Column("cuts_active", LONG, "-", "active cuts over all stages"),
            Column("time_forward_ms", LONG, "ms", "forward pass"),
            Column("time_backward_ms", LONG, "ms", "backward pass"),
            Column("time_total_ms", LONG, "ms", "iteration"),
            Column("forward_passes", INT, "-", "trajectories"),
            Column("lp_solves", LONG, "-", "stage problems solved in the iteration"),
            Column("lp_retries", LONG, "-", "stage problems that needed more than one attempt"),
            Column("truncated_inflows", LONG, "-", "forward inflows raised to zero"),
            Column("lb_kind", TEXT, "-", "what the bound bounds: expected_cost or nested_risk"),
            Column("wall_time_ms", LONG, "ms", "since training started"),
            Column("rss_mb", FLOAT, "MB", "peak memory of the process"),
        ),
        ("iteration",),
    ),
    TableSchema(
        "timing/mpi_ranks",
        (
            Column("iteration", INT, "-", "iteration, from 1"),
            Column("rank", INT, "-", "process, from 0"),
            Column("forward_time_ms", LONG, "ms", "forward pass, waiting included"),
            Column("backward_time_ms", LONG, "ms", "backward pass, waiting included"),
            Column("communication_time_ms", LONG, "ms", "exchanging data with other ranks"),
            Column("idle_time_ms", LONG, "ms", "waiting for other ranks"),
            Column("lp_solves", LONG, "-", "stage problems solved by the rank"),
            Column("scenarios_processed", INT, "-", "trajectories of the rank"),
        ),
        ("iteration", "rank"),
    ),
    TableSchema(
        "fpha_hyperplanes",
        (
            Column("hydro_id", INT, "-", "id of the hydro"),
            Column("plane_id", INT, "-", "plane of the hydro, from 0"),
            Column("stage_id", INT, "-", "stage of the case"),
            Column("gamma_0", FLOAT, "MW", "intercept"),
            Column("gamma_v", FLOAT, "MW/hm3", "slope in mean storage"),
            Column("gamma_q", FLOAT, "MW/(m3/s)", "slope in turbined flow"),
            Column("gamma_s", FLOAT, "MW/(m3/s)", "slope in spilled flow"),
            Column("kappa", FLOAT, "-", "1: the correction factor is folded into the coefficients"),
            Column("valid_v_min_hm3", FLOAT, "hm3", "lower end of the fitting window"),
            Column("valid_v_max_hm3", FLOAT, "hm3", "upper end of the fitting window"),
            Column("valid_q_max_m3s", FLOAT, "m3/s", "largest turbined flow of the fit"),
        ),
        ("hydro_id", "stage_id", "plane_id"),
    ),
)

SCHEMAS = MappingProxyType({schema.name: schema for schema in _TABLES})
"""Table name -> schema."""

TIMING_COLUMNS = ("time_forward_ms", "time_backward_ms", "time_total_ms", "wall_time_ms", "rss_mb")
"""Columns of ``convergence`` that differ from run to run."""

SIMULATION_TABLES = tuple(
    name for name in SCHEMAS if name not in ("convergence", "scenario_summary", "timing/mpi_ranks", "fpha_hyperplanes")
)
"""Tables with one part file per chunk of scenarios."""

CODES = MappingProxyType(
    {
        "operative_state": {"0": "not existing", "1": "filling", "2": "operating", "3": "decommissioned"},
        "storage_binding": {"0": "none", "1": "at or below minimum", "2": "at maximum", "3": "both"},
        "entity_type": {
            "0": "hydro",
            "1": "thermal",
            "2": "bus",
            "3": "line",
            "4": "pumping_station",
            "5": "contract",
            "7": "non_controllable",
        },
    }
)
"""Meaning of the codes in the tables."""
