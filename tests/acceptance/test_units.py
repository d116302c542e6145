"""Units do not matter.

Costs, or volumes and flows, multiplied by a factor give the same policy in other units.
"""

from __future__ import annotations

import pytest

from headwater.case import write_starter
from small_strangers import SmallStranger
from units import CONVERGED, ON_THE_WAY, differences
from units_run import train_in_units

SMALL = SmallStranger(7, ("lags",))
POWERS_OF_TWO, POWERS_OF_TEN = (-20, 13), (-6, 6)


@pytest.fixture(scope="module", params=["one-reservoir", "subsystems", "from-history", "small"])
def system(request, tmp_path_factory):
    """Directory of a case, its most iterations, and what training it gives in its own units."""
    directory = tmp_path_factory.mktemp("units") / "case"
    if request.param == "small":
        SMALL.write(directory)
    else:
        write_starter(directory, request.param)
    iterations = 200 if request.param == "small" else 6
    return directory, iterations, train_in_units(directory, 1.0, 1.0, iterations)


def factors(what, factor):
    return (factor, 1.0) if what == "costs" else (1.0, factor)


@pytest.mark.parametrize("what", ["costs", "water"])
def test_a_power_of_two_gives_the_same_bytes_in_other_units(system, what):
    directory, iterations, plain = system
    for power in POWERS_OF_TWO:
        record = train_in_units(directory, *factors(what, 2.0**power), iterations)
        assert record["outcome"] == "finished", f"2^{power}: {record['error']}"
        assert record["bounds"] == plain["bounds"], f"2^{power}"
        assert record["digest"] == plain["digest"], f"2^{power}"


@pytest.mark.parametrize("what", ["costs", "water"])
def test_a_power_of_ten_gives_the_same_behaviour(system, what):
    directory, iterations, plain = system
    for power in POWERS_OF_TEN:
        record = train_in_units(directory, *factors(what, 10.0**power), iterations)
        assert record["outcome"] == "finished", f"10^{power}: {record['error']}"
        along, last = differences(record, plain)
        assert along <= ON_THE_WAY, f"10^{power}"
        assert last <= CONVERGED or not plain["converged"], f"10^{power}"
        assert record["fallbacks"] <= plain["fallbacks"], f"10^{power}"


def test_the_small_system_converges_and_so_has_a_last_bound_to_compare(tmp_path):
    record = train_in_units(SMALL.write(tmp_path / "case"), 1.0, 1.0, 200)
    assert record["converged"]
    assert len(record["bounds"]) < 200
