"""What a case is, in the figures a planner checks first.

They are counts, capacities, storage, horizon, uncertainty and lifecycle.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater import model as m
from headwater.case.load import Case
from headwater.core.equipment import EQUIPMENT
from headwater.core.wording import listed
from headwater.equipment.hydro.travel import initial_hm3


@dataclass(frozen=True)
class Section:
    """One table of a description.

    Attributes:
        title: what it is about.
        columns: headings.
        rows: texts, as many in each row as there are headings.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def describe_case(case: Case) -> tuple[Section, ...]:
    """The sections of the description of a case; those without rows are left out.

    Args:
        case: what `load_case` or `SystemBuilder.build` gives.

    Examples:
        >>> for section in hw.describe_case(hw.examples.load("one-reservoir")):
        ...     print(section.title, section.rows)
    """
    system = case.system
    sections = (
        Section("system", ("", "count", "capacity"), tuple(_counts(system))),
        Section(
            "by bus",
            ("bus", "hydro MW", "thermal MW", "other MW", "mean load MW"),
            tuple(_buses(system)),
        ),
        Section("storage", ("", "hm3"), tuple(_storage(system))),
        Section("horizon", ("", ""), tuple(_horizon(system))),
        Section("uncertainty", ("", ""), tuple(_uncertainty(case))),
        Section("active when", ("entity", "stages", "state"), tuple(_lifecycle(system))),
        Section("values of single stages", ("table", "rows", "stages"), tuple(_overrides(system))),
        Section("study", ("", ""), tuple(_study(case))),
    )
    return tuple(section for section in sections if section.rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.4g}"


def _span(values: Iterable[float]) -> str:
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    return _number(low) if low == high else f"{_number(low)} to {_number(high)}"


def _parameters(choices: Sequence[Any]) -> str:
    """``" (weight 0.5, tail fraction 0.1 to 0.2)"``: what choices of one class are made with."""
    texts = []
    for field in dataclasses.fields(choices[0]):
        values = [getattr(choice, field.name) for choice in choices]
        numbers = all(isinstance(value, int | float) for value in values)
        text = _span(values) if numbers else " or ".join(dict.fromkeys(map(str, values)))
        texts.append(f"{field.name.replace('_', ' ')} {text}")
    return f" ({', '.join(texts)})" if texts else ""


def _counts(system: m.System) -> Iterable[tuple[str, str, str]]:
    for part in EQUIPMENT.by_file():
        entities = getattr(system, part.collection)
        if entities:
            sums = (
                (sum(getattr(one, field) for one in entities), unit)
                for field, unit in part.capacity
            )
            yield (
                part.words.many,
                str(len(entities)),
                ", ".join(f"{_number(total)} {unit}" for total, unit in sums),
            )


def _buses(system: m.System) -> Iterable[tuple[str, ...]]:
    load: dict[int, list[float]] = {}
    for row in system.load_statistics:
        load.setdefault(row.bus_id, []).append(row.mean_mw)
    for bus in system.buses:
        hydro = sum(plant.max_generation_mw for plant in system.hydros if plant.bus_id == bus.id)
        thermal = sum(
            plant.max_generation_mw for plant in system.thermals if plant.bus_id == bus.id
        )
        other = sum(
            source.max_generation_mw
            for source in system.non_controllables
            if source.bus_id == bus.id
        )
        mean = float(np.mean(load[bus.id])) if bus.id in load else 0.0
        yield (
            f"{bus.id} {bus.name}",
            _number(hydro),
            _number(thermal),
            _number(other),
            _number(mean),
        )


def _storage(system: m.System) -> Iterable[tuple[str, str]]:
    if not system.hydros:
        return
    lowest = sum(hydro.min_storage_hm3 for hydro in system.hydros)
    highest = sum(hydro.max_storage_hm3 for hydro in system.hydros)
    initial = float(system.initial_storage_hm3.sum())
    yield "smallest", _number(lowest)
    yield "largest", _number(highest)
    share = (
        f" ({100 * (initial - lowest) / (highest - lowest):.0f} % of the useful volume)"
        if highest > lowest
        else ""
    )
    yield "at the start", _number(initial) + share
    if any(hydro.travels for hydro in system.hydros):
        yield "on its way at the start", _number(float(initial_hm3(system).sum()))


def _horizon(system: m.System) -> Iterable[tuple[str, str]]:
    stages = system.stages
    yield "dates", f"{stages[0].start_date} to {stages[-1].end_date}"
    yield "stages", f"{len(stages)}, of {_span(stage.days for stage in stages)} days"
    yield "blocks per stage", _span(len(stage.blocks) for stage in stages)
    graph = system.policy_graph
    yield "policy graph", graph.type.value.replace("_", " ")
    yield "discount rate", f"{100 * graph.annual_discount_rate:g} % a year"
    if graph.regimes is not None:
        yield "regimes", listed(graph.regimes.names)
        for name, changes in zip(graph.regimes.names, system.regime_changes, strict=True):
            yield f"regime {name}", f"own {listed(sorted(changes))}" if changes else "as the case"
    if system.season_map is not None:
        yield "seasons", f"{len(system.season_map.seasons)}, {system.season_map.cycle_type.value}"
    averse = [stage for stage in stages if not stage.risk.neutral]
    for kind in dict.fromkeys(stage.risk.type for stage in averse):
        of_kind = [stage for stage in averse if stage.risk.type == kind]
        parameters = _parameters([stage.risk for stage in of_kind])
        yield "risk aversion", f"{kind}{parameters} at {_ranges([stage.id for stage in of_kind])}"


