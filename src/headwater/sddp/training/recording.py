"""Writing down what an iteration and a training did."""

from __future__ import annotations

import math
import sys
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.records.gap_words import told_gaps
from headwater.sddp.records.training import IterationRecord, StageSelection, TrainingRecord
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.training.stopping import Verdict
from headwater.sddp.training.warm_start import doubtful_cuts
from headwater.solver import highs_version
from headwater.stochastic import openings_in_words, uncertainty_differences


def mean_and_deviation(totals: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and sample deviation of costs; the deviation of a single one is 0."""
    n = len(totals)
    mean = float(totals.sum()) / n
    # sqrt is rounded correctly and a power is not: costs times a power of two keep their bits
    return mean, math.sqrt(float(((totals - mean) ** 2).sum()) / (n - 1)) if n > 1 else 0.0


def iteration_record(
    problems: StudyProblems,
    store: TrajectoryStore,
    totals: NDArray[np.float64],
    iteration: int,
    lower_bound: float,
    added: int,
    retries: int,
    seconds: tuple[float, float, float],
    selected: tuple[StageSelection, ...],
    selection_seconds: float,
    elapsed: float,
) -> IterationRecord:
    """The record of an iteration.

    Args:
        problems: the study with the cuts of the iteration.
        store: its trajectories.
        totals: present value of each in $.
        iteration: 1-based.
        lower_bound: bound after it, in $.
        added: cuts added.
        retries: solves that needed more than one attempt.
        seconds: of forward pass, backward pass and bound.
        selected: what cut selection did.
        selection_seconds: and its time.
        elapsed: seconds since training started.
    """
    n = len(totals)
    mean, std = mean_and_deviation(totals)
    return IterationRecord(
        iteration=iteration,
        lower_bound=lower_bound,
        simulated_mean=mean,
        simulated_std=std,
        simulated_ci95=1.96 * std / n**0.5,
        forward_passes=n,
        cuts_added=added,
        cuts_removed=sum(one.removed for one in selected),
        cuts_active=sum(pool.n_active for one in problems.each for pool in one.pools),
        lp_solves=n * problems.n_solves_of_trajectory + problems.n_solves_of_bound,
        retries=retries,
        forward_seconds=seconds[0],
        backward_seconds=seconds[1],
        bound_seconds=seconds[2],
        total_seconds=sum(seconds) + selection_seconds,
        elapsed_seconds=elapsed,
        peak_memory_mb=peak_memory_mb(),
        truncated_inflows=int(store.truncated.sum()),
        lower_bound_proven=not doubtful_cuts(problems.pools[0]),
        selection=selected,
        selection_seconds=selection_seconds,
        cuts_relaxed=sum(pool.n_relaxed(iteration) for one in problems.each for pool in one.pools),
    )


def training_record(
    problems: StudyProblems,
    sampler_warnings: tuple[str, ...],
    history: list[IterationRecord],
    outcome: Verdict,
    seconds: float,
    threads: int,
    counts: Counter[str],
) -> TrainingRecord:
    """The record of a training.

    Args:
        problems: the study.
        sampler_warnings: what the sampler had to say.
        history: records of the iterations.
        outcome: why it ended.
        seconds: wall time.
        threads: worker threads.
        counts: what the solver instances did.
    """
    risky = not problems.study.is_risk_neutral
    return TrainingRecord(
        iterations=tuple(history),
        reason=outcome.reason,
        converged=outcome.converged,
        lower_bound_kind="nested_risk" if risky else "expected_cost",
        covers=_covered(problems),
        openings=openings_in_words(problems.uncertainty),
        differences=uncertainty_differences(
            problems.uncertainty, problems.study.config.simulated_source
        ),
        seconds=seconds,
        threads=threads,
        solver=highs_version(),
        warnings=tuple(_warnings(problems, sampler_warnings, history)),
        solver_counts=dict(sorted(counts.items())),
        stage_statistics=problems.stage_statistics(),
        fitted_planes=problems.fitted,
    )


def uncertainty_warnings(problems: StudyProblems) -> tuple[str, ...]:
    """What was assumed or repaired of what is random, in any regime, each sentence once."""
    told = (text for one in problems.each for text in one.uncertainty.warnings)
    return tuple(dict.fromkeys(told)) if problems.regimes else problems.uncertainty.warnings


def _warnings(
    problems: StudyProblems, sampler_warnings: tuple[str, ...], history: list[IterationRecord]
) -> list[str]:
    warnings = [*uncertainty_warnings(problems), *sampler_warnings, *problems.warnings()]
    truncated = sum(record.truncated_inflows for record in history)
    if truncated:
        inflows = (
            sum(r.forward_passes for r in history)
            * problems.walk.n_visits
            * problems.layout.size("storage")
        )
        warnings.append(
            f"{truncated} of {inflows} forward inflows ({100 * truncated / inflows:.2f} %) were "
            "negative and raised to zero"
            + (
                "; with inflow lags in the state, cuts of such openings are heuristic"
                if problems.layout.size("inflow_lag")
                else ""
            )
        )
    if history and not history[-1].lower_bound_proven:
        warnings.append(
            "the bound rests on cuts of the policy that training started from, which are not "
            "proven to be lower bounds in this study; policy.purge_after removes them in time, "
            "policy.trust takes them as they are"
        )
    if problems.system.horizon.is_cyclic:
        share = problems.walk.final_discount
        warnings.append(
            f"the horizon repeats: trajectories end after {problems.walk.n_visits} stages, where "
            f"money is worth {share:.2g} of its value at the start, and count what the policy "
            "expects to pay after that"
        )
    warnings.extend(_gap_warning(history))
    cuts_of_trajectory = sum(
        problems.n_cuts_of_trial(t) * int(problems.reached[t].sum())
        for t in range(problems.n_stages)
    )
    missing = len(history) * problems.study.config.training.forward_passes * cuts_of_trajectory
    missing -= sum(record.cuts_added for record in history)
    if missing:
        warnings.append(f"{missing} cuts were not finite numbers and were left out")
    return warnings


def _gap_warning(history: list[IterationRecord]) -> list[str]:
    """How many LPs were solved with a gap above tolerance, and what the largest gap is worth."""
    count = sum(record.lps_above_tolerance for record in history)
    if not count:
        return []
    solved, largest = (
        sum(record.lp_solves for record in history),
        max(record.largest_gap for record in history),
    )
    told = told_gaps(count, solved, largest, history[-1].lower_bound, "lower bound")
    return [
        f"{told}. Cuts and lower bound are valid all the same; training/diagnostics lists these LPs"
    ]


def _covered(problems: StudyProblems) -> str:
    """What the lower bound is about, see `TrainingRecord.covers`."""
    if problems.system.horizon.is_cyclic:
        return "all_time"
    return "study_and_boundary" if problems.pools[-1].n_populated else "study"


def peak_memory_mb() -> float:
    """Largest resident memory of the process so far."""
    try:
        import resource
    except ImportError:
        # Windows, where the system keeps the largest size among the counters that psutil reads
        import psutil

        counters = psutil.Process().memory_info()
        return float(getattr(counters, "peak_wset", counters.rss)) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
