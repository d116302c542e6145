"""What a checkpoint says of its policy beside the cuts."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

import numpy as np

from headwater._version import __version__
from headwater.equipment.recorded_state import record_of
from headwater.policy.recorded import recorded_outlook
from headwater.sddp import Policy
from headwater.sddp.training.fingerprint import case_digest

SCHEMA_VERSION = 1
"""Of the format."""

_STATUS = {"shutdown": "interrupted", "error": "interrupted", "checkpoint": "checkpoint"}


def metadata_of(policy: Policy, made_at: datetime) -> dict[str, Any]:
    """What is recorded of a policy, or of one of its regimes."""
    training, progress = policy.training, policy.progress
    reason = policy.reason or None
    resumable: dict[str, Any] = {}
    if progress is not None:
        resumable = {
            "parts": sorted(progress.parts),
            "solver_counts": dict(sorted(progress.counts.items())),
        }
    return {
        "schema_version": SCHEMA_VERSION,
        "headwater_version": __version__,
        "created_at": made_at.isoformat(timespec="microseconds"),
        "status": _STATUS.get(reason or "", "complete"),
        "reason": reason,
        "n_iterations": policy.n_iterations,
        "lower_bound": policy.lower_bound if math.isfinite(policy.lower_bound) else None,
        "lower_bound_kind": training.lower_bound_kind if training is not None else "expected_cost",
        "layout": record_of(policy.layout),
        "stages": [
            {
                "stage_id": stage.stage_id,
                "start_date": stage.start_date.isoformat(),
                "end_date": stage.end_date.isoformat(),
                "season_id": stage.season_id,
                "block_hours": list(stage.block_hours),
                "production": list(stage.production),
                "outlook": recorded_outlook(stage.outlook),
                "digest": stage.digest,
                "cuts": pool.n_populated,
                "active_cuts": len(pool.active_slots()),
            }
            for stage, pool in zip(policy.stages, policy.pools, strict=True)
        ],
        "inflow_digest": policy.inflow_digest,
        "case": policy.study.name if policy.study is not None else "",
        "case_digest": case_digest(policy.fingerprint),
        "fingerprint": dict(policy.fingerprint),
        **resumable,
        **({"regime": policy.regime} if policy.regime else {}),
        **({"n_regimes": len(policy.regimes)} if policy.regimes else {}),
        "provenance": dict(policy.provenance),
    }


def as_json(value: object) -> bytes:
    """A value as the text of a file."""
    return (json.dumps(value, indent=2, allow_nan=False, default=_plain) + "\n").encode()


def _plain(value: object) -> Any:
    """The Python number of a NumPy number, as ids of systems built in code may be."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be stored in a policy")
