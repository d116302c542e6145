"""Whether a policy may be used for a study: the cuts must mean the same there."""

from __future__ import annotations

from headwater.errors import PolicyError
from headwater.lp import gnl_pipelines
from headwater.model import Study
from headwater.sddp import Policy


def check_compatibility(policy: Policy, study: Study, inflow_digest: str) -> None:
    """Refuse a policy whose cuts do not fit the stage problems of a study.

    Loads, limits, costs and the network may differ; hydros, lags, stages, production functions and the inflow model may not.

    Args:
        policy: the policy.
        study: what it is to be used for.
        inflow_digest: digest of the study's inflow model.

    Raises:
        PolicyError: with every difference and its code.
    """
    system = study.system
    differences = []
    hydro_ids = tuple(hydro.id for hydro in system.hydros)
    if hydro_ids != policy.layout.hydro_ids:
        differences.append(f"HW801 hydros: the policy has {_some(policy.layout.hydro_ids)}, the study {_some(hydro_ids)}")
    ahead = tuple((pipeline.thermal_id, pipeline.lag) for pipeline in gnl_pipelines(system))
    if ahead != policy.layout.commitments:
        differences.append(
            f"HW802 thermals dispatched ahead (id, lag): the policy has {_some(policy.layout.commitments)}, "
            f"the study {_some(ahead)}"
        )
    stage_ids = tuple(stage.id for stage in system.stages)
    policy_ids = tuple(stage.stage_id for stage in policy.stages)
    if stage_ids != policy_ids:
        differences.append(f"HW805 stages: the policy has {_some(policy_ids)}, the study {_some(stage_ids)}")
    if not differences:
        for t, stage in enumerate(policy.stages):
            kinds = tuple(system.production[h][t].kind.value for h in range(len(system.hydros)))
            changed = [hydro_ids[h] for h in range(len(kinds)) if kinds[h] != stage.production[h]]
            if changed:
                differences.append(
                    f"HW803 production function of hydros {_some(tuple(changed))} differs at stage {stage.stage_id}"
                )
                break
    if not differences and inflow_digest != policy.inflow_digest:
        differences.append("HW804 the inflow model (means, deviations, autoregressive coefficients) differs")
    if differences:
        raise PolicyError("this policy does not fit the study:\n" + "\n".join(f"  {d}" for d in differences))


def _some(ids: tuple[object, ...]) -> str:
    shown = ", ".join(str(i) for i in ids[:6])
    return f"{len(ids)} ({shown}{', ...' if len(ids) > 6 else ''})"
