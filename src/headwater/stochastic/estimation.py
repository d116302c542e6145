"""From inflow history to complete inflow statistics.

Which parts of a system's model are given, and which are estimated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from headwater.arrays import FrozenDict
from headwater.errors import ModelError
from headwater.model import (
    AnnualComponent,
    EstimationConfig,
    InflowNoise,
    InflowStatistics,
    OrderSelection,
    System,
)
from headwater.stochastic.autocorrelation import (
    SeasonalStatistics,
    annual_series,
    periodic_autocorrelation,
    seasonal_statistics,
)
from headwater.stochastic.calendar import SeasonTimeline
from headwater.stochastic.cycle_fit import CycleFit
from headwater.stochastic.ensemble import fit_ensemble
from headwater.stochastic.estimated_correlation import estimated_correlation
from headwater.stochastic.fitting_report import fitting_report
from headwater.stochastic.history import SeasonalHistory, seasonal_history
from headwater.stochastic.order import HydroFit, fit_hydro
from headwater.stochastic.residuals import residuals
from headwater.stochastic.short_history import check_history, without_single_values
from headwater.stochastic.yule_walker import Correlogram, SeasonFit


@dataclass(frozen=True, eq=False)
class Estimation:
    """A system whose inflow model is complete, and where its parts come from.

    Attributes:
        system: with statistics for every stage and a correlation, as far as history gives them.
        path: which combination of history, statistics and coefficients was found.
        sources: part of the model -> ``"user"``, ``"estimated"`` or ``"none"``.
        cycles: what was estimated, by cycle of the season map; empty without history.
        report: the fitting report; ``None`` where no equations were estimated.
        warnings: in words.
    """

    system: System
    path: str
    sources: Mapping[str, str]
    cycles: tuple[CycleFit, ...] = ()
    report: Mapping[str, object] | None = None
    warnings: tuple[str, ...] = ()
    _seasonal: Mapping[tuple[int, int], tuple[float, float]] = field(default_factory=FrozenDict)

    def seasonal_statistics(self, hydro: int, season_id: int) -> tuple[float, float] | None:
        """Mean and deviation of a season of a hydro (by position) from history."""
        return self._seasonal.get((hydro, season_id))


def complete_system(
    system: System,
    config: EstimationConfig | None = None,
    noise: InflowNoise = InflowNoise.NORMAL,
) -> Estimation:
    """Estimate from history what a system's inflow model lacks.

    Without history and statistics the model is fitted to external inflow scenarios, if there are
    any. Given statistics, coefficients and correlation are kept; rows with a mean of ``nan`` give
    coefficients only.

    Args:
        system: the power system.
        config: how models are estimated.
        noise: distribution of their noise, on whose scale its correlation is estimated.

    Raises:
        ModelError: history without season definitions, hydros without history, too few
            observations, or coefficients without statistics and history.
    """
    has_statistics = any(math.isfinite(row.mean_m3s) for row in system.inflow_statistics)
    has_coefficients = any(
        row.coefficients or row.annual is not None for row in system.inflow_statistics
    )
    path = _PATHS[bool(system.inflow_history), has_statistics, has_coefficients]
    correlation = "none" if system.correlation is None else "user"
    if not system.inflow_history or not system.hydros:
        if has_coefficients and not has_statistics:
            raise ModelError(
                "inflow coefficients are given without inflow statistics and without history to "
                "estimate them from"
            )
        if system.hydros and not has_statistics and _is_whole(system):
            assert system.external_inflows is not None
            fitted = fit_ensemble(system, system.external_inflows, config or EstimationConfig())
            sources = {
                "statistics": "estimated",
                "coefficients": "estimated",
                "correlation": correlation,
            }
            if correlation == "none":
                sources["correlation"] = "estimated"
            return Estimation(fitted, "external_ensemble", FrozenDict(sources))
        given = {
            "statistics": "user" if has_statistics else "none",
            "coefficients": "user" if has_coefficients else "none",
        }
        return Estimation(system, path, FrozenDict(given | {"correlation": correlation}))
    return _Estimator(
        system, config or EstimationConfig(), path, has_statistics, has_coefficients, noise
    ).run()


def _is_whole(system: System) -> bool:
    """Whether there are external inflows of every hydro at every stage.

    What is wrong with them is said where they are used.
    """
    given = system.external_inflows
    return (
        given is not None
        and given.entity_ids == tuple(hydro.id for hydro in system.hydros)
        and all(
            stage.id in given.values
            and len(given.values[stage.id])
            and np.isfinite(given.values[stage.id]).all()
            for stage in system.stages
        )
    )


_PATHS = {
    (False, False, False): "deterministic",
    (False, False, True): "deterministic",
    (False, True, False): "user_stats_white_noise",
    (False, True, True): "user_provided_no_history",
    (True, False, False): "full_estimation",
    (True, False, True): "user_ar_history_stats",
    (True, True, False): "partial_estimation",
    (True, True, True): "user_provided_all",
}


class _Estimator:
    def __init__(
        self,
        system: System,
        config: EstimationConfig,
        path: str,
        has_statistics: bool,
        has_coefficients: bool,
        noise: InflowNoise,
    ) -> None:
        if system.season_map is None:
            raise ModelError(
                "an inflow history can only be used with season_definitions, which "
                "say what its dates belong to"
            )
        self.system, self.config, self.path, self.noise = system, config, path, noise
        self.has_statistics, self.has_coefficients = has_statistics, has_coefficients
        self.timeline = SeasonTimeline(system, system.season_map)
        self.warnings: list[str] = []
        self.white_noise: list[dict[str, object]] = []

    def run(self) -> Estimation:
        system = self.system
        without = sorted(
            {hydro.id for hydro in system.hydros} - {o.hydro_id for o in system.inflow_history}
        )
        if without:
            raise ModelError(
                f"hydro(s) {', '.join(map(str, without))} have no inflow "
                "history; every hydro needs one"
            )
        used = sorted({period.cycle for period in self.timeline.periods})
        calendar, resolution = self.timeline.calendar, self.config.history_resolution
        histories = [seasonal_history(system, calendar, cycle, resolution) for cycle in used]
        check_history(system, self.timeline, histories, self._estimated_rows())
        fits = tuple(self._fit_cycle(history) for history in histories)
        seasonal = {
            (h, season_id): (
                float(fit.statistics.mean_m3s[h, m]),
                float(fit.statistics.std_m3s[h, m]),
            )
            for fit in fits
            for m, season_id in enumerate(fit.history.season_ids)
            for h in range(len(system.hydros))
            if season_id is not None and fit.statistics.n_obs[h, m] > 0
        }
        rows = self._rows(fits, seasonal)
        correlation = system.correlation
        if correlation is None:
            correlation = estimated_correlation(
                system, self.timeline, fits, self.warnings, self.noise
            )
        report: Mapping[str, object] | None = None
        if not self.has_coefficients:
            given = rows if self.has_statistics else None
            report = fitting_report(
                system, self.timeline, self.config, fits, given, self.white_noise, self.warnings
            )
        sources = {
            "statistics": "user" if self.has_statistics else "estimated",
            "coefficients": "user" if self.has_coefficients else "estimated",
            "correlation": "user" if system.correlation is not None else "estimated",
        }
        return Estimation(
            system=replace(system, inflow_statistics=rows, correlation=correlation),
            path=self.path,
            sources=FrozenDict(sources),
            cycles=fits,
            report=report,
            warnings=tuple(self.warnings),
            _seasonal=FrozenDict(seasonal),
        )

    def _estimated_rows(self) -> set[tuple[int, int]]:
        """Hydro and stage of every row of which something is to be estimated."""
        if self.has_statistics:
            rows = () if self.has_coefficients else self.system.inflow_statistics
            stages = {stage.id for stage in self.timeline.stages}
            return {(row.hydro_id, row.stage_id) for row in rows if row.stage_id in stages}
        return {
            (hydro.id, stage.id) for hydro in self.system.hydros for stage in self.timeline.stages
        }

    def _fit_cycle(self, history: SeasonalHistory) -> CycleFit:
        config = self.config
        self.warnings.extend(history.warnings)
        self._warn_about_missing_seasons(history)
        values_m3s = without_single_values(history)
        statistics = seasonal_statistics(values_m3s, config.mode_rounding_m3s)
        n_lags = max(config.max_order, *self._given_widths(), 1)
        rho = periodic_autocorrelation(values_m3s, statistics, n_lags)
        annual = None
        wants_annual = config.order_selection is OrderSelection.PACF_ANNUAL
        if self.has_coefficients:
            wants_annual = any(row.annual is not None for row in self.system.inflow_statistics)
        if wants_annual:
            self._check_annual(history)
            annual = annual_series(values_m3s, statistics, n_lags)
        correlograms = tuple(
            Correlogram(rho[h], None if annual is None else annual.correlation[h])
            for h in range(len(self.system.hydros))
        )
        hydros: tuple[HydroFit, ...] = ()
        if self.has_coefficients:
            seasons = self._given_equations(history)
        else:
            hydros = tuple(
                fit_hydro(correlogram, statistics.std_m3s[h], statistics.n_obs[h], config)
                for h, correlogram in enumerate(correlograms)
            )
            seasons = tuple(hydro.seasons for hydro in hydros)
            self._warn_about_short_seasons(history, statistics)
        left = residuals(values_m3s, statistics, seasons, annual)
        return CycleFit(history, statistics, annual, correlograms, hydros, seasons, left)

    def _given_widths(self) -> list[int]:
        return [len(row.coefficients) for row in self.system.inflow_statistics] or [0]

    def _warn_about_missing_seasons(self, history: SeasonalHistory) -> None:
        counts = np.isfinite(history.values_m3s).sum(axis=1)
        for h, hydro in enumerate(self.system.hydros):
            for count, words in ((0, "no observation"), (1, "a single observation, left out,")):
                seasons = [
                    season_id
                    for m, season_id in enumerate(history.season_ids)
                    if season_id is not None and counts[h, m] == count
                ]
                if seasons:
                    self.warnings.append(
                        f"hydro {hydro.id} has {words} of season(s) {', '.join(map(str, seasons))}"
                    )

    def _check_annual(self, history: SeasonalHistory) -> None:
        if history.n_seasons != 12:
            raise ModelError(
                "the annual component (estimation.order_selection 'pacf_annual') needs 12 seasons "
                f"in the year, got {history.n_seasons}"
            )
        counts = np.isfinite(history.values_m3s).sum(axis=(1, 2))
        for h, hydro in enumerate(self.system.hydros):
            if counts[h] < 13:
                raise ModelError(
                    f"hydro {hydro.id} has {counts[h]} monthly observations; "
                    "the annual component needs 13"
                )

    def _warn_about_short_seasons(
        self, history: SeasonalHistory, statistics: SeasonalStatistics
    ) -> None:
        least = self.config.min_observations_per_season
        for h, hydro in enumerate(self.system.hydros):
            short = [
                season_id
                for m, season_id in enumerate(history.season_ids)
                if season_id is not None and 0 < statistics.n_obs[h, m] < least
            ]
            for season_id in short:
                self.white_noise.append(
                    {"hydro_id": hydro.id, "season_id": season_id, "reason": "too_few_observations"}
                )
            if short:
                self.warnings.append(
                    f"hydro {hydro.id}: season(s) {', '.join(map(str, short))} have fewer than "
                    f"{least} observations (estimation.min_observations_per_season) "
                    "and get order 0"
                )

    def _given_equations(self, history: SeasonalHistory) -> tuple[tuple[SeasonFit, ...], ...]:
        """The user's coefficients by season: those of the first stage of the season."""
        by_season: dict[tuple[int, int | None], SeasonFit] = {}
        season_of = {
            stage.id: period.season_id
            for stage, period in zip(self.timeline.stages, self.timeline.periods, strict=True)
        }
        for row in sorted(
            self.system.inflow_statistics, key=lambda r: (r.stage_id < 0, r.stage_id)
        ):
            if row.stage_id in season_of:
                annual = None if row.annual is None else row.annual.coefficient
                by_season.setdefault(
                    (row.hydro_id, season_of[row.stage_id]), SeasonFit(row.coefficients, annual)
                )
        return tuple(
            tuple(
                by_season.get((hydro.id, season_id), SeasonFit())
                for season_id in history.season_ids
            )
            for hydro in self.system.hydros
        )

    def _rows(
        self, fits: Sequence[CycleFit], seasonal: Mapping[tuple[int, int], tuple[float, float]]
    ) -> tuple[InflowStatistics, ...]:
        """Statistics of every hydro at every stage, pre-study stages included.

        From what is given and what is estimated.
        """
        given = {(row.hydro_id, row.stage_id): row for row in self.system.inflow_statistics}
        fit_of = {fit.history.cycle: fit for fit in fits}
        rows = []
        for h, hydro in enumerate(self.system.hydros):
            for stage, period in zip(self.timeline.stages, self.timeline.periods, strict=True):
                row = given.pop((hydro.id, stage.id), None)
                if self.has_statistics and row is None:
                    continue  # reported where the statistics are read, all missing rows together
                if row is not None and self.has_statistics and self.has_coefficients:
                    rows.append(row)
                    continue
                if period.season_id is None:
                    raise ModelError(
                        f"stage {stage.id} belongs to no season, of which the inflow of hydro "
                        f"{hydro.id} could be estimated"
                    )
                if not self.has_statistics:
                    mean, std = seasonal[h, period.season_id]
                    row = replace(
                        row or InflowStatistics(hydro.id, stage.id, 0.0), mean_m3s=mean, std_m3s=std
                    )
                if not self.has_coefficients and row is not None:
                    row = self._with_equation(row, fit_of[period.cycle], h, period.season_id)
                if row is not None:
                    rows.append(row)
        return (*rows, *given.values())

    def _with_equation(
        self, row: InflowStatistics, fit: CycleFit, h: int, season_id: int
    ) -> InflowStatistics:
        season = fit.history.season_ids.index(season_id)
        equation = fit.seasons[h][season]
        if row.std_m3s == 0.0 or fit.statistics.std_m3s[h, season] == 0.0:
            return replace(row, coefficients=(), residual_std_ratio=None, annual=None)
        annual = None
        if (
            equation.annual is not None
            and fit.annual is not None
            and fit.annual.std_m3s[h, season] > 0.0
        ):
            annual = AnnualComponent(
                equation.annual,
                float(fit.annual.mean_m3s[h, season]),
                float(fit.annual.std_m3s[h, season]),
            )
        plain = not equation.phi and annual is None
        ratio = None if plain else equation.residual_std_ratio
        return replace(row, coefficients=equation.phi, residual_std_ratio=ratio, annual=annual)
