"""The algorithm: stochastic dual dynamic programming over the stage problems of a study."""

from typing import TYPE_CHECKING

from headwater._on_demand import on_demand

if TYPE_CHECKING:
    from headwater.core.state import StateLayout
    from headwater.sddp.cuts import CutPool
    from headwater.sddp.policy import Policy, PolicyStage
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
else:
    __getattr__, __dir__ = on_demand(
        "headwater.sddp",
        {
            "headwater.sddp.cuts": ("CutPool",),
            "headwater.core.state": ("StateLayout",),
            "headwater.sddp.policy": ("Policy", "PolicyStage"),
            "headwater.sddp.records": ("IterationRecord", "TrainingRecord"),
            "headwater.sddp.simulation_records": (
                "ScenarioFailure",
                "ScenarioSummary",
                "SimulationChunk",
                "SimulationPart",
                "SimulationRecord",
                "StageMoments",
            ),
            "headwater.sddp.training": ("train_policy",),
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
