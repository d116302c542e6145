"""The cuts of one stage of a policy, as arrays and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from headwater.sddp.cuts.fields import CUT_FIELDS, CutFields
from headwater.sddp.cuts.pool import CutPool

if TYPE_CHECKING:
    from headwater.core.state import StateLayout


class Cuts(CutFields):
    """The cuts of one stage, ordered by slot: copies of what a pool knows of them.

    ``future cost >= intercept + coefficients . outgoing state``. What else is known of them is an
    array ``[cut]`` for each of `CutFields`.

    Args:
        pool: where they are.
        layout: meaning of the state components.
        stage_id: the stage.
        inactive: whether to include cuts that were deactivated.

    Attributes:
        slot: ``[cut]`` place in the pool.
        coefficients: ``[cut, state]`` in $/hm3, $/(m3/s) and $/MW.
    """

    def __init__(
        self, pool: CutPool, layout: StateLayout, stage_id: int, *, inactive: bool = False
    ) -> None:
        self.stage_id, self.layout = stage_id, layout
        self.slot = np.arange(pool.n_populated) if inactive else pool.active_slots()
        self.coefficients = pool.coefficients[self.slot]
        for field in CUT_FIELDS:
            setattr(self, field.name, getattr(pool, field.name)[self.slot])

    def frame(self) -> pl.DataFrame:
        """One row per cut: what is known of it, and a column per component of the state.

        Components are named as in `StateLayout.names`.
        """
        known: dict[str, Any] = {
            "stage_id": np.full(len(self.slot), self.stage_id, np.int64),
            "slot": self.slot,
        }
        known |= {field.column: getattr(self, field.name) for field in CUT_FIELDS if field.column}
        slopes = {name: self.coefficients[:, i] for i, name in enumerate(self.layout.names)}
        return pl.DataFrame({**known, **slopes})

    def __len__(self) -> int:
        return len(self.slot)

    def __repr__(self) -> str:
        return (
            f"<Cuts of stage {self.stage_id}: {int(self.active.sum())} active of {len(self)}, "
            f"{self.layout.dimension} states>"
        )
