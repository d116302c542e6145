"""Findings at the very edge of what they find.

The last figure that passes and the first that does not.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from case_builder import production, tiny_case
from headwater.case import validate_case

MODELS = "system/hydro_production_models.json"


def findings(case, code):
    return [finding for finding in validate_case(case.write()) if finding.code == code]


@pytest.mark.parametrize(
    ("ranges", "overlap"),
    [
        ([(0, 0), (1, 1)], False),
        ([(0, 0), (1, None)], False),
        ([(1, None), (0, 0)], False),
        ([(0, 1), (1, None)], True),
        ([(0, 0), (0, None)], True),
        ([(1, None), (0, 1)], True),
        ([(0, None), (1, 1)], True),
        ([(0, 0), (1, 1), (1, 1)], True),
    ],
)
def test_ranges_overlap_from_the_first_stage_that_they_share(tmp_path, ranges, overlap):
    case = tiny_case(tmp_path)
    production()(case)
    model = case.files[MODELS]["production_models"][0]
    (rule,) = model["stage_ranges"]
    model["stage_ranges"] = [
        {**rule, "start_stage_id": start, "end_stage_id": end} for start, end in ranges
    ]
    assert len(findings(case, "HW517")) == overlap


@pytest.mark.parametrize(
    ("seasons", "overlap"), [((0, 1), False), ((0, 1, 0), True), ((1, 1), True)]
)
def test_seasons_overlap_when_one_is_named_twice(tmp_path, seasons, overlap):
    case = tiny_case(tmp_path)
    rules = [{"season_id": season, "model": "constant_productivity"} for season in seasons]
    model = {
        "hydro_id": 1,
        "selection_mode": "seasonal",
        "default_model": "constant_productivity",
        "seasons": rules,
    }
    case.files[MODELS] = {"production_models": [model]}
    for entry, season in zip(case.stages, (0, 1), strict=True):
        entry["season_id"] = season
    case.files["stages.json"]["season_definitions"] = {
        "cycle_type": "monthly",
        "seasons": [
            {"id": month, "label": str(month + 1), "month_start": month + 1} for month in range(12)
        ],
    }
    found = findings(case, "HW517")
    assert [finding.entity for finding in found] == (['Hydro 1 "H1"'] if overlap else [])


def cyclic(root, transitions, *, rate=0.1, n_stages=3):
    """Stages of thirty days and the ways between them, each with a rate of its own or none."""
    case = tiny_case(root)
    first = date(2024, 1, 1)
    days = [(first + timedelta(30 * t), first + timedelta(30 * (t + 1))) for t in range(n_stages)]
    case.files["stages.json"]["stages"] = [
        {
            **case.stages[0],
            "id": t,
            "start_date": start.isoformat(),
            "end_date": end.isoformat(),
            "blocks": [{"id": 0, "name": "ALL", "hours": 720.0}],
        }
        for t, (start, end) in enumerate(days)
    ]
    for name in ("scenarios/inflow_seasonal_stats", "scenarios/load_seasonal_stats"):
        rows = [row for row in case.tables[name] if row["stage_id"] == 0]
        case.tables[name] = [{**row, "stage_id": t} for row in rows for t in range(n_stages)]
    case.tables.pop("constraints/thermal_bounds")
    case.files["stages.json"]["policy_graph"] = {
        "type": "cyclic",
        "annual_discount_rate": rate,
        "transitions": [
            {
                "source_id": source,
                "target_id": target,
                "probability": 1.0,
                **({} if own is None else {"annual_discount_rate_override": own}),
            }
            for source, target, own in transitions
        ],
    }
    return case


@pytest.mark.parametrize("back_to", [0, 1, 2])
def test_a_cycle_may_begin_at_any_stage_and_be_a_single_one(tmp_path, back_to):
    case = cyclic(tmp_path, [(0, 1, None), (1, 2, None), (2, back_to, None)])
    assert findings(case, "HW523") == []


@pytest.mark.parametrize(
    ("transitions", "message"),
    [
        ([(0, 1, None), (1, 2, None)], "exactly one transition back to an earlier stage, got 0"),
        (
            [(0, 1, None), (1, 2, None), (2, 0, None), (2, 1, None)],
            "exactly one transition back to an earlier stage, got 2",
        ),
        (
            [(0, 1, None), (1, 1, None), (2, 0, None)],
            "exactly one transition back to an earlier stage, got 2",
        ),
        ([(0, 1, None), (1, 2, None), (1, 0, None)], "leave the last stage (2), got stage 1"),
        ([(0, 1, None), (1, 1, None)], "leave the last stage (2), got stage 1"),
    ],
)
def test_a_cycle_closes_once_and_from_its_last_stage(tmp_path, transitions, message):
    (found,) = findings(cyclic(tmp_path, transitions), "HW523")
    assert message in found.message


@pytest.mark.parametrize(
    ("rate", "own", "refused"),
    [
        (0.0, (None, None, None), True),
        (1e-9, (None, None, None), False),
        # the first stage is outside the cycle: its rate does not help, and its
        # lack of one does no harm
        (0.0, (0.2, None, None), True),
        (0.1, (0.0, None, None), False),
        (0.0, (None, 0.2, None), False),
        (0.0, (None, None, 0.2), False),
        (0.1, (None, 0.0, 0.0), True),
        (0.1, (None, 0.0, None), False),
        (0.1, (None, None, 0.0), False),
    ],
)
def test_some_stage_of_the_cycle_itself_discounts(tmp_path, rate, own, refused):
    case = cyclic(tmp_path, [(0, 1, own[0]), (1, 2, own[1]), (2, 1, own[2])], rate=rate)
    found = findings(case, "HW523")
    assert ["needs a discount rate above 0" in finding.message for finding in found] == [
        True
    ] * refused


@pytest.mark.parametrize(
    ("off", "found_off"),
    [(0.0, False), (1.0, False), (-1.0, False), (1.01, True), (-1.01, True), (100.0, True)],
)
def test_block_hours_may_differ_from_the_calendar_by_one_hour(tmp_path, off, found_off):
    case = tiny_case(tmp_path)
    for block in case.stages[1]["blocks"]:
        block["hours"] += off / 2
    found = findings(case, "HW524")
    assert len(found) == found_off
    if found:
        assert (
            "1 stages have block hours that differ from the calendar; the worst is stage 1: "
            f"{696 + off:g} h" in found[0].message
        )


def test_the_stage_that_is_farthest_from_the_calendar_is_named_whether_too_long_or_too_short(
    tmp_path,
):
    case = tiny_case(tmp_path)
    case.stages[0]["blocks"][1]["hours"] += 20.0
    case.stages[1]["blocks"][1]["hours"] -= 30.0
    (found,) = findings(case, "HW524")
    assert (
        "2 stages have block hours that differ from the calendar; the worst is stage 1: 666 h "
        "instead of 696 h" in found.message
    )


@pytest.mark.parametrize(("stage", "refused"), [(0, False), (1, False), (2, False), (3, True)])
def test_a_plant_leaves_at_a_stage_of_the_study_or_right_after_the_last(tmp_path, stage, refused):
    case = tiny_case(tmp_path)
    assert len(case.stages) == 2
    case.thermals[0]["exit_stage_id"] = stage
    assert len(findings(case, "HW303")) == refused
