"""What the files do not show and training would refuse at its start is found by validation too."""

from __future__ import annotations

import json
from datetime import date

import polars as pl
import pytest

import headwater as hw
from case_builder import ar_row, rich_case, tiny_case
from full_case import full_case
from headwater.case import TEMPLATES, load_case, write_starter
from headwater.errors import ModelError, UnsupportedFeatureError


def codes_of(findings):
    return {finding.code for finding in findings}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_case_that_is_ready_gets_no_more_findings(tmp_path, template):
    root = write_starter(tmp_path / "new", template)
    assert hw.validate_case(root, strict=True).findings == ()


def test_a_lag_whose_statistics_nobody_gives_is_found(tmp_path):
    (finding,) = hw.validate_case(rich_case(tmp_path).write()).errors
    assert finding.code == "HW570"
    assert "lag 1 of stage 0 needs the mean and deviation" in finding.message


def test_a_broken_case_is_not_built(tmp_path):
    case = tiny_case(tmp_path)
    case.thermals[0]["bus_id"] = 99
    assert "HW570" not in codes_of(hw.validate_case(case.write()))


def test_stages_that_become_finer_under_lags_are_refused_before_training(tmp_path):
    """A quarter, then months, with inflows that remember.

    Lags over quarters say nothing of months.
    """
    root = write_starter(tmp_path / "new", "cascade-fpha")
    stages = json.loads((root / "stages.json").read_text())
    months = [
        {"id": i, "label": f"m{i}", "month_start": i + 1, "month_end": i + 1} for i in range(12)
    ]
    quarters = [
        {
            "id": 12 + q,
            "label": f"q{q}",
            "month_start": 3 * q + 1,
            "day_start": 1,
            "month_end": 3 * q + 3,
            "day_end": d,
        }
        for q, d in enumerate((31, 30, 30, 31))
    ]
    stages["season_definitions"] = {"cycle_type": "custom", "seasons": months + quarters}
    first = stages["stages"][0]
    first |= {"season_id": 12, "end_date": "2024-04-01"}
    first["blocks"] = [{**block, "hours": block["hours"] * 91 / 31} for block in first["blocks"]]
    stages["stages"] = [
        first,
        *({**stage, "id": i} for i, stage in enumerate(stages["stages"][3:], 1)),
    ]
    (root / "stages.json").write_text(json.dumps(stages))
    for name in ("inflow_seasonal_stats", "inflow_ar_coefficients", "load_seasonal_stats"):
        _renumber(root / "scenarios" / f"{name}.parquet")
    factors = json.loads((root / "scenarios" / "load_factors.json").read_text())
    factors["load_factors"] = [row for row in factors["load_factors"] if row["stage_id"] < 10]
    (root / "scenarios" / "load_factors.json").write_text(json.dumps(factors))

    report = hw.validate_case(root)
    assert [f.message for f in report.warnings if f.code == "HW710"] == [
        "not built yet: past inflows as state where stages become finer after "
        "coarser ones: stages 0 and 1"
    ]
    with pytest.raises(UnsupportedFeatureError, match="stages become finer"):
        hw.train(hw.load_case(root))


def with_lags(case):
    case.tables["scenarios/inflow_ar_coefficients"] = [ar_row(0, 1, lag, 0.2) for lag in (1, 2)]
    case.initial["past_inflows"] = [{"hydro_id": 0, "values_m3s": [30.0, 31.0]}]
    for stage in case.stages:
        stage["state_variables"] = {"inflow_lags": True}


def impossible_coefficients(case):
    with_lags(case)
    for row in case.tables["scenarios/inflow_ar_coefficients"]:
        row |= {"coefficient": 0.9, "residual_std_ratio": None}
    for stage in case.stages:
        stage["season_id"] = 0


def torn_seasons(case):
    seasons = [
        {"id": 0, "label": "a", "month_start": 1, "month_end": 5},
        {"id": 1, "label": "b", "month_start": 7, "month_end": 12},
    ]
    case.files["stages.json"]["season_definitions"] = {"cycle_type": "custom", "seasons": seasons}
    for stage in case.stages:
        stage["season_id"] = 0


BEYOND_THE_FILES = {
    "a lag without statistics": (with_lags, "lag 2 of stage 1 needs the mean and deviation"),
    "coefficients without a residual": (impossible_coefficients, "imply a residual variance"),
    "seasons that leave days out": (torn_seasons, "do not fill the year"),
}


@pytest.mark.parametrize(("change", "text"), BEYOND_THE_FILES.values(), ids=BEYOND_THE_FILES)
def test_models_that_cannot_be_made_are_an_error_before_a_run(tmp_path, change, text):
    root = tiny_case(tmp_path).edit(change)
    assert load_case(root).report.ok
    (finding,) = hw.validate_case(root).errors
    assert finding.code == "HW570"
    assert text in finding.message
    with pytest.raises(hw.ModelError, match=text):
        hw.train(hw.load_case(root))


