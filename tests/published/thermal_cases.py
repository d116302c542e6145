"""Cases of thermal plants, renewables and constraints, whose cost is a sum of a few products.

Numbers and figures are those of the cases d01, d13, d14, d15 and d27 that Cobre 0.5 publishes
(Apache-2.0). Each figure is written as the sum that gives it: stages x hours x MW x $/MWh.
"""

from __future__ import annotations

from published.case_files import HOURS, Figure, PublishedCase, case, months, thermal

_CHEAP_AND_DEAR = (thermal(0, 15.0, 5.0), thermal(1, 15.0, 10.0))


def thermal_dispatch() -> PublishedCase:
    """d01: the cheap plant runs whole, the dear one covers the rest."""
    figure = Figure(2 * HOURS * (15.0 * 5.0 + 5.0 * 10.0), 1e-6)
    return case(
        stages=months(2), loads_mw={0: [20.0, 20.0]}, thermals=_CHEAP_AND_DEAR, figure=figure
    )


def generic_constraint() -> PublishedCase:
    """d13: a constraint holds a plant at 10 MW.

    10 MW are not served, which is cheaper than to break the constraint.
    """
    constraint = {
        "id": 1,
        "name": "cap_T0",
        "expression": "thermal_generation(0)",
        "sense": "<=",
        "slack": {"enabled": True, "penalty": 5000.0},
    }
    bounds = [{"constraint_id": 1, "stage_id": t, "block_id": None, "bound": 10.0} for t in (0, 1)]
    return case(
        stages=months(2),
        loads_mw={0: [20.0, 20.0]},
        thermals=[thermal(0, 30.0, 50.0)],
        files={"constraints/generic_constraints.json": {"constraints": [constraint]}},
        tables={"constraints/generic_constraint_bounds": bounds},
        figure=Figure(2 * HOURS * (10.0 * 50.0 + 10.0 * 1000.0), 1e-2),
    )


def block_factors() -> PublishedCase:
    """d14: a load of 20 MW is 16 MW in the light block of 400 h and 24 MW
    in the heavy one of 330 h.
    """
    blocks = [
        {"id": 0, "name": "LIGHT", "hours": 400.0},
        {"id": 1, "name": "HEAVY", "hours": 330.0},
    ]
    factors = [{"block_id": 0, "factor": 0.8}, {"block_id": 1, "factor": 1.2}]
    rows = [{"bus_id": 0, "stage_id": t, "block_factors": factors} for t in (0, 1)]
    light, heavy = 15.0 * 5.0 + 1.0 * 10.0, 15.0 * 5.0 + 9.0 * 10.0
    return case(
        stages=months(2, blocks=blocks),
        loads_mw={0: [20.0, 20.0]},
        thermals=_CHEAP_AND_DEAR,
        files={"scenarios/load_factors.json": {"load_factors": rows}},
        figure=Figure(2 * (400.0 * light + 330.0 * heavy), 1e-4),
    )


def non_controllable_source() -> PublishedCase:
    """d15: half of 100 MW is available and taken, the rest of the load is thermal.

    Published as 437,927: there what is taken earns the cost of curtailment, 2 x 730 h x 50 MW x
    0.001 $/MWh; here it is free.
    """
    source = {
        "id": 0,
        "name": "NCS0",
        "bus_id": 0,
        "max_generation_mw": 100.0,
        "curtailment_cost": 0.001,
    }
    return case(
        stages=months(2),
        loads_mw={0: [80.0, 80.0]},
        thermals=[thermal(0, 100.0, 10.0)],
        files={"system/non_controllable_sources.json": {"non_controllable_sources": [source]}},
        tables={
            "scenarios/non_controllable_stats": [
                {"ncs_id": 0, "stage_id": t, "mean": 0.5, "std": 0.0} for t in (0, 1)
            ]
        },
        figure=Figure(2 * HOURS * 30.0 * 10.0, 1e-2),
    )


def cost_by_stage() -> PublishedCase:
    """d27: the cheap plant is the dear one in the second stage."""
    first, second = 60.0 * 50.0 + 40.0 * 80.0, 80.0 * 80.0 + 20.0 * 120.0
    return case(
        stages=months(2),
        loads_mw={0: [100.0, 100.0]},
        thermals=[thermal(0, 60.0, 50.0, name="T1"), thermal(1, 80.0, 80.0, name="T2")],
        tables={
            "constraints/thermal_bounds": [
                {
                    "thermal_id": 0,
                    "stage_id": 1,
                    "min_generation_mw": None,
                    "max_generation_mw": None,
                    "cost_per_mwh": 120.0,
                }
            ]
        },
        figure=Figure(HOURS * (first + second), 1e-4),
    )
