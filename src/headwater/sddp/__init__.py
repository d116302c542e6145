"""The algorithm: stochastic dual dynamic programming over the stage problems of a study."""

from headwater.sddp.cuts import CutPool
from headwater.sddp.policy import Policy, PolicyStage, StateLayout
from headwater.sddp.records import IterationRecord, TrainingRecord
from headwater.sddp.simulation_records import (
    ScenarioFailure,
    ScenarioSummary,
    SimulationChunk,
    SimulationPart,
    SimulationRecord,
    StageMoments,
)
from headwater.sddp.training import train_policy

__all__ = [
    "CutPool",
    "IterationRecord",
    "Policy",
    "PolicyStage",
    "ScenarioFailure",
    "ScenarioSummary",
    "SimulationChunk",
    "SimulationPart",
    "SimulationRecord",
    "StageMoments",
    "StateLayout",
    "TrainingRecord",
    "train_policy",
]
