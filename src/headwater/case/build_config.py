"""The configuration of a study from ``config.json``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headwater import model as m
from headwater.case import schema_config as s
from headwater.case import schema_sources as sources
from headwater.case.derived import made_from
from headwater.core.choices import (
    CUT_SELECTIONS,
    FORWARD_PASSES,
    SAMPLING_SCHEMES,
    ForwardPass,
    SamplingScheme,
    SelectionMethod,
)
from headwater.core.fields import as_base, fields_of


def build_config(config: s.ConfigFile) -> m.StudyConfig:
    """The part of the configuration that training and simulation act on.

    The table of features watches over the rest.
    """
    return m.StudyConfig(
        training=_training(made_from(config.training)),
        simulation=_simulation(
            made_from(config.simulation), config.modeling.linearized_head_passes
        ),
        inflow_non_negativity=m.InflowNonNegativity(config.modeling.inflow_non_negativity.method),
        policy=made_from(config.policy),
        estimation=made_from(config.estimation),
        noise_sharing=m.NoiseSharing(config.stochastic.noise_sharing),
        experimental=config.stochastic.experimental,
        inflow_noise=m.InflowNoise(config.stochastic.inflow_noise),
        export_stochastic=config.exports.stochastic,
        export_states=config.exports.states,
        upper_bound=made_from(config.upper_bound_evaluation),
    )


def _training(given: Any) -> m.TrainingConfig:
    selection = given.cut_selection
    tolerance = selection.cut_activity_tolerance
    return replace(
        as_base(given, m.TrainingConfig),
        tree_seed=abs(given.tree_seed),
        scenario_source=_training_source(given.scenario_source),
        cut_selection=_cut_selection(selection),
        cut_activity_tolerance=given.cut_activity_tolerance if tolerance is None else tolerance,
        forward_pass=_forward_pass(given.forward_pass),
    )


def _forward_pass(given: Any) -> ForwardPass:
    """The project's own pass, or one of another package."""
    own = isinstance(given, s.ForwardPassInFile)
    made: ForwardPass = FORWARD_PASSES[given.kind]() if own else given
    return made


def _cut_selection(shape: s.CutSelectionShape) -> m.CutSelection | None:
    """Selection as configured.

    The older general ``threshold`` serves where the method's own parameter is missing.
    """
    cap, defaults = shape.max_active_per_stage, m.CutSelection()
    if not shape.enabled and cap is None:
        return None
    return m.CutSelection(
        method=_selection_method(shape) if shape.enabled and shape.method is not None else None,
        check_frequency=defaults.check_frequency
        if shape.check_frequency is None
        else shape.check_frequency,
        max_active_per_stage=cap,
        protect_warm_start=shape.protect_warm_start,
    )


def _selection_method(shape: s.CutSelectionShape) -> SelectionMethod:
    """A method of the configuration.

    Either a word, whose parameters stand beside it, or an object with its type and parameters.
    """
    given: Any = shape.method
    if not isinstance(given, str):
        of_others: SelectionMethod = made_from(given)
        return of_others
    method, older = CUT_SELECTIONS[given], shape.threshold or 0
    values = {spec.name: getattr(shape, spec.name, None) for spec in fields_of(method)}
    # the older key 'threshold' gives what is not given by its own key
    return method(**{name: older if value is None else value for name, value in values.items()})


def _source(source: sources.ScenarioSourceShape) -> m.ScenarioSource:
    years = source.historical_years
    lags = source.historical.initial_lags
    return m.ScenarioSource(
        _scheme(source.inflow.scheme),
        _scheme(source.load.scheme),
        _scheme(source.ncs.scheme),
        source.seed,
        inflow_selection=_selection(source.inflow),
        load_selection=_selection(source.load),
        ncs_selection=_selection(source.ncs),
        historical_years=tuple(range(years.from_year, years.to_year + 1))
        if isinstance(years, sources.YearRange)
        else (None if years is None else tuple(years)),
        historical_lags=None if lags is None else m.HistoricalLags(lags),
        couple_classes=source.couple_classes,
    )


def _training_source(source: sources.TrainingScenarioSourceShape) -> m.ScenarioSource:
    return replace(
        _source(source),
        inflow_openings=_openings(source.inflow),
        load_openings=_openings(source.load),
        ncs_openings=_openings(source.ncs),
    )


def _openings(
    shape: sources.TrainingInflowSourceShape | sources.TrainingSourceShape,
) -> m.OpeningSource | None:
    return None if shape.openings is None else m.OpeningSource(shape.openings)


def _scheme(given: Any) -> SamplingScheme:
    """A scheme: a word, or an object with its type and parameters."""
    made: SamplingScheme = SAMPLING_SCHEMES[given]() if isinstance(given, str) else made_from(given)
    return made


def _selection(shape: sources.InflowSourceShape | sources.SourceShape) -> m.SelectionMode | None:
    return None if shape.selection_mode is None else m.SelectionMode(shape.selection_mode)


def _simulation(given: Any, linearized_head_passes: int) -> m.SimulationConfig:
    source = given.scenario_source
    return replace(
        as_base(given, m.SimulationConfig),
        scenario_source=None if source is None else _source(source),
        linearized_head_passes=linearized_head_passes,
    )
