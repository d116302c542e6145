"""Units in which a solver sees a stage.

Chosen from the case, so that nothing depends on the user's units.

After scaling a variable runs over about one, a row's largest entry is about one, and a typical cost
is about one: a tolerance then means the same in every study, and a reduced cost is money.
Units of columns and rows are powers of two: multiplying by one does not round, so scaling and
scaling back change no digit. The unit of money is a cost of the case, so that the solver sees the
same costs in every currency. Cuts are not scaled: their unit is money.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.arrays import Array, Indices
from headwater.lp.forms import StageForm
from headwater.lp.template import StageTemplate

_MONEY_RANGE = 2.0**40
"""How much more than what can be typical the dearest column of a study may cost: in a finer unit
the prices of the dearest columns would be numbers that solvers take for infinite.
"""
_FREE = 2.0**-30
"""Share of the dearest thermal plant below which one counts as free, and not as typical."""
_LEAST_MONEY = 2.0**-500
"""Least unit of money: in a smaller one, ordinary numbers would be infinite."""
_FARTHEST = 500
"""Exponents of units lie within this: a range of 5e-324 would ask for one beyond all numbers."""
_FINER = 2.0**10
"""How much finer money is counted than what a typical column can cost."""


@dataclass(frozen=True)
class Scaling:
    """Powers of two between the units of a case and those of a solver.

    Attributes:
        column: ``[column]``; a value in the case's units is the solver's times this.
        row: ``[row]``; an activity in the solver's units is the case's times this, a dual in the
            case's units the solver's.
    """

    column: Array
    row: Array

    def matrix(self, matrix: sp.csc_array) -> sp.csc_array:
        """A matrix ``[row, column]`` in the solver's units."""
        scaled = sp.csc_array(matrix, copy=True)
        counts = np.diff(scaled.indptr)
        scaled.data = scaled.data * self.row[scaled.indices] * np.repeat(self.column, counts)
        return scaled


def scaling_of(form: StageForm) -> Scaling:
    """Choose the units of a program.

    A column takes the size of its range, one without a range that of the rows that it stands in; a
    row is divided by its largest entry. Columns of the future cost are money and keep their unit.
    """
    matrix = sp.csc_array(form.matrix)
    size = np.abs(matrix.data)
    of_column = np.repeat(np.arange(form.n_columns), np.diff(matrix.indptr))
    entry = size > 0.0
    rows, columns, logs = matrix.indices[entry], of_column[entry], _exponents(size[entry])
    span = form.column_upper - form.column_lower
    column = np.zeros(form.n_columns, np.int64)
    has_range = np.isfinite(span) & (span > 0.0)
    column[has_range] = _within(_exponents(span[has_range]))
    column[form.future] = 0
    has_range[form.future] = True
    known = has_range[columns]
    row, has_row = _largest(rows[known], (logs + column[columns])[known], form.n_rows)
    # columns without a range follow the rows whose size is known, then rows of such columns alone
    # follow them
    follows = ~known & has_row[rows]
    total, count = np.zeros(form.n_columns, np.int64), np.zeros(form.n_columns, np.int64)
    np.add.at(total, columns[follows], (row[rows] - logs)[follows])
    np.add.at(count, columns[follows], 1)
    found = count > 0
    column[found] = _within(np.floor(total[found] / count[found] + 0.5).astype(np.int64))
    row, _ = _largest(rows, logs + column[columns], form.n_rows)
    return Scaling(np.ldexp(1.0, column), np.ldexp(1.0, -_within(row)))


def money_unit(templates: Sequence[StageTemplate]) -> float:
    """A thousandth of what a typical column of a study can cost, in $.

    Future cost and cuts are counted in it, and tolerances on them are absolute: where water is
    plentiful a whole study may cost no more than a thousandth of one plant's full year.

    Thermal plants say what is typical. Without any, the cheap quarter of all columns does:
    penalties may be as high as they like, and nobody pays them.

    It is not rounded to a power of two: in another currency the solver then sees the same numbers,
    to rounding, and takes the same of equal optima.
    """
    for columns, quantile, free in ((_thermal, 0.5, _FREE), (_all, 0.25, 0.0)):
        known = np.sort(
            np.concatenate([_worth(template, columns(template)) for template in templates])
        )
        if len(known):
            known = known[known >= free * known[-1]]
            dearest = max(
                float(_worth(template, _all(template)).max(initial=known[-1]))
                for template in templates
            )
            typical = max(float(known[int(quantile * (len(known) - 1))]), dearest / _MONEY_RANGE)
            return max(typical / _FINER, _LEAST_MONEY)
    return 1.0


def _thermal(template: StageTemplate) -> Indices:
    columns = template.columns["thermal_segment"].ravel()
    return columns[columns >= 0]


def _all(template: StageTemplate) -> Indices:
    return np.setdiff1d(np.arange(template.n_columns), template.future)


def _worth(template: StageTemplate, columns: Indices) -> Array:
    """What columns can cost, of those that cost something, in $.

    Their costs alone where they have no limit.
    """
    costs, span = (
        np.abs(template.cost[columns]),
        (template.column_upper - template.column_lower)[columns],
    )
    priced, ranged = costs > 0.0, np.isfinite(span) & (span > 0.0)
    if (priced & ranged).any():
        worth = costs[priced & ranged] * span[priced & ranged]
    else:
        worth = costs[priced]
    return worth[(worth > 0.0) & (worth < np.inf)]


def money_at_stake(template: StageTemplate, load_mw: Array) -> float:
    """What the thermal plants cost that serve the load of a stage without any water, in $.

    It is 0 where there are no thermal plants.

    Deficits are left out, and so is what a plant costs beyond a hundred times the cheapest: a price
    may stand for "never".

    Args:
        template: the stage.
        load_mw: ``[bus, block]`` mean load.
    """
    total = 0.0
    for k in range(template.rows["load"].shape[1]):
        columns = template.columns["thermal_segment"][:, k].ravel()
        columns = columns[columns >= 0]
        columns = columns[template.cost[columns] > 0.0]
        if not len(columns):
            continue
        order = columns[np.argsort(template.cost[columns], kind="stable")]
        cost = np.minimum(template.cost[order], 100.0 * template.cost[order[0]])
        before = np.concatenate([[0.0], np.cumsum(template.column_upper[order])[:-1]])
        left = max(float(load_mw[:, k].sum()), 0.0) - before
        total += float((cost * np.clip(left, 0.0, template.column_upper[order])).sum())
    return total


def _exponents(values: Array) -> NDArray[np.int64]:
    """The powers of two next to positive numbers.

    Those of numbers 2^k times as large are larger by exactly k.
    """
    mantissa, exponent = np.frexp(values)
    nearest: NDArray[np.int64] = exponent.astype(np.int64) - (mantissa < np.sqrt(0.5))
    return nearest


def _within(exponents: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(exponents, -_FARTHEST, _FARTHEST)


def _largest(
    rows: NDArray[np.int32], exponents: NDArray[np.int64], n_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Largest exponent of each row, 0 where it has none, and where it has one."""
    lowest = np.iinfo(np.int64).min
    largest = np.full(n_rows, lowest)
    np.maximum.at(largest, rows, exponents)
    known = largest > lowest
    return np.where(known, largest, 0), known
