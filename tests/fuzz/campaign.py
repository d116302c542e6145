"""Tries any number of changed cases, in processes of their own that are ended
when they take too long.

    scripts/fuzz --cases 100000 --seed 1 --jobs 2 --out fuzz.jsonl

A case is its seed and number: it is the same whoever tries it. A file that exists is gone on with.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

from fuzz import systems
from fuzz.drawing import draw
from fuzz.steps import Step, apply
from fuzz.verdicts import CLEAN, Verdict, judge

SECONDS = 60.0
"""Longest time that a case may take."""
THOROUGH = 10
"""Of so many cases one is read twice, see `fuzz.verdicts.judge`."""
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where cases are written: a disk would take longer than reading them."""


@dataclass(frozen=True)
class FuzzedCase:
    """A system and what is changed about it."""

    system: str
    steps: list[Step]

    @classmethod
    def drawn(cls, seed: int, number: int, *, small: bool = False) -> FuzzedCase:
        """The case of a number."""
        random = Random(f"{seed}:{number}")
        name = random.choice(systems.names(small=small))
        return cls(name, draw(systems.system(name), random))

    def judged(self, *, thorough: bool = True) -> Verdict:
        """Write the case and see what becomes of it, see `judge`."""
        with tempfile.TemporaryDirectory(prefix="headwater-fuzz-", dir=_MEMORY) as directory:
            root = Path(directory) / "case"
            root.mkdir()
            apply(systems.system(self.system).copied(), self.steps, root)
            return judge(root, thorough=thorough)


@dataclass
class _Worker:
    """A process that tries cases."""

    process: BaseProcess
    link: Connection
    number: int
    deadline: float


def try_cases(
    seed: int, numbers: Sequence[int], *, jobs: int, small: bool = False, seconds: float = SECONDS
) -> Iterator[tuple[int, Verdict]]:
    """Verdicts of cases as they come."""
    left = iter(numbers)
    workers: list[_Worker] = []

    def give(worker: _Worker) -> None:
        number = next(left, None)
        if number is None:
            worker.link.send(None)
            worker.process.join()
            workers.remove(worker)
            return
        # the first case of a process waits for everything to be imported
        worker.number, worker.deadline = number, time.monotonic() + seconds
        worker.link.send((seed, number, small))

    try:
        for _ in range(jobs):
            workers.append(_started())
            give(workers[-1])
        while workers:
            ready = wait([worker.link for worker in workers], timeout=1.0)
            for worker in list(workers):
                verdict = _verdict(worker, worker.link in ready)
                if verdict is None:
                    continue
                yield worker.number, verdict
                if verdict.kind in ("hang", "crash"):
                    fresh = _started()
                    workers[workers.index(worker)] = fresh
                    give(fresh)
                else:
                    give(worker)
    finally:
        for worker in workers:
            worker.process.kill()
            worker.process.join()


def _started() -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    ours.recv()  # it is ready
    return _Worker(process, ours, -1, 0.0)


def _verdict(worker: _Worker, ready: bool) -> Verdict | None:
    """What a process found; ``None`` while it works."""
    if ready:
        try:
            return Verdict(**worker.link.recv())
        except (EOFError, ConnectionError):
            worker.process.join()
            return Verdict("crash", f"the process ended with {worker.process.exitcode}")
    if time.monotonic() < worker.deadline:
        return None
    worker.process.kill()
    worker.process.join()
    return Verdict("hang", "no answer in time")


def _work(link: Connection) -> None:
    """Try cases until there are no more."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    systems.donors()
    link.send("ready")
    while (task := link.recv()) is not None:
        seed, number, small = task
        case = FuzzedCase.drawn(seed, number, small=small)
        verdict = case.judged(thorough=number % THOROUGH == 0)
        link.send({**asdict(verdict)})


def smallest(case: FuzzedCase, kind: str, detail: str) -> FuzzedCase:
    """The same failure with as few changes as are needed."""
    steps = list(case.steps)
    for step in list(steps):
        fewer = [one for one in steps if one is not step]
        verdict = FuzzedCase(case.system, fewer).judged()
        if verdict.kind == kind and _signature(verdict.detail) == _signature(detail):
            steps = fewer
    return FuzzedCase(case.system, steps)


def _signature(detail: str) -> str:
    """What two failures of the same cause share: the words before the message, without numbers."""
    return "".join(letter for letter in detail.split(":", 2)[0] if not letter.isdigit())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="longest time of a case (default: 60)"
    )
    parser.add_argument("--within", type=float, default=math.inf, help="end after so many seconds")
    parser.add_argument("--small", action="store_true", help="small systems only")
    parser.add_argument(
        "--out", type=Path, help="verdicts, a JSON object a line; gone on with if it exists"
    )
    parser.add_argument(
        "--show", type=int, metavar="NUMBER", help="show one case and try it in this process"
    )
    parser.add_argument(
        "--write", type=Path, help="with --show: write the case to this new directory"
    )
    wanted = parser.parse_args()
    if wanted.show is not None:
        _show(wanted)
        return
    deadline = time.monotonic() + wanted.within
    done = _results(wanted.out) if wanted.out else {}
    numbers = [n for n in range(wanted.first, wanted.first + wanted.cases) if n not in done]
    for number, verdict in try_cases(
        wanted.seed, numbers, jobs=wanted.jobs, small=wanted.small, seconds=wanted.seconds
    ):
        done[number] = verdict
        if wanted.out:
            with wanted.out.open("a", encoding="utf-8") as file:
                file.write(
                    json.dumps({"number": number, "seed": wanted.seed, **asdict(verdict)}) + "\n"
                )
        if not verdict.is_clean:
            sys.stdout.write(f"{number} {verdict.kind}: {verdict.detail}\n")
            sys.stdout.flush()
        if time.monotonic() > deadline:
            break
    sys.stdout.write(summary(done) + "\n")
    sys.exit(any(not verdict.is_clean for verdict in done.values()))


def _show(wanted: argparse.Namespace) -> None:
    case = FuzzedCase.drawn(wanted.seed, wanted.show, small=wanted.small)
    if wanted.write:
        wanted.write.mkdir(parents=True)
        apply(systems.system(case.system).copied(), case.steps, wanted.write)
    verdict = case.judged()
    if not verdict.is_clean:
        case = smallest(case, verdict.kind, verdict.detail)
    shown: dict[str, Any] = {**asdict(case), "verdict": asdict(verdict)}
    sys.stdout.write(json.dumps(shown, indent=1) + "\n")


def _results(path: Path) -> dict[int, Verdict]:
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # a line that was cut short
        found[entry["number"]] = Verdict(entry["kind"], entry["detail"], tuple(entry["codes"]))
    return found


def summary(results: dict[int, Verdict]) -> str:
    """How many cases became what, and the failures by what they share."""
    kinds = Counter(verdict.kind for verdict in results.values())
    lines = [f"{len(results)} cases"]
    lines += [
        f"{kinds[kind]:>8} {kind}"
        for kind in sorted(kinds, key=lambda kind: (kind not in CLEAN, -kinds[kind]))
    ]
    alike: dict[tuple[str, str], list[int]] = {}
    for number, verdict in sorted(results.items()):
        if not verdict.is_clean:
            alike.setdefault((verdict.kind, _signature(verdict.detail)), []).append(number)
    for (kind, _), numbers in sorted(alike.items(), key=lambda one: -len(one[1])):
        first = ", ".join(map(str, numbers[:5]))
        lines.append(f"{len(numbers)} x {kind}, e.g. {first}: {results[numbers[0]].detail}")
    return "\n".join(lines)
