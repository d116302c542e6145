"""Strong and weak scaling of training over ranks, as a Markdown table.

Run: ``python benchmarks/ranks.py --ranks 1 2 4``, on a machine with nothing else to do. Every line is a training of the same
synthetic case, started with ``mpiexec`` (``--mpiexec`` names another launcher); with ``--weak`` the forward passes grow with
the ranks. One training warms up and is not counted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from headwater.benchmark.machine import describe_machine
from headwater.case import SyntheticSize, load_case, write_synthetic
from headwater.distributed import find_communicator
from headwater.sddp import train_policy

SIZE = SyntheticSize(iterations=10, forward_passes=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, default=1, help="of each rank")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--weak", action="store_true", help="forward passes grow with the ranks")
    parser.add_argument("--mpiexec", default=f"{Path(sys.executable).with_name('mpiexec')} -n")
    parser.add_argument("--case", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.case is not None:
        measure(chosen.case, chosen.threads, chosen.repeats)
        return
    print(f"{describe_machine()}\n")
    print("| Ranks | Threads of each | Forward passes | Time | Times as fast | Exchanging | Waiting | Bound |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    alone = None
    for ranks in chosen.ranks:
        found = start(ranks, chosen)
        work = found["passes"] / found["seconds"]
        alone = alone or work
        print(
            f"| {ranks} | {chosen.threads} | {found['passes']} | {found['seconds']:.2f} s | {work / alone:.2f} "
            f"| {found['exchanging']:.1%} | {found['waiting']:.1%} | {found['bound']!r} |",
            flush=True,
        )


def start(ranks: int, chosen: argparse.Namespace) -> dict[str, float]:
    """Train on some ranks and read what rank 0 says."""
    size = dataclasses.replace(SIZE, forward_passes=SIZE.forward_passes * (ranks if chosen.weak else 1))
    with tempfile.TemporaryDirectory() as directory:
        case = write_synthetic(Path(directory) / "case", size)
        words = [*shlex.split(chosen.mpiexec), str(ranks), sys.executable, __file__, "--case", str(case)]
        words += ["--threads", str(chosen.threads), "--repeats", str(chosen.repeats)]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(said)
    return found


def measure(path: Path, threads: int, repeats: int) -> None:
    """Train a case; rank 0 says how long it took, and how much of it went into exchanging data and waiting for others."""
    case, ranks = load_case(path), find_communicator()
    seconds, exchanging, waiting = [], [], []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        policy = train_policy(case, threads=threads, communicator=ranks)
        seconds.append(time.perf_counter() - started)
        timings = policy.training.rank_timings
        busy = sum(one.forward_seconds + one.backward_seconds for one in timings)
        exchanging.append(sum(one.communication_seconds for one in timings) / busy)
        waiting.append(sum(one.idle_seconds for one in timings) / busy)
    if ranks.leads:
        found = {"passes": case.config.training.forward_passes, "bound": policy.lower_bound}
        for name, values in (("seconds", seconds), ("exchanging", exchanging), ("waiting", waiting)):
            found[name] = statistics.median(values[1:])
        print(json.dumps(found))


if __name__ == "__main__":
    main()
