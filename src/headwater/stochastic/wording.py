"""What the openings of a study are, and how what a simulation sees differs from them, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headwater.choices.sampling.out_of_sample import OutOfSample
from headwater.core.wording import listed
from headwater.model import NoiseClass, ScenarioSource
from headwater.stochastic.given import GivenValues
from headwater.stochastic.joining import are_joined
from headwater.stochastic.uncertainty import Uncertainty

_THINGS = {NoiseClass.INFLOW: "inflow", NoiseClass.LOAD: "load", NoiseClass.NCS: "availability"}


def openings_in_words(uncertainty: Uncertainty) -> tuple[str, ...]:
    """Where the openings of every class come from.

    And how classes with given scenarios go together.

    The lower bound speaks of these openings, every stage drawn independently of the others.
    """
    if uncertainty.system.given_openings is not None:
        return ("the openings are those of scenarios/noise_openings.parquet",)
    sentences, drawn = [], []
    for kind in NoiseClass:
        if kind in uncertainty.given:
            sentences.append(_given(uncertainty, kind, uncertainty.given[kind]))
        elif uncertainty.layout.segment(kind).stop > uncertainty.layout.segment(kind).start:
            drawn.append(_THINGS[kind])
    if drawn:
        sentences.append(f"{_and(drawn)} openings are drawn from the statistical model")
    return (*sentences, *_together(uncertainty))


def uncertainty_differences(uncertainty: Uncertainty, source: ScenarioSource) -> tuple[str, ...]:
    """In what a simulation sees another random future than the openings that training saw.

    Empty where both are the same.

    Args:
        uncertainty: of training.
        source: of the simulation.
    """
    sentences = []
    for kind in NoiseClass:
        segment = uncertainty.layout.segment(kind)
        scheme, thing = source.scheme(kind), _THINGS[kind]
        if segment.stop == segment.start and (scheme.replays_history or not scheme.walks_scenarios):
            continue
        given = uncertainty.given.get(kind)
        if not scheme.walks_scenarios:
            if not scheme.takes_openings:
                how = "fresh" if scheme == OutOfSample() else f"'{scheme.type}'"
                sentences.append(f"the simulation draws {how} {thing} noise")
        elif not scheme.replays_history:
            if given is None:
                sentences.append(
                    f"the simulation follows external {thing} scenarios, which are "
                    "not the openings of training"
                )
            elif given.years:
                sentences.append(
                    f"the simulation follows external {thing} scenarios, the openings of training "
                    "are years of history"
                )
            elif _branchings(given) > 1:
                sentences.append(
                    f"the simulation follows whole {thing} scenarios, the "
                    "openings take them stage by stage"
                )
        elif given is None or not given.years:
            sentences.append(
                "the simulation replays years of history, which are not "
                "the inflow openings of training"
            )
        elif _branchings(given) > 1:
            sentences.append(
                "the simulation replays whole years of history, the "
                "openings take them stage by stage"
            )
        elif source.historical_years is not None and set(source.historical_years) != set(
            given.years
        ):
            sentences.append(
                "the simulation replays other years of history than the openings of training"
            )
    walked = [kind for kind in uncertainty.given if source.scheme(kind).walks_scenarios]
    if (
        not sentences
        and len(walked) > 1
        and sum(_branchings(uncertainty.given[kind]) for kind in walked) > 1
    ):
        sentences.append(
            "the simulation pairs the scenarios of several classes otherwise than the openings"
        )
    return tuple(sentences)


def _branchings(given: GivenValues) -> int:
    """Stages at which there is more than one scenario.

    Up to one, whole paths and stagewise draws are the same.
    """
    return sum(given.n_at(t) > 1 for t in range(len(given.values)))


def _given(uncertainty: Uncertainty, kind: NoiseClass, given: GivenValues) -> str:
    ids = [stage.id for stage in uncertainty.system.stages]
    runs: dict[int, list[int]] = {}
    for t, stage_id in enumerate(ids):
        runs.setdefault(given.n_at(t), []).append(stage_id)
    missing = runs.pop(0, [])
    if given.years:
        first = f"{_THINGS[kind]} openings are the values of {len(given.years)} years of history"
    else:
        counts = [
            f"{'known' if n == 1 else f'{n} scenarios'} at {_stages(stages)}"
            for n, stages in sorted(runs.items(), key=lambda run: run[1][0])
        ]
        weighed = (
            ", by their weights" if any(weights is not None for weights in given.weights) else ""
        )
        first = f"{_THINGS[kind]} openings are the given scenarios ({'; '.join(counts)}{weighed})"
    return first + (
        f", and drawn from the statistical model at {_stages(missing)}" if missing else ""
    )


def _together(uncertainty: Uncertainty) -> tuple[str, ...]:
    """How several classes with scenarios go together."""
    by_number: list[int] = []
    apart: list[int] = []
    for t, stage in enumerate(uncertainty.system.stages):
        counts = {
            kind: given.n_at(t) for kind, given in uncertainty.given.items() if given.n_at(t) > 1
        }
        if len(counts) > 1:
            (by_number if are_joined(counts, uncertainty.couple) else apart).append(stage.id)
    sentences = []
    kinds = _and([_THINGS[kind] for kind in uncertainty.given]) if uncertainty.given else ""
    if by_number:
        sentences.append(f"scenarios of {kinds} are joined by number at {_stages(by_number)}")
    if apart:
        sentences.append(
            f"scenarios of {kinds} are drawn independently of each other, without repetition, at "
            f"{_stages(apart)}"
        )
    return tuple(sentences)


def _stages(ids: Sequence[int]) -> str:
    """``stage 3`` or ``stages 0 to 4, 7``: stages that follow each other as one range."""
    ranges = np.split(np.array(ids), np.flatnonzero(np.diff(ids) != 1) + 1)
    texts = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in ranges]
    return f"{'stage' if len(ids) == 1 else 'stages'} {listed(texts)}"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
