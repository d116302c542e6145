"""Starter cases: small, commented, valid directories to begin a study from."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from headwater.arrays import FrozenDict
from headwater.case.documents import canonical_table
from headwater.case.starter_parts import Starter
from headwater.case.starter_templates import cascade_fpha, from_history, one_reservoir, subsystems
from headwater.case.table_reader import complete_columns
from headwater.case.tables import TABLES
from headwater.errors import UsageError


def write_starter(
    directory: str | os.PathLike[str], template: str = "one-reservoir", *, force: bool = False
) -> Path:
    """Write a starter case.

    Args:
        directory: where to; made when it does not exist.
        template: a name from `TEMPLATES`.
        force: write into a directory that holds something already; files of the same name are
            replaced.

    Raises:
        UsageError: there is no such template, or the directory is not empty.

    Examples:
        >>> hw.write_starter("my-case", "cascade-fpha")
    """
    if template not in TEMPLATES:
        raise UsageError(
            f"there is no template '{template}'; expected one of {', '.join(TEMPLATES)}"
        )
    return write_new_case(directory, template, TEMPLATES[template], force=force)


def write_new_case(
    directory: str | os.PathLike[str],
    title: str,
    make: Callable[[], Starter],
    *,
    force: bool = False,
) -> Path:
    """Write a case that was made in code, with a ``README.md`` that explains it.

    Args:
        directory: where to; made when it does not exist.
        title: of the explanation.
        make: makes what is to be written.
        force: write into a directory that holds something already; files of the same name are
            replaced.

    Raises:
        UsageError: the directory is not empty.
    """
    root = Path(directory)
    if root.exists() and not force and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(
            f"'{root}' exists and is not an empty directory; choose another name, or force it"
        )
    starter = make()
    for folder in ("system", "scenarios", "constraints"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in starter.files.items():
        (root / name).write_text(
            json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n"
        )
    for name, rows in starter.tables.items():
        table = TABLES[f"{name}.parquet"]
        canonical_table(complete_columns(pl.DataFrame(rows), table), table).write_parquet(
            root / f"{name}.parquet"
        )
    readme = f"# {title}\n\n{starter.explanation}\n{_NEXT_STEPS}"
    (root / "README.md").write_text(readme, encoding="utf-8", newline="\n")
    return root


_NEXT_STEPS = """
Keys that start with `_` are comments. Next steps:

    headwater validate .      check what you changed
    headwater describe .      see what the system is
    headwater run .           train a policy and simulate it
    headwater summary output  see what was found
"""


TEMPLATES: Mapping[str, Callable[[], Starter]] = FrozenDict(
    {
        "one-reservoir": one_reservoir,
        "cascade-fpha": cascade_fpha,
        "subsystems": subsystems,
        "from-history": from_history,
    }
)
"""Name of a template -> what makes it."""


def template_summaries() -> dict[str, str]:
    """Name of a template -> what it is, in one line."""
    return {name: make().summary for name, make in TEMPLATES.items()}
