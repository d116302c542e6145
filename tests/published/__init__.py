"""Cases that other programs of the field publish, built from their numbers, with the
figures that they must show.

Each module holds a family and names its source. A case is written as a directory, as a user would
have it, so that reading is tested with the rest; `case_directory` writes it once a process, into a
place that goes with the process, and nobody may change it there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from published import hydro_cases as hydro
from published import inflow_cases as inflow
from published import thermal_cases as thermal
from published import toy_cases as toy
from published.case_files import Figure, PublishedCase

CASES: dict[str, Callable[[], PublishedCase]] = {
    "1dtoy": toy.one_dimension,
    "4ree": toy.four_subsystems,
    "d01-thermal-dispatch": thermal.thermal_dispatch,
    "d02-single-hydro": hydro.one_plant,
    "d03-two-hydro-cascade": hydro.cascade,
    "d04-transmission": hydro.transmission,
    "d05-fpha-constant-head": hydro.given_plane,
    "d07-fpha-computed": hydro.computed_planes,
    "d08-evaporation": hydro.evaporation,
    "d10-inflow-nonnegativity": hydro.negative_inflow,
    "d11-water-withdrawal": hydro.withdrawal,
    "d12-par-annual": inflow.annual_component,
    "d13-generic-constraint": thermal.generic_constraint,
    "d14-block-factors": thermal.block_factors,
    "d15-non-controllable-source": thermal.non_controllable_source,
    "d16-par1-lag-shift": inflow.first_order_inflow,
    "d20-operational-violations": hydro.violations,
    "d23-bidirectional-withdrawal": hydro.over_withdrawal,
    "d25-discount-rate": hydro.discounted,
    "d27-per-stage-thermal-cost": thermal.cost_by_stage,
    "d29-weekly-par-noise-sharing": inflow.weeks_of_a_month,
}
"""Name under which a case is published -> its builder."""

FIGURES: dict[str, Figure] = {
    name: figure for name, build in CASES.items() if (figure := build().figure) is not None
}
"""Name of a case -> its figure, for the cases that have one."""


@cache
def case_directory(name: str) -> Path:
    """Directory of a case, to be read and copied but not changed."""
    return CASES[name]().write(Path(_place().name).resolve() / name)


@cache
def _place() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="headwater-published-")
