"""Cases in the dialect of Cobre 0.18, for tests: made by the converter beside the originals."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headwater as hw
from shared_data import ORIGINALS, SHARED

CONVERTER = SHARED / "bench" / "cobre_0_5_to_0_18.py"

requires_converter = pytest.mark.skipif(
    not CONVERTER.is_file(),
    reason=f"the converter is not at {CONVERTER} (set HEADWATER_SHARED to its place)",
)


def converted(source: Path, target: Path) -> Path:
    """The case as the converter writes it."""
    subprocess.run([sys.executable, CONVERTER, source, target], check=True, capture_output=True)
    return target


def edit(root: Path, file: str, change: Callable[[Any], object]) -> None:
    """Change the content of a JSON file; one that is not there begins as an empty object."""
    path = root / file
    content = json.loads(path.read_text()) if path.exists() else {}
    change(content)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def table(root: Path, name: str, **columns: object) -> None:
    """Write a table; whole numbers become 32 bits wide."""
    frame = pl.DataFrame(columns)
    ids = [c for c in frame.columns if c.endswith("_id")]
    (root / name).parent.mkdir(exist_ok=True)
    frame.with_columns([pl.col(c).cast(pl.Int32()) for c in ids]).write_parquet(root / name)


def newer_case(name: str, root: Path) -> Path:
    """A published case in the newer dialect, written by this project, to be changed."""
    return hw.convert_case(ORIGINALS / name, root / name, to="cobre-0.18")


def bound(root: Path) -> float:
    """Lower bound of a case after its own training."""
    return hw.train(hw.load_case(root), threads=1).lower_bound
