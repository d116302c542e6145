"""Where the policy of a study is kept, what training starts from, and when it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from annotated_types import MinLen

from headwater.core.fields import Count, Id, Positive, Whole
from headwater.errors import ModelError


class PolicyMode(Enum):
    """What training starts from."""

    FRESH = "fresh"
    WARM_START = "warm_start"
    RESUME = "resume"


@dataclass(frozen=True)
class Checkpointing:
    """When training writes down where it stands.

    Whatever is set here, it also does so at its end, when it is stopped by a signal, and after an
    error.

    Attributes:
        enabled: whether it does so while it goes on.
        initial_iteration: first iteration after which a checkpoint is due.
        interval_iterations: iterations from one checkpoint to the next; ``None`` leaves it to the
            clock.
        interval_minutes: time after which a checkpoint is due at the end of the iteration under
            way; without either interval every tenth iteration is followed by one.
        keep: checkpoints that stay on disk.
        store_basis: whether solver bases are written along; without them a resumed training is as
            good, but not the same to the last bit.
    """

    enabled: Annotated[bool, "whether it is switched on"] = False
    initial_iteration: Annotated[Count, "first iteration after which a checkpoint is due"] = 1
    interval_iterations: Annotated[Count | None, "iterations between two checkpoints"] = None
    interval_minutes: Annotated[
        Positive | None,
        "time between two checkpoints; without either interval, ten iterations",
    ] = None
    keep: Annotated[Count, "checkpoints that are kept"] = 3
    store_basis: Annotated[
        bool,
        "whether solver bases are stored, so that a resumed training is the same to the last bit",
    ] = True

    def __post_init__(self) -> None:
        if min(self.initial_iteration, self.keep, self.interval_iterations or 1) < 1:
            raise ModelError(
                "checkpoints need a first iteration, an interval and a number to keep of at least 1"
            )
        if self.interval_minutes is not None and not self.interval_minutes > 0:
            raise ModelError(
                f"the minutes between checkpoints must be positive, got {self.interval_minutes}"
            )


@dataclass(frozen=True)
class Boundary:
    """Where the cuts come from that value what follows the horizon.

    Attributes:
        path: directory of the policy.
        source_stage: id of its stage that ends where the study ends.
    """

    path: Annotated[str, "directory of the policy"]
    source_stage: Annotated[Id, "stage of that policy whose cuts are taken"]


@dataclass(frozen=True)
class StageMap:
    """Which stage of an earlier policy gives its cuts to which stage of a study.

    Attributes:
        shift: stage position ``t`` takes the cuts of position ``t + shift`` of the policy; those
            without partner start empty.
        source_ids: in place of the shift, for each stage of the study the stage id of the policy;
            ``None`` to start empty.
    """

    shift: int = 0
    source_ids: tuple[int | None, ...] | None = None


@dataclass(frozen=True)
class PolicyConfig:
    """Where the policy is kept, and what training starts from.

    Attributes:
        path: directory of the policy that is started from or simulated with.
        mode: what training starts from.
        stage_map: which stage of that policy gives its cuts to which stage, when training starts
            from its cuts.
        validate_compatibility: whether inflow models and production functions of that policy must
            be those of the study; hydros and the layout of the state always must.
        trust: whether all of its cuts count as valid bounds, whatever may have changed.
        purge_after: iterations after which cuts that are not proven to be valid bounds are removed;
            ``None`` keeps them.
        checkpointing: when training writes down where it stands.
        boundary: cuts of another policy for the end of the horizon; ``None`` where nothing follows.
    """

    path: Annotated[str, MinLen(1), "directory of the policy"] = "./policy"
    mode: Annotated[
        PolicyMode,
        "start afresh, start with the cuts of an earlier policy, or continue a run",
    ] = PolicyMode.FRESH
    stage_map: StageMap = field(default_factory=StageMap)
    validate_compatibility: Annotated[bool, "whether an earlier policy must fit the case"] = True
    trust: Annotated[
        bool,
        "whether all cuts of an earlier policy are taken as valid bounds, whatever has changed",
    ] = False
    purge_after: Annotated[
        Whole | None,
        "iterations after which cuts are removed that are not proven to be valid bounds",
    ] = None
    checkpointing: Checkpointing = field(default_factory=Checkpointing)
    boundary: Annotated[Boundary | None, "policy whose cuts value the end of the horizon"] = None
