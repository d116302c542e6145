"""Commands that make cases of what other programs read: ``headwater import newave``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.consoles import stdout

import_app = typer.Typer(
    name="import", help="Make a case of a study of another program.", no_args_is_help=True
)


@import_app.callback()
def _imports() -> None:
    """Make a case of a study of another program."""


@import_app.command()
def newave(
    deck: Annotated[
        Path,
        typer.Argument(
            metavar="DECK", help="Directory or zip file with a NEWAVE deck.", show_default=False
        ),
    ],
    case: Annotated[
        Path, typer.Argument(metavar="CASE", help="New case directory.", show_default=False)
    ],
    forward_passes: Annotated[
        int,
        typer.Option("--forward-passes", min=1, help="Trajectories of an iteration of training."),
    ] = 8,
    iterations: Annotated[
        int | None,
        typer.Option(
            "--iterations", min=1, help="Largest number of iterations \\[default: the deck's]."
        ),
    ] = None,
    scenarios: Annotated[
        int | None,
        typer.Option(
            "--scenarios", min=1, help="Scenarios of the simulation \\[default: the deck's]."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a directory that is not empty.")
    ] = False,
) -> None:
    """Make a case of individual plants from a NEWAVE deck, and say what became of its files."""
    from headwater.cli.import_display import show_import
    from headwater.imports.newave import import_newave

    made = import_newave(
        deck,
        case,
        forward_passes=forward_passes,
        iterations=iterations,
        scenarios=scenarios,
        force=force,
    )
    show_import(made, stdout())
