"""Years that the historical scheme can replay.

The months that must be there, by what a season is.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from case_builder import TinyCase, tiny_case
from headwater.case import validate_case

SEASONS: dict[str, list[dict[str, Any]]] = {
    "monthly": [{"id": m, "month_start": m + 1, "label": f"M{m}"} for m in range(12)],
    "weekly": [{"id": w, "month_start": 1, "label": f"W{w}"} for w in range(52)],
    "custom": [
        {"id": 0, "label": "A", "month_start": 1, "day_start": 29, "month_end": 2, "day_end": 4},
        {"id": 1, "label": "B", "month_start": 2, "day_start": 5, "month_end": 1, "day_end": 28},
    ],
}
OF_STAGES = {"monthly": (0, 1), "weekly": (4, 5), "custom": (0, 1)}
"""Seasons of the two weeks from 29 January 2024: months, weeks counted from
0, or parts of the year.
"""


def replaying(root: Path, cycle: str, *days: date) -> TinyCase:
    """Two weeks, the first of which starts in January, with a history of two hydros on some
    days.
    """
    case = tiny_case(root)
    case.files["stages.json"]["season_definitions"] = {
        "cycle_type": cycle,
        "seasons": SEASONS[cycle],
    }
    spans = (("2024-01-29", "2024-02-05"), ("2024-02-05", "2024-02-12"))
    for stage, (start, end), season in zip(case.stages, spans, OF_STAGES[cycle], strict=True):
        stage.update(start_date=start, end_date=end, season_id=season)
        stage["blocks"] = [{"id": 0, "name": "ALL", "hours": 168.0}]
    case.training["scenario_source"] = {"inflow": {"scheme": "historical"}, "seed": 1}
    del case.tables["constraints/thermal_bounds"]
    history = [
        {"hydro_id": hydro, "date": day, "value_m3s": 30.0 + 10.0 * hydro + number}
        for hydro in (0, 1)
        for number, day in enumerate(days)
    ]
    if history:
        case.tables["scenarios/inflow_history"] = history
    return case


FEBRUARY = (date(2010, 2, 3), date(2010, 2, 10))
"""A day in each week of the study and in each of its parts of the year, but
only in one of its months.
"""


def test_a_monthly_cycle_needs_every_month_of_the_study(tmp_path: Path):
    (finding,) = validate_case(replaying(tmp_path, "monthly", *FEBRUARY).write()).errors
    assert finding.code == "HW556"
    assert finding.path == "training.scenario_source.inflow.scheme"
    assert "no year has observations of all months of the study" in finding.message
    whole = replaying(tmp_path, "monthly", date(2010, 1, 30), FEBRUARY[1])
    assert validate_case(whole.write()).errors == ()


@pytest.mark.parametrize("cycle", ["weekly", "custom"])
def test_other_cycles_are_not_asked_for_months(tmp_path: Path, cycle: str):
    report = validate_case(replaying(tmp_path, cycle, *FEBRUARY).write())
    assert report.errors == (), str(report)


@pytest.mark.parametrize("cycle", SEASONS)
def test_every_cycle_needs_a_history(tmp_path: Path, cycle: str):
    errors = validate_case(replaying(tmp_path, cycle).write()).errors
    assert [(one.code, one.message.partition(",")[0]) for one in errors] == [
        ("HW556", "the scheme 'historical' needs scenarios/inflow_history.parquet")
    ]
