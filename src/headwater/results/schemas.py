"""The registry of the tables of a run.

Writers, readers, dictionaries, documentation and tests all follow it.
"""

from __future__ import annotations

from headwater.arrays import FrozenDict
from headwater.core.equipment import EQUIPMENT
from headwater.results.simulation_schemas import SIMULATION_SCHEMAS
from headwater.results.training_schemas import TRAINING_SCHEMAS

SCHEMAS = FrozenDict({schema.name: schema for schema in (*SIMULATION_SCHEMAS, *TRAINING_SCHEMAS)})
"""Table name -> schema."""

TIMING_COLUMNS = SCHEMAS["convergence"].timing_columns
"""Columns of ``convergence`` that differ from run to run."""

SIMULATION_TABLES = tuple(
    schema.name for schema in SIMULATION_SCHEMAS if schema.place.endswith("/")
)
"""Tables with one part file per chunk of scenarios."""

CODES = FrozenDict(
    {
        "operative_state": {
            "0": "not existing",
            "1": "filling",
            "2": "operating",
            "3": "decommissioned",
        },
        "storage_binding": {
            "0": "none",
            "1": "at or below minimum",
            "2": "at maximum",
            "3": "both",
        },
        "entity_type": {str(part.code): part.name for part in EQUIPMENT.by_code()},
        "bound_type": {
            str(code): name
            for code, name in sorted(
                {one.code: one.name for part in EQUIPMENT for one in part.limits}.items()
            )
        },
        "contract_type": {"0": "import", "1": "export"},
    }
)
"""Meaning of the codes in the tables."""
