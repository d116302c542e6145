"""What files say in forms of their own, and what it is in code.

These are user constraints, production models and the past.

Forms of files are dataclasses without comparison and text: nothing asks for them, and each takes
time at every start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from headwater import model as m
from headwater.arrays import FrozenDict
from headwater.core.fields import (
    Count,
    FieldError,
    HydroId,
    Id,
    Name,
    NonNegative,
    OwnId,
    Positive,
    Ref,
    ThermalId,
    Unit,
    in_file,
)


@dataclass(eq=False, repr=False)
class InitialStorage:
    """Storage of one plant."""

    hydro_id: HydroId
    value_hm3: Annotated[NonNegative, "storage"]


def _a_season_for_each(past: Any) -> None:
    if past.season_ids is not None and len(past.season_ids) != len(past.values_m3s):
        message = (
            f"expected as many season_ids as values_m3s ({len(past.values_m3s)}), got "
            f"{len(past.season_ids)}"
        )
        raise FieldError("HW407", message, "give one season for each value, or none at all")


@in_file(checks=(_a_season_for_each,))
@dataclass(eq=False, repr=False)
class PastInflows:
    """Inflows of one plant before the study."""

    hydro_id: HydroId
    values_m3s: Annotated[
        tuple[float, ...], "mean inflows of the periods before the study, most recent first"
    ]
    season_ids: Annotated[tuple[Id, ...] | None, "seasons of these values"] = None


@dataclass(eq=False, repr=False)
class Commitment:
    """One committed delivery of a plant that is dispatched ahead."""

    thermal_id: ThermalId
    stage_offset: Annotated[Count, "stages until the delivery"]
    committed_mw: Annotated[NonNegative, "power that is delivered"]


@dataclass(eq=False, repr=False)
class InitialConditionsInFile:
    """All of ``initial_conditions.json``."""

    storage: Annotated[tuple[InitialStorage, ...], "storage at the start of the first stage"]
    filling_storage: Annotated[
        tuple[InitialStorage, ...], "storage of plants that are being filled"
    ]
    past_inflows: Annotated[tuple[PastInflows, ...], "inflows before the study"] = ()
    recent_observations: Annotated[
        tuple[m.RecentObservation, ...], "inflows observed since the current period began"
    ] = ()
    gnl_pipeline: Annotated[tuple[Commitment, ...], "deliveries that are already decided"] = ()
    past_defluences: Annotated[
        tuple[m.PastDefluence, ...], "outflows before the study of plants whose water travels"
    ] = ()

    def in_code(self) -> m.InitialConditions:
        """Where the system stands, every mapping in ascending id."""
        pipeline = {(c.thermal_id, c.stage_offset): c.committed_mw for c in self.gnl_pipeline}
        return m.InitialConditions(
            _by_plant((one.hydro_id, one.value_hm3) for one in self.storage),
            _by_plant((one.hydro_id, one.value_hm3) for one in self.filling_storage),
            _by_plant((one.hydro_id, one.values_m3s) for one in self.past_inflows),
            tuple(sorted(self.recent_observations, key=lambda o: (o.hydro_id, o.start_date))),
            FrozenDict(dict(sorted(pipeline.items()))),
            tuple(sorted(self.past_defluences, key=lambda o: (o.hydro_id, o.start_date))),
        )


def _by_plant(pairs: Any) -> FrozenDict[int, Any]:
    return FrozenDict(dict(sorted(pairs, key=lambda pair: pair[0])))


def _fits_its_model(rule: Any) -> None:
    if rule.model == "fpha" and rule.fpha_config is None:
        message = "the model 'fpha' needs 'fpha_config', got none"
        raise FieldError("HW201", message, "add 'fpha_config' with its 'source'")
    if rule.model == "fpha" and rule.productivity_override is not None:
        message = "'productivity_override' has no meaning with the model 'fpha'"
        raise FieldError("HW205", message, "remove it")
    if rule.model != "fpha" and rule.fpha_config is not None:
        message = f"'fpha_config' has no meaning with the model '{rule.model}'"
        raise FieldError("HW205", message, "remove it")


@in_file(checks=(_fits_its_model,))
@dataclass(eq=False, repr=False, kw_only=True)
class RuleInFile:
    """What rules for ranges of stages and for seasons have in common."""

    model: Annotated[m.ProductionKind, "production function"]
    fpha_config: Annotated[m.FphaFit | None, "how the planes are made"] = None
    productivity_override: Annotated[NonNegative | None, "productivity in place of the plant's"] = (
        None
    )


@dataclass(eq=False, repr=False, kw_only=True)
class StageRange(RuleInFile):
    """A rule for a range of stages."""

    start_stage_id: Annotated[Id, Ref("stage"), "first stage"]
    end_stage_id: Annotated[Id | None, Ref("stage"), "last stage; without it, to the end"] = None

    def in_code(self) -> m.ProductionRule:
        """The rule."""
        start, end = self.start_stage_id, self.end_stage_id
        override, fit = self.productivity_override, self.fpha_config
        return m.ProductionRule(self.model, start, end, None, override, fit)


@dataclass(eq=False, repr=False, kw_only=True)
class SeasonRule(RuleInFile):
    """A rule for a season."""

    season_id: Annotated[Id, "season that the period belongs to"]

    def in_code(self) -> m.ProductionRule:
        """The rule."""
        override, fit = self.productivity_override, self.fpha_config
        return m.ProductionRule(self.model, None, None, self.season_id, override, fit)


def _matches_its_mode(model: Any) -> None:
    mode = model.selection_mode
    pair = ("stage_ranges", "seasons")
    wanted, other = pair if mode == "stage_ranges" else pair[::-1]
    if getattr(model, wanted) is None:
        message = f"the mode '{mode}' needs '{wanted}', got none"
        raise FieldError("HW201", message, f"add '{wanted}'")
    if getattr(model, other) is not None:
        message = f"'{other}' has no meaning in the mode '{mode}'"
        raise FieldError("HW205", message, f"remove '{other}'")
    if mode == "seasonal" and model.default_model is None:
        message = "the mode 'seasonal' needs 'default_model', got none"
        raise FieldError("HW201", message, "add 'default_model'")
    if mode == "stage_ranges" and model.default_model is not None:
        message = "'default_model' has no meaning in the mode 'stage_ranges'"
        raise FieldError("HW205", message, "remove 'default_model'")


@in_file(checks=(_matches_its_mode,))
@dataclass(eq=False, repr=False)
class ProductionModelInFile:
    """The rules of one plant."""

    hydro_id: HydroId
    selection_mode: Annotated[
        Literal["stage_ranges", "seasonal"], "by ranges of stages, or by season"
    ]
    stage_ranges: Annotated[
        Annotated[tuple[StageRange, ...], MinLen(1)] | None, "rules for ranges of stages"
    ] = None
    default_model: Annotated[m.ProductionKind | None, "model of seasons without a rule"] = None
    seasons: Annotated[tuple[SeasonRule, ...] | None, "rules for seasons"] = None

    def in_code(self) -> m.ProductionModel:
        """Rules of stages in a fixed order.

        Of ranges that overlap the first holds, so their order stays; seasons go by their id.
        """
        rules: Any = self.stage_ranges or ()
        if self.selection_mode == "seasonal":
            rules = sorted(self.seasons or (), key=lambda rule: rule.season_id or 0)
        seasonal = self.selection_mode == "seasonal"
        return m.ProductionModel(self.hydro_id, tuple(rules), seasonal, self.default_model)


def _priced(slack: Any) -> None:
    if slack.enabled and slack.penalty is None:
        message = "an enabled slack needs a 'penalty', got none"
        raise FieldError("HW201", message, "add 'penalty' in $ per unit and hour")


@in_file(checks=(_priced,))
@dataclass(eq=False, repr=False)
class Slack:
    """Whether a constraint is soft, and at what cost."""

    enabled: Annotated[bool, "whether it is switched on"]
    penalty: Annotated[Positive | None, Unit("$ per unit and hour"), "cost of violating it"] = None


def _parses(constraint: Any) -> None:
    try:
        parsed = m.parse_expression(constraint.expression)
        numbers = (parsed.constant, *(term.coefficient for term in parsed.terms))
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("some number, which is too large")
    except (m.ExpressionError, ValueError, RecursionError) as error:
        message = f"the expression does not parse at {error}"
        fix = "correct the expression, e.g. '2 * hydro_turbined(0) - line_direct(1, 0)'"
        raise FieldError("HW203", message, fix) from None


@in_file(checks=(_parses,), order=("id", "name", "description"))
@dataclass(eq=False, repr=False)
class ConstraintInFile:
    """One user constraint."""

    id: OwnId
    name: Name
    expression: Annotated[
        str, "sum of quantities with factors, e.g. 2 * hydro_turbined(0) - line_direct(1)"
    ]
    sense: Annotated[m.Sense, "relation to the bound"]
    slack: Annotated[Slack, "whether it may be violated at a cost"]
    description: Annotated[str | None, "free text"] = None
    block_aggregation: Annotated[
        m.BlockAggregation, "whether it holds in each block, for their sum, or for their mean"
    ] = m.BlockAggregation.PER_BLOCK

    def in_code(self) -> m.GenericConstraint:
        """The constraint."""
        return m.GenericConstraint(
            self.id,
            m.parse_expression(self.expression),
            self.sense,
            self.name,
            self.description or "",
            self.slack.penalty if self.slack.enabled else None,
            self.block_aggregation,
        )
