"""What a page is about: a run with its policy, the models of its case, and another run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headwater.case import load_case
from headwater.errors import HeadwaterError, UsageError
from headwater.policy import holds_checkpoint, read_policy
from headwater.report.charts import Charts
from headwater.report.outcome import Outcome
from headwater.report.policy_pictures import storage_places
from headwater.results.reader import Results, load_results
from headwater.sddp import Policy
from headwater.sddp.training.fingerprint import case_digest, study_fingerprint
from headwater.stochastic import Uncertainty, study_uncertainty


@dataclass(frozen=True)
class Subject:
    """What a page is about.

    Attributes:
        results: the run.
        outcome: its simulation; ``None`` without one.
        charts: receives the pictures.
        policy: the policy beside the results; ``None`` where there is none that fits.
        uncertainty: models of the case, with the history; ``None`` where the case is not known.
        case_note: why it is not known; empty where it is.
        other: another run to compare with.
        other_outcome: its simulation.
    """

    results: Results
    outcome: Outcome | None
    charts: Charts
    policy: Policy | None = None
    uncertainty: Uncertainty | None = None
    case_note: str = ""
    other: Results | None = None
    other_outcome: Outcome | None = None


def subject_of(
    directory: str | Path, compare: str | Path | None, case: str | Path | None
) -> Subject:
    """Read all that a page is about.

    Args:
        directory: output directory of a run.
        compare: that of another to compare with.
        case: case directory; ``None`` takes the one that the run was read from, if it is there and
            is the same.

    Raises:
        ResultsError: there are no results.
        CaseError: the case that is given has errors.
        UsageError: the case that is given is another one.
    """
    results = load_results(directory)
    outcome = _outcome(results)
    other = None if compare is None else load_results(compare)
    uncertainty, note = _models(results, case)
    return Subject(
        results,
        outcome,
        Charts(),
        _policy(results, outcome),
        uncertainty,
        note,
        other,
        None if other is None else _outcome(other),
    )


def _outcome(results: Results) -> Outcome | None:
    return Outcome.of_results(results) if results.has_simulation else None


def _policy(results: Results, outcome: Outcome | None) -> Policy | None:
    """The policy beside the results, if it is of the same plants and stages."""
    place = results.directory / "policy"
    if outcome is None or not holds_checkpoint(place):
        return None
    try:
        policy = read_policy(place, with_progress=False)
    except HeadwaterError:
        return None  # what the page shows of the run does not hang on it
    same_plants = list(storage_places(policy.layout)) == outcome.ids("hydro")
    stages = [one.stage_id for one in outcome.stages[: len(policy.stages)]]
    return policy if same_plants and stages == [one.stage_id for one in policy.stages] else None


def _models(results: Results, case: str | Path | None) -> tuple[Uncertainty | None, str]:
    """Models of the case of a run, or why they are not known."""
    parts = [results.training_metadata] if results.has_training else []
    parts += [results.simulation_metadata] if results.has_simulation else []
    known = next((part for part in parts if part.get("case_directory")), parts[0])
    named = known.get("case_directory") if case is None else str(case)
    if not named:
        return None, "The results do not say where their case is; --case names it."
    try:
        if case is None and not Path(named).is_dir():
            return None, f"The case is not at {named} any more; --case says where it is."
        loaded = load_case(named)
        if case_digest(study_fingerprint(loaded)) != known.get("case_digest"):
            if case is not None:
                raise UsageError(f"{named} is not the case of these results: its system is another")
            return (
                None,
                f"The case at {named} has changed since the run; --case names the one of the run.",
            )
        return study_uncertainty(loaded, statistical=True), ""
    except UsageError:
        raise
    except HeadwaterError as error:
        if case is not None:
            raise
        return (
            None,
            f"The case at {named} cannot be read ({type(error).__name__}); --case names another.",
        )
