"""Passes of a training on one rank, many stages to a call of compiled code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Interrupted, Team
from headwater.sddp.kernels import pass_kernel as kernel
from headwater.sddp.kernels.trial_kernel import StageView
from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.solver.packing_kernel import Packed
from headwater.solver.waiting_kernel import ABANDONED

ROWS_PER_CALL = 500_000
"""Rows of all programs that one call solves, about, and at least one stage: tenths of a second, in
which nobody is heard.
"""


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
        team: threads of the only rank.
        programs: solver instances of each thread.
        store: trajectories.

    Attributes:
        is_ready: whether `prepare` said so and nothing has changed since; whoever adds cuts
            otherwise takes it back.
        is_left: ``[trajectory]`` which are still to make the visit or the cuts that the last call
            of their thread ended at.
        begun: what the last backward pass has done of the stage that it ended at.
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
        n_stages, self._n_trajectories = problems.n_stages, len(store.costs)
        self._new_cuts = [problems.n_cuts_of_trial(t) for t in range(n_stages)]
        self._successors = np.array(
            [-1 if s is None else s for s in map(problems.successor, range(n_stages))]
        )
        self._positions = np.array(problems.walk.positions)
        self._n_openings = [len(stage.openings) for stage in problems.stages]
        self._n_rows = np.array([stage.form.n_rows for stage in problems.stages])
        self._n_cuts, self._n_populated = np.zeros(n_stages, np.int64), np.zeros(n_stages, np.int64)
        self._most_rows = 0
        self._every_opening = np.arange(max(self._n_openings))
        self._blocks = np.zeros((n_stages, kernel.PASS_STAGE.size), np.uint8)
        self._known: list[tuple[object, ...]] = [()] * n_stages
        self._rooms: list[Packed] = []
        self._scratch: list[Packed] = []
        self._room_for = 0
        self.is_ready = False
        self._quality = np.zeros((self._n_trajectories, max(1, *self._new_cuts)), np.int8)
        self._binding = np.zeros((team.n_threads, 0), np.int64)
        self._sound = np.zeros(team.n_threads, np.int64)
        self.is_left = np.ones(self._n_trajectories, np.bool_)
        self.begun: BegunStage | None = None
        self._barrier = np.zeros(3, np.int64)

    @staticmethod
    def serves(problems: StudyProblems, team: Team) -> bool:
        """Whether passes go stage by stage without asking others.

        On one rank, where the engine solves.
        """
        return team.communicator.size == 1 and all(stage.batched for stage in problems.stages)

    def prepare(self) -> bool:
        """Make room for the cuts of an iteration, and see whether passes can be made.

        Not while threads work.

        They can when every trial has a basis to start from, and no cut may be wrong.
        """
        store, stages = self._store, self._problems.stages
        for t, stage in enumerate(stages):
            n_new = self._n_trajectories * self._new_cuts[t]
            stage.make_room(n_new)
            n_cuts = stage.rows.n_rows
            store.bases[t].make_room(self._n_rows[t] + stage.room_for_cuts)
            self._refresh(t)
            self._n_cuts[t], self._n_populated[t] = n_cuts, stage.pool.n_populated
        self._most_rows = int((self._n_cuts + self._n_rows).max())
        largest = max(stage.room_for_cuts for stage in stages)
        if largest > self._room_for or not self._rooms:
            self._room_for = largest
            self._make_rooms()
        self.is_ready = all(bases.all_known for bases in store.bases) and not any(
            stage.pool.any_unproven for stage in stages
        )
        return self.is_ready

    def _refresh(self, t: int) -> None:
        """Write the block of a stage anew if one of its arrays has moved."""
        stage, bases = self._problems.stages[t], self._store.bases[t].fields()
        known = (stage.view, *bases)
        if len(self._known[t]) != len(known) or any(
            now is not then for now, then in zip(known, self._known[t], strict=True)
        ):
            effort = self._programs[0].effort(t)
            value = kernel.PassStage(
                cast("StageView", stage.view.value),
                kernel.BasesArrays(*bases),
                effort,
                self._new_cuts[t],
            )
            kernel.PASS_STAGE.write(value, self._blocks[t])
            self._known[t] = known

    def _make_rooms(self) -> None:
        forms = [stage.form for stage in self._problems.stages]
        sizes = (
            # a thread gets all trajectories where they are too few to be shared out
            self._n_trajectories,
            max(self._n_openings),
            max(form.n_rows for form in forms),
            self._room_for,
            max(form.n_columns for form in forms),
            max(len(form.exogenous) for form in forms),
            self._problems.layout.size("storage"),
            self._problems.layout.dimension,
        )
        self._rooms = [
            kernel.PASS_ROOM.pack(kernel.pass_room(*sizes)) for _ in range(self._team.n_threads)
        ]
        self._scratch = [programs.scratch_for(self._room_for) for programs in self._programs]
        self._binding = np.zeros((self._team.n_threads, self._room_for), np.int64)

    def forward(
        self,
        worker: int,
        trajectories: range,
        first_visit: int,
        states: NDArray[np.float64],
        openings: NDArray[np.int64],
        should_stop: Callable[[], bool],
    ) -> int:
        """Walk trajectories of the tree on from a visit, until one of them needs HiGHS.

        The others still make that visit.

        Args:
            worker: number of the thread.
            trajectories: its own.
            first_visit: where to begin.
            states: ``[trajectory of the thread, n_state]`` states there; after that, those before
                the visit that is returned, or after it where trajectories have made it: ``is_left``
                tells.
            openings: ``[visit, trajectory]`` openings of the tree.
            should_stop: asked between calls.

        Returns:
            The visit that is not done.

        Raises:
            Interrupted: ``should_stop`` said so.
        """
        positions, programs = self._positions, self._programs[worker]
        at_a_time, visit = (
            max(1, ROWS_PER_CALL // (self._most_rows * len(trajectories))),
            first_visit,
        )
        while visit < len(positions):
            if should_stop():
                raise Interrupted
            start, stop, work = (
                visit,
                min(visit + at_a_time, len(positions)),
                kernel.account(len(self._blocks)),
            )
            left = self.is_left[trajectories.start : trajectories.stop]
            left[:] = True
            visit = self._walk(worker, trajectories.start, start, stop, states, openings, work)
            for t in positions[start:visit].tolist():
                programs.note(
                    t, len(trajectories), len(trajectories), work.pivots[t], work.seconds[t]
                )
            if visit < stop:
                t, n_made = int(positions[visit]), int(np.count_nonzero(~left))
                if n_made:
                    programs.note(t, n_made, n_made, work.pivots[t], work.seconds[t])
                break
        return visit

    def _walk(
        self,
        worker: int,
        first: int,
        start: int,
        stop: int,
        states: NDArray[np.float64],
        openings: NDArray[np.int64],
        work: kernel.Account,
    ) -> int:
        """See `kernel.forward_visits`; ``first`` is the first trajectory of the thread."""
        store = self._store
        visit: int = kernel.forward_visits(
            self._blocks, self._n_cuts, self._positions, openings, start, stop, first, states,
            store.states, store.costs, store.future, store.truncated, self.is_left,
            self._rooms[worker].block, self._scratch[worker].block, work,
        )  # fmt: skip
        return visit

    def _cut(
        self,
        worker: int,
        trajectories: range,
        start: int,
        stop: int,
        iteration: int,
        tolerance: float,
        n_called: int,
        work: kernel.Account,
    ) -> int:
        """See `kernel.backward_stages`; ``n_called`` threads work on it."""
        stopped: int = kernel.backward_stages(
            self._blocks, self._n_cuts, self._n_populated, self._successors, start, stop,
            trajectories.start, trajectories.stop, self._n_trajectories, self._store.states,
            self._problems.is_multi, self._every_opening, iteration, tolerance, self._quality,
            self._binding, self._sound, self.is_left, self._barrier, worker, n_called,
            self._rooms[worker].block, self._scratch[worker].block, work,
        )  # fmt: skip
        return stopped

    def rehearse(self) -> None:
        """Have both passes compiled by making them through no stage at all."""
        self.prepare()
        nothing, work = range(0), kernel.account(len(self._blocks))
        states, openings = (
            np.zeros((0, self._store.states.shape[2])),
            np.zeros((len(self._positions), 0), np.int64),
        )
        self._walk(0, 0, 0, 0, states, openings, work)
        self._cut(0, nothing, 0, 1, 1, 0.0, 1, work)

    def backward(
        self, first_stage: int, iteration: int, tolerance: float, should_stop: Callable[[], bool]
    ) -> int:
        """Add cuts to the pools from ``first_stage`` on.

        Until a stage needs HiGHS or makes a cut that is not sound.

        Returns:
            The stage that is not done, of which ``begun`` tells; -1 when all are.

        Raises:
            Interrupted: ``should_stop`` said so.
        """
        n_populated = self._n_populated
        at_a_time = max(
            1, ROWS_PER_CALL // (self._most_rows * self._n_trajectories * max(self._n_openings))
        )
        threads, clock, t = self._team.threads, self._team.clock, first_stage
        self.begun = None
        while t >= 0:
            if should_stop():
                raise Interrupted
            start, stop, before = t, max(t - at_a_time + 1, 0), n_populated.copy()
            works = [kernel.account(len(self._blocks)) for _ in range(self._team.n_threads)]
            self._barrier[:], self.is_left[:] = 0, True
            n_called = threads.n_called(self._n_trajectories)

            def work(
                worker: int, trajectories: range, start: int = start, stop: int = stop,
                n_called: int = n_called, works: list[kernel.Account] = works,
            ) -> int:  # fmt: skip
                return self._cut(
                    worker, trajectories, start, stop, iteration, tolerance, n_called, works[worker]
                )

            t = threads.run(work, range(self._n_trajectories), abandon=self._abandon)[0]
            clock.add("cut_batch_build", works[0].entering[0])
            self._note(range(start, t, -1), works, n_called, before, n_populated)
            if t >= stop:
                self._note_begun(t, works, n_called)
                break
        return t

    def _note_begun(self, t: int, works: list[kernel.Account], n_called: int) -> None:
        """Keep what is done of the stage at which a backward pass ended.

        The statistics are told of it.
        """
        s = int(self._successors[t])
        if self.is_left.all():
            return
        self._problems.stages[s].opening_weights.raise_error()
        binding = self._binding[:n_called, : self._n_cuts[s]].sum(axis=0)
        self.begun = BegunStage(
            self.is_left.copy(), self._quality[:, : self._new_cuts[t]].copy(), binding
        )
        for worker, part in enumerate(
            self._team.threads.shares(range(self._n_trajectories), n_called)
        ):
            n_made, work = (
                int(np.count_nonzero(~self.is_left[part.start : part.stop])),
                works[worker],
            )
            if n_made:
                self._programs[worker].note(
                    s, n_made, n_made * self._n_openings[s], work.pivots[s], work.seconds[s]
                )

    def _note(
        self,
        stages: range,
        works: list[kernel.Account],
        n_called: int,
        before: NDArray[np.int64],
        after: NDArray[np.int64],
    ) -> None:
        """Let stages, pools and the account know of a backward pass through some stages."""
        parts = self._team.threads.shares(range(self._n_trajectories), n_called)
        for t in stages:
            s = int(self._successors[t])
            if s < 0:
                continue
            n_new = int(after[t] - before[t])
            self._problems.pools[t].n_populated += n_new
            self._problems.stages[t].note_rows(n_new)
            for worker, part in enumerate(parts):
                work = works[worker]
                solves = len(part) * self._n_openings[s]
                self._programs[worker].note(s, len(part), solves, work.pivots[s], work.seconds[s])

    def _abandon(self) -> None:
        """Let no thread wait for one that has failed."""
        self._barrier[ABANDONED] = 1
