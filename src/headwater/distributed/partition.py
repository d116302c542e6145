"""How work is shared out.

Contiguous blocks, so that the order of results never depends on the number of workers.
"""

from __future__ import annotations


def blocks(total: int, parts: int) -> list[range]:
    """Split ``range(total)`` into ``parts`` contiguous ranges whose lengths differ by one at most.

    The longer ones come first; with more parts than items the last ranges are empty.
    """
    base, longer = divmod(total, parts)
    starts = [part * base + min(part, longer) for part in range(parts + 1)]
    return [range(starts[part], starts[part + 1]) for part in range(parts)]
