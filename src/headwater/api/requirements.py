"""What every verb asks of a study before it begins."""

from __future__ import annotations

from functools import partial

from headwater.case import refused_features
from headwater.distributed import choose_threads, find_communicator
from headwater.errors import UnsupportedFeatureError
from headwater.model import Study
from headwater.policy import check_compatibility, check_regimes_fit
from headwater.sddp import Policy
from headwater.sddp.cuts.policy import as_stored
from headwater.sddp.events import EventSink, ignore
from headwater.sddp.stage.problems import inflow_digest, state_layout
from headwater.stochastic import study_uncertainty


def refuse_unbuilt(study: Study) -> None:
    """Raise `UnsupportedFeatureError` for everything a study asks for that is not built."""
    features = refused_features(study)
    if features:
        raise UnsupportedFeatureError(features)


def check_fits(policy: Policy, study: Study) -> None:
    """Refuse a policy whose cuts do not fit a study.

    Raises:
        PolicyError: with every difference and its code.
    """
    with as_stored():
        check_regimes_fit(policy, study)
        for own in policy.regimes or (policy,):
            part = study.in_regime(own.regime) if policy.regimes else study
            inflow = study_uncertainty(part).inflow
            layout = state_layout(part.system, inflow)
            check_compatibility(own, part, inflow_digest(inflow), layout)


def have_engine(on_event: EventSink) -> None:
    """Have the engine compiled, if it is not; all ranks call, and the leader tells how it goes.

    Done before signals are caught: one that comes meanwhile ends the process.
    """
    from headwater.sddp.training.compilation import ensure_compiled

    ranks = find_communicator()
    ranks.together(partial(ensure_compiled, on_event if ranks.leads else ignore))


def granted_threads(requested: int | None, study: Study) -> int:
    """The number of threads of this rank.

    What was asked for, else what the study says, else what is granted.
    """
    return choose_threads(
        requested, study.config.training.threads, n_sharing=find_communicator().n_sharing
    )
