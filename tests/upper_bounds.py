"""Studies with a deterministic upper bound, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from headwater.core.choices import StoppingRule
from headwater.model import (
    CostSegment,
    Gap,
    InitialConditions,
    MixedCVaR,
    Study,
    StudyConfig,
    Thermal,
    UpperBoundConfig,
)
from random_systems import random_study

RISK = (MixedCVaR(0.5, 0.4), MixedCVaR(0.3, 0.5), MixedCVaR(0.8, 0.34))


def bounded(
    study: Study,
    *rules: StoppingRule,
    initial_iteration: int = 1,
    interval_iterations: int = 1,
    **settings: Any,
) -> Study:
    """The study with the bound evaluated after the given iterations, and more stopping rules."""
    config = study.config
    training = replace(config.training, stopping_rules=(*config.training.stopping_rules, *rules))
    bound = UpperBoundConfig(True, initial_iteration, interval_iterations, **settings)
    return replace(study, config=replace(config, training=training, upper_bound=bound))


def with_config(study: Study, **changes: Any) -> Study:
    """The study with some of its configuration changed."""
    config: StudyConfig = replace(study.config, **changes)
    return replace(study, config=config)


def varied_study(seed: int, gap: float = 0.005) -> Study:
    """A random study that ends at the gap.

    Every third risk-averse, every other one with a plant that is dispatched ahead.
    """
    study = random_study(seed, risk=RISK if seed % 3 == 1 else None)
    if seed % 2:
        study = with_plant_ahead(study, lag=1 + seed // 2 % 2)
    return bounded(study, Gap(relative_tolerance=gap), initial_iteration=5, interval_iterations=5)


def with_plant_ahead(study: Study, lag: int) -> Study:
    """The study with one more thermal plant in two segments, the power of which is
    ordered ``lag`` stages before.
    """
    system = study.system
    rng = np.random.default_rng(len(system.hydros) + lag)
    segments = (
        CostSegment(15.0, float(rng.uniform(20, 60))),
        CostSegment(20.0, float(rng.uniform(60, 110))),
    )
    ship = Thermal(20, 1, 35.0, segments, "ship", min_generation_mw=4.0, gnl_lag_stages=lag)
    ordered = {(20, stage): float(rng.uniform(4, 35)) for stage in range(1, lag + 1)}
    initial: InitialConditions = replace(system.initial, gnl_pipeline_mw=ordered)
    return replace(
        study, system=replace(system, thermals=(*system.thermals, ship), initial=initial)
    )
