"""Runs in processes of their own.

One that hangs, crashes or takes all memory says so and harms no other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

Record = dict[str, Any]
HERE = Path(__file__).resolve().parent


def run_isolated(script: str, recipe: Record, limit_seconds: float) -> Record:
    """Run ``script RECIPE RESULT PROGRESS`` of this directory in a process of its own.

    The script writes its record, as JSON, to RESULT, and may add lines of JSON to PROGRESS on its
    way.

    Returns:
        The record; for a run that left none, ``outcome`` is ``time limit`` or ``crashed`` and
        ``progress`` has the last line of progress.
    """
    with tempfile.TemporaryDirectory(prefix="headwater-run-") as directory:
        asked, result, progress = (
            Path(directory) / name for name in ("recipe", "result", "progress")
        )
        asked.write_text(json.dumps(recipe), encoding="utf-8")
        errors = Path(directory) / "stderr"
        command = [sys.executable, str(HERE / script), str(asked), str(result), str(progress)]
        started = time.perf_counter()
        with errors.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, env=_environment())
            try:
                code, outcome = process.wait(limit_seconds), "crashed"
            except subprocess.TimeoutExpired:
                code, outcome = None, "time limit"
            finally:
                process.kill()
                process.wait()
        wall = round(time.perf_counter() - started, 2)
        if result.exists():
            return {**json.loads(result.read_text(encoding="utf-8")), "wall_seconds": wall}
        told = errors.read_text(encoding="utf-8", errors="replace").strip()
        error = (
            f"no result within {limit_seconds:g} s"
            if code is None
            else f"exit code {code}: {told[-2000:]}"
        )
        return {
            "outcome": outcome,
            "error": error,
            "wall_seconds": wall,
            "progress": _last_line(progress),
        }


def run_until(deadline: float, script: str, recipe: Record, limit_seconds: float) -> Record | None:
    """`run_isolated` if it ends by a moment of `time.monotonic`, else ``None``."""
    left = deadline - time.monotonic()
    if left <= 0.0:
        return None
    record = run_isolated(script, recipe, min(limit_seconds, left))
    return None if left < limit_seconds and record["outcome"] == "time limit" else record


def _environment() -> dict[str, str]:
    """As here, but linear algebra keeps to one thread: several runs share the machine."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _last_line(path: Path) -> Record | None:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in reversed(lines):
        try:
            return dict(json.loads(line))
        except ValueError:  # cut short by the end of the process
            continue
    return None


def write_record(path: Path, record: Record) -> None:
    """Write a record all at once, so that a reader finds all of it or nothing."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record), encoding="utf-8")
    part.replace(path)


def read_lines(path: Path) -> dict[str, Record]:
    """Records of a file of JSON lines by their name, the last one of each.

    A line cut short is left out.
    """
    records: dict[str, Record] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        records[record["name"]] = record
    return records


def run_all(
    recipes: Iterable[Record], run: Callable[[Record], Record | None], out: Path, jobs: int
) -> Iterator[tuple[Record, Record]]:
    """Run recipes side by side and give pairs of recipe and record.

    A line is added to ``out`` as each ends.

    A run that gives ``None`` adds no line: there was no time for it.
    """
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(run, recipe): recipe for recipe in recipes}
        try:
            for done in as_completed(running):
                recipe, found = running[done], done.result()
                if found is None:
                    continue
                record = {"name": recipe["name"], "recipe": recipe, **found}
                with out.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(record) + "\n")
                yield recipe, record
        except BaseException:
            for future in running:
                future.cancel()
            raise


def warm_up() -> None:
    """Compile the engine once, so that no run has to do it within its time."""
    subprocess.run(
        [sys.executable, "-m", "headwater", "warmup"], check=True, stdout=subprocess.DEVNULL
    )
