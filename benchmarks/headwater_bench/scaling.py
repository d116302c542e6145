"""How trainings scale with threads and ranks.

The same work by more workers, and more work by more workers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.case import Case
from headwater.distributed import RankStarter
from headwater.errors import HeadwaterError
from headwater_bench.rank_program import MARK
from headwater_bench.training_times import TrainingTimes, Workers, time_training

PROGRAM = (sys.executable, str(Path(__file__).resolve().parents[1] / "bench_ranks.py"))
_SHOWN_LINES = 12
"""Lines of what failed ranks said that a message repeats."""


@dataclass(frozen=True)
class Scaling:
    """Trainings by more and more workers.

    Attributes:
        strong: all with the forward passes of the study.
        weak: as many forward passes for each worker as the study has in all; empty when they were
            not asked for.
    """

    strong: tuple[TrainingTimes, ...]
    weak: tuple[TrainingTimes, ...]


def time_scaling(
    case: Case,
    threads: Sequence[int],
    *,
    starter: RankStarter | None = None,
    ranks: Sequence[int] = (),
    weak: bool = True,
    repeats: int = 3,
    say: Callable[[str], None] = lambda _: None,
) -> Scaling:
    """Time trainings of a case by all numbers of ranks and threads.

    Without ranks all is done in this process, one training of each kind in turn. With them every
    kind is a run of its own.

    Args:
        case: what is trained.
        threads: numbers of threads, of each rank.
        starter: starts ranks.
        ranks: numbers of ranks; those of one are started as well, so that all is alike.
        weak: whether to let the forward passes grow with the workers.
        repeats: how often each training is timed; a first one warms up and is not counted.
        say: told what is under way.

    Raises:
        SolverError: a stage could not be solved.
        HeadwaterError: ranks failed; the message is theirs.
    """
    passes = case.config.training.forward_passes
    crews = sorted(
        {(r, t) for r in (ranks or (1,)) for t in threads},
        key=lambda crew: (crew[0] * crew[1], crew),
    )
    strong = [Workers(r, t, passes) for r, t in crews]
    grown = [Workers(r, t, passes * r * t) for r, t in crews] if weak else []
    asked = list(dict.fromkeys([*strong, *grown]))
    times = {}
    if ranks:
        starter = starter or RankStarter()
        for one in asked:
            say(f"training on {described(one)}")
            times[one] = time_on_ranks(case.root, one, starter, repeats=repeats)
    else:
        say(f"training on {', '.join(described(one) for one in asked)}, {repeats} times each")
        times = dict(zip(asked, time_training(case, asked, repeats=repeats), strict=True))
    return Scaling(tuple(times[one] for one in strong), tuple(times[one] for one in grown))


def described(workers: Workers) -> str:
    """Workers in words."""
    ranks = "" if workers.ranks == 1 else f"{workers.ranks} ranks of "
    threads = "1 thread" if workers.threads == 1 else f"{workers.threads} threads"
    return f"{ranks}{threads} with {workers.forward_passes} forward passes"


def time_on_ranks(
    case: Path, workers: Workers, starter: RankStarter, *, repeats: int = 3
) -> TrainingTimes:
    """Start ranks, let them train a case and read what rank 0 measured.

    Args:
        case: directory that all ranks see.
        workers: how many, and what they share out.
        starter: starts them.
        repeats: how often the training is timed; a first one warms up and is not counted.

    Raises:
        HeadwaterError: they failed; with what they said and their exit code.
    """
    program = (*PROGRAM, case, workers.ranks, workers.threads, workers.forward_passes, repeats)
    words, environment = starter.words(workers.ranks, program), starter.environment()
    done = subprocess.run(
        words, capture_output=True, encoding="utf-8", errors="replace", check=False, env=environment
    )
    found = next(
        (line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)),
        None,
    )
    if done.returncode != 0 or found is None:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_SHOWN_LINES:])
        error = HeadwaterError(f"the training on {described(workers)} failed:\n{last}")
        error.exit_code = done.returncode if 0 < done.returncode < 128 else error.exit_code
        raise error
    fields = json.loads(found)
    return TrainingTimes(**{**fields, "workers": Workers(**fields["workers"])})
