"""Pictures of a policy: what its cuts say water is worth, by stage and storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from headwater.arrays import Array
from headwater.core.state import StateLayout
from headwater.errors import PolicyError, UsageError
from headwater.model import Study
from headwater.report.drawing import Drawing, date_axis, heat, line
from headwater.report.outcome import Outcome
from headwater.report.theme import source_color
from headwater.sddp import Policy
from headwater.sddp.cuts.policy import tangent

N_LEVELS = 25
"""Storages at which water is valued, from the least to the largest."""

_STORAGE = 0
_UNIT = "worth of one more hm3, $/hm3"


class WaterValues:
    """What one more hm3 is worth at the end of stages, along one reservoir, all else equal.

    Args:
        policy: the policy.
        states: ``[stage, state]``: where the other components stand at the end of every stage.
    """

    def __init__(self, policy: Policy, states: Array) -> None:
        self._policy, self._states = policy, states
        self._known: dict[int, tuple[Array, Array]] = {}

    def at(self, position: int, place: int, levels_hm3: Array) -> Array:
        """Water values ``[level]`` in $/hm3; nan where the policy knows no future.

        Args:
            position: of the stage.
            place: of the reservoir in the state.
            levels_hm3: its storage.
        """
        pool = self._policy.pools[position]
        slots = pool.active_slots()
        if not len(slots):
            return np.full(len(levels_hm3), np.nan)
        base = self._states[position]
        if (pool.opening[slots] >= 0).any():
            outlook = self._policy.stages[position].outlook
            states = np.repeat(base[None], len(levels_hm3), axis=0)
            states[:, place] = levels_hm3
            slopes = [tangent(pool, state, outlook)[1][place] for state in states]
            return 0.0 - np.array(slopes, np.float64)
        if position not in self._known:
            coefficients = pool.coefficients[slots]
            self._known[position] = coefficients, pool.intercepts[slots] + coefficients @ base
        coefficients, values = self._known[position]
        slope = coefficients[:, place]
        moved = values[:, None] + slope[:, None] * (levels_hm3 - base[place])
        found: Array = 0.0 - slope[np.argmax(moved, axis=0)]
        return found


def surface(
    values: WaterValues,
    place: int,
    name: str,
    ends: Sequence[str],
    limits: Sequence[tuple[float, float]],
) -> Drawing:
    """Water values by stage and storage, as a table of colours.

    Args:
        values: of a policy.
        place: of the reservoir in the state.
        name: of the plant, as it is shown.
        ends: last day of every stage.
        limits: least and largest storage of every stage, hm3.
    """
    shares = np.linspace(0.0, 1.0, N_LEVELS)
    rows = [
        values.at(t, place, low + shares * (high - low)) for t, (low, high) in enumerate(limits)
    ]
    known = [t for t, row in enumerate(rows) if np.isfinite(row).any()]
    z = np.array([rows[t] for t in known]).T if known else np.zeros((N_LEVELS, 0))
    levels = [f"{100 * share:.0f}" for share in shares]
    traces = [heat([ends[t] for t in known], levels, z.tolist(), "$/hm3")]
    traces[0]["y"] = [100.0 * float(share) for share in shares]
    layout = {"hovermode": "closest", "xaxis": date_axis(ends)}
    title = f"{name}: water value by the policy"
    return Drawing(title, traces, "end of the stage", "storage, % of the range", layout)


def curve(
    values: WaterValues, position: int, place: int, title: str, limits: tuple[float, float]
) -> Drawing:
    """Water values at the end of one stage against storage.

    Args:
        values: of a policy.
        position: of the stage.
        place: of the reservoir in the state.
        title: of the picture.
        limits: least and largest storage of the stage, hm3.
    """
    levels = np.linspace(*limits, 8 * (N_LEVELS - 1) + 1)
    worth = values.at(position, place, levels)
    drawn = line(levels.tolist(), worth.tolist(), "water value", source_color("hydro"), shape="hv")
    return Drawing(title, [drawn], "storage, hm3", _UNIT, {"yaxis": {"rangemode": "tozero"}})


def mean_states(outcome: Outcome, layout: StateLayout) -> Array:
    """Mean state of the scenarios at the end of every stage, ``[stage, state]``.

    Components that results do not show, such as what was gathered of season periods under way, are
    0.

    Raises:
        ResultsError: the run kept no table of plants.
    """
    stored, flows = _means_by_stage(outcome)
    lags, ordered = _lags_by_stage(outcome), _orders_by_stage(outcome)
    found = np.zeros((len(outcome.stages), layout.dimension))
    for component in layout.describe():
        place, kind, lag = component["dimension"], component["kind"], component.get("lag", 0)
        for t in range(len(found)):
            if kind == "storage":
                found[t, place] = stored.get((t, component["hydro_id"]), 0.0)
            elif kind == "inflow_lag":
                own = flows.get((t, component["hydro_id"]), 0.0)
                found[t, place] = lags.get((t + 1, component["hydro_id"], lag), own)
            elif kind.startswith("gnl_commitment"):
                found[t, place] = ordered.get((t + lag, component["thermal_id"]), 0.0)
    return found


def _means_by_stage(outcome: Outcome) -> tuple[dict[Any, float], dict[Any, float]]:
    """Mean storage at the end, and mean incremental inflow, by place of the stage and plant."""
    order = {one.stage_id: place for place, one in enumerate(outcome.stages)}
    columns = ("storage_final_hm3", "incremental_inflow_m3s")
    rows = outcome.rows("hydros", *columns).sort("block_id", maintain_order=True)
    ends = rows.group_by("scenario_id", "stage_id", "hydro_id").agg(pl.col(*columns).last())
    means = ends.group_by("stage_id", "hydro_id").agg(pl.col(*columns).mean())
    known = [
        ((order[stage], hydro), stored, flow) for stage, hydro, stored, flow in means.iter_rows()
    ]
    return {key: stored for key, stored, _ in known}, {key: flow for key, _, flow in known}


def _lags_by_stage(outcome: Outcome) -> dict[Any, float]:
    """Mean past inflows with which stages begin, by place of the stage, plant and lag."""
    if "inflow_lags" not in outcome.tables:
        return {}
    order = {one.stage_id: place for place, one in enumerate(outcome.stages)}
    rows = outcome.rows("inflow_lags", "inflow_m3s")
    means = rows.group_by("stage_id", "hydro_id", "lag_index").agg(pl.col("inflow_m3s").mean())
    return {(order[stage], hydro, lag): flow for stage, hydro, lag, flow in means.iter_rows()}


def _orders_by_stage(outcome: Outcome) -> dict[Any, float]:
    """Mean power that was ordered earlier for a stage, by place of the stage and plant."""
    if "thermals" not in outcome.tables:
        return {}
    order = {one.stage_id: place for place, one in enumerate(outcome.stages)}
    rows = outcome.rows("thermals", "gnl_committed_mw").filter(pl.col("block_id") == 0)
    means = rows.group_by("stage_id", "thermal_id").agg(pl.col("gnl_committed_mw").mean())
    return {(order[stage], i): mw for stage, i, mw in means.iter_rows() if mw is not None}


def middle_states(policy: Policy) -> Array:
    """All reservoirs half full and past inflows at their means, ``[stage, state]``.

    Raises:
        PolicyError: the policy does not know its study.
    """
    system = known_study(policy).system
    at = {hydro_id: place for place, hydro_id in enumerate(system.hydros.ids)}
    bounds = system.bounds.hydro
    middle = (bounds.min_storage_hm3 + bounds.max_storage_hm3) / 2
    means = {(one.hydro_id, one.stage_id): one.mean_m3s for one in system.inflow_statistics}
    found = np.zeros((len(policy.stages), policy.layout.dimension))
    for component in policy.layout.describe():
        place, kind = component["dimension"], component["kind"]
        for t, stage in enumerate(policy.stages):
            if kind == "storage":
                found[t, place] = middle[at[component["hydro_id"]], t]
            elif kind == "inflow_lag":
                found[t, place] = np.nan_to_num(
                    means.get((component["hydro_id"], stage.stage_id), 0.0)
                )
    return found


def storage_places(layout: StateLayout) -> dict[int, int]:
    """Place of the storage of every plant in the state."""
    return {
        one["hydro_id"]: one["dimension"] for one in layout.describe() if one["kind"] == "storage"
    }


def known_study(policy: Policy) -> Study:
    """The study of a policy.

    Raises:
        PolicyError: it was read from disk without one.
    """
    if policy.study is None:
        raise PolicyError(
            "this policy was read from disk and does not know names and limits of its plants; "
            "give them with hw.load_policy(directory, hw.load_case(case))"
        )
    return policy.study


def water_values(
    policy: Policy,
    hydro: str | int,
    stage: object = None,
    state: Sequence[float] | Array | None = None,
) -> Drawing:
    """What one more hm3 in a reservoir is worth at the end of stages, by its storage.

    Args:
        policy: a policy that knows its study.
        hydro: name or id of the plant.
        stage: a stage as the policy finds it; ``None`` draws all stages as a table of colours.
        state: ``[state]``: where the others stand; ``None`` takes `middle_states`.

    Raises:
        UnknownNameError: there is no such plant or stage.
        UsageError: a state of another length.
        PolicyError: the policy does not know its study.
    """
    system = known_study(policy).system
    plants = system.hydros
    which = plants.ids.index(plants[hydro].id if isinstance(hydro, str) else plants.by_id(hydro).id)
    states = middle_states(policy)
    if state is not None:
        given = np.asarray(state, np.float64)
        if given.shape != states.shape[1:]:
            raise UsageError(
                f"the state needs {states.shape[1]} components, got shape {given.shape}"
            )
        states[:] = given
    values = WaterValues(policy, states)
    bounds = system.bounds.hydro
    limits = [
        (float(bounds.min_storage_hm3[which, t]), float(bounds.max_storage_hm3[which, t]))
        for t in range(len(policy.stages))
    ]
    name, place = plants.labels[which], storage_places(policy.layout)[plants.ids[which]]
    if stage is None:
        ends = [one.end_date.isoformat() for one in policy.stages]
        return surface(values, place, name, ends, limits)
    position = policy.stage_position(stage)  # type: ignore[arg-type]
    when = policy.stages[position].end_date
    return curve(values, position, place, f"{name}: water value on {when}", limits[position])
