"""The C library of HiGHS as shipped with ``highspy``: found, checked, and made callable from Python and from compiled code.

Compiled code calls the library by symbol: each address is registered under a name of our own, so that functions that use it can
be cached on disk across processes and library copies (a captured pointer could not).
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from headwater.errors import SolverError

SYMBOL_PREFIX = "headwater_"
"""Prefix of the names that compiled code uses for the library's functions."""

_LIBRARY_NAMES = {"linux": "libhighs.so*", "darwin": "libhighs*.dylib"}
_POINTER, _INT, _DOUBLE = ctypes.c_void_p, ctypes.c_int, ctypes.c_double

_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "Highs_create": (_POINTER, []),
    "Highs_destroy": (None, [_POINTER]),
    "Highs_versionMajor": (_INT, []),
    "Highs_versionMinor": (_INT, []),
    "Highs_versionPatch": (_INT, []),
    "Highs_getSizeofHighsInt": (_INT, [_POINTER]),
    "Highs_setBoolOptionValue": (_INT, [_POINTER, ctypes.c_char_p, _INT]),
    "Highs_setIntOptionValue": (_INT, [_POINTER, ctypes.c_char_p, _INT]),
    "Highs_setDoubleOptionValue": (_INT, [_POINTER, ctypes.c_char_p, _DOUBLE]),
    "Highs_setStringOptionValue": (_INT, [_POINTER, ctypes.c_char_p, ctypes.c_char_p]),
    "Highs_passLp": (_INT, [_POINTER, _INT, _INT, _INT, _INT, _INT, _DOUBLE] + [_POINTER] * 8),
    "Highs_addRows": (_INT, [_POINTER, _INT, _POINTER, _POINTER, _INT, _POINTER, _POINTER, _POINTER]),
    "Highs_deleteRowsByRange": (_INT, [_POINTER, _INT, _INT]),
    "Highs_clearSolver": (_INT, [_POINTER]),
    "Highs_setBasis": (_INT, [_POINTER, _POINTER, _POINTER]),
    "Highs_getBasis": (_INT, [_POINTER, _POINTER, _POINTER]),
    "Highs_changeRowsBoundsByRange": (_INT, [_POINTER, _INT, _INT, _POINTER, _POINTER]),
    "Highs_run": (_INT, [_POINTER]),
    "Highs_getRunTime": (_DOUBLE, [_POINTER]),
    "Highs_getModelStatus": (_INT, [_POINTER]),
    "Highs_getSolution": (_INT, [_POINTER, _POINTER, _POINTER, _POINTER, _POINTER]),
    "Highs_getDualRay": (_INT, [_POINTER, _POINTER, _POINTER]),
}


@lru_cache(maxsize=1)
def highs_library() -> ctypes.CDLL:
    """Load the library once, check it, and register its functions for compiled code.

    Raises:
        SolverError: no library on this platform, a missing function, or 64-bit indices.
    """
    path = _library_path()
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _SIGNATURES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise SolverError(f"the HiGHS library {path.name} has no function {name}; install highspy 1.10 or later") from None
        function.restype, function.argtypes = result, arguments
        address = ctypes.cast(function, ctypes.c_void_p).value
        llvm.add_symbol(SYMBOL_PREFIX + name, address)
    handle = library.Highs_create()
    integer_size = library.Highs_getSizeofHighsInt(handle)
    library.Highs_destroy(handle)
    if integer_size != 4:
        raise SolverError(f"the HiGHS library uses {8 * integer_size}-bit indices; Headwater needs the 32-bit build")
    return library


@lru_cache(maxsize=1)
def highs_version() -> str:
    """Name and version of the solver, e.g. ``HiGHS 1.15.1``."""
    library = highs_library()
    return f"HiGHS {library.Highs_versionMajor()}.{library.Highs_versionMinor()}.{library.Highs_versionPatch()}"


def _library_path() -> Path:
    pattern = _LIBRARY_NAMES.get(sys.platform)
    if pattern is None:
        raise SolverError(
            f"the highspy wheel ships no HiGHS library for the platform '{sys.platform}' (Linux and macOS have one)"
        )
    for file in importlib.metadata.files("highspy") or []:
        if file.match(pattern):
            path = Path(str(file.locate()))
            if path.is_file():
                return path
    raise SolverError("the HiGHS library was not found inside the highspy package; reinstall it with 'pip install highspy'")
