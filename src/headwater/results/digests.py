"""What a run was made with and from: versions of programs, digests of files."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headwater import files
from headwater._version import __version__
from headwater.core.provenance import packages_of
from headwater.model import Study


def versions(solver: str) -> dict[str, str]:
    """What computes, with its version; ``solver`` is the one of the solver."""
    return {
        "headwater": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": version("scipy"),
        "numba": version("numba"),
        "polars": pl.__version__,
        "solver": solver,
        "platform": f"{sys.platform} {platform.machine()}",
    }


def packages(study: Study) -> dict[str, list[str]]:
    """Packages, with versions, of the choices and equipment that are not the project's own.

    There is no entry where there are none.
    """
    found = packages_of(study)
    return {"packages": found} if found else {}


def table_digests(directory: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every table below a directory, by path relative to it."""
    return {
        path.relative_to(directory).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": files.sha256(path),
        }
        for path in sorted(directory.rglob("*.parquet"))
    }


def input_digests(study: Study) -> list[dict[str, str | None]]:
    """Digests of the case files.

    ``None`` for one that cannot be read by now, which must not cost the results.
    """
    root, listed = getattr(study, "root", None), getattr(study, "input_files", ())
    if root is None:
        return []
    return [
        {"file": path.relative_to(root).as_posix(), "sha256": _sha256(path)}
        for path in sorted(listed)
    ]


def _sha256(path: Path) -> str | None:
    try:
        return files.sha256(path)
    except OSError:
        return None
