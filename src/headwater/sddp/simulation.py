"""Simulation: operate the system with a finished policy over many scenarios and read out what happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Interrupted, ThreadTeam
from headwater.lp import CATEGORIES, StageReadout, StageSolutions, sum_components
from headwater.model import Scheme, Study
from headwater.sddp import events
from headwater.sddp.head_refinement import HeadRefinement
from headwater.sddp.policy import Policy
from headwater.sddp.problems import Programs, StudyProblems, build_problems
from headwater.sddp.records import ScenarioSummary, SimulationChunk, SimulationRecord
from headwater.solver import Basis, BasisBatch
from headwater.stochastic import Sampler, simulation_sampler

Array = NDArray[np.float64]

CHUNK_SCENARIOS = 100
"""Scenarios that are held in memory at a time; part of the output layout, so it never depends on threads."""


@dataclass
class _Buffers:
    """Solutions of one chunk, by stage."""

    solutions: list[StageSolutions]

    @classmethod
    def empty(cls, problems: StudyProblems, n_scenarios: int) -> _Buffers:
        discount = problems.system.cumulative_discount
        return cls([StageSolutions.empty(s.template, n_scenarios, float(discount[t])) for t, s in enumerate(problems.stages)])


def simulate_policy(
    policy: Policy,
    study: Study,
    *,
    n_scenarios: int,
    threads: int = 1,
    sink: Callable[[SimulationChunk], None],
    on_event: events.EventSink = events.ignore,
    should_stop: Callable[[], bool] = lambda: False,
) -> SimulationRecord:
    """Simulate ``n_scenarios`` scenarios and hand their tables to ``sink``, chunk by chunk, in order.

    Args:
        policy: cuts to operate with; it must fit the study.
        study: system and configuration.
        n_scenarios: number of scenarios.
        threads: worker threads; results do not depend on it.
        sink: receives the tables.
        on_event: called between chunks.
        should_stop: asked between stages; saying yes raises `Interrupted`.

    Raises:
        SolverError: a stage could not be solved.
        Interrupted: ``should_stop`` said so.
    """
    started = time.perf_counter()
    config = study.config
    source = config.simulation.scenario_source or config.training.scenario_source
    problems = build_problems(study, policy.pools)
    sampler = simulation_sampler(problems.uncertainty, source, config.training.tree_seed, n_scenarios)
    method = config.inflow_non_negativity
    wanted = config.simulation.tables
    readouts = [StageReadout(problems.system, stage.template, method) for stage in problems.stages]
    on_event(events.SimulationStarted(study.name, n_scenarios, threads))
    summaries: list[ScenarioSummary] = []
    truncated = 0
    with ThreadTeam(threads) as team:
        programs = [problems.new_programs() for _ in range(threads)]
        bases = _starting_bases(problems, policy)
        for first in range(0, n_scenarios, CHUNK_SCENARIOS):
            scenarios = np.arange(first, min(first + CHUNK_SCENARIOS, n_scenarios))
            buffers = _Buffers.empty(problems, len(scenarios))
            truncated += _run_chunk(problems, team, programs, sampler, bases, scenarios, buffers, should_stop)
            summary = _summarise(readouts, buffers.solutions, scenarios)
            tables = _tables(readouts, buffers.solutions)
            kept = {name: columns for name, columns in tables.items() if wanted is None or name in wanted}
            sink(SimulationChunk(first, kept, summary))
            summaries.append(summary)
            so_far = _concatenate(summaries)
            on_event(
                events.SimulationProgress(
                    len(so_far.total_cost), n_scenarios, so_far.mean_cost, so_far.ci95, time.perf_counter() - started
                )
            )
    warnings = []
    if truncated:
        inflows = n_scenarios * problems.n_stages * problems.layout.n_hydros
        warnings.append(
            f"{truncated} of {inflows} simulated inflows ({100 * truncated / inflows:.2f} %) were negative and raised to zero"
        )
    retries = sum(thread.counts()["retried"] for thread in programs)
    if retries:
        warnings.append(f"{retries} stage problems needed more than one attempt of the solver")
    fresh = any(scheme is not Scheme.IN_SAMPLE for scheme in (source.inflow, source.load, source.ncs))
    record = SimulationRecord(
        summary=_concatenate(summaries),
        seconds=time.perf_counter() - started,
        threads=threads,
        seed=source.seed if fresh or source.seed is not None else config.training.tree_seed,
        warnings=(*sampler.warnings, *warnings),
    )
    on_event(events.SimulationFinished(record))
    return record


def _starting_bases(problems: StudyProblems, policy: Policy) -> Sequence[Basis | None]:
    """Where the solves of each stage start: the bases that training ended with, where they fit the programs."""
    if len(policy.bases) != problems.n_stages:
        return [None] * problems.n_stages
    return [
        basis
        if basis is not None
        and len(basis.columns) == stage.form.n_columns
        and stage.form.n_rows <= len(basis.rows) <= stage.n_rows
        else None
        for basis, stage in zip(policy.bases, problems.stages, strict=True)
    ]


def _run_chunk(
    problems: StudyProblems,
    team: ThreadTeam,
    programs: list[Programs],
    sampler: Sampler,
    bases: Sequence[Basis | None],
    scenarios: NDArray[np.int64],
    buffers: _Buffers,
    should_stop: Callable[[], bool],
) -> int:
    """Solve all stages of a chunk into ``buffers``; returns how many inflows were raised to zero."""
    uncertainty = problems.uncertainty
    noise = [sampler.noise(t, 0, scenarios) for t in range(problems.n_stages)]
    innovation = [uncertainty.innovation_m3s(t, noise[t]) for t in range(problems.n_stages)]
    load = [sampler.load_mw(t, 0, scenarios, noise[t]) for t in range(problems.n_stages)]
    available = [sampler.available_mw(t, 0, scenarios, noise[t]) for t in range(problems.n_stages)]
    generic_rows = [stage.form.row_positions(stage.template.rows["generic"]) for stage in problems.stages]
    heads = [HeadRefinement.of_stage(problems.study, stage) for stage in problems.stages]
    memory = sampler.initial_memory_m3s(0, scenarios)

    def walk(worker: int, places: range) -> int:
        part = slice(places.start, places.stop)
        truncated = 0
        if not len(places):
            return truncated
        states = problems.starting_states(len(places), None if memory is None else memory[part])
        for t, problem in enumerate(problems.stages):
            if should_stop():
                raise Interrupted
            batch = problem.noise_batch(innovation[t][part], load[t][part], available[t][part])
            start = bases[t]
            starts = None if start is None else BasisBatch.repeated(start.extended(problem.n_rows), len(places))
            solved = programs[worker].solve_each(
                t, states, batch, starts, first=int(scenarios[places.start]), refinement=heads[t]
            )
            if solved.productivity is not None:
                buffers.solutions[t].productivity[part] = solved.productivity
            form, out, results = problem.form, buffers.solutions[t], solved.results
            out.state[part] = states
            out.primal[part] = form.full_primals(results.primal[:, 0], states, solved.innovation)
            out.future_cost[part] = results.primal[:, 0, form.theta] * form.cost_scale
            out.load_mw[part] = load[t][part]
            out.load_dual[part] = results.row_dual[:, 0][:, form.load_rows] * form.cost_scale
            out.generic_dual[part] = results.row_dual[:, 0][:, generic_rows[t]] * form.cost_scale
            out.water_value[part] = -problem.slopes(solved, np.ones((len(places), 1)))[:, : form.template.n_hydros]
            states = problem.outgoing_states(solved)
            if solved.truncated is not None:
                truncated += int(solved.truncated.sum())
        return truncated

    return sum(team.run(walk, range(len(scenarios))))


def _tables(readouts: Sequence[StageReadout], solutions: Sequence[StageSolutions]) -> dict[str, dict[str, NDArray[np.generic]]]:
    """Tables of all stages with rows by scenario, stage, block, entity."""
    per_stage = [readout.tables(s) for readout, s in zip(readouts, solutions, strict=True)]
    names = dict.fromkeys(name for tables in per_stage for name in tables)
    joined: dict[str, dict[str, NDArray[np.generic]]] = {}
    for name in names:
        parts = [tables[name] for tables in per_stage if name in tables]
        joined[name] = {column: np.concatenate([part[column] for part in parts], axis=1).ravel() for column in parts[0]}
    return joined


def _summarise(
    readouts: Sequence[StageReadout], solutions: Sequence[StageSolutions], scenarios: NDArray[np.int64]
) -> ScenarioSummary:
    n = len(scenarios)
    total, deficit, spilled = np.zeros(n), np.zeros(n), np.zeros(n)
    categories = {name: np.zeros(n) for name in CATEGORIES}
    for readout, s in zip(readouts, solutions, strict=True):
        components = readout.cost_components(s)
        total += s.cumulative_discount * sum_components(components).sum(axis=1)
        for name, members in CATEGORIES.items():
            categories[name] += s.cumulative_discount * np.sum([components[m].sum(axis=1) for m in members], axis=0)
        deficit += readout.deficit_mwh(s)
        spilled += readout.spilled_hm3(s)
    return ScenarioSummary(scenarios, total, categories, deficit, spilled, np.full(n, len(readouts)))


def _concatenate(parts: Sequence[ScenarioSummary]) -> ScenarioSummary:
    return ScenarioSummary(
        scenario_id=np.concatenate([p.scenario_id for p in parts]),
        total_cost=np.concatenate([p.total_cost for p in parts]),
        categories={name: np.concatenate([p.categories[name] for p in parts]) for name in CATEGORIES},
        deficit_mwh=np.concatenate([p.deficit_mwh for p in parts]),
        spillage_hm3=np.concatenate([p.spillage_hm3 for p in parts]),
        lp_solves=np.concatenate([p.lp_solves for p in parts]),
    )
