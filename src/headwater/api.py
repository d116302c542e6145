"""What a user calls: load, train, simulate, run. Everything the command line does, it does through these functions."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from headwater import files
from headwater.case import Case, Report, load_case, refused_features
from headwater.case import validate_case as validate_files
from headwater.distributed import Interrupted, StopRequest, choose_threads, find_communicator, stop_on_signals
from headwater.errors import HeadwaterError, ModelError, PolicyError, UnsupportedFeatureError, UsageError
from headwater.lp import NamedProgram
from headwater.model import PolicyMode, ScenarioSource, Scheme, StageMap, Study, TrainingConfig
from headwater.policy import (
    PolicyCheck,
    check_compatibility,
    check_resumable,
    check_uses,
    holds_checkpoint,
    read_policy,
    write_policy,
)
from headwater.results import ResultsWriter, SimulationSink, chunk_frame
from headwater.results.run_log import RunLog
from headwater.results.simulation_writer import simulation_can_go_on
from headwater.results.stochastic_export import STOCHASTIC_DIRECTORY, write_model, write_stochastic
from headwater.results.stochastic_tables import openings_table, trajectories_table
from headwater.results.training_progress import TrainingProgress
from headwater.results.uncertainty_pictures import plotly_is_there, write_pictures
from headwater.sddp import Policy, ScenarioSummary, SimulationChunk, SimulationPart, SimulationRecord, train_policy
from headwater.sddp.boundary import BoundaryCuts
from headwater.sddp.events import EventSink, WarningRaised, both, ignore
from headwater.sddp.inspection import scenario_program
from headwater.sddp.problems import build_problems, inflow_digest, state_layout
from headwater.sddp.readiness import readiness_findings
from headwater.sddp.simulation import simulate_policy
from headwater.sddp.training import SavePolicy
from headwater.solver import highs_version
from headwater.stochastic import Uncertainty, simulation_sampler, study_uncertainty, training_sampler

logger = logging.getLogger(__name__)

EXIT_STOPPED = 75
"""Exit code of a run that was stopped by a signal and kept what it had learned."""


PICTURED_SCENARIOS = 200
"""Trajectories that the bands of pictures are made of."""

ChunkSink = Callable[[SimulationChunk], None]
"""Receives the tables of a run of scenarios."""


class StoppedError(HeadwaterError):
    """A run was stopped by a signal before it was done; what it had learned is kept."""

    exit_code = EXIT_STOPPED


@dataclass(frozen=True)
class Simulation:
    """Results of a simulation held in memory.

    Attributes:
        record: costs per scenario and how the simulation went.
        study: what was simulated.
    """

    record: SimulationRecord
    study: Study
    _frames: Mapping[str, pl.DataFrame] = field(repr=False)

    @property
    def summary(self) -> ScenarioSummary:
        """Costs and totals per scenario."""
        return self.record.summary

    @property
    def mean_cost(self) -> float:
        """Mean discounted cost over the scenarios, in $."""
        return self.record.summary.mean_cost

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have rows."""
        return tuple(sorted(self._frames))

    def table(self, name: str) -> pl.DataFrame:
        """One table with all scenarios, e.g. ``"hydros"``, ``"buses"``, ``"costs"``.

        Raises:
            KeyError: no such table; the message lists those there are.
        """
        if name not in self._frames:
            raise KeyError(f"there is no table '{name}'; there are: {', '.join(self.tables)}")
        return self._frames[name]


@dataclass(frozen=True)
class RunResult:
    """What a run leaves behind.

    Attributes:
        output_dir: directory of the results.
        policy: the policy, trained or loaded.
        simulation: outcome of the simulation; ``None`` when the case asks for none.
        stopped: whether a signal ended the run early.
    """

    output_dir: Path
    policy: Policy
    simulation: SimulationRecord | None
    stopped: bool = False


def validate_case(path: str | os.PathLike[str], *, strict: bool = False) -> Report:
    """Say everything there is to say about a case directory; whatever it contains, this does not raise.

    When the files have no errors, all that training and simulation would start from is built too (inflow model, openings,
    production planes, stage programs); nothing is solved.

    Args:
        path: the directory.
        strict: take advice that published cases often disregard as law.
    """
    return validate_files(path, strict=strict, also=readiness_findings)


