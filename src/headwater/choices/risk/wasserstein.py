"""The worst mean over all probabilities that can be had by moving mass a little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from headwater.arrays import Array, Indices
from headwater.core.choices import RISK_MEASURES
from headwater.core.fields import NonNegative
from headwater.core.risk_forms import TOO_FAR, ExtraColumns, LinearForm
from headwater.errors import ModelError


@dataclass(frozen=True, slots=True)
class Wasserstein:
    """The dearest mean over all probabilities within a Wasserstein distance of those given.

    Probability may move from an opening to others, at the price of the distance between their
    noise (the Euclidean norm of the difference, in standard deviations), until ``radius`` is spent.
    A dear opening that is nearly like a cheap one is believed sooner than one that is far from all
    others (Duque and Morton 2020, SIAM Journal on Optimization 30).

    >>> import numpy as np
    >>> measure = Wasserstein(0.5).among(np.array([[0.0], [1.0], [3.0]]))
    >>> costs = np.array([10.0, 20.0, 30.0])
    >>> weights, penalty = measure.weigh(np.full(3, 1 / 3), costs)
    >>> weights.round(4).tolist(), penalty      # the first moves to the second, one for one,
    ([0.0, 0.5833, 0.4167], 0.0)
    >>> round(float(weights @ costs), 4)        # and the rest of the radius on to the third
    24.1667

    What speaks against it: the distance knows the noise and not what it does, so that many rivers
    of little weight move openings apart as much as a few great ones.

    Attributes:
        radius: how far mass may be moved on the whole; 0 is the expectation.
    """

    radius: Annotated[NonNegative, "how far probability may be moved, in deviations of the noise"]

    type: ClassVar[str] = "wasserstein"

    def __post_init__(self) -> None:
        if not (self.radius >= 0.0 and np.isfinite(self.radius)):
            raise ModelError(f"expected a radius of at least 0, got {self.radius}")

    @property
    def neutral(self) -> bool:
        """Whether it is the expectation."""
        return self.radius == 0.0

    def among(self, noise: Array) -> AmongOpenings:
        """The measure for openings with the noise ``[opening, entry]``."""
        difference = noise[:, None, :] - noise[None, :, :]
        return AmongOpenings(self.radius, np.sqrt((difference**2).sum(axis=2)))

    def weigh(self, probability: Array, costs: Array) -> tuple[Array, float]:  # noqa: ARG002
        """It weighs nothing before it knows the openings.

        Raises:
            ModelError: always.
        """
        raise ModelError("the risk measure 'wasserstein' asks for the noise of the openings first")

    def compiled(self, cost_scale: float) -> None:
        """It is called in Python."""

    def epigraph(self, probability: Array, lower: float) -> None:
        """Without openings it has no linear form, so these cannot have cuts of their own."""


@dataclass(frozen=True, slots=True, eq=False)
class AmongOpenings:
    """`Wasserstein` among openings whose distances are known.

    Attributes:
        radius: how far mass may be moved.
        distance: ``[opening, opening]``.
    """

    radius: float
    distance: Array

    type: ClassVar[str] = "wasserstein"

    @property
    def neutral(self) -> bool:
        """Whether it is the expectation."""
        return self.radius == 0.0

    def weigh(self, probability: Array, costs: Array) -> tuple[Array, float]:
        """Weights of the outcomes, ``[opening]``; it has no penalty.

        At a price of distance each opening sends its probability where cost less the way is
        highest. The price is sought at which the radius is spent: between one at which too much is
        moved and one at which too little is, the next is where the tangents of the dual function
        meet, until nothing better lies between. What is moved is then mixed of both.
        """
        n = len(costs)
        possible = probability > 0.0
        targets = np.where(possible, costs, -np.inf)
        everyone = np.arange(n)

        def moved(price: float) -> tuple[Indices, float, float]:
            """Where each goes, how far all is moved, and the mean then."""
            to: Indices = np.argmax(targets[None, :] - price * self.distance, axis=1)
            way = float(probability @ self.distance[everyone, to])
            return to, way, float(probability @ costs[to])

        def weights(to: Indices) -> Array:
            arrived: Array = np.asarray(np.bincount(to, probability, n), np.float64)
            return arrived

        stay = (everyone, 0.0, float(probability @ costs))
        far, near = moved(0.0), stay
        if far[1] <= self.radius:
            return weights(far[0]), 0.0
        while self.radius > 0.0:
            price = (far[2] - near[2]) / (far[1] - near[1])
            between = moved(price)
            gain = between[2] - price * between[1] - (near[2] - price * near[1])
            if gain <= 1e-12 * max(1.0, abs(near[2])):
                break
            if between[1] > self.radius:
                far = between
            else:
                near = between
        share = (self.radius - near[1]) / (far[1] - near[1])
        return share * weights(far[0]) + (1.0 - share) * weights(near[0]), 0.0

    def compiled(self, cost_scale: float) -> None:
        """It is called in Python."""

    def epigraph(self, probability: Array, lower: float) -> LinearForm:
        """As a linear program: ``radius price + sum p s`` with ``s[i] >= Z[j] - price d[i, j]``."""
        n = len(probability)
        price = ExtraColumns("price_of_distance", 0.0, np.array([self.radius]), indexed=False)
        reached = ExtraColumns("reached_cost", lower, probability)
        possible = np.flatnonzero(probability > 0.0).tolist()
        rows = tuple(
            ((n + 1 + i, 1.0), (n, float(self.distance[i, j])), (j, -1.0))
            for i in possible
            for j in possible
            if self.distance[i, j] < TOO_FAR
        )
        return LinearForm(np.zeros(n), (price, reached), rows, "reached_cost")


RISK_MEASURES.add(Wasserstein)
