"""Simulating with a policy, in memory or to an output directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from headwater.api.executors import Executor, simulated_by
from headwater.api.outcomes import RunResult, Simulation, StoppedError
from headwater.api.output import claimed, command_line, failures_saved, logged
from headwater.api.policy import Policy
from headwater.api.progress import followed
from headwater.api.requirements import check_fits, granted_threads, have_engine, refuse_unbuilt
from headwater.api.stored_policies import load_policy
from headwater.api.studies import StudyLike, as_study
from headwater.distributed import (
    Interrupted,
    StopRequest,
    find_communicator,
    pass_on,
    stop_on_signals,
)
from headwater.errors import PolicyError, UsageError
from headwater.model import Study
from headwater.results import ResultsWriter, SimulationSink, chunk_frame
from headwater.sddp import Policy as LearnedPolicy
from headwater.sddp import SimulationChunk, SimulationPart, SimulationRecord
from headwater.sddp.events import EventSink, ignore
from headwater.sddp.simulation.simulation import simulate_policy
from headwater.solver import highs_version

MOST_SCENARIOS = 2**31 - 1
"""Tables number scenarios with 32 bits."""

ChunkSink = Callable[[SimulationChunk], None]
"""Receives the tables of a run of scenarios."""


def simulate(
    policy: LearnedPolicy,
    study: StudyLike | None = None,
    *,
    n_scenarios: int | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    on_event: EventSink = ignore,
    progress: bool = True,
) -> Simulation:
    """Operate the system with a policy over many scenarios and keep the results in memory.

    Args:
        policy: trained here, or read with `load_policy`.
        study: what to simulate, or the directory of a case; by default what the policy was trained
            on.
        n_scenarios: number of scenarios; by default the study's own.
        threads: as in `train`; of each worker with an executor.
        executor: whose workers simulate, each a share of the scenarios: anything with ``submit`` as
            in `concurrent.futures`, e.g. ``ProcessPoolExecutor()`` or ``client.get_executor()`` of
            Dask. The results are those of this process alone.
        on_event: called with progress events.
        progress: whether to show on standard error how it goes.

    Raises:
        PolicyError: the policy does not fit the study, or none is known.
        StoppedError: Ctrl-C asked to stop; after SIGTERM or SIGHUP the signal acts as it would have
            without this call.

    Examples:
        >>> simulation = hw.simulate(policy, n_scenarios=500)
        >>> simulation.table("hydros")
    """
    ranks = find_communicator()
    chosen = policy.study if study is None else ranks.together(partial(as_study, study))
    if chosen is None:
        raise PolicyError(
            "this policy was read from disk: say which study to simulate, e.g. "
            "simulate(policy, load_case(DIR))"
        )
    ranks.agree("simulate")
    if executor is not None and ranks.size > 1:
        raise UsageError("scenarios are shared out to ranks or to an executor, not to both")
    ranks.together(partial(_check_simulation, policy, chosen, n_scenarios, threads))
    own: list[SimulationChunk] = []
    with followed(progress, on_event) as callback:
        have_engine(callback)
        try:
            with stop_on_signals() as stop:
                if executor is not None:
                    count = chosen.config.simulation.n_scenarios
                    count = count if n_scenarios is None else n_scenarios
                    own += simulated_by(executor, policy, chosen, count, threads or 1)
                record = _simulate_with(
                    policy,
                    chosen,
                    n_scenarios,
                    threads,
                    callback,
                    stop,
                    own.append,
                    [chunk.part for chunk in own],
                )
        finally:
            pass_on(stop.signal_number)
    if executor is not None:
        record = dataclasses.replace(record, resumed_scenarios=0)
    chunks = sorted(
        (chunk for of_rank in ranks.gather(own) for chunk in of_rank),
        key=lambda chunk: chunk.number,
    )
    frames: dict[str, list[pl.DataFrame]] = {}
    for chunk in chunks:
        for name in chunk.tables:
            frames.setdefault(name, []).append(chunk_frame(name, chunk))
    return Simulation(record, chosen, {name: pl.concat(parts) for name, parts in frames.items()})


def simulate_to_disk(
    policy: LearnedPolicy | str | Path,
    output_dir: str | Path,
    study: StudyLike | None = None,
    *,
    n_scenarios: int | None = None,
    threads: int | None = None,
    resume: bool = False,
    on_event: EventSink = ignore,
    progress: bool = True,
) -> RunResult:
    """Simulate with a policy and write the tables while it goes, for results larger than memory.

    Args:
        policy: the policy, or its directory.
        output_dir: where to write, in the form of the results of a run.
        study: what to simulate, or the directory of a case; by default what the policy was trained
            on.
        n_scenarios: number of scenarios; by default the study's own.
        threads: as in `train`.
        resume: go on with the simulation that was interrupted in ``output_dir``, if there is one;
            the results are those of an uninterrupted one.
        on_event: called with progress events.
        progress: whether to show on standard error how it goes.

    Raises:
        PolicyError: the policy does not fit the study, or none is known.
        InUseError: another run writes to the directory.
        ResultsError: the directory cannot be written, or the interrupted simulation was another
            one.
        StoppedError: a signal asked to stop; ``resume`` goes on.

    Examples:
        >>> hw.simulate_to_disk("output/policy", "tomorrow", "examples/four-subsystems")
        >>> hw.load_results("tomorrow").table("hydros")
    """
    ranks = find_communicator()
    ranks.agree("simulate_to_disk")
    given = ranks.together(
        lambda: load_policy(policy) if isinstance(policy, str | Path) else policy
    )
    chosen = given.study if study is None else ranks.together(partial(as_study, study))
    if chosen is None:
        raise PolicyError(
            "this policy was read from disk: say which study to simulate, e.g. "
            "simulate_to_disk(policy, OUTPUT, CASE)"
        )
    try:
        with followed(progress, on_event) as callback:
            return run_simulation(
                chosen,
                given,
                Path(output_dir),
                n_scenarios=n_scenarios,
                threads=threads,
                resume=resume,
                on_event=callback,
            )
    except StoppedError as error:
        pass_on(error.signal_number)
        raise


def run_simulation(
    case: Study,
    policy: LearnedPolicy,
    output_dir: Path,
    *,
    n_scenarios: int | None = None,
    threads: int | None = None,
    resume: bool = False,
    on_event: EventSink = ignore,
) -> RunResult:
    """Simulate a case with a policy and write the results.

    Args:
        case: what to simulate.
        policy: what to operate it with.
        output_dir: where to write.
        n_scenarios: number of scenarios; by default the case's own.
        threads: as in `train`.
        resume: go on with the simulation that was interrupted in ``output_dir``, if there is one;
            the results are those of an uninterrupted one.
        on_event: called with progress events.

    Raises:
        PolicyError: the policy does not fit the case.
        InUseError: another run writes to the directory.
        ResultsError: the directory cannot be written, or the interrupted simulation was another
            one.
        StoppedError: a signal asked to stop; earlier results are left as they were, and ``resume``
            goes on.
    """
    ranks, writer = find_communicator(), ResultsWriter(output_dir)
    ranks.together(partial(_check_simulation, policy, case, n_scenarios, threads))
    have_engine(on_event)
    with stop_on_signals() as stop, claimed(output_dir), logged(writer, case, on_event) as callback:
        record = simulate_to(
            writer, policy, case, n_scenarios, threads, callback, stop, resume=resume
        )
    return RunResult(output_dir, Policy.of(policy), record)


def simulate_to(
    writer: ResultsWriter,
    policy: LearnedPolicy,
    case: Study,
    n_scenarios: int | None,
    threads: int | None,
    on_event: EventSink,
    stop: StopRequest,
    *,
    resume: bool = False,
) -> SimulationRecord:
    """Simulate and write what comes out, part by part; ``resume`` goes on with what is there."""
    count = case.config.simulation.n_scenarios if n_scenarios is None else n_scenarios
    ranks, output_dir = find_communicator(), writer.output_dir
    kept = output_dir / "policy"
    again = (
        "after a repair of the case simulate with "
        f"{command_line('simulate', case, output_dir, '--policy', str(kept))}"
    )
    with (
        failures_saved(output_dir, case, kept, again),
        SimulationSink(
            output_dir,
            case,
            policy,
            count,
            highs_version(),
            resume=resume,
            communicator=ranks,
            run_id=writer.run_id,
        ) as sink,
    ):
        try:
            record = _simulate_with(
                policy, case, count, threads, on_event, stop, sink.write, sink.done
            )
        except StoppedError as error:
            text = f"{error}; earlier results were left as they were, and --resume goes on"
            raise StoppedError(text, error.signal_number) from error
        sink.finish(record)
    return record


def _check_simulation(
    policy: LearnedPolicy, study: Study, n_scenarios: int | None, threads: int | None
) -> None:
    """Refuse what cannot be simulated, before anything is written."""
    refuse_unbuilt(study)
    granted_threads(threads, study)
    if n_scenarios is not None and n_scenarios < 1:
        raise UsageError(f"a simulation needs at least one scenario, got {n_scenarios}")
    if n_scenarios is not None and n_scenarios > MOST_SCENARIOS:
        raise UsageError(f"a simulation has at most {MOST_SCENARIOS} scenarios, got {n_scenarios}")
    check_fits(policy, study)


def _simulate_with(
    policy: LearnedPolicy,
    study: Study,
    n_scenarios: int | None,
    threads: int | None,
    on_event: EventSink,
    stop: StopRequest,
    sink: ChunkSink,
    done: Sequence[SimulationPart] = (),
) -> SimulationRecord:
    config = study.config
    count = config.simulation.n_scenarios if n_scenarios is None else n_scenarios
    try:
        return simulate_policy(
            policy,
            study,
            n_scenarios=count,
            threads=granted_threads(threads, study),
            communicator=find_communicator(),
            sink=sink,
            done=done,
            on_event=on_event,
            should_stop=stop,
        )
    except Interrupted as interrupted:
        raise StoppedError(
            "the simulation was stopped before it was done", stop.signal_number
        ) from interrupted
