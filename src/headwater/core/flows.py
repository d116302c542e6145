"""Energy that a kind of equipment gives to a bus or takes from it, as results show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BusFlow:
    """A flow of energy between a bus and the entities of a kind.

    Attributes:
        name: name of the flow, e.g. ``"discharge"``; kinds may share one.
        words: what people call it.
        table: result table that holds it, a row for every block.
        column: column of it: power in MW, or energy in MWh where the name ends so.
        takes: whether it is taken from the bus.
        only: field of the entity in ``topology.json`` and the value that it must have; all count
            where it is empty.
        color: colour in pictures; empty for that of a theme.
        place: order in which flows are stacked.
    """

    name: str
    words: str
    table: str
    column: str
    takes: bool = False
    only: tuple[str, str] | tuple[()] = ()
    color: str = ""
    place: int = 1000

    @property
    def is_energy(self) -> bool:
        """Whether the column holds energy in place of power."""
        return self.column.endswith("_mwh")
