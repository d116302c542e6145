"""Policies on disk.

A policy directory holds checkpoints, each a complete policy, and ``LATEST``, the name of the newest
with its digest. A checkpoint directory holds one file of cuts per stage, a description of study and
state, for a training that can be resumed its trace and files of solver bases and the like, and
``COMMIT``, which lists every file with its SHA-256 and is written last.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headwater import files
from headwater.errors import PolicyError, ResultsError
from headwater.policy.checkpoint import (
    COMMIT,
    ForeignVersionError,
    created_at,
    digest_of,
    read_checkpoint,
    read_commit,
    write_checkpoint,
)
from headwater.sddp import Policy

logger = logging.getLogger(__name__)

KEPT_CHECKPOINTS = 3
FALLBACK = "fallback"
"""Key of ``Policy.provenance`` that says why another checkpoint than the one ``LATEST`` names was
read.
"""

_LATEST = "LATEST"
_CHECKPOINT = r"ckpt-\d{6,}(-\d+)?"
"""Names of checkpoints."""


def write_policy(policy: Policy, directory: Path, *, keep: int = KEPT_CHECKPOINTS) -> Path:
    """Write a policy as a new checkpoint of ``directory`` and point to it.

    Older checkpoints beyond ``keep`` are removed.

    At every moment the directory holds the previous policy or the new one, complete.

    Args:
        policy: the policy.
        directory: policy directory; made if absent.
        keep: checkpoints that stay, the new one included.

    Returns:
        The checkpoint directory.

    Raises:
        ResultsError: the directory cannot be written.
        PolicyError: a stage has more cuts than a file can hold.
    """
    kept = {key: value for key, value in policy.provenance.items() if key != FALLBACK}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        files.remove_leftovers(
            directory, {_CHECKPOINT: "", _LATEST: "", r"\.lock-holder\.json": ""}
        )
        target = directory / _new_name(directory, policy.n_iterations)
        with files.replaced_directory(target, "") as temporary:
            commit = write_checkpoint(
                dataclasses.replace(policy, provenance=kept), temporary, _now(directory)
            )
        files.write_text(directory / _LATEST, f"{target.name} {digest_of(commit)}\n")
        _remove_old(directory, keep, target.name)
    except OSError as error:
        raise ResultsError(f"HW809 the policy cannot be written to {directory}: {error}") from error
    return target


def read_policy(directory: Path, *, with_progress: bool = True) -> Policy:
    """Read the checkpoint that ``LATEST`` names, verifying every byte.

    When it or ``LATEST`` is damaged, the newest sound checkpoint is used, with a warning and a note
    in ``provenance["fallback"]``.

    Args:
        directory: policy directory.
        with_progress: whether to keep in memory what a training needs to be resumed.

    Raises:
        PolicyError: there is no policy, no checkpoint is sound, or the newest is of another
            version; the message names file, expectation and finding.
    """
    if not directory.is_dir():
        raise PolicyError(f"HW808 there is no policy directory at {directory}")
    try:
        newest, commit_digest = latest_checkpoint(directory)
        return read_checkpoint(newest, commit_digest, with_progress=with_progress)
    except ForeignVersionError:
        raise
    except PolicyError as error:
        failure = error
    for checkpoint in checkpoints(directory):
        try:
            policy = read_checkpoint(checkpoint, None, with_progress=with_progress)
        except ForeignVersionError:
            raise
        except PolicyError:
            continue
        logger.warning("%s; using %s instead", failure, checkpoint.name)
        return dataclasses.replace(policy, provenance={**policy.provenance, FALLBACK: str(failure)})
    raise failure


def holds_checkpoint(directory: Path) -> bool:
    """Whether a policy directory holds a checkpoint, sound or not."""
    return bool(checkpoints(directory))


def _new_name(directory: Path, n_iterations: int) -> str:
    first = name = f"ckpt-{n_iterations:06d}"
    number = 1
    while (directory / name).exists():
        number += 1
        name = f"{first}-{number}"
    return name


def checkpoints(directory: Path) -> list[Path]:
    """Checkpoints, newest first as far as their age can be read; nothing is verified."""
    if not directory.is_dir():
        return []
    found = [
        path
        for path in directory.iterdir()
        if re.fullmatch(_CHECKPOINT, path.name) and path.is_dir()
    ]
    return sorted(found, key=lambda path: (created_at(path), path.name), reverse=True)


def _now(directory: Path) -> datetime:
    """The time, or just after the newest checkpoint if the clock went back."""
    newest = max(
        (created_at(path) for path in checkpoints(directory)),
        default=datetime.min.replace(tzinfo=UTC),
    )
    now = datetime.now(UTC)
    # a checkpoint far in the future is not to be followed there
    return max(now, newest + timedelta(microseconds=1)) if newest - now < timedelta(days=1) else now


def latest_checkpoint(directory: Path) -> tuple[Path, str]:
    """The checkpoint that ``LATEST`` names, and the digest of its commit record.

    Raises:
        PolicyError: ``LATEST`` is missing or damaged.
    """
    path = directory / _LATEST
    try:
        parts = files.read_regular(path).decode("ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(
            f"HW808 {path}: cannot be read ({error}); this is not a "
            "policy directory or it is damaged"
        ) from None
    if (
        len(parts) != 2
        or not parts[0].startswith("ckpt-")
        or "/" in parts[0]
        or not parts[0].isprintable()
    ):
        raise PolicyError(
            f"HW808 {path}: damaged (expected a checkpoint name and a digest, got "
            f"{' '.join(parts)[:80]!r})"
        )
    return directory / parts[0], parts[1]


def _remove_old(directory: Path, keep: int, newest: str) -> None:
    """Remove old checkpoints: the files that their records list, and nothing that these do not."""
    others = [
        path for path in checkpoints(directory) if path.name != newest and not path.is_symlink()
    ]
    for path in others[max(keep - 1, 0) :]:
        try:
            listed = read_commit(path)
        except PolicyError:
            continue  # whose it is cannot be proven
        ours = "|".join(map(re.escape, (*listed, COMMIT)))
        if files.foreign_file(path, ours) is not None:
            files.remove_ours(path, path, ours)
            continue
        # under another name first: what is half removed is no checkpoint
        going = path.with_name(f".{path.name}{files.TEMPORARY_MARK}{uuid.uuid4().hex[:8]}")
        path.rename(going)
        shutil.rmtree(going, ignore_errors=True)
