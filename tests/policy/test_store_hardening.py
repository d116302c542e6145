"""Policies on disk: complete or absent, and never quietly wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headwater import files
from headwater.errors import PolicyError, ResultsError
from headwater.policy import read_policy, write_policy
from headwater.sddp import CutPool, Policy
from headwater.solver import Basis

FIELDS = (
    "coefficients",
    "intercepts",
    "active",
    "born_at",
    "forward_pass",
    "times_binding",
    "last_binding",
)


def assert_same(one: Policy, other: Policy) -> None:
    for name in ("layout", "stages", "inflow_digest", "lower_bound", "n_iterations"):
        assert getattr(one, name) == getattr(other, name), name
    for before, after in zip(one.pools, other.pools, strict=True):
        assert before.n_populated == after.n_populated
        for field in FIELDS:
            used = slice(0, before.n_populated)
            assert (
                getattr(before, field)[used].tobytes() == getattr(after, field)[used].tobytes()
            ), field


def is_same(one: Policy, other: Policy) -> bool:
    try:
        assert_same(one, other)
    except AssertionError:
        return False
    return True


def all_files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("hydro_ids", [(), (7,), (2, 5, 9)])
def test_a_policy_comes_back_bit_for_bit(tmp_path, make_policy, hydro_ids):
    policy = make_policy(1, hydro_ids=hydro_ids)
    written = write_policy(policy, tmp_path / "policy")
    again = read_policy(tmp_path / "policy")
    assert written.parent == tmp_path / "policy"
    assert_same(policy, again)
    assert again.provenance["tree_seed"] == 1
    assert "fallback" not in again.provenance
    assert again.training is None
    assert again.study is None


def test_a_policy_can_be_written_again_after_reading(tmp_path, make_policy):
    policy = make_policy(1)
    write_policy(policy, tmp_path / "a")
    write_policy(read_policy(tmp_path / "a"), tmp_path / "b")
    again = read_policy(tmp_path / "b")
    assert_same(policy, again)
    assert again.provenance["tree_seed"] == 1


def test_a_policy_without_iterations_has_no_bound_and_valid_json(tmp_path, make_policy):
    policy = make_policy(0, n_iterations=0)
    object.__setattr__(policy, "lower_bound", -np.inf)
    written = write_policy(policy, tmp_path)
    json.loads(
        (written / "metadata.json").read_text(),
        parse_constant=lambda text: pytest.fail(f"{text} is not JSON"),
    )
    assert read_policy(tmp_path).lower_bound == -np.inf


def test_cuts_that_are_not_numbers_leave_the_old_policy(tmp_path, make_policy):
    write_policy(make_policy(1), tmp_path)
    broken = make_policy(2, n_iterations=40)
    broken.pools[0].intercepts[2] = np.nan
    with pytest.raises(PolicyError, match="stage 1"):
        write_policy(broken, tmp_path)
    assert_same(read_policy(tmp_path), make_policy(1))


def test_every_damage_to_any_file_is_noticed(tmp_path, make_policy, caplog):
    """Damage to a checkpoint is an error.

    To the pointer it is a warning, for the checkpoint is still known to be whole.
    """
    policy = make_policy(3)
    write_policy(policy, tmp_path)
    rng = np.random.default_rng(0)
    originals = {path: path.read_bytes() for path in all_files(tmp_path)}
    assert len(originals) == 4 + 4  # stages; LATEST, COMMIT, metadata, state dictionary
    caplog.set_level(logging.CRITICAL)
    for path, content in originals.items():
        for trial in range(40):
            damaged = bytearray(content)
            place = int(rng.integers(len(content)))
            if trial % 4 == 0:
                damaged = damaged[:place]
            elif trial % 4 == 1:
                damaged[place] ^= 1 << int(rng.integers(8))
            elif trial % 4 == 2:
                damaged[place] = 0 if damaged[place] else 1
            else:
                damaged += rng.bytes(int(rng.integers(1, 9)))
            path.write_bytes(damaged)
            if path.name == "LATEST":
                again = read_policy(tmp_path)
                harmless = (
                    damaged.decode("latin-1").split() == content.decode().split()
                )  # white space around its two words
                assert harmless or "LATEST" in again.provenance.get("fallback", "")
                assert_same(policy, again)
            else:
                with pytest.raises(PolicyError, match=r"HW8\d\d"):
                    read_policy(tmp_path)
        path.unlink()
        if path.name == "LATEST":
            assert "LATEST" in read_policy(tmp_path).provenance["fallback"]
        else:
            with pytest.raises(PolicyError, match=path.name):
                read_policy(tmp_path)
        path.write_bytes(content)
    assert_same(policy, read_policy(tmp_path))


def test_a_damaged_file_is_named_with_what_was_expected_and_found(tmp_path, make_policy):
    damaged = write_policy(make_policy(0), tmp_path) / "cuts" / "stage_0001.hwp"
    size = damaged.stat().st_size
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(PolicyError, match=rf"stage_0001\.hwp: 100 bytes, expected {size}"):
        read_policy(tmp_path)


def test_a_newer_format_is_refused_by_its_version(tmp_path, make_policy):
    with pytest.raises(PolicyError, match="version 99"):
        read_policy(_rewritten(tmp_path, make_policy(0), schema_version=99))


def test_another_state_layout_is_refused(tmp_path, make_policy):
    layout = {"layout_version": 77, "hydro_ids": [2, 5, 9], "n_lags": 2, "state_dimension": 9}
    with pytest.raises(PolicyError, match="layout version 77"):
        read_policy(_rewritten(tmp_path, make_policy(0), layout=layout))


def test_a_state_dimension_that_contradicts_the_layout_is_refused(tmp_path, make_policy):
    layout = {"layout_version": 1, "hydro_ids": [2, 5, 9], "n_lags": 2, "state_dimension": 8}
    with pytest.raises(PolicyError, match="state_dimension is 8, expected 9"):
        read_policy(_rewritten(tmp_path, make_policy(0), layout=layout))


def _rewritten(directory: Path, policy: Policy, **changes: object) -> Path:
    """A policy whose metadata was changed and signed again, as another version of
    the program would write it.
    """
    checkpoint = write_policy(policy, directory)
    path = checkpoint / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    body = json.loads((checkpoint / "COMMIT").read_text().rpartition("\n")[0])
    body["files"]["metadata.json"] = {"bytes": path.stat().st_size, "sha256": files.sha256(path)}
    text = json.dumps(body) + "\n"
    commit = text + hashlib.sha256(text.encode()).hexdigest()
    (checkpoint / "COMMIT").write_text(commit)
    (directory / "LATEST").write_text(
        f"{checkpoint.name} {hashlib.sha256(commit.encode()).hexdigest()}\n"
    )
    return directory


@pytest.mark.parametrize("content", [None, b"", b"hello"])
def test_a_directory_without_policy_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "LATEST").write_bytes(content)
    with pytest.raises(PolicyError, match="LATEST"):
        read_policy(tmp_path)
    with pytest.raises(PolicyError, match="no policy directory"):
        read_policy(tmp_path / "absent")


def test_when_the_newest_is_damaged_the_one_written_before_is_used(tmp_path, make_policy, caplog):
    """The one before in time, although a longer training was written still earlier."""
    write_policy(make_policy(1, n_iterations=500), tmp_path)
    write_policy(make_policy(2, n_iterations=40), tmp_path)
    newest = write_policy(make_policy(3, n_iterations=60), tmp_path)
    (newest / "metadata.json").write_bytes(b"{}")
    with caplog.at_level(logging.WARNING):
        again = read_policy(tmp_path)
    assert_same(again, make_policy(2, n_iterations=40))
    assert "metadata.json" in again.provenance["fallback"]
    assert "metadata.json" in caplog.text


def test_the_last_three_checkpoints_stay(tmp_path, make_policy):
    for n in (90, 10, 50, 30, 30):
        write_policy(make_policy(n, n_iterations=n), tmp_path)
    kept = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert len(kept) == 3
    assert [name.split("-")[1].partition(".")[0] for name in kept] == ["000030", "000030", "000050"]
    assert_same(read_policy(tmp_path), make_policy(30, n_iterations=30))


@pytest.mark.parametrize("n_iterations", [30, 45], ids=["same count", "more iterations"])
@pytest.mark.parametrize(
    "failure", [OSError("disk full"), KeyboardInterrupt()], ids=["full disk", "ctrl-c"]
)
def test_wherever_writing_stops_a_whole_policy_can_be_read(
    tmp_path, make_policy, monkeypatch, n_iterations, failure
):
    """Writing is stopped at every rename and every sync in turn."""
    old, new = make_policy(1, n_iterations=30), make_policy(2, n_iterations=n_iterations)
    stops = 0
    for stop_at in range(100):
        directory = tmp_path / str(stop_at)
        write_policy(old, directory)
        calls = 0

        def counted(original, stop_at=stop_at):
            def call(*args, **kwargs):
                nonlocal calls
                calls += 1
                if calls == stop_at + 1:
                    raise failure
                return original(*args, **kwargs)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", counted(Path.rename))
            patch.setattr(Path, "replace", counted(Path.replace))
            patch.setattr(os, "fsync", counted(os.fsync))
            try:
                write_policy(new, directory)
                finished = True
            except (ResultsError, KeyboardInterrupt):
                finished = False
        again = read_policy(directory)
        assert is_same(again, new) or (is_same(again, old) and not finished)
        assert "fallback" not in again.provenance
        if calls <= stop_at:
            break
        stops += 1
        write_policy(new, directory)
        assert_same(read_policy(directory), new)
        files.remove_leftovers(directory, {r"ckpt-\d+(-\d+)?|LATEST": ""})
        assert not [path for path in directory.iterdir() if path.name.startswith(".")]
    assert stops > 5


@pytest.mark.parametrize("n_iterations", [30])
@pytest.mark.parametrize("stop_at", range(3))
def test_a_killed_writer_leaves_a_whole_policy(tmp_path, make_policy, n_iterations, stop_at):
    """A process dies without cleaning up at each of its renames."""
    write_policy(make_policy(1), tmp_path)
    program = f"""
