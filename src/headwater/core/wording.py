"""How messages list things and show amounts."""

from __future__ import annotations

from collections.abc import Collection


def listed(items: Collection[object], shown: int = 6) -> str:
    """List the first few and count the rest: ``1, 2, 3 and 4 more``.

    Args:
        items: what to list, in this order.
        shown: how many are listed at most.
    """
    texts = [str(item) for item in items]
    more = f" and {len(texts) - shown} more" if len(texts) > shown else ""
    return ", ".join(texts[:shown]) + more


def opened(items: Collection[object], shown: int = 10) -> str:
    """List the first few of many, with dots for the rest: ``1, 2, 3, ...``."""
    return ", ".join([str(item) for item in items][:shown]) + (
        ", ..." if len(items) > shown else ""
    )


def counted(items: Collection[object], shown: int = 6) -> str:
    """Count many and list the first few: ``12 (1, 2, 3, ...)``; ``none`` without any."""
    return f"{len(items)} ({opened(items, shown)})" if items else "none"


def numbered(number: int, one: str, many: str = "") -> str:
    """A number of things: ``1 bus``, ``4 buses``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


COST_CATEGORIES = {
    "resource": "thermal generation and contracts",
    "recourse": "deficit and excess",
    "violation": "limits that were broken",
    "regularization": "spillage, exchanges and other small costs",
}
"""Category of costs -> what people call it."""


def money(value: float) -> str:
    """An amount with a magnitude a person can read."""
    return f"{value:,.2f}" if abs(value) < 1e6 else f"{value:,.0f}"


_ENDINGS = {
    "iteration_limit": "stopped at the iteration limit",
    "time_limit": "stopped at the time limit",
    "bound_stalling": "stopped because the bound had stalled",
    "small_changes": "stopped because the bound hardly changed any more",
    "gap": "stopped because the bounds had met",
    "shutdown": "interrupted",
    "error": "ended by an error",
    "checkpoint": "still under way at this checkpoint",
}


def ending(reason: str) -> str:
    """How a training ended, in words; of rules without words of their own, the name."""
    return _ENDINGS.get(reason) or f"stopped by the rule '{reason}'"


def workers(ranks: int, threads: int) -> str:
    """How many threads work, of how many processes."""
    text = f"{threads} thread{'s' if threads != 1 else ''}"
    return text if ranks == 1 else f"{ranks} ranks of {text}"
