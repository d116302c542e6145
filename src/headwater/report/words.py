"""Amounts, dates and shares as people write them; a number is not parted from its unit."""

from __future__ import annotations

from datetime import date

NBSP, MINUS = "\u00a0", "\u2212"


def amount(value: float) -> str:
    """An amount of money."""
    size = abs(value)
    for unit, word in ((1e9, "billion"), (1e6, "million")):
        if size >= unit:
            digits = 3 if size < 10 * unit else 2 if size < 100 * unit else 1
            return f"{value / unit:,.{digits}f}{NBSP}{word}{NBSP}$".replace("-", MINUS)
    return (f"{value:,.0f}{NBSP}$" if size >= 100 else f"{value:,.2f}{NBSP}$").replace("-", MINUS)


def between(value: float, half: float) -> str:
    """An amount with the half width of its interval, in one unit."""
    size = max(abs(value), abs(half))
    for unit, word in ((1e9, "billion"), (1e6, "million")):
        if size >= unit:
            digits = _digits(max(abs(half) / unit, 0.001) if half else size / unit)
            return _with_half(value / unit, half / unit, digits, (NBSP, f" {word}{NBSP}$"))
    return _with_half(value, half, 0 if size >= 100 else 2, (" ", f"{NBSP}$"))


def _with_half(value: float, half: float, digits: int, before_and_unit: tuple[str, str]) -> str:
    before, unit = before_and_unit
    text = f"{value:,.{digits}f}{before}±{NBSP}{half:,.{digits}f}{unit}"
    return text.replace("-", MINUS)


def _digits(value: float) -> int:
    return 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3


def share(value: float) -> str:
    """A share as a percentage."""
    percent = 100.0 * value
    size = abs(percent)
    if 0 < size < 0.1:
        text = f"{percent:.1g}" if size >= 1e-4 else "< 0.0001"
    else:
        text = f"{percent:.0f}" if size in (0.0, 100.0) or size >= 10 else f"{percent:.1f}"
    return f"{text}{NBSP}%".replace("-", MINUS)


def day(value: str | date) -> str:
    """A day with the month in letters."""
    when = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{when.day} {when:%B %Y}"


def listed(words: list[str]) -> str:
    """Words joined by commas and ``and``."""
    return (
        words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
    )


def seconds(value: float) -> str:
    """A span of time."""
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"
