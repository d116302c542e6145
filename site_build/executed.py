"""Runs the code of a page and says what each block showed; the site and the tests use the same.

Blocks marked ``python`` run one after the other in one namespace, as cells of a notebook do, and
the value of a last expression is shown. Lines that begin with ``$ `` in blocks marked ``console``
are given to a shell. Pages run in a directory that holds `examples/`, and `output/` where they
mention it: the results of the example.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = "examples/four-subsystems"

FENCE = re.compile(
    r"^```(?P<language>python|console)(?: \{(?P<marks>[^}\n]*)\})?\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
NOT_RUN = ".not-run"
"""Mark of a block that is a piece of something else and cannot run by itself."""

_DIGITS = 6
_WIDTH = 100


class PageError(Exception):
    """The code of a page does not run."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a block showed: its text, and its value as HTML or as a figure, which is JSON."""

    text: str = ""
    value: str = ""
    figure: str = ""


def blocks_of(text: str) -> list[re.Match[str]]:
    """The blocks of a page that run."""
    return [one for one in FENCE.finditer(text) if NOT_RUN not in (one["marks"] or "")]


def needs_results(blocks: list[re.Match[str]]) -> bool:
    """Whether blocks read the results of the example."""
    return bool(re.search(r"(?<![-/\w])output\b", "".join(one["code"] for one in blocks)))


def run_page(name: str, text: str) -> list[Shown]:
    """Run the blocks of a page in a fresh directory.

    Args:
        name: of the page, for messages.
        text: the page in Markdown.

    Returns:
        What each of `blocks_of` showed.

    Raises:
        PageError: a block ends with an error or a warning.
    """
    blocks = blocks_of(text)
    if not blocks:
        return []
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        without = shutil.ignore_patterns("output", "__pycache__")
        shutil.copytree(ROOT / "examples", place / "examples", ignore=without)
        if needs_results(blocks):
            shutil.copytree(_results_of_example(), place / "output")
        with contextlib.chdir(place), _quiet_environment(place), _registries_as_before():
            session = _Session(name)
            return [session.run(number, one) for number, one in enumerate(blocks, start=1)]


@functools.cache
def _results_of_example() -> Path:
    """A run of the example, made once for all pages."""
    import headwater as hw

    directory = Path(tempfile.mkdtemp(prefix="headwater-pages-"))
    import atexit

    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    hw.run(ROOT / EXAMPLE, directory / "output", threads=1, progress=False)
    return directory / "output"


@contextlib.contextmanager
def _registries_as_before() -> Any:
    """Choices that a page adds to the algorithm are not there for the next page."""
    from headwater.core import choices
    from headwater.core.registry import Registry

    known = {
        registry: set(registry.names())
        for registry in vars(choices).values()
        if isinstance(registry, Registry)
    }
    try:
        yield
    finally:
        for registry, before in known.items():
            for name in set(registry.names()) - before:
                registry.remove(name)


@contextlib.contextmanager
def _quiet_environment(place: Path) -> Any:
    """Commands of this checkout, without colours, in lines of a page's width."""
    programs = place / ".programs"
    programs.mkdir()
    command = programs / "headwater"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m headwater "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    path = os.pathsep.join(
        (str(programs), str(Path(sys.executable).parent), os.environ.get("PATH", ""))
    )
    source = os.pathsep.join(filter(None, (str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
    changed = {
        "PATH": path,
        "PYTHONPATH": source,
        "COLUMNS": str(_WIDTH),
        "NO_COLOR": "1",
        "HEADWATER_THREADS": "1",  # small systems, on machines that others use too
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Session:
    """The blocks of a page, which share their names."""

    def __init__(self, page: str) -> None:
        self._page = page
        self._names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, number: int, block: re.Match[str]) -> Shown:
        place = f"{self._page}, block {number}"
        if block["language"] == "console":
            return Shown(_run_commands(block["code"], place))
        return self._run_python(block["code"], place)

    def _run_python(self, code: str, place: str) -> Shown:
        printed, value = io.StringIO(), None
        try:
            tree = ast.parse(code, place)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            with (
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("error")
                # other packages tell what their next versions change
                warnings.simplefilter("ignore", FutureWarning)
                exec(compile(tree, place, "exec"), self._names)
                if isinstance(last, ast.Expr):
                    value = eval(compile(ast.Expression(last.value), place, "eval"), self._names)
        except Exception as error:
            raise PageError(f"{place}: {type(error).__name__}: {error}") from error
        text = printed.getvalue().rstrip("\n")
        if value is None or code.rstrip().endswith(";"):
            return Shown(text)
        if hasattr(value, "to_plotly_json"):
            return Shown(text, figure=figure_json(value))
        if hasattr(value, "_repr_html_"):
            return Shown(text, value._repr_html_())
        return Shown("\n".join(filter(None, (text, repr(value)))))


def _run_commands(code: str, place: str) -> str:
    """What the commands of a block wrote, each below its line."""
    told = []
    for line in re.sub(r" \\\n\s*", " ", code).splitlines():
        if not line.startswith("$ "):
            raise PageError(f"{place}: '{line}' does not begin with '$ '")
        done = subprocess.run(
            ["bash", "-c", line[2:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            encoding="utf-8",
        )
        output = "\n".join(one.rstrip() for one in done.stdout.strip("\n").splitlines())
        if done.returncode:
            raise PageError(f"{place}: '{line}' ended with {done.returncode}:\n{output}")
        told.append(output)
    return "\n\n".join(filter(None, told))


def figure_json(figure: Any) -> str:
    """The data of a figure, which may stand within a ``script`` element."""
    data = json.loads(figure.to_json())
    text = json.dumps(_short(data), separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c")


def _short(value: Any) -> Any:
    """Numbers with the digits that a picture can show."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _short(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_short(one) for one in value]
    return value


def as_html(shown: Shown) -> str:
    """What stands under a block on the site."""
    parts = []
    if shown.text:
        parts.append(f"<pre>{html.escape(shown.text)}</pre>")
    if shown.value:
        parts.append(shown.value)
    if shown.figure:  # javascripts/figures.js draws it
        data = f'<script type="application/json">{shown.figure}</script>'
        parts.append(f'<div class="hw-figure">{data}</div>')
    return f'<div class="hw-output">{"".join(parts)}</div>' if parts else ""
