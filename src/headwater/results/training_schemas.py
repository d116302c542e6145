"""The tables that a training writes."""

from __future__ import annotations

from headwater.results.table_schema import (
    TableSchema,
    code,
    count,
    flag,
    gap_columns,
    integer,
    long,
    number,
    wide,
    words,
)

_STEPS = (
    ("forward_wall_ms", "forward pass; of a worker, its own work in it"),
    ("backward_wall_ms", "backward pass; of a worker, its own work in it"),
    ("cut_selection_ms", "cut selection"),
    ("mpi_allreduce_ms", "adding up over processes, waiting included"),
    ("cut_sync_ms", "exchanging cuts between processes, waiting included"),
    ("lower_bound_ms", "evaluating the bound"),
    ("upper_bound_ms", "evaluating the bound from above"),
    ("rule_simulation_ms", "simulating for stopping rules"),
    ("state_exchange_ms", "exchanging states and costs between processes, waiting included"),
    ("cut_batch_build_ms", "adding the new cuts to pools and programs"),
    ("bwd_setup_ms", "preparing the stages of the backward pass"),
    ("bwd_load_imbalance_ms", "backward pass: busiest worker less the mean worker"),
    ("bwd_scheduling_overhead_ms", "backward pass: parallel work less the busiest worker"),
    ("fwd_setup_ms", "drawing the noise of the forward pass"),
    ("fwd_load_imbalance_ms", "forward pass: busiest worker less the mean worker"),
    ("fwd_scheduling_overhead_ms", "forward pass: parallel work less the busiest worker"),
    ("bake_ms", "loading new cuts into solver instances, summed over workers"),
    ("checkpoint_ms", "writing a checkpoint after the iteration"),
    (
        "gil_wait_ms",
        "what workers lost to other threads and programs: their time less "
        "their processor time, summed",
    ),
    ("overhead_ms", "what no other column accounts for"),
)

_SOLVER_COLUMNS = (
    count(
        "iteration", "iteration, from 1; of a simulation, the first scenario of a run of scenarios"
    ),
    words("phase", "forward, backward, lower_bound or simulation"),
    integer("stage", "stage of the case; -1 for the bound"),
    count("lp_solves", "problems"),
    count("lp_successes", "problems that were solved"),
    count("lp_retries", "problems that needed more than one attempt"),
    count("lp_failures", "problems that no attempt solved"),
    count("retry_attempts", "attempts after the first"),
    count("relaxed", "problems taken with a gap above tolerance"),
    count("fallbacks", "problems that the batched kernel left to HiGHS"),
    count("basis_offered", "bases that solves started from"),
    count("basis_consistency_failures", "problems whose basis the kernel could not use"),
    wide("simplex_iterations", "pivots of the batched kernel; those of HiGHS are not counted"),
    number("solve_time_ms", "time of solves, summed over threads", "ms", timing=True),
    number("load_model_time_ms", "time of loading cuts, summed over threads", "ms", timing=True),
)

_RETRY_COLUMNS = (
    count("iteration", "as in the table of iterations"),
    words("phase", "as in the table of iterations"),
    integer("stage", "as in the table of iterations"),
    count("retry_level", "attempt that solved the problem, from 1, the first being 0"),
    wide("count", "problems"),
)

