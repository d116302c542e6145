"""Commands about results, ``headwater report`` and ``headwater compare``, and how a run is followed and announced."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.cli.consoles import stderr, stdout
from headwater.cli.progress import ProgressDisplay, money, summary_table
from headwater.cli.structured import EventLines, Form, envelope, said
from headwater.results import load_results
from headwater.results.comparison import Difference, compare_results
from headwater.results.overview import overview
from headwater.sddp.events import EventSink
from headwater.sddp.run_plan import RunPlan

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


@contextmanager
def followed(quiet: bool) -> Iterator[EventSink]:
    """A sink that shows what happens: to people on standard error, to programs as lines on standard output."""
    with ProgressDisplay(stderr(), quiet=quiet or said.form is not Form.HUMAN) as progress:
        yield EventLines(sys.stdout) if said.form is Form.JSONL else progress


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Output directory of a run.", show_default=False)],
    section: Annotated[
        list[Section] | None, typer.Option("--section", "-s", help="Only this part; may be repeated.", show_default=False)
    ] = None,
) -> None:
    """Show the status and the figures of a run as JSON, also of one that is under way."""
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
    found = compare_results(load_results(first), load_results(second), metric or ())
    exit_code = EXIT_DIFFERENT if any(one.relative > tolerance for one in found) else 0
    if said.form is Form.HUMAN:
        show_differences(found, tolerance, stdout())
    else:
        data = {"tolerance": tolerance, "differences": [dataclasses.asdict(one) for one in found]}
        print_envelope(exit_code, data=data)
    return exit_code


def show_plan(plan: RunPlan) -> None:
    """Say how large a run would be."""
    if said.form is Form.HUMAN:
        stdout().print(summary_table(plan_rows(plan), ""))
    else:
        print_envelope(0, data=dataclasses.asdict(plan))


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


def plan_rows(plan: RunPlan) -> list[tuple[str, str]]:
    """How large a run would be, as facts."""
    rows = [
        ("stages", f"{plan.n_stages}, {plan.n_state} state components"),
        ("largest program", f"{plan.rows:,} rows, {plan.columns:,} columns, {plan.nonzeros:,} non-zeros, without cuts"),
    ]
    if plan.iterations:
        problems = plan.problems_per_iteration
        rows += [
            ("training", f"at most {plan.iterations:,} iterations of {plan.forward_passes} trajectories"),
            ("problems", f"{problems:,} in an iteration, {plan.iterations * problems:,} in all"),
            ("cuts", f"at most {plan.cuts_per_stage:,} for a stage, {plan.cut_megabytes:,.1f} MB in all"),
        ]
    if plan.scenarios:
        rows += [
            ("simulation", f"{plan.scenarios:,} scenarios, {plan.simulated_problems:,} problems"),
            ("tables", f"written by {plan.part_scenarios} scenarios, about {plan.part_megabytes:,.1f} MB each in memory"),
        ]
    return rows
