"""The same case gives the same bytes for any number of ranks and threads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headwater as hw
import same_results
from headwater.results import SCHEMAS
from rank_processes import HEADWATER, on_ranks, requires_mpi

EXAMPLE = Path(__file__).parents[2] / "examples" / "four-subsystems"

TOLD_BY_CLOCK_OR_MACHINE = {
    "run_id", "created_at", "started_at", "finished_at", "duration_seconds", "hostname", "threads",
    "distribution",
}  # fmt: skip
"""Keys of metadata that say when, where and with how many workers, but not what."""

NOTHING_BUT_TIMES = ("logs/", "training/timing/")

UNLIKE = ("LATEST", "COMMIT", "account.json")
"""Digests of metadata that name the moment, and the account of time by rank and worker."""

TIMED = tuple(schema.place for schema in SCHEMAS.values() if schema.timing_columns)
"""Places of tables with columns that differ from run to run."""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with more forward passes than workers, cut selection at work, and several parts
    of simulation tables.
    """
    root = tmp_path_factory.mktemp("same-bytes") / "case"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("output"))
    config = json.loads((root / "config.json").read_text())
    config["training"].update(
        forward_passes=5,
        stopping_rules=[{"type": "iteration_limit", "limit": 6}],
        cut_selection={"enabled": True, "method": "lml1", "memory_window": 1, "check_frequency": 2},
    )
    config["simulation"] = {"enabled": True, "num_scenarios": 130}
    (root / "config.json").write_text(json.dumps(config))
    return root


@pytest.fixture(scope="module")
def expected(case: Path) -> dict[str, object]:
    """What one rank with one thread writes."""
    hw.run(case, case.parent / "one", threads=1)
    return contents(case.parent / "one")


def contents(output: Path) -> dict[str, object]:
    """Every file of an output directory.

    Its bytes, or what is left of it without times and places.
    """
    found: dict[str, object] = {}
    for path in sorted(path for path in output.rglob("*") if path.is_file()):
        name = path.relative_to(output).as_posix()
        if name.endswith("metadata.json"):
            found[name] = timeless(json.loads(path.read_text()), name.split("/")[0])
        elif name.endswith("history.json"):
            found[name] = not_measured(json.loads(path.read_text()))
        elif not name.startswith(NOTHING_BUT_TIMES) and path.name not in UNLIKE:
            found[name] = same_results.content(path)
    return found


def not_measured(tree: Any) -> Any:
    """A tree of records without what a clock or the memory of the machine says."""
    if isinstance(tree, dict):
        return {
            k: not_measured(v)
            for k, v in tree.items()
            if k != "peak_memory_mb" and not k.endswith("seconds")
        }
    return [not_measured(item) for item in tree] if isinstance(tree, list) else tree


def timeless(metadata: dict[str, Any], part: str) -> dict[str, Any]:
    """Metadata of a part of the results, without digests of tables that hold times."""
    kept = {key: value for key, value in metadata.items() if key not in TOLD_BY_CLOCK_OR_MACHINE}
    for name in [name for name in kept.get("tables", {}) if f"{part}/{name}" in TIMED]:
        del kept["tables"][name]
    return kept


def same(found: dict[str, object], expected: dict[str, object]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def test_the_case_is_worth_comparing(expected: dict[str, object], case: Path):
    cuts = [name for name in expected if name.endswith(".hwp")]
    parts = [name for name in expected if name.startswith("simulation/hydros/part")]
    assert len(cuts) > 5
    assert len(parts) > 1
    assert (
        pl.read_parquet(case.parent / "one/training/convergence.parquet")["cuts_removed"].sum() > 0
    )


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_matter(
    case: Path, expected: dict[str, object], tmp_path: Path, threads: int
):
    hw.run(case, tmp_path / "out", threads=threads)
    same(contents(tmp_path / "out"), expected)


@requires_mpi
@pytest.mark.parametrize(("ranks", "threads", "sharing"), [(2, 2, "on"), (3, 1, "off")])
def test_ranks_do_not_matter(
    case: Path, expected: dict[str, object], tmp_path: Path, ranks: int, threads: int, sharing: str
):
    done = on_ranks(
        ranks,
        *(*HEADWATER, "run", case, "-o", tmp_path / "out", "-j", threads),
        PYTHONHASHSEED="random",
        HEADWATER_SHARED_CUTS=sharing,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("lower bound") == 1
    same(contents(tmp_path / "out"), expected)
