"""Linear programs to look at: of a stage as a scenario meets it, and of a whole small study."""

from __future__ import annotations

from headwater.api.requirements import check_fits, refuse_unbuilt
from headwater.api.studies import StudyLike, as_study
from headwater.lp import NamedProgram
from headwater.sddp import Policy
from headwater.sddp.bounds.extensive_form import (
    MOST_COLUMNS,
    ExtensiveForm,
    solve_extensive_form,
)
from headwater.sddp.simulation.inspection import scenario_program


def stage_program(
    study: StudyLike, stage_id: int, *, scenario: int | None = None, policy: Policy | None = None
) -> NamedProgram:
    """The linear program of one stage, with names, at the state in which a scenario arrives there.

    Args:
        study: a `Case`, the directory of one, or a `Study` built in code.
        stage_id: the stage.
        scenario: number of a simulated scenario; ``None`` takes the mean of all noise.
        policy: cuts of the future cost; without it every stage minds its own cost only.

    Raises:
        UnsupportedFeatureError: the study uses something that is not built yet.
        UsageError: there is no such stage.
        PolicyError: the policy does not fit the study.
        SolverError: an earlier stage could not be solved.

    Examples:
        >>> hw.stage_program("my-case", 5, policy=policy).columns
    """
    study = as_study(study)
    refuse_unbuilt(study)
    if policy is not None:
        check_fits(policy, study)
    return scenario_program(study, stage_id, scenario=scenario, policy=policy)


def extensive_form(study: StudyLike, *, max_columns: int = MOST_COLUMNS) -> ExtensiveForm:
    """The optimum of a small study as one linear program over its whole opening tree.

    It is what the lower bound of training converges to, found without cuts and passes: a check that
    anyone can run. The program grows with the product of the openings of all stages.

    Args:
        study: a `Case`, the directory of one, or a `Study` built in code.
        max_columns: of the largest program that is built.

    Raises:
        UnsupportedFeatureError: the study uses something that is not built yet.
        UsageError: the study is no linear program over a finite tree, or one that is too large.
        SolverError: the program has no optimum.

    Examples:
        >>> found = hw.extensive_form("case")
        >>> policy = hw.train("case")
        >>> policy.lower_bound <= found.cost * (1 + 1e-7)
        True
    """
    study = as_study(study)
    refuse_unbuilt(study)
    return solve_extensive_form(study, max_columns)
