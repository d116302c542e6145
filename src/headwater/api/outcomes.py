"""What training, simulation and fitting hand back, and how a run ends early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from headwater.errors import HeadwaterError
from headwater.model import Study
from headwater.sddp import Policy, ScenarioSummary, SimulationRecord

EXIT_STOPPED = 75
"""Exit code of a run that was stopped by a signal and kept what it had learned."""


class StoppedError(HeadwaterError):
    """A run was stopped by a signal before it was done; what it had learned is kept.

    Attributes:
        signal_number: the signal; ``None`` where another rank got it.
    """

    exit_code = EXIT_STOPPED

    def __init__(self, message: str, signal_number: int | None = None) -> None:
        super().__init__(message)
        self.signal_number = signal_number


@dataclass(frozen=True, eq=False)
class Simulation:
    """Results of a simulation held in memory.

    Attributes:
        record: costs per scenario and how the simulation went.
        study: what was simulated.
    """

    record: SimulationRecord
    study: Study
    _frames: Mapping[str, pl.DataFrame] = field(repr=False)

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

    def table(self, name: str) -> pl.DataFrame:
        """One table with all scenarios, e.g. ``"hydros"``, ``"buses"``, ``"costs"``.

        Raises:
            KeyError: no such table; the message lists those there are.
        """
        if name not in self._frames:
            raise KeyError(f"there is no table '{name}'; there are: {', '.join(self.tables)}")
        return self._frames[name]


@dataclass(frozen=True)
class RunResult:
    """What a run leaves behind.

    Attributes:
        output_dir: directory of the results.
        policy: the policy, trained or loaded.
        simulation: outcome of the simulation; ``None`` when the case asks for none.
        stopped: whether a signal ended the run early.
        signal_number: the signal; ``None`` where another rank got it.
    """

    output_dir: Path
    policy: Policy
    simulation: SimulationRecord | None
    stopped: bool = False
    signal_number: int | None = None
