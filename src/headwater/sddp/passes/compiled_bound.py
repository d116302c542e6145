"""The value of a state under all openings of a stage, by all threads: the lower bound."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import ThreadTeam
from headwater.sddp.kernels import backward_kernel, pass_kernel
from headwater.sddp.kernels.trial_kernel import StageView
from headwater.sddp.passes.workspace import Workspace, openings_in_a_block, threads_worth
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
        self._view: Packed | None = None
        self._columns = np.zeros((1, 0), np.int32)
        self._rows = np.zeros((1, 0), np.int32)
        self._block = np.zeros((1, pass_kernel.PASS_STAGE.size), np.uint8)

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
        space, n_cuts, n_openings = self._workspace, stage.rows.n_rows, len(stage.openings)
        space.fit(stage.room_for_cuts)
        self._take_over(stage, basis)
        orders = np.zeros(backward_kernel.N_ORDERS, np.int64)
        orders[backward_kernel.LAST_TRIAL] = 1
        numbers = np.zeros((1, 1, backward_kernel.N_NUMBERS), np.int64)
        value, is_left = np.zeros(1), np.ones(1, np.bool_)
        space.taken[:], space.binding[:] = 0, 0
        none = np.zeros(1, np.int64)
        run = backward_kernel.BACKWARD_RUN.pack(
            backward_kernel.BackwardRun(
                self._block,
                np.array([n_cuts]),
                none,
                none,
                np.array([openings_in_a_block(stage.form.n_rows)]),
                state[None, None, :],
                np.arange(n_openings),
                False,
                True,
                tolerance,
                orders,
                np.zeros((1, backward_kernel.N_COUNTS), np.int64),
                numbers,
                space.taken,
                space.slots,
                value,
                np.zeros((1, 1), np.int8),
                space.binding,
                is_left,
            )
        )
        works = [pass_kernel.account(1) for _ in self._programs]

        def work(worker: int, _: range) -> None:
            backward_kernel.backward_stages(
                run.block, space.rooms[worker].block, space.scratch[worker].block, works[worker]
            )

        n_called = threads_worth(self._threads, n_openings * stage.form.n_rows)
        self._threads.run(work, range(n_called))
        stage.opening_weights.raise_error()
        if is_left[0]:
            return None
        for programs, done in zip(self._programs, works, strict=True):
            n = int(done.trials[0])
            if n or done.seconds[0]:
                programs.note(0, n, n * n_openings, done.pivots[0], done.seconds[0])
        slot = space.slot_values[int(numbers[0, 0, backward_kernel.SLOT]) - 1]
        final = Basis(
            slot.final_columns[: stage.form.n_columns].copy(),
            slot.final_rows[: stage.n_rows].copy(),
        )
        return float(value[0]), space.binding[:n_cuts].copy(), final

    def _take_over(self, stage: StageProblem, basis: Basis) -> None:
        """Write the stage anew if an array has moved, and the basis to where it is read."""
        n_rows = stage.form.n_rows + stage.room_for_cuts
        if stage.view is not self._view or self._rows.shape[1] < n_rows:
            self._view = stage.view
            self._columns = np.zeros((1, stage.form.n_columns), np.int32)
            self._rows = np.zeros((1, n_rows), np.int32)
            seen = cast("StageView", stage.view.value)
            bases = pass_kernel.BasesArrays(self._columns, self._rows)
            value = pass_kernel.PassStage(seen, bases, self._programs[0].effort(0), 1)
            pass_kernel.PASS_STAGE.write(value, self._block[0])
        self._columns[0], self._rows[0, : len(basis.rows)] = basis.columns, basis.rows
