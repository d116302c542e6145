"""Statistics and the record of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import headwater.model as m
from headwater.results.metadata import simulation_metadata, to_json
from headwater.sddp import SimulationRecord
from synthetic_tables import summary_of


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        (np.arange(1.0, 31.0), (30 + 29 / 2) / 1.5),
        (np.arange(1.0, 101.0), 98.0),
        (np.array([3.0, 9.0]), 9.0),
    ],
)
def test_the_mean_of_the_worst_counts_the_last_scenario_in_part(a_study, costs, expected):
    """The worst 5 % of 30 scenarios are one and a half: (30 + 29 / 2) / 1.5."""
    metadata = simulation_metadata(SimulationRecord(summary_of(costs), 2.0, 1), a_study, "s")
    assert metadata["cost"]["cvar"][0]["mean"] == pytest.approx(expected)


def test_statistics_of_the_simulation(a_study):
    costs = np.array([4.0, 8.0, 6.0, 2.0])
    metadata = simulation_metadata(
        SimulationRecord(summary_of(costs), 2.0, 3, seed=5), a_study, "solver 1.0"
    )
    cost = metadata["cost"]
    assert (cost["mean"], cost["min"], cost["max"]) == (5.0, 2.0, 8.0)
    assert cost["std"] == pytest.approx(np.sqrt(20 / 3))
    assert cost["ci95"] == pytest.approx(1.96 * np.sqrt(20 / 3) / 2)
    assert cost["quantiles"]["p50"] == 5.0
    assert metadata["seeds"]["simulation"] == 5
    assert metadata["versions"]["solver"] == "solver 1.0"
    json.dumps(metadata, allow_nan=False)


def test_the_configuration_is_written_out(a_study):
    written = json.loads(json.dumps(to_json(a_study.config)))
    assert written["training"]["forward_passes"] == 1
    assert written["training"]["stopping_rules"] == [{"type": "iteration_limit", "limit": 4}]
    assert written["inflow_non_negativity"] == "none"


@dataclass(frozen=True)
class StudyWithFiles(m.Study):
    root: Path = field(default_factory=Path)
    input_files: tuple[Path, ...] = ()


def test_input_files_have_digests_and_one_that_has_gone_does_not_cost_the_results(
    a_study, tmp_path
):
    (tmp_path / "system").mkdir()
    present, gone = tmp_path / "system" / "buses.json", tmp_path / "stages.json"
    present.write_bytes(b"abc")
    case = StudyWithFiles(a_study.system, a_study.config, "case", tmp_path, (present, gone))
    metadata = simulation_metadata(SimulationRecord(summary_of(np.ones(1)), 1.0, 1), case, "s")
    digests = {entry["file"]: entry["sha256"] for entry in metadata["input_files"]}
    assert digests == {
        "stages.json": None,
        "system/buses.json": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
