"""Converged bounds of small random systems, judged by the linear program over their whole tree."""

from dataclasses import replace

import numpy as np
import pytest

import headwater as hw
from extensive_form import extensive_form_value, stage_value
from headwater.model import BoundStalling, Formulation, MixedCVaR
from random_systems import STAGE_IDS, random_study

RISKS = {
    "mixed": (MixedCVaR(0.5, 0.4), MixedCVaR(0.3, 0.5), MixedCVaR(0.8, 0.34)),
    "tail only": (MixedCVaR(1.0, 0.5), MixedCVaR(1.0, 0.5), MixedCVaR(1.0, 0.5)),
    "last stage only": (MixedCVaR(), MixedCVaR(), MixedCVaR(0.9, 0.3)),
    "first stage only": (MixedCVaR(0.9, 0.3), MixedCVaR(), MixedCVaR()),
}


def train(study, **changes):
    """Until nothing has happened for a good while: some histories are rarely drawn."""
    rules = (*study.config.training.stopping_rules, BoundStalling(25, 1e-11))
    training = replace(study.config.training, stopping_rules=rules, **changes)
    return hw.train(replace(study, config=replace(study.config, training=training)), threads=1)


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_converges_to_the_extensive_form(seed):
    study = random_study(seed)
    optimum = extensive_form_value(study.system, study.config)
    bounds = [record.lower_bound for record in train(study).training.iterations]
    assert bounds[-1] == pytest.approx(optimum, rel=1e-6)
    assert max(bounds) <= optimum * (1.0 + 1e-8)


@pytest.mark.parametrize("seed", [1, 5, 6, 10])
def test_the_explicit_form_converges_to_the_same_bound(seed):
    study = random_study(seed)
    explicit = train(study, formulation=Formulation.EXPLICIT)
    assert explicit.lower_bound == pytest.approx(
        extensive_form_value(study.system, study.config), rel=1e-6
    )


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("seed", [2, 5, 9])
def test_the_bound_of_a_risk_averse_study_converges_to_its_nested_value(seed, risk):
    study = random_study(seed, risk=RISKS[risk])
    optimum = extensive_form_value(study.system, study.config)
    neutral = random_study(seed)
    assert optimum > extensive_form_value(neutral.system, neutral.config) * (1.0 + 1e-4)
    assert train(study).lower_bound == pytest.approx(optimum, rel=1e-6)


@pytest.mark.parametrize("seed", range(1, 9))
def test_cuts_stay_below_the_true_future_at_states_that_were_never_visited(seed):
    study = random_study(seed)
    policy = train(study)
    rng = np.random.default_rng(seed)
    hydros, n_lags = study.system.hydros, seed % 3
    for stage_id in STAGE_IDS[:-1]:
        for _ in range(3):
            storage = np.array([rng.uniform(0.0, 0.9) * hydro.max_storage_hm3 for hydro in hydros])
            lags = rng.uniform(20.0, 70.0, (n_lags, len(hydros)))
            true_cost = stage_value(study.system, study.config, stage_id, storage, lags)
            assert policy.value(stage_id, np.concatenate([storage, lags.ravel()])) <= true_cost * (
                1.0 + 1e-8
            )
