"""Published studies of a network with DC power flow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
from published.bolivia import WATER_COST, bolivia, inflows
from shared_data import SHARED

BOLIVIA = SHARED / "data" / "bolivia"

requires_bolivia = pytest.mark.skipif(
    not BOLIVIA.is_dir(), reason=f"the data of the study are not at {BOLIVIA}"
)


@requires_bolivia
def test_single_stages_of_bolivia_cost_what_its_own_model_says(tmp_path: Path):
    """The optimum of the stage program that is published with the data.

    With inflows, and without.
    """
    first = inflows(BOLIVIA, 1)[0][:1]
    for name, given, optimum in (("wet", first, 1557.8166), ("dry", 0.0 * first, 11_672.9248)):
        case = hw.load_case(bolivia(BOLIVIA, [given]).write(tmp_path / name))
        assert hw.extensive_form(case).cost + WATER_COST == pytest.approx(optimum, abs=1e-3)


@requires_bolivia
def test_the_operation_of_bolivia_follows_the_published_paths(tmp_path: Path):
    """Mean thermal generation within 2 %.

    Of stored water, whose use is often indifferent, the course over the years.
    """
    case = hw.load_case(
        bolivia(BOLIVIA, inflows(BOLIVIA, 126), iterations=1000, simulated=100).write(tmp_path)
    )
    policy = hw.train(case)
    simulation = hw.simulate(policy)

    def path(table: str, column: str) -> np.ndarray:
        found = (
            simulation.table(table).group_by("scenario_id", "stage_id").agg(pl.col(column).sum())
        )
        mean = found.group_by("stage_id").agg(pl.col(column).mean()).sort("stage_id")
        return mean[column].to_numpy()[:96]

    generation, volume = (
        np.loadtxt(BOLIVIA / file, delimiter=",", skiprows=1)[:, 2]
        for file in ("DC_MeanGeneration.csv", "DC_MeanVolume.csv")
    )
    thermal, stored = (
        path("thermals", "generation_mw"),
        path("hydros", "storage_final_hm3") / 0.0036,
    )
    assert thermal.mean() == pytest.approx(generation.mean(), rel=0.02)
    assert thermal[:5] == pytest.approx(generation[:5], rel=1e-6)
    assert np.corrcoef(stored, volume)[0, 1] > 0.95
    assert stored.max() == pytest.approx(volume.max(), rel=0.1)
