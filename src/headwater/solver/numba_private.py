"""All that Headwater uses of Numba and llvmlite beyond their documented interface.

`headwater.solver.numba_self_test` tries it and says in words what an installed release does not do
any more.

What is used, and what happens without it:

* functions compiled without counting references to arrays (else: with it, which is slower);
* code generated once for a whole program of functions instead of once more for every function that
  calls another (else: as Numba does by itself, which takes twice as long to compile), and closed to
  other callers, so that its parts are handed what they look at alone (else: open, which is slower);
* C functions at an address (nothing works without it);
* compiled code taken apart and put together again, to be kept on disk (else: compiled in every
  process);
* blocks of memory read and written as tuples of arrays, atomic operations, and symbols of libraries
  (nothing works without).
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from headwater.solver.code_cache import CodeCache
from headwater.solver.shipped_code import LEVELS, OWN_PROCESSOR, Level
from headwater.solver.system_functions import addresses

OLDEST, NEWEST, FIRST_UNKNOWN = "0.61", "0.68", "0.69"
"""Releases of Numba that this module was tested with, and the first that it was not."""

logger = logging.getLogger(__name__)

Watcher = Callable[[Callable[..., Any], bool], None]
"""Is told of each function that was compiled, and whether as a whole program with all that it
calls.
"""

_watchers: list[Watcher] = []


@contextlib.contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell of every function that this process compiles."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def _tell(function: Callable[..., Any], whole: bool) -> None:
    for watcher in _watchers:
        watcher(function, whole)


# -- what compiled code depends on besides its sources ---------------------------------------------


_SILENT = (
    "NUMBA_CACHE_DIR",
    "NUMBA_DEBUG_CACHE",
    "NUMBA_NUM_THREADS",
    "NUMBA_WARNINGS",
    "NUMBA_DISABLE_PERFORMANCE_WARNINGS",
)
"""Flags of Numba that change no code."""


def environment_key() -> str:
    """Versions, processor and flags that compiled code depends on, as a text."""
    return repr(
        (
            sys.implementation.cache_tag, numba.__version__, llvmlite.__version__,
            llvm.llvm_version_info, np.__version__, llvm.get_process_triple(),
            llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), _flags(_SILENT),
        )
    )  # fmt: skip


def key_of_level(level: Level) -> str:
    """The same for code that is shipped for a level of processors.

    It does not depend on the processor at hand, nor on what changes no code: the last numbers of
    the versions of NumPy and llvmlite, and the version of the system.
    """
    silent = (*_SILENT, *OWN_PROCESSOR, "NUMBA_DISABLE_INTEL_SVML")
    return repr(
        (
            sys.implementation.cache_tag, numba.__version__, _numbers(llvmlite.__version__),
            llvm.llvm_version_info, _numbers(np.__version__), sys.platform, level.name,
            _flags(silent),
        )
    )  # fmt: skip


def levels_here() -> list[Level]:
    """The levels whose code this machine can run, the highest first."""
    architecture = llvm.get_process_triple().split("-")[0]
    features = llvm.get_host_cpu_features()
    return [level for level in LEVELS if level.runs_on(architecture, features)]


def _flags(silent: tuple[str, ...]) -> list[tuple[str, str]]:
    return sorted(
        item
        for item in os.environ.items()
        if item[0].startswith("NUMBA_") and item[0] not in silent
    )


# -- functions -------------------------------------------------------------------------------------


class StoredCode:
    """Numba's interface of a cache of one function's compiled versions, over files of ours.

    Args:
        function: whose code it is.
        name: of its files, after which the types of arguments come; it tells versions of the
            function apart.
        cache: the files.
    """

    cache_path = ""

    def __init__(
        self,
        function: Callable[..., Any],
        name: Callable[[object], str],
        cache: Callable[[], CodeCache],
    ) -> None:
        self._function = function
        self._name = name
        self._cache = cache

    def enable(self) -> None:
        """Always on."""

    disable = flush = enable

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Code for some types of arguments, or ``None``."""
        name = self._name(signature)
        content = self._cache().read(name)
        if content is None:
            return None
        from numba.core.compiler import CompileResult

        target_context.refresh()
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(content))
        except Exception as error:
            self._cache().discard(name, f"{type(error).__name__}: {error}")
            return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep code; what cannot be kept is compiled again by the next process."""
        _tell(self._function, True)
        try:
            if result.library.has_dynamic_globals:
                return
            from numba.core.serialize import dumps

            content = dumps(result._reduce())
        except Exception as error:
            logger.warning(
                "compiled code cannot be kept: %s",
                broken("lets compiled code be taken apart", error),
            )
            return
        self._cache().write(self._name(signature), content)


def make_dispatcher(
    function: Callable[..., Any],
    *,
    inlined: bool,
    counts_references: bool,
    stored: StoredCode | None,
) -> Any:
    """What Numba makes of a function, in the quickest way that this Numba knows.

    Args:
        function: what is compiled.
        inlined: whether it becomes part of the function that calls it.
        counts_references: whether references to arrays are counted, as they must be where arrays
            are made.
        stored: where its code is kept.
    """
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        **({"inline": "always"} if inlined else {}),
    }
    ways: list[Callable[[], Any]] = [lambda: numba.njit(**options)(function)]
    if not counts_references:
        ways.insert(0, lambda: numba.njit(**options, _nrt=False)(function))
        ways.insert(
            0,
            lambda: once_dispatcher()(
                function, {}, {**options, "nopython": True, "boundscheck": None, "_nrt": False}
            ),
        )
    dispatcher = _first_that_works(ways)
    if stored is not None:
        dispatcher._cache = stored
    return dispatcher


def _first_that_works(ways: list[Callable[[], Any]]) -> Any:
    for way in ways[:-1]:
        try:
            return way()
        except Exception as error:
            logger.info(
                "a quicker way to compile is not there: %s: %s", type(error).__name__, error
            )
    return ways[-1]()


_whole: Any = None


def whole_compiler() -> Any:
    """A compiler of whole programs of functions, whose parts nobody else calls.

    Numba keeps every function that a program took in callable from outside, with all words of all
    arrays as arguments. Parts that only the program itself calls lose the arguments that they do
    not look at, which are most of them, and those that are called once are taken in.
    """
    global _whole  # noqa: PLW0603
    if _whole is not None:
        return _whole
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import Compiler

    for owner, name in (
        (JITCodeLibrary, "_optimize_final_module"),
        (JITCodeLibrary, "enable_object_caching"),
    ):
        getattr(owner, name)

    class WholeLibrary(JITCodeLibrary):
        def _optimize_final_module(self) -> None:
            for function in self._final_module.functions:
                if not function.is_declaration and function.linkage == llvm.Linkage.linkonce_odr:
                    function.linkage = llvm.Linkage.internal
            super()._optimize_final_module()

    class WholeCompiler(Compiler):
        def __init__(
            self, typing_context: Any, target_context: Any, library: Any, *rest: Any
        ) -> None:
            if library is None:
                library = WholeLibrary(target_context.codegen(), "whole")
                library.enable_object_caching()
            super().__init__(typing_context, target_context, library, *rest)

    _whole = WholeCompiler
    return _whole


_once: Any = None


def once_dispatcher() -> Any:
    """The class of functions whose callers take them in before machine code is made.

    By itself Numba makes a library of every function, optimises it, makes machine code of it, and
    does all of it again within each function that calls it, and again within each that calls these.
    A function here has two sides: called by the interpreter, it is a library like any; called by
    compiled code, it is a part, which is neither optimised nor made machine code of until the whole
    is.
    """
    global _once  # noqa: PLW0603
    if _once is not None:
        return _once
    whole = whole_compiler()
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import Compiler
    from numba.core.registry import CPUDispatcher

    for owner, names in (
        (
            JITCodeLibrary,
            (
                "_optimize_final_module",
                "_finalize_final_module",
                "_finalize_dynamic_globals",
                "get_pointer_to_function",
            ),
        ),
        (CPUDispatcher, ("get_call_template", "get_overload", "add_overload", "compile")),
    ):
        for name in names:
            getattr(owner, name)

    class WithoutEnvironments:
        """A code generator that leaves environments to the whole, in which the code will be."""

        def __init__(self, codegen: Any) -> None:
            self._codegen = codegen

        def __getattr__(self, name: str) -> Any:
            return getattr(self._codegen, name)

        def set_env(self, _name: str, _environment: Any) -> None:
            """Nothing: there is no machine code that could ask for it."""

    class PartLibrary(JITCodeLibrary):
        @property
        def codegen(self) -> Any:
            return WithoutEnvironments(self._codegen)

        def _optimize_final_module(self) -> None:
            """Nothing: the whole is optimised."""

        def _finalize_final_module(self) -> None:
            self._finalize_dynamic_globals()
            self._finalized = True

        def get_pointer_to_function(self, _name: str) -> int:
            self._ensure_finalized()
            return 0

    class PartCompiler(Compiler):
        def __init__(
            self, typing_context: Any, target_context: Any, library: Any, *rest: Any
        ) -> None:
            part = PartLibrary(target_context.codegen(), "part") if library is None else library
            super().__init__(typing_context, target_context, part, *rest)

    class Part(CPUDispatcher):
        def add_overload(self, result: Any) -> None:
            super().add_overload(result)
            _tell(self.py_func, False)

    class Once(CPUDispatcher):
        def __init__(
            self, function: Any, local: Any, options: Any = None, pipeline_class: Any = whole
        ) -> None:
            super().__init__(function, local, options, pipeline_class)
            of_part = {**options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
            self._part = Part(function, local, of_part, PartCompiler)

        def get_call_template(self, arguments: Any, named: Any) -> Any:
            return self._part.get_call_template(arguments, named)

        def get_overload(self, signature: Any) -> Any:
            return self._part.get_overload(signature)

        def add_overload(self, result: Any) -> None:
            if (
                result.metadata is not None
            ):  # just compiled: what was read from disk has its environments
                for environment in result._find_referenced_environments():
                    self.targetctx.codegen().set_env(environment.env_name, environment)
            super().add_overload(result)

    _once = Once
    return _once


def c_address(
    function: Callable[..., Any], signature: Any, stored: StoredCode | None
) -> tuple[int, object]:
    """Compile a function that allocates nothing as a C function, or read it from disk.

    Returns its address and its owner.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
    try:
        from numba.core.ccallback import CFunc

        callback = CFunc(
            function,
            (signature.args, signature.return_type),
            locals={},
            options=options,
            pipeline_class=whole_compiler(),
        )
        if stored is not None:
            callback._cache = stored
        callback.compile()
    except (ImportError, AttributeError, TypeError, KeyError) as error:
        logger.warning(
            "compiled code is not kept: %s", broken("has C functions whose code can be kept", error)
        )
        del options["_nrt"]
        callback = numba.cfunc(signature, **options)(function)
    address: int = callback.address
    return address, callback


