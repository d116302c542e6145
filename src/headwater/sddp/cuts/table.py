"""The cuts of one stage of a policy, as arrays and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater.sddp.cuts.pool import FIELDS, CutPool

if TYPE_CHECKING:
    from headwater.core.state import StateLayout


@dataclass(frozen=True)
class Cuts:
    """The cuts of one stage, ordered by slot.

    ``future cost >= intercept + coefficients . outgoing state``.

    Attributes:
        stage_id: the stage.
        layout: meaning of the state components.
        slot: ``[cut]``.
        intercepts: ``[cut]`` in $.
        coefficients: ``[cut, state]`` in $/hm3, $/(m3/s) and $/MW.
        active: ``[cut]`` whether the cut counts.
        born_at: ``[cut]`` iteration (1-based), -1 for a cut of an earlier policy, -2 for one that
            values what follows the horizon.
        forward_pass: ``[cut]`` trajectory (0-based) whose state the cut was made at.
        opening: ``[cut]`` opening whose cost alone the cut bounds, -1 for all together.
        times_binding: ``[cut]`` solves in which it was binding.
        last_binding: ``[cut]`` last iteration in which it was.
    """

    stage_id: int
    layout: StateLayout
    slot: NDArray[np.int64]
    intercepts: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    active: NDArray[np.bool_]
    born_at: NDArray[np.int32]
    forward_pass: NDArray[np.int32]
    opening: NDArray[np.int32]
    times_binding: NDArray[np.int64]
    last_binding: NDArray[np.int32]

    def frame(self) -> pl.DataFrame:
        """One row per cut: what is known of it, and a column per component of the state.

        Components are named as in `StateLayout.names`.
        """
        columns: dict[str, Any] = {
            "stage_id": np.full(len(self.slot), self.stage_id, np.int64),
            "slot": self.slot,
            "iteration": self.born_at,
            "forward_pass": self.forward_pass,
            "opening": self.opening,
            "active": self.active,
            "times_binding": self.times_binding,
            "last_binding": self.last_binding,
            "intercept": self.intercepts,
        }
        slopes = {name: self.coefficients[:, i] for i, name in enumerate(self.layout.names)}
        return pl.DataFrame({**columns, **slopes})

    def __len__(self) -> int:
        return len(self.slot)

    def __repr__(self) -> str:
        return (
            f"<Cuts of stage {self.stage_id}: {int(self.active.sum())} active of {len(self)}, "
            f"{self.layout.dimension} states>"
        )

    @classmethod
    def of_pool(
        cls, pool: CutPool, layout: StateLayout, stage_id: int, *, inactive: bool = False
    ) -> Cuts:
        """Cuts of a pool: copies.

        Args:
            pool: the pool.
            layout: meaning of the state.
            stage_id: its stage.
            inactive: whether to include cuts that were deactivated.
        """
        slots = np.arange(pool.n_populated) if inactive else pool.active_slots()
        known = {
            name: getattr(pool, name)[slots] for name in FIELDS if name in cls.__dataclass_fields__
        }
        return cls(
            stage_id=stage_id,
            layout=layout,
            slot=slots,
            coefficients=pool.coefficients[slots],
            **known,
        )
