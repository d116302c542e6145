"""Plots in one call, as ``results.plot`` offers them; each gives a figure of plotly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from headwater.errors import ResultsError, UsageError
from headwater.model.named import EntityKey, StageKey
from headwater.report import (
    balance,
    comparison,
    costs,
    generation,
    inflow_models,
    network,
    policy_pictures,
    prices,
    storage,
    stores,
    training,
)
from headwater.report.drawing import require_plotly
from headwater.report.outcome import InMemory, Outcome
from headwater.results.training_frames import convergence_frame

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from headwater.results.reader import Results
    from headwater.sddp import Policy
    from headwater.stochastic import Uncertainty

Scenarios = Sequence[str | int]
"""Numbers or names: ``driest``, ``dry``, ``median``, ``wet``, ``wettest``, ``dearest``."""


class SimulationPlots:
    """Pictures of a simulation; ``simulation.plot``.

    Args:
        simulation: in memory.
    """

    def __init__(self, simulation: InMemory) -> None:
        require_plotly()
        self._make: Callable[[], Outcome] = lambda: Outcome.of_simulation(simulation)

    @cached_property
    def _outcome(self) -> Outcome:
        return self._make()

    def storage(
        self, hydro: EntityKey | None = None, unit: str = "hm3", scenarios: Scenarios = ()
    ) -> Figure:
        """Storage of a reservoir, or of all together, see `headwater.report.storage.storage`.

        Args:
            hydro: name or id of a plant; ``None`` for all together.
            unit: ``"hm3"``, ``"share"`` or ``"energy"``.
            scenarios: numbers or names of scenarios to draw as lines; see `Scenarios`.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.
            UsageError: there is no such unit.

        Examples:
            >>> results.plot.storage("Ridge", scenarios=("driest", 17))
        """
        return storage.storage(self._outcome, hydro, unit, scenarios).figure()

    def store(
        self, kind: str, which: EntityKey, *, value: bool = False, scenarios: Scenarios = ()
    ) -> Figure:
        """What a battery or a stock keeps, or its worth, see `headwater.report.stores.store`.

        Args:
            kind: ``"battery"`` or ``"stock"``.
            which: name or id.
            value: draw what one more unit is worth, in place of what is kept.
            scenarios: numbers or names of scenarios to draw as lines; see `Scenarios`.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> results.plot.store("battery", "Bank", value=True)
        """
        return stores.store(self._outcome, kind, which, value=value, scenarios=scenarios).figure()

    def generation(
        self, plant: EntityKey | None = None, kind: str | None = None, scenarios: Scenarios = ()
    ) -> Figure:
        """Power of a plant, or of the system, see `headwater.report.generation.generation`.

        Args:
            plant: name or id; ``None`` for the system by source.
            kind: kind of the plant, where two kinds have one of that name.
            scenarios: numbers or names of scenarios to draw as lines; see `Scenarios`.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> results.plot.generation("Ridge")
        """
        return generation.generation(self._outcome, plant, kind, scenarios).figure()

    def balance(self, bus: EntityKey | None = None, scenario: str | int | None = None) -> Figure:
        """Where energy comes from and goes to, see `headwater.report.balance.balance`.

        Args:
            bus: name or id; ``None`` for the whole system.
            scenario: number or name; ``None`` for the mean of all.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> results.plot.balance("Coast", scenario="driest")
        """
        return balance.balance(self._outcome, bus, scenario).figure()

    def prices(self, bus: EntityKey | None = None, scenarios: Scenarios = ()) -> Figure:
        """Marginal cost of energy, see `headwater.report.prices.prices`.

        Args:
            bus: name or id; ``None`` for all, each by its median.
            scenarios: numbers or names of scenarios to draw as lines; see `Scenarios`.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> results.plot.prices("Coast")
        """
        return prices.prices(self._outcome, bus, scenarios).figure()

    def water_values(self, hydro: EntityKey, scenarios: Scenarios = ()) -> Figure:
        """Worth of water in the scenarios, see `headwater.report.prices.water_values`.

        Args:
            hydro: name or id of the plant.
            scenarios: numbers or names of scenarios to draw as lines; see `Scenarios`.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> results.plot.water_values("Ridge")
        """
        return prices.water_values(self._outcome, hydro, scenarios).figure()

    def exchange(self, line: EntityKey | None = None, scenarios: Scenarios = ()) -> Figure:
        """Flow on a line, or the use of all, see `headwater.report.network.exchange`.

        Args:
            line: name or id; ``None`` for the use of all.
            scenarios: numbers or names of scenarios to draw as lines; see `Scenarios`.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> results.plot.exchange("South to Coast")
        """
        return network.exchange(self._outcome, line, scenarios).figure()

    def network(self) -> Figure:
        """Mean flows and congestion on a graph, see `headwater.report.network.network`.

        Examples:
            >>> results.plot.network()
        """
        return network.network(self._outcome).figure()

    def inflows(self, hydro: EntityKey, scenarios: Scenarios = ()) -> Figure:
        """Simulated inflow of a plant, see `headwater.report.inflow_models.inflows`.

        Args:
            hydro: name or id of the plant.
            scenarios: numbers or names of scenarios to draw as lines; see `Scenarios`.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> results.plot.inflows("Ridge")
        """
        return inflow_models.inflows(self._outcome, hydro, scenarios).figure()

    def costs(self) -> Figure:
        """Cost of every stage by category, see `headwater.report.costs.costs`.

        Examples:
            >>> results.plot.costs()
        """
        return costs.costs(self._outcome).figure()

    def cost_distribution(self) -> Figure:
        """How total costs are spread, see `headwater.report.costs.cost_distribution`.

        Examples:
            >>> results.plot.cost_distribution()
        """
        return costs.cost_distribution(self._outcome.totals).figure()

    def deficit(self, depth: bool = False) -> Figure:
        """How likely deficits are or, with ``depth``, how deep; see `headwater.report.costs`.

        Args:
            depth: draw how deep deficits are, in place of how likely.

        Examples:
            >>> results.plot.deficit(depth=True)
        """
        return (costs.deficit_depth if depth else costs.deficit_probability)(self._outcome).figure()


class ResultsPlots(SimulationPlots):
    """Pictures of the results of a run on disk; ``results.plot``.

    Args:
        results: of a run.
    """

    def __init__(self, results: Results) -> None:
        require_plotly()
        self._results = results
        self._make = lambda: Outcome.of_results(results)

    def convergence(self, by: str = "iteration") -> Figure:
        """Bound and cost during training, see `headwater.report.training.convergence`.

        Args:
            by: ``"iteration"`` or ``"time"``.

        Raises:
            ResultsError: the run has no training.
            UsageError: ``by`` is neither.

        Examples:
            >>> results.plot.convergence(by="time")
        """
        return training.convergence(self._trained().convergence, by).figure()

    def cuts(self) -> Figure:
        """Cuts after every iteration, see `headwater.report.training.cuts`.

        Raises:
            ResultsError: the run has no training.

        Examples:
            >>> results.plot.cuts()
        """
        return training.cuts(self._trained().convergence).figure()

    def time(self) -> Figure:
        """Where the time of training went, see `headwater.report.training.training_time`.

        Raises:
            ResultsError: the run has no training.

        Examples:
            >>> results.plot.time()
        """
        return training.training_time(self._trained().timing).figure()

    def cost_difference(self, other: Results) -> Figure:
        """How costs of another run differ in the same scenarios, see `headwater.report.comparison`.

        Args:
            other: results of another run.

        Raises:
            ResultsError: the two runs did not see the same inflows.

        Examples:
            >>> results.plot.cost_difference(hw.load_results("earlier"))
        """
        found = comparison.cost_difference(self._results, other)
        if not found.is_paired:
            raise ResultsError("the two runs did not see the same inflows: compare their means")
        names = comparison.run_names(self._results, other)
        return comparison.difference_of_costs(found, names).figure()

    def _trained(self) -> Results:
        if not self._results.has_training:
            raise ResultsError(f"{self._results.directory} holds no results of a training to draw")
        return self._results


class PolicyPlots:
    """Pictures of a policy; ``policy.plot``.

    Args:
        policy: one that knows its study, or not: then only what needs no names and limits.
    """

    def __init__(self, policy: Policy) -> None:
        require_plotly()
        self._policy = policy

    def water_values(
        self, hydro: EntityKey, stage: StageKey | None = None, state: Sequence[float] | None = None
    ) -> Figure:
        """Worth of water by stage and storage, see `headwater.report.policy_pictures`.

        Args:
            hydro: name or id of the plant.
            stage: id, date or label, to draw along the reservoir; ``None`` for all stages.
            state: where the other components stand; by default reservoirs half full and past
                inflows at their means.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> policy.plot.water_values("Ridge", stage="2027-02")
        """
        policy = self._policy.in_regime(None)
        return policy_pictures.water_values(policy, hydro, stage, state).figure()

    def convergence(self, by: str = "iteration") -> Figure:
        """Bound and cost during training, see `headwater.report.training.convergence`.

        Args:
            by: ``"iteration"`` or ``"time"``.

        Raises:
            UsageError: the policy was read from disk; the results of its run have the trace.

        Examples:
            >>> policy.plot.convergence()
        """
        if self._policy.training is None:
            raise UsageError(
                "this policy was read from disk and has no trace of its training; "
                "hw.load_results(output).plot.convergence() draws that of a run"
            )
        return training.convergence(convergence_frame(self._policy.training), by).figure()


class FitPlots:
    """Pictures of inflow models; ``fit.plot`` of what `headwater.fit` gives.

    Args:
        fit: has the models as ``uncertainty``.
    """

    def __init__(self, fit: Fitted) -> None:
        require_plotly()
        self._models = fit.uncertainty

    def seasons(self, hydro: EntityKey, cycle: int = 0) -> Figure:
        """Observed years and seasons of the model, see `headwater.report.inflow_models.seasons`.

        Args:
            hydro: name or id of the plant.
            cycle: which calendar, where the model has months and weeks, say.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> hw.fit("my-case", "fit").plot.seasons("Ridge")
        """
        return inflow_models.seasons(self._models, hydro, cycle).figure()

    def correlogram(self, hydro: EntityKey, cycle: int = 0) -> Figure:
        """Correlation with the past, see `headwater.report.inflow_models.correlogram`.

        Args:
            hydro: name or id of the plant.
            cycle: as for `seasons`.

        Raises:
            UnknownNameError: nothing is called that; the message says what there is.

        Examples:
            >>> hw.fit("my-case", "fit").plot.correlogram("Ridge")
        """
        return inflow_models.correlogram(self._models, hydro, cycle).figure()

    def noise_correlation(self) -> list[Figure]:
        """How the noise of rivers hangs together, one figure for each group of rivers.

        Examples:
            >>> hw.fit("my-case", "fit").plot.noise_correlation()[0]
        """
        return [drawn.figure() for drawn in inflow_models.noise_correlation(self._models.system)]


class Fitted(Protocol):
    """What pictures need of a fit."""

    @property
    def uncertainty(self) -> Uncertainty:
        """The fitted models."""
