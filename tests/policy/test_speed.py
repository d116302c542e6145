"""What writing and reading a policy costs, on a small policy.

The large one is measured in ``benchmarks/policy_files.py``.
"""

from __future__ import annotations

import runpy
from pathlib import Path

BENCHMARK = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "policy_files.py"))


def test_every_stage_is_read_once_and_comes_back(tmp_path: Path):
    policy = BENCHMARK["national_policy"](40, 6, 6, 800)
    figures = BENCHMARK["measure"](
        tmp_path, policy
    )  # raises unless there is one read of each file and the same numbers
    assert figures["MB"] > 6 * 800 * 280 * 8 / 1e6
    # processor time, because other programs may share the machine: far below what
    # the speed of a disk needs
    assert figures["write CPU s"] + figures["read CPU s"] < 2.0
