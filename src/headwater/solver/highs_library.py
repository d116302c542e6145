"""The C library of HiGHS: found, checked, and made callable from Python and from compiled code.

It is looked for in this order; what does not load or does not suit is remembered, and the next
place is tried:

1. the file that the environment variable ``HEADWATER_HIGHS_LIBRARY`` names, and then nowhere else;
2. the package ``highsbox``, a distribution of this library;
3. beside the package ``highspy``, some versions of which bring it;
4. the environment of conda or of this Python, and where the system looks for libraries.

Compiled code calls the library by symbol: each address is registered under a name of our own, so
that functions that use it can be cached on disk across processes and library copies (a captured
pointer could not).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from headwater.errors import SolverError

SYMBOL_PREFIX = "headwater_"
"""Prefix of the names that compiled code uses for the library's functions."""

LIBRARY_VARIABLE = "HEADWATER_HIGHS_LIBRARY"
"""Environment variable that names the library to use."""

LOWEST_VERSION = (1, 11, 0)
"""Oldest HiGHS with which the tests of the solver pass; see CONTRIBUTING.md."""

_WHAT_TO_DO = (
    f"install one with 'pip install highsbox', or name the file of a HiGHS library "
    f"{LOWEST_VERSION[0]}.{LOWEST_VERSION[1]} or later in {LIBRARY_VARIABLE}"
)

_FILE_NAMES = {
    "win32": re.compile(r"(lib)?highs(-[\w.]+)?\.dll", re.IGNORECASE),
    "darwin": re.compile(r"libhighs(-[0-9a-f]+)?(\.[\d.]+)?\.dylib"),
}
_OTHER_FILE_NAMES = re.compile(r"libhighs(-[0-9a-f]+)?\.so(\.[\d.]+)?")
_BARE_NAMES = {"win32": ("highs.dll",), "darwin": ("libhighs.1.dylib", "libhighs.dylib")}
_OTHER_BARE_NAMES = ("libhighs.so.1", "libhighs.so")

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
    "Highs_addRows": (
        _INT,
        [_POINTER, _INT, _POINTER, _POINTER, _INT, _POINTER, _POINTER, _POINTER],
    ),
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
    """The library, with its functions registered for compiled code.

    Raises:
        SolverError: none was found that can be used; the message says what was looked for, where,
            and what to install.
    """
    from headwater.solver.compiled import private  # loads NumPy, which the version does without

    library = _found().library
    for name in _SIGNATURES:
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        private().add_symbol(SYMBOL_PREFIX + name, address)
    return library


def highs_version() -> str:
    """Name and version of the solver, e.g. ``HiGHS 1.15.1``; the compiler is not loaded for it.

    Raises:
        SolverError: as `highs_library`.
    """
    return f"HiGHS {_written(_found().version)}"


@dataclass(frozen=True)
class LoadedLibrary:
    """A library that suits.

    Attributes:
        library: with the types of its functions declared.
        version: major, minor and patch.
        name: the file, or the name by which the system found it.
    """

    library: ctypes.CDLL
    version: tuple[int, int, int]
    name: str


@lru_cache(maxsize=1)
def _found() -> LoadedLibrary:
    return find_library(os.environ, places_to_look(os.environ))


@dataclass(frozen=True)
class Place:
    """Where the library may be.

    Attributes:
        name: what the place is called in messages.
        candidates: files or names in it, the best first.
        remark: what to say when there are none.
    """

    name: str
    candidates: tuple[str, ...]
    remark: str


def find_library(
    environment: Mapping[str, str],
    places: Iterable[Place],
    open_library: Callable[[str], Any] = ctypes.CDLL,
) -> LoadedLibrary:
    """Take the library that the environment names.

    Else the first of the places that loads and suits.

    Args:
        environment: environment variables.
        places: in the order of preference.
        open_library: loads a file.

    Raises:
        SolverError: the one that was named does not suit, or no place has one that does.
    """
    named = environment.get(LIBRARY_VARIABLE, "")
    if named:
        try:
            return _opened(named, open_library)
        except _UnsuitableError as error:
            raise SolverError(
                f"the HiGHS library '{named}', which {LIBRARY_VARIABLE} names, cannot be used: "
                f"{error}; correct the variable, or unset it to have the library looked for"
            ) from None
    looked = [f"{LIBRARY_VARIABLE}: not set"]
    for place in places:
        if not place.candidates:
            looked.append(f"{place.name}: {place.remark}")
        for candidate in place.candidates:
            try:
                return _opened(candidate, open_library)
            except _UnsuitableError as error:
                looked.append(f"{place.name}: {candidate}: {error}")
    found_nothing = "\n".join(
        [
            "no HiGHS library was found that can be used; this was tried:",
            *(f"  - {line}" for line in looked),
        ]
    )
    raise SolverError(f"{found_nothing}\n{_WHAT_TO_DO}")


