from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import AvailabilityStatistics, LoadStatistics, StageOverrides
from headwater.stochastic import (
    build_availability_model,
    build_load_model,
    build_uncertainty,
    noise_layout,
)
from headwater.stochastic.normal import _cut_mean, truncation_warnings

pytestmark = pytest.mark.versions


def load_model(system):
    return build_load_model(system, noise_layout(system))


def availability_model(system):
    return build_availability_model(system, noise_layout(system))


def factors(entity, values, stage_id=0):
    rows = [
        {entity: 0, "stage_id": stage_id, "block_id": k, "factor": f} for k, f in enumerate(values)
    ]
    return StageOverrides.from_rows(rows, entity=entity)


def test_load_is_normal_cut_at_zero_and_shaped_by_the_block_factors(make_system):
    system = make_system(
        1,
        n_blocks=3,
        load_statistics=(LoadStatistics(0, 0, 1000.0, 400.0),),
        load_factors=factors("bus_id", (0.85, 1.0, 1.15)),
    )
    load = load_model(system).load_mw(0, np.array([[-3.0], [0.0], [1.5]]))
    np.testing.assert_allclose(
        load[:, 0], [[0, 0, 0], [850, 1000, 1150], [1360, 1600, 1840]], rtol=1e-12
    )


def test_buses_without_statistics_have_no_load_and_certain_loads_take_no_noise(make_system):
    rows = (LoadStatistics(1, 0, 70.0), LoadStatistics(2, 0, 50.0, 5.0))
    model = load_model(make_system(1, n_buses=3, load_statistics=rows))
    np.testing.assert_allclose(
        model.load_mw(0, np.array([[2.0], [-1.0]]))[:, :, 0], [[0, 70, 60], [0, 70, 45]]
    )


def test_the_load_has_the_blocks_of_its_own_stage(make_system):
    two = make_system(2, n_blocks=2)
    stages = (two.stages[0], replace(two.stages[1], blocks=two.stages[1].blocks[:1]))
    model = load_model(make_system(stages=stages))
    assert model.load_mw(0, np.empty((5, 0))).shape == (5, 1, 2)
    assert model.load_mw(1, np.empty((5, 0))).shape == (5, 1, 1)


def test_load_statistics_at_some_stages_only_are_refused(make_system):
    with pytest.raises(ModelError, match=r"bus 0 .* not at stage\(s\) 1, 2"):
        load_model(make_system(3, load_statistics=(LoadStatistics(0, 0, 1.0),)))


@pytest.mark.parametrize(
    "row",
    [LoadStatistics(0, 0, np.nan), LoadStatistics(0, 0, 1.0, -1.0), LoadStatistics(0, 5, 1.0)],
)
def test_impossible_load_statistics_are_refused(make_system, row):
    with pytest.raises(ModelError, match="load statistics of bus 0"):
        load_model(make_system(1, load_statistics=(row,)))


def test_availability_is_a_fraction_of_capacity_within_its_limits(make_system):
    system = make_system(
        1, n_sources=1, availability_statistics=(AvailabilityStatistics(0, 0, 0.4, 0.3),)
    )
    available = availability_model(system).available_mw(0, np.array([[-3.0], [0.0], [1.5], [9.0]]))
    np.testing.assert_allclose(available[:, 0, 0], [0.0, 80.0, 170.0, 200.0], rtol=1e-12)


def test_block_factors_never_lift_availability_above_the_capacity(make_system):
    system = make_system(
        1,
        n_blocks=3,
        n_sources=1,
        availability_statistics=(AvailabilityStatistics(0, 0, 0.8),),
        ncs_factors=factors("ncs_id", (0.5, 1.0, 1.5)),
    )
    available = availability_model(system).available_mw(0, np.zeros((1, 1)))
    np.testing.assert_allclose(available[0, 0], [80.0, 160.0, 200.0], rtol=1e-12)


def test_without_statistics_the_bound_of_the_stage_is_available(make_system):
    bounds = StageOverrides.from_rows(
        [{"ncs_id": 0, "stage_id": 1, "available_generation_mw": 30.0}], entity="ncs_id"
    )
    system = make_system(
        2,
        n_sources=2,
        ncs_bound_overrides=bounds,
        availability_statistics=(
            AvailabilityStatistics(1, 0, 0.5, 0.1),
        ),  # the second source, at the first stage only
    )
    model = availability_model(system)
    np.testing.assert_allclose(model.available_mw(0, np.array([[1.0]]))[0, :, 0], [200.0, 120.0])
    np.testing.assert_allclose(model.available_mw(1, np.array([[1.0]]))[0, :, 0], [30.0, 200.0])


def test_a_mean_availability_above_one_is_refused(make_system):
    with pytest.raises(ModelError, match="fraction of the capacity"):
        availability_model(
            make_system(
                1, n_sources=1, availability_statistics=(AvailabilityStatistics(0, 0, 1.2),)
            )
        )


def test_statistics_of_unknown_entities_are_refused(make_system):
    with pytest.raises(ModelError, match="bus 4"):
        noise_layout(make_system(1, load_statistics=(LoadStatistics(4, 0, 1.0),)))
    with pytest.raises(ModelError, match="source 4"):
        noise_layout(make_system(1, availability_statistics=(AvailabilityStatistics(4, 0, 0.5),)))


def test_means_that_the_limits_move_are_pointed_out(make_system):
    system = make_system(
        1,
        n_buses=2,
        n_sources=2,
        load_statistics=(LoadStatistics(0, 0, 1000.0, 400.0), LoadStatistics(1, 0, 1000.0, 800.0)),
        availability_statistics=(
            AvailabilityStatistics(0, 0, 0.5, 0.1),
            AvailabilityStatistics(1, 0, 0.95, 0.3),
        ),
    )
    wide, capped = truncation_warnings(system)
    assert "load of bus 1" in wide
    assert "availability of source 1" in capped
    assert set(build_uncertainty(system, 1).warnings) == {wide, capped}


def test_the_mean_of_a_cut_variable_is_that_of_many_draws():
    draws = np.random.default_rng(1).normal(0.8, 0.4, size=400_000)
    assert _cut_mean(0.8, 0.4, 1.0) == pytest.approx(np.clip(draws, 0.0, 1.0).mean(), abs=2e-3)
    assert _cut_mean(0.8, 0.4, np.inf) == pytest.approx(np.maximum(draws, 0.0).mean(), abs=3e-3)
