"""The configuration of a study from ``config.json``."""

from __future__ import annotations

from headwater import model as m
from headwater.case import schema_config as s


def build_config(config: s.ConfigFile) -> m.StudyConfig:
    """The part of the configuration that training and simulation act on; the table of features watches over the rest."""
    return m.StudyConfig(
        training=_training(config.training),
        simulation=_simulation(config.simulation, config.modeling.linearized_head_passes),
        inflow_non_negativity=m.InflowNonNegativity(config.modeling.inflow_non_negativity.method),
        policy_path=config.policy.path,
    )


def _training(training: s.TrainingShape) -> m.TrainingConfig:
    tolerance = training.cut_selection.cut_activity_tolerance
    defaults = m.SolverOptions()
    attempts, seconds = training.solver.retry_max_attempts, training.solver.retry_time_budget_seconds
    return m.TrainingConfig(
        forward_passes=training.forward_passes,
        stopping_rules=tuple(rule for shape in training.stopping_rules if (rule := _rule(shape)) is not None),
        enabled=training.enabled,
        stopping_mode=m.StoppingMode(training.stopping_mode),
        tree_seed=42 if training.tree_seed is None else abs(training.tree_seed),
        scenario_source=_source(training.scenario_source),
        formulation=m.Formulation(training.formulation),
        cost_scale=training.cost_scale,
        theta_lower_bound=training.theta_lower_bound,
        cut_activity_tolerance=m.TrainingConfig.cut_activity_tolerance if tolerance is None else tolerance,
        solver=m.SolverOptions(
            defaults.retry_max_attempts if attempts is None else attempts,
            defaults.retry_time_budget_seconds if seconds is None else seconds,
        ),
        threads=training.threads,
    )


def _rule(shape: s.StoppingRuleShape) -> m.StoppingRule | None:
    if isinstance(shape, s.IterationLimitShape):
        return m.IterationLimit(shape.limit)
    if isinstance(shape, s.TimeLimitShape):
        return m.TimeLimit(shape.seconds)
    if isinstance(shape, s.BoundStallingShape):
        return m.BoundStalling(shape.iterations, shape.tolerance)
    return None


def _source(source: s.ScenarioSourceShape) -> m.ScenarioSource:
    return m.ScenarioSource(
        m.Scheme(source.inflow.scheme), m.Scheme(source.load.scheme), m.Scheme(source.ncs.scheme), source.seed
    )


def _simulation(simulation: s.SimulationShape, linearized_head_passes: int) -> m.SimulationConfig:
    return m.SimulationConfig(
        enabled=simulation.enabled,
        n_scenarios=simulation.num_scenarios,
        scenario_source=None if simulation.scenario_source is None else _source(simulation.scenario_source),
        tables=None if simulation.tables is None else tuple(simulation.tables),
        linearized_head_passes=linearized_head_passes,
    )