# -- blocks of memory ------------------------------------------------------------------------------


def size_of(numba_type: Any) -> int:
    """Bytes of a value in compiled code."""
    from numba.core.registry import cpu_target

    context = cpu_target.target_context
    return int(context.get_abi_sizeof(context.get_value_type(numba_type)))


def _typed_place(context, builder, block_type, block, numba_type):
    array = context.make_array(block_type)(context, builder, block)
    return builder.bitcast(array.data, context.get_value_type(numba_type).as_pointer())


def reader(numba_type: Any) -> Any:
    """For compiled code: the tuple that lies in a block, an array of bytes."""

    @intrinsic
    def unpack(_typing_context, block):
        def generate(context, builder, signature, arguments):
            return builder.load(
                _typed_place(context, builder, signature.args[0], arguments[0], numba_type)
            )

        return numba_type(block), generate

    return unpack


def reader_at(numba_type: Any) -> Any:
    """For compiled code: the tuple that lies at a place in memory."""

    @intrinsic
    def unpack_at(_typing_context, place):
        def generate(context, builder, _signature, arguments):
            return builder.load(
                builder.bitcast(arguments[0], context.get_value_type(numba_type).as_pointer())
            )

        return numba_type(place), generate

    return unpack_at


def writer(numba_type: Any) -> Any:
    """For compiled code: write a tuple to a block."""

    @intrinsic
    def store(_typing_context, block, value):
        if value != numba_type:
            raise TypingError(f"{value} is stored where {numba_type} belongs")

        def generate(context, builder, signature, arguments):
            builder.store(
                arguments[1],
                _typed_place(context, builder, signature.args[0], arguments[0], numba_type),
            )
            return context.get_dummy_value()

        return types.void(block, value), generate

    return store


