"""Pictures of inflows: history, what the model says of it, and what was sampled or simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater.errors import UsageError
from headwater.model import NoiseClass, System
from headwater.model.named import EntityKey
from headwater.report.drawing import Drawing, band, date_axis, heat, line, numbers, shortened
from headwater.report.fans import fan_traces, fans, scenario_traces
from headwater.report.outcome import Outcome
from headwater.report.theme import source_color, theme
from headwater.stochastic import Uncertainty
from headwater.stochastic.cycle_fit import CycleFit
from headwater.stochastic.order import Z_ALPHA

Array = NDArray[np.float64]

_BAND = 1.96
_SHOWN_PATHS = 20
_UNIT = "incremental inflow, m3/s"
_SCALE = [[0, "#2166ac"], [0.5, "#f7f7f7"], [1, "#b2182b"]]
"""From minus one over zero to one."""


def seasons(uncertainty: Uncertainty, hydro: EntityKey, cycle: int = 0) -> Drawing:
    """Every observed year of a river, with the mean and the spread of its seasons.

    Args:
        uncertainty: of a study with inflow history.
        hydro: name or id of the plant.
        cycle: which of the cycles of the year, where there are several.

    Raises:
        UnknownNameError: there is no such plant.
        UsageError: there is no history.
    """
    fit, h = _fitted(uncertainty, hydro, cycle)
    x = season_names(uncertainty.system, fit.history.season_ids)
    mean, std = fit.statistics.mean_m3s[h], fit.statistics.std_m3s[h]
    first = fit.history.first_year
    last = first + fit.history.values_m3s.shape[1] - 1
    spread = (f"mean ± {_BAND} deviations", "upper end")
    traces = [
        *band(x, (mean - _BAND * std).tolist(), (mean + _BAND * std).tolist(), spread, 0.2),
        _threads(x, fit.history.values_m3s[h], f"{first} to {last}"),
        line(x, mean.tolist(), "mean", source_color("hydro"), mode="lines+markers"),
    ]
    title = f"{_label(uncertainty.system, h)}: observed years and seasons of the model"
    layout = {"xaxis": {"type": "category"}, "hovermode": "closest"}
    return Drawing(title, traces, "season", _UNIT, layout)


def correlogram(uncertainty: Uncertainty, hydro: EntityKey, cycle: int = 0) -> Drawing:
    """How the inflow of every season depends on those before, as a table of colours.

    Args and errors are those of `seasons`.
    """
    fit, h = _fitted(uncertainty, hydro, cycle)
    rho = fit.correlograms[h].rho[:, 1:]
    limit = Z_ALPHA / np.sqrt(max(int(fit.statistics.n_obs[h].max()), 1))
    lags = [str(lag) for lag in range(1, rho.shape[1] + 1)]
    names = season_names(uncertainty.system, fit.history.season_ids)
    traces = [heat(lags, names, rho.tolist(), "correlation", zmin=-1, zmax=1, colorscale=_SCALE)]
    title = f"{_label(uncertainty.system, h)}: correlation with the past"
    layout = {
        "xaxis": {"type": "category"},
        "yaxis": {"type": "category", "autorange": "reversed"},
        "hovermode": "closest",
    }
    x_title = f"seasons back (within ±{limit:.2f} it may be chance)"
    return Drawing(title, traces, x_title, "season", layout)


def sampled(system: System, trajectories: pl.DataFrame, hydro: EntityKey) -> Drawing:
    """Sampled inflows of a river: where 95 % of them lie, their mean, and some of them.

    Args:
        system: the power system.
        trajectories: see `headwater.results.stochastic_tables.trajectories_table`.
        hydro: name or id of the plant.

    Raises:
        UnknownNameError: there is no such plant.
    """
    h = _position(system, hydro)
    chosen = (pl.col("class") == "inflow") & (pl.col("entity_id") == system.hydros.ids[h])
    rows = trajectories.filter(chosen).sort("scenario_id", "stage_id")
    values = rows["value"].to_numpy().reshape(-1, len(system.stages))
    x = [stage.start_date.isoformat() for stage in system.stages]
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    shown = values[:_SHOWN_PATHS]
    traces = [
        *band(x, low.tolist(), high.tolist(), ("95 % of the scenarios", "upper end"), 0.2),
        _threads(x, shown, f"{len(shown)} scenarios"),
        line(x, values.mean(axis=0).tolist(), "mean", source_color("hydro"), mode="lines+markers"),
    ]
    title = f"{_label(system, h)}: {len(values)} sampled scenarios"
    layout = {"xaxis": date_axis(x), "hovermode": "closest"}
    return Drawing(title, traces, "start of the stage", _UNIT, layout)


def inflows(
    outcome: Outcome,
    hydro: EntityKey,
    scenarios: Sequence[str | int] = (),
    uncertainty: Uncertainty | None = None,
) -> Drawing:
    """Simulated incremental inflow of a plant as a fan, with the mean of the model.

    Args:
        outcome: the simulation.
        hydro: name or id of the plant.
        scenarios: drawn beside the fan.
        uncertainty: models of the study; ``None`` draws no mean of the model.

    Raises:
        UnknownNameError: there is no such plant.
        ResultsError: the run kept no table of plants.
    """
    which = outcome.find("hydro", hydro)
    column = "incremental_inflow_m3s"
    rows = outcome.kept(
        "inflows", lambda: outcome.rows("hydros", column).filter(pl.col("block_id") == 0)
    )
    known = outcome.kept("inflow fans", lambda: fans(outcome, rows, column, "hydro_id"))
    traces = fan_traces(outcome.middles, known[which])
    if uncertainty is not None:
        means = {
            one.stage_id: one.mean_m3s
            for one in uncertainty.system.inflow_statistics
            if one.hydro_id == which
        }
        values = [means.get(one.repeats) for one in outcome.stages]
        if any(one is not None for one in values):
            style = {"dash": "dash", "width": 1.5, "meta": {"ink": True}}
            traces.append(
                line(outcome.middles, values, "mean of the model", source_color("load"), **style)
            )
    mine = outcome.by_entity("inflows", rows, "hydro_id")[which]
    traces += scenario_traces(outcome, mine, column, scenarios, outcome.middles)
    layout = {"xaxis": outcome.date_axis}
    title = f"{shortened(outcome.names('hydro')[which])}: simulated inflow"
    return Drawing(title, traces, "stage", _UNIT, layout)


def noise_correlation(system: System) -> list[Drawing]:
    """How the noise of rivers hangs together in the first profile, a picture for each group."""
    if system.correlation is None or not system.correlation.profiles:
        return []
    profiles = system.correlation.profiles
    profile = "default" if "default" in profiles else next(iter(profiles))
    names = dict(zip(system.hydros.ids, system.hydros.labels, strict=True))
    axis = {"type": "category"}
    layout = {"xaxis": axis, "yaxis": {**axis, "autorange": "reversed"}, "hovermode": "closest"}
    found = []
    for group in profiles[profile]:
        if group.noise_class is NoiseClass.INFLOW and len(group.entity_ids) > 1:
            rivers = [shortened(names[i], 24) for i in group.entity_ids]
            z = [list(map(float, row)) for row in group.matrix]
            drawn = heat(rivers, rivers, z, "correlation", zmin=-1, zmax=1, colorscale=_SCALE)
            drawn["x"] = drawn["y"]
            title = f"Correlation of the noise ({group.name}, profile {profile})"
            found.append(Drawing(title, [drawn], "river", "river", layout))
    return found


def season_names(system: System, season_ids: Sequence[int | None]) -> list[str]:
    """Labels of seasons, no two alike."""
    labels: dict[int, str] = {}
    if system.season_map is not None:
        labels = {season.id: season.label for season in system.season_map.seasons}
    names = ["-" if i is None else str(labels.get(i) or i) for i in season_ids]
    if len(set(names)) == len(names):
        return names
    return [f"{i} {name}" for i, name in zip(season_ids, names, strict=True)]


def _threads(x: Sequence[str], rows: Array, name: str) -> dict[str, Any]:
    """Many thin lines as one trace, with gaps between them."""
    gap = np.full((len(rows), 1), np.nan)
    y = numbers(np.hstack([rows, gap]).ravel().tolist())
    style = {"width": 1, "opacity": 0.45, "hoverinfo": "skip"}
    return line([*x, None] * len(rows), y, name, theme()["limit"], **style)


def _position(system: System, hydro: EntityKey) -> int:
    plants = system.hydros
    plant = plants[hydro] if isinstance(hydro, str) else plants.by_id(hydro)
    return plants.ids.index(plant.id)


def _label(system: System, h: int) -> str:
    return shortened(system.hydros.labels[h])


def _fitted(uncertainty: Uncertainty, hydro: EntityKey, cycle: int) -> tuple[CycleFit, int]:
    cycles = uncertainty.estimation.cycles
    if not 0 <= cycle < len(cycles):
        raise UsageError(
            f"there is no fit of cycle {cycle} to draw: the history was fitted in {len(cycles)} "
            f"cycles"
            if cycles
            else "there is no inflow history to draw (scenarios/inflow_history)"
        )
    return cycles[cycle], _position(uncertainty.system, hydro)
