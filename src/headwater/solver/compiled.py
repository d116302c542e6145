"""How the engine's compiled functions are declared.

Without the interpreter's lock, kept on disk, made when first used.

Nothing of the compiler is loaded by declaring a function: it is when the first one is called or
compiled into another.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

from headwater.solver.code_cache import CodeCache, wanted_folder
from headwater.solver.shipped_code import Level, place

if TYPE_CHECKING:
    from headwater.solver.numba_private import StoredCode

_PACKAGE = Path(__file__).parent.parent
_IMPORT = re.compile(r"^ *(?:from|import) headwater\.([\w.]+)", re.MULTILINE)

Index = np.uint32
"""Type of the indices in the kernels' own arrays, and cast of others where loops are hot.

A signed index may count from the end, so compiled code asks for its sign at every access; an
unsigned one goes straight to memory. Numbers that may be negative, and differences, stay signed.
"""


Function = Callable[..., Any]
"""A function as it is written."""

_declared: list[Compiled] = []


class Compiled:
    """A function that is compiled when it is first called, by the interpreter or by compiled code.

    Args:
        function: what is compiled.
        inlined: whether it becomes part of the only function that calls it.
        counts_references: whether it makes arrays.
    """

    def __init__(
        self, function: Function, *, inlined: bool = False, counts_references: bool = False
    ) -> None:
        self.py_func = function
        self.__name__, self.__doc__, self.__module__ = (
            function.__name__,
            function.__doc__,
            function.__module__,
        )
        self.__wrapped__ = function
        self.inlined = inlined
        self._counts_references = counts_references
        self._call: Function = self._first_call

    def __call__(self, *arguments: Any) -> Any:
        """Call what is compiled."""
        return self._call(*arguments)

    def _first_call(self, *arguments: Any) -> Any:
        self._call = self.dispatcher
        return self._call(*arguments)

    @cached_property
    def dispatcher(self) -> Any:
        """What Numba makes of the function."""
        from headwater.solver.numba_private import make_dispatcher

        return make_dispatcher(
            self.py_func,
            inlined=self.inlined,
            counts_references=self._counts_references,
            stored=stored_code(self.py_func),
        )

    @property
    def targetoptions(self) -> Any:
        """Numba's options, by which it sees what is to be inlined."""
        return self.dispatcher.targetoptions

    @property
    def _numba_type_(self) -> Any:
        """What compiled code that calls the function sees."""
        return self.dispatcher._numba_type_


def compiled(function: Function, *, inlined: bool = False, counts_references: bool = False) -> Any:
    """Compile a kernel function that allocates nothing.

    Counting references to arrays costs more than the arithmetic of a pivot, and a function that
    neither makes nor keeps arrays does not need it. A Numba that cannot leave it out compiles the
    function with it.

    Args:
        function: what is compiled.
        inlined: whether it becomes part of the only function that calls it; otherwise it is
            compiled by itself as well.
        counts_references: for a function that does make arrays.
    """
    made = Compiled(function, inlined=inlined, counts_references=counts_references)
    if function.__module__.startswith("headwater."):
        _declared.append(made)
    return made


def declared() -> list[Compiled]:
    """The compiled functions of the package, as far as it is imported."""
    return list(_declared)


class InCode:
    """Something that only compiled code uses and that is made when it first does.

    Args:
        make: makes it out of what `headwater.solver.numba_private` offers.
    """

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make

    @cached_property
    def _numba_type_(self) -> Any:
        self._kept = self._make(private())
        return private().type_in_code(self._kept)


def private() -> Any:
    """`headwater.solver.numba_private`, which loads the compiler."""
    return import_module("headwater.solver.numba_private")