TRAINING_SCHEMAS = (
    TableSchema(
        "convergence",
        (
            integer("iteration", "iteration, from 1"),
            number("lower_bound", "bound of the optimal cost", "$"),
            number(
                "upper_bound_mean",
                "mean simulated cost of the forward pass; a noisy estimate, no bound",
                "$",
            ),
            number("upper_bound_std", "its sample standard deviation", "$"),
            number("upper_bound_ci95", "half width of the 95 % interval of the mean", "$"),
            number(
                "upper_bound_det",
                "least bound from above so far; null before the first",
                "$",
                nullable=True,
            ),
            number(
                "gap_percent",
                "gap; null when risk-averse or with one forward pass",
                "%",
                nullable=True,
            ),
            integer("cuts_added", "cuts added"),
            integer("cuts_removed", "cuts deactivated"),
            long("cuts_active", "active cuts over all stages"),
            integer(
                "cuts_relaxed",
                "cuts behind which a problem has a gap above tolerance; valid all the same",
            ),
            long("time_forward_ms", "forward pass", "ms", timing=True),
            long("time_backward_ms", "backward pass", "ms", timing=True),
            long("time_total_ms", "iteration", "ms", timing=True),
            integer("forward_passes", "trajectories"),
            long("lp_solves", "stage problems solved in the iteration"),
            long("lp_retries", "stage problems that needed more than one attempt"),
            long(
                "lps_above_tolerance", "stage problems taken with a certified gap above tolerance"
            ),
            number(
                "largest_gap",
                "largest gap of these, 0 without any; null if one is unknown",
                "$",
                nullable=True,
            ),
            number(
                "gap_of_bound",
                "the same for the problems that lower_bound is made of",
                "$",
                nullable=True,
            ),
            long("truncated_inflows", "forward inflows raised to zero"),
            words("lb_kind", "what the bound bounds: expected_cost or nested_risk"),
            long("wall_time_ms", "since training started", "ms", timing=True),
            number("rss_mb", "peak memory of the process", "MB", timing=True),
        ),
        ("iteration",),
        "training/convergence.parquet",
        "iteration",
    ),
    TableSchema(
        "timing/iterations",
        (
            integer("iteration", "iteration, from 1"),
            integer(
                "rank", "process, from 0; null in the row of the whole iteration", nullable=True
            ),
            integer(
                "worker_id",
                "thread of the process, from 0; null in the row of the whole iteration",
                nullable=True,
            ),
            *(long(name, text, "ms", nullable=True, timing=True) for name, text in _STEPS),
        ),
        ("iteration", "rank", "worker_id"),
        "training/timing/iterations.parquet",
        "iteration, and for each of its workers",
    ),
    TableSchema(
        "solver/iterations",
        _SOLVER_COLUMNS,
        ("iteration", "phase", "stage"),
        "training/solver/iterations.parquet",
        "iteration, phase and stage",
    ),
    TableSchema(
        "solver/retry_histogram",
        _RETRY_COLUMNS,
        ("iteration", "phase", "stage", "retry_level"),
        "training/solver/retry_histogram.parquet",
        "iteration, phase, stage and attempt",
    ),
    TableSchema(
        "cut_selection/iterations",
        (
            integer("iteration", "iteration, from 1"),
            integer("stage", "stage of the case whose future the cuts bound"),
            integer("cuts_populated", "cuts ever made or loaded"),
            integer("cuts_active_before", "active cuts before selection"),
            integer("cuts_deactivated", "cuts that the method deactivated"),
            integer("cuts_active_after", "active cuts after the method"),
            number("selection_time_ms", "time of method and cap", "ms", timing=True),
            integer(
                "budget_evicted",
                "cuts that the cap took after that; null without a cap",
                nullable=True,
            ),
            integer(
                "active_after_budget", "active cuts after the cap; null without one", nullable=True
            ),
        ),
        ("iteration", "stage"),
        "training/cut_selection/iterations.parquet",
        "iteration with selection, and stage",
    ),
    TableSchema(
        "timing/mpi_ranks",
        (
            integer("iteration", "iteration, from 1"),
            integer("rank", "process, from 0"),
            long("forward_time_ms", "forward pass, waiting included", "ms", timing=True),
            long("backward_time_ms", "backward pass, waiting included", "ms", timing=True),
            long("communication_time_ms", "exchanging data with other ranks", "ms", timing=True),
            long("idle_time_ms", "waiting for other ranks", "ms", timing=True),
            long("lp_solves", "stage problems solved by the rank"),
            integer("scenarios_processed", "trajectories of the rank"),
        ),
        ("iteration", "rank"),
        "training/timing/mpi_ranks.parquet",
        "iteration and process",
    ),
    TableSchema(
        "dictionaries/bounds",
        (
            code("entity_type_code", "kind of entity, see codes.json"),
            integer("entity_id", "id of the entity"),
            integer("stage_id", "stage of the case"),
            integer(
                "block_id", "block of the stage; null for a limit of the whole stage", nullable=True
            ),
            code("bound_type_code", "what is limited, see codes.json"),
            number("lower_bound", "least value", "hm3, m3/s or MW"),
            number(
                "upper_bound",
                "largest value; null without a limit",
                "hm3, m3/s or MW",
                nullable=True,
            ),
        ),
        ("entity_type_code", "entity_id", "stage_id", "bound_type_code", "block_id"),
        "training/dictionaries/bounds.parquet",
        "limit in force",
    ),
    TableSchema(
        "diagnostics/inner_bound",
        (
            integer("iteration", "iteration after which it was evaluated"),
            number(
                "upper_bound_det",
                "bound of the optimal cost from above that this evaluation gave",
                "$",
            ),
            number("least_upper_bound", "least bound of all evaluations so far", "$"),
            long("n_vertices", "states whose cost it is made of, over all stages"),
            long("lp_solves", "stage problems solved for it"),
            flag("certified", "whether all prices it rests on were derived, none given"),
            long("time_ms", "time it took", "ms", timing=True),
        ),
        ("iteration",),
        "training/diagnostics/inner_bound.parquet",
        "evaluation of the bound from above",
    ),
    TableSchema(
        "diagnostics/lp_gaps",
        (
            integer("iteration", "iteration, from 1"),
            words("phase", "forward, backward, lower_bound or simulation"),
            integer("stage", "stage of the case; -1 for the bound"),
            integer("trial", "forward pass whose state it is, from 0; scenario of a simulation"),
            integer("opening", "opening of the stage, from 0; of a forward pass, the one it took"),
            *gap_columns(
                "cost of the best feasible point less the bound; null without one",
                "the lower bound of the iteration",
                nullable=True,
            ),
        ),
        ("iteration", "phase", "stage", "trial", "opening"),
        "training/diagnostics/lp_gaps.parquet",
        "problem taken with a gap above tolerance",
    ),
    TableSchema(
        "diagnostics/stopping_rules",
        (
            integer("iteration", "iteration after which the rule was asked"),
            integer("rule_index", "place of the rule in the configuration, from 0"),
            words("rule", "name of the rule"),
            flag("met", "whether it was satisfied"),
            number(
                "value",
                "what it compared; null where there was nothing to compare yet",
                nullable=True,
            ),
            number("threshold", "what it compared with"),
            words("detail", "in words, where the numbers do not say it"),
        ),
        ("iteration", "rule_index"),
        "training/diagnostics/stopping_rules.parquet",
        "iteration and stopping rule",
    ),
    TableSchema(
        "fpha_hyperplanes",
        (
            integer("hydro_id", "id of the hydro"),
            integer("plane_id", "plane of the hydro, from 0"),
            integer("stage_id", "stage of the case"),
            number("gamma_0", "intercept", "MW"),
            number("gamma_v", "slope in mean storage", "MW/hm3"),
            number("gamma_q", "slope in turbined flow", "MW/(m3/s)"),
            number("gamma_s", "slope in spilled flow", "MW/(m3/s)"),
            number("kappa", "1: the correction factor is folded into the coefficients"),
            number("valid_v_min_hm3", "lower end of the fitting window", "hm3"),
            number("valid_v_max_hm3", "upper end of the fitting window", "hm3"),
            number("valid_q_max_m3s", "largest turbined flow of the fit", "m3/s"),
        ),
        ("hydro_id", "stage_id", "plane_id"),
        "hydro_models/fpha_hyperplanes.parquet",
        "hydro plant, stage and plane",
    ),
)
