"""``headwater policy``.

Look into a stored policy, verify it, ask it for values, export it, compare it with a case.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import headwater as hw
from headwater.cli.consoles import JsonOrHuman, stdout
from headwater.cli.facts import summary_table
from headwater.core.wording import money
from headwater.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from headwater.policy import CheckpointReport, PolicyCheck
    from headwater.sddp import Policy

policy_app = typer.Typer(name="policy", help="Look into a stored policy.", no_args_is_help=True)

MAY_DIFFER = "loads, limits, costs, openings, block hours, network, thermal plants, horizon"
MUST_AGREE = (
    "hydros, inflow lags, inflow models and production functions of the mapped stages, plants "
    "dispatched ahead"
)

PolicyPath = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", help="Policy directory, e.g. CASE/output/policy.", show_default=False
    ),
]
Format = Annotated[JsonOrHuman, typer.Option("--format", help="human or json.")]
Regime = Annotated[
    str | None,
    typer.Option(
        "--regime",
        help="Regime whose cuts are meant, in a policy with regimes.",
        show_default=False,
    ),
]


def _of_regime(policy: hw.Policy, regime: str | None) -> hw.Policy:
    """The policy of a regime, or the whole of one without regimes.

    Raises:
        UsageError: there is no such regime, or there are some and none is named.
    """
    try:
        return policy.in_regime(regime)
    except UsageError as error:
        text = str(error).replace("policy.in_regime(NAME)", "--regime")
        raise UsageError(text) from None


@policy_app.command()
def inspect(
    directory: PolicyPath,
    stage: Annotated[
        int | None, typer.Option("--stage", help="Also show the cuts of a stage.")
    ] = None,
    top: Annotated[
        int,
        typer.Option("--top", min=1, help="How many of them: those that were binding most often."),
    ] = 10,
    regime: Regime = None,
    form: Format = JsonOrHuman.HUMAN,
) -> None:
    """Show what a policy is.

    When it was made, how far its training came, how many cuts every stage has.
    """
    from headwater.policy import latest_facts

    whole, facts = hw.load_policy(directory), latest_facts(directory)
    policy = _of_regime(whole, regime)
    stages = [_stage_facts(policy, position) for position in range(len(policy.stages))]
    cuts = (
        None
        if stage is None
        else policy.cuts(stage)
        .frame()
        .sort("times_binding", "slot", descending=[True, False])
        .head(top)
    )
    if form is JsonOrHuman.JSON:
        shown: dict[str, Any] = {**facts, "state": policy.layout.describe(), "stages": stages}
        stdout().out(
            json.dumps(
                shown if cuts is None else {**shown, "cuts": cuts.to_dicts()}, indent=2, default=str
            )
        )
        return
    console = stdout()
    console.print(summary_table(_described(policy, facts), ""))
    console.print(
        _table(
            ("stage", "from", "cuts", "active", "not proven", "largest slope", "largest intercept"),
            stages,
        )
    )
    if cuts is not None:
        head = cuts.columns[:15]
        console.print(
            _table(
                head,
                [{name: row[name] for name in head} for row in cuts.to_dicts()],
                f"cuts of stage {stage}",
            )
        )


def _described(policy: hw.Policy, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of what stands above the tables of a policy."""
    layout = policy.layout
    n_hydros, n_lags = layout.size("storage"), layout.block("inflow_lag").depth
    return [
        (
            "checkpoint",
            f"{facts['checkpoint']}, made {facts['created_at']} by Headwater "
            f"{facts['headwater_version']}",
        ),
        (
            "training",
            f"{facts['n_iterations']} iterations, {facts['status']}"
            + (", can be resumed" if facts["resumable"] else ""),
        ),
        ("lower bound", money(policy.lower_bound)),
        (
            "state",
            f"{layout.dimension} components: {n_hydros} hydros, {n_lags} inflow lags",
        ),
        (
            "stages",
            f"{len(policy.stages)}, from {policy.stages[0].start_date} to "
            f"{policy.stages[-1].end_date}",
        ),
        *((name, str(value)) for name, value in policy.provenance.items()),
    ]


@policy_app.command()
def verify(directory: PolicyPath, form: Format = JsonOrHuman.HUMAN) -> int:
    """Read every byte of every checkpoint and say whether it is as it was written."""
    reports = hw.verify_policy(directory)
    newest = next((report for report in reports if report.is_latest), None)
    if form is JsonOrHuman.JSON:
        stdout().out(json.dumps([_report_facts(report) for report in reports], indent=2))
    else:
        rows = [_report_facts(report) for report in reports]
        stdout().print(
            _table(("checkpoint", "latest", "iterations", "files", "MB", "verdict"), rows)
        )
    return 0 if newest is not None and newest.is_sound else PolicyError.exit_code


@policy_app.command()
def export(
    directory: PolicyPath,
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="New directory for Parquet tables, or a file FILE.json."
        ),
    ],
    inactive: Annotated[
        bool, typer.Option("--inactive", help="Include cuts that were deactivated.")
    ] = False,
    regime: Regime = None,
) -> None:
    """Write the cuts as tables that other programs read."""
    policy = _of_regime(hw.load_policy(directory), regime)
    hw.export_policy(policy, target, inactive=inactive)
    n_cuts = sum(
        pool.n_populated if inactive else len(pool.active_slots()) for pool in policy.pools
    )
    stdout().print(f"{n_cuts} cuts of {len(policy.stages)} stages in {target}", markup=False)


