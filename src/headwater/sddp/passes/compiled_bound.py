"""The value of a state under all openings of a stage, by all threads: the lower bound."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import ThreadTeam
from headwater.sddp.kernels import backward_kernel, pass_kernel
from headwater.sddp.kernels.trial_kernel import StageView
from headwater.sddp.passes.workspace import (
    Accounts,
    Workspace,
    longest_first,
    openings_in_a_block,
    threads_worth,
)
from headwater.sddp.stage.problem import StageProblem
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.solver import Basis
from headwater.solver.packing_kernel import Packed


class CompiledBound:
    """A backward pass through one stage and one trial, which is weighed.

    Args:
        workspace: of the threads.
        threads: who works.
        programs: solver instances of each thread, for the account.
    """

    def __init__(
        self, workspace: Workspace, threads: ThreadTeam, programs: list[SolverPool]
    ) -> None:
        self._workspace = workspace
        self._threads = threads
        self._programs = programs
        self._known: tuple[object, ...] = ()
        self._stage = np.zeros((1, pass_kernel.PASS_STAGE.size), np.uint8)
        self._columns = self._rows = np.zeros((1, 0), np.int32)
        self._n_cuts, self._state = np.zeros(1, np.int64), np.zeros((1, 1, 0))
        self._pivots = self._sequence = np.zeros((1, 0), np.int64)
        self._counts = np.zeros((1, backward_kernel.N_COUNTS), np.int64)
        self._numbers = np.zeros((1, 1, backward_kernel.N_NUMBERS), np.int64)
        self._accounts = Accounts(threads.n_workers, 1)
        self._value, self._is_left = np.zeros(1), np.ones(1, np.bool_)
        self._run: Packed | None = None

    def weigh(
        self, stage: StageProblem, state: NDArray[np.float64], basis: Basis, tolerance: float
    ) -> tuple[float, NDArray[np.int64], Basis] | None:
        """Solve a stage at a state under all openings of its tree.

        Args:
            stage: the first one.
            state: ``[n_state]``.
            basis: where to start, with all rows.
            tolerance: a cut is binding when its dual is larger.

        Returns:
            Value in $, in how many openings each row of a cut was binding, and the basis after the
            last opening; ``None`` where HiGHS is needed.
        """
        space, n_openings = self._workspace, len(stage.openings)
        space.fit(stage.room_for_cuts)
        run = self._run_of(stage, len(state), tolerance)
        self._columns[0], self._rows[0, : len(basis.rows)] = basis.columns, basis.rows
        self._n_cuts[0], self._state[0, 0] = stage.rows.n_rows, state
        self._counts[:], self._numbers[:], space.taken[:], space.binding[:] = 0, 0, 0, 0
        self._sequence[:], self._pivots[:] = longest_first(self._pivots), 0
        self._is_left[0] = True
        accounts = self._accounts.cleared()

        def work(worker: int, _: range) -> None:
            backward_kernel.backward_stages(
                run.block, space.rooms[worker].block, space.scratch[worker].block, accounts[worker]
            )

        n_called = threads_worth(self._threads, n_openings * stage.form.n_rows)
        self._threads.run(work, range(n_called))
        stage.opening_weights.raise_error()
        if self._is_left[0]:
            return None
        self._accounts.note(self._programs[0], [n_openings])
        slot = space.slot_values[int(self._numbers[0, 0, backward_kernel.SLOT]) - 1]
        final = Basis(
            slot.final_columns[: stage.form.n_columns].copy(),
            slot.final_rows[: stage.n_rows].copy(),
        )
        return float(self._value[0]), space.binding[: stage.rows.n_rows].copy(), final

    def _run_of(self, stage: StageProblem, n_state: int, tolerance: float) -> Packed:
        """The pass, written anew if one of the arrays of the stage has moved."""
        known = (stage.view, self._workspace.binding)
        if self._run is not None and all(
            now is then for now, then in zip(known, self._known, strict=True)
        ):
            return self._run
        self._known = known
        self._columns = np.zeros((1, stage.form.n_columns), np.int32)
        self._rows = np.zeros((1, stage.form.n_rows + stage.room_for_cuts), np.int32)
        bases = pass_kernel.BasesArrays(self._columns, self._rows)
        seen = cast("StageView", stage.view.value)
        value = pass_kernel.PassStage(seen, bases, self._programs[0].effort(0), 1)
        pass_kernel.PASS_STAGE.write(value, self._stage[0])
        n_openings = len(stage.openings)
        if self._pivots.shape[1] != n_openings:
            self._pivots = np.zeros((1, n_openings), np.int64)
            self._sequence = longest_first(self._pivots)
        self._state, none = np.zeros((1, 1, n_state)), np.zeros(1, np.int64)
        orders = np.zeros(backward_kernel.N_ORDERS, np.int64)
        orders[backward_kernel.LAST_TRIAL] = 1
        self._run = backward_kernel.BACKWARD_RUN.pack(
            backward_kernel.BackwardRun(
                stages=self._stage,
                n_cuts=self._n_cuts,
                n_populated=none,
                successors=none,
                block_lengths=np.array([openings_in_a_block(stage.form.n_rows)]),
                sequence=self._sequence,
                pivots=self._pivots,
                states=self._state,
                every_opening=np.arange(n_openings),
                of_openings=False,
                weighs=True,
                tolerance=tolerance,
                orders=orders,
                counts=self._counts,
                numbers=self._numbers,
                taken=self._workspace.taken,
                slots=self._workspace.slots,
                value=self._value,
                quality=np.zeros((1, 1), np.int8),
                binding=self._workspace.binding,
                is_left=self._is_left,
            )
        )
        return self._run
