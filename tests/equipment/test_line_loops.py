"""Kirchhoff's laws around loops of lines.

By hand, against angles, and against published figures.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headwater as hw
from case_builder import tiny_case
from extensive_form import extensive_form_value
from headwater.equipment.line_loops import loops, relative_reactance
from headwater.model import Bus, Line, LoadStatistics, Study
from headwater.sddp import train_policy
from published.case_files import bus, case, hydro, line, months, thermal
from random_systems import STAGE_IDS, random_study


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 25), st.integers(0, 10**6))
def test_loops_are_a_basis_of_all_circular_flows(n_buses: int, n_lines: int, seed: int):
    rng = np.random.default_rng(seed)
    ends = [tuple(int(bus) for bus in rng.integers(0, n_buses, 2)) for _ in range(n_lines)]
    ends = [pair for pair in ends if pair[0] != pair[1]]
    incidence = np.zeros((n_buses, len(ends)))
    for i, (source, target) in enumerate(ends):
        incidence[source, i], incidence[target, i] = -1.0, 1.0
    found = loops(ends)  # type: ignore[arg-type]
    around = np.zeros((len(found), len(ends)))
    for row, (closing, loop) in enumerate(found.items()):
        for one, sign in loop:
            around[row, one] += sign
        assert around[row, closing] == 1.0
    assert not (incidence @ around.T).any()
    rank = np.linalg.matrix_rank(incidence) if ends else 0
    assert len(found) == len(ends) - rank
    assert not len(found) or np.linalg.matrix_rank(around) == len(found)


def test_the_unit_of_reactances_does_not_matter():
    assert relative_reactance([2.0, 8.0]) == pytest.approx([0.5, 2.0])
    assert relative_reactance([2e-9, 8e-9]) == pytest.approx([0.5, 2.0])


def triangle(reactances: tuple[float | None, float | None, float | None], **more: Any) -> Any:
    """Three buses in a ring; the cheap plant at 0 feeds the load at 2, a dear one stands there."""
    ends = ((0, 2), (0, 1), (1, 2))
    lines = [
        line(i, f"L{i}", pair, (60.0, 60.0), 0.0) | ({} if x is None else {"reactance_pu": x})
        for i, (pair, x) in enumerate(zip(ends, reactances, strict=True))
    ]
    return case(
        stages=months(1),
        loads_mw={0: [0.0], 1: [0.0], 2: [100.0]},
        buses=[bus(0), bus(1), bus(2)],
        thermals=[thermal(0, 200.0, 10.0), thermal(1, 200.0, 50.0, bus_id=2)],
        hydros=[hydro(0, 1.0, 1.0)],
        storage_hm3=[0.0],
        inflows_m3s={0: [(0.0, 0.0)]},
        lines=lines,
        **more,
    )


@pytest.mark.parametrize(
    ("reactances", "cheap_mw"),
    [
        ((0.1, 0.1, 0.1), 90.0),  # a third goes the long way: 60 / (2 / 3)
        ((0.2, 0.1, 0.1), 100.0),  # half each way
        ((0.1, 0.2, 0.2), 75.0),  # 60 / (4 / 5)
        ((None, 0.1, 0.1), 100.0),  # the direct line is steered: there is no loop
        ((None, None, None), 100.0),
    ],
)
def test_a_ring_of_three_by_hand(
    tmp_path: Path, reactances: tuple[float | None, ...], cheap_mw: float
):
    study = hw.load_case(triangle(reactances).write(tmp_path))  # type: ignore[arg-type]
    expected = 730.0 * (10.0 * cheap_mw + 50.0 * (100.0 - cheap_mw))
    assert train_policy(study).lower_bound == pytest.approx(expected, rel=1e-9)


def test_a_loop_exists_while_all_its_lines_do(tmp_path: Path):
    built = triangle((0.1, 0.1, 0.1))
    built.files["stages.json"]["stages"] = months(2)
    built.tables["scenarios/load_seasonal_stats"] += [
        {"bus_id": b, "stage_id": 1, "mean_mw": mean, "std_mw": 0.0}
        for b, mean in enumerate((0.0, 0.0, 100.0))
    ]
    built.tables["scenarios/inflow_seasonal_stats"] += [
        {"hydro_id": 0, "stage_id": 1, "mean_m3s": 0.0, "std_m3s": 0.0}
    ]
    built.files["system/lines.json"]["lines"][1]["exit_stage_id"] = 1
    study = hw.load_case(built.write(tmp_path))
    # without the way over bus 1 the direct line carries its 60 MW and no more
    month = [730.0 * (10.0 * cheap + 50.0 * (100.0 - cheap)) for cheap in (90.0, 60.0)]
    assert train_policy(study).lower_bound == pytest.approx(sum(month), rel=1e-9)


def test_a_line_that_can_carry_nothing_is_out_of_service(tmp_path: Path):
    """Without the way over bus 1 the direct line carries its 60 MW, and no loop holds it back."""
    built = triangle((0.1, 0.1, 0.1))
    built.files["system/lines.json"]["lines"][1]["capacity"] = {"direct_mw": 0.0, "reverse_mw": 0.0}
    study = hw.load_case(built.write(tmp_path))
    expected = 730.0 * (10.0 * 60.0 + 50.0 * 40.0)
    assert train_policy(study).lower_bound == pytest.approx(expected, rel=1e-9)


def meshed(seed: int) -> Study:
    """A random system whose two buses are joined by a mesh over two more, one line of it
    steered.
    """
    study, rng = random_study(seed), np.random.default_rng(100 + seed)
    ends = ((1, 2), (1, 2), (1, 3), (3, 2), (3, 4), (4, 2), (1, 4))
    lines = tuple(
        Line(
            5 + i,
            *pair,
            *(float(most) for most in rng.uniform(15, 50, 2)),
            losses_percent=float(rng.uniform(0, 5)),
            reactance_pu=None if i == 6 else float(rng.uniform(0.01, 0.3)),
            exit_stage_id=6 if i == 1 else None,
        )
        for i, pair in enumerate(ends)
    )
    system = study.system
    loads = tuple(LoadStatistics(3, t, float(rng.uniform(5, 20)), 0.0) for t in STAGE_IDS)
    more = replace(
        system,
        buses=(*system.buses, Bus(3), Bus(4)),
        lines=lines,
        load_statistics=(*system.load_statistics, *loads),
    )
    return replace(study, system=more)


@pytest.mark.parametrize("seed", range(6))
def test_meshed_systems_cost_what_a_program_with_angles_says(seed: int):
    study = meshed(seed)
    exact = extensive_form_value(study.system, study.config)
    assert train_policy(study).lower_bound == pytest.approx(exact, rel=1e-7)


def test_the_order_of_lines_changes_nothing():
    study = meshed(3)
    turned = replace(study, system=replace(study.system, lines=study.system.lines[::-1]))
    assert hw.extensive_form(turned).cost == pytest.approx(hw.extensive_form(study).cost, rel=1e-9)


_RISING = ((20, 10), (30, 15), (40, 20), (50, 25), (60, 30), (70, 35))
INFLOWS = ((80, 40), *_RISING[:0:-1], *_RISING)
"""Mean and deviation of the three openings of each stage: one deviation above, the mean, one
below.
"""


def case3(*, reactances: tuple[float, float, float] | None, certain: bool = False) -> Any:
    """The three-bus teaching case of HydroPowerModels.jl (MIT).

    12 stages of an hour, one reservoir.
    """
    ends, capacities = ((0, 2), (2, 1), (0, 1)), (100.0, 65.0, 25.0)
    lines = [
        line(i, f"L{i}", pair, (most, most), 0.0)
        for i, (pair, most) in enumerate(zip(ends, capacities, strict=True))
    ]
    for entry, x in zip(lines, reactances or (), strict=False):
        entry["reactance_pu"] = x
    openings = 1 if certain else 3
    noise = [
        {"stage_id": t, "opening_index": w, "entity_index": 0, "value": 0.0 if certain else 1.0 - w}
        for t in range(12)
        for w in range(openings)
    ]
    probability = [
        {"stage_id": t, "opening_index": w, "probability": p}
        for t in range(12)
        for w, p in enumerate((1.0,) if certain else (0.3, 0.4, 0.3))
    ]
    return case(
        stages=months(12, hours=1.0, num_scenarios=openings),
        loads_mw={0: [0.0] * 12, 1: [0.0] * 12, 2: [100.0] * 12},
        buses=[bus(0), bus(1), bus(2)],
        thermals=[thermal(0, 100.0, 20.0, bus_id=1), thermal(1, 50.0, 100.0, bus_id=2)],
        hydros=[hydro(0, 0.54, 80.0)],
        storage_hm3=[0.18],
        inflows_m3s={0: [(float(m), float(s)) for m, s in INFLOWS]},
        lines=lines,
        iterations=250,
        forward_passes=4,
        tables={"scenarios/noise_openings": noise, "scenarios/opening_probabilities": probability},
    )


def bound(built: Any, directory: Path) -> float:
    return train_policy(hw.load_case(built.write(directory))).lower_bound


def test_case3_as_it_was_published(tmp_path: Path):
    """Figures of the teaching case, and of two independent computations of its variants."""
    loop, with_resistance = (
        (1.0, 0.5, 1.0),
        tuple((r * r + x * x) / x for r, x in ((0.065, 1.0), (0.025, 0.5), (0.042, 1.0))),
    )
    certain = bound(case3(reactances=loop, certain=True), tmp_path / "certain")
    assert certain == pytest.approx(20.0 * (1200.0 - 650.0), abs=1e-3)
    free = bound(case3(reactances=None), tmp_path / "free")
    assert free == pytest.approx(11168.0, abs=0.01)
    assert 11304.0273 <= bound(case3(reactances=loop), tmp_path / "loop") <= 11304.1114
    resistive = bound(case3(reactances=with_resistance), tmp_path / "resistive")  # type: ignore[arg-type]
    assert 11306.2678 <= resistive <= 11308.1736


def test_a_reactance_that_is_none_is_refused(tmp_path: Path):
    broken = tiny_case(tmp_path / "case")
    broken.files["system/lines.json"]["lines"][0]["reactance_pu"] = 0.0
    with pytest.raises(
        hw.CaseError, match=r"lines\[0\]\.reactance_pu .* expected a number above 0"
    ):
        hw.load_case(broken.write())
