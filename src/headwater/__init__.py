"""Headwater plans the operation of hydrothermal power systems under uncertainty."""

from headwater._version import __version__

__all__ = ["__version__"]
