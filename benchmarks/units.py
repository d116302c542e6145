"""Whether units matter.

Cases with all costs, or all volumes and flows, multiplied by 2^k and 10^k, and what that changes.

    python benchmarks/units.py --out units.jsonl --jobs 2           some hours
    python benchmarks/units.py --out quick.jsonl --quick            minutes
    python benchmarks/units.py --out units.jsonl --only 'subsystems*'
    python benchmarks/units.py --case DIR                           a case of your own besides

Without options: starter cases, a planner's case, two strangers and two small systems that converge.


A power of two must give the same bytes after scaling back: bounds, simulated costs and every cut. A
power of ten must give bounds within 1e-4 on the way and 1e-9 at convergence, and no more programs
that leave the kernel. Every run adds a line of JSON to the file; a file that exists is gone on
with. Exit code 1: units matter somewhere.
"""

from __future__ import annotations

import argparse
import fnmatch
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from headwater.case import TEMPLATES, write_starter
from isolated import Record, read_lines, run_all, run_until, warm_up
from strangers import ROOT, generators_are_there, seed_of, write_case

ON_THE_WAY, CONVERGED = 1e-4, 1e-9
UNSCALED = "1"
STRANGERS = (
    {
        "hydros": 12,
        "lags": 3,
        "blocks": 3,
        "stages": 12,
        "openings": 10,
        "thermals": 60,
        "load": 0.6,
        "forward": 4,
    },
    {
        "hydros": 20,
        "lags": 6,
        "blocks": 1,
        "stages": 12,
        "openings": 10,
        "thermals": 30,
        "load": 1.2,
        "forward": 4,
    },
)


def write_systems(root: Path, iterations: int, *, quick: bool) -> dict[str, tuple[Path, int]]:
    """Name -> case directory and most iterations of every system of the table."""
    systems = {name: (write_starter(root / name, name), 2 * iterations) for name in TEMPLATES}
    sys.path.insert(0, str(ROOT / "tests"))
    from small_strangers import drawn

    for number in (1, 2):
        seed = seed_of("units", "small", number)
        systems[f"small-{seed}"] = drawn(seed).write(root / f"small-{seed}"), 400
    if not generators_are_there():
        print(
            "without the generators there are no strangers and no planner's case in the table",
            file=sys.stderr,
        )
        return systems
    for options in STRANGERS:
        seed = seed_of("units", options["hydros"])
        recipe = {
            "kind": "make_case",
            "options": {**options, "seed": seed, "iterations": iterations},
        }
        name = f"make-{options['hydros']:03d}h-{seed}"
        systems[name] = write_case(recipe, root / name), iterations
    sizes = {"rivers": 2, "stages": 6} if quick else {"rivers": 8, "stages": 24}
    recipe = {"kind": "planner", "options": {"seed": 1, "iterations": 10, **sizes}}
    systems["planner"] = write_case(recipe, root / "planner"), min(iterations, 10)
    return systems


def factors(*, step: int, quick: bool) -> Iterator[tuple[str, float]]:
    """Names and values of the factors, 1 first."""
    yield UNSCALED, 1.0
    for k in (-20, -3, 7, 20) if quick else range(-20, 21, step):
        if k:
            yield f"2^{k}", 2.0**k
    for k in (-6, -2, 3, 6) if quick else range(-6, 7):
        if k:
            yield f"10^{k}", 10.0**k


def recipes_of(systems: dict[str, tuple[Path, int]], *, step: int, quick: bool) -> Iterator[Record]:
    for system, (directory, iterations) in systems.items():
        for what in ("costs", "water"):
            for name, factor in factors(step=step, quick=quick):
                if name == UNSCALED and what == "water":
                    continue
                money, water = (factor, 1.0) if what == "costs" else (1.0, factor)
                yield {
                    "name": f"{system}/{what}/{name}", "system": system, "what": what,
                    "factor": name, "case": str(directory), "money": money, "water": water,
                    "iterations": iterations,
                }  # fmt: skip


def judge(record: Record, base: Record) -> list[str]:
    """What a factor changed that it must not, in words."""
    if record["outcome"] != "finished" or base["outcome"] != "finished":
        return [] if base["outcome"] == record["outcome"] else [record["outcome"]]
    found = []
    if record["recipe"]["factor"].startswith("2^") and record["digest"] != base["digest"]:
        found.append("other bytes")
    along, last = differences(record, base)
    if along > ON_THE_WAY:
        found.append(f"bounds differ by {along:.1e}")
    if base["converged"] and last > CONVERGED:
        found.append(f"converged bound differs by {last:.1e}")
    if record["fallbacks"] > base["fallbacks"]:
        found.append(f"{record['fallbacks']} programs left the kernel, {base['fallbacks']} before")
    return found


