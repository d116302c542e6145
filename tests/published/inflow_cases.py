"""Cases of inflow models: one that is given, one for the weeks of a month, one
that is fitted to a history.

Numbers and figures are those of the cases d12, d16 and d29 that Cobre 0.5 publishes (Apache-2.0).
Only d16 has a figure.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

from published.case_files import (
    Entry,
    Figure,
    PublishedCase,
    case,
    hydro,
    months,
    thermal,
    twelve_seasons,
)

_MEMORY = {"state_variables": {"storage": True, "inflow_lags": True}}
_HISTORY = Path(__file__).with_name("annual_history.csv")


def _december_before(season_id: int) -> list[Entry]:
    return [
        {"id": -1, "start_date": "2023-12-01", "end_date": "2024-01-01", "season_id": season_id}
    ]


def _first_order(coefficient: float, ratio: float, n_stages: int) -> dict[str, list[Entry]]:
    same = {"hydro_id": 0, "lag": 1, "coefficient": coefficient, "residual_std_ratio": ratio}
    return {"scenarios/inflow_ar_coefficients": [same | {"stage_id": t} for t in range(n_stages)]}


def annual_component() -> PublishedCase:
    """d12: two plants with thirty years of monthly inflows, 1979 to 2008, in
    ``annual_history.csv``.

    Each of its lines is a plant, a year and the mean flow of its twelve months,
    in m3/s. No load is given.
    """
    with _HISTORY.open(encoding="utf-8", newline="") as file:
        years = [(int(row[0]), int(row[1]), list(map(float, row[2:]))) for row in csv.reader(file)]
    history = [
        {"hydro_id": h, "date": date(year, month, 1), "value_m3s": value}
        for h, year, values in years
        for month, value in enumerate(values, 1)
    ]
    stages = [
        stage | {"season_id": t % 12} for t, stage in enumerate(months(24, hours=None, **_MEMORY))
    ]
    november = {"id": -2, "start_date": "2023-11-01", "end_date": "2023-12-01", "season_id": 10}
    return case(
        stages=stages,
        pre_study_stages=[november, *_december_before(11)],
        seasons=twelve_seasons(),
        loads_mw={},
        thermals=[thermal(0, 200.0, 50.0)],
        hydros=[hydro(0, 200.0, 100.0), hydro(1, 150.0, 80.0, productivity=0.8)],
        storage_hm3=[100.0, 75.0],
        past_inflows_m3s={0: [50.0, 45.0], 1: [30.0, 28.0]},
        tables={"scenarios/inflow_history": history},
        iterations=20,
        non_negativity={"method": "truncation"},
        config={
            "estimation": {
                "max_order": 6,
                "order_selection": "pacf_annual",
                "min_observations_per_season": 4,
            },
            "exports": {"stochastic": True},
        },
    )


def first_order_inflow() -> PublishedCase:
    """d16: an inflow of 200 m3/s that comes back to its mean of 100, halving the distance: 150,
    125, 112.5; no reservoir.

    The thermal covers what the inflow leaves of 200 MW, at 50 $/MWh.
    """
    inflows = [100.0 + 100.0 * 0.5**t for t in (1, 2, 3)]
    lags_only = {"state_variables": {"storage": False, "inflow_lags": True}, "season_id": 0}
    return case(
        stages=months(3, **lags_only),
        pre_study_stages=_december_before(0),
        loads_mw={0: [200.0] * 3},
        thermals=[thermal(0, 200.0, 50.0)],
        hydros=[hydro(0, 0.0, 200.0)],
        inflows_m3s={0: [(100.0, 1e-10)] * 4},
        past_inflows_m3s={0: [200.0]},
        tables=_first_order(0.5, 1.0, 3),
        iterations=50,
        figure=Figure(730.0 * 50.0 * sum(200.0 - inflow for inflow in inflows), 1.0, 50),
    )


def weeks_of_a_month() -> PublishedCase:
    """d29: four weeks of January, which have one season and share their noise."""
    stages = []
    for t in range(4):
        start = date(2024, 1, 1) + timedelta(weeks=t)
        dates = {
            "start_date": start.isoformat(),
            "end_date": (start + timedelta(weeks=1)).isoformat(),
            "season_id": 0,
        }
        stages += [
            stage | dates for stage in months(1, hours=168.0, id=t, num_scenarios=5, **_MEMORY)
        ]
    return case(
        stages=stages,
        pre_study_stages=_december_before(11),
        seasons=twelve_seasons(),
        loads_mw={0: [50.0] * 4},
        hydros=[hydro(0, 200.0, 200.0)],
        storage_hm3=[100.0],
        inflows_m3s={0: [(100.0, 20.0)] * 5},
        past_inflows_m3s={0: [200.0]},
        tables=_first_order(0.5, 0.85, 4),
        iterations=20,
        simulated=1,
        non_negativity={"method": "truncation"},
        scenario_source={"seed": 42, "inflow": {"scheme": "out_of_sample"}},
    )
