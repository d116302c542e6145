"""Parts of a simulation: how many scenarios each has, and what is read from their solutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.lp import (
    CATEGORIES,
    IMPUTED,
    StageReadout,
    StageSolutions,
    components_of,
    sum_components,
)
from headwater.model import (
    SimulationDetail,
)
from headwater.sddp.records.simulation import (
    STAGE_QUANTITIES,
    ScenarioSummary,
    SimulationChunk,
    SimulationPart,
    StageMoments,
)
from headwater.sddp.records.violations import ViolationCounts
from headwater.sddp.simulation.regimes import RegimeReadout
from headwater.sddp.simulation.scenarios import Walked
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.walk import Walk
from headwater.stochastic import (
    Sampler,
)

Tables = dict[str, dict[str, NDArray[np.generic]]]

CHUNK_SCENARIOS = 100
"""Most scenarios of one part of the output."""

CHUNK_BYTES = 128 * 2**20
"""Size that the tables of a part are to have in memory; parts of large systems hold fewer
scenarios.
"""

TABLE_BYTES_PER_COLUMN = 24
"""What a column of a stage program takes in memory once it is read out, roughly."""


def scenarios_per_part(problems: StudyProblems, visits: Walk) -> int:
    """Scenarios of one part.

    A matter of sizes alone, so that the files of a simulation never depend on threads.
    """
    per_scenario = TABLE_BYTES_PER_COLUMN * sum(
        problems.stages[t].template.n_columns for t in visits.positions
    )
    return int(np.clip(CHUNK_BYTES // max(per_scenario, 1), 1, CHUNK_SCENARIOS))


class PartReader:
    """Reads solutions: the tables of a part, and what it adds to the account."""

    def __init__(self, problems: StudyProblems, visits: Walk) -> None:
        config = problems.study.config
        method = config.inflow_non_negativity
        readouts: list[Any] = [
            RegimeReadout(problems, t, method)
            if problems.regimes
            else StageReadout(problems.system, stage.template, method)
            for t, stage in enumerate(problems.stages)
        ]
        self._readouts = [readouts[t] for t in visits.positions]
        self._wanted = config.simulation.tables
        self._detail = config.simulation.detail

    def chunk(
        self, number: int, walked: Walked, positions: NDArray[np.int64], sampler: Sampler
    ) -> SimulationChunk:
        """The part of the scenarios at some positions of what was walked."""
        scenarios, ok = walked.scenarios[positions], ~walked.failed[positions]
        everything = len(positions) == len(walked.scenarios) and bool(ok.all())
        solutions = (
            walked.solutions if everything else [s.of(positions[ok]) for s in walked.solutions]
        )
        solved = set(scenarios[ok].tolist())
        summary = self._summary(
            walked, positions, ok, solutions, sampler.sampled_years(0, scenarios)
        )
        part = SimulationPart(
            summary=summary,
            moments=self._moments(solutions),
            failures=tuple(
                failure for failure in walked.failures if failure.scenario_id in scenarios
            ),
            truncated_inflows=int(walked.truncated[positions[ok]].sum()),
            retries=int(walked.retries[positions].sum()),
            violations=ViolationCounts.of(
                [r.violations(one) for r, one in zip(self._readouts, solutions, strict=True)]
            ),
            gaps=tuple(gap for gap in walked.gaps if gap.scenario_id in solved),
        )
        tables = (
            self._tables(solutions) if self._detail is SimulationDetail.FULL and ok.any() else {}
        )
        return SimulationChunk(number, part, tables)

    def _tables(self, solutions: Sequence[StageSolutions]) -> Tables:
        """Tables of all stages with rows by scenario, stage, block, entity."""
        per_stage = [
            readout.tables(s) for readout, s in zip(self._readouts, solutions, strict=True)
        ]
        names = dict.fromkeys(name for tables in per_stage for name in tables)
        joined: Tables = {}
        for name in names:
            if self._wanted is None or name in self._wanted:
                parts = [tables[name] for tables in per_stage if name in tables]
                joined[name] = {
                    column: np.concatenate([part[column] for part in parts], axis=1).ravel()
                    for column in parts[0]
                }
        return joined

    def _moments(self, solutions: Sequence[StageSolutions]) -> StageMoments:
        quantities = [
            readout.quantities(s) for readout, s in zip(self._readouts, solutions, strict=True)
        ]
        return StageMoments.of(
            {name: np.stack([q[name] for q in quantities], axis=1) for name in STAGE_QUANTITIES}
        )

    def _summary(
        self,
        walked: Walked,
        positions: NDArray[np.int64],
        ok: NDArray[np.bool_],
        solutions: Sequence[StageSolutions],
        years: NDArray[np.int64] | None,
    ) -> ScenarioSummary:
        totals: Mapping[str, NDArray[np.float64]] = {
            name: np.zeros(int(ok.sum()))
            for name in ("total", IMPUTED, "deficit", "spilled", *CATEGORIES)
        }
        for readout, s in zip(self._readouts, solutions, strict=True):
            components, discount = readout.cost_components(s), s.cumulative_discount
            totals["total"][:] += discount * sum_components(components).sum(axis=1)
            for category in (*CATEGORIES, IMPUTED):
                members = [
                    components[name].sum(axis=1)
                    for name in components_of(category)
                    if name in components
                ]
                totals[category][:] += discount * np.sum(members, axis=0)
            totals["deficit"][:] += readout.deficit_mwh(s)
            totals["spilled"][:] += readout.spilled_hm3(s)

        def of_all(name: str) -> NDArray[np.float64]:
            values = np.full(len(positions), np.nan)
            values[ok] = totals[name]
            return values

        return ScenarioSummary(
            scenario_id=walked.scenarios[positions],
            total_cost=of_all("total"),
            categories={name: of_all(name) for name in CATEGORIES},
            imputed_cost=of_all(IMPUTED),
            deficit_mwh=of_all("deficit"),
            spillage_hm3=of_all("spilled"),
            lp_solves=walked.lp_solves[positions],
            solve_seconds=walked.seconds[positions],
            failed=~ok,
            sampled_years=years,
        )
