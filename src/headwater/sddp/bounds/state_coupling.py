"""How the stages of one program over the whole tree hang together: what leaves and what enters."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from headwater.equipment.hydro.state import memory_places
from headwater.lp import StageForm
from headwater.sddp.stage.problem import StageProblem


def outgoing(form: StageForm) -> tuple[sp.csr_array, sp.csr_array]:
    """What leaves a stage, from its columns and from the state that entered it."""
    n_state = len(form.state_column)
    held = np.flatnonzero(form.state_column >= 0)
    pick = sp.csr_array(
        (np.ones(len(held)), (held, form.state_column[held])), shape=(n_state, form.n_columns)
    )
    return pick, sp.csr_array(_spread(form) @ form.exogenous_from_state)


def by_opening(problem: StageProblem, of_state: sp.csr_array) -> tuple[sp.csr_array, sp.csr_array]:
    """What the incoming state adds to the rows, and to the outgoing state.

    One opening below the other: where the noise multiplies the lag term, each has coefficients of
    its own.

    Args:
        problem: the stage, with the openings of its tree.
        of_state: what of the outgoing state is known from the incoming one.
    """
    form = problem.form
    factor, n_hydros = problem.openings.factor, len(problem.psi)
    places = memory_places(form.template.layout)[: form.template.n_past_inflows]
    psi = problem.psi[:, : len(places)].T
    hydro = np.broadcast_to(np.arange(n_hydros), places.shape)
    rows, left = [], []
    for w in range(len(problem.openings)):
        more = psi * (factor[w] - 1.0) if factor.size else np.zeros_like(psi)
        change = sp.csr_array(
            (more.ravel(), (hydro.ravel(), places.ravel())),
            shape=(n_hydros, len(form.state_column)),
        )
        rows.append(form.state_to_rows + form.innovation_to_rows @ change)
        left.append(of_state + _spread(form) @ form.exogenous_from_innovation @ change)
    return sp.csr_array(sp.vstack(rows)), sp.csr_array(sp.vstack(left))


def _spread(form: StageForm) -> sp.csr_array:
    """Places of the exogenous components in the state, ``[state, exogenous]``."""
    n = len(form.exogenous)
    places = (form.exogenous, np.arange(n))
    return sp.csr_array((np.ones(n), places), shape=(len(form.state_column), n))
