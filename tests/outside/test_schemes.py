"""A sampling scheme of a package draws noise as the project's own do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import headwater as hw
from headwater.model import InSample, NoiseClass, ScenarioSource, StatisticalGap
from headwater.sddp.training.stopping import refuse_meaningless_rules
from headwater.stochastic import study_uncertainty, training_sampler
from outside.headwater_outside.sampling import Antithetic
from random_systems import random_study
from upper_bounds import with_config

SOURCE = ScenarioSource(inflow=Antithetic(), seed=5)


def sampled(source: ScenarioSource, n: int = 6) -> np.ndarray:
    study = random_study(3)
    uncertainty = study_uncertainty(study)
    sampler = training_sampler(uncertainty, source, 1, n)
    noise = sampler.noise(1, 1, np.arange(n))
    together = np.concatenate([sampler.noise(1, 1, np.array([k])) for k in range(n)])
    assert together.tolist() == noise.tolist()  # whatever the batch
    return noise[:, uncertainty.layout.segment(NoiseClass.INFLOW)]


def test_the_second_of_a_pair_mirrors_the_first():
    noise = sampled(SOURCE)
    assert noise.any()
    assert noise[1::2].tolist() == (-noise[::2]).tolist()
    half = sampled(ScenarioSource(inflow=Antithetic(0.5), seed=5))
    assert half[::2].tolist() == noise[::2].tolist()
    assert half[1::2].tolist() == (-0.5 * noise[::2]).tolist()


def test_a_training_with_it_has_the_bound_of_its_openings():
    study = random_study(3, iterations=60)
    source = with_config(study, training=with_source(study.config.training, SOURCE))
    plain = hw.train(study)
    paired = hw.train(source)
    assert abs(paired.lower_bound - plain.lower_bound) <= 0.02 * abs(plain.lower_bound)


def with_source(training: hw.TrainingConfig, source: ScenarioSource) -> hw.TrainingConfig:
    return replace(training, scenario_source=source)


def test_the_statistical_gap_refuses_it_and_takes_openings():
    study = random_study(3)
    rules = (*study.config.training.stopping_rules, StatisticalGap())
    for source, sound in ((ScenarioSource(inflow=InSample()), True), (SOURCE, False)):
        training = replace(study.config.training, stopping_rules=rules, scenario_source=source)
        chosen = with_config(study, training=training)
        if sound:
            refuse_meaningless_rules(chosen)
        else:
            with pytest.raises(hw.ModelError, match="draw from the opening tree"):
                refuse_meaningless_rules(chosen)
