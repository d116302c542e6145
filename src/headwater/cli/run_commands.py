"""``headwater run``, ``train`` and ``simulate``.

How they are followed, and what they say at the end.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import headwater as hw
from headwater.cli.arguments import (
    CasePath,
    Output,
    Quiet,
    Resume,
    TableForm,
    Tables,
    Threads,
)
from headwater.cli.consoles import stderr, stdout
from headwater.cli.facts import summary_table, violation_rows
from headwater.cli.memory_limit import warn_of_tight_memory
from headwater.cli.results_commands import print_envelope
from headwater.cli.structured import Form, said
from headwater.core.wording import money
from headwater.distributed import find_communicator, known_communicator
from headwater.errors import EXIT_STOPPED

if TYPE_CHECKING:
    from headwater.sddp.events import EventSink
    from headwater.sddp.training.plan import RunPlan


def run(
    case: CasePath,
    output: Output = None,
    threads: Threads = None,
    resume: Resume = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show how large the run would be.")
    ] = False,
    form: Tables = TableForm.PARQUET,
    quiet: Quiet = False,
) -> int:
    """Train and simulate as the configuration of the case says, and write policy and results."""
    warn_of_tight_memory()
    from headwater.api.runs import run_case

    if dry_run:
        from headwater.sddp.training.plan import plan_run

        show_plan(plan_run(hw.load_case(case)))
        return 0
    find_communicator().agree("headwater run")
    with followed(quiet) as progress:
        result = run_case(case, output, threads=threads, on_event=progress, resume=resume)
    write_tables(result, form)
    show_result(result)
    return EXIT_STOPPED if result.stopped else 0


def train(
    case: CasePath,
    output: Output = None,
    threads: Threads = None,
    resume: Resume = False,
    quiet: Quiet = False,
) -> int:
    """Train a policy and write it to OUTPUT/policy."""
    warn_of_tight_memory()
    from headwater.api.training import run_training

    ranks = find_communicator()
    ranks.agree("headwater train")
    loaded = ranks.together(lambda: hw.load_case(case))
    with followed(quiet) as progress:
        target = output or loaded.root / "output"
        result = run_training(loaded, target, threads=threads, on_event=progress, resume=resume)
    show_result(result)
    return EXIT_STOPPED if result.stopped else 0


def simulate(
    case: CasePath,
    policy: Annotated[
        Path,
        typer.Option(
            "--policy", "-p", help="Policy directory, e.g. CASE/output/policy.", show_default=False
        ),
    ],
    output: Output = None,
    scenarios: Annotated[
        int | None,
        typer.Option(
            "--scenarios", "-n", min=1, help="Number of scenarios \\[default: the case's]."
        ),
    ] = None,
    threads: Threads = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the simulation that was interrupted in the output directory.",
        ),
    ] = False,
    form: Tables = TableForm.PARQUET,
    quiet: Quiet = False,
) -> None:
    """Simulate a case with a stored policy."""
    warn_of_tight_memory()
    from headwater.api.simulation import run_simulation

    ranks = find_communicator()
    ranks.agree("headwater simulate")
    loaded, stored = ranks.together(lambda: (hw.load_case(case), hw.load_policy(policy)))
    with followed(quiet) as progress:
        target = output or loaded.root / "output"
        result = run_simulation(
            loaded,
            stored,
            target,
            n_scenarios=scenarios,
            threads=threads,
            resume=resume,
            on_event=progress,
        )
    write_tables(result, form)
    show_result(result)


@contextmanager
def followed(quiet: bool) -> Iterator[EventSink]:
    """A sink that shows what happens.

    People see it on standard error, programs as lines on standard output.
    """
    from headwater.api.progress import ProgressDisplay
    from headwater.cli.event_lines import EventLines

    with ProgressDisplay(stderr(), quiet=quiet or said.form is not Form.HUMAN) as progress:
        yield EventLines(sys.stdout) if said.form is Form.JSONL else progress


def write_tables(result: hw.RunResult, form: TableForm) -> None:
    """Write the tables of a run that came to its end in another form, where that is asked for."""
    if form is TableForm.CSV and not result.stopped:
        ranks = find_communicator()
        ranks.on_leader(lambda: hw.load_results(result.output_dir).write_csv())


def show_result(result: hw.RunResult) -> None:
    """Say how a run ended and what it found, once for all ranks."""
    if not known_communicator().leads:
        return
    if said.form is not Form.HUMAN:
        from headwater.results.overview import overview
        from headwater.results.run_log import event_record
        from headwater.sddp.events import WarningRaised

        told = (result.policy.training.warnings if result.policy.training else ()) + (
            result.simulation.warnings if result.simulation else ()
        )
        as_records = [event_record(WarningRaised.of(text)) for text in told]
        data = overview(result.output_dir)
        print_envelope(
            EXIT_STOPPED if result.stopped else 0,
            data=data,
            warnings=as_records,
            summary=data["status"],
        )
        return
    console, rows = stdout(), []
    record = result.policy.training
    if record is not None and record.iterations:
        rows.append(
            (
                "lower bound",
                f"{money(result.policy.lower_bound)} after {len(record.iterations)} iterations",
            )
        )
        rows.append(("", record.bound_meaning))
    if result.simulation is not None:
        costs = result.simulation.summary
        rows.append(
            (
                "simulated cost",
                f"{money(costs.mean_cost)} ± {money(costs.ci95)} over "
                f"{len(costs.total_cost)} scenarios",
            )
        )
    if result.stopped:
        rows.append(("stopped", "by a signal; go on with --resume"))
    warnings = (record.warnings if record is not None else ()) + (
        result.simulation.warnings if result.simulation else ()
    )
    rows.extend(("warning", text) for text in warnings)
    if result.simulation is not None:
        rows.extend(
            violation_rows(
                [str(one) for one in result.simulation.violations], "simulation/metadata.json"
            )
        )
    rows.append(("results", str(result.output_dir)))
    console.print(summary_table(rows, ""))


def show_plan(plan: RunPlan) -> None:
    """Say how large a run would be."""
    if said.form is Form.HUMAN:
        stdout().print(summary_table(plan_rows(plan), ""))
    else:
        print_envelope(0, data=dataclasses.asdict(plan))


def plan_rows(plan: RunPlan) -> list[tuple[str, str]]:
    """How large a run would be, as facts."""
    rows = [
        ("stages", f"{plan.n_stages}, {plan.n_state} state components"),
        (
            "largest program",
            f"{plan.rows:,} rows, {plan.columns:,} columns, "
            f"{plan.nonzeros:,} non-zeros, without cuts",
        ),
    ]
    if plan.iterations:
        problems = plan.problems_per_iteration
        rows += [
            (
                "training",
                f"at most {plan.iterations:,} iterations of {plan.forward_passes} trajectories",
            ),
            ("problems", f"{problems:,} in an iteration, {plan.iterations * problems:,} in all"),
            (
                "cuts",
                f"at most {plan.cuts_per_stage:,} for a stage, {plan.cut_megabytes:,.1f} MB in all",
            ),
        ]
    if plan.scenarios:
        rows += [
            ("simulation", f"{plan.scenarios:,} scenarios, {plan.simulated_problems:,} problems"),
            (
                "tables",
                f"written by {plan.part_scenarios} scenarios, about "
                f"{plan.part_megabytes:,.1f} MB each in memory",
            ),
        ]
    return rows
