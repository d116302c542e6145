"""Layers 5 and 6: figures that contradict each other, statistics that make no
sense, costs out of order.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from case_builder import ar_row, codes_of, constraint, geometry, plane, production, tiny_case
from headwater.case import Severity, describe_case, load_case, validate_case
from headwater.model import MixedCVaR

STATS = "scenarios/inflow_seasonal_stats"
AR = "scenarios/inflow_ar_coefficients"
LIMIT = {"type": "iteration_limit", "limit": 3}
AVERSE = {"cvar": {"tail_fraction": 0.5, "lambda": 0.5}}
FRESH = {"inflow": {"scheme": "out_of_sample"}, "seed": 1}
MONTHS = [{"id": month, "label": str(month + 1), "month_start": month + 1} for month in range(12)]


def hydro(index=0, **values):
    return lambda case: case.hydros[index].update(values)


def thermal(index=0, **values):
    return lambda case: case.thermals[index].update(values)


def stage(index=0, **values):
    return lambda case: case.stages[index].update(values)


def stages_file(**values):
    return lambda case: case.files["stages.json"].update(values)


def seasonal(*seasons, cycle="monthly", definitions=tuple(MONTHS)):
    def change(case):
        case.files["stages.json"]["season_definitions"] = {
            "cycle_type": cycle,
            "seasons": list(definitions),
        }
        for entry, season in zip(case.stages, seasons, strict=True):
            entry["season_id"] = season

    return change


def rows(name, *new):
    return lambda case: case.tables.__setitem__(name, list(new))


def stats(row=0, **values):
    return lambda case: case.tables[STATS][row].update(values)


def cost(section, **values):
    return lambda case: case.files["penalties.json"][section].update(values)


def training(**values):
    return lambda case: case.training.update(values)


def config(section, **values):
    return lambda case: case.files["config.json"].setdefault(section, {}).update(values)


def initial(**values):
    return lambda case: case.initial.update(values)


def correlation(method, off):
    ids = [{"type": "inflow", "id": i} for i in (0, 1)] + [{"type": "inflow", "id": 2}]
    matrix = [[1, off, -off], [off, 1, off], [-off, off, 1]]
    group = {"name": "g", "entities": ids, "matrix": matrix}

    def change(case):
        case.hydros.append({**case.hydros[1], "id": 2, "name": "H2"})
        case.initial["storage"].append({"hydro_id": 2, "value_hm3": 50.0})
        case.tables[STATS] += [{**row, "hydro_id": 2} for row in case.tables[STATS][:2]]
        case.files["scenarios/correlation.json"] = {
            "method": method,
            "profiles": {"x": {"correlation_groups": [group]}},
        }

    return change


def both(*changes):
    return lambda case: [change(case) for change in changes]


def fpha(*planes):
    return both(
        production(source="precomputed"),
        rows("system/fpha_hyperplanes", *planes),
    )


def with_lags(*coefficients):
    state = both(*(stage(i, state_variables={"inflow_lags": True}) for i in (0, 1)))
    past = initial(past_inflows=[{"hydro_id": 0, "values_m3s": [30.0, 30.0, 30.0]}])
    return both(state, past, rows(AR, *coefficients))


TRANSITION = {"source_id": 0, "target_id": 1, "probability": 1.0}
PAST = {"id": -1, "start_date": "2023-12-01", "end_date": "2024-01-01"}
WINTER = {"id": 0, "label": "w", "month_start": 1, "month_end": 2, "day_end": 1}
SUMMER = {"id": 1, "label": "s", "month_start": 2, "day_start": 1, "month_end": 12}


def overlapping(case):
    ranges = case.files["system/hydro_production_models.json"]["production_models"][0][
        "stage_ranges"
    ]
    ranges.append({**ranges[0], "start_stage_id": 1})


def external_loads(case):
    for row in case.tables["scenarios/load_seasonal_stats"]:
        row["std_mw"] = 1.0
    case.training["scenario_source"] = {"load": {"scheme": "external"}, "seed": 1}
    case.tables["scenarios/external_load_scenarios"] = [
        {"stage_id": t, "scenario_id": i, "bus_id": bus, "value_mw": 70.0}
        for t in (0, 1)
        for i in range(3)
        for bus in (0, 1)
    ]


def external_loads_with(weights, stages=(0, 1)):
    """Weights of (scenario, bus), and the stages that have scenarios."""

    def change(case):
        external_loads(case)
        for entry in case.stages:
            entry["num_scenarios"] = 3
        name = "scenarios/external_load_scenarios"
        case.tables[name] = [
            {**row, "weight": weights.get((row["scenario_id"], row["bus_id"]))}
            for row in case.tables[name]
            if row["stage_id"] in stages
        ]

    return change


def openings_of_the_load(openings):
    return lambda case: case.training["scenario_source"]["load"].update(openings=openings)


def walked_by_training_alone(case):
    """Training draws its scenarios one by one, and the simulation does not
    inherit how they are walked.
    """
    external_loads(case)
    for entry in case.stages:
        entry["num_scenarios"] = 3
    case.training["scenario_source"]["load"]["selection_mode"] = "random"
    case.files["config.json"]["simulation"] = {"scenario_source": {}}


def later_stages(case):
    """Stages 0 and 2 instead of 0 and 1."""
    case.stages[1]["id"] = 2
    for rows_ in case.tables.values():
        for row in rows_:
            row["stage_id"] *= 2


LINES = "system/lines.json"
BENT = [{"flow_mw": 20.0, "losses_mw": 2.0}, {"flow_mw": 40.0, "losses_mw": 3.0}]
BEFORE = {"hydro_id": 0, "start_date": "2023-12-30", "end_date": "2024-01-01", "value_m3s": 2.0}

PROBLEMS = [
    (
        "HW204",
        "error",
        initial(storage=[{"hydro_id": 0, "value_hm3": -1.0}, {"hydro_id": 1, "value_hm3": 60.0}]),
    ),
    (
        "HW204",
        "error",
        both(
            seasonal(0, 1),
            initial(
                recent_observations=[
                    {
                        "hydro_id": 0,
                        "start_date": "2023-12-01",
                        "end_date": "2023-12-09",
                        "value_m3s": 1.0,
                    },
                    {
                        "hydro_id": 0,
                        "start_date": "2023-12-08",
                        "end_date": "2023-12-10",
                        "value_m3s": 1.0,
                    },
                ]
            ),
        ),
    ),
    ("HW505", "error", initial(storage=[{"hydro_id": 0, "value_hm3": 50.0}])),
    ("HW720", "error", training(stopping_rules=[LIMIT, {"type": "gap", "tolerance": 1.0}])),
    ("HW720", "error", config("simulation", enabled=True, policy_type="inner")),
    (
        "HW721",
        "error",
        both(
            training(stopping_rules=[LIMIT, {"type": "statistical_gap"}]),
            stage(risk_measure=AVERSE),
        ),
    ),
    (
        "HW721",
        "error",
        training(stopping_rules=[LIMIT, {"type": "statistical_gap"}], scenario_source=FRESH),
    ),
    (
        "HW722",
        "error",
        both(
            with_lags(ar_row(0, 0, 1, 0.5)),
            config("upper_bound_evaluation", enabled=True),
            config("modeling", inflow_non_negativity={"method": "truncation"}),
        ),
    ),
    (
        "HW506",
        "error",
        initial(storage=[{"hydro_id": 0, "value_hm3": 101.0}, {"hydro_id": 1, "value_hm3": 60.0}]),
    ),
    (
        "HW506",
        "warning",
        initial(storage=[{"hydro_id": 0, "value_hm3": 5.0}, {"hydro_id": 1, "value_hm3": 60.0}]),
    ),
    (
        "HW507",
        "error",
        both(
            initial(
                storage=[{"hydro_id": 1, "value_hm3": 60.0}],
                filling_storage=[{"hydro_id": 0, "value_hm3": 11.0}],
            ),
            hydro(entry_stage_id=1, filling={"start_stage_id": 0}),
        ),
    ),
    (
        "HW508",
        "warning",
        both(
            initial(storage=[{"hydro_id": 0, "value_hm3": 50.0}]),
            hydro(1, reservoir={"min_storage_hm3": 0, "max_storage_hm3": 0}),
        ),
    ),
    ("HW509", "error", rows("system/hydro_geometry", geometry(0, 1.0), geometry(0, 1.0))),
    (
        "HW510",
        "error",
        rows("system/hydro_geometry", geometry(0, 1.0, 300.0), geometry(0, 2.0, 299.0)),
    ),
    (
        "HW511",
        "error",
        rows("system/hydro_geometry", geometry(0, 1.0, 300.0, 5.0), geometry(0, 2.0, 301.0, 4.0)),
    ),
    ("HW512", "error", hydro(evaporation={"coefficients_mm": [1.0] * 12})),
    ("HW513", "warning", fpha(plane(0, 0), plane(0, 1))),
    (
        "HW514",
        "error",
        both(
            lambda case: case.thermals[0].pop("cost_per_mwh"),
            thermal(
                cost_segments=[
                    {"capacity_mw": 30, "cost_per_mwh": 9},
                    {"capacity_mw": 30, "cost_per_mwh": 8},
                ]
            ),
        ),
    ),
    (
        "HW515",
        "error",
        both(
            lambda case: case.thermals[0].pop("cost_per_mwh"),
            thermal(cost_segments=[{"capacity_mw": 59, "cost_per_mwh": 9}]),
        ),
    ),
    (
        "HW516",
        "warning",
        both(
            production(source="computed"),
            rows("system/hydro_geometry", geometry(0, 1.0), geometry(0, 2.0)),
        ),
    ),
    ("HW517", "warning", both(production(), overlapping)),
    (
        "HW518",
        "error",
        both(
            production(start_stage_id=1, source="precomputed"),
            rows("system/fpha_hyperplanes", *(plane(0, i) for i in range(3))),
            lambda case: case.hydros[0]["generation"].update(model="fpha"),
        ),
    ),
    ("HW519", "error", lambda case: case.hydros[0]["generation"].update(model="fpha")),
    (
        "HW522",
        "error",
        stages_file(
            policy_graph={
                "type": "finite_horizon",
                "annual_discount_rate": 0.1,
                "transitions": [{**TRANSITION, "probability": 0.5}],
            }
        ),
    ),
    (
        "HW523",
        "error",
        stages_file(
            policy_graph={
                "type": "cyclic",
                "annual_discount_rate": 0.1,
                "transitions": [TRANSITION],
            }
        ),
    ),
    (
        "HW523",
        "error",
        stages_file(
            policy_graph={
                "type": "cyclic",
                "annual_discount_rate": 0.0,
                "transitions": [TRANSITION, {"source_id": 1, "target_id": 0, "probability": 1.0}],
            }
        ),
    ),
    (
        "HW523",
        "error",
        stages_file(
            policy_graph={
                "type": "cyclic",
                "annual_discount_rate": 0.1,
                "transitions": [{"source_id": 0, "target_id": 0, "probability": 1.0}],
            }
        ),
    ),
    ("HW524", "warning", lambda case: case.stages[0]["blocks"][0].update(hours=100.0)),
    (
        "HW525",
        "warning",
        both(
            stage(1, start_date="2024-02-02"),
            lambda case: case.stages[1]["blocks"][0].update(hours=150.0),
        ),
    ),
    ("HW527", "warning", seasonal(0, 1, cycle="custom", definitions=(WINTER, SUMMER))),
    ("HW528", "warning", later_stages),
    (
        "HW530",
        "error",
        both(stages_file(pre_study_stages=[PAST]), with_lags(ar_row(0, -1, 1, 0.5))),
    ),
    ("HW531", "error", with_lags(ar_row(0, 0, 1, 0.5), ar_row(0, 0, 3, 0.1))),
    ("HW532", "error", stats(ar_order=1)),
    ("HW533", "error", with_lags(ar_row(0, 0, 1, 0.5, 0.9), ar_row(0, 0, 2, 0.1, 0.8))),
    ("HW533", "error", with_lags(ar_row(0, 0, 1, 0.5, 1.5))),
    ("HW534", "info", with_lags(ar_row(0, 0, 1, 0.5, None))),
    ("HW535", "error", both(seasonal(0, None), with_lags(ar_row(0, 1, 1, 0.5)))),
    ("HW536", "error", lambda case: case.tables.pop(STATS)),
    ("HW539", "warning", correlation("spectral", 0.52)),
    ("HW540", "error", correlation("cholesky", 0.9)),
    ("HW541", "warning", initial(past_inflows=[{"hydro_id": 0, "values_m3s": [-3.0]}])),
    (
        "HW542",
        "warning",
        initial(
            recent_observations=[
                {
                    "hydro_id": 0,
                    "start_date": "2023-12-30",
                    "end_date": "2024-01-01",
                    "value_m3s": 1.0,
                }
            ]
        ),
    ),
    ("HW546", "error", training(scenario_source={"inflow": {"scheme": "external"}, "seed": 1})),
    ("HW546", "error", training(scenario_source={"inflow": {"openings": "scenarios"}})),
    ("HW546", "error", external_loads_with({(0, 0): 1.0})),
    ("HW546", "error", external_loads_with({(0, 0): 1.0, (0, 1): 2.0})),
    ("HW546", "error", external_loads_with({(k, bus): 0.0 for k in range(3) for bus in (0, 1)})),
    ("HW546", "error", both(external_loads_with({}, stages=(1,)), openings_of_the_load("model"))),
    ("HW547", "warning", external_loads),
    ("HW547", "warning", walked_by_training_alone),
    (
        "HW549",
        "error",
        rows("constraints/hydro_bounds", {"hydro_id": 0, "stage_id": 1, "max_storage_hm3": 5.0}),
    ),
    (
        "HW549",
        "error",
        rows(
            "constraints/thermal_bounds",
            {"thermal_id": 0, "stage_id": 1, "min_generation_mw": 61.0},
        ),
    ),
    ("HW551", "warning", stage(sampling_method="qmc_sobol", num_scenarios=3)),
    ("HW552", "warning", lambda case: case.training.pop("tree_seed")),
    (
        "HW553",
        "warning",
        training(cut_selection={"enabled": True, "method": "level1", "max_active_per_stage": 1}),
    ),
    ("HW554", "warning", seasonal(0, 2)),
    ("HW556", "error", training(scenario_source={"inflow": {"scheme": "historical"}, "seed": 1})),
    ("HW557", "warning", seasonal(0, 1)),
    ("HW558", "error", both(with_lags(ar_row(0, 0, 1, 0.5)), stats(std_m3s=0.0))),
    ("HW567", "error", stage(num_scenarios=2**28)),
    ("HW215", "error", lambda case: case.files[LINES]["lines"][0].update(loss_curve=BENT)),
    ("HW568", "error", thermal(max_ramp_up_mw_per_hour=5.0)),
    ("HW571", "error", lambda case: case.hydros[1].update(travel_time_hours=5.0)),
    ("HW572", "warning", lambda case: case.initial.update(past_defluences=[BEFORE])),
    ("HW602", "warning", stats(std_m3s=0.0)),
    (
        "HW603",
        "warning",
        both(
            constraint("hydro_storage(0)"),
            lambda case: case.tables.pop("constraints/generic_constraint_bounds"),
        ),
    ),
    ("HW604", "warning", thermal(generation={"min_mw": 0, "max_mw": 0})),
    (
        "HW604",
        "warning",
        rows(
            "constraints/line_bounds",
            *({"line_id": 0, "stage_id": t, "direct_mw": 0.0, "reverse_mw": 0.0} for t in (0, 1)),
        ),
    ),
    (
        "HW605",
        "warning",
        both(
            with_lags(ar_row(0, 0, 1, 1.2), ar_row(0, 1, 1, 1.2)),
            stage(0, season_id=0),
            stage(1, season_id=1),
        ),
    ),
    (
        "HW610",
        "warning",
        both(
            cost("hydro", filling_target_violation_cost=10.0),
            hydro(entry_stage_id=1, filling={"start_stage_id": 0}),
        ),
    ),
    ("HW611", "warning", cost("hydro", storage_violation_below_cost=5000.0)),
    ("HW612", "warning", cost("hydro", generation_violation_below_cost=5000.0)),
    ("HW613", "warning", cost("hydro", turbined_violation_below_cost=20.0)),
    ("HW614", "warning", cost("line", exchange_cost=20.0)),
    (
        "HW615",
        "warning",
        both(fpha(*(plane(0, i) for i in range(3))), cost("hydro", fpha_turbined_cost=0.01)),
    ),
    ("HW616", "warning", cost("bus", excess_cost=4000.0)),
    (
        "HW617",
        "warning",
        both(
            config("modeling", inflow_non_negativity={"method": "penalty"}),
            cost("hydro", inflow_nonnegativity_cost=5000.0),
        ),
    ),
    ("HW618", "warning", cost("hydro", spillage_cost=0.0)),
    ("HW701", "warning", training(cut_selection={"threshold": 2})),
    (
        "HW712",
        "warning",
        config("modeling", inflow_non_negativity={"method": "none", "penalty_cost": 5.0}),
    ),
    ("HW715", "warning", stage(state_variables={"storage": False})),
    ("HW716", "error", config("simulation", num_stages=24)),
    (
        "HW716",
        "error",
        both(
            config("policy", boundary={"path": "other", "source_stage": 1}),
            stages_file(
                policy_graph={
                    "type": "cyclic",
                    "annual_discount_rate": 0.1,
                    "transitions": [
                        TRANSITION,
                        {"source_id": 1, "target_id": 0, "probability": 1.0},
                    ],
                }
            ),
        ),
    ),
]
PLACES = json.loads(Path(__file__).with_name("places_of_findings.json").read_text(encoding="utf-8"))
"""Name of a test case -> file, path and entity of its findings with the expected code."""

EXPECTED_COMPANY = {"HW710", "HW557", "HW602", "HW542"}
"""Warnings that come along when a feature, a part of the year or an observation is used."""


def named_problems():
    """Every problem with a name: its code, and its number among the problems of that code."""
    count = Counter()
    for code, severity, change in PROBLEMS:
        yield f"{code}-{count[code]}", code, severity, change
        count[code] += 1


def places_of(report, code):
    return [
        [finding.file, finding.path, finding.entity] for finding in report if finding.code == code
    ]


@pytest.mark.parametrize(("name", "code", "severity", "change"), list(named_problems()))
def test_a_contradiction_is_found_where_it_is_and_nothing_else(
    tmp_path, name, code, severity, change
):
    report = validate_case(tiny_case(tmp_path).edit(change))
    assert (code, severity) in {(finding.code, finding.severity.value) for finding in report}, str(
        report
    )
    assert codes_of(report) - EXPECTED_COMPANY <= {code}, str(report)
    assert places_of(report, code) == PLACES[name]
    assert codes_of(report.errors) == ({code} if severity == "error" else set())


STRICT = {"HW513", "HW524", "HW525", "HW554", "HW615"}


@pytest.mark.parametrize(
    ("code", "change"), [(row[0], row[2]) for row in PROBLEMS if row[0] in STRICT]
)
def test_advice_becomes_law_under_strict(tmp_path, code, change):
    root = tiny_case(tmp_path).edit(change)
    assert validate_case(root).ok
    assert codes_of(validate_case(root, strict=True).errors) == {code}


def test_stages_of_one_season_have_about_the_same_length(tmp_path):
    case = tiny_case(tmp_path)
    spans = [
        ("2024-01-01", "2024-02-01"),
        ("2024-02-01", "2024-03-01"),
        ("2025-02-01", "2025-02-11"),
        ("2025-03-01", "2025-04-01"),
    ]
    case.files["stages.json"]["stages"] = [
        {**case.stages[0], "id": i, "start_date": start, "end_date": end}
        for i, (start, end) in enumerate(spans)
    ]
    seasonal(0, 1, 1, 2)(case)
    found = [finding for finding in validate_case(case.write()).findings if finding.code == "HW555"]
    assert [finding.entity for finding in found] == ["Season 1"]
    assert "10 days in 2025 and 29 days in 2024" in found[0].message


def test_history_is_estimated_only_with_seasons_and_enough_years(tmp_path):
    case = tiny_case(tmp_path)
    case.tables.pop(STATS)
    case.tables["scenarios/inflow_history"] = [
        {"hydro_id": 0, "date": date(2000, 1, 1), "value_m3s": 4.0}
    ]
    report = validate_case(case.write())
    assert codes_of(report.errors) == {"HW537", "HW538"}
    assert codes_of(report.warnings) == {"HW543"}


def test_a_confidence_level_becomes_the_size_of_the_tail(tmp_path):
    case = tiny_case(tmp_path)
    case.stages[0]["risk_measure"] = {"cvar": {"alpha": 0.95, "lambda": 0.25}}
    case.stages[1]["risk_measure"] = {"cvar": {"tail_fraction": 0.2, "lambda": 0.5}}
    first, second = load_case(case.write()).system.stages
    assert first.risk == MixedCVaR(weight=0.25, tail_fraction=0.05)
    assert second.risk == MixedCVaR(weight=0.5, tail_fraction=0.2)


def test_one_study_stage_is_enough(tmp_path):
    case = tiny_case(tmp_path)
    case.files["stages.json"]["stages"] = case.stages[:1]
    for name in case.tables:
        case.tables[name] = [row for row in case.tables[name] if row["stage_id"] == 0]
    case.tables.pop("constraints/thermal_bounds")
    assert validate_case(case.write()).findings == ()


def test_a_cost_finding_names_the_worst_offender_with_both_figures(tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[1]["penalties"] = {"storage_violation_below_cost": 100.0}
    (finding,) = validate_case(case.write()).findings
    assert (finding.code, finding.severity) == ("HW611", Severity.WARNING)
    assert "2 times" in finding.message
    assert 'Hydro 1 "H1"' in finding.message
    assert "100 $/hm3 = 0.72 $/MWh, against 5,000 $/MWh" in finding.message


def test_scenarios_that_are_openings_may_leave_stages_out_and_have_weights(tmp_path: Path):
    case = tiny_case(tmp_path)
    external_loads_with({(k, bus): 1.0 + k for k in range(3) for bus in (0, 1)}, stages=(1,))(case)
    loaded = load_case(case.write())
    assert not loaded.report.errors
    given = loaded.system.external_loads
    assert set(given.values) == set(given.weights) == {1}
    assert given.weights[1].tolist() == [1.0, 2.0, 3.0]
    assert any(
        "1 stages have none" in value
        for section in describe_case(loaded)
        for _, value in pairs(section.rows)
    )


def pairs(rows):
    return [row for row in rows if len(row) == 2]


def test_a_simulation_has_no_openings_of_its_own(tmp_path: Path):
    case = tiny_case(tmp_path)
    case.files["config.json"]["simulation"] = {"scenario_source": {"inflow": {"openings": "model"}}}
    assert (
        "HW202" in codes_of(validate_case(case.write()).findings)
        or not validate_case(case.write()).ok
    )


@pytest.mark.parametrize(("formulation", "place"), [("single", 1), ("multi", 0), ("multi", 1)])
def test_cuts_of_single_openings_need_a_risk_measure_with_a_linear_form(
    tmp_path, formulation, place
):
    """That of the first stage weighs no openings that a cut could belong to."""
    case = tiny_case(tmp_path)
    case.training["cut_formulation"] = formulation
    case.stages[place]["risk_measure"] = {"type": "entropic", "aversion": 1e-6}
    case.stages[1 - place]["risk_measure"] = {"cvar": {"alpha": 0.2, "lambda": 0.5}}
    found = [one for one in validate_case(case.write()).errors if one.code == "HW723"]
    assert len(found) == (formulation == "multi" and place == 1)
    for finding in found:
        assert finding.path == "training.cut_formulation"
        assert "the risk measure 'entropic' of 1 stages (1) has no linear" in finding.message
