"""Products with many vectors have the bits of compiled code, which multiplies with one."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from headwater.sddp.kernels.trial_kernel import Matrix, multiply
from headwater.sddp.stage.sparse_products import multiply_each


def random_matrix(
    rng: np.random.Generator, shape: tuple[int, int], share: float
) -> tuple[Matrix, np.ndarray]:
    """A matrix with entries of many magnitudes, some rows full and some empty, and
    the same as a dense array.
    """
    dense = (
        rng.normal(size=shape) * 10.0 ** rng.integers(-8, 9, shape) * (rng.random(shape) < share)
    )
    dense[: shape[0] // 4] = 0.0
    dense[-1:] = rng.normal(size=(min(shape[0], 1), shape[1]))
    sparse = sp.csr_array(dense)
    return Matrix(
        sparse.indptr.astype(np.int32), sparse.indices.astype(np.int32), sparse.data
    ), dense


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (40, 25), (0, 4), (5, 0)])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_many_products_are_those_of_compiled_code_to_the_last_bit(
    shape: tuple[int, int], share: float
):
    rng = np.random.default_rng(20260501)
    matrix, dense = random_matrix(rng, shape, share)
    vectors = rng.normal(size=(6, shape[1])) * 10.0 ** rng.integers(-8, 9, (6, shape[1]))
    products = multiply_each(matrix, vectors)
    one = np.empty(shape[0])
    for vector, product in zip(vectors, products, strict=True):
        multiply(matrix, vector, one)
        assert one.tobytes() == product.tobytes()
        np.testing.assert_allclose(
            product, dense @ vector, rtol=1e-9, atol=1e-9 * np.abs(dense).max(initial=1.0) * 1e9
        )
