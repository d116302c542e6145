"""Changes to the files of a case, each an object that JSON can hold: ``{"do": NAME, ...}``.

Changes of documents and tables come first, changes of bytes after them, whatever their order.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from fuzz import systems
from fuzz.case_files import CaseFiles

Step = dict[str, Any]

TYPES = {
    "boolean": pl.Boolean(),
    "text": pl.String(),
    "date": pl.Date(),
    "time": pl.Datetime("us"),
    "list": pl.List(pl.Int8()),
    "uint64": pl.UInt64(),
    "int64": pl.Int64(),
    "int8": pl.Int8(),
    "float32": pl.Float32(),
    "float64": pl.Float64(),
    "binary": pl.Binary(),
    "null": pl.Null(),
    "category": pl.Categorical(),
}


class OutOfPlaceError(Exception):
    """A step that an earlier one has left nothing to act on."""


def apply(files: CaseFiles, steps: list[Step], root: Path) -> None:
    """Make the changes and write the case into a new directory.

    A step that has nothing to act on does nothing.
    """
    late = [step for step in steps if step["do"] in _BYTES]
    for step in steps:
        if step["do"] not in _BYTES:
            try:
                _STEPS[step["do"]](files, step)
            except (LookupError, TypeError, ValueError, AttributeError, pl.exceptions.PolarsError):
                continue
    contents = files.rendered()
    for step in late:
        if step["do"] != "node":
            _BYTES[step["do"]](contents, step)
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    for step in late:
        if step["do"] == "node":
            _node(root / step["file"], step["kind"])


def _holder(files: CaseFiles, step: Step) -> tuple[Any, Any]:
    holder = files.documents[step["file"]]
    for key in step["path"][:-1]:
        holder = holder[key]
    return holder, step["path"][-1]


def _set(files: CaseFiles, step: Step) -> None:
    holder, key = _holder(files, step)
    holder[key] = step["value"]


def _delete(files: CaseFiles, step: Step) -> None:
    holder, key = _holder(files, step)
    del holder[key]


def _insert(files: CaseFiles, step: Step) -> None:
    holder, key = _holder(files, step)
    holder.insert(key, step["value"])


def _rename(files: CaseFiles, step: Step) -> None:
    holder, key = _holder(files, step)
    holder[step["to"]] = holder.pop(key)


def _reverse(files: CaseFiles, step: Step) -> None:
    holder, key = _holder(files, step)
    holder[key].reverse()


def _scale(files: CaseFiles, step: Step) -> None:
    holder, key = _holder(files, step)
    holder[key] = holder[key] * step["factor"]


def _document(files: CaseFiles, step: Step) -> None:
    files.documents[step["file"]] = step["value"]


def _column(files: CaseFiles, step: Step) -> pl.Series:
    return files.tables[step["table"]].get_column(step["column"])


def _replace(files: CaseFiles, step: Step, series: pl.Series) -> None:
    files.tables[step["table"]] = files.tables[step["table"]].with_columns(
        series.alias(step["column"])
    )


def _cell(files: CaseFiles, step: Step) -> None:
    column = _column(files, step)
    values = column.to_list()
    values[step["row"]] = step["value"]
    _replace(files, step, pl.Series(step["column"], values, column.dtype, strict=False))


def _fill(files: CaseFiles, step: Step) -> None:
    column = _column(files, step)
    _replace(
        files, step, pl.Series([step["value"]] * len(column), dtype=column.dtype, strict=False)
    )


def _scale_column(files: CaseFiles, step: Step) -> None:
    _replace(files, step, _column(files, step) * step["factor"])


def _retype(files: CaseFiles, step: Step) -> None:
    column = _column(files, step)
    dtype = TYPES[step["type"]]
    try:
        changed = column.cast(dtype, strict=False)
    except pl.exceptions.PolarsError:  # not every type converts to every other
        changed = pl.Series([None] * len(column), dtype=dtype)
    _replace(files, step, changed)


def _rename_column(files: CaseFiles, step: Step) -> None:
    files.tables[step["table"]] = files.tables[step["table"]].rename({step["column"]: step["to"]})


def _drop_column(files: CaseFiles, step: Step) -> None:
    files.tables[step["table"]] = files.tables[step["table"]].drop(step["column"])


def _add_column(files: CaseFiles, step: Step) -> None:
    files.tables[step["table"]] = files.tables[step["table"]].with_columns(
        pl.lit(step["value"]).alias(step["column"])
    )


def _rows(files: CaseFiles, step: Step) -> None:
    """Keep the rows of given positions, in their order; shuffled where a seed is given."""
    frame = files.tables[step["table"]]
    order = list(range(frame.height))
    if "seed" in step:
        random.Random(step["seed"]).shuffle(order)
    elif step["kind"] == "reversed":
        order.reverse()
    elif step["kind"] == "doubled":
        order.insert(step["row"], step["row"])
    elif step["kind"] == "without":
        del order[step["row"] : step["row"] + step["count"]]
    else:
        order = order[: step["row"]]
    files.tables[step["table"]] = frame[order]


def _table_of(files: CaseFiles, step: Step) -> None:
    files.tables[step["table"]] = systems.system(step["system"]).tables[step["table"]]


def _file_of(files: CaseFiles, step: Step) -> None:
    files.documents[step["file"]] = systems.system(step["system"]).copied().documents[step["file"]]


_STEPS: dict[str, Callable[[CaseFiles, Step], None]] = {
    "set": _set,
    "delete": _delete,
    "insert": _insert,
    "rename": _rename,
    "reverse": _reverse,
    "scale": _scale,
    "document": _document,
    "cell": _cell,
    "fill": _fill,
    "scale column": _scale_column,
    "retype": _retype,
    "rename column": _rename_column,
    "drop column": _drop_column,
    "add column": _add_column,
    "rows": _rows,
    "table of": _table_of,
    "file of": _file_of,
}

Contents = dict[str, bytes]


def _drop_file(contents: Contents, step: Step) -> None:
    contents.pop(step["file"], None)


def _swap(contents: Contents, step: Step) -> None:
    if step["file"] in contents and step["other"] in contents:
        contents[step["file"]], contents[step["other"]] = (
            contents[step["other"]],
            contents[step["file"]],
        )


def _move(contents: Contents, step: Step) -> None:
    if step["file"] in contents:
        contents[step["to"]] = contents.pop(step["file"])


def _cut(contents: Contents, step: Step) -> None:
    content = contents.get(step["file"], b"")
    contents[step["file"]] = content[: int(step["share"] * len(content))]


def _junk(contents: Contents, step: Step) -> None:
    content = contents.get(step["file"], b"")
    start, junk = int(step["share"] * len(content)), bytes.fromhex(step["hex"])
    contents[step["file"]] = (
        content[:start] + junk + content[start + (len(junk) if step["over"] else 0) :]
    )


def _encode(contents: Contents, step: Step) -> None:
    text = contents.get(step["file"], b"").decode("utf-8", errors="replace")
    contents[step["file"]] = text.encode(step["encoding"], errors="replace")


def _text(contents: Contents, step: Step) -> None:
    contents[step["file"]] = step["text"].encode() * step.get("times", 1)


def _as_csv(contents: Contents, step: Step) -> None:
    content = contents.pop(f"{step['table']}.parquet", None)
    if content is not None:
        frame = pl.read_parquet(content)
        try:
            contents[f"{step['table']}.csv"] = frame.write_csv(separator=step["separator"]).encode()
        except pl.exceptions.PolarsError:  # a column of lists
            contents[f"{step['table']}.csv"] = b"\x00"


_BYTES: dict[str, Callable[[Contents, Step], None]] = {
    "drop file": _drop_file,
    "swap": _swap,
    "move": _move,
    "cut": _cut,
    "junk": _junk,
    "encode": _encode,
    "text": _text,
    "as csv": _as_csv,
    "node": lambda contents, step: None,
}


def _node(path: Path, kind: str) -> None:
    """Put something that is not a file in the place of a file."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path.name)
    else:
        path.symlink_to("nowhere")