def differences(record: Record, base: Record) -> tuple[float, float]:
    """Largest relative difference of the bounds of one iteration, and that of the last bounds."""
    size = max(map(abs, base["bounds"]))
    pairs = zip(record["bounds"], base["bounds"], strict=False)
    last = abs(record["bounds"][-1] - base["bounds"][-1])
    return max(abs(a - b) for a, b in pairs) / size, last / size


def table(records: dict[str, Record]) -> str:
    """One row for each system, kind of number and kind of factor.

    Then every factor that changed something.
    """
    lines = [
        "| System | Multiplied | Factors | LPs | left the kernel, unscaled | most with a factor | "
        "bounds differ at most, on the way | at the end | other bytes | did not finish | Verdict |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    wrong = []
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in records.values():
        asked = record["recipe"]
        if asked["factor"] != UNSCALED:
            groups.setdefault(
                (asked["system"], asked["what"], asked["factor"].split("^")[0]), []
            ).append(record)
    for (system, what, base_of_factor), group in groups.items():
        base = records.get(f"{system}/costs/{UNSCALED}")
        if base is None:
            continue
        found = {record["name"]: judge(record, base) for record in group}
        wrong += [f"* {name}: {', '.join(said)}" for name, said in found.items() if said]
        if base["outcome"] != "finished":
            lines.append(
                f"| {system} | {what} | {base_of_factor}^k | "
                + "| " * 7
                + f"unscaled: {base['error'][:120]} |"
            )
            continue
        finished = [record for record in group if record["outcome"] == "finished"]
        apart = [differences(record, base) for record in finished]
        cells = (
            system, what, f"{base_of_factor}^k, {len(group)}", f"{base['solves']:,}",
            base["fallbacks"], max((record["fallbacks"] for record in finished), default="-"),
            f"{max((along for along, _ in apart), default=float('nan')):.1e}",
            f"{max((last for _, last in apart), default=float('nan')):.1e}"
            + (" (converged)" if base["converged"] else ""),
            sum(record["digest"] != base["digest"] for record in finished)
            if base_of_factor == "2" else "",
            len(group) - len(finished), "units matter" if any(found.values()) else "ok",
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, "", *(wrong or ["Units do not matter."])])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path("units.jsonl"), help="file of JSON lines, gone on with"
    )
    parser.add_argument(
        "--jobs", type=int, default=1, help="runs side by side, each with one thread"
    )
    parser.add_argument("--time-limit", type=float, default=1800.0, help="seconds for each run")
    parser.add_argument(
        "--iterations", type=int, help="of large systems (default 30, with --quick 6)"
    )
    parser.add_argument("--step", type=int, default=4, help="from one k of 2^k to the next")
    parser.add_argument("--quick", action="store_true", help="few factors, few iterations")
    parser.add_argument(
        "--only", default="*", help="only runs whose name, as 'system/costs/2^4', fits this pattern"
    )
    parser.add_argument(
        "--case", type=Path, action="append", default=[], help="a case directory besides"
    )
    parser.add_argument(
        "--within",
        type=float,
        default=math.inf,
        help="end after so many seconds; runs cut off then are left for the next time",
    )
    parser.add_argument("--table", action="store_true", help="only print the table of the file")
    asked = parser.parse_args()
    deadline = time.monotonic() + asked.within
    iterations = asked.iterations or (6 if asked.quick else 30)
    with tempfile.TemporaryDirectory(prefix="headwater-systems-") as root:
        if not asked.table:
            systems = write_systems(Path(root), iterations, quick=asked.quick)
            systems |= {path.name: (path.resolve(), iterations) for path in asked.case}
            done = read_lines(asked.out)
            wanted = [
                recipe
                for recipe in recipes_of(systems, step=asked.step, quick=asked.quick)
                if recipe["name"] not in done
            ]
            wanted = [
                r
                for r in wanted
                if fnmatch.fnmatch(r["name"], asked.only) or r["factor"] == UNSCALED
            ]
            warm_up()
            run = partial(run_until, deadline, "units_run.py", limit_seconds=asked.time_limit)
            for number, (recipe, record) in enumerate(
                run_all(wanted, run, asked.out, asked.jobs), 1
            ):
                told = (
                    f"{number}/{len(wanted)} {recipe['name']}: {record['outcome']}, "
                    f"{record['wall_seconds']:.0f} s"
                )
                print(told, file=sys.stderr, flush=True)
    text = table(read_lines(asked.out))
    print(text)
    return 0 if text.endswith("Units do not matter.") else 1


if __name__ == "__main__":
    sys.exit(main())
