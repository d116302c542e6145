"""What is simulated with a policy, and what of it is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from headwater.core.field_checks import check_fields
from headwater.core.fields import (
    NOT_IN_FILES,
    Count,
    Fraction,
    InFile,
)
from headwater.errors import ModelError
from headwater.model.scenario_source import ScenarioSource
from headwater.model.upper_bound import PolicyType


class SimulationDetail(Enum):
    """How much of a simulation is written.

    It is every table, or statistics and totals of each scenario alone.
    """

    FULL = "full"
    SUMMARY = "summary"


class Partitioning(Enum):
    """How simulation tables are spread over files.

    A file holds a run of scenarios, or every scenario has a directory.
    """

    CHUNK = "chunk"
    SCENARIO = "scenario"


class OnFailure(Enum):
    """What a scenario that cannot be solved does to a simulation."""

    SKIP = "skip"
    ABORT = "abort"


@dataclass(frozen=True)
class SimulationConfig:
    """What is simulated with the policy, and what of it is written (section ``simulation``).

    Attributes:
        scenario_source: where noise comes from; ``None`` takes that of training.
        tables: tables that are written; ``None`` writes all.
        linearized_head_passes: how often a stage with the linearised head is solved: once with the
            productivity of the incoming storage, then with that of the mean of incoming and
            outgoing storage.
        on_failure: whether scenarios that cannot be solved are left out, up to 1 % of them, or end
            the simulation.
        cvar_tail_fractions: shares of the worst scenarios whose mean cost is reported, each in (0,
            1].
        io_channel_capacity: scenarios whose tables may wait for the writer; beyond that the
            simulation waits for it.
        policy_type: whether decisions come from the cuts or from the inner approximation that the
            upper bound leaves.
        n_stages: stages that are simulated where the horizon repeats; ``None`` takes as many as
            trajectories of training visit.
    """

    enabled: Annotated[bool, "whether it is switched on"] = False
    n_scenarios: Annotated[Count, InFile("num_scenarios"), "number of scenarios"] = 2000
    scenario_source: Annotated[
        ScenarioSource | None,
        "where the noise of the forward pass comes from; the simulation inherits that of training",
    ] = None
    tables: Annotated[
        tuple[str, ...] | None, "result tables that are written; all when not given"
    ] = None
    linearized_head_passes: Annotated[Count, NOT_IN_FILES] = 1
    detail: Annotated[SimulationDetail, "every value, or summaries"] = SimulationDetail.FULL
    partitioning: Annotated[Partitioning, "how tables are divided into files"] = Partitioning.CHUNK
    on_failure: Annotated[OnFailure, "what happens when a scenario cannot be solved"] = (
        OnFailure.SKIP
    )
    cvar_tail_fractions: Annotated[
        tuple[float, ...],
        InFile(form=tuple[Fraction, ...] | None),
        "tails for which the mean cost is reported",
    ] = (0.05,)
    io_channel_capacity: Annotated[
        Count, InFile(form=Count | None), "results that may wait to be written"
    ] = 16
    policy_type: Annotated[
        PolicyType, "lower (outer) or upper (inner) approximation of the future cost"
    ] = PolicyType.OUTER
    n_stages: Annotated[
        Count | None,
        InFile("num_stages"),
        "stages that are simulated in a cyclic study; as many as in training when not given",
    ] = None

    def __post_init__(self) -> None:
        check_fields(self)
        if not all(0.0 < fraction <= 1.0 for fraction in self.cvar_tail_fractions):
            raise ModelError(
                "every one of cvar_tail_fractions must be above 0 and at most 1, got "
                f"{self.cvar_tail_fractions}"
            )
