"""Ids of entities, and what stands where there is none."""

from __future__ import annotations

from typing import Final, NewType

EntityId = NewType("EntityId", int)
"""Number by which a case names an entity; not its position among those of its kind."""

NONE: Final = -1
"""Position that stands for "no entity": water leaves the system, no diversion."""

ABSENT: Final = -1
"""Position of a column or row that does not exist in a stage."""
