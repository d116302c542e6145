"""Where the published cases and the oracles are, for tests that need them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("HEADWATER_SHARED", Path(__file__).resolve().parents[2] / "shared"))
CASES = SHARED / "cases" / "cobre-0.5"
EXPECTED = SHARED / "cases" / "expected.json"
ORACLES = SHARED / "oracles"

requires_shared = pytest.mark.skipif(
    not CASES.is_dir(), reason=f"the published cases are not at {SHARED} (set HEADWATER_SHARED to their place)"
)
