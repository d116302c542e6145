"""The commands ``fit`` and ``scenarios``."""

from __future__ import annotations

import polars as pl
import pytest
from typer.testing import CliRunner

import headwater as hw
from headwater.cli.app import app
from headwater.report.drawing import MISSING_PLOTLY
from published import case_directory

D12 = case_directory("d12-par-annual")


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_fit_writes_the_model_and_says_what_it_found(tmp_path):
    result = invoke("fit", D12, "-o", tmp_path / "fit", "--no-pictures")
    assert result.exit_code == 0, result.output
    assert "statistics, coefficients, correlation" in result.output
    assert "not asked for" in result.output
    assert pl.read_parquet(tmp_path / "fit" / "inflow_ar_coefficients.parquet").height > 50
    assert (tmp_path / "fit" / "fitting_report.json").is_file()


@pytest.mark.versions
def test_fit_without_plotly_writes_the_model_and_names_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("headwater.api.uncertainty.plotly_is_there", lambda: False)
    result = invoke("fit", D12, "-o", tmp_path / "fit")
    assert result.exit_code == 0
    assert MISSING_PLOTLY in " ".join(result.output.split())
    assert not (tmp_path / "fit" / "pictures.html").exists()


def test_fit_needs_a_history(tmp_path):
    with pytest.raises(hw.ModelError, match="no inflow history"):
        hw.fit(hw.load_case(case_directory("d16-par1-lag-shift")), tmp_path / "fit")


@pytest.mark.parametrize("kind", ["openings", "training", "simulation"])
@pytest.mark.versions
def test_scenarios_writes_a_table(tmp_path, kind):
    count = () if kind == "openings" else ("-n", "1")
    for suffix, read in ((".csv", pl.read_csv), (".parquet", pl.read_parquet)):
        file = tmp_path / f"{kind}{suffix}"
        result = invoke("scenarios", D12, "--kind", kind, *count, "-o", file)
        assert result.exit_code == 0, result.output
        table = read(file)
        assert set(table["stage_id"]) == set(range(24))
        assert table.height == 48 if kind == "openings" else table.height == 24 * 3


def test_scenarios_refuses_other_files_and_numbers(tmp_path):
    assert invoke("scenarios", D12, "-o", tmp_path / "x.txt").exit_code != 0
    with pytest.raises(hw.UsageError, match="'openings', 'training' or 'simulation'"):
        hw.scenarios(hw.load_case(D12), "other")
    with pytest.raises(hw.UsageError, match="at least 1"):
        hw.scenarios(hw.load_case(D12), "training", iteration=0)
