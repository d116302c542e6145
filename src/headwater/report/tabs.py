"""The tabs of a page: which pictures they hold, and what can be chosen on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.errors import HeadwaterError
from headwater.report import balance, costs, generation, overview, prices, storage, training
from headwater.report.charts import Charts
from headwater.report.fans import NAMED, named_scenarios
from headwater.report.outcome import Outcome
from headwater.results.reader import Results

_MOST_BUSES_BY_SCENARIO = 30


@dataclass(frozen=True)
class Subject:
    """What a page is about.

    Attributes:
        results: the run.
        outcome: its simulation; ``None`` without one.
        charts: receives the pictures.
    """

    results: Results
    outcome: Outcome | None
    charts: Charts


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
        ("prices", "Prices", _prices),
        ("risk", "Risk", _risk),
        ("training", "Training", _training),
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
    return {"plants": names, "units": units, "scenarios": scenarios}


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
    return {"buses": buses, "scenarios": {name: name for name in scenarios}}


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
    if "buses" in outcome.tables:
        subject.charts.add("deficit-probability", costs.deficit_probability(outcome))
        subject.charts.add("deficit-depth", costs.deficit_depth(outcome))
        shown += ["deficit-probability", "deficit-depth"]
    return {"charts": shown, "cost": metadata["cost"], "deficit": metadata["deficit"]}


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
