"""The judge is judged first.

Hand computations, published figures, and problems of the literature.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

import oracle_systems as oracles
from extensive_form import extensive_form_value, stage_value
from headwater.case import load_case
from headwater.model import (
    Block,
    Bus,
    Evaporation,
    GivenOpenings,
    LoadStatistics,
    MixedCVaR,
    PolicyGraph,
    Stage,
    Study,
    StudyConfig,
    System,
    Thermal,
)
from published import FIGURES, case_directory
from random_systems import random_study

COVERED = [
    "d01",
    "d02",
    "d03",
    "d04",
    "d05",
    "d10",
    "d11",
    "d13",
    "d14",
    "d16",
    "d20",
    "d23",
    "d25",
    "d27",
]


def value(study: Study, risk: MixedCVaR | None = None) -> float:
    return extensive_form_value(study.system, study.config, risk=risk)


@pytest.mark.parametrize("prefix", COVERED)
def test_the_extensive_form_gives_the_published_figure(prefix):
    name, figure = next((n, f) for n, f in FIGURES.items() if n.startswith(prefix))
    assert value(load_case(case_directory(name))) == pytest.approx(
        figure.lower_bound, rel=1e-10, abs=1e-6
    )


@pytest.mark.parametrize(
    ("study", "figure", "tolerance"),
    [
        (oracles.first_steps(), oracles.FIRST_STEPS_VALUE, 1e-4),
        *((oracles.inner_bound(n), oracles.INNER_BOUND_VALUES[n], 1e-5) for n in (1, 2, 3, 4, 6)),
        (oracles.fast_hydro_thermal(), oracles.FAST_VALUE, 1e-9),
        (oracles.case3_deterministic(), oracles.CASE3_VALUE, 1e-2),
        (oracles.hydro_valley(stochastic=False), oracles.VALLEY_DETERMINISTIC_VALUE, 1e-4),
        (oracles.hydro_valley(stochastic=True), oracles.VALLEY_STOCHASTIC_VALUE, 1e-4),
        (oracles.additive_autoregressive(), oracles.ADDITIVE_AUTOREGRESSIVE_VALUE, 1e-4),
    ],
    ids=lambda item: item.name if isinstance(item, Study) else None,
)
def test_the_extensive_form_gives_the_figures_of_the_literature(study, figure, tolerance):
    assert value(study) == pytest.approx(figure, abs=tolerance)


@pytest.mark.parametrize("storage", oracles.FIRST_STEPS_COST_TO_GO)
def test_the_value_of_the_later_stages_is_a_function_of_storage(storage):
    study = oracles.first_steps()
    assert stage_value(study.system, study.config, 1, [storage]) == pytest.approx(
        oracles.FIRST_STEPS_COST_TO_GO[storage], abs=1e-4
    )


def one_stage_with_outcomes(
    *outcomes: float, probability: tuple[float, ...] | None = None
) -> Study:
    """Each opening costs its load."""
    system = System(
        stages=(Stage(0, date(2023, 1, 1), date(2023, 1, 2), (Block(1.0),)),),
        buses=(Bus(0),),
        thermals=(Thermal.flat(0, 0, 1000.0, 1.0),),
        load_statistics=(LoadStatistics(0, 0, 0.0, 1.0),),
        given_openings=GivenOpenings(
            {0: np.array(outcomes)[:, None]},
            {} if probability is None else {0: np.array(probability)},
        ),
    )
    return Study(system, oracles.first_steps().config)


@pytest.mark.parametrize(
    ("weight", "tail_fraction", "measure"),
    [
        (0.0, 0.25, 25.0),
        (1.0, 1.0, 25.0),
        (1.0, 0.25, 40.0),
        (1.0, 0.5, 35.0),
        (1.0, 0.375, (40.0 + 0.5 * 30.0) / 1.5),
        (0.5, 0.25, 32.5),
    ],
)
def test_the_risk_of_one_stage_mixes_the_mean_with_the_mean_of_the_worst(
    weight, tail_fraction, measure
):
    study = one_stage_with_outcomes(10.0, 30.0, 40.0, 20.0)
    assert value(study, MixedCVaR(weight, tail_fraction)) == pytest.approx(measure, abs=1e-9)


def test_unequal_probabilities_weigh_the_openings():
    study = one_stage_with_outcomes(10.0, 30.0, 100.0, probability=(0.5, 0.3, 0.2))
    assert value(study) == pytest.approx(34.0, abs=1e-9)
    assert value(study, MixedCVaR(1.0, 0.4)) == pytest.approx(
        (0.2 * 100.0 + 0.2 * 30.0) / 0.4, abs=1e-9
    )


@pytest.mark.parametrize("seed", [0, 3, 10])
def test_risk_nests_between_the_mean_and_the_worst(seed):
    study = random_study(seed)
    mean, mixed, tail = (value(study, MixedCVaR(*m)) for m in ((0.0, 0.5), (0.5, 0.5), (1.0, 0.5)))
    assert mean < mixed < tail


def test_the_future_counts_discounted():
    study = oracles.first_steps_from([20.0, 90.0])
    system = replace(study.system, policy_graph=PolicyGraph(annual_discount_rate=0.5))
    later = np.mean([stage_value(system, study.config, 1, [storage]) for storage in (20.0, 90.0)])
    undiscounted = np.mean(
        [stage_value(study.system, study.config, 1, [storage]) for storage in (20.0, 90.0)]
    )
    assert extensive_form_value(system, study.config) == pytest.approx(
        1.5 ** (-12 / 365.25) * later, rel=1e-9
    )
    assert later < undiscounted


def test_what_is_not_covered_is_refused():
    study = oracles.first_steps()
    (hydro,) = study.system.hydros
    steaming = replace(study.system, hydros=(replace(hydro, evaporation=Evaporation((1.0,) * 12)),))
    with pytest.raises(NotImplementedError, match="evaporation"):
        extensive_form_value(steaming, StudyConfig(study.config.training))
