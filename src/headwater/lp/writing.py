"""Writing a stage program to a file that people and solvers can read: free MPS, or the LP format.

The LP format reserves square brackets, so names appear there with round ones:
``storage(Sobradinho)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.errors import ResultsError, UsageError
from headwater.lp.program import NamedProgram

BASIC, AT_UPPER = 1, 2
"""Statuses of columns and rows in a basis, as HiGHS numbers them."""


def write_program(program: NamedProgram, path: str | Path) -> None:
    """Write a program; the suffix says how: ``.lp`` or ``.mps``.

    Args:
        program: what `stage_program` or `read_program` gives.
        path: of the file.

    Raises:
        UsageError: another suffix.
        ResultsError: the file cannot be written.

    Examples:
        >>> hw.write_program(hw.stage_program("my-case", 0), "stage-0.lp")
    """
    path = Path(path)
    writers = {".lp": lp_lines, ".mps": mps_lines}
    if path.suffix.lower() not in writers:
        raise UsageError(
            f"'{path.name}' should end in .lp or .mps, which says in which form to write"
        )
    try:
        path.write_text(
            "\n".join(writers[path.suffix.lower()](program)) + "\n", encoding="utf-8", newline="\n"
        )
    except OSError as error:
        raise ResultsError(f"{path} cannot be written: {error.strerror or error}") from error


def _number(value: float) -> str:
    return repr(float(value))


def _for_lp(name: str) -> str:
    return name.replace("[", "(").replace("]", ")")


def lp_lines(program: NamedProgram) -> Iterator[str]:
    """The program in the LP format."""
    columns = [_for_lp(name) for name in program.columns]

    def terms(indices: np.ndarray, values: np.ndarray) -> str:
        parts = [
            f"{'-' if v < 0 else '+'} {_number(abs(v))} {columns[j]}"
            for j, v in zip(indices, values, strict=True)
        ]
        return (
            "\n  ".join(" ".join(parts[i : i + 6]) for i in range(0, len(parts), 6))
            or f"0 {columns[0]}"
        )

    yield f"\\ {program.title}"
    yield "\\ names such as storage[x] are written storage(x): this format reserves square brackets"
    yield "minimize"
    priced = np.flatnonzero(program.cost)
    yield f" cost: {terms(priced, program.cost[priced])}"
    yield "subject to"
    for i, name in enumerate(program.rows):
        place = slice(program.matrix.indptr[i], program.matrix.indptr[i + 1])
        left = terms(program.matrix.indices[place], program.matrix.data[place])
        low, high = program.row_lower[i], program.row_upper[i]
        if low == high:
            yield f" {_for_lp(name)}: {left} = {_number(low)}"
            continue
        both = np.isfinite(low) and np.isfinite(high)
        if np.isfinite(low):
            yield f" {_for_lp(name)}{'.low' if both else ''}: {left} >= {_number(low)}"
        if np.isfinite(high):
            yield f" {_for_lp(name)}{'.high' if both else ''}: {left} <= {_number(high)}"
    yield "bounds"
    for name, low, high in zip(columns, program.column_lower, program.column_upper, strict=True):
        if np.isneginf(low) and np.isposinf(high):
            yield f" {name} free"
        elif low == high:
            yield f" {name} = {_number(low)}"
        elif np.isposinf(high):
            if low != 0.0:
                yield f" {name} >= {_number(low)}"
        else:
            yield f" {'-inf' if np.isneginf(low) else _number(low)} <= {name} <= {_number(high)}"
    yield "end"


def mps_lines(program: NamedProgram) -> Iterator[str]:
    """The program in free MPS."""
    kinds = []
    for low, high in zip(program.row_lower, program.row_upper, strict=True):
        kinds.append(
            "E" if low == high else "G" if np.isfinite(low) else "L" if np.isfinite(high) else "N"
        )
    yield f"* {program.title}"
    yield "NAME stage"
    yield "ROWS"
    yield " N cost"
    for kind, name in zip(kinds, program.rows, strict=True):
        yield f" {kind} {name}"
    yield "COLUMNS"
    by_column = sp.csc_array(program.matrix)
    for j, name in enumerate(program.columns):
        if program.cost[j] != 0.0:
            yield f" {name} cost {_number(program.cost[j])}"
        place = slice(by_column.indptr[j], by_column.indptr[j + 1])
        for i, value in zip(by_column.indices[place], by_column.data[place], strict=True):
            yield f" {name} {program.rows[i]} {_number(value)}"
        if program.cost[j] == 0.0 and place.start == place.stop:
            yield f" {name} cost 0"
    yield "RHS"
    for kind, name, low, high in zip(
        kinds, program.rows, program.row_lower, program.row_upper, strict=True
    ):
        right = high if kind == "L" else low
        if kind != "N" and right != 0.0:
            yield f" RHS {name} {_number(right)}"
    yield "RANGES"
    for kind, name, low, high in zip(
        kinds, program.rows, program.row_lower, program.row_upper, strict=True
    ):
        if kind == "G" and np.isfinite(high):
            yield f" RNG {name} {_number(_width(low, high))}"
    yield "BOUNDS"
    for name, low, high in zip(
        program.columns, program.column_lower, program.column_upper, strict=True
    ):
        if np.isneginf(low) and np.isposinf(high):
            yield f" FR BND {name}"
        elif low == high:
            yield f" FX BND {name} {_number(low)}"
        else:
            if np.isfinite(high):
                yield f" UP BND {name} {_number(high)}"
            # behind the upper limit: readers take one below zero for a sign that there is no lower
            # limit
            if np.isneginf(low):
                yield f" MI BND {name}"
            elif low != 0.0 or high < 0.0:
                yield f" LO BND {name} {_number(low)}"
    yield "ENDATA"


def _width(low: float, high: float) -> float:
    """What added to ``low`` gives ``high``, to the last bit where there is such a number."""
    width = high - low
    return next(
        (
            near
            for near in (width, np.nextafter(width, np.inf), np.nextafter(width, 0.0))
            if low + near == high
        ),
        width,
    )


def basis_lines(
    program: NamedProgram, columns: NDArray[np.int32], rows: NDArray[np.int32]
) -> Iterator[str]:
    """A basis in the MPS form (``.bas``), which most solvers read.

    Args:
        program: whose basis it is.
        columns: ``[column]`` statuses: 0 at the lower limit, 1 basic, 2 at the upper limit, 3 free
            and zero.
        rows: ``[row]`` the same.
    """
    yield f"* {program.title}"
    yield "NAME stage"
    # every basic column stands with a row that is not basic: there are as many of one as of the
    # other
    off_basis = iter(np.flatnonzero(rows != BASIC).tolist())
    for j in np.flatnonzero(columns == BASIC).tolist():
        i = next(off_basis)
        yield f" {'XU' if rows[i] == AT_UPPER else 'XL'} {program.columns[j]} {program.rows[i]}"
    for j in np.flatnonzero(columns == AT_UPPER).tolist():
        yield f" UL {program.columns[j]}"
    yield "ENDATA"
