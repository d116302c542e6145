"""One stage written a second time, quantity by quantity, as a dense program for scipy.

The reference of the stage templates.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

import numpy as np
import scipy.optimize

import headwater.model as m

Terms = dict[str, float]


class DenseProgram:
    """Columns by name; rows as dictionaries of names."""

    def __init__(self) -> None:
        self.bounds: dict[str, tuple[float, float]] = {}
        self.cost: defaultdict[str, float] = defaultdict(float)
        self.equal: list[tuple[Terms, float]] = []
        self.less: list[tuple[Terms, float]] = []

    def var(self, name: str, low: float = 0.0, high: float = math.inf, cost: float = 0.0) -> str:
        self.bounds[name] = (low, high)
        self.cost[name] += cost
        return name

    def eq(self, terms: Terms, value: float) -> None:
        self.equal.append((terms, value))

    def le(self, terms: Terms, value: float) -> None:
        self.less.append((terms, value))

    def ge(self, terms: Terms, value: float) -> None:
        self.less.append(({name: -c for name, c in terms.items()}, -value))

    def solve(self) -> tuple[float, dict[str, float]]:
        names = list(self.bounds)
        place = {name: i for i, name in enumerate(names)}

        def matrix(rows: list[tuple[Terms, float]]) -> tuple[np.ndarray, np.ndarray]:
            dense = np.zeros((len(rows), len(names)))
            for i, (terms, _) in enumerate(rows):
                for name, value in terms.items():
                    dense[i, place[name]] += value
            return dense, np.array([value for _, value in rows])

        a_ub, b_ub = matrix(self.less)
        a_eq, b_eq = matrix(self.equal)
        result = scipy.optimize.linprog(
            [self.cost[name] for name in names],
            A_ub=a_ub if len(a_ub) else None,
            b_ub=b_ub if len(b_ub) else None,
            A_eq=a_eq,
            b_eq=b_eq,
            bounds=[self.bounds[name] for name in names],
            method="highs",
        )
        assert result.status == 0, result.message
        return result.fun, dict(zip(names, result.x, strict=True))


def add(*parts: Terms) -> Terms:
    total: defaultdict[str, float] = defaultdict(float)
    for part in parts:
        for name, value in part.items():
            total[name] += value
    return dict(total)


def times(factor: float, part: Terms) -> Terms:
    return {name: factor * value for name, value in part.items()}


def alive(entity: object, t: int) -> bool:
    entry, leave = entity.entry_stage_id, entity.exit_stage_id  # type: ignore[attr-defined]
    return (entry is None or entry <= t) and (leave is None or t < leave)


def fills(plant: m.Hydro, t: int) -> bool:
    return plant.filling is not None and plant.filling.start_stage_id <= t < (
        plant.entry_stage_id or 0
    )


def dense_stage(
    system: m.System,
    t: int,
    *,
    storage: dict[int, float],
    inflow: dict[int, float],
    load: np.ndarray,
    available: np.ndarray,
    committed: dict[int, float],
) -> tuple[float, dict[str, float]]:
    """Immediate cost of stage ``t`` (its id is its position) alone, and all values.

    Args:
        storage: hydro id -> incoming storage.
        inflow: hydro id -> realised inflow.
        load: ``[bus, block]``; available: ``[source, block]``.
        committed: id of a thermal dispatched ahead -> its power.
    """
    p = DenseProgram()
    stage = system.stages[t]
    tau = [block.hours for block in stage.blocks]
    hours, blocks = sum(tau), range(len(tau))
    chronological = stage.block_mode is m.BlockMode.CHRONOLOGICAL
    zeta = [0.0036 * h for h in tau]
    plants = {h.id: h for h in system.hydros}
    here = {i: alive(h, t) or fills(h, t) for i, h in plants.items()}
    fee = {
        name: {h.id: table[i, t] for i, h in enumerate(system.hydros)}
        for name, table in system.resolved_penalties.hydro.items()
    }
    limit = {
        name: {h.id: getattr(system.bounds.hydro, name)[i, t] for i, h in enumerate(system.hydros)}
        for name in system.bounds.hydro
    }

    def receiver(start: int | None) -> int | None:
        while start is not None and not here[start]:
            start = plants[start].downstream_id
        return start

    out: dict[tuple[int, int], Terms] = {}
    power: dict[tuple[int, int], Terms] = {}
    leaves: defaultdict[tuple[int, int], Terms] = defaultdict(dict)
    end: dict[tuple[int, int], tuple[Terms, float]] = {}
    begin: dict[tuple[int, int], tuple[Terms, float]] = {}
    for i, plant in plants.items():
        if not here[i]:
            continue
        p.var(f"v{i}", 0, limit["max_storage_hm3"][i])
        for k in blocks:
            whole = not chronological or k == len(tau) - 1
            end[i, k] = (
                {f"v{i}": 1.0}
                if whole
                else {p.var(f"v{i},{k}", 0, limit["max_storage_hm3"][i]): 1.0},
                0.0,
            )
        for k in blocks:
            begin[i, k] = end[i, k - 1] if chronological and k else ({}, storage[i])
        running = alive(plant, t)
        production = system.production[system.hydro_index[i]][t]
        for k in blocks:
            spill = p.var(f"s{i},{k}", cost=tau[k] * fee["spillage_cost"][i])
            out[i, k], power[i, k] = {spill: 1.0}, {}
            if running:
                q = p.var(f"q{i},{k}", 0, limit["max_turbined_m3s"][i])
                out[i, k][q] = 1.0
                if production.planes:
                    p.cost[q] += tau[k] * fee["fpha_turbined_cost"][i]
                    g = p.var(f"g{i},{k}", 0, limit["max_generation_mw"][i])
                    excess = system.bounds.bus.excess_cost[system.bus_index[plant.bus_id], t]
                    neg = p.var(f"gneg{i},{k}", cost=tau[k] * excess)
                    power[i, k] = {g: 1.0, neg: -1.0}
                    for plane in production.planes:
                        mean = add(
                            times(0.5 * plane.gamma_v, begin[i, k][0]),
                            times(0.5 * plane.gamma_v, end[i, k][0]),
                        )
                        known = 0.5 * plane.gamma_v * begin[i, k][1]
                        right = add(mean, {q: plane.gamma_q, spill: plane.gamma_s})
                        p.le(
                            add(power[i, k], times(-1, right)), plane.kappa * plane.gamma_0 + known
                        )
                else:
                    power[i, k] = {q: production.productivity_mw_per_m3s}
                    p.le(power[i, k], limit["max_generation_mw"][i])
                if plant.diversion is not None:
                    u = p.var(
                        f"u{i},{k}",
                        0,
                        limit["max_diversion_m3s"][i],
                        tau[k] * fee["diversion_cost"][i],
                    )
                    leaves[i, k] = add(leaves[i, k], {u: 1.0})
                    target = receiver(plant.diversion.downstream_id)
                    if target is not None:
                        leaves[target, k] = add(leaves[target, k], {u: -1.0})
                if limit["min_turbined_m3s"][i] > 0:
                    slack = p.var(
                        f"sq{i},{k}", cost=tau[k] * fee["turbined_violation_below_cost"][i]
                    )
                    p.ge({q: 1.0, slack: 1.0}, limit["min_turbined_m3s"][i])
                if np.isfinite(limit["max_outflow_m3s"][i]):
                    slack = p.var(
                        f"sop{i},{k}", cost=tau[k] * fee["outflow_violation_above_cost"][i]
                    )
                    p.le(add(out[i, k], {slack: -1.0}), limit["max_outflow_m3s"][i])
                if limit["min_generation_mw"][i] > 0:
                    slack = p.var(
                        f"sg{i},{k}", cost=tau[k] * fee["generation_violation_below_cost"][i]
                    )
                    p.ge(add(power[i, k], {slack: 1.0}), limit["min_generation_mw"][i])
            if limit["min_outflow_m3s"][i] > 0:
                slack = p.var(f"som{i},{k}", cost=tau[k] * fee["outflow_violation_below_cost"][i])
                p.ge(add(out[i, k], {slack: 1.0}), limit["min_outflow_m3s"][i])
        if running and limit["min_storage_hm3"][i] > 0:
            slack = p.var(f"sv{i}", cost=fee["storage_violation_below_cost"][i])
            for k in blocks:
                p.ge(add(end[i, k][0], {slack: 1.0}), limit["min_storage_hm3"][i])
    river: defaultdict[int, float] = defaultdict(float)
    for i, plant in plants.items():
        owner = receiver(i)
        if owner is not None:
            river[owner] += inflow[i]
        below = receiver(plant.downstream_id)
        if here[i] and below is not None:
            for k in blocks:
                leaves[below, k] = add(leaves[below, k], times(-1, out[i, k]))
    for j, station in enumerate(system.pumping_stations):
        a, b = station.source_hydro_id, station.destination_hydro_id
        if alive(station, t) and here[a] and here[b]:
            low, high = (
                x[j, t]
                for x in (
                    system.bounds.pumping_station.min_m3s,
                    system.bounds.pumping_station.max_m3s,
                )
            )
            for k in blocks:
                flow = p.var(f"p{station.id},{k}", low, high)
                leaves[a, k] = add(leaves[a, k], {flow: 1.0})
                leaves[b, k] = add(leaves[b, k], {flow: -1.0})

    steady: dict[int, tuple[Terms, float]] = {}
    for i, plant in plants.items():
        if not here[i]:
            continue
        taken = float(limit["water_withdrawal_m3s"][i])
        terms: Terms = {p.var(f"sinf{i}", cost=hours * fee["inflow_nonnegativity_cost"][i]): -1.0}
        if taken > 0:
            terms[
                p.var(f"rm{i}", 0, taken, hours * fee["water_withdrawal_violation_neg_cost"][i])
            ] = -1.0
        if taken:
            room = math.inf if taken > 0 else -taken
            terms[
                p.var(f"rp{i}", 0, room, hours * fee["water_withdrawal_violation_pos_cost"][i])
            ] = 1.0
        if plant.evaporation is not None:
            k0, kv = lake(system, plant, stage, hours)
            low = min(0.0, k0, k0 + kv * limit["max_storage_hm3"][i])
            q = p.var(f"e{i}", low)
            short = p.var(f"fp{i}", cost=hours * fee["evaporation_violation_neg_cost"][i])
            beyond = p.var(f"fm{i}", cost=hours * fee["evaporation_violation_pos_cost"][i])
            p.eq({q: 1.0, short: 1.0, beyond: -1.0, f"v{i}": -kv / 2}, k0 + kv / 2 * storage[i])
            terms[q] = 1.0
        steady[i] = terms, taken - river[i]
        if chronological:
            for k in blocks:
                flows = times(zeta[k], add(leaves[i, k], out[i, k], terms))
                p.eq(
                    add(end[i, k][0], times(-1, begin[i, k][0]), flows),
                    begin[i, k][1] - zeta[k] * steady[i][1],
                )
        else:
            flows = add(*(times(zeta[k], add(leaves[i, k], out[i, k], terms)) for k in blocks))
            p.eq(add(end[i, 0][0], flows), storage[i] - 0.0036 * hours * steady[i][1])
        if fills(plant, t):
            kept = limit["filling_inflow_m3s"][i]
            if kept > 0:
                slack = p.var(
                    f"sret{i}", cost=0.0036 * hours * fee["filling_target_violation_cost"][i]
                )
                mine = add(*(times(tau[k] / hours, out[i, k]) for k in blocks))
                arriving = add(
                    *(
                        times(
                            tau[k] / hours,
                            {n: c for n, c in leaves[i, k].items() if c < 0 and n[0] in "qsu"},
                        )
                        for k in blocks
                    )
                )
                p.le(add(mine, arriving, {slack: -1.0, f"sinf{i}": -1.0}), river[i] - kept)
            if t + 1 == plant.entry_stage_id:
                slack = p.var(f"sfill{i}", cost=fee["filling_target_violation_cost"][i])
                p.ge({f"v{i}": 1.0, slack: 1.0}, limit["min_storage_hm3"][i])

    balance: defaultdict[tuple[int, int], Terms] = defaultdict(dict)
    named: defaultdict[tuple[str, int, int], tuple[Terms, float]] = defaultdict(lambda: ({}, 0.0))
    for (i, k), terms in power.items():
        balance[plants[i].bus_id, k] = add(balance[plants[i].bus_id, k], terms)
        named["hydro_generation", i, k] = terms, 0.0
        named["hydro_outflow", i, k] = out[i, k], 0.0
        named["hydro_storage", i, k] = {f"v{i}": 1.0}, 0.0
        for quantity, letter in (
            ("hydro_turbined", "q"),
            ("hydro_spillage", "s"),
            ("hydro_diversion", "u"),
        ):
            if f"{letter}{i},{k}" in p.bounds:
                named[quantity, i, k] = {f"{letter}{i},{k}": 1.0}, 0.0
        if f"e{i}" in p.bounds:
            named["hydro_evaporation", i, k] = {f"e{i}": 1.0}, 0.0
        slacks = {
            name: sign for name, sign in ((f"rm{i}", -1.0), (f"rp{i}", 1.0)) if name in p.bounds
        }
        named["hydro_withdrawal", i, k] = slacks, float(limit["water_withdrawal_m3s"][i])
    for j, unit in enumerate(system.thermals):
        if not alive(unit, t):
            continue
        for k in blocks:
            override = system.bounds.thermal.cost_per_mwh[j, t, k]
            terms = {
                p.var(
                    f"th{unit.id},{k},{s}",
                    0,
                    step.capacity_mw,
                    tau[k] * (step.cost_per_mwh if np.isnan(override) else override),
                ): 1.0
                for s, step in enumerate(unit.cost_segments)
            }
            if unit.gnl_lag_stages is not None:
                p.eq(terms, committed[unit.id])
            p.le(terms, system.bounds.thermal.max_generation_mw[j, t, k])
            p.ge(terms, system.bounds.thermal.min_generation_mw[j, t, k])
            balance[unit.bus_id, k] = add(balance[unit.bus_id, k], terms)
            named["thermal_generation", unit.id, k] = terms, 0.0
    for n, line in enumerate(system.lines):
        if not alive(line, t):
            continue
        keep = 1 - line.losses_percent / 100
        for k in blocks:
            price = tau[k] * system.bounds.line.exchange_cost[n, t]
            f = p.var(f"fd{line.id},{k}", 0, system.bounds.line.direct_mw[n, t, k], price)
            r = p.var(f"fr{line.id},{k}", 0, system.bounds.line.reverse_mw[n, t, k], price)
            balance[line.target_bus_id, k] = add(balance[line.target_bus_id, k], {f: keep, r: -1.0})
            balance[line.source_bus_id, k] = add(balance[line.source_bus_id, k], {r: keep, f: -1.0})
            named["line_direct", line.id, k] = {f: 1.0}, 0.0
            named["line_reverse", line.id, k] = {r: 1.0}, 0.0
            named["line_exchange", line.id, k] = {f: 1.0, r: -1.0}, 0.0
    for station in system.pumping_stations:
        for k in blocks:
            if f"p{station.id},{k}" in p.bounds:
                use = {f"p{station.id},{k}": station.consumption_mw_per_m3s}
                balance[station.bus_id, k] = add(balance[station.bus_id, k], times(-1, use))
                named["pumping_flow", station.id, k] = {f"p{station.id},{k}": 1.0}, 0.0
                named["pumping_power", station.id, k] = use, 0.0
    for c, deal in enumerate(system.contracts):
        sign = 1.0 if deal.kind is m.ContractKind.IMPORT else -1.0
        low, high, price = (
            getattr(system.bounds.contract, n)[c, t] for n in ("min_mw", "max_mw", "price_per_mwh")
        )
        for k in blocks:
            x = p.var(f"c{deal.id},{k}", low, high, tau[k] * price)
            balance[deal.bus_id, k] = add(balance[deal.bus_id, k], {x: sign})
            named[f"contract_{deal.kind.value}", deal.id, k] = {x: 1.0}, 0.0
    for n, source in enumerate(system.non_controllables):
        if not alive(source, t):
            continue
        for k in blocks:
            price = tau[k] * system.bounds.non_controllable.curtailment_cost[n, t]
            x, y = p.var(f"n{source.id},{k}"), p.var(f"nc{source.id},{k}", cost=price)
            p.eq({x: 1.0, y: 1.0}, available[n, k])
            balance[source.bus_id, k] = add(balance[source.bus_id, k], {x: 1.0})
            named["non_controllable_generation", source.id, k] = {x: 1.0}, 0.0
            named["non_controllable_curtailment", source.id, k] = {y: 1.0}, 0.0
    for b, bus in enumerate(system.buses):
        for k in blocks:
            steps = system.resolved_penalties.deficit_segments[b]
            unserved = {
                p.var(
                    f"d{bus.id},{k},{s}", 0, step.depth_mw or math.inf, tau[k] * step.cost_per_mwh
                ): 1.0
                for s, step in enumerate(steps)
            }
            waste = p.var(f"x{bus.id},{k}", cost=tau[k] * system.bounds.bus.excess_cost[b, t])
            p.eq(add(balance[bus.id, k], unserved, {waste: -1.0}), load[b, k])
            named["bus_deficit", bus.id, k] = unserved, 0.0
            named["bus_excess", bus.id, k] = {waste: 1.0}, 0.0
    _user_constraints(p, system, t, tau, named)
    return p.solve()


def lake(system: m.System, plant: m.Hydro, stage: m.Stage, hours: float) -> tuple[float, float]:
    """Evaporation day by day: each day contributes its part of its month's depth."""
    table = sorted(
        (g.volume_hm3, g.area_km2) for g in system.hydro_geometry if g.hydro_id == plant.id
    )
    volumes, areas = zip(*table, strict=True)
    reference = (plant.min_storage_hm3 + plant.max_storage_hm3) / 2
    area = float(np.interp(reference, volumes, areas))
    pieces = list(pairwise(table))
    inside = [p for p in pieces if p[0][0] <= reference < p[1][0]] or [
        pieces[-1] if reference >= volumes[-1] else pieces[0]
    ]
    (v0, a0), (v1, a1) = inside[0]
    slope = (a1 - a0) / (v1 - v0)
    depth, day = 0.0, stage.start_date
    assert plant.evaporation is not None
    while day < stage.end_date:
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        depth += (
            plant.evaporation.coefficients_mm[day.month - 1] / (following - day.replace(day=1)).days
        )
        day += timedelta(days=1)
    per_km2 = depth * 1000.0 / (3600.0 * hours)
    return per_km2 * (area - slope * reference), per_km2 * slope


