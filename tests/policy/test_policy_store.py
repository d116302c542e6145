"""A policy directory.

What is read is what was written, or an error, whatever happens to the files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headwater.errors import PolicyError, ResultsError
from headwater.policy import read_policy, write_policy
from headwater.sddp import CutPool, Policy
from trained_policies import fingerprint, handmade, random_pool, trained, variant


def files_of(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def checkpoints(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_dir())


@pytest.mark.versions
def test_a_trained_policy_comes_back_bit_for_bit(tmp_path: Path):
    policy = trained()
    assert any(basis is not None for basis in policy.bases)
    assert any(not pool.active[: pool.n_populated].all() for pool in policy.pools)
    target = write_policy(policy, tmp_path / "deep" / "policy")
    back = read_policy(tmp_path / "deep" / "policy")
    assert target.name == "ckpt-000004"
    assert fingerprint(back) == fingerprint(policy)
    assert (back.training, back.study) == (None, None)
    assert "fallback" not in back.provenance
    state = np.full(policy.layout.dimension, 40.0)
    for stage in policy.stages:
        assert back.value(stage.stage_id, state) == policy.value(stage.stage_id, state)


@pytest.mark.parametrize(
    "policy",
    [
        handmade((CutPool(0, 0), CutPool(0, 0))),
        handmade((random_pool(1, 0, 5), CutPool(0, 3))),
        handmade((CutPool(4, 10), random_pool(2, 4, 1)), (3, 9), 1),
        handmade((random_pool(3, 2, 30, 100), random_pool(4, 2, 8)), (3, 9)),
        dataclasses.replace(handmade((CutPool(1, 0),), (5,)), lower_bound=-np.inf, n_iterations=0),
    ],
    ids=["nothing", "no state", "empty pool", "two stages", "no iteration"],
)
@pytest.mark.versions
def test_policies_at_the_edge_come_back_bit_for_bit(policy: Policy, tmp_path: Path):
    write_policy(policy, tmp_path)
    assert fingerprint(read_policy(tmp_path)) == fingerprint(policy)


def test_ids_may_be_numpy_numbers(tmp_path: Path):
    policy = handmade((random_pool(1, 2, 3),), (np.int64(4), np.int64(7)))  # type: ignore[arg-type]
    write_policy(policy, tmp_path)
    assert fingerprint(read_policy(tmp_path)) == fingerprint(
        handmade((random_pool(1, 2, 3),), (4, 7))
    )


def test_json_files_are_json_to_every_reader(tmp_path: Path):
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    policy = dataclasses.replace(trained(), lower_bound=-np.inf)
    for path in write_policy(policy, tmp_path).glob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)


def _damage(content: bytes, rng: np.random.Generator) -> bytes | None:
    """Other bytes, or ``None`` for a file that is gone."""
    kind = rng.integers(0, 8)
    if kind == 0:
        return None
    if kind == 1:
        return content[: int(rng.integers(0, max(len(content), 1)))]
    if kind == 2:
        return content + rng.bytes(int(rng.integers(1, 20)))
    if kind == 3:
        return rng.bytes(len(content))
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(0, len(changed)))
        changed[place] ^= (
            int(rng.choice([1, 2, 4, 8, 16, 32, 64, 128])) if kind < 7 else changed[place]
        )
    return bytes(changed)


def _read_after_damage(directory: Path, path: Path, content: bytes | None) -> Policy | None:
    """What is read while ``path`` has another content; ``None`` after a `PolicyError`.

    The file is put back.
    """
    sound = path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        return read_policy(directory)
    except PolicyError:
        return None
    finally:
        path.write_bytes(sound)


def _words(content: bytes) -> list[str]:
    """Words as text has them: more characters separate words there than in bytes."""
    return content.decode("ascii", errors="replace").split()


def test_of_a_single_checkpoint_damage_is_an_error_or_harmless(tmp_path: Path):
    policy = trained()
    write_policy(policy, tmp_path)
    rng = np.random.default_rng(1)
    paths = files_of(tmp_path)
    assert {path.name for path in paths} >= {
        "LATEST",
        "COMMIT",
        "metadata.json",
        "state_dictionary.json",
        "stage_0002.hwp",
    }
    for trial in range(300):
        path = paths[trial % len(paths)]
        content = _damage(path.read_bytes(), rng)
        if content == path.read_bytes():
            continue
        back = _read_after_damage(tmp_path, path, content)
        if path.name != "LATEST":
            assert back is None, (path, content)
            continue
        assert back is not None
        assert fingerprint(back) == fingerprint(policy)
        same_words = content is not None and _words(content) == _words(path.read_bytes())
        assert ("fallback" in back.provenance) != same_words
    assert fingerprint(read_policy(tmp_path)) == fingerprint(policy)


def test_of_two_checkpoints_damage_never_gives_other_cuts(tmp_path: Path):
    older, newer = variant(trained(), 5.0, 900), trained()
    names = [write_policy(policy, tmp_path).name for policy in (older, newer)]
    assert names == ["ckpt-000900", "ckpt-000004"]
    rng = np.random.default_rng(2)
    paths = files_of(tmp_path)
    for trial in range(300):
        path = paths[trial % len(paths)]
        content = _damage(path.read_bytes(), rng)
        if content == path.read_bytes():
            continue
        back = _read_after_damage(tmp_path, path, content)
        assert back is not None
        of_newest = names[1] in path.parts
        assert fingerprint(back) == fingerprint(older if of_newest else newer), path
        if of_newest:
            assert (
                str(path.name) in back.provenance["fallback"]
                or "COMMIT" in back.provenance["fallback"]
            )
        elif names[0] in path.parts:
            assert "fallback" not in back.provenance


@pytest.mark.parametrize(
    "latest",
    [
        b"",
        b"\n",
        b"ckpt-000004",
        b"ckpt-\0 abc",
        b"ckpt-000004\0 abc",
        b"\xff\xfe",
        b"../x y",
        b"ckpt-../../etc y",
        b"a b c",
        b"ckpt-9 " + b"0" * 64,
    ],
)
def test_a_pointer_that_points_nowhere_costs_only_a_warning(
    latest: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    write_policy(variant(trained(), 1.0, 999), tmp_path)
    write_policy(trained(), tmp_path)
    (tmp_path / "LATEST").write_bytes(latest)
    back = read_policy(tmp_path)
    assert fingerprint(back) == fingerprint(trained())
    assert "HW808" in back.provenance["fallback"]
    assert "using ckpt-000004 instead" in caplog.text


def test_a_pointer_may_be_gone_or_a_directory(tmp_path: Path):
    write_policy(trained(), tmp_path)
    (tmp_path / "LATEST").unlink()
    assert fingerprint(read_policy(tmp_path)) == fingerprint(trained())
    (tmp_path / "LATEST").mkdir()
    assert fingerprint(read_policy(tmp_path)) == fingerprint(trained())


def test_a_fallback_is_a_fact_of_one_reading_and_is_not_stored(tmp_path: Path):
    write_policy(trained(), tmp_path / "a")
    (tmp_path / "a" / "LATEST").unlink()
    back = read_policy(tmp_path / "a")
    assert "fallback" in back.provenance
    write_policy(back, tmp_path / "b")
    assert "fallback" not in read_policy(tmp_path / "b").provenance


@pytest.mark.parametrize(
    "prepare",
    [
        lambda p: None,
        lambda p: p.mkdir(),
        lambda p: p.write_text("x"),
        lambda p: (p / "ckpt-000001").mkdir(parents=True),
    ],
)
def test_where_there_is_no_policy_the_error_says_so(
    prepare: Callable[[Path], object], tmp_path: Path
):
    prepare(tmp_path / "policy")
    with pytest.raises(PolicyError, match=r"HW808.*policy"):
        read_policy(tmp_path / "policy")


def _forge(
    checkpoint: Path,
    change: Callable[[Path], object],
    listed: Callable[[dict[str, object]], object] = lambda _: None,
) -> None:
    """Change files of a checkpoint and make its commit record and the pointer agree with them."""
    change(checkpoint)
    found = {
        path.relative_to(checkpoint).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in files_of(checkpoint)
        if path.name != "COMMIT"
    }
    record: dict[str, object] = {"files": found}
    listed(record)
    body = json.dumps(record, indent=1) + "\n"
    commit = body + hashlib.sha256(body.encode()).hexdigest()
    (checkpoint / "COMMIT").write_text(commit)
    (checkpoint.parent / "LATEST").write_text(
        f"{checkpoint.name} {hashlib.sha256(commit.encode()).hexdigest()}\n"
    )


def _edit(key: str, value: object) -> Callable[[Path], None]:
    def change(checkpoint: Path) -> None:
        metadata = json.loads((checkpoint / "metadata.json").read_text())
        metadata[key] = value
        (checkpoint / "metadata.json").write_text(json.dumps(metadata))

    return change


@pytest.mark.parametrize("version", [2, 0, None, "1"])
def test_a_foreign_schema_version_is_refused_even_if_there_is_an_older_checkpoint(
    version: object, tmp_path: Path
):
    write_policy(variant(trained(), 1.0, 2), tmp_path)
    target = write_policy(trained(), tmp_path)
    _forge(target, _edit("schema_version", version))
    with pytest.raises(
        PolicyError, match=r"HW806 .*metadata.json: written in version .* reads version 1"
    ) as caught:
        read_policy(tmp_path)
    assert caught.value.exit_code == 5
    (tmp_path / "LATEST").unlink()
    with pytest.raises(PolicyError, match="HW806"):
        read_policy(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stages", 3),
        ("stages", [1]),
        ("stages", [{"stage_id": 0}]),
        ("layout", None),
        ("layout", {"hydro_ids": [0], "n_lags": 0}),
        ("layout", {"hydro_ids": 5, "n_lags": "x"}),
        ("lower_bound", "much"),
        ("provenance", [1]),
    ],
)
def test_metadata_that_make_no_sense_are_refused_even_with_a_right_digest(
    key: str, value: object, tmp_path: Path
):
    target = write_policy(trained(), tmp_path)
    _forge(target, lambda _: None)
    assert fingerprint(read_policy(tmp_path)) == fingerprint(trained())
    _forge(target, _edit(key, value))
    with pytest.raises(PolicyError, match="HW808"):
        read_policy(tmp_path)


@pytest.mark.parametrize(
    "listed",
    [
        lambda record: record.pop("files"),
        lambda record: record.update(files=[]),
        lambda record: record["files"].update({"cuts/stage_0000.hwp": 3}),
        lambda record: record["files"].update({"\0": {"bytes": 1, "sha256": "x"}}),
        lambda record: record["files"].pop("metadata.json"),
        lambda record: record["files"].pop("cuts/stage_0001.hwp"),
    ],
)
def test_a_commit_record_that_makes_no_sense_is_refused(
    listed: Callable[[dict[str, object]], object], tmp_path: Path
):
    target = write_policy(trained(), tmp_path)
    _forge(target, lambda _: None, listed)
    with pytest.raises(PolicyError, match="HW808"):
        read_policy(tmp_path)


def test_files_of_other_stages_are_refused(tmp_path: Path):
    target = write_policy(trained(), tmp_path)
    _forge(
        target, lambda c: shutil.copy(c / "cuts" / "stage_0001.hwp", c / "cuts" / "stage_0000.hwp")
    )
    with pytest.raises(
        PolicyError, match=r"stage_0000.hwp: holds cuts of stage 1 .* expected stage 0"
    ):
        read_policy(tmp_path)


def test_three_checkpoints_stay_and_the_newest_is_read_whatever_its_number(tmp_path: Path):
    numbers = (100, 7, 7, 50, 7, 3)
    for turn, number in enumerate(numbers):
        policy = variant(trained(), float(turn), number)
        write_policy(policy, tmp_path)
        assert fingerprint(read_policy(tmp_path)) == fingerprint(policy)
        assert len(checkpoints(tmp_path)) == min(turn + 1, 3)
    assert checkpoints(tmp_path) == ["ckpt-000003", "ckpt-000007-3", "ckpt-000050"]
    newest_first = (5, 4, 3)
    for turn, name in zip(
        newest_first, ("ckpt-000003", "ckpt-000007-3", "ckpt-000050"), strict=True
    ):
        assert read_policy(tmp_path).lower_bound == variant(trained(), float(turn)).lower_bound
        shutil.rmtree(tmp_path / name)
    with pytest.raises(PolicyError):
        read_policy(tmp_path)


def test_one_checkpoint_may_be_all_that_is_kept(tmp_path: Path):
    for turn in range(3):
        write_policy(variant(trained(), float(turn)), tmp_path, keep=1)
        assert len(checkpoints(tmp_path)) == 1
    assert read_policy(tmp_path).lower_bound == variant(trained(), 2.0).lower_bound


def test_a_checkpoint_that_a_reader_holds_on_windows_stays_until_it_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(
            13, "The process cannot access the file because it is being used by another process"
        )

    write_policy(variant(trained(), 0.0, 1), tmp_path, keep=1)
    with monkeypatch.context() as patch:
        # a file that is open, or mapped into memory, cannot be removed there
        patch.setattr(os, "unlink", refused)
        patch.setattr(os, "rmdir", refused)
        write_policy(variant(trained(), 1.0, 2), tmp_path, keep=1)
    assert read_policy(tmp_path).lower_bound == variant(trained(), 1.0).lower_bound
    assert len(checkpoints(tmp_path)) == 2
    write_policy(variant(trained(), 2.0, 3), tmp_path, keep=1)
    assert checkpoints(tmp_path) == ["ckpt-000003"]
    assert read_policy(tmp_path).lower_bound == variant(trained(), 2.0).lower_bound


class Killed(BaseException):
    """Stands for the end of the process."""


def _fail_at(
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    at: int,
    error: BaseException,
    *,
    killed: bool,
) -> list[str]:
    """Raise at the n-th call of some functions of ``os``.

    A killed process also cleans nothing up.
    """
    calls: list[str] = []

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def call(*args: object, **kwargs: object) -> object:
            calls.append(name)
            if len(calls) - 1 == at:
                if killed:
                    monkeypatch.setattr(shutil, "rmtree", lambda *a, **k: None)
                    monkeypatch.setattr(os, "unlink", lambda *a, **k: None)
                    monkeypatch.setattr(os, "rename", _dead)
                    monkeypatch.setattr(os, "replace", _dead)
                raise error
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    for name in names:
        wrap(name)
    return calls


def _dead(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize(("killed", "same_number"), [(False, True), (True, True), (True, False)])
def test_an_interrupted_write_leaves_the_previous_policy(
    killed: bool, same_number: bool, tmp_path: Path
):
    old, new = trained(), variant(trained(), 3.0, None if same_number else 5)
    for at in range(100):
        directory = tmp_path / str(at)
        write_policy(old, directory)
        with pytest.MonkeyPatch.context() as monkeypatch:
            error = Killed() if killed else OSError(28, "No space left on device")
            calls = _fail_at(monkeypatch, ("rename", "replace", "fsync"), at, error, killed=killed)
            try:
                write_policy(new, directory)
                finished = True
            except (Killed, ResultsError):
                finished = False
        back = read_policy(directory)
        pointed = finished or "replace" in calls[:at]
        assert fingerprint(back) == fingerprint(new if pointed else old), (at, calls)
        assert "fallback" not in back.provenance
        if not killed:
            assert not [path for path in directory.iterdir() if ".tmp-" in path.name]
        write_policy(new, directory)
        assert fingerprint(read_policy(directory)) == fingerprint(new)
        assert not [path for path in directory.iterdir() if ".tmp-" in path.name]
        if finished and len(calls) <= at:
            break
    assert calls.count("rename") == 1
    assert calls.count("replace") == 1
    assert at > 10


def test_a_directory_that_cannot_be_written_is_an_error_of_output(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        ResultsError, match=r"HW809 the policy cannot be written to .*file"
    ) as caught:
        write_policy(trained(), tmp_path / "file" / "policy")
    assert caught.value.exit_code == 2


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path):
    write_policy(trained(), tmp_path)
    (tmp_path / ".ckpt-000009.tmp-abcdef01").mkdir()
    (tmp_path / ".ckpt-000009.tmp-abcdef01" / "COMMIT").write_text("x")
    (tmp_path / ".LATEST.tmp-12345678").write_text("x")
    write_policy(trained(), tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with contextlib.suppress(PolicyError):
        read_policy(tmp_path / ".ckpt-000009.tmp-abcdef01")


def test_nothing_but_our_own_checkpoints_is_ever_removed(tmp_path: Path):
    """Directories of a user with names like ours, with files like ours, and
    files of a user among ours.
    """
    foreign = tmp_path / "ckpt-backup", tmp_path / "ckpt-000001", tmp_path / ".ckpt-000002.tmp-mine"
    for directory in foreign:
        directory.mkdir()
        (directory / "weights.bin").write_bytes(b"months of work")
    (tmp_path / "ckpt-000001" / "COMMIT").write_text(
        '{"files": {"weights.bin": {}}}\n'
    )  # without the digest of a record
    for iterations in range(10, 15):
        write_policy(dataclasses.replace(trained(), n_iterations=iterations), tmp_path, keep=2)
        if iterations == 11:
            (tmp_path / "ckpt-000011" / "cuts" / "notes.txt").write_text("why")
    for directory in foreign:
        assert (directory / "weights.bin").read_bytes() == b"months of work"
    ours = sorted(path.name for path in tmp_path.iterdir() if path not in foreign)
    assert ours == ["LATEST", "ckpt-000011.kept-1", "ckpt-000013", "ckpt-000014"]
    assert [p.name for p in (tmp_path / "ckpt-000011.kept-1").rglob("*")] == ["cuts", "notes.txt"]
    assert read_policy(tmp_path).n_iterations == 14


def test_a_pipe_with_the_name_of_a_file_is_not_waited_for(tmp_path: Path):
    write_policy(trained(), tmp_path)
    checkpoint = next(tmp_path.glob("ckpt-*"))
    for name in (
        "LATEST",
        f"{checkpoint.name}/COMMIT",
        f"{checkpoint.name}/metadata.json",
        f"{checkpoint.name}/history.json",
    ):
        path = tmp_path / name
        content = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        if name == "LATEST":
            assert "LATEST" in str(read_policy(tmp_path).provenance["fallback"])
        else:
            with pytest.raises(PolicyError, match="regular file"):
                read_policy(tmp_path)
        path.unlink()
        path.write_bytes(content)
    assert read_policy(tmp_path).n_iterations == trained().n_iterations
