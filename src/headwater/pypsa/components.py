"""Components of a PyPSA network as plain values, and what of them a study cannot hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headwater.arrays import Array
from headwater.core.wording import listed
from headwater.errors import UsageError

_WITHOUT_EFFECT = {
    "name",
    "type",
    "carrier",
    "control",
    "active",
    "q_set",
    "build_year",
    "lifetime",
    "capital_cost",
    "overnight_cost",
    "discount_rate",
    "fom_cost",
    "length",
    "terrain_factor",
    "weight",
}
"""Attributes of any component that change nothing in the operation of given capacities."""

_CAPACITY = {f"{size}_{rest}" for size in "pse" for rest in ("nom_mod", "nom_min", "nom_max")}
"""Attributes that matter only where capacities are chosen, which is refused."""

_COMMITMENT = {
    *("start_up_cost", "shut_down_cost", "stand_by_cost", "min_up_time", "min_down_time"),
    *("up_time_before", "down_time_before", "ramp_limit_start_up", "ramp_limit_shut_down"),
    *("maintenance_duration", "maintenance_pu", "maintenance_events", "cyclic_delay", "p_init"),
}
"""Attributes that matter only with commitment, maintenance, ramps or delays, which are refused."""

_IMPEDANCE = {"x", "r", "g", "b", "num_parallel", "tap_ratio", "tap_side", "tap_position"}

_TRANSLATED: Mapping[str, set[str]] = {
    "Load": {"bus", "p_set", "sign"},
    "Generator": {
        *("bus", "p_nom", "p_min_pu", "p_max_pu", "marginal_cost", "sign"),
        "efficiency",  # of fuel, which only emissions ask for
    },
    "StorageUnit": {
        *("bus", "p_nom", "p_min_pu", "p_max_pu", "max_hours", "inflow", "spill_cost"),
        *("efficiency_store", "efficiency_dispatch", "marginal_cost", "state_of_charge_initial"),
    },
    "Store": {"bus", "e_nom", "e_min_pu", "e_max_pu", "e_initial"},
    "Link": {"bus0", "bus1", "bus2", "efficiency", "efficiency2", "p_nom", "p_min_pu", "p_max_pu"}
    | {"marginal_cost", "delay2", "cyclic_delay2"},
    "Line": {"bus0", "bus1", "s_nom", "s_max_pu", *_IMPEDANCE, "v_ang_min", "v_ang_max"},
    "Transformer": {"bus0", "bus1", "s_nom", "s_max_pu", *_IMPEDANCE, "v_ang_min", "v_ang_max"},
}
"""Attributes of each component that are taken over, or judged where it is translated."""

_SILENT = {"Bus", "Carrier", "SubNetwork", "LineType", "TransformerType", "Shape", "Network"}
"""Components that hold nothing to decide: buses are translated, the others describe."""

_REPAIR = {
    "p_nom_extendable": "fix the capacities (n.optimize.fix_optimal_capacities())",
    "s_nom_extendable": "fix the capacities (n.optimize.fix_optimal_capacities())",
    "e_nom_extendable": "fix the capacities (n.optimize.fix_optimal_capacities())",
    "committable": "set it to False: decisions of a study are continuous",
    "cyclic_state_of_charge": "set it to False and give state_of_charge_initial: what the future "
    "is worth takes the place of the cycle",
    "e_cyclic": "set it to False and give e_initial: what the future is worth takes the place of "
    "the cycle",
}


@dataclass
class Account:
    """What cannot be translated and what is translated only nearly, gathered by reason.

    Attributes:
        refused: reason -> components that no study can hold.
        approximated: what becomes of them -> components.
    """

    refused: dict[str, list[str]] = field(default_factory=dict)
    approximated: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, kind: str, name: str, reason: str) -> None:
        """Refuse a component."""
        self.refused.setdefault(reason, []).append(f"{kind} '{name}'")

    def approximate(self, kind: str, name: str, what: str) -> None:
        """Say that a component is another in the study."""
        self.approximated.setdefault(what, []).append(f"{kind} '{name}'")

    def raise_if_any(self) -> None:
        """Raise `UsageError` with every reason and component, where something is refused."""
        if self.refused:
            lines = [f"  - {listed(names)}: {reason}" for reason, names in self.refused.items()]
            raise UsageError(
                "this PyPSA network holds what no study can hold:\n" + "\n".join(lines)
            )


@dataclass(frozen=True)
class Component:
    """One component of a network.

    Attributes:
        kind: ``Generator``, ``StorageUnit``, ...
        name: its name.
        values: attributes that do not change over time.
        series: attributes that do, ``[snapshot]``.
        n_snapshots: of the network.
    """

    kind: str
    name: str
    values: Mapping[str, Any]
    series: Mapping[str, Array]
    n_snapshots: int

    def __getitem__(self, attribute: str) -> Any:
        return self.values[attribute]

    def number(self, attribute: str, default: float = 0.0) -> float:
        """An attribute that is given once."""
        return float(self.values.get(attribute, default))

    def over_time(self, attribute: str) -> Array:
        """An attribute at every snapshot, ``[snapshot]``."""
        if attribute in self.series:
            return self.series[attribute]
        return np.full(self.n_snapshots, self.number(attribute))

    def varies(self, attribute: str) -> bool:
        """Whether an attribute changes over time."""
        return attribute in self.series and bool(np.ptp(self.series[attribute]) > 0.0)

    def constant(self, attribute: str, account: Account) -> float:
        """An attribute that must be the same at all snapshots; one that is not is refused."""
        values = self.over_time(attribute)
        if self.varies(attribute):
            account.refuse(self.kind, self.name, f"{attribute} must not change over time")
        return float(values[0])


def components(n: Any, kind: str) -> Iterator[Component]:
    """The active components of a kind, in the order of the network."""
    held = n.components[kind]
    static, dynamic = held.static, held.dynamic
    for name in static.index:
        values = static.loc[name].to_dict()
        if not bool(values.get("active", True)):
            continue
        series = {
            attribute: frame[name].to_numpy(np.float64)
            for attribute, frame in dynamic.items()
            if len(frame) and name in frame.columns
        }
        yield Component(kind, str(name), values, series, len(n.snapshots))


def refuse_foreign(n: Any, account: Account) -> None:
    """Refuse components of kinds, and attributes, that a study has no place for.

    An attribute counts when its value is not the default one, so that what later versions of PyPSA
    add is refused until it is known.
    """
    for kind in _kinds(n):
        if kind in _SILENT:
            continue
        if kind not in _TRANSLATED:
            for name in n.components[kind].static.index:
                account.refuse(kind, str(name), f"a study has no {kind}")
            continue
        _refuse_attributes(n, kind, account)


def _kinds(n: Any) -> Iterable[str]:
    return sorted(kind for kind in n.all_components if len(n.components[kind].static))


def _refuse_attributes(n: Any, kind: str, account: Account) -> None:
    held = n.components[kind]
    known = _WITHOUT_EFFECT | _CAPACITY | _COMMITMENT | _TRANSLATED[kind]
    inputs = held.defaults[held.defaults.status.str.startswith("Input")]
    for attribute in inputs.index:
        if attribute in known:
            continue
        default = inputs.at[attribute, "default"]
        reason = f"{attribute} is not translated; " + _REPAIR.get(
            attribute, f"leave it at {default!r}"
        )
        for one in components(n, kind):
            given = one.series.get(attribute, np.array([one.values.get(attribute, default)]))
            if any(_differs(value, default) for value in given):
                account.refuse(kind, one.name, reason)
    for attribute, table in getattr(held, "piecewise", {}).items():
        for name in () if table is None else {str(column) for column in table.columns}:
            account.refuse(kind, name, f"piecewise {attribute} is not translated")


def _differs(value: Any, default: Any) -> bool:
    """Whether a value is another than the default; not-a-number is like itself."""
    if isinstance(value, float | np.floating) and np.isnan(value):
        return not (isinstance(default, float) and np.isnan(default))
    return bool(value != default)
