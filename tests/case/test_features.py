"""Features that are known and not built yet are warned about in a case, and listed for any
study.
"""

from __future__ import annotations

from datetime import date

import pytest

from case_builder import TinyCase, codes_of, tiny_case
from headwater.case import features, load_case, refused_features, validate_case
from headwater.case.features import FEATURES, Feature
from headwater.model import (
    Block,
    Bus,
    ContractKind,
    EnergyContract,
    IterationLimit,
    Stage,
    Study,
    StudyConfig,
    System,
    TrainingConfig,
)


def training(**values):
    return lambda case: case.training.update(values)


def config(section, **values):
    return lambda case: case.files["config.json"].setdefault(section, {}).update(values)


def stage(**values):
    return lambda case: case.stages[0].update(values)


def both(*changes):
    return lambda case: [change(case) for change in changes]


def graph(**values):
    return lambda case: case.files["stages.json"]["policy_graph"].update(values)


def two_weeks_of_january(case: TinyCase):
    months = [{"id": month, "label": str(month), "month_start": month + 1} for month in range(12)]
    case.files["stages.json"]["season_definitions"] = {"cycle_type": "monthly", "seasons": months}
    for entry, start, end in zip(
        case.stages, ("2024-01-01", "2024-01-08"), ("2024-01-08", "2024-01-15"), strict=True
    ):
        entry |= {"start_date": start, "end_date": end, "season_id": 0}


CYCLE = [{"source_id": s, "target_id": t, "probability": 1.0} for s, t in ((0, 1), (1, 0))]
USES = {
    "policy graphs": graph(transitions=[{"source_id": 1, "target_id": 0, "probability": 1.0}]),
    "regimes together with": both(
        graph(regimes={"names": ["a"], "initial_probabilities": [1.0], "matrix": [[1.0]]}),
        training(cut_formulation="multi"),
    ),
    "hydros that enter, fill or leave inside a cycle": both(
        graph(type="cyclic", transitions=CYCLE), lambda case: case.hydros[0].update(exit_stage_id=1)
    ),
    "boundary cuts together with thermal plants dispatched ahead": both(
        config("policy", boundary={"path": "next", "source_stage": 0}),
        lambda case: case.thermals[0].update(gnl_config={"lag_stages": 1}),
        lambda case: case.files["initial_conditions.json"].update(
            gnl_pipeline=[{"thermal_id": 0, "stage_offset": 1, "committed_mw": 0.0}]
        ),
    ),
    "working sets": training(
        cut_selection={"enabled": True, "method": "dynamic", "working_set": {"initial_rows": 10}}
    ),
}


@pytest.mark.parametrize("feature", FEATURES, ids=[feature.name for feature in FEATURES])
def test_a_feature_in_use_is_warned_about_and_listed(tmp_path, feature):
    case = load_case(tiny_case(tmp_path).edit(USES[feature.name]))
    sentences = refused_features(case)
    assert any(sentence.startswith(feature.sentence) for sentence in sentences)
    warned = [finding for finding in case.report.warnings if finding.code == "HW710"]
    assert sorted(finding.message for finding in warned) == sorted(sentences)


def test_every_example_belongs_to_a_row_of_the_table():
    assert set(USES) == {feature.name for feature in FEATURES}


def test_a_chain_of_transitions_with_its_own_discount_is_no_feature(tmp_path):
    transition = {
        "source_id": 0,
        "target_id": 1,
        "probability": 1.0,
        "annual_discount_rate_override": 0.5,
    }
    case = load_case(tiny_case(tmp_path).edit(graph(transitions=[transition])))
    assert refused_features(case) == []
    assert case.system.discount_factors[0] == pytest.approx(1.5 ** -(31 / 365.25))


def test_a_closed_chain_is_no_feature_but_a_plant_that_enters_inside_the_cycle_is(tmp_path):
    chain = [
        {"source_id": 0, "target_id": 1, "probability": 1.0},
        {"source_id": 1, "target_id": 0, "probability": 1.0},
    ]
    case = tiny_case(tmp_path)
    graph(type="cyclic", transitions=chain)(case)
    config("training", cycle={"tolerance": 0.01, "max_length": 30})(case)
    loaded = load_case(case.write())
    assert refused_features(loaded) == []
    assert (loaded.system.horizon.cycle_start, loaded.config.training.cycle.max_length) == (0, 30)
    case.hydros[0]["exit_stage_id"] = 1
    assert any(
        text.startswith("hydros that enter, fill or leave inside a cycle: Hydro 0")
        for text in refused_features(load_case(case.write()))
    )


def test_settings_at_their_defaults_are_no_feature(tmp_path):
    case = tiny_case(tmp_path)
    case.files["config.json"] |= {
        "policy": {"mode": "fresh", "checkpointing": {"enabled": False}, "path": "cuts"},
        "simulation": {
            "enabled": True,
            "num_scenarios": 3,
            "policy_type": "outer",
            "io_channel_capacity": 16,
        },
        "upper_bound_evaluation": {"enabled": False},
        "exports": {"states": False, "stochastic": False},
        "stochastic": {"noise_sharing": "season_group"},
    }
    loaded = load_case(case.write())
    assert refused_features(loaded) == []
    assert loaded.config.policy.path == "cuts"


def test_a_study_built_in_code_is_judged_by_the_same_table(monkeypatch):
    def contracts(study):
        return [f"Contract {contract.id}" for contract in study.system.contracts]

    row = Feature(
        "contracts",
        contracts,
        ("system/energy_contracts.json", None),
        "contracts are not built yet",
    )
    monkeypatch.setattr(features, "FEATURES", (row,))
    day = Stage(0, date(2024, 1, 1), date(2024, 2, 1), (Block(744.0),))
    study = Study(
        System(
            (day,), (Bus(0),), contracts=(EnergyContract(4, 0, ContractKind.IMPORT, 10.0, 5.0),)
        ),
        StudyConfig(TrainingConfig(1, (IterationLimit(1),))),
    )
    assert refused_features(study) == ["contracts are not built yet: Contract 4"]
    plain = Study(System((day,), (Bus(0),)), study.config)
    assert refused_features(plain) == []


def test_a_long_list_of_places_is_cut_short(tmp_path, monkeypatch):
    def hydros(study):
        return [f"Hydro {plant.id}" for plant in study.system.hydros]

    row = Feature("hydros", hydros, ("system/hydros.json", None), "hydros are not built yet")
    monkeypatch.setattr(features, "FEATURES", (row,))
    case = tiny_case(tmp_path)
    case.hydros[0]["downstream_id"] = None
    for number in range(2, 12):
        case.hydros.append({**case.hydros[0], "id": number})
        case.initial["storage"].append({"hydro_id": number, "value_hm3": 50.0})
        rows = case.tables["scenarios/inflow_seasonal_stats"]
        rows += [{**row, "hydro_id": number} for row in rows[:2]]
    (sentence,) = refused_features(load_case(case.write()))
    assert sentence.endswith("Hydro 0, Hydro 1, Hydro 2, Hydro 3, Hydro 4, Hydro 5 and 6 more")
    assert codes_of(validate_case(case.root).warnings) == {"HW710"}
