"""What a case consists of, as text."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from headwater.cli.progress import summary_table
from headwater.lp import ProgramStatistics
from headwater.model import Study
from headwater.sddp.problems import build_problems

_KINDS = ("buses", "lines", "hydros", "thermals", "pumping_stations", "contracts", "non_controllables", "generic_constraints")


def show_case(study: Study, console: Console, *, programs: bool) -> None:
    """Print the parts of a study, and with ``programs`` the statistics of its stage programs."""
    system = study.system
    first, last = system.stages[0], system.stages[-1]
    rows = [("stages", f"{len(system.stages)} from {first.start_date} to {last.end_date}")]
    rows.append(("openings", f"{min(s.n_openings for s in system.stages)} to {max(s.n_openings for s in system.stages)}"))
    rows.extend((kind.replace("_", " "), str(len(getattr(system, kind)))) for kind in _KINDS if getattr(system, kind))
    console.print(summary_table(rows, study.name))
    if programs:
        problems = build_problems(study)
        console.print(f"{problems.layout.dimension} state components")
        stages = zip(system.stages, problems.stage_statistics(), strict=True)
        console.print(_programs_table([(stage.id, statistics) for stage, statistics in stages]))


def _programs_table(stages: list[tuple[int, ProgramStatistics]]) -> Table:
    table = Table(title="stage programs without cuts", title_justify="left")
    for header in ("stage", "rows", "columns", "non-zeros", "coefficients", "costs", "column bounds", "row bounds"):
        table.add_column(header, justify="right", no_wrap=True)
    for stage_id, one in stages:
        ranges = (one.coefficient_range, one.cost_range, one.bound_range, one.rhs_range)
        sizes = (one.rows, one.columns, one.nonzeros)
        table.add_row(str(stage_id), *(f"{n:,}" for n in sizes), *(f"{low:.0e}..{high:.0e}" for low, high in ranges))
    return table
