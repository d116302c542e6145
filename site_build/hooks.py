"""Hooks of MkDocs: pages run when the site is built, and show under each block what came out."""

from __future__ import annotations

import json
import logging
import re
import time
from pathlib import Path
from typing import Any

from executed import FENCE, NOT_RUN, PageError, Shown, as_html, run_page
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from notebooks import notebook

import headwater
from headwater.report.theme import theme

_OFFERED_AS_NOTEBOOKS = "Tutorials"
"""Section of the navigation whose pages can be had as notebooks."""

_log = logging.getLogger("mkdocs.hooks.headwater")
_notebooks: dict[str, str] = {}
_outputs: dict[str, list[str]] = {}
_known: dict[tuple[str, str], list[Shown]] = {}
"""What pages showed, by name and text, so that `mkdocs serve` runs only what changed."""


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
            _known[key] = run_page(name, markdown)
        except PageError as error:
            raise PluginError(str(error)) from error
        if _known[key]:
            _log.info("%s ran in %.1f s", name, time.perf_counter() - started)
    outputs = _outputs[name] = []

    def with_output(block: re.Match[str]) -> str:
        fence = f"```{block['language']}\n{block['code']}```"
        if NOT_RUN in (block["marks"] or ""):
            return fence
        outputs.append(as_html(_known[key][len(outputs)]))
        hidden = ".hidden" in (block["marks"] or "")
        return ("" if hidden else fence) + f"\n\n{_place(len(outputs) - 1)}\n"

    shown = FENCE.sub(with_output, markdown)
    if page.parent is None or page.parent.title != _OFFERED_AS_NOTEBOOKS:
        return shown
    target = re.sub(r"\.md$", ".ipynb", name)
    _notebooks[target] = notebook(markdown, _known[key])
    file = ("../" if page.url.endswith("/") else "") + target.rsplit("/", 1)[-1]
    link = f'<a href="{file}" download>This page as a notebook</a>'
    return f'{shown}\n\n<p class="hw-notebook">{link}, with what it showed.</p>\n'


def on_post_build(config: Any) -> None:
    """Write the notebooks beside the pages that they are made of."""
    for name, content in _notebooks.items():
        path = Path(config.site_dir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put what the page showed in its places."""
    for number, output in enumerate(_outputs.pop(page.file.src_uri, ())):
        html = html.replace(_place(number), output)
    return html


def _place(number: int) -> str:
    return f'<div data-output="{number}"></div>'
