"""Simulating a study with regimes: scenarios move through stages and regimes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.distributed import ThreadTeam
from headwater.errors import SolverError
from headwater.lp import StageReadout, StageSolutions
from headwater.model import InflowNonNegativity
from headwater.model.regime_changes import regime_paths
from headwater.sddp.passes.forward import draw_noise
from headwater.sddp.simulation.scenarios import ScenarioWalk, Walked
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.walk import Walk
from headwater.solver import Basis
from headwater.stochastic import Sampler

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class RegimeSolutions:
    """Solutions of one stage for several scenarios, each in the regime of its own.

    Attributes:
        parts: solutions of every regime, one row for each scenario that it ruled in.
        regime: ``[scenario]`` number of the regime.
        place: ``[scenario]`` row in the solutions of that regime.
    """

    parts: tuple[StageSolutions, ...]
    regime: NDArray[np.int64]
    place: NDArray[np.int64]

    @classmethod
    def empty(
        cls, problems: StudyProblems, visits: Walk, visit: int, regime: NDArray[np.int64]
    ) -> RegimeSolutions:
        """Room for the solutions of a visit, in the regimes ``[scenario]``."""
        t, stage = visits.positions[visit], visits.stages[visit]
        place, parts = np.zeros(len(regime), np.int64), []
        for r, one in enumerate(problems.regimes):
            here = regime == r
            n = int(here.sum())
            place[here] = np.arange(n)
            discount = float(visits.cumulative_discount[visit])
            parts.append(StageSolutions.empty(one.stages[t].template, n, discount, stage.id))
        return cls(tuple(parts), regime, place)

    @property
    def cumulative_discount(self) -> float:
        """Present value of $1 of the stage."""
        return self.parts[0].cumulative_discount

    def of(self, scenarios: NDArray[np.int64]) -> RegimeSolutions:
        """Solutions of some scenarios, by position."""
        return replace(self, regime=self.regime[scenarios], place=self.place[scenarios])


class RegimeReadout:
    """Reads the solutions of one stage in all regimes, as `StageReadout` does in one.

    Args:
        problems: all regimes.
        t: stage position.
        inflow_method: treatment of negative inflow.
    """

    def __init__(self, problems: StudyProblems, t: int, inflow_method: InflowNonNegativity) -> None:
        self._of_regimes = [
            StageReadout(one.system, one.stages[t].template, inflow_method)
            for one in problems.regimes
        ]

    def tables(self, s: RegimeSolutions) -> dict[str, Columns]:
        """All tables of the stage, and that of the regimes."""
        found = self._read(s, StageReadout.tables)
        names = dict.fromkeys(name for _, tables in found for name in tables)
        joined = {
            name: _joined([(rows, tables[name]) for rows, tables in found if name in tables], s)
            for name in names
        }
        stage_id = np.full((len(s.regime), 1), s.parts[0].stage_id, np.int32)
        regime_id = s.regime[:, None].astype(np.int32)
        return {**joined, "regimes": {"stage_id": stage_id, "regime_id": regime_id}}

    def cost_components(self, s: RegimeSolutions) -> Columns:
        """Components of the cost, ``[scenario, block]``."""
        return _joined(self._read(s, StageReadout.cost_components), s)

    def quantities(self, s: RegimeSolutions) -> Columns:
        """What the system did in the stage as a whole, ``[scenario]`` each."""
        return _joined(self._read(s, StageReadout.quantities), s)

    def violations(self, s: RegimeSolutions) -> Columns:
        """Kind of violation -> by how much limits are broken, ``[scenario, entity]``."""
        return _joined(self._read(s, StageReadout.violations), s)

    def deficit_mwh(self, s: RegimeSolutions) -> Array:
        """Energy not served at all buses, ``[scenario]``."""
        return _joined(self._read(s, lambda one, part: {"": one.deficit_mwh(part)}), s)[""]

    def spilled_hm3(self, s: RegimeSolutions) -> Array:
        """Water spilled by all plants, ``[scenario]``."""
        return _joined(self._read(s, lambda one, part: {"": one.spilled_hm3(part)}), s)[""]

    def _read(
        self, s: RegimeSolutions, read: Callable[[StageReadout, StageSolutions], Any]
    ) -> list[tuple[NDArray[np.int64], Any]]:
        """What is read in each regime that rules somewhere, and the scenarios it is of."""
        found = []
        for r, readout in enumerate(self._of_regimes):
            rows = np.flatnonzero(s.regime == r)
            if len(rows) or (r == 0 and not len(s.regime)):
                found.append((rows, read(readout, s.parts[r].of(s.place[rows]))))
        return found


def _joined(found: list[tuple[NDArray[np.int64], Columns]], s: RegimeSolutions) -> Columns:
    """Columns of all scenarios from those of each regime; 0 where a regime has none."""
    joined: Columns = {}
    for rows, columns in found:
        for name, values in columns.items():
            if name not in joined:
                joined[name] = np.zeros((len(s.regime), *values.shape[1:]), values.dtype)
            joined[name][rows] = values
    return joined


class RegimeWalk:
    """Solves scenarios that move through regimes, shared out over threads.

    Args:
        problems: all regimes with their cuts.
        visits: which stages are visited, in what order.
        team: worker threads.
        samplers: noise of the scenarios in each regime; the first draws the regimes.
        bases: per regime and stage, where solves start.
        most_failures, should_stop: see `ScenarioWalk`.
    """

    def __init__(
        self,
        problems: StudyProblems,
        visits: Walk,
        team: ThreadTeam,
        samplers: Sequence[Sampler],
        bases: Sequence[Sequence[Basis | None]],
        *,
        most_failures: int | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self._problems = problems
        self._visits = visits
        self._team = team
        self._samplers = samplers
        self._walks = [
            ScenarioWalk(
                one,
                visits,
                team,
                sampler,
                own,
                most_failures=most_failures,
                should_stop=should_stop,
            )
            for one, sampler, own in zip(problems.regimes, samplers, bases, strict=True)
        ]

    @property
    def last_failure(self) -> SolverError | None:
        """Of a scenario that was left behind."""
        return next((one.last_failure for one in self._walks if one.last_failure), None)

    def __call__(self, scenarios: NDArray[np.int64]) -> Walked:
        """Solve all stages of some scenarios, see `ScenarioWalk`."""
        problems, visits = self._problems, self._visits
        drawn = [
            draw_noise(one, visits, sampler, 0, scenarios)
            for one, sampler in zip(problems.regimes, self._samplers, strict=True)
        ]
        level = self._samplers[0].regime_levels(visits.n_visits, 0, scenarios)
        paths = regime_paths(problems.system, level)
        walked = Walked.without_solutions(scenarios)
        walked.solutions = [
            RegimeSolutions.empty(problems, visits, visit, paths[:, visit])
            for visit in range(visits.n_visits)
        ]

        def walk(worker: int, places: range) -> None:
            started = time.perf_counter()
            alive = np.arange(places.start, places.stop)
            states = np.zeros((len(scenarios), problems.layout.dimension))
            states[alive] = problems.starting_states(len(alive))
            for visit, t in enumerate(visits.positions):
                out: RegimeSolutions = walked.solutions[visit]
                for r, of_regime in enumerate(self._walks):
                    here = alive[paths[alive, visit] == r]
                    left, _, solved = of_regime.solve_stage(
                        worker, visit, here, states[here], drawn[r][visit], walked
                    )
                    if solved is None:
                        continue
                    states[left], _, future = problems.regimes[r].stages[t].leave(solved)
                    rows = out.place[left], left
                    of_regime.keep(visit, out.parts[r], rows, drawn[r][visit], solved, future)
                    if solved.truncated is not None:
                        walked.truncated[left] += solved.truncated.sum(axis=1)
                alive = alive[~walked.failed[alive]]
            walked.seconds[places.start : places.stop] = (time.perf_counter() - started) / max(
                len(places), 1
            )

        self._team.run(walk, range(len(scenarios)))
        walked.put_in_order()
        return walked