import os, sys, dataclasses
from pathlib import Path
from headwater.policy import read_policy, write_policy
calls = 0
def dying(original):
    def call(*args):
        global calls
        calls += 1
        if calls == {stop_at} + 1:
            os._exit(9)
        return original(*args)
    return call
policy = read_policy(Path(sys.argv[1]))
Path.rename, Path.replace = dying(Path.rename), dying(Path.replace)
changed = dataclasses.replace(policy, lower_bound=9.0, n_iterations={n_iterations})
write_policy(changed, Path(sys.argv[1]))
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60)
    again = read_policy(tmp_path)
    assert "fallback" not in again.provenance
    assert again.lower_bound in (1.0 / 3.0, 9.0)
    write_policy(make_policy(5), tmp_path)
    assert_same(read_policy(tmp_path), make_policy(5))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_directory_that_cannot_be_written_is_named(tmp_path, make_policy):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=str(tmp_path / "file")):
        write_policy(make_policy(0), tmp_path / "file")


def test_cuts_can_be_added_to_a_policy_that_was_read(tmp_path, make_policy):
    write_policy(make_policy(0), tmp_path)
    pool: CutPool = read_policy(tmp_path).pools[0]
    before = pool.n_populated
    pool.append(np.array([1e9]), np.zeros((1, pool.n_state)), iteration=31, forward_pass=[0])
    assert pool.value(np.zeros(pool.n_state)) == (1e9, before)


def test_bases_come_back_where_there_were_some(tmp_path, make_policy):
    basis = Basis(np.array([0, 1, 2, 3], np.int32), np.array([1, 4], np.int32))
    policy = dataclasses.replace(make_policy(0), bases=(basis, None, basis, None))
    write_policy(policy, tmp_path)
    again = read_policy(tmp_path).bases
    assert [b is None for b in again] == [False, True, False, True]
    np.testing.assert_array_equal(again[0].columns, basis.columns)
    np.testing.assert_array_equal(again[0].rows, basis.rows)
