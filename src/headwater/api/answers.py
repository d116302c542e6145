"""What a policy says of the future, asked by names of plants and dates of stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np

from headwater.api.named_states import (
    Otherwise,
    StateLike,
    StateNames,
    by_name,
    in_order,
)
from headwater.arrays import Array
from headwater.core.shown import Shown
from headwater.errors import PolicyError
from headwater.model import EntityKey, StageKey, Study
from headwater.model.named import StageSpan, stage_position_of
from headwater.sddp import Policy as LearnedPolicy
from headwater.sddp.cuts.table import Cuts
from headwater.sddp.stage.problems import initial_state, state_layout
from headwater.stochastic import study_uncertainty


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Answers(Shown, LearnedPolicy):
    """Future cost, value of water and cuts of a policy, by name; see `Policy`."""

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
    def value(
        self,
        state: StateLike,
        stage: StageKey,
        *,
        otherwise: Otherwise = None,
        regime: str | None = None,
    ) -> float: ...
    @overload
    def value(
        self,
        stage: StageKey,
        state: StateLike,
        /,
        *,
        otherwise: Otherwise = None,
        regime: str | None = None,
    ) -> float: ...
    def value(
        self,
        state: Any,
        stage: Any,
        *,
        otherwise: Otherwise = None,
        regime: str | None = None,
    ) -> float:
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
            regime: the regime that rules in that stage, where the study has regimes.

        Raises:
            UnknownNameError: nothing has such a name; the message says what there is.
            UsageError: a component has no value, or no regime is named.

        Examples:
            >>> policy.value({"Ridge": 3000.0, "Gorge": 900.0}, "2027-02", otherwise="initial")
        """
        state, stage = in_order(state, stage)
        return super().value(self._stage_id(stage), self._vector(state, otherwise), regime=regime)

    @overload
    def water_values(
        self,
        state: Mapping[EntityKey, float],
        stage: StageKey,
        *,
        otherwise: Otherwise = None,
        regime: str | None = None,
    ) -> dict[str, float]: ...
    @overload
    def water_values(
        self,
        state: Array | Sequence[float],
        stage: StageKey,
        *,
        otherwise: Otherwise = None,
        regime: str | None = None,
    ) -> Array: ...
    @overload
    def water_values(
        self,
        stage: StageKey,
        state: Mapping[EntityKey, float],
        /,
        *,
        otherwise: Otherwise = None,
        regime: str | None = None,
    ) -> dict[str, float]: ...
    @overload
    def water_values(
        self,
        stage: StageKey,
        state: Array | Sequence[float],
        /,
        *,
        otherwise: Otherwise = None,
        regime: str | None = None,
    ) -> Array: ...
    def water_values(
        self,
        state: Any,
        stage: Any,
        *,
        otherwise: Otherwise = None,
        regime: str | None = None,
    ) -> Any:
        """What one more hm3 in each reservoir is worth at the end of ``stage``, in $/hm3.

        Args:
            state: as for `value`.
            stage: id, date or label.
            otherwise: as for `value`.
            regime: as for `value`.

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
        vector = self._vector(state, otherwise)
        values = super().water_values(self._stage_id(stage), vector, regime=regime)
        return (
            dict(zip(self.hydro_labels, values.tolist(), strict=True)) if by_name(state) else values
        )

    def cuts(
        self,
        stage_id: StageKey,
        *,
        inactive: bool = False,
        regime: str | None = None,
    ) -> Cuts:
        """The cuts that bound what follows a stage, as arrays; `Cuts.frame` gives them as a table.

        Args:
            stage_id: id, date or label of the stage.
            inactive: whether to include cuts that were deactivated.
            regime: as for `value`.

        Raises:
            UnknownNameError: the policy has no such stage.

        Examples:
            >>> policy.cuts("2027-02").frame()
        """
        return super().cuts(self._stage_id(stage_id), inactive=inactive, regime=regime)

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
        study = self.known_study
        if self.regimes:
            study = study.in_regime(self.regimes[0].regime)
        uncertainty = study_uncertainty(study)
        return initial_state(
            uncertainty.inflow, state_layout(uncertainty.system, uncertainty.inflow)
        )

    @cached_property
    def hydro_labels(self) -> tuple[str, ...]:
        """Names of the plants, by ascending id; with the id where names are missing or the same."""
        return self._names.labels

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
