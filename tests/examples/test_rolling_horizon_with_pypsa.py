"""The example that operates a PyPSA network with a policy and with its own rolling horizon."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from pypsa_networks import their_warnings

pytestmark = their_warnings


@pytest.mark.slow  # 37 solves of PyPSA, about a second each
def test_years_cost_no_less_than_with_perfect_foresight() -> None:
    script = Path(__file__).parents[2] / "examples/pypsa-rolling-horizon/operate.py"
    costs = runpy.run_path(str(script))["main"](2, 2)

    best = costs.pop("perfect foresight")

    assert set(costs) == {
        "with the policy's future cost",
        "rolling, to the end of the year",
        "rolling, three months",
    }
    for own in costs.values():
        assert (own >= best * (1.0 - 1e-9)).all()
