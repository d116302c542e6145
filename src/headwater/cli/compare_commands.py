"""``headwater compare``: two runs, or a run and what another program answered."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from headwater.cli.consoles import stdout
from headwater.cli.results_commands import print_envelope
from headwater.cli.structured import Form, said
from headwater.core.wording import money

if TYPE_CHECKING:
    from headwater.imports.newave import NewaveComparison
    from headwater.results.comparison import Difference

EXIT_DIFFERENT = 1
_WORDS_OF_A_COMMAND = 3
"""Name of a command and two directories; two words are the directories of two runs."""


class _Comparisons(TyperGroup):
    """Comparisons by name; without a name, of two runs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of a command line."""
        words = [word for word in args if not word.startswith("-")]
        asks = {"-h", "--help"} & set(args)
        named = bool(words) and words[0] in self.commands
        if (not named and words) or (named and len(words) < _WORDS_OF_A_COMMAND and not asks):
            args = ["runs", *args]
        return super().parse_args(ctx, args)


compare_app = typer.Typer(
    name="compare",
    cls=_Comparisons,
    help="Compare two runs, or a run with what NEWAVE answered.",
    no_args_is_help=True,
)


@compare_app.callback()
def _comparisons() -> None:
    """Compare two runs, or a run with what NEWAVE answered.

    `headwater compare A B` is short for `headwater compare runs A B`.
    """


@compare_app.command()
def runs(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="Output directory of a run.", show_default=False)
    ],
    second: Annotated[
        Path, typer.Argument(metavar="B", help="Output directory of another.", show_default=False)
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            help="lower_bound, mean_cost, ... or a table; may be repeated \\[default: all].",
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tol", min=0.0, help="Largest relative difference.")
    ] = 0.0,
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


@compare_app.command()
def newave(
    deck: Annotated[
        Path,
        typer.Argument(
            metavar="DECK", help="Directory or zip file with a NEWAVE deck.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT",
            help="Output directory of a run of the case that was made of it.",
            show_default=False,
        ),
    ],
    outputs: Annotated[
        Path | None,
        typer.Option(
            "--outputs",
            metavar="DIR",
            help="Directory with the output files of NEWAVE \\[default: that of the deck].",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write every month as CSV \\[default: OUTPUT/compare-newave.csv].",
        ),
    ] = None,
) -> None:
    """Set storage, energy and marginal costs of submarkets beside the output files of NEWAVE."""
    from headwater.imports.newave import compare_newave
    from headwater.imports.newave.comparison import COMPARISON_NAME

    found = compare_newave(deck, output, outputs=outputs)
    written = found.write_csv(output / COMPARISON_NAME if file is None else file)
    if said.form is Form.HUMAN:
        show_newave(found, stdout())
        stdout().out(f"every month: {written}")
    else:
        means = found.means().to_dicts()
        data = {
            "table": str(written),
            "read": found.read,
            "missing": found.missing,
            "means": means,
            "bounds": dict(zip(("newave", "headwater"), found.bounds, strict=True)),
        }
        print_envelope(0, data=data, warnings=found.notes)


def show_newave(found: NewaveComparison, console: Console) -> None:
    """Print means of both sides, and what was found and what was not."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "unit", "submarket", "months", "NEWAVE", "Headwater", "difference"):
        right = heading in ("months", "NEWAVE", "Headwater", "difference")
        table.add_column(heading, justify="right" if right else "left")
    before = None
    for row in found.means().to_dicts():
        meaning = row["quantity"].replace("_", " ")
        apart = row["difference_percent"]
        table.add_row(
            *(("", "") if meaning == before else (meaning, row["unit"])),
            Text(row["submarket"]),
            str(row["months"]),
            *("" if row[one] is None else money(row[one]) for one in ("newave", "headwater")),
            "" if apart is None else f"{apart:+.1f} %",
        )
        before = meaning
    console.print(table)
    for line in _said_of_newave(found):
        console.print(Text(line))


def _said_of_newave(found: NewaveComparison) -> Iterator[str]:
    theirs, own = found.bounds
    if theirs is not None and own is not None:
        yield (
            f"lower bound: NEWAVE {money(theirs)} (pmo.dat), Headwater {money(own)}; the models "
            "differ, so that neither need be above the other"
        )
    if found.read:
        yield f"read: {', '.join(found.read)}"
    else:
        yield "no output file of NEWAVE was found: the figures are Headwater's alone"
    for meaning, files in found.missing.items():
        yield f"not found: {meaning} ({files}, or a column of MEDIAS-MERC.CSV)"
    yield from found.notes


def show_differences(found: Sequence[Difference], tolerance: float, console: Console) -> None:
    """Print how far two runs are apart, and a verdict."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "A", "B", "relative difference", "where"):
        table.add_column(
            heading, justify="right" if heading in ("A", "B", "relative difference") else "left"
        )
    for one in found:
        numbers = ("" if value is None else money(value) for value in (one.first, one.second))
        style = "red" if one.relative > tolerance else ""
        table.add_row(
            Text(one.metric),
            *numbers,
            Text(f"{one.relative:.1e}" if one.relative else "0", style),
            Text(one.place),
        )
    console.print(table)
    apart = sum(one.relative > tolerance for one in found)
    if apart:
        console.print(f"{apart} of {len(found)} differ by more than {tolerance:g}")
    elif tolerance:
        console.print(f"the same within {tolerance:g}")
    else:
        console.print("the same")
