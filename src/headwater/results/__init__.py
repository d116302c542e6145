"""Tables on disk and in memory: what a run writes, and how to read it back."""

from headwater.results.frames import chunk_frame, tables_to_frame
from headwater.results.reader import Results, load_results
from headwater.results.schemas import SCHEMAS, TIMING_COLUMNS
from headwater.results.simulation_writer import SimulationSink
from headwater.results.table_schema import Column, TableSchema
from headwater.results.writer import ResultsWriter

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
