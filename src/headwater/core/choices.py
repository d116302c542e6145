"""What each choice of the algorithm must have: the page to read before writing one.

A choice is a frozen dataclass with its parameters as fields and its behaviour as methods. One that
is used in code only needs no registration; to be named in a case, or to be read back from a policy,
it is added to its registry, which stands below its protocol, see `headwater.core.registry`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array, Indices, Mask
from headwater.core.history import Iteration, RuleEvaluation
from headwater.core.noise import Draws, NoiseView
from headwater.core.parts import LAST
from headwater.core.registry import Registry
from headwater.core.risk_forms import CompiledRisk, LinearForm
from headwater.errors import UsageError


class Choice(Protocol):
    """What every choice has.

    Attributes:
        type: name in cases, policies and results.
    """

    type: ClassVar[str]


def type_of_class(choice: Any) -> str:
    """Name of the class of a choice.

    Raises:
        UsageError: it has none, or its values could change after they were looked at.
    """
    parameters = getattr(choice, "__dataclass_params__", None)
    if not isinstance(getattr(choice, "type", None), str):
        raise UsageError(f"{choice!r} has no name: give it an attribute 'type' that is a text")
    if parameters is None or not parameters.frozen:
        raise UsageError(f"{choice.__qualname__} ({choice.type!r}) must be a frozen dataclass")
    return str(choice.type)


def place_of_class(choice: Any) -> tuple[int, str]:
    """Order in which pages list choices.

    Choices are ordered by their attribute ``place``; those without one come last.
    """
    return getattr(choice, "place", LAST), str(choice.type)


class RiskMeasure(Choice, Protocol):
    """How random costs count as one number.

    It is ``rho[Z] = max over q of (q . Z - penalty(q))``, with ``q`` probabilities. The best ``q``
    is a subgradient of the measure, so cuts that are made with it are lower bounds (Shapiro,
    Tekaya, da Costa and Soares 2013, European Journal of Operational Research 224).

    Dearer outcomes must not count for less, and a sure cost must count as itself.

    A measure that wants to know which openings the costs are of has a method ``among`` besides: it
    is given the noise ``[opening, entry]`` of a stage and returns the measure for these.
    """

    @property
    def neutral(self) -> bool:
        """Whether it is the expectation, with which a mean of simulated costs can be compared."""
        ...

    def weigh(self, probability: Array, costs: Array) -> tuple[Array, float]:
        """Weights ``q[opening]`` and their penalty in $ for uncertain costs.

        The outcomes have a probability ``[opening]`` and costs in $.
        """
        ...

    def compiled(self, cost_scale: float) -> CompiledRisk | None:
        """The same for compiled code, with costs in $ over ``cost_scale``.

        It is ``None`` for a measure that is called in Python.
        """
        ...

    def epigraph(self, probability: Array, lower: float) -> LinearForm | None:
        """The measure as a linear program, for a cut of every opening.

        ``None`` where it has none, which refuses such cuts.

        Args:
            probability: ``[opening]``.
            lower: what every cost is at least, in $.
        """
        ...


RISK_MEASURES: Registry[type[RiskMeasure]] = Registry(
    "risk_measures", "headwater.choices.risk", name=type_of_class
)
"""Known risk measures."""


class StudyView(Protocol):
    """What a stopping rule may ask of a study."""

    @property
    def is_risk_neutral(self) -> bool:
        """Whether every stage takes the expectation."""
        ...

    @property
    def draws_openings(self) -> bool:
        """Whether forward passes draw all their noise from the opening tree."""
        ...


class StoppingRule(Choice, Protocol):
    """When training ends; to be derived from, so that only ``evaluate`` must be written.

    Attributes:
        is_limit: whether it ends training alone, and without convergence.
        needs_upper_bound: whether it needs the deterministic upper bound.
    """

    is_limit: ClassVar[bool] = False
    needs_upper_bound: ClassVar[bool] = False

    @property
    def most_iterations(self) -> int | None:
        """Iterations after which it ends training in any case; memory for cuts is sized for it."""
        return None

    @abstractmethod
    def evaluate(
        self, history: Sequence[Iteration], simulated: Sequence[Sequence[float] | None]
    ) -> RuleEvaluation:
        """What it says after the last iteration.

        Args:
            history: all iterations, of which there is one at least.
            simulated: per iteration, what the simulation it asked for found: mean cost of every
                visit of a stage in $, not discounted; ``None`` where it asked for none.
        """
        ...

    def trajectories_due(self, iteration: int, bounds: Sequence[float]) -> int:  # noqa: ARG002
        """Trajectories to simulate after an iteration, 0 for none.

        Args:
            iteration: from 1.
            bounds: lower bounds after every iteration up to this one.
        """
        return 0

    def refuse(self, study: StudyView) -> str | None:  # noqa: ARG002
        """Why it compares what cannot be compared; ``None`` where it is sound."""
        return None


STOPPING_RULES: Registry[type[StoppingRule]] = Registry(
    "stopping_rules", "headwater.choices.stopping", name=type_of_class, order=place_of_class
)
"""Known stopping rules."""


class SamplingScheme(Choice, Protocol):
    """Where the noise of one class comes from in training or simulation; to be derived from.

    Attributes:
        needs_seed: whether the source must have a seed.
        classes: classes of noise that it is for.
        takes_openings: whether it draws the openings of the tree: the bound then speaks of its
            costs.
        walks_scenarios: whether it takes scenarios of a finite set, which may be the openings.
        replays_history: whether these are years of history.
    """

    needs_seed: ClassVar[bool] = True
    classes: ClassVar[tuple[str, ...]] = ("inflow", "load", "ncs")
    takes_openings: ClassVar[bool] = False
    walks_scenarios: ClassVar[bool] = False
    replays_history: ClassVar[bool] = False

    @abstractmethod
    def prepare(self, noise: NoiseView) -> Draws:
        """The draws of a training or simulation.

        Raises:
            ModelError: what it needs is missing.
        """
        ...


SAMPLING_SCHEMES: Registry[type[SamplingScheme]] = Registry(
    "sampling_schemes", "headwater.choices.sampling", name=type_of_class, order=place_of_class
)
"""Known sampling schemes."""


class PoolView(Protocol):
    """The cuts of a stage as selection sees them; arrays are ``[slot]``, of all cuts ever made."""

    @property
    def times_binding(self) -> Indices:
        """Solves in which the cut was binding since it was born."""
        ...

    @property
    def last_binding(self) -> NDArray[np.integer[Any]]:
        """Last iteration in which it was."""
        ...

    @property
    def coefficients(self) -> Array:
        """Slopes ``[slot, state]``."""
        ...

    @property
    def intercepts(self) -> Array:
        """Intercepts in $."""
        ...

    @property
    def opening(self) -> NDArray[np.integer[Any]]:
        """Opening whose cost alone the cut bounds; -1 for all."""
        ...

    @property
    def removable(self) -> Mask:
        """Active cuts that may go."""
        ...

    @property
    def visited(self) -> Array:
        """States that training visited so far, ``[visit, state]``.

        There are none without ``needs_states``.
        """
        ...

    def below_others(self, epsilon: float) -> Mask:
        """Cuts that lie by more than ``epsilon`` $ below another one at every visited state."""
        ...


class SelectionMethod(Choice, Protocol):
    """Which cuts are not worth their row; to be derived from.

    Attributes:
        needs_states: whether it judges by visited states, which are then kept.
        acts: whether it ever takes a cut away.
    """

    needs_states: ClassVar[bool] = False
    acts: ClassVar[bool] = True

    @abstractmethod
    def useless(self, pool: PoolView, iteration: int) -> Mask:
        """Cuts that may be deactivated, ``[slot]``; those that may not go stay whatever it says.

        It must follow from the pool alone, so that all ranks come to the same.
        """
        ...


CUT_SELECTIONS: Registry[type[SelectionMethod]] = Registry(
    "cut_selections", "headwater.choices.selection", name=type_of_class, order=place_of_class
)
"""Known methods of cut selection."""


class ForwardEngine(Protocol):
    """What a forward pass works with."""

    @property
    def n_trajectories(self) -> int:
        """Trajectories of an iteration."""
        ...

    def simulate(self, noise_of: int) -> None:
        """Operate the system along all trajectories with the policy so far.

        The states that they leave the stages in are where the backward pass makes cuts, and their
        costs are what the iteration reports; another call replaces both.

        Args:
            noise_of: iteration whose noise is taken, from 1; of the past, or yet to come.
        """
        ...


class ForwardPass(Choice, Protocol):
    """How the states are found at which an iteration makes cuts; to be derived from."""

    @abstractmethod
    def run(self, engine: ForwardEngine, iteration: int) -> None:
        """Make the trajectories of an iteration, with one call of ``engine.simulate`` at least.

        It must follow from the iteration alone, so that all ranks and a resumed training do the
        same.
        """
        ...


FORWARD_PASSES: Registry[type[ForwardPass]] = Registry(
    "forward_passes", "headwater.choices.forward", name=type_of_class, order=place_of_class
)
"""Known forward passes."""