def train(
    study: Study,
    config: TrainingConfig | None = None,
    *,
    threads: int | None = None,
    on_event: EventSink = ignore,
    resume: Policy | str | Path | None = None,
    warm_start: Policy | str | Path | None = None,
    checkpoints: str | Path | None = None,
) -> Policy:
    """Learn a policy.

    Ctrl-C (or SIGTERM) ends training after the last complete iteration and returns what was learned; a second Ctrl-C raises
    `KeyboardInterrupt`.

    Args:
        study: a `Case`, or a `Study` built in code.
        config: training configuration in place of the study's own.
        threads: worker threads; by default ``HEADWATER_THREADS``, the configuration, or all processors granted. Results do
            not depend on it.
        on_event: called with the events of `headwater.sddp.events`; raising `StopTraining` ends training.
        resume: policy of an unfinished training of the same study, or its directory, to go on from as if it had never been
            interrupted. Stopping rules may differ.
        warm_start: policy of this study or a similar one, or its directory, whose cuts to start from; ``policy`` of the study's
            configuration says which stage takes which cuts.
        checkpoints: directory for checkpoints, written when ``policy.checkpointing`` of the study says so and after an error.

    Raises:
        UnsupportedFeatureError: the study uses something that is not built yet.
        SolverError: a stage could not be solved.
        PolicyError: ``resume`` is a policy of another study, or cannot be resumed; or cuts of ``warm_start`` mean something
            else here.
        UsageError: both are given.
    """
    if resume is not None and warm_start is not None:
        raise UsageError("a training goes on with one policy or starts from the cuts of another: give 'resume' or 'warm_start'")
    chosen = _with_training(study, config)
    target = None if checkpoints is None else Path(checkpoints)
    with stop_on_signals() as stop:
        _refuse_unbuilt(chosen)
        start = find_communicator().together(lambda: _Start(_loaded(resume), _loaded(warm_start)))
        return _train(chosen, threads, on_event, stop, start, None if target is None else _saver(chosen, target))


def check_policy(policy: Policy | str | Path, study: Study, *, shift: int | None = None) -> PolicyCheck:
    """Find out what a policy may be used for in a study, and why not for the rest.

    Args:
        policy: the policy, or its directory.
        study: a `Case`, or a `Study` built in code.
        shift: stages that the horizon has moved on since; ``None`` takes the stage map of the study.

    Raises:
        PolicyError: there is no sound policy.
        UnsupportedFeatureError: the study uses something that is not built yet.
    """
    _refuse_unbuilt(study)
    settings = study.config.policy
    stage_map = settings.stage_map if shift is None else StageMap(shift=shift)
    loaded = load_policy(policy) if isinstance(policy, str | Path) else policy
    return check_uses(loaded, build_problems(study), stage_map, validate=settings.validate_compatibility)


def simulate(
    policy: Policy,
    study: Study | None = None,
    *,
    n_scenarios: int | None = None,
    threads: int | None = None,
    on_event: EventSink = ignore,
) -> Simulation:
    """Operate the system with a policy over many scenarios and keep the results in memory.

    Args:
        policy: trained here, or read with `load_policy`.
        study: what to simulate; by default what the policy was trained on.
        n_scenarios: number of scenarios; by default the study's own.
        threads: as in `train`.
        on_event: called with progress events.

    Raises:
        PolicyError: the policy does not fit the study, or none is known.
        StoppedError: a signal asked to stop.
    """
    chosen = study if study is not None else policy.study
    if chosen is None:
        raise PolicyError("this policy was read from disk: say which study to simulate, e.g. simulate(policy, load_case(DIR))")
    with stop_on_signals() as stop:
        ranks = find_communicator()
        ranks.together(partial(_check_simulation, policy, chosen, n_scenarios, threads))
        own: list[SimulationChunk] = []
        record = _simulate_with(policy, chosen, n_scenarios, threads, on_event, stop, own.append)
    chunks = sorted((chunk for of_rank in ranks.gather(own) for chunk in of_rank), key=lambda chunk: chunk.number)
    frames: dict[str, list[pl.DataFrame]] = {}
    for chunk in chunks:
        for name in chunk.tables:
            frames.setdefault(name, []).append(chunk_frame(name, chunk))
    return Simulation(record, chosen, {name: pl.concat(parts) for name, parts in frames.items()})


@dataclass(frozen=True)
class FitResult:
    """What `fit` leaves behind.

    Attributes:
        directory: where the model tables and the report are.
        uncertainty: the fitted models.
        pictures: page with pictures; ``None`` when they were not asked for or cannot be drawn.
    """

    directory: Path
    uncertainty: Uncertainty
    pictures: Path | None = None


