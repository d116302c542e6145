"""Past inflows and recent observations fit the stages and each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from headwater.case.parts import Parts
from headwater.case.rules import WARNING, Problem, rule

_INITIAL = "initial_conditions.json"


@rule("HW541", WARNING, needs=(_INITIAL,))
def negative_past(parts: Parts) -> Iterator[Problem]:
    """Past inflows are seldom negative."""
    for position, entry in enumerate(parts.initial.past_inflows if parts.initial else ()):
        negative = [value for value in entry.values_m3s if value < 0]
        if negative:
            message = (
                f"{len(negative)} past inflows are negative, the lowest is {min(negative):g} m3/s"
            )
            yield Problem(
                _INITIAL,
                message,
                f"past_inflows[{position}]",
                f"Hydro {entry.hydro_id}",
                "nothing, if that is meant",
            )


@rule("HW542", WARNING, needs=(_INITIAL, "stages.json"))
def observations_count(parts: Parts) -> Iterator[Problem]:
    """Recent observations lie in the month that is under way when the study starts.

    Seasons are monthly there.
    """
    definitions = parts.stages_file.season_definitions if parts.stages_file else None
    if parts.initial is None or not parts.initial.recent_observations or not parts.stages:
        return
    if not definitions or definitions.cycle_type != "monthly":
        message = "recent observations have an effect with monthly season_definitions only"
        yield Problem(
            _INITIAL, message, "recent_observations", None, "define monthly seasons or remove them"
        )
        return
    month = parts.stages[0].start_date.replace(day=1)
    for position, entry in enumerate(parts.initial.recent_observations):
        if entry.end_date <= month:
            message = (
                f"it ends on {entry.end_date}, before the month of the first stage starts "
                f"({month}), and has no effect"
            )
            path = f"recent_observations[{position}]"
            yield Problem(
                _INITIAL,
                message,
                path,
                f"Hydro {entry.hydro_id}",
                "give it as a past inflow, or remove it",
            )


@rule("HW204", needs=(_INITIAL, "stages.json"))
def observations_before_study(parts: Parts) -> Iterator[Problem]:
    """Recent observations end when the study starts, or before."""
    for position, entry in enumerate(parts.initial.recent_observations if parts.initial else ()):
        if parts.stages and entry.end_date > parts.stages[0].start_date:
            message = (
                f"expected an end_date of at most {parts.stages[0].start_date}, the start of the "
                f"study, got {entry.end_date}"
            )
            path = f"recent_observations[{position}].end_date"
            yield Problem(
                _INITIAL,
                message,
                path,
                f"Hydro {entry.hydro_id}",
                "correct the dates; the end is exclusive",
            )


@rule("HW204", needs=(_INITIAL,))
def observations_disjoint(parts: Parts) -> Iterator[Problem]:
    """Recent observations of a plant do not overlap."""
    latest: dict[int, date] = {}
    entries = parts.initial.recent_observations if parts.initial else []
    for entry in sorted(entries, key=lambda entry: (entry.hydro_id, entry.start_date)):
        if entry.hydro_id in latest and entry.start_date < latest[entry.hydro_id]:
            message = (
                f"an observation starts on {entry.start_date}, before the one before ends "
                f"({latest[entry.hydro_id]})"
            )
            yield Problem(
                _INITIAL,
                message,
                "recent_observations",
                f"Hydro {entry.hydro_id}",
                "let them touch, not overlap",
            )
        latest[entry.hydro_id] = max(entry.end_date, latest.get(entry.hydro_id, entry.end_date))
