"""A policy trained once, variants of it, and what it means for two policies to be the same."""

from __future__ import annotations

import copy
import dataclasses
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np

import headwater as hw
from headwater.equipment.recorded_state import founding_layout
from headwater.sddp import CutPool, Policy, PolicyStage
from headwater.sddp.cuts.fields import CUT_FIELDS
from small_systems import random_system, study

POOL_ARRAYS = ("coefficients", *(field.name for field in CUT_FIELDS))


@cache
def small_study() -> hw.Study:
    """Three stages, lags, planes; 4 iterations of 2 trajectories."""
    return study(random_system(3, n_openings=2), iterations=4, forward_passes=2, method="penalty")


@cache
def trained() -> Policy:
    """A policy of the small study; some of its cuts do not count."""
    policy = hw.train(small_study(), threads=1)
    policy.pools[0].active[[1, 4]] = False
    policy.pools[1].active[0] = False
    return policy


def variant(policy: Policy, shift: float, n_iterations: int | None = None) -> Policy:
    """The same policy with other intercepts and maybe another number of iterations."""
    pools = copy.deepcopy(policy.pools)
    for pool in pools:
        pool.intercepts[: pool.n_populated] += shift
    n = policy.n_iterations if n_iterations is None else n_iterations
    return dataclasses.replace(
        policy, pools=pools, n_iterations=n, lower_bound=policy.lower_bound + shift
    )


def handmade(
    pools: tuple[CutPool, ...], hydro_ids: tuple[int, ...] = (), n_lags: int = 0
) -> Policy:
    """A policy around some pools."""
    start = date(2030, 1, 1)
    stages = tuple(
        PolicyStage(
            10 + t,
            start + timedelta(days=t),
            start + timedelta(days=t + 1),
            None,
            (24.0,),
            ("constant",) * len(hydro_ids),
        )
        for t in range(len(pools))
    )
    return Policy(founding_layout(hydro_ids, n_lags), stages, pools, "digest", -0.1, 7)


def random_pool(seed: int, n_state: int, n_cuts: int, capacity: int | None = None) -> CutPool:
    """Cuts with awkward numbers, about a third of which do not count."""
    rng = np.random.default_rng(seed)
    pool = CutPool(n_state, n_cuts if capacity is None else capacity)
    awkward = np.array([0.0, -0.0, 5e-324, -1e-310, 1.7976931348623157e308, 1 / 3])
    coefficients = np.where(
        rng.random((n_cuts, n_state)) < 0.3,
        rng.choice(awkward, (n_cuts, n_state)),
        rng.normal(size=(n_cuts, n_state)),
    )
    pool.append(
        rng.normal(size=n_cuts),
        coefficients,
        iteration=1,
        forward_pass=rng.integers(0, 9, n_cuts),
    )
    pool.born_at[:n_cuts] = rng.integers(-1, 2**31 - 1, n_cuts)
    pool.times_binding[:n_cuts] = rng.integers(0, 2**62, n_cuts)
    pool.last_binding[:n_cuts] = rng.integers(0, 2**31 - 1, n_cuts)
    pool.active[:n_cuts] = rng.random(n_cuts) < 0.66
    pool.opening[:n_cuts] = rng.integers(-1, 20, n_cuts)
    pool.relaxed[:n_cuts] = rng.random(n_cuts) < 0.2
    return pool


def fingerprint(policy: Policy) -> tuple[Any, ...]:
    """Everything that is stored of a policy, bit for bit.

    What is unused in a pool does not count.
    """
    pools = tuple(
        (
            pool.n_state,
            pool.n_populated,
            *(getattr(pool, name)[: pool.n_populated].tobytes() for name in POOL_ARRAYS),
        )
        for pool in policy.pools
    )
    bases = tuple(
        None
        if basis is None
        else (
            np.asarray(basis.columns, np.int64).tobytes(),
            np.asarray(basis.rows, np.int64).tobytes(),
        )
        for basis in (policy.bases or (None,) * len(policy.pools))
    )
    provenance = tuple(sorted((k, v) for k, v in policy.provenance.items() if k != "fallback"))
    return (
        policy.layout,
        policy.stages,
        policy.inflow_digest,
        policy.lower_bound,
        policy.n_iterations,
        provenance,
        pools,
        bases,
    )
