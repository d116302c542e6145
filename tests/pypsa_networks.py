"""PyPSA networks for tests; imported only where PyPSA is."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PyPSA about its own future, and of what it imports
    pypsa = pytest.importorskip("pypsa", reason="PyPSA is not installed (headwater[pypsa])")
    import pandas as pd

for library in ("pypsa", "linopy"):
    logging.getLogger(library).setLevel(logging.ERROR)

their_warnings = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
"""Marks for modules that use PyPSA: it and linopy warn of what they will change."""

SEASON = np.array([1.5, 1.6, 1.45, 1.15, 0.85, 0.7, 0.55, 0.5, 0.55, 0.75, 0.95, 1.25])


def monthly(months: int) -> Any:
    """A network without components, of months from January 2027 on."""
    n = pypsa.Network()
    snapshots = pd.date_range("2027-01-01", periods=months, freq="MS")
    n.set_snapshots(snapshots)
    n.snapshot_weightings.loc[:, :] = (snapshots.days_in_month.to_numpy() * 24.0)[:, None]
    return n


def one_bus(seed: int, months: int = 5) -> Any:
    """A bus with one reservoir, a few generators and a load, drawn at random."""
    rng = np.random.default_rng(seed)
    n = monthly(months)
    n.add("Bus", "main")
    load = rng.uniform(200.0, 300.0)
    n.add("Load", "load", bus="main", p_set=load * rng.uniform(0.9, 1.1, months))
    n.add(
        "StorageUnit",
        "ridge",
        bus="main",
        p_nom=0.9 * load,
        p_min_pu=0.0,
        max_hours=rng.uniform(300.0, 900.0),
        efficiency_dispatch=rng.uniform(0.8, 1.0),
        inflow=0.5 * load * SEASON[:months],
        state_of_charge_initial=rng.uniform(0.2, 0.5) * 0.9 * load * 300.0,
        spill_cost=0.1,
    )
    n.add("Generator", "gas", bus="main", p_nom=0.4 * load, marginal_cost=rng.uniform(30.0, 60.0))
    n.add("Generator", "oil", bus="main", p_nom=0.2 * load, marginal_cost=rng.uniform(90.0, 200.0))
    n.add("Generator", "shedding", bus="main", p_nom=2.0 * load, marginal_cost=900.0)
    n.add("Generator", "wind", bus="main", p_nom=40.0, p_max_pu=rng.uniform(0.1, 0.5, months))
    return n


def two_buses(months: int = 5) -> Any:
    """Two buses with a reservoir each, one of which can pump."""
    n = monthly(months)
    n.add("Bus", ["north", "south"])
    n.add(
        "StorageUnit",
        ["ridge", "gorge"],
        bus=["north", "south"],
        p_nom=[120.0, 80.0],
        p_min_pu=[0.0, -0.5],
        max_hours=[600.0, 300.0],
        efficiency_dispatch=[0.9, 0.95],
        efficiency_store=0.85,
        inflow=[60.0, 30.0],
        state_of_charge_initial=[30_000.0, 9_000.0],
        marginal_cost=[0.0, 1.5],
        spill_cost=[0.2, 0.0],
    )
    n.add("Link", "tie", bus0="north", bus1="south", p_nom=40.0, p_min_pu=-1.0)
    n.add("Generator", ["gas", "oil"], bus=["north", "south"], p_nom=70.0, marginal_cost=[50, 70])
    n.add("Generator", ["cut n", "cut s"], bus=["north", "south"], p_nom=500.0, marginal_cost=1200)
    n.add("Load", ["load n", "load s"], bus=["north", "south"], p_set=[100.0, 90.0])
    return n


def cascade(months: int = 5) -> Any:
    """Two stores in a row, whose water is turbined by links, with a pump, a battery, and losses."""
    n = monthly(months)
    n.add("Bus", ["main", "south", "upper water", "lower water"])
    n.add("Store", "upper", bus="upper water", e_nom=60_000.0, e_initial=20_000.0)
    n.add("Store", "lower", bus="lower water", e_nom=9_000.0, e_initial=4_000.0)
    n.add("Generator", "upper river", bus="upper water", p_nom=80.0, p_max_pu=SEASON[:months] / 1.6)
    n.add("Load", "lower river", bus="lower water", p_set=-15.0)
    n.add(
        "Link",
        "upper turbine",
        bus0="upper water",
        bus1="main",
        bus2="lower water",
        efficiency=0.9,
        efficiency2=2.0,
        p_nom=120.0,
    )
    n.add("Link", "upper spill", bus0="upper water", bus1="lower water", efficiency=2.0, p_nom=1e6)
    n.add(
        "Link",
        "lower turbine",
        bus0="lower water",
        bus1="south",
        efficiency=0.4,
        p_nom=300.0,
        marginal_cost=0.5,
    )
    n.add("Generator", "lower spill", bus="lower water", sign=-1.0, p_nom=1e6)
    n.add("Link", "pump", bus0="south", bus1="upper water", efficiency=0.8, p_nom=20.0)
    n.add(
        "StorageUnit",
        "battery",
        bus="south",
        p_nom=30.0,
        max_hours=6.0,
        efficiency_store=0.9,
        efficiency_dispatch=0.9,
        marginal_cost=0.3,
        state_of_charge_initial=20.0,
    )
    n.add(
        "Link", "there", bus0="main", bus1="south", p_nom=60.0, efficiency=0.97, marginal_cost=0.1
    )
    n.add("Line", "back", bus0="south", bus1="main", s_nom=25.0, x=0.1)
    n.add("Generator", "gas", bus="main", p_nom=80.0, marginal_cost=55.0, p_min_pu=0.1)
    n.add("Generator", "oil", bus="south", p_nom=60.0, marginal_cost=np.linspace(90, 140, months))
    n.add("Generator", ["cut m", "cut s"], bus=["main", "south"], p_nom=500.0, marginal_cost=1500.0)
    n.add("Load", ["load m", "load s"], bus=["main", "south"], p_set=[110.0, 95.0])
    return n


def years(levels: dict[str, float], seed: int, count: int = 12) -> Any:
    """A monthly record of inflows with the season of `SEASON`, somewhat persistent."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("1990-01-01", periods=12 * count, freq="MS")
    noise = rng.lognormal(0.0, 0.35, (12 * count, len(levels)))
    record = np.tile(SEASON, count)[:, None] * np.array(list(levels.values())) * noise
    return pd.DataFrame(record, index, list(levels)).ewm(alpha=0.6).mean()


def solve(n: Any, snapshots: Any, future: Any = None) -> float:
    """Optimise some snapshots of a network; returns the objective."""
    import inspect

    options: dict[str, Any] = {"log_to_console": False}
    if "include_objective_constant" in inspect.signature(n.optimize.__call__).parameters:
        options["include_objective_constant"] = False
    status, condition = n.optimize(
        snapshots, solver_name="highs", extra_functionality=future, **options
    )
    assert (status, condition) == ("ok", "optimal")
    return float(n.objective)
