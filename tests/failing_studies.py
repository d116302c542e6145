"""Studies that cannot be solved.

From the first iteration, or only when the policy has learned to store water.
"""

from __future__ import annotations

import dataclasses

import headwater.model as m
from operated import inflows, reservoir, system
from small_systems import study


def water_that_must_go(iterations: int = 5) -> m.Study:
    """A study whose second iteration meets a stage without solution.

    The second stage must end empty without spilling, so it can take what its turbines can: 36 hm3.
    The first iteration knows of no future and uses 36 of 60 hm3. The second knows that water is
    worth much, and brings 60 hm3.
    """
    rules = (
        ("hydro_storage(0)", "empty at the end"),
        ("hydro_spillage(0)", "nothing past the turbines"),
    )
    constraints = tuple(
        m.GenericConstraint(i, m.parse_expression(text), m.Sense.LESS_EQUAL, name)
        for i, (text, name) in enumerate(rules)
    )
    torn = system(
        2,
        hydros=(reservoir(name="Tucurui"),),
        thermals=(m.Thermal.flat(0, 0, 200.0, 10.0, name="coal"),),
        initial=m.InitialConditions(storage_hm3={0: 60.0}),
        inflow_statistics=inflows(h0=(0.0, 0.0)),
        load_statistics=(m.LoadStatistics(0, 0, 100.0), m.LoadStatistics(0, 1, 500.0)),
        generic_constraints=constraints,
        generic_constraint_bounds=tuple(m.GenericConstraintBound(i, 1, 0.0) for i in range(2)),
    )
    return dataclasses.replace(study(torn, iterations=iterations), name="torn")


def without_minimum() -> m.Study:
    """A study that is paid for buying energy that it may throw away."""
    endless = system(
        contracts=(
            m.EnergyContract(2, 0, m.ContractKind.IMPORT, -30.0, float("inf"), "neighbour"),
        ),
        penalties=m.Penalties(
            deficit_segments=(m.DeficitSegment(None, 1000.0),), excess_cost_per_mwh=0.0
        ),
    )
    return study(endless, iterations=3)
