"""Units that the endings of names show."""

from __future__ import annotations

_UNITS = (
    ("_mw_per_m3s", "MW/(m3/s)"),
    ("_mw_per_hour", "MW/h"),
    ("_per_mwh", "$/MWh"),
    ("_hm3", "hm3"),
    ("_m3s", "m3/s"),
    ("_mw", "MW"),
    ("_mwh", "MWh"),
    ("_km2", "km2"),
    ("_mm", "mm"),
    ("_m", "m"),
    ("_mb", "MB"),
    ("_percent", "%"),
    ("_degrees", "degrees"),
    ("hours", "h"),
    ("minutes", "min"),
    ("seconds", "s"),
)
"""Ending of a name -> unit."""


def unit_of(name: str) -> str:
    """Unit that the ending of a name shows; empty where it shows none."""
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "")
