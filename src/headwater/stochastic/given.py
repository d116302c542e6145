"""Scenarios that are given for a class.

Its values stage by stage, which are then the openings of the class there.

Where a class is given, an entry of the noise vector is the value itself, in m3/s, MW or as a
fraction, and the model of the class passes it on: no mean, a deviation of 1 and, for inflows, no
past. So an opening has exactly the value that was given, whatever the state, and everything that
handles noise handles values as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.errors import ModelError
from headwater.model import ExternalScenarios, NoiseClass, OpeningSource, ScenarioSource, System
from headwater.stochastic.estimation import Estimation
from headwater.stochastic.external_library import external_values
from headwater.stochastic.inflow_model import InflowModel
from headwater.stochastic.layout import NoiseLayout
from headwater.stochastic.libraries import historical_values
from headwater.stochastic.normal import AvailabilityModel, LoadModel

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class GivenValues:
    """The scenarios of one class.

    Attributes:
        positions: ``[entity]`` of the hydros, buses or sources that have values, ascending.
        values: per stage ``[scenario, entity]`` in m3/s, MW or as a fraction; ``None`` where none
            are given.
        weights: per stage ``[scenario]``, adding up to 1; ``None`` where all are equally likely.
        years: calendar year of each scenario; empty for external ones.
        warnings: in words.
    """

    positions: NDArray[np.int64]
    values: tuple[Array | None, ...]
    weights: tuple[Array | None, ...]
    years: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def at(self) -> Flags:
        """``[stage]`` whether there are values."""
        return np.array([values is not None for values in self.values], np.bool_)

    def n_at(self, t: int) -> int:
        """Scenarios at a stage; 0 where none are given."""
        values = self.values[t]
        return 0 if values is None else len(values)


_NOTHING = np.empty((0, 0))

Given = Mapping[NoiseClass, GivenValues]
"""The classes whose given scenarios are openings."""


def given_values(estimation: Estimation, source: ScenarioSource) -> dict[NoiseClass, GivenValues]:
    """Find the classes whose openings are given scenarios.

    Args:
        estimation: the system, with its history.
        source: of training.

    Raises:
        ModelError: scenarios are asked for that are missing or incomplete, or both they and all
            openings are given.
    """
    system = estimation.system
    tree_is_given = system.given_openings is not None
    found = {}
    for kind in NoiseClass:
        if not source.opens_with_scenarios(kind, tree_is_given=tree_is_given):
            continue
        if tree_is_given:
            raise ModelError(
                f"the openings of class '{kind.value}' are to be its scenarios, but the noise of "
                "all openings is given; remove scenarios/noise_openings.parquet, or set "
                f"training.scenario_source.{kind.value}.openings to '{OpeningSource.MODEL.value}'"
            )
        if source.scheme(kind).replays_history:
            replay = historical_values(estimation, 0, source.historical_years)
            stages = tuple(
                np.ascontiguousarray(replay.values_m3s[:, t]) for t in range(len(system.stages))
            )
            hydros = np.arange(len(system.hydros))
            found[kind] = GivenValues(
                hydros, stages, (None,) * len(stages), replay.years, replay.warnings
            )
        else:
            found[kind] = _external(system, kind)
    return found


def _external(system: System, kind: NoiseClass) -> GivenValues:
    needed = {
        NoiseClass.INFLOW: [hydro.id for hydro in system.hydros],
        NoiseClass.LOAD: sorted({row.bus_id for row in system.load_statistics if row.std_mw > 0.0}),
        NoiseClass.NCS: sorted({row.ncs_id for row in system.availability_statistics}),
    }[kind]
    given, positions = external_values(system, kind, needed)
    values = tuple(
        rows if len(rows := given.values.get(stage.id, _NOTHING)) else None
        for stage in system.stages
    )
    return GivenValues(
        positions, values, tuple(_weights(given, stage.id, kind) for stage in system.stages)
    )


def _weights(given: ExternalScenarios, stage_id: int, kind: NoiseClass) -> Array | None:
    """Probabilities of the scenarios of a stage; ``None`` where they are equal."""
    n = len(given.values.get(stage_id, _NOTHING))
    if stage_id not in given.weights or not n:
        return None
    weights = np.asarray(given.weights[stage_id], np.float64)
    where = f"the weights of the external scenarios of class '{kind.value}' at stage {stage_id}"
    if weights.shape != (n,):
        raise ModelError(f"{where}: expected {n} values, got shape {weights.shape}")
    if not (np.isfinite(weights).all() and (weights >= 0.0).all() and weights.sum() > 0.0):
        raise ModelError(
            f"{where} must be finite, at least 0 and not all 0, got {weights.tolist()}"
        )
    return None if (weights == weights[0]).all() else weights / weights.sum()


def passing_inflows(model: InflowModel, given: GivenValues) -> InflowModel:
    """An inflow model that passes given inflows on at their stages; elsewhere it stays what it is.

    Args:
        model: the statistical model.
        given: inflows, not at all stages; past inflows are carried through them, for the stages of
            the model.
    """
    at = given.at
    psi, base, sigma, order = (
        model.psi.copy(),
        model.base.copy(),
        model.sigma.copy(),
        model.order.copy(),
    )
    psi[at], base[at], sigma[at], order[at] = 0.0, 0.0, 1.0, 0
    for array in (psi, base, sigma, order):
        array.flags.writeable = False
    lognormal = None if model.lognormal is None else model.lognormal.without(at)
    return replace(
        model, psi=psi, base=base, sigma=sigma, order=order, given=at, lognormal=lognormal
    )


def known_inflows(system: System) -> InflowModel:
    """The inflow model of a study whose inflows are given at every stage: it has no past."""
    shape = (len(system.stages), len(system.hydros))
    psi, base, sigma = np.zeros((*shape, 0)), np.zeros(shape), np.ones(shape)
    order, lags = np.zeros(shape, np.int64), np.zeros((0, shape[1]))
    for array in (psi, base, sigma, order, lags):
        array.flags.writeable = False
    return InflowModel(psi, base, sigma, order, lags, given=np.ones(shape[0], np.bool_))


def passing_loads(model: LoadModel, given: GivenValues) -> LoadModel:
    """A load model that passes given loads on at their stages."""
    mean, std = model.mean_mw.copy(), model.std_mw.copy()
    place = np.ix_(given.positions, np.flatnonzero(given.at))
    mean[place], std[place] = 0.0, 1.0
    return replace(model, mean_mw=mean, std_mw=std)


def passing_availability(model: AvailabilityModel, given: GivenValues) -> AvailabilityModel:
    """An availability model that passes given fractions on at their stages."""
    mean, std, known = model.mean.copy(), model.std.copy(), model.has_statistics.copy()
    place = np.ix_(given.positions, np.flatnonzero(given.at))
    mean[place], std[place], known[place] = 0.0, 1.0, True
    return replace(model, mean=mean, std=std, has_statistics=known)


def entries(layout: NoiseLayout, kind: NoiseClass, given: GivenValues) -> NDArray[np.int64]:
    """Entries of a noise vector that the values of a class belong to, ``[entity]``."""
    segment = layout.segment(kind)
    known = {NoiseClass.LOAD: layout.load_buses, NoiseClass.NCS: layout.sources}.get(
        kind, np.arange(layout.n_hydros)
    )
    places: NDArray[np.int64] = segment.start + np.searchsorted(known, given.positions)
    return places