def _uncertainty(case: Case) -> Iterable[tuple[str, str]]:
    system = case.system
    yield "openings per stage", _span(stage.n_openings for stage in system.stages)
    if system.given_openings is not None:
        yield "opening tree", "given"
    if system.inflow_statistics:
        study = {stage.id for stage in system.stages}
        rows = [row for row in system.inflow_statistics if row.stage_id in study]
        given = [row.mean_m3s for row in rows if np.isfinite(row.mean_m3s)]
        yield (
            "mean inflow m3/s",
            _number(sum(given) / len(system.stages)) if given else "from history",
        )
        yield "autoregressive order", _span(len(row.coefficients) for row in rows)
        annual = sum(row.annual is not None for row in rows)
        if annual:
            yield "annual terms", f"{annual} of {len(rows)} statistics"
        certain = sum(row.std_m3s == 0 for row in rows)
        if certain:
            yield "certain inflows", f"{certain} of {len(rows)} statistics have no deviation"
    elif system.hydros and system.inflow_history:
        yield "inflow models", "estimated from history"
    uncertain = {row.bus_id for row in system.load_statistics if row.std_mw > 0}
    yield "uncertain loads", str(len(uncertain))
    if system.availability_statistics:
        yield "uncertain sources", str(len({row.ncs_id for row in system.availability_statistics}))
    if system.correlation is not None:
        groups = sum(len(groups) for groups in system.correlation.profiles.values())
        yield "correlation", f"{groups} groups in {len(system.correlation.profiles)} profiles"
    if system.inflow_history:
        dates = [row.date for row in system.inflow_history]
        yield "history", f"{len(dates)} observations, {min(dates)} to {max(dates)}"
    source = case.config.training.scenario_source
    yield (
        "training scenarios",
        ", ".join(f"{kind.value} {source.scheme(kind).type}" for kind in m.NoiseClass),
    )
    for kind in m.NoiseClass:
        if source.opens_with_scenarios(kind, tree_is_given=system.given_openings is not None):
            yield f"{kind.value} openings", _scenarios_as_openings(system, kind, source)


def _scenarios_as_openings(system: m.System, kind: m.NoiseClass, source: m.ScenarioSource) -> str:
    """How many given scenarios a class has."""
    if source.scheme(kind).replays_history:
        return "the years of history"
    given = {
        m.NoiseClass.INFLOW: system.external_inflows,
        m.NoiseClass.LOAD: system.external_loads,
        m.NoiseClass.NCS: system.external_availability,
    }[kind]
    if given is None:
        return "the given scenarios, of which there are none"
    text = f"the given scenarios, {_span(len(values) for values in given.values.values())} a stage"
    n_missing = sum(stage.id not in given.values for stage in system.stages)
    return text + (
        f"; {n_missing} stages have none and take the statistical model" if n_missing else ""
    )


def _lifecycle(system: m.System) -> Iterable[tuple[str, str, str]]:
    ids = [stage.id for stage in system.stages]
    for kind, codes in system.operative_states.items():
        label = EQUIPMENT.by_collection[kind].words.label
        for entity, row in zip(getattr(system, kind), codes, strict=True):
            if np.all(row == m.OperativeState.OPERATING):
                continue
            for state in m.OperativeState:
                at = [ids[t] for t in np.flatnonzero(row == state)]
                if at:
                    yield (
                        f"{label} {entity.id} {entity.name}",
                        _ranges(at),
                        state.name.lower().replace("_", " "),
                    )


def _overrides(system: m.System) -> Iterable[tuple[str, str, str]]:
    for name in (
        name for name in vars(system) if name.endswith("_overrides") or name.endswith("_factors")
    ):
        table = getattr(system, name)
        if isinstance(table, m.StageOverrides) and len(table):
            title = name.removesuffix("_overrides").replace("_", " ")
            yield title, str(len(table)), _ranges(sorted({int(i) for i in table.stage_id}))


def _study(case: Case) -> Iterable[tuple[str, str]]:
    training, simulation = case.config.training, case.config.simulation
    if training.enabled:
        rules = ", ".join(_words(type(rule).__name__) for rule in training.stopping_rules)
        yield (
            "training",
            f"{training.forward_passes} forward passes per iteration; at most "
            f"{training.max_iterations} iterations",
        )
        yield "stopping rules", f"{rules}; {training.stopping_mode.value} of them"
    yield "simulation", f"{simulation.n_scenarios} scenarios" if simulation.enabled else "none"
    warnings = len(case.report.warnings)
    yield "validation", f"{warnings} warnings" if warnings else "no findings"


def _words(name: str) -> str:
    """``"BoundStalling"`` as ``"bound stalling"``."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def _ranges(ids: Sequence[int]) -> str:
    """``[0, 1, 2, 5]`` as ``"0-2, 5"``."""
    parts: list[list[int]] = []
    for number in ids:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    shown = [f"{first}-{last}" if last > first else str(first) for first, last in parts[:8]]
    return ", ".join(shown) + (", ..." if len(parts) > 8 else "")
