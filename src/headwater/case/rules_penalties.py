"""Costs are ordered so that the optimum does what the planner means. All of it is advice, judged on resolved values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce

import numpy as np

from headwater.case.rules import ERROR, WARNING, Problem, study_rule
from headwater.model import ProductionKind, Study, System
from headwater.model.penalties import HYDRO_COST_NAMES

_FILE = "penalties.json"

VIOLATIONS = tuple(
    name
    for name in HYDRO_COST_NAMES
    if name not in ("spillage_cost", "diversion_cost", "fpha_turbined_cost", "inflow_nonnegativity_cost")
    and name not in ("storage_violation_below_cost", "filling_target_violation_cost")
    # the directional costs are what the stage problem uses
    and name not in ("evaporation_violation_cost", "water_withdrawal_violation_cost")
)
"""Costs of breaking an operational limit of a plant."""

Pair = tuple[float, float, str]
"""The cost that should be higher, the one that should be lower, and where."""


def _judge(pairs: Iterable[Pair], what: str, fix: str) -> Iterator[Problem]:
    """One finding for all pairs that are out of order, with the worst of them."""
    wrong = [pair for pair in pairs if not pair[0] > pair[1]]
    if wrong:
        high, low, where = reduce(lambda worst, pair: pair if pair[1] - pair[0] > worst[1] - worst[0] else worst, wrong)
        message = f"expected {what}; {len(wrong)} times it is not, the worst is {where}: {high:g} against {low:g}"
        yield Problem(_FILE, message, None, None, fix)


def _bus_of(study: Study, hydro: int) -> int:
    return int(study.system.network.hydro_bus[hydro])


def _each(study: Study) -> Iterator[tuple[int, int, str]]:
    for h, hydro in enumerate(study.system.hydros):
        for t, stage in enumerate(study.system.stages):
            yield h, t, f"Hydro {hydro.id}, stage {stage.id}"


@study_rule("HW610")
def filling_over_storage(study: Study) -> Iterator[Problem]:
    """Missing a filling target costs more than missing the minimum storage."""
    cost = study.system.resolved_penalties.hydro
    filling, storage = cost["filling_target_violation_cost"], cost["storage_violation_below_cost"]
    pairs = (
        (filling[h, t], storage[h, t], where) for h, t, where in _each(study) if study.system.hydros[h].filling is not None
    )
    yield from _judge(pairs, "filling_target_violation_cost above storage_violation_below_cost", "raise the first")


@study_rule("HW611")
def storage_over_deficit(study: Study) -> Iterator[Problem]:
    """Missing the minimum storage costs more than deficit."""
    penalties = study.system.resolved_penalties
    storage = penalties.hydro["storage_violation_below_cost"]
    pairs = (
        (storage[h, t], penalties.deficit_segments[_bus_of(study, h)][-1].cost_per_mwh, where) for h, t, where in _each(study)
    )
    what = "storage_violation_below_cost ($/hm3) above the highest deficit cost of the bus ($/MWh)"
    yield from _judge(pairs, what, "the units differ; judge the order by what a hm3 is worth in energy")


@study_rule("HW612")
def deficit_over_violations(study: Study) -> Iterator[Problem]:
    """Deficit costs more than breaking operational limits."""
    penalties = study.system.resolved_penalties
    pairs = (
        (
            penalties.deficit_segments[_bus_of(study, h)][-1].cost_per_mwh,
            max(penalties.hydro[name][h, t] for name in VIOLATIONS),
            where,
        )
        for h, t, where in _each(study)
    )
    what = "the highest deficit cost of the bus above the costs of breaking operational limits"
    yield from _judge(pairs, what, "lower the violation costs, or accept deficit before a violation")


def _thermal_costs(system: System, t: int) -> list[tuple[int, float, float]]:
    """(bus position, lowest, highest cost) of every thermal that can generate at a stage."""
    costs = []
    override, capacity = system.bounds.thermal.cost_per_mwh, system.bounds.thermal.max_generation_mw
    n_blocks = len(system.stages[t].blocks)
    for j, thermal in enumerate(system.thermals):
        if not np.any(capacity[j, t, :n_blocks] > 0):
            continue
        own = [segment.cost_per_mwh for segment in thermal.cost_segments]
        given = override[j, t, :n_blocks]
        replaced = [float(value) for value in given if not np.isnan(value)]
        values = replaced + (own if len(replaced) < n_blocks else [])
        costs.append((int(system.network.thermal_bus[j]), min(values), max(values)))
    return costs


@study_rule("HW613")
def violations_over_thermals(study: Study) -> Iterator[Problem]:
    """Breaking an operational limit costs more than the dearest thermal of the bus."""
    system, hydro_costs = study.system, study.system.resolved_penalties.hydro

    def pairs() -> Iterator[Pair]:
        for t, stage in enumerate(system.stages):
            dearest: dict[int, float] = {}
            for bus, _, high in _thermal_costs(system, t):
                dearest[bus] = max(high, dearest.get(bus, high))
            for bus, thermal in sorted(dearest.items()):
                hydros = np.flatnonzero(system.network.hydro_bus == bus)
                if len(hydros):
                    lowest = min(float(hydro_costs[name][hydros, t].min()) for name in VIOLATIONS)
                    yield lowest, thermal, f"Bus {system.buses[bus].id}, stage {stage.id}"

    yield from _judge(
        pairs(), "the costs of breaking operational limits above the dearest thermal", "raise the violation costs"
    )


@study_rule("HW614")
def resources_over_regularisation(study: Study) -> Iterator[Problem]:
    """Thermals and deficit cost more than the small costs that only settle ties."""
    system, penalties = study.system, study.system.resolved_penalties

    def pairs() -> Iterator[Pair]:
        first_deficit = min(segments[0].cost_per_mwh for segments in penalties.deficit_segments)
        for t, stage in enumerate(system.stages):
            cheapest = min([first_deficit, *(low for _, low, _ in _thermal_costs(system, t) if low > 0)])
            small: list[float] = []
            for name in ("spillage_cost", "fpha_turbined_cost"):
                small += penalties.hydro[name][:, t].tolist()
            small += [
                float(penalties.hydro["diversion_cost"][h, t]) for h, p in enumerate(system.hydros) if p.diversion is not None
            ]
            small += penalties.exchange_per_mwh[:, t].tolist() + penalties.curtailment_per_mwh[:, t].tolist()
            if small:
                yield cheapest, max(small), f"stage {stage.id}"

    what = "the cheapest thermal or deficit above the costs of spillage, turbining, diversion, exchange and curtailment"
    yield from _judge(pairs(), what, "lower the regularisation costs")


@study_rule("HW615", WARNING, strict=ERROR)
def turbining_over_spillage(study: Study) -> Iterator[Problem]:
    """Where planes bound generation, turbining costs more than spilling, so that water is not turbined for nothing."""
    cost, production = study.system.resolved_penalties.hydro, study.system.production
    turbined, spilled = cost["fpha_turbined_cost"], cost["spillage_cost"]
    pairs = (
        (turbined[h, t], spilled[h, t], where) for h, t, where in _each(study) if production[h][t].kind is ProductionKind.FPHA
    )
    yield from _judge(pairs, "fpha_turbined_cost above spillage_cost", "raise fpha_turbined_cost slightly above spillage_cost")


@study_rule("HW616")
def excess_below_deficit(study: Study) -> Iterator[Problem]:
    """Excess is cheaper than the cheapest deficit."""
    penalties = study.system.resolved_penalties
    pairs = (
        (penalties.deficit_segments[b][0].cost_per_mwh, penalties.excess_per_mwh[b, t], f"Bus {bus.id}, stage {stage.id}")
        for b, bus in enumerate(study.system.buses)
        for t, stage in enumerate(study.system.stages)
    )
    yield from _judge(pairs, "the cheapest deficit segment above the excess cost", "lower the excess cost")


@study_rule("HW617")
def bought_water_is_dear(study: Study) -> Iterator[Problem]:
    """Where negative inflow can be bought off, buying water costs more than the deficit it could avoid downstream."""
    if not study.config.inflow_non_negativity.has_slack:
        return
    system, penalties = study.system, study.system.resolved_penalties
    deficit = max(segments[-1].cost_per_mwh for segments in penalties.deficit_segments)
    cost = penalties.hydro["inflow_nonnegativity_cost"]
    own = np.array([[resolved_productivity(one) for one in stages] for stages in system.production])
    accumulated = np.zeros_like(cost)
    for h in reversed(system.cascade.topological_order):
        below = system.cascade.downstream[h]
        accumulated[h] = own[h] + (accumulated[below] if below >= 0 else 0.0)
    pairs = ((cost[h, t], deficit * accumulated[h, t], where) for h, t, where in _each(study))
    what = "inflow_nonnegativity_cost above the highest deficit cost times the productivity of the cascade"
    yield from _judge(pairs, what, "raise inflow_nonnegativity_cost, or the optimum buys water instead of accepting deficit")


def resolved_productivity(production: object) -> float:
    """Power per unit of flow; the steepest plane where planes bound generation."""
    planes = getattr(production, "planes", ())
    return float(max((plane.gamma_q for plane in planes), default=getattr(production, "productivity_mw_per_m3s", 0.0)))


@study_rule("HW618")
def ties_are_settled(study: Study) -> Iterator[Problem]:
    """Costs that settle ties are above zero."""
    system, penalties = study.system, study.system.resolved_penalties
    tables = {
        "spillage_cost": penalties.hydro["spillage_cost"],
        "excess_cost": penalties.excess_per_mwh,
        "exchange_cost": penalties.exchange_per_mwh,
        "curtailment_cost": penalties.curtailment_per_mwh,
        "diversion_cost": penalties.hydro["diversion_cost"][
            [h for h, p in enumerate(system.hydros) if p.diversion is not None]
        ],
    }
    zero = [name for name, values in tables.items() if values.size and np.any(values == 0)]
    if zero:
        message = f"{', '.join(zero)} are 0 somewhere: equally good solutions cannot be told apart"
        yield Problem(_FILE, message, None, None, "give small positive costs")
