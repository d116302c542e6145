"""Risk measures at work: the weights of outcomes, in Python and in compiled code."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, cast

import numpy as np

from headwater.arrays import Array
from headwater.core.choices import RiskMeasure
from headwater.core.risk_forms import TOO_FAR, CompiledRisk
from headwater.errors import ModelError
from headwater.sddp.kernels.trial_kernel import RiskArrays
from headwater.solver.compiled import Native

logger = logging.getLogger(__name__)

_DOUBLES, _LONGS = ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_int64)
_FUNCTION = ctypes.CFUNCTYPE(
    ctypes.c_double, ctypes.c_int64, _DOUBLES, _DOUBLES, _DOUBLES, _LONGS, _DOUBLES
)
_TOLERANCE = 1e-6
"""How far the total of weights may be from one: round-off of hundreds of openings is a millionth of
it.
"""


def weigh(measure: RiskMeasure, probability: Array, cost: Array) -> tuple[Array, float]:
    """Weights and penalty with ``rho[Z] = weights . Z - penalty`` for the outcomes at hand.

    Args:
        measure: of risk.
        probability: ``[opening]``.
        cost: ``[opening]`` in $.

    Raises:
        ValueError: a cost is not a number.
        ModelError: what the measure gives are no weights.
    """
    if np.isnan(cost).any():
        raise ValueError("an outcome has no cost")
    weights, penalty = measure.weigh(probability, cost)
    _check(measure, np.asarray(weights), penalty, len(cost))
    return np.asarray(weights, np.float64), float(penalty)


def among(measure: RiskMeasure, noise: Sequence[Array]) -> RiskMeasure:
    """A measure for openings with the noise ``[opening, entry]``, of each regime one after another.

    Most do not look at it. Openings of different regimes are too far apart to be taken for each
    other.
    """
    knows = getattr(measure, "among", None)
    if knows is None:
        return measure
    apart = [
        np.hstack([one, np.full((len(one), 1), regime * TOO_FAR)])
        for regime, one in enumerate(noise)
    ]
    return cast("RiskMeasure", knows(np.vstack(apart)))


def risk_adjusted_costs(measure: RiskMeasure, probability: Array, costs: Array) -> Array:
    """Risk-adjusted cost of several trials, ``[trial]`` in $.

    Of the outcomes ``costs[trial, opening]``.
    """
    adjusted = np.empty(len(costs))
    for trial, outcomes in enumerate(costs):
        weights, penalty = weigh(measure, probability, outcomes)
        total = sum(
            weight * cost for weight, cost in zip(weights.tolist(), outcomes.tolist(), strict=True)
        )
        adjusted[trial] = total - penalty
    return adjusted


def _check(measure: RiskMeasure, weights: Array, penalty: float, n: int) -> None:
    """Refuse what would make cuts wrong.

    Raises:
        ModelError: the weights are not as many as the outcomes, negative, no numbers, or their
            total is not one.
    """
    total = float(weights.sum()) if weights.shape == (n,) else np.nan
    if not (abs(total - 1.0) <= _TOLERANCE and weights.min() >= 0.0 and np.isfinite(penalty)):
        raise ModelError(
            f"the risk measure {measure.type!r} ({measure!r}) must weigh {n} outcomes with "
            "numbers of at least 0 that add up to 1, and a finite penalty; got weights of shape "
            f"{weights.shape} that add up to {total:g}, and the penalty {penalty}"
        )


class OpeningWeights:
    """How the costs of the openings of a stage are weighed.

    By compiled code at an address, or by a call into Python.

    Args:
        measure: of risk.
        probability: ``[opening]``.
        cost_scale: money in the program is $ divided by this.
    """

    def __init__(self, measure: RiskMeasure, probability: Array, cost_scale: float) -> None:
        self.measure = measure
        self.probability = np.ascontiguousarray(probability)
        self._scale = cost_scale
        self._error: BaseException | None = None
        self._kept: Any = None

    @cached_property
    def arrays(self) -> RiskArrays:
        """What compiled code is given.

        The function is compiled, or read from disk, when this is first asked.
        """
        form = self.measure.compiled(self._scale)
        if form is not None:
            parameters = np.ascontiguousarray(form.parameters, np.float64)
            address = self._compiled(form, parameters)
            if address is not None:
                return RiskArrays(self.probability, parameters, address)
        self._kept = _FUNCTION(self._call)
        address = ctypes.cast(self._kept, ctypes.c_void_p).value
        return RiskArrays(self.probability, np.empty(0), address or 0)

    def _compiled(self, form: CompiledRisk, parameters: Array) -> int | None:
        """Address of the compiled function, when it does the same as the measure in Python.

        Raises:
            ModelError: it does not.
        """
        try:
            address = _native(form.function).address
        except Exception as error:
            logger.warning(
                "the risk measure %r is weighed in Python, which takes longer: "
                "its compiled form cannot be compiled (%s)",
                self.measure.type, " ".join(str(error).split())[:300],
            )  # fmt: skip
            return None
        n = len(self.probability)
        costs, order, weights = np.arange(n, 0.0, -1.0), np.empty(n, np.int64), np.empty(n)
        pointers = [
            array.ctypes.data_as(_DOUBLES) for array in (costs, self.probability, parameters)
        ]
        penalty = _FUNCTION(address)(
            n, *pointers, order.ctypes.data_as(_LONGS), weights.ctypes.data_as(_DOUBLES)
        )
        expected, loss = weigh(self.measure, self.probability, costs * self._scale)
        if not np.allclose(weights, expected, rtol=1e-9, atol=1e-12) or not np.isclose(
            penalty * self._scale, loss, rtol=1e-9
        ):
            raise ModelError(
                f"the risk measure {self.measure.type!r} contradicts itself: compiled, it weighs "
                f"outcomes as {weights.tolist()} with the penalty {penalty * self._scale}, and in "
                f"Python as {expected.tolist()} with {loss}"
            )
        return address

    def _call(
        self, n: int, costs: Any, _probability: Any, _parameters: Any, _order: Any, weights: Any
    ) -> float:
        """The measure for compiled code that calls into Python.

        What goes wrong is kept, and the cut is not used.
        """
        out = np.ctypeslib.as_array(weights, (n,))
        try:
            given = np.ctypeslib.as_array(costs, (n,)) * self._scale
            out[:], penalty = weigh(self.measure, self.probability, given)
        except BaseException as error:
            self._error = error
            out[:] = np.nan
            return float("nan")
        return penalty / self._scale

    def raise_error(self) -> None:
        """Raise what went wrong in a call into Python.

        Raises:
            BaseException: the error of the measure.
        """
        error, self._error = self._error, None
        if error is not None:
            raise error


@lru_cache
def _native(function: Callable[..., Any]) -> Native:
    return Native(function, _signature)


def _signature() -> Any:
    from numba import types

    pointer: Any = types.CPointer
    numbers, places = pointer(types.float64), pointer(types.int64)
    return types.float64(types.int64, numbers, numbers, numbers, places, numbers)
