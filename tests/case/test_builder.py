"""Cases that are built in code, by name."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headwater as hw
from headwater.case.series_given import record_of, values_by_stage
from same_results import contents

INFLOW = [150.0, 160.0, 170.0, 140.0, 120.0, 100.0, 80.0, 70.0, 80.0, 100.0, 120.0, 140.0]


def built(months: int = 3) -> hw.SystemBuilder:
    """Two buses, a cascade of two plants that names its lower plant first, two
    thermals, a source, a line.
    """
    build = hw.SystemBuilder(
        "mine",
        start="2027-01",
        months=months,
        blocks={"PEAK": 3, "LOW": 21},
        discount_rate=0.08,
        openings=4,
    )
    build.thermal("Gas", bus="South", max_mw=180.0, cost=75.0, min_mw=5.0).thermal(
        "Oil", bus="North", max_mw=200.0, cost=240.0
    )
    build.hydro(
        "Ridge",
        bus="North",
        storage_hm3=(100.0, 900.0),
        turbined_m3s=220.0,
        productivity=0.5,
        downstream="Gorge",
        inflow=(INFLOW, 40.0),
        initial_hm3=450.0,
    )
    build.hydro(
        "Gorge",
        bus="South",
        storage_hm3=(10.0, 90.0),
        turbined_m3s=260.0,
        productivity=0.25,
        inflow=20.0,
        outflow={"min_outflow_m3s": 12.0},
    )
    build.bus("North").bus("South", deficit_cost=5000.0)
    build.wind("Windy", bus="South", capacity_mw=60.0, profile=(0.4, 0.1))
    build.line("North-South", "North", "South", 120.0, losses_percent=2.0)
    build.load("North", 180.0, 5.0).load("South", [100.0] * 12, block_factors=[1.21, 0.97])
    return build.correlation(["Ridge", "Gorge"], [[1.0, 0.6], [0.6, 1.0]])


def by_hand(root: Path) -> Path:
    """The same as its author would write the files."""
    (root / "system").mkdir(parents=True)
    (root / "scenarios").mkdir()
    starts = ["2027-01-01", "2027-02-01", "2027-03-01", "2027-04-01"]
    stages = [
        {
            "id": t,
            "season_id": t,
            "start_date": starts[t],
            "end_date": starts[t + 1],
            "num_scenarios": 4,
            "blocks": [
                {"id": 0, "name": "PEAK", "hours": days * 24.0 * 3 / 24},
                {"id": 1, "name": "LOW", "hours": days * 24.0 * 21 / 24},
            ],
        }
        for t, days in enumerate((31, 28, 31))
    ]
    labels = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    seasons = [{"id": i, "label": label, "month_start": i + 1} for i, label in enumerate(labels)]

    def plant(
        number: int,
        name: str,
        bus: int,
        low: float,
        high: float,
        flow: float,
        per_flow: float,
        **more: Any,
    ) -> Any:
        return {
            "id": number,
            "name": name,
            "bus_id": bus,
            "reservoir": {"min_storage_hm3": low, "max_storage_hm3": high},
            "outflow": {"min_outflow_m3s": 0.0},
            "generation": {
                "model": "constant_productivity",
                "productivity_mw_per_m3s": per_flow,
                "min_turbined_m3s": 0.0,
                "max_turbined_m3s": flow,
                "min_generation_mw": 0.0,
                "max_generation_mw": flow * per_flow,
            },
            **more,
        }

    files: dict[str, Any] = {
        "config.json": {
            "modeling": {"inflow_non_negativity": {"method": "penalty"}},
            "training": {
                "forward_passes": 4,
                "tree_seed": 42,
                "stopping_rules": [{"type": "iteration_limit", "limit": 50}],
            },
            "simulation": {"enabled": True, "num_scenarios": 200},
        },
        "stages.json": {
            "policy_graph": {"type": "finite_horizon", "annual_discount_rate": 0.08},
            "season_definitions": {"cycle_type": "monthly", "seasons": seasons},
            "stages": stages,
        },
        "penalties.json": {
            "bus": {"deficit_segments": [{"depth_mw": None, "cost": 4000.0}], "excess_cost": 0.1},
            "line": {"exchange_cost": 0.01},
            "hydro": {
                "spillage_cost": 0.01,
                "diversion_cost": 0.01,
                "fpha_turbined_cost": 0.02,
                "storage_violation_below_cost": 1e7,
                "filling_target_violation_cost": 2e7,
                "turbined_violation_below_cost": 1000.0,
                "outflow_violation_below_cost": 1000.0,
                "outflow_violation_above_cost": 1000.0,
                "generation_violation_below_cost": 1000.0,
                "evaporation_violation_cost": 1000.0,
                "water_withdrawal_violation_cost": 1000.0,
                "inflow_nonnegativity_cost": 40000.0,
            },
            "non_controllable_source": {"curtailment_cost": 0.005},
        },
        "initial_conditions.json": {
            "storage": [{"hydro_id": 0, "value_hm3": 450.0}, {"hydro_id": 1, "value_hm3": 50.0}],
            "filling_storage": [],
        },
        "system/buses.json": {
            "buses": [
                {"id": 0, "name": "North"},
                {
                    "id": 1,
                    "name": "South",
                    "deficit_segments": [{"depth_mw": None, "cost": 5000.0}],
                },
            ]
        },
        "system/lines.json": {
            "lines": [
                {
                    "id": 0,
                    "name": "North-South",
                    "source_bus_id": 0,
                    "target_bus_id": 1,
                    "capacity": {"direct_mw": 120.0, "reverse_mw": 120.0},
                    "losses_percent": 2.0,
                }
            ]
        },
        "system/thermals.json": {
            "thermals": [
                {
                    "id": 0,
                    "name": "Gas",
                    "bus_id": 1,
                    "generation": {"min_mw": 5.0, "max_mw": 180.0},
                    "cost_per_mwh": 75.0,
                },
                {
                    "id": 1,
                    "name": "Oil",
                    "bus_id": 0,
                    "generation": {"min_mw": 0.0, "max_mw": 200.0},
                    "cost_per_mwh": 240.0,
                },
            ]
        },
        "system/hydros.json": {
            "hydros": [
                plant(0, "Ridge", 0, 100.0, 900.0, 220.0, 0.5, downstream_id=1),
                plant(1, "Gorge", 1, 10.0, 90.0, 260.0, 0.25, outflow={"min_outflow_m3s": 12.0}),
            ]
        },
        "system/non_controllable_sources.json": {
            "non_controllable_sources": [
                {"id": 0, "name": "Windy", "bus_id": 1, "max_generation_mw": 60.0}
            ]
        },
        "scenarios/load_factors.json": {
            "load_factors": [
                {
                    "bus_id": 1,
                    "stage_id": t,
                    "block_factors": [
                        {"block_id": 0, "factor": 1.21},
                        {"block_id": 1, "factor": 0.97},
                    ],
                }
                for t in range(3)
            ]
        },
        "scenarios/correlation.json": {
            "method": "spectral",
            "profiles": {
                "default": {
                    "correlation_groups": [
                        {
                            "name": "group 0",
                            "entities": [{"type": "inflow", "id": 0}, {"type": "inflow", "id": 1}],
                            "matrix": [[1.0, 0.6], [0.6, 1.0]],
                        }
                    ]
                }
            },
        },
    }
    for name, content in files.items():
        (root / name).write_text(json.dumps(content), encoding="utf-8")
    inflow = pl.DataFrame(
        {
            "hydro_id": [0, 0, 0, 1, 1, 1],
            "stage_id": [0, 1, 2] * 2,
            "mean_m3s": [150.0, 160.0, 170.0, 20.0, 20.0, 20.0],
            "std_m3s": [40.0] * 3 + [0.0] * 3,
        }
    )
    load = pl.DataFrame(
        {
            "bus_id": [0, 0, 0, 1, 1, 1],
            "stage_id": [0, 1, 2] * 2,
            "mean_mw": [180.0] * 3 + [100.0] * 3,
            "std_mw": [5.0] * 3 + [0.0] * 3,
        }
    )
    wind = pl.DataFrame(
        {"ncs_id": [0] * 3, "stage_id": [0, 1, 2], "mean": [0.4] * 3, "std": [0.1] * 3}
    )
    for name, frame in (
        ("inflow_seasonal_stats", inflow),
        ("load_seasonal_stats", load),
        ("non_controllable_stats", wind),
    ):
        ids = [column for column in frame.columns if column.endswith("_id")]
        frame.with_columns(pl.col(ids).cast(pl.Int32)).write_parquet(
            root / f"scenarios/{name}.parquet"
        )
    return root


def test_what_is_built_is_what_its_author_would_write(tmp_path: Path):
    case, other = built().build(), hw.load_case(by_hand(tmp_path / "mine"))
    assert case.system == other.system
    assert case.config == other.config


def test_it_runs_as_the_case_written_by_hand_does_byte_for_byte(tmp_path: Path):
    saved = built().build().with_(iterations=4, scenarios=6).save(tmp_path / "saved" / "mine")
    hand = by_hand(tmp_path / "hand" / "mine")
    config = json.loads((hand / "config.json").read_text())
    config["training"]["stopping_rules"][0]["limit"], config["simulation"]["num_scenarios"] = 4, 6
    (hand / "config.json").write_text(json.dumps(config))
    for case in (saved, hand):
        hw.run(case, threads=1)
    kinds = ("simulation/**/*.parquet", "training/**/*.parquet", "policy/**/*.bin")
    first, second = (contents(case / "output", *kinds) for case in (saved, hand))
    assert len(first) > 8
    assert first == second


def test_a_built_case_is_written_and_reads_back_equal(tmp_path: Path):
    case = built(13).build()
    assert case.name == "mine"
    again = hw.load_case(case.save(tmp_path / "mine"))
    assert (again.system, again.config) == (case.system, case.config)
    assert not hw.validate_case(tmp_path / "mine").errors
    with pytest.raises(hw.UsageError, match="exists and is not an empty directory"):
        case.save(tmp_path / "mine")


def test_a_record_of_inflows_gives_an_estimated_model_with_memory():
    days = [date(1990 + i // 12, i % 12 + 1, 1) for i in range(12 * 37)]
    record = pl.DataFrame(
        {
            "date": days,
            "flow": [INFLOW[i % 12] * (1.0 + 0.3 * ((i * 7919) % 13 - 6) / 6) for i in range(444)],
        }
    )
    build = (
        hw.SystemBuilder("mine", start=date(2027, 1, 1), months=2, openings=3)
        .bus("A")
        .load("A", 90.0)
    )
    build.thermal("Gas", bus="A", max_mw=100.0, cost=50.0)
    build.hydro(
        "Ridge",
        bus="A",
        storage_hm3=(0.0, 900.0),
        turbined_m3s=200.0,
        productivity=0.5,
        inflow=record,
    )
    case = build.build()
    assert len(case.system.inflow_history) == 444
    assert case.system.stages[0].inflow_lags
    build.hydro(
        "Gorge", bus="A", storage_hm3=(0.0, 9.0), turbined_m3s=20.0, productivity=0.5, inflow=3.0
    )
    with pytest.raises(
        hw.UsageError, match="'Gorge' has no record of inflows and other plants have"
    ):
        build.build()


def test_what_cannot_be_is_refused_with_the_names_that_there_are():
    with pytest.raises(
        hw.UnknownNameError, match=r"there is no bus 'Nroth'; did you mean 'North'\?"
    ):
        hw.SystemBuilder("x", start="2027-01", months=1).bus("North").load("Nroth", 1.0).build()
    with pytest.raises(hw.UsageError, match="there is a bus 'North' already"):
        hw.SystemBuilder("x", start="2027-01", months=1).bus("North").bus("North")
    with pytest.raises(
        hw.UsageError, match="expected a month such as '2027-01' as start, got '2027'"
    ):
        hw.SystemBuilder("x", start="2027", months=1)
    with pytest.raises(hw.UsageError, match="starts on the first of one, got 2027-01-05"):
        hw.SystemBuilder("x", start="2027-01-05", months=1)
    with pytest.raises(hw.UsageError, match="the bus 'North' has a load already"):
        hw.SystemBuilder("x", start="2027-01", months=1).load("North", 1.0).load("North", 1.0)
    with pytest.raises(hw.UsageError, match="expected 1 factors, one for each block, got 2"):
        hw.SystemBuilder("x", start="2027-01", months=1).load(
            "North", 1.0, block_factors=[1.0, 1.0]
        )
    with pytest.raises(hw.UsageError, match="expected a matrix of 2 by 2"):
        hw.SystemBuilder("x", start="2027-01", months=1).correlation(["A", "B"], [[1.0]])
    for months, blocks in ((0, None), (1, {"A": 0.0})):
        with pytest.raises(hw.UsageError):
            hw.SystemBuilder("x", start="2027-01", months=months, blocks=blocks)


def test_the_report_of_a_built_case_names_file_plant_and_key():
    build = hw.SystemBuilder("x", start="2027-01", months=1).bus("North")
    with pytest.raises(
        hw.CaseError,
        match=r"system/thermals.json: thermals\[0\].foo \(Thermal 0 \"G\"\): 'foo' is not a known",
    ):
        build.thermal("G", bus="North", max_mw=1.0, cost=2.0, foo=3).build()


STARTS = [date(2027, 11, 1), date(2027, 12, 1), date(2028, 1, 1)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (5, [5.0] * 3),
        (list(range(1, 13)), [11.0, 12.0, 1.0]),
        ({month: 10 * month for month in range(1, 13)}, [110.0, 120.0, 10.0]),
        ([7, 8, 9], [7.0, 8.0, 9.0]),
        (pl.Series([7, 8, 9]), [7.0, 8.0, 9.0]),
        (
            {"2027-11-01": 1.0, "2027-12-01": 2.0, "2028-01-01": 3.0, "2030-01-01": 9.0},
            [1.0, 2.0, 3.0],
        ),
        (pl.DataFrame({"day": [*STARTS[::-1]], "x": [3, 2, 1]}), [1.0, 2.0, 3.0]),
    ],
)
def test_values_over_time_come_in_many_forms(given: Any, expected: list[float]):
    assert values_by_stage(given, STARTS, "x") == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0, 2.0], r"x: expected a number, 12 values .* got shape \(2,\)"),
        ({"2027-11-01": 1.0}, "no value is given for the stage that begins on 2027-12-01"),
        ({1: 1.0}, r"expected values for the months 1 to 12 or by date, got \[1\]"),
        ({"soon": 1.0}, "expected dates such as '2027-02-01', got 'soon'"),
        ("many", "got str"),
        (float("nan"), "expected finite numbers"),
    ],
)
def test_values_that_make_no_sense_are_refused(given: Any, message: str):
    with pytest.raises(hw.UsageError, match=message):
        values_by_stage(given, STARTS, "x")


def test_dates_before_the_study_make_a_record_and_others_do_not():
    assert record_of({"2027-09-01": 1.0, "2027-10-01": None}, STARTS[0]) == [
        (date(2027, 9, 1), 1.0)
    ]
    assert record_of({"2027-11-01": 1.0}, STARTS[0]) is None
    assert record_of(5.0, STARTS[0]) is None


def test_pandas_series_and_tables_are_read_by_their_dates():
    pd = pytest.importorskip("pandas")
    index = pd.to_datetime([str(day) for day in STARTS])
    for given in (
        pd.Series([1.0, 2.0, 3.0], index=index),
        pd.Series([1.0, 2.0, 3.0], index=pd.PeriodIndex(STARTS, freq="M")),
        pd.DataFrame({"flow": [1.0, 2.0, 3.0]}, index=index),
        pd.DataFrame({"when": index, "flow": [1, 2, 3]}),
        pd.Series([1.0, 2.0, 3.0]),
    ):
        assert values_by_stage(given, STARTS, "x") == [1.0, 2.0, 3.0]
    assert record_of(
        pd.Series([1.0, float("nan")], index=pd.to_datetime(["2020-01-01", "2020-02-01"])),
        STARTS[0],
    ) == [(date(2020, 1, 1), 1.0)]


def test_equipment_of_any_kind_is_added_by_name():
    build = built()
    build.add(
        "reserve",
        "Spinning",
        providers=[{"power": "hydro_generation('Ridge')"}, {"power": 'thermal_generation("Oil")'}],
        requirement_mw=5.0,
        bus_ids=["South"],
    )
    build.add(
        "stock",
        "CO2",
        consumption="0.4 * thermal_generation('Gas') + 0.7 * thermal_generation( 'Oil')",
        initial_amount=1e5,
        shortage_cost=80.0,
    )
    build.add(
        "battery",
        "Store",
        bus="North",
        max_energy_mwh=40.0,
        max_charge_mw=9.0,
        max_discharge_mw=9.0,
    )
    system = build.build().system
    by_name = {one.name: one for one in system.equipment}
    assert by_name["CO2"].consumption == (
        "0.4 * thermal_generation(0) + 0.7 * thermal_generation(1)"
    )
    ids = {one.name: one.id for one in (*system.buses, *system.hydros)}
    assert by_name["Store"].bus_id == ids["North"]
    assert by_name["Spinning"].bus_ids == (ids["South"],)
    powers = [one.power for one in by_name["Spinning"].providers]
    assert powers == [f"hydro_generation({ids['Ridge']})", "thermal_generation(1)"]


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("flywheel", {}, "no kind of equipment 'flywheel'; known: battery, "),
        ("thermal", {}, "is added with 'thermal'"),
        ("user_constraint", {}, "added to the files"),
        ("stock", {"consumption": "thermal_generation('Gaz')"}, "Gaz"),
        ("battery", {"bus": "West"}, "West"),
        ("stock", {"consumption": "reserve_held('None')"}, "None"),
    ],
)
def test_equipment_that_does_not_exist_is_refused(kind: str, fields: dict[str, Any], message: str):
    with pytest.raises(hw.UsageError, match=message):
        built().add(kind, "X", **fields).build()


def test_a_name_is_given_to_one_of_a_kind():
    build = built().add("stock", "CO2", consumption="1")
    with pytest.raises(hw.UsageError, match="there is a stock 'CO2' already"):
        build.add("stock", "CO2", consumption="2")


def test_a_bus_without_a_load_has_none():
    build = hw.SystemBuilder("two", start="2027-01", months=2, openings=2)
    build.bus("Valley").bus("City")
    build.thermal("Gas", bus="City", max_mw=150.0, cost=75.0)
    build.line("way", "Valley", "City", 10.0, 10.0)
    build.load("City", 100.0, 5.0)
    rows = {
        (r.bus_id, r.stage_id): (r.mean_mw, r.std_mw) for r in build.build().system.load_statistics
    }
    assert rows == {
        (0, 0): (0.0, 0.0),
        (0, 1): (0.0, 0.0),
        (1, 0): (100.0, 5.0),
        (1, 1): (100.0, 5.0),
    }


def test_a_builder_shows_what_it_has():
    build = hw.SystemBuilder("two", start="2027-01", months=2)
    assert repr(build) == "<SystemBuilder two: empty; 2 months>"
    build.bus("Valley").bus("City").thermal("Gas", bus="City", max_mw=150.0, cost=75.0)
    assert repr(build) == "<SystemBuilder two: 2 buses, 1 thermal; 2 months>"
