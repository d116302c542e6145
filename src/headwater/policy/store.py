"""A policy on disk: checkpoints that are complete or absent, and a pointer to the newest.

::

    DIR/LATEST                        name of the newest checkpoint and the digest of its COMMIT
    DIR/ckpt-000128/COMMIT            size and SHA-256 of every other file, and of this list itself
    DIR/ckpt-000128/metadata.json     what the policy is
    DIR/ckpt-000128/state_dictionary.json
    DIR/ckpt-000128/cuts/stage_0000.hwp

A name that is taken gets a number (``ckpt-000128-2``): a checkpoint is never written over, so that the one that ``LATEST``
names stays until ``LATEST`` names another. Which of several is newest is said by ``created_at`` in their metadata.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import math
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from headwater import files
from headwater._version import __version__
from headwater.errors import PolicyError, ResultsError
from headwater.policy.stage_file import decode, encode, to_pool
from headwater.sddp import CutPool, Policy, PolicyStage, StateLayout
from headwater.sddp.policy import LAYOUT_VERSION
from headwater.solver import Basis

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1
KEPT_CHECKPOINTS = 3
FALLBACK = "fallback"
"""Key of ``Policy.provenance`` that says why another checkpoint than the one ``LATEST`` names was read."""

_LATEST, _COMMIT, _METADATA, _DICTIONARY = "LATEST", "COMMIT", "metadata.json", "state_dictionary.json"


class _ForeignVersionError(PolicyError):
    """A sound policy of another version; an older checkpoint is no substitute for it."""


def write_policy(policy: Policy, directory: Path, *, keep: int = KEPT_CHECKPOINTS) -> Path:
    """Write a policy as a new checkpoint of ``directory`` and point to it; older checkpoints beyond ``keep`` are removed.

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
    try:
        directory.mkdir(parents=True, exist_ok=True)
        files.remove_leftovers(directory)
        target = directory / _new_name(directory, policy.n_iterations)
        with files.replaced_directory(target) as temporary:
            (temporary / "cuts").mkdir()
            bases = policy.bases or (None,) * len(policy.stages)
            for position, (stage, pool, basis) in enumerate(zip(policy.stages, policy.pools, bases, strict=True)):
                (temporary / "cuts" / f"stage_{position:04d}.hwp").write_bytes(encode(stage.stage_id, pool, basis))
            _write_json(temporary / _METADATA, _metadata(policy, _now(directory)))
            _write_json(temporary / _DICTIONARY, {"layout_version": LAYOUT_VERSION, "state": policy.layout.describe()})
            commit = _commit_record(temporary)
            (temporary / _COMMIT).write_text(commit)
        files.write_text(directory / _LATEST, f"{target.name} {_digest(commit)}\n")
        _remove_old(directory, keep, target.name)
    except OSError as error:
        raise ResultsError(f"HW809 the policy cannot be written to {directory}: {error}") from error
    return target


def read_policy(directory: Path) -> Policy:
    """Read the checkpoint that ``LATEST`` names, verifying every byte.

    When it or ``LATEST`` is damaged, the newest sound checkpoint is used, with a warning and a note in
    ``provenance["fallback"]``.

    Raises:
        PolicyError: there is no policy, no checkpoint is sound, or the newest is of another version; the message names file,
            expectation and finding.
    """
    if not directory.is_dir():
        raise PolicyError(f"HW808 there is no policy directory at {directory}")
    try:
        newest, commit_digest = _follow_latest(directory)
        return _read_checkpoint(newest, commit_digest)
    except _ForeignVersionError:
        raise
    except PolicyError as error:
        failure = error
    for checkpoint in _newest_first(directory):
        try:
            policy = _read_checkpoint(checkpoint, None)
        except _ForeignVersionError:
            raise
        except PolicyError:
            continue
        logger.warning("%s; using %s instead", failure, checkpoint.name)
        return dataclasses.replace(policy, provenance={**policy.provenance, FALLBACK: str(failure)})
    raise failure


def _new_name(directory: Path, n_iterations: int) -> str:
    first = name = f"ckpt-{n_iterations:06d}"
    number = 1
    while (directory / name).exists():
        number += 1
        name = f"{first}-{number}"
    return name


