"""Two policies on the same scenarios, and how sure their difference is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater.api.requirements import check_fits, granted_threads, have_engine, refuse_unbuilt
from headwater.core.shown import Shown
from headwater.errors import UsageError
from headwater.model import ScenarioSource, SimulationDetail, Study
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.events import EventSink
from headwater.sddp.records.simulation import ScenarioSummary
from headwater.sddp.simulation.simulation import simulate_policy


@dataclass(frozen=True, repr=False)
class PolicyComparison(Shown):
    """What two policies cost in the same scenarios, present values in $.

    A scenario that one could not solve is left out.

    Attributes:
        first, second: costs and totals of each scenario.

    Examples:
        >>> found = policy.compare(other, scenarios=500)
        >>> found.difference, found.interval95
    """

    first: ScenarioSummary
    second: ScenarioSummary

    @property
    def scenarios(self) -> NDArray[np.int64]:
        """Numbers of the scenarios that both policies solved."""
        return self.first.scenario_id[self._both]

    @property
    def differences(self) -> NDArray[np.float64]:
        """Cost with the second policy less cost with the first, ``[scenario]`` in $."""
        return (self.second.total_cost - self.first.total_cost)[self._both]

    @property
    def first_mean(self) -> float:
        """Mean cost with the first policy."""
        return float(self.first.total_cost[self._both].mean())

    @property
    def second_mean(self) -> float:
        """Mean cost with the second policy."""
        return float(self.second.total_cost[self._both].mean())

    @property
    def difference(self) -> float:
        """Mean of the differences: how much more the second policy costs."""
        return float(self.differences.mean())

    @property
    def ci95(self) -> float:
        """Half width of the 95 % interval of `difference`; 0 for a single scenario.

        The scenarios are the same, so that most of the chance of single scenarios is not in it.
        """
        n = len(self.differences)
        return float(1.96 * self.differences.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0

    @property
    def interval95(self) -> tuple[float, float]:
        """The 95 % interval of `difference`."""
        return self.difference - self.ci95, self.difference + self.ci95

    def frame(self) -> pl.DataFrame:
        """One row per scenario: cost with either policy, and the difference, in $.

        Examples:
            >>> policy.compare(other, scenarios=500).frame()
        """
        return pl.DataFrame(
            {
                "scenario_id": self.scenarios.astype(np.int32),
                "first_cost": self.first.total_cost[self._both],
                "second_cost": self.second.total_cost[self._both],
                "difference": self.differences,
            }
        )

    @property
    def _both(self) -> NDArray[np.bool_]:
        return self.first.completed & self.second.completed

    def __str__(self) -> str:
        n, (low, high) = len(self.differences), self.interval95
        verdict = "the difference may be chance"
        if low > 0.0 or high < 0.0:
            verdict = f"the {'first' if low > 0.0 else 'second'} policy is cheaper"
        share = 100.0 * self.difference / max(1.0, abs(self.first_mean))
        return (
            f"first policy {self.first_mean:,.2f} $, second policy {self.second_mean:,.2f} $ on "
            f"average over {n} scenarios; the second costs {self.difference:,.2f} ± "
            f"{self.ci95:,.2f} $ more ({share:.3g} %): {verdict}"
        )

    def __repr__(self) -> str:
        return f"<PolicyComparison: {self}>"


def compare_policies(
    study: Study,
    first: Policy,
    second: Policy,
    *,
    scenarios: int | None = None,
    source: ScenarioSource | None = None,
    threads: int | None = None,
    on_event: EventSink,
) -> PolicyComparison:
    """Simulate a study with two policies, see `Policy.compare`."""
    study = _without_tables(study, source)
    refuse_unbuilt(study)
    check_fits(second, study)
    count = study.config.simulation.n_scenarios if scenarios is None else scenarios
    if count < 1:
        raise UsageError(f"a comparison needs at least one scenario, got {count}")
    have_engine(on_event)
    summaries = [
        simulate_policy(
            policy,
            study,
            n_scenarios=count,
            threads=granted_threads(threads, study),
            sink=lambda _chunk: None,
            on_event=on_event,
        ).summary
        for policy in (first, second)
    ]
    return PolicyComparison(*summaries)


def _without_tables(study: Study, source: ScenarioSource | None) -> Study:
    """The study as a comparison simulates it.

    It keeps the costs of scenarios alone, and takes other scenarios where they are given.
    """
    config = study.config
    simulation = dataclasses.replace(
        config.simulation,
        detail=SimulationDetail.SUMMARY,
        scenario_source=source or config.simulation.scenario_source,
    )
    return dataclasses.replace(study, config=dataclasses.replace(config, simulation=simulation))
