"""Sources whose power is not decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from headwater.core.fields import (
    ENTITY_KEYS,
    BusId,
    EntryStage,
    ExitStage,
    InFile,
    Name,
    NonNegative,
    OwnId,
    PerStage,
    Priced,
    in_file,
)


@in_file(order=(*ENTITY_KEYS, "bus_id"))
@dataclass(frozen=True, slots=True)
class NonControllableSource:
    """Wind, solar or small hydro: generation up to an exogenous availability.

    The rest is curtailed at a cost.
    """

    id: OwnId
    bus_id: BusId
    max_generation_mw: Annotated[
        NonNegative,
        PerStage(
            "constraints/ncs_bounds.parquet",
            "available_generation_mw",
            required=True,
            meaning="power that is available before any factor",
        ),
        "largest generation",
    ]
    name: Name = ""
    curtailment_cost_per_mwh: Annotated[
        NonNegative | None,
        InFile("curtailment_cost"),
        Priced("constraints/penalty_overrides_ncs.parquet"),
        "small cost of power from sources that is not used",
    ] = None
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None
    allow_curtailment: Annotated[
        bool, "whether power that is available may be left unused; else all of it must be taken"
    ] = True
