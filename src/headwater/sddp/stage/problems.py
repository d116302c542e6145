"""All stages of a study, ready to be solved: templates, noise, cut pools, initial state."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headwater.core.state import StateLayout
from headwater.distributed import Memory
from headwater.equipment.hydro.state import memory_places
from headwater.errors import ModelError, PolicyError, UnsupportedFeatureError
from headwater.lp import (
    FittedPlanes,
    Outlook,
    ProgramStatistics,
    StageTemplate,
    build_stage_template,
    future_cost_lower_bounds,
    make_form,
    money_at_stake,
    money_unit,
    program_statistics,
    program_warnings,
    with_fitted_planes,
)
from headwater.model import CutFormulation, Formulation, Study, System, excluded_by_regimes
from headwater.model.regime_changes import reachable
from headwater.refusals import refused
from headwater.sddp.cuts.boundary import (
    BoundaryCuts,
    boundary_warnings,
    check_boundary,
    lowest_terminal_value,
)
from headwater.sddp.cuts.policy import PolicyStage
from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.cuts.risk import among
from headwater.sddp.stage.cold_bases import ColdBases
from headwater.sddp.stage.problem import StageProblem
from headwater.sddp.stage.walk import Walk
from headwater.stochastic import InflowModel, Uncertainty, study_uncertainty

logger = logging.getLogger(__name__)

FIRST_POOL_BYTES = 64 * 2**20
"""Memory set aside for the cuts of a stage at the start; pools grow beyond it when needed."""


@dataclass(frozen=True)
class StudyProblems:
    """What the algorithm works on.

    Attributes:
        study: the study.
        uncertainty: inflow, load and availability models with the opening tree.
        stages: one problem per study stage.
        pools: one cut pool per study stage; pool ``t`` bounds the future cost of stage ``t``.
        initial_state: ``[n_state]`` state before the first stage.
        layout: meaning of the state components.
        cold_bases: where trials without a basis start.
        walk: the stages that a trajectory of training visits.
        fitted: reports of the production planes that were computed for the study.
        boundary: cuts that were put at the end of the horizon.
        regimes: the problems of every regime, each as a study of its own; none without regimes.
            ``stages``, ``pools`` and ``uncertainty`` are then those of the first regime.
    """

    study: Study
    uncertainty: Uncertainty
    stages: tuple[StageProblem, ...]
    pools: tuple[CutPool, ...]
    initial_state: NDArray[np.float64]
    layout: StateLayout
    cold_bases: ColdBases
    walk: Walk
    fitted: tuple[FittedPlanes, ...] = ()
    boundary: BoundaryCuts | None = None
    regimes: tuple[StudyProblems, ...] = ()

    @property
    def each(self) -> tuple[StudyProblems, ...]:
        """The problems of every regime; these alone without regimes."""
        return self.regimes or (self,)

    def warnings(self) -> tuple[str, ...]:
        """What the user should know about the stage programs."""
        fitted = tuple(text for fit in self.fitted for text in fit.warnings)
        at_end = () if self.boundary is None else boundary_warnings(self.boundary, self.system)
        return fitted + program_warnings(self.system) + at_end

    @property
    def system(self) -> System:
        """The power system."""
        return self.study.system

    @property
    def n_stages(self) -> int:
        """Number of study stages."""
        return len(self.stages)

    def successor(self, t: int) -> int | None:
        """Position of the stage whose cost the cuts of pool ``t`` bound.

        ``None`` at the end of a horizon that ends.
        """
        return self.system.horizon.successor(t)

    @cached_property
    def n_solves_of_trajectory(self) -> int:
        """Problems that an iteration solves for one trajectory.

        Its visits, and the openings behind every cut.
        """
        followers = [self.successor(t) for t in range(self.n_stages)]
        return self.walk.n_visits + sum(
            len(one.stages[s].openings.innovation)
            for s in followers
            if s is not None
            for r, one in enumerate(self.each)
            if self.reached[s, r]
        )

    @cached_property
    def n_solves_of_bound(self) -> int:
        """Problems that one evaluation of the lower bound solves."""
        return sum(
            len(one.stages[0].openings.innovation)
            for r, one in enumerate(self.each)
            if self.reached[0, r]
        )

    @cached_property
    def reached(self) -> NDArray[np.bool_]:
        """Which regimes can rule at which stage, ``[stage, regime]``."""
        if not self.regimes:
            return np.ones((self.n_stages, 1), np.bool_)
        return reachable(self.system)

    def n_cuts_of_trial(self, t: int) -> int:
        """Cuts that one trial state adds to pool ``t``: one, or one per opening of the next stage.

        0 where none follows.
        """
        follower, outlook = self.successor(t), self.stages[t].template.outlook
        if follower is None:
            return 0
        return len(outlook.probability) if self.is_multi and outlook is not None else 1

    @property
    def is_multi(self) -> bool:
        """Whether every opening gets cuts of its own."""
        return self.study.config.training.cut_formulation is CutFormulation.MULTI

    def outlooks(self) -> tuple[Outlook | None, ...]:
        """Per stage, the openings that follow it and their risk measure."""
        return tuple(
            stage.template.outlook or next_outlook(self.system, self.uncertainty, t)
            for t, stage in enumerate(self.stages)
        )

    def stage_statistics(self) -> tuple[ProgramStatistics, ...]:
        """Size and range of numbers of every solved program, without cuts."""
        return tuple(program_statistics(stage.form, stage.scaling) for stage in self.stages)

    def starting_states(
        self, n_trajectories: int, memory_m3s: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """State before the first stage, ``[trajectory, n_state]``.

        It holds the study's past inflows, or others that are given.

        Args:
            n_trajectories: number of rows.
            memory_m3s: ``[trajectory, component, hydro]`` past inflows and accumulators in place of
                those of the study.
        """
        states = np.tile(self.initial_state, (n_trajectories, 1))
        if memory_m3s is not None:
            states[:, memory_places(self.layout)] = memory_m3s
        return states

    def keep_cuts_in(self, memory_for: Callable[[int], Memory]) -> None:
        """Make room for the cuts of a training where ranks can share them; all ranks call.

        Args:
            memory_for: gives the memory for so many bytes, see `Communicator.memory_for`.
        """
        training = self.study.config.training
        n_trials = training.max_iterations * training.forward_passes
        capacities = [
            pool.n_populated + n_trials * self.n_cuts_of_trial(t)
            for t, pool in enumerate(self.pools)
        ]
        memory = memory_for(8 * self.layout.dimension * sum(capacities) * len(self.each))
        if memory.is_shared:
            for one in self.each:
                for pool, capacity in zip(one.pools, capacities, strict=True):
                    if capacity > pool.n_populated:
                        pool.move_to(memory, capacity)


def build_problems(
    study: Study,
    pools: Sequence[CutPool] | None = None,
    outlooks: Sequence[Outlook | None] | None = None,
    boundary: BoundaryCuts | None = None,
    regime_pools: Sequence[Sequence[CutPool]] | None = None,
) -> StudyProblems:
    """Build everything for a study.

    Args:
        study: system and configuration.
        pools: cuts to start from, one pool per stage; ``None`` starts empty with room for the
            configured iterations.
        outlooks: per stage, how cuts of single openings add up; ``None`` for the openings of the
            study's own tree.
        boundary: cuts that value what follows the last stage, where ``pools`` do not hold them
            already.
        regime_pools: in a study with regimes, the pools of each in place of ``pools``.

    Raises:
        PolicyError: the boundary cuts do not fit the state of the study.
        ModelError: no lower bound of the future cost is known.
    """
    resolved, fitted = with_fitted_planes(study.system)
    study = replace(study, system=resolved)
    if resolved.policy_graph.regimes is None:
        return replace(_build(study, pools, outlooks, boundary), fitted=fitted)
    if excluded_by_regimes(study):
        raise UnsupportedFeatureError([refused("beside_regimes")])
    names = resolved.policy_graph.regimes.names
    systems = [resolved.in_regime(name) for name in names]
    given: Sequence[Sequence[CutPool] | None] = regime_pools or [None] * len(names)
    regimes = [
        _build(replace(study, system=one), own, None, boundary, systems)
        for one, own in zip(systems, given, strict=True)
    ]
    first = regimes[0]
    for name, one in zip(names, regimes, strict=True):
        differences = tuple(one.layout.differences(first.layout, others=f"regime '{names[0]}'"))
        if differences:
            raise ModelError(
                f"regime '{name}' has another state than the first one; give all regimes inflow "
                f"models of the same largest order: {'; '.join(differences)}"
            )
    return replace(first, study=study, fitted=fitted, regimes=tuple(regimes))


def _build(
    study: Study,
    pools: Sequence[CutPool] | None,
    outlooks: Sequence[Outlook | None] | None,
    boundary: BoundaryCuts | None,
    siblings: Sequence[System] = (),
) -> StudyProblems:
    """Build a study without regimes, or one of the regimes of a study, see `build_problems`.

    Its production planes are known. ``siblings`` is the system in all regimes.
    """
    system, training = study.system, study.config.training
    uncertainty = study_uncertainty(study)
    inflow = uncertainty.inflow
    layout = state_layout(system, inflow)
    if pools is None:
        pools = _empty_pools(study, uncertainty, layout.dimension)
    last = len(system.stages) - 1
    if boundary is not None:
        _append_boundary(boundary, system, layout, pools[last])
        outlooks = [*(outlooks or [None] * last)[:last], boundary.stage.outlook]
    terminal = None
    if pools[last].n_populated and not system.horizon.is_cyclic:
        override = training.theta_lower_bound
        terminal = lowest_terminal_value(layout, pools[last]) if override is None else override
    lowest = future_cost_lower_bounds(system, training.theta_lower_bound, terminal, siblings)
    templates = [
        stage_template(
            study,
            uncertainty,
            t,
            float(lowest[t]),
            _outlook(study, uncertainty, t, pools[t], None if outlooks is None else outlooks[t]),
            has_future=system.horizon.successor(t) is not None or pools[t].n_populated > 0,
        )
        for t in range(len(system.stages))
    ]
    units = study_units(study, uncertainty, templates)
    stages = tuple(
        stage_problem(study, uncertainty, template, pool, units)
        for template, pool in zip(templates, pools, strict=True)
    )
    return StudyProblems(
        study=study,
        uncertainty=uncertainty,
        stages=stages,
        pools=tuple(pools),
        initial_state=initial_state(inflow, layout),
        layout=layout,
        cold_bases=ColdBases(len(stages)),
        walk=Walk.of_training(system, training.cycle),
        boundary=boundary,
    )


def _empty_pools(study: Study, uncertainty: Uncertainty, n_state: int) -> list[CutPool]:
    """Pools with room for the configured iterations; more is found when it is needed."""
    system, training = study.system, study.config.training
    most = max(1024, FIRST_POOL_BYTES // (8 * max(n_state, 1)))
    pools = []
    for t in range(len(system.stages)):
        follower = system.horizon.successor(t)
        capacity = 0
        if follower is not None:
            n_cuts = (
                uncertainty.tree.n_openings(follower)
                if training.cut_formulation is CutFormulation.MULTI
                else 1
            )
            capacity = min(training.max_iterations * training.forward_passes * n_cuts, most)
        pools.append(CutPool(n_state, capacity))
    return pools


def _append_boundary(
    boundary: BoundaryCuts, system: System, layout: StateLayout, pool: CutPool
) -> None:
    if system.horizon.is_cyclic:
        raise ModelError(
            "boundary cuts value what follows a horizon that ends, and this one "
            "repeats; remove policy.boundary"
        )
    check_boundary(boundary, layout)
    if layout.block("gnl_commitment").depths:
        raise UnsupportedFeatureError([refused("boundary_with_orders")])
    boundary.put_into(pool)


def _outlook(
    study: Study, uncertainty: Uncertainty, t: int, pool: CutPool, given: Outlook | None
) -> Outlook | None:
    """How the openings that follow a stage add up, where each has a column of its own.

    ``None`` where none has.
    """
    openings = pool.opening[: pool.n_populated]
    of_single = bool((openings >= 0).any())
    follower = study.system.horizon.successor(t)
    if not of_single and (
        study.config.training.cut_formulation is CutFormulation.SINGLE or follower is None
    ):
        return None
    outlook = given if given is not None else next_outlook(study.system, uncertainty, t)
    if outlook is None or (of_single and int(openings.max()) >= len(outlook.probability)):
        stage = study.system.stages[t]
        raise PolicyError(
            f"stage {stage.id}: the policy has cuts of single openings, and openings up to "
            f"{int(openings.max())} are not among the "
            f"{0 if outlook is None else len(outlook.probability)} of the next stage"
        )
    return outlook


def next_outlook(system: System, uncertainty: Uncertainty, t: int) -> Outlook | None:
    """Openings of the stage that follows stage position ``t`` and its risk measure.

    ``None`` where none follows.
    """
    follower = system.horizon.successor(t)
    if follower is None:
        return None
    probability = tuple(float(p) for p in uncertainty.tree.probability[follower])
    return Outlook(probability, system.stages[follower].risk)


@dataclass(frozen=True)
class Units:
    """Money of a study.

    Attributes:
        cost_scale: unit of the solver in $.
        money: what is at stake in a stage, in $: what its thermal plants cost at most; 0 without
            thermal plants.
    """

    cost_scale: float
    money: float


def study_units(
    study: Study, uncertainty: Uncertainty, templates: Sequence[StageTemplate]
) -> Units:
    """The money of a study, from its data alone.

    It scales with costs and loads, so that results do not depend on currency.
    """
    given = study.config.training.cost_scale
    scale = money_unit(templates) if given is None else given
    nothing = np.zeros((1, uncertainty.layout.dim))
    stakes = [
        money_at_stake(template, uncertainty.load_mw(template.t, nothing)[0])
        for template in templates
    ]
    return Units(scale, max((stake for stake in stakes if math.isfinite(stake)), default=0.0))


def stage_template(
    study: Study,
    uncertainty: Uncertainty,
    t: int,
    theta_lower: float,
    outlook: Outlook | None,
    *,
    has_future: bool,
) -> StageTemplate:
    """Build the canonical program of stage position ``t``.

    Args:
        study: the study, with all planes.
        uncertainty: its models and tree.
        t: stage position.
        theta_lower: lower bound of the future cost, or of every opening's, in $.
        outlook: how the openings that follow add up, where each has a column of its own.
        has_future: whether anything bounds the future cost.
    """
    transition = uncertainty.inflow.transition(t)
    return build_stage_template(
        study.system,
        t,
        np.ascontiguousarray(uncertainty.inflow.psi[t]),
        inflow_method=study.config.inflow_non_negativity,
        theta_lower=theta_lower,
        has_future=has_future,
        outlook=outlook,
        memory=None if transition is None else (transition.keep, transition.add),
        n_past_inflows=uncertainty.inflow.n_own_lags,
    )


def stage_problem(
    study: Study, uncertainty: Uncertainty, template: StageTemplate, pool: CutPool, units: Units
) -> StageProblem:
    """The problem of a stage, with the openings of the tree.

    Args:
        study: the study, with all planes.
        uncertainty: its models and tree.
        template: the stage.
        pool: cuts that bound its future cost.
        units: money of the study.
    """
    t, formulation = template.t, study.config.training.formulation
    psi = np.ascontiguousarray(uncertainty.inflow.psi[t])
    form = make_form(template, formulation, units.cost_scale, units.money)
    batched = formulation is Formulation.CONDENSED
    truncates = study.config.inflow_non_negativity.truncates
    problem = StageProblem(form, pool, psi, truncates=truncates, batched=batched)
    noise = uncertainty.tree.noise[t]
    openings = problem.noise_batch(
        uncertainty.innovation_m3s(t, noise),
        uncertainty.load_mw(t, noise),
        uncertainty.available_mw(t, noise),
        uncertainty.lag_factor(t, noise),
    )
    risk = among(study.system.stages[t].risk, [noise])
    problem.set_openings(openings, uncertainty.tree.probability[t], risk)
    return problem


def state_layout(system: System, inflow: InflowModel) -> StateLayout:
    """Meaning of the state of a study."""
    return system.state_layout(inflow.n_own_lags, inflow.n_lags - inflow.n_own_lags)


def initial_state(inflow: InflowModel, layout: StateLayout) -> NDArray[np.float64]:
    """State before the first stage, in the order of ``layout``.

    What is remembered of inflows is told by their model.
    """
    state = np.empty(layout.dimension)
    for block in layout.blocks:
        if block.initial is not None:
            state[layout.span(block.name)] = block.initial()
    state[memory_places(layout)] = inflow.initial_lags_m3s
    return state


def inflow_digest(inflow: InflowModel) -> str:
    """SHA-256 of the inflow model, rounded to nine digits.

    It compares the model of a policy with that of a case.
    """
    digest = hashlib.sha256()
    arrays = [inflow.psi, inflow.base, inflow.sigma]
    for transition in () if inflow.memory is None else inflow.memory.transitions:
        arrays += [transition.keep, transition.add]
    if inflow.lognormal is not None:
        arrays += [inflow.lognormal.spread, inflow.lognormal.multiplies.astype(np.float64)]
    for array in arrays:
        rounded = np.array([float(f"{value:.9e}") for value in np.ravel(array)]) + 0.0
        digest.update(np.array(np.shape(array), np.int64).tobytes())
        digest.update(rounded.tobytes())
    return digest.hexdigest()


def policy_stages(
    system: System, outlooks: Sequence[Outlook | None] | None = None
) -> tuple[PolicyStage, ...]:
    """What a policy records of every stage.

    Args:
        system: the system.
        outlooks: per stage, what follows it.
    """
    return tuple(
        PolicyStage(
            stage_id=stage.id,
            start_date=stage.start_date,
            end_date=stage.end_date,
            season_id=stage.season_id,
            block_hours=tuple(block.hours for block in stage.blocks),
            production=tuple(system.production[h][t].kind.value for h in range(len(system.hydros))),
            outlook=None if outlooks is None else outlooks[t],
        )
        for t, stage in enumerate(system.stages)
    )
