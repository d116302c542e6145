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
        with files.replaced_directory(tmp_path / "d", "sub/(old|new)") as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / content).write_text(content)
    assert names(tmp_path) == ["d"]
    assert names(tmp_path / "d" / "sub") == ["new"]


def test_an_error_after_a_swap_is_told_as_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The temporary directory is not there any more to be removed."""

    def sync(directory: Path) -> None:
        if directory == tmp_path:
            raise OSError(5, "bad disk")

    monkeypatch.setattr(files, "sync_directory", sync)
    with (
        pytest.raises(OSError, match="bad disk"),
        files.replaced_directory(tmp_path / "d", "a") as temporary,
    ):
        (temporary / "a").touch()


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
        files.swap_directory(tmp_path / "new", tmp_path / "old", ".*")
    assert names(tmp_path) == ["new", "old"]
    assert names(tmp_path / "old") == ["old"]


def test_an_interrupt_just_after_the_first_rename_is_taken_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
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
        files.swap_directory(tmp_path / "new", tmp_path / "old", ".*")
    assert names(tmp_path / "old") == ["old"]


def sharing_violation(winerror: int = 32) -> PermissionError:
    """What Windows says when somebody has the file open."""
    error = PermissionError(
        13, "The process cannot access the file because it is being used by another process"
    )
    error.winerror = winerror  # type: ignore[attr-defined]
    return error


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, error: OSError, times: int) -> list[float]:
    """Let a function of ``os`` fail some times; returns the waits that follow."""
    real, left, waits = getattr(os, name), times, list[float]()

    def rename(*args: str) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise error
        real(*args)

    monkeypatch.setattr(os, name, rename)
    monkeypatch.setattr("headwater.files.time.sleep", waits.append)
    return waits


def test_a_file_that_a_reader_has_open_on_windows_is_replaced_when_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files.write_text(tmp_path / "f", "old")
    waits = refuse(monkeypatch, "replace", sharing_violation(), 3)
    files.write_text(tmp_path / "f", "new")
    assert (tmp_path / "f").read_text() == "new"
    assert waits == [0.01, 0.02, 0.04]
    assert names(tmp_path) == ["f"]


@pytest.mark.parametrize("winerror", [5, 32])
def test_a_directory_with_an_open_file_is_replaced_too(
    winerror: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "d").mkdir()
    refuse(monkeypatch, "rename", sharing_violation(winerror), 2)
    with files.replaced_directory(tmp_path / "d", "new") as temporary:
        (temporary / "new").touch()
    assert names(tmp_path) == ["d"]
    assert names(tmp_path / "d") == ["new"]


def test_a_file_that_stays_open_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files.write_text(tmp_path / "f", "old")
    waits = refuse(monkeypatch, "replace", sharing_violation(), 1000)
    with pytest.raises(PermissionError, match="used by another process"):
        files.write_text(tmp_path / "f", "new")
    assert (tmp_path / "f").read_text() == "old"
    assert names(tmp_path) == ["f"]
    assert 4 < sum(waits) < 6


def test_a_refusal_for_another_reason_is_final_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    waits = refuse(monkeypatch, "replace", PermissionError(13, "Permission denied"), 1)
    with pytest.raises(PermissionError):
        files.write_text(tmp_path / "f", "new")
    assert waits == []


def test_leftovers_go_and_the_surviving_half_of_a_swap_comes_back(tmp_path: Path):
    for name in ("results.tmp-old-12345678", "results.tmp-0a567890", "other.tmp-old-abcdef01"):
        (tmp_path / f".{name}").mkdir()
        (tmp_path / f".{name}" / "kept").write_text(name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "kept").write_text("new")
    for name in (
        ".a.txt.tmp-90909090",
        ".hidden",
        "file.tmp-12345678",
        ".stranger.tmp-12345678",
        ".a.txt.tmp-9",
    ):
        (tmp_path / name).touch()
    files.remove_leftovers(tmp_path, {"results|other": "kept", r"a\.txt": ""})
    assert names(tmp_path) == [
        ".a.txt.tmp-9",
        ".hidden",
        ".stranger.tmp-12345678",
        "file.tmp-12345678",
        "other",
        "results",
    ]
    assert (tmp_path / "results" / "kept").read_text() == "results.tmp-old-12345678"
    assert (tmp_path / "other" / "kept").read_text() == "new"
    files.remove_leftovers(tmp_path / "absent", {})


def test_files_that_are_not_ours_outlive_a_replaced_directory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    for content in ("old", "new"):
        with files.replaced_directory(tmp_path / "d", r"ours|sub/ours") as temporary:
            (temporary / "sub").mkdir()
            for name in ("ours", "sub/ours"):
                (temporary / name).write_text(content)
        if content == "old":
            (tmp_path / "d" / "sub" / "theirs").write_text("precious")
            (tmp_path / "elsewhere").mkdir()
            (tmp_path / "elsewhere" / "ours").write_text("far")
            (tmp_path / "d" / "link").symlink_to(tmp_path / "elsewhere")
    assert (tmp_path / "d" / "sub" / "ours").read_text() == "new"
    assert names(tmp_path) == ["d", "d.kept-1", "elsewhere"]
    assert names(tmp_path / "d.kept-1") == ["link", "sub"]
    assert (tmp_path / "d.kept-1" / "sub" / "theirs").read_text() == "precious"
    assert (tmp_path / "elsewhere" / "ours").read_text() == "far"
    assert "did not write" in caplog.text


def test_a_link_in_the_place_of_a_directory_is_put_aside_and_not_followed(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "ours").write_text("far")
    (tmp_path / "d").symlink_to(tmp_path / "elsewhere")
    with files.replaced_directory(tmp_path / "d", "ours") as temporary:
        (temporary / "ours").write_text("near")
    assert (tmp_path / "elsewhere" / "ours").read_text() == "far"
    assert (tmp_path / "d" / "ours").read_text() == "near"
    assert (tmp_path / "d.kept-1").is_symlink()


def test_the_digest_is_that_of_the_content(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"abc")
    assert (
        files.sha256(tmp_path / "x")
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
