"""What ranks do in tests: ``rank_programs.py PROGRAM [ARGUMENT ...]``. Not a test itself."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import headwater.model as m
from headwater.cli import main
from headwater.distributed import Communicator, Interrupted, find_communicator
from headwater.distributed.partition import blocks
from headwater.distributed.sharing import Sharing
from headwater.distributed.signals import ONE_CTRL_C_SECONDS
from headwater.errors import RankError, SolverError
from headwater.sddp import Policy, train_policy
from headwater.sddp.cuts.fields import CUT_FIELDS
from headwater.sddp.passes.compiled_run import CompiledRun
from headwater.sddp.stage.explanation import stage_program
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.training.iteration import Training
from regime_systems import in_two_regimes
from small_systems import random_system, study


def talk(directory: str) -> None:
    """Every call of the communicator; each rank writes what it got."""
    ranks = find_communicator()
    rows = np.zeros((7, 3))
    part = blocks(7, ranks.size)[ranks.rank]
    rows[part.start : part.stop] = np.arange(21.0).reshape(7, 3)[part.start : part.stop]
    ranks.gather_rows(rows)
    few = np.zeros((2, 0, 4))
    ranks.gather_rows(few)
    counts = np.array([ranks.rank, 1, 2**40], np.int64)
    ranks.add_up(counts)
    said = [
        rows.tolist(),
        counts.tolist(),
        ranks.gather(f"rank {ranks.rank}"),
        ranks.from_leader(f"rank {ranks.rank}"),
        ranks.on_leader(os.getpid) == ranks.from_leader(os.getpid()),
        ranks.any(ranks.rank == 1),
        ranks.any(False),
        ending(ranks, failing=2),
        ending(ranks, failing=0),
        ending(ranks, failing=None, interrupted=1),
        ending(ranks, failing=2, interrupted=1),
        ending(ranks, failing=None),
        timed(ranks),
    ]
    Path(directory, f"{ranks.rank}.txt").write_text(repr(said))


def timed(ranks: Communicator) -> list[bool]:
    """Whether every kind of exchange and of waiting adds to the account of time."""
    exchanges: list[Callable[[], object]] = [
        lambda: ranks.gather_rows(np.zeros((7, 3))),
        lambda: ranks.add_up(np.zeros(1, np.int64)),
        lambda: ranks.gather(ranks.rank),
        lambda: ranks.from_leader(ranks.rank),
    ]
    grown = []
    for exchange in exchanges:
        before = ranks.transfer_seconds
        exchange()
        grown.append(ranks.transfer_seconds > before)
    before = ranks.waiting_seconds
    ranks.any(False)
    return [*grown, ranks.waiting_seconds > before]


def share(directory: str, largest_node: str) -> None:
    """Write to a matrix in shared memory, each rank its rows; then once for all."""
    from headwater.distributed.mpi import MpiCommunicator  # what tests import must not start MPI

    ranks = MpiCommunicator(sharing=Sharing.ON, largest_node=int(largest_node))
    memory = ranks.memory_for(1000)
    matrix = memory.matrix((5, 2))
    memory.put(matrix, np.full((5, 2), -1.0))
    before = matrix.copy()
    ranks.gather(None)
    rows = matrix[1:5]
    part = blocks(4, ranks.size)[ranks.rank]
    rows[part.start : part.stop] = 10.0 * ranks.rank + np.arange(2.0)
    ranks.gather_rows(rows)
    gathered = rows.copy()
    ranks.gather(None)
    if ranks.rank == ranks.size - 1:
        matrix[0, 0] = 7.0
    ranks.gather(None)
    Path(directory, f"{ranks.rank}.txt").write_text(
        repr([memory.is_shared, before.tolist(), gathered.tolist(), float(matrix[0, 0])])
    )


def train(directory: str) -> None:
    """Train a few studies; each rank writes what it learned."""
    ranks = find_communicator()
    learned = [digest(train_policy(one, communicator=ranks)) for one in studies()]
    Path(directory, f"{ranks.rank}.txt").write_text(repr(learned))


def studies() -> list[m.Study]:
    """One forward pass, so that ranks have nothing to do; selection by visited states.

    Cuts per opening; negative inflows.
    """
    system = random_system(7, n_openings=3, n_lags=1)
    domination = m.CutSelection(m.Domination(), check_frequency=2, max_active_per_stage=9)
    return [
        study(system, iterations=3, forward_passes=1, method="penalty"),
        study(system, iterations=5, forward_passes=4, method="penalty", cut_selection=domination),
        study(
            system,
            iterations=3,
            forward_passes=4,
            method="penalty",
            cut_formulation=m.CutFormulation.MULTI,
        ),
        study(system, iterations=3, forward_passes=4, method="truncation"),
        in_two_regimes(study(system, iterations=5, forward_passes=4, method="penalty")),
    ]


def digest(policy: Policy) -> str:
    """Of all that was learned, in all bits."""
    known = hashlib.sha256()
    for pool in policy.all_pools:
        for name in ("coefficients", *(field.name for field in CUT_FIELDS)):
            known.update(np.ascontiguousarray(getattr(pool, name)[: pool.n_populated]).tobytes())
    for record in policy.training.iterations if policy.training else ():
        known.update(
            np.array(
                [record.lower_bound, record.simulated_mean, record.simulated_std, record.retries]
            ).tobytes()
        )
    return known.hexdigest()


def ending(ranks: Communicator, *, failing: int | None, interrupted: int | None = None) -> str:
    """How work ends that fails on one rank and is interrupted on another."""

    def work() -> str:
        if ranks.rank == failing:
            raise SolverError(f"no solution on {ranks.rank}")
        if ranks.rank == interrupted:
            raise Interrupted
        return "done"

    try:
        return ranks.together(work)
    except Interrupted:
        return "interrupted"
    except RankError as error:
        return f"{error.exit_code} of {error.rank}: {str(error).split(': ')[-1]}"
    except SolverError as error:
        return f"own: {error}"


def command_line(*arguments: str) -> None:
    """The command line, as it is."""
    sys.argv = ["headwater", *arguments]
    main()


def failing_solve(*arguments: str) -> None:
    """The command line; one solve of rank 1 fails in the third iteration."""
    solve = SolverPool.solve_tree

    def solve_tree(self: SolverPool, t: int, *others: Any, **named: Any) -> Any:
        if find_communicator().rank == 1 and named["iteration"] == 3 and t == 1:
            problem = self._problems.stages[t]
            error = SolverError(
                "planted failure", stage_id=self._problems.system.stages[t].id, iteration=3
            )
            error.lp = stage_program(self._problems.system, problem, others[0][0], problem.openings)
            raise error
        return solve(self, t, *others, **named)

    # in compiled passes it would not be asked
    CompiledRun.serves = staticmethod(lambda *_: False)  # type: ignore[method-assign,assignment]
    SolverPool.solve_tree = solve_tree  # type: ignore[method-assign]
    command_line(*arguments)


def dying(*arguments: str, how: Callable[[], None]) -> None:
    """The command line; rank 1 meets an accident after the third iteration,
    where the others do not look.
    """
    iterate = Training.iterate

    def accident(self: Training) -> Any:
        record = iterate(self)
        if find_communicator().rank == 1 and record.iteration == 3:
            how()
        return record

    Training.iterate = accident  # type: ignore[method-assign]
    command_line(*arguments)


def defect(*arguments: str) -> None:
    """An error that nobody planned for."""

    def fail() -> None:
        raise RuntimeError("planted defect")

    dying(*arguments, how=fail)


def killed(*arguments: str) -> None:
    """The end that leaves no time for words."""
    dying(*arguments, how=lambda: os.kill(os.getpid(), signal.SIGKILL))


def signalled(*arguments: str) -> None:
    """A request to stop that reaches one rank only."""
    dying(*arguments, how=lambda: os.kill(os.getpid(), signal.SIGTERM))


def told_twice(*arguments: str) -> None:
    """One Ctrl-C of which a rank hears from the terminal and from what started it."""

    def tell() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    dying(*arguments, how=tell)


def insisting(*arguments: str) -> None:
    """The command line; rank 1 meets a Ctrl-C, and a later one when all ranks
    have just agreed to stop.
    """
    iterate = Training.iterate

    def interrupted(self: Training) -> Any:
        leads = find_communicator().leads
        if not leads and self.state.n_iterations == 2:
            os.kill(os.getpid(), signal.SIGINT)
        try:
            return iterate(self)
        except Interrupted:
            if not leads:
                time.sleep(1.1 * ONE_CTRL_C_SECONDS)
                os.kill(os.getpid(), signal.SIGINT)
            raise

    Training.iterate = interrupted  # type: ignore[method-assign]
    command_line(*arguments)


def interrupted_at_once(*arguments: str) -> None:
    """The command line; a Ctrl-C reaches rank 1 while the ranks get to know each other."""
    from headwater.distributed import mpi

    if mpi.MPI.COMM_WORLD.rank == 1:
        mpi.available_processors = _pressed
    command_line(*arguments)


def _pressed() -> int:
    os.kill(os.getpid(), signal.SIGINT)
    return 1


def other_case(first: str, second: str, *arguments: str) -> None:
    """The command line, with another case on rank 1 than on the others."""
    command_line("run", second if find_communicator().rank == 1 else first, *arguments)


def script(directory: str) -> None:
    """A program that uses the package and fails on one rank, without the command line."""
    ranks = find_communicator()
    if ranks.rank == 1:
        raise ValueError(f"planted mistake in {directory}")
    ranks.gather(0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
