"""Compiled code on disk.

Where it lies, how it is written so that nobody reads half a file, and what happens to damage.

A folder holds the code of one *key*: the sources of the engine, the compiler and its version, the
processor, the flags. Another checkout or environment with the same key finds it. A file holds one
function for one kind of arguments; it begins with a digest of the rest, so that a file that was cut
off or overwritten is never loaded. Files are written beside and moved into place: processes that
compile the same at once write the same.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

FOLDER_VARIABLE = "HEADWATER_CACHE_DIR"
"""Environment variable that says where compiled code lies."""

COMPILER_FOLDER_VARIABLE = "NUMBA_CACHE_DIR"
"""The compiler's own variable for the same, which counts where ours is not set."""

KEPT_KEYS = 4
"""Folders of other keys that stay, the last used ones."""

_MARK = b"headwater compiled code 1\n"
_DIGEST_BYTES = 32
_COMPLETE = "complete.json"
_LOCK = "compiling.lock"
_SUFFIX = ".code"

logger = logging.getLogger(__name__)


def user_folder() -> Path | None:
    """Where this user's compiled code belongs by the customs of the system.

    ``None`` for a user without a home.
    """
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) / "headwater" / "Cache" if local else None
    caches = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "headwater"
        return (Path(caches) if os.path.isabs(caches) else Path.home() / ".cache") / "headwater"
    except RuntimeError:
        return None


def wanted_folder() -> Path | None:
    """Where compiled code is to lie: what the environment says, else the user's folder."""
    own, compilers = os.environ.get(FOLDER_VARIABLE), os.environ.get(COMPILER_FOLDER_VARIABLE)
    if own:
        return Path(own).absolute()
    return Path(compilers).absolute() / "headwater" if compilers else user_folder()


class CodeCache:
    """The compiled code of one key.

    Args:
        key: digest of all that the code depends on.
        wanted: folder for all keys; where nothing can be written there, code is read from it and
            written to a temporary folder.
        shipped: folder of code that came with the package and does the same; it is read first and
            never written to.
    """

    def __init__(self, key: str, wanted: Path | None, shipped: Path | None = None) -> None:
        self._key = key
        self._wanted = wanted
        self._shipped = shipped
        self._refused: set[Path] = set()
        self._root: Path | None = None
        self._is_found = False
        self._said_damage = False

    @property
    def root(self) -> Path | None:
        """Folder for all keys to which this process can write.

        ``None`` where the machine has none.
        """
        if not self._is_found:
            self._is_found = True
            self._root = self._find_root()
        return self._root

    def read(self, name: str) -> bytes | None:
        """What a file holds.

        ``None`` if there is none, or it was damaged and has been discarded.
        """
        for path in self._places(name):
            try:
                content = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                self._take_away(path, str(error))
                continue
            found = _unwrapped(content)
            if found is not None:
                return found
            self._take_away(path, "its content is not what was written")
        return None

    def write(self, name: str, payload: bytes) -> bool:
        """Put a file in place; returns whether it could be."""
        if self.root is None:
            return False
        path = self.root / self._key / (name + _SUFFIX)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, _MARK + hashlib.sha256(payload).digest() + payload)
        except OSError as error:
            logger.info("compiled code is not kept at %s: %s", path, error)
            return False
        return True

    def discard(self, name: str, why: str) -> None:
        """Take a file away that cannot be used, and say so once."""
        for path in self._places(name):
            with contextlib.suppress(OSError):
                path.lstat()
                self._take_away(path, why)

    def _take_away(self, path: Path, why: str) -> None:
        is_shipped = path.parent == self._shipped
        if not self._said_damage:
            self._said_damage = True
            logger.warning(
                "compiled code at %s is damaged (%s): it is %s and compiled again",
                path, why, "left aside" if is_shipped else "discarded",
            )  # fmt: skip
        if is_shipped:
            self._refused.add(path)
        else:
            _remove(path)

    @property
    def is_complete(self) -> bool:
        """Whether all that a warm-up compiles lies there, with the sizes that it had."""
        for folder in self._folders():
            try:
                sizes = json.loads((folder / _COMPLETE).read_text(encoding="utf-8"))["bytes"]
                if sizes and all(
                    (folder / name).stat().st_size == size for name, size in sizes.items()
                ):
                    return True
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
        return False

    def complete(self) -> None:
        """Note that all is there, and let go of what older versions left."""
        if self.root is None:
            return
        folder = self.root / self._key
        with contextlib.suppress(OSError):
            sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*" + _SUFFIX))}
            _replace(folder / _COMPLETE, json.dumps({"bytes": sizes}, indent=1).encode())
            _prune(self.root, self._key)

    def used(self) -> None:
        """Note that this key is in use, so that it is kept."""
        with contextlib.suppress(OSError):
            if self._shipped is None and self.root is not None:
                os.utime(self.root / self._key)

    @contextlib.contextmanager
    def compiling(self) -> Iterator[bool]:
        """Claim the compilation.

        The value says whether it was given, which it is not while another process compiles.
        """
        claimed = self._claim()
        try:
            yield claimed is not None
        finally:
            if claimed is not None:
                claimed.release()

    def _claim(self) -> BaseFileLock | None:
        """A lock, released already where there can be none.

        ``None`` while another process has it.
        """
        from filelock import FileLock, Timeout

        folder = Path(tempfile.gettempdir()) if self.root is None else self.root / self._key
        lock = FileLock(folder / _LOCK)
        if self.root is None:
            return lock
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=False)
        except Timeout:
            return None
        except OSError:
            pass
        return lock

    def _folders(self) -> Iterator[Path]:
        """Where code may lie: with the package, where it can be written, where it was wanted.

        Where to write is looked for when the package has not got what is asked for.
        """
        if self._shipped is not None:
            yield self._shipped
        roots = [root for root in (self.root, self._wanted) if root is not None]
        for root in dict.fromkeys(roots):
            yield root / self._key

    def _places(self, name: str) -> Iterator[Path]:
        paths = (folder / (name + _SUFFIX) for folder in self._folders())
        return (path for path in paths if path not in self._refused)

    def _find_root(self) -> Path | None:
        wanted, why = self._wanted, "this user has no home"
        if wanted is not None:
            try:
                _try_writing(wanted)
            except OSError as error:
                why = str(error)
            else:
                return wanted
        found = _temporary_root()
        place = "nowhere: every run compiles" if found is None else f"to {found}"
        if found is None or not (found / self._key / _COMPLETE).exists():
            logger.warning(
                "compiled code cannot be kept where it belongs (%s); it goes %s", why, place
            )
        return found


