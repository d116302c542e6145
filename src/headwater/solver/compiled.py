"""How the solver's compiled functions are declared: without the interpreter's lock, cached on disk, without reference counts.

Numba caches a function by the time stamp of its own file. Kernels call each other across files, so their cache is stamped here
with a digest of all kernel files: a change in any of them recompiles all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

_FOLDER = Path(__file__).parent

Index = np.uint32
"""Type of the indices in the kernels' own arrays, and cast of others where loops are hot.

A signed index may count from the end, so compiled code asks for its sign at every access; an unsigned one goes straight to
memory. Numbers that may be negative, and differences, stay signed.
"""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a kernel function that allocates nothing.

    Counting references to arrays costs more than the arithmetic of a pivot, and a function that neither makes nor keeps arrays
    does not need it. A Numba that cannot leave it out compiles the function with it.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    decorate: Any = njit
    try:
        dispatcher = decorate(**options, _nrt=False)(function)
    except (KeyError, TypeError):
        dispatcher = decorate(**options)(function)
    dispatcher.enable_caching()
    # the index of cached versions on disk is thrown away when its stamp differs
    index: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if hasattr(index, "_source_stamp"):
        index._source_stamp = _digest()
    return dispatcher


@lru_cache(maxsize=1)
def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.glob("*kernel*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_cached(dispatcher: Any) -> bool:
    """Whether a compiled version of a kernel function lies on disk; where Numba does not tell, it is taken to."""
    index: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    try:
        return bool(index._load_index())
    except (AttributeError, OSError):
        return True
