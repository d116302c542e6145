"""What is simulated with a policy, and what of it is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from headwater.errors import ModelError
from headwater.model.scenario_source import ScenarioSource
from headwater.model.upper_bound import PolicyType


class SimulationDetail(Enum):
    """How much of a simulation is written.

    Every table, or statistics and totals per scenario only.
    """

    FULL = "full"
    SUMMARY = "summary"


class Partitioning(Enum):
    """How simulation tables are spread over files.

    Runs of scenarios, or one directory per scenario.
    """

    CHUNK = "chunk"
    SCENARIO = "scenario"


class OnFailure(Enum):
    """What a scenario that cannot be solved does to a simulation."""

    SKIP = "skip"
    ABORT = "abort"


@dataclass(frozen=True)
class SimulationConfig:
    """What is simulated with the policy, and what of it is written.

    Attributes:
        enabled: whether a run simulates.
        n_scenarios: number of scenarios.
        scenario_source: where noise comes from; ``None`` takes that of training.
        tables: tables that are written; ``None`` writes all.
        linearized_head_passes: how often a stage with the linearised head is solved: once with the
            productivity of the incoming storage, then with that of the mean of incoming and
            outgoing storage.
        detail: every table, or statistics and totals only.
        partitioning: how tables are spread over files.
        on_failure: whether scenarios that cannot be solved are left out, up to 1 % of them, or end
            the simulation.
        cvar_tail_fractions: shares of the worst scenarios whose mean cost is reported, each in (0,
            1].
        policy_type: whether decisions come from the cuts or from the inner approximation that the
            upper bound leaves.
        io_channel_capacity: scenarios whose tables may wait for the writer; beyond that the
            simulation waits for it.
        n_stages: stages that are simulated where the horizon repeats; ``None`` takes as many as
            trajectories of training visit.
    """

    enabled: bool = False
    n_scenarios: int = 2000
    scenario_source: ScenarioSource | None = None
    tables: tuple[str, ...] | None = None
    linearized_head_passes: int = 1
    detail: SimulationDetail = SimulationDetail.FULL
    partitioning: Partitioning = Partitioning.CHUNK
    on_failure: OnFailure = OnFailure.SKIP
    cvar_tail_fractions: tuple[float, ...] = (0.05,)
    io_channel_capacity: int = 16
    policy_type: PolicyType = PolicyType.OUTER
    n_stages: int | None = None

    def __post_init__(self) -> None:
        if self.n_stages is not None and self.n_stages < 1:
            raise ModelError(
                f"the number of simulated stages must be at least 1, got {self.n_stages}"
            )
        if self.linearized_head_passes < 1:
            raise ModelError(
                f"linearized_head_passes must be at least 1, got {self.linearized_head_passes}"
            )
        if not all(0.0 < fraction <= 1.0 for fraction in self.cvar_tail_fractions):
            raise ModelError(
                "every one of cvar_tail_fractions must be above 0 and at most 1, got "
                f"{self.cvar_tail_fractions}"
            )
        if self.io_channel_capacity < 1:
            raise ModelError(
                f"io_channel_capacity must be at least 1, got {self.io_channel_capacity}"
            )
