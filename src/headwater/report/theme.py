"""Colours of pictures, for Python and for the page; they stand in ``templates/theme.json``."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def theme() -> dict[str, Any]:
    """Colours of sources, series, scenarios, and of the light and the dark background."""
    content: dict[str, Any] = json.loads(
        (files(__package__) / "templates" / "theme.json").read_text(encoding="utf-8")
    )
    return content


def source_color(source: str, place: int = 0) -> str:
    """Colour of a source or a use of energy; for others than those of the theme one by place."""
    return str(theme()["sources"].get(source) or series_color(place))


def series_color(position: int) -> str:
    """Colour of one of several like series."""
    colors = theme()["series"]
    return str(colors[position % len(colors)])


def fan_color(opacity: float) -> str:
    """Colour of a band of a fan chart."""
    return f"rgba({theme()['fan']},{opacity:g})"
