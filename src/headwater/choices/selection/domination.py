"""Domination: what is highest somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from headwater.arrays import Mask
from headwater.core.choices import CUT_SELECTIONS, PoolView, SelectionMethod
from headwater.core.fields import NonNegative
from headwater.errors import ModelError


@dataclass(frozen=True)
class Domination(SelectionMethod):
    """Deactivate cuts that others dominate.

    Those that lie by more than ``domination_epsilon`` $ below another one at every visited state.

    Pfeiffer, Apparigliato and Auchapt 2012, "Two methods of pruning Benders' cuts". What speaks
    against it: visited states take memory, and comparing all cuts at all of them takes time.
    """

    domination_epsilon: Annotated[NonNegative, "distance below the highest cut, $"] = 0.0

    type: ClassVar[str] = "domination"
    place: ClassVar[int] = 20
    needs_states: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.domination_epsilon < 0:
            raise ModelError(
                f"the epsilon of domination must not be negative, got {self.domination_epsilon}"
            )

    def useless(self, pool: PoolView, iteration: int) -> Mask:  # noqa: ARG002
        """Cuts that no visited state needs."""
        return pool.below_others(self.domination_epsilon)


CUT_SELECTIONS.add(Domination)
