"""Whether any system that anyone writes trains to the end.

Hundreds of systems that nobody chose, each in a process of its own.

    python benchmarks/battery.py --out battery.jsonl --jobs 2       all 280, a day at most
    python benchmarks/battery.py --out quick.jsonl --quick          small ones, a few minutes
    python benchmarks/battery.py --out battery.jsonl --only 'make-012h*' --sample 10
    python benchmarks/battery.py --out other.jsonl --word tomorrow  systems never seen before

Every run adds a line of JSON to the file as it ends; a file that exists is gone on with. The
summary in Markdown goes to the standard output. Exit code 1: some run failed.
"""

from __future__ import annotations

import argparse
import fnmatch
import math
import sys
import time
from functools import partial
from pathlib import Path

from battery_table import faults, summary
from isolated import read_lines, run_all, run_until, warm_up
from strangers import (
    GENERATORS,
    Recipe,
    command_of,
    exact,
    generators_are_there,
    planners,
    seed_of,
    strangers,
    write_case,
)

FAMILIES = ("strangers", "planners", "exact")


def recipes_of(asked: argparse.Namespace) -> list[Recipe]:
    """All recipes that were asked for, in order."""
    families = {
        "strangers": lambda: strangers(asked.word, asked.load, asked.quick),
        "planners": lambda: planners(asked.word, asked.quick),
        "exact": lambda: exact(asked.word, asked.quick),
    }
    chosen = [recipe for name in asked.family or FAMILIES for recipe in families[name]()]
    if not generators_are_there():
        kept = [recipe for recipe in chosen if recipe["kind"] == "exact"]
        print(
            f"the generators are not at {GENERATORS}: "
            f"{len(chosen) - len(kept)} systems are left out",
            file=sys.stderr,
        )
        chosen = kept
    if asked.only:
        chosen = [recipe for recipe in chosen if fnmatch.fnmatch(recipe["name"], asked.only)]
    if asked.sample and asked.sample < len(chosen):
        drawn = sorted(chosen, key=lambda recipe: seed_of(asked.word, recipe["name"]))[
            : asked.sample
        ]
        chosen = [recipe for recipe in chosen if recipe in drawn]
    return mixed(chosen) if asked.mixed else chosen


def mixed(recipes: list[Recipe]) -> list[Recipe]:
    """Planner's cases first, then the others so that any beginning has its share of each group."""
    groups: dict[str, list[Recipe]] = {}
    for recipe in recipes:
        groups.setdefault(recipe["group"], []).append(recipe)
    places = {
        recipe["name"]: -1.0 if recipe["kind"] == "planner" else (index + 0.5) / len(group)
        for group in groups.values()
        for index, recipe in enumerate(group)
    }
    return sorted(recipes, key=lambda recipe: places[recipe["name"]])


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path("battery.jsonl"), help="file of JSON lines, gone on with"
    )
    parser.add_argument(
        "--jobs", type=int, default=1, help="runs side by side, each with one thread"
    )
    parser.add_argument(
        "--time-limit", type=float, help="seconds for each run (default 3600, with --quick 300)"
    )
    parser.add_argument(
        "--family", action="append", choices=FAMILIES, help="only these (may be repeated)"
    )
    parser.add_argument("--quick", action="store_true", help="few small systems")
    parser.add_argument(
        "--within",
        type=float,
        default=math.inf,
        help="end after so many seconds; runs cut off then are left for the next time",
    )
    parser.add_argument(
        "--mixed",
        action="store_true",
        help="planner's cases first, then some of every size in turn",
    )
    parser.add_argument("--sample", type=int, help="that many, drawn from all that are asked for")
    parser.add_argument("--only", help="only systems whose name fits this pattern")
    parser.add_argument(
        "--load", type=float, help="the same load for all of make_case.py, in place of 0.3 to 1.5"
    )
    parser.add_argument(
        "--word",
        default="headwater",
        help="seeds are drawn from this word; another gives other systems",
    )
    parser.add_argument("--again", action="store_true", help="run those again that failed")
    parser.add_argument(
        "--list", action="store_true", help="only say what would run, and how each system is made"
    )
    parser.add_argument("--summary", action="store_true", help="only print the summary of the file")
    parser.add_argument(
        "--make", nargs=2, metavar=("NAME", "DIR"), help="only write the case of this system"
    )
    return parser.parse_args()


def main() -> int:
    deadline = time.monotonic() + (asked := parsed()).within
    recipes = recipes_of(asked)
    if asked.make:
        named = [recipe for recipe in recipes if recipe["name"] == asked.make[0]]
        if not named:
            sys.exit(
                f"no system is called {asked.make[0]} (see --list; --quick "
                "and --word change the names)"
            )
        print(write_case(named[0], Path(asked.make[1])))
        return 0
    if asked.list:
        print("\n".join(f"{recipe['name']:40s} {command_of(recipe)}" for recipe in recipes))
        return 0
    done = read_lines(asked.out)
    wanted = [
        recipe
        for recipe in recipes
        if recipe["name"] not in done or (asked.again and faults(done[recipe["name"]]))
    ]
    if wanted and not asked.summary:
        print(f"{len(wanted)} of {len(recipes)} systems are to be run", file=sys.stderr, flush=True)
        warm_up()
        limit = asked.time_limit or (300.0 if asked.quick else 3600.0)
        run = partial(run_until, deadline, "battery_run.py", limit_seconds=limit)
        for number, (recipe, record) in enumerate(run_all(wanted, run, asked.out, asked.jobs), 1):
            verdict = ", ".join(faults(record)) or "finished"
            told = (
                f"{number}/{len(wanted)} {recipe['name']}: {verdict}, "
                f"{record['wall_seconds']:.0f} s"
            )
            print(told, file=sys.stderr, flush=True)
    records = [
        record
        for name, record in read_lines(asked.out).items()
        if name in {recipe["name"] for recipe in recipes}
    ]
    print(summary(records))
    return 1 if any(faults(record) for record in records) else 0


if __name__ == "__main__":
    sys.exit(main())
