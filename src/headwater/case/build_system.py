"""Putting a `System` together from the files of a case that has no errors."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import polars as pl

from headwater import model as m
from headwater.case import schema_stages
from headwater.case.build_scenarios import (
    external_scenarios,
    given_openings,
    inflow_statistics,
)
from headwater.case.choices import risk_measure
from headwater.case.derived import made_from
from headwater.case.overrides import factor_overrides, table_overrides
from headwater.case.parts import Parts
from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Equipment


def build_system(parts: Parts) -> m.System:
    """The power system that the files describe, without regimes."""
    stages_file = parts.stages_file
    assert stages_file is not None  # the caller has checked that every required file parses
    openings = given_openings(parts)
    statistics = inflow_statistics(parts)
    # models that are estimated may turn out autoregressive
    estimated = not parts.table("scenarios/inflow_history.parquet").is_empty()
    lags = estimated or any(row.coefficients or row.annual is not None for row in statistics)
    return m.System(
        stages=tuple(_stage(made_from(stage), openings, lags=lags) for stage in parts.stages),
        penalties=_penalties(parts),
        policy_graph=replace(policy_graph(parts), regimes=None),
        season_map=_seasons(stages_file.season_definitions),
        pre_study_stages=tuple(made_from(stage) for stage in stages_file.pre_study_stages),
        initial=made_from(parts.initial),
        inflow_statistics=statistics,
        load_statistics=_rows(parts, "scenarios/load_seasonal_stats.parquet", m.LoadStatistics),
        availability_statistics=_rows(
            parts, "scenarios/non_controllable_stats.parquet", m.AvailabilityStatistics
        ),
        correlation=_correlation(parts),
        given_openings=openings,
        inflow_history=_rows(parts, "scenarios/inflow_history.parquet", m.InflowObservation),
        production_models=_listed(
            parts, "system/hydro_production_models.json", "production_models"
        ),
        fpha_planes=_planes(parts),
        hydro_geometry=_rows(parts, "system/hydro_geometry.parquet", m.GeometryPoint),
        generic_constraint_bounds=_rows(
            parts, "constraints/generic_constraint_bounds.parquet", m.GenericConstraintBound
        ),
        equipment=tuple(
            one for part in EQUIPMENT if not part.founding for one in _entities(parts, part)
        ),
        stage_values={
            table.file: table_overrides(parts, table.file)
            for _, table in EQUIPMENT.stage_tables
            if not table.held_in and table.file in parts.tables
        },
        **_fields_of_kinds(parts),
    )


def _fields_of_kinds(parts: Parts) -> dict[str, Any]:
    """Entities of kinds that have a field of the system, and what is given beside them."""
    fields: dict[str, Any] = {
        part.collection: _entities(parts, part) for part in EQUIPMENT if part.founding
    }
    for _, table in EQUIPMENT.stage_tables:
        if table.held_in:
            fields[table.held_in] = table_overrides(parts, table.file)
    fields |= {name: factor_overrides(parts, *place) for name, place in _FACTORS.items()}
    fields |= {name: external_scenarios(parts, *place) for name, place in _EXTERNAL.items()}
    return fields


_FACTORS: dict[str, Any] = {
    "load_factors": ("scenarios/load_factors.json", "load_factors", "bus_id", ("factor",)),
    "ncs_factors": (
        "scenarios/non_controllable_factors.json",
        "non_controllable_factors",
        "ncs_id",
        ("factor",),
    ),
    "exchange_factors": (
        "constraints/exchange_factors.json",
        "exchange_factors",
        "line_id",
        ("direct_factor", "reverse_factor"),
    ),
}
"""Field of the system -> file, list, key and values of factors by block."""
_EXTERNAL: dict[str, Any] = {
    "external_inflows": ("scenarios/external_inflow_scenarios.parquet", "hydro_id", "value_m3s"),
    "external_loads": ("scenarios/external_load_scenarios.parquet", "bus_id", "value_mw"),
    "external_availability": ("scenarios/external_ncs_scenarios.parquet", "ncs_id", "value"),
}
"""Field of the system -> table, key and values of scenarios that are given."""


def _entities(parts: Parts, part: Equipment) -> tuple[Any, ...]:
    if part.entity is m.GenericConstraint:
        return _constraints(parts)
    return tuple(made_from(entity) for entity in parts.entities(part.name))


def _rows(parts: Parts, name: str, target: type[Any]) -> tuple[Any, ...]:
    """Rows of a table as objects of a value class; columns that it does not have are left out."""
    present = parts.table(name).columns
    names = [f.name for f in dataclasses.fields(target) if f.name in present]
    rows = parts.rows(name, *names)
    return tuple(target(**dict(zip(names, row, strict=True))) for row in rows)


def _stage(
    stage: schema_stages.StageInFile, openings: m.GivenOpenings | None, *, lags: bool
) -> m.Stage:
    given = openings.noise.get(stage.id) if openings is not None else None
    return m.Stage(
        id=stage.id,
        start_date=stage.start_date,
        end_date=stage.end_date,
        blocks=tuple(
            m.Block(block.hours, block.name)
            for block in sorted(stage.blocks, key=lambda block: block.id)
        ),
        season_id=stage.season_id,
        n_openings=stage.num_scenarios if given is None else given.shape[0],
        sampling_method=stage.sampling_method,
        block_mode=stage.block_mode,
        # past inflows are state wherever an autoregressive model needs them, whatever the flag says
        inflow_lags=stage.state_variables.inflow_lags or lags,
        risk=risk_measure(stage.risk_measure),
    )


def policy_graph(parts: Parts) -> m.PolicyGraph:
    """The policy graph of a case; what regimes change is not yet in the system without them."""
    graph: m.PolicyGraph = made_from(parts.stages_file.policy_graph)
    return replace(
        graph,
        transitions=tuple(sorted(graph.transitions, key=lambda t: (t.source_id, t.target_id))),
    )


def _seasons(given: Any) -> m.SeasonMap | None:
    if given is None:
        return None
    seasons: m.SeasonMap = made_from(given)
    return replace(seasons, seasons=tuple(sorted(seasons.seasons, key=lambda season: season.id)))


def _penalties(parts: Parts) -> m.Penalties:
    penalties: m.Penalties = made_from(parts.shape("penalties.json"))
    config = parts.config
    own = None if config is None else config.modeling.inflow_non_negativity.penalty_cost
    if own is None or penalties.hydro.inflow_nonnegativity_cost is not None:
        return penalties
    return replace(penalties, hydro=replace(penalties.hydro, inflow_nonnegativity_cost=own))


def _listed(parts: Parts, file: str, key: str) -> tuple[Any, ...]:
    """Objects of a list in an optional file."""
    shape = parts.shape(file)
    return () if shape is None else tuple(made_from(one) for one in getattr(shape, key))


def _correlation(parts: Parts) -> m.Correlation | None:
    file = parts.shape("scenarios/correlation.json")
    return None if file is None else made_from(file)


def _planes(parts: Parts) -> tuple[m.FphaPlane, ...]:
    frame = parts.table("system/fpha_hyperplanes.parquet").with_columns(
        pl.col("kappa").fill_null(1.0)
    )
    wanted = [f.name for f in dataclasses.fields(m.FphaPlane)]
    return tuple(m.FphaPlane(**row) for row in frame.select(wanted).iter_rows(named=True))


def _constraints(parts: Parts) -> tuple[m.GenericConstraint, ...]:
    given = _listed(parts, "constraints/generic_constraints.json", "constraints")
    return tuple(replace(one, expression=known_terms(parts, one.expression)) for one in given)


def known_terms(parts: Parts, expression: m.Expression) -> m.Expression:
    """The expression without terms whose entity does not exist.

    Those are zero (a rule reports them).
    """
    owner = {
        term.quantity: EQUIPMENT.quantities[term.quantity][0].name for term in expression.terms
    }
    known = {kind: parts.ids(kind) for kind in owner.values()}
    terms = [term for term in expression.terms if term.entity_id in known[owner[term.quantity]]]
    return m.Expression(tuple(terms), expression.constant)
