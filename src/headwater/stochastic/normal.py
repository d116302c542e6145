"""Loads and availabilities as normal variables cut at their physical limits."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array, frozen
from headwater.errors import ModelError
from headwater.model import NoiseClass, System
from headwater.stochastic.layout import NoiseLayout

_BIAS = 0.02
"""Share of the mean by which cutting at the limits may move it."""


@dataclass(frozen=True, eq=False)
class LoadModel:
    """Load of every bus: ``max(0, mean + std * eta) * factor``.

    Attributes:
        mean_mw, std_mw: ``[bus, stage]``; zero at buses without statistics.
        factor: ``[bus, stage, block]``, blocks padded.
        load_buses: positions of the buses that own a noise entry.
        n_blocks: blocks of each stage.
    """

    mean_mw: Array
    std_mw: Array
    factor: Array
    load_buses: NDArray[np.int64]
    n_blocks: tuple[int, ...]

    def load_mw(
        self,
        stage_index: int,
        eta_load: Array,
        given: tuple[NDArray[np.int64], Array] | None = None,
    ) -> Array:
        """Load in MW, ``[scenario, bus, block]`` with the blocks of this stage.

        Args:
            stage_index: position of the stage.
            eta_load: standardised noise ``[scenario, entry of load_buses]``.
            given: positions of buses and their loads ``[scenario, position]`` in MW, in place of
                mean and noise.
        """
        level = np.repeat(self.mean_mw[None, :, stage_index], len(eta_load), axis=0)
        level[:, self.load_buses] += self.std_mw[self.load_buses, stage_index] * eta_load
        if given is not None:
            level[:, given[0]] = given[1]
        np.maximum(level, 0.0, out=level)
        return level[:, :, None] * self.factor[None, :, stage_index, : self.n_blocks[stage_index]]


@dataclass(frozen=True, eq=False)
class AvailabilityModel:
    """Power that every non-controllable source can give.

    With statistics ``capacity * clip(mean + std * eta, 0, 1) * factor``, without them the available
    power times the factor; never more than the capacity.

    Attributes:
        capacity_mw: ``[source]``.
        deterministic_mw: ``[source, stage]``, available power where there are no statistics.
        has_statistics: ``[source, stage]``.
        mean, std: fractions of the capacity, ``[source, stage]``; zero without statistics.
        factor: ``[source, stage, block]``, blocks padded.
        sources: positions of the sources that own a noise entry.
        n_blocks: blocks of each stage.
    """

    capacity_mw: Array
    deterministic_mw: Array
    has_statistics: NDArray[np.bool_]
    mean: Array
    std: Array
    factor: Array
    sources: NDArray[np.int64]
    n_blocks: tuple[int, ...]

    def available_mw(
        self, stage_index: int, eta_ncs: Array, given: tuple[NDArray[np.int64], Array] | None = None
    ) -> Array:
        """Available power in MW, ``[scenario, source, block]`` with the blocks of this stage.

        Args:
            stage_index: position of the stage.
            eta_ncs: standardised noise ``[scenario, entry of sources]``.
            given: positions of sources and their fractions ``[scenario, position]``, in place of
                mean and noise.
        """
        n_scenarios = len(eta_ncs)
        fraction = np.repeat(self.mean[None, :, stage_index], n_scenarios, axis=0)
        fraction[:, self.sources] += self.std[self.sources, stage_index] * eta_ncs
        drawn = self.capacity_mw * np.clip(fraction, 0.0, 1.0)
        level = np.where(
            self.has_statistics[:, stage_index], drawn, self.deterministic_mw[:, stage_index]
        )
        if given is not None:
            level[:, given[0]] = self.capacity_mw[given[0]] * np.clip(given[1], 0.0, 1.0)
        available = (
            level[:, :, None] * self.factor[None, :, stage_index, : self.n_blocks[stage_index]]
        )
        return np.minimum(available, self.capacity_mw[None, :, None])


def build_load_model(system: System, layout: NoiseLayout) -> LoadModel:
    """Tables of the load.

    Raises:
        ModelError: statistics that are not finite or negative deviations, unknown stages, or a bus
            with statistics at some stages only.
    """
    shape = (len(system.buses), len(system.stages))
    mean, std, given = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.bool_)
    for row in system.load_statistics:
        stage = _stage(system, row.stage_id, f"load statistics of bus {row.bus_id}")
        _check_normal(
            row.mean_mw, row.std_mw, f"load statistics of bus {row.bus_id} at stage {row.stage_id}"
        )
        bus = system.bus_index[row.bus_id]
        mean[bus, stage], std[bus, stage], given[bus, stage] = row.mean_mw, row.std_mw, True
    for incomplete in np.flatnonzero(given.any(axis=1) & ~given.all(axis=1)):
        missing = [system.stages[t].id for t in np.flatnonzero(~given[incomplete])]
        raise ModelError(
            f"bus {system.buses[incomplete].id} has load statistics at some stages but not at "
            f"stage(s) {', '.join(map(str, missing))}; give a row for each study stage"
        )
    return LoadModel(
        frozen(mean), frozen(std), system.load_factor, layout.load_buses, _blocks(system)
    )


def build_availability_model(system: System, layout: NoiseLayout) -> AvailabilityModel:
    """Tables of the availability.

    Raises:
        ModelError: a mean outside [0, 1], a deviation that is negative or not finite, or an unknown
            stage.
    """
    shape = (len(system.non_controllables), len(system.stages))
    mean, std, given = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.bool_)
    for row in system.availability_statistics:
        what = f"availability statistics of source {row.ncs_id}"
        stage = _stage(system, row.stage_id, what)
        _check_normal(row.mean, row.std, f"{what} at stage {row.stage_id}")
        if not 0.0 <= row.mean <= 1.0:
            raise ModelError(
                f"{what} at stage {row.stage_id}: the mean is a fraction of the capacity in [0, "
                f"1], got {row.mean}"
            )
        source = system.ncs_index[row.ncs_id]
        mean[source, stage], std[source, stage], given[source, stage] = row.mean, row.std, True
    given.flags.writeable = False
    return AvailabilityModel(
        capacity_mw=frozen(
            np.array([source.max_generation_mw for source in system.non_controllables], np.float64)
        ),
        deterministic_mw=system.bounds.non_controllable.available_generation_mw,
        has_statistics=given,
        mean=frozen(mean),
        std=frozen(std),
        factor=system.ncs_factor,
        sources=layout.sources,
        n_blocks=_blocks(system),
    )


def truncation_warnings(system: System, known: Collection[NoiseClass] = ()) -> tuple[str, ...]:
    """Loads and availabilities that their limits shift, in words.

    Those whose mean moves by more than 2 % when they are cut at their limits.

    Args:
        system: the power system.
        known: classes whose statistics nobody draws from.
    """
    warnings = []
    loads = () if NoiseClass.LOAD in known else system.load_statistics
    sources = () if NoiseClass.NCS in known else system.availability_statistics
    for what, rows in (
        ("load of bus", [(r.bus_id, r.stage_id, r.mean_mw, r.std_mw, np.inf) for r in loads]),
        ("availability of source", [(r.ncs_id, r.stage_id, r.mean, r.std, 1.0) for r in sources]),
    ):
        shifted: dict[int, list[int]] = {}
        for entity_id, stage_id, mean, std, limit in rows:
            if std > 0.0 and abs(_cut_mean(mean, std, limit) - mean) > _BIAS * abs(mean):
                shifted.setdefault(entity_id, []).append(stage_id)
        for entity_id, stages in sorted(shifted.items()):
            warnings.append(
                f"the {what} {entity_id} is cut at its limits so often that its mean moves by "
                f"more than 2 % at {len(stages)} stage(s), the first being {stages[0]}"
            )
    return tuple(warnings)


def _cut_mean(mean: float, std: float, limit: float) -> float:
    """Mean of a normal variable that is cut at 0 and at a limit."""
    from scipy.special import ndtr  # takes long to import, and most studies do without

    low, high = -mean / std, (limit - mean) / std

    def density(x: float) -> float:
        return float(np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi))

    inside = mean * float(ndtr(high) - ndtr(low)) + std * (
        density(low) - (density(high) if np.isfinite(high) else 0.0)
    )
    return inside + (limit * float(ndtr(-high)) if np.isfinite(limit) else 0.0)


def _stage(system: System, stage_id: int, what: str) -> int:
    if stage_id not in system.stage_index:
        raise ModelError(f"{what} name stage {stage_id}, which is not a study stage")
    return system.stage_index[stage_id]


def _check_normal(mean: float, std: float, what: str) -> None:
    if not (np.isfinite(mean) and np.isfinite(std) and std >= 0.0):
        raise ModelError(
            f"{what}: expected a finite mean and a deviation of at least 0, got mean {mean} and "
            f"deviation {std}"
        )


def _blocks(system: System) -> tuple[int, ...]:
    return tuple(len(stage.blocks) for stage in system.stages)
