"""State, stages and openings of a policy as its metadata record them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from headwater.equipment.recorded_state import layout_of
from headwater.errors import PolicyError
from headwater.lp import Outlook
from headwater.policy.choices import record_of_risk, recorded_risk
from headwater.sddp import PolicyStage, StateLayout

METADATA = "metadata.json"


def recorded_layout(metadata: Mapping[str, Any], checkpoint: Path) -> StateLayout:
    """The state that a policy was made for.

    Raises:
        PolicyError: the record contradicts itself.
    """
    recorded = metadata["layout"]
    layout = layout_of(recorded)
    if layout.dimension != recorded["state_dimension"]:
        raise PolicyError(
            f"HW808 {checkpoint / METADATA}: state_dimension is {recorded['state_dimension']}, "
            f"expected {layout.dimension} for {layout.size('storage')} hydros and "
            f"{layout.block('inflow_lag').depth} lags"
        )
    return layout


def recorded_stages(metadata: Mapping[str, Any]) -> tuple[PolicyStage, ...]:
    """The stages that a policy was made for."""
    if not metadata["stages"]:
        raise ValueError("it lists no stages")
    return tuple(
        PolicyStage(
            stage_id=s["stage_id"],
            start_date=date.fromisoformat(s["start_date"]),
            end_date=date.fromisoformat(s["end_date"]),
            season_id=s["season_id"],
            block_hours=tuple(s["block_hours"]),
            production=tuple(s["production"]),
            outlook=_outlook(s.get("outlook")),
            digest=s.get("digest", ""),
        )
        for s in metadata["stages"]
    )


def _outlook(recorded: Mapping[str, Any] | None) -> Outlook | None:
    if recorded is None:
        return None
    return Outlook(tuple(recorded["probability"]), recorded_risk(recorded))


def recorded_outlook(outlook: Outlook | None) -> dict[str, Any] | None:
    """Openings that follow a stage, and their risk measure."""
    if outlook is None:
        return None
    return {"probability": list(outlook.probability), **record_of_risk(outlook.risk)}
