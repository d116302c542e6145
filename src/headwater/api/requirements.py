"""What every verb asks of a study before it begins."""

from __future__ import annotations

from headwater.case import refused_features
from headwater.distributed import choose_threads, find_communicator
from headwater.errors import UnsupportedFeatureError
from headwater.model import Study


def refuse_unbuilt(study: Study) -> None:
    """Raise `UnsupportedFeatureError` for everything that a study asks for and that is not built."""
    features = refused_features(study)
    if features:
        raise UnsupportedFeatureError(features)


def granted_threads(requested: int | None, study: Study) -> int:
    """The number of threads of this rank: what was asked for, else what the study says, else what is granted."""
    return choose_threads(requested, study.config.training.threads, n_sharing=find_communicator().n_sharing)