def test_a_case_with_every_file_and_key_can_be_run(tmp_path):
    root = full_case(tmp_path / "case").write()
    assert hw.validate_case(root).ok
    result = hw.run(root, tmp_path / "output", threads=1)
    assert 1 <= len(result.policy.training.iterations) <= 7
    assert len(hw.load_results(tmp_path / "output").table("hydros")) == 6 * 5 * (3 * 4)


def _renumber(path):
    import polars as pl

    table = pl.read_parquet(path).filter(~pl.col("stage_id").is_in([1, 2]))
    moved = (
        pl.when(pl.col("stage_id") > 2).then(pl.col("stage_id") - 2).otherwise(pl.col("stage_id"))
    )
    table.with_columns(moved.cast(pl.Int32).alias("stage_id")).write_parquet(path)


WEEKS = [{"id": w, "label": f"W{w}", "month_start": 1} for w in range(52)]
QUARTERS = [
    {
        "id": q,
        "label": f"Q{q}",
        "month_start": 3 * q + 1,
        "day_start": 1,
        "month_end": 3 * q + 3,
        "day_end": (31, 30, 30, 31)[q],
    }
    for q in range(4)
]
FIRST_DAYS = {
    "weekly": lambda year, season: date.fromisocalendar(year, season + 1, 1),
    "custom": lambda year, season: date(year + season // 4, 1 + 3 * (season % 4), 1),
}


def estimated_from(directory, cycle, values):
    """Four weeks or quarters of the starter that is estimated from history, with another history.

    ``values`` is (hydro, year, season) of each observation.
    """
    root = write_starter(directory / "new", "from-history")
    first_day = FIRST_DAYS[cycle]
    stages = json.loads((root / "stages.json").read_text())
    seasons = WEEKS if cycle == "weekly" else QUARTERS
    stages["season_definitions"] = {"cycle_type": cycle, "seasons": seasons}
    stages["stages"] = stages["stages"][:4]
    for t, stage in enumerate(stages["stages"]):
        start, end = first_day(2024, t), first_day(2024, t + 1)
        stage |= {"start_date": str(start), "end_date": str(end), "season_id": t}
        for block in stage["blocks"]:
            block["hours"] = (end - start).days * 24 / len(stage["blocks"])
    (root / "stages.json").write_text(json.dumps(stages))
    loads = root / "scenarios" / "load_seasonal_stats.parquet"
    pl.read_parquet(loads).filter(pl.col("stage_id") < 4).write_parquet(loads)
    factors = json.loads((root / "scenarios" / "load_factors.json").read_text())
    factors["load_factors"] = [row for row in factors["load_factors"] if row["stage_id"] < 4]
    (root / "scenarios" / "load_factors.json").write_text(json.dumps(factors))
    rows = [(h, first_day(y, s), 100.0 + 10 * h + (7 * y + 3 * s) % 11) for h, y, s in values]
    schema = {"hydro_id": pl.Int32, "date": pl.Date, "value_m3s": pl.Float64}
    pl.DataFrame(rows, schema=schema, orient="row").sort("hydro_id", "date").write_parquet(
        root / "scenarios" / "inflow_history.parquet"
    )
    return root


@pytest.mark.parametrize("cycle", FIRST_DAYS)
def test_a_history_that_is_too_short_is_found_with_its_figures(tmp_path, cycle):
    """Hydro 0 has each season once, hydro 1 twice but for one season that was never observed."""
    values = [(0, 2020, s) for s in range(4)]
    values += [(1, year, s) for year in (2019, 2020) for s in range(4) if s != 2]
    root = estimated_from(tmp_path, cycle, values)
    found = [one for one in hw.validate_case(root).errors if one.code != "HW543"]
    assert [(one.code, one.file, one.entity) for one in found] == [
        ("HW544", "scenarios/inflow_history.parquet", 'Hydro 0 "GREAT RIVER"'),
        ("HW544", "scenarios/inflow_history.parquet", 'Hydro 1 "HILL RIVER"'),
    ]
    assert found[0].message.endswith("got a single observation of seasons 0, 1, 2, 3")
    assert found[1].message.endswith("got no observation of season 2")
    with pytest.raises(ModelError, match="too short to estimate from: hydro 0 has a single"):
        hw.train(hw.load_case(root), progress=False)


@pytest.mark.parametrize("cycle", FIRST_DAYS)
def test_two_years_and_a_lone_value_of_another_season_are_enough(tmp_path, cycle):
    values = [(h, year, s) for h in (0, 1) for year in (2019, 2020) for s in range(4)]
    lone = [(0, 2021, 0)] if cycle == "custom" else [(0, 2019, 30)]
    root = estimated_from(tmp_path, cycle, values + lone)
    assert hw.validate_case(root).errors == ()
    case = hw.load_case(root).with_(iterations=2, forward_passes=1)
    assert len(hw.train(case, progress=False).training.iterations) == 2
