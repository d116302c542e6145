"""The tables that a simulation writes."""

from __future__ import annotations

from headwater.results.table_schema import CODE, FLAG, FLOAT, INT, LONG, TEXT, Column, TableSchema, floats, ids, maybe

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

SIMULATION_SCHEMAS = (
    TableSchema(
        "costs",
        (
            *ids(),
            *floats(
                ("total_cost", "$", "immediate cost plus discounted future cost"),
                ("immediate_cost", "$", "cost of the stage, shared by block hours where it has no block"),
                ("future_cost", "$", "expected cost of all later stages, seen from the next stage, shared by block hours"),
                ("discount_factor", "-", "present value of $1 of this stage"),
            ),
            *(Column(name, FLOAT, "$", text) for name, text in _COSTS),
        ),
        ("scenario_id", "stage_id", "block_id"),
        "simulation/costs/",
        "scenario, stage and block",
    ),
    TableSchema(
        "hydros",
        (
            *ids("hydro"),
            *floats(
                ("turbined_m3s", "m3/s", "flow through the turbines"),
                ("spillage_m3s", "m3/s", "flow past the turbines"),
                ("outflow_m3s", "m3/s", "turbined plus spilled"),
            ),
            maybe("evaporation_m3s", "m3/s", "evaporated; null where it is not modelled"),
            maybe("diverted_inflow_m3s", "m3/s", "received through diversions; null without any"),
            maybe("diverted_outflow_m3s", "m3/s", "sent through the diversion; null without one"),
            *floats(
                ("incremental_inflow_m3s", "m3/s", "natural inflow between this plant and those upstream"),
                ("inflow_m3s", "m3/s", "incremental inflow plus what arrives from upstream"),
                ("storage_initial_hm3", "hm3", "storage at the start of the stage, or of the chronological block"),
                ("storage_final_hm3", "hm3", "storage at the end of the stage, or of the chronological block"),
                ("generation_mw", "MW", "net power"),
                ("generation_mwh", "MWh", "net energy of the block"),
            ),
            maybe("productivity_mw_per_m3s", "MW/(m3/s)", "productivity in force; null with production planes"),
            *floats(
                ("spillage_cost", "$", "cost of spillage"),
                ("water_value_per_hm3", "$/hm3", "worth of one more hm3 at the start of the stage, current value"),
            ),
            Column("storage_binding_code", CODE, "-", "0 none, 1 at or below minimum, 2 at maximum, 3 both"),
            _STATE,
            *floats(
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
        "simulation/hydros/",
        "scenario, stage, block and hydro plant",
        "hydros",
    ),
    TableSchema(
        "thermals",
        (
            *ids("thermal"),
            *floats(
                ("generation_mw", "MW", "power"),
                ("generation_mwh", "MWh", "energy of the block"),
                ("generation_cost", "$", "cost of generation"),
            ),
            Column("is_gnl", FLAG, "-", "whether dispatch is decided ahead"),
            maybe("gnl_committed_mw", "MW", "power committed earlier for this stage; null for ordinary plants"),
            maybe("gnl_decision_mw", "MW", "power ordered now; null for ordinary plants"),
            _STATE,
        ),
        ("scenario_id", "stage_id", "block_id", "thermal_id"),
        "simulation/thermals/",
        "scenario, stage, block and thermal plant",
        "thermals",
    ),
    TableSchema(
        "exchanges",
        (
            *ids("line"),
            *floats(
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
        "simulation/exchanges/",
        "scenario, stage, block and line",
        "lines",
    ),
    TableSchema(
        "buses",
        (
            *ids("bus"),
            *floats(
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
        "simulation/buses/",
        "scenario, stage, block and bus",
        "buses",
    ),
    TableSchema(
        "pumping_stations",
        (
            *ids("pumping_station"),
            *floats(
                ("pumped_flow_m3s", "m3/s", "pumped flow"),
                ("pumped_volume_hm3", "hm3", "pumped volume of the block"),
                ("power_consumption_mw", "MW", "power taken from the bus"),
                ("energy_consumption_mwh", "MWh", "energy of the block"),
                ("pumping_cost", "$", "energy at the spot price; imputed, not part of the immediate cost"),
            ),
            _STATE,
        ),
        ("scenario_id", "stage_id", "block_id", "pumping_station_id"),
        "simulation/pumping_stations/",
        "scenario, stage, block and pumping station",
        "pumping_stations",
    ),
    TableSchema(
        "contracts",
        (
            *ids("contract"),
            *floats(
                ("power_mw", "MW", "imported or exported power"),
                ("energy_mwh", "MWh", "energy of the block"),
                ("price_per_mwh", "$/MWh", "price in force, negative for revenue"),
                ("total_cost", "$", "cost, negative for revenue"),
            ),
            _STATE,
        ),
        ("scenario_id", "stage_id", "block_id", "contract_id"),
        "simulation/contracts/",
        "scenario, stage, block and contract",
        "contracts",
    ),
    TableSchema(
        "non_controllables",
        (
            *ids("non_controllable"),
            *floats(
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
        "simulation/non_controllables/",
        "scenario, stage, block and non-controllable source",
        "non_controllables",
    ),
    TableSchema(
        "inflow_lags",
        (
            *ids("hydro", block=False),
            Column("lag_index", INT, "-", "periods back, from 1"),
            Column("inflow_m3s", FLOAT, "m3/s", "incremental inflow that many periods before the stage"),
        ),
        ("scenario_id", "stage_id", "hydro_id", "lag_index"),
        "simulation/inflow_lags/",
        "scenario, stage, river and lag",
        "hydros",
    ),
    TableSchema(
        "violations/generic",
        (
            *ids(nullable_block=True),
            Column("constraint_id", INT, "-", "id of the user constraint"),
            *floats(
                ("slack_value", "unit of the constraint", "violation"),
                ("slack_cost", "$", "cost of the violation"),
                ("marginal_value", "$ per unit and hour", "change of cost when the bound grows by one unit for an hour"),
            ),
        ),
        ("scenario_id", "stage_id", "constraint_id", "block_id"),
        "simulation/violations/generic/",
        "scenario, stage and row of a user constraint",
    ),
    TableSchema(
        "scenario_summary",
        (
            Column("scenario_id", INT, "-", "scenario, from 0"),
            maybe("total_cost", "$", "present value of all costs; null, as all costs and totals, when the scenario failed"),
            maybe("resource_cost", "$", "thermal generation and contracts, present value"),
            maybe("recourse_cost", "$", "deficit and excess, present value"),
            maybe("violation_cost", "$", "violations of limits and constraints, present value"),
            maybe("regularization_cost", "$", "spillage, diversion, turbining, curtailment, exchanges, present value"),
            maybe("imputed_cost", "$", "energy of pumping at the spot price, present value; not part of the total"),
            maybe("deficit_mwh", "MWh", "unserved energy, all buses and stages"),
            maybe("spillage_hm3", "hm3", "spilled water, all plants and stages"),
            Column("lp_solves", LONG, "-", "stage problems solved"),
            Column("lps_above_tolerance", LONG, "-", "stage problems taken with a certified gap above tolerance"),
            Column("solve_time_ms", FLOAT, "ms", "share of the time of the scenarios that were solved together", timing=True),
            Column("status", TEXT, "-", "complete, or failed when a stage could not be solved"),
            Column(
                "sampled_years", TEXT, "-", "first year of the history that the scenario replays; null without", nullable=True
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
            Column("gap_share", FLOAT, "-", "gap as a share of the mean simulated cost", nullable=True),
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
                Column(f"{name}_{statistic}", FLOAT, unit, f"{text}; {how} over the scenarios that were solved")
                for name, unit, text in _STAGE_QUANTITIES
                for statistic, how in (("mean", "mean"), ("std", "sample deviation"), ("max", "largest"))
            ),
        ),
        ("stage_id",),
        "simulation/stage_summary.parquet",
        "stage",
    ),
)