class Native:
    """A compiled function that is called at its address.

    Other compiled functions then hold no copy of it.

    Args:
        function: allocates nothing.
        signature: makes its signature, in Numba's types.
    """

    def __init__(self, function: Function, signature: Callable[[], Any]) -> None:
        self.function = function
        self._signature = signature

    @cached_property
    def address(self) -> int:
        """Where it begins; it is compiled, or read from disk, when this is first asked."""
        from headwater.solver.numba_private import c_address

        # others' functions may use what no stamp of their own file tells of, so their code is not
        # kept
        own = self.function.__module__.startswith("headwater.")
        stored = stored_code(self.function) if own else None
        address, self._owner = c_address(self.function, self._signature(), stored)
        return address

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """Let a function that does nothing stand in for it.

        For callers that are compiled but have nothing to solve.
        """
        nothing = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(
            lambda _first, _second: None
        )
        kept = self.__dict__.get("address")
        self.__dict__["address"] = ctypes.cast(nothing, ctypes.c_void_p).value
        try:
            yield
        finally:
            del self.__dict__["address"]
            if kept is not None:
                self.__dict__["address"] = kept


# -- where code is kept ----------------------------------------------------------------------------


@lru_cache(maxsize=1)
def code_cache() -> CodeCache:
    """The compiled code of these sources, this compiler and this processor."""
    from headwater.solver.numba_private import environment_key

    return CodeCache(_key(environment_key()), wanted_folder(), _shipped_folder())


def key_of_shipped(level: Level) -> str:
    """The key of shipped code of these sources and this compiler for a level of processors."""
    from headwater.solver.numba_private import key_of_level

    return _key(key_of_level(level))


def _shipped_folder() -> Path | None:
    """Where the code lies that was shipped for the highest level that this machine can run."""
    from headwater.solver.numba_private import levels_here

    root = place()
    if root is None:
        return None
    found = (root / level.name / key_of_shipped(level) for level in levels_here())
    return next((folder for folder in found if folder.is_dir()), None)


def _key(environment: str) -> str:
    digest = hashlib.sha256(environment.encode())
    for path in _sources():
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:32]


@lru_cache(maxsize=1)
def _sources() -> list[Path]:
    """The kernels' files, what makes code of them, and all of the package that they import.

    Its constants are in the code.
    """
    found: set[Path] = set()
    pending = {*_PACKAGE.glob("**/*kernel*.py"), Path(__file__).with_name("numba_private.py")}
    while pending:
        path = pending.pop()
        found.add(path)
        for module in _IMPORT.findall(path.read_text(encoding="utf-8")):
            imported = _PACKAGE.joinpath(*module.split("."))
            pending.update({imported.with_suffix(".py"), imported / "__init__.py"} - found)
        pending = {one for one in pending if one.is_file()}
    return sorted(found)


@lru_cache
def _digest_of(file: str) -> str:
    path = Path(file)
    return (
        ""
        if path in _sources() or not path.is_file()
        else hashlib.sha256(path.read_bytes()).hexdigest()
    )


def stored_code(function: Function) -> StoredCode:
    """Where the code of a function is kept.

    It is told apart by its place, its own code, and the types of its arguments.
    """
    from headwater.solver.numba_private import StoredCode

    code = function.__code__

    def name(signature: object) -> str:
        digest = hashlib.sha256(
            repr((str(signature), code.co_code, _digest_of(code.co_filename))).encode()
        )
        short = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__qualname__}".replace(
            "<", ""
        ).replace(">", "")
        return f"{short[-80:]}-{digest.hexdigest()[:20]}"

    return StoredCode(function, name, code_cache)


def called(function: Function) -> list[Function]:
    """A function and all compiled functions that it calls, directly or through others."""
    found = {function: None}
    pending = [function]
    while pending:
        for value in _named_values(pending.pop()):
            inner = value.py_func if isinstance(value, Compiled) else None
            if inner is not None and inner not in found:
                found[inner] = None
                pending.append(inner)
    return list(found)


def _named_values(function: Function) -> Iterator[Any]:
    code: CodeType = function.__code__
    outside = function.__globals__
    yield from (outside[name] for name in code.co_names if name in outside)
    yield from (cell.cell_contents for cell in function.__closure__ or ())


_unliteral = InCode(lambda numba: numba.without_literal())


@compiled
def plain(value: Any) -> Any:
    """A constant as a value like any other.

    A function is compiled once more for every constant that it is called with.
    """
    unliteral: Any = _unliteral
    return unliteral(value)
