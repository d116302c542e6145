"""The files of a NEWAVE deck: where they are, and their tables as inewave reads them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from headwater.errors import CaseError, UsageError
from headwater.imports.newave.columns import check_text
from headwater.imports.newave.report import ImportReport

Row = dict[str, Any]

STANDARD_NAMES = {
    "hidr": "HIDR.DAT",
    "vazoes": "VAZOES.DAT",
    "postos": "POSTOS.DAT",
    "selcor": "SELCOR.DAT",
    "cadterm": "CADTERM.DAT",
    "cdefvar": "CDEFVAR.DAT",
    "caso": "CASO.DAT",
    "arquivos": "ARQUIVOS.DAT",
}
"""Files that the list of files does not name."""

LISTED = (
    *("dger", "sistema", "confhd", "modif", "conft", "term", "clast", "exph", "expt", "patamar"),
    *("shist", "manutt", "vazpast", "itaipu", "bid", "c_adic", "perda", "gtminpat", "elnino"),
    *("ensoaux", "dsvagua", "penalid", "curva", "agrint", "adterm", "ghmin", "sar", "cvar", "ree"),
    *("re", "tecno", "abertura", "gee", "clasgas", "volume_referencia_sazonal"),
)
"""Input files in the list of files, by the names that inewave gives them."""


class DeckError(CaseError):
    """Files of a deck are missing or cannot be read; the message says file, line, expectation."""


class Deck:
    """A directory with the files of a deck.

    Names are compared without case, since decks were written where it does not matter.

    Args:
        directory: where the files are.
        shown: what messages call it; the directory without it.

    Attributes:
        directory: the same.
        report: what became of the files so far.
        names: key of a file -> its name in the directory, of those that exist.

    Raises:
        DeckError: the list of files is missing, or required files are.
    """

    def __init__(self, directory: Path, shown: Path | None = None) -> None:
        self.directory = directory
        self._shown = directory if shown is None else shown
        self.report = ImportReport()
        self._in_directory = {path.name.lower(): path.name for path in directory.iterdir()}
        self.names = self._find()

    def has(self, key: str) -> bool:
        """Whether a file exists."""
        return key in self.names

    def path(self, key: str) -> Path:
        """Where a file is.

        Raises:
            DeckError: it is missing.
        """
        if key not in self.names:
            name = STANDARD_NAMES.get(key, key.upper())
            raise DeckError(f"{name}: the deck in '{self._shown}' has no such file; it is needed")
        return self.directory / self.names[key]

    def name(self, key: str) -> str:
        """Name of a file, as the report shows it."""
        return self.names.get(key, STANDARD_NAMES.get(key, key.upper()))

    def lines(self, key: str) -> list[str]:
        """The lines of a text file, in UTF-8 or Latin-1."""
        return _text_lines(self.path(key))

    def read(self, key: str, reader: str, note: str = "") -> Any:
        """An object of a class of inewave with the contents of a file.

        Args:
            key: which file.
            reader: name of the class.
            note: what is taken from it, for the report.

        Raises:
            DeckError: the file is missing or not of the form that it should have.
        """
        path = self.path(key)
        check_text(key, path.name, self.lines(key) if reader not in _BINARY else [])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of inewave about its own libraries
                found = getattr(_newave(), reader).read(str(path))
        except Exception as problem:  # inewave raises whatever its parts raise
            raise DeckError(
                f"{path.name}: this is not a file of the form that NEWAVE reads "
                f"({type(problem).__name__}: {problem}); is it cut, or of another program?"
            ) from None
        self.report.read(path.name, note)
        return found

    def table(self, key: str, reader: str, attribute: str, note: str = "") -> list[Row]:
        """The rows of a table of a file; none where the table is empty."""
        return self.rows(key, getattr(self.read(key, reader, note), attribute))

    def rows(self, key: str, frame: Any) -> list[Row]:
        """The rows of a pandas table of a file: dates as dates, empty cells as ``None``.

        Raises:
            DeckError: a row does not say what it is about.
        """
        rows = list(plain_rows(frame))
        for number, row in enumerate(rows, 1):
            for column, meaning in _SUBJECTS.items():
                if column in row and row[column] is None:
                    raise DeckError(
                        f"{self.name(key)}: row {number} of a table has no {meaning}; expected a "
                        "number in its column (is the line shifted, or cut?)"
                    )
        return rows

    def _find(self) -> dict[str, str]:
        names = {
            key: self._in_directory[name.lower()]
            for key, name in STANDARD_NAMES.items()
            if name.lower() in self._in_directory
        }
        listing = self._listing(names)
        listing_names = self._listed(listing)
        for key, name in listing_names.items():
            if name.lower() in self._in_directory:
                names[key] = self._in_directory[name.lower()]
            else:
                self.report.miss(name, f"named in {listing}, and not in the directory")
        missing = [key for key in _REQUIRED if key not in names]
        if missing:
            listed = ", ".join(
                listing_names.get(key, STANDARD_NAMES.get(key, key.upper())) for key in missing
            )
            raise DeckError(
                f"{listing}: the deck in '{self._shown}' lacks files without which there is no "
                f"study: {listed}"
            )
        return names

    def _listing(self, names: dict[str, str]) -> str:
        """Name of the list of files."""
        if "caso" in names:
            self.report.read(names["caso"], "names the list of files")
            first = next(iter(_text_lines(self.directory / names["caso"])), "").strip()
            if first.lower() in self._in_directory:
                return self._in_directory[first.lower()]
            if first:
                raise DeckError(
                    f"{names['caso']} line 1: it names '{first}' as the list of files, which is "
                    f"not in '{self._shown}'"
                )
        if "arquivos" not in names:
            raise DeckError(
                f"'{self._shown}' has neither CASO.DAT nor ARQUIVOS.DAT; is it a NEWAVE deck?"
            )
        return names["arquivos"]

    def _listed(self, listing: str) -> dict[str, str]:
        """Key of a file -> its name in the list of files."""
        found = _newave().Arquivos.read(str(self.directory / listing))
        self.report.read(listing, "names of the files")
        named = {key: getattr(found, key, None) for key in LISTED}
        return {key: name.strip() for key, name in named.items() if name and name.strip()}


def _text_lines(path: Path) -> list[str]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\x1a", "").splitlines()


def _newave() -> Any:
    """The classes of inewave.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import inewave.newave
    except ImportError:
        raise UsageError(
            "NEWAVE decks are read with inewave: pip install 'headwater[newave]'"
        ) from None
    return inewave.newave


