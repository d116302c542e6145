"""Whatever happens to the files of a policy: it is noticed, and it never ends in a crash."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from headwater.errors import PolicyError
from headwater.policy import read_policy, write_policy
from headwater.sddp import Policy
from trained_policies import fingerprint, trained, variant

TRIALS = int(os.environ.get("HEADWATER_CORRUPTIONS", "1000"))
"""Random corruptions of the files of a policy, as many of those that make the digests fit as of
those that do not.
"""

MAGIC = {".hwp": (4, 8), ".json": (0, 1)}


def corrupted(path: Path, content: bytes, rng: np.random.Generator) -> bytes | None:
    """Flipped bits, a cut end, another beginning, a foreign version.

    ``None`` for a file that is gone.
    """
    kind = rng.integers(0, 10)
    changed = bytearray(content)
    if kind == 0:
        return None
    if kind <= 2:
        return bytes(changed[: rng.integers(0, len(changed))])
    if kind == 3:
        first, last = MAGIC.get(path.suffix, (0, 4))
        changed[first:last] = b"XXXX"[: last - first]
    elif kind == 4 and path.name == "metadata.json":
        return content.replace(
            b'"schema_version": 1', b'"schema_version": %d' % rng.integers(2, 99)
        )
    else:
        for place in rng.integers(0, len(changed), rng.integers(1, 5)):
            changed[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(changed)


def written(directory: Path) -> tuple[Policy, Policy, list[Path]]:
    """Two checkpoints and all files."""
    older, newer = variant(trained(), 5.0, 2), trained()
    for policy in (older, newer):
        write_policy(policy, directory)
    return older, newer, sorted(path for path in directory.rglob("*") if path.is_file())


def test_no_damage_is_accepted_silently(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    older, newer, paths = written(tmp_path)
    newest = (tmp_path / "LATEST").read_text().split()[0]
    kinds = {path.name for path in paths if newest in path.parts}
    assert {
        "COMMIT",
        "metadata.json",
        "history.json",
        "stage_0000.hwp",
        "state_dictionary.json",
    } <= kinds
    rng, tried = np.random.default_rng(7), 0
    while tried < TRIALS // 2:
        path = paths[tried % len(paths)]
        sound = path.read_bytes()
        content = corrupted(path, sound, rng)
        if content == sound:
            continue
        tried += 1
        caplog.clear()
        path.unlink() if content is None else path.write_bytes(content)
        back = read_policy(tmp_path)
        path.write_bytes(sound)
        if newest in path.parts:
            assert fingerprint(back) == fingerprint(older), path
            assert f"using {older_name(tmp_path, newest)} instead" in caplog.text
        else:
            assert fingerprint(back) == fingerprint(newer), path
            unharmed = path.name != "LATEST" or (
                content is not None and content.split() == sound.split()
            )
            assert ("fallback" in back.provenance) != unharmed
    assert fingerprint(read_policy(tmp_path)) == fingerprint(newer)


def older_name(directory: Path, newest: str) -> str:
    return next(path.name for path in directory.glob("ckpt-*") if path.name != newest)


def sign(checkpoint: Path) -> None:
    """Make the digests fit whatever the files hold."""
    files = {
        path.relative_to(checkpoint).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != "COMMIT"
    }
    body = json.dumps({"files": files}) + "\n"
    commit = body + hashlib.sha256(body.encode()).hexdigest()
    (checkpoint / "COMMIT").write_text(commit)
    (checkpoint.parent / "LATEST").write_text(
        f"{checkpoint.name} {hashlib.sha256(commit.encode()).hexdigest()}\n"
    )


def test_files_that_make_no_sense_are_refused_even_with_fitting_digests(tmp_path: Path):
    """Whoever writes wrong files on purpose can also write the digests.

    Reading them may fail, but in one way only.
    """
    write_policy(trained(), tmp_path)
    (checkpoint,) = tmp_path.glob("ckpt-*")
    paths = sorted(
        path for path in checkpoint.rglob("*") if path.is_file() and path.name != "COMMIT"
    )
    rng, refused = np.random.default_rng(8), 0
    for trial in range(TRIALS // 2):
        path = paths[trial % len(paths)]
        sound = path.read_bytes()
        content = corrupted(path, sound, rng)
        path.unlink() if content is None else path.write_bytes(content)
        sign(checkpoint)
        try:
            read_policy(tmp_path)
        except PolicyError:
            refused += 1
        path.write_bytes(sound)
    assert refused > TRIALS // 10
