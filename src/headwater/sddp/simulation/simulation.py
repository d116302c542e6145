"""Simulation: operate the system with a finished policy over many scenarios.

And read out what happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from headwater.distributed import ALONE, Communicator, ThreadTeam
from headwater.errors import SolverError
from headwater.model import (
    NoiseClass,
    OnFailure,
    PolicyType,
    ScenarioSource,
    Study,
)
from headwater.sddp import events
from headwater.sddp.bounds.inner_stage import inner_of, inner_problems
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.passes.agreement import check_agreement
from headwater.sddp.records.gap_words import told_gaps
from headwater.sddp.records.simulation import (
    ScenarioGap,
    ScenarioSummary,
    SimulationChunk,
    SimulationPart,
    SimulationRecord,
    StageMoments,
)
from headwater.sddp.records.violations import ViolationCounts
from headwater.sddp.simulation.parts import PartReader, scenarios_per_part
from headwater.sddp.simulation.regimes import RegimeWalk
from headwater.sddp.simulation.scenarios import ScenarioWalk
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.walk import Walk
from headwater.solver import Basis
from headwater.stochastic import (
    Sampler,
    openings_in_words,
    simulation_sampler,
    uncertainty_differences,
)

SCENARIOS_PER_THREAD = 4
"""Scenarios that every thread has to itself at least, so that none waits long for another."""

LARGEST_FAILED_SHARE = 0.01
"""Share of scenarios that may be left out."""


def simulate_policy(
    policy: Policy,
    study: Study,
    *,
    n_scenarios: int,
    threads: int = 1,
    communicator: Communicator = ALONE,
    sink: Callable[[SimulationChunk], None],
    done: Sequence[SimulationPart] = (),
    on_event: events.EventSink = events.ignore,
    should_stop: Callable[[], bool] = lambda: False,
) -> SimulationRecord:
    """Simulate ``n_scenarios`` scenarios and hand their tables to ``sink``, part by part.

    With several ranks all call.

    Each rank simulates whole parts, in turns: in every round the first rank has the first parts,
    and so on.

    Args:
        policy: cuts to operate with; it must fit the study.
        study: system and configuration.
        n_scenarios: number of scenarios.
        threads: worker threads of this rank; results do not depend on it.
        communicator: the ranks that share out the parts; results do not depend on their number.
        sink: receives the tables of the parts of this rank, in order.
        done: the first parts, when an interrupted simulation goes on; they are not simulated again.
        on_event: called on rank 0 between rounds.
        should_stop: asked between stages; saying yes, on any rank, raises `Interrupted`.

    Raises:
        ModelError: a number of stages is asked for, and the horizon does not repeat.
        PolicyError: the inner approximation is asked for and the policy has none.
        SolverError: a stage could not be solved; or, where scenarios may be left out, more than 1 %
            of them could not.
        Interrupted: ``should_stop`` said so.
        RankError: another rank failed.
    """
    started = time.perf_counter()
    config = study.config
    source = config.simulated_source
    problems = communicator.together(partial(operating_problems, policy, study))
    communicator.together(partial(check_agreement, communicator, problems))
    samplers = [
        simulation_sampler(one.uncertainty, source, config.training.tree_seed, n_scenarios)
        for one in problems.each
    ]
    sampler = samplers[0]
    visits = communicator.together(
        partial(
            Walk.of_simulation, problems.system, config.simulation.n_stages, config.training.cycle
        )
    )
    reader = PartReader(problems, visits)
    allowed = (
        LARGEST_FAILED_SHARE * n_scenarios
        if config.simulation.on_failure is OnFailure.SKIP
        else None
    )
    account = _Account(list(done), n_scenarios, allowed)
    communicator.together(account.check)
    started_event = events.SimulationStarted(study.name, n_scenarios, threads, communicator.size)
    communicator.on_leader(
        partial(_tell, on_event, [started_event, *map(events.WarningRaised.of, sampler.warnings)])
    )
    with ThreadTeam(threads) as team:
        walk = _walk(problems, visits, team, samplers, policy)(
            most_failures=None if allowed is None else int(allowed), should_stop=should_stop
        )

        def simulate(parts: range) -> list[SimulationPart]:
            """Simulate some parts and hand them to the sink."""
            made: list[SimulationPart] = []
            if parts:
                first = parts.start * size
                walked = walk(np.arange(first, min(parts.stop * size, n_scenarios)))
                for number in parts:
                    positions = (
                        np.arange(number * size, min((number + 1) * size, n_scenarios)) - first
                    )
                    chunk = reader.chunk(number, walked, positions, sampler)
                    sink(chunk)
                    made.append(chunk.part)
            return made

        size = scenarios_per_part(problems, visits)
        # enough scenarios at one go to keep all threads busy
        step = communicator.from_leader(-(-SCENARIOS_PER_THREAD * threads // size))
        for shares in _rounds(len(account.parts), -(-n_scenarios // size), step, communicator.size):
            made = communicator.together(partial(simulate, shares[communicator.rank]))
            for part in (part for of_rank in communicator.gather(made) for part in of_rank):
                account.add(part)
            communicator.together(partial(account.check, walk.last_failure))
            communicator.on_leader(
                partial(on_event, account.progress(time.perf_counter() - started))
            )
    fresh = any(scheme.needs_seed for scheme in (source.inflow, source.load, source.ncs))
    record = SimulationRecord(
        summary=account.summary(),
        seconds=time.perf_counter() - started,
        threads=threads,
        ranks=communicator.size,
        seed=source.seed if fresh or source.seed is not None else config.training.tree_seed,
        schemes={noise_class.value: source.scheme(noise_class).type for noise_class in NoiseClass},
        moments=account.moments(),
        stages=visits.stages,
        failures=tuple(failure for part in account.parts for failure in part.failures),
        gaps=account.gaps(),
        differences=_differences(policy, problems, source),
        warnings=(
            *sampler.warnings,
            *_what_follows(problems, visits),
            *account.warnings(visits.n_visits * problems.layout.size("storage")),
        ),
        resumed_scenarios=sum(len(part.summary.scenario_id) for part in done),
        violations=account.violations().listed(problems.system),
    )
    later = map(events.WarningRaised.of, record.warnings[len(sampler.warnings) :])
    communicator.on_leader(partial(_tell, on_event, [*later, events.SimulationFinished(record)]))
    return record


def n_parts(policy: Policy, study: Study, n_scenarios: int) -> int:
    """How many parts a simulation has: what can be shared out of it."""
    problems = operating_problems(policy, study)
    visits = Walk.of_simulation(
        problems.system, study.config.simulation.n_stages, study.config.training.cycle
    )
    return -(-n_scenarios // scenarios_per_part(problems, visits))


def _walk(
    problems: StudyProblems,
    visits: Walk,
    team: ThreadTeam,
    samplers: Sequence[Sampler],
    policy: Policy,
) -> Callable[..., ScenarioWalk | RegimeWalk]:
    """Makes what walks scenarios, through regimes where there are some."""
    if not problems.regimes:
        bases = starting_bases(problems, policy)
        return partial(ScenarioWalk, problems, visits, team, samplers[0], bases)
    of_regimes = [
        starting_bases(one, own) for one, own in zip(problems.regimes, policy.regimes, strict=True)
    ]
    return partial(RegimeWalk, problems, visits, team, samplers, of_regimes)


def _tell(on_event: events.EventSink, told: Sequence[events.Event]) -> None:
    for event in told:
        on_event(event)


def _differences(
    policy: Policy, problems: StudyProblems, source: ScenarioSource
) -> tuple[str, ...]:
    """Differences between the futures that simulation and training see, in words."""
    told, now = (
        policy.provenance.get("openings"),
        "; ".join(openings_in_words(problems.uncertainty)),
    )
    others = (
        ()
        if told is None or told == now
        else (f"the policy was trained on other openings ({told})",)
    )
    return others + uncertainty_differences(problems.uncertainty, source)


def _what_follows(problems: StudyProblems, visits: Walk) -> tuple[str, ...]:
    """What the lower bound counts and the simulated costs do not, in words."""
    if problems.system.horizon.is_cyclic:
        return (
            f"the horizon repeats: the costs are those of {visits.n_visits} stages, the lower "
            "bound is about all time to come",
        )
    if problems.pools[-1].n_populated:
        return (
            "the costs leave out what the boundary cuts expect after the last stage, which the "
            "lower bound counts",
        )
    return ()


def _rounds(first: int, n_parts: int, step: int, n_ranks: int) -> Iterator[list[range]]:
    """Shares of parts ``first`` to ``n_parts``, one per rank and round.

    Each has ``step`` parts while there are enough.
    """
    while first < n_parts:
        share = min(step, -(-(n_parts - first) // n_ranks))
        ends = [min(first + share * (rank + 1), n_parts) for rank in range(n_ranks)]
        yield [range(start, end) for start, end in zip([first, *ends], ends, strict=False)]
        first = ends[-1]


def operating_problems(policy: Policy, study: Study) -> StudyProblems:
    """The stages with the future cost that the study asks to operate with."""
    if study.system.policy_graph.regimes is not None:
        return build_problems(study, regime_pools=[one.pools for one in policy.regimes])
    problems = build_problems(study, policy.pools, policy.outlooks)
    return (
        inner_problems(problems, inner_of(policy))
        if study.config.simulation.policy_type is PolicyType.INNER
        else problems
    )


class _Account:
    """What the parts so far amount to."""

    def __init__(
        self, parts: list[SimulationPart], total: int, allowed_failures: float | None
    ) -> None:
        self.parts = parts
        self._total = total
        self._allowed = allowed_failures

    @property
    def n_scenarios(self) -> int:
        """Scenarios done."""
        return sum(len(part.summary.scenario_id) for part in self.parts)

    def add(self, part: SimulationPart) -> None:
        """Add the next part."""
        self.parts.append(part)

    def check(self, last: SolverError | None = None) -> None:
        """Refuse to go on when more scenarios failed than may be left out.

        ``last`` is the last failure of this rank.
        """
        failures = [failure for part in self.parts for failure in part.failures]
        if failures and (self._allowed is None or len(failures) > self._allowed):
            limit = f"{100 * LARGEST_FAILED_SHARE:g} %"
            refusal = SolverError(
                f"{len(failures)} of {self._total} scenarios could not be solved, more than the "
                f"{limit} that may be left out (simulation.on_failure); the last: "
                f"{failures[-1].message}"
            )
            raise refusal if last is None else refusal.about(last)

    def summary(self) -> ScenarioSummary:
        """All scenarios so far."""
        return ScenarioSummary.joined([part.summary for part in self.parts])

    def moments(self) -> StageMoments:
        """Of all scenarios so far, merged in the order of the parts."""
        merged = self.parts[0].moments
        for part in self.parts[1:]:
            merged = merged.merged(part.moments)
        return merged

    def violations(self) -> ViolationCounts:
        """Of all scenarios so far, merged in the order of the parts."""
        merged = ViolationCounts()
        for part in self.parts:
            merged = merged.merged(part.violations)
        return merged

    def gaps(self) -> tuple[ScenarioGap, ...]:
        """LPs whose gap is above tolerance, by scenario and stage."""
        return tuple(gap for part in self.parts for gap in part.gaps)

    def progress(self, seconds: float) -> events.SimulationProgress:
        """How far the simulation is."""
        so_far = self.summary()
        any_left = bool(so_far.completed.any())
        mean, ci95 = (so_far.mean_cost, so_far.ci95) if any_left else (float("nan"), 0.0)
        return events.SimulationProgress(len(so_far.total_cost), self._total, mean, ci95, seconds)

    def warnings(self, inflows_per_scenario: int) -> list[str]:
        """Sentences for the user."""
        found = []
        truncated = sum(part.truncated_inflows for part in self.parts)
        if truncated:
            inflows = self.n_scenarios * inflows_per_scenario
            share = 100 * truncated / inflows
            found.append(
                f"{truncated} of {inflows} simulated inflows ({share:.2f} %) "
                "were negative and raised to zero"
            )
        retries = sum(part.retries for part in self.parts)
        if retries:
            problems = "stage problem" if retries == 1 else "stage problems"
            found.append(f"{retries} {problems} needed more than one attempt of the solver")
        gaps, so_far = self.gaps(), self.summary()
        if gaps:
            told = told_gaps(
                len(gaps),
                int(so_far.lp_solves.sum()),
                max(gap.gap for gap in gaps),
                so_far.mean_cost,
                "mean simulated cost",
            )
            n = len({gap.scenario_id for gap in gaps})
            found.append(
                f"{told}. They are in {n} of {self.n_scenarios} scenarios; "
                "simulation/diagnostics lists them"
            )
        failed = sum(len(part.failures) for part in self.parts)
        if failed:
            found.append(
                f"{failed} of {self.n_scenarios} scenarios could not be solved and are left out "
                "of all statistics (metadata.json lists them)"
            )
        return found


def starting_bases(problems: StudyProblems, policy: Policy) -> Sequence[Basis | None]:
    """Where the solves of each stage start.

    The bases that training ended with, where they fit the programs.
    """
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
