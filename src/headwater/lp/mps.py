"""Reading a stage LP from a file in free MPS.

`headwater.lp.writing` and most solvers write that form.

Fields are separated by blanks. Of the form's variants those are read that a linear program needs:
ranges, one-sided and two-sided limits, rows without limits. Integers, sets that follow each other
and other kinds of programs are refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.errors import ResultsError
from headwater.lp.program import NamedProgram
from headwater.lp.writing import AT_UPPER, BASIC

_SECTIONS = ("NAME", "ROWS", "COLUMNS", "RHS", "RANGES", "BOUNDS", "OBJSENSE", "ENDATA")


def read_program(path: str | Path) -> NamedProgram:
    """Read a program from a file in free MPS; the title is its first comment.

    Args:
        path: of the file.

    Raises:
        ResultsError: the file cannot be read, or holds something else; with the line.

    Examples:
        >>> program = hw.read_program("stage-17.mps")
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    reader, section, number = _Reader(path.stem), "", 0
    try:
        for line in lines:
            number += 1
            if line.startswith("*"):
                reader.comment(line[1:].strip())
                continue
            fields = line.split()
            if not fields:
                continue
            if not line[0].isspace():
                section = fields[0].upper()
                if section not in _SECTIONS:
                    raise ValueError(f"'{fields[0]}' is not a section of a linear program")
                if section == "OBJSENSE" and "MAX" in (field.upper() for field in fields[1:]):
                    raise ValueError("only minimisation is read")
                if section == "ENDATA":
                    return reader.program()
                continue
            reader.take(section, fields)
        raise ValueError("ENDATA is missing: the file is cut off")
    except (ValueError, IndexError, KeyError) as error:
        what = f"{error.args[0]!r} is not known" if isinstance(error, KeyError) else error
        raise ResultsError(
            f"{path}, line {number}: this is not a linear program in free "
            f"MPS that can be read ({what})"
        ) from error


class _Reader:
    """What has been read so far."""

    def __init__(self, title: str) -> None:
        self._title, self._has_title = title, False
        self._objective: str | None = None
        self._kinds: dict[str, str] = {}
        self._columns: dict[str, int] = {}
        self._entries: list[tuple[int, int, float]] = []
        self._places: dict[str, int] = {}
        self._cost: list[float] = []
        self._right: dict[str, float] = {}
        self._ranges: dict[str, float] = {}
        self._low: dict[str, float] = {}
        self._high: dict[str, float] = {}

    def comment(self, text: str) -> None:
        """The first comment is the title."""
        if text and not self._has_title:
            self._title, self._has_title = text, True

    def take(self, section: str, fields: list[str]) -> None:
        """A line of a section."""
        takers: dict[str, Callable[[list[str]], None]] = {
            "ROWS": self._row,
            "COLUMNS": self._column,
            "RHS": lambda f: self._sides(f, self._right),
            "RANGES": lambda f: self._sides(f, self._ranges),
            "BOUNDS": self._bound,
            "OBJSENSE": self._sense,
        }
        if section not in takers:
            raise ValueError(f"nothing is expected in section {section or 'before the first'}")
        takers[section](fields)

    def _sense(self, fields: list[str]) -> None:
        if fields[0].upper().startswith("MAX"):
            raise ValueError("only minimisation is read")

    def _row(self, fields: list[str]) -> None:
        kind, name = fields[0].upper(), fields[1]
        if kind not in "NEGL" or len(kind) != 1:
            raise ValueError(f"'{fields[0]}' is not a kind of row (N, E, G or L)")
        if name in self._kinds or name == self._objective:
            raise ValueError(f"row {name} stands there twice")
        if kind == "N" and self._objective is None:
            self._objective = name
            return
        self._places[name] = len(self._kinds)
        self._kinds[name] = kind

    def _column(self, fields: list[str]) -> None:
        if len(fields) > 1 and fields[1].strip("'\"").upper() == "MARKER":
            raise ValueError("integers are not read")
        j = self._columns.setdefault(fields[0], len(self._columns))
        if j == len(self._cost):
            self._cost.append(0.0)
        for name, value in _pairs(fields[1:]):
            if name == self._objective:
                self._cost[j] = value
            else:
                self._entries.append((self._places[name], j, value))

    def _sides(self, fields: list[str], values: dict[str, float]) -> None:
        # the name of the set may be left out
        for name, value in _pairs(fields if len(fields) % 2 == 0 else fields[1:]):
            if name == self._objective:
                raise ValueError("a constant in the objective is not read")
            if name not in self._kinds:
                raise KeyError(name)
            values[name] = value

    def _bound(self, fields: list[str]) -> None:
        kind, has_value = fields[0].upper(), fields[0].upper() in ("LO", "UP", "FX")
        if kind not in ("LO", "UP", "FX", "FR", "MI", "PL"):
            raise ValueError(
                f"'{fields[0]}' is not a limit of a linear program (LO, UP, FX, FR, MI or PL)"
            )
        name = fields[-2] if has_value else fields[-1]
        if name not in self._columns:
            raise KeyError(name)
        value = _number(fields[-1]) if has_value else math.inf
        if kind in ("LO", "FX"):
            self._low[name] = value
        if kind in ("UP", "FX"):
            self._high[name] = value
        if kind == "UP" and value < 0.0:
            self._low.setdefault(name, -math.inf)
        if kind in ("FR", "MI"):
            self._low[name] = -math.inf
        if kind in ("FR", "PL"):
            self._high[name] = math.inf

    def program(self) -> NamedProgram:
        """All of it."""
        if self._objective is None or not self._columns:
            raise ValueError("there are no costs, or no columns")
        sides = [self._limits(name, kind) for name, kind in self._kinds.items()]
        rows, columns, values = zip(*self._entries, strict=True) if self._entries else ((), (), ())
        shape = (len(self._kinds), len(self._columns))
        matrix = sp.csr_array(
            sp.coo_array((values, (rows, columns)), shape=shape, dtype=np.float64)
        )
        matrix.sort_indices()
        return NamedProgram(
            title=self._title,
            columns=tuple(self._columns),
            rows=tuple(self._kinds),
            matrix=matrix,
            cost=np.array(self._cost),
            column_lower=np.array([self._low.get(name, 0.0) for name in self._columns]),
            column_upper=np.array([self._high.get(name, math.inf) for name in self._columns]),
            row_lower=np.array([low for low, _ in sides], np.float64),
            row_upper=np.array([high for _, high in sides], np.float64),
        )

    def _limits(self, name: str, kind: str) -> tuple[float, float]:
        right, width = self._right.get(name, 0.0), self._ranges.get(name)
        if kind == "N":
            return -math.inf, math.inf
        if kind == "E":
            spread = 0.0 if width is None else width
            return min(right, right + spread), max(right, right + spread)
        if kind == "G":
            return right, math.inf if width is None else right + abs(width)
        return -math.inf if width is None else right - abs(width), right


