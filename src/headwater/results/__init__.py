"""Tables on disk and in memory: what a run writes, and how to read it back."""

from typing import TYPE_CHECKING

from headwater._on_demand import on_demand

if TYPE_CHECKING:
    from headwater.results.frames import chunk_frame, tables_to_frame
    from headwater.results.reader import Results, load_results
    from headwater.results.schemas import SCHEMAS, TIMING_COLUMNS
    from headwater.results.simulation_writer import SimulationSink
    from headwater.results.table_schema import Column, TableSchema
    from headwater.results.writer import ResultsWriter
else:
    __getattr__, __dir__ = on_demand(
        "headwater.results",
        {
            "headwater.results.frames": ("chunk_frame", "tables_to_frame"),
            "headwater.results.reader": ("Results", "load_results"),
            "headwater.results.schemas": ("SCHEMAS", "TIMING_COLUMNS"),
            "headwater.results.simulation_writer": ("SimulationSink",),
            "headwater.results.table_schema": ("Column", "TableSchema"),
            "headwater.results.writer": ("ResultsWriter",),
        },
    )

__all__ = [
    "SCHEMAS",
    "TIMING_COLUMNS",
    "Column",
    "Results",
    "ResultsWriter",
    "SimulationSink",
    "TableSchema",
    "chunk_frame",
    "load_results",
    "tables_to_frame",
]
