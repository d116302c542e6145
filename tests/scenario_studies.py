"""Studies with given scenarios, and the same random future written as an opening tree by hand."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import numpy as np

import headwater.model as m
from small_systems import random_system, study

Values = dict[int, np.ndarray]


def inflow_values(system: m.System, counts: tuple[int, ...], seed: int = 0) -> Values:
    """Stage id -> inflows ``[scenario, hydro]``, far from the statistics of the system."""
    rng = np.random.default_rng(seed)
    n_hydros = len(system.hydros)
    return {t: rng.uniform(2.0, 90.0, (n, n_hydros)) for t, n in enumerate(counts) if n}


def load_values(counts: tuple[int, ...], seed: int = 0) -> Values:
    """Stage id -> loads ``[scenario, bus]`` of two buses."""
    rng = np.random.default_rng(100 + seed)
    return {t: rng.uniform((100.0, 30.0), (190.0, 90.0), (n, 2)) for t, n in enumerate(counts) if n}


def scenario_study(
    inflows: Values | None = None,
    loads: Values | None = None,
    *,
    system: m.System | None = None,
    seed: int = 3,
    weights: dict[int, np.ndarray] | None = None,
    simulated: m.ScenarioSource | None = None,
    source: dict[str, object] | None = None,
    **training: object,
) -> m.Study:
    """A small cascade with lags whose inflows, loads or both are given.

    What is left out of ``source`` takes its default.
    """
    system = random_system(seed, n_openings=4) if system is None else system
    if inflows is not None:
        ids, given = tuple(h.id for h in system.hydros), MappingProxyType(weights or {})
        system = dataclasses.replace(
            system, external_inflows=m.ExternalScenarios(ids, inflows, given)
        )
    if loads is not None:
        system = dataclasses.replace(system, external_loads=m.ExternalScenarios((0, 1), loads))
    external = {"inflow": m.External() if inflows else m.InSample()}
    external |= {"load": m.External() if loads else m.InSample()}
    made_of = m.ScenarioSource(**{**external, "seed": 1, **(source or {})})
    made = study(
        system,
        method="penalty",
        scenario_source=made_of,
        **{"iterations": 200, "forward_passes": 4, **training},
    )
    if simulated is None:
        return made
    simulation = dataclasses.replace(made.config.simulation, scenario_source=simulated)
    return dataclasses.replace(made, config=dataclasses.replace(made.config, simulation=simulation))


def by_hand(made: m.Study, openings: dict[int, tuple[np.ndarray, np.ndarray]]) -> m.Study:
    """The same study with a random future of its own: stage id -> values
    ``[opening, hydro and then bus]``, probabilities.

    Every quantity has mean 0 and deviation 1 and no past, so that noise and value are one.
    """
    ids = [stage.id for stage in made.system.stages]
    system = dataclasses.replace(
        made.system,
        external_inflows=None,
        external_loads=None,
        inflow_statistics=tuple(
            m.InflowStatistics(h.id, t, 0.0, 1.0) for h in made.system.hydros for t in ids
        ),
        load_statistics=tuple(
            m.LoadStatistics(bus.id, t, 0.0, 1.0) for bus in made.system.buses for t in ids
        ),
        given_openings=m.GivenOpenings(
            {t: values for t, (values, _) in openings.items()},
            {t: chance for t, (_, chance) in openings.items()},
        ),
    )
    training = dataclasses.replace(made.config.training, scenario_source=m.ScenarioSource())
    return dataclasses.replace(
        made, system=system, config=dataclasses.replace(made.config, training=training)
    )
