"""The policy as its user holds it, asked by names of plants and dates of stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np

from headwater._on_demand import OnDemandMember
from headwater.api.comparison import PolicyComparison, compare_policies
from headwater.api.decisions import Decision
from headwater.api.named_states import (
    BlockValues,
    Otherwise,
    StateLike,
    StateNames,
    by_name,
    in_order,
    values_by_block,
)
from headwater.api.progress import followed
from headwater.api.requirements import check_fits
from headwater.arrays import Array
from headwater.core.shown import Shown
from headwater.core.wording import ending, listed
from headwater.errors import PolicyError, UsageError
from headwater.model import EntityKey, ScenarioSource, StageKey, Study
from headwater.model.named import StageSpan, stage_position_of
from headwater.sddp import Policy as LearnedPolicy
from headwater.sddp.cuts.table import Cuts
from headwater.sddp.events import EventSink, ignore
from headwater.sddp.simulation.decisions import StageDecider, StageNoise
from headwater.sddp.stage.problems import initial_state, state_layout
from headwater.sddp.training.compilation import ensure_compiled
from headwater.stochastic import study_uncertainty


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Policy(Shown, LearnedPolicy):
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

    def stage_position(self, stage_id: StageKey) -> int:
        """Position of a stage.

        Args:
            stage_id: its id, a date in it, a month such as ``"2027-02"``, or the label of its
                season.

        Raises:
            UnknownNameError: there is no such stage, or there are several.

        Examples:
            >>> policy.stage_position("2027-02")
        """
        return stage_position_of(self._spans, stage_id)

    @overload
    def value(self, state: StateLike, stage: StageKey, *, otherwise: Otherwise = None) -> float: ...
    @overload
    def value(
        self, stage: StageKey, state: StateLike, /, *, otherwise: Otherwise = None
    ) -> float: ...
    def value(self, state: Any, stage: Any, *, otherwise: Otherwise = None) -> float:
        """Expected cost in $ of all stages after ``stage`` when that stage ends in ``state``.

        It is seen from the start of the next stage (not discounted to ``stage``) and is a lower
        bound of the true cost. The last stage has no future (0), unless the horizon repeats or cuts
        of another policy value it.

        Args:
            state: all components in order, or values by name: ``{"Ridge": 500.0, ...}``. State and
                stage may change places.
            stage: id, date or label.
            otherwise: value of components that are not named, ``"initial"`` for those of the
                study's initial state.

        Raises:
            UnknownNameError: nothing has such a name; the message says what there is.
            UsageError: a component has no value.

        Examples:
            >>> policy.value({"Ridge": 3000.0, "Gorge": 900.0}, "2027-02", otherwise="initial")
        """
        state, stage = in_order(state, stage)
        return super().value(self._stage_id(stage), self._vector(state, otherwise))

    @overload
    def water_values(
        self, state: Mapping[EntityKey, float], stage: StageKey, *, otherwise: Otherwise = None
    ) -> dict[str, float]: ...
    @overload
    def water_values(
        self, state: Array | Sequence[float], stage: StageKey, *, otherwise: Otherwise = None
    ) -> Array: ...
    @overload
    def water_values(
        self, stage: StageKey, state: Mapping[EntityKey, float], /, *, otherwise: Otherwise = None
    ) -> dict[str, float]: ...
    @overload
    def water_values(
        self, stage: StageKey, state: Array | Sequence[float], /, *, otherwise: Otherwise = None
    ) -> Array: ...
    def water_values(self, state: Any, stage: Any, *, otherwise: Otherwise = None) -> Any:
        """What one more hm3 in each reservoir is worth at the end of ``stage``, in $/hm3.

        Args:
            state: as for `value`.
            stage: id, date or label.
            otherwise: as for `value`.

        Returns:
            Values by name of the reservoir where the state was given by name, else ``[hydro]`` by
            ascending id.

        Raises:
            UnknownNameError: nothing has such a name; the message says what there is.
            UsageError: a component has no value.

        Examples:
            >>> policy.water_values({"Ridge": 3000.0}, "2027-02", otherwise="initial")["Gorge"]
        """
        state, stage = in_order(state, stage)
        values = super().water_values(self._stage_id(stage), self._vector(state, otherwise))
        return (
            dict(zip(self.hydro_labels, values.tolist(), strict=True)) if by_name(state) else values
        )

    def cuts(self, stage_id: StageKey, *, inactive: bool = False) -> Cuts:
        """The cuts that bound what follows a stage, as arrays; `Cuts.frame` gives them as a table.

        Args:
            stage_id: id, date or label of the stage.
            inactive: whether to include cuts that were deactivated.

        Raises:
            UnknownNameError: the policy has no such stage.

        Examples:
            >>> policy.cuts("2027-02").frame()
        """
        return super().cuts(self._stage_id(stage_id), inactive=inactive)

    def state(
        self,
        values: Mapping[Any, float] | None = None,
        otherwise: Otherwise = None,
        *,
        inflows: Mapping[EntityKey, float | Sequence[float]] | None = None,
    ) -> Array:
        """A state ``[state]`` from values by name.

        Args:
            values: storage in hm3 by name or id of the plant, or any component by its name in
                ``layout.names``.
            otherwise: value of components that are not named: a number, ``"initial"`` for those of
                the study's initial state, ``None`` to ask for all.
            inflows: past inflows in m3/s by name or id of the plant, the last one first.

        Raises:
            UnknownNameError: nothing has such a name; the message says what there is.
            UsageError: a component has no value.

        Examples:
            >>> policy.state({"Ridge": 3000.0}, otherwise="initial", inflows={"Ridge": [310.0]})
        """
        found = self._names.components(values or {}, inflows or {})
        state = np.full(self.layout.dimension, np.nan)
        if otherwise == "initial":
            state = self.initial_state.copy()
        elif otherwise is not None:
            state[:] = float(otherwise)
        else:
            self._names.ask_for_all(found)
        state[list(found)] = list(found.values())
        return state

    @property
    def initial_state(self) -> Array:
        """State before the first stage of the study, ``[state]``.

        Raises:
            PolicyError: the study is not known.
        """
        uncertainty = study_uncertainty(self.known_study)
        return initial_state(
            uncertainty.inflow, state_layout(uncertainty.system, uncertainty.inflow)
        )

    @cached_property
    def hydro_labels(self) -> tuple[str, ...]:
        """Names of the plants, by ascending id; with the id where names are missing or the same."""
        return self._names.labels

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

    @property
    def known_study(self) -> Study:
        """The study of the policy.

        Raises:
            PolicyError: it was read from disk without it.
        """
        if self.study is None:
            raise PolicyError(
                "this policy was read from disk and does not know its study: load_policy(DIR, "
                "load_case(CASE)), or policy.with_study(case)"
            )
        return self.study

    @cached_property
    def _decider(self) -> StageDecider:
        ensure_compiled()
        return StageDecider(self, self.known_study)

    @cached_property
    def _spans(self) -> list[StageSpan]:
        labels: dict[int | None, str] = {}
        if self.study is not None and self.study.system.season_map is not None:
            labels.update((one.id, one.label) for one in self.study.system.season_map.seasons)
        return [
            StageSpan(s.stage_id, s.start_date, s.end_date, labels.get(s.season_id, ""))
            for s in self.stages
        ]

    @cached_property
    def _names(self) -> StateNames:
        names = self.layout.block("storage").entity_names
        if not names and self.study is not None:
            names = self.study.system.hydros.names
        return StateNames(self.layout, names or ("",) * self.layout.size("storage"))

    def _stage_id(self, key: StageKey) -> int:
        return self.stages[self.stage_position(key)].stage_id

    def _vector(self, state: StateLike, otherwise: Otherwise) -> Array:
        named = by_name(state)
        if named is not None:
            return self.state(named, otherwise)
        return self._checked(np.asarray(state, np.float64))
