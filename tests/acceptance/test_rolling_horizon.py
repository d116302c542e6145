"""The example of a horizon that rolls on.

24 stages, shifted by a month, from the cuts of last month's policy.
"""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLE = runpy.run_path(
    str(Path(__file__).parents[2] / "examples" / "rolling-horizon" / "next_month.py")
)


def test_the_first_iteration_of_next_month_is_worth_a_third_of_a_training_from_nothing(
    tmp_path: Path,
):
    may, cold, warm = EXAMPLE["roll_on"](9, 4, tmp_path / "long-run", threads=1)
    assert (len(may.stages), len(warm.stages)) == (24, 24)
    assert warm.stages[0].start_date == may.stages[1].start_date
    assert cold.training is not None
    assert warm.training is not None
    assert warm.training.iterations[0].lower_bound > cold.training.iterations[2].lower_bound
    assert warm.lower_bound > cold.lower_bound
