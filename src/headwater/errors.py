"""Everything Headwater can raise on purpose.

    HeadwaterError                 base: something a caller can handle
    ├── CaseError                  a case directory has errors; carries the full report
    ├── ModelError                 a system built in code contradicts itself
    ├── UnsupportedFeatureError    the case asks for something that is known and not built yet
    ├── SolverError                a stage LP could not be solved; says stage, scenario, opening
    │   ├── InfeasibleError        no point satisfies the constraints of the stage
    │   └── UnboundedError         the cost of the stage has no minimum
    ├── PolicyError                a policy on disk is damaged, foreign or does not fit the case
    ├── ResultsError               an output directory cannot be written or read
    │   └── InUseError             another run writes to it
    ├── UsageError                 an argument or environment variable makes no sense
    │   └── UnknownNameError       nothing is called that; also a KeyError
    ├── RankError                  another process of a run over several failed
    └── StopTraining               raised by a callback to end training cleanly

Each class fixes the exit code of the command line, so that schedulers can tell a bad case from a
full disk.
"""

from __future__ import annotations

import re
from typing import Self

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that steer a terminal instead of being shown, save tabulators and ends of lines."""


def visible(text: str) -> str:
    """A text with its control characters shown by their codes.

    So no name of a plant steers a terminal.
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


EXIT_STOPPED = 75
"""Exit code of a run that a signal ended: what was learned is kept, and it can be resumed."""


class HeadwaterError(Exception):
    """Base of all errors that Headwater raises on purpose.

    Examples:
        >>> try:
        ...     hw.run("mine")
        ... except hw.HeadwaterError as error:
        ...     print(error)
    """

    exit_code: int = 4

    def add(self, text: str) -> None:
        """Say more at the end of the message."""
        self.args = (f"{self}{text}",)


class CaseError(HeadwaterError):
    """A case directory, or part of it, cannot be used.

    Attributes:
        report: the collected findings; anything with a readable ``str`` form.

    Examples:
        >>> try:
        ...     hw.load_case("mine")
        ... except hw.CaseError as error:
        ...     print(error.report)
    """

    exit_code = 1

    def __init__(self, message: str, report: object = None) -> None:
        super().__init__(message)
        self.report = report


class ModelError(HeadwaterError):
    """A system built in code contradicts itself.

    Examples:
        >>> try:
        ...     hw.model.TimeLimit(0.0)
        ... except hw.ModelError as error:
        ...     print(error)
    """

    exit_code = 1


class UnsupportedFeatureError(HeadwaterError):
    """The study asks for a feature that is known but not built yet (code HW710).

    Attributes:
        features: one sentence for each refused feature.

    Examples:
        >>> try:
        ...     hw.run("mine")
        ... except hw.UnsupportedFeatureError as error:
        ...     print(error.features)
    """

    exit_code = 1

    def __init__(self, features: list[str]) -> None:
        super().__init__(
            "this study uses features that are not built yet:\n"
            + "\n".join(f"  - {f}" for f in features)
        )
        self.features = features


class SolverError(HeadwaterError):
    """A linear program could not be solved.

    Attributes:
        status: what the solver said last.
        stage_id, scenario, opening, iteration: where it happened, as far as the caller knew.
        trial: position of the trial in a batch.
        task: what it was solved for: ``forward``, ``backward``, ``lower_bound`` or ``simulation``.
        lp: the linear program itself, named and in $ (`headwater.lp.NamedProgram`), where the
            caller could make it.
        basis: the basis that the solver held last (`headwater.solver.Basis`), where it held one.
        attempts: what was tried (`headwater.solver.LpAttempt`), with bounds in $ where ``lp`` is.

    Examples:
        >>> try:
        ...     hw.train(case)
        ... except hw.SolverError as error:
        ...     hw.write_program(error.lp, "stage.mps")
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        status: str = "",
        stage_id: int | None = None,
        scenario: int | None = None,
        opening: int | None = None,
        iteration: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stage_id = stage_id
        self.scenario = scenario
        self.opening = opening
        self.trial: int | None = None
        self.iteration = iteration
        self.task = ""
        self.lp: object | None = None
        self.basis: object | None = None
        self.attempts: tuple[object, ...] = ()

    def about(self, other: SolverError) -> Self:
        """This error with all that another one says of place and program, besides its message."""
        vars(self).update(
            {name: value for name, value in vars(other).items() if not name.startswith("_")}
        )
        return self


class InfeasibleError(SolverError):
    """No point satisfies the constraints of a stage.

    Examples:
        >>> try:
        ...     hw.train(case)
        ... except hw.InfeasibleError as error:
        ...     print(error.stage_id, error)
    """


class UnboundedError(SolverError):
    """The cost of a stage can be lowered without limit.

    Examples:
        >>> try:
        ...     hw.train(case)
        ... except hw.UnboundedError as error:
        ...     print(error.stage_id, error)
    """


class PolicyError(HeadwaterError):
    """A stored policy is missing, damaged, of a foreign version, or does not fit the case.

    Examples:
        >>> try:
        ...     policy = hw.load_policy("output/policy", case)
        ... except hw.PolicyError:
        ...     policy = hw.train(case)
    """

    exit_code = 5


class ResultsError(HeadwaterError):
    """An output directory cannot be written or read.

    Examples:
        >>> try:
        ...     results = hw.load_results("output")
        ... except hw.ResultsError:
        ...     print("there are no results yet")
    """

    exit_code = 2


class InUseError(ResultsError):
    """Another run writes to the same directory.

    The message says which process, where and since when.

    Examples:
        >>> try:
        ...     hw.run("mine", "output")
        ... except hw.InUseError as error:
        ...     print(error)  # who writes there
    """

    exit_code = 6


class UsageError(HeadwaterError):
    """An argument or environment variable makes no sense.

    Examples:
        >>> try:
        ...     hw.train(case, threads=0)
        ... except hw.UsageError as error:
        ...     print(error)
    """

    exit_code = 64


class UnknownNameError(UsageError, KeyError):
    """No plant, stage, table or component is called that, or several are.

    The message says which there are.

    Examples:
        >>> try:
        ...     case.system.hydros["Rigde"]
        ... except hw.UnknownNameError as error:
        ...     print(error)  # did you mean 'Ridge'?
    """

    def __str__(self) -> str:
        return Exception.__str__(self)  # that of KeyError shows the message in quotes


class RankError(HeadwaterError):
    """A process of a run over several failed, and the others end with it.

    Attributes:
        rank: which of them.
        exit_code: the one of its error.
    """

    def __init__(self, message: str, *, rank: int, exit_code: int) -> None:
        super().__init__(message)
        self.rank = rank
        self.exit_code = exit_code


# named for what a callback asks, as StopIteration is
class StopTraining(HeadwaterError):  # noqa: N818
    """Raise this in a training callback to finish cleanly after the current iteration.

    Examples:
        >>> def after_a_minute(event):
        ...     record = getattr(event, "record", None)
        ...     if getattr(record, "elapsed_seconds", 0.0) > 60.0:
        ...         raise hw.StopTraining
        >>> policy = hw.train(case, on_event=after_a_minute)
    """

    exit_code = 0
