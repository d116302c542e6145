"""Arguments that several commands share, and the exit codes of all."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXIT_CASE, EXIT_IO, EXIT_INTERNAL, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 4, 64, 130


CasePath = Annotated[
    Path, typer.Argument(metavar="CASE", help="Case directory.", show_default=False)
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Where to write results \\[default: CASE/output]."),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        "-j",
        min=1,
        help="Worker threads per process \\[default: all granted]; results do not depend on it.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Go on with what an earlier run left unfinished in the output directory."
    ),
]


class TableForm(StrEnum):
    """Form of result tables."""

    PARQUET = "parquet"
    CSV = "csv"


Tables = Annotated[
    TableForm,
    typer.Option("--format", help="csv also writes the tables as CSV files, to OUTPUT/csv."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
