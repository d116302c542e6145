"""Hooks of MkDocs: pages run when the site is built, and show under each block what came out."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

from executed import FENCE, NOT_RUN, PageError, as_html, run_page
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

import headwater
from headwater.report.theme import theme

_log = logging.getLogger("mkdocs.hooks.headwater")
_outputs: dict[str, list[str]] = {}
_known: dict[tuple[str, str], list[str]] = {}
"""What pages showed, by their text, so that `mkdocs serve` runs only what changed."""


def on_config(config: Any) -> Any:
    """Say which version the pages are about."""
    config.extra["headwater_version"] = headwater.__version__
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the script that draws figures, which comes with plotly, and the colours of the report."""
    from plotly.offline import get_plotlyjs

    colors = {name: theme()[name] for name in ("light", "dark")}
    made = {
        "javascripts/plotly.min.js": get_plotlyjs(),
        "javascripts/colors.js": f"window.headwaterColors = {json.dumps(colors)};\n",
    }
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Run the page and mark the places of what it showed."""
    name = page.file.src_uri
    key = (name, markdown)
    if key not in _known:
        started = time.perf_counter()
        try:
            _known[key] = [as_html(shown) for shown in run_page(name, markdown)]
        except PageError as error:
            raise PluginError(str(error)) from error
        if _known[key]:
            _log.info("%s ran in %.1f s", name, time.perf_counter() - started)
    outputs = _outputs[name] = []

    def with_output(block: re.Match[str]) -> str:
        fence = f"```{block['language']}\n{block['code']}```"
        if NOT_RUN in (block["marks"] or ""):
            return fence
        outputs.append(_known[key][len(outputs)])
        hidden = ".hidden" in (block["marks"] or "")
        return ("" if hidden else fence) + f"\n\n{_place(len(outputs) - 1)}\n"

    return FENCE.sub(with_output, markdown)


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put what the page showed in its places."""
    for number, output in enumerate(_outputs.pop(page.file.src_uri, ())):
        html = html.replace(_place(number), output)
    return html


def _place(number: int) -> str:
    return f'<div data-output="{number}"></div>'