def _newest_first(directory: Path) -> list[Path]:
    """Checkpoints by age, as far as it can be read; nothing is verified."""
    found = [path for path in directory.glob("ckpt-*") if path.is_dir()]
    return sorted(found, key=lambda path: (_created_at(path), path.name), reverse=True)


def _created_at(checkpoint: Path) -> datetime:
    try:
        made = datetime.fromisoformat(_parse(_read(checkpoint / _METADATA), checkpoint)["created_at"])
        return made.astimezone(UTC)
    except (PolicyError, KeyError, TypeError, ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)


def _now(directory: Path) -> datetime:
    """The time, or just after the newest checkpoint if the clock went back."""
    newest = max((_created_at(path) for path in _newest_first(directory)), default=datetime.min.replace(tzinfo=UTC))
    now = datetime.now(UTC)
    # a checkpoint far in the future is not to be followed there
    return max(now, newest + timedelta(microseconds=1)) if newest - now < timedelta(days=1) else now


def _follow_latest(directory: Path) -> tuple[Path, str]:
    path = directory / _LATEST
    try:
        parts = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"HW808 {path}: cannot be read ({error}); this is not a policy directory or it is damaged") from None
    if len(parts) != 2 or not parts[0].startswith("ckpt-") or "/" in parts[0] or not parts[0].isprintable():
        raise PolicyError(f"HW808 {path}: damaged (expected a checkpoint name and a digest, got {' '.join(parts)[:80]!r})")
    return directory / parts[0], parts[1]


def _read_checkpoint(checkpoint: Path, commit_digest: str | None) -> Policy:
    contents = _verified(checkpoint, commit_digest)
    metadata = _parse(contents.get(_METADATA, b""), checkpoint / _METADATA)
    if metadata.get("schema_version") != SCHEMA_VERSION:
        raise _ForeignVersionError(
            f"HW806 {checkpoint / _METADATA}: written in version {metadata.get('schema_version')!r} of the policy format; "
            f"this Headwater reads version {SCHEMA_VERSION}"
        )
    try:
        return _assemble(metadata, contents, checkpoint)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise PolicyError(f"HW808 {checkpoint / _METADATA}: damaged ({error!r})") from None


def _assemble(metadata: dict[str, Any], contents: dict[str, bytes], checkpoint: Path) -> Policy:
    recorded = metadata["layout"]
    if recorded["layout_version"] != LAYOUT_VERSION:
        raise _ForeignVersionError(
            f"HW806 {checkpoint / _METADATA}: state layout version {recorded['layout_version']!r}; "
            f"this Headwater reads version {LAYOUT_VERSION}"
        )
    commitments = tuple((thermal_id, lag) for thermal_id, lag in recorded.get("commitments", ()))
    layout = StateLayout(tuple(recorded["hydro_ids"]), recorded["n_lags"], commitments)
    if layout.dimension != recorded["state_dimension"]:
        raise PolicyError(
            f"HW808 {checkpoint / _METADATA}: state_dimension is {recorded['state_dimension']}, expected {layout.dimension} "
            f"for {layout.n_hydros} hydros and {layout.n_lags} lags"
        )
    stages = tuple(
        PolicyStage(
            stage_id=s["stage_id"],
            start_date=date.fromisoformat(s["start_date"]),
            end_date=date.fromisoformat(s["end_date"]),
            season_id=s["season_id"],
            block_hours=tuple(s["block_hours"]),
            production=tuple(s["production"]),
        )
        for s in metadata["stages"]
    )
    pools: list[CutPool] = []
    bases: list[Basis | None] = []
    for position, stage in enumerate(stages):
        name = f"cuts/stage_{position:04d}.hwp"
        cuts = decode(contents[name], str(checkpoint / name))
        if cuts.stage_id != stage.stage_id or cuts.coefficients.shape[1] != layout.dimension:
            raise PolicyError(
                f"HW808 {checkpoint / name}: holds cuts of stage {cuts.stage_id} with {cuts.coefficients.shape[1]} states, "
                f"expected stage {stage.stage_id} with {layout.dimension}"
            )
        pools.append(to_pool(cuts))
        bases.append(cuts.basis)
    return Policy(
        layout=layout,
        stages=stages,
        pools=tuple(pools),
        inflow_digest=metadata["inflow_digest"],
        lower_bound=-math.inf if metadata["lower_bound"] is None else float(metadata["lower_bound"]),
        n_iterations=metadata["n_iterations"],
        bases=tuple(bases),
        provenance=dict(metadata["provenance"]),
    )


