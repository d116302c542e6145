"""What training, simulation and fitting hand back, and how a run ends early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from headwater._on_demand import OnDemandMember
from headwater.api.policy import Policy
from headwater.core.shown import Shown
from headwater.errors import EXIT_STOPPED, HeadwaterError
from headwater.model import Study
from headwater.results import SCHEMAS
from headwater.results.names_in_tables import TableNames, chosen_table
from headwater.results.other_forms import OtherForms
from headwater.sddp import ScenarioSummary, SimulationRecord


class StoppedError(HeadwaterError):
    """A run was stopped by a signal before it was done; what it had learned is kept.

    Attributes:
        signal_number: the signal; ``None`` where another rank got it.

    Examples:
        >>> try:
        ...     hw.simulate(policy)
        ... except hw.StoppedError:
        ...     print("Ctrl-C")
    """

    exit_code = EXIT_STOPPED

    def __init__(self, message: str, signal_number: int | None = None) -> None:
        super().__init__(message)
        self.signal_number = signal_number


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Shown, OtherForms):
    """Results of a simulation held in memory.

    Attributes:
        record: costs per scenario and how the simulation went.
        study: what was simulated.

    Examples:
        >>> simulation = hw.simulate(policy, n_scenarios=200)
        >>> simulation.mean_cost, simulation.table("hydros")
    """

    record: SimulationRecord
    study: Study
    _frames: Mapping[str, pl.DataFrame] = field(repr=False)

    plot = OnDemandMember("headwater.report.plots", "SimulationPlots")
    """Pictures of the simulation, see `headwater.report.plots.SimulationPlots`."""

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

    def table(self, name: str, *, names: bool = True) -> pl.DataFrame:
        """One table with all scenarios, e.g. ``"hydros"``, ``"buses"``, ``"costs"``.

        Args:
            name: table name, see `tables`.
            names: add the name of the entity and the dates of the stage beside their ids.

        Raises:
            UnknownNameError: no such table; the message lists those there are.

        Examples:
            >>> simulation.table("buses")
        """
        frame = chosen_table(self._frames, name)
        return self._names.added_to(frame, SCHEMAS[name]) if names else frame

    @cached_property
    def _names(self) -> TableNames:
        return TableNames.of_system(self.study.system, self.record.stages)

    def facts(self) -> list[tuple[str, str]]:
        """Name and value of what a notebook shows below the heading."""
        summary = self.summary
        return [
            (
                "deficit",
                f"{float(summary.deficit_mwh[summary.completed].mean()):,.1f} MWh on average",
            ),
            (
                "spillage",
                f"{float(summary.spillage_hm3[summary.completed].mean()):,.1f} hm3 on average",
            ),
            ("tables", ", ".join(self.tables)),
        ]

    def __repr__(self) -> str:
        done = int(self.summary.completed.sum())
        failed = len(self.summary.scenario_id) - done
        return (
            f"<Simulation of {self.study.name or 'a study'}: {done} "
            f"scenarios{f' and {failed} failed' if failed else ''}, {len(self.record.stages)} "
            f"stages, mean cost {self.mean_cost:,.2f} ± {self.summary.ci95:,.2f} $, "
            f"{len(self.tables)} tables>"
        )


@dataclass(frozen=True, repr=False)
class RunResult(Shown):
    """What a run leaves behind.

    Attributes:
        output_dir: directory of the results.
        policy: the policy, trained or loaded.
        simulation: outcome of the simulation; ``None`` when the case asks for none.
        stopped: whether a signal ended the run early.
        signal_number: the signal; ``None`` where another rank got it.

    Examples:
        >>> done = hw.run("mine", "output")
        >>> done.policy.lower_bound, done.simulation.mean_cost
    """

    output_dir: Path
    policy: Policy
    simulation: SimulationRecord | None
    stopped: bool = False
    signal_number: int | None = None

    def __repr__(self) -> str:
        ended = ", stopped early" if self.stopped else ""
        simulated = (
            "not simulated"
            if self.simulation is None
            else f"{len(self.simulation.summary.scenario_id)} scenarios"
        )
        return (
            f"<RunResult in {self.output_dir}: {self.policy.n_iterations} iterations, "
            f"{simulated}{ended}>"
        )
