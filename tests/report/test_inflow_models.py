"""Pictures of inflow models show the history, the fitted seasons and the sampled scenarios."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
import published
from headwater.errors import UsageError
from headwater.model import OutOfSample, ScenarioSource
from headwater.report.drawing import plotly_is_there
from headwater.report.inflow_models import correlogram, noise_correlation, sampled, seasons
from headwater.report.page import write_fit_page
from headwater.results.stochastic_tables import trajectories_table
from headwater.stochastic import Uncertainty, simulation_sampler, study_uncertainty

D12 = published.case_directory("d12-par-annual")


@pytest.fixture(scope="module")
def models() -> Uncertainty:
    return study_uncertainty(hw.load_case(D12), statistical=True)


def test_a_page_of_a_fit_shows_every_river_or_says_in_one_sentence_what_it_needs(
    models: Uncertainty, tmp_path: Path
):
    if not plotly_is_there():
        with pytest.raises(UsageError, match=r"pip install 'headwater\[report\]'"):
            write_fit_page(tmp_path / "p.html", models)
        return
    page = write_fit_page(tmp_path / "p.html", models).read_text(encoding="utf-8")
    for key in ("seasons/0/0", "seasons/1/0", "correlogram/0/0", "noise/0"):
        assert f'id="chart:{key}"' in page
    assert "2 rivers, 24 stages" in page


def test_every_observed_year_is_drawn_and_the_mean_of_the_seasons(models: Uncertainty):
    drawn = seasons(models, 1)
    fit = models.estimation.cycles[0]
    threads, mean = drawn.traces[2], drawn.traces[3]
    n_years, n_seasons = fit.history.values_m3s.shape[1:]
    assert len(threads["y"]) == n_years * (n_seasons + 1)
    assert threads["y"][:n_seasons] == pytest.approx(
        fit.history.values_m3s[1, 0].tolist(), nan_ok=True
    )
    assert threads["y"][n_seasons] is None
    assert mean["y"] == pytest.approx(fit.statistics.mean_m3s[1].tolist())
    assert drawn.y_title == "incremental inflow, m3/s"


def test_the_correlogram_has_a_row_for_every_season(models: Uncertainty):
    (table,) = correlogram(models, 0).traces
    rho = models.estimation.cycles[0].correlograms[0].rho
    assert np.array(table["z"]) == pytest.approx(rho[:, 1:])
    assert len(table["y"]) == len(rho)


def test_the_correlation_of_the_noise_is_that_of_the_profile(models: Uncertainty):
    (drawn,) = noise_correlation(models.system)
    z = np.array(drawn.traces[0]["z"])
    assert z.shape == (2, 2)
    assert np.diag(z) == pytest.approx([1.0, 1.0])


def test_sampled_scenarios_are_drawn_with_their_band_and_mean():
    models = study_uncertainty(hw.load_case(D12))
    sampler = simulation_sampler(models, ScenarioSource(inflow=OutOfSample(), seed=3), 42, 30)
    table = trajectories_table(sampler, 30)
    high, low, threads, mean = sampled(models.system, table, 1).traces
    z = table.filter((pl.col("class") == "inflow") & (pl.col("entity_id") == 1))
    expected = (
        z.group_by("stage_id", maintain_order=True)
        .agg(pl.col("value").mean())
        .sort("stage_id")["value"]
    )
    np.testing.assert_allclose(mean["y"], expected)
    assert (np.array(low["y"]) <= np.array(mean["y"])).all()
    assert (np.array(mean["y"]) <= np.array(high["y"])).all()
    assert threads["y"].count(None) == 20
    first = z.filter(pl.col("scenario_id") == 0).sort("stage_id")["value"]
    np.testing.assert_allclose(threads["y"][: len(first)], first)


def test_without_history_there_is_nothing_to_draw(example_output: Path):
    given = study_uncertainty(hw.load_case(example_output.parent / "case"), statistical=True)
    with pytest.raises(UsageError, match="there is no inflow history to draw"):
        seasons(given, "Ridge")
