"""Random sparse stage values mean what a slow reader of one cell at a time says they mean, for
every limit and every cost.
"""

from __future__ import annotations

import dataclasses
import math
import random
from datetime import date

import numpy as np
import pytest

from headwater import model as m
from headwater.model.penalties import DIRECTIONAL, HYDRO_COST_NAMES
from headwater.model.resolved_penalties import derived_costs

N_STAGES, N_BLOCKS = 4, (1, 3, 2, 3)


def stages():
    days = [date(2024, month, 1) for month in range(1, N_STAGES + 2)]
    return tuple(
        m.Stage(
            id=i,
            start_date=days[i],
            end_date=days[i + 1],
            blocks=tuple(m.Block(10.0, "b") for _ in range(N_BLOCKS[i])),
        )
        for i in range(N_STAGES)
    )


def sparse(chance, entity, ids, columns, *, blocks=False):
    """Random rows, some cells empty."""
    rows = []
    for i in ids:
        for t in range(N_STAGES):
            for k in [None, *range(N_BLOCKS[t])] if blocks else [None]:
                if chance.random() < 0.5:
                    cells = {
                        name: round(chance.uniform(1, 99), 3)
                        for name in columns
                        if chance.random() < 0.6
                    }
                    rows.append({entity: i, "stage_id": t, "block_id": k, **cells})
    chance.shuffle(rows)
    return rows


def cell(rows, entity, i, t, k, name, base):
    """The value of one cell: the row of the block, else that of the stage, else the base."""
    for block in (k, None) if k is not None else (None,):
        for row in rows:
            if (row[entity], row["stage_id"], row["block_id"]) == (i, t, block) and name in row:
                return row[name]
    return base


def hydro(i, chance):
    costs = {
        name: round(chance.uniform(1, 99), 3) for name in HYDRO_COST_NAMES if chance.random() < 0.4
    }
    return m.Hydro(
        id=i,
        bus_id=0,
        max_storage_hm3=100.0 + i,
        max_turbined_m3s=50.0,
        max_generation_mw=40.0,
        productivity_mw_per_m3s=0.9,
        min_storage_hm3=3.0,
        diversion=m.Diversion(2, 7.0) if i == 5 else None,
        filling=m.Filling(0, 2.0) if i == 5 else None,
        entry_stage_id=1 if i == 5 else None,
        costs=m.HydroCosts(**costs),
    )


HYDRO_BASE = {
    "min_storage_hm3": lambda h: h.min_storage_hm3,
    "max_storage_hm3": lambda h: h.max_storage_hm3,
    "min_turbined_m3s": lambda h: h.min_turbined_m3s,
    "max_turbined_m3s": lambda h: h.max_turbined_m3s,
    "min_outflow_m3s": lambda h: h.min_outflow_m3s,
    "max_outflow_m3s": lambda h: math.inf if h.max_outflow_m3s is None else h.max_outflow_m3s,
    "min_generation_mw": lambda h: h.min_generation_mw,
    "max_generation_mw": lambda h: h.max_generation_mw,
    "max_diversion_m3s": lambda h: 0.0 if h.diversion is None else h.diversion.max_flow_m3s,
    "filling_inflow_m3s": lambda h: 0.0 if h.filling is None else h.filling.inflow_m3s,
    "water_withdrawal_m3s": lambda h: 0.0,
}


@pytest.fixture(params=range(4))
def drawn(request):
    """A system with random sparse values, and the rows that they were made from."""
    chance = random.Random(request.param)
    rows = {
        "hydro_bound": sparse(chance, "hydro_id", (2, 5, 9), HYDRO_BASE),
        "thermal_bound": sparse(
            chance,
            "thermal_id",
            (1, 4),
            ("min_generation_mw", "max_generation_mw", "cost_per_mwh"),
            blocks=True,
        ),
        "line_bound": sparse(chance, "line_id", (3,), ("direct_mw", "reverse_mw")),
        "pumping_bound": sparse(chance, "station_id", (6,), ("min_m3s", "max_m3s")),
        "contract_bound": sparse(
            chance, "contract_id", (7, 8), ("min_mw", "max_mw", "price_per_mwh")
        ),
        "ncs_bound": sparse(chance, "ncs_id", (0, 2), ("available_generation_mw",)),
        "bus_penalty": sparse(chance, "bus_id", (0, 1), ("excess_cost",)),
        "line_penalty": sparse(chance, "line_id", (3,), ("exchange_cost",)),
        "hydro_penalty": sparse(chance, "hydro_id", (2, 5, 9), HYDRO_COST_NAMES),
        "ncs_penalty": sparse(chance, "source_id", (0, 2), ("curtailment_cost",)),
        "exchange": sparse(
            chance, "line_id", (3,), ("direct_factor", "reverse_factor"), blocks=True
        ),
    }
    key = {name: next(iter(given[0])) for name, given in rows.items() if given}
    tables = {
        f"{name}_overrides": m.StageOverrides.from_rows(given, entity=key[name])
        for name, given in rows.items()
        if given and name != "exchange"
    }
    if rows["exchange"]:
        tables["exchange_factors"] = m.StageOverrides.from_rows(rows["exchange"], entity="line_id")
    system = m.System(
        stages=stages(),
        buses=(m.Bus(0, "a", None, 0.7), m.Bus(1, "b", None, None)),
        lines=(
            m.Line(
                id=3,
                source_bus_id=0,
                target_bus_id=1,
                direct_capacity_mw=30.0,
                reverse_capacity_mw=20.0,
            ),
        ),
        hydros=tuple(hydro(i, chance) for i in (9, 2, 5)),
        thermals=tuple(
            m.Thermal(
                id=i, bus_id=0, max_generation_mw=60.0, cost_segments=(m.CostSegment(60.0, 9.0),)
            )
            for i in (4, 1)
        ),
        pumping_stations=(m.PumpingStation(6, 0, 2, 9, 0.5, 11.0),),
        contracts=tuple(m.EnergyContract(i, 0, m.ContractKind.IMPORT, 90.0, 12.0) for i in (7, 8)),
        non_controllables=tuple(m.NonControllableSource(i, 0, 33.0) for i in (0, 2)),
        **tables,
    )
    return system, rows


