"""Interconnections between buses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Lt

from headwater.core.fields import (
    ENTITY_KEYS,
    Check,
    EntryStage,
    ExitStage,
    Id,
    InFile,
    Name,
    NonNegative,
    Ordered,
    OwnId,
    PerStage,
    Positive,
    Priced,
    Ref,
    Section,
    Unit,
    in_file,
)
from headwater.model import file_checks as checks

_LINE_BOUNDS = "constraints/line_bounds.parquet"


@dataclass(frozen=True, slots=True)
class LossPoint:
    """A point of a curve of losses."""

    flow_mw: Annotated[Positive, "flow that is sent"]
    losses_mw: Annotated[NonNegative, "what of it is lost"]


@in_file(
    Section("capacity", "limits of the flow"),
    checks=(
        Ordered("min_phase_shift_degrees", "max_phase_shift_degrees"),
        checks.shifter_with_reactance,
    ),
    order=(*ENTITY_KEYS, "source_bus_id", "target_bus_id", "capacity", "exchange_cost"),
)
@dataclass(frozen=True, slots=True)
class Line:
    """A two-way interconnection.

    Received power is sent power times ``1 - losses_percent / 100``. Lines with a reactance share
    the flow by Kirchhoff's laws (the DC approximation); the others carry what is decided.
    """

    id: OwnId
    source_bus_id: Annotated[Id, Ref("bus"), "bus where the direct flow starts"]
    target_bus_id: Annotated[Id, Ref("bus"), "bus where the direct flow ends"]
    direct_capacity_mw: Annotated[
        NonNegative,
        InFile("capacity.direct_mw"),
        PerStage(_LINE_BOUNDS),
        "largest flow from source to target",
    ]
    reverse_capacity_mw: Annotated[
        NonNegative,
        InFile("capacity.reverse_mw"),
        PerStage(_LINE_BOUNDS),
        "largest flow from target to source",
    ]
    name: Name = ""
    losses_percent: Annotated[float, Ge(0), Lt(100), "share of the flow that is lost"] = 0.0
    exchange_cost_per_mwh: Annotated[
        NonNegative | None,
        InFile("exchange_cost"),
        Priced("constraints/penalty_overrides_line.parquet"),
        "small cost of flow on lines, which keeps it from going in circles",
    ] = None
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None
    reactance_pu: Annotated[
        Positive | None,
        Unit("per unit"),
        "reactance of an alternating-current line: around loops of such lines the flows follow "
        "Kirchhoff's laws; without it the flow is decided freely",
    ] = None
    min_phase_shift_degrees: Annotated[
        float, "least angle that a phase shifter adds; the same as the largest for a fixed one"
    ] = 0.0
    max_phase_shift_degrees: Annotated[float, "largest angle that a phase shifter adds"] = 0.0
    loss_curve: Annotated[
        tuple[LossPoint, ...],
        Check(checks.convex_losses),
        "losses that grow with the flow, through these points from no loss at no flow",
    ] = ()

    @property
    def shifts_phase(self) -> bool:
        """Whether it has a phase shifter."""
        return self.min_phase_shift_degrees != 0.0 or self.max_phase_shift_degrees != 0.0
