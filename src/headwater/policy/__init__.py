"""A policy on disk.

Written whole or not at all, verified on reading, checked against the study it is used for.
"""

from headwater.policy.compatibility import (
    PolicyCheck,
    check_compatibility,
    check_regimes_fit,
    check_resumable,
    check_uses,
)
from headwater.policy.inspection import CheckpointReport, latest_facts, verify_policy
from headwater.policy.stage_file import StageCuts, decode, encode
from headwater.policy.store import holds_checkpoint, read_policy, write_policy
from headwater.policy.tables import export_policy

__all__ = [
    "CheckpointReport",
    "PolicyCheck",
    "StageCuts",
    "check_compatibility",
    "check_regimes_fit",
    "check_resumable",
    "check_uses",
    "decode",
    "encode",
    "export_policy",
    "holds_checkpoint",
    "latest_facts",
    "read_policy",
    "verify_policy",
    "write_policy",
]
