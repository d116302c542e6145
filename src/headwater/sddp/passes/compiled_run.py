"""Passes of a training on one rank, many stages to a call of compiled code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Interrupted, Team
from headwater.sddp.kernels import backward_kernel as backward
from headwater.sddp.kernels import forward_kernel as forward
from headwater.sddp.kernels import pass_kernel as kernel
from headwater.sddp.kernels.trial_kernel import StageView
from headwater.sddp.passes.compiled_bound import CompiledBound
from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.passes.workspace import (
    ROWS_WORTH_A_THREAD,
    Workspace,
    longest_first,
    openings_in_a_block,
    threads_worth,
)
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool

ROWS_PER_CALL = 500_000
"""Rows of all LPs that a thread solves in one call, about, and at least one stage.

These are tenths of a second, in which nobody is
heard."""


@dataclass(frozen=True)
class BegunStage:
    """What a backward pass has done of the stage that it did not end.

    The numbers of its cuts are in their slots of the pool.

    Attributes:
        is_left: ``[trajectory]`` which have no cuts there yet.
        quality: ``[trajectory, cut]`` of the cuts of the others.
        binding: ``[cut row]`` how often rows of the stage after it were binding for the others.
    """

    is_left: NDArray[np.bool_]
    quality: NDArray[np.int8]
    binding: NDArray[np.int64]


class CompiledRun:
    """The stages of a training as compiled code sees them, and what its threads work in.

    Args:
        problems: the stages.
        team: threads and ranks.
        programs: solver instances of each thread.
        store: trajectories.

    Attributes:
        is_ready: what `prepare` said, and whether it still holds.
        begun: what the last backward pass has done of the stage that it ended at.
        bound: evaluates the first stage with the same threads.
    """

    def __init__(
        self,
        problems: StudyProblems,
        team: Team,
        programs: list[SolverPool],
        store: TrajectoryStore,
    ) -> None:
        self._problems = problems
        self._team = team
        self._programs = programs
        self._store = store
        self._workspace = Workspace(problems, programs)
        self.bound = CompiledBound(self._workspace, team.threads, programs)
        n_stages, self._n_trajectories = problems.n_stages, len(store.costs)
        self._mine = team.mine(self._n_trajectories)
        self._new_cuts = [problems.n_cuts_of_trial(t) for t in range(n_stages)]
        successors = [problems.successor(t) for t in range(n_stages)]
        self._successors = np.array([-1 if s is None else s for s in successors])
        self._positions = np.array(problems.walk.positions)
        self._n_openings = [len(stage.openings) for stage in problems.stages]
        self._n_rows = np.array([stage.form.n_rows for stage in problems.stages])
        self._blocks_of = np.array([openings_in_a_block(int(n)) for n in self._n_rows])
        self._n_cuts, self._n_populated = np.zeros(n_stages, np.int64), np.zeros(n_stages, np.int64)
        self._every_opening = np.arange(max(self._n_openings))
        self._stages = np.zeros((n_stages, kernel.PASS_STAGE.size), np.uint8)
        self._known: list[tuple[object, ...]] = [()] * n_stages
        self.is_ready = self._is_prepared = False
        self._quality = np.zeros((self._n_trajectories, max(1, *self._new_cuts)), np.int8)
        self._is_left = np.ones(self._n_trajectories, np.bool_)
        self._limits, self._taken = np.zeros(3, np.int64), np.zeros(1, np.int64)
        self._orders, self._value = np.zeros(backward.N_ORDERS, np.int64), np.zeros(1)
        self._counts = np.zeros((n_stages, backward.N_COUNTS), np.int64)
        self._numbers = np.zeros((n_stages, self._n_trajectories, backward.N_NUMBERS), np.int64)
        self._pivots = np.zeros((n_stages, max(self._n_openings)), np.int64)
        self._sequence = longest_first(self._pivots)
        self.begun: BegunStage | None = None

    @staticmethod
    def serves(problems: StudyProblems) -> bool:
        """Whether passes can go without asking others: where the engine solves."""
        return all(stage.batched for stage in problems.stages)

    def prepare(self) -> bool:
        """Make room for the cuts of an iteration, and see whether passes can be made.

        They can when every trial of this rank has a basis to start from, and no cut may be wrong.
        All ranks call; not while threads work.
        """
        self.is_ready = all(bases.are_known(self._mine) for bases in self._store.bases)
        for t in range(len(self._stages)):
            self.take_in(t)
        self._is_prepared = True
        return self.is_ready

    def prepare_backward(self) -> None:
        """`prepare`, where the forward pass did not, and order openings by their work."""
        if self._is_prepared:
            stages = self._problems.stages
            self.is_ready = all(bases.are_known(self._mine) for bases in self._store.bases) and (
                not any(stage.pool.any_unproven for stage in stages)
            )
        else:
            self.prepare()
        self._is_prepared = False
        self._sequence = longest_first(self._pivots)
        self._pivots[:] = 0

    def take_in(self, t: int) -> None:
        """See what has changed of a stage, and make room for the cuts of an iteration there."""
        stage, bases = self._problems.stages[t], self._store.bases[t]
        stage.make_room(self._n_trajectories * self._new_cuts[t])
        bases.make_room(self._n_rows[t] + stage.room_for_cuts)
        self._refresh(t)
        self._n_cuts[t], self._n_populated[t] = stage.rows.n_rows, stage.pool.n_populated
        self._workspace.fit(stage.room_for_cuts)
        self.is_ready = self.is_ready and not stage.pool.any_unproven

    def _refresh(self, t: int) -> None:
        """Write the block of a stage anew if one of its arrays has moved."""
        stage, bases = self._problems.stages[t], self._store.bases[t].fields()
        known = (stage.view, *bases)
        if len(self._known[t]) != len(known) or any(
            now is not then for now, then in zip(known, self._known[t], strict=True)
        ):
            effort = self._programs[0].effort(t)
            seen = cast("StageView", stage.view.value)
            value = kernel.PassStage(seen, kernel.BasesArrays(*bases), effort, self._new_cuts[t])
            kernel.PASS_STAGE.write(value, self._stages[t])
            self._known[t] = known

    # -- forward -----------------------------------------------------------------------------------

    def forward(
        self,
        next_visit: NDArray[np.int64],
        states: NDArray[np.float64],
        openings: NDArray[np.int64],
        should_stop: Callable[[], bool],
    ) -> None:
        """Walk the trajectories of this rank on, each to its end or until it needs HiGHS.

        Args:
            next_visit: ``[trajectory]`` the visit that each makes next; moved along.
            states: ``[trajectory, n_state]`` before it; moved along.
            openings: ``[visit, trajectory]`` openings of the tree.
            should_stop: asked between calls.

        Raises:
            Interrupted: ``should_stop`` said so.
        """
        n_visits, most_rows = len(self._positions), int((self._n_cuts + self._n_rows).max())
        n_called = self._team.threads.n_called(len(self._mine))
        at_a_time = max(1, n_called * ROWS_PER_CALL // (most_rows * max(1, len(self._mine))))
        stop = int(next_visit[self._mine].min(initial=n_visits))
        while stop < n_visits:
            if should_stop():
                raise Interrupted
            stop = min(stop + at_a_time, n_visits)
            self._walk(self._mine, stop, next_visit, states, openings)

    def _walk(
        self,
        trajectories: range,
        stop: int,
        next_visit: NDArray[np.int64],
        states: NDArray[np.float64],
        openings: NDArray[np.int64],
    ) -> None:
        """Walk trajectories up to a visit in one call of each thread."""
        store, space = self._store, self._workspace
        self._limits[:], self._taken[0] = (trajectories.start, trajectories.stop, stop), 0
        run = forward.FORWARD_RUN.pack(
            forward.ForwardRun(
                self._stages,
                self._n_cuts,
                self._positions,
                openings,
                self._limits,
                next_visit,
                self._taken,
                states,
                store.states,
                store.costs,
                store.future,
                store.truncated,
            )
        )
        works = [kernel.account(len(self._stages)) for _ in range(self._team.n_threads)]

        def work(worker: int, _: range) -> None:
            forward.forward_visits(
                run.block, space.rooms[worker].block, space.scratch[worker].block, works[worker]
            )

        n_visits = max(1, stop - int(next_visit[trajectories].min(initial=stop)))
        least = -(-ROWS_WORTH_A_THREAD // (int(self._n_rows.max()) * n_visits))
        self._team.threads.run(work, trajectories, least)
        self._note(works, [1] * len(self._stages))

    # -- backward ----------------------------------------------------------------------------------

    def backward(
        self, first_stage: int, iteration: int, tolerance: float, should_stop: Callable[[], bool]
    ) -> int:
        """Make cuts from ``first_stage`` on, until a stage needs HiGHS or has an unsound cut.

        On one rank cuts are entered in the pools. On several it ends with the first stage, whose
        cuts ranks have to exchange.

        Returns:
            The stage that is not done, of which ``begun`` tells; -1 when all are.

        Raises:
            Interrupted: ``should_stop`` said so.
        """
        most_rows = int((self._n_cuts + self._n_rows).max())
        n_programs = max(1, len(self._mine)) * max(self._n_openings)
        n_called = threads_worth(self._team.threads, n_programs * int(self._n_rows.max()))
        at_a_time = max(1, n_called * ROWS_PER_CALL // (most_rows * n_programs))
        is_alone, t = self._team.communicator.size == 1, first_stage
        self.begun = None
        while t >= 0 and self.is_ready and len(self._mine):
            if should_stop():
                raise Interrupted
            start, stop = t, max(t - at_a_time + 1, 0) if is_alone else t
            before = self._n_populated.copy()
            t = self._cut(start, stop, iteration, tolerance, n_called, enters=is_alone)
            for done in range(t + 1, start + 1):
                n_new = int(self._n_populated[done] - before[done])
                self._problems.pools[done].n_populated += n_new
                self._problems.stages[done].note_rows(n_new)
            if t >= stop:
                self._note_begun(t)
                break
        return t

    def _cut(
        self,
        start: int,
        stop: int,
        iteration: int,
        tolerance: float,
        n_called: int,
        *,
        enters: bool,
    ) -> int:
        """See `backward_kernel.backward_stages`; ``n_called`` threads work on it."""
        space, clock = self._workspace, self._team.clock
        mine = self._mine
        self._orders[:] = start, stop, mine.start, mine.stop, iteration, enters
        self._counts[:], self._numbers[:], space.taken[:], space.binding[:] = 0, 0, 0, 0
        self._is_left[:] = True
        run = backward.BACKWARD_RUN.pack(
            backward.BackwardRun(
                self._stages,
                self._n_cuts,
                self._n_populated,
                self._successors,
                self._blocks_of,
                self._sequence,
                self._pivots,
                self._store.states,
                self._every_opening,
                self._problems.is_multi,
                False,
                tolerance,
                self._orders,
                self._counts,
                self._numbers,
                space.taken,
                space.slots,
                self._value,
                self._quality,
                space.binding,
                self._is_left,
            )
        )
        works = [kernel.account(len(self._stages)) for _ in range(self._team.n_threads)]

        def work(worker: int, _: range) -> int:
            stopped: int = backward.backward_stages(
                run.block, space.rooms[worker].block, space.scratch[worker].block, works[worker]
            )
            return stopped

        stopped = self._team.threads.run(work, range(n_called))[0]
        clock.add("cut_batch_build", sum(float(one.entering[0]) for one in works))
        self._note(works, self._n_openings)
        return stopped

    def _note_begun(self, t: int) -> None:
        """Keep what is done of the stage at which a backward pass ended."""
        s = int(self._successors[t])
        self._problems.stages[s].opening_weights.raise_error()
        if self._is_left[self._mine].all():
            return
        self.begun = BegunStage(
            self._is_left.copy(),
            self._quality[:, : self._new_cuts[t]].copy(),
            self._workspace.binding[: self._n_cuts[s]].copy(),
        )

    def _note(self, works: list[kernel.Account], solves: list[int]) -> None:
        """Account for the work of threads; ``solves`` LPs make a trial of each stage."""
        for programs, work in zip(self._programs, works, strict=True):
            for s in np.flatnonzero(work.trials).tolist():
                n = int(work.trials[s])
                programs.note(s, n, n * solves[s], work.pivots[s], work.seconds[s])

    def rehearse(self) -> None:
        """Have both passes compiled by making them through no stage at all."""
        self.prepare()
        n_visits, n_state = len(self._positions), self._store.states.shape[2]
        openings = np.zeros((n_visits, 0), np.int64)
        self._walk(range(0), 0, np.zeros(0, np.int64), np.zeros((0, n_state)), openings)
        self._cut(0, 1, 1, 0.0, 1, enters=True)
