from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import Correlation, CorrelationGroup, FactorMethod, LoadStatistics, NoiseClass
from headwater.stochastic import build_correlator, noise_layout
from headwater.stochastic.correlation import clipped_correlation, factorise, symmetric_root

C3 = np.array([[1, 0.75, 0.6], [0.75, 1, 0.7], [0.6, 0.7, 1]])
Z3 = np.array([0.5, -1.0, 2.0])


def group(matrix, entities=None, name="rivers", noise_class=NoiseClass.INFLOW):
    matrix = np.array(matrix, float)
    return CorrelationGroup(
        name, noise_class, tuple(range(len(matrix)) if entities is None else entities), matrix
    )


def correlator(system, *groups, **rest):
    system = replace(system, correlation=Correlation({"default": groups}, **rest))
    return build_correlator(system, noise_layout(system))


def test_the_symmetric_root_matches_its_published_digits():
    root, warning = factorise(C3, FactorMethod.SPECTRAL, "C")
    expected = [
        [0.887747237454, 0.377586404712, 0.263312265894],
        [0.377586404712, 0.861089081243, 0.340520338806],
        [0.263312265894, 0.340520338806, 0.902614286110],
    ]
    np.testing.assert_allclose(root, expected, atol=1e-12)
    np.testing.assert_allclose(
        root @ Z3, [0.592911745803, 0.008744798725, 1.596364366360], atol=1e-12
    )
    assert warning is None


def test_cholesky_matches_its_published_digits():
    lower, warning = factorise(C3, FactorMethod.CHOLESKY, "C")
    expected = [[1, 0, 0], [0.75, 0.661437827766, 0], [0.6, 0.377964473009, 0.705083581672]]
    np.testing.assert_allclose(lower, expected, atol=1e-12)
    np.testing.assert_allclose(lower @ Z3, [0.5, -0.286437827766, 1.332202690334], atol=1e-12)
    assert warning is None


def test_two_entities_with_correlation_of_four_fifths():
    matrix, z = np.array([[1, 0.8], [0.8, 1]]), np.array([1, -0.5])
    np.testing.assert_allclose(symmetric_root(matrix) @ z, [0.670820393250, 0.0], atol=1e-12)
    np.testing.assert_allclose(
        factorise(matrix, FactorMethod.CHOLESKY, "C")[0] @ z, [1.0, 0.5], atol=1e-12
    )


def test_a_matrix_of_ones_is_fine_and_its_root_is_flat():
    root, warning = factorise(np.ones((3, 3)), FactorMethod.SPECTRAL, "C")
    np.testing.assert_allclose(root, 0.577350269190, atol=1e-12)
    assert warning is None


def test_a_matrix_far_from_semidefinite_is_refused():
    matrix = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    for method in FactorMethod:
        with pytest.raises(ModelError, match=r"smallest eigenvalue is -0\.8"):
            factorise(matrix, method, "C")
    scaled = clipped_correlation(matrix)
    np.testing.assert_allclose(scaled, [[1, 0.5, -0.5], [0.5, 1, 0.5], [-0.5, 0.5, 1]], atol=1e-12)


def test_a_slightly_indefinite_matrix_is_clipped_keeps_unit_variances_and_is_reported():
    matrix = np.array([[1, 0.9, 0.5], [0.9, 1, 0.85], [0.5, 0.85, 1]])
    smallest = np.linalg.eigvalsh(matrix)[0]
    assert -0.1 < smallest < 0
    for method in FactorMethod:
        root, warning = factorise(matrix, method, "C")
        np.testing.assert_allclose(np.diag(root @ root.T), 1.0, atol=1e-12)
        assert np.abs(root @ root.T - matrix).max() < 0.05
        assert "negative eigenvalue" in warning
        assert ("instead of Cholesky" in warning) == (method is FactorMethod.CHOLESKY)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 0.5], [0.4, 1]], "not symmetric"),
        ([[1, 0.5], [0.5, 0.9]], "ones on its diagonal"),
        ([[1, 1.5], [1.5, 1]], r"outside \[-1, 1\]"),
        ([[1, np.nan], [np.nan, 1]], "not finite"),
        ([[1, 0.5, 0], [0.5, 1, 0]], "matrix of shape"),
    ],
)
def test_malformed_matrices_are_refused_with_the_name_of_their_group(make_system, matrix, message):
    with pytest.raises(ModelError, match=f"'rivers' of profile 'default'.*{message}"):
        correlator(make_system(n_hydros=2), group(matrix, (0, 1)))


