"""Policies with random cuts, inactive ones included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from headwater.equipment.recorded_state import founding_layout
from headwater.sddp import CutPool, Policy, PolicyStage

MakePolicy = Callable[..., Policy]


def random_pool(rng: np.random.Generator, n_state: int, n_cuts: int) -> CutPool:
    pool = CutPool(n_state, max(n_cuts, 1))
    for iteration in range(1, n_cuts + 1):
        pool.append(
            rng.normal(size=1),
            rng.normal(size=(1, n_state)),
            iteration=iteration,
            forward_pass=[iteration % 3],
        )
    pool.active[:n_cuts] = rng.random(n_cuts) < 0.6
    pool.times_binding[:n_cuts] = rng.integers(0, 2**40, n_cuts)
    pool.last_binding[:n_cuts] = rng.integers(0, 99, n_cuts)
    pool.born_at[:n_cuts] -= 2  # a warm start among them
    return pool


@pytest.fixture
def make_policy() -> MakePolicy:
    def make(
        seed: int = 0,
        *,
        n_iterations: int = 30,
        hydro_ids: tuple[int, ...] = (2, 5, 9),
        n_stages: int = 4,
    ) -> Policy:
        rng = np.random.default_rng(seed)
        layout = founding_layout(hydro_ids, 2)
        stages = tuple(
            PolicyStage(
                t + 1,
                date(2024, 1, 1) + timedelta(days=30 * t),
                date(2024, 1, 31) + timedelta(days=30 * t),
                None if t % 2 else t,
                (200.5, 519.5),
                ("constant_productivity",) * len(hydro_ids),
            )
            for t in range(n_stages)
        )
        pools = tuple(
            random_pool(rng, layout.dimension, 0 if t == n_stages - 1 else 7 + t)
            for t in range(n_stages)
        )
        return Policy(
            layout, stages, pools, "digest", 1.0 / 3.0, n_iterations, provenance={"tree_seed": seed}
        )

    return make
