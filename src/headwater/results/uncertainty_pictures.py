"""Pictures of history and model for a person: seasonal bands, correlograms, sample paths. Needs plotly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headwater import files
from headwater.errors import ResultsError
from headwater.stochastic import Uncertainty
from headwater.stochastic.order import Z_ALPHA

MISSING_PLOTLY = "pictures need plotly: pip install 'headwater[report]'"
"""What to say where plotly is not installed."""

_BAND = 1.96
_SHOWN_PATHS = 20


def plotly_is_there() -> bool:
    """Whether pictures can be drawn."""
    try:
        import plotly.graph_objects  # noqa: F401
    except ImportError:
        return False
    return True


def write_pictures(path: Path, uncertainty: Uncertainty, trajectories: pl.DataFrame | None = None) -> Path:
    """Write one self-contained HTML page with the pictures of every hydro.

    Args:
        path: the page.
        uncertainty: of a study.
        trajectories: sampled trajectories to show; ``None`` shows none.

    Raises:
        ResultsError: plotly is not installed.
    """
    if not plotly_is_there():
        raise ResultsError(MISSING_PLOTLY)
    parts: list[str] = []
    for figure in figures(uncertainty, trajectories):
        parts.append(figure.to_html(full_html=False, include_plotlyjs="inline" if not parts else False))
    page = "<!doctype html>\n<meta charset='utf-8'>\n<title>Inflow models</title>\n" + "\n".join(parts) + "\n"
    files.write_text(path, page)
    return path


def figures(uncertainty: Uncertainty, trajectories: pl.DataFrame | None = None) -> list[Any]:
    """The pictures as plotly figures: for each hydro history with seasonal bands, correlogram, and sampled paths."""
    found = []
    for h, hydro in enumerate(uncertainty.system.hydros):
        name = f"hydro {hydro.id} {hydro.name}".strip()
        for fit in uncertainty.estimation.cycles:
            found.append(_seasons(fit, h, name))
            found.append(_correlogram(fit, h, name))
        if trajectories is not None:
            found.append(_paths(trajectories, hydro.id, name))
    return found


def _seasons(fit: Any, h: int, name: str) -> Any:
    import plotly.graph_objects as go

    seasons = [str(s) for s in fit.history.season_ids]
    figure = go.Figure()
    for year, row in enumerate(fit.history.values_m3s[h], start=fit.history.first_year):
        figure.add_scatter(
            x=seasons,
            y=row,
            mode="lines",
            line={"color": "rgba(120,120,120,0.35)", "width": 1},
            name=str(year),
            showlegend=False,
        )
    mean, std = fit.statistics.mean_m3s[h], fit.statistics.std_m3s[h]
    low, high = mean - _BAND * std, mean + _BAND * std
    figure.add_scatter(x=seasons, y=high, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip")
    figure.add_scatter(
        x=seasons,
        y=low,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor="rgba(31,119,180,0.2)",
        name="95 % of a year",
    )
    figure.add_scatter(x=seasons, y=mean, mode="lines+markers", line={"color": "rgb(31,119,180)"}, name="mean")
    figure.update_layout(title=f"{name}: history and fitted seasons", xaxis_title="season", yaxis_title="inflow, m3/s")
    return figure


def _correlogram(fit: Any, h: int, name: str) -> Any:
    import plotly.graph_objects as go

    rho = fit.correlograms[h].rho[:, 1:]
    limit = Z_ALPHA / np.sqrt(max(int(fit.statistics.n_obs[h].max()), 1))
    lags = list(range(1, rho.shape[1] + 1))
    figure = go.Figure(
        go.Heatmap(
            z=rho, x=lags, y=[str(s) for s in fit.history.season_ids], zmin=-1, zmax=1, colorscale="RdBu", reversescale=True
        )
    )
    figure.update_layout(
        title=f"{name}: correlation with the past (beyond ±{limit:.2f} it differs from noise)",
        xaxis_title="seasons back",
        yaxis_title="season",
    )
    return figure


def _paths(trajectories: pl.DataFrame, hydro_id: int, name: str) -> Any:
    import plotly.graph_objects as go

    rows = trajectories.filter((pl.col("class") == "inflow") & (pl.col("entity_id") == hydro_id))
    figure = go.Figure()
    for (scenario,), path in rows.group_by(["scenario_id"], maintain_order=True):
        if int(str(scenario)) < _SHOWN_PATHS:
            figure.add_scatter(
                x=path["stage_id"], y=path["value"], mode="lines", line={"width": 1}, name=f"scenario {scenario}"
            )
    bands = rows.group_by("stage_id", maintain_order=True).agg(
        low=pl.col("value").quantile(0.025), mean=pl.col("value").mean(), high=pl.col("value").quantile(0.975)
    )
    figure.add_scatter(x=bands["stage_id"], y=bands["high"], mode="lines", line={"width": 0}, showlegend=False)
    figure.add_scatter(
        x=bands["stage_id"],
        y=bands["low"],
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor="rgba(31,119,180,0.2)",
        name="95 % of scenarios",
    )
    figure.add_scatter(x=bands["stage_id"], y=bands["mean"], mode="lines", line={"color": "black"}, name="mean")
    figure.update_layout(title=f"{name}: sampled inflows", xaxis_title="stage", yaxis_title="inflow, m3/s")
    return figure
