"""Policies on disk.

Reading, writing, finding the one that a case names, and saying what one may be used for.
"""

from __future__ import annotations

from pathlib import Path

from headwater.api.policy import Policy
from headwater.api.requirements import refuse_unbuilt
from headwater.api.studies import StudyLike, as_study
from headwater.case import Case
from headwater.errors import PolicyError
from headwater.model import StageMap, Study
from headwater.policy import PolicyCheck, check_uses, holds_checkpoint, read_policy, write_policy
from headwater.results.run_lock import RunLock
from headwater.sddp import Policy as LearnedPolicy
from headwater.sddp.cuts.policy import as_stored
from headwater.sddp.stage.problems import build_problems


def load_policy(directory: str | Path, study: StudyLike | None = None) -> Policy:
    """Read a policy from disk.

    Args:
        directory: where it is.
        study: the study it belongs to, with which it can decide stages and be compared; `simulate`
            asks for it anyway.

    Raises:
        PolicyError: it is missing, damaged or of another version, or does not fit the study.

    Examples:
        >>> policy = hw.load_policy("output/policy", hw.load_case("examples/four-subsystems"))
    """
    return Policy.of(read_policy(Path(directory)), None if study is None else as_study(study))


def save_policy(policy: LearnedPolicy, directory: str | Path) -> Path:
    """Write a policy to disk, whole or not at all; returns ``directory``.

    Args:
        policy: what training gave.
        directory: where to write.

    Raises:
        ResultsError: the directory cannot be written.
        InUseError: a training writes to it.

    Examples:
        >>> hw.save_policy(policy, "policy")
    """
    with RunLock(Path(directory)):
        write_policy(policy, Path(directory))
    return Path(directory)


def check_policy(
    policy: LearnedPolicy | str | Path, study: StudyLike, *, shift: int | None = None
) -> PolicyCheck:
    """Find out what a policy may be used for in a study, and why not for the rest.

    Args:
        policy: the policy, or its directory.
        study: a `Case`, the directory of one, or a `Study` built in code.
        shift: stages that the horizon has moved on since; ``None`` takes the stage map of the
            study.

    Raises:
        PolicyError: there is no sound policy.
        UnsupportedFeatureError: the study uses something that is not built yet.

    Examples:
        >>> print(hw.check_policy("may/policy", "june", shift=1))
    """
    study = as_study(study)
    refuse_unbuilt(study)
    settings = study.config.policy
    stage_map = settings.stage_map if shift is None else StageMap(shift=shift)
    loaded = load_policy(policy) if isinstance(policy, str | Path) else policy
    problems = build_problems(study)
    with as_stored():
        return check_uses(loaded, problems, stage_map, validate=settings.validate_compatibility)


def find_policy(case: Study, output_dir: Path) -> Path:
    """The policy that the configuration names.

    Its path is taken relative to the case, or else to the output directory.
    """
    named = Path(case.config.policy.path)
    root = case.root if isinstance(case, Case) else Path()
    candidates = [named] if named.is_absolute() else [root / named, output_dir / named]
    for candidate in candidates:
        if holds_checkpoint(candidate):
            return candidate
    places = " or ".join(str(candidate) for candidate in candidates)
    raise PolicyError(
        "HW808 config.json asks for a stored policy, but there is none "
        f"at {places} (key policy.path)"
    )


def as_policy(policy: LearnedPolicy | str | Path | None) -> LearnedPolicy | None:
    """A policy, read from disk if it is a directory."""
    return load_policy(policy) if isinstance(policy, str | Path) else policy
