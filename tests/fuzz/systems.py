"""The cases that are changed.

Starters, the example, published cases, one with every key, and systems that nobody chose.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from full_case import full_case
from fuzz.case_files import CaseFiles
from fuzz.newer_kinds import newer_kinds
from headwater.case import TEMPLATES, write_starter
from published import CASES, case_directory
from small_strangers import drawn

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "four-subsystems"
LARGE = ("example", "4ree", "d12-par-annual", "every-key")
"""Those that take longest."""

MOST_OPENINGS, SCENARIOS = 3, 6
N_STRANGERS = 200


def names(*, small: bool = False) -> list[str]:
    """Names of the systems, each as often as it is to be drawn."""
    found = [*TEMPLATES, *CASES, "example", "every-key", "every-key", "newer-kinds", "newer-kinds"]
    # without half of the files every random change of the smallest would say the same
    found += [*TEMPLATES, *("stranger-" + str(seed) for seed in range(N_STRANGERS // 10))]
    return [name for name in found if not (small and name in LARGE)]


@cache
def system(name: str) -> CaseFiles:
    """The files of a system, made smaller where that is possible without making it another."""
    with tempfile.TemporaryDirectory(prefix="headwater-fuzz-") as directory:
        found = CaseFiles.of(_written(name, Path(directory) / "case"))
    _make_smaller(found)
    return found


def _written(name: str, root: Path) -> Path:
    if name == "example":
        return EXAMPLE
    if name == "every-key":
        return full_case(root).write()
    if name == "newer-kinds":
        return newer_kinds(root).write()
    if name in CASES:
        return case_directory(name)
    if name in TEMPLATES:
        return write_starter(root, name)
    return drawn(int(name.removeprefix("stranger-"))).write(root)


def _make_smaller(files: CaseFiles) -> None:
    """Fewer openings and scenarios, which make a run longer and not another."""
    if "scenarios/noise_openings" not in files.tables:
        for stage in files.documents["stages.json"]["stages"]:
            key = "num_openings" if "num_openings" in stage else "num_scenarios"
            stage[key] = min(stage.get(key, 1), MOST_OPENINGS)
    files.documents["config.json"].setdefault("simulation", {}).update(
        enabled=True, num_scenarios=SCENARIOS
    )


Place = tuple[str, ...]
"""Keys that lead to a value of a document; ``*`` for any position of a list."""


def generalised(path: tuple[Any, ...]) -> Place:
    """A path with every position of a list replaced by a star."""
    return tuple("*" if isinstance(key, int) else key for key in path)


@cache
def donors() -> dict[tuple[str, Place], list[Any]]:
    """File and place -> values that stand there in any of the systems."""
    found: dict[tuple[str, Place], list[Any]] = {}

    def visit(name: str, place: Place, value: Any) -> None:
        kept = found.setdefault((name, place), [])
        if len(kept) < 20 and value not in kept:
            kept.append(value)
        inner = value.items() if isinstance(value, dict) else ()
        for key, item in inner:
            visit(name, (*place, key), item)
        for item in value if isinstance(value, list) else ():
            visit(name, (*place, "*"), item)

    for one in dict.fromkeys(names()):
        for name, content in system(one).documents.items():
            visit(name, (), content)
    return found


@cache
def whole_tables() -> dict[str, Callable[[], object]]:
    """Table -> systems that have it."""
    found: dict[str, list[str]] = {}
    for one in dict.fromkeys(names()):
        for table in system(one).tables:
            found.setdefault(table, []).append(one)
    return found
