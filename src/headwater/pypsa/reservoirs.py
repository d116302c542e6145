"""What stores energy or water in a network, in one form: storage units, and stores behind links.

A store stands alone on a bus of its own, the basin. Links from there to another bus are its
turbine, links into it its pump or charger; generators and negative loads on the basin are its
inflow; the second output of a turbine, or a link from basin to basin, is where the water goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headwater.arrays import Array
from headwater.pypsa.components import Account, Component, components


@dataclass(eq=False)
class Reservoir:
    """A storage unit, or a store with its links.

    Content is in the network's own unit, MWh as a rule.

    Attributes:
        kind: ``StorageUnit`` or ``Store``.
        name: its name.
        bus: that it gives power to.
        least, most, initial: content.
        out_mw: most power given.
        out_efficiency: MWh given for a unit of content.
        out_cost: currency per MWh given.
        inflow: ``[snapshot]`` units per hour.
        in_bus: that it takes power from.
        in_mw: most power taken.
        in_efficiency: units of content for a MWh taken.
        in_cost: currency per MWh taken.
        spill_cost: currency per unit.
        downstream: name of the reservoir that receives what is turbined or spilled.
        downstream_share: units that arrive there for a unit that leaves here.
        inflow_names: components that bring the inflow.
        outlets: links that it gives power through.
    """

    kind: str
    name: str
    bus: str
    least: float
    most: float
    initial: float
    out_mw: float
    out_efficiency: float
    out_cost: float
    inflow: Array
    in_bus: str = ""
    in_mw: float = 0.0
    in_efficiency: float = 1.0
    in_cost: float = 0.0
    spill_cost: float = 0.0
    downstream: str | None = None
    downstream_share: float = 1.0
    inflow_names: tuple[str, ...] = ()
    outlets: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Basins:
    """Buses that hold a store, and what is attached to them.

    Attributes:
        reservoirs: the stores, by their bus.
        links, generators, loads: names of what belongs to them and is nothing else in a study.
    """

    reservoirs: Mapping[str, Reservoir]
    links: frozenset[str]
    generators: frozenset[str]
    loads: frozenset[str]


def storage_units(n: Any, account: Account) -> Iterator[Reservoir]:
    """The storage units of a network."""
    for unit in components(n, "StorageUnit"):
        low, high = (unit.constant(key, account) for key in ("p_min_pu", "p_max_pu"))
        if low > 0.0:
            account.refuse(unit.kind, unit.name, "p_min_pu above 0 is not translated")
        p_nom = unit.number("p_nom")
        yield Reservoir(
            unit.kind,
            unit.name,
            unit["bus"],
            0.0,
            p_nom * unit.number("max_hours"),
            unit.number("state_of_charge_initial"),
            p_nom * max(high, 0.0),
            unit.constant("efficiency_dispatch", account),
            unit.constant("marginal_cost", account),
            unit.over_time("inflow"),
            unit["bus"],
            p_nom * max(-low, 0.0),
            unit.constant("efficiency_store", account),
            spill_cost=unit.constant("spill_cost", account),
            inflow_names=(unit.name,),
        )


def basins(n: Any, account: Account) -> Basins:
    """The stores of a network, each with the links and inflows of its bus."""
    found: dict[str, Reservoir] = {}
    empty = np.zeros(len(n.snapshots))
    for store in components(n, "Store"):
        if store["bus"] in found:
            account.refuse(store.kind, store.name, "there is another store on its bus")
            continue
        e_nom = store.number("e_nom")
        low, high = (store.constant(key, account) for key in ("e_min_pu", "e_max_pu"))
        found[store["bus"]] = Reservoir(
            store.kind,
            store.name,
            "",
            e_nom * low,
            e_nom * high,
            store.number("e_initial"),
            0.0,
            1.0,
            0.0,
            empty.copy(),
        )
    links = {link.name for link in components(n, "Link") if _attach(link, found, account)}
    generators = {
        one.name
        for one in components(n, "Generator")
        if one["bus"] in found and _attach_generator(one, found[one["bus"]], account)
    }
    loads = {
        one.name
        for one in components(n, "Load")
        if one["bus"] in found and _attach_load(one, found[one["bus"]], account)
    }
    for reservoir in found.values():
        if not reservoir.outlets:
            reason = (
                "a store needs a bus of its own with a link to the bus that it gives power to: put "
                "it behind links, or take a storage unit"
            )
            account.refuse(reservoir.kind, reservoir.name, reason)
    return Basins(found, frozenset(links), frozenset(generators), frozenset(loads))


def _attach(link: Component, found: Mapping[str, Reservoir], account: Account) -> bool:
    """Attach a link to the stores that it leaves or enters; says whether it belongs to any."""
    source, target = found.get(link["bus0"]), found.get(link["bus1"])
    if source is None and target is None:
        return False
    if link.constant("p_min_pu", account) < 0.0:
        account.refuse(link.kind, link.name, "a link of a store goes one way (p_min_pu 0)")
    if link.constant("p_min_pu", account) > 0.0:
        account.refuse(link.kind, link.name, "p_min_pu above 0 is not translated at a store")
    if source is not None and target is not None:
        _let_down(link, source, target.name, link.constant("efficiency", account), account)
        source.spill_cost = link.constant("marginal_cost", account)
        account.approximate(link.kind, link.name, "spills without limit, whatever its p_nom")
    elif source is not None:
        _attach_turbine(link, source, found, account)
    elif target is not None:
        _attach_pump(link, target, account)
    return True


def _attach_turbine(
    link: Component, source: Reservoir, found: Mapping[str, Reservoir], account: Account
) -> None:
    if any(one != link.name for one in source.outlets):
        account.refuse(link.kind, link.name, "a store has one link that takes power out")
    efficiency = link.constant("efficiency", account)
    if efficiency <= 0.0:
        account.refuse(link.kind, link.name, "efficiency must be above 0")
        efficiency = 1.0
    most = link.number("p_nom") * link.constant("p_max_pu", account)
    source.bus, source.outlets = link["bus1"], (link.name,)
    source.out_efficiency, source.out_mw = efficiency, most * efficiency
    source.out_cost = link.constant("marginal_cost", account) / efficiency
    below = str(link.values.get("bus2", "") or "")
    if below in found:
        share = link.constant("efficiency2", account)
        _let_down(link, source, found[below].name, share, account)
    elif below:
        account.refuse(
            link.kind, link.name, "bus2 must be the bus of a store, where the water goes"
        )


def _attach_pump(link: Component, target: Reservoir, account: Account) -> None:
    if target.in_mw > 0.0:
        account.refuse(link.kind, link.name, "a store has one link that brings power in")
    if str(link.values.get("bus2", "") or ""):
        account.refuse(link.kind, link.name, "a link into a store has no third bus")
    target.in_bus = link["bus0"]
    target.in_mw = link.number("p_nom") * link.constant("p_max_pu", account)
    target.in_efficiency = link.constant("efficiency", account)
    target.in_cost = link.constant("marginal_cost", account)


def _let_down(
    link: Component, source: Reservoir, below: str, share: float, account: Account
) -> None:
    """Say where the water of a reservoir goes."""
    if source.downstream not in (None, below):
        account.refuse(link.kind, link.name, "what leaves a store goes to one other store")
    if source.downstream == below and share != source.downstream_share:
        account.refuse(
            link.kind, link.name, "water arrives in full whether it is turbined or spilled"
        )
    source.downstream, source.downstream_share = below, share


def _attach_generator(one: Component, basin: Reservoir, account: Account) -> bool:
    """Take a generator at a basin for its inflow; one that only takes away is a way to spill."""
    if one.number("sign", 1.0) < 0.0 or (one.over_time("p_max_pu") <= 0.0).all():
        return True
    if (one.over_time("marginal_cost") != 0.0).any():
        account.refuse(one.kind, one.name, "the inflow of a store has no marginal_cost")
    basin.inflow = basin.inflow + one.number("p_nom") * one.over_time("p_max_pu")
    basin.inflow_names = (*basin.inflow_names, one.name)
    return True


def _attach_load(one: Component, basin: Reservoir, account: Account) -> bool:
    taken = -one.number("sign", -1.0) * one.over_time("p_set")
    if (taken > 0.0).any():
        account.refuse(
            one.kind, one.name, "a load on the bus of a store must be negative: an inflow"
        )
    basin.inflow = basin.inflow - taken
    basin.inflow_names = (*basin.inflow_names, one.name)
    return True