def fit(study: Study, directory: str | Path, *, pictures: bool = True) -> FitResult:
    """Estimate the inflow model of a study from its history and write it, in tables that a case can take as input.

    Args:
        study: a `Case`, or a `Study` built in code.
        directory: where to write; made anew.
        pictures: draw history, correlograms and sampled paths, if plotly is installed.

    Raises:
        ModelError: the history does not allow it, or there is none.
    """
    found = study_uncertainty(study)
    if not found.estimation.cycles:
        raise ModelError("there is no inflow history to fit a model to (scenarios/inflow_history.parquet)")
    target = Path(directory)
    page = None
    with files.replaced_directory(target) as temporary:
        write_model(temporary, found)
        if pictures and plotly_is_there():
            fresh = ScenarioSource(Scheme.OUT_OF_SAMPLE, seed=study.config.training.tree_seed)
            sampler = simulation_sampler(found, fresh, study.config.training.tree_seed, PICTURED_SCENARIOS)
            write_pictures(temporary / "pictures.html", found, trajectories_table(sampler, PICTURED_SCENARIOS))
            page = target / "pictures.html"
    return FitResult(target, found, page)


def scenarios(study: Study, kind: str = "openings", *, n_scenarios: int | None = None, iteration: int = 1) -> pl.DataFrame:
    """The random future of a study as a table.

    Args:
        study: a `Case`, or a `Study` built in code.
        kind: ``"openings"`` of the tree, or the trajectories of ``"training"`` or ``"simulation"``.
        n_scenarios: number of trajectories; by default forward passes or simulated scenarios of the study.
        iteration: of training, from 1.

    Raises:
        ModelError: an unknown kind, or a number below 1.
    """
    config = study.config
    found = study_uncertainty(study)
    if kind == "openings":
        return openings_table(found)
    if kind not in ("training", "simulation"):
        raise ModelError(f"scenarios are 'openings', 'training' or 'simulation', got '{kind}'")
    if iteration < 1 or (n_scenarios is not None and n_scenarios < 1):
        raise ModelError(f"expected an iteration and a number of scenarios of at least 1, got {iteration} and {n_scenarios}")
    seed = config.training.tree_seed
    if kind == "training":
        passes = config.training.forward_passes
        sampler = training_sampler(found, config.training.scenario_source, seed, passes)
        return trajectories_table(sampler, min(n_scenarios or passes, passes), iteration)
    count = n_scenarios or config.simulation.n_scenarios
    source = config.simulation.scenario_source or config.training.scenario_source
    return trajectories_table(simulation_sampler(found, source, seed, count), count)


def stage_program(study: Study, stage_id: int, *, scenario: int | None = None, policy: Policy | None = None) -> NamedProgram:
    """The linear program of one stage, with names, at the state in which a scenario arrives there.

    Args:
        study: a `Case`, or a `Study` built in code.
        stage_id: the stage.
        scenario: number of a simulated scenario; ``None`` takes the mean of all noise.
        policy: cuts of the future cost; without it every stage minds its own cost only.

    Raises:
        UnsupportedFeatureError: the study uses something that is not built yet.
        ModelError: there is no such stage.
        PolicyError: the policy does not fit the study.
        SolverError: an earlier stage could not be solved.
    """
    _refuse_unbuilt(study)
    if policy is not None:
        inflow = study_uncertainty(study).inflow
        check_compatibility(policy, study, inflow_digest(inflow), state_layout(study.system, inflow))
    return scenario_program(study, stage_id, scenario=scenario, policy=policy)


def load_policy(directory: str | Path) -> Policy:
    """Read a policy from disk.

    Raises:
        PolicyError: it is missing, damaged or of another version.
    """
    return read_policy(Path(directory))


def save_policy(policy: Policy, directory: str | Path) -> Path:
    """Write a policy to disk, whole or not at all; returns ``directory``.

    Raises:
        ResultsError: the directory cannot be written.
    """
    write_policy(policy, Path(directory))
    return Path(directory)


def run(
    path: str | Path,
    output_dir: str | Path | None = None,
    *,
    threads: int | None = None,
    on_event: EventSink = ignore,
    resume: bool = False,
) -> RunResult:
    """Do what the configuration of a case asks for: train, simulate, write policy and results.

    Args:
        path: case directory.
        output_dir: where to write; by default ``output`` inside the case.
        threads: as in `train`.
        resume: go on with what an earlier run left unfinished in ``output_dir``, the training and then the simulation; what is
            not there starts afresh.
        on_event: called with progress events.

    Raises:
        CaseError: the case has errors.
        HeadwaterError: anything else that ends a run on purpose.
    """
    ranks = find_communicator()
    case = ranks.together(partial(load_case, path))
    target = Path(output_dir) if output_dir is not None else case.root / "output"
    if case.config.training.enabled:
        then_simulate = case.config.simulation.enabled
        return run_training(case, target, threads=threads, on_event=on_event, then_simulate=then_simulate, resume=resume)
    policy = ranks.together(lambda: load_policy(_find_policy(case, target)))
    if not case.config.simulation.enabled:
        return RunResult(target, policy, None)
    return run_simulation(case, policy, target, threads=threads, on_event=on_event, resume=resume)


