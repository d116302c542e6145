"""The time axis makes sense: dates, hours, seasons and transitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from headwater.case.parts import Parts
from headwater.case.rules import ERROR, WARNING, Problem, rule, study_rule
from headwater.core.wording import opened
from headwater.model import CutFormulation, Study

_FILE = "stages.json"
_STAGES = (_FILE,)
_HOURS_TOLERANCE = 1.0
_DAYS_TOLERANCE = 7
_TREE_NUMBERS = 2**28


def _definitions(parts: Parts) -> Any:
    return parts.stages_file.season_definitions if parts.stages_file else None


@rule("HW522", needs=_STAGES)
def transition_probabilities(parts: Parts) -> Iterator[Problem]:
    """Probabilities of leaving a stage add up to one."""
    total: dict[int, float] = defaultdict(float)
    for transition in parts.stages_file.policy_graph.transitions if parts.stages_file else ():
        total[transition.source_id] += transition.probability
    for stage, value in sorted(total.items()):
        if abs(value - 1.0) > 1e-6:
            message = f"expected outgoing probabilities that add up to 1, got {value:g}"
            yield Problem(
                _FILE,
                message,
                "policy_graph.transitions",
                f"Stage {stage}",
                "correct the probabilities",
            )


@rule("HW523", needs=_STAGES)
def cycles_discount(parts: Parts) -> Iterator[Problem]:
    """A cyclic graph has one way back, from its last stage, and discounts the future."""
    graph = parts.stages_file.policy_graph if parts.stages_file else None
    if graph is None or graph.type != "cyclic" or not parts.study_ids:
        return
    back = [t for t in graph.transitions if t.target_id <= t.source_id]
    last = max(parts.study_ids)
    if len(back) != 1:
        message = f"expected exactly one transition back to an earlier stage, got {len(back)}"
        yield Problem(
            _FILE, message, "policy_graph.transitions", None, "close the cycle with one transition"
        )
        return
    if back[0].source_id != last:
        message = (
            f"expected the transition back to leave the last stage ({last}), got stage "
            f"{back[0].source_id}"
        )
        yield Problem(
            _FILE, message, "policy_graph.transitions", None, "lead back from the last stage"
        )
        return
    rates = {t.source_id: t.annual_discount_rate_override for t in reversed(graph.transitions)}
    own = (rates.get(stage) for stage in parts.study_ids if stage >= back[0].target_id)
    if all((graph.annual_discount_rate if rate is None else rate) <= 0 for rate in own):
        message = "a cyclic graph needs a discount rate above 0 in its cycle, got 0"
        yield Problem(
            _FILE, message, "policy_graph.annual_discount_rate", None, "give a positive rate"
        )


@rule("HW524", WARNING, strict=ERROR, needs=_STAGES)
def block_hours(parts: Parts) -> Iterator[Problem]:
    """Block hours add up to the calendar length of the stage."""
    off: list[tuple[int, float, int]] = []
    for stage in parts.stages:
        calendar = 24 * (stage.end_date - stage.start_date).days
        hours = sum(block.hours for block in stage.blocks)
        if abs(hours - calendar) > _HOURS_TOLERANCE:
            off.append((stage.id, hours, calendar))
    if off:
        stage_id, hours, calendar = max(off, key=lambda item: abs(item[1] - item[2]))
        message = (
            f"{len(off)} stages have block hours that differ from the calendar; the worst is "
            f"stage {stage_id}: "
        )
        message += f"{hours:g} h instead of {calendar} h"
        yield Problem(
            _FILE,
            message,
            "stages.blocks",
            None,
            "energy and water use the block hours, discounting the dates",
        )


@rule("HW525", WARNING, strict=ERROR, needs=_STAGES)
def contiguous(parts: Parts) -> Iterator[Problem]:
    """Each stage starts where the one before ends, without a gap."""
    for left, right in pairwise(parts.stages):
        if left.end_date < right.start_date:
            message = (
                f"stage {left.id} ends on {left.end_date} and stage {right.id} starts on "
                f"{right.start_date}: a gap"
            )
            yield Problem(
                _FILE,
                message,
                "stages",
                f"Stage {right.id}",
                "let each stage start where the one before ends",
            )


@rule("HW526", needs=_STAGES)
def one_after_the_other(parts: Parts) -> Iterator[Problem]:
    """Stages follow each other in time, in the order of their ids.

    No stage before the study reaches into it.
    """
    for left, right in pairwise(parts.stages):
        if left.end_date > right.start_date:
            message = (
                f"stage {left.id} ends on {left.end_date}, after stage {right.id} starts on "
                f"{right.start_date}: an overlap"
            )
            yield Problem(
                _FILE,
                message,
                "stages",
                f"Stage {right.id}",
                "let each stage start where the one before ends",
            )
    before = parts.stages_file.pre_study_stages if parts.stages_file else []
    for position, stage in enumerate(before):
        if parts.stages and stage.end_date > parts.stages[0].start_date:
            message = (
                f"it ends on {stage.end_date}, after the study starts on "
                f"{parts.stages[0].start_date}: an overlap"
            )
            path = f"pre_study_stages[{position}].end_date"
            yield Problem(
                _FILE,
                message,
                path,
                f"Stage {stage.id}",
                "let it end before the study, or make it a stage of the study",
            )


@rule("HW527", WARNING, needs=_STAGES)
def season_ends(parts: Parts) -> Iterator[Problem]:
    """Season ends are inclusive: an end on the first day of another season is suspicious."""
    definitions = _definitions(parts)
    if definitions is None or definitions.cycle_type != "custom":
        return
    starts = {(s.month_start, s.day_start or 1): s.id for s in definitions.seasons}
    for season in definitions.seasons:
        other = starts.get((season.month_end or season.month_start, season.day_end or 31))
        if season.day_end == 1 and other is not None and other != season.id:
            message = (
                f"season {season.id} ends, inclusively, on the day on which season {other} starts"
            )
            yield Problem(
                _FILE,
                message,
                "season_definitions.seasons",
                f"Season {season.id}",
                "end it one day earlier",
            )


@rule("HW528", WARNING, needs=_STAGES)
def stage_gaps(parts: Parts) -> Iterator[Problem]:
    """Stage ids count from zero."""
    ids = sorted(parts.study_ids)
    if ids != list(range(len(ids))):
        message = f"expected stage ids 0 to {len(ids) - 1}, got {opened(ids)}"
        yield Problem(
            _FILE,
            message,
            "stages.id",
            None,
            "tables refer to stages by id, never by position; check them",
        )


@rule("HW551", WARNING, needs=_STAGES)
def sobol_sizes(parts: Parts) -> Iterator[Problem]:
    """Sobol points keep their balance in powers of two."""
    for stage in parts.stages:
        if stage.sampling_method == "qmc_sobol" and stage.num_scenarios & (stage.num_scenarios - 1):
            message = (
                "qmc_sobol is balanced with a power of two, got num_scenarios "
                f"{stage.num_scenarios}"
            )
            yield Problem(
                _FILE, message, "stages.num_scenarios", f"Stage {stage.id}", "choose a power of two"
            )


@rule("HW567", needs=(*_STAGES, "system/hydros.json", "scenarios/noise_openings.parquet"))
def tree_fits(parts: Parts) -> Iterator[Problem]:
    """The opening tree has a size that a computer can hold."""
    if parts.table("scenarios/noise_openings.parquet").height:
        return  # a given tree has the size of its file
    total = sum(stage.num_scenarios for stage in parts.stages) * max(1, len(parts.hydros))
    if total > _TREE_NUMBERS:
        worst = max(parts.stages, key=lambda stage: stage.num_scenarios)
        message = (
            f"the openings of all stages and plants are {total:,} numbers, expected at most "
            f"{_TREE_NUMBERS:,}; "
        )
        message += f"stage {worst.id} has {worst.num_scenarios:,} openings"
        yield Problem(
            _FILE, message, "stages.num_scenarios", f"Stage {worst.id}", "ask for fewer openings"
        )


def _in_season(season: Any, cycle: str, day: date) -> bool:
    if cycle == "monthly":
        return bool(day.month == season.month_start)
    if cycle == "weekly":
        return bool(min(day.isocalendar().week, 52) - 1 == season.id)
    start = (season.month_start, season.day_start or 1)
    end = (season.month_end or season.month_start, season.day_end or 31)
    here = (day.month, day.day)
    return start <= here <= end if start <= end else here >= start or here <= end


@rule("HW554", WARNING, strict=ERROR, needs=_STAGES)
def within_season(parts: Parts) -> Iterator[Problem]:
    """A stage lies inside the part of the year of its season."""
    definitions = _definitions(parts)
    seasons = {season.id: season for season in definitions.seasons} if definitions else {}
    for stage in parts.stages:
        season = seasons.get(stage.season_id) if stage.season_id is not None else None
        if season is None or definitions is None:
            continue
        first, last = stage.start_date, stage.end_date - timedelta(days=1)
        outside = [
            day for day in (first, last) if not _in_season(season, definitions.cycle_type, day)
        ]
        if outside:
            message = f"{outside[0]} lies outside season {season.id} ({season.label})"
            yield Problem(
                _FILE,
                message,
                "stages.season_id",
                f"Stage {stage.id}",
                "correct the season or the dates",
            )


@rule("HW555", WARNING, strict=ERROR, needs=_STAGES)
def season_lengths(parts: Parts) -> Iterator[Problem]:
    """The stages of one season cover about the same time every year.

    The first and last periods may be incomplete.
    """
    if _definitions(parts) is None:
        return
    periods: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for stage in parts.stages:
        if stage.season_id is not None:
            periods[stage.season_id, stage.start_date.year].append(stage)
    edges = {parts.stages[0].id, parts.stages[-1].id} if parts.stages else set()
    lengths: dict[int, dict[int, int]] = defaultdict(dict)
    for (season, year), stages in periods.items():
        if not edges.intersection(stage.id for stage in stages):
            lengths[season][year] = sum(
                (stage.end_date - stage.start_date).days for stage in stages
            )
    for season, by_year in sorted(lengths.items()):
        shortest, longest = (
            min(by_year, key=by_year.__getitem__),
            max(by_year, key=by_year.__getitem__),
        )
        if by_year[longest] - by_year[shortest] > _DAYS_TOLERANCE:
            message = (
                f"it covers {by_year[shortest]} days in {shortest} and "
                f"{by_year[longest]} days in {longest}"
            )
            yield Problem(
                _FILE,
                message,
                "stages",
                f"Season {season}",
                "give the stages of one season the same length",
            )


@rule("HW557", WARNING, needs=_STAGES)
def unused_seasons(parts: Parts) -> Iterator[Problem]:
    """Every season that is defined belongs to some stage."""
    definitions, file = _definitions(parts), parts.stages_file
    if definitions is None or file is None:
        return
    used = {stage.season_id for stage in file.stages} | {
        stage.season_id for stage in file.pre_study_stages
    }
    unused = sorted({season.id for season in definitions.seasons} - used)
    if unused:
        message = f"{len(unused)} seasons are defined and no stage uses them: {opened(unused)}"
        yield Problem(
            _FILE,
            message,
            "season_definitions.seasons",
            None,
            "nothing, if the study covers only part of the year",
        )


@rule("HW715", WARNING, needs=_STAGES)
def storage_is_state(parts: Parts) -> Iterator[Problem]:
    """Storage is always part of the state."""
    without = [stage.id for stage in parts.stages if not stage.state_variables.storage]
    if without:
        message = (
            f"stages {opened(without)} set state_variables.storage to false; "
            "storage is state all the same"
        )
        yield Problem(_FILE, message, "stages.state_variables.storage", None, "remove the setting")


@study_rule("HW723", ERROR, needs=("config.json", _FILE))
def risk_of_single_openings(study: Study) -> Iterator[Problem]:
    """Where every opening has a cut of its own, risk measures are linear programs."""
    if study.config.training.cut_formulation is not CutFormulation.MULTI:
        return
    of_kind: dict[str, list[int]] = defaultdict(list)
    horizon = study.system.horizon
    followers = {horizon.successor(t) for t in range(len(study.system.stages))}
    for t, stage in enumerate(study.system.stages):
        if t in followers and stage.risk.epigraph(np.ones(1), 0.0) is None:
            of_kind[stage.risk.type].append(stage.id)
    for kind, stages in of_kind.items():
        message = (
            f"the risk measure '{kind}' of {len(stages)} stages ({opened(stages)}) has no linear "
            "form, so openings cannot have cuts of their own"
        )
        fix = "set it to 'single', or choose another risk measure"
        yield Problem("config.json", message, "training.cut_formulation", None, fix)
