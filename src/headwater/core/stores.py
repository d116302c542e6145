"""What equipment keeps from stage to stage, as pictures and pages need to know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Store:
    """What entities of a kind keep from stage to stage, for pictures.

    Attributes:
        table: result table that tells it.
        initial, final, worth: its columns of the amount at the start and at the end of the stage,
            and of what one more unit is worth at the start.
        words: what is kept, e.g. ``"stored energy"``.
        unit: it is counted in.
    """

    table: str
    initial: str
    final: str
    worth: str
    words: str
    unit: str
