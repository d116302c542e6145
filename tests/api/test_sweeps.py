"""Sweeps over variants of a study are the same whoever carries them out."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import headwater as hw
from case_builder import constraint, tiny_case


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return tiny_case(tmp_path / "case").write()


OPTIONS = {"load": [0.8, 1.1], "iterations": [2, 4]}


def test_a_sweep_goes_through_all_combinations_in_order(case: Path):
    found = hw.sweep(case, OPTIONS, n_scenarios=5)
    table = found.frame()
    assert table.select("load", "iterations").rows() == [(0.8, 2), (0.8, 4), (1.1, 2), (1.1, 4)]
    assert table["iterations_done"].to_list() == [2, 4, 2, 4]
    assert set(table["reason"]) == {"iteration_limit"}
    assert repr(found) == "<Sweep: 4 variants>"
    alone = hw.load_case(case).with_(iterations=4).scale_load(1.1)
    policy = hw.train(alone, threads=1, progress=False)
    costs = hw.simulate(policy, n_scenarios=5, threads=1, progress=False)
    last = [*found][-1]
    assert (last.lower_bound, last.mean_cost) == (policy.lower_bound, costs.mean_cost)


def test_executors_give_the_same_bytes_as_no_executor(case: Path):
    expected = hw.sweep(case, OPTIONS, n_scenarios=5)
    with ThreadPoolExecutor(2) as threads:
        assert hw.sweep(case, OPTIONS, n_scenarios=5, executor=threads) == expected
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert hw.sweep(case, OPTIONS, n_scenarios=5, executor=processes) == expected


def test_a_variant_that_fails_keeps_its_error_and_the_others_go_on(tmp_path: Path):
    case = tiny_case(tmp_path / "case")
    constraint("bus_deficit(0)", name="no shedding", sense="<=", slack={"enabled": False})(case)
    for row in case.tables["constraints/generic_constraint_bounds"]:
        row["bound"] = 0.0
    found = hw.sweep(case.write(), {"load": [1.0, 500.0]}, n_scenarios=2)
    good, bad = found
    assert good.error == ""
    assert good.mean_cost is not None
    assert bad.mean_cost is None
    assert "no shedding" in bad.error or "no_shedding" in bad.error
    assert repr(found) == "<Sweep: 2 variants, 1 failed>"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lode": [1.0]}, "got lode"),
        ({}, "got none"),
        ({"threads": [2]}, "got threads"),
        ({"load": []}, "needs values of load"),
    ],
)
def test_options_that_do_not_exist_are_refused(case: Path, options: dict, message: str):
    with pytest.raises(hw.UsageError, match=message):
        hw.sweep(case, options)
