"""What follows a horizon that ends, as cuts of another policy.

They bound the future cost of the last stage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.core.state import StateLayout
from headwater.errors import ModelError, PolicyError, UsageError
from headwater.model import System
from headwater.sddp.cuts.fields import BOUNDARY
from headwater.sddp.cuts.policy import Policy, PolicyStage
from headwater.sddp.cuts.pool import CutPool


@dataclass(frozen=True)
class BoundaryCuts:
    """The active cuts of one stage of a policy.

    Attributes:
        layout: meaning of the state.
        stage: what the policy knows of the stage.
        intercepts: ``[cut]`` in $ of the stage that follows.
        coefficients: ``[cut, n_state]``.
        openings: ``[cut]``, -1 for the future cost as a whole.
    """

    layout: StateLayout
    stage: PolicyStage
    intercepts: Array
    coefficients: Array
    openings: NDArray[np.int32]

    @classmethod
    def of_policy(cls, policy: Policy, stage_id: int) -> BoundaryCuts:
        """The cuts that bound what follows ``stage_id``.

        Raises:
            PolicyError: the policy has no such stage, or no cuts there.
        """
        try:
            position = policy.stage_position(stage_id)
        except UsageError as error:
            raise PolicyError(f"policy.boundary.source_stage: {error}") from None
        pool = policy.pools[position]
        slots = pool.active_slots()
        if not len(slots):
            raise PolicyError(
                f"stage {stage_id} of the boundary policy has no cuts; its "
                "last stage with cuts will do"
            )
        return cls(
            policy.layout,
            policy.stages[position],
            pool.intercepts[slots].copy(),
            pool.coefficients[slots].copy(),
            pool.opening[slots].copy(),
        )

    def put_into(self, pool: CutPool) -> None:
        """Append the cuts to a pool, marked so that nothing removes them."""
        pool.append(self.intercepts, self.coefficients, iteration=BOUNDARY, opening=self.openings)


def check_boundary(cuts: BoundaryCuts, layout: StateLayout) -> None:
    """Make sure that cuts speak of the state of a study.

    Raises:
        PolicyError: they do not.
    """
    differences = tuple(layout.differences(cuts.layout, others="boundary policy"))
    if differences:
        raise PolicyError("; ".join(differences))


def boundary_warnings(cuts: BoundaryCuts, system: System) -> tuple[str, ...]:
    """What is unusual about cuts at the end of a study."""
    theirs, ours = cuts.stage.end_date, system.stages[-1].end_date
    if theirs == ours:
        return ()
    return (
        f"the boundary cuts value water after stage {cuts.stage.stage_id} of their policy, which "
        f"ends on {theirs}; the study ends on {ours}",
    )


def lowest_terminal_value(layout: StateLayout, pool: CutPool) -> float:
    """Least future cost in $ that the cuts of the last stage allow.

    Over all states that can leave it.

    The minimum of the largest cut over the box of these states is a linear program. With cuts of
    single openings it is taken for each opening, and the least of them returned.

    Args:
        layout: meaning of the state, with the values that it can have at the end.
        pool: its active cuts.

    Raises:
        ModelError: cuts depend on past inflows or commitments, which have no box, so that nothing
            follows.
    """
    import scipy.optimize  # takes long to import, and most studies do without

    slots = pool.active_slots()
    box = {block.name: block.box() for block in layout.blocks if block.box is not None}
    boxed = np.concatenate([np.empty(0, np.int64), *(layout.places(name) for name in box)])
    if np.any(np.delete(pool.coefficients[slots], boxed, axis=1) != 0.0):
        raise ModelError(
            "the cuts at the end of the horizon depend on past inflows, which are not bounded, so "
            "that no lower bound of the future cost follows from them; give "
            "training.theta_lower_bound"
        )
    limits = [
        pair for low, high in box.values() for pair in zip(low.tolist(), high.tolist(), strict=True)
    ]
    values = []
    for opening in np.unique(pool.opening[slots]):
        chosen = slots[pool.opening[slots] == opening]
        slopes = pool.coefficients[chosen][:, boxed]
        # value - slope . storage >= intercept
        rows = np.hstack([slopes, -np.ones((len(chosen), 1))])
        result = scipy.optimize.linprog(
            np.r_[np.zeros(len(boxed)), 1.0],
            A_ub=rows,
            b_ub=-pool.intercepts[chosen],
            bounds=[*limits, (None, None)],
            method="highs",
        )
        if result.status != 0:
            raise ModelError(
                "the least value of the cuts at the end of the horizon was not found: "
                f"{result.message}"
            )
        # the solver's tolerance must not make the bound too high
        values.append(float(result.fun) - 1e-6 * max(1.0, abs(float(result.fun))))
    return min(values)
