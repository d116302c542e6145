"""Forms of a risk measure: for compiled code, and as a linear program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater.arrays import Array

TOO_FAR = 1e9
"""Distance of openings between which no probability may move."""


@dataclass(frozen=True)
class CompiledRisk:
    """A risk measure as compiled code calls it: at the address of one small function.

    Attributes:
        function: plain function of a module,
            ``(n, costs, probability, parameters, order, weights) -> penalty``. It reads the first
            ``n`` ``costs`` and probabilities, writes as many ``weights``, and may use as many
            places of ``order`` (whole numbers). Costs and penalty are in the money of the program,
            $ over its cost scale. It makes no arrays and calls no other function of its module. In
            Python it works on arrays as well.
        parameters: numbers that it is given.
    """

    function: Callable[..., Any]
    parameters: Array


@dataclass(frozen=True)
class ExtraColumns:
    """Columns that the linear form of a risk measure needs besides the costs of the openings.

    Attributes:
        name: of the family; no other of a stage may have it.
        lower: lower bound of each, in $.
        weights: ``[column]`` what a unit of each adds to the value.
        indexed: whether names for people count them.
    """

    name: str
    lower: float
    weights: Array
    indexed: bool = True


@dataclass(frozen=True)
class LinearForm:
    """A risk measure as a linear program.

    It is the least ``weights . Z + (extra weights) . x`` with ``rows (Z, x) >= 0``.

    Attributes:
        weights: ``[opening]`` of the costs ``Z``.
        extra: further columns ``x``, in their order.
        rows: ``[row][(column, coefficient), ...]``; columns count through openings first, then the
            extra ones.
        name: of the family of rows.
    """

    weights: Array
    extra: tuple[ExtraColumns, ...] = ()
    rows: tuple[tuple[tuple[int, float], ...], ...] = ()
    name: str = ""

    @property
    def all_weights(self) -> Array:
        """Weights of all columns, ``[column]``."""
        return np.concatenate([self.weights, *(family.weights for family in self.extra)])
