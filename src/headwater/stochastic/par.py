"""Periodic autoregressive inflows: from statistics to the numbers of the equation that a stage problem holds.

    inflow[t] = base[t] + sum_l psi[t, l] * inflow[l periods before t] + sigma[t] * eta[t]

in m3/s, with ``psi = phi * s[t] / s[l before]``, ``base = mu[t] - sum_l psi * mu[l before]`` and ``sigma = s[t] * r[t]``,
where mu and s are the seasonal mean and deviation, phi the standardised coefficients and r the residual ratio.

Source: Maceira and Damazio, "Use of the PAR(p) model in the stochastic dual dynamic programming optimization scheme used in the
operation planning of the Brazilian hydropower system" (2006).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError, UnsupportedFeatureError
from headwater.model import InflowStatistics, System
from headwater.stochastic.calendar import Timeline, build_timeline
from headwater.stochastic.implied import implied_residual_variances, residual_ratio
from headwater.stochastic.initial import initial_lags

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InflowModel:
    """Inflows of all hydros, ready for the stage problems. All arrays are read-only and C-contiguous.

    Attributes:
        psi: ``[stage, hydro, lag]``, weight of the inflow ``lag + 1`` periods before; zero beyond the order.
        base: ``[stage, hydro]``, deterministic part in m3/s.
        sigma: ``[stage, hydro]``, deviation of the noise in m3/s.
        order: ``[stage, hydro]``.
        initial_lags_m3s: ``[lag, hydro]``, inflows before the first stage, row 0 the most recent.
        warnings: what was assumed or is unusual, in words.
    """

    psi: Array
    base: Array
    sigma: Array
    order: NDArray[np.int64]
    initial_lags_m3s: Array
    warnings: tuple[str, ...] = ()

    @property
    def n_lags(self) -> int:
        """Lags that are state: the largest order over hydros and stages."""
        return int(self.psi.shape[2])

    def innovation_m3s(self, stage_index: int, eta_inflow: Array) -> Array:
        """``base + sigma * eta``, ``[scenario, hydro]`` in m3/s, for noise ``[scenario, hydro]``."""
        innovation: Array = self.base[stage_index] + self.sigma[stage_index] * eta_inflow
        return innovation

    def lag_term_m3s(self, stage_index: int, lags_m3s: Array) -> Array:
        """``sum_l psi * lag``, ``[scenario, hydro]`` in m3/s, for lags ``[scenario, lag, hydro]``."""
        term = np.zeros((len(lags_m3s), self.psi.shape[1]))
        for lag in range(self.n_lags):
            term += self.psi[stage_index, :, lag] * lags_m3s[:, lag]
        return term


def truncate(innovation_m3s: Array, lag_term_m3s: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Raise the innovation of inflows that would be negative until they are zero.

    Args:
        innovation_m3s: ``base + sigma * eta``, ``[scenario, hydro]``.
        lag_term_m3s: ``sum_l psi * lag``, ``[scenario, hydro]``.

    Returns:
        The innovation with ``innovation + lag_term >= 0``, and where it was raised. A raised inflow no longer depends on the
        lags, so it contributes nothing to their slopes in a cut.
    """
    truncated = innovation_m3s + lag_term_m3s < 0.0
    return np.where(truncated, -lag_term_m3s, innovation_m3s), truncated


