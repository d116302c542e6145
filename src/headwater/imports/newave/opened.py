"""Finding the files of a deck: in a directory, in a folder of it, or packed in a zip file."""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.errors import UsageError
from headwater.imports.newave.deck import Deck, DeckError

_LISTS = ("caso.dat", "arquivos.dat")
"""Files by which a directory is known as a deck."""


@contextmanager
def opened_deck(path: str | os.PathLike[str]) -> Iterator[Deck]:
    """The deck of a directory or of a zip file, which is unpacked for as long as it is used.

    Raises:
        UsageError: there is neither.
        DeckError: the zip file is damaged, or required files are missing.
    """
    source = Path(path)
    if source.is_dir():
        yield Deck(_place(source) or source)
    elif source.is_file():
        with tempfile.TemporaryDirectory() as room:
            yield Deck(_unpacked(source, Path(room)), source)
    else:
        raise UsageError(f"there is no directory or zip file '{source}' with a NEWAVE deck")


def _place(directory: Path) -> Path | None:
    """Where the list of files is: the directory, or the only one of its folders that has it."""
    if _is_deck(directory):
        return directory
    folders = [folder for folder in sorted(directory.iterdir()) if folder.is_dir()]
    found = [place for folder in folders if (place := _place(folder)) is not None]
    return found[0] if len(found) == 1 else None


def _is_deck(directory: Path) -> bool:
    return any(path.name.lower() in _LISTS for path in directory.iterdir() if path.is_file())


def _unpacked(source: Path, room: Path) -> Path:
    """Unpack a zip file, and the one in it where that is all it has."""
    if not zipfile.is_zipfile(source):
        raise DeckError(
            f"'{source}' is neither a directory nor a zip file; expected those of a NEWAVE deck"
        )
    inside = room / "deck"
    try:
        with zipfile.ZipFile(source) as packed:
            packed.extractall(inside)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as problem:
        raise DeckError(f"'{source}': the zip file cannot be unpacked ({problem})") from None
    inside.mkdir(exist_ok=True)
    place = _place(inside)
    if place is not None:
        return place
    packed_again = [path for path in inside.rglob("*") if path.suffix.lower() == ".zip"]
    return _unpacked(packed_again[0], inside) if len(packed_again) == 1 else inside
