"""Runs that are killed at random moments: no file is damaged, and what is resumed writes the bytes
of a run that nobody killed.

``HEADWATER_KILLS`` sets the number of kills, 8 by default; ``HEADWATER_KILL_SEED`` the moments.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from case_builder import tiny_case

DRIVER = Path(__file__).parents[1] / "kill_driver.py"

SELECTIONS = {
    "all cuts": {"enabled": False},
    "domination": {
        "enabled": True,
        "method": "domination",
        "check_frequency": 2,
        "max_active_per_stage": 40,
    },
}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
def test_what_a_killed_run_left_is_sound_and_can_be_gone_on_from(
    selection: dict[str, object], tmp_path: Path
):
    case = tiny_case(tmp_path / "case")
    case.training["stopping_rules"] = [{"type": "iteration_limit", "limit": 20}]
    case.training["forward_passes"] = 3
    case.training["cut_selection"] = selection
    config = case.files["config.json"]
    config["policy"] = {"checkpointing": {"enabled": True, "interval_iterations": 1, "keep": 2}}
    config["simulation"] = {"enabled": True, "num_scenarios": 250}
    kills, seed = (
        int(os.environ.get("HEADWATER_KILLS", "8")),
        os.environ.get("HEADWATER_KILL_SEED", "1"),
    )
    command = [
        sys.executable,
        str(DRIVER),
        str(case.write()),
        str(tmp_path / "runs"),
        "--kills",
        str(kills),
        "--seed",
        seed,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60 + 20 * kills
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["killed"] >= kills
