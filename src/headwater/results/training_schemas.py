"""The tables that a training writes."""

from __future__ import annotations

from headwater.results.table_schema import FLOAT, INT, LONG, TEXT, Column, TableSchema

TRAINING_SCHEMAS = (
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
            Column("time_forward_ms", LONG, "ms", "forward pass", timing=True),
            Column("time_backward_ms", LONG, "ms", "backward pass", timing=True),
            Column("time_total_ms", LONG, "ms", "iteration", timing=True),
            Column("forward_passes", INT, "-", "trajectories"),
            Column("lp_solves", LONG, "-", "stage problems solved in the iteration"),
            Column("lp_retries", LONG, "-", "stage problems that needed more than one attempt"),
            Column("truncated_inflows", LONG, "-", "forward inflows raised to zero"),
            Column("lb_kind", TEXT, "-", "what the bound bounds: expected_cost or nested_risk"),
            Column("wall_time_ms", LONG, "ms", "since training started", timing=True),
            Column("rss_mb", FLOAT, "MB", "peak memory of the process", timing=True),
        ),
        ("iteration",),
        "training/convergence.parquet",
        "iteration",
    ),
    TableSchema(
        "timing/mpi_ranks",
        (
            Column("iteration", INT, "-", "iteration, from 1"),
            Column("rank", INT, "-", "process, from 0"),
            Column("forward_time_ms", LONG, "ms", "forward pass, waiting included", timing=True),
            Column("backward_time_ms", LONG, "ms", "backward pass, waiting included", timing=True),
            Column("communication_time_ms", LONG, "ms", "exchanging data with other ranks", timing=True),
            Column("idle_time_ms", LONG, "ms", "waiting for other ranks", timing=True),
            Column("lp_solves", LONG, "-", "stage problems solved by the rank"),
            Column("scenarios_processed", INT, "-", "trajectories of the rank"),
        ),
        ("iteration", "rank"),
        "training/timing/mpi_ranks.parquet",
        "iteration and process",
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
        "hydro_models/fpha_hyperplanes.parquet",
        "hydro plant, stage and plane",
    ),
)
