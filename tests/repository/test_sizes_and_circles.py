"""Files, functions and argument lists stay short, and no file imports another in a circle."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
PACKAGE = SOURCE / "headwater"

LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 60
PARAMETERS = 8
KERNELS = "kernel"
"""In the names of files of compiled loops, which would be compiled more slowly in
pieces and run no faster.
"""

LONG_FILES = {
    "sddp/stage/problem.py",
    "sddp/stage/problems.py",
    "sddp/training/iteration.py",
    "solver/highs.py",
    "solver/numba_private.py",
}
LONG_FUNCTIONS = {
    "sddp/passes/backward.py run_backward",
    "sddp/simulation/simulation.py simulate_policy",
    "sddp/training/iteration.py iterate",
    "sddp/training/train.py train_policy",
    "solver/numba_private.py once_dispatcher",
}
MANY_PARAMETERS = {
    "lp/program.py named_program",
    "lp/template.py build_stage_template",
    "lp/template.py declare_stage",
    "sddp/passes/forward.py run_forward",
    "sddp/stage/solver_pool.py solve_each",
    "sddp/training/recording.py iteration_record",
    "sddp/simulation/simulation.py simulate_policy",
    "sddp/training/train.py train_policy",
    "solver/highs.py _solve_some",
    "stochastic/tree.py make_tree",
}


@cache
def trees() -> dict[str, ast.Module]:
    """Path below the package -> syntax tree."""
    files = sorted(PACKAGE.rglob("*.py"))
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in files
    }


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """All functions outside kernels, with file and name."""
    for path, tree in trees().items():
        if KERNELS not in path:
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{path} {node.name}", node


def test_files_are_short():
    lines = {
        path: (PACKAGE / path).read_text(encoding="utf-8").count("\n")
        for path in trees()
        if KERNELS not in path
    }
    assert {path for path, count in lines.items() if count > LINES_OF_A_FILE} <= LONG_FILES


def test_functions_are_short():
    def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        first = node.body[0]
        docstring = (
            0 if ast.get_docstring(node) is None else (first.end_lineno or 0) - first.lineno + 1
        )
        return (node.end_lineno or 0) - node.lineno + 1 - docstring

    assert {
        name for name, node in functions() if lines(node) > LINES_OF_A_FUNCTION
    } <= LONG_FUNCTIONS


def test_functions_have_few_parameters():
    def count(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        names = [
            one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        ]
        return len([name for name in names if name not in ("self", "cls")])

    # a command of the command line declares each of its options as a parameter
    many = {
        name
        for name, node in functions()
        if not name.startswith("cli/") and count(node) > PARAMETERS
    }
    assert many <= MANY_PARAMETERS


@cache
def imports() -> dict[str, frozenset[str]]:
    """Module -> modules of the package that it imports, anywhere in it, for
    type checkers alone as well.
    """
    names = {
        path: ".".join(("headwater", *Path(path).with_suffix("").parts)).removesuffix(".__init__")
        for path in trees()
    }
    known = set(names.values())
    found = {}
    for path, tree in trees().items():
        wanted = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                wanted |= inner & known or {node.module}
        found[names[path]] = frozenset(wanted & known - {names[path]})
    return found


def in_circles() -> set[str]:
    """Modules that can be reached from themselves.

    The faces of packages, which import on demand, do not count.
    """
    graph = {
        name: {one for one in others if not is_face(one)}
        for name, others in imports().items()
        if not is_face(name)
    }
    found = set()
    for start, first in graph.items():
        seen: set[str] = set()
        pending = list(first)
        while pending:
            one = pending.pop()
            if one not in seen:
                seen.add(one)
                pending += graph[one]
        if start in seen:
            found.add(start)
    return found


def is_face(module: str) -> bool:
    return (SOURCE / Path(*module.split(".")) / "__init__.py").is_file()


def test_no_file_imports_another_in_a_circle():
    assert in_circles() == set()


def test_no_file_goes_through_the_face_of_its_own_package():
    assert {
        name
        for name, others in imports().items()
        if name.rsplit(".", 1)[0] in others and not is_face(name)
    } == set()


def test_a_circle_is_seen_through_imports_for_type_checkers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "headwater"
    package.mkdir()
    sources = {
        "__init__": "",
        "one": "from headwater.two import two\n",
        "two": "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from headwater import one\n",
        "three": "import headwater.one\n",
    }
    for name, source in sources.items():
        (package / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", package)
    for cached in (trees, imports):
        cached.cache_clear()
    try:
        assert in_circles() == {"headwater.one", "headwater.two"}
    finally:
        for cached in (trees, imports):
            cached.cache_clear()