class _UnsuitableError(Exception):
    """A candidate does not load or does not suit; the text says why."""


def _opened(candidate: str, open_library: Callable[[str], Any]) -> LoadedLibrary:
    try:
        library = open_library(candidate)
    except OSError as error:
        raise _UnsuitableError(f"does not load ({error})") from None
    missing = []
    for name, (result, arguments) in _SIGNATURES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            missing.append(name)
            continue
        function.restype, function.argtypes = result, arguments
    if missing:
        raise _UnsuitableError(f"has no function {', '.join(missing)}")
    version = (
        library.Highs_versionMajor(),
        library.Highs_versionMinor(),
        library.Highs_versionPatch(),
    )
    if version < LOWEST_VERSION:
        raise _UnsuitableError(
            f"is version {_written(version)}; {_written(LOWEST_VERSION)} or later is needed"
        )
    handle = library.Highs_create()
    integer_size = library.Highs_getSizeofHighsInt(handle)
    library.Highs_destroy(handle)
    if integer_size != 4:
        raise _UnsuitableError(
            f"uses {8 * integer_size}-bit indices; the build with 32-bit indices is needed"
        )
    return LoadedLibrary(library, version, candidate)


def places_to_look(environment: Mapping[str, str], platform: str = sys.platform) -> Iterator[Place]:
    """Where the library may be, the best place first; each is looked into when its turn comes.

    Args:
        environment: environment variables, of which ``CONDA_PREFIX`` matters.
        platform: as ``sys.platform``.
    """
    yield _packaged("highsbox", platform)
    yield _packaged("highspy", platform)
    roots = [("conda", environment["CONDA_PREFIX"])] if environment.get("CONDA_PREFIX") else []
    roots += [("this Python", prefix) for prefix in dict.fromkeys((sys.prefix, sys.base_prefix))]
    for name, root in roots:
        yield _place(name, [Path(root) / part for part in ("lib", "Library/bin")], platform)
    yield _system(platform)


def _packaged(package: str, platform: str) -> Place:
    """The place of a library that a package brings."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return Place(package, (), "is not installed")
    homes = [Path(home) for home in spec.submodule_search_locations]
    # Tools that repair wheels put libraries into a directory beside the package.
    directories = [
        directory
        for home in homes
        for directory in (
            *(home / "highs_dist" / part for part in ("lib", "lib64", "bin")),
            home,
            *(home / part for part in ("lib", "lib64", "bin", ".libs", ".dylibs")),
            home.with_name(f"{package}.libs"),
        )
    ]
    return _place(package, directories, platform)


def _place(name: str, directories: Iterable[Path], platform: str) -> Place:
    """A place made of directories; of several spellings of one file the plainest is taken."""
    pattern = _FILE_NAMES.get(platform, _OTHER_FILE_NAMES)
    chosen: dict[Path, str] = {}
    searched = []
    for directory in directories:
        if directory.is_dir():
            searched.append(str(directory))
            for file in sorted(directory.iterdir(), key=lambda file: (len(file.name), file.name)):
                if pattern.fullmatch(file.name) and file.is_file():
                    chosen.setdefault(file.resolve(), str(file))
    return Place(
        name,
        tuple(chosen.values()),
        f"no HiGHS library in {', '.join(searched) or 'its directories'}",
    )


def _system(platform: str) -> Place:
    """What the system's loader knows by name.

    Its own directories and those that the user added to its path.
    """
    known = ctypes.util.find_library("highs")
    names = dict.fromkeys(
        [*([known] if known else []), *_BARE_NAMES.get(platform, _OTHER_BARE_NAMES)]
    )
    return Place("the system", tuple(names), "knows none")


def _written(version: tuple[int, int, int]) -> str:
    return ".".join(str(part) for part in version)
