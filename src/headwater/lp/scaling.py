"""Units in which a solver sees a stage: powers of two, chosen from the case, so that nothing depends on the user's units.

After scaling a variable runs over about one, a row's largest entry is about one, and a typical cost is about one: a tolerance
then means the same in every study, and a reduced cost is money. Multiplying by a power of two does not round, so scaling and
scaling back change no digit. Cuts are not scaled: their unit is money.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.lp.forms import StageForm
from headwater.lp.template import StageTemplate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """Powers of two between the units of a case and those of a solver.

    Attributes:
        column: ``[column]``; a value in the case's units is the solver's times this.
        row: ``[row]``; an activity in the solver's units is the case's times this, a dual in the case's units the solver's.
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

    A column takes the size of its range, one without a range that of the rows that it stands in; a row is divided by its
    largest entry. Columns of the future cost are money and keep their unit.
    """
    matrix = sp.csc_array(form.matrix)
    size = np.abs(matrix.data)
    of_column = np.repeat(np.arange(form.n_columns), np.diff(matrix.indptr))
    entry = size > 0.0
    rows, columns, logs = matrix.indices[entry], of_column[entry], _exponents(size[entry])
    span = form.column_upper - form.column_lower
    column = np.zeros(form.n_columns, np.int64)
    has_range = np.isfinite(span) & (span > 0.0)
    column[has_range] = _exponents(span[has_range])
    column[form.future] = 0
    has_range[form.future] = True
    known = has_range[columns]
    row, has_row = _largest(rows[known], (logs + column[columns])[known], form.n_rows)
    # columns without a range follow the rows whose size is known, then rows of such columns alone follow them
    follows = ~known & has_row[rows]
    total, count = np.zeros(form.n_columns, np.int64), np.zeros(form.n_columns, np.int64)
    np.add.at(total, columns[follows], (row[rows] - logs)[follows])
    np.add.at(count, columns[follows], 1)
    found = count > 0
    column[found] = np.floor(total[found] / count[found] + 0.5).astype(np.int64)
    row, _ = _largest(rows, logs + column[columns], form.n_rows)
    return Scaling(np.ldexp(1.0, column), np.ldexp(1.0, -row))


def money_unit(templates: Sequence[StageTemplate]) -> float:
    """A power of two in $ that is about what a typical column of a study can cost."""
    exponents = []
    for template in templates:
        costs = np.abs(template.cost)
        costs[template.future] = 0.0
        span = template.column_upper - template.column_lower
        priced = (costs > 0.0) & np.isfinite(span) & (span > 0.0)
        exponents.append(_exponents(costs[priced]) + _exponents(span[priced]))
    known = np.concatenate(exponents) if exponents else np.empty(0, np.int64)
    if not len(known):
        costs = np.concatenate([np.delete(np.abs(template.cost), template.future) for template in templates])
        known = _exponents(costs[costs > 0.0])
    return float(np.ldexp(1.0, int(np.sort(known)[len(known) // 2]))) if len(known) else 1.0


def money_at_stake(template: StageTemplate, load_mw: Array) -> float:
    """What the load of a stage costs at least without any water, in $: thermal plants and deficits in the order of their cost.

    Args:
        template: the stage.
        load_mw: ``[bus, block]`` mean load.
    """
    total = 0.0
    for k in range(template.rows["load"].shape[1]):
        parts = [template.columns[name][:, k].ravel() for name in ("thermal_segment", "deficit")]
        columns = np.concatenate([part[part >= 0] for part in parts])
        order = columns[np.argsort(template.cost[columns], kind="stable")]
        before = np.concatenate([[0.0], np.cumsum(template.column_upper[order])[:-1]])
        left = max(float(load_mw[:, k].sum()), 0.0) - before
        taken = np.clip(left, 0.0, template.column_upper[order])
        total += float((np.maximum(template.cost[order], 0.0) * taken).sum())
    return total


def _exponents(values: Array) -> NDArray[np.int64]:
    """The powers of two next to positive numbers; those of numbers 2^k times as large are larger by exactly k."""
    mantissa, exponent = np.frexp(values)
    nearest: NDArray[np.int64] = exponent.astype(np.int64) - (mantissa < np.sqrt(0.5))
    return nearest


def _largest(rows: NDArray[np.int32], exponents: NDArray[np.int64], n_rows: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Largest exponent of each row, 0 where it has none, and where it has one."""
    lowest = np.iinfo(np.int64).min
    largest = np.full(n_rows, lowest)
    np.maximum.at(largest, rows, exponents)
    known = largest > lowest
    return np.where(known, largest, 0), known
