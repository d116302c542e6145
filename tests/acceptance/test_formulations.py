"""Both formulations of the stage problems agree on every case, and slopes agree
with finite differences.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

import headwater as hw
import headwater.model as m
import oracle_systems
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.training.train import train_policy
from published import case_directory
from stage_values import aggregate

PUBLISHED = [
    "d01-thermal-dispatch",
    "d02-single-hydro",
    "d03-two-hydro-cascade",
    "d04-transmission",
    "d05-fpha-constant-head",
    "d10-inflow-nonnegativity",
    "d11-water-withdrawal",
    "d13-generic-constraint",
    "d14-block-factors",
    "d16-par1-lag-shift",
    "d20-operational-violations",
    "d23-bidirectional-withdrawal",
    "d25-discount-rate",
    "d27-per-stage-thermal-cost",
    "1dtoy",
    "4ree",
]
ORACLES: dict[str, Callable[[], m.Study]] = {
    "A": oracle_systems.first_steps,
    "B": lambda: oracle_systems.inner_bound(4),
    "C": oracle_systems.fast_hydro_thermal,
    "D": oracle_systems.case3_deterministic,
    "G": oracle_systems.additive_autoregressive,
}
ITERATIONS = 8


def both(study: m.Study) -> tuple[StudyProblems, StudyProblems]:
    """Condensed and explicit problems with the cuts of one short training."""
    training = dataclasses.replace(
        study.config.training, stopping_rules=(m.IterationLimit(ITERATIONS),)
    )

    def with_formulation(formulation: m.Formulation) -> m.Study:
        config = dataclasses.replace(
            study.config, training=dataclasses.replace(training, formulation=formulation)
        )
        return m.Study(study.system, config)

    policy = train_policy(with_formulation(m.Formulation.CONDENSED))
    return tuple(build_problems(with_formulation(f), policy.pools) for f in m.Formulation)  # type: ignore[return-value]


def value_and_slope(problems: StudyProblems, t: int, state: np.ndarray) -> tuple[float, np.ndarray]:
    solved = SolverPool(problems).solve(t, state, problems.stages[t].openings, None)
    point = aggregate(problems, t, solved)
    return point.value, point.slope


def states(problems: StudyProblems, rng: np.random.Generator) -> list[np.ndarray]:
    """The initial state, which training visits, and an interior one."""
    n = problems.layout.size("storage")
    interior = problems.initial_state.copy()
    interior[:n] = problems.system.bounds.hydro.max_storage_hm3[:, 0] * rng.uniform(0.3, 0.7, n)
    interior[n:] *= rng.uniform(0.8, 1.2, len(interior) - n)
    return [problems.initial_state, interior]


def check(study: m.Study) -> None:
    condensed, explicit = both(study)
    rng = np.random.default_rng(1)
    for t in range(condensed.n_stages):
        for state in states(condensed, rng):
            value, slope = value_and_slope(condensed, t, state)
            other_value, other_slope = value_and_slope(explicit, t, state)
            assert value == pytest.approx(other_value, rel=1e-7, abs=1e-7)
            for j in range(len(state)):
                step = 1e-3 * max(1.0, abs(state[j]))
                moved = np.array([state, state])
                moved[:, j] += (step, -step)
                right = (value_and_slope(condensed, t, moved[0])[0] - value) / step
                left = (value - value_and_slope(condensed, t, moved[1])[0]) / step
                noise = 1e-6 * max(1.0, abs(slope[j])) + 1e-9 * abs(value) / step
                assert left - noise <= slope[j] <= right + noise
                if abs(right - left) <= noise:
                    assert slope[j] == pytest.approx(other_slope[j], abs=2 * noise)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_case_has_the_same_values_and_slopes_in_both_formulations(name: str):
    check(hw.load_case(case_directory(name)))


@pytest.mark.parametrize("name", ORACLES)
def test_an_oracle_has_the_same_values_and_slopes_in_both_formulations(name: str):
    check(ORACLES[name]())
