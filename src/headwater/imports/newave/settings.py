"""Settings of a deck (``DGER``, ``CVAR``, ``PATAMAR``) as ``config.json``, ``stages.json``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

from headwater.case.starter_parts import MONTHLY_SEASONS, Json
from headwater.imports.newave.deck import Deck, DeckError
from headwater.imports.newave.horizon import Horizon, later

_MONTHLY = 1
_EXPECTED = "expected a whole number at columns 22 to 25"


@dataclass(frozen=True)
class Effort:
    """How much a study computes, where it is not what the deck says.

    Attributes:
        forward_passes: trajectories of an iteration.
        iterations: at most; ``None`` for those of the deck.
        scenarios: of the simulation; ``None`` for those of the deck.
    """

    forward_passes: int = 8
    iterations: int | None = None
    scenarios: int | None = None


@dataclass(frozen=True)
class Settings:
    """What a deck says of the run.

    Attributes:
        horizon: its months.
        general: the object of inewave with all numbers of the file.
        block_hours: ``[stage][block]``.
    """

    horizon: Horizon
    general: Any
    block_hours: list[list[float]]

    @property
    def max_order(self) -> int:
        """Largest order of the inflow model."""
        return int(self.general.ordem_maxima_parp or 6)

    def on(self, switch: str, *, otherwise: bool = False) -> bool:
        """Whether a switch is on; decks older than a switch leave it empty."""
        value = getattr(self.general, switch, None)
        return otherwise if value is None else bool(value)


def read_settings(deck: Deck) -> Settings:
    """The settings.

    Raises:
        DeckError: a number without which there is no horizon is missing.
    """
    general = deck.read("dger", "Dger", "settings of the run")
    name = deck.name("dger")
    needed = {
        "num_anos_estudo": "years of the study",
        "mes_inicio_estudo": "first month of the study",
        "ano_inicio_estudo": "first year of the study",
        "num_aberturas": "openings",
        "taxa_de_desconto": "discount rate",
    }
    for attribute, meaning in needed.items():
        if getattr(general, attribute) is None:
            raise DeckError(f"{name}: the {meaning} is missing; {_EXPECTED} of its line")
    if (general.duracao_periodo or _MONTHLY) != _MONTHLY:
        raise DeckError(f"{name}: stages of one month are expected, got {general.duracao_periodo}")
    if not 1 <= general.mes_inicio_estudo <= 12 or general.num_anos_estudo < 1:
        raise DeckError(
            f"{name}: a first month from 1 to 12 and at least one year are expected, got month "
            f"{general.mes_inicio_estudo} and {general.num_anos_estudo} years"
        )
    if general.num_aberturas < 1:
        raise DeckError(f"{name}: at least one opening is expected, got {general.num_aberturas}")
    horizon = Horizon(
        date(general.ano_inicio_estudo, general.mes_inicio_estudo, 1),
        13 - general.mes_inicio_estudo + 12 * (general.num_anos_estudo - 1),
        12 * (general.num_anos_pos_estudo or 0),
    )
    return Settings(horizon, general, _block_hours(deck, horizon))


def stages_file(deck: Deck, settings: Settings) -> Json:
    """Content of ``stages.json``."""
    horizon = settings.horizon
    risk = _risk(deck, settings)
    stages = []
    for position, day in enumerate(horizon.months):
        stage: Json = {
            "id": position,
            "season_id": day.month - 1,
            "start_date": day.isoformat(),
            "end_date": later(day, 1).isoformat(),
            "blocks": [
                {"id": block, "name": f"LEVEL {block + 1}", "hours": hours}
                for block, hours in enumerate(settings.block_hours[position])
            ],
            "num_scenarios": int(settings.general.num_aberturas),
            "state_variables": {"inflow_lags": settings.max_order > 0},
        }
        if risk[position] is not None:
            share, weight = risk[position] or (0.0, 0.0)
            stage["risk_measure"] = {"cvar": {"tail_fraction": share, "lambda": weight}}
        stages.append(stage)
    return {
        "policy_graph": {
            "type": "finite_horizon",
            "annual_discount_rate": float(settings.general.taxa_de_desconto) / 100.0,
        },
        "season_definitions": MONTHLY_SEASONS,
        "stages": stages,
    }


def config_file(deck: Deck, settings: Settings, effort: Effort) -> Json:
    """Content of ``config.json``."""
    general = settings.general
    annual = settings.on("consideracao_media_anual_afluencias")
    iterations = effort.iterations or int(general.num_max_iteracoes or 45)
    scenarios = effort.scenarios or int(general.num_series_sinteticas or 2000)
    _explain(deck, settings, effort, scenarios)
    rules: list[Json] = [{"type": "iteration_limit", "limit": iterations}]
    rule = _stop_rule(deck, settings, effort.forward_passes, iterations)
    if rule is not None:
        rules.append(rule)
    return {
        "modeling": {"inflow_non_negativity": {"method": "truncation"}},
        "training": {
            "forward_passes": effort.forward_passes,
            "tree_seed": 42,
            "stopping_rules": rules,
        },
        "estimation": {
            "max_order": settings.max_order,
            "order_selection": "pacf_annual" if annual else "pacf",
        },
        "simulation": {
            "enabled": settings.on("tipo_simulacao_final", otherwise=True),
            "num_scenarios": scenarios,
            "scenario_source": {"seed": 7, "inflow": {"scheme": "out_of_sample"}},
        },
    }


def _stop_rule(deck: Deck, settings: Settings, forward_passes: int, iterations: int) -> Json | None:
    """The rule that the bound hardly changes, several times in a row, after enough trajectories."""
    general = settings.general
    times, gain = int(general.deltas_consecutivos or 0), float(general.delta_zinf or 0.0)
    if not times or not gain:
        return None
    asked = int(general.num_minimo_iteracoes or 1) * int(general.num_forwards or forward_passes)
    least = min(max(math.ceil(asked / forward_passes), 1), iterations)
    deck.report.approximate(
        deck.name("dger"),
        f"training ends where the bound gains less than {gain:g} % {times} times in a row, after "
        f"{least} iterations at least: the trajectories that the deck asks for, as far as the "
        "largest number of iterations allows; the test of Zsup is left out, since costs and "
        "bounds of a risk measure cannot be compared",
    )
    return {
        "type": "small_changes",
        "tolerance": gain / 100.0,
        "times": times,
        "minimum_iterations": least,
    }


def _explain(deck: Deck, settings: Settings, effort: Effort, scenarios: int) -> None:
    general, name, report = settings.general, deck.name("dger"), deck.report
    if general.num_forwards and general.num_forwards != effort.forward_passes:
        report.approximate(
            name,
            f"{effort.forward_passes} forward passes an iteration in place of "
            f"{general.num_forwards} (--forward-passes)",
        )
    if general.num_series_sinteticas and general.num_series_sinteticas != scenarios:
        report.approximate(
            name,
            f"{scenarios} simulated scenarios in place of {general.num_series_sinteticas} "
            "(--scenarios)",
        )
    if settings.horizon.n_after and not general.num_anos_pos_sim_final:
        report.approximate(name, "the simulation goes over the years after the study as well")
    report.approximate(
        name,
        "the noise of inflows is normal and truncated at zero; that of the deck is lognormal",
    )
    if general.num_anos_pre_estudo:
        report.leave_out(name, f"{general.num_anos_pre_estudo} years before the study")
    if general.considera_tendencia_hidrologica_calculo_politica == 0:
        report.approximate(
            name, "the policy depends on past inflows, though the deck says that it does not"
        )
    for attribute, meaning in _SWITCHES.items():
        if settings.on(attribute):
            report.leave_out(name, meaning)


_SWITCHES = {
    "restricao_itaipu": "the restriction of Itaipu",
    "bid": "demand bids",
    "el_nino": "El Nino",
    "sar": "the risk aversion surface (SAR)",
    "restricoes_emissao_gee": "limits of greenhouse gas emissions",
    "restricoes_fornecimento_gas": "limits of gas supply",
    "considera_reamostragem_cenarios": "resampling of forward series",
    "estacoes_bombeamento": "pumping stations",
    "considera_geracao_eolica": "uncertain wind power",
    "restricoes_eletricas_especiais": "special electric restrictions (given by CSV files)",
    "restricoes_rhq": "flow restrictions RHQ (given by CSV files)",
    "restricoes_rhv": "volume restrictions RHV (given by CSV files)",
    "funcao_producao_uhe": "production functions (FPHA); the productivity is constant",
    "correcao_desvio": "the correction of withdrawals with storage: they are constant",
    "equalizacao_penal_intercambio": "equal penalties of exchanges: all have the same small cost",
    "racionamento_preventivo": "preventive rationing in the simulation: the policy saves water",
    "selecao_de_cortes_backward": "cut selection: the engine chooses the cuts of a solve itself",
}
"""Switches that ask for something that the case has not -> what it is."""


def _block_hours(deck: Deck, horizon: Horizon) -> list[list[float]]:
    shares: dict[int, dict[date, float]] = {}
    rows = deck.table(
        "patamar", "Patamar", "duracao_mensal_patamares", "load levels: durations and factors"
    )
    for row in rows:
        if row["valor"] is not None:
            shares.setdefault(row["patamar"], {})[row["data"]] = row["valor"]
    by_stage = [horizon.by_stage(shares[level]) for level in sorted(shares)]
    hours = []
    for position, day in enumerate(horizon.months):
        values = [level[position] for level in by_stage]
        if not values or any(value is None or value <= 0.0 for value in values):
            raise DeckError(
                f"{deck.name('patamar')}: durations of the load levels are expected for "
                f"{day:%m/%Y}, got {values}"
            )
        total = sum(value for value in values if value is not None)
        hours.append([horizon.hours(position) * value / total for value in values if value])
    return hours


def _risk(deck: Deck, settings: Settings) -> list[tuple[float, float] | None]:
    """Share of the worst outcomes and their weight, of every stage."""
    horizon, kind = settings.horizon, int(settings.general.cvar or 0)
    if not kind or not deck.has("cvar"):
        if deck.has("cvar"):
            deck.report.ignore(deck.name("cvar"), "switched off in the settings")
        return [None] * horizon.n_stages
    found = deck.read("cvar", "Cvar", "constant CVaR" if kind == 1 else "CVaR by month")
    constant = [value or 0.0 for value in (found.valores_constantes or [0.0, 0.0])]
    tails: list[float | None] = [None] * horizon.n_stages
    weights: list[float | None] = [None] * horizon.n_stages
    if kind > 1:
        tails = horizon.by_stage(_monthly(deck.rows("cvar", found.alfa_variavel)))
        weights = horizon.by_stage(_monthly(deck.rows("cvar", found.lambda_variavel)))
    measures: list[tuple[float, float] | None] = []
    for tail, weight in zip(tails, weights, strict=True):
        share, part = (tail or constant[0]) / 100.0, (weight or constant[1]) / 100.0
        measures.append((share, part) if share > 0.0 and part > 0.0 else None)
    return measures


def _monthly(rows: list[dict[str, Any]]) -> dict[date, float]:
    return {row["data"]: row["valor"] for row in rows if row["valor"] is not None}
