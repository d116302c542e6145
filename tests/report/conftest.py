"""Runs whose pictures are tested, and a browser to look at pages with."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headwater as hw

EXAMPLE = Path(__file__).parents[2] / "examples" / "four-subsystems"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def example_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the example, after a few iterations and on a few scenarios."""
    root = tmp_path_factory.mktemp("example")
    case = shutil.copytree(EXAMPLE, root / "case")
    config = json.loads((case / "config.json").read_text())
    config["training"]["stopping_rules"] = [{"type": "iteration_limit", "limit": 6}]
    config["simulation"]["num_scenarios"] = 24
    (case / "config.json").write_text(json.dumps(config))
    hw.run(case, root / "output", threads=1)
    return root / "output"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium of the system, without a window; tests are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    named = os.environ.get("HEADWATER_CHROMIUM")
    program = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(
            "there is no Chromium on this machine (apt-get install chromium, or HEADWATER_CHROMIUM)"
        )
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()
