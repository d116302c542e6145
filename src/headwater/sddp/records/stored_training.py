"""A training state as arrays, which a policy carries so that training can go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from headwater.sddp.records.training import Account, IterationRecord

StageArrays = Mapping[str, NDArray[Any]]
"""Named arrays of one stage."""


@dataclass(frozen=True)
class StoredTraining:
    """A training state as arrays, to be written down and gone on from later.

    Attributes:
        history: one record per complete iteration.
        parts: part -> one record of named arrays per stage. ``bases``: bases of the trajectories
            and of the bound; left out, training goes on from cold bases, as well but not with the
            same last bits. ``states``: the visited states. ``vertices``: the inner approximation
            that the upper bound rests on.
        counts: what the solvers have done.
        account: what else is told of the iterations.
    """

    history: tuple[IterationRecord, ...] = ()
    parts: Mapping[str, tuple[StageArrays, ...]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    account: Account = field(default_factory=Account)

    def without_bases(self) -> StoredTraining:
        """The same without solver bases."""
        return replace(
            self, parts={name: part for name, part in self.parts.items() if name != "bases"}
        )
