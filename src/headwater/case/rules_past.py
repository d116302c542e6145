"""Past inflows, recent observations and past outflows fit the stages and each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

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
                "nothing, if this is intended",
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


_DATED = {"recent_observations": "an observation", "past_defluences": "a past outflow"}
"""Lists of what was before the study, with what one entry is called."""


def _dated(parts: Parts) -> Iterator[tuple[str, int, Any]]:
    """Entries of these lists, with their list and place."""
    for key in _DATED if parts.initial else ():
        for position, entry in enumerate(getattr(parts.initial, key)):
            yield key, position, entry


@rule("HW204", needs=(_INITIAL, "stages.json"))
def dates_before_study(parts: Parts) -> Iterator[Problem]:
    """Recent observations and past outflows end when the study starts, or before."""
    for key, position, entry in _dated(parts):
        if parts.stages and entry.end_date > parts.stages[0].start_date:
            message = (
                f"expected an end_date of at most {parts.stages[0].start_date}, the start of the "
                f"study, got {entry.end_date}"
            )
            path = f"{key}[{position}].end_date"
            yield Problem(
                _INITIAL,
                message,
                path,
                f"Hydro {entry.hydro_id}",
                "correct the dates; the end is exclusive",
            )


@rule("HW204", needs=(_INITIAL,))
def dates_disjoint(parts: Parts) -> Iterator[Problem]:
    """Recent observations, and past outflows, of a plant do not overlap."""
    latest: dict[tuple[str, int], date] = {}
    ordered = sorted(_dated(parts), key=lambda one: (one[0], one[2].hydro_id, one[2].start_date))
    for key, _, entry in ordered:
        of_plant = (key, entry.hydro_id)
        if of_plant in latest and entry.start_date < latest[of_plant]:
            message = (
                f"{_DATED[key]} starts on {entry.start_date}, before the one before ends "
                f"({latest[of_plant]})"
            )
            yield Problem(
                _INITIAL,
                message,
                key,
                f"Hydro {entry.hydro_id}",
                "let them touch, not overlap",
            )
        latest[of_plant] = max(entry.end_date, latest.get(of_plant, entry.end_date))


@rule("HW571", needs=("system/hydros.json",))
def ways_lead_somewhere(parts: Parts) -> Iterator[Problem]:
    """A travel time is that of a way to a plant downstream."""
    for position, plant in enumerate(parts.entities("hydro")):
        if plant.travel_time_hours and plant.downstream_id is None:
            message = (
                f"travel_time_hours is {plant.travel_time_hours:g}, and no plant is downstream"
            )
            path = f"hydros[{position}].travel_time_hours"
            fix = "remove it, or name the plant downstream"
            yield Problem("system/hydros.json", message, path, f"Hydro {plant.id}", fix)


@rule("HW572", WARNING, needs=(_INITIAL, "stages.json", "system/hydros.json"))
def outflows_on_their_way(parts: Parts) -> Iterator[Problem]:
    """Past outflows are those of plants whose water travels, for as long as it travels."""
    plants = {plant.id: plant for plant in parts.entities("hydro")}
    earliest: dict[int, date] = {}
    for key, position, entry in _dated(parts):
        plant = plants.get(entry.hydro_id)
        if key != "past_defluences" or plant is None:
            continue
        who, path = f"Hydro {plant.id}", f"past_defluences[{position}]"
        earliest[plant.id] = min(entry.start_date, earliest.get(plant.id, entry.start_date))
        if not plant.travel_time_hours:
            message = "the plant has no travel time, and what it released before has no effect"
            yield Problem(_INITIAL, message, path, who, "give travel_time_hours, or remove it")
    for hydro_id, day in earliest.items():
        hours = plants[hydro_id].travel_time_hours or 0.0
        known = 24.0 * (parts.stages[0].start_date - day).days if parts.stages else hours
        if known < hours:
            message = (
                f"outflows of the last {known:g} hours before the study are given, and water "
                f"travels for {hours:g}: what was released before counts as nothing"
            )
            fix = "give outflows for the whole travel time"
            yield Problem(_INITIAL, message, "past_defluences", f"Hydro {hydro_id}", fix)
