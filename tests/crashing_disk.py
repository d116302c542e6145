"""A disk that is watched: what would be on it after a crash at any moment, and a disk that fails at
the n-th operation.

A file system promises that the content of a file is on the disk after the file was synced, and the
names in a directory after the directory was. Until then either may be there or not. `CrashingDisk`
keeps, before every operation, the two extremes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headwater import files

Image = dict[str, bytes | None]
"""Relative path -> content; ``None`` for a directory."""

OPERATIONS = ("fsync", "rename", "replace", "unlink", "mkdir")
"""Functions of `os` that change the disk, besides writes."""


class CrashingDisk:
    """Watches a directory while a block runs.

    Args:
        root: the directory; what it holds at the start is on the disk.

    Attributes:
        images: what may be on the disk after a crash before each operation, without what is there
            already before it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._synced: dict[int, bytes] = {}
        self._entries: dict[int, dict[str, int]] = {}
        self._folders: set[int] = set()
        self._held: list[int] = []
        self._last: dict[str, Image] = {}
        self.images: list[Image] = []
        root.mkdir(parents=True, exist_ok=True)
        for folder, _, names in os.walk(root):
            self._sync_folder(Path(folder))
            for name in names:
                self._sync_file(Path(folder) / name)

    def __enter__(self) -> CrashingDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self.look()
        for descriptor in self._held:
            os.close(descriptor)

    def look(self) -> None:
        """Keep what a crash now would leave."""
        # each extreme is compared with itself before: the last image is then what
        # the disk holds in the end
        for extreme in (self._names_kept, self._names_lost):
            image = extreme()
            if image != self._last.get(extreme.__name__):
                self.images.append(image)
            self._last[extreme.__name__] = image

    def synced(self, descriptor: int) -> None:
        """A file or directory was synced."""
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_relative_to(self._root):
            (self._sync_folder if path.is_dir() else self._sync_file)(path)

    def _sync_file(self, path: Path) -> None:
        self._synced[self._hold(path)] = path.read_bytes()

    def _sync_folder(self, path: Path) -> None:
        number = self._hold(path)
        self._folders.add(number)
        self._entries[number] = {name: self._hold(path / name) for name in os.listdir(path)}

    def _hold(self, path: Path) -> int:
        """Its number, which nothing else gets while it is held open."""
        number = path.stat().st_ino
        if path.is_dir():
            self._folders.add(number)
        self._held.append(os.open(path, os.O_RDONLY))
        return number

    def _names_kept(self) -> Image:
        """All names are on the disk, and of the files what was synced."""
        image: Image = {}
        for folder, folders, names in os.walk(self._root):
            for name in folders:
                image[(Path(folder) / name).relative_to(self._root).as_posix()] = None
            for name in names:
                path = Path(folder) / name
                content = path.read_bytes()
                kept = content if self._synced.get(path.stat().st_ino) == content else b""
                image[path.relative_to(self._root).as_posix()] = kept
        return image

    def _names_lost(self) -> Image:
        """Of names and contents that alone which was synced."""
        image: Image = {}

        def walk(number: int, place: str) -> None:
            for name, child in self._entries.get(number, {}).items():
                if child in self._folders:
                    image[place + name] = None
                    walk(child, f"{place}{name}/")
                else:
                    image[place + name] = self._synced.get(child, b"")

        walk(self._root.stat().st_ino, "")
        return image


def put(image: Image, target: Path) -> Path:
    """Make a directory that holds what is on the disk."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, content in sorted(image.items()):
        path = target / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return target


@contextmanager
def watched(root: Path) -> Iterator[CrashingDisk]:
    """Watch every operation on a directory."""
    with pytest.MonkeyPatch.context() as patch, CrashingDisk(root) as disk:
        for name in OPERATIONS:
            real = getattr(os, name)

            def act(
                *arguments: Any, real: Callable[..., Any] = real, name: str = name, **more: Any
            ) -> Any:
                disk.look()
                result = real(*arguments, **more)
                if name == "fsync":
                    disk.synced(arguments[0])
                return result

            patch.setattr(os, name, act)
        yield disk


@contextmanager
def failing(at: int, error: int, *, lasting: bool = True) -> Iterator[list[str]]:
    """Let the operation number ``at``, from 0, fail, and if ``lasting`` all that follow; gives the
    operations so far.

    Writes count too. Removing files works on full disks, so that only other operations fail.
    """
    done: list[str] = []

    def fails() -> bool:
        return len(done) == at or (lasting and 0 <= at < len(done))

    def count(name: str) -> None:
        failed = fails()
        done.append(name)
        if failed:
            raise OSError(error, os.strerror(error))

    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "rename", "replace", "mkdir"):
            real = getattr(os, name)

            def act(
                *arguments: Any, real: Callable[..., Any] = real, name: str = name, **more: Any
            ) -> Any:
                count(name)
                return real(*arguments, **more)

            patch.setattr(os, name, act)
        write_all = files.write_all

        def write(file: Any, content: Any) -> None:
            if fails():
                file.write(bytes(content)[: len(content) // 2])  # a full disk takes the beginning
            count("write")
            write_all(file, content)

        patch.setattr(files, "write_all", write)
        write_bytes = Path.write_bytes

        def put_bytes(path: Path, content: Any) -> int:
            if fails():
                write_bytes(path, bytes(content)[: len(content) // 2])
            count("write")
            return write_bytes(path, content)

        patch.setattr(Path, "write_bytes", put_bytes)
        yield done
