"""A policy on disk: written whole or not at all, verified on reading, checked against the study it is used for."""

from headwater.policy.compatibility import check_compatibility, check_resumable
from headwater.policy.stage_file import StageCuts, decode, encode
from headwater.policy.store import holds_checkpoint, read_policy, write_policy

__all__ = [
    "StageCuts",
    "check_compatibility",
    "check_resumable",
    "decode",
    "encode",
    "holds_checkpoint",
    "read_policy",
    "write_policy",
]