def place_of() -> Any:
    """For compiled code: where an array begins."""

    @intrinsic
    def place(_typing_context, array):
        def generate(context, builder, signature, arguments):
            view = context.make_array(signature.args[0])(context, builder, arguments[0])
            return builder.bitcast(view.data, context.get_value_type(types.voidptr))

        return types.voidptr(array), generate

    return place


def call_at() -> Any:
    """For compiled code: call the function of two places that begins at an address."""

    @intrinsic
    def call(_typing_context, _address, _first, _second):
        def generate(context, builder, _signature, arguments):
            place = context.get_value_type(types.voidptr)
            function = builder.inttoptr(
                arguments[0], ir.FunctionType(ir.VoidType(), [place, place]).as_pointer()
            )
            builder.call(function, arguments[1:])
            return context.get_dummy_value()

        return types.void(types.int64, types.voidptr, types.voidptr), generate

    return call


def weigh_at() -> Any:
    """Call the function of a risk measure that begins at an address, with arrays as pointers.

    For compiled code.

    Its arguments are the address, a number of outcomes, their costs and probabilities, the
    parameters, and room for the order of the outcomes and for their weights; it returns the
    penalty.
    """

    @intrinsic
    def weigh(_typing_context, _address, _n, costs, probability, parameters, order, weights):
        arrays = (costs, probability, parameters, order, weights)
        if any(array.layout != "C" for array in arrays):
            raise TypingError("pointers are to arrays without gaps")

        def generate(context, builder, signature, arguments):
            pairs = zip(signature.args[2:], arguments[2:], strict=True)
            places = [
                context.make_array(kind)(context, builder, value).data for kind, value in pairs
            ]
            kinds = [ir.IntType(64), *(place.type for place in places)]
            function = builder.inttoptr(
                arguments[0], ir.FunctionType(ir.DoubleType(), kinds).as_pointer()
            )
            return builder.call(function, [arguments[1], *places])

        return types.float64(types.int64, types.int64, *arrays), generate

    return weigh


