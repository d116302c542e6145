"""Writing the uncertainty of a study.

Model, openings and an account of how they came about go to files of the case format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from headwater import files
from headwater.model import Study, System
from headwater.results import stochastic_tables as tables
from headwater.results.own_files import STOCHASTIC
from headwater.results.pieces import write_parquet
from headwater.stochastic import (
    Sampler,
    Uncertainty,
    openings_in_words,
    simulation_sampler,
    training_sampler,
)

STOCHASTIC_DIRECTORY = "stochastic"
"""Where a run puts these files, below its output directory."""


def write_stochastic(directory: Path, study: Study, uncertainty: Uncertainty) -> Path:
    """Write everything random about a study.

    The tables can be copied to ``scenarios/`` of a case, bit for bit.

    Where scenarios are the openings, the case holds them already, and no openings are written.

    Args:
        directory: made anew.
        study: for the schemes of training and simulation.
        uncertainty: of the study.

    Returns:
        The directory.
    """
    config = study.config
    seed, passes = config.training.tree_seed, config.training.forward_passes
    training = training_sampler(uncertainty, config.training.scenario_source, seed, passes)
    source = config.simulated_source
    simulation = simulation_sampler(uncertainty, source, seed, config.simulation.n_scenarios)
    with files.replaced_directory(directory, STOCHASTIC) as target:
        write_model(target, uncertainty)
        if not uncertainty.given:
            write_parquet(tables.openings_table(uncertainty), target / "noise_openings.parquet")
            write_parquet(
                tables.probabilities_table(uncertainty), target / "opening_probabilities.parquet"
            )
        _write_json(
            target / "library_report.json",
            {"training": training.report(), "simulation": simulation.report()},
        )
        _write_json(
            target / "provenance.json", provenance(study, uncertainty, training, simulation)
        )
    return directory


def write_model(directory: Path, uncertainty: Uncertainty) -> None:
    """Write statistics, coefficients and correlation.

    And the account of how they were estimated.
    """
    system = uncertainty.system
    write_parquet(tables.statistics_table(system), directory / "inflow_seasonal_stats.parquet")
    write_parquet(tables.coefficients_table(system), directory / "inflow_ar_coefficients.parquet")
    write_parquet(tables.annual_table(system), directory / "inflow_annual_component.parquet")
    write_parquet(tables.load_table(system), directory / "load_seasonal_stats.parquet")
    write_parquet(tables.lags_table(uncertainty), directory / "inflow_lags.parquet")
    if system.correlation is not None:
        _write_json(directory / "correlation.json", correlation_json(system))
    if uncertainty.estimation.report is not None:
        _write_json(directory / "fitting_report.json", dict(uncertainty.estimation.report))


def correlation_json(system: System) -> dict[str, Any]:
    """The correlation in the form of ``scenarios/correlation.json``."""
    correlation = system.correlation
    assert correlation is not None
    profiles = {
        name: {
            "correlation_groups": [
                {
                    "name": group.name,
                    "entities": [
                        {"type": group.noise_class.value, "id": i} for i in group.entity_ids
                    ],
                    "matrix": np.asarray(group.matrix).tolist(),
                }
                for group in groups
            ]
        }
        for name, groups in correlation.profiles.items()
    }
    schedule = [
        {"stage_id": stage_id, "profile_name": name}
        for stage_id, name in correlation.schedule.items()
    ]
    return {"method": correlation.method.value, "profiles": profiles, "schedule": schedule}


def provenance(
    study: Study, uncertainty: Uncertainty, training: Sampler, simulation: Sampler
) -> dict[str, Any]:
    """Where each part of the uncertainty comes from."""
    config, system = study.config, uncertainty.system
    correlation = system.correlation
    return {
        "path": uncertainty.estimation.path,
        "sources": dict(uncertainty.estimation.sources),
        "openings": "user"
        if system.given_openings is not None
        else "scenarios"
        if uncertainty.given
        else "generated",
        "openings_in_words": list(openings_in_words(uncertainty)),
        "sampling_methods": sorted({stage.sampling_method.value for stage in system.stages}),
        "noise_sharing": config.noise_sharing.value,
        "correlation_method": None if correlation is None else correlation.method.value,
        "schemes": {
            name: {
                key: value["scheme"]
                for key, value in sampler.report().items()
                if isinstance(value, Mapping)
            }
            for name, sampler in (("training", training), ("simulation", simulation))
        },
        "seeds": {
            "tree_seed": config.training.tree_seed,
            "training": config.training.scenario_source.seed,
            "simulation": simulation.basis.source.seed,
        },
        "versions": {"numpy": np.__version__, "scipy": version("scipy")},
        "warnings": list(uncertainty.warnings),
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(
        json.dumps(value, indent=2, default=_plain) + "\n", encoding="utf-8", newline="\n"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
