"""``headwater fit`` and ``headwater scenarios``: the random future of a case."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import headwater as hw
from headwater.cli.arguments import CasePath
from headwater.cli.consoles import stdout
from headwater.cli.facts import summary_table


class ScenarioKind(StrEnum):
    """What the scenarios command writes."""

    OPENINGS = "openings"
    TRAINING = "training"
    SIMULATION = "simulation"


def fit(
    case: CasePath,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Where to write the model \\[default: CASE/output/fit]."
        ),
    ] = None,
    pictures: Annotated[
        bool,
        typer.Option("--pictures/--no-pictures", help="Draw history and model (needs plotly)."),
    ] = True,
) -> None:
    """Estimate the inflow model from history and write it as tables.

    A case can take them as input.
    """
    from headwater.report.drawing import MISSING_PLOTLY

    loaded = hw.load_case(case)
    result = hw.fit(loaded, output or loaded.root / "output" / "fit", pictures=pictures)
    found = result.uncertainty
    orders = sorted(found.inflow.order.ravel().tolist())
    counts = ", ".join(f"{orders.count(order)} of order {order}" for order in dict.fromkeys(orders))
    rows = [
        (
            "estimated",
            ", ".join(
                part for part, source in found.estimation.sources.items() if source == "estimated"
            )
            or "nothing",
        ),
        ("hydros", str(len(found.system.hydros))),
        ("equations", counts),
        *(("warning", text) for text in found.warnings),
        ("model", str(result.directory)),
        (
            "pictures",
            str(result.pictures)
            if result.pictures
            else (MISSING_PLOTLY if pictures else "not asked for"),
        ),
    ]
    stdout().print(summary_table(rows, ""))


def scenarios(
    case: CasePath,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File to write, .parquet or .csv.", show_default=False),
    ],
    kind: Annotated[
        ScenarioKind, typer.Option("--kind", "-k", help="openings, training or simulation.")
    ] = ScenarioKind.OPENINGS,
    number: Annotated[
        int | None,
        typer.Option(
            "--scenarios", "-n", min=1, help="Number of trajectories \\[default: the case's]."
        ),
    ] = None,
    iteration: Annotated[int, typer.Option("--iteration", min=1, help="Training iteration.")] = 1,
) -> None:
    """Write the openings of a case as a table.

    Or the trajectories that training or simulation would draw.
    """
    if output.suffix not in (".parquet", ".csv"):
        raise typer.BadParameter(
            f"'{output}' ends neither in .parquet nor in .csv", param_hint="--output"
        )
    table = hw.scenarios(hw.load_case(case), kind.value, n_scenarios=number, iteration=iteration)
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix == ".csv":
        table.write_csv(output)
    else:
        table.write_parquet(output)
    stdout().print(f"{table.height} rows in {output}", markup=False)
