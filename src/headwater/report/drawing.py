"""Pictures as data for plotly, put together without it: a page needs to build no figure."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from headwater.errors import UsageError
from headwater.report.theme import fan_color, theme

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MISSING_PLOTLY = "pictures need plotly: pip install 'headwater[report]'"
"""What to say where plotly is not installed."""

LONGEST_LABEL = 40
"""Characters of a name that a picture shows; lists show all of it."""


@dataclass(frozen=True)
class Drawing:
    """One picture.

    Attributes:
        title: what it shows, as plain text.
        traces: traces of plotly.
        x_title, y_title: titles of the axes, with units; plain text.
        layout: more of plotly's layout.
    """

    title: str
    traces: Sequence[Mapping[str, Any]]
    x_title: str
    y_title: str
    layout: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Data and layout for plotly; texts are escaped, for plotly reads mark-up in them."""
        layout: dict[str, Any] = {
            "title": {"text": escaped(self.title)},
            "hovermode": "x unified",
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.02,
                "yanchor": "bottom",
            },
            "margin": {"l": 64, "r": 16, "t": 64, "b": 48},
        }
        layout = {**layout, **self.layout}
        layout["xaxis"] = {
            "title": {"text": escaped(self.x_title)},
            "automargin": True,
            **layout.get("xaxis", {}),
        }
        layout["yaxis"] = {
            "title": {"text": escaped(self.y_title)},
            "automargin": True,
            **layout.get("yaxis", {}),
        }
        return {"data": [dict(trace) for trace in self.traces], "layout": layout}

    def figure(self) -> Figure:
        """The picture as a figure of plotly.

        Raises:
            UsageError: plotly is not installed.
        """
        require_plotly()
        import plotly.graph_objects as go

        figure = go.Figure(self.to_dict())
        light = theme()["light"]
        axis = {
            "gridcolor": light["grid"],
            "zerolinecolor": light["zero"],
            "linecolor": light["zero"],
        }
        figure.update_layout(
            template="none",
            colorway=theme()["series"],
            font={"color": light["ink"], "family": "system-ui, sans-serif"},
            paper_bgcolor=light["paper"],
            plot_bgcolor=light["paper"],
        )
        figure.update_xaxes(**axis)
        figure.update_yaxes(**axis)
        return figure


def plotly_is_there() -> bool:
    """Whether pictures can be drawn."""
    try:
        import plotly.graph_objects  # noqa: F401
    except ImportError:
        return False
    return True


def require_plotly() -> None:
    """Say what to install where plotly is not.

    Raises:
        UsageError: it is not installed.
    """
    if not plotly_is_there():
        raise UsageError(MISSING_PLOTLY)


def escaped(text: str) -> str:
    """A text of which plotly shows every character: it takes some mark-up for its own."""
    return html.escape(text, quote=False)


def shortened(text: str, longest: int = LONGEST_LABEL) -> str:
    """A text that fits a legend or a title."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def numbers(values: Iterable[float | None]) -> list[float | None]:
    """Numbers as JSON can hold them: what is not finite is left out."""
    return [None if value is None or not math.isfinite(value) else float(value) for value in values]


_SHORTEST_MONTH_DAYS, _YEAR_DAYS = 27, 366


def date_axis(days: Sequence[str]) -> dict[str, str]:
    """An axis of dates: months, or days where stages are shorter than a month.

    Args:
        days: ISO dates at which stages begin or end, ascending.
    """
    at = [date.fromisoformat(day) for day in days]
    if any((later - earlier).days < _SHORTEST_MONTH_DAYS for earlier, later in pairwise(at)):
        return {"type": "date", "hoverformat": "%d %b %Y"}
    axis = {"type": "date", "hoverformat": "%b %Y"}
    if at and (at[-1] - at[0]).days <= _YEAR_DAYS:
        axis["dtick"] = "M1"  # left alone, plotly marks days within the few months
    return axis


def line(
    x: Sequence[Any], y: Iterable[float | None], name: str, color: str, **more: Any
) -> dict[str, Any]:
    """A line; ``dash``, ``width`` and ``shape`` say what kind."""
    style: dict[str, Any] = {"color": color, "width": 2}
    style.update((key, more.pop(key)) for key in ("dash", "width", "shape") if key in more)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": numbers(y),
        "name": escaped(name),
        "line": style,
        **more,
    }


def band(
    x: Sequence[Any],
    low: Iterable[float | None],
    high: Iterable[float | None],
    names: tuple[str, str],
    opacity: float,
) -> list[dict[str, Any]]:
    """The area between two lines; only the lower one, which fills it, stands in the legend."""
    none = {"width": 0}
    upper = {**line(x, high, names[1], "rgba(0,0,0,0)"), "line": none, "showlegend": False}
    lower = {
        **line(x, low, names[0], "rgba(0,0,0,0)"),
        "line": none,
        "fill": "tonexty",
        "fillcolor": fan_color(opacity),
    }
    return [upper, lower]


def bars(
    x: Sequence[Any], y: Iterable[float | None], name: str, color: str, **more: Any
) -> dict[str, Any]:
    """Bars, stacked on each other where the layout says so."""
    marker = {"color": color, "line": {"width": 0}}
    return {
        "type": "bar",
        "x": list(x),
        "y": numbers(y),
        "name": escaped(name),
        "marker": marker,
        **more,
    }


def heat(
    x: Sequence[Any], y: Sequence[str], z: Sequence[Sequence[float | None]], title: str, **more: Any
) -> dict[str, Any]:
    """A table of numbers as colours; ``title`` stands at the scale of colours."""
    scale = {"title": {"text": escaped(title), "side": "right"}, "thickness": 12}
    return {
        "type": "heatmap",
        "x": list(x),
        "y": [escaped(one) for one in y],
        "z": [numbers(row) for row in z],
        "colorscale": theme()["scale"],
        "colorbar": scale,
        "hoverongaps": False,
        **more,
    }
