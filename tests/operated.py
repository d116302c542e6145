"""Small deterministic systems, trained and simulated.

What the tests of single pieces of equipment look at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import headwater.model as m
from headwater.sddp import Policy, SimulationChunk, train_policy
from headwater.sddp.simulation.simulation import simulate_policy
from small_systems import stages, study

HOURS = 100.0
"""Length of the stages: one block, so that 1 MW is 100 MWh and 1 m3/s is 0.36 hm3."""

DEFICIT = 1000.0
"""Cost of deficit in $/MWh."""


@dataclass
class Operation:
    """A bound and the tables of one scenario."""

    policy: Policy
    chunk: SimulationChunk

    @property
    def lower_bound(self) -> float:
        return self.policy.lower_bound

    def column(self, table: str, name: str, **where: int) -> list[float]:
        """Values of a column, by stage and block, of one entity.

        ``column("hydros", "turbined_m3s", hydro_id=0)``.
        """
        columns = self.chunk.tables[table]
        chosen = np.ones(len(columns["stage_id"]), np.bool_)
        for key, value in where.items():
            chosen &= columns[key] == value
        return [float(x) for x in np.asarray(columns[name])[chosen]]


def operate(system: m.System, *, method: str = "none", iterations: int = 12) -> Operation:
    chosen = study(system, method=method, iterations=iterations, cost_scale=1.0)
    policy = train_policy(chosen)
    chunks: list[SimulationChunk] = []
    simulate_policy(policy, chosen, n_scenarios=1, sink=chunks.append)
    return Operation(policy, chunks[0])


def system(
    n_stages: int = 1, *, load: float = 100.0, hours: tuple[float, ...] = (HOURS,), **parts: object
) -> m.System:
    """One bus with a flat load; small costs are zero, excess costs 10 and deficit 1000.

    More parts as keywords.
    """
    penalties = m.Penalties(
        deficit_segments=(m.DeficitSegment(None, DEFICIT),),
        excess_cost_per_mwh=10.0,
        exchange_cost_per_mwh=0.0,
        curtailment_cost_per_mwh=0.0,
        hydro=m.HydroPenalties(
            spillage_cost=0.0,
            diversion_cost=0.0,
            fpha_turbined_cost=0.0,
            storage_violation_below_cost=5000.0,
            filling_target_violation_cost=9000.0,
            evaporation_violation_cost=5000.0,
            water_withdrawal_violation_cost=1000.0,
        ),
    )
    base: dict[str, object] = {
        "stages": stages(n_stages, hours),
        "buses": (m.Bus(0),),
        "penalties": penalties,
        "load_statistics": tuple(m.LoadStatistics(0, t, load) for t in range(n_stages)),
    }
    return m.System(**{**base, **parts})  # type: ignore[arg-type]


def reservoir(id: int = 0, **changes: object) -> m.Hydro:
    """100 hm3, 100 m3/s, 1 MW per m3/s."""
    base: dict[str, object] = {"productivity_mw_per_m3s": 1.0}
    return m.Hydro(id, 0, 100.0, 100.0, 100.0, **{**base, **changes})  # type: ignore[arg-type]


def inflows(**by_hydro: tuple[float, ...]) -> tuple[m.InflowStatistics, ...]:
    """Certain inflows: ``inflows(h0=(5, 7))`` for hydro 0 at stages 0 and 1."""
    return tuple(
        m.InflowStatistics(int(name[1:]), t, value)
        for name, values in by_hydro.items()
        for t, value in enumerate(values)
    )
