"""The algorithm: stochastic dual dynamic programming over the stage problems of a study."""

from typing import TYPE_CHECKING

from headwater._on_demand import on_demand

if TYPE_CHECKING:
    from headwater.core.state import StateLayout
    from headwater.sddp.cuts.policy import Policy, PolicyStage
    from headwater.sddp.cuts.pool import CutPool
    from headwater.sddp.records.simulation import (
        ScenarioFailure,
        ScenarioSummary,
        SimulationChunk,
        SimulationPart,
        SimulationRecord,
        StageMoments,
    )
    from headwater.sddp.records.training import IterationRecord, TrainingRecord
    from headwater.sddp.training.train import train_policy
else:
    __getattr__, __dir__ = on_demand(
        "headwater.sddp",
        {
            "headwater.sddp.cuts.pool": ("CutPool",),
            "headwater.core.state": ("StateLayout",),
            "headwater.sddp.cuts.policy": ("Policy", "PolicyStage"),
            "headwater.sddp.records.training": ("IterationRecord", "TrainingRecord"),
            "headwater.sddp.records.simulation": (
                "ScenarioFailure",
                "ScenarioSummary",
                "SimulationChunk",
                "SimulationPart",
                "SimulationRecord",
                "StageMoments",
            ),
            "headwater.sddp.training.train": ("train_policy",),
        },
        ("events",),
    )

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
