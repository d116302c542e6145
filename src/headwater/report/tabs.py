"""The tabs of a page: which pictures they hold, and what can be chosen on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from headwater.errors import HeadwaterError, ResultsError
from headwater.report import (
    balance,
    comparison,
    costs,
    generation,
    inflow_models,
    network,
    overview,
    prices,
    storage,
    stores,
    training,
)
from headwater.report.charts import Charts
from headwater.report.drawing import Drawing, shortened
from headwater.report.fans import NAMED, named_scenarios
from headwater.report.outcome import Outcome
from headwater.report.policy_pictures import WaterValues, mean_states, storage_places, surface
from headwater.report.subject import Subject
from headwater.sddp import Policy
from headwater.stochastic import Uncertainty

_MOST_BUSES_BY_SCENARIO = 30
_STORAGE = 0
"""Code of limits of storage."""


@dataclass(frozen=True)
class Tab:
    """One tab.

    Attributes:
        key: names it in addresses and files of templates.
        title: on its button.
        content: what its template shows.
        note: why there is nothing to show; empty where there is.
    """

    key: str
    title: str
    content: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def tabs(subject: Subject) -> list[Tab]:
    """All tabs in order; one that cannot be made says why."""
    makers: Sequence[tuple[str, str, Callable[[Subject], Mapping[str, Any]]]] = (
        ("overview", "Overview", _overview),
        ("reservoirs", "Reservoirs", _reservoirs),
        ("balance", "Energy balance", _balance),
        ("prices", "Prices and water values", _prices),
        ("risk", "Risk", _risk),
        ("network", "Network", _network),
        ("inflows", "Inflows", _inflows),
        ("training", "Training", _training),
        *([("compare", "Compare", _compare)] if subject.other is not None else []),
    )
    return [_tab(key, title, make, subject) for key, title, make in makers]


def _tab(
    key: str, title: str, make: Callable[[Subject], Mapping[str, Any]], subject: Subject
) -> Tab:
    try:
        return Tab(key, title, make(subject))
    except HeadwaterError as error:
        return Tab(key, title, note=f"There is nothing to show here: {error}.")


def _simulated(subject: Subject) -> Outcome:
    if subject.outcome is None:
        raise NotSimulatedError
    return subject.outcome


class NotSimulatedError(HeadwaterError):
    """The run has no simulation."""

    def __init__(self) -> None:
        super().__init__("the run was not simulated ('headwater simulate' does that)")


def _overview(subject: Subject) -> Mapping[str, Any]:
    results = subject.results
    charts = []
    if subject.outcome is not None and "costs" in subject.outcome.tables:
        subject.charts.add("costs", costs.costs(subject.outcome))
        charts.append("costs")
    return {
        "studied": overview.studied(results),
        "tiles": list(overview.tiles(results)),
        "split": overview.cost_split(results),
        "doubts": overview.doubts(results),
        "broken": overview.broken(results),
        "looks": overview.looks(results, subject.outcome),
        "charts": charts,
    }


def _reservoirs(subject: Subject) -> Mapping[str, Any]:
    outcome = _simulated(subject)
    scenarios = [name for name in NAMED if name in named_scenarios(outcome)]
    units = {}
    for unit, title in storage.UNITS.items():
        try:
            subject.charts.add(
                f"storage/all/{unit}", storage.storage(outcome, None, unit, scenarios)
            )
        except HeadwaterError:
            continue  # these results do not hold what the unit asks for
        units[unit] = title
    names = outcome.names("hydro")
    for i in names:
        for unit in units:
            subject.charts.add(f"storage/{i}/{unit}", storage.storage(outcome, i, unit, scenarios))
        subject.charts.add(f"generation/{i}", generation.generation(outcome, i, "hydro", scenarios))
        subject.charts.add(f"water/{i}", prices.water_values(outcome, i, scenarios))
    subject.charts.add("generation/all", balance.balance(outcome))
    return {
        "plants": names,
        "units": units,
        "scenarios": scenarios,
        "stores": _stores(subject, outcome, scenarios),
    }


def _stores(subject: Subject, outcome: Outcome, scenarios: Sequence[str]) -> Mapping[str, str]:
    """Draw what other equipment keeps; returns how entities are called, by key of pictures."""
    called = {}
    for kind, (part, _) in stores.kinds(outcome).items():
        for i, name in outcome.names(kind).items():
            key = f"{kind}-{i}"
            called[key] = f"{name} ({part.words.one})"
            for value, what in ((False, "amount"), (True, "worth")):
                drawn = stores.store(outcome, kind, i, value=value, scenarios=scenarios)
                subject.charts.add(f"{what}/{key}", drawn)
    return called


def _balance(subject: Subject) -> Mapping[str, Any]:
    outcome = _simulated(subject)
    buses = outcome.names("bus")
    scenarios = [name for name in NAMED if name in named_scenarios(outcome)]
    if len(buses) > _MOST_BUSES_BY_SCENARIO:
        scenarios = [name for name in scenarios if name in ("driest", "wettest")]
    for scenario in (None, *scenarios):
        for bus in (None, *buses):
            key = f"balance/{'all' if bus is None else bus}/{scenario or 'mean'}"
            subject.charts.add(key, balance.balance(outcome, bus, scenario))
    return {"buses": buses, "scenarios": {name: name for name in scenarios}}


def _prices(subject: Subject) -> Mapping[str, Any]:
    outcome = _simulated(subject)
    buses = outcome.names("bus")
    scenarios = [name for name in NAMED if name in named_scenarios(outcome)]
    subject.charts.add("price/all", prices.prices(outcome))
    for bus in buses:
        subject.charts.add(f"price/{bus}", prices.prices(outcome, bus, scenarios))
    return {
        "buses": buses,
        "scenarios": scenarios,
        "plants": _water_values(subject, outcome),
        "stages": {t: one.end.isoformat() for t, one in enumerate(outcome.stages)},
    }


def _water_values(subject: Subject, outcome: Outcome) -> Mapping[str, str]:
    """Draw what the policy says of water; returns the plants that it says something of.

    With regimes, of every plant in every regime.
    """
    policy = subject.policy
    if policy is None or "hydros" not in outcome.tables:
        return {}
    drawn: dict[str, str] = {}
    for of_regime in policy.regimes or (policy,):
        drawn |= _water_values_of(of_regime, subject, outcome)
    return drawn


def _water_values_of(policy: Policy, subject: Subject, outcome: Outcome) -> Mapping[str, str]:
    """Draw what a policy, or one of its regimes, says of water."""
    limits = outcome.limit("hydro", _STORAGE)
    values = WaterValues(policy, mean_states(outcome, policy.layout))
    names, drawn = outcome.names("hydro"), {}
    regime = f", {policy.regime}" if policy.regime else ""
    for hydro_id, place in storage_places(policy.layout).items():
        mine = limits.filter(pl.col("entity_id") == hydro_id).select(
            "stage_id", "lower_bound", "upper_bound"
        )
        by_stage = {
            int(s): (low, high)
            for s, low, high in mine.iter_rows()
            if high is not None and high > low
        }
        ranges = [by_stage.get(one.stage_id) for one in policy.stages]
        known = [one for one in ranges if one is not None]
        if len(known) < len(ranges):
            continue  # a plant without a reservoir, or whose limits are not known
        name = shortened(names[hydro_id]) + regime
        picture = surface(values, place, name, outcome.ends, known)
        if picture.traces[0]["x"]:
            key = f"{hydro_id}-{policy.regime}" if policy.regime else str(hydro_id)
            subject.charts.add(f"surface/{key}", picture)
            drawn[key] = names[hydro_id] + regime
    return drawn


def _risk(subject: Subject) -> Mapping[str, Any]:
    outcome = _simulated(subject)
    results = subject.results
    metadata = results.simulation_metadata
    bound = metadata["gap"]["lower_bound"] if metadata.get("gap") else None
    tails = metadata["cost"]["cvar"]
    fraction = tails[0]["tail_fraction"] if tails else 0.05
    subject.charts.add(
        "cost-distribution", costs.cost_distribution(outcome.totals, bound, fraction)
    )
    shown = ["cost-distribution"]
    if "buses" in outcome.tables and metadata["deficit"]["frequency"] > 0:
        subject.charts.add("deficit-probability", costs.deficit_probability(outcome))
        subject.charts.add("deficit-depth", costs.deficit_depth(outcome))
        shown += ["deficit-probability", "deficit-depth"]
    return {"charts": shown, "cost": metadata["cost"], "deficit": metadata["deficit"]}


def _network(subject: Subject) -> Mapping[str, Any]:
    outcome = _simulated(subject)
    if not outcome.ids("line"):
        raise NoLinesError
    scenarios = [name for name in NAMED if name in named_scenarios(outcome)]
    uses = network.uses_of_lines(outcome)
    subject.charts.add("network", network.network(outcome))
    with suppress(ResultsError):  # without limits there is no use to draw
        subject.charts.add("exchange/all", network.exchange(outcome))
    for one in uses:
        subject.charts.add(
            f"exchange/{one.line_id}", network.exchange(outcome, one.line_id, scenarios)
        )
    return {
        "uses": uses,
        "lines": outcome.names("line"),
        "buses": outcome.names("bus"),
        "scenarios": scenarios,
        "knows_limits": "exchange/all" in subject.charts.items(),
    }


def _inflows(subject: Subject) -> Mapping[str, Any]:
    outcome, models = _simulated(subject), subject.uncertainty
    scenarios = [name for name in NAMED if name in named_scenarios(outcome)]
    names = outcome.names("hydro")
    for hydro_id in names:
        drawn = inflow_models.inflows(outcome, hydro_id, scenarios, models)
        subject.charts.add(f"inflows/{hydro_id}", drawn)
    cycles = 0 if models is None else add_models(subject.charts, models)
    note = subject.case_note
    if models is not None and not cycles:
        note = "The case gives the model of its inflows; it holds no record of the past to show."
    return {"plants": names, "scenarios": scenarios, "cycles": cycles, "note": note}


def add_models(charts: Charts, models: Uncertainty) -> int:
    """Draw history and model of every river; returns how many cycles of the year were fitted."""
    cycles = len(models.estimation.cycles)
    for hydro in models.system.hydros:
        for cycle in range(cycles):
            charts.add(
                f"seasons/{hydro.id}/{cycle}", inflow_models.seasons(models, hydro.id, cycle)
            )
            drawn = inflow_models.correlogram(models, hydro.id, cycle)
            charts.add(f"correlogram/{hydro.id}/{cycle}", drawn)
    for number, drawn in enumerate(inflow_models.noise_correlation(models.system)):
        charts.add(f"noise/{number}", drawn)
    return cycles


def _compare(subject: Subject) -> Mapping[str, Any]:
    one, other = subject.results, subject.other
    assert other is not None, "the tab is there where there is another run"
    names = comparison.run_names(one, other)
    shown: list[str] = []

    def add(key: str, drawing: Drawing) -> None:
        subject.charts.add(key, drawing)
        shown.append(key)

    found = None
    first, second = subject.outcome, subject.other_outcome
    if first is not None and second is not None:
        found = comparison.cost_difference(one, other)
        if found.is_paired and len(found.differences) > 1:
            add("compare/difference", comparison.difference_of_costs(found, names))
        totals = list(first.totals), list(second.totals)
        add("compare/costs", comparison.costs_beside(totals, names))
        for table, key, draw in (
            ("hydros", "compare/storage", comparison.storage_beside),
            ("buses", "compare/prices", comparison.prices_beside),
        ):
            if table in first.tables and table in second.tables:
                add(key, draw((first, second), names))
    return {"names": names, "rows": overview.beside(one, other), "found": found, "charts": shown}


class NoLinesError(HeadwaterError):
    """The system has no lines."""

    def __init__(self) -> None:
        super().__init__("the system has no lines")


def _training(subject: Subject) -> Mapping[str, Any]:
    results = subject.results
    if not results.has_training:
        raise NotTrainedError
    trace = results.convergence
    for by in ("iteration", "time"):
        subject.charts.add(f"convergence/{by}", training.convergence(trace, by))
    subject.charts.add("cuts", training.cuts(trace))
    subject.charts.add("training-time", training.training_time(results.timing))
    hard = bool(trace["lp_retries"].sum() or trace["lps_above_tolerance"].sum())
    if hard:
        subject.charts.add("hard-problems", training.problems_above_tolerance(trace))
    metadata = results.training_metadata
    return {"hard": hard, "metadata": metadata, "gaps": metadata.get("lps_above_tolerance", {})}


class NotTrainedError(HeadwaterError):
    """The run has no training."""

    def __init__(self) -> None:
        super().__init__(
            "these results are of a simulation alone; the policy was trained elsewhere"
        )