_BINARY = ("Hidr", "Vazoes")
_REQUIRED = (
    *("dger", "sistema", "confhd", "conft", "term", "clast", "patamar", "ree"),
    *("hidr", "vazoes", "vazpast"),
)


_SUBJECTS = {
    "codigo_usina": "code of a plant",
    "codigo_submercado": "submarket",
    "submercado": "submarket",
    "submercado_de": "submarket",
    "submercado_para": "submarket",
    "codigo_ree": "equivalent reservoir",
    "codigo": "equivalent reservoir",
    "ree": "equivalent reservoir",
    "posto": "gauging station",
    "agrupamento": "number of the group",
    "conjunto": "number of the set",
    "data": "month",
}
"""Columns that say what a row is about."""


def plain_rows(frame: Any) -> Iterator[Row]:
    """The rows of a pandas table: dates as dates, empty cells as ``None``; none without a table."""
    if frame is None:
        return
    columns = [str(column) for column in frame.columns]
    for values in frame.itertuples(index=False, name=None):
        yield {column: _plain(value) for column, value in zip(columns, values, strict=True)}


def _plain(value: Any) -> Any:
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value
    if hasattr(value, "item"):
        return _plain(value.item())
    return value


def month(value: date) -> date:
    """The first day of the month of a date."""
    return date(value.year, value.month, 1)
