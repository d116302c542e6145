"""Running the command line with the package of tests/outside installed, or without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

OUTSIDE = str(Path(__file__).parent / "outside")


def installed(**environment: str) -> dict[str, str]:
    """An environment in which the package is installed."""
    path = os.pathsep.join(filter(None, (OUTSIDE, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **environment}


def headwater(*words: object, there: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line, with or without the package."""
    command = [sys.executable, "-m", "headwater", *map(str, words)]
    environment = installed() if there else dict(os.environ)
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=environment, check=False
    )


def metadata(root: Path, part: str = "training") -> dict[str, Any]:
    """What a run recorded of a part of its results."""
    (path,) = root.rglob(f"{part}/metadata.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
