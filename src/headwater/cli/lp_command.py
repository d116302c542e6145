"""``headwater lp``: the linear program of a stage.

It is written to a file, or read from one and looked into.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import headwater as hw
from headwater.cli.consoles import stdout
from headwater.cli.facts import summary_table
from headwater.cli.results_commands import print_envelope
from headwater.cli.structured import Form, said
from headwater.core.wording import money

if TYPE_CHECKING:
    from headwater.lp.diagnosis import Diagnosis

SHOWN_COSTS = 8
"""Costs that are shown, the dearest first."""

_PROGRAMS = "stage-*.mps"
_FAILURE = "failure"


ProgramFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="File to write; its suffix, .lp or .mps, says how.",
        show_default=False,
    ),
]


def lp(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CASE|FILE",
            help="Case directory; or a program in a file, FILE.mps, or in a "
            "directory, such as OUTPUT/failure.",
            show_default=False,
        ),
    ],
    stage: Annotated[
        int | None, typer.Option("--stage", help="Id of the stage.", show_default=False)
    ] = None,
    out: ProgramFile = None,
    scenario: Annotated[
        int | None,
        typer.Option(
            "--scenario", min=0, help="Simulated scenario \\[default: mean of all noise]."
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy", "-p", help="Policy whose cuts to include \\[default: no future cost]."
        ),
    ] = None,
) -> None:
    """Write the linear program of a stage as the scenario meets it there.

    Or say what is in such a file and why it fails.
    """
    saved = _saved_program(source, stage)
    if saved is not None:
        for option, given in (("--scenario", scenario), ("--policy", policy)):
            if given is not None:
                raise typer.BadParameter(
                    f"{saved} holds one program; this option belongs to a case", param_hint=option
                )
        _look_into(saved, out)
        return
    if stage is None or out is None:
        if not source.exists():
            raise typer.BadParameter(
                f"there is no case and no file at {source}", param_hint="CASE|FILE"
            )
        if not (source / "config.json").is_file():
            raise typer.BadParameter(
                f"{source} is not a case and holds no program ({_PROGRAMS})", param_hint="CASE|FILE"
            )
        missing = "--stage" if stage is None else "--output"
        raise typer.BadParameter(
            "a case needs --stage and --output: which program to write, and where",
            param_hint=missing,
        )
    stored = None if policy is None else hw.load_policy(policy)
    program = hw.stage_program(hw.load_case(source), stage, scenario=scenario, policy=stored)
    hw.write_program(program, out)
    stdout().print(f"{out}: {len(program.rows)} rows, {len(program.columns)} columns", markup=False)


def _saved_program(source: Path, stage: int | None) -> Path | None:
    """The file of a program that is meant; ``None`` where it is not about a file."""
    if source.is_file():
        if source.suffix.lower() != ".mps":
            raise typer.BadParameter(
                f"{source} does not end in .mps: programs are read in free MPS",
                param_hint="CASE|FILE",
            )
        if stage is not None:
            raise typer.BadParameter(f"{source} holds one program", param_hint="--stage")
        return source
    if not source.is_dir() or (source / "config.json").is_file():
        return None
    for directory in (source, source / _FAILURE):
        found = sorted(directory.glob(_PROGRAMS), key=lambda path: path.stat().st_mtime)
        if not found:
            continue
        if stage is None:
            return found[-1]
        chosen = directory / f"stage-{stage}.mps"
        if chosen not in found:
            there = ", ".join(sorted(path.name for path in found))
            raise typer.BadParameter(
                f"{directory} has no program of stage {stage}; it has {there}", param_hint="--stage"
            )
        return chosen
    return None


def _look_into(path: Path, out: Path | None) -> None:
    """Show what a file holds, and write it in another form where that is asked for."""
    program = hw.read_program(path)
    if out is not None:
        hw.write_program(program, out)
    found, recorded = hw.diagnose_program(program), _recorded(path.with_suffix(".json"))
    basis = path.with_suffix(".bas")
    if basis.is_file():
        from headwater.lp import read_basis

        read_basis(basis, program)
    if said.form is not Form.HUMAN:
        data = {"file": str(path), **dataclasses.asdict(found), "recorded": recorded}
        print_envelope(0, data=data, summary=found.outcome)
        return
    rows = [("file", str(path)), *_size(found), *_outcome(found), *_attempts(recorded)]
    if basis.is_file():
        rows.append(("basis", f"{basis}, the last that the solver held"))
    if out is not None:
        rows.append(("written", str(out)))
    stdout().print(summary_table(rows, found.title))


def _recorded(path: Path) -> dict[str, Any] | None:
    """What a run recorded beside the program, if it can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _size(found: Diagnosis) -> list[tuple[str, str]]:
    ranges = dataclasses.asdict(found.ranges)
    words = {
        "coefficient": "coefficients",
        "cost": "costs",
        "column_bound": "limits of columns",
        "row_bound": "limits of rows",
    }
    spans = (
        f"{words[name]} {low:.3g} to {high:.3g}" for name, (low, high) in ranges.items() if high
    )
    return [
        ("size", f"{found.rows:,} rows, {found.columns:,} columns, {found.nonzeros:,} non-zeros"),
        ("numbers", "; ".join(spans)),
    ]


def _outcome(found: Diagnosis) -> list[tuple[str, str]]:
    if found.infeasible is not None:
        why = dataclasses.replace(found.infeasible, remedies=())
        return [
            ("outcome", f"infeasible: {why}"),
            *(("what helps", text) for text in found.infeasible.remedies),
        ]
    if found.outcome == "unbounded":
        return [("outcome", f"unbounded: {found.unbounded}")]
    if found.optimum is None:
        return [
            ("outcome", "no answer: neither an optimum nor a reason why there is none was found")
        ]
    rows = [("outcome", f"optimal, {money(found.optimum)} $")]
    for label, violations in (("costs most", False), ("does not hold", True)):
        costs = [one for one in found.costs if one.is_violation is violations]
        for i, one in enumerate(costs[:SHOWN_COSTS]):
            value = f"{one.value:,.6g}{' ' + one.unit if one.unit else ''}"
            rows.append((label if i == 0 else "", f"{money(one.cost)} $   {one.words}: {value}"))
        if len(costs) > SHOWN_COSTS:
            rest = sum(one.cost for one in costs[SHOWN_COSTS:])
            rows.append(("", f"{money(rest)} $   {len(costs) - SHOWN_COSTS} more"))
    return rows


def _attempts(recorded: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What the run had tried, where that is recorded."""
    rows: list[tuple[str, str]] = []
    for one in (recorded or {}).get("attempts") or ():
        if not isinstance(one, dict):
            continue
        bound, gap = one.get("bound"), one.get("gap")
        known = (
            ""
            if bound is None
            else f", bound {money(bound)} $" + ("" if gap is None else f", gap {gap:.3g} $")
        )
        rows.append((f"attempt {len(rows) + 1}", f"{one.get('by')}: {one.get('outcome')}{known}"))
    return rows