def _user_constraints(
    p: DenseProgram, system: m.System, t: int, tau: list[float], named: dict
) -> None:
    hours = sum(tau)
    stage_only = ("hydro_storage", "hydro_evaporation", "hydro_withdrawal")
    for rule in system.generic_constraints:
        given = {
            e.block_id: e.bound
            for e in system.generic_constraint_bounds
            if (e.constraint_id, e.stage_id) == (rule.id, t)
        }
        free = [
            x for x in rule.expression.terms if x.block_id is None and x.quantity not in stage_only
        ]
        rows: list[tuple[list[tuple[int, float]], float, float]] = []
        if rule.block_aggregation is not m.BlockAggregation.PER_BLOCK:
            mean = rule.block_aggregation is m.BlockAggregation.AVERAGE
            weights = [(k, h / hours if mean else 1.0) for k, h in enumerate(tau)]
            rows = [(weights, given[None], hours)] if None in given else []
        elif free:
            for k, h in enumerate(tau):
                bound = given.get(k, given.get(None))
                if bound is not None:
                    rows.append(([(k, 1.0)], bound, h))
        else:
            rows = [([], given[None], hours)] if None in given else []
            rows += [([(k, 1.0)], given[k], tau[k]) for k in range(len(tau)) if k in given]
        for n, (weights, bound, weight) in enumerate(rows):
            terms: Terms = {}
            constant = rule.expression.constant
            for x in rule.expression.terms:
                where = (
                    [(0, 1.0)]
                    if x.quantity in stage_only
                    else weights
                    if x.block_id is None
                    else [(x.block_id, 1.0)]
                )
                for k, share in where:
                    part, fixed = named[x.quantity, x.entity_id, k]
                    terms = add(terms, times(x.coefficient * share, part))
                    constant += x.coefficient * share * fixed
            over = p.var(f"over{rule.id},{n}", cost=rule.slack_cost * weight)
            under = p.var(f"under{rule.id},{n}", cost=rule.slack_cost * weight)
            if rule.sense is m.Sense.LESS_EQUAL:
                p.le(add(terms, {over: -1.0}), bound - constant)
            elif rule.sense is m.Sense.GREATER_EQUAL:
                p.ge(add(terms, {under: 1.0}), bound - constant)
            else:
                p.eq(add(terms, {under: 1.0, over: -1.0}), bound - constant)
