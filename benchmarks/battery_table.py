"""What the battery found, as Markdown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from isolated import Record
from strangers import command_of

ROUNDING = 1e-9
"""A bound that lies below an earlier one by no more than this share of it has not fallen."""

EXACTLY = 1e-7
"""How near a converged bound lies to the extensive form, relatively."""

LEFT_GOAL = 1e-3
"""Share of linear programs that may leave the kernel."""

_HEADS = (
    "run", "finished", "error", "time limit", "crashed", "not a number", "bound fell",
    "bound wrong", "LPs", "left the kernel, of 1,000", "runs above 1 in 1,000", "attempts",
    "relaxed", "longest, s",
)  # fmt: skip


def faults(record: Record) -> list[str]:
    """What is wrong with a run, in words; nothing where it passes."""
    found = []
    if record["outcome"] != "finished":
        found.append(record["outcome"])
    if record.get("not_finite"):
        found.append("not a number")
    if record.get("largest_fall", 0.0) > ROUNDING:
        found.append(f"bound falls by {record['largest_fall']:.1e}")
    if abs(record.get("off_optimum", 0.0)) > EXACTLY:
        found.append(f"bound off by {record['off_optimum']:+.1e}")
    return found


def summary(records: Iterable[Record]) -> str:
    """Tables of all groups, of gaps, and of every run that failed."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["recipe"]["group"], []).append(record)
    if not groups:
        return "nothing has run yet"
    everything = [record for group in groups.values() for record in group]
    rows = [*groups.items()] if len(groups) == 1 else [*groups.items(), ("all", everything)]
    return "\n".join(
        [
            "| Systems | " + " | ".join(_HEADS) + " |",
            "| --- |" + " ---: |" * len(_HEADS),
            *(_row(name, group) for name, group in rows),
            "",
            *_gaps(rows),
            *_reasons(everything),
            *_failures(everything),
        ]
    )


def _total(group: list[Record], key: str) -> int:
    return sum(record.get(key) or 0 for record in group)


def _row(name: str, group: list[Record]) -> str:
    outcomes = Counter(record["outcome"] for record in group)
    counted = [record for record in group if "fallbacks" in record]
    solves, left = _total(counted, "solves"), _total(counted, "fallbacks")
    above = sum(record["fallbacks"] > LEFT_GOAL * record["solves"] for record in counted)
    cells = (
        name, len(group), outcomes["finished"], outcomes["error"] + outcomes["not loaded"],
        outcomes["time limit"], outcomes["crashed"],
        sum(bool(record.get("not_finite")) for record in group),
        sum(record.get("largest_fall", 0.0) > ROUNDING for record in group),
        sum(abs(record.get("off_optimum", 0.0)) > EXACTLY for record in group),
        f"{_total(group, 'solves'):,}", f"{1000 * left / solves:.2f}" if solves else "-", above,
        f"{_total(counted, 'attempts'):,}", _total(counted, "relaxed"),
        f"{max((one.get('seconds', one['wall_seconds']) for one in group), default=0.0):.0f}",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _gaps(rows: list[tuple[str, list[Record]]]) -> Iterator[str]:
    if not any(record.get("gaps") for _, group in rows for record in group):
        yield "This version records no gaps.\n"
        return
    yield (
        "| Systems | LPs above tolerance | median of the largest gap, $ | largest gap, $ | "
        "largest share of the bound |"
    )
    yield "| --- |" + " ---: |" * 4
    for name, group in rows:
        gaps = [record["gaps"] for record in group if record.get("gaps")]
        largest = sorted(gap["largest"] for gap in gaps) or [math.nan]
        shares = [gap["share_of_bound"] for gap in gaps if math.isfinite(gap["share_of_bound"])]
        count = sum(gap["above_tolerance"] for gap in gaps)
        yield (
            f"| {name} | {count} | {largest[len(largest) // 2]:.2g} | {largest[-1]:.2g} | "
            f"{max(shares, default=0.0):.1e} |"
        )
    yield ""


def _reasons(records: list[Record]) -> Iterator[str]:
    total: Counter[str] = Counter()
    for record in records:
        total.update(record.get("reasons") or {})
    if total:
        yield "Why programs left the kernel, and the attempts that solved them:\n"
        yield from (f"* {reason}: {count:,}" for reason, count in total.most_common(20))
        yield ""


def _failures(records: list[Record]) -> Iterator[str]:
    failed = [(record, found) for record in records if (found := faults(record))]
    if not failed:
        yield "Every run finished and no bound fell."
        return
    yield "| System | What | After iteration | How | Made by |"
    yield "| --- | --- | ---: | --- | --- |"
    for record, found in sorted(failed, key=lambda pair: pair[0]["name"]):
        reached = record.get("iterations") or (record.get("progress") or {}).get("iteration", 0)
        text = " ".join(str(record.get("error", "")).split()).replace("|", "/")[:240]
        yield (
            f"| {record['name']} | {', '.join(found)} | {reached} | {text} | "
            f"`{command_of(record['recipe'])}` |"
        )
