"""What the JSON files of ``scenarios/`` and ``constraints/`` may contain."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from headwater.case.shapes import Id, NonNegative, Positive, Shape, complaint
from headwater.model import ExpressionError, parse_expression


class LoadBlockFactorShape(Shape):
    """Multiplier of the load in one block."""

    block_id: Id
    factor: Positive


class LoadFactorShape(Shape):
    """Multipliers of one bus at one stage."""

    bus_id: Id
    stage_id: Id
    block_factors: list[LoadBlockFactorShape]


class LoadFactorsFile(Shape):
    """``scenarios/load_factors.json``."""

    load_factors: list[LoadFactorShape]


class NcsBlockFactorShape(Shape):
    """Multiplier of the availability in one block."""

    block_id: Id
    factor: NonNegative


class NcsFactorShape(Shape):
    """Multipliers of one source at one stage."""

    ncs_id: Id
    stage_id: Id
    block_factors: list[NcsBlockFactorShape]


class NcsFactorsFile(Shape):
    """``scenarios/non_controllable_factors.json``."""

    non_controllable_factors: list[NcsFactorShape]


class ExchangeBlockFactorShape(Shape):
    """Multipliers of both directions in one block."""

    block_id: Id
    direct_factor: NonNegative
    reverse_factor: NonNegative


class ExchangeFactorShape(Shape):
    """Multipliers of one line at one stage."""

    line_id: Id
    stage_id: Id
    block_factors: list[ExchangeBlockFactorShape]


class ExchangeFactorsFile(Shape):
    """``constraints/exchange_factors.json``."""

    exchange_factors: list[ExchangeFactorShape]


class CorrelatedShape(Shape):
    """One member of a correlation group."""

    type: Literal["inflow", "load", "ncs"]
    id: Id


MATRIX_TOLERANCE = 1e-9


class CorrelationGroupShape(Shape):
    """Entities and their correlation matrix."""

    name: str
    entities: Annotated[list[CorrelatedShape], Field(min_length=1)]
    matrix: list[list[float]]

    @model_validator(mode="after")
    def _is_correlation(self) -> CorrelationGroupShape:
        n = len(self.entities)
        if len({member.type for member in self.entities}) > 1:
            raise complaint("HW212", "expected entities of one type in a group, got several types", "split the group by type")
        members = [member.id for member in self.entities]
        if len(set(members)) < n:
            raise complaint("HW208", "expected each entity once in a group, got a repeated id", "remove the repetition")
        if len(self.matrix) != n or any(len(row) != n for row in self.matrix):
            sizes = sorted({len(row) for row in self.matrix})
            message = f"expected a matrix of {n} rows and {n} columns, got {len(self.matrix)} rows of lengths {sizes[:5]}"
            raise complaint("HW212", message, "give one row and one column for each entity")
        for i in range(n):
            if abs(self.matrix[i][i] - 1.0) > MATRIX_TOLERANCE:
                raise complaint("HW212", f"expected 1 on the diagonal, got {self.matrix[i][i]:g} at [{i}][{i}]", "correct it")
            for j in range(i):
                left, right = self.matrix[i][j], self.matrix[j][i]
                if abs(left - right) > MATRIX_TOLERANCE:
                    message = f"expected a symmetric matrix, got {left:g} at [{i}][{j}] and {right:g} at [{j}][{i}]"
                    raise complaint("HW212", message, "make both entries equal")
                if abs(left) > 1.0 + MATRIX_TOLERANCE:
                    raise complaint("HW212", f"expected entries in [-1, 1], got {left:g} at [{i}][{j}]", "correct the entry")
        return self


class CorrelationProfileShape(Shape):
    """One profile."""

    correlation_groups: list[CorrelationGroupShape]

    @model_validator(mode="after")
    def _disjoint(self) -> CorrelationProfileShape:
        names, members = set(), set()
        for group in self.correlation_groups:
            if group.name in names:
                raise complaint("HW208", f"expected group names once each, got '{group.name}' twice", "rename one group")
            names.add(group.name)
            for member in group.entities:
                key = (member.type, member.id)
                if key in members:
                    message = f"expected each entity in one group, got {member.type} {member.id} in two"
                    raise complaint("HW208", message, "remove it from one of the groups")
                members.add(key)
        return self


class ScheduleShape(Shape):
    """Profile of one stage."""

    stage_id: Id
    profile_name: str


class CorrelationFile(Shape):
    """``scenarios/correlation.json``."""

    method: Literal["spectral", "cholesky"]
    profiles: Annotated[dict[str, CorrelationProfileShape], Field(min_length=1)]
    schedule: list[ScheduleShape] = Field(default_factory=list)


class SlackShape(Shape):
    """Whether a constraint is soft, and at what cost."""

    enabled: bool
    penalty: Positive | None = None

    @model_validator(mode="after")
    def _priced(self) -> SlackShape:
        if self.enabled and self.penalty is None:
            raise complaint("HW201", "an enabled slack needs a 'penalty', got none", "add 'penalty' in $ per unit and hour")
        return self


class GenericConstraintShape(Shape):
    """One user constraint."""

    id: Id
    name: str
    description: str | None = None
    expression: str
    sense: Literal[">=", "<=", "=="]
    slack: SlackShape
    block_aggregation: Literal["per_block", "sum", "average"] = "per_block"

    @model_validator(mode="after")
    def _parses(self) -> GenericConstraintShape:
        try:
            parsed = parse_expression(self.expression)
            if not all(math.isfinite(number) for number in (parsed.constant, *(term.coefficient for term in parsed.terms))):
                raise ValueError("some number, which is too large")
        except (ExpressionError, ValueError, RecursionError) as error:
            message = f"the expression does not parse at {error}"
            raise complaint(
                "HW203", message, "correct the expression, e.g. '2 * hydro_turbined(0) - line_direct(1, 0)'"
            ) from None
        return self


class GenericConstraintsFile(Shape):
    """``constraints/generic_constraints.json``."""

    constraints: list[GenericConstraintShape]
