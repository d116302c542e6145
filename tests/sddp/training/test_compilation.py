"""Compiling the engine ahead of time.

In processes of its own, told how far it is, and nothing left for the run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from case_builder import tiny_case
from headwater.sddp.events import CompilationFinished, CompilationProgress, Event
from headwater.sddp.training import compilation
from headwater.sddp.training.compiling_processes import CompilingProcess, Work, roots_of_passes
from headwater.solver import compiled as module
from headwater.solver.code_cache import CodeCache
from headwater.solver.compiled import code_cache, compiled, key_of_shipped
from headwater.solver.native_kernel import kernel
from headwater.solver.numba_private import levels_here
from headwater.solver.shipped_code import PLACE_VARIABLE

TRAINING = """
import sys, logging
import headwater as hw
from headwater.solver.numba_private import watched
logging.basicConfig(format="%(message)s")
case, compiled = hw.load_case(sys.argv[1]), []
with watched(lambda function, whole: compiled.append(function.__qualname__)):
    policy = hw.train(case, progress=False)
    hw.simulate(policy, progress=False)
print(repr(policy.lower_bound), *compiled)
"""


@pytest.fixture(scope="module")
def engine() -> Path:
    """The folder of the compiled engine."""
    compilation.ensure_compiled()
    root = code_cache().root
    assert root is not None
    (folder,) = [path for path in root.iterdir() if path.name == code_cache()._key]
    return folder


def train(case: Path, cache: Path) -> tuple[str, list[str], str]:
    """Lower bound, what was compiled, and what was said on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, str(case)], capture_output=True, text=True, check=False,
        env={**os.environ, "HEADWATER_CACHE_DIR": str(cache)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    bound, *compiled_again = done.stdout.split()
    return bound, compiled_again, done.stderr.strip()


def test_nothing_is_left_to_compile_for_a_run_of_any_formulation(tmp_path: Path, engine: Path):
    case = tiny_case(tmp_path / "case").write()
    assert train(case, engine.parent)[1:] == ([], "")


def test_a_package_that_brings_the_engine_compiled_trains_at_once_and_writes_no_code(
    tmp_path: Path, engine: Path, monkeypatch: pytest.MonkeyPatch
):
    levels = levels_here()
    if not levels:
        pytest.skip("no code is shipped for processors like this one")
    shutil.copytree(engine, tmp_path / "shipped" / levels[0].name / key_of_shipped(levels[0]))
    case = tiny_case(tmp_path / "case").write()
    expected = train(case, engine.parent)[0]
    monkeypatch.setenv(PLACE_VARIABLE, str(tmp_path / "shipped"))
    assert train(case, tmp_path / "nothing") == (expected, [], "")
    assert not (tmp_path / "nothing").exists()


def test_damaged_files_of_the_engine_are_compiled_again_and_results_are_the_same(
    tmp_path: Path, engine: Path
):
    case, copy = tiny_case(tmp_path / "case").write(), tmp_path / "cache"
    shutil.copytree(engine, copy / engine.name)
    expected = train(case, copy)[0]
    (file,) = (copy / engine.name).glob("trial_kernel.leave_stage-*.code")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    bound, again, said = train(case, copy)
    assert bound == expected
    assert "leave_stage" in again
    assert said.count("is damaged") == len(said.splitlines()) == 1
    assert train(case, copy)[1:] == ([], "")


def square(x):  # type: ignore[no-untyped-def]
    return x * x


squares = compiled(square)


def sum_of_squares(x, y):  # type: ignore[no-untyped-def]
    return squares(x) + squares(y)


def test_work_is_counted_by_parts_and_wholes_and_time_by_what_is_done(
    monkeypatch: pytest.MonkeyPatch,
):
    work = Work.of([sum_of_squares])
    assert (work.n_done, work.n_functions, work.seconds_left()) == (0, 2, None)
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    work.note(f"{square.__module__}.square", False)
    work.note(f"{square.__module__}.unknown", False)
    assert work.n_done == 1
    part = len(square.__code__.co_code)
    whole = len(sum_of_squares.__code__.co_code)
    assert work.share == pytest.approx(part / (part + whole + 0.8 * (part + whole)))
    now[0] = 103.0
    assert work.seconds_left() == pytest.approx(3.0 * (1.0 - work.share) / work.share)
    work.finish()
    assert (work.n_done, work.seconds_left()) == (2, 0.0)


def test_the_interpreter_calls_what_no_compiled_function_calls():
    roots = {one.__name__ for one in roots_of_passes(kernel.function)}
    assert {"forward_visits", "backward_stages"} <= roots
    assert not {"wait_a_little", "solve_openings"} & roots


def until_it_has_ended(process: CompilingProcess) -> None:
    while not process.has_ended:
        process.look()
        time.sleep(0.05)


def test_a_process_that_fails_is_told_with_its_last_words(tmp_path: Path):
    with CompilingProcess("no_such_task", tmp_path, Work.of([sum_of_squares])) as process:
        process.start()
        process.go_on()
        with pytest.raises(OSError, match="no_such_task: ") as caught:
            until_it_has_ended(process)
    assert "cannot import name 'no_such_task'" in str(caught.value)


def test_where_no_process_can_be_started_this_one_compiles(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    cache, called = CodeCache("1" * 32, tmp_path), []
    monkeypatch.setattr(compilation, "code_cache", lambda: cache)
    monkeypatch.setattr(
        compilation,
        "compile_engine",
        lambda: called.append("here") or (cache.write("a", b"b") and cache.complete()),
    )
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    told: list[Event] = []
    compilation.ensure_compiled(told.append)
    assert called == ["here"]
    assert isinstance(told[0], CompilationProgress)
    assert isinstance(told[-1], CompilationFinished)


def test_who_comes_second_waits_for_who_compiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    cache, told = CodeCache("1" * 32, tmp_path), []
    other = CodeCache("1" * 32, tmp_path)
    monkeypatch.setattr(compilation, "code_cache", lambda: cache)
    monkeypatch.setattr(compilation, "_compile", lambda *_: pytest.fail("both compile"))
    waits = threading.Event()

    def tell(event: Event) -> None:
        told.append(event)
        if isinstance(event, CompilationProgress) and event.elsewhere:
            waits.set()

    with other.compiling() as given:
        assert given
        second = threading.Thread(target=compilation.ensure_compiled, args=(tell,))
        second.start()
        assert waits.wait(30)
        other.write("one", b"code")
        other.complete()
    second.join(30)
    assert not second.is_alive()
    assert isinstance(told[-1], CompilationFinished)


@pytest.mark.slow
def test_an_empty_cache_is_filled_by_two_processes_that_are_followed(tmp_path: Path):
    case = tiny_case(tmp_path / "case").write()
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "--output-format", "jsonl", "train", str(case)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "HEADWATER_CACHE_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    compiling = [line for line in lines if line.get("phase") == "compilation"]
    counts = [line["done"] for line in compiling[:-1]]
    assert counts == sorted(counts)
    assert 0 < counts[-1] <= compiling[-2]["total"]
    assert compiling[-1]["type"] == "terminated"
    started = next(line for line in lines if line["type"] == "started")
    assert lines.index(started) > lines.index(compiling[-1])
    first = next(line for line in lines if line.get("iteration") == 1)
    assert first["wall_time_ms"] < 0.5e3 * compiling[-1]["seconds"]
    assert train(case, tmp_path / "cache")[1:] == ([], "")


def test_the_sources_that_code_depends_on_are_those_of_the_kernels_and_their_constants():
    names = {path.relative_to(module._PACKAGE).as_posix() for path in module._sources()}
    assert {
        "solver/simplex_kernel.py",
        "sddp/kernels/backward_kernel.py",
        "solver/numba_private.py",
        "solver/problem.py",
    } <= names
    assert not {"sddp/training/train.py", "cli/app.py"} & names