def build_inflow_model(system: System) -> InflowModel:
    """Convert the inflow statistics of a system.

    A stage whose ``inflow_lags`` flag is off still has its lags in the state when a model needs them, with a warning.

    Raises:
        ModelError: missing or impossible statistics, statistics of a lag that cannot be found, or coefficients that explain all
            of the variance.
        UnsupportedFeatureError: estimation from history, annual components, or lags over stages that are not one season period
            each.
    """
    _refuse_unsupported(system)
    timeline = build_timeline(system)
    rows = _rows(system, timeline)
    n_stages, n_hydros, first = len(system.stages), len(system.hydros), timeline.n_pre_study
    warnings: list[str] = []
    order = np.array(
        [[len(rows[h][first + t].coefficients) for h in range(n_hydros)] for t in range(n_stages)], np.int64
    ).reshape(n_stages, n_hydros)
    n_lags = int(order.max(initial=0))
    if n_lags:
        timeline.require_uniform()
        if off := [stage.id for stage in system.stages if not stage.inflow_lags]:
            warnings.append(
                f"inflow_lags is off at stage(s) {_listed(off)}, but inflow models have autoregressive terms: it is taken as on"
            )

    psi = np.zeros((n_stages, n_hydros, n_lags))
    base, sigma = np.zeros((n_stages, n_hydros)), np.zeros((n_stages, n_hydros))
    back = cache(timeline.back)  # the same for all hydros
    for h in range(n_hydros):
        lookup = _Lookup(system, timeline, back, h, rows[h])
        ratio = _residual_ratios(lookup, warnings)
        constant_lags: set[str] = set()
        for t in range(n_stages):
            row = rows[h][first + t]
            base[t, h] = row.mean_m3s
            sigma[t, h] = row.std_m3s * ratio[first + t]
            for lag, phi in enumerate(row.coefficients, start=1):
                past = lookup.statistics(first + t, lag)
                if past.std_m3s > 0.0:
                    psi[t, h, lag - 1] = phi * row.std_m3s / past.std_m3s
                elif phi != 0.0:
                    constant_lags.add(timeline.label(first + t, lag))
                base[t, h] -= psi[t, h, lag - 1] * past.mean_m3s
        if constant_lags:
            warnings.append(f"{lookup.name}: coefficients on {_listed(sorted(constant_lags))} are 0, its deviation being 0")
    lags = initial_lags(system, timeline, order, lambda h, lag: _mean_before_study(rows, timeline, h, lag), warnings)
    return InflowModel(_frozen(psi), _frozen(base), _frozen(sigma), _frozen_orders(order), _frozen(lags), tuple(warnings))


class _Lookup:
    """Statistics of one hydro, by position on the timeline and by lag."""

    def __init__(
        self,
        system: System,
        timeline: Timeline,
        back: Callable[[int, int], tuple[int, ...]],
        hydro: int,
        rows: Mapping[int, InflowStatistics],
    ) -> None:
        self.timeline, self.back, self.rows = timeline, back, rows
        self.name = _name(system, hydro)

    def statistics(self, position: int, lag: int) -> InflowStatistics:
        """Statistics of the period ``lag`` steps before a stage."""
        for candidate in self.back(position, lag):
            if candidate in self.rows:
                return self.rows[candidate]
        raise ModelError(
            f"{self.name}: lag {lag} of stage {self.timeline.stages[position].id} needs the mean and deviation of "
            f"{self.timeline.label(position, lag)}, and there is no row for it; add a pre-study stage with inflow statistics, "
            "or give the stages season ids that say whose statistics apply"
        )

    def model_before(self, position: int, lag: int) -> int | None:
        """Position of the model ``lag`` steps before; rows that only carry mean and deviation (pre-study ones) have none."""
        for candidate in self.back(position, lag):
            if candidate in self.rows and (candidate >= self.timeline.n_pre_study or self.rows[candidate].coefficients):
                return candidate
        return None


def _residual_ratios(lookup: _Lookup, warnings: list[str]) -> dict[int, float]:
    """Residual ratio per position: as given, 1 without coefficients, otherwise what the coefficients imply."""
    rows = lookup.rows
    ratios = {position: 1.0 if row.residual_std_ratio is None else row.residual_std_ratio for position, row in rows.items()}
    derived = [p for p, row in rows.items() if row.coefficients and row.residual_std_ratio is None]
    if not derived:
        return ratios
    known = [p for p in rows if p >= lookup.timeline.n_pre_study or rows[p].coefficients]
    node = {position: number for number, position in enumerate(known)}
    unknown: set[str] = set()

    def before(m: int, lag: int) -> int | None:
        earlier = lookup.model_before(known[m], lag)
        if earlier is None:
            unknown.add(lookup.timeline.label(known[m], lag))
            return None
        return node[earlier]

    try:
        _, variance = implied_residual_variances([rows[position].coefficients for position in known], before)
        implied = {p: residual_ratio(float(variance[node[p]]), rows[p].coefficients) for p in derived}
    except ModelError as error:
        raise ModelError(f"{lookup.name}: {error}; correct them or give residual_std_ratio") from None
    if unknown:
        warnings.append(
            f"{lookup.name}: the residual ratios were derived from the coefficients with {_listed(sorted(unknown))} taken as "
            "uncorrelated with what came before, for lack of coefficients there; give residual_std_ratio to settle it"
        )
    return ratios | implied


