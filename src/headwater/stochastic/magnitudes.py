"""Numbers that no river and no system has: refused before arithmetic turns them into infinities."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.errors import ModelError
from headwater.model import System

LARGEST = 1e12
"""Beyond this, in m3/s, MW or as a coefficient, a statistic is a mistake: the largest river has
0.0000002 of it.
"""


def refuse_absurd_statistics(system: System) -> None:
    """Refuse statistics whose squares or products would not be numbers.

    Raises:
        ModelError: with plant or bus, stage and the number.
    """
    for place, name, value in _numbers(system):
        if not abs(value) <= LARGEST:
            raise ModelError(
                f"{place}: {name} is {value:g}, expected a number within "
                f"±{LARGEST:g}; check its unit"
            )


def _numbers(system: System) -> Iterator[tuple[str, str, float]]:
    for inflow in system.inflow_statistics:
        place = f"inflow of hydro {inflow.hydro_id}, stage {inflow.stage_id}"
        yield place, "mean_m3s", inflow.mean_m3s
        yield place, "std_m3s", inflow.std_m3s
        for lag, coefficient in enumerate(inflow.coefficients, start=1):
            yield place, f"the coefficient of lag {lag}", coefficient
        if inflow.residual_std_ratio is not None:
            yield place, "residual_std_ratio", inflow.residual_std_ratio
    for load in system.load_statistics:
        place = f"load of bus {load.bus_id}, stage {load.stage_id}"
        yield place, "mean_mw", load.mean_mw
        yield place, "std_mw", load.std_mw
