"""Before ranks work together: do all of them solve the same problem with the same programs?"""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from headwater._version import __version__
from headwater.distributed import Communicator
from headwater.errors import UsageError
from headwater.sddp.stage.problems import StudyProblems
from headwater.solver import highs_version


def check_agreement(communicator: Communicator, problems: StudyProblems) -> None:
    """Compare versions, configuration, stage programs, openings and cuts of all ranks.

    All ranks call.

    Raises:
        UsageError: a rank differs from rank 0; the message says which, on which host, and in what.
    """
    if communicator.size == 1:
        return
    ranks = communicator.gather((socket.gethostname(), _facts(problems)))
    leader_host, expected = ranks[0]
    for rank, (host, facts) in enumerate(ranks):
        for name, value in facts.items():
            if value != expected[name]:
                raise UsageError(
                    f"rank {rank} on {host} has another {name} than rank 0 on {leader_host} "
                    f"({value}, expected {expected[name]}): all ranks need the same case, the "
                    "same environment and processors of one kind"
                )


def _facts(problems: StudyProblems) -> dict[str, str]:
    """What must be the same on all ranks, as short texts."""
    stages = problems.stages
    programs = ((s.form.matrix.data, s.form.matrix.indices, s.form.matrix.indptr) for s in stages)
    sides = (
        (s.form.cost, s.form.column_lower, s.form.column_upper, s.form.row_lower, s.form.row_upper)
        for s in stages
    )
    cuts = (
        (pool.intercepts[: pool.n_populated], pool.active[: pool.n_populated])
        for pool in problems.pools
    )
    return {
        "version of Headwater": __version__,
        "solver": highs_version(),
        "version of NumPy": np.__version__,
        "byte order": sys.byteorder,
        "configuration": hashlib.sha256(repr(problems.study.config).encode()).hexdigest()[:16],
        "matrix of the stage programs": _digest(array for arrays in programs for array in arrays),
        "limits or costs of the stage programs": _digest(
            array for arrays in sides for array in arrays
        ),
        "initial state": _digest([problems.initial_state]),
        "opening tree": _digest(
            array for s in stages for array in (s.openings.innovation, s.openings.demand_shift)
        ),
        "policy to start from": _digest(array for arrays in cuts for array in arrays),
    }


def _digest(arrays: Iterable[NDArray[np.generic]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
