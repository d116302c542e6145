"""The random future of a study: fitting the inflow model, and scenarios as tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from headwater import files
from headwater._on_demand import OnDemandMember
from headwater.api.studies import StudyLike, as_study
from headwater.core.shown import Shown
from headwater.errors import ModelError, UsageError
from headwater.model import OutOfSample, ScenarioSource
from headwater.report.drawing import plotly_is_there
from headwater.results.own_files import FIT
from headwater.results.stochastic_export import write_model
from headwater.results.stochastic_tables import openings_table, trajectories_table
from headwater.stochastic import (
    Uncertainty,
    simulation_sampler,
    study_uncertainty,
    training_sampler,
)

PICTURED_SCENARIOS = 200
"""Trajectories that the bands of pictures are made of."""


@dataclass(frozen=True, repr=False)
class FitResult(Shown):
    """What `fit` leaves behind.

    Attributes:
        directory: where the model tables and the report are.
        uncertainty: the fitted models.
        pictures: page with pictures; ``None`` when they were not asked for or cannot be drawn.

    Examples:
        >>> found = hw.fit("examples/four-subsystems", "fit")
        >>> found.directory, found.pictures
    """

    directory: Path
    uncertainty: Uncertainty
    pictures: Path | None = None

    plot = OnDemandMember("headwater.report.plots", "FitPlots")
    """Pictures of the models, see `headwater.report.plots.FitPlots`."""

    def __repr__(self) -> str:
        return (
            f"<FitResult in {self.directory}: inflow models of "
            f"{len(self.uncertainty.system.hydros)} hydros>"
        )


def fit(study: StudyLike, directory: str | Path, *, pictures: bool = True) -> FitResult:
    """Estimate the inflow model of a study from its history and write it.

    The tables that are written can serve a case as input.

    Args:
        study: a `Case`, the directory of one, or a `Study` built in code.
        directory: where to write; made anew if it holds nothing but an earlier fit.
        pictures: draw history, correlograms and sampled paths, if plotly is installed.

    Raises:
        ModelError: the history does not allow it, or there is none.
        UsageError: the directory holds other files.

    Examples:
        >>> hw.fit("my-case", "fit").uncertainty
    """
    study = as_study(study)
    found = study_uncertainty(study, statistical=True)
    if not found.estimation.cycles:
        raise ModelError(
            "there is no inflow history to fit a model to (scenarios/inflow_history.parquet)"
        )
    target = Path(directory)
    if target.exists() and (
        not target.is_dir() or (foreign := files.foreign_file(target, FIT)) is not None
    ):
        held = (
            "is not a directory"
            if not target.is_dir()
            else f"holds {foreign}, which no fit of Headwater wrote"
        )
        raise UsageError(f"{target} {held}; it would be replaced: name a new directory")
    page = None
    with files.replaced_directory(target, FIT) as temporary:
        write_model(temporary, found)
        if pictures and plotly_is_there():
            fresh = ScenarioSource(OutOfSample(), seed=study.config.training.tree_seed)
            sampler = simulation_sampler(
                found, fresh, study.config.training.tree_seed, PICTURED_SCENARIOS
            )
            from headwater.report.page import write_fit_page

            write_fit_page(
                temporary / "pictures.html", found, trajectories_table(sampler, PICTURED_SCENARIOS)
            )
            page = target / "pictures.html"
    return FitResult(target, found, page)


def scenarios(
    study: StudyLike, kind: str = "openings", *, n_scenarios: int | None = None, iteration: int = 1
) -> pl.DataFrame:
    """The random future of a study as a table.

    Args:
        study: a `Case`, the directory of one, or a `Study` built in code.
        kind: ``"openings"`` of the tree, or the trajectories of ``"training"`` or ``"simulation"``.
        n_scenarios: number of trajectories; by default forward passes or simulated scenarios of the
            study.
        iteration: of training, from 1.

    Raises:
        UsageError: an unknown kind, or a number below 1.

    Examples:
        >>> hw.scenarios("my-case", "simulation", n_scenarios=100)
    """
    study = as_study(study)
    config = study.config
    found = study_uncertainty(study)
    if kind == "openings":
        return openings_table(found)
    if kind not in ("training", "simulation"):
        raise UsageError(f"scenarios are 'openings', 'training' or 'simulation', got '{kind}'")
    if iteration < 1 or (n_scenarios is not None and n_scenarios < 1):
        raise UsageError(
            "expected an iteration and a number of scenarios of at least 1, got "
            f"{iteration} and {n_scenarios}"
        )
    seed = config.training.tree_seed
    if kind == "training":
        passes = config.training.forward_passes
        sampler = training_sampler(found, config.training.scenario_source, seed, passes)
        return trajectories_table(sampler, min(n_scenarios or passes, passes), iteration)
    count = n_scenarios or config.simulation.n_scenarios
    source = config.simulated_source
    return trajectories_table(simulation_sampler(found, source, seed, count), count)
