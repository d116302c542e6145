"""What ``initial_conditions.json`` may contain."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from headwater.case.shapes import Count, Id, IsoDate, NonNegative, Shape, complaint


class StorageShape(Shape):
    """Storage of one plant."""

    hydro_id: Id
    value_hm3: NonNegative


class PastInflowsShape(Shape):
    """Inflows before the study, most recent first."""

    hydro_id: Id
    values_m3s: list[Annotated[float, Field()]]
    season_ids: list[Id] | None = None

    @model_validator(mode="after")
    def _same_length(self) -> PastInflowsShape:
        if self.season_ids is not None and len(self.season_ids) != len(self.values_m3s):
            message = f"expected as many season_ids as values_m3s ({len(self.values_m3s)}), got {len(self.season_ids)}"
            raise complaint("HW407", message, "give one season for each value, or none at all")
        return self


class RecentObservationShape(Shape):
    """Observed inflow of a part of the current period."""

    hydro_id: Id
    start_date: IsoDate
    end_date: IsoDate
    value_m3s: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> RecentObservationShape:
        if self.start_date >= self.end_date:
            message = f"expected start_date before end_date, got {self.start_date} and {self.end_date}"
            raise complaint("HW204", message, "correct the dates; the end is exclusive")
        return self


class GnlCommitmentShape(Shape):
    """One committed delivery of a GNL plant."""

    thermal_id: Id
    stage_offset: Count
    committed_mw: NonNegative


class InitialConditionsFile(Shape):
    """All of ``initial_conditions.json``."""

    storage: list[StorageShape]
    filling_storage: list[StorageShape]
    past_inflows: list[PastInflowsShape] = Field(default_factory=list)
    recent_observations: list[RecentObservationShape] = Field(default_factory=list)
    gnl_pipeline: list[GnlCommitmentShape] = Field(default_factory=list)
