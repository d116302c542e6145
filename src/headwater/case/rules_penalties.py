"""Costs are ordered so that the optimum does what the planner means.

All of it is advice, judged on resolved values.

Costs of water are compared with costs of energy in $/MWh of the energy that the water stands for:
through the productivity accumulated from the plant down to the last one of its river, see
`headwater.model.water_energy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np

from headwater.arrays import Array
from headwater.case.names import entity_label
from headwater.case.rules import ERROR, WARNING, Problem, study_rule
from headwater.model import HM3_PER_M3S_HOUR, ProductionKind, Study, System
from headwater.model.penalties import HYDRO_COST_NAMES
from headwater.model.water_energy import accumulated_productivity, dearest_deficit, fed_buses

_FILE = "penalties.json"


VIOLATIONS = tuple(
    name
    for name in HYDRO_COST_NAMES
    if name
    not in (
        "spillage_cost",
        "diversion_cost",
        "fpha_turbined_cost",
        "turbined_cost",
        "inflow_nonnegativity_cost",
    )
    and name not in ("storage_violation_below_cost", "filling_target_violation_cost")
    # the directional costs are what the stage problem uses
    and name not in ("evaporation_violation_cost", "water_withdrawal_violation_cost")
)
"""Costs of breaking an operational limit of a plant."""

_GENERATION = "generation_violation_below_cost"


@dataclass(frozen=True)
class _Order:
    """Two costs of which the first should be higher, as they stand for every plant and stage.

    Attributes:
        cost: name of the cost of water.
        unit: its unit.
        given: ``[hydro, stage]`` its values.
        per_mwh: ``[hydro]`` what divides it to give $/MWh; 0 where it stands for no energy.
        above: whether the cost of water is the one that should be higher.
        other: ``[hydro, stage]`` what it is compared with, in $/MWh.
        what: name of the other.
    """

    cost: str
    unit: str
    given: Array
    per_mwh: Array
    above: bool
    other: Array
    what: str

    def problem(self, study: Study) -> tuple[float, Problem] | None:
        """How far the worst plant and stage is out of order, as a ratio.

        The finding about all of them comes with it.
        """
        divisor = self.per_mwh[:, None]
        energy = np.divide(
            self.given, divisor, out=np.full_like(self.given, np.nan), where=divisor > 0
        )
        high, low = (energy, self.other) if self.above else (self.other, energy)
        wrong = np.isfinite(energy) & np.isfinite(self.other) & ~(high > low)
        if not wrong.any():
            return None
        ratio = np.where(wrong, low / np.maximum(high, 1e-300), -np.inf)
        h, t = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
        limits = (self.other * divisor)[wrong]
        value = _just_above(float(limits.max())) if self.above else _just_below(float(limits.min()))
        plant, stage = study.system.hydros[h], study.system.stages[t]
        side = "above" if self.above else "below"
        equal = "" if self.unit == "$/MWh" else f" = {energy[h, t]:,.4g} $/MWh"
        message = (
            f"expected {self.cost} {side} {self.what}; {int(wrong.sum())} times (plant and stage) "
            f"it is not, the worst is {entity_label('Hydro', plant.id, plant.name)}, stage "
            f"{stage.id}: {self.given[h, t]:,.10g} {self.unit}{equal}, against "
            f"{self.other[h, t]:,.10g} $/MWh"
        )
        bound = "at least" if self.above else "at most"
        fix = (
            f"give {bound} {value:,.10g} {self.unit}, in penalties.json for all plants or for "
            "single plants as they need it"
        )
        return float(ratio[h, t]), Problem(_FILE, message, f"hydro.{self.cost}", None, fix)


def _just_above(value: float) -> float:
    """The next number of three digits that is higher."""
    step = 10.0 ** (np.floor(np.log10(value)) - 2) if value > 0 else 1.0
    return float((np.floor(value / step * (1 + 1e-12)) + 1) * step)


def _just_below(value: float) -> float:
    """The next number of three digits that is lower."""
    step = 10.0 ** (np.floor(np.log10(value)) - 2) if value > 0 else 0.0
    return float((np.ceil(value / step * (1 - 1e-12)) - 1) * step) if step else 0.0


def _worst(study: Study, orders: Iterator[_Order]) -> Iterator[Problem]:
    """The finding about the pair of costs that is furthest out of order.

    Nothing where all are in order.
    """
    found = [problem for order in orders if (problem := order.problem(study)) is not None]
    if found:
        yield max(found, key=lambda one: one[0])[1]


def _over_stages(values: Array, study: Study) -> Array:
    return np.repeat(values[:, None], len(study.system.stages), axis=1)


def _per_m3s_hour(system: System, name: str) -> tuple[str, Array]:
    """Unit of a cost, and what divides it to give $/MWh, ``[hydro]``."""
    if name == _GENERATION:
        return "$/MWh", np.ones(len(system.hydros))
    accumulated = accumulated_productivity(system)
    if name in ("storage_violation_below_cost", "filling_target_violation_cost"):
        return "$/hm3", accumulated / HM3_PER_M3S_HOUR
    return "$ per m3/s and hour", accumulated


def _against(study: Study, name: str, *, above: bool, other: Array, what: str) -> _Order:
    system = study.system
    unit, per_mwh = _per_m3s_hour(system, name)
    return _Order(name, unit, system.resolved_penalties.hydro[name], per_mwh, above, other, what)


def _dearest(study: Study) -> Array:
    return _over_stages(dearest_deficit(study.system), study)


_DEFICIT = "the highest deficit cost of the buses that the cascade feeds"


@study_rule("HW610")
def filling_over_storage(study: Study) -> Iterator[Problem]:
    """Missing a filling target costs more than missing the minimum storage."""
    system, name = study.system, "filling_target_violation_cost"
    unit, per_mwh = _per_m3s_hour(system, name)
    filled = np.array([hydro.filling is not None for hydro in system.hydros], bool)
    costs = system.resolved_penalties.hydro
    per_mwh = np.where(per_mwh > 0, per_mwh, 1.0)  # of one plant, so any energy compares them
    storage = costs["storage_violation_below_cost"] / per_mwh[:, None]
    order = _Order(
        name,
        unit,
        costs[name],
        np.where(filled, per_mwh, 0.0),
        True,
        storage,
        "storage_violation_below_cost, as",
    )
    yield from _worst(study, iter([order]))


@study_rule("HW611")
def storage_over_deficit(study: Study) -> Iterator[Problem]:
    """Missing the minimum storage costs more than the deficit that its water could avoid.

    Plants without a minimum are not judged.
    """
    dearest = np.where(study.system.bounds.hydro.min_storage_hm3 > 0, _dearest(study), np.nan)
    order = _against(
        study, "storage_violation_below_cost", above=True, other=dearest, what=_DEFICIT
    )
    yield from _worst(study, iter([order]))


@study_rule("HW612")
def deficit_over_violations(study: Study) -> Iterator[Problem]:
    """Deficit costs more than breaking operational limits."""
    dearest = _dearest(study)
    yield from _worst(
        study,
        (_against(study, name, above=False, other=dearest, what=_DEFICIT) for name in VIOLATIONS),
    )


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
        costs.append((int(system.network.bus["thermals"][j]), min(values), max(values)))
    return costs


@study_rule("HW613")
def violations_over_thermals(study: Study) -> Iterator[Problem]:
    """Breaking an operational limit costs more than the dearest thermal.

    That is the dearest one on the buses that the cascade feeds.
    """
    system = study.system
    dearest = np.full((len(system.hydros), len(system.stages)), np.nan)
    fed = fed_buses(system)
    for t in range(len(system.stages)):
        costs = _thermal_costs(system, t)
        for h, buses in enumerate(fed):
            dearest[h, t] = max((high for bus, _, high in costs if bus in buses), default=np.nan)
    what = "the dearest thermal of the buses that the cascade feeds"
    yield from _worst(
        study, (_against(study, name, above=True, other=dearest, what=what) for name in VIOLATIONS)
    )


@study_rule("HW614")
def resources_over_regularisation(study: Study) -> Iterator[Problem]:
    """Thermals and deficit cost more than the small costs that only settle ties."""
    system, penalties = study.system, study.system.resolved_penalties
    first_deficit = min(segments[0].cost_per_mwh for segments in penalties.deficit_segments)
    costs = [_thermal_costs(system, t) for t in range(len(system.stages))]
    cheapest = np.array(
        [min([first_deficit, *(low for _, low, _ in of_stage if low > 0)]) for of_stage in costs]
    )
    what = "the cheapest thermal or deficit"

    def orders() -> Iterator[_Order]:
        other = np.repeat(cheapest[None, :], len(system.hydros), axis=0)
        for name in ("spillage_cost", "fpha_turbined_cost", "turbined_cost", "diversion_cost"):
            order = _against(study, name, above=False, other=other, what=what)
            used = [_applies(system, name, h) for h in range(len(system.hydros))]
            yield _Order(
                name,
                order.unit,
                order.given,
                np.where(used, order.per_mwh, 0.0),
                False,
                other,
                what,
            )

    found = list(_worst(study, orders()))
    powers = (
        ("line.exchange_cost", "Line", system.lines, system.bounds.line.exchange_cost),
        (
            "non_controllable_source.curtailment_cost",
            "Source",
            system.non_controllables,
            system.bounds.non_controllable.curtailment_cost,
        ),
    )
    for path, label, entities, values in powers:
        wrong = values >= cheapest[None, :]
        if wrong.any():
            i, t = np.unravel_index(
                int(np.argmax(np.where(wrong, values - cheapest, -np.inf))), values.shape
            )
            who = (
                f"{entity_label(label, entities[i].id, entities[i].name)}, stage "
                f"{system.stages[t].id}"
            )
            message = (
                f"expected {path.split('.')[1]} below {what}; {int(wrong.sum())} times it is not, "
                f"the worst is {who}: "
            )
            message += f"{values[i, t]:,.10g} against {cheapest[t]:,.10g} $/MWh"
            limit = float(np.min(np.where(wrong, cheapest[None, :], np.inf)))
            found.append(
                Problem(
                    _FILE, message, path, None, f"give at most {_just_below(limit):,.10g} $/MWh"
                )
            )
    yield from found


def _applies(system: System, name: str, h: int) -> bool:
    """Whether a plant pays a small cost at some stage."""
    planes = [one.kind is ProductionKind.FPHA for one in system.production[h]]
    if name in ("fpha_turbined_cost", "turbined_cost"):
        return any(planes) if name == "fpha_turbined_cost" else not all(planes)
    return name != "diversion_cost" or system.hydros[h].diversion is not None


Pair = tuple[float, float, str]
"""The cost that should be higher, the one that should be lower, and where."""


def _judge(pairs: Iterable[Pair], what: str, fix: str) -> Iterator[Problem]:
    """One finding for all pairs that are out of order, with the worst of them."""
    wrong = [pair for pair in pairs if not pair[0] > pair[1]]
    if wrong:
        high, low, where = reduce(
            lambda worst, pair: pair if pair[1] - pair[0] > worst[1] - worst[0] else worst, wrong
        )
        message = (
            f"expected {what}; {len(wrong)} times it is not, the worst is {where}: {high:g} "
            f"against {low:g}"
        )
        yield Problem(_FILE, message, None, None, fix)


def _each(study: Study) -> Iterator[tuple[int, int, str]]:
    for h, hydro in enumerate(study.system.hydros):
        for t, stage in enumerate(study.system.stages):
            yield h, t, f"{entity_label('Hydro', hydro.id, hydro.name)}, stage {stage.id}"


@study_rule("HW615", WARNING, strict=ERROR)
def turbining_over_spillage(study: Study) -> Iterator[Problem]:
    """Turbining costs more than spilling where planes bound generation.

    Else water would be turbined for nothing.
    """
    cost, production = study.system.resolved_penalties.hydro, study.system.production
    turbined, spilled = cost["fpha_turbined_cost"], cost["spillage_cost"]
    pairs = (
        (turbined[h, t], spilled[h, t], where)
        for h, t, where in _each(study)
        if production[h][t].kind is ProductionKind.FPHA
    )
    yield from _judge(
        pairs,
        "fpha_turbined_cost above spillage_cost",
        "raise fpha_turbined_cost slightly above spillage_cost",
    )


@study_rule("HW616")
def excess_below_deficit(study: Study) -> Iterator[Problem]:
    """Excess is cheaper than the cheapest deficit."""
    penalties, excess = study.system.resolved_penalties, study.system.bounds.bus.excess_cost
    pairs = (
        (
            penalties.deficit_segments[b][0].cost_per_mwh,
            excess[b, t],
            f"{entity_label('Bus', bus.id, bus.name)}, stage {stage.id}",
        )
        for b, bus in enumerate(study.system.buses)
        for t, stage in enumerate(study.system.stages)
    )
    yield from _judge(
        pairs, "the cheapest deficit segment above the excess cost", "lower the excess cost"
    )


@study_rule("HW617", needs=("config.json",))
def bought_water_is_dear(study: Study) -> Iterator[Problem]:
    """Buying water costs more than the deficit it could avoid downstream.

    This counts where negative inflow can be bought off.
    """
    if study.config.inflow_non_negativity.has_slack:
        order = _against(
            study, "inflow_nonnegativity_cost", above=True, other=_dearest(study), what=_DEFICIT
        )
        yield from _worst(study, iter([order]))


@study_rule("HW618")
def ties_are_settled(study: Study) -> Iterator[Problem]:
    """Costs that settle ties are above zero."""
    system, penalties = study.system, study.system.resolved_penalties
    tables = {
        "spillage_cost": penalties.hydro["spillage_cost"],
        "excess_cost": system.bounds.bus.excess_cost,
        "exchange_cost": system.bounds.line.exchange_cost,
        "curtailment_cost": system.bounds.non_controllable.curtailment_cost,
        "diversion_cost": penalties.hydro["diversion_cost"][
            [h for h, p in enumerate(system.hydros) if p.diversion is not None]
        ],
    }
    zero = [name for name, values in tables.items() if values.size and np.any(values == 0)]
    if zero:
        message = f"{', '.join(zero)} are 0 somewhere: equally good solutions cannot be told apart"
        yield Problem(_FILE, message, None, None, "give small positive costs")
