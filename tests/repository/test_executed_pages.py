"""Pages are run when the site is built; here the runner itself is judged, and a few quick pages."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headwater as hw

QUICK = ("tutorials/own-system.md", "data.md", "layout.md", "reference/codes.md")
PICTURES = 40
"""How many pictures the site makes, at least."""


@pytest.fixture
def executed(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module that runs pages."""
    monkeypatch.syspath_prepend(root / "site_build")
    import executed

    yield executed
    del sys.modules["executed"]
    sys.modules.pop("notebooks", None)


def pages(root: Path) -> dict[str, str]:
    docs = root / "docs"
    return {
        path.relative_to(docs).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(docs.rglob("*.md"))
    }


def test_every_page_has_an_example_that_runs(root: Path, executed: Any) -> None:
    found = pages(root)
    assert len(found) > 30
    assert [name for name, text in found.items() if not executed.blocks_of(text)] == []


def test_the_site_makes_many_pictures(root: Path, executed: Any) -> None:
    drawn = [
        (name, block["code"])
        for name, text in pages(root).items()
        for block in executed.blocks_of(text)
        if block["language"] == "python"
        and re.search(r"^[\w.\[\]0]+\.plot\.", block["code"].strip().splitlines()[-1])
    ]
    assert len(drawn) >= PICTURES


@pytest.mark.parametrize("page", QUICK)
def test_the_code_on_the_page_runs(page: str, root: Path, executed: Any) -> None:
    if page == "data.md":
        for library in ("pandas", "xarray"):
            pytest.importorskip(library)
    text = pages(root)[page]
    assert len(executed.run_page(page, text)) == len(executed.blocks_of(text)) > 0


def test_a_block_shows_what_it_prints_and_the_value_of_its_last_line(executed: Any) -> None:
    text = "```python\nx = 2\nprint('first')\nx + 40\n```\n\nthen\n\n```python\nx;\n```\n"
    assert [shown.text for shown in executed.run_page("page", text)] == ["first\n42", ""]


def test_a_figure_stands_on_the_page_as_its_data(executed: Any) -> None:
    pytest.importorskip("plotly")
    text = (
        "```python\nimport plotly.graph_objects as go\n\n"
        "go.Figure(go.Bar(x=['</script>'], y=[1.23456789]))\n```\n"
    )
    (shown,) = executed.run_page("page", text)
    assert "1.23457" in shown.figure
    assert executed.as_html(shown).count("</script>") == 1


def test_a_page_is_a_notebook_with_what_it_showed(
    executed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("plotly")
    from notebooks import notebook

    text = (
        "# Title\n\n```python\nimport plotly.graph_objects as go\nprint('said')\n```\n\nwords\n\n"
        "```python {.hidden}\ngo.Figure(go.Bar(x=['<b>'], y=[1.5]))\n```\n\n"
        "```python {.not-run}\nnobody()\n```\n\n"
        "```console\n$ ls examples\n```\n"
        "```python\nimport polars as pl\npl.DataFrame({'a': [1]})\n```\n"
    )
    found = json.loads(notebook(text, executed.run_page("page", text)))
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    cells = [(one["cell_type"], "".join(one["source"])) for one in found["cells"]]
    assert cells[1:] == [
        ("markdown", "# Title"),
        ("code", "import plotly.graph_objects as go\nprint('said')"),
        ("markdown", "words"),
        ("code", "go.Figure(go.Bar(x=['<b>'], y=[1.5]))"),
        ("markdown", "```python {.not-run}\nnobody()\n```"),
        ("code", "!ls examples"),
        ("code", "import polars as pl\npl.DataFrame({'a': [1]})"),
    ]
    said, drawn, listed, table = (
        one["outputs"][0] for one in found["cells"][2:] if one["cell_type"] == "code"
    )
    assert said == {"name": "stdout", "output_type": "stream", "text": ["said\n"]}
    assert drawn["data"]["application/vnd.plotly.v1+json"]["data"][0]["x"] == ["<b>"]
    assert "four-subsystems\n" in listed["text"]
    assert "<table" in "".join(table["data"]["text/html"])
    assert len({one["id"] for one in found["cells"]}) == len(found["cells"])
    # the first cell makes the directory that the page ran in
    monkeypatch.chdir(tmp_path)
    exec(cells[0][1], {})
    made = hw.load_case(tmp_path / "examples/four-subsystems")
    assert made.system == hw.load_case(root_of(executed) / "examples/four-subsystems").system


def root_of(executed: Any) -> Path:
    """The repository."""
    return executed.ROOT


def test_commands_run_in_the_directory_of_the_page(executed: Any) -> None:
    text = (
        "```python\nfrom pathlib import Path\n\nPath('made.txt').write_text('by python');\n```\n"
        "```console\n$ cat made.txt\n$ echo two \\\n  words\n```\n"
    )
    assert executed.run_page("page", text)[1].text == "by python\n\ntwo words"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("```python\n1 / 0\n```\n", "page, block 1: ZeroDivisionError"),
        ("```python\nimport warnings\n\nwarnings.warn('old')\n```\n", "UserWarning: old"),
        ("```python\nif True\n```\n", "SyntaxError"),
        ("```console\n$ exit 3\n```\n", "'$ exit 3' ended with 3"),
        ("```console\nls\n```\n", "does not begin with '$ '"),
    ],
)
def test_what_does_not_run_ends_the_build_and_names_the_block(
    block: str, words: str, executed: Any
) -> None:
    with pytest.raises(executed.PageError, match=re.escape(words)):
        executed.run_page("page", block)


def test_pieces_are_not_run(executed: Any) -> None:
    assert executed.run_page("page", "```python {.not-run}\nnothing_that_is\n```\n") == []


def test_what_a_page_adds_to_the_algorithm_is_gone_afterwards(executed: Any) -> None:
    text = (
        "```python\nimport dataclasses\n"
        "from typing import ClassVar\n\n"
        "from headwater.core.choices import RISK_MEASURES, RiskMeasure\n\n\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Mine(RiskMeasure):\n    type: ClassVar[str] = 'mine_alone'\n\n\n"
        "RISK_MEASURES.add(Mine);\n```\n"
    )
    executed.run_page("page", text)
    from headwater.core.choices import RISK_MEASURES

    assert "mine_alone" not in RISK_MEASURES.names()


def test_every_public_name_is_in_the_reference(root: Path) -> None:
    named = set(re.findall(r"^::: headwater\.(\w+)$", pages(root)["api/index.md"], re.MULTILINE))
    assert named == set(hw.__all__) - {"__version__", "model"}


def test_the_site_loads_nothing_from_the_internet(root: Path) -> None:
    """MathJax and plotly lie beside the pages, and no font is fetched."""
    import hashlib

    docs = root / "docs"
    script = docs / "javascripts" / "mathjax" / "tex-svg.js"
    assert (script.parent / "LICENSE").is_file()
    assert hashlib.sha256(script.read_bytes()).hexdigest() == (
        "d4295dc33744836935c1399feece5159577b34c5c8ffb9f1c6324cd82e03a882"  # of MathJax 3.2.2
    )
    settings = (root / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in settings
    own = [
        *docs.glob("javascripts/*.js"),
        *docs.glob("stylesheets/*"),
        *docs.glob("pictures/*.svg"),
    ]
    assert len(own) >= 4
    loads = re.compile(r"(?:src|href|url\(|from|import)\W{0,4}https?://")
    assert [path.name for path in own if loads.search(path.read_text(encoding="utf-8"))] == []
    assert "http" not in settings
