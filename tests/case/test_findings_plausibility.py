"""Figures of the wrong size are doubted, with the figures.

Those of real and of plain synthetic systems are not.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import polars as pl
import pytest

from case_builder import codes_of, tiny_case
from headwater.case import TEMPLATES, validate_case, write_starter
from published import CASES, case_directory
from shared_data import SHARED, requires_shared

LOADS, STATS, HISTORY = (
    "scenarios/load_seasonal_stats",
    "scenarios/inflow_seasonal_stats",
    "scenarios/inflow_history",
)
PLAUSIBILITY = {"HW620", "HW621", "HW622", "HW623", "HW624"}


def doubts(root):
    return [finding for finding in validate_case(root) if finding.code in PLAUSIBILITY]


def times(case, table, column, factor, entity=None):
    for row in case.tables[table]:
        if entity is None or entity in (row.get("hydro_id"), row.get("bus_id")):
            row[column] *= factor


def test_a_load_in_mwh_is_told_from_one_in_mw(tmp_path):
    """Bus 1 (70 MW) has a thermal of 60 MW (55 at stage 1) and a line of 40 MW.

    100 MW, times 744 hours.
    """
    case = tiny_case(tmp_path)
    times(case, LOADS, "mean_mw", 744.0, entity=1)
    (finding,) = [one for one in doubts(case.write()) if one.code == "HW620"]
    assert finding.entity == 'Bus 1 "B"'
    assert "52,080 MW at stage 1" in finding.message
    assert "548.2 times the 95 MW" in finding.message
    assert (
        "it looks like MWh: over the 696 hours of the stage it would be 74.83 MW" in finding.message
    )


def test_an_inflow_in_litres_is_told_from_one_in_m3(tmp_path):
    """40 m3/s, as 40,000.

    The turbines take 100 m3/s, and 100 hm3 are filled in 696 hours by 39.9 m3/s.
    """
    case = tiny_case(tmp_path)
    for column in ("mean_m3s", "std_m3s"):
        times(case, STATS, column, 1000.0, entity=0)
    (finding,) = doubts(case.write())
    assert (finding.code, finding.entity) == ("HW621", 'Hydro 0 "H0"')
    assert "the mean inflow is 40,000 m3/s" in finding.message
    assert "the turbines take 100 m3/s and the empty reservoir 39.91 m3/s" in finding.message
    assert "it looks like l/s, which would be 40 m3/s" in finding.message


def test_one_stage_with_a_slipped_decimal_point_is_named(tmp_path):
    case = tiny_case(tmp_path)
    next(row for row in case.tables[STATS] if (row["hydro_id"], row["stage_id"]) == (1, 1))[
        "mean_m3s"
    ] = 15_000.0
    found = [one for one in doubts(case.write()) if one.code == "HW621"]
    assert [one.entity for one in found] == ['Hydro 1 "H1"']


def test_a_reservoir_in_m3_would_never_fill(tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[1]["reservoir"]["max_storage_hm3"] = 100e6
    (finding,) = doubts(case.write())
    assert (finding.code, finding.entity) == ("HW622", 'Hydro 1 "H1"')
    assert (
        "the mean inflow, with that from above, is 81 m3/s" in finding.message
    )  # 40 of the upper plant, 41 of its own
    assert "39,121 years to fill" in finding.message  # 1e8 / (0.0036 * 8766 * 81)


@pytest.mark.parametrize("mark", [-999.0, -9999.0, -99.0, -999.9])
def test_a_mark_for_missing_values_is_no_inflow(tmp_path, mark):
    case = tiny_case(tmp_path)
    case.tables[STATS][0]["mean_m3s"] = mark
    found = [one for one in doubts(case.write()) if one.code == "HW624"]
    assert [one.entity for one in found] == ['Hydro 0 "H0"']
    assert f"{mark:g} appears once among 2 values of mean_m3s" in found[0].message


def test_a_mark_in_the_record_or_in_the_past_is_found_too(tmp_path):
    root = write_starter(tmp_path / "case", "from-history")
    record = pl.read_parquet(root / f"{HISTORY}.parquet")
    missing = (pl.col("hydro_id") == 1) & (pl.col("date").dt.year() == 1990)
    record.with_columns(
        value_m3s=pl.when(missing).then(99999.0).otherwise("value_m3s")
    ).write_parquet(root / f"{HISTORY}.parquet")
    initial = json.loads((root / "initial_conditions.json").read_text())
    initial["past_inflows"] = [{"hydro_id": 0, "values_m3s": [120.0, -999.0]}]
    (root / "initial_conditions.json").write_text(json.dumps(initial))
    assert {(one.file, one.entity) for one in doubts(root) if one.code == "HW624"} == {
        ("scenarios/inflow_history.parquet", 'Hydro 1 "HILL RIVER"'),
        ("initial_conditions.json", 'Hydro 0 "GREAT RIVER"'),
    }


def test_negative_and_large_inflows_that_occur_are_no_marks(tmp_path):
    """Incremental inflows are negative where water is lost between two plants, and
    one may be -99 by chance.
    """
    case = tiny_case(tmp_path)
    case.tables[STATS][0]["mean_m3s"], case.tables[STATS][1]["mean_m3s"] = -99.0, -30.0
    assert doubts(case.write()) == []


def test_the_energy_of_a_dry_year_is_told_in_figures(tmp_path):
    """Loads of 1500 MW: below five times the capacity of a bus, and still far above what there
    is.
    """
    case = tiny_case(tmp_path)
    times(case, LOADS, "mean_mw", 10.0, entity=0)
    times(case, LOADS, "mean_mw", 6.0, entity=1)
    (finding,) = doubts(case.write())
    assert finding.code == "HW623"
    hours = 744 + 696
    assert f"the load is {1.12 * hours:,.4g} GWh" in finding.message  # 700 + 420 MW
    # 32 m3/s through both plants, 33 through the lower: 48.5 MW; and 50 hm3 * 1.0 + 60 hm3 * 0.5 MW
    # per m3/s, by 0.0036
    assert f"at most {(48.5 * hours + 80 / 0.0036) / 1e3:,.4g} GWh" in finding.message
    assert f"{80 / 0.0036 / 1e3:,.4g} GWh are stored now" in finding.message
    assert (
        f"all other plants and imports {(120 * 744 + 115 * 696) / 1e3:,.4g} GWh" in finding.message
    )


@pytest.mark.parametrize("template", TEMPLATES)
def test_starters_are_not_doubted(tmp_path, template):
    assert doubts(write_starter(tmp_path / "case", template)) == []


@requires_shared
@pytest.mark.parametrize("seed", range(1, 7))
def test_plain_synthetic_systems_are_not_doubted(tmp_path, seed):
    script = SHARED / "strangers" / "make_case.py"
    size = [
        "--hydros",
        4 + 7 * seed,
        "--stages",
        6,
        "--openings",
        2,
        "--cascade",
        seed,
        "--load",
        0.4 + 0.3 * seed,
    ]
    subprocess.run(
        [sys.executable, script, tmp_path / "case", *map(str, size), "--seed", str(seed)],
        check=True,
    )
    assert doubts(tmp_path / "case") == []


def with_hydros():
    """Published cases that give the inflows of some plant."""
    tables = {name: case_directory(name) / f"{STATS}.parquet" for name in CASES}
    return [
        name for name, table in tables.items() if table.exists() and pl.read_parquet(table).height
    ]


def changed(source, target, table, **columns):
    shutil.copytree(source, target)
    file = target / f"{table}.parquet"
    pl.read_parquet(file).with_columns(**columns).write_parquet(file)
    return codes_of(doubts(target))


@pytest.mark.parametrize("name", with_hydros())
def test_published_cases_are_doubted_when_their_units_are_wrong(tmp_path, name):
    assert doubts(case_directory(name)) == []
    litres = changed(
        case_directory(name), tmp_path / "litres", STATS, mean_m3s=pl.col("mean_m3s") * 1000.0
    )
    dry = pl.read_parquet(case_directory(name) / f"{STATS}.parquet")["mean_m3s"].max() <= 0.0
    assert litres == (set() if dry else {"HW621"})
    mwh = changed(case_directory(name), tmp_path / "mwh", LOADS, mean_mw=pl.col("mean_mw") * 730.0)
    assert "HW620" in mwh
    marked = pl.when(pl.col("stage_id") == 0).then(-999.0).otherwise("mean_m3s")
    assert "HW624" in changed(case_directory(name), tmp_path / "marked", STATS, mean_m3s=marked)
