"""Compiled code that comes with the package.

It is found by level, key and name, and never in the way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.solver import compiled as module
from headwater.solver import numba_private, shipped_code
from headwater.solver.compiled import key_of_shipped
from headwater.solver.shipped_code import LEVELS, OWN_PROCESSOR, PLACE_VARIABLE, place

V3, V2, ARM = LEVELS
HASWELL = dict.fromkeys(V3.features, True)
PROGRAM = """
from headwater.solver.compiled import compiled
from headwater.solver.numba_private import watched

@compiled
def cubes(n):
    total = 0
    for i in range(n):
        total += i * i * i
    return total

told = []
with watched(lambda function, whole: told.append(whole)):
    print(cubes(4), "compiled" if told else "read")
"""


@pytest.mark.parametrize(
    ("architecture", "features", "expected"),
    [
        ("x86_64", HASWELL, [V3, V2]),
        ("x86_64", {**HASWELL, "avx512f": True, "sse4a": False}, [V3, V2]),
        ("x86_64", {**HASWELL, "fma": False}, [V2]),
        ("x86_64", {name: True for name in V3.features if name != "bmi2"}, [V2]),
        ("x86_64", {"sse3": True}, []),
        ("aarch64", {"neon": True}, [ARM]),
        ("arm64", {}, [ARM]),
        ("riscv64", HASWELL, []),
    ],
)
def test_a_machine_runs_the_levels_whose_features_it_has(
    architecture: str, features: dict[str, bool], expected: list[object]
):
    assert [level for level in LEVELS if level.runs_on(architecture, features)] == expected


def test_code_lies_where_the_environment_says_else_with_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in (PLACE_VARIABLE, *OWN_PROCESSOR):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(shipped_code, "__file__", str(tmp_path / "headwater/solver/shipped.py"))
    assert place() is None
    (tmp_path / "headwater" / "compiled_code").mkdir(parents=True)
    assert place() == tmp_path / "headwater" / "compiled_code"
    monkeypatch.setenv(PLACE_VARIABLE, str(tmp_path))
    assert place() == tmp_path
    monkeypatch.setenv(PLACE_VARIABLE, "")
    assert place() is None


@pytest.mark.parametrize("name", OWN_PROCESSOR)
def test_who_compiles_for_a_processor_of_his_own_choice_is_not_given_other_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setenv(PLACE_VARIABLE, str(tmp_path))
    monkeypatch.setenv(name, "generic")
    assert place() is None


def test_a_kernel_that_changed_has_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kernel = tmp_path / "some_kernel.py"
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)
    monkeypatch.setattr(module, "_sources", lambda: [kernel])
    kernel.write_text("x = 1\n", encoding="utf-8")
    before = key_of_shipped(V3)
    assert key_of_shipped(V3) == before != key_of_shipped(V2)
    kernel.write_text("x = 2\n", encoding="utf-8")
    assert key_of_shipped(V3) != before


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (numba_private.numba, "__version__", "0.67.9"),
        (numba_private.llvmlite, "__version__", "0.1.0"),
        (numba_private.np, "__version__", "2.0.0"),
        (numba_private.sys, "platform", "amiga"),
    ],
)
def test_another_compiler_or_system_has_another_key(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, value: str
):
    before = key_of_shipped(V3)
    monkeypatch.setattr(owner, name, value)
    assert key_of_shipped(V3) != before


def test_a_flag_of_the_compiler_has_another_key_and_one_for_the_processor_has_not(
    monkeypatch: pytest.MonkeyPatch,
):
    before = key_of_shipped(V3)
    monkeypatch.setenv("NUMBA_CPU_NAME", "x86-64-v3")
    monkeypatch.setenv("NUMBA_DISABLE_INTEL_SVML", "1")
    assert key_of_shipped(V3) == before
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert key_of_shipped(V3) != before


def run(program: Path, cache: Path, shipped: Path | str, **more: str) -> tuple[str, str]:
    """What the small program says, and what is said on standard error."""
    chosen = {"HEADWATER_CACHE_DIR": str(cache), PLACE_VARIABLE: str(shipped), **more}
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True, text=True, check=False, env={**os.environ, **chosen},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "cubes.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


@pytest.fixture
def shipped(tmp_path: Path, program: Path) -> Path:
    """A folder with the small program compiled for the highest level of this machine."""
    levels = numba_private.levels_here()
    if not levels:
        pytest.skip("no code is shipped for processors like this one")
    level, cache = levels[0], tmp_path / "made"
    chosen = {"NUMBA_CPU_NAME": level.processor, "NUMBA_CPU_FEATURES": ""}
    assert run(program, cache, "", **chosen) == ("36 compiled", "")
    (made,) = cache.iterdir()
    shutil.copytree(made, tmp_path / "shipped" / level.name / key_of_shipped(level))
    return tmp_path / "shipped"


def test_shipped_code_is_read_and_nothing_is_written(tmp_path: Path, program: Path, shipped: Path):
    cache = tmp_path / "cache"
    assert run(program, cache, shipped) == ("36 read", "")
    assert not cache.exists()


def test_shipped_code_runs_where_nothing_can_be_written_without_a_word(
    tmp_path: Path, program: Path, shipped: Path
):
    file = tmp_path / "a file"
    file.write_text("", encoding="utf-8")
    assert run(program, file / "below", shipped) == ("36 read", "")


def test_what_is_not_shipped_is_compiled_without_a_word(
    tmp_path: Path, program: Path, shipped: Path
):
    program.write_text(PROGRAM.replace("i * i * i", "i * i"), encoding="utf-8")
    assert run(program, tmp_path / "cache", shipped) == ("14 compiled", "")
    assert run(program, tmp_path / "cache", shipped) == ("14 read", "")


def test_code_of_another_key_is_never_used(tmp_path: Path, program: Path, shipped: Path):
    (folder,) = shipped.glob("*/*")
    folder.rename(folder.with_name("f" * 32))
    assert run(program, tmp_path / "cache", shipped) == ("36 compiled", "")


def test_damaged_shipped_code_is_said_left_where_it_is_and_compiled(
    tmp_path: Path, program: Path, shipped: Path
):
    (file,) = shipped.glob("*/*/*.code")
    content = file.read_bytes()[:-50]
    file.write_bytes(content)
    answer, said = run(program, tmp_path / "cache", shipped)
    assert answer == "36 compiled"
    assert said.startswith(f"compiled code at {file} is damaged (")
    assert said.endswith("it is left aside and compiled again")
    assert len(said.splitlines()) == 1
    assert file.read_bytes() == content
    assert run(program, tmp_path / "cache", shipped)[0] == "36 read"
