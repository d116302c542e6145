"""Where large arrays live that every rank holds alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

_ALIGNMENT = 64


def aligned_empty(shape: tuple[int, int]) -> Matrix:
    """A float64 matrix that starts on a 64-byte boundary; untouched pages cost no memory."""
    import numpy as np  # the command line needs to know its rank before it needs numbers

    size = shape[0] * shape[1]
    raw = np.empty(size + _ALIGNMENT // 8, np.float64)
    shift = (-raw.ctypes.data % _ALIGNMENT) // 8
    return raw[shift : shift + size].reshape(shape)


class Memory:
    """Memory of the process itself: every rank has a copy of its own.

    Attributes:
        is_shared: whether the ranks of a node see one copy.
    """

    is_shared = False

    def matrix(self, shape: tuple[int, int]) -> Matrix:
        """A matrix with any content; all ranks call."""
        return aligned_empty(shape)

    def put(self, target: Matrix, values: Matrix) -> None:
        """Write ``values``, the same on all ranks, to a part of a matrix that was made here.

        All ranks call.
        """
        target[:] = values


OWN_MEMORY = Memory()
"""The memory of this process."""
