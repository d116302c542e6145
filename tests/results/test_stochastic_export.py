"""What a run writes about uncertainty can be read back as input, and then gives the same
numbers to the last bit.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import headwater as hw
from headwater.model import SamplingMethod
from headwater.results.stochastic_export import write_stochastic
from headwater.results.stochastic_tables import trajectories_table
from headwater.stochastic import simulation_sampler, study_uncertainty
from published import case_directory

D12 = case_directory("d12-par-annual")
INPUTS = (
    "noise_openings.parquet",
    "opening_probabilities.parquet",
    "inflow_seasonal_stats.parquet",
    "inflow_ar_coefficients.parquet",
    "inflow_annual_component.parquet",
    "correlation.json",
)


@pytest.fixture
def exported(tmp_path):
    """A copy of the case whose scenarios are what the case itself exported, with
    several openings per stage.
    """
    case = hw.load_case(D12)
    stages = tuple(
        replace(stage, n_openings=5, sampling_method=SamplingMethod.LHS)
        for stage in case.system.stages
    )
    case = replace(case, system=replace(case.system, stages=stages))
    uncertainty = study_uncertainty(case)
    directory = write_stochastic(tmp_path / "out" / "stochastic", case, uncertainty)
    copy = tmp_path / "copy"
    shutil.copytree(D12, copy, copy_function=shutil.copyfile)
    for name in INPUTS:
        shutil.copyfile(directory / name, copy / "scenarios" / name)
    return case, uncertainty, directory, copy


def test_an_exported_model_comes_back_to_the_last_bit(exported):
    _, uncertainty, _, copy = exported
    again = study_uncertainty(hw.load_case(copy))
    assert again.estimation.path == "user_provided_all"
    for name in ("psi", "base", "sigma", "order", "initial_lags_m3s"):
        np.testing.assert_array_equal(
            getattr(again.inflow, name), getattr(uncertainty.inflow, name)
        )
    for name in ("noise", "probability"):
        for left, right in zip(
            getattr(again.tree, name), getattr(uncertainty.tree, name), strict=True
        ):
            np.testing.assert_array_equal(left, right)
    eta = np.random.default_rng(1).normal(size=(3, 2))
    np.testing.assert_array_equal(
        again.correlator.apply(4, eta), uncertainty.correlator.apply(4, eta)
    )


def test_an_exported_tree_trains_to_the_same_bound(exported):
    case, _, _, copy = exported
    quick = replace(case.config.training, stopping_rules=(hw.model.IterationLimit(2),))
    assert (
        hw.train(hw.load_case(copy), quick, threads=1).lower_bound
        == hw.train(case, quick, threads=1).lower_bound
    )


def test_the_export_says_where_everything_comes_from(exported):
    _, _, directory, _ = exported
    provenance = json.loads((directory / "provenance.json").read_text())
    assert provenance["path"] == "full_estimation"
    assert set(provenance["sources"].values()) == {"estimated"}
    assert provenance["seeds"]["tree_seed"] == 42
    assert provenance["sampling_methods"] == ["lhs"]
    assert set(provenance["versions"]) == {"numpy", "scipy"}
    report = json.loads((directory / "fitting_report.json").read_text())
    assert report["method"] == "pacf_annual"
    assert set(report["hydros"]) == {"0", "1"}
    assert (
        json.loads((directory / "library_report.json").read_text())["training"]["inflow"]["scheme"]
        == "in_sample"
    )


def test_the_exported_lags_are_the_equations_of_the_stage_problems(exported):
    _, uncertainty, directory, _ = exported
    lags = pl.read_parquet(directory / "inflow_lags.parquet").filter(
        (pl.col("stage_id") == 3) & (pl.col("hydro_id") == 1)
    )
    np.testing.assert_array_equal(lags.sort("lag")["psi"].to_numpy(), uncertainty.inflow.psi[3, 1])
    assert lags["base"].unique().to_list() == [uncertainty.inflow.base[3, 1]]


def test_the_published_case_estimates_exports_its_annual_component_and_trains(tmp_path):
    """What is promised for this case.

    A model with an annual component from 720 observations, exported, that trains.
    """
    copy = tmp_path / "case"
    shutil.copytree(D12, copy, copy_function=shutil.copyfile)
    config = json.loads((copy / "config.json").read_text())
    config["training"]["stopping_rules"][0]["limit"] = 2
    (copy / "config.json").write_text(json.dumps(config))
    case = hw.load_case(copy)
    assert len(case.system.inflow_history) == 720
    result = hw.run(copy, tmp_path / "out", threads=1)
    assert np.isfinite(result.policy.lower_bound)
    assert result.policy.lower_bound > 0.0
    assert hw.simulate(result.policy, case, n_scenarios=1, threads=1).mean_cost > 0.0
    annual = pl.read_parquet(tmp_path / "out" / "stochastic" / "inflow_annual_component.parquet")
    assert set(annual["hydro_id"]) == {0, 1}
    assert set(annual["stage_id"]) == set(range(-2, 24))


def test_trajectories_of_training_are_as_many_as_asked_for_and_at_most_the_passes():
    case = hw.load_case(D12).with_(forward_passes=3)
    for asked, given in ((None, 3), (2, 2), (5, 3)):
        table = hw.scenarios(case, "training", n_scenarios=asked)
        assert table["scenario_id"].n_unique() == given


def test_trajectories_follow_the_model_from_row_to_row():
    uncertainty = study_uncertainty(hw.load_case(D12))
    sampler = simulation_sampler(
        uncertainty, hw.load_case(D12).config.training.scenario_source, 42, 3
    )
    table = trajectories_table(sampler, 3)
    assert table.columns == [
        "scenario_id",
        "stage_id",
        "class",
        "entity_id",
        "block_id",
        "noise",
        "value",
    ]
    inflow = uncertainty.inflow
    rows = table.filter(
        (pl.col("class") == "inflow") & (pl.col("entity_id") == 0) & (pl.col("scenario_id") == 2)
    )
    z, eta = rows["value"].to_numpy(), rows["noise"].to_numpy()
    past = np.concatenate([inflow.initial_lags_m3s[::-1, 0], z])
    t = 13
    expected = (
        inflow.base[t, 0] + inflow.psi[t, 0] @ past[t : t + 12][::-1] + inflow.sigma[t, 0] * eta[t]
    )
    assert z[t] == pytest.approx(expected, rel=1e-12)