# -- threads ---------------------------------------------------------------------------------------


def _element(context, builder, kind, array, index):
    view = context.make_array(kind)(context, builder, array)
    return builder.gep(view.data, [index])


def atomic_load() -> Any:
    """For compiled code: read an int64 of an array as other threads left it."""

    @intrinsic
    def load(_typing_context, array, _index):
        def generate(context, builder, signature, arguments):
            place = _element(context, builder, signature.args[0], *arguments)
            return builder.load_atomic(place, ordering="seq_cst", align=8)

        return types.int64(array, types.intp), generate

    return load


def atomic_store() -> Any:
    """For compiled code: write an int64 of an array for other threads to see."""

    @intrinsic
    def store(_typing_context, array, _index, _value):
        def generate(context, builder, signature, arguments):
            place = _element(context, builder, signature.args[0], *arguments[:2])
            builder.store_atomic(arguments[2], place, ordering="seq_cst", align=8)
            return context.get_dummy_value()

        return types.void(array, types.intp, types.int64), generate

    return store


def atomic_add() -> Any:
    """For compiled code: add to an int64 of an array as one step, and return what it was before."""

    @intrinsic
    def add(_typing_context, array, _index, _value):
        def generate(context, builder, signature, arguments):
            place = _element(context, builder, signature.args[0], *arguments[:2])
            return builder.atomic_rmw("add", place, arguments[2], ordering="seq_cst")

        return types.int64(array, types.intp, types.int64), generate

    return add


# -- bits ------------------------------------------------------------------------------------------


def lowest_bit() -> Any:
    """For compiled code: place of the lowest bit of a word (uint64) that is not zero."""

    @intrinsic
    def lowest(_typing_context, _word):
        def generate(_context, builder, _signature, arguments):
            return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

        return types.uint64(types.uint64), generate

    return lowest


def highest_bit() -> Any:
    """For compiled code: place of the highest bit of a word (uint64) that is not zero."""

    @intrinsic
    def highest(_typing_context, _word):
        def generate(_context, builder, _signature, arguments):
            above = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))
            return builder.sub(ir.Constant(ir.IntType(64), 63), above)

        return types.uint64(types.uint64), generate

    return highest


def count_bits() -> Any:
    """For compiled code: how many bits of a word (uint64) are set."""

    @intrinsic
    def count(_typing_context, _word):
        def generate(_context, builder, _signature, arguments):
            return builder.ctpop(arguments[0])

        return types.uint64(types.uint64), generate

    return count


# -- other -----------------------------------------------------------------------------------------


def without_literal() -> Any:
    """For compiled code: a constant as a value like any other."""

    @intrinsic
    def unliteral(_typing_context, value):
        plain: Any = types.unliteral
        kind = plain(value)

        def generate(_context, _builder, _signature, arguments):
            return arguments[0]

        return kind(kind), generate

    return unliteral


def external(name: str, result: str, *arguments: str) -> Any:
    """For compiled code: a function of a library, with the names of its types."""
    return types.ExternalFunction(
        name, getattr(types, result)(*(getattr(types, one) for one in arguments))
    )


def type_in_code(value: Any) -> Any:
    """The type that compiled code sees in an object of Numba's or of llvmlite's making."""
    from numba.core.registry import cpu_target

    context = cpu_target.typing_context
    context.refresh()
    return context.resolve_value_type(value)


def add_symbol(name: str, address: int) -> None:
    """Let compiled code call what lies at an address by a name."""
    llvm.add_symbol(name, address)


# code that is read from disk calls them as well, so they are made known before any is
for _name, _address in addresses().items():
    add_symbol(_name, _address)


# -- releases --------------------------------------------------------------------------------------


def is_tested() -> bool:
    """Whether the installed Numba is one that this module was tested with."""
    return _numbers(OLDEST) <= _numbers(numba.__version__) < _numbers(FIRST_UNKNOWN)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def broken(what: str, error: BaseException) -> str:
    """A sentence about something that the installed Numba does not do any more."""
    why = " ".join(str(error).split())[:200]
    return (
        f"Numba {numba.__version__} (llvmlite {llvmlite.__version__}) no longer {what} "
        f"({type(error).__name__}: {why}); Headwater was tested with Numba {OLDEST} to {NEWEST}: "
        f"install 'numba>={OLDEST},<{FIRST_UNKNOWN}'"
    )
