"""What there is to say about a stage program.

Its size, its numbers, its solution, or why it has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.lp.explain import (
    Explanation,
    explain_infeasible,
    explain_unbounded,
    family_of,
    in_words,
    minimise,
)
from headwater.lp.program import NamedProgram
from headwater.lp.statistics import NumberRanges, number_ranges

LIMITS = frozenset(
    (
        *(
            "deficit",
            "bought_water",
            "storage_slack",
            "filling_slack",
            "retention_slack",
            "turbined_slack",
        ),
        *(
            "outflow_below_slack",
            "outflow_above_slack",
            "generation_slack",
            "evaporation_short",
            "evaporation_beyond",
        ),
        *("withdrawal_short", "withdrawal_beyond", "generic_slack", "generic_slack_minus"),
    )
)
"""Families of columns that say by how much something that should hold does not."""

_SHARE = 1e-9
"""Costs below this share of the largest are noise of the solver."""


@dataclass(frozen=True)
class CostShare:
    """What one column costs at the optimum.

    Attributes:
        name: of the column.
        words, unit: what it is.
        value: of the column, in the unit.
        cost: in $.
        is_violation: whether it says that something does not hold that should.
    """

    name: str
    words: str
    unit: str
    value: float
    cost: float
    is_violation: bool


@dataclass(frozen=True)
class Diagnosis:
    """A stage program, looked into.

    Attributes:
        title: what it is, in one line.
        rows, columns, nonzeros: its size.
        ranges: of its numbers, money in $.
        outcome: ``optimal``, ``infeasible``, ``unbounded`` or ``unknown``.
        optimum: least cost in $; ``None`` without one.
        infeasible: what collides.
        unbounded: what earns without limit, in words.
        costs: what the optimum is made of, the dearest first.
    """

    title: str
    rows: int
    columns: int
    nonzeros: int
    ranges: NumberRanges
    outcome: str
    optimum: float | None = None
    infeasible: Explanation | None = None
    unbounded: str | None = None
    costs: tuple[CostShare, ...] = ()


def diagnose_program(program: NamedProgram) -> Diagnosis:
    """Solve a program and say what its cost is made of, or why it has no solution.

    Args:
        program: of a stage, or read from a file.

    Examples:
        >>> hw.diagnose_program(hw.read_program("output/failure/stage-17.mps")).outcome
    """
    size = (
        program.title,
        len(program.rows),
        len(program.columns),
        int(program.matrix.nnz),
        number_ranges(program),
    )
    solved = minimise(
        program.cost,
        program.matrix,
        program.row_lower,
        program.row_upper,
        program.column_lower,
        program.column_upper,
    )
    if solved is not None:
        x = solved[0]
        return Diagnosis(
            *size, "optimal", optimum=float(program.cost @ x), costs=_costs(program, x)
        )
    infeasible = explain_infeasible(program)
    if infeasible is not None:
        return Diagnosis(*size, "infeasible", infeasible=infeasible)
    unbounded = explain_unbounded(program)
    return Diagnosis(*size, "unknown" if unbounded is None else "unbounded", unbounded=unbounded)


def _costs(program: NamedProgram, x: np.ndarray) -> tuple[CostShare, ...]:
    paid = program.cost * x
    order = np.argsort(-np.abs(paid), kind="stable")
    worth = order[np.abs(paid[order]) > _SHARE * np.abs(paid).max(initial=0.0)]
    return tuple(
        CostShare(name, *in_words(name), float(x[j]), float(paid[j]), family_of(name)[0] in LIMITS)
        for j, name in ((int(j), program.columns[j]) for j in worth)
    )