def test_unknown_and_repeated_entities_are_refused(make_system):
    system = make_system(n_hydros=2)
    with pytest.raises(ModelError, match="inflow 7, which does not exist"):
        correlator(system, group(np.eye(2), (0, 7)))
    with pytest.raises(ModelError, match="inflow 0 is already in group 'rivers'"):
        correlator(system, group(np.eye(2)), group(np.eye(1), (0,), name="again"))
    with pytest.raises(ModelError, match="inflow 1 is already"):
        correlator(system, group(np.eye(2), (1, 1)))


def test_a_hydro_and_a_bus_with_one_number_are_different_entities(make_system):
    system = make_system(1, 1, load_statistics=(LoadStatistics(0, 0, 10.0, 1.0),))
    built = correlator(
        system, group(np.eye(1)), group(np.eye(1), name="loads", noise_class=NoiseClass.LOAD)
    )
    assert [g.entries.tolist() for g in built.groups[0]] == [[0], [1]]


def test_a_bus_with_certain_load_drops_out_of_its_group(make_system):
    loads = tuple(LoadStatistics(b, 0, 10.0, std) for b, std in enumerate((1.0, 0.0, 1.0)))
    system = make_system(1, 1, n_buses=3, load_statistics=loads)
    built = correlator(system, group(C3, noise_class=NoiseClass.LOAD))
    (factor,) = built.groups[0]
    assert factor.entries.tolist() == [1, 2]
    np.testing.assert_allclose(factor.factor @ factor.factor.T, [[1, 0.6], [0.6, 1]], atol=1e-12)


def test_the_schedule_decides_the_profile_of_a_stage(make_system):
    wet, dry = (group([[1, 0.8], [0.8, 1]]),), (group([[1, -0.2], [-0.2, 1]]),)
    system = replace(
        make_system(3, 2), correlation=Correlation({"default": dry, "wet": wet}, {1: "wet"})
    )
    built = build_correlator(system, noise_layout(system))
    covariance = [float((g[0].factor @ g[0].factor.T)[0, 1]) for g in built.groups]
    assert covariance == pytest.approx([-0.2, 0.8, -0.2])


def test_profiles_must_serve_every_stage(make_system):
    base = make_system(2, 1)
    one = (group(np.eye(1)),)

    def build(profiles, schedule):
        system = replace(base, correlation=Correlation(profiles, schedule))
        return build_correlator(system, noise_layout(system))

    assert len(build({"any name": one}, {}).groups[1]) == 1
    assert len(build({"a": one, "b": one}, {0: "a", 1: "b"}).groups[1]) == 1
    with pytest.raises(ModelError, match="stage 1 has no correlation profile"):
        build({"a": one, "b": one}, {0: "a"})
    with pytest.raises(ModelError, match="unknown profile 'c'"):
        build({"a": one}, {0: "c"})
    with pytest.raises(ModelError, match="stage 9"):
        build({"a": one}, {9: "a"})
    with pytest.raises(ModelError, match="no profile"):
        build({}, {})


def test_rows_do_not_depend_on_the_batch_they_are_correlated_in(make_system):
    n = 11
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    built = correlator(make_system(1, n + 1), group(0.8**distance))
    draws = np.random.default_rng(0).standard_normal((200, n + 1))
    together = built.apply(0, draws)
    for start, stop in ((0, 1), (3, 7), (100, 200)):
        np.testing.assert_array_equal(built.apply(0, draws[start:stop]), together[start:stop])
    root = symmetric_root(0.8**distance)
    np.testing.assert_allclose(together[:, :n], draws[:, :n] @ root.T, atol=1e-12)
    np.testing.assert_array_equal(together[:, n], draws[:, n])  # in no group
