"""Where a training stands between two iterations.

All that the next iteration depends on, besides the study and the cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Communicator
from headwater.errors import PolicyError
from headwater.sddp.bounds.vertices import VERTICES, InnerApproximation
from headwater.sddp.cuts.selection import needs_archive
from headwater.sddp.cuts.visited_states import VisitedStates
from headwater.sddp.passes.backward import LowerBound
from headwater.sddp.passes.regimes import RegimeBound, empty_stores
from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.records.stored_training import StageArrays, StoredTraining
from headwater.sddp.records.training import IterationRecord
from headwater.sddp.stage.problems import StudyProblems
from headwater.solver import Basis


@dataclass
class TrainingState:
    """The state of a training after its last complete iteration.

    The next iteration is a function of this, of the cuts in the pools and of the study, and of
    nothing else: a training that goes on from a stored copy of it gives the same bits as one that
    was never interrupted.

    Attributes:
        stores: bases of the trajectories, for each regime, or one without regimes.
        bound: evaluates the bound of the first stage, from the basis of its last evaluation.
        history: one record per complete iteration.
        visited: every state that a trajectory left a stage in; ``None`` where nothing asks for
            them.
        inner: what the last evaluation of the deterministic upper bound left; ``None`` before the
            first.
    """

    stores: tuple[TrajectoryStore, ...]
    bound: LowerBound | RegimeBound
    history: list[IterationRecord] = field(default_factory=list)
    visited: VisitedStates | None = None
    inner: InnerApproximation | None = None

    @classmethod
    def fresh(cls, problems: StudyProblems) -> TrainingState:
        """The state before the first iteration."""
        config, n_state = problems.study.config.training, problems.layout.dimension
        stores = empty_stores(problems, config.forward_passes)
        visited = None
        whole = problems.study.config
        if needs_archive(config.cut_selection) or whole.upper_bound.enabled or whole.export_states:
            visited = VisitedStates.empty(
                problems.n_stages, n_state, config.archive_memory_limit_mb
            )
        bound = RegimeBound(problems) if problems.regimes else LowerBound(problems)
        return cls(stores, bound, visited=visited)

    @classmethod
    def resumed(
        cls,
        problems: StudyProblems,
        stored: StoredTraining,
        others: Sequence[StoredTraining | None] = (),
    ) -> TrainingState:
        """The state that was stored; ``problems`` hold the cuts of the same policy.

        Args:
            problems: the stages.
            stored: what was stored.
            others: what was stored of the regimes but the first.

        Raises:
            PolicyError: what was stored does not fit the stage programs.
        """
        state = cls.fresh(problems)
        state.history.extend(stored.history)
        purge_after = problems.study.config.policy.purge_after
        if purge_after is not None and state.n_iterations >= purge_after:
            state.bound.leave_out_unproven()
        try:
            for r, own in enumerate([stored, *others]):
                if own is not None and "bases" in own.parts:
                    state._restore_bases(problems.each[r], r, own.parts["bases"])
            if state.visited is not None and stored.history:
                for t, arrays in enumerate(stored.parts["states"]):
                    state.visited.extend(
                        t, arrays["iteration"], arrays["trajectory"], arrays["states"]
                    )
            if VERTICES in stored.parts:
                state.inner = InnerApproximation.from_arrays(stored.parts[VERTICES])
        except (KeyError, ValueError, IndexError) as error:
            raise PolicyError(
                f"HW814 the stored training does not fit the stage programs ({error}); "
                "start again from the cuts of this policy with policy.mode 'warm_start'"
            ) from None
        return state

    @property
    def store(self) -> TrajectoryStore:
        """States and costs of the trajectories, and the bases of the first regime."""
        return self.stores[0]

    @property
    def bounds(self) -> list[LowerBound]:
        """What evaluates the bound, for each regime, or one without regimes."""
        return self.bound.of_regimes if isinstance(self.bound, RegimeBound) else [self.bound]

    @property
    def n_iterations(self) -> int:
        """Complete iterations."""
        return self.history[-1].iteration if self.history else 0

    def remember(self, problems: StudyProblems) -> Callable[[], None]:
        """A function that takes everything back to the present.

        For an iteration that is not finished.
        """
        undo_each = [bases.remember() for store in self.stores for bases in store.bases] + [
            pool.remember() for one in problems.each for pool in one.pools
        ]
        known = [bound.basis for bound in self.bounds]
        n_iterations, inner = self.n_iterations, self.inner

        def undo() -> None:
            for undo_one in undo_each:
                undo_one()
            for bound, basis in zip(self.bounds, known, strict=True):
                bound.basis = basis
            self.inner = inner
            if self.visited is not None:
                self.visited.forget_after(n_iterations)

        return undo

    def stored(
        self, problems: StudyProblems, counts: Mapping[str, int], communicator: Communicator
    ) -> StoredTraining:
        """The state as arrays, with the trajectories of all ranks; all ranks call.

        Visited states are views and change with the next iteration.
        """
        first = problems.each[0]
        bases = self.stored_bases(first, self.store, self.bounds[0], communicator)
        parts: dict[str, tuple[StageArrays, ...]] = {"bases": bases}
        if self.visited is not None:
            parts["states"] = tuple(stage.arrays() for stage in self.visited.stages)
        if self.inner is not None:
            parts[VERTICES] = self.inner.arrays()
        return StoredTraining(tuple(self.history), parts, dict(counts))

    def stored_bases(
        self,
        problems: StudyProblems,
        store: TrajectoryStore,
        lower_bound: LowerBound,
        communicator: Communicator,
    ) -> tuple[StageArrays, ...]:
        """Bases of the stages of a regime as arrays; all ranks call.

        Args:
            problems: the regime, or the study where it has none.
            store: its trajectories.
            lower_bound: evaluates the bound in it.
            communicator: the ranks.
        """
        bases: list[dict[str, NDArray[Any]]] = []
        for stage, trajectories in zip(problems.stages, store.bases, strict=True):
            trajectories.grow(
                stage.n_rows
            )  # as the next forward pass would: then the cuts just made have rows on any ranks
            arrays = trajectories.arrays()
            for array in arrays.values():
                communicator.gather_rows(array)
            bases.append({"row_slots": stage.pool.active_slots(), **arrays})
        bound = communicator.from_leader(lower_bound.basis)
        if bound is not None:
            bases[0] |= {"bound_columns": bound.columns, "bound_rows": bound.rows}
        return tuple(bases)

    def _restore_bases(
        self, problems: StudyProblems, r: int, stored: tuple[StageArrays, ...]
    ) -> None:
        for t, (stage, arrays) in enumerate(zip(problems.stages, stored, strict=True)):
            if not np.array_equal(arrays["row_slots"], stage.row_slots):
                raise ValueError(
                    f"the cuts at stage {problems.system.stages[t].id} are in another order"
                )
            self.stores[r].bases[t].restore(arrays["known"], arrays["columns"], arrays["rows"])
        if "bound_columns" in stored[0]:
            form, columns, rows = (
                problems.stages[0].form,
                stored[0]["bound_columns"],
                stored[0]["bound_rows"],
            )
            if len(columns) != form.n_columns or len(rows) < form.n_rows:
                raise ValueError(
                    f"a basis of {len(columns)} columns for the bound, expected {form.n_columns}"
                )
            self.bounds[r].basis = Basis(columns.astype(np.int32), rows.astype(np.int32))
