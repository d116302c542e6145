"""Import from and export to neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from headwater.core.fields import (
    ENTITY_KEYS,
    BusId,
    EntryStage,
    ExitStage,
    InFile,
    Name,
    NonNegative,
    Ordered,
    OwnId,
    PerStage,
    Section,
    in_file,
)

_CONTRACT_BOUNDS = "constraints/contract_bounds.parquet"


class ContractKind(Enum):
    """Direction of an energy contract, seen from the system."""

    IMPORT = "import"
    EXPORT = "export"


@in_file(
    Section("limits", "limits of the power", checks=(Ordered("min_mw", "max_mw"),)),
    order=(*ENTITY_KEYS, "bus_id", "type", "price_per_mwh", "limits.min_mw"),
)
@dataclass(frozen=True, slots=True)
class EnergyContract:
    """Import from, or export to, a neighbour at a price.

    An export price is normally negative (revenue).
    """

    id: OwnId
    bus_id: BusId
    kind: Annotated[ContractKind, InFile("type"), "which of the known forms follows"]
    price_per_mwh: Annotated[
        float,
        PerStage(_CONTRACT_BOUNDS, place=2),
        "cost of a MWh: positive for an import that is paid, negative for an export that earns",
    ]
    max_mw: Annotated[
        NonNegative, InFile("limits.max_mw"), PerStage(_CONTRACT_BOUNDS, place=1), "largest power"
    ]
    name: Name = ""
    min_mw: Annotated[
        NonNegative,
        InFile("limits.min_mw", required=True),
        PerStage(_CONTRACT_BOUNDS, place=0),
        "smallest power",
    ] = 0.0
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None
