"""What lies in a policy directory: its checkpoints, whether they are sound, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.errors import PolicyError
from headwater.policy.checkpoint import read_checkpoint, read_commit, read_metadata
from headwater.policy.store import checkpoints, latest_checkpoint


@dataclass(frozen=True)
class CheckpointReport:
    """One checkpoint of a policy directory.

    Attributes:
        path: its directory.
        is_latest: whether ``LATEST`` names it.
        problem: what is wrong with it; empty when every byte is as it was written.
        n_files, n_bytes: what its record lists.
        metadata: what it says of itself; empty where that cannot be read.
    """

    path: Path
    is_latest: bool
    problem: str
    n_files: int
    n_bytes: int
    metadata: dict[str, Any]

    @property
    def is_sound(self) -> bool:
        """Whether it can be read."""
        return not self.problem


def verify_policy(directory: str | Path) -> tuple[CheckpointReport, ...]:
    """Read every file of every checkpoint, newest first, and say which are sound.

    Args:
        directory: of the policy.

    Raises:
        PolicyError: there is no checkpoint.

    Examples:
        >>> all(report.is_sound for report in hw.verify_policy("output/policy"))
    """
    directory = Path(directory)
    found = checkpoints(directory)
    if not found:
        raise PolicyError(f"HW808 there is no policy in {directory}")
    latest, digest = None, None
    problem = ""
    try:
        latest, digest = latest_checkpoint(directory)
    except PolicyError as error:
        problem = str(error)
    reports = [_report(path, path == latest, digest if path == latest else None) for path in found]
    if latest is None or latest not in found:
        missing = (
            problem
            or f"HW808 {directory / 'LATEST'}: names {latest and latest.name}, which is not there"
        )
        reports.insert(0, CheckpointReport(directory / "LATEST", False, missing, 0, 0, {}))
    return tuple(reports)


def _report(path: Path, is_latest: bool, digest: str | None) -> CheckpointReport:
    problem, entries, metadata = "", {}, {}
    try:
        entries = read_commit(path, digest)
        metadata = read_metadata(path, entries)
        read_checkpoint(path, digest)
    except PolicyError as error:
        problem = str(error)
    sizes = [entry.get("bytes", 0) for entry in entries.values() if isinstance(entry, dict)]
    n_bytes = sum(size for size in sizes if isinstance(size, int))
    return CheckpointReport(path, is_latest, problem, len(entries), n_bytes, metadata)


def latest_facts(directory: Path) -> dict[str, Any]:
    """What the checkpoint that ``LATEST`` names says of itself.

    Raises:
        PolicyError: it is missing or damaged.
    """
    path, digest = latest_checkpoint(directory)
    metadata = read_metadata(path, read_commit(path, digest))
    keys = (
        "created_at",
        "headwater_version",
        "status",
        "reason",
        "n_iterations",
        "lower_bound",
        "lower_bound_kind",
    )
    return {
        "checkpoint": path.name,
        **{key: metadata.get(key) for key in keys},
        "resumable": "parts" in metadata,
    }
