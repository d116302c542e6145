"""Compiled code that comes with the package, for processors of a level.

A wheel may bring the engine compiled for levels of processors: then nothing is compiled at the
first use, and results have the same bits on every processor of a level. `scripts/make-compiled`
makes it.

It lies in ``LEVEL/KEY`` of one folder, where the key tells of the sources, Python, the compiler and
its flags, just as for what a machine compiles itself. Code of other sources or of another compiler
has another key, and is never found.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PLACE_VARIABLE = "HEADWATER_COMPILED"
"""Environment variable that says where compiled code of a package lies; empty: nowhere."""

OWN_PROCESSOR = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")
"""Environment variables with which a user says what processor to compile for."""


@dataclass(frozen=True)
class Level:
    """Processors that run the same code.

    Attributes:
        name: of the level, as compilers call it.
        architecture: names of the machine in LLVM's triples.
        processor: what LLVM is to compile for.
        features: what a processor of the level has, in LLVM's words.
    """

    name: str
    architecture: tuple[str, ...]
    processor: str
    features: frozenset[str]

    def runs_on(self, architecture: str, features: Mapping[str, bool]) -> bool:
        """Whether a machine can run code of this level."""
        return architecture in self.architecture and all(
            features.get(one, False) for one in self.features
        )


_V2 = frozenset({"cx16", "popcnt", "sahf", "sse3", "ssse3", "sse4.1", "sse4.2"})
_V3 = frozenset({"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave"})

LEVELS = (
    Level("x86-64-v3", ("x86_64",), "x86-64-v3", _V2 | _V3),
    Level("x86-64-v2", ("x86_64",), "x86-64-v2", _V2),
    Level("arm64", ("aarch64", "arm64"), "generic", frozenset()),
)
"""Levels that code is shipped for, of each kind of machine the highest first."""


def place() -> Path | None:
    """The folder of the compiled code that came with the package, or that the environment says.

    ``None`` where there is none, or where the user compiles for a processor of his own choice.
    """
    if any(name in os.environ for name in OWN_PROCESSOR):
        return None
    said = os.environ.get(PLACE_VARIABLE)
    if said is not None:
        return Path(said).absolute() if said else None
    packaged = Path(__file__).parent.parent / "compiled_code"
    return packaged if packaged.is_dir() else None
