"""The example is what its script writes, and it is a sound case."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headwater.case import Case, load_case, refused_features

DATA = (".json", ".parquet")


@pytest.fixture(scope="module")
def example(root: Path) -> Path:
    return root / "examples" / "four-subsystems"


@pytest.fixture(scope="module")
def case(example: Path) -> Case:
    return load_case(example, strict=True)


@pytest.fixture(scope="module")
def script(example: Path) -> Iterator[dict[str, Any]]:
    """Names of ``make_case.py``, imported without running it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(example))
        patch.setattr(sys, "dont_write_bytecode", True)
        yield runpy.run_path(str(example / "make_case.py"))


def files_in(directory: Path) -> list[str]:
    found = (f.relative_to(directory) for f in directory.rglob("*") if f.suffix in DATA)
    return sorted(file.as_posix() for file in found if file.parts[0] != "output")


def test_committed_files_are_what_the_script_writes(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", str(example / "make_case.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "thermal plants" in done.stdout
    assert len(files_in(example)) >= 19
    assert files_in(tmp_path) == files_in(example)
    for name in files_in(example):
        if name.endswith(".json"):
            assert (tmp_path / name).read_text(encoding="utf-8") == (example / name).read_text(
                encoding="utf-8"
            ), name
        else:
            made, committed = pl.read_parquet(tmp_path / name), pl.read_parquet(example / name)
            assert made.schema == committed.schema, name
            for column in made.columns:
                np.testing.assert_allclose(
                    made[column].to_numpy(), committed[column].to_numpy(), rtol=1e-6, err_msg=name
                )


def test_example_has_no_finding_even_when_advice_is_law(case: Case) -> None:
    assert [str(finding) for finding in (*case.report.errors, *case.report.warnings)] == []


def test_example_uses_nothing_that_is_refused(case: Case) -> None:
    assert refused_features(case) == []


def test_example_shows_what_its_page_says(case: Case) -> None:
    system = case.system
    assert (len(system.buses), len(system.lines), len(system.hydros), len(system.thermals)) == (
        5,
        5,
        7,
        15,
    )
    assert len(system.stages) == 24
    assert sum(hydro.downstream_id is not None for hydro in system.hydros) == 3
    assert {block.name for stage in system.stages for block in stage.blocks} == {
        "PEAK",
        "SHOULDER",
        "LIGHT",
    }
    assert {len(row.coefficients) for row in system.inflow_statistics if row.stage_id >= 0} == {
        1,
        2,
    }


def test_residual_ratio_keeps_the_variance_at_one(script: dict[str, Any]) -> None:
    """Simulated for many years, the standardised process of each river has unit
    variance in every month.
    """
    rng = np.random.default_rng(3)
    for hydro_id in script["RIVERS"]:
        phi = script["coefficients"](hydro_id)
        ratio = script["residual_ratios"](phi)
        z = np.zeros((40_000, 2))
        for k in range(12 * 5):
            new = z @ phi[k % 12] + ratio[k % 12] * rng.standard_normal(len(z))
            z = np.column_stack([new, z[:, 0]])
            if k >= 12 * 4:
                assert np.std(new) == pytest.approx(1.0, abs=0.02), (hydro_id, k % 12)


def test_planes_of_the_lake_lie_on_or_above_its_power(script: dict[str, Any]) -> None:
    _, _, _, low, high, _, _, largest, _ = script["HYDROS"][script["LAKESIDE"]]
    planes = script["lakeside_planes"]()
    volume, flow = np.meshgrid(
        np.linspace(low, high, 23), np.linspace(0.0, largest, 31), indexing="ij"
    )
    power = script["lakeside_power"](volume, flow)
    bound = np.min(
        [p["gamma_0"] + p["gamma_v"] * volume + p["gamma_q"] * flow for p in planes], axis=0
    )
    assert 3 <= len(planes) <= 10
    assert (bound - power).min() > -0.05 * power.max()
    assert abs(bound - power).mean() < 0.03 * power.max()
    for v in (low, (low + high) / 2, high):
        at_grid = np.min([p["gamma_0"] + p["gamma_v"] * v + p["gamma_q"] * largest for p in planes])
        assert at_grid >= script["lakeside_power"](np.array(v), np.array(largest)) - 1e-3


def test_energy_of_a_cascade_adds_up_its_plants(script: dict[str, Any]) -> None:
    """One hm3 at Ridge passes 0.88, 0.71 and 0.30 MW per m3/s: 1.89 * 1e6 / 3600 = 525 MWh."""
    assert script["energy_of_water"](script["RIDGE"]) == pytest.approx(0.525, abs=1e-9)


def test_balance_refuses_numbers_that_do_not_belong_together(script: dict[str, Any]) -> None:
    balance = script["energy_balance"]
    thermals = balance.__globals__["THERMALS"]
    balance.__globals__["THERMALS"] = thermals[:6]
    try:
        with pytest.raises(SystemExit, match="the average year needs"):
            balance()
    finally:
        balance.__globals__["THERMALS"] = thermals
