"""Periodic autoregressive inflows: the equation of a stage, made from statistics.

    inflow[t] = base[t] + sum_l psi[t, l] * inflow[l periods before t] + sigma[t] * eta[t]

in m3/s, with ``psi = phi * s[t] / s[l before]``, ``base = mu[t] - sum_l psi * mu[l before]`` and
``sigma = s[t] * r[t]``, where mu and s are the seasonal mean and deviation, phi the standardised
coefficients and r the residual ratio. An annual component (PAR(p)-A), the mean A of the twelve
values before with coefficient psiA, adds ``psiA * s[t] / sA / 12`` to each of twelve lags.

Source: M. E. P. Maceira and J. M. Damazio, Use of the PAR(p) model in the stochastic dual dynamic
programming optimization scheme used in the operation planning of the Brazilian hydropower system,
Probability in the Engineering and Informational Sciences 20 (2006), 143-156.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array, frozen
from headwater.core.wording import listed
from headwater.errors import ModelError, UnsupportedFeatureError
from headwater.model import InflowNoise, InflowStatistics, System
from headwater.refusals import refused
from headwater.stochastic.autocorrelation import MONTHS_OF_ANNUAL_MEAN
from headwater.stochastic.calendar import SeasonTimeline, Timeline, build_timeline
from headwater.stochastic.estimation import Estimation, complete_system
from headwater.stochastic.implied import implied_residual_variances, residual_ratio
from headwater.stochastic.inflow_model import InflowModel
from headwater.stochastic.initial import initial_lags
from headwater.stochastic.lognormal import lognormal_noise
from headwater.stochastic.magnitudes import LARGEST
from headwater.stochastic.memory import (
    build_memory,
    check_recent_observations,
    check_sequence,
    periods_elapsed,
)
from headwater.stochastic.par_rows import checked_rows, hydro_name, lags_of
from headwater.stochastic.stability import monodromy_radius

_ANNUAL_DRIFT = 0.05
"""Share of the mean by which the mean of an annual component may differ from the seasonal means."""

_CONSTANT = 1e-12
"""A past inflow is constant but for rounding if it deviates by less than this share of what it
should explain.
"""


def build_inflow_model(
    system: System,
    estimation: Estimation | None = None,
    noise: InflowNoise = InflowNoise.NORMAL,
) -> InflowModel:
    """Convert the inflow statistics of a system.

    They are estimated from its history where they are not given.

    A stage whose ``inflow_lags`` flag is off still has its lags in the state when a model needs
    them, with a warning.

    Args:
        system: the power system.
        estimation: what `complete_system` made of it; ``None`` estimates with default options where
            that is needed.
        noise: distribution of the noise, and how it enters.

    Raises:
        ModelError: missing or impossible statistics, statistics of a lag that cannot be found,
            coefficients that explain all of the variance, or a cyclic horizon with a model that
            does not forget its past.
        UnsupportedFeatureError: lags over stages that leave season periods out or become finer.
    """
    estimation = estimation or complete_system(system)
    system = estimation.system
    timeline = build_timeline(system)
    rows = checked_rows(system, timeline)
    n_stages, n_hydros, first = len(system.stages), len(system.hydros), timeline.n_pre_study
    warnings = list(estimation.warnings)
    in_study = [[rows[h][first + t] for h in range(n_hydros)] for t in range(n_stages)]
    order = _integers(
        [[len(row.coefficients) for row in stage] for stage in in_study], (n_stages, n_hydros)
    )
    width = _integers([[lags_of(row) for row in stage] for stage in in_study], (n_stages, n_hydros))
    n_lags = int(width.max(initial=0))
    _check_past(system, timeline, n_lags, warnings)
    psi = np.zeros((n_stages, n_hydros, n_lags))
    base, sigma = np.zeros((n_stages, n_hydros)), np.zeros((n_stages, n_hydros))
    back = cache(timeline.back)  # the same for all hydros
    for h in range(n_hydros):
        lookup = _Lookup(system, timeline, back, h, rows[h], estimation)
        ratio = _residual_ratios(lookup, warnings)
        for t in range(n_stages):
            row = rows[h][first + t]
            weights = lookup.unit_coefficients(first + t)
            psi[t, h, : len(weights)] = weights
            sigma[t, h] = row.std_m3s * ratio[first + t]
            base[t, h] = row.mean_m3s
            for lag, weight in enumerate(weights, start=1):
                base[t, h] -= weight * lookup.statistics(first + t, lag)[0]
        warnings += lookup.doubts()
    _check_stability(system, timeline, psi, width, warnings)
    means = np.array([[row.mean_m3s for row in stage] for stage in in_study])
    lognormal = lognormal_noise(system, noise, (means.reshape(base.shape), base, sigma), warnings)
    past = _PastInflows(system, timeline, rows, estimation)
    if not n_lags or timeline.is_uniform() or not isinstance(timeline, SeasonTimeline):
        lags = initial_lags(system, timeline, width, past, warnings)
        arrays: Any = [frozen(one) for one in (psi, base, sigma, order, lags)]
        return replace(InflowModel(*arrays), warnings=tuple(warnings), lognormal=lognormal)

    def past_m3s(n_periods: int) -> Array:
        looked_at = np.full((1, n_hydros), max(n_periods, n_lags), np.int64)
        return initial_lags(system, timeline, looked_at, past, warnings)[:n_periods]

    memory = build_memory(system, timeline, n_lags, past_m3s)
    lags = initial_lags(system, timeline, width, past, warnings, periods_elapsed(timeline))
    beyond = ((0, 0), (0, 0), (0, memory.n_components - n_lags))
    return InflowModel(
        psi=frozen(np.pad(psi, beyond)),
        base=frozen(base),
        sigma=frozen(sigma),
        order=frozen(order),
        initial_lags_m3s=frozen(np.concatenate([lags, memory.extra_m3s])),
        warnings=tuple(dict.fromkeys(warnings)),
        memory=memory,
        lognormal=lognormal,
    )


class _Lookup:
    """Statistics of one hydro, by position on the timeline and by lag."""

    def __init__(
        self,
        system: System,
        timeline: Timeline,
        back: Callable[[int, int], tuple[int, ...]],
        hydro: int,
        rows: Mapping[int, InflowStatistics],
        estimation: Estimation,
    ) -> None:
        self.timeline, self.back, self.rows = timeline, back, rows
        self.name = hydro_name(system, hydro)
        self.constant_lags: set[str] = set()
        self.drifting: list[int] = []
        self._hydro, self._estimation = hydro, estimation

    def statistics(self, position: int, lag: int) -> tuple[float, float]:
        """Mean and deviation of the period ``lag`` steps before a stage."""
        for candidate in self.back(position, lag):
            if candidate in self.rows:
                return self.rows[candidate].mean_m3s, self.rows[candidate].std_m3s
        season_id = self.timeline.season_before(position, lag)
        from_history = (
            None
            if season_id is None
            else self._estimation.seasonal_statistics(self._hydro, season_id)
        )
        if from_history is not None:
            return from_history
        raise ModelError(
            f"{self.name}: lag {lag} of stage {self.timeline.stages[position].id} needs the mean "
            f"and deviation of {self.timeline.label(position, lag)}, and there is no row for it; "
            "add a pre-study stage with inflow statistics, or give the stages season ids that say "
            "whose statistics apply"
        )

    def unit_coefficients(self, position: int) -> list[float]:
        """Weights of the past inflows of a stage in m3/s per m3/s, lag 1 first.

        The annual term is spread over twelve lags.
        """
        row = self.rows[position]
        weights = [0.0] * lags_of(row)
        for lag, phi in enumerate(row.coefficients, start=1):
            std = self.statistics(position, lag)[1]
            if std > _CONSTANT * row.std_m3s:
                weights[lag - 1] = phi * row.std_m3s / std
            elif phi != 0.0:
                self.constant_lags.add(self.timeline.label(position, lag))
        if row.annual is not None:
            share = (
                row.annual.coefficient * row.std_m3s / row.annual.std_m3s / MONTHS_OF_ANNUAL_MEAN
            )
            weights = [weight + share for weight in weights]
            mean = (
                sum(
                    self.statistics(position, lag)[0] for lag in range(1, MONTHS_OF_ANNUAL_MEAN + 1)
                )
                / MONTHS_OF_ANNUAL_MEAN
            )
            if abs(row.annual.mean_m3s - mean) > _ANNUAL_DRIFT * abs(mean):
                self.drifting.append(self.timeline.stages[position].id)
        largest = max(map(abs, weights), default=0.0)
        if not largest <= LARGEST:
            raise ModelError(
                f"{self.name}: at stage {self.timeline.stages[position].id} a past inflow weighs "
                f"{largest:g} m3/s per m3/s, expected at most {LARGEST:g}; its deviation is too "
                "small beside that of the stage"
            )
        return weights

    def standardised(self, position: int) -> list[float]:
        """Weights of the standardised past inflows, the annual term spread over twelve lags."""
        row = self.rows[position]
        if row.annual is None or row.std_m3s == 0.0:
            return list(row.coefficients)
        share = row.annual.coefficient / row.annual.std_m3s / MONTHS_OF_ANNUAL_MEAN
        phi = [*row.coefficients, *[0.0] * (lags_of(row) - len(row.coefficients))]
        return [
            value + share * self.statistics(position, lag)[1]
            for lag, value in enumerate(phi, start=1)
        ]

    def model_before(self, position: int, lag: int) -> int | None:
        """Position of the model ``lag`` steps before.

        Rows that only carry mean and deviation (pre-study ones) have none.
        """
        for candidate in self.back(position, lag):
            if candidate in self.rows and (
                candidate >= self.timeline.n_pre_study or lags_of(self.rows[candidate])
            ):
                return candidate
        return None

    def doubts(self) -> list[str]:
        """What looked wrong in the statistics that were asked for so far, in words."""
        said = []
        if self.constant_lags:
            said.append(
                f"{self.name}: coefficients on {listed(sorted(self.constant_lags))} are 0, "
                "its deviation being 0"
            )
        if self.drifting:
            said.append(
                f"{self.name}: at stage(s) {listed(self.drifting)} the mean of the annual "
                "component differs by more than 5 % from the average of the twelve seasonal "
                "means, which is what the model uses"
            )
        return said


def _residual_ratios(lookup: _Lookup, warnings: list[str]) -> dict[int, float]:
    """Residual ratio per position.

    It is as given, 1 without past inflows, and otherwise what the coefficients imply.
    """
    rows = lookup.rows
    ratios = {
        position: 1.0 if row.residual_std_ratio is None else row.residual_std_ratio
        for position, row in rows.items()
    }
    derived = [p for p, row in rows.items() if lags_of(row) and row.residual_std_ratio is None]
    if not derived:
        return ratios
    known = [p for p in rows if p >= lookup.timeline.n_pre_study or lags_of(rows[p])]
    node = {position: number for number, position in enumerate(known)}
    unknown: set[str] = set()

    def before(m: int, lag: int) -> int | None:
        earlier = lookup.model_before(known[m], lag)
        if earlier is None:
            unknown.add(lookup.timeline.label(known[m], lag))
            return None
        return node[earlier]

    coefficients = [lookup.standardised(position) for position in known]
    try:
        _, variance = implied_residual_variances(coefficients, before)
        implied = {
            p: residual_ratio(float(variance[node[p]]), coefficients[node[p]]) for p in derived
        }
    except ModelError as error:
        raise ModelError(
            f"{lookup.name}: {error}; correct them or give residual_std_ratio"
        ) from None
    if unknown:
        warnings.append(
            f"{lookup.name}: the residual ratios were derived from the coefficients with "
            f"{listed(sorted(unknown))} taken as uncorrelated with what came before, for lack of "
            "coefficients there; give residual_std_ratio to settle it"
        )
    return ratios | implied


class _PastInflows:
    """What history and statistics say about the inflows before the first stage."""

    def __init__(
        self,
        system: System,
        timeline: Timeline,
        rows: tuple[Mapping[int, InflowStatistics], ...],
        estimation: Estimation,
    ) -> None:
        self._system, self._timeline, self._rows, self._estimation = (
            system,
            timeline,
            rows,
            estimation,
        )

    def observed_m3s(self, hydro: int, lag: int) -> float | None:
        """Inflow of the history."""
        period = self._timeline.period_before(self._timeline.n_pre_study, lag)
        if period is None:
            return None
        for fit in self._estimation.cycles:
            if fit.history.cycle == period.cycle:
                value = float(fit.history.at(period)[hydro])
                return value if np.isfinite(value) else None
        return None

    def mean_m3s(self, hydro: int, lag: int) -> float | None:
        """Seasonal mean."""
        position = self._timeline.n_pre_study
        for candidate in self._timeline.back(position, lag):
            if candidate in self._rows[hydro]:
                return self._rows[hydro][candidate].mean_m3s
        season_id = self._timeline.season_before(position, lag)
        found = (
            None if season_id is None else self._estimation.seasonal_statistics(hydro, season_id)
        )
        return None if found is None else found[0]


def _check_stability(
    system: System, timeline: Timeline, psi: Array, width: NDArray[np.int64], warnings: list[str]
) -> None:
    """Follow a year of each inflow model and report unstable ones.

    Where the stages cover a year, or the cycle, on which an unstable model is of no use.
    """
    study = list(system.horizon.cycle)
    if not study:
        study = [position - timeline.n_pre_study for position in timeline.one_year() or ()]
    for h in range(len(system.hydros)):
        if not width[study, h].any():
            continue
        radius = monodromy_radius(psi[study, h])
        if radius >= 1.0:
            message = (
                f"{hydro_name(system, h)}: the inflow model does not forget its past (a deviation "
                f"is multiplied by {radius:.4g} per "
                f"{'cycle' if system.horizon.is_cyclic else 'year'})"
            )
            if system.horizon.is_cyclic:
                raise ModelError(message + "; a cyclic horizon needs a stable model")
            warnings.append(message)


def _check_past(system: System, timeline: Timeline, n_lags: int, warnings: list[str]) -> None:
    if n_lags and (off := [stage.id for stage in system.stages if not stage.inflow_lags]):
        warnings.append(
            f"inflow_lags is off at stage(s) {listed(off)}, but inflow models have autoregressive "
            "terms: it is taken as on"
        )
    check_recent_observations(system)
    if n_lags and system.horizon.is_cyclic:
        _check_cycle(system, timeline)
    if n_lags and isinstance(timeline, SeasonTimeline) and not timeline.is_uniform():
        check_sequence(system, timeline)


def _check_cycle(system: System, timeline: Timeline) -> None:
    """Past inflows must mean the same each time round.

    Raises:
        UnsupportedFeatureError: the stages are not one season period each.
        ModelError: the cycle does not close in the seasons.
    """
    if not isinstance(timeline, SeasonTimeline):
        return
    if not timeline.is_uniform():
        raise UnsupportedFeatureError([refused("sub_periods_in_cycle")])
    if not timeline.closes_the_cycle():
        first, last = system.stages[system.horizon.cycle.start], system.stages[-1]
        raise ModelError(
            f"the cycle leads from stage {last.id} (season {last.season_id}) back to stage "
            f"{first.id} (season {first.season_id}), which is not the season that follows; past "
            "inflows need a cycle of whole years"
        )


def _integers(values: list[list[int]], shape: tuple[int, int]) -> NDArray[np.int64]:
    return np.array(values, np.int64).reshape(shape)
