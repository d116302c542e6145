"""A test of all that `numba_private` uses.

It says in words what the installed Numba does not do any more.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import types

from headwater.solver import numba_private as private
from headwater.solver.code_cache import CodeCache
from headwater.solver.packing_kernel import Packing


def self_test() -> list[str]:
    """Try all that is used on functions of a line.

    Returns a sentence for each thing that does not work.

    Takes a second or two; nothing of it is kept.
    """
    sentences = []
    for what, test in _TESTS:
        try:
            test()
        except Exception as error:
            sentences.append(private.broken(what, error))
    return sentences


def _expect(found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"expected {expected}, got {found}")


def _twice(x):
    return x + x


def _test_references() -> None:
    _expect(numba.njit(nogil=True, error_model="numpy", _nrt=False)(_twice)(2.0), 4.0)


def _test_once() -> None:
    told: list[bool] = []
    made = private.once_dispatcher()
    options = {
        "nogil": True,
        "error_model": "numpy",
        "nopython": True,
        "boundscheck": None,
        "_nrt": False,
    }
    twice = made(_twice, {}, dict(options))

    def four_times(x):
        return twice(twice(x))

    with private.watched(lambda function, _whole: told.append(function is _twice)):
        _expect(made(four_times, {}, dict(options))(3), 12)
    _expect(told, [True])
    _expect(twice(5), 10)


def _double_at(place, _unused):
    place[1] = 2.0 * place[0]


def _stored_at(folder: Path, function: Callable[..., Any]) -> private.StoredCode:
    cache = CodeCache("0" * 32, folder)
    return private.StoredCode(function, lambda _signature: function.__name__, lambda: cache)


def _test_c_functions() -> None:
    signature = types.void(types.CPointer(types.float64), types.voidptr)
    with tempfile.TemporaryDirectory() as folder:
        address, _owner = private.c_address(
            _double_at, signature, _stored_at(Path(folder), _double_at)
        )
        numbers = np.array([4.0, 0.0])
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address)(numbers.ctypes.data, None)
    _expect(numbers[1], 8.0)


def _test_storing() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stored = _stored_at(Path(folder), _twice)
        first, second = (
            private.make_dispatcher(_twice, inlined=False, counts_references=False, stored=stored)
            for _ in range(2)
        )
        _expect(first(1.5), 3.0)
        told: list[bool] = []
        with private.watched(lambda _function, whole: told.append(whole)):
            _expect(second(1.5), 3.0)
        _expect(told, [])


def _test_memory() -> None:
    value = (np.arange(3.0), (np.zeros((2, 2), np.bool_), True, 5), 2.5)
    packing = Packing(value)
    kind: Any = numba.typeof
    read, write = private.reader(kind(value)), private.writer(kind(value))

    @numba.njit
    def summed(block, copy):
        numbers, (flags, flag, count), last = read(block)
        write(copy, (numbers, (flags, flag, count), last))
        return numbers.sum() + flags.size + count + last + flag

    block, copy = packing.pack(value).block, np.zeros(packing.size, np.uint8)
    _expect(summed(block, copy), 3.0 + 4 + 5 + 2.5 + 1)
    _expect(summed(copy, block), 3.0 + 4 + 5 + 2.5 + 1)


def _test_threads() -> None:
    load, store, add = private.atomic_load(), private.atomic_store(), private.atomic_add()

    @numba.njit
    def counted(numbers):
        store(numbers, 0, 5)
        return add(numbers, 0, 2), load(numbers, 0)

    _expect(counted(np.zeros(1, np.int64)), (5, 7))


def _test_bits() -> None:
    lowest, highest, count = private.lowest_bit(), private.highest_bit(), private.count_bits()

    @numba.njit
    def looked_at(word):
        return lowest(word), highest(word), count(word)

    _expect(looked_at(np.uint64(2**63 + 24)), (3, 63, 3))


def _test_symbols() -> None:
    answer = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 42)
    address = ctypes.cast(answer, ctypes.c_void_p).value
    private.add_symbol("headwater_self_test", address or 0)
    external = private.external("headwater_self_test", "int32")

    @numba.njit
    def asked():
        return external()

    _expect(asked(), 42)


_TESTS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("compiles without counting references", _test_references),
    ("lets the parts of a program be compiled once", _test_once),
    ("makes C functions at an address", _test_c_functions),
    ("lets compiled code be taken apart and put together again", _test_storing),
    ("lays out tuples in memory as expected", _test_memory),
    ("has atomic operations on arrays", _test_threads),
    ("finds and counts the bits of a word", _test_bits),
    ("finds functions of libraries by name", _test_symbols),
)
