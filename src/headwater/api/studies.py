"""A study, or the directory of a case, as the verbs take it.

Nothing of the engine is loaded for it.
"""

from __future__ import annotations

import os

from headwater.case import load_case
from headwater.model import Study

StudyLike = Study | str | os.PathLike[str]
"""A study, or the directory of a case."""


def as_study(study: StudyLike) -> Study:
    """A study, read from disk if it is a directory.

    Raises:
        CaseError: the case has errors.
    """
    return study if isinstance(study, Study) else load_case(study)
