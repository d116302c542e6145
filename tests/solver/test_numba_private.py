"""What is used of Numba beyond its documented interface, and what is said when it breaks."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Iterator
from pathlib import Path

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest

from headwater.solver import numba_private, numba_self_test
from headwater.solver.compiled import code_cache, compiled, declared, plain
from headwater.solver.packing_kernel import Packing


@pytest.fixture(autouse=True)
def nothing_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache of its own for every test.

    What an earlier run left on disk would not be compiled again.
    """
    monkeypatch.setenv("HEADWATER_CACHE_DIR", str(tmp_path / "cache"))
    code_cache.cache_clear()
    yield
    code_cache.cache_clear()


def test_all_that_is_used_of_the_installed_numba_works():
    assert numba_self_test.self_test() == []


def test_what_broke_is_said_in_words_with_the_release_that_works(monkeypatch: pytest.MonkeyPatch):
    def gone() -> None:
        raise AttributeError("CPUDispatcher has no attribute 'get_call_template'")

    monkeypatch.setattr(numba_private, "once_dispatcher", gone)
    monkeypatch.setattr(numba_private, "add_symbol", lambda _name, _address: gone())
    first, second = numba_self_test.self_test()
    version = importlib.metadata.version("numba")
    assert first.startswith(f"Numba {version} ")
    assert "no longer lets the parts of a program be compiled once" in first
    assert "no attribute 'get_call_template'" in first
    assert first.endswith(f"install 'numba>={numba_private.OLDEST},<{numba_private.FIRST_UNKNOWN}'")
    assert "no longer finds functions of libraries by name" in second


@pytest.mark.parametrize(
    ("version", "tested"),
    [("0.60.0", False), ("0.61.2", True), ("0.68.1", True), ("0.69.0rc1", False)],
)
def test_the_releases_that_were_tested_are_known(
    version: str, tested: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(numba, "__version__", version)
    assert numba_private.is_tested() is tested


@compiled
def _halved(x):
    return 0.5 * x


def _quartered(x):
    return _halved(_halved(x))


@compiled
def _waved(x):
    for _ in range(3):
        x = math.sin(x) + math.cos(x) * math.atan(x) + math.exp(-x * x) * math.log(2.0 + x * x)
        x = math.cos(3.0 * x) * math.tanh(x) + math.atan(x) * math.log1p(x * x)
    return x


def _waved_twice(x):
    return _waved(x) + _waved(_waved(0.5 * x))


def test_nothing_outside_can_call_the_parts_of_a_program():
    made = numba_private.make_dispatcher(
        _waved_twice, inlined=False, counts_references=False, stored=None
    )
    wave = _waved.py_func
    assert made(0.25) == pytest.approx(wave(0.25) + wave(wave(0.125)), rel=1e-12)
    (version,) = made.overloads.values()
    functions = [one for one in version.library._final_module.functions if not one.is_declaration]
    of_part = [one.linkage for one in functions if "_waved" in one.name and "twice" not in one.name]
    assert of_part == [llvm.Linkage.internal]
    assert llvm.Linkage.linkonce_odr not in [one.linkage for one in functions]


@pytest.mark.parametrize("lost", [(), ("once_dispatcher",), ("once_dispatcher", "_nrt")])
def test_a_numba_without_the_quick_ways_compiles_the_slow_way(
    lost: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    real = numba.njit

    def without_nrt(**options):  # type: ignore[no-untyped-def]
        if "_nrt" in options:
            raise KeyError("_nrt")
        return real(**options)

    def gone() -> None:
        raise ImportError("PartLibrary")

    if "once_dispatcher" in lost:
        monkeypatch.setattr(numba_private, "once_dispatcher", gone)
    if "_nrt" in lost:
        monkeypatch.setattr(numba, "njit", without_nrt)
    made = numba_private.make_dispatcher(
        _quartered, inlined=False, counts_references=False, stored=None
    )
    assert made(8.0) == 2.0


def test_every_part_is_compiled_once_however_many_functions_call_it():
    told: list[str] = []

    @compiled
    def leaf(x):
        return x + 1.0

    @compiled
    def left(x):
        return leaf(x) * 2.0

    @compiled
    def right(x):
        return leaf(left(x))

    with numba_private.watched(lambda function, whole: told.append(f"{function.__name__} {whole}")):
        assert right.dispatcher(1.0) == 5.0
    assert told == ["leaf False", "left False", "right True"]


def test_a_block_is_what_compiled_code_writes_itself():
    value = (
        np.arange(6.0)[::2],
        (True, np.zeros((2, 3), np.int32)),
        (False, (7, True)),
        2.5,
        np.zeros(0, np.bool_),
    )
    packing = Packing(value)
    write = packing.store

    @compiled
    def written(block, given):
        write(block, given)

    ours, theirs = packing.pack(value).block, np.zeros(packing.size, np.uint8)
    written(theirs, value)
    assert packing.size == len(ours) == numba_private.size_of(numba.typeof(value))
    owners = _owners(value)
    kept = np.ones(packing.size, np.bool_)
    for start in owners:
        kept[start : start + 16] = False
    assert (ours[kept] == theirs[kept]).all()


def _owners(value: tuple[object, ...]) -> list[int]:
    """Where the two pointers to owners of each array lie: by hand, for the tuple of the test."""
    assert len(value) == 5
    # array of one axis: 7 words; (bool, array of two axes): 8 + 9 words; (bool, (int, bool)): 8 +
    # 16; a number: 8
    return [0, 56 + 8, 56 + 80 + 24 + 8]


def test_constants_are_values_like_any_other():
    told: list[str] = []

    @compiled
    def added(x, y):
        return x + y

    @compiled
    def twice(x):
        return added(added(x, plain(1)), plain(2))

    with numba_private.watched(lambda function, _whole: told.append(function.__name__)):
        assert twice(1) == 4
    assert told.count("added") == 1


def test_functions_of_the_package_are_declared_without_the_compiler():
    import headwater.sddp.kernels.backward_kernel
    import headwater.sddp.kernels.forward_kernel

    names = {one.__name__ for one in declared()}
    assert {"forward_visits", "backward_stages", "wait_a_little"} <= names
    assert headwater.sddp.kernels.forward_kernel.forward_visits.__doc__.startswith(
        "Walk trajectories"
    )
