"""The machine on which something was measured."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path

import psutil

from headwater.distributed import granted_threads
from headwater.solver import highs_version


def describe_machine() -> str:
    """Processor, cores, memory and versions in one sentence."""
    memory = psutil.virtual_memory().total / 2**30
    python = ".".join(str(part) for part in sys.version_info[:3])
    versions = (
        f"{highs_version()}, Python {python}, Numba {version('numba')}, NumPy {version('numpy')}"
    )
    return (
        f"{_processor()}, {granted_threads()} cores, {memory:.0f} GiB, "
        f"{platform.system()}; {versions}."
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
