"""Writing files so that nothing is lost: temporary name, sync, rename.

Directories are swapped in whole.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import io
import logging
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

TEMPORARY_MARK = ".tmp-"
"""Part of the name of everything that is not finished."""

_SHARING_ERRORS = (5, 32)
"""What Windows answers while somebody has a file open: access denied, and sharing violation."""

_WAITS = tuple(0.01 * 2**step for step in range(9))
"""Seconds to wait before each further attempt; about five in all."""

_SYNCED = "rb+" if os.name == "nt" else "rb"
"""How a file is opened to be synced: Windows syncs only what is open for writing."""

_LEFTOVER = re.compile(rf"\.(?P<target>.+){re.escape(TEMPORARY_MARK)}(?P<old>old-)?[0-9a-f]{{8}}")

KEPT_MARK = ".kept-"
"""Part of the name of what is not ours and lay where something of ours came."""


def write_atomically(
    path: Path, write: Callable[[Path], object], *, sync_parent: bool = True
) -> None:
    """Let ``write`` produce a file as a whole or not at all.

    It is written under a temporary name beside ``path``, synced, and renamed to ``path``.

    Who writes many files may sync their directory once at the end instead.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{TEMPORARY_MARK}{uuid.uuid4().hex[:8]}")
    try:
        write(temporary)
        sync_file(temporary)
        _while_in_use(lambda: temporary.replace(path))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync_parent:
        sync_directory(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically."""
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, content.encode())


@contextmanager
def replaced_directory(path: Path, ours: str) -> Iterator[Path]:
    """Fill a temporary directory beside ``path``.

    It takes the place of ``path`` when the block ends without error.

    After an error the temporary directory is removed and ``path`` is as it was.

    Args:
        path: the directory.
        ours: as for `swap_directory`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{TEMPORARY_MARK}{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        yield temporary
        sync_tree(temporary)
        swap_directory(temporary, path, ours)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def swap_directory(new: Path, path: Path, ours: str) -> None:
    """Put directory ``new`` in the place of ``path``.

    Of what was there the files that are ours are removed afterwards; others stay, in a directory
    beside it.

    Args:
        new: what comes.
        path: what goes.
        ours: regular expression for the paths of our files, relative to ``path``.
    """
    old = path.with_name(f".{path.name}{TEMPORARY_MARK}old-{uuid.uuid4().hex[:8]}")
    try:
        if path.exists():
            _while_in_use(lambda: path.rename(old))
        _while_in_use(lambda: new.rename(path))
    except BaseException:
        # an interrupt may come between any two lines
        if old.exists() and not path.exists():
            old.rename(path)
        raise
    sync_directory(path.parent)
    remove_ours(old, path, ours)


def _while_in_use(rename: Callable[[], object]) -> None:
    """Rename something, and try again for a while if Windows refuses.

    It does so while a reader has the file open.

    Elsewhere a name can be given to something else while it is open, and a refusal is final.
    """
    for wait in _WAITS:
        try:
            rename()
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _SHARING_ERRORS:
                raise
            time.sleep(wait)
        else:
            return
    rename()


def remove_ours(directory: Path, path: Path, ours: str) -> None:
    """Remove the files of ours in a directory, and the directory if nothing is left.

    Else it is put aside beside ``path``.

    Whatever cannot be removed stays where it is.

    Args:
        directory: what is removed.
        path: name that it had.
        ours: regular expression for the paths of our files, relative to ``directory``.
    """
    if not os.path.lexists(directory):
        return
    if directory.is_dir() and not directory.is_symlink():
        for root, folders, names in os.walk(directory, topdown=False):
            for name in names:
                file = Path(root) / name
                if re.fullmatch(ours, file.relative_to(directory).as_posix()):
                    with contextlib.suppress(OSError):
                        file.unlink()
            for name in folders:
                with contextlib.suppress(OSError):
                    (Path(root) / name).rmdir()
        with contextlib.suppress(OSError):
            directory.rmdir()
            return
    with contextlib.suppress(OSError):
        kept = put_aside(directory, path)
        logger.warning("%s held files that Headwater did not write; they are now in %s", path, kept)


def put_aside(found: Path, path: Path) -> Path:
    """Rename what is not ours to a free name beside ``path``, where something of ours comes.

    Returns that name.
    """
    number = 1
    while os.path.lexists(kept := path.with_name(f"{path.name}{KEPT_MARK}{number}")):
        number += 1
    found.rename(kept)
    return kept


def foreign_file(directory: Path, ours: str) -> Path | None:
    """A file in a directory that is not ours; ``None`` where there is none."""
    for root, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(names):
            file = Path(root) / name
            if not re.fullmatch(ours, file.relative_to(directory).as_posix()):
                return file
    return None


def remove_leftovers(directory: Path, targets: Mapping[str, str]) -> None:
    """Remove what interrupted writers left in ``directory``.

    If only the old half of a swap survives, it is put back.

    Args:
        directory: where to look.
        targets: regular expression for the names of files and directories that are written there ->
            one for the files in them that are ours, as for `swap_directory`.
    """
    if not directory.is_dir():
        return
    for entry in sorted(directory.iterdir()):
        found = _LEFTOVER.fullmatch(entry.name)
        ours = (
            None
            if found is None
            else next((o for t, o in targets.items() if re.fullmatch(t, found["target"])), None)
        )
        if found is None or ours is None:
            continue
        target = directory / found["target"]
        if found["old"] and not target.exists():
            entry.rename(target)
        elif found["old"]:
            remove_ours(entry, target, ours)
        elif entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def surviving_directory(path: Path) -> Path:
    """``path``, or what it was before an interrupted swap.

    Between the two halves of a swap ``path`` itself is missing.
    """
    if not path.exists():
        for entry in sorted(path.parent.glob(f".{glob.escape(path.name)}{TEMPORARY_MARK}old-*")):
            return entry
    return path


def write_all(file: io.FileIO, content: bytes | memoryview) -> None:
    """Write all of ``content`` to an unbuffered file, however much the system takes at a time."""
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


def open_regular(path: Path) -> io.FileIO:
    """Open a file for reading without a buffer.

    What is no file, a pipe with a name say, is not waited for.

    Raises:
        OSError: it cannot be opened, or is no file.
    """
    # on Windows there is no such flag, and no such pipe
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return io.FileIO(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path) -> bytes:
    """The content of a file.

    Raises:
        OSError: it cannot be read, or is no file.
    """
    with open_regular(path) as file:
        return file.readall()


def sync_file(path: Path) -> None:
    """Make sure the content of a file is on the disk."""
    with path.open(_SYNCED) as handle:
        os.fsync(handle.fileno())


def sync_directory(path: Path) -> None:
    """Make sure the entries of a directory are on the disk, where the platform can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Sync every file and directory below ``path``."""
    for root, _, names in os.walk(path):
        for name in names:
            sync_file(Path(root) / name)
        sync_directory(Path(root))


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
