"""What each entry of a noise vector belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import frozen
from headwater.errors import ModelError
from headwater.model import NoiseClass, System


@dataclass(frozen=True, eq=False)
class NoiseLayout:
    """Order of a noise vector.

    All hydros, then the buses with stochastic load, then the sources with statistics.

    A hydro that does not operate yet keeps its entry.

    Attributes:
        n_hydros: number of hydros.
        load_buses: positions of the buses whose load has a deviation above zero at some stage, or
            is given, ascending.
        sources: positions of the non-controllable sources with availability statistics or given
            availability, ascending.
    """

    n_hydros: int
    load_buses: NDArray[np.int64]
    sources: NDArray[np.int64]

    @property
    def dim(self) -> int:
        """Length of a noise vector."""
        return self.n_hydros + len(self.load_buses) + len(self.sources)

    @property
    def inflow(self) -> slice:
        """Entries of the hydros."""
        return slice(0, self.n_hydros)

    @property
    def load(self) -> slice:
        """Entries of the buses in `load_buses`."""
        return slice(self.n_hydros, self.n_hydros + len(self.load_buses))

    @property
    def ncs(self) -> slice:
        """Entries of the sources in `sources`."""
        return slice(self.n_hydros + len(self.load_buses), self.dim)

    def segment(self, noise_class: NoiseClass) -> slice:
        """Entries of one class."""
        return {
            NoiseClass.INFLOW: self.inflow,
            NoiseClass.LOAD: self.load,
            NoiseClass.NCS: self.ncs,
        }[noise_class]


def noise_layout(
    system: System, buses: Iterable[int] = (), sources: Iterable[int] = ()
) -> NoiseLayout:
    """Find which quantities of a system are random.

    Args:
        system: the power system.
        buses: positions of buses that have a load of their own in every opening.
        sources: positions of sources that have an availability of their own in every opening.

    Raises:
        ModelError: statistics name an unknown bus or source.
    """
    loads = set(buses)
    for load in system.load_statistics:
        if load.bus_id not in system.bus_index:
            raise ModelError(f"load statistics name bus {load.bus_id}, which does not exist")
        if load.std_mw > 0.0:
            loads.add(system.bus_index[load.bus_id])
    known = set(sources)
    for availability in system.availability_statistics:
        if availability.ncs_id not in system.ncs_index:
            raise ModelError(
                f"availability statistics name source {availability.ncs_id}, which does not exist"
            )
        known.add(system.ncs_index[availability.ncs_id])
    return NoiseLayout(
        len(system.hydros), frozen(sorted(loads), np.int64), frozen(sorted(known), np.int64)
    )