@policy_app.command()
def evaluate(
    directory: PolicyPath,
    stage: Annotated[
        str,
        typer.Option(
            "--stage",
            help="Stage that ends in the state: its id, or a date such as 2027-02.",
            show_default=False,
        ),
    ],
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Storage of a plant, e.g. Ridge=120, or a component: "
            "inflow_3_lag_1=45; give several.",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", help="JSON file: an object of values by component, or a list of all."
        ),
    ] = None,
    otherwise: Annotated[
        float | None,
        typer.Option(
            "--otherwise", help="Value of components that are not given \\[default: all must be]."
        ),
    ] = None,
    regime: Regime = None,
    form: Format = JsonOrHuman.HUMAN,
) -> None:
    """Say what the future costs, and what water is worth, when a stage ends in some state."""
    policy = _of_regime(hw.load_policy(directory), regime)
    vector = _state_of(policy, values or [], state, otherwise)
    value, water = policy.value(stage, vector), policy.water_values(stage, vector)
    stage_id = policy.stages[policy.stage_position(stage)].stage_id
    worth = {
        str(hydro_id): float(w)
        for hydro_id, w in zip(policy.layout.block("storage").ids, water, strict=True)
    }
    if form is JsonOrHuman.JSON:
        named = dict(zip(policy.layout.names, vector.tolist(), strict=True))
        finite = value if math.isfinite(value) else None
        stdout().out(
            json.dumps(
                {"stage_id": stage_id, "state": named, "value": finite, "water_values": worth},
                indent=2,
            )
        )
        return
    console = stdout()
    console.print(summary_table([(f"future cost after stage {stage_id}", f"{money(value)} $")], ""))
    rows = [
        {"hydro": label, "storage, hm3": f"{held:,.2f}", "$/hm3": f"{w:,.4f}"}
        for label, held, w in zip(
            policy.hydro_labels, vector.tolist(), worth.values(), strict=False
        )
    ]
    console.print(_table(("hydro", "storage, hm3", "$/hm3"), rows, "water values"))


@policy_app.command()
def check(
    directory: Annotated[
        Path, typer.Argument(metavar="POLICY", help="Policy directory.", show_default=False)
    ],
    case: Annotated[
        Path, typer.Argument(metavar="CASE", help="Case directory.", show_default=False)
    ],
    shift: Annotated[
        int | None,
        typer.Option(
            "--shift",
            help="Stages that the horizon has moved on \\[default: policy.stage_map of the case].",
        ),
    ] = None,
    form: Format = JsonOrHuman.HUMAN,
) -> int:
    """Say what a policy may be used for in a case: simulated with, gone on with, started from.

    For each use that is not possible the reasons are listed.
    """
    found = hw.check_policy(hw.load_policy(directory), hw.load_case(case), shift=shift)
    if form is JsonOrHuman.JSON:
        stdout().out(json.dumps(found.to_json(), indent=2))
    else:
        _show_check(found, stdout())
    return 0 if not found.warm_start else PolicyError.exit_code


def _show_check(found: PolicyCheck, console: Console) -> None:
    uses = (
        ("simulation", found.simulation),
        ("resume", found.resume),
        ("warm start", found.warm_start),
    )
    for use, obstacles in uses:
        verdict = Text("no", "red") if obstacles else Text("yes", "green")
        console.print(Text.assemble((f"{use}: ", "bold"), verdict))
        for obstacle in obstacles:
            console.print(Text(f"  {obstacle}"))
    for note in found.notes:
        console.print(Text.assemble(("note: ", "dim"), note))
    console.print(
        Text(f"for a warm start must agree: {MUST_AGREE}; may differ: {MAY_DIFFER}", "dim")
    )


def _state_of(
    policy: Policy, settings: list[str], file: Path | None, otherwise: float | None
) -> Any:
    given: dict[str, float] = {}
    if file is not None:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise typer.BadParameter(
                f"{file} is not JSON ({error})", param_hint="--state"
            ) from None
        if isinstance(content, list):
            import numpy as np

            return np.array([_number(value, str(file)) for value in content])
        if not isinstance(content, dict):
            raise typer.BadParameter(
                f"{file} holds neither an object nor a list", param_hint="--state"
            )
        given = {str(name): _number(value, str(file)) for name, value in content.items()}
    for setting in settings:
        name, _, value = setting.partition("=")
        given[name.strip()] = _number(value, setting)
    return policy.state(given, otherwise)


def _number(value: object, where: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    if not math.isfinite(number):
        raise typer.BadParameter(f"{where}: '{value}' is not a finite number")
    return number


def _stage_facts(policy: Policy, position: int) -> dict[str, Any]:
    stage, pool = policy.stages[position], policy.pools[position]
    slots = pool.active_slots()
    return {
        "stage": stage.stage_id,
        "from": stage.start_date.isoformat(),
        "cuts": pool.n_populated,
        "active": len(slots),
        "not proven": int(pool.unproven[slots].sum()),
        "largest slope": float(abs(pool.coefficients[slots]).max(initial=0.0)),
        "largest intercept": float(abs(pool.intercepts[slots]).max(initial=0.0)),
    }


def _report_facts(report: CheckpointReport) -> dict[str, Any]:
    return {
        "checkpoint": report.path.name,
        "latest": report.is_latest,
        "iterations": report.metadata.get("n_iterations"),
        "files": report.n_files,
        "MB": round(report.n_bytes / 1e6, 1),
        "verdict": report.problem or "sound",
    }


def _table(
    headings: tuple[str, ...] | list[str], rows: list[dict[str, Any]], title: str | None = None
) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(
            Text(heading),
            justify="left" if heading in ("checkpoint", "verdict") else "right",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(_shown(row[heading])) for heading in headings))
    return table


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:,.6g}"
    return "" if value is None else str(value)
