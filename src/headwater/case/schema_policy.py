"""What ``config.json`` may say of the policy: whether it is kept and where training starts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from headwater import model as m
from headwater.core.fields import (
    Check,
    FieldError,
    Id,
    as_base,
    in_file,
)


def _uncompressed(value: bool) -> None:
    if value:
        message = "checkpoints are not compressed, so that cuts can be used as they lie on the disk"
        raise FieldError("HW205", message, "remove the key or set it to false")


@dataclass(frozen=True)
class CheckpointingInFile(m.Checkpointing):
    """Section ``policy.checkpointing``."""

    compress: Annotated[
        bool, Check(_uncompressed), "must be false: checkpoints are not compressed"
    ] = False

    def in_code(self) -> m.Checkpointing:
        """The same without what must not be set."""
        return as_base(self, m.Checkpointing)


@dataclass(eq=False, repr=False)
class Shift:
    """Form of ``policy.stage_map`` for horizons that roll on."""

    shift: Annotated[int, "stages that the horizon has moved on"]


def _one_way_with_doubt(policy: Any) -> None:
    if policy.trust and policy.purge_after is not None:
        message = (
            "'purge_after' removes cuts that are not proven to be valid, and "
            "'trust' takes them all as valid"
        )
        raise FieldError("HW205", message, "remove one of the two")


_StageMap = Annotated[
    Literal["identity"] | Shift | tuple[Id | None, ...],
    "whose cuts each stage takes: identity, a shift in stages, or stage ids of the earlier policy",
]

_Checkpointing = Annotated[CheckpointingInFile, "writing the policy down while training goes on"]


@in_file(
    checks=(_one_way_with_doubt,),
    order=(
        "path",
        "mode",
        "validate_compatibility",
        "stage_map",
        "purge_after",
        "trust",
        "boundary",
    ),
)
@dataclass(frozen=True)
class PolicyInFile(m.PolicyConfig):
    """Section ``policy``."""

    # `in_code` makes what the class asks for
    stage_map: _StageMap = "identity"  # type: ignore[assignment]
    checkpointing: _Checkpointing = field(default_factory=CheckpointingInFile)

    def in_code(self) -> m.PolicyConfig:
        """The same with a map of stages."""
        given: Any = self.stage_map
        stage_map = m.StageMap() if given == "identity" else m.StageMap(source_ids=given)
        if isinstance(given, Shift):
            stage_map = m.StageMap(shift=given.shift)
        return replace(as_base(self, m.PolicyConfig), stage_map=stage_map)
