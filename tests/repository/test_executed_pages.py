"""The Python code on these pages is run, block after block, in an empty directory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = ("building-systems.md", "data.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_code_on_the_page_runs(
    page: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if page == "data.md":
        for library in ("pandas", "xarray"):
            pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    text = (root / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page}, block {number}", "exec"), names)