def assert_cells(array, entities, rows, entity, name, base):
    """Every cell of an array ``[entity, stage]`` or ``[entity, stage, block]`` is
    what the slow reader finds.
    """
    for p, one in enumerate(entities):
        for t in range(N_STAGES):
            start = base(one)
            if array.ndim == 2:
                assert array[p, t] == cell(rows, entity, one.id, t, None, name, start), (
                    name,
                    one.id,
                    t,
                )
                continue
            for k in range(N_BLOCKS[t]):
                wanted = cell(rows, entity, one.id, t, k, name, start)
                assert np.array_equal(array[p, t, k], wanted, equal_nan=True), (name, one.id, t, k)


def test_limits_are_what_the_cells_say(drawn):
    system, rows = drawn
    bounds = system.bounds
    for name, base in HYDRO_BASE.items():
        assert_cells(
            getattr(bounds.hydro, name), system.hydros, rows["hydro_bound"], "hydro_id", name, base
        )
    thermal = {
        "min_generation_mw": lambda j: j.min_generation_mw,
        "max_generation_mw": lambda j: j.max_generation_mw,
        "cost_per_mwh": lambda j: math.nan,
    }
    for name, base in thermal.items():
        assert_cells(
            getattr(bounds.thermal, name),
            system.thermals,
            rows["thermal_bound"],
            "thermal_id",
            name,
            base,
        )
    pumping = rows["pumping_bound"]
    assert_cells(
        bounds.pumping_station.min_m3s,
        system.pumping_stations,
        pumping,
        "station_id",
        "min_m3s",
        lambda p: p.min_flow_m3s,
    )
    assert_cells(
        bounds.pumping_station.max_m3s,
        system.pumping_stations,
        pumping,
        "station_id",
        "max_m3s",
        lambda p: p.max_flow_m3s,
    )
    for name in ("min_mw", "max_mw", "price_per_mwh"):
        table = getattr(bounds.contract, name)
        assert_cells(
            table,
            system.contracts,
            rows["contract_bound"],
            "contract_id",
            name,
            lambda c, n=name: getattr(c, n),
        )
    available = bounds.non_controllable.available_generation_mw
    sources = system.non_controllables
    assert_cells(
        available,
        sources,
        rows["ncs_bound"],
        "ncs_id",
        "available_generation_mw",
        lambda s: s.max_generation_mw,
    )


def test_capacities_of_lines_are_limit_times_factor(drawn):
    system, rows = drawn
    for way, base in (("direct", 30.0), ("reverse", 20.0)):
        array = getattr(system.bounds.line, f"{way}_mw")
        for t in range(N_STAGES):
            limit = cell(rows["line_bound"], "line_id", 3, t, None, f"{way}_mw", base)
            for k in range(N_BLOCKS[t]):
                factor = cell(rows["exchange"], "line_id", 3, t, k, f"{way}_factor", 1.0)
                assert array[0, t, k] == limit * factor


def slow_hydro_cost(system, plant, rows, t, name):
    """Walk the tiers from the general to the special.

    At each, the symmetric cost first, then the directional one.
    """
    value = None
    stage_row = next(
        (row for row in rows if (row["hydro_id"], row["stage_id"]) == (plant.id, t)), {}
    )
    derived = {
        cost: float(values[system.hydro_index[plant.id]])
        for cost, values in derived_costs(system).items()
    }
    general = {
        cost: derived.get(cost) if v is None else v
        for cost, v in dataclasses.asdict(system.penalties.hydro).items()
    }
    own = dataclasses.asdict(plant.costs)
    for tier in (general, own, stage_row):
        for key in (DIRECTIONAL.get(name), name):
            if key is not None and tier.get(key) is not None:
                value = tier[key]
    return value


def test_costs_are_what_the_tiers_say(drawn):
    system, rows = drawn
    resolved = system.resolved_penalties
    for name in HYDRO_COST_NAMES:
        for p, plant in enumerate(system.hydros):
            for t in range(N_STAGES):
                wanted = slow_hydro_cost(system, plant, rows["hydro_penalty"], t, name)
                assert resolved.hydro[name][p, t] == wanted, (name, plant.id, t)
    general = system.penalties
    simple = (
        (
            "excess_cost",
            system.bounds.bus.excess_cost,
            system.buses,
            "bus_penalty",
            "bus_id",
            general.excess_cost_per_mwh,
        ),
        (
            "exchange_cost",
            system.bounds.line.exchange_cost,
            system.lines,
            "line_penalty",
            "line_id",
            general.exchange_cost_per_mwh,
        ),
        (
            "curtailment_cost",
            system.bounds.non_controllable.curtailment_cost,
            system.non_controllables,
            "ncs_penalty",
            "source_id",
            0.005,
        ),
    )
    for name, array, entities, table, entity, first in simple:
        own = lambda one, n=name, f=first: (
            f if getattr(one, f"{n}_per_mwh") is None else getattr(one, f"{n}_per_mwh")
        )
        assert_cells(array, entities, rows[table], entity, name, own)
