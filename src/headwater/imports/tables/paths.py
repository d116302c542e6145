"""Ways to values in the files of a case: as headings write them, and as findings do."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from headwater.imports.tables.layout import Path


def path_of(text: str) -> Path:
    """``blocks.1.hours`` as a path; lists count from 1 for people, from 0 here."""
    return tuple(int(step) - 1 if step.isdigit() else step for step in text.split("."))


def text_of(path: Path) -> str:
    """The heading of a path."""
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in path)


def put(content: Any, path: Path, value: Any) -> None:
    """Put a value into objects and lists, which are made as they are needed."""
    here = content
    for step, following in pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            while len(here) <= step:
                here.append(None)
            if here[step] is None:
                here[step] = empty
        elif step not in here:
            here[step] = empty
        here = here[step]
    last = path[-1]
    if isinstance(last, int):
        while len(here) <= last:
            here.append(None)
    here[last] = value
