"""What is wrong with a case and what it is, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.case import Case, Finding, Report, Severity, describe_case
from headwater.model import Study

if TYPE_CHECKING:
    from headwater.lp import ProgramStatistics

_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_FEW = 3
"""Pieces of advice of one rule in one file that have a line each."""
_WORD = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def show_report(report: Report, console: Console) -> None:
    """Print the findings of a report file by file, the most important first."""
    console.print(Text(report.heading(), "bold red" if not report.ok else "bold"))
    for file, findings in report.by_file():
        title = Text(file or "the case as a whole", "bold")
        table = Table(
            title=title,
            title_justify="left",
            show_header=False,
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
        )
        table.add_column(no_wrap=True)
        table.add_column(style="dim", overflow="fold", max_width=60)
        table.add_column(overflow="fold")
        for group in _grouped(findings):
            first = group[0]
            label = Text(f"  {first.code} {_WORD[first.severity]}", _STYLE[first.severity])
            place, sentence = first.place, first.sentence
            if len(group) > 1:
                place, sentence = _names_of(group), f"{sentence} [the first of {_total(group)}]"
            table.add_row(label, Text(place), Text(sentence))
        console.print(table)
    if report.skipped:
        console.print(Text(report.skipped_sentence(), "dim"))


def _grouped(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    """Findings one by one; advice of which a rule has much together, to be told in one line."""
    for _, same in groupby(findings, lambda finding: (finding.code, finding.severity)):
        group = list(same)
        if group[0].severity is Severity.ERROR or _total(group) <= _FEW:
            yield from ([finding] for finding in group)
        else:
            yield group


def _names_of(group: Sequence[Finding]) -> str:
    """The first places of a group, and how many more there are."""
    shown = [finding.entity or finding.place for finding in group[:_FEW]]
    more = _total(group) - len(shown)
    return "; ".join(shown) + (f" and {more} more" if more else "")


def _total(group: Sequence[Finding]) -> int:
    return sum(finding.count for finding in group)


def show_case(case: Case, console: Console) -> None:
    """Print the description of a case."""
    console.print(Text(f"case {case.name}", "bold"))
    for section in describe_case(case):
        headed = any(section.columns)
        table = Table(
            title=Text(section.title),
            title_justify="left",
            title_style="bold",
            show_header=headed,
            box=None,
        )
        for position, heading in enumerate(section.columns):
            table.add_column(Text(heading), style="dim" if position == 0 else None, overflow="fold")
        for row in section.rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)


def show_programs(study: Study, console: Console) -> None:
    """Print size and range of numbers of every stage program."""
    from headwater.sddp.stage.problems import build_problems

    problems = build_problems(study)
    console.print(f"{problems.layout.dimension} state components")
    stages = zip(problems.system.stages, problems.stage_statistics(), strict=True)
    console.print(_programs_table([(stage.id, statistics) for stage, statistics in stages]))


def _programs_table(stages: list[tuple[int, ProgramStatistics]]) -> Table:
    table = Table(title="stage programs without cuts", title_justify="left")
    for header in (
        "stage",
        "rows",
        "columns",
        "non-zeros",
        "coefficients",
        "costs",
        "column bounds",
        "row bounds",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    for stage_id, one in stages:
        ranges = (
            one.given.coefficient,
            one.given.cost,
            one.given.column_bound,
            one.given.row_bound,
        )
        sizes = (one.rows, one.columns, one.nonzeros)
        table.add_row(
            str(stage_id),
            *(f"{n:,}" for n in sizes),
            *(f"{low:.0e}..{high:.0e}" for low, high in ranges),
        )
    return table
