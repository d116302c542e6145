"""What files say of block factors and correlation, and what it is in code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import MinLen

from headwater import model as m
from headwater.arrays import FrozenDict
from headwater.core.fields import (
    BusId,
    FieldError,
    Id,
    NonNegative,
    Positive,
    Ref,
    SourceId,
    StageId,
    in_file,
)

MATRIX_TOLERANCE = 1e-9

_BlockId = Annotated[Id, "block of the stage; empty for all blocks"]
_OF_BLOCKS = "factors of the blocks; 1 for those left out"


@dataclass(eq=False, repr=False)
class LoadBlockFactor:
    """Multiplier of the load in one block."""

    block_id: _BlockId
    factor: Annotated[Positive, "factor"]


@dataclass(eq=False, repr=False)
class LoadFactor:
    """Multipliers of one bus at one stage."""

    bus_id: BusId
    stage_id: StageId
    block_factors: Annotated[tuple[LoadBlockFactor, ...], _OF_BLOCKS]


@dataclass(eq=False, repr=False)
class AvailabilityBlockFactor:
    """Multiplier of the availability in one block."""

    block_id: _BlockId
    factor: Annotated[NonNegative, "factor"]


@dataclass(eq=False, repr=False)
class AvailabilityFactor:
    """Multipliers of one source at one stage."""

    ncs_id: SourceId
    stage_id: StageId
    block_factors: Annotated[tuple[AvailabilityBlockFactor, ...], _OF_BLOCKS]


@dataclass(eq=False, repr=False)
class ExchangeBlockFactor:
    """Multipliers of both directions in one block."""

    block_id: _BlockId
    direct_factor: Annotated[NonNegative, "factor on the direct capacity"]
    reverse_factor: Annotated[NonNegative, "factor on the reverse capacity"]


@dataclass(eq=False, repr=False)
class ExchangeFactor:
    """Multipliers of one line at one stage."""

    line_id: Annotated[Id, Ref("line"), "line"]
    stage_id: StageId
    block_factors: Annotated[tuple[ExchangeBlockFactor, ...], _OF_BLOCKS]


FACTOR_LISTS: Mapping[str, tuple[str, type]] = {
    "scenarios/load_factors.json": ("load_factors", LoadFactor),
    "scenarios/non_controllable_factors.json": ("non_controllable_factors", AvailabilityFactor),
    "constraints/exchange_factors.json": ("exchange_factors", ExchangeFactor),
}
"""File of block factors -> its list, and the class of an entry, whose first field is the id of an
entity.
"""


@dataclass(eq=False, repr=False)
class Member:
    """One member of a correlation group."""

    type: Annotated[m.NoiseClass, "whose noise it is"]
    id: Annotated[Id, "plant, bus or source"]


def _is_correlation(group: Any) -> None:
    _one_member_once(group)
    n, matrix = len(group.entities), group.matrix
    if len(matrix) != n or any(len(row) != n for row in matrix):
        sizes = sorted({len(row) for row in matrix})
        message = (
            f"expected a matrix of {n} rows and {n} columns, got {len(matrix)} "
            f"rows of lengths {sizes[:5]}"
        )
        raise FieldError("HW212", message, "give one row and one column for each entity")
    for i in range(n):
        if abs(matrix[i][i] - 1.0) > MATRIX_TOLERANCE:
            message = f"expected 1 on the diagonal, got {matrix[i][i]:g} at [{i}][{i}]"
            raise FieldError("HW212", message, "correct it")
        for j in range(i):
            _is_entry(matrix, i, j)


def _one_member_once(group: Any) -> None:
    if len({member.type for member in group.entities}) > 1:
        message = "expected entities of one type in a group, got several types"
        raise FieldError("HW212", message, "split the group by type")
    if len({member.id for member in group.entities}) < len(group.entities):
        message = "expected each entity once in a group, got a repeated id"
        raise FieldError("HW208", message, "remove the repetition")


def _is_entry(matrix: Any, i: int, j: int) -> None:
    left, right = matrix[i][j], matrix[j][i]
    if abs(left - right) > MATRIX_TOLERANCE:
        message = (
            f"expected a symmetric matrix, got {left:g} at [{i}][{j}] and {right:g} at [{j}][{i}]"
        )
        raise FieldError("HW212", message, "make both entries equal")
    if abs(left) > 1.0 + MATRIX_TOLERANCE:
        message = f"expected entries in [-1, 1], got {left:g} at [{i}][{j}]"
        raise FieldError("HW212", message, "correct the entry")


@in_file(checks=(_is_correlation,))
@dataclass(eq=False, repr=False)
class GroupInFile:
    """Entities and their correlation matrix."""

    name: Annotated[str, "name for people"]
    entities: Annotated[
        tuple[Member, ...], MinLen(1), "members, all of one type, in the order of the matrix"
    ]
    matrix: Annotated[
        tuple[tuple[float, ...], ...], "correlations, a row and a column for each member"
    ]

    def in_code(self) -> m.CorrelationGroup:
        """The group, its members in ascending id."""
        ids = np.array([member.id for member in self.entities])
        order = np.argsort(ids)
        matrix = np.array(self.matrix, np.float64)[np.ix_(order, order)]
        matrix.flags.writeable = False
        members = tuple(int(i) for i in ids[order])
        return m.CorrelationGroup(self.name, self.entities[0].type, members, matrix)


def _groups_apart(profile: Any) -> None:
    names, members = set(), set()
    for group in profile.correlation_groups:
        if group.name in names:
            message = f"expected group names once each, got '{group.name}' twice"
            raise FieldError("HW208", message, "rename one group")
        names.add(group.name)
        for member in group.entities:
            key = (member.type, member.id)
            if key in members:
                message = f"expected each entity in one group, got {member.type} {member.id} in two"
                raise FieldError("HW208", message, "remove it from one of the groups")
            members.add(key)


@in_file(checks=(_groups_apart,))
@dataclass(eq=False, repr=False)
class Profile:
    """One profile."""

    correlation_groups: Annotated[tuple[GroupInFile, ...], "groups; what is in none is independent"]

    def in_code(self) -> tuple[m.CorrelationGroup, ...]:
        """The groups in the order of their type and smallest id."""
        groups: Any = self.correlation_groups
        return tuple(sorted(groups, key=lambda group: (group.noise_class.value, group.entity_ids)))


@dataclass(eq=False, repr=False)
class Schedule:
    """Profile of one stage."""

    stage_id: StageId
    profile_name: Annotated[str, "name of the profile"]


@dataclass(eq=False, repr=False)
class CorrelationInFile:
    """All of ``scenarios/correlation.json``."""

    method: Annotated[
        m.FactorMethod,
        "factor of the matrices: spectral repairs what is not positive semidefinite",
    ]
    profiles: Annotated[Mapping[str, Profile], MinLen(1), "named sets of groups"]
    schedule: Annotated[tuple[Schedule, ...], "which profile holds at which stage"] = ()

    def in_code(self) -> m.Correlation:
        """The profiles by name, and the stages that use them."""
        profiles: Any = self.profiles
        in_order = sorted(self.schedule, key=lambda entry: entry.stage_id)
        schedule = {entry.stage_id: entry.profile_name for entry in in_order}
        return m.Correlation(
            FrozenDict({name: profiles[name] for name in sorted(profiles)}),
            FrozenDict(schedule),
            self.method,
        )
