from __future__ import annotations

import numpy as np

from headwater.model import (
    AvailabilityStatistics,
    Correlation,
    CorrelationGroup,
    LoadStatistics,
    NoiseClass,
)
from headwater.stochastic import build_opening_tree, build_uncertainty, noise_layout


def everything(make_system):
    return make_system(
        2,
        2,
        n_openings=3,
        n_blocks=2,
        n_buses=3,
        n_sources=2,
        load_statistics=tuple(
            LoadStatistics(b, t, 100.0, 10.0 * (b == 2) * (t == 1))
            for b in range(3)
            for t in range(2)
        ),
        availability_statistics=tuple(AvailabilityStatistics(1, t, 0.5, 0.0) for t in range(2)),
    )


def test_a_noise_vector_has_hydros_then_uncertain_loads_then_sources_with_statistics(make_system):
    layout = noise_layout(everything(make_system))
    assert layout.load_buses.tolist() == [2]  # uncertain at one stage is enough
    assert layout.sources.tolist() == [1]  # statistics are enough, also without deviation
    assert (layout.dim, layout.inflow, layout.load, layout.ncs) == (
        4,
        slice(0, 2),
        slice(2, 3),
        slice(3, 4),
    )


def test_each_class_reads_its_own_entries(make_system):
    uncertainty = build_uncertainty(everything(make_system), 1)
    eta = np.array([[1.0, -1.0, 2.0, 3.0], [0.0, 0.5, 0.0, 0.0]])
    np.testing.assert_allclose(uncertainty.innovation_m3s(1, eta), [[120, 80], [100, 110]])
    np.testing.assert_allclose(
        uncertainty.load_mw(1, eta)[:, :, 0], [[100, 100, 120], [100, 100, 100]]
    )
    np.testing.assert_allclose(uncertainty.load_mw(0, eta)[:, :, 1], 100.0)
    np.testing.assert_allclose(uncertainty.available_mw(1, eta), [[[200, 200], [100, 100]]] * 2)


def test_the_tree_is_the_one_built_alone(make_system):
    system = everything(make_system)
    alone, bundled = build_opening_tree(system, 9), build_uncertainty(system, 9).tree
    for left, right in zip(alone.noise, bundled.noise, strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_system_without_anything_random_still_has_openings(make_system):
    uncertainty = build_uncertainty(make_system(1, 0, n_openings=2), 1)
    assert uncertainty.tree.noise[0].shape == (2, 0)
    assert uncertainty.load_mw(0, uncertainty.tree.noise[0]).shape == (2, 1, 1)
    assert uncertainty.available_mw(0, uncertainty.tree.noise[0]).shape == (2, 0, 1)


def test_warnings_of_all_parts_are_gathered(make_system):
    matrix = np.array([[1, 0.9, 0.5], [0.9, 1, 0.85], [0.5, 0.85, 1]])
    group = CorrelationGroup("rivers", NoiseClass.INFLOW, (0, 1, 2), matrix)
    uncertainty = build_uncertainty(
        make_system(1, 3, correlation=Correlation({"default": (group,)})), 1
    )
    assert any("negative eigenvalue" in warning for warning in uncertainty.warnings)
