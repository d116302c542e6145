"""What a hydrothermal system is.

Here are entities, stages, uncertainty, `System`, and the configuration of a study.

No file, no linear program, no algorithm: everything here can be built and read by a person.
"""

from headwater.choices.forward.sampled import SampledPass
from headwater.choices.risk.blend import Blend
from headwater.choices.risk.chi_square import ChiSquare
from headwater.choices.risk.entropic import Entropic
from headwater.choices.risk.mixed_cvar import MixedCVaR
from headwater.choices.risk.wasserstein import Wasserstein
from headwater.choices.risk.worst_case import WorstCase
from headwater.choices.sampling.external import External
from headwater.choices.sampling.historical import Historical
from headwater.choices.sampling.in_sample import InSample
from headwater.choices.sampling.out_of_sample import OutOfSample
from headwater.choices.selection.domination import Domination
from headwater.choices.selection.dynamic import Dynamic
from headwater.choices.selection.level1 import Level1
from headwater.choices.selection.limited_memory import LimitedMemory
from headwater.choices.stopping.bound_stalling import BoundStalling
from headwater.choices.stopping.gap import Gap
from headwater.choices.stopping.iteration_limit import IterationLimit
from headwater.choices.stopping.simulation_stalling import SimulationStalling
from headwater.choices.stopping.small_changes import SmallChanges
from headwater.choices.stopping.statistical_gap import StatisticalGap
from headwater.choices.stopping.time_limit import TimeLimit
from headwater.core.ids import NONE
from headwater.model.entities import (
    Bus,
    ContractKind,
    CostSegment,
    DeficitSegment,
    Diversion,
    EnergyContract,
    Evaporation,
    Filling,
    HydraulicLosses,
    Hydro,
    HydroCosts,
    Line,
    LossPoint,
    NonControllableSource,
    PiecewiseTailrace,
    PolynomialTailrace,
    ProductionKind,
    PumpingStation,
    Seepage,
    Thermal,
)
from headwater.model.generic_constraints import (
    BlockAggregation,
    Expression,
    ExpressionError,
    GenericConstraint,
    GenericConstraintBound,
    Sense,
    Term,
    parse_expression,
)
from headwater.model.horizon import Horizon
from headwater.model.named import EntityKey, Named, StageKey, Stages
from headwater.model.overrides import ALL_BLOCKS, StageOverrides
from headwater.model.penalties import HydroPenalties, Penalties
from headwater.model.policy_config import (
    Boundary,
    Checkpointing,
    PolicyConfig,
    PolicyMode,
    StageMap,
)
from headwater.model.production import (
    FphaFit,
    FphaPlane,
    FphaSource,
    GeometryPoint,
    ProductionModel,
    ProductionRule,
    ResolvedProduction,
)
from headwater.model.regimes import RegimeChain, StageMatrix
from headwater.model.resolved_penalties import ResolvedPenalties
from headwater.model.scenario_source import (
    HistoricalLags,
    OpeningSource,
    ScenarioSource,
    SelectionMode,
)
from headwater.model.simulation_config import (
    OnFailure,
    Partitioning,
    SimulationConfig,
    SimulationDetail,
)
from headwater.model.stages import (
    HM3_PER_M3S_HOUR,
    Block,
    BlockMode,
    CycleType,
    GraphType,
    PolicyGraph,
    PreStudyStage,
    SamplingMethod,
    Season,
    SeasonMap,
    Stage,
    Transition,
)
from headwater.model.study import Study, excluded_by_regimes, why_rules_are_refused
from headwater.model.study_config import (
    CutFormulation,
    CutSelection,
    CycleConfig,
    EstimationConfig,
    Formulation,
    HistoryResolution,
    InflowNoise,
    InflowNonNegativity,
    NoiseSharing,
    OrderSelection,
    SolverOptions,
    StoppingMode,
    StudyConfig,
    TrainingConfig,
)
from headwater.model.system import System
from headwater.model.topology import Cascade, Network, OperativeState
from headwater.model.uncertainty import (
    AnnualComponent,
    AvailabilityStatistics,
    Correlation,
    CorrelationGroup,
    ExternalScenarios,
    FactorMethod,
    GivenOpenings,
    InflowObservation,
    InflowStatistics,
    InitialConditions,
    LoadStatistics,
    NoiseClass,
    PastDefluence,
    RecentObservation,
)
from headwater.model.upper_bound import LipschitzMode, PolicyType, UpperBoundConfig

__all__ = [
    "ALL_BLOCKS",
    "HM3_PER_M3S_HOUR",
    "NONE",
    "AnnualComponent",
    "AvailabilityStatistics",
    "Blend",
    "Block",
    "BlockAggregation",
    "BlockMode",
    "BoundStalling",
    "Boundary",
    "Bus",
    "Cascade",
    "Checkpointing",
    "ChiSquare",
    "ContractKind",
    "Correlation",
    "CorrelationGroup",
    "CostSegment",
    "CutFormulation",
    "CutSelection",
    "CycleConfig",
    "CycleType",
    "DeficitSegment",
    "Diversion",
    "Domination",
    "Dynamic",
    "EnergyContract",
    "EntityKey",
    "Entropic",
    "EstimationConfig",
    "Evaporation",
    "Expression",
    "ExpressionError",
    "External",
    "ExternalScenarios",
    "FactorMethod",
    "Filling",
    "Formulation",
    "FphaFit",
    "FphaPlane",
    "FphaSource",
    "Gap",
    "GenericConstraint",
    "GenericConstraintBound",
    "GeometryPoint",
    "GivenOpenings",
    "GraphType",
    "Historical",
    "HistoricalLags",
    "HistoryResolution",
    "Horizon",
    "HydraulicLosses",
    "Hydro",
    "HydroCosts",
    "HydroPenalties",
    "InSample",
    "InflowNoise",
    "InflowNonNegativity",
    "InflowObservation",
    "InflowStatistics",
    "InitialConditions",
    "IterationLimit",
    "Level1",
    "LimitedMemory",
    "Line",
    "LipschitzMode",
    "LoadStatistics",
    "LossPoint",
    "MixedCVaR",
    "Named",
    "Network",
    "NoiseClass",
    "NoiseSharing",
    "NonControllableSource",
    "OnFailure",
    "OpeningSource",
    "OperativeState",
    "OrderSelection",
    "OutOfSample",
    "Partitioning",
    "PastDefluence",
    "Penalties",
    "PiecewiseTailrace",
    "PolicyConfig",
    "PolicyGraph",
    "PolicyMode",
    "PolicyType",
    "PolynomialTailrace",
    "PreStudyStage",
    "ProductionKind",
    "ProductionModel",
    "ProductionRule",
    "PumpingStation",
    "RecentObservation",
    "RegimeChain",
    "ResolvedPenalties",
    "ResolvedProduction",
    "SampledPass",
    "SamplingMethod",
    "ScenarioSource",
    "Season",
    "SeasonMap",
    "Seepage",
    "SelectionMode",
    "Sense",
    "SimulationConfig",
    "SimulationDetail",
    "SimulationStalling",
    "SmallChanges",
    "SolverOptions",
    "Stage",
    "StageKey",
    "StageMap",
    "StageMatrix",
    "StageOverrides",
    "Stages",
    "StatisticalGap",
    "StoppingMode",
    "Study",
    "StudyConfig",
    "System",
    "Term",
    "Thermal",
    "TimeLimit",
    "TrainingConfig",
    "Transition",
    "UpperBoundConfig",
    "Wasserstein",
    "WorstCase",
    "excluded_by_regimes",
    "parse_expression",
    "why_rules_are_refused",
]
