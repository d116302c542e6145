"""Passes of a training on one rank, many stages to a call of compiled code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import is_
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
    Accounts,
    Workspace,
    longest_first,
    openings_in_a_block,
    threads_worth,
)
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.solver.packing_kernel import Packed

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
        self._stages = np.zeros((n_stages, kernel.PASS_STAGE.size), np.uint8)
        self._known: list[kernel.PassStage | None] = [None] * n_stages
        self.is_ready = self._is_prepared = False
        self._quality = np.zeros((self._n_trajectories, max(1, *self._new_cuts)), np.int8)
        self._is_left = np.ones(self._n_trajectories, np.bool_)
        self._orders = np.zeros(backward.N_ORDERS, np.int64)
        self._counts = np.zeros((n_stages, backward.N_COUNTS), np.int64)
        self._numbers = np.zeros((n_stages, self._n_trajectories, backward.N_NUMBERS), np.int64)
        self._pivots = np.zeros((n_stages, max(self._n_openings)), np.int64)
        self._sequence = longest_first(self._pivots)
        self._accounts = Accounts(team.n_threads, n_stages)
        self._forward: Packed | None = None
        self._backward: Packed | None = None
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
        self._sequence[:] = longest_first(self._pivots)
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
        """Write to the block of a stage what has moved of its arrays."""
        stage, known = self._problems.stages[t], self._known[t]
        view, bases = stage.view, self._store.bases[t].fields()
        seen = cast("StageView", view.value)
        if known is None:
            effort, n_new = self._programs[0].effort(t), self._new_cuts[t]
            now = kernel.PassStage(seen, kernel.BasesArrays(*bases), effort, n_new)
            kernel.PASS_STAGE.write(now, self._stages[t])
        elif known.seen is seen and all(map(is_, known.bases, bases)):
            return
        else:
            now = known._replace(seen=seen, bases=kernel.BasesArrays(*bases))
            kernel.PASS_STAGE.update(now, known, self._stages[t])
        self._known[t] = now

    # -- forward -----------------------------------------------------------------------------------

    def forward(self, should_stop: Callable[[], bool]) -> None:
        """Walk the trajectories of this rank on, each to its end or until it needs HiGHS.

        Args:
            should_stop: asked between calls.

        Raises:
            Interrupted: ``should_stop`` said so.
        """
        assert self._forward is not None
        next_visit = cast("forward.ForwardRun", self._forward.value).next_visit
        n_visits, most_rows = len(self._positions), int((self._n_cuts + self._n_rows).max())
        n_called = self._team.threads.n_called(len(self._mine))
        at_a_time = max(1, n_called * ROWS_PER_CALL // (most_rows * max(1, len(self._mine))))
        stop = int(next_visit[self._mine].min(initial=n_visits))
        while stop < n_visits:
            if should_stop():
                raise Interrupted
            stop = min(stop + at_a_time, n_visits)
            self._walk(self._mine, stop)

    def start(
        self, openings: NDArray[np.int64], states: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Begin a forward pass; returns what `forward` moves along.

        Args:
            openings: ``[visit, trajectory]`` openings of the tree.
            states: ``[trajectory, n_state]`` before the first visit.

        Returns:
            ``[trajectory]`` the visit that each makes next, and ``[trajectory, n_state]`` states.
        """
        store = self._store
        fields = store.states, store.costs, store.future, store.truncated
        run = self._forward
        if run is None or not all(map(is_, fields, run.value[-len(fields) :])):
            made = forward.ForwardRun(
                self._stages,
                self._n_cuts,
                self._positions,
                np.empty(openings.shape, np.int64),
                np.zeros(3, np.int64),
                np.zeros(len(states), np.int64),
                np.zeros(1, np.int64),
                np.empty(states.shape),
                *fields,
            )
            run = self._forward = forward.FORWARD_RUN.pack(made)
        made = cast("forward.ForwardRun", run.value)
        made.openings[:], made.states[:], made.next_visit[:] = openings, states, 0
        return made.next_visit, made.states

    def _walk(self, trajectories: range, stop: int) -> None:
        """Walk trajectories up to a visit in one call of each thread."""
        run, space = self._forward, self._workspace
        assert run is not None
        made = cast("forward.ForwardRun", run.value)
        n_visits = stop - int(made.next_visit[trajectories].min(initial=stop))
        made.limits[:], made.taken[0] = (trajectories.start, trajectories.stop, stop), 0
        accounts = self._accounts.cleared()

        def work(worker: int, _: range) -> None:
            forward.forward_visits(
                run.block, space.rooms[worker].block, space.scratch[worker].block, accounts[worker]
            )

        n_rows = len(trajectories) * max(0, n_visits) * int(self._n_rows.max())
        n_called = min(threads_worth(self._team.threads, n_rows), max(1, len(trajectories)))
        self._team.threads.run(work, range(n_called))
        self._accounts.note(self._programs[0], [1] * len(self._stages))

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
        n_threads = self._team.n_threads
        at_a_time = max(1, n_threads * ROWS_PER_CALL // (most_rows * n_programs))
        is_alone, t = self._team.communicator.size == 1, first_stage
        self.begun = None
        while t >= 0 and self.is_ready and len(self._mine):
            if should_stop():
                raise Interrupted
            start, stop = t, max(t - at_a_time + 1, 0) if is_alone else t
            before = self._n_populated.copy()
            n_rows = n_programs * (start - stop + 1) * int(self._n_rows.max())
            n_called = threads_worth(self._team.threads, n_rows)
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
        space, mine, run = self._workspace, self._mine, self._backward_run(tolerance)
        self._orders[:] = start, stop, mine.start, mine.stop, iteration, enters
        self._counts[:], self._numbers[:], space.taken[:], space.binding[:] = 0, 0, 0, 0
        self._is_left[:] = True
        accounts = self._accounts.cleared()

        def work(worker: int, _: range) -> int:
            stopped: int = backward.backward_stages(
                run.block, space.rooms[worker].block, space.scratch[worker].block, accounts[worker]
            )
            return stopped

        stopped = self._team.threads.run(work, range(n_called))[0]
        self._team.clock.add("cut_batch_build", self._accounts.entering())
        self._accounts.note(self._programs[0], self._n_openings)
        return stopped

    def _backward_run(self, tolerance: float) -> Packed:
        """The pass as a block, written anew if one of its arrays has moved."""
        space, store, run = self._workspace, self._store, self._backward
        if run is not None:
            known = cast("backward.BackwardRun", run.value)
            if known.states is store.states and known.binding is space.binding:
                return run
        self._backward = backward.BACKWARD_RUN.pack(
            backward.BackwardRun(
                stages=self._stages,
                n_cuts=self._n_cuts,
                n_populated=self._n_populated,
                successors=self._successors,
                block_lengths=self._blocks_of,
                sequence=self._sequence,
                pivots=self._pivots,
                states=store.states,
                every_opening=np.arange(max(self._n_openings)),
                of_openings=self._problems.is_multi,
                weighs=False,
                tolerance=tolerance,
                orders=self._orders,
                counts=self._counts,
                numbers=self._numbers,
                taken=space.taken,
                slots=space.slots,
                value=np.zeros(1),
                quality=self._quality,
                binding=space.binding,
                is_left=self._is_left,
            )
        )
        return self._backward

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

    def rehearse(self) -> None:
        """Have both passes compiled by making them through no stage at all."""
        self.prepare()
        n_trajectories, n_state = self._n_trajectories, self._store.states.shape[2]
        openings = np.zeros((len(self._positions), n_trajectories), np.int64)
        self.start(openings, np.zeros((n_trajectories, n_state)))
        self._walk(range(0), 0)
        self._cut(0, 1, 1, 0.0, 1, enters=True)
