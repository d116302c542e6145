"""Commands about results: ``headwater summary``, ``report`` and ``compare``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.cli.consoles import stdout
from headwater.cli.facts import money
from headwater.cli.structured import Form, envelope, said

if TYPE_CHECKING:
    from headwater.results.comparison import Difference

EXIT_DIFFERENT = 1


class Section(StrEnum):
    """Part of a report."""

    TRAINING = "training"
    SIMULATION = "simulation"
    CONVERGENCE = "convergence"
    POLICY = "policy"


def print_envelope(exit_code: int, **parts: Any) -> None:
    """Say what came out, for programs; the last line of a stream of lines."""
    content = envelope(said.command, exit_code, **parts)
    line = {"type": "result", **content} if said.form is Form.JSONL else content
    stdout().out(json.dumps(line, indent=None if said.form is Form.JSONL else 2))


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Output directory of a run.", show_default=False)],
    section: Annotated[
        list[Section] | None, typer.Option("--section", "-s", help="Only this part; may be repeated.", show_default=False)
    ] = None,
) -> None:
    """Show the status and the figures of a run as JSON, also of one that is under way."""
    from headwater.results.overview import overview

    found = overview(directory)
    if section:
        found = {key: found[key] for key in ("output_directory", "status", *dict.fromkeys(one.value for one in section))}
    if said.form is Form.HUMAN:
        stdout().out(json.dumps(found, indent=2))
    else:
        print_envelope(0, data=found)


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Output directory of a run.", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="B", help="Output directory of another.", show_default=False)],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help="lower_bound, mean_cost, ... or a table; may be repeated [default: all]."),
    ] = None,
    tolerance: Annotated[float, typer.Option("--tol", min=0.0, help="Largest relative difference.")] = 0.0,
) -> int:
    """Compare two runs, timings aside; ends with 1 when they differ by more than the tolerance."""
    from headwater.results.comparison import compare_results
    from headwater.results.reader import load_results

    found = compare_results(load_results(first), load_results(second), metric or ())
    exit_code = EXIT_DIFFERENT if any(one.relative > tolerance for one in found) else 0
    if said.form is Form.HUMAN:
        show_differences(found, tolerance, stdout())
    else:
        data = {"tolerance": tolerance, "differences": [dataclasses.asdict(one) for one in found]}
        print_envelope(exit_code, data=data)
    return exit_code


def summary(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Output directory of a run.", show_default=False)],
) -> None:
    """Show what a run found: bound, costs, and how the system was operated."""
    from headwater.cli.summary import show_summary
    from headwater.results.reader import load_results

    show_summary(load_results(directory), stdout())


def show_differences(found: Sequence[Difference], tolerance: float, console: Console) -> None:
    """Print how far two runs are apart, and a verdict."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "A", "B", "relative difference", "where"):
        table.add_column(heading, justify="right" if heading in ("A", "B", "relative difference") else "left")
    for one in found:
        numbers = ("" if value is None else money(value) for value in (one.first, one.second))
        style = "red" if one.relative > tolerance else ""
        table.add_row(Text(one.metric), *numbers, Text(f"{one.relative:.1e}" if one.relative else "0", style), Text(one.place))
    console.print(table)
    apart = sum(one.relative > tolerance for one in found)
    if apart:
        console.print(f"{apart} of {len(found)} differ by more than {tolerance:g}")
    elif tolerance:
        console.print(f"the same within {tolerance:g}")
    else:
        console.print("the same")
