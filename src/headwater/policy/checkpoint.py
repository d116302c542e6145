"""One checkpoint: a directory with a complete policy, every file of which is hashed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from headwater import files
from headwater.equipment.recorded_state import LAYOUT_VERSIONS, layout_version
from headwater.errors import PolicyError
from headwater.policy.arrays_file import decode_arrays, encode_arrays
from headwater.policy.metadata import SCHEMA_VERSION, as_json, metadata_of
from headwater.policy.recorded import METADATA, recorded_layout, recorded_stages
from headwater.policy.stage_file import decode, encode, to_pool
from headwater.policy.trace import decode_account, decode_trace, encode_account, encode_trace
from headwater.sddp import CutPool, Policy, StateLayout
from headwater.sddp.records.stored_training import StageArrays, StoredTraining
from headwater.sddp.records.training import Account
from headwater.solver import Basis

THREADS = 4
"""Files are hashed, written and read by so many threads; what they hold does not depend on it."""

COMMIT, DICTIONARY, HISTORY = "COMMIT", "state_dictionary.json", "history.json"
ACCOUNT = "account.json"
_CUTS, _INFLOW = "cuts", "inflow"

Content = bytes | memoryview
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class ForeignVersionError(PolicyError):
    """A sound policy of another version; an older checkpoint is no substitute for it."""


def write_checkpoint(policy: Policy, directory: Path, made_at: datetime) -> str:
    """Write all files of a policy into an empty directory.

    Returns the commit record, which is written last.

    Raises:
        OSError: a file cannot be written.
        PolicyError: a stage has more cuts than a file can hold.
    """
    writers = _writers(policy, made_at)
    for r, regime in enumerate(policy.regimes[1:], start=1):
        own = _writers(regime, made_at)
        writers |= {f"{_regime(r)}{name}": content for name, content in own.items()}
    for parent in sorted({Path(name).parent for name in writers}):
        (directory / parent).mkdir(parents=True, exist_ok=True)

    def write(item: tuple[str, Callable[[], Content]]) -> dict[str, Any]:
        content = item[1]()
        with (directory / item[0]).open("xb", buffering=0) as file:
            files.write_all(file, content)
            os.fsync(file.fileno())
        return {"bytes": len(content), "sha256": digest_of(content)}

    entries = dict(zip(writers, _in_parallel(write, list(writers.items())), strict=True))
    body = json.dumps({"files": dict(sorted(entries.items()))}, indent=1) + "\n"
    commit = body + digest_of(body)
    (directory / COMMIT).write_bytes(commit.encode("ascii"))
    return commit


def _writers(policy: Policy, made_at: datetime) -> dict[str, Callable[[], Content]]:
    """Files of a policy, or of one of its regimes, with what makes their content."""
    bases = policy.bases or (None,) * len(policy.stages)
    progress = policy.progress
    writers: dict[str, Callable[[], Content]] = {
        METADATA: lambda: as_json(metadata_of(policy, made_at)),
        DICTIONARY: lambda: as_json(
            {"layout_version": layout_version(policy.layout), "state": policy.layout.describe()}
        ),
    }
    if progress is not None:
        writers[HISTORY] = lambda: encode_trace(progress.history)
        writers[ACCOUNT] = lambda: encode_account(progress.account)
    parts = {
        **({_INFLOW: policy.inflow} if policy.inflow else {}),
        **(progress.parts if progress is not None else {}),
    }
    for position, (stage, pool, basis) in enumerate(
        zip(policy.stages, policy.pools, bases, strict=True)
    ):
        writers[_name(_CUTS, position)] = _encoder(stage.stage_id, pool, basis)
        for part, stages in parts.items():
            writers[_name(part, position)] = _arrays_encoder(stage.stage_id, stages[position])
    return writers


def read_checkpoint(
    checkpoint: Path, commit_digest: str | None, *, with_progress: bool = True
) -> Policy:
    """Read a policy, comparing every file with the commit record; each file is read once.

    Args:
        checkpoint: directory.
        commit_digest: digest of the commit record, as ``LATEST`` has it; ``None`` where that is not
            known.
        with_progress: whether to keep what a training needs to be resumed.

    Raises:
        ForeignVersionError: it was written in another version of the format.
        PolicyError: it is damaged.
    """
    entries = read_commit(checkpoint, commit_digest)
    metadata = read_metadata(checkpoint, entries)
    try:
        return _whole(metadata, entries, checkpoint, with_progress)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise PolicyError(f"HW808 {checkpoint / METADATA}: damaged ({error!r})") from None


def read_commit(checkpoint: Path, commit_digest: str | None = None) -> dict[str, Any]:
    """The commit record: file name -> bytes and SHA-256.

    Raises:
        PolicyError: it is damaged, or not the one with the given digest.
    """
    record = _read(checkpoint / COMMIT)
    if commit_digest is not None and digest_of(record) != commit_digest:
        raise PolicyError(
            f"HW808 {checkpoint / COMMIT}: damaged (its digest is not the one that LATEST names)"
        )
    body, _, own = bytes(record).rpartition(b"\n")
    if digest_of(body + b"\n").encode() != own:
        raise PolicyError(
            f"HW808 {checkpoint / COMMIT}: damaged (it does not match its own digest)"
        )
    listed = _parse(body, checkpoint / COMMIT).get("files")
    if not isinstance(listed, dict):
        raise PolicyError(f"HW808 {checkpoint / COMMIT}: damaged (expected a list of files)")
    return listed


def read_metadata(checkpoint: Path, entries: Mapping[str, Any]) -> dict[str, Any]:
    """What is recorded of the policy, after a look at its version.

    Raises:
        ForeignVersionError: it was written in another version of the format.
        PolicyError: it is damaged.
    """
    metadata = _parse(read_verified(checkpoint, METADATA, entries), checkpoint / METADATA)
    version, layout = metadata.get("schema_version"), metadata.get("layout")
    if version != SCHEMA_VERSION:
        raise ForeignVersionError(
            f"HW806 {checkpoint / METADATA}: written in version {version!r} of the policy format; "
            f"this Headwater reads version {SCHEMA_VERSION}"
        )
    if (
        isinstance(layout, dict)
        and "layout_version" in layout
        and layout["layout_version"] not in LAYOUT_VERSIONS
    ):
        raise ForeignVersionError(
            f"HW806 {checkpoint / METADATA}: state layout version {layout['layout_version']!r}; "
            f"this Headwater reads versions {' and '.join(map(str, LAYOUT_VERSIONS))}"
        )
    return metadata


def read_verified(checkpoint: Path, name: str, entries: Mapping[str, Any]) -> memoryview:
    """One file, read at once and compared with the commit record.

    Raises:
        PolicyError: it is missing or damaged.
    """
    if name not in entries:
        raise PolicyError(f"HW808 {checkpoint / COMMIT}: damaged (it does not list {name})")
    content, entry = _read(checkpoint / name), entries[name]
    size, digest = (
        (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
    )
    if len(content) != size:
        raise PolicyError(
            f"HW808 {checkpoint / name}: {len(content)} bytes, expected {size}; the file is damaged"
        )
    if digest_of(content) != digest:
        raise PolicyError(
            f"HW808 {checkpoint / name}: its SHA-256 is not the recorded one; the file is damaged"
        )
    return content


def created_at(checkpoint: Path) -> datetime:
    """When a checkpoint was made, as far as it can be read; nothing is verified."""
    try:
        made = datetime.fromisoformat(
            _parse(_read(checkpoint / METADATA), checkpoint)["created_at"]
        )
        return made.astimezone(UTC)
    except (PolicyError, KeyError, TypeError, ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)


def digest_of(content: str | Content) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _whole(
    metadata: dict[str, Any], entries: Mapping[str, Any], checkpoint: Path, with_progress: bool
) -> Policy:
    """A policy with its regimes, whose files but those of the first have directories."""
    n_regimes = int(metadata.get("n_regimes", 0))
    own = [_regime(r) for r in range(1, n_regimes)]
    apart = {name for name in entries if name.startswith(tuple(own))}
    rest = {name: entry for name, entry in entries.items() if name not in apart}
    policy = _assemble(metadata, rest, checkpoint, with_progress)
    if not n_regimes:
        return policy
    regimes = [dataclasses.replace(policy, progress=None)]
    for prefix in own:
        part = {
            name.removeprefix(prefix): entry
            for name, entry in entries.items()
            if name.startswith(prefix)
        }
        where = checkpoint / prefix
        regimes.append(_assemble(read_metadata(where, part), part, where, with_progress))
    return dataclasses.replace(policy, regimes=tuple(regimes))


def _regime(r: int) -> str:
    """Start of the names of the files of a regime, by its number."""
    return f"regime_{r}/"


def _assemble(
    metadata: dict[str, Any], entries: Mapping[str, Any], checkpoint: Path, with_progress: bool
) -> Policy:
    layout, stages = recorded_layout(metadata, checkpoint), recorded_stages(metadata)
    read = _in_parallel(
        lambda position: read_stage_cuts(
            checkpoint, entries, position, stages[position].stage_id, layout
        ),
        range(len(stages)),
    )
    progress = _progress(metadata, entries, checkpoint, len(stages), with_progress)
    inflow: tuple[StageArrays, ...] = ()
    if _name(_INFLOW, 0) in entries:
        names = [_name(_INFLOW, position) for position in range(len(stages))]
        inflow = tuple(_read_arrays(checkpoint, name, entries) for name in names)
    known = {METADATA, *(_name(_CUTS, position) for position in range(len(stages)))}
    parts = (*metadata.get("parts", ()), _INFLOW)
    known |= {_name(part, position) for part in parts for position in range(len(stages))}
    for name in entries.keys() - known - ({HISTORY, ACCOUNT} if progress is not None else set()):
        read_verified(checkpoint, name, entries)
    return Policy(
        layout=layout,
        stages=stages,
        pools=tuple(pool for pool, _ in read),
        inflow_digest=metadata["inflow_digest"],
        lower_bound=-math.inf
        if metadata["lower_bound"] is None
        else float(metadata["lower_bound"]),
        n_iterations=metadata["n_iterations"],
        bases=tuple(basis for _, basis in read),
        reason=str(metadata.get("reason") or ""),
        progress=progress,
        inflow=inflow,
        fingerprint=_texts(metadata.get("fingerprint", {})),
        provenance=dict(metadata["provenance"]),
        regime=str(metadata.get("regime", "")),
    )


def _texts(recorded: Mapping[str, Any]) -> dict[str, str]:
    if not all(isinstance(value, str) for value in recorded.values()):
        raise TypeError("the fingerprint holds something else than texts")
    return dict(recorded)


def read_stage_cuts(
    checkpoint: Path, entries: Mapping[str, Any], position: int, stage_id: int, layout: StateLayout
) -> tuple[CutPool, Basis | None]:
    """Cuts and basis of one stage.

    Raises:
        PolicyError: the file is damaged, or of another stage or state.
    """
    name = _name(_CUTS, position)
    cuts = decode(read_verified(checkpoint, name, entries), str(checkpoint / name))
    if cuts.stage_id != stage_id or cuts.coefficients.shape[1] != layout.dimension:
        raise PolicyError(
            f"HW808 {checkpoint / name}: holds cuts of stage {cuts.stage_id} with "
            f"{cuts.coefficients.shape[1]} states, expected stage {stage_id} with "
            f"{layout.dimension}"
        )
    return to_pool(cuts), cuts.basis


def _progress(
    metadata: Mapping[str, Any],
    entries: Mapping[str, Any],
    checkpoint: Path,
    n_stages: int,
    wanted: bool,
) -> StoredTraining | None:
    """Where the training stood; its files are verified even where they are not wanted."""
    if "parts" not in metadata:
        return None

    def read(name: str) -> StageArrays:
        if wanted:
            return _read_arrays(checkpoint, name, entries)
        read_verified(checkpoint, name, entries)
        return {}

    parts = {
        str(part): tuple(
            _in_parallel(read, [_name(part, position) for position in range(n_stages)])
        )
        for part in metadata["parts"]
    }
    if not wanted:
        return None
    history = decode_trace(read_verified(checkpoint, HISTORY, entries), str(checkpoint / HISTORY))
    account = Account()
    if ACCOUNT in entries:
        account = decode_account(
            read_verified(checkpoint, ACCOUNT, entries), str(checkpoint / ACCOUNT)
        )
    counts = {str(name): int(count) for name, count in metadata["solver_counts"].items()}
    return StoredTraining(history, parts, counts, account)


def _read_arrays(checkpoint: Path, name: str, entries: Mapping[str, Any]) -> StageArrays:
    return decode_arrays(read_verified(checkpoint, name, entries), str(checkpoint / name))[1]


def _encoder(stage_id: int, pool: CutPool, basis: Basis | None) -> Callable[[], Content]:
    return lambda: encode(stage_id, pool, basis)


def _arrays_encoder(stage_id: int, arrays: StageArrays) -> Callable[[], Content]:
    return lambda: encode_arrays(stage_id, arrays)


def _name(part: str, position: int) -> str:
    return f"{part}/stage_{position:04d}.hwp"


def _in_parallel(work: Callable[[Item], Outcome], items: Iterable[Item]) -> list[Outcome]:
    """Results in the order of the items; the first error in that order is raised."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="headwater-files") as pool:
        return list(pool.map(work, items))


def _read(path: Path) -> memoryview:
    """A whole file in one read, on a 64-byte boundary of memory."""
    try:
        with files.open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            room = np.empty(size + 64, np.uint8)
            start = -room.ctypes.data % 64
            content = memoryview(room)[start : start + size]  # type: ignore[arg-type]
            return content[: file.readinto(content)]
    except (OSError, ValueError) as error:
        raise PolicyError(f"HW808 {path}: cannot be read ({error})") from None


def _parse(content: Content, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(bytes(content))
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"HW808 {path}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise PolicyError(f"HW808 {path}: expected a JSON object")
    return value
