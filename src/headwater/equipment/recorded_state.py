"""The state as policies record it.

In a short form where it has the blocks of the first version alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.core.state import StateBlock, StateLayout
from headwater.equipment.hydro import state as hydro_state
from headwater.equipment.thermal import ahead

LAYOUT_VERSION = 1
"""Version of the state order: storages, lags (lag-major, by hydro id), commitments by thermal id,
then accumulators.
"""

LONG_VERSION = 2
"""Version of a state with further blocks behind these, in the order of their names."""

LAYOUT_VERSIONS = (LAYOUT_VERSION, LONG_VERSION)
"""Versions that can be read."""

_PLAIN = ("name", "unit", "order", "kind", "label")
"""Texts and numbers that are recorded of a block."""

_KNOWN = ("storage", "inflow_lag", "gnl_commitment", "inflow_accumulator")


def founding_layout(
    hydro_ids: Sequence[int],
    n_lags: int,
    commitments: Sequence[tuple[int, int]] = (),
    n_accumulators: int = 0,
    others: Sequence[StateBlock] = (),
    hydro_names: Sequence[str] = (),
) -> StateLayout:
    """A state of the founding blocks, and others behind them.

    Args:
        hydro_ids: ids of all hydros, ascending.
        n_lags: inflow lags kept for every hydro.
        commitments: thermal id and lag in stages of every plant whose dispatch is decided ahead,
            ascending.
        n_accumulators: accumulators of inflow kept for every hydro.
        others: further blocks.
        hydro_names: names of all hydros, for people; empty where they are not known.
    """
    return StateLayout.of(
        [
            hydro_state.storage(hydro_ids, hydro_names),
            hydro_state.past_inflows(hydro_ids, n_lags),
            ahead.commitments(commitments),
            hydro_state.accumulators(hydro_ids, n_accumulators),
            *others,
        ]
    )


def layout_version(layout: StateLayout) -> int:
    """Version of the order of a state."""
    return LAYOUT_VERSION if all(block.name in _KNOWN for block in layout.blocks) else LONG_VERSION


def record_of(layout: StateLayout) -> dict[str, Any]:
    """A state as JSON."""
    others = [block for block in layout.blocks if block.name not in _KNOWN]
    blocks = [_record_of_block(block) for block in others]
    return {
        "layout_version": layout_version(layout),
        "hydro_ids": list(layout.block("storage").ids),
        "hydro_names": list(layout.block("storage").entity_names),
        "n_lags": layout.block("inflow_lag").depth,
        "n_accumulators": layout.block("inflow_accumulator").depth,
        "commitments": [list(pair) for pair in layout.block("gnl_commitment").depths],
        "state_dimension": layout.dimension,
        **({"blocks": blocks} if blocks else {}),
    }


def layout_of(record: Mapping[str, Any]) -> StateLayout:
    """The state that was recorded.

    Raises:
        TypeError, KeyError, ValueError: the record is not one.
    """
    ids = tuple(record["hydro_ids"])
    if not all(type(hydro_id) is int for hydro_id in ids):
        raise TypeError("an id of a hydro is not a whole number")
    commitments = tuple((thermal_id, lag) for thermal_id, lag in record.get("commitments", ()))
    others = [_block_of(one) for one in record.get("blocks", ())]
    names = tuple(map(str, record.get("hydro_names", ())))
    known = names if len(names) == len(ids) else ()
    return founding_layout(
        ids, record["n_lags"], commitments, record.get("n_accumulators", 0), others, known
    )


def _record_of_block(block: StateBlock) -> dict[str, Any]:
    plain = {name: getattr(block, name) for name in _PLAIN}
    return {**plain, "index": list(block.index), "owners": [list(owner) for owner in block.owners]}


def _block_of(record: Mapping[str, Any]) -> StateBlock:
    plain = {name: record[name] for name in _PLAIN}
    owners = tuple(tuple(owner) for owner in record["owners"])
    return StateBlock(index=tuple(record["index"]), owners=owners, **plain)
