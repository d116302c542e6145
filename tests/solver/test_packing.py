"""Arrays that compiled code is handed as one block of memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headwater.sddp.kernels.trial_kernel import Matrix, RiskArrays
from headwater.solver.compiled import compiled
from headwater.solver.packing_kernel import Packing

Given = tuple[Matrix, RiskArrays, int]


def given(rows: int = 2) -> Given:
    """Types of the package alone.

    Compiled functions are kept on disk by the types of their arguments.
    """
    matrix = Matrix(
        np.arange(3, dtype=np.int32), np.arange(4, dtype=np.int32), np.arange(3.0 * rows)
    )
    return matrix, RiskArrays(np.ones(2), np.full(1, 2.5), 3), 7


PACKING = Packing(given(1))
read = PACKING.unpack


@compiled
def summed(block):
    matrix, risk, count = read(block)
    total = risk.parameters[0] + risk.address - 3 + count
    for i in range(matrix.values.shape[0]):
        total += matrix.values[i]
    for k in range(matrix.indices.shape[0]):
        total += matrix.indices[k]
    return total


def test_compiled_code_sees_the_arrays_themselves():
    packed = PACKING.pack(given(4))
    assert summed(packed.block) == 2.5 + 7 + 66 + 6
    packed.value[0].values[0] = 100.0
    assert summed(packed.block) == 2.5 + 7 + 166 + 6


def test_a_block_may_be_written_again():
    blocks = np.zeros((2, PACKING.size), np.uint8)
    first, second = given(1), (given(2)[0], RiskArrays(np.ones(1), np.full(1, 0.5), 3), 8)
    PACKING.write(first, blocks[1])
    PACKING.write(second, blocks[1])
    assert summed(blocks[1]) == 0.5 + 8 + 15 + 6


def test_what_has_changed_of_a_tuple_can_be_written_alone():
    matrix, risk, _ = given(4)
    first = PACKING.pack((matrix, risk, 7))
    other = (matrix._replace(values=np.arange(3.0)), risk._replace(address=5), 9)
    second = PACKING.renew(other, first)
    assert summed(first.block) == 2.5 + 7 + 66 + 6
    assert summed(second.block) == 2.5 + 2 + 9 + 3 + 6
    assert second.block.tolist() == PACKING.pack(other).block.tolist()
    wrong = (matrix._replace(values=np.arange(3, dtype=np.int32)), risk, 7)
    with pytest.raises(TypeError, match="another array"):
        PACKING.update(wrong, other, second.block)


@pytest.mark.parametrize(
    "other",
    [
        (given()[0]._replace(values=np.zeros(3, np.float32)), *given()[1:]),
        (given()[0]._replace(values=np.zeros((3, 1))), *given()[1:]),
        (given()[0]._replace(values=np.zeros(6)[::2]), *given()[1:]),
        (given()[0], given()[1]._replace(address=2.0), 7),
        (*given()[:2], 7.0),
        given()[:2],
    ],
)
def test_what_compiled_code_would_read_wrongly_is_refused(other: Any):
    with pytest.raises(TypeError, match="holds other arrays"):
        PACKING.pack(other)
