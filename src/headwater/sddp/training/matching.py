"""Whether the cuts of a policy mean the same in a study.

And whether they are still lower bounds there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.core.provenance import digest_text
from headwater.core.wording import counted
from headwater.errors import PolicyError
from headwater.model import StageMap
from headwater.sddp.cuts.fields import ALL_OPENINGS
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.stage.problems import StudyProblems, policy_stages
from headwater.sddp.training.fingerprint import differing_parts, study_fingerprint
from headwater.stochastic import InflowModel

INFLOW_TOLERANCE = 1e-9
"""Largest relative difference between numbers of two inflow models that count as the same."""


@dataclass(frozen=True)
class Match:
    """What a policy has to do with a study.

    Attributes:
        sources: ``[stage]`` position of the policy's stage whose cuts a stage takes; ``None`` for
            one that takes none.
        proven: ``[stage]`` whether those cuts are lower bounds in the study, whatever happens.
        differences: why the cuts do not mean the same there, with codes; none when they may be
            used.
        notes: what is different and allowed.
    """

    sources: tuple[int | None, ...]
    proven: tuple[bool, ...]
    differences: tuple[str, ...]
    notes: tuple[str, ...]

    def insist(self) -> None:
        """Refuse a policy that does not fit.

        Raises:
            PolicyError: with every difference and its code.
        """
        if self.differences:
            raise PolicyError(
                "this policy does not fit the study:\n"
                + "\n".join(f"  {one}" for one in self.differences)
            )


def match_policy(
    policy: Policy, problems: StudyProblems, stage_map: StageMap, *, validate: bool = True
) -> Match:
    """Compare a policy with a study that is to start from its cuts.

    Hydros, lags, production functions and inflow models of the mapped stages must be the same;
    loads, limits, costs, openings, network and thermal plants may differ. Cuts stay proven lower
    bounds where the stage problems that they stand for are the same to the last bit.

    Args:
        policy: the policy.
        problems: stages of the study.
        stage_map: which stage takes which cuts.
        validate: whether production functions and inflow models are compared.
    """
    differences = list(problems.layout.differences(policy.layout))
    sources: tuple[int | None, ...] = (None,) * problems.n_stages
    try:
        sources = _sources(policy, problems, stage_map)
    except PolicyError as error:
        differences.append(str(error))
    if validate and not differences:
        differences += _production_differences(policy, problems, sources)
        differences += _inflow_differences(policy, problems, sources)
    differences += _formulation_differences(policy, problems, sources)
    proven = _proven(policy, problems, sources)
    return Match(
        sources,
        proven,
        tuple(differences),
        tuple(_notes(policy, problems, sources, proven, validate=validate)),
    )


def stage_digests(problems: StudyProblems) -> tuple[str, ...]:
    """Per stage, a digest of everything that the cost of the stage depends on.

    These are its program, openings, risk measure and discount.

    Two stages with the same digest have, with the same future, the same value at every state.
    Bounds of the future cost, the scale of money and the position in the horizon are left out: they
    change no value.
    """
    digests = []
    for t, stage in enumerate(problems.stages):
        template, openings = stage.template, stage.openings
        digest = hashlib.sha256(
            f"{stage.truncates} {digest_text(problems.system.stages[t].risk)} "
            f"{template.future.tolist()}".encode()
        )
        for matrix in (template.matrix, template.sensitivity):
            for array in (
                matrix.indptr.astype(np.int64),
                matrix.indices.astype(np.int64),
                matrix.data,
            ):
                _add(digest, array)
        bounds = [np.array(side) for side in (template.column_lower, template.column_upper)]
        for side in bounds:
            side[template.future] = 0.0
        _add(
            digest,
            *bounds,
            template.cost,
            template.row_lower,
            template.row_upper,
            template.out_column,
            stage.psi,
        )
        _add(
            digest,
            openings.innovation,
            openings.demand_shift,
            problems.uncertainty.tree.probability[t],
            *([openings.factor] if openings.factor.size else []),
        )
        digests.append(digest.hexdigest())
    return tuple(digests)


def inflow_arrays(inflow: InflowModel, t: int) -> dict[str, NDArray[Any]]:
    """The inflow model of a stage as named arrays.

    They are psi ``[hydro, lag]``, and base and sigma ``[hydro]`` in m3/s.
    """
    return {"psi": inflow.psi[t], "base": inflow.base[t], "sigma": inflow.sigma[t]}


def _add(digest: Any, *arrays: NDArray[Any]) -> None:
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(
            (
                np.ascontiguousarray(array) + 0.0
                if array.dtype.kind == "f"
                else np.ascontiguousarray(array)
            ).tobytes()
        )


def _sources(
    policy: Policy, problems: StudyProblems, stage_map: StageMap
) -> tuple[int | None, ...]:
    n_theirs, n_ours = len(policy.stages), problems.n_stages
    if stage_map.source_ids is not None:
        if len(stage_map.source_ids) != n_ours:
            raise PolicyError(
                f"HW816 policy.stage_map has {len(stage_map.source_ids)} entries for {n_ours} "
                "stages; give one each"
            )
        positions = {stage.stage_id: position for position, stage in enumerate(policy.stages)}
        unknown = sorted({i for i in stage_map.source_ids if i is not None} - positions.keys())
        if unknown:
            raise PolicyError(
                f"HW816 policy.stage_map names stages {counted(tuple(unknown))} "
                "that the policy does not have"
            )
        return tuple(None if i is None else positions[i] for i in stage_map.source_ids)
    shifted = [t + stage_map.shift for t in range(n_ours)]
    sources = tuple(s if 0 <= s < n_theirs else None for s in shifted)
    if all(s is None for s in sources):
        raise PolicyError(
            f"HW816 policy.stage_map: shifted by {stage_map.shift}, no stage "
            f"meets one of its {n_theirs}"
        )
    return sources


def _following(
    policy: Policy, problems: StudyProblems, sources: tuple[int | None, ...]
) -> Iterator[tuple[int, int]]:
    """Stages of study and policy whose costs the mapped cuts stand for."""
    pairs = {(t + 1, s + 1) for t, s in enumerate(sources) if s is not None}
    return ((t, s) for t, s in sorted(pairs) if t < problems.n_stages and s < len(policy.stages))


def _production_differences(
    policy: Policy, problems: StudyProblems, sources: tuple[int | None, ...]
) -> Iterator[str]:
    own = policy_stages(problems.system)
    for t, s in _following(policy, problems, sources):
        pairs = zip(
            problems.layout.block("storage").ids,
            policy.stages[s].production,
            own[t].production,
            strict=True,
        )
        changed = tuple(hydro_id for hydro_id, before, now in pairs if before != now)
        if changed:
            stages = (
                f"stage {own[t].stage_id} of the study and stage "
                f"{policy.stages[s].stage_id} of the policy"
            )
            yield f"HW803 production function of hydros {counted(changed)} differs between {stages}"
            return


def _inflow_differences(
    policy: Policy, problems: StudyProblems, sources: tuple[int | None, ...]
) -> Iterator[str]:
    ids = np.array(problems.layout.block("storage").ids)
    for t, s in _following(policy, problems, sources) if policy.inflow else ():
        theirs, ours = policy.inflow[s], inflow_arrays(problems.uncertainty.inflow, t)
        stages = (
            f"stage {problems.system.stages[t].id} of the study and stage "
            f"{policy.stages[s].stage_id} of the policy"
        )
        orders = _order(theirs["psi"]) != _order(ours["psi"])
        if orders.any():
            yield (
                "HW802 order of the inflow model of hydros "
                f"{counted(tuple(ids[orders].tolist()))} differs between {stages}"
            )
            return
        changed = np.zeros(len(ids), np.bool_)
        for name in ("psi", "base", "sigma"):
            far = ~np.isclose(theirs[name], ours[name], rtol=INFLOW_TOLERANCE, atol=1e-12)
            changed |= far.reshape(len(ids), -1).any(axis=1)
        if changed.any():
            named = counted(tuple(ids[changed].tolist()))
            yield (
                f"HW804 inflow model (means, deviations, coefficients) of hydros {named} differs "
                f"between {stages}"
            )
            return


def _order(psi: NDArray[Any]) -> NDArray[np.int64]:
    """Lags that an equation looks back, ``[hydro]``."""
    places = np.arange(1, psi.shape[1] + 1)
    orders: NDArray[np.int64] = np.max(np.where(psi != 0.0, places, 0), axis=1, initial=0)
    return orders


def _formulation_differences(
    policy: Policy, problems: StudyProblems, sources: tuple[int | None, ...]
) -> Iterator[str]:
    for t, s in enumerate(sources):
        if s is None or problems.successor(t) is None:
            continue
        pool, outlook = policy.pools[s], problems.stages[t].template.outlook
        n_openings = int(pool.opening[pool.active_slots()].max(initial=ALL_OPENINGS)) + 1
        if n_openings and outlook is None:
            yield (
                "HW817 the policy has a cut for each opening; set training.cut_formulation to "
                "'multi' to start from them"
            )
            return
        if outlook is not None and n_openings > len(outlook.probability):
            yield (
                f"HW817 the policy has cuts for {n_openings} openings after stage "
                f"{problems.system.stages[t].id}, where the study has {len(outlook.probability)}"
            )
            return


def _proven(
    policy: Policy, problems: StudyProblems, sources: tuple[int | None, ...]
) -> tuple[bool, ...]:
    """Whether the stages that follow are the same in policy and study.

    Up to the end of the policy's horizon.

    Beyond it the policy counts with no cost at all; a study that goes on there must not be able to
    earn money.
    """
    last = len(policy.stages) - 1
    digests = stage_digests(problems)
    known = [stage.digest for stage in policy.stages]
    repeats = (
        policy.pools[last].n_populated > 0 or problems.successor(problems.n_stages - 1) is not None
    )
    proven = []
    for t, s in enumerate(sources):
        if s is None or repeats or t + last - s >= problems.n_stages:
            proven.append(False)
            continue
        end = problems.stages[t + last - s].template
        same = all(known[s + k] and known[s + k] == digests[t + k] for k in range(1, last - s + 1))
        proven.append(same and float(end.column_lower[end.theta]) >= 0.0)
    return tuple(proven)


def _notes(
    policy: Policy,
    problems: StudyProblems,
    sources: tuple[int | None, ...],
    proven: tuple[bool, ...],
    *,
    validate: bool,
) -> Iterator[str]:
    stages = problems.system.stages
    empty = [
        stages[t].id
        for t, s in enumerate(sources)
        if s is None or not len(policy.pools[s].active_slots())
    ]
    if empty:
        yield f"stages that start without cuts: {counted(tuple(empty))}"
    pairs = [(stages[t], policy.stages[s]) for t, s in enumerate(sources) if s is not None]
    moved = [(ours, theirs) for ours, theirs in pairs if ours.end_date != theirs.end_date]
    if moved:
        ours, theirs = moved[0]
        yield (
            f"{len(moved)} stages take cuts of stages with other dates, e.g. stage {ours.id} "
            f"(until {ours.end_date}) those of stage {theirs.stage_id} (until {theirs.end_date})"
        )
    if not validate:
        yield (
            "production functions and inflow models were not compared "
            "(policy.validate_compatibility is false)"
        )
    elif not policy.inflow:
        yield "HW807 inflow models were not compared: the policy does not hold its own"
    if policy.fingerprint:
        changed = differing_parts(policy.fingerprint, study_fingerprint(problems.study))
        if changed:
            yield f"what differs besides: {', '.join(changed)}"
    doubtful = [
        stages[t].id
        for t, s in enumerate(sources)
        if s is not None and not proven[t] and _has_cuts(policy, s)
    ]
    if doubtful:
        yield (
            f"cuts of stages {counted(tuple(doubtful))} are not proven to be lower bounds here, "
            "because costs, openings or limits of stages that follow are not the same"
        )


def _has_cuts(policy: Policy, s: int) -> bool:
    return bool(len(policy.pools[s].active_slots()))
