"""The algorithm: stochastic dual dynamic programming over the stage problems of a study."""

from headwater.sddp.cuts import CutPool
from headwater.sddp.policy import Policy, PolicyStage, StateLayout
from headwater.sddp.records import (
    IterationRecord,
    ScenarioSummary,
    SimulationChunk,
    SimulationRecord,
    TrainingRecord,
)
from headwater.sddp.training import train_policy

__all__ = [
    "CutPool",
    "IterationRecord",
    "Policy",
    "PolicyStage",
    "ScenarioSummary",
    "SimulationChunk",
    "SimulationRecord",
    "StateLayout",
    "TrainingRecord",
    "train_policy",
]
