"""Systems that nobody chose.

Recipes of the battery, and how each becomes a case directory or a study.

The generators of ``strangers/`` lie beside the repository (``HEADWATER_SHARED``, or ``../shared``);
without them only the recipes that the repository itself can cook remain.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headwater.case import write_starter

Recipe = dict[str, Any]
ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("HEADWATER_SHARED") or ROOT.parent / "shared")
GENERATORS = SHARED / "strangers"
SIZES = ((12, 60), (30, 60), (60, 60), (160, 10))
"""Hydros and iterations of the systems of ``make_case.py``, fifty of each."""

EXACT = 60
"""Systems small enough for one linear program over their whole tree."""


def generators_are_there() -> bool:
    """Whether ``make_case.py`` and ``planner_case.py`` were found."""
    return all((GENERATORS / name).is_file() for name in ("make_case.py", "planner_case.py"))


def seed_of(word: str, *what: object) -> int:
    """A seed that no one chooses and that is the same on every machine and day.

    Drawn from a word by a hash.
    """
    text = "/".join([word, *map(str, what)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 1_000_000


def load_of(index: int) -> float:
    """Load as a share of what mean inflows generate, spread evenly over 0.3 (wet) to 1.5 (dry)."""
    return round(0.3 + 1.2 * ((index * 0.6180339887) % 1.0), 2)


def strangers(word: str, load: float | None = None, quick: bool = False) -> Iterator[Recipe]:
    """Systems of ``make_case.py`` over sizes, lags, blocks, loads, horizons, cascades and seeds."""
    sizes = ((6, 12), (12, 12), (30, 12)) if quick else SIZES
    for hydros, iterations in sizes:
        for index in range(4 if quick else 50):
            options = {
                "hydros": hydros,
                "lags": (3 * index) % 7 if quick else index % 7,
                "blocks": (1, 3)[(index // 7 + (index if quick else 0)) % 2],
                "stages": 24 if index % 5 == 0 and hydros < 160 and not quick else 12,
                "openings": (10, 20)[index % 2],
                "thermals": (60, 10, 100)[index % 3],
                "cascade": 1 + seed_of(word, hydros, index, "cascade") % 6,
                "forward": 4,
                "iterations": iterations,
                "seed": seed_of(word, hydros, index),
                "load": load_of(index + hydros) if load is None else load,
            }
            name = f"make-{hydros:03d}h-{options['lags']}l-{options['blocks']}b-"
            name += f"{options['load']:g}-{options['seed']}"
            yield {
                "name": name,
                "kind": "make_case",
                "group": f"{hydros} hydros",
                "options": options,
            }


def planners(word: str, quick: bool = False) -> Iterator[Recipe]:
    """Planner's cases over seeds, and over sizes besides the one that the generator makes."""
    for index in range(2 if quick else 20):
        rivers, stages = (
            ((2, 6), (3, 8))[index % 2]
            if quick
            else ((8, 24), (8, 24), (4, 36), (10, 12))[index % 4]
        )
        options = {
            "seed": seed_of(word, "planner", index),
            "rivers": rivers,
            "stages": stages,
            "iterations": 8 if quick else 40,
        }
        name = f"planner-{rivers}r-{stages}t-{options['seed']}"
        yield {"name": name, "kind": "planner", "group": "planner's cases", "options": options}


def exact(word: str, quick: bool = False) -> Iterator[Recipe]:
    """Small systems that an extensive form judges."""
    for index in range(6 if quick else EXACT):
        seed = seed_of(word, "exact", index)
        yield {
            "name": f"exact-{seed}",
            "kind": "exact",
            "group": "judged exactly",
            "options": {"seed": seed},
        }


def command_of(recipe: Recipe, directory: str = "CASE") -> str:
    """How anyone makes the same system again, as a line for a shell."""
    options = recipe["options"]
    if recipe["kind"] == "make_case":
        flags = " ".join(
            f"--{key} {value:g}" if key == "load" else f"--{key} {value}"
            for key, value in options.items()
        )
        return f"python make_case.py {directory} {flags}"
    if recipe["kind"] == "planner":
        changes = ", ".join(f"{key} {value}" for key, value in options.items())
        return (
            f"planner_case.py with {changes}: python benchmarks/battery.py --make "
            f"'{recipe['name']}' {directory}"
        )
    return f"drawn({options['seed']}) of tests/small_strangers.py"


def write_case(recipe: Recipe, directory: Path) -> Path:
    """Write the case directory of a recipe with the generators beside the repository."""
    if not generators_are_there():
        raise SystemExit(
            f"the generators are not at {GENERATORS} (set HEADWATER_SHARED "
            "to the place of 'strangers')"
        )
    if recipe["kind"] == "planner":
        return _write_planner_case(recipe["options"], directory)
    flags = [text for key, value in recipe["options"].items() for text in (f"--{key}", str(value))]
    subprocess.run(
        [sys.executable, str(GENERATORS / "make_case.py"), str(directory), *flags], check=True
    )
    return directory


def _write_planner_case(options: dict[str, int], directory: Path) -> Path:
    """Run the text of ``planner_case.py`` with other numbers in the places where it has its own."""
    text = (GENERATORS / "planner_case.py").read_text(encoding="utf-8")
    for old, new in (
        ("random.seed(1)", f"random.seed({options['seed']})"),
        ("N=24", f"N={options['stages']}"),
        ("range(8)", f"range({options['rivers']})"),
        ('"limit":40', f'"limit":{options["iterations"]}'),
    ):
        text, count = re.subn(re.escape(old), new, text)
        if count != 1:
            raise SystemExit(
                f"planner_case.py was expected to say '{old}' once and says it {count} times"
            )
    template = directory.with_name(directory.name + "-template")
    write_starter(template, "from-history")
    subprocess.run(
        [sys.executable, "-", str(directory), str(template)], input=text, text=True, check=True
    )
    return directory
