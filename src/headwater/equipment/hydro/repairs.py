"""Who goes without when water is missing and cannot be bought.

One of those who use the water does: turbines (and the deficit that follows), spillage, diversion,
pumping, storage (and its price in the next stage), or the plant below, whose own users then share
the loss. That works while the water that is there without help from upstream is never negative.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headwater.core.ids import ABSENT
from headwater.core.repairs import Mover, RepairedStage, Room
from headwater.equipment.hydro import travel


def water_rooms(stage: RepairedStage) -> Iterator[Room]:
    """One unit less of water in each balance: every use of it may be the one that shrinks."""
    on_its_way = list(travel.rooms(stage))
    yield from on_its_way
    if not stage.share_shortage:
        return
    form = stage.form
    short = stage.columns("withdrawal_short")
    unwithdrawn = set(short[short != ABSENT].tolist())
    import scipy.sparse as sp  # validation does without

    by_column = sp.csc_array(form.matrix)
    rows = [*stage.rows("water_balance"), *stage.rows("block_water_balance")]
    every = {*rows, *(room.row for room in on_its_way)}
    for row in rows:
        movers: list[Mover] = []
        needs: set[int] = set()
        forced = False
        for column, value in stage.entries(row):
            uses = value > 0.0 and np.isfinite(form.column_lower[column])
            forced |= value > 0.0 and bool(form.column_lower[column] > 0.0)
            if stage.is_fixed(column) or not (uses or column in unwithdrawn):
                continue
            movers.append(stage.moves(column, -1.0 / value))
            entries = slice(by_column.indptr[column], by_column.indptr[column + 1])
            below = zip(
                by_column.indices[entries].tolist(), by_column.data[entries].tolist(), strict=True
            )
            needs |= {
                other
                for other, coefficient in below
                if other in every and other != row and coefficient * value < 0.0
            }
        # A use that must go on whatever happens may leave the others with nothing to give.
        yield Room(row, -1.0, () if forced else tuple(movers), frozenset(needs))
