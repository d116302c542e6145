"""Columns and rows of one stage, written from the formulas for the extensive form
that judges the product.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from headwater.equipment.battery import Battery
from headwater.equipment.contingency import Contingency
from headwater.equipment.demand_response import DemandResponse
from headwater.equipment.unit_group import UnitGroup
from headwater.model import (
    BlockAggregation,
    BlockMode,
    Hydro,
    Line,
    OperativeState,
    ProductionKind,
    Sense,
    StudyConfig,
    System,
    Thermal,
)

M3S_HOUR_IN_HM3 = 0.0036
STAGE_LEVEL = ("hydro_storage", "hydro_withdrawal")

Name = tuple[Hashable, ...]
Terms = list[tuple[float, Name]]
Balance = dict[tuple[int, int], Terms]


@dataclass
class StageProgram:
    """Columns and rows of one stage, under names. Rows: ``sum terms + sum coefficient * incoming
    state (= or <=) rhs``.

    The state is the storage of every plant, then the power that plants dispatched ahead
    are committed to, the nearest stage first; ``leaving`` names the columns that hold it
    at the end of the stage.
    """

    index: dict[Name, int] = field(default_factory=dict)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    rows: dict[Sense, list[tuple[Name, list[tuple[float, int]], dict[int, float], float]]] = field(
        default_factory=lambda: {Sense.EQUAL: [], Sense.LESS_EQUAL: []}
    )
    leaving: list[Name] = field(default_factory=list)

    def column(
        self, *name: Hashable, lower: float = 0.0, upper: float = np.inf, cost: float = 0.0
    ) -> None:
        """A quantity that is at least 0, or ``lower``."""
        self.index[name] = len(self.index)
        self.lower.append(lower)
        self.upper.append(upper)
        self.cost.append(cost)

    def row(
        self,
        terms: Terms,
        sense: Sense,
        rhs: float,
        incoming: Mapping[int, float] | None = None,
        name: Name = (),
    ) -> None:
        """A constraint; ``>=`` is turned around. ``incoming``: state component -> coefficient."""
        sign = -1.0 if sense is Sense.GREATER_EQUAL else 1.0
        incoming = {i: sign * value for i, value in (incoming or {}).items()}
        kind = Sense.EQUAL if sense is Sense.EQUAL else Sense.LESS_EQUAL
        self.rows[kind].append(
            (name, [(sign * value, self.index[key]) for value, key in terms], incoming, sign * rhs)
        )

    def matrix(self, sense: Sense) -> sp.csr_array:
        """``[row, column]``."""
        entries = [(r, c, value) for r, row in enumerate(self.rows[sense]) for value, c in row[1]]
        return sparse(entries, (len(self.rows[sense]), len(self.index)))

    def incoming_matrix(self, sense: Sense) -> sp.csr_array:
        """``[row, state]`` on the state that the parent leaves."""
        entries = [
            (r, i, value) for r, row in enumerate(self.rows[sense]) for i, value in row[2].items()
        ]
        return sparse(entries, (len(self.rows[sense]), len(self.leaving)))


def stage_program(system: System, config: StudyConfig, t: int) -> StageProgram:
    stage = StageProgram()
    stage.leaving.extend(("storage", h) for h in range(len(system.hydros)))
    hours = [block.hours for block in system.stages[t].blocks]
    balance: Balance = {(b, k): [] for b in range(len(system.buses)) for k in range(len(hours))}
    _buses(stage, system, t, hours, balance)
    _thermals(stage, system, t, hours, balance)
    _lines(stage, system, t, hours, balance)
    _hydros(stage, system, config, t, hours, balance)
    _batteries(stage, system, t, hours, balance)
    _demand_responses(stage, system, t, hours, balance)
    for (b, k), terms in balance.items():
        stage.row(terms, Sense.EQUAL, 0.0, name=("load", b, k))
    _generic_constraints(stage, system, t, hours)
    return stage


def _buses(
    stage: StageProgram, system: System, t: int, hours: list[float], balance: Balance
) -> None:
    for b, segments in enumerate(system.resolved_penalties.deficit_segments):
        for k, tau in enumerate(hours):
            for s, segment in enumerate(segments):
                depth = np.inf if segment.depth_mw is None else segment.depth_mw
                stage.column("deficit", b, k, s, upper=depth, cost=tau * segment.cost_per_mwh)
                balance[b, k].append((1.0, ("deficit", b, k, s)))
            stage.column("excess", b, k, cost=tau * system.bounds.bus.excess_cost[b, t])
            balance[b, k].append((-1.0, ("excess", b, k)))


def _thermals(
    stage: StageProgram, system: System, t: int, hours: list[float], balance: Balance
) -> None:
    limits = system.bounds.thermal
    for j, plant in enumerate(system.thermals):
        for k, tau in enumerate(hours):
            if system.operative_states["thermals"][j, t] != OperativeState.OPERATING:
                continue
            power = []
            for s, segment in enumerate(plant.cost_segments):
                override = limits.cost_per_mwh[j, t, k]
                price = segment.cost_per_mwh if np.isnan(override) else override
                stage.column("thermal", j, k, s, upper=segment.capacity_mw, cost=tau * price)
                power.append((1.0, ("thermal", j, k, s)))
            stage.row(power, Sense.LESS_EQUAL, limits.max_generation_mw[j, t, k])
            stage.row(power, Sense.GREATER_EQUAL, limits.min_generation_mw[j, t, k])
            balance[system.bus_index[plant.bus_id], k].extend(power)
            if plant.gnl_lag_stages is not None:
                stage.row(power, Sense.EQUAL, 0.0, incoming={len(stage.leaving): -1.0})
        if plant.gnl_lag_stages is not None:
            _commitments(stage, system, t, j, plant.gnl_lag_stages)
        elif system.operative_states["thermals"][j, t] == OperativeState.OPERATING:
            _ramps(stage, plant, j, hours)
            if plant.is_committed and len(hours) > 1:
                _stops(stage, plant, j, hours, limits.max_generation_mw[j, t])


def _stops(
    stage: StageProgram, plant: Thermal, j: int, hours: list[float], most: np.ndarray
) -> None:
    """Shares that are on, that start and that stop; the hours of rest are said of stops."""
    begins = [sum(hours[:k]) for k in range(len(hours))]
    for k in range(len(hours)):
        stage.column("on", j, k, upper=1.0)
        power = [(1.0, ("thermal", j, k, s)) for s in range(len(plant.cost_segments))]
        stage.row([*power, (-most[k], ("on", j, k))], Sense.LESS_EQUAL, 0.0)
        stable = min(plant.min_stable_mw, most[k])
        stage.row([*power, (-stable, ("on", j, k))], Sense.GREATER_EQUAL, 0.0)
        if k == 0:
            continue
        stage.column("starts", j, k, upper=1.0, cost=plant.start_cost)
        stage.column("stops", j, k, upper=1.0)
        change = [(1.0, ("on", j, k)), (-1.0, ("on", j, k - 1))]
        moves = [(-1.0, ("starts", j, k)), (1.0, ("stops", j, k))]
        stage.row([*change, *moves], Sense.EQUAL, 0.0)
    for k in range(len(hours)):
        since = [i for i in range(1, k + 1) if begins[k] - begins[i] < plant.min_up_hours]
        started = [(1.0, ("starts", j, i)) for i in since]
        stage.row([*started, (-1.0, ("on", j, k))], Sense.LESS_EQUAL, 0.0)
        end = begins[k] + hours[k]
        rest = [i for i in range(k + 1, len(hours)) if begins[i] - end < plant.min_down_hours]
        if rest:
            stopped = [(1.0, ("stops", j, i)) for i in rest]
            stage.row([*stopped, (1.0, ("on", j, rest[-1]))], Sense.LESS_EQUAL, 1.0)


def _ramps(stage: StageProgram, plant: Thermal, j: int, hours: list[float]) -> None:
    """What a plant gives in a block, less what it gave in the block before."""
    for k in range(1, len(hours)):
        between = 0.5 * hours[k - 1] + 0.5 * hours[k]
        rise = [
            (sign, ("thermal", j, block, s))
            for block, sign in ((k, 1.0), (k - 1, -1.0))
            for s in range(len(plant.cost_segments))
        ]
        if plant.max_ramp_up_mw_per_hour is not None:
            stage.row(rise, Sense.LESS_EQUAL, plant.max_ramp_up_mw_per_hour * between)
        if plant.max_ramp_down_mw_per_hour is not None:
            stage.row(rise, Sense.GREATER_EQUAL, -plant.max_ramp_down_mw_per_hour * between)


def _commitments(stage: StageProgram, system: System, t: int, j: int, lag: int) -> None:
    """What plant ``j`` delivers in the coming stages.

    Known, but for the last one, which is ordered now.
    """
    first, limits, delivery = len(stage.leaving), system.bounds.thermal, t + lag
    for i in range(lag):
        stage.column("committed", j, i)
        stage.leaving.append(("committed", j, i))
        if i < lag - 1:
            stage.row(
                [(1.0, ("committed", j, i))], Sense.EQUAL, 0.0, incoming={first + i + 1: -1.0}
            )
    order = [(1.0, ("committed", j, lag - 1))]
    lowest = highest = 0.0
    if delivery < len(system.stages):
        lowest, highest = (
            limits.min_generation_mw[j, delivery].max(),
            limits.max_generation_mw[j, delivery].min(),
        )
    stage.row(order, Sense.LESS_EQUAL, highest)
    stage.row(order, Sense.GREATER_EQUAL, lowest)


def _lines(
    stage: StageProgram, system: System, t: int, hours: list[float], balance: Balance
) -> None:
    for i, line in enumerate(system.lines):
        if system.operative_states["lines"][i, t] != OperativeState.OPERATING:
            continue
        source, target = system.bus_index[line.source_bus_id], system.bus_index[line.target_bus_id]
        arriving = 1.0 - line.losses_percent / 100.0
        for k, tau in enumerate(hours):
            cost = tau * system.bounds.line.exchange_cost[i, t]
            for name, limit, start, end in (
                ("direct", system.bounds.line.direct_mw, source, target),
                ("reverse", system.bounds.line.reverse_mw, target, source),
            ):
                stage.column(name, i, k, upper=limit[i, t, k], cost=cost)
                balance[start, k].append((-1.0, (name, i, k)))
                balance[end, k].append((arriving, (name, i, k)))
                if line.loss_curve:
                    lost = _losses(stage, line, i, k, name, float(limit[i, t, k]))
                    balance[end, k].append((-1.0, lost))
    _angles(stage, system, t, len(hours))
    _failures(stage, system, t, len(hours))


def _angles(stage: StageProgram, system: System, t: int, n_blocks: int) -> None:
    """The flow on a line with a reactance is the difference of the angles at its
    ends over the reactance.
    """
    for k in range(n_blocks):
        for b in range(len(system.buses)):
            stage.column("angle", b, k, lower=-1e4, upper=1e4)
        for i, line in enumerate(system.lines):
            operating = system.operative_states["lines"][i, t] == OperativeState.OPERATING
            if line.reactance_pu is None or not operating:
                continue
            ends = [system.bus_index[bus] for bus in (line.source_bus_id, line.target_bus_id)]
            flow = [(line.reactance_pu, ("direct", i, k)), (-line.reactance_pu, ("reverse", i, k))]
            least, most = line.min_phase_shift_degrees, line.max_phase_shift_degrees
            if least or most:
                stage.column("shift", i, k, lower=least, upper=most)
            angles = [(-1.0, ("angle", ends[0], k)), (1.0, ("angle", ends[1], k))]
            stage.row([*flow, *angles, *_shift(stage, i, k)], Sense.EQUAL, 0.0)


def _losses(stage: StageProgram, line: Line, i: int, k: int, way: str, limit: float) -> Name:
    """What is lost of a flow, as a mixture of the points of its curve up to the limit."""
    points = [(0.0, 0.0), *((p.flow_mw, p.losses_mw) for p in line.loss_curve)]
    (x0, y0), (x1, y1) = points[-2:]
    if limit > x1:
        points.append((limit, y1 + (limit - x1) * (y1 - y0) / (x1 - x0)))
    flows, losses = zip(*points, strict=True)
    kept = [x for x in flows if x < limit] + [limit]
    stage.column("lost", way, i, k)
    weights = []
    for n in range(len(kept)):
        stage.column("weight", way, i, k, n)
        weights.append(("weight", way, i, k, n))
    stage.row([(1.0, one) for one in weights], Sense.EQUAL, 1.0)
    flow = [(x, one) for x, one in zip(kept, weights, strict=True)]
    stage.row([*flow, (-1.0, (way, i, k))], Sense.EQUAL, 0.0)
    lost = [(float(np.interp(x, flows, losses)), one) for x, one in zip(kept, weights, strict=True)]
    stage.row([*lost, (-1.0, ("lost", way, i, k))], Sense.EQUAL, 0.0)
    return ("lost", way, i, k)


def _failures(stage: StageProgram, system: System, t: int, n_blocks: int) -> None:
    """After a failure, angles and flows of their own carry what every bus sends and takes."""
    index = system.bus_index
    there = [i for i, line in enumerate(system.lines) if line.reactance_pu is not None]
    for c, failure in enumerate(system.of(Contingency)):
        for k in range(n_blocks):
            for b in range(len(system.buses)):
                stage.column("angle after", c, b, k, lower=-100.0, upper=100.0)
            sent: dict[int, Terms] = {b: [] for b in range(len(system.buses))}
            for i in there:
                line = system.lines[i]
                ends = [index[bus] for bus in (line.source_bus_id, line.target_bus_id)]
                for sign, b in ((1.0, ends[0]), (-1.0, ends[1])):
                    sent[b] += [(sign, ("direct", i, k)), (-sign, ("reverse", i, k))]
                if line.id == failure.line_id:
                    continue
                flow = ("flow after", c, i, k)
                stage.column(*flow, lower=-np.inf)
                angles = [(-100.0, ("angle after", c, ends[0], k))]
                angles += [(100.0, ("angle after", c, ends[1], k))]
                x = line.reactance_pu or 0.0
                turned = [(value, name) for value, name in _shift(stage, i, k)]
                stage.row([(x, flow), *angles, *turned], Sense.EQUAL, 0.0)
                for sign, b in ((-1.0, ends[0]), (1.0, ends[1])):
                    sent[b].append((sign, flow))
                if not failure.watched_line_ids or line.id in failure.watched_line_ids:
                    limits = system.bounds.line
                    most = failure.limit_factor * limits.direct_mw[i, t, k]
                    least = -failure.limit_factor * limits.reverse_mw[i, t, k]
                    stage.row([(1.0, flow)], Sense.LESS_EQUAL, most)
                    stage.row([(1.0, flow)], Sense.GREATER_EQUAL, least)
            for terms in sent.values():
                stage.row(terms, Sense.EQUAL, 0.0)


def _shift(stage: StageProgram, i: int, k: int) -> Terms:
    """What a phase shifter takes off the difference of angles, times 100 MVA."""
    if ("shift", i, k) not in stage.index:
        return []
    return [(-100.0 * np.pi / 180.0, ("shift", i, k))]


def _hydros(
    stage: StageProgram,
    system: System,
    config: StudyConfig,
    t: int,
    hours: list[float],
    balance: Balance,
) -> None:
    limits = system.bounds.hydro
    stage_hours = sum(hours)
    for h, plant in enumerate(system.hydros):
        cost = {name: values[h, t] for name, values in system.resolved_penalties.hydro.items()}
        production = system.production[h][t]
        fpha = production.kind is ProductionKind.FPHA
        bus = system.bus_index[plant.bus_id]
        stage.column("storage", h, upper=limits.max_storage_hm3[h, t])
        for k in range(len(hours) - 1 if _chronological(system, t) else 0):
            stage.column("storage", h, k, upper=limits.max_storage_hm3[h, t])
        if limits.min_storage_hm3[h, t] > 0.0:
            stage.column("below storage", h, cost=cost["storage_violation_below_cost"])
            for kept in (name for name in list(stage.index) if name[:2] == ("storage", h)):
                floor = [(1.0, kept), (1.0, ("below storage", h))]
                stage.row(floor, Sense.GREATER_EQUAL, limits.min_storage_hm3[h, t])
        withdrawal = limits.water_withdrawal_m3s[h, t]
        if withdrawal > 0.0:
            short = stage_hours * cost["water_withdrawal_violation_neg_cost"]
            stage.column("not withdrawn", h, upper=withdrawal, cost=short)
        if withdrawal != 0.0:
            most = np.inf if withdrawal > 0.0 else -withdrawal
            beyond = stage_hours * cost["water_withdrawal_violation_pos_cost"]
            stage.column("withdrawn beyond", h, upper=most, cost=beyond)
        if plant.seepage is not None:
            _seepage(stage, plant, h, stage_hours, cost)
        if config.inflow_non_negativity.has_slack:
            stage.column("bought water", h, cost=stage_hours * cost["inflow_nonnegativity_cost"])
        for k, tau in enumerate(hours):
            stage.column(
                "turbined",
                h,
                k,
                upper=limits.max_turbined_m3s[h, t],
                cost=tau * cost["fpha_turbined_cost"] if fpha else 0.0,
            )
            stage.column("spilled", h, k, cost=tau * cost["spillage_cost"])
            if fpha:
                stage.column("gross power", h, k, upper=limits.max_generation_mw[h, t])
                stage.column(
                    "negative power",
                    h,
                    k,
                    cost=tau * system.bounds.bus.excess_cost[bus, t],
                )
            power = _hydro_power(system, h, t, k)
            if not fpha:
                stage.row(power, Sense.LESS_EQUAL, limits.max_generation_mw[h, t])
            for plane in production.planes:
                slope = plane.gamma_v / 2.0
                flows = [(-plane.gamma_q, ("turbined", h, k)), (-plane.gamma_s, ("spilled", h, k))]
                terms = [*power, *flows, (-slope, _storage_after(stage, h, k))]
                begins: dict[int, float] = {h: -slope}
                if _chronological(system, t) and k > 0:
                    terms.append((-slope, _storage_after(stage, h, k - 1)))
                    begins = {}
                stage.row(terms, Sense.LESS_EQUAL, plane.kappa * plane.gamma_0, incoming=begins)
            if not _unit_groups(stage, system, t, h, k, tau, balance):
                balance[bus, k].extend(power)
            outflow = [(1.0, ("turbined", h, k)), (1.0, ("spilled", h, k))]
            for quantity, sense, limit, price in (
                (
                    outflow[:1],
                    Sense.GREATER_EQUAL,
                    limits.min_turbined_m3s,
                    "turbined_violation_below_cost",
                ),
                (
                    outflow,
                    Sense.GREATER_EQUAL,
                    limits.min_outflow_m3s,
                    "outflow_violation_below_cost",
                ),
                (outflow, Sense.LESS_EQUAL, limits.max_outflow_m3s, "outflow_violation_above_cost"),
                (
                    power,
                    Sense.GREATER_EQUAL,
                    limits.min_generation_mw,
                    "generation_violation_below_cost",
                ),
            ):
                if not np.isfinite(limit[h, t]) or (
                    sense is Sense.GREATER_EQUAL and limit[h, t] <= 0.0
                ):
                    continue
                stage.column("violation", price, h, k, cost=tau * cost[price])
                slack = (1.0 if sense is Sense.GREATER_EQUAL else -1.0, ("violation", price, h, k))
                stage.row([*quantity, slack], sense, limit[h, t])
    for h, plant in enumerate(system.hydros):
        if plant.travel_time_hours:
            _releases(stage, system, t, h, hours)
    for h in range(len(system.hydros)):
        _water(stage, system, t, h, hours)


def _seepage(
    stage: StageProgram, plant: Hydro, h: int, hours: float, cost: dict[str, float]
) -> None:
    """Water through the dam, by the mean of the first and the last storage."""
    stage.column("seeps", h)
    stage.column("seeps less", h, cost=hours * cost["evaporation_violation_neg_cost"])
    stage.column("seeps more", h, cost=hours * cost["evaporation_violation_pos_cost"])
    slope = 0.5 * plant.seepage.slope_m3s_per_hm3
    terms: Terms = [(1.0, ("seeps", h)), (-slope, ("storage", h))]
    terms += [(1.0, ("seeps less", h)), (-1.0, ("seeps more", h))]
    stage.row(terms, Sense.EQUAL, plant.seepage.constant_m3s, incoming={h: -slope})


def _unit_groups(
    stage: StageProgram, system: System, t: int, h: int, k: int, tau: float, balance: Balance
) -> bool:
    """Whether a plant delivers through groups, each at its bus."""
    plant, shared = system.hydros[h], _hydro_power(system, h, t, k)
    groups = [(g, one) for g, one in enumerate(system.of(UnitGroup)) if one.hydro_id == plant.id]
    price = system.resolved_penalties.hydro["generation_violation_below_cost"][h, t]
    for g, one in groups:
        name = ("group", g, k)
        stage.column(*name, upper=one.max_generation_mw, cost=tau * one.cost_per_mwh)
        stage.column("group below", g, k, cost=tau * price)
        least = [(1.0, name), (1.0, ("group below", g, k))]
        stage.row(least, Sense.GREATER_EQUAL, one.min_generation_mw)
        balance[system.bus_index[one.bus_id], k].append((1.0, name))
        shared.append((-1.0, name))
    if groups:
        stage.row(shared, Sense.EQUAL, 0.0)
    return bool(groups)


def cells_in_time(system: System, h: int) -> list[tuple[float, float, float, int]]:
    """When a plant releases water, with what it released before the study: begin and end
    in hours from the start of the study, hm3, and the stage (-1 before the study).
    """
    start = system.stages[0].start_date
    cells = []
    for past in system.initial.past_defluences:
        if past.hydro_id == system.hydros[h].id:
            begin, end = (24.0 * (day - start).days for day in (past.start_date, past.end_date))
            cells.append((begin, end, M3S_HOUR_IN_HM3 * (end - begin) * past.value_m3s, -1))
    now = 0.0
    for t, stage in enumerate(system.stages):
        whole = [sum(block.hours for block in stage.blocks)]
        for hours in [b.hours for b in stage.blocks] if _chronological(system, t) else whole:
            cells.append((now, now + hours, 0.0, t))
            now += hours
    return cells


def _releases(stage: StageProgram, system: System, t: int, h: int, hours: list[float]) -> None:
    """What a plant released in every cell of all time so far, hm3: the state remembers it all."""
    first, number = len(stage.leaving), 0
    for c, (*_, of) in enumerate(cells_in_time(system, h)):
        stage.column("released", h, c)
        stage.leaving.append(("released", h, c))
        if of != t:
            terms: Terms = [(1.0, ("released", h, c))]
            stage.row(terms, Sense.EQUAL, 0.0, incoming={first + c: -1.0})
            continue
        blocks = [number] if _chronological(system, t) else list(range(len(hours)))
        number += 1
        out = [
            (-M3S_HOUR_IN_HM3 * hours[k], (name, h, k))
            for k in blocks
            for name in ("turbined", "spilled")
        ]
        stage.row([(1.0, ("released", h, c)), *out], Sense.EQUAL, 0.0)


def _arriving(system: System, t: int, h: int, number: int) -> Terms:
    """Share of every release of a plant that arrives below it in a cell of a stage."""
    cells, delay = cells_in_time(system, h), system.hydros[h].travel_time_hours or 0.0
    begin, end, *_ = [cell for cell in cells if cell[3] == t][number]
    found = []
    for c, (left, right, *_) in enumerate(cells):
        common = min(right + delay, end) - max(left + delay, begin)
        if common > 0.0:
            found.append((common / (right - left), ("released", h, c)))
    return found


def _water(stage: StageProgram, system: System, t: int, h: int, hours: list[float]) -> None:
    """The balance of a reservoir: of the stage, or of each block that follows another."""
    upstream = [
        i for i, other in enumerate(system.hydros) if other.downstream_id == system.hydros[h].id
    ]
    blocks = range(len(hours))
    parts = [[k] for k in blocks] if _chronological(system, t) else [list(blocks)]
    for number, part in enumerate(parts):
        zeta = M3S_HOUR_IN_HM3 * sum(hours[k] for k in part)
        terms: Terms = [(1.0, _storage_after(stage, h, part[-1]))]
        begins: dict[int, float] = {h: -1.0}
        if part[0] > 0:
            terms.append((-1.0, _storage_after(stage, h, part[0] - 1)))
            begins = {}
        for i in (i for i in upstream if system.hydros[i].travel_time_hours):
            terms.extend((-share, name) for share, name in _arriving(system, t, i, number))
        at_once = [i for i in upstream if not system.hydros[i].travel_time_hours]
        for k in part:
            for name in ("turbined", "spilled"):
                terms.append((M3S_HOUR_IN_HM3 * hours[k], (name, h, k)))
                terms.extend((-M3S_HOUR_IN_HM3 * hours[k], (name, i, k)) for i in at_once)
        for name, sign in (
            ("withdrawn beyond", 1.0),
            ("not withdrawn", -1.0),
            ("bought water", -1.0),
            ("seeps", 1.0),
        ):
            if (name, h) in stage.index:
                terms.append((sign * zeta, (name, h)))
        for i, other in enumerate(system.hydros):
            if other.downstream_id == system.hydros[h].id and ("seeps", i) in stage.index:
                terms.append((-zeta, ("seeps", i)))
        rhs = -zeta * system.bounds.hydro.water_withdrawal_m3s[h, t]
        stage.row(terms, Sense.EQUAL, rhs, incoming=begins, name=("water", h, zeta))
    if system.hydros[h].balance_each_block and not _chronological(system, t):
        _even_storage(stage, system, t, h, hours)


def _even_storage(stage: StageProgram, system: System, t: int, h: int, hours: list[float]) -> None:
    """What a plant releases in a block beyond what arrives is the same flow in all blocks."""
    upstream = [
        i
        for i, other in enumerate(system.hydros)
        if other.downstream_id == system.hydros[h].id and not other.travel_time_hours
    ]

    def released(k: int, sign: float) -> Terms:
        own = [(sign, (name, h, k)) for name in ("turbined", "spilled")]
        return own + [(-sign, (name, i, k)) for i in upstream for name in ("turbined", "spilled")]

    for k in range(1, len(hours)):
        stage.row([*released(k, 1.0), *released(0, -1.0)], Sense.EQUAL, 0.0)


def _chronological(system: System, t: int) -> bool:
    return system.stages[t].block_mode is BlockMode.CHRONOLOGICAL


def _storage_after(stage: StageProgram, h: int, k: int) -> Name:
    """Storage that a block ends with."""
    return ("storage", h, k) if ("storage", h, k) in stage.index else ("storage", h)


def _batteries(
    stage: StageProgram, system: System, t: int, hours: list[float], balance: Balance
) -> None:
    """Energy of every battery after each block that follows another, or after the stage."""
    parts = [[k] for k in range(len(hours))]
    if not _chronological(system, t):
        parts = [list(range(len(hours)))]
    for b, battery in enumerate(system.of(Battery)):
        bus = system.bus_index[battery.bus_id]
        for k, tau in enumerate(hours):
            stage.column("charge", b, k, upper=battery.max_charge_mw)
            price = tau * battery.cost_per_mwh
            stage.column("discharge", b, k, upper=battery.max_discharge_mw, cost=price)
            balance[bus, k] += [(-1.0, ("charge", b, k)), (1.0, ("discharge", b, k))]
        for number, part in enumerate(parts):
            closed = battery.closed_within_stage and number == len(parts) - 1
            ends = (battery.initial_energy_mwh,) * 2 if closed else (0.0, battery.max_energy_mwh)
            stage.column("energy", b, number, lower=ends[0], upper=ends[1])
            left = (1.0 - battery.self_discharge_per_hour) ** sum(hours[k] for k in part)
            terms: Terms = [(1.0, ("energy", b, number))]
            for k in part:
                terms.append((-hours[k] * battery.charge_efficiency, ("charge", b, k)))
                terms.append((hours[k] / battery.discharge_efficiency, ("discharge", b, k)))
            begins = {len(stage.leaving): -left} if number == 0 else {}
            if number > 0:
                terms.append((-left, ("energy", b, number - 1)))
            stage.row(terms, Sense.EQUAL, 0.0, incoming=begins)
        stage.leaving.append(("energy", b, len(parts) - 1))


def _demand_responses(
    stage: StageProgram, system: System, t: int, hours: list[float], balance: Balance
) -> None:
    """Load that is given up, at most the mean load of its bus, or put off within the stage."""
    stage_id = system.stages[t].id
    for i, one in enumerate(system.of(DemandResponse)):
        bus = system.bus_index[one.bus_id]
        (mean,) = (
            row.mean_mw
            for row in system.load_statistics
            if (row.bus_id, row.stage_id) == (one.bus_id, stage_id)
        )
        made_good: Terms = []
        for k, tau in enumerate(hours):
            for s, step in enumerate(one.steps):
                price = tau * step.price_per_mwh
                stage.column("given up", i, k, s, upper=step.max_mw, cost=price)
            given_up = [(1.0, ("given up", i, k, s)) for s in range(len(one.steps))]
            stage.row(given_up, Sense.LESS_EQUAL, mean * system.load_factor[bus, t, k])
            most = one.max_shift_mw if one.max_recovery_mw is None else one.max_recovery_mw
            price = tau * one.shift_cost_per_mwh
            stage.column("put off", i, k, upper=one.max_shift_mw, cost=price)
            stage.column("made good", i, k, upper=most if one.max_shift_mw else 0.0)
            balance[bus, k] += [
                *given_up,
                (1.0, ("put off", i, k)),
                (-1.0, ("made good", i, k)),
            ]
            made_good += [
                (tau, ("made good", i, k)),
                (-tau * one.recovery_factor, ("put off", i, k)),
            ]
        stage.row(made_good, Sense.EQUAL, 0.0)


def _hydro_power(system: System, h: int, t: int, k: int) -> Terms:
    production = system.production[h][t]
    if production.kind is ProductionKind.FPHA:
        return [(1.0, ("gross power", h, k)), (-1.0, ("negative power", h, k))]
    return [(production.productivity_mw_per_m3s, ("turbined", h, k))]


def _generic_constraints(stage: StageProgram, system: System, t: int, hours: list[float]) -> None:
    for constraint in system.generic_constraints:
        terms = constraint.expression.terms
        follows_row = any(
            term.quantity not in STAGE_LEVEL and term.block_id is None for term in terms
        )
        assert constraint.block_aggregation is BlockAggregation.PER_BLOCK, (
            "only rows per block are covered"
        )
        given = {
            bound.block_id: bound.bound
            for bound in system.generic_constraint_bounds
            if (bound.constraint_id, bound.stage_id) == (constraint.id, system.stages[t].id)
        }
        whole = given.pop(None, None)
        rows = dict(given)
        if whole is not None and follows_row:
            rows = dict.fromkeys(range(len(hours)), whole) | given
        elif whole is not None:
            rows[None] = whole
        for block, bound in rows.items():
            left: Terms = []
            rhs = bound - constraint.expression.constant
            for term in terms:
                k = block if term.block_id is None else term.block_id
                quantity, constant = _named_quantity(
                    stage, system, t, term.quantity, term.entity_id, k
                )
                left.extend((term.coefficient * value, name) for value, name in quantity)
                rhs -= term.coefficient * constant
            if constraint.slack_cost is not None:
                cost = constraint.slack_cost * (sum(hours) if block is None else hours[block])
                for sign, sense in ((1.0, Sense.GREATER_EQUAL), (-1.0, Sense.LESS_EQUAL)):
                    if constraint.sense in (sense, Sense.EQUAL):
                        stage.column("generic", constraint.id, block, sign, cost=cost)
                        left.append((sign, ("generic", constraint.id, block, sign)))
            stage.row(left, constraint.sense, rhs)


def _named_quantity(
    stage: StageProgram, system: System, t: int, quantity: str, entity: int, k: int | None
) -> tuple[Terms, float]:
    """Terms and constant of a quantity in a user constraint."""
    if quantity.startswith("hydro_"):
        h = system.hydro_index[entity]
        if quantity == "hydro_withdrawal":
            slacks = ((-1.0, ("not withdrawn", h)), (1.0, ("withdrawn beyond", h)))
            scheduled = system.bounds.hydro.water_withdrawal_m3s[h, t]
            return [(sign, name) for sign, name in slacks if name in stage.index], scheduled
        return {
            "hydro_storage": [(1.0, ("storage", h))],
            "hydro_turbined": [(1.0, ("turbined", h, k))],
            "hydro_spillage": [(1.0, ("spilled", h, k))],
            "hydro_outflow": [(1.0, ("turbined", h, k)), (1.0, ("spilled", h, k))],
            "hydro_generation": _hydro_power(system, h, t, k),
        }[quantity], 0.0
    if quantity == "thermal_generation":
        j = system.thermal_index[entity]
        return [(1.0, name) for name in stage.index if name[:3] == ("thermal", j, k)], 0.0
    if quantity == "bus_deficit":
        b = system.bus_index[entity]
        return [(1.0, name) for name in stage.index if name[:3] == ("deficit", b, k)], 0.0
    if quantity == "bus_excess":
        return [(1.0, ("excess", system.bus_index[entity], k))], 0.0
    i = system.line_index[entity]
    return {
        "line_direct": [(1.0, ("direct", i, k))],
        "line_reverse": [(1.0, ("reverse", i, k))],
        "line_exchange": [(1.0, ("direct", i, k)), (-1.0, ("reverse", i, k))],
    }[quantity], 0.0


def sparse(entries: list[tuple[int, int, float]], shape: tuple[int, int]) -> sp.csr_array:
    """Matrix from (row, column, value)."""
    if not entries:
        return sp.csr_array(shape)
    row, column, value = zip(*entries, strict=True)
    return sp.csr_array((value, (row, column)), shape=shape)
