"""One case in other units: scaled, trained, and its policy expressed in the first units again.

Started by `isolated`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import headwater as hw
from battery_run import COUNTED, gap_figures
from headwater.model import BoundStalling, IterationLimit, Study
from isolated import Record, write_record
from unit_scaling import scale_case


def with_rules(study: Study, iterations: int | None) -> Study:
    """The study with at most so many iterations.

    It ends earlier where the bound has not moved for a good while.
    """
    training = study.config.training
    rules = (IterationLimit(iterations or training.max_iterations), BoundStalling(25, 1e-12))
    changed = dataclasses.replace(training, stopping_rules=rules)
    return dataclasses.replace(study, config=dataclasses.replace(study.config, training=changed))


def digest(study: Study, policy: Any, money: float, water: float) -> str:
    """Hash of bounds, simulated costs and all cuts, brought back to the first units.

    Powers of two keep every bit.
    """
    of_water = np.array([component["unit"] != "MW" for component in policy.layout.describe()])
    told = hashlib.sha256()
    for record in policy.training.iterations:
        told.update(
            np.array([record.lower_bound, record.simulated_mean, record.simulated_std]) / money
        )
    for stage in study.system.stages[:-1]:
        cuts = policy.cuts(stage.id)
        slopes = cuts.coefficients * np.where(of_water, water, 1.0) / money
        told.update(np.ascontiguousarray(cuts.intercepts / money + 0.0))  # no zero keeps a sign
        told.update(np.ascontiguousarray(slopes + 0.0))
    return told.hexdigest()[:16]


def train_in_units(
    directory: Path, money: float, water: float, iterations: int | None = None
) -> Record:
    """Train the case of a directory in other units.

    Returns:
        ``bounds`` in the first unit of money, counts of the solver, and the `digest`; or the error.
    """
    with tempfile.TemporaryDirectory(prefix="headwater-units-") as temporary:
        try:
            case = hw.load_case(scale_case(directory, Path(temporary) / "case", money, water))
            policy = hw.train(with_rules(case, iterations), threads=1)
        except hw.HeadwaterError as error:
            return {"outcome": "error", "error": f"{type(error).__name__}: {error}", "bounds": []}
    training = policy.training
    return {
        "outcome": "finished",
        "converged": training.converged,
        "bounds": [record.lower_bound / money for record in training.iterations],
        **{name: int(training.solver_counts.get(name, 0)) for name in COUNTED},
        "gaps": gap_figures(training),
        "digest": digest(case, policy, money, water),
        "warnings": len(training.warnings),
    }


def main() -> int:
    asked, result, _ = map(Path, sys.argv[1:4])
    recipe = json.loads(asked.read_text(encoding="utf-8"))
    write_record(
        result,
        train_in_units(
            Path(recipe["case"]), recipe["money"], recipe["water"], recipe["iterations"]
        ),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
