"""Puts compiled code into the wheel, where HEADWATER_COMPILED says where it lies.

Such a wheel is for one Python and one kind of machine; without the variable it is for all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import Tag, platform_tags, sys_tags

OLDEST_LINUX = "manylinux_2_17"
"""Compiled code calls nothing of the system that older ones lack."""


class CompiledCode(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling calls `initialize` before it makes the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder and say what the wheel is for."""
        said = os.environ.get("HEADWATER_COMPILED")
        if not said or version == "editable":
            return
        folder = Path(said).absolute()
        if not any(folder.glob("*/*/complete.json")):
            raise FileNotFoundError(
                f"HEADWATER_COMPILED is {folder}, where no compiled code lies; "
                "scripts/make-compiled makes it"
            )
        build_data["force_include"][str(folder)] = "headwater/compiled_code"
        build_data["pure_python"] = False
        build_data["tag"] = str(tag())


def tag() -> Tag:
    """This Python on this kind of machine, of any version that the code runs on."""
    first = next(sys_tags())
    with_glibc = [name for name in platform_tags() if name.startswith("manylinux_")]
    if not with_glibc:
        return first
    machine = with_glibc[0].split("_", 3)[-1]
    return Tag(first.interpreter, first.abi, f"{OLDEST_LINUX}_{machine}")
