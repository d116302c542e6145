"""The Python code on these pages is run, block after block, in an empty directory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LIBRARIES = {
    "building-systems.md": (),
    "data.md": ("pandas", "xarray"),
    "pypsa.md": ("pypsa",),
}
"""Page -> libraries without which it is left out."""


@pytest.mark.filterwarnings("ignore::FutureWarning")  # PyPSA tells what its next version changes
@pytest.mark.parametrize("page", LIBRARIES)
def test_the_code_on_the_page_runs(
    page: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in LIBRARIES[page]:
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    text = (root / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page}, block {number}", "exec"), names)
