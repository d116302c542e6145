"""A study out of a PyPSA network."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from headwater.arrays import Array
from headwater.case import Case
from headwater.case.load import case_of
from headwater.core.wording import listed
from headwater.errors import UsageError
from headwater.pypsa.components import Account, Component, components, refuse_foreign
from headwater.pypsa.draft import Draft, load_factors
from headwater.pypsa.inflows import InflowModel, columns_by_reservoir
from headwater.pypsa.reservoirs import Basins, basins, storage_units
from headwater.pypsa.rivers import (
    Productivity,
    add_batteries,
    add_inflows,
    add_rivers,
    rivers_among,
)
from headwater.pypsa.time_axis import Blocks, Stages, TimeAxis, snapshot_dates

_DEFICIT_FACTOR, _LEAST_DEFICIT = 10.0, 1000.0
"""Unserved load costs so many times what the dearest generator costs, and so much at least."""


class TranslationWarning(UserWarning):
    """Some components of a network are not quite the same in the study; the message names them.

    Examples:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as told:
        ...     case = hw.pypsa.from_network(network)
    """


def from_network(
    n: Any,
    *,
    inflow: Any = None,
    inflow_model: InflowModel = "years",
    stages: Stages = "month",
    blocks: Blocks = 1,
    productivity: Productivity = 1.0,
    discount_rate: float = 0.0,
    repeats: bool = False,
) -> Case:
    """Make a study of a PyPSA network whose inflows are not known beforehand.

    Storage units and stores with inflow become reservoirs, those without batteries; generators
    become thermal plants, or sources that are not decided where they cost nothing; links and lines
    move power between buses. Whatever a study cannot hold is refused, all of it in one message.

    Args:
        n: a `pypsa.Network` with given capacities and snapshots with dates.
        inflow: a pandas table of inflows in the network's unit (MW): by date with a column for each
            reservoir, any number of years, or with columns ``(reservoir, sample)`` over the
            snapshots. Without it the inflow is that of the network.
        inflow_model: ``"years"``: at every stage, each year or sample is equally likely, whatever
            came before; ``"autoregressive"``: a model estimated from the record, in which a wet
            month follows a wet month.
        stages: ``"month"``, ``"week"``, ``"day"``, or the first days of the stages and the day
            after the last one.
        blocks: load levels of every stage, or ``"snapshots"`` for a block of each, in their order.
        productivity: MW that 1 m3/s of water stands for, for all reservoirs or by name; 1 hm3 is
            then ``productivity / 0.0036`` MWh of the network's storage.
        discount_rate: per year.
        repeats: whether the last stage is followed by the first, for ever; needs a discount rate.

    Returns:
        The case, with a configuration to begin with (`Case.with_` changes it).

    Raises:
        UsageError: something of the network, or an argument, cannot be translated; the message
            names all components.
        CaseError: what comes out is no case; the message says why.

    Warns:
        TranslationWarning: components that are translated nearly, by name.

    Examples:
        >>> case = hw.pypsa.from_network(n, inflow=years)
        >>> policy = hw.train(case)
    """
    if inflow_model not in get_args(InflowModel):
        raise UsageError(
            f"inflow_model is one of {listed(get_args(InflowModel))}, got {inflow_model!r}"
        )
    account = Account()
    snapshot_dates(n)
    refuse_foreign(n, account)
    held = basins(n, account)
    reservoirs = [*storage_units(n, account), *held.reservoirs.values()]
    account.raise_if_any()
    draft = Draft(TimeAxis.of_network(n, stages, blocks, _residual_load(n, held)))
    for name in n.buses.index:
        if name not in held.reservoirs:
            draft.add("bus", str(name))
    _add_loads(n, draft, held, account)
    dearest = _add_generators(n, draft, held, account)
    _add_branches(n, draft, held, account)
    uncertain = set() if inflow is None else set(columns_by_reservoir(inflow, reservoirs))
    rivers = rivers_among(reservoirs, uncertain)
    add_rivers(draft, rivers, productivity, account)
    add_batteries(draft, [one for one in reservoirs if one not in rivers], account)
    account.raise_if_any()
    estimated = inflow_model == "autoregressive"
    count = add_inflows(draft, rivers, productivity, inflow, estimated)
    documents = draft.documents(
        deficit_cost=max(_DEFICIT_FACTOR * dearest, _LEAST_DEFICIT),
        discount_rate=discount_rate,
        repeats=repeats,
        n_openings=count,
        estimated=estimated,
    )
    case = case_of(documents, _name(n))
    for what, names in account.approximated.items():
        warnings.warn(TranslationWarning(f"{listed(names)}: {what}"), stacklevel=2)
    return case


def _name(n: Any) -> str:
    given = str(n.name or "")
    return "network" if given in ("", "Unnamed Network") else given


def _residual_load(n: Any, held: Basins) -> Array:
    """Load less what costs nothing, ``[snapshot]`` in MW: what load levels are sorted by."""
    total = np.zeros(len(n.snapshots))
    for load in components(n, "Load"):
        if load.name not in held.loads:
            total -= load.number("sign", -1.0) * load.over_time("p_set")
    for one in components(n, "Generator"):
        if one.name not in held.generators and _is_source(one):
            total -= one.number("p_nom") * one.over_time("p_max_pu")
    return total


def _add_loads(n: Any, draft: Draft, held: Basins, account: Account) -> None:
    by_bus: dict[str, Array] = {}
    for load in components(n, "Load"):
        if load.name in held.loads:
            continue
        taken = -load.number("sign", -1.0) * load.over_time("p_set")
        if (taken < 0.0).any():
            account.refuse(load.kind, load.name, "a load must not be negative: make it a generator")
        by_bus[load["bus"]] = by_bus.get(load["bus"], 0.0) + taken
    for bus, values in by_bus.items():
        owner = {"bus_id": draft.id_of("bus", bus)}
        means, blocks = draft.axis.by_stage(values), draft.axis.by_block(values)
        draft.note(
            "scenarios/load_seasonal_stats",
            ({**owner, "stage_id": t, "mean_mw": m, "std_mw": 0.0} for t, m in enumerate(means)),
        )
        shaped = [
            load_factors(stage, mean) if mean > 0.0 else [{"factor": 1.0} for _ in stage]
            for stage, mean in zip(blocks, means, strict=True)
        ]
        draft.note_factors("load", owner, shaped)


def _is_source(one: Component) -> bool:
    """Whether a generator costs nothing and may always stand still."""
    free = not one.over_time("marginal_cost").any() and not one.over_time("p_min_pu").any()
    return free and one.number("p_nom") > 0.0


def _add_generators(n: Any, draft: Draft, held: Basins, account: Account) -> float:
    """Add the generators; returns the highest cost of any, per MWh."""
    dearest = 0.0
    for one in components(n, "Generator"):
        if one.name in held.generators:
            continue
        least, most = one.over_time("p_min_pu"), one.over_time("p_max_pu")
        cost, p_nom = one.over_time("marginal_cost"), one.number("p_nom")
        if one.number("sign", 1.0) != 1.0:
            account.refuse(one.kind, one.name, "sign must be 1")
        if (cost < 0.0).any():
            account.refuse(one.kind, one.name, "marginal_cost must not be negative")
        if (least < 0.0).any() or (least > most).any():
            account.refuse(one.kind, one.name, "limits must be 0 <= p_min_pu <= p_max_pu")
        elif _is_source(one):
            _add_source(draft, one, most)
        else:
            _add_thermal(draft, one, p_nom * least, p_nom * most, cost)
        dearest = max(dearest, float(cost.max()))
    return dearest


def _add_source(draft: Draft, one: Component, share: Array) -> None:
    capacity = one.number("p_nom") * max(float(share.max()), 1.0)
    share = share * one.number("p_nom") / capacity
    owner = {
        "ncs_id": draft.add(
            "non_controllable",
            one.name,
            bus_id=draft.id_of("bus", one["bus"]),
            max_generation_mw=capacity,
        )
    }
    means, blocks = draft.axis.by_stage(share), draft.axis.by_block(share)
    draft.note(
        "scenarios/non_controllable_stats",
        (
            {**owner, "stage_id": t, "mean": min(max(mean, 0.0), 1.0), "std": 0.0}
            for t, mean in enumerate(means)
        ),
    )
    shaped = [
        [{"factor": value / mean if mean > 0.0 else 1.0} for value in stage]
        for stage, mean in zip(blocks, means, strict=True)
    ]
    draft.note_factors("non_controllable", owner, shaped)


def _add_thermal(draft: Draft, one: Component, least: Array, most: Array, cost: Array) -> None:
    thermal = draft.add(
        "thermal",
        one.name,
        bus_id=draft.id_of("bus", one["bus"]),
        generation={"min_mw": float(least.min()), "max_mw": float(most.max())},
        cost_per_mwh=float(cost[0]),
    )
    if not any(one.varies(key) for key in ("p_min_pu", "p_max_pu", "marginal_cost")):
        return
    columns = {
        "min_generation_mw": draft.axis.by_block(least),
        "max_generation_mw": draft.axis.by_block(most),
        "cost_per_mwh": draft.axis.by_block(cost),
    }
    draft.note(
        "constraints/thermal_bounds",
        (
            {
                "thermal_id": thermal,
                "stage_id": t,
                "block_id": k,
                **{key: values[t][k] for key, values in columns.items()},
            }
            for t, stage in enumerate(draft.axis.blocks)
            for k in range(len(stage))
        ),
    )


def _add_branches(n: Any, draft: Draft, held: Basins, account: Account) -> None:
    for link in components(n, "Link"):
        if link.name not in held.links:
            _add_link(draft, link, account)
    _add_lines(n, draft, account)


def _add_lines(n: Any, draft: Draft, account: Account) -> None:
    """Add lines and transformers, over which power divides by their reactance."""
    branches = [one for kind in ("Line", "Transformer") for one in components(n, kind)]
    if not branches:
        return
    n.calculate_dependent_values()  # as PyPSA does before it optimises
    meshed = _form_loops(branches)
    for one in branches:
        capacity = one.number("s_nom") * one.over_time("s_max_pu")
        reactance = _reactance(n, one)
        if reactance > 0.0:
            _add_line(draft, one, capacity, capacity, reactance_pu=reactance)
            continue
        _add_line(draft, one, capacity, capacity)
        if meshed:
            what = "no reactance is given, so that power goes as is cheapest"
            account.approximate(one.kind, one.name, what)


def _form_loops(branches: Sequence[Component]) -> bool:
    """Whether some of the lines close a loop."""
    above: dict[str, str] = {}
    for one in branches:
        left, right = (_top(above, one[end]) for end in ("bus0", "bus1"))
        if left == right:
            return True
        above[left] = right
    return False


def _top(above: Mapping[str, str], bus: str) -> str:
    """The bus that stands for all that are connected with one."""
    while bus in above:
        bus = above[bus]
    return bus


def _reactance(n: Any, one: Component) -> float:
    """Reactance of a line per unit; of direct current its resistance, which takes its part."""
    direct = str(n.buses.carrier[one["bus0"]]) == "DC"
    return float(n.components[one.kind].static.at[one.name, "r_pu_eff" if direct else "x_pu_eff"])


def _add_link(draft: Draft, link: Component, account: Account) -> None:
    if str(link.values.get("bus2", "") or ""):
        account.refuse(link.kind, link.name, "a link has two buses, unless it leaves a store")
    low, high = link.over_time("p_min_pu"), link.over_time("p_max_pu")
    efficiency = link.constant("efficiency", account)
    cost = link.constant("marginal_cost", account)
    if (low > 0.0).any() or (high < 0.0).any():
        account.refuse(link.kind, link.name, "limits must be p_min_pu <= 0 <= p_max_pu")
    if not 0.0 < efficiency <= 1.0:
        account.refuse(link.kind, link.name, "efficiency must be above 0 and at most 1")
    if (low < 0.0).any() and (efficiency != 1.0 or cost != 0.0):
        account.refuse(
            link.kind,
            link.name,
            "a link that goes both ways has no losses and no cost: make it two links",
        )
    if cost < 0.0:
        account.refuse(link.kind, link.name, "marginal_cost must not be negative")
    p_nom = link.number("p_nom")
    more = {"exchange_cost": cost, "losses_percent": 100.0 * (1.0 - efficiency)}
    _add_line(draft, link, p_nom * high, -p_nom * low, **more)


def _add_line(draft: Draft, one: Component, direct: Array, reverse: Array, **more: float) -> None:
    ends = {
        key: draft.id_of("bus", one[bus])
        for key, bus in (("source_bus_id", "bus0"), ("target_bus_id", "bus1"))
    }
    most = {"direct": float(direct.max()), "reverse": float(reverse.max())}
    capacity = {f"{way}_mw": value for way, value in most.items()}
    line = draft.add("line", one.name, **ends, capacity=capacity, **more)
    if not any(one.varies(key) for key in ("p_min_pu", "p_max_pu", "s_max_pu")):
        return
    there, back = draft.axis.by_block(direct), draft.axis.by_block(reverse)
    shaped = [
        [
            {
                f"{way}_factor": values[t][k] / most[way] if most[way] > 0.0 else 1.0
                for way, values in (("direct", there), ("reverse", back))
            }
            for k in range(len(stage))
        ]
        for t, stage in enumerate(draft.axis.blocks)
    ]
    draft.note_factors("exchange", {"line_id": line}, shaped)
