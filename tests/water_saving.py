"""How little dead volume a stage can do with, whatever it costs.

The judge of whether water truly ran out.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.optimize
import scipy.sparse as sp

import headwater as hw
from headwater.lp import NamedProgram
from headwater.sddp.simulation import inspection

SHORTFALL, BOUGHT = "storage_slack[", "bought_water["


def least_shortfall(program: NamedProgram) -> float:
    """Least cost in $ of storage below its minimum in a stage, and of water that is bought instead,
    when nothing else costs.

    Everything else with a price may be broken and all load may go unserved; what is left is what no
    decision of the stage avoids. Water that is bought against negative inflow is no water: it keeps
    its price, which is above that of dead volume.
    """
    counted = np.array([name.startswith((SHORTFALL, BOUGHT)) for name in program.columns])
    cost = np.where(counted, program.cost, 0.0)
    scale = cost.max()
    matrix = program.matrix.tocsr()
    equal = program.row_lower == program.row_upper
    below, above = ~equal & np.isfinite(program.row_upper), ~equal & np.isfinite(program.row_lower)
    found = scipy.optimize.linprog(
        cost / scale,
        A_ub=sp.vstack([matrix[below], -matrix[above]]),
        b_ub=np.concatenate([program.row_upper[below], -program.row_lower[above]]),
        A_eq=matrix[equal],
        b_eq=program.row_lower[equal],
        bounds=np.column_stack([program.column_lower, program.column_upper]),
        method="highs",
    )
    assert found.status == 0, found.message
    return float(found.fun * scale)


def program_met(
    policy: hw.Policy, case: hw.Case, hydros: pl.DataFrame, scenario: int, stage_id: int
) -> NamedProgram:
    """The program that a scenario met at a stage of a simulation.

    Where decisions are equally good, another solver may take others on the way there: the storage
    is therefore set to the simulated one. Past inflows depend on noise alone.

    Args:
        policy, case: what was simulated.
        hydros: rows of the simulated table ``hydros`` of that scenario and
            stage, one a plant, by plant.
        scenario, stage_id: which.
    """
    simulate = inspection.stage_program

    def met(system, problem, state, *arguments, **more):
        arrived = state.copy()
        arrived[policy.layout.span("storage")] = hydros["storage_initial_hm3"].to_numpy()
        return simulate(system, problem, arrived, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspection, "stage_program", met)
        return hw.stage_program(case, stage_id, scenario=scenario, policy=policy)
