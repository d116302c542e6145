"""Several risk measures, each with a share."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import MinLen

from headwater.arrays import Array
from headwater.core.choices import RISK_MEASURES, RiskMeasure
from headwater.core.fields import InFile, Positive
from headwater.core.risk_forms import ExtraColumns, LinearForm
from headwater.errors import ModelError


@dataclass(frozen=True, slots=True)
class Blend:
    """The sum of several risk measures, each times its share; the shares add up to one.

    Half the mean and half the worst outcome:

    >>> import numpy as np
    >>> from headwater.choices.risk.mixed_cvar import MixedCVaR
    >>> from headwater.choices.risk.worst_case import WorstCase
    >>> half = Blend(shares=(0.5, 0.5), measures=(MixedCVaR(), WorstCase()))
    >>> weights, penalty = half.weigh(np.full(4, 0.25), np.array([10.0, 20.0, 30.0, 40.0]))
    >>> weights.tolist(), penalty
    ([0.125, 0.125, 0.125, 0.625], 0.0)

    What speaks against it: the mix with CVaR does what most blends are made for, and its weights
    are found by compiled code, while a blend takes some microseconds more for each cut.

    Attributes:
        shares: one of each measure, above 0, in total 1.
        measures: what is blended.
    """

    shares: Annotated[tuple[Positive, ...], MinLen(1), "share of each measure, in total 1"]
    measures: Annotated[
        tuple[RiskMeasure, ...], InFile(form=tuple[Any, ...]), "the measures, as many as shares"
    ]

    type: ClassVar[str] = "blend"

    def __post_init__(self) -> None:
        if len(self.shares) != len(self.measures) or not self.shares:
            raise ModelError(
                "expected as many shares as measures, one at least, got "
                f"{len(self.shares)} and {len(self.measures)}"
            )
        total = math.fsum(self.shares)
        if not (min(self.shares) > 0.0 and abs(total - 1.0) <= 1e-9):
            raise ModelError(f"expected shares above 0 that add up to 1, got {list(self.shares)}")

    @property
    def neutral(self) -> bool:
        """Whether all of them are the expectation."""
        return all(measure.neutral for measure in self.measures)

    def among(self, noise: Array) -> Blend:
        """The blend for openings with the noise ``[opening, entry]``."""
        knows = [getattr(measure, "among", None) for measure in self.measures]
        known = zip(self.measures, knows, strict=True)
        return replace(
            self, measures=tuple(one if ask is None else ask(noise) for one, ask in known)
        )

    def weigh(self, probability: Array, costs: Array) -> tuple[Array, float]:
        """Weights of the outcomes, ``[opening]``, and their penalty in $."""
        weights, penalty = np.zeros(len(costs)), 0.0
        for share, measure in zip(self.shares, self.measures, strict=True):
            of_one, loss = measure.weigh(probability, costs)
            weights += share * of_one
            penalty += share * loss
        return weights, penalty

    def compiled(self, cost_scale: float) -> None:
        """It calls its measures in Python."""

    def epigraph(self, probability: Array, lower: float) -> LinearForm | None:
        """The linear forms of its measures side by side; none where one of them has none."""
        forms = [measure.epigraph(probability, lower) for measure in self.measures]
        n = len(probability)
        weights, extra, rows, first = np.zeros(n), [], [], n
        for place, (share, form) in enumerate(zip(self.shares, forms, strict=True)):
            if form is None:
                return None
            weights += share * form.weights
            for family in form.extra:
                name = f"{family.name}_{place + 1}"
                extra.append(
                    ExtraColumns(name, family.lower, share * family.weights, family.indexed)
                )
            for row in form.rows:
                rows.append(
                    tuple((column if column < n else column - n + first, c) for column, c in row)
                )
            first += sum(len(family.weights) for family in form.extra)
        return LinearForm(weights, tuple(extra), tuple(rows), "blend")


RISK_MEASURES.add(Blend)
