"""The starter cases."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from headwater.case.starter_parts import (
    FIRST_YEAR,
    WET_SEASON,
    Rows,
    Starter,
    add_hydros,
    common,
    hydro,
    line,
    thermal,
)


def one_reservoir() -> Starter:
    """The smallest study."""
    starter = common(
        "one bus, one reservoir, two thermal plants",
        "The smallest study with a real decision: use water now, or keep it for the dry months.",
        season_load={0: 260.0},
    )
    starter.files["system/buses.json"] = {"buses": [{"id": 0, "name": "MAIN"}]}
    starter.files["system/thermals.json"] = {
        "_comment": "A cheap plant and a dear one: what they cost together gives the water its "
        "value.",
        "thermals": [thermal(0, "COAL", 0, 100.0, 60.0), thermal(1, "OIL", 0, 120.0, 240.0)],
    }
    plant = hydro(0, "RESERVOIR", storage=900.0, turbined=220.0, productivity=0.9)
    add_hydros(starter, [plant], {0: 150.0}, "One plant. Productivity in MW per m3/s.")
    return starter


_PLANES = (
    (0.0, 0.004, 0.76, -0.002),
    (6.0, 0.009, 0.68, -0.004),
    (14.0, 0.014, 0.6, -0.006),
    (26.0, 0.018, 0.52, -0.008),
)
"""Power of the upper plant at most, in MW: constant, per hm3, per m3/s turbined and spilled."""


def cascade_fpha() -> Starter:
    """A cascade with planes."""
    starter = common(
        "three plants on one river; the head of the upper one counts (precomputed planes)",
        "Water released above is turbined again below. The production of the upper plant is a set "
        "of planes (FPHA) over\n"
        "storage, turbined flow and spillage, given in `system/fpha_hyperplanes.parquet`. Inflows "
        "remember the month before.",
        season_load={0: 520.0},
        lags=True,
    )
    starter.files["system/buses.json"] = {"buses": [{"id": 0, "name": "MAIN"}]}
    starter.files["system/thermals.json"] = {
        "thermals": [thermal(0, "GAS", 0, 180.0, 80.0), thermal(1, "OIL", 0, 160.0, 260.0)]
    }
    upper = hydro(0, "UPPER", storage=2400.0, turbined=260.0, productivity=0.8, downstream_id=1)
    middle = hydro(1, "MIDDLE", storage=300.0, turbined=320.0, productivity=0.5, downstream_id=2)
    lower = hydro(2, "LOWER", storage=120.0, turbined=380.0, productivity=0.3)
    comment = (
        "From the spring to the sea: downstream_id names the plant that "
        "receives turbined and spilled water."
    )
    add_hydros(starter, [upper, middle, lower], {0: 160.0, 1: 45.0, 2: 40.0}, comment)
    starter.files["system/hydro_production_models.json"] = {
        "_comment": "The upper plant uses its planes at all stages; the others "
        "keep a constant productivity.",
        "production_models": [
            {
                "hydro_id": 0,
                "selection_mode": "stage_ranges",
                "stage_ranges": [
                    {"start_stage_id": 0, "model": "fpha", "fpha_config": {"source": "precomputed"}}
                ],
            }
        ],
    }
    starter.tables["system/fpha_hyperplanes"] = [
        {"hydro_id": 0, "plane_id": i, "gamma_0": g0, "gamma_v": gv, "gamma_q": gq, "gamma_s": gs}
        for i, (g0, gv, gq, gs) in enumerate(_PLANES)
    ]
    starter.tables["scenarios/inflow_ar_coefficients"] = [
        {
            "hydro_id": hydro,
            "stage_id": i,
            "lag": 1,
            "coefficient": 0.5,
            "residual_std_ratio": round(0.75**0.5, 9),
        }
        for hydro in (0, 1, 2)
        for i in range(12)
    ]
    starter.files["initial_conditions.json"]["past_inflows"] = [
        {"hydro_id": hydro, "values_m3s": [round(mean * WET_SEASON[11], 3)]}
        for hydro, mean in ((0, 160.0), (1, 45.0), (2, 40.0))
    ]
    return starter


def subsystems() -> Starter:
    """Regions and lines."""
    starter = common(
        "three subsystems joined by lines, hydro in two of them, correlated inflows",
        "Two regions with water and one without, joined by lines that lose a little or are narrow "
        "at peak hours. When it is\n"
        "dry in one region it tends to be dry in the other: `scenarios/correlation.json`.",
        season_load={0: 380.0, 1: 180.0, 2: 140.0},
    )
    starter.files["system/buses.json"] = {
        "_comment": "A bus is a region in which energy flows freely.",
        "buses": [
            {"id": 0, "name": "SOUTH"},
            {"id": 1, "name": "NORTH"},
            {"id": 2, "name": "COAST"},
        ],
    }
    starter.files["system/lines.json"] = {
        "_comment": "Direct is from source to target.",
        "lines": [
            line(0, "SOUTH-NORTH", 0, 1, 120.0, 100.0),
            line(1, "SOUTH-COAST", 0, 2, 90.0, 60.0),
            line(2, "NORTH-COAST", 1, 2, 50.0, 50.0),
        ],
    }
    starter.files["system/thermals.json"] = {
        "thermals": [
            thermal(0, "SOUTH GAS", 0, 160.0, 90.0),
            thermal(1, "NORTH OIL", 1, 80.0, 230.0),
            thermal(2, "COAST GAS", 2, 110.0, 110.0),
        ]
    }
    south = hydro(0, "SOUTH RIVER", storage=1500.0, turbined=300.0, productivity=0.85)
    north = hydro(1, "NORTH LAKE", storage=700.0, turbined=160.0, productivity=1.1)
    north["bus_id"] = 1
    add_hydros(
        starter,
        [south, north],
        {0: 190.0, 1: 95.0},
        "One large plant in each of the two wet regions.",
    )
    starter.files["scenarios/correlation.json"] = _correlated([0, 1], 0.6)
    starter.files["constraints/exchange_factors.json"] = {
        "_comment": "At peak hours the line to the north carries less.",
        "exchange_factors": [
            {
                "line_id": 0,
                "stage_id": i,
                "block_factors": [{"block_id": 0, "direct_factor": 0.8, "reverse_factor": 0.8}],
            }
            for i in range(12)
        ],
    }
    return starter


def _correlated(hydro_ids: list[int], correlation: float) -> dict[str, Any]:
    """Content of ``correlation.json``: every two of some plants are correlated alike."""
    matrix = [[1.0 if i == j else correlation for j in hydro_ids] for i in hydro_ids]
    entities = [{"type": "inflow", "id": hydro_id} for hydro_id in hydro_ids]
    group = {"name": "rivers", "entities": entities, "matrix": matrix}
    return {"method": "spectral", "profiles": {"default": {"correlation_groups": [group]}}}


def from_history() -> Starter:
    """A study whose inflow model is estimated from a record."""
    starter = common(
        f"two rivers whose inflow model is estimated from {_YEARS_ON_RECORD} years of record",
        "Nothing says how inflows behave but `scenarios/inflow_history.parquet`: means, "
        "deviations, memory and correlation\n"
        "are estimated from it when the case is run, as the section `estimation` of `config.json` "
        "says. `headwater fit .`\n"
        "shows the model with pictures, and writes it as tables that can take the place of the "
        "record. (It is made up.)",
        season_load={0: 420.0},
        lags=True,
    )
    config = starter.files["config.json"]
    config["estimation"] = {
        "_comment": "The order of each month is found from partial autocorrelations, up to "
        "max_order.",
        "order_selection": "pacf",
        "max_order": 4,
        "min_observations_per_season": 30,
    }
    config["simulation"]["scenario_source"] = {
        "_comment": "Simulation draws fresh inflows from the model; training sees those of its "
        "openings.",
        "seed": 7,
        "inflow": {"scheme": "out_of_sample"},
    }
    config["exports"] = {
        "_comment": "Write the estimated model and the openings beside the results.",
        "stochastic": True,
    }
    starter.files["system/buses.json"] = {"buses": [{"id": 0, "name": "MAIN"}]}
    starter.files["system/thermals.json"] = {
        "thermals": [thermal(0, "GAS", 0, 150.0, 75.0), thermal(1, "OIL", 0, 140.0, 250.0)]
    }
    mean_inflow = {0: 170.0, 1: 60.0}
    large = hydro(0, "GREAT RIVER", storage=1400.0, turbined=280.0, productivity=0.9)
    small = hydro(1, "HILL RIVER", storage=260.0, turbined=110.0, productivity=1.2)
    add_hydros(starter, [large, small], mean_inflow, "Two plants on rivers of their own.")
    del starter.tables["scenarios/inflow_seasonal_stats"]
    starter.tables["scenarios/inflow_history"] = _record(mean_inflow)
    return starter


_YEARS_ON_RECORD = 40
_MEMORY, _LIKENESS, _SPREAD = 0.6, 0.5, 0.3
"""Of the made-up record: correlation of months that follow each other, of the rivers, deviation of
the logarithm.
"""


def _record(mean_inflow: dict[int, float]) -> Rows:
    """Monthly inflows that end with the month before the study; the same on every machine."""
    n_months = 12 * _YEARS_ON_RECORD
    words = np.random.Philox(key=1931).random_raw(2 * n_months).reshape(n_months, 2)
    from scipy.special import ndtri

    noise = ndtri(((words >> np.uint64(11)) + 0.5) * 2.0**-53)
    noise[:, 1] = _LIKENESS * noise[:, 0] + (1.0 - _LIKENESS**2) ** 0.5 * noise[:, 1]
    state, rows = np.zeros(2), []
    for month in range(n_months):
        state = _MEMORY * state + (1.0 - _MEMORY**2) ** 0.5 * noise[month]
        day = date(FIRST_YEAR - _YEARS_ON_RECORD + month // 12, month % 12 + 1, 1)
        for (river, mean), value in zip(mean_inflow.items(), state, strict=True):
            inflow = (
                mean * WET_SEASON[month % 12] * float(np.exp(_SPREAD * value - _SPREAD**2 / 2.0))
            )
            rows.append({"hydro_id": river, "date": day, "value_m3s": round(inflow, 1)})
    return rows
