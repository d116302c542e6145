"""What ``system/hydro_production_models.json`` may contain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from headwater.case.shapes import Count, Fraction, Id, NonNegative, Positive, Shape, complaint


class FittingWindowShape(Shape):
    """Section ``fitting_window``."""

    volume_min_hm3: NonNegative | None = None
    volume_max_hm3: NonNegative | None = None
    volume_min_percentile: Fraction | None = None
    volume_max_percentile: Fraction | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> FittingWindowShape:
        for end in ("min", "max"):
            if getattr(self, f"volume_{end}_hm3") is not None and getattr(self, f"volume_{end}_percentile") is not None:
                message = f"expected one of 'volume_{end}_hm3' and 'volume_{end}_percentile', got both"
                raise complaint("HW205", message, "remove one of the two")
        return self


class FphaConfigShape(Shape):
    """Section ``fpha_config``."""

    source: Literal["precomputed", "computed"]
    volume_discretization_points: Annotated[int, Field(ge=2, le=50)] = 5
    turbine_discretization_points: Annotated[int, Field(ge=2, le=50)] = 5
    spillage_discretization_points: Annotated[int, Field(ge=2, le=50)] = 5
    max_planes_per_hydro: Count = 10
    fitting_window: FittingWindowShape = FittingWindowShape()
    kappa: Literal["least_squares", "worst_case"] = "least_squares"


class ProductionRuleShape(Shape):
    """What stage ranges and seasons have in common."""

    model: Literal["constant_productivity", "linearized_head", "fpha"]
    fpha_config: FphaConfigShape | None = None
    productivity_override: Positive | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ProductionRuleShape:
        if self.model == "fpha" and self.fpha_config is None:
            raise complaint("HW201", "the model 'fpha' needs 'fpha_config', got none", "add 'fpha_config' with its 'source'")
        if self.model == "fpha" and self.productivity_override is not None:
            raise complaint("HW205", "'productivity_override' has no meaning with the model 'fpha'", "remove it")
        if self.model != "fpha" and self.fpha_config is not None:
            raise complaint("HW205", f"'fpha_config' has no meaning with the model '{self.model}'", "remove it")
        return self


class StageRangeShape(ProductionRuleShape):
    """A rule for a range of stages."""

    start_stage_id: Id
    end_stage_id: Id | None = None


class SeasonRuleShape(ProductionRuleShape):
    """A rule for a season."""

    season_id: Id


class ProductionModelShape(Shape):
    """The rules of one plant."""

    hydro_id: Id
    selection_mode: Literal["stage_ranges", "seasonal"]
    stage_ranges: Annotated[list[StageRangeShape], Field(min_length=1)] | None = None
    default_model: Literal["constant_productivity", "linearized_head", "fpha"] | None = None
    seasons: list[SeasonRuleShape] | None = None

    @model_validator(mode="after")
    def _matches_mode(self) -> ProductionModelShape:
        wanted, other = ("stage_ranges", "seasons") if self.selection_mode == "stage_ranges" else ("seasons", "stage_ranges")
        if getattr(self, wanted) is None:
            raise complaint("HW201", f"the mode '{self.selection_mode}' needs '{wanted}', got none", f"add '{wanted}'")
        if getattr(self, other) is not None:
            raise complaint("HW205", f"'{other}' has no meaning in the mode '{self.selection_mode}'", f"remove '{other}'")
        if self.selection_mode == "seasonal" and self.default_model is None:
            raise complaint("HW201", "the mode 'seasonal' needs 'default_model', got none", "add 'default_model'")
        if self.selection_mode == "stage_ranges" and self.default_model is not None:
            raise complaint("HW205", "'default_model' has no meaning in the mode 'stage_ranges'", "remove 'default_model'")
        return self


class ProductionModelsFile(Shape):
    """``system/hydro_production_models.json``."""

    production_models: list[ProductionModelShape]
