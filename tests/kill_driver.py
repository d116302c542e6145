"""Kills a run at random moments, resumes it until it ends, and compares what it wrote with a run
that nobody killed.

    python tests/kill_driver.py CASE DIRECTORY --kills 100 --seed 1

The runs are processes forked from this one, so that the moments are not all spent on starting
Python. After every kill the files that are there are read, in a process of their own. The exit code
is 0 when every file was sound and every resumed run wrote the bytes of the one that nobody killed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import headwater as hw
from headwater.policy import read_policy
from headwater.results import SCHEMAS

FOREVER = 300.0
"""Seconds after which a run counts as stuck."""

VOLATILE = {
    "created_at", "distribution", "duration_seconds",
    "finished_at", "started_at", "hostname", "run_id", "seconds", "threads", "tables",
    "peak_memory_mb", "performance", "resumed",
}  # fmt: skip
"""Keys of JSON files that say when, where, over how many processes and how fast, not what."""


def forked(work: Callable[[], None], log: Path) -> int:
    """Start ``work`` in a process of its own; returns its id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        with log.open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        work()
        code = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def ended(process: int, seconds: float) -> int | None:
    """Wait for a process; its exit code, or ``None`` when it still runs."""
    deadline = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.001)


def completed(work: Callable[[], None], log: Path, what: str) -> float:
    """Let ``work`` come to its end; returns the seconds it took."""
    started = time.monotonic()
    process = forked(work, log)
    code = ended(process, FOREVER)
    if code is None:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    if code != 0:
        raise SystemExit(f"{what} ended with {code}:\n{log.read_text()[-3000:]}")
    return time.monotonic() - started


def run_case(case: Path, out: Path) -> None:
    """What is killed."""
    hw.run(case, out, threads=1, resume=True)


def look_at(out: Path) -> None:
    """Read what a killed run left: complete files only, or none at all."""
    if (out / "policy" / "LATEST").exists():
        found = read_policy(out / "policy")
        assert "fallback" not in found.provenance, found.provenance["fallback"]
    if (out / "training" / "_SUCCESS").exists():
        assert hw.load_results(out).convergence.height


def write_facts(out: Path, target: Path) -> None:
    """Write everything that two runs must agree on, by file.

    Digests of bytes, and tables and JSON without times.
    """
    import hashlib

    import polars as pl

    latest = (out / "policy" / "LATEST").read_text().split()[0]
    facts: dict[str, Any] = {}
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        name = path.relative_to(out).as_posix()
        if name.startswith("policy/"):
            if not name.startswith(f"policy/{latest}/"):
                continue
            name = name.replace(latest, "newest", 1)
        if (
            path.name in ("COMMIT", "LATEST", "account.json")
            or "timing/" in name
            or name.startswith("logs/")
        ):
            continue
        if path.suffix == ".json":
            facts[name] = _lasting(json.loads(path.read_text()))
        elif path.suffix == ".parquet" and (timed := timed_columns(path)):
            facts[name] = pl.read_parquet(path).drop(timed).write_ndjson()
        else:
            facts[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    target.write_text(json.dumps(facts, indent=1, sort_keys=True))


def timed_columns(path: Path) -> list[str]:
    """Columns of a table of results that hold times."""
    return [
        c
        for schema in SCHEMAS.values()
        if path.as_posix().endswith(schema.place)
        for c in schema.timing_columns
    ]


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _lasting(item)
            for key, item in value.items()
            if key not in VOLATILE and not key.endswith("_seconds")
        }
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def differences(one: Path, other: Path) -> list[str]:
    """Files in which two runs disagree."""
    before, after = json.loads(one.read_text()), json.loads(other.read_text())
    return [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]


def kill_and_compare(case: Path, directory: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill runs of ``case`` at random moments until ``kills`` were killed under way, and let each
    come to its end.

    Returns:
        How many runs were completed and how many processes were killed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    log, chance = directory / "log", random.Random(seed)
    completed(lambda: run_case(case, directory / "warm-up"), log, "the first run")
    seconds = completed(
        lambda: run_case(case, directory / "whole"), log, "the run that nobody kills"
    )
    completed(
        lambda: write_facts(directory / "whole", directory / "whole.json"),
        log,
        "reading the whole run",
    )
    killed = runs = 0
    while killed < kills:
        out = directory / f"run-{runs:03d}"
        for _ in range(chance.randint(1, 6)):
            process = forked(lambda out=out: run_case(case, out), log)
            time.sleep(chance.uniform(0.0, seconds))
            os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
            if os.WIFEXITED(status):
                if os.waitstatus_to_exitcode(status):
                    raise SystemExit(f"a run ended with {status}:\n{log.read_text()[-3000:]}")
                break
            killed += 1
            completed(lambda out=out: look_at(out), log, f"reading what was left in {out}")
        completed(lambda out=out: run_case(case, out), log, f"the resumed run in {out}")
        completed(lambda out=out: write_facts(out, directory / "facts.json"), log, f"reading {out}")
        other = differences(directory / "whole.json", directory / "facts.json")
        if other:
            raise SystemExit(
                f"the resumed run in {out} wrote something else than the whole one: "
                f"{', '.join(other)}"
            )
        runs += 1
    return {"runs": runs, "killed": killed}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.stdout.write(
        json.dumps(kill_and_compare(given.case, given.directory, given.kills, given.seed)) + "\n"
    )


if __name__ == "__main__":
    main()
