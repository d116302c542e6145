"""What stands where there is no entity, or no column or row of it."""

from __future__ import annotations

from typing import Final

NONE: Final = -1
"""Position that stands for "no entity": water leaves the system, no diversion."""

ABSENT: Final = -1
"""Position of a column or row that does not exist in a stage."""
