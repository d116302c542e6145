"""A PyPSA network operated with a learned future cost, and with its own rolling horizon.

    python examples/pypsa-rolling-horizon/operate.py [YEARS [SEED]]

Two regions, a reservoir, and an inflow of which forty years are known. A policy is trained on them.
Then years that nobody has seen pass, month after month, in three ways. Each knows the inflow of the
month that it decides:

* PyPSA decides the month, with the future cost of the policy in its objective;
* PyPSA decides the rest of the year with the mean inflow of the record, and keeps the first month;
* the same with a window of three months.

Perfect foresight, which knows the whole year, is what no operation can beat. The years are operated
side by side, as copies of the system in one network, because a solve of PyPSA takes about as long
for twenty copies as for one.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pypsa

import headwater as hw

MONTHS = pd.date_range("2027-05-01", periods=12, freq="MS")
HOURS = MONTHS.days_in_month.to_numpy() * 24.0
MEAN = 110.0 * np.array([0.85, 0.7, 0.55, 0.5, 0.55, 0.75, 0.95, 1.25, 1.5, 1.6, 1.45, 1.15])
OPTIONS = {"log_to_console": False, "include_objective_constant": False}


def network(copies: Sequence[str] = ("",)) -> Any:
    """The system, once or several times side by side."""
    n = pypsa.Network()
    n.set_snapshots(MONTHS)
    n.snapshot_weightings.loc[:, :] = HOURS[:, None]
    for c in copies:
        n.add("Bus", [f"north{c}", f"south{c}"])
        n.add("Link", f"tie{c}", bus0=f"north{c}", bus1=f"south{c}", p_nom=160.0, p_min_pu=-1.0)
        n.add("Load", [f"n{c}", f"s{c}"], bus=[f"north{c}", f"south{c}"], p_set=[55.0, 140.0])
        n.add(
            "Generator",
            [f"gas{c}", f"oil{c}", f"shedding{c}"],
            bus=f"south{c}",
            p_nom=[70.0, 60.0, 400.0],
            marginal_cost=[45.0, 160.0, 2500.0],
        )
        n.add(
            "StorageUnit",
            f"ridge{c}",
            bus=f"north{c}",
            p_nom=220.0,
            p_min_pu=0.0,
            max_hours=1500.0,
            efficiency_dispatch=0.9,
            state_of_charge_initial=200_000.0,
            inflow=pd.Series(MEAN, MONTHS),
        )
    return n


def inflow_years(count: int, seed: int) -> Any:
    """Inflow of every month in MW, ``[year, month]``."""
    return MEAN * np.random.default_rng(seed).lognormal(-0.125, 0.5, (count, 12))


def cost(n: Any, t: int, copies: int) -> Any:
    """What the generators cost in a month, ``[copy]``."""
    of_each = n.generators_t.p.iloc[t] * n.generators.marginal_cost * HOURS[t]
    return of_each.to_numpy().reshape(copies, -1).sum(axis=1)


def operate(unseen: Any, expected: Any, decide: Callable[[Any, int], None]) -> Any:
    """Cost of years that pass month after month, ``[year]``.

    Args:
        unseen: inflow ``[year, month]``.
        expected: inflow that is expected of the months to come, ``[month]``.
        decide: optimises a month, given by its position, and perhaps more.
    """
    copies = [f" {i}" for i in range(len(unseen))]
    n, total = network(copies), np.zeros(len(unseen))
    names = [f"ridge{c}" for c in copies]
    for t in range(len(MONTHS)):
        inflow = np.repeat(expected[:, None], len(unseen), axis=1)
        inflow[t] = unseen[:, t]
        n.storage_units_t.inflow = pd.DataFrame(inflow, MONTHS, names)
        decide(n, t)
        total += cost(n, t, len(unseen))
        n.storage_units["state_of_charge_initial"] = n.storage_units_t.state_of_charge.iloc[t]
    return total


def perfect_foresight(unseen: Any) -> Any:
    """The least that each year can cost, ``[year]``."""
    copies = [f" {i}" for i in range(len(unseen))]
    n = network(copies)
    n.storage_units_t.inflow = pd.DataFrame(unseen.T, MONTHS, [f"ridge{c}" for c in copies])
    n.optimize(**OPTIONS)
    return sum(cost(n, t, len(unseen)) for t in range(len(MONTHS)))


def main(years: int = 20, seed: int = 2) -> dict[str, Any]:
    """Operate the years in all ways; returns the costs ``[year]`` of each."""
    record = inflow_years(40, seed=1)
    dates = pd.date_range("1980-05-01", periods=record.size, freq="MS")
    table = pd.DataFrame({"ridge": record.ravel()}, dates)
    case = hw.pypsa.from_network(network(), inflow=table)
    policy = hw.train(case.with_(iterations=30), progress=False)

    def with_policy(n: Any, t: int) -> None:
        def future(n: Any, _: Any) -> None:
            for name in n.storage_units.index:
                hw.pypsa.add_future_cost(n, policy, t, {name: "ridge"})

        n.optimize(MONTHS[[t]], extra_functionality=future, **OPTIONS)

    unseen, expected = inflow_years(years, seed), record.mean(axis=0)
    return {
        "with the policy's future cost": operate(unseen, expected, with_policy),
        "rolling, to the end of the year": operate(
            unseen, expected, lambda n, t: n.optimize(MONTHS[t:], **OPTIONS)
        ),
        "rolling, three months": operate(
            unseen, expected, lambda n, t: n.optimize(MONTHS[t : t + 3], **OPTIONS)
        ),
        "perfect foresight": perfect_foresight(unseen),
    }


if __name__ == "__main__":
    for library in ("pypsa", "linopy"):
        logging.getLogger(library).setLevel("ERROR")
    warnings.simplefilter("ignore", FutureWarning)
    costs = main(*map(int, sys.argv[1:]))
    mine, best = costs["with the policy's future cost"], costs["perfect foresight"]
    for way, own in costs.items():
        gap = own.mean() / best.mean() - 1.0
        lost = int((mine < own * (1.0 - 1e-6)).sum())
        sys.stdout.write(
            f"{way:32} {own.mean() / 1e6:7.2f} million a year, {gap:6.1%} above perfect foresight; "
            f"the policy is cheaper in {lost} of {len(own)}\n"
        )