def _unwrapped(content: bytes) -> bytes | None:
    if not content.startswith(_MARK):
        return None
    begin = len(_MARK) + _DIGEST_BYTES
    payload = content[begin:]
    return payload if hashlib.sha256(payload).digest() == content[len(_MARK) : begin] else None


def _replace(path: Path, content: bytes) -> None:
    temporary = path.parent / f".writing-{os.getpid()}-{secrets.token_hex(8)}"
    try:
        temporary.write_bytes(
            content
        )  # not a temporary file of the library, which others could not read
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _try_writing(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=root):
        pass


def _temporary_root() -> Path | None:
    """A temporary folder that belongs to this user alone.

    Code of others is never loaded from it.
    """
    if not hasattr(os, "getuid"):
        name = "headwater-code"
    else:
        name = f"headwater-code-{os.getuid()}"
    try:
        shared = Path(tempfile.gettempdir()) / name
        shared.mkdir(mode=0o700, exist_ok=True)
        status = shared.lstat()
        own = not hasattr(os, "getuid") or (
            status.st_uid == os.getuid() and status.st_mode & 0o077 == 0
        )
        if own and not shared.is_symlink():
            _try_writing(shared)
            return shared
    except OSError:
        pass
    try:
        private = Path(tempfile.mkdtemp(prefix=name + "-"))
    except OSError:
        return None
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    return private


def _prune(root: Path, key: str) -> None:
    """Delete the folders of keys that were not used for longest."""
    others = [
        path for path in root.iterdir() if path.is_dir() and path.name != key and _is_key(path.name)
    ]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT_KEYS:]:
        shutil.rmtree(path, ignore_errors=True)


def _is_key(name: str) -> bool:
    return len(name) == 32 and set(name) <= set("0123456789abcdef")
