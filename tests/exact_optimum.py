"""The optimum of a small linear program in fractions.

An oracle without rounding for extreme numbers and ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from headwater.solver import AppendedRows, Basis, LinearProgram
from headwater.solver.problem import BASIC

ZERO = Fraction(0)


@dataclass(frozen=True)
class Exact:
    """An optimum: its cost, the row duals, the reduced costs of the columns, and the columns."""

    cost: Fraction
    row_dual: list[Fraction]
    reduced: list[Fraction]
    x: list[Fraction]


class NoPointError(Exception):
    """The program has no feasible point, proven by a row that its variables cannot reach."""


class NoMinimumError(Exception):
    """The cost falls without limit along a direction that was found."""


def dense(program: LinearProgram, appended: AppendedRows) -> np.ndarray:
    """Matrix of all rows, appended ones last."""
    matrix = np.zeros((program.n_rows + appended.n_rows, program.n_columns))
    columns = np.repeat(np.arange(program.n_columns), np.diff(program.starts))
    matrix[program.indices, columns] = program.values
    matrix[program.n_rows :, appended.columns] = appended.entries[:, : appended.n_rows].T
    return matrix


def exact_optimum(
    program: LinearProgram,
    appended: AppendedRows,
    low: np.ndarray,
    high: np.ndarray,
    basis: Basis | None = None,
) -> Exact:
    """Solve by the bounded simplex method with Bland's rule, from a basis if one is
    given, else from slacks.

    Costs are first shifted so that the basis is dual feasible, the dual method finds a feasible
    point, and the primal method goes on with the true costs.

    Raises:
        NoPointError, NoMinimumError: proven.
    """
    tableau = _Tableau(dense(program, appended), program, low, high, basis)
    tableau.reach_feasibility()
    tableau.reach_optimum()
    x = tableau.values()
    reduced = tableau.reduced_costs(tableau.cost)
    n = program.n_columns
    cost = sum((c * v for c, v in zip(tableau.cost, x, strict=True)), ZERO)
    return Exact(cost, reduced[n:], reduced[:n], x[:n])


class _Tableau:
    """Rows ``A x - s = 0`` solved for the basic variables.

    ``s`` are the row activities with the bounds of the rows.
    """

    def __init__(
        self,
        matrix: np.ndarray,
        program: LinearProgram,
        low: np.ndarray,
        high: np.ndarray,
        basis: Basis | None,
    ) -> None:
        m, n = matrix.shape
        self.rows = [
            [Fraction(float(v)) for v in row] + [Fraction(-int(i == r)) for r in range(m)]
            for i, row in enumerate(matrix)
        ]
        self.lower = _numbers([*program.column_lower, *low])
        self.upper = _numbers([*program.column_upper, *high])
        self.cost = [Fraction(float(v)) for v in program.cost] + [ZERO] * m
        status = np.concatenate([np.zeros(n, np.int32), np.ones(m, np.int32)])
        if basis is not None:
            status = np.concatenate([basis.columns, basis.rows])
        self.basic = [-1] * m
        self.at = [self._side(j, at_upper=status[j] == 2) for j in range(n + m)]
        wanted = [j for j in range(n + m) if status[j] == BASIC]
        for j in [*wanted, *range(n, n + m)]:
            free = [r for r in range(m) if self.basic[r] < 0 and self.rows[r][j] != 0]
            if free and j not in self.basic:
                self._pivot(free[0], j)

    def _side(self, j: int, *, at_upper: bool) -> Fraction:
        first, second = (
            (self.upper[j], self.lower[j]) if at_upper else (self.lower[j], self.upper[j])
        )
        return first if first is not None else second if second is not None else ZERO

    def _pivot(self, r: int, j: int) -> None:
        pivot = self.rows[r][j]
        self.rows[r] = row = [v / pivot if v else v for v in self.rows[r]]
        for i, other in enumerate(self.rows):
            factor = other[j]
            if i != r and factor:
                self.rows[i] = [a - factor * b if b else a for a, b in zip(other, row, strict=True)]
        self.basic[r] = j

    def nonbasic(self) -> list[int]:
        taken = set(self.basic)
        return [j for j in range(len(self.at)) if j not in taken]

    def values(self) -> list[Fraction]:
        x = list(self.at)
        outside = [j for j in self.nonbasic() if x[j]]
        for r, j in enumerate(self.basic):
            x[j] = -sum((self.rows[r][k] * x[k] for k in outside), ZERO)
        return x

    def reduced_costs(self, cost: Sequence[Fraction]) -> list[Fraction]:
        reduced = list(cost)
        for r, j in enumerate(self.basic):
            if cost[j]:
                reduced = [
                    d - cost[j] * v if v else d for d, v in zip(reduced, self.rows[r], strict=True)
                ]
        return reduced

    def reach_feasibility(self) -> None:
        """The dual simplex method with costs for which the basis is dual feasible."""
        cost = list(self.cost)
        for j, d in enumerate(self.reduced_costs(cost)):
            if j in self.basic or self.lower[j] == self.upper[j]:
                continue
            if (d < 0 and self.upper[j] is None) or (d > 0 and self.lower[j] is None):
                cost[j] -= d
            elif d != 0:
                self.at[j] = self._side(j, at_upper=d < 0)
        while True:
            x, reduced = self.values(), self.reduced_costs(cost)
            outside = [(j, r) for r, j in enumerate(self.basic) if self._excess(j, x[j]) != 0]
            if not outside:
                return
            leaving, r = min(outside)
            sign = (
                1 if self._excess(leaving, x[leaving]) < 0 else -1
            )  # the leaving variable has to rise or to fall
            ratios = []
            for j in self.nonbasic():
                slope = -self.rows[r][j] * sign  # of the leaving variable, the way it has to go
                if slope == 0 or self.lower[j] == self.upper[j]:
                    continue
                may_rise = self.upper[j] is None or self.at[j] != self.upper[j]
                may_fall = self.lower[j] is None or self.at[j] != self.lower[j]
                if (slope > 0 and may_rise) or (slope < 0 and may_fall):
                    ratios.append((abs(reduced[j] / slope), j))
            if not ratios:
                raise NoPointError
            self.at[leaving] = self._side(leaving, at_upper=sign < 0)
            self._pivot(r, min(ratios)[1])

    def reach_optimum(self) -> None:
        """The primal simplex method from a feasible point."""
        while True:
            x, reduced = self.values(), self.reduced_costs(self.cost)
            entering, sign = -1, 0
            for j in self.nonbasic():
                may_rise = self.upper[j] is None or x[j] != self.upper[j]
                may_fall = self.lower[j] is None or x[j] != self.lower[j]
                if (reduced[j] < 0 and may_rise) or (reduced[j] > 0 and may_fall):
                    entering, sign = j, 1 if reduced[j] < 0 else -1
                    break
            if entering < 0:
                return
            steps: list[tuple[Fraction, int, int]] = []
            other = self.upper[entering] if sign > 0 else self.lower[entering]
            if other is not None:
                steps.append((abs(other - x[entering]), entering, -1))
            for r, j in enumerate(self.basic):
                slope = -self.rows[r][entering] * sign
                limit = self.upper[j] if slope > 0 else self.lower[j]
                if slope and limit is not None:
                    steps.append(((limit - x[j]) / slope, j, r))
            if not steps:
                raise NoMinimumError
            _, leaving, r = min(steps)
            if r < 0:
                self.at[entering] = x[entering] + sign * abs(other - x[entering])
                continue
            slope = -self.rows[r][entering] * sign
            self.at[leaving] = self._side(leaving, at_upper=slope > 0)
            self._pivot(r, entering)

    def _excess(self, j: int, value: Fraction) -> Fraction:
        lower, upper = self.lower[j], self.upper[j]
        if lower is not None and value < lower:
            return value - lower
        return value - upper if upper is not None and value > upper else ZERO


def _numbers(values: Sequence[float]) -> list[Fraction | None]:
    return [Fraction(float(v)) if np.isfinite(v) else None for v in values]
