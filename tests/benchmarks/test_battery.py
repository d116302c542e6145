"""The battery itself.

What it runs, what it makes of runs that hang or crash, and what its table says.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from itertools import pairwise

import pytest

from battery import mixed
from battery_table import faults, summary
from isolated import read_lines, run_all, run_isolated, run_until
from strangers import (
    EXACT,
    SIZES,
    command_of,
    exact,
    generators_are_there,
    planners,
    seed_of,
    strangers,
    write_case,
)
from units import UNSCALED, judge, table

FINISHED = {
    "outcome": "finished",
    "bounds": [1.0, 2.0],
    "solves": 2000,
    "fallbacks": 1,
    "attempts": 3,
    "relaxed": 0,
}


def script(directory, text):
    path = directory / "script.py"
    path.write_text(
        "import json, sys, time\n"
        "from pathlib import Path\n"
        "asked, result, progress = map(Path, sys.argv[1:4])\n" + text
    )
    return str(path)


def recorded(name, **changes):
    recipe = {"name": name, "kind": "exact", "group": "small", "options": {"seed": 1}}
    return {"name": name, "recipe": recipe, "wall_seconds": 2.0, **FINISHED, **changes}


def test_the_family_has_two_hundred_systems_of_four_sizes_wet_and_dry():
    family = list(strangers("any"))
    assert Counter(recipe["options"]["hydros"] for recipe in family) == {
        hydros: 50 for hydros, _ in SIZES
    }
    assert {recipe["options"]["lags"] for recipe in family} == set(range(7))
    assert {recipe["options"]["blocks"] for recipe in family} == {1, 3}
    assert {r["options"]["iterations"] for r in family if r["options"]["hydros"] == 160} == {10}
    loads = sorted(recipe["options"]["load"] for recipe in family)
    assert loads[0] < 0.35
    assert loads[-1] > 1.45
    assert all(after - before < 0.05 for before, after in pairwise(loads))
    assert (len(list(planners("any"))), len(list(exact("any")))) == (20, EXACT)


def test_every_system_has_a_name_and_a_seed_of_its_own_and_another_word_gives_others():
    first, second = ([*strangers(word), *planners(word), *exact(word)] for word in ("one", "two"))
    assert len({recipe["name"] for recipe in first}) == len(first)
    assert not {recipe["name"] for recipe in first} & {recipe["name"] for recipe in second}
    assert seed_of("one", 12, 3) == seed_of("one", 12, 3) != seed_of("one", 12, 4)


def test_the_command_of_a_system_says_all_that_makes_it():
    recipe = next(strangers("any", load=1.25))
    assert all(f"--{key} {value}" in command_of(recipe) for key, value in recipe["options"].items())


@pytest.mark.skipif(not generators_are_there(), reason="the generators are not there")
def test_planners_cases_of_two_seeds_differ_in_their_rivers_and_have_the_size_asked_for(tmp_path):
    options = {"rivers": 2, "stages": 6, "iterations": 8}
    cases = [
        write_case({"kind": "planner", "options": {**options, "seed": seed}}, tmp_path / str(seed))
        for seed in (1, 5)
    ]
    hydros = [json.loads((case / "system/hydros.json").read_text())["hydros"] for case in cases]
    assert len(hydros[0]) == len(hydros[1]) == 10
    assert hydros[0] != hydros[1]
    assert len(json.loads((cases[0] / "stages.json").read_text())["stages"]) == 6


def test_a_run_that_hangs_ends_at_its_limit_and_says_how_far_it_came(tmp_path):
    text = "progress.write_text(json.dumps({'iteration': 4}) + '\\n{\"iter')\ntime.sleep(60)\n"
    record = run_isolated(script(tmp_path, text), {}, limit_seconds=3.0)
    assert record["outcome"] == "time limit"
    assert record["progress"] == {"iteration": 4}
    assert record["wall_seconds"] < 30.0


def test_a_run_that_crashes_leaves_its_last_words(tmp_path):
    record = run_isolated(
        script(tmp_path, "raise SystemExit('no memory left')\n"), {}, limit_seconds=30.0
    )
    assert record["outcome"] == "crashed"
    assert record["error"] == "exit code 1: no memory left"


def test_a_file_that_was_cut_short_is_gone_on_with(tmp_path):
    out = tmp_path / "battery.jsonl"
    recipes = [{"name": "a"}, {"name": "b"}]
    for _ in run_all(recipes, lambda recipe: {"outcome": recipe["name"] * 2}, out, jobs=2):
        pass
    with out.open("a", encoding="utf-8") as stream:
        stream.write('{"name": "c", "outco')
    assert {name: record["outcome"] for name, record in read_lines(out).items()} == {
        "a": "aa",
        "b": "bb",
    }


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"largest_fall": 1e-12}, []),
        ({"largest_fall": 1e-5}, ["bound falls by 1.0e-05"]),
        ({"not_finite": 2}, ["not a number"]),
        ({"off_optimum": 2e-7}, ["bound off by +2.0e-07"]),
        ({"off_optimum": -2e-7}, ["bound off by -2.0e-07"]),
        ({"outcome": "time limit"}, ["time limit"]),
    ],
)
def test_a_fault_is_named(changes, found):
    assert faults(recorded("a", **changes)) == found


def test_the_table_counts_programs_that_left_the_kernel_and_lists_failures():
    text = summary(
        [recorded("fine"), recorded("bad", outcome="error", error="stage 3 | gave up", fallbacks=5)]
    )
    row = next(line for line in text.splitlines() if line.startswith("| small"))
    assert [cell.strip() for cell in row.split("|")[2:5]] == ["2", "1", "1"]
    assert "| 4,000 | 1.50 | 1 | 6 |" in row
    assert "| bad | error | 0 | stage 3 / gave up |" in text


def test_a_factor_is_judged_by_bytes_bounds_and_programs_that_left_the_kernel():
    def run(factor, **changes):
        record = {**FINISHED, "digest": "d", "converged": True, **changes}
        return {
            **record,
            "name": f"s/costs/{factor}",
            "recipe": {"system": "s", "what": "costs", "factor": factor},
        }

    base = run(UNSCALED)
    assert judge(run("2^3"), base) == []
    assert judge(run("2^3", digest="e"), base) == ["other bytes"]
    assert judge(run("10^3", digest="e"), base) == []
    assert judge(run("10^3", bounds=[1.0, 2.0 + 1e-8]), base) == [
        "converged bound differs by 5.0e-09"
    ]
    assert judge(run("10^3", bounds=[1.1, 2.0]), base) == ["bounds differ by 5.0e-02"]
    assert judge(run("10^3", fallbacks=2), base) == ["2 programs left the kernel, 1 before"]
    records = {record["name"]: record for record in (base, run("2^3"), run("10^3"))}
    assert table(records).endswith("Units do not matter.")
    assert "units matter" in table({**records, "s/costs/2^9": run("2^9", digest="e")})


def test_every_beginning_of_the_mixed_order_has_its_share_of_all_groups():
    recipes = [*strangers("any"), *planners("any"), *exact("any")]
    order = mixed(recipes)
    assert sorted(r["name"] for r in order) == sorted(r["name"] for r in recipes)
    first = len(list(planners("any")))
    assert {recipe["kind"] for recipe in order[:first]} == {"planner"}
    half = Counter(recipe["group"] for recipe in order[first : first + 130])
    assert half == {**{f"{hydros} hydros": 25 for hydros, _ in SIZES}, "judged exactly": EXACT // 2}


def test_runs_for_which_the_time_is_over_leave_no_line(tmp_path):
    sleeping = script(tmp_path, "time.sleep(600)\n")
    deadline = time.monotonic() + 1.0
    assert run_until(deadline, sleeping, {}, 1000.0) is None
    assert run_until(deadline, sleeping, {}, 1000.0) is None
    assert run_until(time.monotonic() + 600.0, sleeping, {}, 0.5)["outcome"] == "time limit"
    out = tmp_path / "out.jsonl"
    assert list(run_all([{"name": "a"}], lambda _: None, out, 1)) == []
    assert not out.exists()
