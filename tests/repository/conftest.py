"""Where the repository is; tests of it are skipped when only the package is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    if not (ROOT / "mkdocs.yml").is_file():
        pytest.skip("the repository is not complete: mkdocs.yml is missing")
    return ROOT
