"""Putting a `System` together from the files of a case that has no errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import polars as pl

from headwater import model as m
from headwater.case import schema_penalties, schema_production, schema_scenarios, schema_stages, schema_system
from headwater.case.build_scenarios import (
    correlation,
    external_scenarios,
    given_openings,
    inflow_statistics,
    initial_conditions,
)
from headwater.case.choices import risk_of_others
from headwater.case.overrides import factor_overrides, table_overrides
from headwater.case.parts import Parts
from headwater.case.shapes import Shape
from headwater.choices.risk.mixed_cvar import MixedCVaR
from headwater.core.choices import RiskMeasure
from headwater.core.equipment import EQUIPMENT


def build_system(parts: Parts) -> m.System:
    """The power system that the files describe."""
    stages_file = parts.stages_file
    assert stages_file is not None  # the caller has checked that every required file parses
    openings = given_openings(parts)
    statistics = inflow_statistics(parts)
    # models that are estimated may turn out autoregressive
    estimated = not parts.table("scenarios/inflow_history.parquet").is_empty()
    lags = estimated or any(row.coefficients or row.annual is not None for row in statistics)
    return m.System(
        stages=tuple(_stage(stage, openings, lags=lags) for stage in parts.stages),
        buses=tuple(_bus(bus) for bus in parts.entities("bus")),
        lines=tuple(_line(line) for line in parts.entities("line")),
        hydros=tuple(_hydro(hydro) for hydro in parts.hydros),
        thermals=tuple(_thermal(thermal) for thermal in parts.entities("thermal")),
        pumping_stations=tuple(_pumping(station) for station in parts.entities("pumping_station")),
        contracts=tuple(_contract(contract) for contract in parts.entities("contract")),
        non_controllables=tuple(_source(source) for source in parts.entities("non_controllable")),
        penalties=_penalties(parts),
        policy_graph=_graph(stages_file.policy_graph),
        season_map=_seasons(stages_file.season_definitions),
        pre_study_stages=tuple(
            m.PreStudyStage(stage.id, stage.start_date, stage.end_date, stage.season_id)
            for stage in stages_file.pre_study_stages
        ),
        initial=initial_conditions(parts),
        inflow_statistics=statistics,
        load_statistics=tuple(
            m.LoadStatistics(**row) for row in _rows(parts, "scenarios/load_seasonal_stats.parquet", m.LoadStatistics)
        ),
        load_factors=factor_overrides(parts, "scenarios/load_factors.json", "load_factors", "bus_id", ("factor",)),
        availability_statistics=tuple(
            m.AvailabilityStatistics(**row)
            for row in _rows(parts, "scenarios/non_controllable_stats.parquet", m.AvailabilityStatistics)
        ),
        ncs_factors=factor_overrides(
            parts, "scenarios/non_controllable_factors.json", "non_controllable_factors", "ncs_id", ("factor",)
        ),
        correlation=correlation(parts),
        given_openings=openings,
        inflow_history=tuple(
            m.InflowObservation(**row) for row in _rows(parts, "scenarios/inflow_history.parquet", m.InflowObservation)
        ),
        external_inflows=external_scenarios(parts, "scenarios/external_inflow_scenarios.parquet", "hydro_id", "value_m3s"),
        external_loads=external_scenarios(parts, "scenarios/external_load_scenarios.parquet", "bus_id", "value_mw"),
        external_availability=external_scenarios(parts, "scenarios/external_ncs_scenarios.parquet", "ncs_id", "value"),
        production_models=_production_models(parts),
        fpha_planes=_planes(parts),
        hydro_geometry=tuple(m.GeometryPoint(**row) for row in _rows(parts, "system/hydro_geometry.parquet", m.GeometryPoint)),
        generic_constraints=_constraints(parts),
        generic_constraint_bounds=tuple(
            m.GenericConstraintBound(**row)
            for row in _rows(parts, "constraints/generic_constraint_bounds.parquet", m.GenericConstraintBound)
        ),
        hydro_bound_overrides=table_overrides(parts, "constraints/hydro_bounds.parquet"),
        thermal_bound_overrides=table_overrides(parts, "constraints/thermal_bounds.parquet"),
        line_bound_overrides=table_overrides(parts, "constraints/line_bounds.parquet"),
        pumping_bound_overrides=table_overrides(parts, "constraints/pumping_bounds.parquet"),
        contract_bound_overrides=table_overrides(parts, "constraints/contract_bounds.parquet"),
        ncs_bound_overrides=table_overrides(parts, "constraints/ncs_bounds.parquet"),
        exchange_factors=factor_overrides(
            parts, "constraints/exchange_factors.json", "exchange_factors", "line_id", ("direct_factor", "reverse_factor")
        ),
        bus_penalty_overrides=table_overrides(parts, "constraints/penalty_overrides_bus.parquet"),
        line_penalty_overrides=table_overrides(parts, "constraints/penalty_overrides_line.parquet"),
        hydro_penalty_overrides=table_overrides(parts, "constraints/penalty_overrides_hydro.parquet"),
        ncs_penalty_overrides=table_overrides(parts, "constraints/penalty_overrides_ncs.parquet"),
    )


def _rows(parts: Parts, name: str, target: type[Any]) -> Iterable[dict[str, Any]]:
    """Rows of a table as keyword arguments of a value class; columns that it does not have are left out."""
    wanted = [f.name for f in dataclasses.fields(target)]
    frame = parts.table(name)
    return frame.select([column for column in wanted if column in frame.columns]).iter_rows(named=True)


def _stage(stage: schema_stages.StageShape, openings: m.GivenOpenings | None, *, lags: bool) -> m.Stage:
    given = openings.noise.get(stage.id) if openings is not None else None
    return m.Stage(
        id=stage.id,
        start_date=stage.start_date,
        end_date=stage.end_date,
        blocks=tuple(m.Block(block.hours, block.name) for block in sorted(stage.blocks, key=lambda block: block.id)),
        season_id=stage.season_id,
        n_openings=stage.num_scenarios if given is None else given.shape[0],
        sampling_method=m.SamplingMethod(stage.sampling_method),
        block_mode=m.BlockMode(stage.block_mode),
        # past inflows are state wherever an autoregressive model needs them, whatever the flag says
        inflow_lags=stage.state_variables.inflow_lags or lags,
        risk=risk_measure(stage.risk_measure),
    )


def risk_measure(risk: Shape | None) -> RiskMeasure:
    """The risk measure of a stage; a confidence level becomes the size of the tail, without binary rounding."""
    if risk is None:
        return MixedCVaR()
    if not isinstance(risk, schema_stages.RiskShape):  # of another package: an object with one key
        return risk_of_others(risk)
    tail = risk.cvar.tail_fraction
    if tail is None:
        tail = float(1 - Decimal(repr(risk.cvar.alpha)))
    return MixedCVaR(weight=risk.cvar.weight, tail_fraction=tail)


def _graph(graph: schema_stages.PolicyGraphShape) -> m.PolicyGraph:
    return m.PolicyGraph(
        m.GraphType(graph.type),
        graph.annual_discount_rate,
        tuple(
            m.Transition(t.source_id, t.target_id, t.probability, t.annual_discount_rate_override)
            for t in sorted(graph.transitions, key=lambda t: (t.source_id, t.target_id))
        ),
    )


def _seasons(definitions: schema_stages.SeasonDefinitionsShape | None) -> m.SeasonMap | None:
    if definitions is None:
        return None
    seasons = sorted(definitions.seasons, key=lambda season: season.id)
    return m.SeasonMap(
        m.CycleType(definitions.cycle_type),
        tuple(m.Season(s.id, s.month_start, s.label, s.day_start, s.month_end, s.day_end) for s in seasons),
    )


def _segments(segments: list[schema_penalties.DeficitSegmentShape]) -> tuple[m.DeficitSegment, ...]:
    return tuple(m.DeficitSegment(segment.depth_mw, segment.cost) for segment in segments)


def _bus(bus: schema_system.BusShape) -> m.Bus:
    return m.Bus(bus.id, bus.name, None if bus.deficit_segments is None else _segments(bus.deficit_segments), bus.excess_cost)


def _line(line: schema_system.LineShape) -> m.Line:
    return m.Line(
        id=line.id,
        source_bus_id=line.source_bus_id,
        target_bus_id=line.target_bus_id,
        direct_capacity_mw=line.capacity.direct_mw,
        reverse_capacity_mw=line.capacity.reverse_mw,
        name=line.name,
        losses_percent=line.losses_percent,
        exchange_cost_per_mwh=line.exchange_cost,
        entry_stage_id=line.entry_stage_id,
        exit_stage_id=line.exit_stage_id,
    )


def _thermal(thermal: schema_system.ThermalShape) -> m.Thermal:
    if thermal.cost_segments is not None:
        segments = tuple(m.CostSegment(segment.capacity_mw, segment.cost_per_mwh) for segment in thermal.cost_segments)
    else:
        segments = (m.CostSegment(thermal.generation.max_mw, thermal.cost_per_mwh or 0.0),)
    return m.Thermal(
        id=thermal.id,
        bus_id=thermal.bus_id,
        max_generation_mw=thermal.generation.max_mw,
        cost_segments=segments,
        name=thermal.name,
        min_generation_mw=thermal.generation.min_mw,
        gnl_lag_stages=None if thermal.gnl_config is None else thermal.gnl_config.lag_stages,
        entry_stage_id=thermal.entry_stage_id,
        exit_stage_id=thermal.exit_stage_id,
    )


def _tailrace(
    tailrace: schema_system.PolynomialShape | schema_system.PiecewiseShape | None,
) -> m.PolynomialTailrace | m.PiecewiseTailrace | None:
    if tailrace is None:
        return None
    if isinstance(tailrace, schema_system.PolynomialShape):
        return m.PolynomialTailrace(tuple(tailrace.coefficients))
    points = tailrace.points
    return m.PiecewiseTailrace(tuple(p.outflow_m3s for p in points), tuple(p.height_m for p in points))


def _losses(losses: schema_system.LossFactorShape | schema_system.LossConstantShape | None) -> m.HydraulicLosses | None:
    if losses is None:
        return None
    if isinstance(losses, schema_system.LossFactorShape):
        return m.HydraulicLosses(factor=losses.value)
    return m.HydraulicLosses(constant_m=losses.value_m)


def _evaporation(evaporation: schema_system.EvaporationShape | None) -> m.Evaporation | None:
    if evaporation is None:
        return None
    volumes = evaporation.reference_volumes_hm3
    return m.Evaporation(tuple(evaporation.coefficients_mm), None if volumes is None else tuple(volumes))


def _hydro(hydro: schema_system.HydroShape) -> m.Hydro:
    generation, diversion, filling = hydro.generation, hydro.diversion, hydro.filling
    return m.Hydro(
        id=hydro.id,
        bus_id=hydro.bus_id,
        max_storage_hm3=hydro.reservoir.max_storage_hm3,
        max_turbined_m3s=generation.max_turbined_m3s,
        max_generation_mw=generation.max_generation_mw,
        name=hydro.name,
        productivity_mw_per_m3s=generation.productivity_mw_per_m3s,
        production=m.ProductionKind(generation.model),
        downstream_id=hydro.downstream_id,
        min_storage_hm3=hydro.reservoir.min_storage_hm3,
        min_outflow_m3s=hydro.outflow.min_outflow_m3s,
        max_outflow_m3s=hydro.outflow.max_outflow_m3s,
        min_turbined_m3s=generation.min_turbined_m3s,
        min_generation_mw=generation.min_generation_mw,
        tailrace=_tailrace(hydro.tailrace),
        hydraulic_losses=_losses(hydro.hydraulic_losses),
        efficiency=None if hydro.efficiency is None else hydro.efficiency.value,
        evaporation=_evaporation(hydro.evaporation),
        diversion=None if diversion is None else m.Diversion(diversion.downstream_id, diversion.max_flow_m3s),
        filling=None if filling is None else m.Filling(filling.start_stage_id, filling.filling_inflow_m3s),
        costs=m.HydroCosts(**hydro.penalties.model_dump()),
        entry_stage_id=hydro.entry_stage_id,
        exit_stage_id=hydro.exit_stage_id,
    )


def _pumping(station: schema_system.PumpingStationShape) -> m.PumpingStation:
    return m.PumpingStation(
        id=station.id,
        bus_id=station.bus_id,
        source_hydro_id=station.source_hydro_id,
        destination_hydro_id=station.destination_hydro_id,
        consumption_mw_per_m3s=station.consumption_mw_per_m3s,
        max_flow_m3s=station.flow.max_m3s,
        name=station.name,
        min_flow_m3s=station.flow.min_m3s,
        entry_stage_id=station.entry_stage_id,
        exit_stage_id=station.exit_stage_id,
    )


def _contract(contract: schema_system.ContractShape) -> m.EnergyContract:
    return m.EnergyContract(
        id=contract.id,
        bus_id=contract.bus_id,
        kind=m.ContractKind(contract.type),
        price_per_mwh=contract.price_per_mwh,
        max_mw=contract.limits.max_mw,
        name=contract.name,
        min_mw=contract.limits.min_mw,
        entry_stage_id=contract.entry_stage_id,
        exit_stage_id=contract.exit_stage_id,
    )


def _source(source: schema_system.NonControllableShape) -> m.NonControllableSource:
    return m.NonControllableSource(
        id=source.id,
        bus_id=source.bus_id,
        max_generation_mw=source.max_generation_mw,
        name=source.name,
        curtailment_cost_per_mwh=source.curtailment_cost,
        entry_stage_id=source.entry_stage_id,
        exit_stage_id=source.exit_stage_id,
    )


def _penalties(parts: Parts) -> m.Penalties:
    file = parts.shape("penalties.json", schema_penalties.PenaltiesFile)
    assert file is not None
    hydro = {name: cost for name, cost in file.hydro.model_dump().items() if cost is not None}
    config = parts.config
    own = None if config is None else config.modeling.inflow_non_negativity.penalty_cost
    if own is not None:
        hydro.setdefault("inflow_nonnegativity_cost", own)
    return m.Penalties(
        deficit_segments=_segments(file.bus.deficit_segments),
        excess_cost_per_mwh=file.bus.excess_cost,
        exchange_cost_per_mwh=file.line.exchange_cost,
        curtailment_cost_per_mwh=file.non_controllable_source.curtailment_cost,
        hydro=m.HydroPenalties(**hydro),
    )


def _production_models(parts: Parts) -> tuple[m.ProductionModel, ...]:
    file = parts.shape("system/hydro_production_models.json", schema_production.ProductionModelsFile)
    if file is None:
        return ()
    models = []
    for shape in file.production_models:
        seasonal = shape.selection_mode == "seasonal"
        # of ranges that overlap the first holds, so their order stays; seasons are told apart by their id
        shapes = sorted(shape.seasons or (), key=lambda rule: rule.season_id) if seasonal else shape.stage_ranges or ()
        rules = [_production_rule(rule) for rule in shapes]
        default = None if shape.default_model is None else m.ProductionKind(shape.default_model)
        models.append(m.ProductionModel(shape.hydro_id, tuple(rules), seasonal, default))
    return tuple(models)


def _production_rule(rule: schema_production.StageRangeShape | schema_production.SeasonRuleShape) -> m.ProductionRule:
    start = end = season = None
    if isinstance(rule, schema_production.StageRangeShape):
        start, end = rule.start_stage_id, rule.end_stage_id
    else:
        season = rule.season_id
    return m.ProductionRule(
        kind=m.ProductionKind(rule.model),
        start_stage_id=start,
        end_stage_id=end,
        season_id=season,
        productivity_mw_per_m3s=rule.productivity_override,
        fit=None if rule.fpha_config is None else _fit(rule.fpha_config),
    )


def _fit(config: schema_production.FphaConfigShape) -> m.FphaFit:
    return m.FphaFit(
        source=m.FphaSource(config.source),
        volume_points=config.volume_discretization_points,
        turbine_points=config.turbine_discretization_points,
        spillage_points=config.spillage_discretization_points,
        max_planes=config.max_planes_per_hydro,
        kappa=config.kappa,
        **config.fitting_window.model_dump(),
    )


def _planes(parts: Parts) -> tuple[m.FphaPlane, ...]:
    frame = parts.table("system/fpha_hyperplanes.parquet").with_columns(pl.col("kappa").fill_null(1.0))
    wanted = [f.name for f in dataclasses.fields(m.FphaPlane)]
    return tuple(m.FphaPlane(**row) for row in frame.select(wanted).iter_rows(named=True))


def _constraints(parts: Parts) -> tuple[m.GenericConstraint, ...]:
    file = parts.shape("constraints/generic_constraints.json", schema_scenarios.GenericConstraintsFile)
    if file is None:
        return ()
    return tuple(
        m.GenericConstraint(
            id=shape.id,
            expression=known_terms(parts, m.parse_expression(shape.expression)),
            sense=m.Sense(shape.sense),
            name=shape.name,
            description=shape.description or "",
            slack_cost=shape.slack.penalty if shape.slack.enabled else None,
            block_aggregation=m.BlockAggregation(shape.block_aggregation),
        )
        for shape in file.constraints
    )


def known_terms(parts: Parts, expression: m.Expression) -> m.Expression:
    """The expression without terms whose entity does not exist: those are zero (a rule reports them)."""
    owner = {term.quantity: EQUIPMENT.quantities[term.quantity][0].name for term in expression.terms}
    known = {kind: parts.ids(kind) for kind in owner.values()}
    terms = [term for term in expression.terms if term.entity_id in known[owner[term.quantity]]]
    return m.Expression(tuple(terms), expression.constant)
