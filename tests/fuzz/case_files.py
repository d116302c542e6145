"""The files of a case in memory, to be changed and written."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl


@dataclass
class CaseFiles:
    """What a case directory holds.

    Attributes:
        documents: JSON file -> its content.
        tables: table, without suffix -> its rows.
        contents: file -> bytes as they were read; they are written again for tables that are still
            those of ``read``.
        read: the tables of ``contents``.
    """

    documents: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    contents: dict[str, bytes]
    read: dict[str, pl.DataFrame]

    @classmethod
    def of(cls, root: Path) -> CaseFiles:
        """Read a case directory."""
        documents, tables, contents = {}, {}, {}
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix == ".json":
                documents[name] = json.loads(path.read_bytes())
            elif path.suffix == ".parquet":
                contents[name] = path.read_bytes()
                tables[name.removesuffix(".parquet")] = pl.read_parquet(io.BytesIO(contents[name]))
        return cls(documents, dict(tables), contents, tables)

    def copied(self) -> CaseFiles:
        """One that can be changed without changing this one."""
        return CaseFiles(copy.deepcopy(self.documents), dict(self.tables), self.contents, self.read)

    def rendered(self) -> dict[str, bytes]:
        """File -> the bytes to write."""
        found = {
            name: json.dumps(content, ensure_ascii=False).encode("utf-8", errors="surrogatepass")
            for name, content in self.documents.items()
        }
        for name, frame in self.tables.items():
            place = f"{name}.parquet"
            if frame is self.read.get(name):
                found[place] = self.contents[place]
            else:
                buffer = io.BytesIO()
                frame.write_parquet(buffer)
                found[place] = buffer.getvalue()
        return found