def _pairs(fields: list[str]) -> Iterator[tuple[str, float]]:
    if not fields or len(fields) % 2:
        raise ValueError(f"{len(fields)} fields, where names and numbers come in pairs")
    for name, value in zip(fields[::2], fields[1::2], strict=True):
        yield name, _number(value)


def _number(text: str) -> float:
    value = float(text)
    if math.isnan(value):
        raise ValueError(f"'{text}' is not a number")
    return value


def read_basis(path: Path, program: NamedProgram) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Read a basis of a program in the MPS form.

    Statuses ``[column]`` and ``[row]``, see `basis_lines`.

    Raises:
        ResultsError: the file cannot be read, or is no basis of this program; with the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    column_of = {name: j for j, name in enumerate(program.columns)}
    row_of = {name: i for i, name in enumerate(program.rows)}
    free = np.isneginf(program.column_lower) & np.isposinf(program.column_upper)
    columns, rows = (
        np.where(free, 3, 0).astype(np.int32),
        np.full(len(program.rows), BASIC, np.int32),
    )
    number = 0
    try:
        for line in lines:
            number += 1
            fields = line.split()
            if line.startswith("*") or not fields or fields[0] == "NAME":
                continue
            if fields[0] == "ENDATA":
                return columns, rows
            kind = fields[0]
            if kind not in ("XU", "XL", "UL", "LL"):
                raise ValueError(f"'{kind}' is not one of XU, XL, UL and LL")
            columns[column_of[fields[1]]] = {"XU": BASIC, "XL": BASIC, "UL": AT_UPPER, "LL": 0}[
                kind
            ]
            if kind in ("XU", "XL"):
                rows[row_of[fields[2]]] = AT_UPPER if kind == "XU" else 0
        raise ValueError("ENDATA is missing: the file is cut off")
    except (ValueError, IndexError, KeyError) as error:
        what = f"{error.args[0]!r} is not known" if isinstance(error, KeyError) else error
        raise ResultsError(
            f"{path}, line {number}: this is not a basis of {program.title} in MPS form ({what})"
        ) from error
