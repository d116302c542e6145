"""The policy as its user holds it, asked by names of plants and dates of stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from headwater._on_demand import OnDemandMember
from headwater.api.answers import Answers
from headwater.api.comparison import PolicyComparison, compare_policies
from headwater.api.decisions import Decision
from headwater.api.named_states import (
    BlockValues,
    Otherwise,
    StateLike,
    values_by_block,
)
from headwater.api.progress import followed
from headwater.api.requirements import check_fits
from headwater.core.wording import ending, listed
from headwater.errors import UsageError
from headwater.model import EntityKey, ScenarioSource, StageKey, Study
from headwater.sddp import Policy as LearnedPolicy
from headwater.sddp.events import EventSink, ignore
from headwater.sddp.simulation.decisions import StageDecider, StageNoise
from headwater.sddp.training.compilation import ensure_compiled


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Policy(Answers):
    """A trained policy: future cost and value of water after every stage and in every state.

    Stages are named by id, date (``"2027-02"``) or season label, plants by name or id. What is
    given by name comes back by name, what is given as an array as an array.

    Examples:
        >>> policy = hw.train("examples/four-subsystems")
        >>> policy.value({"Ridge": 3000.0}, "2027-02", otherwise="initial")
        >>> policy.decide(stage="2026-05").storage_hm3
    """

    plot = OnDemandMember("headwater.report.plots", "PolicyPlots")
    """Pictures of the policy, see `headwater.report.plots.PolicyPlots`."""

    @classmethod
    def of(cls, learned: LearnedPolicy, study: Study | None = None) -> Policy:
        """The same policy for a user.

        Args:
            learned: what training or a file gave.
            study: the study it belongs to, where it does not say itself.

        Raises:
            PolicyError: it does not fit ``study``.

        Examples:
            >>> hw.Policy.of(learned, case)
        """
        if study is not None:
            check_fits(learned, study)
        parts = {field.name: getattr(learned, field.name) for field in dataclasses.fields(learned)}
        return cls(**{**parts, "study": study if study is not None else learned.study})

    def in_regime(self, name: str | None) -> Policy:
        """What was learned for a regime: a policy for the study as it is while the regime lasts.

        Args:
            name: of the regime; ``None`` in a policy without regimes.

        Raises:
            UsageError: it has no such regime, or it has regimes and none is named.

        Examples:
            >>> policy.in_regime("dry").decide(stage="2026-05")
        """
        chosen = super().in_regime(name)
        if chosen is self or name is None:
            return self
        study = None if self.study is None else self.study.in_regime(name)
        parts = {field.name: getattr(chosen, field.name) for field in dataclasses.fields(chosen)}
        return Policy(**{**parts, "study": study})

    def with_study(self, study: Study) -> Policy:
        """The same policy bound to a study, with which it can decide stages and be compared.

        Args:
            study: a `Case`, or a `Study` built in code.

        Raises:
            PolicyError: the policy does not fit it.

        Examples:
            >>> hw.load_policy("policy").with_study(case).decide()
        """
        return Policy.of(self, study)

    def decide(
        self,
        state: StateLike | None = None,
        *,
        inflows: Mapping[EntityKey, float] | None = None,
        stage: StageKey | None = None,
        loads: Mapping[EntityKey, BlockValues] | None = None,
        availability: Mapping[EntityKey, BlockValues] | None = None,
        scenario: int | None = None,
        otherwise: Otherwise = None,
    ) -> Decision:
        """Decide one stage at a state and inflows of one's own.

        Its problem is solved as a simulation solves it.

        Args:
            state: before the stage; by default the study's initial state.
            inflows: incremental inflow of the stage in m3/s by name or id of the plant; others have
                the inflow that is expected after the past inflows of the state.
            stage: id, date or label; by default the first one.
            loads: load in MW by name or id of the bus; others have their mean.
            availability: available power in MW by name or id of the non-controllable source; others
                have their mean.
            scenario: number of a scenario of the study's simulation, whose noise takes the place of
                means and expectations.
            otherwise: value of components of the state that are not named, as for `value`.

        Raises:
            UnknownNameError: nothing has such a name; the message says what there is.
            PolicyError: the policy does not know its study: bind it with `with_study`.
            SolverError: the stage has no solution.

        Examples:
            >>> decision = policy.decide(stage="2026-05", inflows={"Ridge": 250.0})
            >>> decision.prices["NORTH"], decision.water_values["Ridge"]
            >>> policy.decide(decision.next_state, stage="2026-06")
        """
        if self.regimes:
            self.in_regime(None)
        decider, system = self._decider, self.known_study.system
        t = 0 if stage is None else self.stage_position(stage)
        if scenario is not None and scenario < 0:
            raise UsageError(f"scenarios are numbered from 0, got {scenario}")
        vector = (
            decider.starting_state(scenario) if state is None else self._vector(state, otherwise)
        )
        noise = StageNoise(
            {
                self._names.hydro_position(key): float(value)
                for key, value in (inflows or {}).items()
            },
            values_by_block(loads, "bus", system.buses, len(system.stages[t].blocks)),
            values_by_block(
                availability,
                "non-controllable source",
                system.non_controllables,
                len(system.stages[t].blocks),
            ),
            scenario,
        )
        outcome = decider.solve(t, vector, noise)
        return Decision.of_outcome(decider.problems.system, t, decider.readout(t), outcome)

    def compare(
        self,
        other: LearnedPolicy,
        *,
        scenarios: int | None = None,
        source: ScenarioSource | None = None,
        threads: int | None = None,
        on_event: EventSink = ignore,
        progress: bool = True,
    ) -> PolicyComparison:
        """Operate the system with this policy and with another one.

        Both meet the same scenarios, and what they cost is compared.

        Args:
            other: a policy that fits this one's study.
            scenarios: how many; by default as many as the study simulates.
            source: where they come from, e.g. ``ScenarioSource(OutOfSample(), seed=7)``; by
                default as the study says.
            threads: as in `train`.
            on_event: called with progress events.
            progress: whether to show on standard error how it goes.

        Raises:
            PolicyError: the study is not known, or ``other`` does not fit it.

        Examples:
            >>> print(policy.compare(earlier, scenarios=500))
        """
        study = self.known_study
        with followed(progress, on_event) as callback:
            return compare_policies(
                study,
                self,
                other,
                scenarios=scenarios,
                source=source,
                threads=threads,
                on_event=callback,
            )

    def facts(self) -> list[tuple[str, str]]:
        """Name and value of what a notebook shows below the heading."""
        return [
            ("study", "not known" if self.study is None else self.study.name or "unnamed"),
            ("stages", f"{self.stages[0].start_date} to {self.stages[-1].end_date}"),
            ("training", ending(self.reason) if self.reason else "not known"),
            ("plants", listed(self.hydro_labels)),
        ]

    def __getstate__(self) -> dict[str, Any]:
        # what is computed from the policy holds locks and solvers, which stay in their process
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @cached_property
    def _decider(self) -> StageDecider:
        ensure_compiled()
        return StageDecider(self, self.known_study)
