"""Regimes: Markov states of the world that the system is in, stage by stage.

In a regime some data of the system are others: inflow models, loads, prices, limits. Which regime
follows which is a Markov chain. Everybody sees the regime of a stage when the stage is decided.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from headwater.core.fields import FieldError, Fraction, InFile, Ref, SignedId, in_file
from headwater.errors import ModelError, UsageError

TOLERANCE = 1e-9
"""How far the total of probabilities may be from one."""

Probabilities = tuple[Fraction, ...]
_MATRIX = "a row for each regime that is left, with the probabilities of the regimes that follow"


@dataclass(frozen=True, slots=True)
class StageMatrix:
    """Transition probabilities of the regimes after one stage."""

    stage_id: Annotated[SignedId, Ref("stage"), "stage that is left"]
    matrix: Annotated[tuple[Probabilities, ...], _MATRIX]


def _is_chain(given: Any) -> None:
    names = list(given.names)
    n = len(names)
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            message = f"expected names of letters, digits, '-' and '_', got '{name}'"
            raise FieldError("HW204", message, "rename the regime")
    if len(set(names)) < n:
        raise FieldError("HW208", "expected each regime once, got a repeated name", "rename one")
    _is_distribution(given.initial_probabilities, n, "initial_probabilities")
    for place, matrix in (
        ("matrix", given.matrix),
        *((f"matrices for stage {one.stage_id}", one.matrix) for one in given.matrices),
    ):
        if len(matrix) != n:
            message = f"expected {n} rows in {place}, one for each regime, got {len(matrix)}"
            raise FieldError("HW216", message, "give a row for each regime")
        for number, row in enumerate(matrix):
            _is_distribution(row, n, f"row {number} of {place}")
    stages = [one.stage_id for one in given.matrices]
    if len(set(stages)) < len(stages):
        message = "expected one matrix for a stage, got several"
        raise FieldError("HW208", message, "remove the repetition")


def _is_distribution(row: Sequence[float], n: int, place: str) -> None:
    if len(row) != n:
        message = f"expected {n} probabilities in {place}, one for each regime, got {len(row)}"
        raise FieldError("HW216", message, "give one for each regime")
    if abs(sum(row) - 1.0) > TOLERANCE:
        message = f"expected probabilities that add up to 1 in {place}, got {sum(row):.12g}"
        raise FieldError("HW216", message, "correct them")


@in_file(checks=(_is_chain,))
@dataclass(frozen=True)
class RegimeChain:
    """A Markov chain of regimes over the stages.

    Examples:
        >>> hw.model.RegimeChain(("dry", "wet"), (0.5, 0.5), ((0.8, 0.2), (0.3, 0.7)))
    """

    names: Annotated[tuple[str, ...], MinLen(1), "names of the regimes, in the order of all rows"]
    initial_probabilities: Annotated[
        Probabilities, InFile(required=True), "how likely each regime is at the first stage"
    ] = ()
    matrix: Annotated[
        tuple[Probabilities, ...], InFile(required=True), f"transition probabilities: {_MATRIX}"
    ] = ()
    matrices: Annotated[
        tuple[StageMatrix, ...], "transition probabilities after single stages, where they differ"
    ] = field(default=())

    def __post_init__(self) -> None:
        try:
            _is_chain(self)
        except FieldError as problem:
            raise ModelError(f"regimes: {problem.message}; {problem.fix}") from None

    def position(self, name: str) -> int:
        """Position of a regime.

        Args:
            name: of the regime.

        Raises:
            UsageError: there is none of this name.
        """
        if name not in self.names:
            raise UsageError(
                f"there is no regime '{name}'; there are {', '.join(map(repr, self.names))}"
            )
        return self.names.index(name)

    def after(self, stage_id: int) -> NDArray[np.float64]:
        """Transition probabilities after a stage, ``[regime, next regime]``."""
        own = next((one.matrix for one in self.matrices if one.stage_id == stage_id), self.matrix)
        return np.array(own, np.float64)

    def first(self) -> NDArray[np.float64]:
        """Probabilities at the first stage, ``[regime]``."""
        return np.array(self.initial_probabilities, np.float64)


def drawn_regimes(
    probability: NDArray[np.float64], level: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The regimes that numbers of the unit interval select.

    Args:
        probability: ``[draw, regime]``.
        level: ``[draw]`` at least 0 and below 1.
    """
    ends = np.cumsum(probability, axis=1)
    # beyond the last regime that can occur nothing is selected, whatever rounding made of the sum
    last = probability.shape[1] - 1 - np.argmax(probability[:, ::-1] > 0.0, axis=1)
    chosen: NDArray[np.int64] = np.minimum((level[:, None] >= ends).sum(axis=1), last)
    return chosen
