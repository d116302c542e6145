"""``headwater extensive``: the optimum of a small study, found without training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

import headwater as hw
from headwater.cli.arguments import CasePath
from headwater.cli.consoles import stdout
from headwater.cli.facts import summary_table
from headwater.cli.results_commands import print_envelope
from headwater.cli.structured import Form, said
from headwater.core.wording import money


def extensive(
    case: CasePath,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            "-p",
            help="Stored policy whose bound is compared with it.",
            show_default=False,
        ),
    ] = None,
    max_columns: Annotated[
        int | None,
        typer.Option(
            "--max-columns",
            min=1,
            help="Columns that the program may have at most; by default some hundred thousand.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Solve a small study as one linear program over its whole opening tree, to check training."""
    study = hw.load_case(case)
    stored = None if policy is None else hw.load_policy(policy, study)
    limit = {} if max_columns is None else {"max_columns": max_columns}
    found = hw.extensive_form(study, **limit)
    bound = None if stored is None else stored.lower_bound
    below = None if bound is None else (found.cost - bound) / max(abs(found.cost), 1.0)
    if said.form is not Form.HUMAN:
        data: dict[str, Any] = {**dataclasses.asdict(found), "lower_bound": bound, "gap": below}
        print_envelope(0, data=data)
        return
    rows = [
        ("optimal cost", money(found.cost)),
        ("opening tree", f"{found.n_nodes:,} nodes"),
        ("program", f"{found.n_rows:,} rows, {found.n_columns:,} columns"),
        ("time", f"{found.seconds:.1f} s"),
    ]
    if bound is not None and below is not None:
        rows += [
            ("bound of the policy", money(bound)),
            ("which lies below it by", f"{below:.2%}" if below >= 1e-3 else f"{below:.1e}"),
        ]
    stdout().print(summary_table(rows, ""))
