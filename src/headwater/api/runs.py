"""Everything that the configuration of a case asks for."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from headwater.api.outcomes import RunResult, StoppedError
from headwater.api.progress import followed
from headwater.api.simulation import run_simulation
from headwater.api.stored_policies import find_policy, load_policy
from headwater.api.training import run_training
from headwater.case import load_case
from headwater.distributed import find_communicator, pass_on
from headwater.sddp.events import EventSink, ignore


def run(
    path: str | Path,
    output_dir: str | Path | None = None,
    *,
    threads: int | None = None,
    on_event: EventSink = ignore,
    resume: bool = False,
    progress: bool = True,
) -> RunResult:
    """Do what the configuration of a case asks for: train, simulate, write policy and results.

    After Ctrl-C what was learned is written and the result says ``stopped``. After SIGTERM or
    SIGHUP it is written too, and the signal then acts as it would have without this call: by
    default it ends the process.

    Args:
        path: case directory.
        output_dir: where to write; by default ``output`` inside the case.
        threads: as in `train`.
        resume: go on with what an earlier run left unfinished in ``output_dir``, the training and
            then the simulation; what is not there starts afresh.
        on_event: called with progress events.
        progress: whether to show on standard error how it goes.

    Raises:
        CaseError: the case has errors.
        InUseError: another run writes to ``output_dir``.
        HeadwaterError: anything else that ends a run on purpose.

    Examples:
        >>> hw.run("examples/four-subsystems", "output")
    """
    try:
        with followed(progress, on_event) as callback:
            result = run_case(path, output_dir, threads=threads, on_event=callback, resume=resume)
    except StoppedError as error:
        pass_on(error.signal_number)
        raise
    pass_on(result.signal_number)
    return result


def run_case(
    path: str | Path,
    output_dir: str | Path | None = None,
    *,
    threads: int | None = None,
    on_event: EventSink = ignore,
    resume: bool = False,
) -> RunResult:
    """The same for a caller that ends by itself after a signal."""
    ranks = find_communicator()
    ranks.agree("run")
    case = ranks.together(partial(load_case, path))
    target = Path(output_dir) if output_dir is not None else case.root / "output"
    if case.config.training.enabled:
        then_simulate = case.config.simulation.enabled
        return run_training(
            case,
            target,
            threads=threads,
            on_event=on_event,
            then_simulate=then_simulate,
            resume=resume,
        )
    policy = ranks.together(lambda: load_policy(find_policy(case, target)))
    if not case.config.simulation.enabled:
        return RunResult(target, policy, None)
    return run_simulation(case, policy, target, threads=threads, on_event=on_event, resume=resume)
