"""The reference page of the tables of a run, made from their registry."""

from __future__ import annotations

from headwater.results.schemas import SCHEMAS
from headwater.results.table_schema import TableSchema

_NOTE = "<!-- Made by scripts/make-reference; change the schemas, not this page. -->"
_ABOUT = """Every table of a run with its columns. [Results](../results.md) says how to read them
and what their conventions are; the same list, for programs, is in `dictionaries/variables.csv`
beside the results. Columns marked *timing* differ from run to run; all others are the same for any
number of threads."""
_EXAMPLE = """```python
import headwater as hw

hw.load_results("output").table("buses").head()
```"""
_HEAD = "| Column | Type | Unit | Meaning |\n| --- | --- | --- | --- |"


def result_tables_page() -> str:
    """The page in Markdown."""
    return (
        "\n\n".join(
            [_NOTE, "# Tables of results", _ABOUT, _EXAMPLE, *map(_section, SCHEMAS.values())]
        )
        + "\n"
    )


def _section(schema: TableSchema) -> str:
    rows = [
        f"| {c.name} | {c.dtype}{', may be null' if c.nullable else ''} | "
        f"{'' if c.unit == '-' else c.unit} | {c.description}{' (timing)' if c.timing else ''} |"
        for c in schema.columns
    ]
    key = ", ".join(f"`{column}`" for column in schema.sort_keys)
    about = f"One row for each {schema.rows}; sorted by {key}."
    return "\n\n".join([f"## {schema.place.rstrip('/')}", about, "\n".join([_HEAD, *rows])])
