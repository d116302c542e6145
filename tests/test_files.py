"""Files and directories are whole or absent, whatever interrupts the writer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headwater import files


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "deep" / "a.txt"
    files.write_text(path, "old")
    files.write_text(path, "new ü")
    assert path.read_bytes() == "new ü".encode()
    assert names(path.parent) == ["a.txt"]


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def write(temporary: Path) -> None:
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(path, write)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_directory_is_replaced_whole(tmp_path: Path):
    for content in ("old", "new"):
        with files.replaced_directory(tmp_path / "d") as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / content).write_text(content)
    assert names(tmp_path) == ["d"]
    assert names(tmp_path / "d" / "sub") == ["new"]


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [0, 1])
def test_a_swap_that_fails_between_its_renames_is_taken_back(
    error: BaseException, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    real, calls = os.rename, 0

    def rename(*args: str) -> None:
        nonlocal calls
        calls += 1
        if calls - 1 == at:
            raise error
        real(*args)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(type(error)):
        files.swap_directory(tmp_path / "new", tmp_path / "old")
    assert names(tmp_path) == ["new", "old"]
    assert names(tmp_path / "old") == ["old"]


def test_an_interrupt_just_after_the_first_rename_is_taken_back_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    real = os.rename

    def rename(*args: str) -> None:
        real(*args)
        monkeypatch.setattr(os, "rename", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        files.swap_directory(tmp_path / "new", tmp_path / "old")
    assert names(tmp_path / "old") == ["old"]


def test_leftovers_go_and_the_surviving_half_of_a_swap_comes_back(tmp_path: Path):
    (tmp_path / ".results.tmp-old-1234").mkdir()
    (tmp_path / ".results.tmp-old-1234" / "kept").touch()
    (tmp_path / ".results.tmp-5678").mkdir()
    (tmp_path / ".other.tmp-old-1").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / ".a.txt.tmp-9").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "file.tmp-1").touch()
    files.remove_leftovers(tmp_path)
    assert names(tmp_path) == [".hidden", "file.tmp-1", "other", "results"]
    assert names(tmp_path / "results") == ["kept"]
    files.remove_leftovers(tmp_path / "absent")


def test_the_digest_is_that_of_the_content(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"abc")
    assert files.sha256(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
