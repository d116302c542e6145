"""Measurements as Markdown tables, for people and for the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from headwater_bench.comparison import CONDENSED, ENGINE, Comparison
from headwater_bench.scaling import Scaling
from headwater_bench.training_times import TrainingTimes


def comparison_table(comparison: Comparison) -> str:
    """The three ways side by side."""
    lines = [
        f"{comparison.n_programs} programs of at most {comparison.n_rows} rows and "
        f"{comparison.n_columns} columns, {comparison.n_cuts} cuts; processor time of one thread, "
        f"median of {comparison.repeats}.",
        "",
        "| Way | Time per program | Programs per second | In the engine | In HiGHS | Elsewhere | "
        "Largest difference |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for way in comparison.ways:
        elsewhere = max(0.0, 1.0 - way.kernel_share - way.highs_share)
        lines.append(
            f"| {way.name} | {_time(way.seconds_per_program)} | "
            f"{1.0 / way.seconds_per_program:,.0f} | {way.kernel_share:.0%} | "
            f"{way.highs_share:.0%} | {elsewhere:.0%} | {way.largest_difference:.0e} |"
        )
    lines += ["", f"The engine is {comparison.speed_up():.1f} times as fast as the reference, "]
    lines[-1] += (
        f"{comparison.speed_up(CONDENSED):.1f} times as fast as HiGHS on "
        "the same condensed programs."
    )
    return "\n".join(lines)


def effort_table(comparison: Comparison) -> str:
    """Pivots and programs left to HiGHS by stage."""
    lines = [
        "| Stage | Programs | Pivots per program | Left to HiGHS | Why |",
        "| ---: | ---: | ---: | ---: | --- |",
    ]
    for stage in sorted(comparison.stages, key=lambda one: one.position):
        why = ", ".join(f"{reason} {count}" for reason, count in sorted(stage.reasons.items()))
        lines.append(
            f"| {stage.position} | {stage.solves} | {stage.pivots / stage.solves:.1f} | "
            f"{stage.fallbacks} | {why or '-'} |"
        )
    return "\n".join(lines)


def summary_row(name: str, comparison: Comparison) -> str:
    """One case in a table of cases, see `summary_head`."""
    times = {way.name: way for way in comparison.ways}
    reference, condensed, engine = (way.seconds_per_program for way in comparison.ways)
    pivots = sum(stage.pivots for stage in comparison.stages) / comparison.n_programs
    left: Counter[str] = Counter()
    for stage in comparison.stages:
        left.update(stage.reasons)
    return (
        f"| {name} | {comparison.n_cuts} | {_time(reference)} | {_time(condensed)} | "
        f"{_time(engine)} | {comparison.speed_up():.1f} | {comparison.speed_up(CONDENSED):.1f} | "
        f"{pivots:.1f} | {sum(stage.fallbacks for stage in comparison.stages)} of "
        f"{comparison.n_programs} | {times[ENGINE].largest_difference:.0e} |"
    )


def summary_head() -> str:
    """Head of a table of cases."""
    return (
        "| Case | Cuts | Reference | Condensed | Engine | Against reference | Against condensed | "
        "Pivots | Left to HiGHS | Largest difference |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )


def scaling_report(scaling: Scaling) -> str:
    """Trainings by more and more workers, with what has to be known to read them."""
    parts = ["The same forward passes, shared out:", training_table(scaling.strong)]
    if scaling.weak:
        parts += [
            "As many forward passes for each worker, with programs that grow by their cuts:",
            training_table(scaling.weak),
        ]
    bounds = {one.lower_bound for one in scaling.strong}
    if len(bounds) == 1:
        parts.append(
            "All workers learned the same from the same forward passes: lower bound "
            f"{bounds.pop()!r}."
        )
    else:
        parts.append(
            "WORKERS LEARNED DIFFERENTLY from the same forward passes, which is a defect: "
            f"{sorted(bounds)}."
        )
    crowded = [one for one in scaling.strong if one.workers.total > one.processors]
    if crowded:
        processors = max(one.processors for one in crowded)
        parts.append(
            f"There are {processors} processors. More workers than that take turns: their times "
            "say nothing about scaling."
        )
    return "\n\n".join(parts)


def training_table(times: Sequence[TrainingTimes]) -> str:
    """Whole trainings by their workers, against the first of them."""
    lines = [
        "| Ranks | Threads of each | Forward passes | Training | Programs per second | Against "
        "the first | In engine and HiGHS | Exchanging | Waiting for ranks | Elsewhere |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {one.workers.ranks} | {one.workers.threads} | {one.workers.forward_passes} | "
        f"{one.seconds:.2f} s | {one.programs_per_second:,.0f} | "
        f"{one.programs_per_second / times[0].programs_per_second:.2f} | {one.solver_share:.0%} | "
        f"{one.exchange_share:.1%} | {one.waiting_share:.1%} | {one.elsewhere_share:.0%} |"
        for one in times
    ]
    return "\n".join(lines)


def _time(seconds: float) -> str:
    return f"{1e6 * seconds:,.1f} us" if seconds < 1e-3 else f"{1e3 * seconds:,.2f} ms"
