"""What of a system is different in a regime."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from headwater.core.wording import listed
from headwater.errors import ModelError, UsageError
from headwater.model.regimes import RegimeChain, drawn_regimes
from headwater.model.system_view import SystemView

SystemT = TypeVar("SystemT", bound=SystemView)

CHANGEABLE = frozenset(
    {
        "stages",
        "inflow_statistics",
        "load_statistics",
        "load_factors",
        "availability_statistics",
        "ncs_factors",
        "correlation",
        "given_openings",
        "inflow_history",
        "external_inflows",
        "external_loads",
        "external_availability",
        "generic_constraint_bounds",
        "hydro_bound_overrides",
        "thermal_bound_overrides",
        "line_bound_overrides",
        "pumping_bound_overrides",
        "contract_bound_overrides",
        "ncs_bound_overrides",
        "exchange_factors",
        "bus_penalty_overrides",
        "line_penalty_overrides",
        "hydro_penalty_overrides",
        "ncs_penalty_overrides",
        "stage_values",
    }
)
"""Fields of a system that a regime may change: what is random, and values of single stages."""


def check_regimes(system: SystemView) -> None:
    """Refuse changes that belong to no regime, or that would make another system.

    Raises:
        ModelError: with the reason.
    """
    chain, changes = system.policy_graph.regimes, system.regime_changes
    if chain is None:
        if changes:
            raise ModelError("regime_changes are given, but the policy graph has no regimes")
        return
    if len(changes) != len(chain.names):
        raise ModelError(
            f"regime_changes: expected {len(chain.names)} entries, one for each of the regimes "
            f"{', '.join(chain.names)}, got {len(changes)}; an empty one changes nothing"
        )
    for name, fields in zip(chain.names, changes, strict=True):
        unknown = sorted(set(fields) - CHANGEABLE)
        if unknown:
            raise ModelError(
                f"regime '{name}' changes '{unknown[0]}'; a regime may change {listed(CHANGEABLE)}"
            )
        ours = [(stage.id, stage.start_date, stage.end_date) for stage in system.stages]
        theirs = [
            (stage.id, stage.start_date, stage.end_date)
            for stage in fields.get("stages", system.stages)
        ]
        if ours != theirs:
            raise ModelError(f"regime '{name}' changes the ids or the dates of stages")


def in_regime(system: SystemT, name: str) -> SystemT:
    """The system as it is while a regime lasts, as if there were no other.

    Raises:
        UsageError: there is no such regime.
    """
    graph = system.policy_graph
    if graph.regimes is None:
        raise UsageError(f"there is no regime '{name}': the study has no regimes")
    changes: dict[str, Any] = dict(system.regime_changes[graph.regimes.position(name)])
    changes |= {"policy_graph": replace(graph, regimes=None), "regime_changes": ()}
    return replace(system, **changes)  # type: ignore[type-var]


def chain_of(system: SystemView) -> RegimeChain:
    """The Markov chain of a system that has regimes."""
    chain = system.policy_graph.regimes
    if chain is None:
        raise UsageError("the study has no regimes")
    return chain


def reachable(system: SystemView) -> NDArray[np.bool_]:
    """Which regimes can rule at which stage, ``[stage, regime]``."""
    chain, horizon = chain_of(system), system.horizon
    reached = np.zeros((horizon.n_stages, len(chain.names)), np.bool_)
    reached[0] = chain.first() > 0.0
    steps = [chain.after(stage.id) > 0.0 for stage in system.stages]
    # a way back can open regimes of earlier stages: at most as often as there are regimes
    for _ in range(len(chain.names) + 1 if horizon.is_cyclic else 1):
        for t in range(horizon.n_stages):
            follower = horizon.successor(t)
            if follower is not None:
                reached[follower] |= (reached[t][:, None] & steps[t]).any(axis=0)
    return reached


def regime_paths(system: SystemView, level: NDArray[np.float64]) -> NDArray[np.int64]:
    """Regimes of some trajectories at every visit of a stage, ``[trajectory, visit]``.

    Args:
        system: with regimes.
        level: ``[visit, trajectory]`` numbers of the unit interval that select them.
    """
    chain, horizon = chain_of(system), system.horizon
    n_visits, n = level.shape
    paths = np.zeros((n, n_visits), np.int64)
    probability = np.tile(chain.first(), (n, 1))
    for visit in range(n_visits):
        paths[:, visit] = drawn_regimes(probability, level[visit])
        after = chain.after(system.stages[horizon.position(visit)].id)
        probability = after[paths[:, visit]]
    return paths
