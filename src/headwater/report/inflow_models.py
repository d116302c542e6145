"""Pictures of history and model for a person: seasonal bands, correlograms, sample paths. Needs plotly."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headwater import files
from headwater.arrays import Array
from headwater.errors import ResultsError
from headwater.model import NoiseClass, System
from headwater.stochastic import Uncertainty
from headwater.stochastic.order import Z_ALPHA

MISSING_PLOTLY = "pictures need plotly: pip install 'headwater[report]'"
"""What to say where plotly is not installed."""

_BAND = 1.96
_SHOWN_PATHS = 20
_INK, _THREAD, _SHADE = "rgb(31,119,180)", "rgba(110,110,110,0.35)", "rgba(31,119,180,0.18)"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ font-family: sans-serif; color: #222; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}</style>
<h1>{title}</h1>
<p>{introduction}</p>
{body}
</html>
"""


def plotly_is_there() -> bool:
    """Whether pictures can be drawn."""
    try:
        import plotly.graph_objects  # noqa: F401
    except ImportError:
        return False
    return True


def write_pictures(
    path: Path, uncertainty: Uncertainty, trajectories: pl.DataFrame | None = None
) -> Path:
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
        parts.append(
            figure.to_html(full_html=False, include_plotlyjs="inline" if not parts else False)
        )
    hydros, stages = uncertainty.system.hydros, uncertainty.system.stages
    introduction = html.escape(
        f"{len(hydros)} rivers, {len(stages)} stages from {stages[0].start_date} to {stages[-1].end_date}. "
        "Grey lines are observed years or sampled scenarios, blue is what the model says of them."
    )
    files.write_text(
        path, _PAGE.format(title="Inflow models", introduction=introduction, body="\n".join(parts))
    )
    return path


def figures(uncertainty: Uncertainty, trajectories: pl.DataFrame | None = None) -> list[Any]:
    """The pictures as plotly figures.

    For each hydro its history with seasonal bands, its correlogram, and sampled paths; at the end the correlation of the noise
    of the rivers, where there is one.
    """
    found = []
    for h, hydro in enumerate(uncertainty.system.hydros):
        name = f"hydro {hydro.id} {hydro.name}".strip()
        for fit in uncertainty.estimation.cycles:
            seasons = _season_names(uncertainty.system, fit.history.season_ids)
            found.append(_seasons(fit, h, name, seasons))
            found.append(_correlogram(fit, h, name, seasons))
        if trajectories is not None:
            found.append(_paths(uncertainty.system, trajectories, hydro.id, name))
    return found + _noise_correlation(uncertainty.system)


def _season_names(system: System, season_ids: tuple[int | None, ...]) -> list[str]:
    labels = (
        {}
        if system.season_map is None
        else {season.id: season.label for season in system.season_map.seasons}
    )
    names = [str(labels.get(i) or i) if i is not None else "-" for i in season_ids]
    return (
        names
        if len(set(names)) == len(names)
        else [f"{i} {name}" for i, name in zip(season_ids, names, strict=True)]
    )


def _laid_out(figure: Any, title: str, x: str, y: str) -> Any:
    figure.update_layout(
        title=title,
        xaxis_title=x,
        yaxis_title=y,
        template="plotly_white",
        height=420,
        margin={"t": 60, "b": 50, "l": 70, "r": 20},
    )
    return figure


def _threads(figure: Any, x: list[str], rows: Array, name: str) -> None:
    """Many thin lines as one trace, with gaps between them."""
    gap = np.full((len(rows), 1), np.nan)
    figure.add_scatter(
        x=[*x, None] * len(rows),
        y=np.hstack([rows, gap]).ravel(),
        mode="lines",
        line={"color": _THREAD, "width": 1},
        name=name,
        hoverinfo="skip",
    )


def _band(figure: Any, x: list[str], low: Array, high: Array, name: str) -> None:
    figure.add_scatter(
        x=x, y=high, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip"
    )
    figure.add_scatter(
        x=x,
        y=low,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=_SHADE,
        name=name,
        hoverinfo="skip",
    )


def _seasons(fit: Any, h: int, name: str, seasons: list[str]) -> Any:
    import plotly.graph_objects as go

    figure, history = go.Figure(), fit.history
    mean, std = fit.statistics.mean_m3s[h], fit.statistics.std_m3s[h]
    first, last = history.first_year, history.first_year + history.values_m3s.shape[1] - 1
    _band(figure, seasons, mean - _BAND * std, mean + _BAND * std, f"mean ± {_BAND} deviations")
    _threads(figure, seasons, history.values_m3s[h], f"{first} to {last}")
    figure.add_scatter(x=seasons, y=mean, mode="lines+markers", line={"color": _INK}, name="mean")
    return _laid_out(figure, f"{name}: history and fitted seasons", "season", "inflow, m3/s")


def _correlogram(fit: Any, h: int, name: str, seasons: list[str]) -> Any:
    import plotly.graph_objects as go

    rho = fit.correlograms[h].rho[:, 1:]
    limit = Z_ALPHA / np.sqrt(max(int(fit.statistics.n_obs[h].max()), 1))
    lags = [str(lag) for lag in range(1, rho.shape[1] + 1)]
    figure = go.Figure(go.Heatmap(z=rho, x=lags, y=seasons, zmin=-1, zmax=1, colorscale="RdBu"))
    figure.update_xaxes(type="category")
    figure.update_yaxes(autorange="reversed", type="category")
    title = f"{name}: correlation with the past (within ±{limit:.2f} it may be chance)"
    return _laid_out(figure, title, "seasons back", "season")


def _paths(system: System, trajectories: pl.DataFrame, hydro_id: int, name: str) -> Any:
    import plotly.graph_objects as go

    rows = trajectories.filter((pl.col("class") == "inflow") & (pl.col("entity_id") == hydro_id))
    values = (
        rows.sort("scenario_id", "stage_id")["value"].to_numpy().reshape(-1, len(system.stages))
    )
    starts = [stage.start_date.isoformat() for stage in system.stages]
    figure = go.Figure()
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    _band(figure, starts, low, high, "95 % of scenarios")
    _threads(figure, starts, values[:_SHOWN_PATHS], f"{min(_SHOWN_PATHS, len(values))} scenarios")
    figure.add_scatter(
        x=starts, y=values.mean(axis=0), mode="lines+markers", line={"color": _INK}, name="mean"
    )
    return _laid_out(
        figure, f"{name}: {len(values)} sampled scenarios", "start of the stage", "inflow, m3/s"
    )


def _noise_correlation(system: System) -> list[Any]:
    """The first profile's correlation of the rivers' noise, one picture for each group of at least two."""
    import plotly.graph_objects as go

    if system.correlation is None or not system.correlation.profiles:
        return []
    profiles = system.correlation.profiles
    profile = "default" if "default" in profiles else next(iter(profiles))
    names = {hydro.id: f"{hydro.id} {hydro.name}".strip() for hydro in system.hydros}
    found = []
    for group in profiles[profile]:
        if group.noise_class is NoiseClass.INFLOW and len(group.entity_ids) > 1:
            rivers = [names[i] for i in group.entity_ids]
            figure = go.Figure(
                go.Heatmap(z=group.matrix, x=rivers, y=rivers, zmin=-1, zmax=1, colorscale="RdBu")
            )
            figure.update_yaxes(autorange="reversed", type="category")
            figure.update_xaxes(type="category")
            found.append(
                _laid_out(
                    figure, f"correlation of the noise (profile {profile}, {group.name})", "", ""
                )
            )
    return found