def run_training(
    case: Study,
    output_dir: Path,
    *,
    threads: int | None = None,
    on_event: EventSink = ignore,
    then_simulate: bool = False,
    resume: bool = False,
) -> RunResult:
    """Train a case, write the policy and the training results, and maybe simulate with it.

    Training starts from what the mode of the policy says, or with ``resume`` from what an earlier run left unfinished in
    ``output_dir``. After a signal the policy learned so far is written and the simulation is left out; after an error what was
    learned before it is written.
    """
    ranks, writer = find_communicator(), ResultsWriter(output_dir)
    ranks.together(partial(_ready_to_train, case, threads))
    save = _saver(case, output_dir / "policy")
    with stop_on_signals() as stop, _logged(writer, case, on_event) as told:
        with _progress_written(output_dir, case, told) as followed:
            start = ranks.together(partial(_start, case, output_dir, resume))
            policy = _train(case, threads, followed, stop, start, save)
            ranks.on_leader(partial(_write_trained, writer, policy, case, save))
        stopped = ranks.any(stop())
        if stopped or not then_simulate:
            return RunResult(output_dir, policy, None, stopped=stopped)
        n_scenarios = case.config.simulation.n_scenarios
        go_on = resume and ranks.on_leader(partial(simulation_can_go_on, output_dir, case, policy, n_scenarios))
        record = _simulate_to(output_dir, policy, case, None, threads, told, stop, resume=go_on)
    return RunResult(output_dir, policy, record)


