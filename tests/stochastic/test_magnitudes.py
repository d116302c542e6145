"""Statistics that no river and no system has."""

from __future__ import annotations

from pathlib import Path

import pytest

import headwater as hw
from full_case import full_case

WRONG = [
    ("inflow_ar_coefficients", "coefficient", "coefficient of lag 1"),
    ("inflow_seasonal_stats", "mean_m3s", "mean_m3s"),
    ("inflow_seasonal_stats", "std_m3s", "std_m3s"),
    ("load_seasonal_stats", "mean_mw", "mean_mw"),
    ("load_seasonal_stats", "std_mw", "std_mw"),
]


@pytest.mark.parametrize("value", [9e14, -9e14, 1.1e12])
@pytest.mark.parametrize(("table", "column", "said"), WRONG)
def test_absurd_statistics_are_named_and_refused(
    table: str, column: str, said: str, value: float, tmp_path: Path
):
    case = full_case(tmp_path / "case")
    case.tables[f"scenarios/{table}"][0][column] = value
    case.write()
    report = hw.validate_case(case.root)
    assert not report.ok
    if value > 0 or column in ("coefficient",):
        assert any(
            said in finding.message and "check its unit" in finding.message
            for finding in report.errors
        )
        with pytest.raises(hw.ModelError, match=said):
            hw.train(hw.load_case(case.root), threads=1)
