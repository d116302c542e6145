"""How the solver's compiled functions are declared: without the interpreter's lock, cached on disk, without reference counts.

Numba caches a function by the time stamp of its own file. Kernels call each other across files, so their cache is stamped here
with a digest of all kernel files: a change in any of them recompiles all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit, types
from numba.core.ccallback import CFunc
from numba.extending import intrinsic

_PACKAGE = Path(__file__).parent.parent

Index = np.uint32
"""Type of the indices in the kernels' own arrays, and cast of others where loops are hot.

A signed index may count from the end, so compiled code asks for its sign at every access; an unsigned one goes straight to
memory. Numbers that may be negative, and differences, stay signed.
"""


def compiled(function: Callable[..., Any], *, inlined: bool = False) -> Any:
    """Compile a kernel function that allocates nothing.

    Counting references to arrays costs more than the arithmetic of a pivot, and a function that neither makes nor keeps arrays
    does not need it. A Numba that cannot leave it out compiles the function with it.

    Args:
        function: what is compiled.
        inlined: whether it becomes part of the only function that calls it; otherwise it is compiled by itself as well.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", **({"inline": "always"} if inlined else {})}
    decorate: Any = njit
    try:
        dispatcher = decorate(**options, _nrt=False)(function)
    except (KeyError, TypeError):
        dispatcher = decorate(**options)(function)
    _cache_by_digest(dispatcher)
    return dispatcher


def _cache_by_digest(function: Any) -> None:
    """Let compiled versions be kept on disk; they are thrown away when the stamp of their index differs."""
    function.enable_caching()
    index: Any = getattr(getattr(function, "_cache", None), "_cache_file", None)
    if hasattr(index, "_source_stamp"):
        index._source_stamp = _digest()


class Native:
    """A compiled function that other compiled functions call at its address instead of holding a copy of it.

    Args:
        function: allocates nothing.
        signature: in Numba's types.
    """

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        self._function = function
        self._signature = signature

    @cached_property
    def address(self) -> int:
        """Where it begins; it is compiled, or read from disk, when this is first asked."""
        callback = self._callback
        callback.compile()
        address: int = callback.address
        return address

    @property
    def is_cached(self) -> bool:
        """Whether it lies compiled on disk."""
        return is_cached(self._callback)

    @cached_property
    def _callback(self) -> Any:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
        callback = CFunc(self._function, (self._signature.args, self._signature.return_type), locals={}, options=options)
        _cache_by_digest(callback)
        return callback


@lru_cache(maxsize=1)
def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.glob("*/*kernel*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_cached(dispatcher: Any) -> bool:
    """Whether a compiled version of a kernel function lies on disk; where Numba does not tell, it is taken to."""
    index: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    try:
        return bool(index._load_index())
    except (AttributeError, OSError):
        return True


@intrinsic
def _unliteral(_typing_context: Any, value: Any) -> Any:
    unliteral: Any = types.unliteral
    kind = unliteral(value)

    def generate(_context: Any, _builder: Any, _signature: Any, arguments: Any) -> Any:
        return arguments[0]

    return kind(kind), generate


@compiled
def plain(value: Any) -> Any:
    """A constant as a value like any other: a function is compiled once more for every constant that it is called with."""
    unliteral: Any = _unliteral
    return unliteral(value)
