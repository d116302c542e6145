"""Synthetic cases: valid at every size, the same for the same seed, as large as asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headwater.case import load_case, validate_case
from headwater.errors import UsageError
from headwater.model import ProductionKind
from headwater_bench.synthetic import SyntheticSize, write_synthetic

SMALL = SyntheticSize(
    hydros=5,
    lags=3,
    stages=5,
    openings=4,
    blocks=2,
    thermals=4,
    buses=3,
    cascade=3,
    fpha_share=0.4,
    planes=3,
)


def test_a_case_has_the_size_that_was_asked_for(tmp_path: Path):
    system = load_case(write_synthetic(tmp_path / "case", SMALL)).system
    assert (len(system.hydros), len(system.thermals), len(system.buses), len(system.lines)) == (
        5,
        4,
        3,
        3,
    )
    assert [stage.n_openings for stage in system.stages] == [4] * 5
    assert {len(stage.blocks) for stage in system.stages} == {2}
    assert [hydro.downstream_id for hydro in system.hydros] == [1, 2, None, 4, None]
    assert [hydro.production is ProductionKind.FPHA for hydro in system.hydros] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert {len(s.coefficients) for s in system.inflow_statistics if s.stage_id >= 0} == {3}


@pytest.mark.parametrize(
    "size",
    [
        SMALL,
        SyntheticSize(hydros=1, lags=0, stages=1, openings=1, blocks=1, thermals=1),
        SyntheticSize(hydros=3, lags=12, stages=14, openings=2, blocks=4, thermals=2, buses=2),
    ],
    ids=lambda size: size.title,
)
def test_cases_have_no_errors(tmp_path: Path, size: SyntheticSize):
    report = validate_case(write_synthetic(tmp_path / "case", size))
    assert report.ok
    assert {finding.code for finding in report.findings} <= {
        "HW557"
    }  # a study of a few months has seasons without stages


def test_every_plane_is_the_one_that_binds_somewhere_within_the_limits_of_its_plant(tmp_path: Path):
    system = load_case(write_synthetic(tmp_path / "case", SMALL)).system
    assert len(system.fpha_planes) == 2 * 3
    for hydro in system.hydros[:2]:
        planes = [plane for plane in system.fpha_planes if plane.hydro_id == hydro.id]
        storage = np.linspace(0.0, hydro.max_storage_hm3, 21)[:, None, None]
        turbined = np.linspace(0.0, hydro.max_turbined_m3s, 41)[:, None]
        gamma_0, gamma_v, gamma_q = (
            np.array([getattr(p, f"gamma_{k}") for p in planes]) for k in "0vq"
        )
        power = gamma_0 + gamma_v * storage + gamma_q * turbined
        assert set(power.argmin(axis=2).ravel().tolist()) == {0, 1, 2}
        # no plane binds on so little that it might as well be left out
        assert np.bincount(power.argmin(axis=2).ravel()).min() > 0.05 * power[..., 0].size


def test_the_same_size_and_seed_give_the_same_case(tmp_path: Path):
    first, again = (load_case(write_synthetic(tmp_path / name, SMALL)) for name in ("a", "b"))
    other = load_case(write_synthetic(tmp_path / "c", SyntheticSize(**{**vars(SMALL), "seed": 2})))
    assert first.system == again.system
    assert first.system != other.system


@pytest.mark.parametrize(
    ("name", "value"), [("hydros", 0), ("lags", 13), ("lags", -1), ("fpha_share", 1.5)]
)
def test_sizes_that_make_no_case_are_refused(name: str, value: float):
    with pytest.raises(UsageError, match=name):
        SyntheticSize(**{name: value})  # type: ignore[arg-type]


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not an empty directory"):
        write_synthetic(tmp_path, SMALL)
