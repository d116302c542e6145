"""A policy on a disk that crashes or fails at any operation is the one before or
the one after, complete.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from crashing_disk import failing, put, watched
from headwater.errors import ResultsError
from headwater.policy import read_policy, write_policy
from headwater.sddp import Policy
from trained_policies import fingerprint, trained, variant


def old_and_new() -> tuple[Policy, Policy]:
    return variant(trained(), 0.0, 3), variant(trained(), 1.0, 4)


def is_one_of(found: Policy, *policies: Policy) -> bool:
    return any(fingerprint(found) == fingerprint(policy) for policy in policies)


@pytest.mark.parametrize("keep", [1, 3])
def test_after_a_crash_at_any_moment_the_old_policy_or_the_new_one_is_there(
    keep: int, tmp_path: Path
):
    old, new = old_and_new()
    write_policy(old, tmp_path / "policy")
    with watched(tmp_path / "policy") as disk:
        write_policy(new, tmp_path / "policy", keep=keep)
        disk.look()
        n_during = len(disk.images)
    # files are written side by side, so how many different moments there are
    # differs from run to run
    assert n_during > 10
    found_new = []
    for image in disk.images:
        directory = put(image, tmp_path / "crashed")
        found = read_policy(directory)
        assert "fallback" not in found.provenance
        assert is_one_of(found, old, new)
        found_new.append(is_one_of(found, new))
        write_policy(new, directory, keep=keep)
        assert is_one_of(read_policy(directory), new)
        assert not [path for path in directory.iterdir() if path.name.startswith(".")]
    assert (found_new[0], found_new[-1]) == (False, True)
    assert is_one_of(read_policy(put(disk.images[-1], tmp_path / "crashed")), new)


@pytest.mark.parametrize(("error", "lasting"), [(errno.ENOSPC, True), (errno.EIO, False)])
def test_a_disk_that_fails_at_any_operation_costs_at_most_the_new_policy(
    error: int, lasting: bool, tmp_path: Path
):
    old, new = old_and_new()
    with failing(-1, error) as done:
        write_policy(old, tmp_path / "count" / "policy")
    n_operations = len(done)
    assert {"write", "fsync", "rename", "replace"} <= set(done)
    failed = 0
    for at in range(n_operations + 1):
        directory = tmp_path / str(at)
        write_policy(old, directory)
        with failing(at, error, lasting=lasting):
            refusal = ""
            try:
                write_policy(new, directory)
            except ResultsError as refused:
                refusal = str(refused)
        assert not refusal or "HW809" in refusal
        failed += bool(refusal)
        found = read_policy(directory)
        assert "fallback" not in found.provenance
        assert is_one_of(found, old, new)
        write_policy(new, directory)
        assert is_one_of(read_policy(directory), new)
        assert not [path for path in directory.iterdir() if path.name.startswith(".")]
    assert failed > n_operations // 2
