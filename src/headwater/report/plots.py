"""Plots in one call, as ``results.plot`` offers them; each gives a figure of plotly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from headwater.errors import ResultsError
from headwater.report import balance, costs, generation, prices, storage, training
from headwater.report.drawing import require_plotly
from headwater.report.outcome import InMemory, Outcome

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from headwater.results.reader import Results

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
        self, hydro: str | int | None = None, unit: str = "hm3", scenarios: Scenarios = ()
    ) -> Figure:
        """Storage of a reservoir, or of all together, see `headwater.report.storage.storage`."""
        return storage.storage(self._outcome, hydro, unit, scenarios).figure()

    def generation(
        self, plant: str | int | None = None, kind: str | None = None, scenarios: Scenarios = ()
    ) -> Figure:
        """Power of a plant, or of the system, see `headwater.report.generation.generation`."""
        return generation.generation(self._outcome, plant, kind, scenarios).figure()

    def balance(self, bus: str | int | None = None, scenario: str | int | None = None) -> Figure:
        """Where energy comes from and goes to, see `headwater.report.balance.balance`."""
        return balance.balance(self._outcome, bus, scenario).figure()

    def prices(self, bus: str | int | None = None, scenarios: Scenarios = ()) -> Figure:
        """Marginal cost of energy, see `headwater.report.prices.prices`."""
        return prices.prices(self._outcome, bus, scenarios).figure()

    def water_values(self, hydro: str | int, scenarios: Scenarios = ()) -> Figure:
        """Worth of water in the scenarios, see `headwater.report.prices.water_values`."""
        return prices.water_values(self._outcome, hydro, scenarios).figure()

    def costs(self) -> Figure:
        """Cost of every stage by category, see `headwater.report.costs.costs`."""
        return costs.costs(self._outcome).figure()

    def cost_distribution(self) -> Figure:
        """How total costs are spread, see `headwater.report.costs.cost_distribution`."""
        return costs.cost_distribution(self._outcome.totals).figure()

    def deficit(self, depth: bool = False) -> Figure:
        """How likely deficits are or, with ``depth``, how deep; see `headwater.report.costs`."""
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
        """Bound and cost during training, see `headwater.report.training.convergence`."""
        return training.convergence(self._trained().convergence, by).figure()

    def cuts(self) -> Figure:
        """Cuts after every iteration, see `headwater.report.training.cuts`."""
        return training.cuts(self._trained().convergence).figure()

    def _trained(self) -> Results:
        if not self._results.has_training:
            raise ResultsError(f"{self._results.directory} holds no results of a training to draw")
        return self._results
