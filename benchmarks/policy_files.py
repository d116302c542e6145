"""How fast a policy is written and read, in megabytes per second.

    python benchmarks/policy_files.py [DIRECTORY] [--hydros 160] [--lags 6] [--stages 60] [--cuts
    5000]

The default is a policy of a national system: 160 hydros with 6 lags, 60 stages, 5,000 cuts each,
2.7 GB. Writing includes digests and the sync to the disk; reading verifies every digest. Reads are
counted: there is one per file. Processor seconds tell what it costs where other programs share the
machine.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from headwater.equipment.recorded_state import founding_layout
from headwater.policy import checkpoint, read_policy, write_policy
from headwater.sddp import CutPool, Policy, PolicyStage


def national_policy(
    n_hydros: int, n_lags: int, n_stages: int, n_cuts: int, seed: int = 1
) -> Policy:
    """A policy with random cuts."""
    layout, rng = founding_layout(tuple(range(n_hydros)), n_lags), np.random.default_rng(seed)
    start = date(2030, 1, 1)
    stages = tuple(
        PolicyStage(
            t,
            start + timedelta(30 * t),
            start + timedelta(30 * t + 30),
            None,
            (720.0,),
            ("constant",) * n_hydros,
        )
        for t in range(n_stages)
    )
    block = rng.normal(size=(n_cuts, layout.dimension))
    pools = []
    for t in range(n_stages):
        pool = CutPool(layout.dimension, n_cuts)
        pool.append(rng.normal(size=n_cuts), block + t, iteration=1, forward_pass=np.arange(n_cuts))
        pools.append(pool)
    return Policy(layout, stages, tuple(pools), "none", 0.0, 1)


def size_on_disk(directory: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


@contextmanager
def counted_reads() -> Iterator[Counter[str]]:
    """Counts the reads of every file below."""
    counts: Counter[str] = Counter()
    real = checkpoint._read

    def read(path: Path) -> memoryview:
        counts[path.name if "stage_" not in path.name else f"{path.parent.name}/{path.name}"] += 1
        return real(path)

    checkpoint._read = read
    try:
        yield counts
    finally:
        checkpoint._read = real


def measure(directory: Path, policy: Policy) -> dict[str, float]:
    """Write and read a policy; seconds and megabytes per second."""
    started, busy = time.perf_counter(), time.process_time()
    write_policy(policy, directory)
    written, write_cpu = time.perf_counter() - started, time.process_time() - busy
    megabytes = size_on_disk(directory) / 1e6
    started, busy = time.perf_counter(), time.process_time()
    with counted_reads() as counts:
        back = read_policy(directory)
    read, read_cpu = time.perf_counter() - started, time.process_time() - busy
    stage_reads = {name: count for name, count in counts.items() if "stage_" in name}
    if set(stage_reads.values()) != {1} or len(stage_reads) != len(policy.stages):
        raise RuntimeError(f"expected one read of every stage, got {stage_reads}")
    for one, other in zip(policy.pools, back.pools, strict=True):
        if not np.array_equal(
            one.coefficients[: one.n_populated], other.coefficients[: other.n_populated]
        ):
            raise RuntimeError("what was read is not what was written")
    return {
        "MB": megabytes,
        "write s": written,
        "write CPU s": write_cpu,
        "write MB/s": megabytes / written,
        "read s": read,
        "read CPU s": read_cpu,
        "read MB/s": megabytes / read,
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?")
    for name, default in (("hydros", 160), ("lags", 6), ("stages", 60), ("cuts", 5000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(dir=given.directory))
    try:
        result = measure(root, national_policy(given.hydros, given.lags, given.stages, given.cuts))
    finally:
        shutil.rmtree(root)
    sys.stdout.write("  ".join(f"{name} {value:,.1f}" for name, value in result.items()) + "\n")


if __name__ == "__main__":
    main()
