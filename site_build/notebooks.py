"""Pages as notebooks: what they say, their code, and what it showed when the site was made.

Written in version 4.5 of the notebook format (nbformat.readthedocs.io, *The notebook format*).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from executed import EXAMPLE, Shown, blocks_of, needs_results

_PLOTLY = "application/vnd.plotly.v1+json"


def notebook(text: str, shown: Sequence[Shown]) -> str:
    """A page as an executed notebook.

    Its first cell makes what pages find in their directory: the example, and its results where they
    are used.

    Args:
        text: the page in Markdown.
        shown: what each of its blocks showed.

    Returns:
        The notebook as JSON.
    """
    blocks = blocks_of(text)
    first = "\n".join(_preparation(with_results=needs_results(blocks)))
    cells = [_code(first, 0, [])]
    position = 0
    for number, (block, result) in enumerate(zip(blocks, shown, strict=True), start=1):
        cells += _words(text[position : block.start()])
        code = block["code"].rstrip("\n")
        if block["language"] == "console":
            code = re.sub(r"^\$ ", "!", code, flags=re.MULTILINE)
        cells.append(_code(code, number, _outputs(result, number)))
        position = block.end()
    cells += _words(text[position:])
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    found = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _preparation(*, with_results: bool) -> list[str]:
    """Code that makes the directory in which pages run."""
    name = EXAMPLE.rsplit("/", 1)[1]
    lines = [
        "# what this page was run with: pip install 'headwater[report,data]'",
        "from pathlib import Path",
        "",
        "import headwater as hw",
        "",
        f'if not Path("{EXAMPLE}").exists():',
        f'    hw.examples.load("{name}").save("{EXAMPLE}")',
    ]
    if with_results:
        lines += [
            'if not Path("output").exists():',
            f'    hw.run("{EXAMPLE}", "output", progress=False)',
        ]
    return lines


def _words(text: str) -> list[dict[str, Any]]:
    text = text.strip()
    return [{"cell_type": "markdown", "metadata": {}, "source": _lines(text)}] if text else []


def _code(code: str, number: int, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": number,
        "metadata": {},
        "outputs": outputs,
        "source": _lines(code),
    }


def _outputs(shown: Shown, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if shown.text:
        found.append({"name": "stdout", "output_type": "stream", "text": _lines(shown.text + "\n")})
    data: dict[str, Any] = {}
    if shown.figure:
        data = {_PLOTLY: json.loads(shown.figure), "text/plain": ["a figure of plotly"]}
    elif shown.value:
        data = {"text/html": _lines(shown.value), "text/plain": ["a table"]}
    if data:
        found.append(
            {"data": data, "execution_count": number, "metadata": {}}
            | {"output_type": "execute_result"}
        )
    return found


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
