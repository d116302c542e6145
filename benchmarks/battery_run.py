"""One system of the battery.

Made, loaded, trained, simulated and measured, in a process that `isolated` starts.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import headwater as hw
from headwater.model import Study
from headwater.sddp.events import IterationFinished
from isolated import Record, write_record
from strangers import ROOT, write_case

COUNTED = ("solves", "fallbacks", "retried", "attempts", "bounded", "pivots")
SCENARIOS = 20


def gap_figures(training: Any) -> Record | None:
    """Gaps of linear programs that were taken above tolerance, in $.

    ``None`` from a version that records none.

    This is the only place that knows how a training tells its gaps: adapt it here.
    """
    records = getattr(training, "gaps", None)
    if records is None:
        return None
    gaps = [float(getattr(record, "gap", record)) for record in records]
    bound = abs(training.iterations[-1].lower_bound) if training.iterations else math.nan
    return {
        "above_tolerance": len(gaps),
        "largest": max(gaps, default=0.0),
        "share_of_bound": max(gaps, default=0.0) / bound if bound else math.nan,
        "quantiles": [float(q) for q in np.quantile(gaps, [0.5, 0.9, 0.99])] if gaps else [],
    }


def largest_fall(bounds: list[float]) -> float:
    """How far a bound ever lies below an earlier one.

    A share of the largest magnitude of all.
    """
    values = np.array(bounds, float)
    if len(values) < 2 or not np.isfinite(values).all():
        return 0.0
    magnitude = float(np.abs(values).max())
    return float((np.maximum.accumulate(values) - values).max()) / magnitude if magnitude else 0.0


def measure(study: Study, progress: Path, threads: int = 1, scenarios: int = SCENARIOS) -> Record:
    """Train and simulate a study; an error of the product becomes part of the record."""
    bounds: list[float] = []
    record: Record = {"outcome": "finished", "bounds": bounds}
    lp_solves = 0

    def watch(event: object) -> None:
        nonlocal lp_solves
        if isinstance(event, IterationFinished):
            bounds.append(event.record.lower_bound)
            lp_solves += event.record.lp_solves
            with progress.open("a", encoding="utf-8") as stream:
                stream.write(
                    json.dumps({"iteration": event.record.iteration, "lower_bound": bounds[-1]})
                    + "\n"
                )

    started = time.perf_counter()
    part = "training"
    try:
        policy = hw.train(study, threads=threads, on_event=watch)
        record |= {name: int(policy.training.solver_counts.get(name, 0)) for name in COUNTED}
        record["reasons"] = {
            k: int(v) for k, v in policy.training.solver_counts.items() if k not in COUNTED
        }
        record["gaps"] = gap_figures(policy.training)
        record["seconds"] = time.perf_counter() - started
        part = "simulation"
        if scenarios:
            record["mean_cost"] = hw.simulate(
                policy, n_scenarios=scenarios, threads=threads
            ).mean_cost
    except hw.HeadwaterError as error:
        record |= {"outcome": "error", "error": f"{type(error).__name__} in {part}: {error}"}
    record.setdefault("solves", lp_solves)
    record.setdefault("seconds", time.perf_counter() - started)
    record["iterations"] = len(bounds)
    record["not_finite"] = sum(
        not math.isfinite(x) for x in (*bounds, record.get("mean_cost", 0.0))
    )
    record["largest_fall"] = largest_fall(bounds)
    return record


def measure_exactly(seed: int, progress: Path) -> Record:
    """Train a small system to convergence.

    It is judged by the linear program over its whole tree.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    from small_strangers import drawn

    stranger = drawn(seed)
    with tempfile.TemporaryDirectory(prefix="headwater-stranger-") as temporary:
        directory = Path(temporary)
        try:
            study = stranger.study(directory / "case")
        except hw.HeadwaterError as error:
            return {
                "outcome": "not loaded",
                "error": f"{type(error).__name__}: {error}",
                "bounds": [],
            }
        record = measure(study, progress, scenarios=0)
        record["optimum"] = optimum = stranger.optimum(directory / "judged")
        least = 1e-4 * stranger.money_scale(directory / "scale")
    record["stranger"] = repr(stranger)
    if record["outcome"] == "finished":
        record["off_optimum"] = (record["bounds"][-1] - optimum) / max(abs(optimum), least)
    return record


def run(recipe: Record, progress: Path) -> Record:
    """The record of one recipe."""
    if recipe["kind"] == "exact":
        return measure_exactly(recipe["options"]["seed"], progress)
    with tempfile.TemporaryDirectory(prefix="headwater-stranger-") as directory:
        try:
            case = hw.load_case(write_case(recipe, Path(directory) / "case"))
        except hw.HeadwaterError as error:
            return {
                "outcome": "not loaded",
                "error": f"{type(error).__name__}: {error}",
                "bounds": [],
            }
        return measure(dataclasses.replace(case, name=recipe["name"]), progress)


def main() -> int:
    asked, result, progress = map(Path, sys.argv[1:4])
    record = run(json.loads(asked.read_text(encoding="utf-8")), progress)
    write_record(result, {**record, "version": hw.__version__})
    return 0


if __name__ == "__main__":
    sys.exit(main())
