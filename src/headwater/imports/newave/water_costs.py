"""Costs of violations of hydro plants: those of the deck (``PENALID.DAT``), and the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.arrays import FrozenDict
from headwater.imports.newave.deck import Deck
from headwater.imports.newave.rivers import RiverPlant
from headwater.model.resolved_penalties import DERIVED_SHARES
from headwater.model.water_energy import HM3_PER_M3S_HOUR

_LEAST_PRODUCTIVITY = 0.1
"""MW per m3/s below which a river does not count as worth less."""
_PER_HM3 = ("storage_violation_below_cost", "filling_target_violation_cost")
_USED: Mapping[str, str] = FrozenDict(
    {
        "DESVIO": "water_withdrawal_violation_cost",
        "VAZMIN": "outflow_violation_below_cost",
        "GHMIN": "generation_violation_below_cost",
    }
)
"""Limit of the deck -> cost of the case."""


@dataclass(frozen=True)
class WaterCosts:
    """Costs of energy that violations are compared with.

    Attributes:
        deficit_per_mwh: the dearest deficit.
        accumulated: code -> MW per m3/s of a plant and of all plants below it.
        rivers: plants by code.
        given: name of a limit and equivalent reservoir -> $/MWh; the reservoir 0 stands for all.
    """

    deficit_per_mwh: float
    accumulated: Mapping[int, float]
    rivers: Mapping[int, RiverPlant]
    given: Mapping[tuple[str, int], float]

    def per_mwh(self, limit: str, code: int) -> float:
        """Cost of breaking a limit of a plant as energy."""
        found = self.given.get((limit, self.rivers[code].ree), self.given.get((limit, 0)))
        share = DERIVED_SHARES[_USED[limit]]
        return self.deficit_per_mwh * share if found is None else found

    def of(self, code: int) -> dict[str, Any]:
        """The costs of a plant; of flows through the energy of 1 m3/s on its way down."""
        energy = max(self.accumulated[code], _LEAST_PRODUCTIVITY)
        costs = {
            name: share
            * self.deficit_per_mwh
            * (energy / HM3_PER_M3S_HOUR if name in _PER_HM3 else energy)
            for name, share in DERIVED_SHARES.items()
        }
        costs |= {name: self.per_mwh(limit, code) * energy for limit, name in _USED.items()}
        costs[_USED["GHMIN"]] = self.per_mwh("GHMIN", code)
        return costs


def accumulate(own: Mapping[int, float], rivers: Mapping[int, RiverPlant]) -> dict[int, float]:
    """Productivity of every plant and of all below it."""
    found: dict[int, float] = {}
    for code in rivers:
        total, below = 0.0, code
        while below:
            total += own[below]
            below = rivers[below].downstream or 0
        found[code] = total
    return found


def read_penalties(deck: Deck) -> dict[tuple[str, int], float]:
    """Costs by limit and equivalent reservoir."""
    if not deck.has("penalid"):
        deck.report.miss("PENALID.DAT", "violations cost what the deficit costs")
        return {}
    rows = deck.table("penalid", "Penalid", "penalidades", "costs of DESVIO, VAZMIN and GHMIN")
    found: dict[tuple[str, int], float] = {}
    others = set()
    for row in rows:
        limit, cost = str(row["variavel"] or "").strip(), row["valor_R$_MWh"]
        if limit in _USED and cost:
            found.setdefault((limit, int(row["codigo_ree_submercado"] or 0)), float(cost))
        elif limit not in _USED and limit:
            others.add(limit)
    if others:
        deck.report.leave_out(
            deck.name("penalid"),
            f"costs of {', '.join(sorted(others))}: no such limit is in the case",
        )
    deck.report.approximate(
        deck.name("penalid"),
        "flows are priced through the energy that they make on their way down the river",
    )
    return found
