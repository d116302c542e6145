"""Which part of a network each component of a policy's state is, and how their units compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.api.policy import Policy
from headwater.core.wording import listed
from headwater.errors import UnknownNameError, UsageError
from headwater.pypsa.components import Account, components
from headwater.pypsa.reservoirs import Reservoir, basins, storage_units
from headwater.pypsa.rivers import HM3_PER_M3S_HOUR

_CONTENT = {"StorageUnit": "StorageUnit-state_of_charge", "Store": "Store-e"}
"""Variables of the content in a model of PyPSA."""

_BALANCE = {"StorageUnit": "StorageUnit-energy_balance", "Store": "Store-energy_balance"}
"""Constraints that carry content from snapshot to snapshot."""


@dataclass(frozen=True)
class Link:
    """A component of the state that is the content of a storage unit or store.

    Attributes:
        place: of the component in the state.
        plant: name of the plant or battery of the policy.
        reservoir: of the network.
        unit: of the component, hm3 or MWh.
        content: of the network for a unit of the component, MWh per hm3 as a rule.
    """

    place: int
    plant: str
    reservoir: Reservoir
    unit: str
    content: float

    def snapshots(self, model: Any) -> Any:
        """The snapshots that a model decides."""
        return model.variables[_CONTENT[self.reservoir.kind]].indexes["snapshot"]

    def final_content(self, model: Any) -> Any:
        """Variable of the content after the last snapshot of a model."""
        variable = model.variables[_CONTENT[self.reservoir.kind]]
        last = variable.indexes["snapshot"][-1]
        return variable.sel(snapshot=last, name=self.reservoir.name, drop=True)

    def balance_dual(self, model: Any) -> float:
        """What one more unit of content before the first snapshot is worth."""
        dual = model.constraints[_BALANCE[self.reservoir.kind]].dual
        return float(dual.isel(snapshot=0).sel(name=self.reservoir.name))


def links_of(
    n: Any,
    policy: Policy,
    reservoirs: Mapping[str, str] | None,
    mwh_per_hm3: float | Mapping[str, float] | None,
) -> list[Link]:
    """The storage of a policy's state that a network holds.

    Args:
        n: the network.
        policy: with its study.
        reservoirs: name of a storage unit or store -> name of a plant or battery of the policy; by
            default those that are called the same.
        mwh_per_hm3: content for 1 hm3, of all or by name of the storage unit or store; by default
            it follows from the productivity of the plant and the efficiency in the network.

    Raises:
        UsageError: nothing of the policy is in the network, a unit is not known, or a name is used
            twice.
        UnknownNameError: a name of ``reservoirs`` does not exist.
    """
    account = Account()
    held = [*storage_units(n, account), *basins(n, account).reservoirs.values()]
    by_name = {one.name: one for one in held}
    places = _places(policy)
    if reservoirs is None:
        reservoirs = {name: name for name in by_name if name in places}
    if not reservoirs:
        raise UsageError(
            "no storage of the network is called as one of the policy "
            f"({listed(list(places))}): say which is which, "
            "reservoirs={'storage unit': 'plant'}"
        )
    if len(set(reservoirs.values())) < len(reservoirs):
        raise UsageError("every plant of the policy is one reservoir of the network, got one twice")
    found = []
    for name, plant in reservoirs.items():
        if name not in by_name:
            raise UnknownNameError(
                f"the network has no storage unit or store '{name}'; it has {listed(list(by_name))}"
            )
        if plant not in places:
            raise UnknownNameError(
                f"the policy has no plant or battery '{plant}'; it has {listed(list(places))}"
            )
        place, unit = places[plant]
        content = 1.0 if unit == "MWh" else _content(policy, plant, by_name[name], mwh_per_hm3)
        found.append(Link(place, plant, by_name[name], unit, content))
    return found


def _places(policy: Policy) -> dict[str, tuple[int, str]]:
    """Name of a plant or battery -> place of its content in the state, and unit."""
    storage = zip(policy.hydro_labels, policy.layout.places("storage").tolist(), strict=True)
    places = {name: (place, "hm3") for name, place in storage}
    block = policy.layout.block("battery_energy")
    for name, place in zip(
        block.entity_names, policy.layout.places(block.name).tolist(), strict=True
    ):
        places.setdefault(name, (place, "MWh"))
    return places


def _content(
    policy: Policy,
    plant: str,
    reservoir: Reservoir,
    given: float | Mapping[str, float] | None,
) -> float:
    """Content of the network for 1 hm3."""
    chosen = given.get(reservoir.name) if isinstance(given, Mapping) else given
    if chosen is None:
        hydro = policy.known_study.system.hydros[plant]
        if hydro.productivity_mw_per_m3s is None:
            raise UsageError(
                f"'{plant}' has no productivity of its own: say what 1 hm3 is in the network, "
                f"mwh_per_hm3={{'{reservoir.name}': ...}}"
            )
        made = hydro.productivity_mw_per_m3s / reservoir.out_efficiency
        chosen = made / HM3_PER_M3S_HOUR
    if not chosen > 0.0:
        raise UsageError(f"mwh_per_hm3 of '{reservoir.name}' must be above 0, got {chosen}")
    return float(chosen)


def mean_inflow(n: Any, link: Link, snapshots: Any) -> float:
    """Mean inflow of a reservoir over some snapshots in m3/s of the policy."""
    places = n.snapshots.get_indexer(snapshots)
    hours = n.snapshot_weightings["stores"].to_numpy(float)[places]
    mean = float((link.reservoir.inflow[places] * hours).sum() / hours.sum())
    return mean / (link.content * HM3_PER_M3S_HOUR)


def refuse_cycle(n: Any, link: Link) -> None:
    """Refuse a reservoir that returns to its first content, which a future cost contradicts."""
    for one in components(n, link.reservoir.kind):
        key = "cyclic_state_of_charge" if link.reservoir.kind == "StorageUnit" else "e_cyclic"
        if one.name == link.reservoir.name and bool(one.values.get(key, False)):
            raise UsageError(
                f"'{one.name}' is cyclic: it would return to its first content, whatever the "
                f"future is worth; set {key} to False"
            )
