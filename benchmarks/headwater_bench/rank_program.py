"""What ranks do that `time_on_ranks` starts: ``bench_ranks.py CASE RANKS THREADS PASSES REPEATS``.

Rank 0 writes the times to standard output, in a line that is marked because launchers write there
as well.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence

from headwater.case import load_case
from headwater.distributed import find_communicator, is_known_to_all, known_communicator
from headwater.errors import HeadwaterError, RankError, UsageError
from headwater_bench.training_times import Workers, time_training

MARK = "headwater-times "


def measure(words: Sequence[str]) -> None:
    """Train a case on the ranks of this run and write down how long it took.

    Raises:
        UsageError: the launcher started another number of ranks.
        HeadwaterError: the case cannot be read or trained.
    """
    case, *numbers = words
    ranks, threads, forward_passes, repeats = (int(number) for number in numbers)
    communicator = find_communicator()
    if communicator.size != ranks:
        raise UsageError(
            f"{ranks} ranks were asked for, but the launcher started {communicator.size}"
        )
    study = communicator.together(lambda: load_case(case))
    (times,) = time_training(
        study, [Workers(ranks, threads, forward_passes)], repeats=repeats, communicator=communicator
    )
    if communicator.leads:
        sys.stdout.write(f"\n{MARK}{json.dumps(dataclasses.asdict(times))}\n")


def main() -> int:
    """Measure, and end all ranks in the same way.

    The message of an error goes to standard error once.
    """
    try:
        measure(sys.argv[1:])
    except HeadwaterError as error:
        ranks = known_communicator()
        if ranks.leads or not isinstance(error, RankError):
            sys.stderr.write(f"{error}\n")
        if not is_known_to_all(error):
            ranks.abort(error.exit_code)
        return error.exit_code
    return 0