def run_simulation(
    case: Study,
    policy: Policy,
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
        resume: go on with the simulation that was interrupted in ``output_dir``, if there is one; the results are those of an
            uninterrupted one.
        on_event: called with progress events.

    Raises:
        PolicyError: the policy does not fit the case.
        ResultsError: the directory cannot be written, or the interrupted simulation was another one.
        StoppedError: a signal asked to stop; earlier results are left as they were, and ``resume`` goes on.
    """
    ranks, writer = find_communicator(), ResultsWriter(output_dir)
    ranks.together(partial(_check_simulation, policy, case, n_scenarios, threads))
    with stop_on_signals() as stop, _logged(writer, case, on_event) as told:
        record = _simulate_to(output_dir, policy, case, n_scenarios, threads, told, stop, resume=resume)
    return RunResult(output_dir, policy, record)


@contextmanager
def _logged(writer: ResultsWriter, case: Study, on_event: EventSink) -> Iterator[EventSink]:
    """Make the output directory ready and keep a log of the events in it, on rank 0, besides passing them on."""
    ranks = find_communicator()
    ranks.on_leader(writer.begin)
    if not ranks.leads:
        yield on_event
        return
    with RunLog(writer.output_dir) as log:
        for finding in getattr(getattr(case, "report", None), "warnings", ()):
            log(WarningRaised(str(finding.message), finding.code))
        yield both(log, on_event)


@contextmanager
def _progress_written(output_dir: Path, case: Study, on_event: EventSink) -> Iterator[EventSink]:
    """Keep the status of a training on disk, on rank 0."""
    if not find_communicator().leads:
        yield on_event
        return
    with TrainingProgress(output_dir, case) as progress:
        yield both(progress, on_event)


def _write_trained(writer: ResultsWriter, policy: Policy, case: Study, save: SavePolicy) -> None:
    save(policy)
    writer.write_training(policy, case)
    if case.config.export_stochastic:
        write_stochastic(writer.output_dir / STOCHASTIC_DIRECTORY, case, study_uncertainty(case))


@dataclass(frozen=True)
class _Start:
    """What a training starts from: one of the two, or nothing.

    Attributes:
        resume: policy of the training to go on with.
        warm_start: policy to take cuts from.
    """

    resume: Policy | None = None
    warm_start: Policy | None = None


def _train(
    study: Study,
    threads: int | None,
    on_event: EventSink,
    stop: StopRequest,
    start: _Start,
    save: SavePolicy | None = None,
) -> Policy:
    ranks = find_communicator()
    workers = ranks.together(partial(_ready_to_train, study, threads, start.resume))
    return train_policy(
        study,
        threads=workers,
        communicator=ranks,
        on_event=on_event,
        should_stop=stop,
        resume=start.resume,
        warm_start=start.warm_start,
        boundary=ranks.together(partial(_boundary, study)) if start.resume is None else None,
        save=save,
    )


def _ready_to_train(study: Study, threads: int | None, resume: Policy | None = None) -> int:
    """Refuse what cannot be trained; returns the number of threads of this rank."""
    _refuse_unbuilt(study)
    if resume is not None:
        check_resumable(resume, study)
    return _threads(threads, study)


def _threads(requested: int | None, study: Study) -> int:
    return choose_threads(requested, study.config.training.threads, n_sharing=find_communicator().n_sharing)


def _boundary(study: Study) -> BoundaryCuts | None:
    """The cuts that value what follows the study, if its configuration names some; paths are relative to the case."""
    wanted = study.config.policy.boundary
    if wanted is None:
        return None
    directory = (study.root if isinstance(study, Case) else Path()) / wanted.path
    if not holds_checkpoint(directory):
        raise PolicyError(
            f"HW808 config.json asks for boundary cuts, but there is no policy at {directory} (policy.boundary.path)"
        )
    return BoundaryCuts.of_policy(read_policy(directory, with_progress=False), wanted.source_stage)


def _saver(study: Study, directory: Path) -> SavePolicy:
    """Writes checkpoints of a training to a policy directory."""
    keep = study.config.policy.checkpointing.keep

    def save(policy: Policy) -> None:
        write_policy(policy, directory, keep=keep)

    return save


def _start(case: Study, output_dir: Path, resume: bool) -> _Start:
    """What training starts from: what an earlier run left in ``output_dir``, or what the mode of the policy says."""
    mode = case.config.policy.mode
    if resume:
        directory = output_dir / "policy"
        if holds_checkpoint(directory):
            return _Start(resume=load_policy(directory))
        logger.warning("there is no checkpoint in %s to resume from: training starts from the beginning", directory)
    if mode is PolicyMode.FRESH or (resume and mode is PolicyMode.RESUME):
        return _Start()
    stored = load_policy(_find_policy(case, output_dir))
    return _Start(resume=stored) if mode is PolicyMode.RESUME else _Start(warm_start=stored)


def _loaded(policy: Policy | str | Path | None) -> Policy | None:
    return load_policy(policy) if isinstance(policy, str | Path) else policy


def _simulate_to(
    output_dir: Path,
    policy: Policy,
    case: Study,
    n_scenarios: int | None,
    threads: int | None,
    on_event: EventSink,
    stop: StopRequest,
    *,
    resume: bool = False,
) -> SimulationRecord:
    count = case.config.simulation.n_scenarios if n_scenarios is None else n_scenarios
    ranks = find_communicator()
    with SimulationSink(output_dir, case, policy, count, highs_version(), resume=resume, communicator=ranks) as sink:
        try:
            record = _simulate_with(policy, case, count, threads, on_event, stop, sink.write, sink.done)
        except StoppedError as error:
            raise StoppedError(f"{error}; earlier results were left as they were, and --resume goes on") from error
        sink.finish(record)
    return record


def _check_simulation(policy: Policy, study: Study, n_scenarios: int | None, threads: int | None) -> None:
    """Refuse what cannot be simulated, before anything is written."""
    _refuse_unbuilt(study)
    _threads(threads, study)
    if n_scenarios is not None and n_scenarios < 1:
        raise UsageError(f"a simulation needs at least one scenario, got {n_scenarios}")
    inflow = study_uncertainty(study).inflow
    check_compatibility(policy, study, inflow_digest(inflow), state_layout(study.system, inflow))


def _simulate_with(
    policy: Policy,
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
            threads=_threads(threads, study),
            communicator=find_communicator(),
            sink=sink,
            done=done,
            on_event=on_event,
            should_stop=stop,
        )
    except Interrupted as interrupted:
        raise StoppedError("the simulation was stopped before it was done") from interrupted


def _with_training(study: Study, config: TrainingConfig | None) -> Study:
    if config is None:
        return study
    return dataclasses.replace(study, config=dataclasses.replace(study.config, training=config))


def _refuse_unbuilt(study: Study) -> None:
    features = refused_features(study)
    if features:
        raise UnsupportedFeatureError(features)


def _find_policy(case: Study, output_dir: Path) -> Path:
    """The policy that the configuration names: relative to the case, else to the output directory."""
    named = Path(case.config.policy.path)
    root = case.root if isinstance(case, Case) else Path()
    candidates = [named] if named.is_absolute() else [root / named, output_dir / named]
    for candidate in candidates:
        if holds_checkpoint(candidate):
            return candidate
    places = " or ".join(str(candidate) for candidate in candidates)
    raise PolicyError(f"HW808 config.json asks for a stored policy, but there is none at {places} (key policy.path)")