def _mean_before_study(
    rows: tuple[Mapping[int, InflowStatistics], ...], timeline: Timeline, hydro: int, lag: int
) -> float | None:
    for candidate in timeline.back(timeline.n_pre_study, lag):
        if candidate in rows[hydro]:
            return rows[hydro][candidate].mean_m3s
    return None


def _rows(system: System, timeline: Timeline) -> tuple[Mapping[int, InflowStatistics], ...]:
    """Per hydro the checked statistics by position on the timeline; complete for the study stages."""
    position = {stage.id: p for p, stage in enumerate(timeline.stages)}
    rows: tuple[dict[int, InflowStatistics], ...] = tuple({} for _ in system.hydros)
    for row in system.inflow_statistics:
        where = f"inflow statistics of hydro {row.hydro_id} at stage {row.stage_id}"
        if row.hydro_id not in system.hydro_index:
            raise ModelError(f"{where}: there is no such hydro")
        if row.stage_id not in position:
            raise ModelError(f"{where}: there is no such study or pre-study stage")
        _check_row(row, where)
        rows[system.hydro_index[row.hydro_id]][position[row.stage_id]] = row
    missing = []
    for h in range(len(system.hydros)):
        if stages := [
            system.stages[p - timeline.n_pre_study].id
            for p in position.values()
            if p not in rows[h] and p >= timeline.n_pre_study
        ]:
            missing.append(f"{_name(system, h)} at stage(s) {_listed(stages)}")
    if missing:
        raise ModelError(
            "inflow statistics are missing: " + "; ".join(missing) + " (every hydro needs a row for every study stage, "
            "also before it enters and after it leaves, because its river flows on; a dry one has mean 0)"
        )
    return rows


def _check_row(row: InflowStatistics, where: str) -> None:
    if not (np.isfinite(row.mean_m3s) and np.isfinite(row.std_m3s) and row.std_m3s >= 0.0):
        raise ModelError(
            f"{where}: expected a finite mean and a deviation of at least 0, got mean {row.mean_m3s} "
            f"and deviation {row.std_m3s}"
        )
    if not np.isfinite(row.coefficients).all():
        raise ModelError(f"{where}: the coefficients {row.coefficients} are not all finite")
    if row.coefficients and row.std_m3s == 0.0:
        raise ModelError(
            f"{where}: coefficients are relative to the deviation, which is 0; give a deviation or no coefficients"
        )
    if row.residual_std_ratio is not None and not 0.0 < row.residual_std_ratio <= 1.0:
        raise ModelError(f"{where}: residual_std_ratio must lie in (0, 1], got {row.residual_std_ratio}")


def _refuse_unsupported(system: System) -> None:
    features = []
    if system.inflow_history:
        features.append("estimation of inflow models from inflow history")
    if annual := sorted({row.hydro_id for row in system.inflow_statistics if row.annual is not None}):
        features.append(f"annual inflow components (hydro(s) {_listed(annual)})")
    if features:
        raise UnsupportedFeatureError(features)


def _name(system: System, hydro: int) -> str:
    entity = system.hydros[hydro]
    return f"hydro {entity.id} ({entity.name})" if entity.name else f"hydro {entity.id}"


def _listed(items: Iterable[object], limit: int = 8) -> str:
    texts = [str(item) for item in items]
    rest = len(texts) - limit
    return ", ".join(texts[:limit]) + (f" and {rest} more" if rest > 0 else "")


def _frozen(array: Array) -> Array:
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def _frozen_orders(array: NDArray[np.int64]) -> NDArray[np.int64]:
    array.flags.writeable = False
    return array
