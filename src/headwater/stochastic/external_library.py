"""Finite sets of scenarios that are supplied from outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.errors import ModelError
from headwater.model import ExternalScenarios, NoiseClass, System
from headwater.stochastic.inflow_model import InflowModel
from headwater.stochastic.libraries import UNUSUAL, InflowLibrary, ValueLibrary, invert_inflows

_SAME_WEIGHT = 1e-9


def external_inflow_library(system: System, inflow: InflowModel) -> InflowLibrary:
    """External inflows as noise, from the past of the study.

    They may leave stages out where the model passes on all those that they have.

    Raises:
        ModelError: the scenarios are missing or incomplete, or contradict a model without noise.
    """
    given, _ = external_values(system, NoiseClass.INFLOW, [hydro.id for hydro in system.hydros])
    at = _stages_with_values(system, given)
    weights = path_weights(given, NoiseClass.INFLOW)
    if not at.all() and inflow.passes[at].all():
        return InflowLibrary(
            _scenarios(system, given), weights=weights, at=at, passes=inflow.passes
        )
    values = _whole_scenarios(system, given, NoiseClass.INFLOW)
    memory = np.repeat(inflow.initial_lags_m3s[None], len(values), axis=0)
    eta = invert_inflows(system, inflow, values, memory)
    unusual = int((np.abs(eta) > UNUSUAL)[:, ~inflow.passes].sum())
    warnings: tuple[str, ...] = ()
    if unusual:
        warnings = (
            f"{unusual} external inflows lie more than 4 deviations from "
            "what the inflow model expects",
        )
    return InflowLibrary(eta, warnings=warnings, weights=weights, passes=inflow.passes)


def external_value_library(
    system: System, noise_class: NoiseClass, needed: Sequence[int], *, partly: bool = False
) -> ValueLibrary:
    """External loads or availabilities.

    Args:
        system: with the scenarios.
        noise_class: load or non-controllable sources.
        needed: positions of the entities that must be there: those that are random.
        partly: whether they may leave stages out.

    Raises:
        ModelError: the scenarios are missing or incomplete.
    """
    entities = system.buses if noise_class is NoiseClass.LOAD else system.non_controllables
    given, positions = external_values(
        system, noise_class, [entities[position].id for position in needed]
    )
    at = _stages_with_values(system, given)
    values = _scenarios(system, given) if partly else _whole_scenarios(system, given, noise_class)
    return ValueLibrary(values, positions, path_weights(given, noise_class), at)


def path_weights(given: ExternalScenarios, noise_class: NoiseClass) -> Array | None:
    """Probabilities of scenarios that are walked from the first stage to the last.

    ``None`` where they are equal.

    They are the weights at the stages with the most scenarios, where none stands for several paths.

    Raises:
        ModelError: a scenario has another weight at another of these stages.
    """
    n = max(len(values) for values in given.values.values())
    longest = [stage_id for stage_id, values in given.values.items() if len(values) == n]
    shares = {}
    for stage_id in longest:
        weights = np.asarray(given.weights.get(stage_id, np.ones(n)), np.float64)
        shares[stage_id] = weights / weights.sum()
    first = shares[longest[0]]
    for stage_id, share in shares.items():
        if not np.allclose(share, first, rtol=0.0, atol=_SAME_WEIGHT):
            number = int(np.argmax(np.abs(share - first)))
            raise ModelError(
                f"external scenarios of class '{noise_class.value}' are walked as whole paths, "
                f"but the weight of scenario {number} is {share[number]:g} of the total at stage "
                f"{stage_id} and {first[number]:g} at stage {longest[0]}; give each scenario one "
                "weight, or draw from the openings (scheme 'in_sample')"
            )
    return None if (first == first[0]).all() else first


def external_values(
    system: System, noise_class: NoiseClass, needed: Sequence[int]
) -> tuple[ExternalScenarios, NDArray[np.int64]]:
    """The external scenarios of a class, checked, wherever there are some.

    Args:
        system: with the scenarios.
        noise_class: the class.
        needed: ids of the entities that must be there.

    Returns:
        The scenarios, and the positions of their entities in the system ``[entity]``.

    Raises:
        ModelError: the scenarios are missing, incomplete, or of what does not exist.
    """
    name = f"external scenarios of class '{noise_class.value}'"
    given, index = {
        NoiseClass.INFLOW: (system.external_inflows, system.hydro_index),
        NoiseClass.LOAD: (system.external_loads, system.bus_index),
        NoiseClass.NCS: (system.external_availability, system.ncs_index),
    }[noise_class]
    if given is None or not given.values:
        raise ModelError(f"{name} are asked for and not given")
    if list(given.entity_ids) != sorted(set(given.entity_ids)):
        raise ModelError(
            f"{name}: the entity ids must ascend without repetition, got {given.entity_ids}"
        )
    missing = sorted(set(needed) - set(given.entity_ids))
    if missing:
        raise ModelError(
            f"{name} lack {', '.join(map(str, missing))}; give every entity in every scenario"
        )
    unknown = sorted(set(given.entity_ids) - set(index))
    if unknown and noise_class is NoiseClass.INFLOW:
        raise ModelError(f"{name} name hydros that do not exist: {unknown}")
    if unknown:
        raise ModelError(f"{name} name {unknown}, which do not exist")
    for stage_id, values in given.values.items():
        if stage_id not in system.stage_index:
            raise ModelError(f"{name} name stage {stage_id}, which is not a study stage")
        if values.ndim != 2 or values.shape[1] != len(given.entity_ids):
            raise ModelError(
                f"{name} at stage {stage_id}: expected {len(given.entity_ids)} "
                f"columns, got shape {values.shape}"
            )
        if not np.isfinite(values).all():
            raise ModelError(f"{name} at stage {stage_id} are not all finite")
    return given, np.array([index[i] for i in given.entity_ids], np.int64)


def _whole_scenarios(system: System, given: ExternalScenarios, noise_class: NoiseClass) -> Array:
    """``[scenario, stage, entity]`` with the scenarios of shorter stages repeated."""
    at = _stages_with_values(system, given)
    lacking = [stage.id for stage, has in zip(system.stages, at, strict=True) if not has]
    if lacking:
        raise ModelError(
            f"external scenarios of class '{noise_class.value}' lack stage(s) "
            f"{', '.join(map(str, lacking))}; give every study stage at least one scenario"
        )
    return _scenarios(system, given)


def _stages_with_values(system: System, given: ExternalScenarios) -> NDArray[np.bool_]:
    return np.array([len(given.values.get(stage.id, ())) > 0 for stage in system.stages], np.bool_)


def _scenarios(system: System, given: ExternalScenarios) -> Array:
    """``[scenario, stage, entity]`` with the scenarios of shorter stages repeated.

    ``nan`` at stages that have none.
    """
    n = max(len(values) for values in given.values.values())
    scenarios = np.full((n, len(system.stages), len(given.entity_ids)), np.nan)
    for t in np.flatnonzero(_stages_with_values(system, given)):
        rows = given.values[system.stages[t].id]
        scenarios[:, t] = rows[np.arange(n) % len(rows)]
    return scenarios