def _verified(checkpoint: Path, commit_digest: str | None) -> dict[str, bytes]:
    """Contents of all files of a checkpoint, each compared with the commit record."""
    record = _read(checkpoint / _COMMIT)
    if commit_digest is not None and _digest(record) != commit_digest:
        raise PolicyError(f"HW808 {checkpoint / _COMMIT}: damaged (its digest is not the one that {_LATEST} names)")
    body, _, own = record.rpartition(b"\n")
    if hashlib.sha256(body + b"\n").hexdigest().encode() != own:
        raise PolicyError(f"HW808 {checkpoint / _COMMIT}: damaged (it does not match its own digest)")
    listed = _parse(body, checkpoint / _COMMIT).get("files")
    if not isinstance(listed, dict):
        raise PolicyError(f"HW808 {checkpoint / _COMMIT}: damaged (expected a list of files)")
    contents = {}
    for name, entry in listed.items():
        content = _read(checkpoint / name)
        size, digest = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if len(content) != size:
            raise PolicyError(f"HW808 {checkpoint / name}: {len(content)} bytes, expected {size}; the file is damaged")
        if _digest(content) != digest:
            raise PolicyError(f"HW808 {checkpoint / name}: its SHA-256 is not the recorded one; the file is damaged")
        contents[name] = content
    return contents


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise PolicyError(f"HW808 {path}: cannot be read ({error})") from None


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"HW808 {path}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise PolicyError(f"HW808 {path}: expected a JSON object")
    return value


def _commit_record(checkpoint: Path) -> str:
    listed = {
        str(path.relative_to(checkpoint).as_posix()): {"bytes": path.stat().st_size, "sha256": files.sha256(path)}
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file()
    }
    body = json.dumps({"files": listed}, indent=1) + "\n"
    return body + hashlib.sha256(body.encode()).hexdigest()


def _metadata(policy: Policy, created_at: datetime) -> dict[str, Any]:
    training = policy.training
    return {
        "schema_version": SCHEMA_VERSION,
        "headwater_version": __version__,
        "created_at": created_at.isoformat(timespec="microseconds"),
        "status": "interrupted" if training is not None and training.reason == "shutdown" else "complete",
        "n_iterations": policy.n_iterations,
        "lower_bound": policy.lower_bound if math.isfinite(policy.lower_bound) else None,
        "lower_bound_kind": training.lower_bound_kind if training is not None else "expected_cost",
        "layout": {
            "layout_version": LAYOUT_VERSION,
            "hydro_ids": list(policy.layout.hydro_ids),
            "n_lags": policy.layout.n_lags,
            "commitments": [list(pair) for pair in policy.layout.commitments],
            "state_dimension": policy.layout.dimension,
        },
        "stages": [
            {
                "stage_id": stage.stage_id,
                "start_date": stage.start_date.isoformat(),
                "end_date": stage.end_date.isoformat(),
                "season_id": stage.season_id,
                "block_hours": list(stage.block_hours),
                "production": list(stage.production),
                "cuts": pool.n_populated,
                "active_cuts": len(pool.active_slots()),
            }
            for stage, pool in zip(policy.stages, policy.pools, strict=True)
        ],
        "inflow_digest": policy.inflow_digest,
        "provenance": {key: value for key, value in policy.provenance.items() if key != FALLBACK},
    }


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, allow_nan=False, default=_plain) + "\n")


def _plain(value: object) -> Any:
    """The Python number of a NumPy number, as ids of systems built in code may be."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be stored in a policy")


def _digest(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _remove_old(directory: Path, keep: int, newest: str) -> None:
    others = [path for path in _newest_first(directory) if path.name != newest]
    for path in others[max(keep - 1, 0) :]:
        shutil.rmtree(path, ignore_errors=True)
