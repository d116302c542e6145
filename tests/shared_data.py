"""Where the case directories and reports are that the published cases were taken from, for tests
that compare the two.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("HEADWATER_SHARED", Path(__file__).resolve().parents[2] / "shared"))
ORIGINALS = SHARED / "cases" / "cobre-0.5"
ORACLES = SHARED / "oracles"

requires_shared = pytest.mark.skipif(
    not ORIGINALS.is_dir(),
    reason=f"the originals are not at {SHARED} (set HEADWATER_SHARED to their place)",
)
