"""Whether a policy may be used for a study: the cuts must mean the same there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from headwater.core.state import StateLayout
from headwater.core.wording import counted
from headwater.errors import PolicyError
from headwater.model import StageMap, Study
from headwater.refusals import refused
from headwater.sddp import Policy
from headwater.sddp.cuts.fields import BOUNDARY
from headwater.sddp.stage.problems import StudyProblems, inflow_digest
from headwater.sddp.training.fingerprint import differing_parts, study_fingerprint
from headwater.sddp.training.matching import match_policy

logger = logging.getLogger(__name__)


def check_compatibility(
    policy: Policy, study: Study, inflow_digest: str | None, study_layout: StateLayout | None = None
) -> None:
    """Refuse a policy whose cuts do not fit the stage problems of a study.

    Loads, limits, costs and the network may differ; hydros, lags, stages, production functions and
    the inflow model may not.

    Args:
        policy: the policy.
        study: what it is to be used for.
        inflow_digest: digest of the study's inflow model; without it that comparison is left out,
            with a logged note.
        study_layout: state of the study; without it the lags are counted in the statistics that the
            study gives, which is not enough where inflow models are estimated.

    Raises:
        PolicyError: with every difference and its code.
    """
    differences = list(_differences(policy, study, study_layout))
    if not inflow_digest or not policy.inflow_digest:
        logger.warning(
            "HW807 the inflow models of policy and study were not compared: "
            "one of the digests is not known"
        )
    elif inflow_digest != policy.inflow_digest:
        differences.append(
            "HW804 the inflow model (means, deviations, autoregressive coefficients) differs"
        )
    if differences:
        raise PolicyError(
            "this policy does not fit the study:\n" + "\n".join(f"  {d}" for d in differences)
        )


def check_regimes_fit(policy: Policy, study: Study) -> None:
    """Refuse a policy of other regimes than those of a study.

    Args:
        policy: the policy.
        study: what it is to be used for.

    Raises:
        PolicyError: the names differ, or only one of the two has regimes.
    """
    chain = study.system.policy_graph.regimes
    ours = () if chain is None else chain.names
    theirs = tuple(one.regime for one in policy.regimes)
    if ours != theirs:
        raise PolicyError(
            f"this policy does not fit the study:\n  HW805 regimes: the policy has "
            f"{', '.join(theirs) or 'none'}, the study {', '.join(ours) or 'none'}"
        )


def check_resumable(policy: Policy, study: Study) -> None:
    """Refuse to go on with a training whose further iterations would not be those of the study.

    Stopping rules, threads, simulation and exports may differ; anything else that the iterations
    depend on may not.

    Raises:
        PolicyError: with every part that differs.
    """
    if policy.progress is None or not policy.fingerprint:
        raise PolicyError(
            "HW814 this policy does not say where its training stands, so that it cannot be "
            "resumed; start again from its cuts with policy.mode 'warm_start'"
        )
    differences = differing_parts(policy.fingerprint, study_fingerprint(study))
    if differences:
        raise PolicyError(
            "HW815 the training cannot be resumed, because this study is not the one it was "
            "started with; what differs:\n"
            + "\n".join(f"  {one}" for one in differences)
            + "\nstart again from its cuts with policy.mode 'warm_start'"
        )


@dataclass(frozen=True)
class PolicyCheck:
    """What a policy may be used for in a study.

    Each use with what forbids it, nothing where it is allowed.

    Attributes:
        simulation: obstacles to simulating with it.
        resume: obstacles to going on with its training.
        warm_start: obstacles to starting a training from its cuts.
        notes: what is different and allowed, for a warm start.

    Examples:
        >>> found = hw.check_policy("output/policy", "mine")
        >>> if found.resume:
        ...     print(found.resume[0])  # the first reason against going on with its training
    """

    simulation: tuple[str, ...]
    resume: tuple[str, ...]
    warm_start: tuple[str, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as plain data.

        Examples:
            >>> hw.check_policy("may/policy", "june").to_json()
        """
        uses = {"simulation": self.simulation, "resume": self.resume, "warm_start": self.warm_start}
        allowed = {
            use: {"allowed": not obstacles, "obstacles": list(obstacles)}
            for use, obstacles in uses.items()
        }
        return {**allowed, "notes": list(self.notes)}


def check_uses(
    policy: Policy, problems: StudyProblems, stage_map: StageMap, *, validate: bool = True
) -> PolicyCheck:
    """Find out what a policy may be used for in a study.

    Args:
        policy: the policy.
        problems: stages of the study.
        stage_map: which stage takes which cuts in a warm start.
        validate: whether a warm start compares production functions and inflow models.
    """
    study = problems.study
    match = match_policy(policy, problems, stage_map, validate=validate)

    def fits() -> None:
        check_regimes_fit(policy, study)
        for own, one in zip(policy.regimes or (policy,), problems.each, strict=True):
            digest = inflow_digest(one.uncertainty.inflow)
            check_compatibility(own, one.study, digest, one.layout)

    has_regimes = problems.regimes or policy.regimes
    return PolicyCheck(
        simulation=_obstacles(fits),
        resume=_obstacles(lambda: check_resumable(policy, study)),
        warm_start=(*match.differences, *([refused("beside_regimes")] if has_regimes else [])),
        notes=match.notes,
    )


def _obstacles(check: Callable[[], None]) -> tuple[str, ...]:
    try:
        check()
    except PolicyError as error:
        heading, *lines = str(error).splitlines()
        return tuple(line.strip() for line in lines if line.startswith("  ")) or (heading,)
    return ()


def _differences(policy: Policy, study: Study, own: StateLayout | None) -> Iterator[str]:
    system, layout = study.system, policy.layout
    if own is None:
        rows = [row for row in system.inflow_statistics if row.stage_id in system.stage_index]
        own = system.state_layout(max((len(row.coefficients) for row in rows), default=0))
    yield from own.differences(layout)
    hydro_ids, stage_ids = own.block("storage").ids, tuple(stage.id for stage in system.stages)
    policy_ids = tuple(stage.stage_id for stage in policy.stages)
    if stage_ids != policy_ids:
        yield f"HW805 stages: the policy has {counted(policy_ids)}, the study {counted(stage_ids)}"
    end = policy.pools[-1]
    goes_on = bool((end.born_at[: end.n_populated] != BOUNDARY).any())
    if policy.n_iterations and goes_on != system.horizon.is_cyclic:
        ends, repeats = "ends with its last stage", "repeats"
        theirs, ours = (repeats, ends) if goes_on else (ends, repeats)
        yield f"HW805 horizon: that of the policy {theirs}, that of the study {ours}"
    for stage in policy.stages:
        if stage.stage_id not in system.stage_index or len(stage.production) != layout.size(
            "storage"
        ):
            continue
        t = system.stage_index[stage.stage_id]
        before = dict(zip(layout.block("storage").ids, stage.production, strict=True))
        kinds = (
            (hydro_id, system.production[h][t].kind.value) for h, hydro_id in enumerate(hydro_ids)
        )
        changed = tuple(hydro_id for hydro_id, kind in kinds if before.get(hydro_id, kind) != kind)
        if changed:
            yield (
                f"HW803 production function of hydros {counted(changed)} differs at stage "
                f"{stage.stage_id}"
            )
            return
