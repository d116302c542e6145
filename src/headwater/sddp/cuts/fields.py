"""What is known of a cut besides its coefficients, declared once.

Pools hold an array for each field, policy files a vector, tables and exports a column; cuts of an
earlier policy carry their fields on. A new field is one line of `CutFields`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

WARM_START = -1
"""Birth iteration of a cut that came from an earlier policy."""

BOUNDARY = -2
"""Birth iteration of a cut that bounds what comes after the horizon."""

ALL_OPENINGS = -1
"""In place of an opening: the cut bounds the risk-adjusted cost over all openings of the next
stage.
"""


@dataclass(frozen=True)
class Known:
    """How a field of a cut begins, is stored and is shown.

    Attributes:
        meaning: of its value, in words.
        born: value of a new cut that is given no other.
        older: value of the cuts of policies that were written before there was the field; ``None``
            for the fields of the first version of the file, see `headwater.policy.stage_file`.
        column: its name in tables of cuts; empty for a field that they do not show.
    """

    meaning: str
    born: float | bool
    older: float | bool | None = None
    column: str = ""


class CutFields:
    """The fields of cuts, each an array with one value for every cut.

    In the order of tables. Policy files have those of later versions in this order too, so a new
    field stands behind all others and says what it is in older policies.
    """

    born_at: Annotated[
        NDArray[np.int32],
        Known("iteration (1-based); -1 warm start, -2 boundary", 0, column="iteration"),
    ]
    forward_pass: Annotated[
        NDArray[np.int32],
        Known("trajectory (0-based) at whose state it was made", 0, column="forward_pass"),
    ]
    opening: Annotated[
        NDArray[np.int32],
        Known(
            "opening whose cost alone the cut bounds; -1 all of them together",
            ALL_OPENINGS,
            older=ALL_OPENINGS,
            column="opening",
        ),
    ]
    active: Annotated[NDArray[np.bool_], Known("whether the cut counts", True, column="active")]
    times_binding: Annotated[
        NDArray[np.int64], Known("solves in which it was binding", 0, column="times_binding")
    ]
    last_binding: Annotated[
        NDArray[np.int32],
        Known("last iteration in which it was binding", 0, column="last_binding"),
    ]
    intercepts: Annotated[
        NDArray[np.float64], Known("value at the state 0, $", 0.0, column="intercept")
    ]
    relaxed: Annotated[
        NDArray[np.bool_],
        Known("1 where an LP behind the cut has a gap above tolerance", False, older=False),
    ]
    unproven: Annotated[
        NDArray[np.bool_],
        Known(
            "1 where the cut rests on cuts of another policy that may be wrong", False, older=False
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class CutField(Known):
    """A declared field.

    Attributes:
        name: of its array.
        kind: type of the values there.
    """

    name: str
    kind: type[np.generic]


def _declared() -> tuple[CutField, ...]:
    fields = []
    for name, hint in get_type_hints(CutFields, include_extras=True).items():
        array, known = get_args(hint)
        kind = get_args(get_args(array)[1])[0]
        fields.append(CutField(**vars(known), name=name, kind=kind))
    return tuple(fields)


CUT_FIELDS = _declared()
"""The fields in the order of their declaration."""
