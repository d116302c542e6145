"""Stage values of thermals, orders placed ahead and user constraints fit into every stage LP."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headwater.case.parts import Parts
from headwater.case.rules import ERROR, Problem, rule, study_rule
from headwater.case.table_reader import ROW
from headwater.core.wording import opened
from headwater.equipment.thermal.ramps import unreachable_block
from headwater.model import (
    BlockMode,
    ContractKind,
    OperativeState,
    Study,
    System,
    Thermal,
    parse_expression,
)

_THERMALS = "system/thermals.json"
_THERMAL_BOUNDS = "constraints/thermal_bounds.parquet"
_INITIAL = "initial_conditions.json"
_CONTRACTS = "system/energy_contracts.json"
_CONSTRAINTS = "constraints/generic_constraints.json"
_CONSTRAINT_BOUNDS = "constraints/generic_constraint_bounds.parquet"
_TOLERANCE_MW = 1e-6


def _stages_and_blocks(system: System) -> Iterator[tuple[int, int]]:
    for t, stage in enumerate(system.stages):
        for k in range(len(stage.blocks)):
            yield t, k


def _has_tranches(thermal: Thermal) -> bool:
    """Whether the tranches limit the plant; a single one that holds all of it does not."""
    segments = thermal.cost_segments
    return len(segments) > 1 or segments[0].capacity_mw < thermal.max_generation_mw


@study_rule("HW515", ERROR)
def segments_hold_stage_limits(study: Study) -> Iterator[Problem]:
    """Thermal tranches reach the maximum generation of every stage."""
    system, limits = study.system, study.system.bounds.thermal.max_generation_mw
    for j, thermal in enumerate(system.thermals):
        total = sum(segment.capacity_mw for segment in thermal.cost_segments)
        if not _has_tranches(thermal) or total < thermal.max_generation_mw - _TOLERANCE_MW:
            continue  # the second is reported where the plant is described
        high = [
            (t, limits[j, t, k])
            for t, k in _stages_and_blocks(system)
            if limits[j, t, k] > total + _TOLERANCE_MW
        ]
        if high:
            stages = list(dict.fromkeys(system.stages[t].id for t, _ in high))
            message = (
                f"max_generation_mw is {max(value for _, value in high):g} at stages "
                f"{opened(stages)}, "
            )
            message += f"the tranches reach {total:g} MW"
            yield Problem(
                _THERMAL_BOUNDS,
                message,
                None,
                f"Thermal {thermal.id}",
                "add a tranche or lower the limit",
            )


@study_rule("HW561", ERROR)
def stage_cost_of_one_tranche(study: Study) -> Iterator[Problem]:
    """A cost of one stage is given for plants with a single tranche."""
    system, costs = study.system, study.system.bounds.thermal.cost_per_mwh
    for j, thermal in enumerate(system.thermals):
        n_tranches = len(thermal.cost_segments)
        given = [
            system.stages[t].id
            for t, k in _stages_and_blocks(system)
            if not np.isnan(costs[j, t, k])
        ]
        if n_tranches > 1 and given:
            message = (
                "cost_per_mwh is given at stages "
                f"{opened(list(dict.fromkeys(given)))}, and the plant has "
            )
            message += f"{n_tranches} tranches; expected a plant with one cost"
            fix = "give the plant a single cost, or leave the cost of the stages empty"
            yield Problem(_THERMAL_BOUNDS, message, None, f"Thermal {thermal.id}", fix)


def _order_limits_mw(system: System, j: int, t: int) -> tuple[float, float]:
    """Least and greatest power that is the same in all blocks of a stage."""
    n_blocks, limits = len(system.stages[t].blocks), system.bounds.thermal
    least = float(limits.min_generation_mw[j, t, :n_blocks].max())
    return least, float(limits.max_generation_mw[j, t, :n_blocks].min())


@study_rule("HW562", ERROR)
def flat_orders(study: Study) -> Iterator[Problem]:
    """A plant that is dispatched ahead can run at one power in all blocks of a stage."""
    system = study.system
    for j, thermal in enumerate(system.thermals):
        if thermal.gnl_lag_stages is None:
            continue
        for t, stage in enumerate(system.stages):
            least, greatest = _order_limits_mw(system, j, t)
            if (
                least > greatest + _TOLERANCE_MW
                and system.operative_states["thermals"][j, t] == OperativeState.OPERATING
            ):
                message = (
                    f"its blocks have no power in common: at least {least:g} MW in one, at most "
                    f"{greatest:g} MW in another"
                )
                yield Problem(
                    _THERMAL_BOUNDS,
                    message,
                    None,
                    f"Thermal {thermal.id}, stage {stage.id}",
                    "widen the limits",
                )


@study_rule("HW563", ERROR)
def pipeline_is_whole(study: Study) -> Iterator[Problem]:
    """Deliveries ordered before the study are given for every plant dispatched ahead.

    The deliveries lie within its limits.
    """
    system, states = study.system, study.system.operative_states["thermals"]
    given = dict(system.initial.gnl_pipeline_mw)
    for j, thermal in enumerate(system.thermals):
        if thermal.gnl_lag_stages is None or not np.any(states[j] == OperativeState.OPERATING):
            continue
        who = f"Thermal {thermal.id}"
        offsets = range(1, thermal.gnl_lag_stages + 1)
        missing = [offset for offset in offsets if (thermal.id, offset) not in given]
        if missing:
            message = (
                f"expected a committed power for offsets 1 to {thermal.gnl_lag_stages}, got none "
                f"for {opened(missing)}"
            )
            yield Problem(
                _INITIAL,
                message,
                "gnl_pipeline",
                who,
                "add the missing deliveries, 0 where nothing was ordered",
            )
        for offset in offsets:
            power = given.pop((thermal.id, offset), None)
            if power is not None and (problem := _outside(system, j, offset, power)):
                yield Problem(
                    _INITIAL,
                    problem,
                    "gnl_pipeline",
                    who,
                    "correct the power or the limits of the stage",
                )
    for thermal_id, offset in sorted(given):
        message = f"the plant has no order that is delivered at offset {offset}; expected none"
        yield Problem(
            _INITIAL,
            message,
            "gnl_pipeline",
            f"Thermal {thermal_id}",
            "remove it, or correct lag_stages of the plant",
        )


def _outside(system: System, j: int, offset: int, power: float) -> str | None:
    """What is wrong with a committed power, if anything."""
    least = greatest = 0.0
    if (
        offset <= len(system.stages)
        and system.operative_states["thermals"][j, offset - 1] == OperativeState.OPERATING
    ):
        least, greatest = _order_limits_mw(system, j, offset - 1)
        if least > greatest:
            return None  # reported as limits that leave no power
    if least - _TOLERANCE_MW <= power <= greatest + _TOLERANCE_MW:
        return None
    return f"{power:g} MW are committed for offset {offset}, expected {least:g} to {greatest:g} MW"


@study_rule("HW568", ERROR)
def ramps_between_blocks(study: Study) -> Iterator[Problem]:
    """Plants with ramps, or that start and stop, have blocks that follow each other."""
    system, limits = study.system, study.system.bounds.thermal
    for j, thermal in enumerate(system.thermals):
        follows = thermal.has_ramps or thermal.is_committed
        if not follows or thermal.gnl_lag_stages is not None:
            continue
        rates = (thermal.max_ramp_up_mw_per_hour, thermal.max_ramp_down_mw_per_hour)
        up, down = (np.inf if rate is None else rate for rate in rates)
        for t, stage in enumerate(system.stages):
            n_blocks = len(stage.blocks)
            who = f"Thermal {thermal.id}, stage {stage.id}"
            if (
                n_blocks == 1
                or system.operative_states["thermals"][j, t] != OperativeState.OPERATING
            ):
                continue
            if stage.block_mode is not BlockMode.CHRONOLOGICAL:
                message = (
                    "expected chronological blocks, since the plant has ramps or starts and stops"
                )
                fix = "set block_mode of the stage to chronological, or remove these keys"
                yield Problem(_THERMALS, message, None, who, fix)
                break
            hours = np.array([block.hours for block in stage.blocks])
            least, greatest = (
                values[j, t, :n_blocks]
                for values in (limits.min_generation_mw, limits.max_generation_mw)
            )
            block = unreachable_block(least, greatest, hours, up, down)
            if block is not None:
                message = (
                    f"block {block} asks for {least[block]:g} to {greatest[block]:g} MW, which "
                    "its ramps do not reach from the block before"
                )
                yield Problem(_THERMAL_BOUNDS, message, None, who, "widen the limits or the ramps")


@rule("HW564", needs=(_CONSTRAINTS, _CONTRACTS))
def contract_kinds(parts: Parts) -> Iterator[Problem]:
    """Expressions call an import ``contract_import`` and an export ``contract_export``."""
    kinds = {entity.id: entity.type for entity in parts.entities("contract")}
    for position, constraint in enumerate(parts.entities("user_constraint")):
        for term in parse_expression(constraint.expression).terms:
            kind = kinds.get(term.entity_id)
            if (
                kind is not None
                and term.quantity.startswith("contract_")
                and term.quantity != f"contract_{kind}"
            ):
                message = (
                    f"{term.quantity}({term.entity_id}) names an {kind}; expected "
                    f"contract_{kind}({term.entity_id})"
                )
                path = f"constraints[{position}].expression"
                yield Problem(
                    _CONSTRAINTS,
                    message,
                    path,
                    f"Constraint {constraint.id}",
                    "correct the quantity or the id",
                )


@study_rule("HW619")
def exports_earn(study: Study) -> Iterator[Problem]:
    """The price of an export is not positive.

    Prices are costs, so an export that earns has a negative one.
    """
    system, prices = study.system, study.system.bounds.contract.price_per_mwh
    for c, contract in enumerate(system.contracts):
        paid = np.flatnonzero(prices[c] > 0)
        if contract.kind is ContractKind.EXPORT and len(paid):
            stages = opened([system.stages[t].id for t in paid])
            message = (
                f"the export costs {prices[c, paid].max():g} $/MWh at stages {stages}: "
                "price_per_mwh is a cost for both "
            )
            message += "kinds of contract, and an export that earns has a negative price"
            file = (
                _CONTRACTS if contract.price_per_mwh > 0 else "constraints/contract_bounds.parquet"
            )
            yield Problem(
                file, message, None, f"Contract {contract.id}", "give the price with a minus sign"
            )


@rule("HW565", needs=(_CONSTRAINTS, _CONSTRAINT_BOUNDS))
def bounds_of_aggregates(parts: Parts) -> Iterator[Problem]:
    """A constraint that aggregates over blocks has bounds for whole stages."""
    file = parts.shape(_CONSTRAINTS)
    aggregates = {
        c.id: c.block_aggregation
        for c in (file.constraints if file else ())
        if c.block_aggregation != "per_block"
    }
    for row, constraint_id, block in sorted(
        row
        for row in parts.rows(_CONSTRAINT_BOUNDS, ROW, "constraint_id", "block_id")
        if row[2] is not None
    ):
        if constraint_id in aggregates:
            message = (
                "expected an empty block_id, because the constraint takes the "
                f"{aggregates[constraint_id]} "
            )
            message += f"over blocks, got block {block}"
            path = f"generic_constraint_bounds[{row}].block_id"
            yield Problem(
                _CONSTRAINT_BOUNDS,
                message,
                path,
                f"Constraint {constraint_id}",
                "leave the block empty",
            )
