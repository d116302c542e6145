"""How trainings of some cases scale with threads.

Run: ``python benchmarks/scaling.py [CASE...] [options]``.

Prints a line of JSON for each training, then a table. Without a case, synthetic ones of 12, 30 and
160 hydros are made.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from headwater.case import load_case
from headwater.sddp.training.compilation import ensure_compiled
from headwater_bench import describe_machine
from headwater_bench.iteration_times import IterationTimes, iteration_table, time_iterations
from headwater_bench.synthetic import SyntheticSize, write_synthetic

SIZES = (
    SyntheticSize(hydros=12, stages=24),
    SyntheticSize(hydros=30, stages=12),
    SyntheticSize(hydros=160, stages=12, thermals=130),
)


def numbers(text: str) -> list[int]:
    """Whole numbers between commas."""
    return [int(word) for word in text.split(",")]


def cases(given: list[Path], directory: Path) -> Iterator[Path]:
    """The cases that were given, or synthetic ones."""
    yield from given
    for size in () if given else SIZES:
        yield write_synthetic(directory / f"{size.hydros}-hydros", size)


def main() -> None:
    """Time what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cases", metavar="CASE", nargs="*", type=Path)
    parser.add_argument("--threads", "-j", type=numbers, default=[1, 2, 4, 8, 16])
    parser.add_argument("--passes", type=numbers, default=[16, 4], help="forward passes")
    parser.add_argument("--seconds", type=float, default=3.0, help="of iterations on one thread")
    options = parser.parse_args()
    ensure_compiled()
    times: list[IterationTimes] = []
    with tempfile.TemporaryDirectory() as directory:
        for path in cases(options.cases, Path(directory)):
            study = load_case(path)
            for passes in options.passes:
                for one in time_iterations(
                    path.resolve().name, study, options.threads, passes, seconds=options.seconds,
                    say=lambda text: print(text, file=sys.stderr, flush=True),
                ):  # fmt: skip
                    print(one.json_line(), flush=True)
                    times.append(one)
    print(f"\n{describe_machine()}\n\n{iteration_table(times)}")


if __name__ == "__main__":
    main()
