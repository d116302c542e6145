"""What becomes of a case.

Refused with findings, run to clean results, or one of the things that must not happen.
"""

from __future__ import annotations

import dataclasses
import json
import math
import traceback
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import headwater as hw
from headwater.case import describe_case, refused_features, report_to_sarif, validate_case
from headwater.errors import visible
from headwater.model import (
    IterationLimit,
    ProductionKind,
    ScenarioSource,
    SimulationStalling,
    Study,
    TrainingConfig,
)
from headwater.sddp.training.readiness import readiness_findings

CLEAN = ("refused", "not built", "ended in training", "ended in simulation", "ran", "too large")
"""What may become of a case. One that is too large is accepted by validation and not run here."""

ITERATIONS, PASSES, SCENARIOS = 3, 3, 6
MOST_STAGES, MOST_OPENINGS, MOST_BLOCKS, MOST_PLANTS = 30, 400, 400, 100
ROUNDING = 1e-9
"""Share of the money of a study by which bounds may fall, and lie above what was simulated."""
DEVIATIONS = 3.29
"""Standard errors of the two-sided interval at the level of 0.1 %."""


@dataclass(frozen=True)
class Verdict:
    """What became of a case.

    Attributes:
        kind: one of `CLEAN`, or what went wrong.
        detail: in a line; for an unexpected exception where it was raised.
        codes: of the findings, or the type of an error.
    """

    kind: str
    detail: str = ""
    codes: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing went wrong."""
        return self.kind in CLEAN


class WrongError(Exception):
    """Something that must not happen; the verdict says what."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.verdict = Verdict(kind, detail)


def judge(root: Path, *, thorough: bool = True) -> Verdict:
    """Validate a case and, if it is accepted, train and simulate it.

    Whatever happens becomes a verdict.

    Args:
        root: directory of the case.
        thorough: load the case as users do, by reading its files once more, and complete all
            tables with names. What that could say otherwise lies in a few lines that are the same
            for all cases, and it takes as long as all the rest.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return _judge(root, thorough)
    except WrongError as wrong:
        return wrong.verdict
    except Warning as warning:
        return Verdict("Python warning", _place(warning))
    except Exception as error:
        return Verdict("traceback", _place(error))


def _place(error: BaseException) -> str:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/headwater/" in frame.filename
    ]
    frames = frames or list(traceback.extract_tb(error.__traceback__))
    place = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
    return f"{type(error).__name__} in {place}: {error}"[:300]


def _judge(root: Path, thorough: bool) -> Verdict:
    report, case = _validated(root)
    _can_be_shown(report)
    errors = tuple(sorted({finding.code for finding in report.errors}))
    if thorough:
        case = _loaded(root)
    if case is None:
        if not errors:
            raise WrongError("accepted and not loaded", str(report)[:300])
        return Verdict("refused", codes=errors)
    describe_case(case)
    if refused_features(case) or any(finding.code == "HW710" for finding in report):
        return Verdict("not built", codes=_as_told(case, report))
    if errors:  # of what the models are built of; training must say the same
        return Verdict("refused", codes=errors)
    if not _is_small(case):
        return Verdict("too large")
    return _run(_short(case), thorough)


def _validated(root: Path) -> tuple[hw.Report, Study | None]:
    """What validation says, and the case as it was read for that; ``None`` with errors in files."""
    read: list[Study] = []

    def also(study: Study) -> Iterable[hw.Finding]:
        read.append(study)
        return readiness_findings(study)

    report = validate_case(root, also=also)
    return report, read[0] if read else None


def _loaded(root: Path) -> Study | None:
    try:
        return hw.load_case(root)
    except hw.CaseError as error:
        _is_printable(str(error))
        return None


def _can_be_shown(report: hw.Report) -> None:
    _is_printable(str(report))
    json.dumps(report.to_json())
    json.dumps(report_to_sarif(report, "1"))
    unknown = [finding for finding in report if not (finding.code[:2] == "HW" and finding.message)]
    if unknown:
        raise WrongError("finding without words", str(unknown[0]))


def _is_printable(text: str) -> None:
    """Text of a case that reaches the terminal must not command it."""
    text.encode()
    if visible(text) != text:
        raise WrongError("control characters", repr(text[:300]))


def _as_told(case: Study, report: hw.Report) -> tuple[str, ...]:
    """Codes of a case that uses what is not built yet.

    Validation names it, and training refuses it.
    """
    codes = tuple(sorted({finding.code for finding in report}))
    try:
        hw.train(case, threads=1)
    except hw.UnsupportedFeatureError as error:
        if "HW710" not in codes:
            raise WrongError("accepted and refused", str(error)[:300]) from error
        return codes
    raise WrongError("refused and trained", str(codes))


def _is_small(case: Study) -> bool:
    system = case.system
    blocks = sum(len(stage.blocks) for stage in system.stages)
    openings = sum(stage.n_openings for stage in system.stages)
    return (
        len(system.stages) <= MOST_STAGES
        and openings <= MOST_OPENINGS
        and blocks <= MOST_BLOCKS
        and len(system.hydros) + len(system.thermals) + len(system.buses) <= MOST_PLANTS
    )


def _short(case: Study) -> Study:
    """The same study with a short training and few scenarios."""
    config = case.config
    rules = tuple(
        IterationLimit(min(rule.limit, ITERATIONS)) if isinstance(rule, IterationLimit) else rule
        for rule in config.training.stopping_rules
        if not (isinstance(rule, SimulationStalling) and rule.replications > 50)
    )
    training = dataclasses.replace(
        config.training,
        stopping_rules=rules,
        forward_passes=min(config.training.forward_passes, PASSES),
        cycle=dataclasses.replace(
            config.training.cycle, max_length=min(config.training.cycle.max_length, 24)
        ),
    )
    simulated = config.simulation
    simulation = dataclasses.replace(
        simulated,
        n_scenarios=min(max(1, simulated.n_scenarios), SCENARIOS),
        n_stages=None if simulated.n_stages is None else min(simulated.n_stages, 24),
        linearized_head_passes=min(simulated.linearized_head_passes, 3),
    )
    return dataclasses.replace(
        case, config=dataclasses.replace(config, training=training, simulation=simulation)
    )


def _run(study: Study, thorough: bool) -> Verdict:
    """Train and simulate."""
    try:
        policy = hw.train(study, threads=1)
    except hw.HeadwaterError as error:
        return _ended("training", error)
    bounds = [record.lower_bound for record in policy.training.iterations]
    if not np.isfinite(bounds).all():
        raise WrongError("not finite", f"lower bounds {bounds}")
    _is_printable(
        "\n".join((*policy.training.warnings, policy.training.bound_meaning, repr(policy)))
    )
    try:
        simulation = hw.simulate(policy, threads=1)
    except hw.HeadwaterError as error:
        return _ended("simulation", error)
    _are_finite(simulation, thorough)
    money = max(abs(simulation.mean_cost), *map(abs, bounds), 1e-300)
    fall = float((np.maximum.accumulate(bounds) - bounds).max())
    if fall > ROUNDING * money:
        raise WrongError("the bound falls", f"{bounds}, money {money:g}")
    if _is_comparable(study, policy):
        _bound_holds(policy, simulation, bounds[-1], money)
    return Verdict("ran", codes=("warned",) if policy.training.warnings else ())


def _ended(where: str, error: hw.HeadwaterError) -> Verdict:
    """A run that ended: because its programs have no solution, or wrongly."""
    name = type(error).__name__
    _is_printable(str(error))
    if isinstance(error, hw.InfeasibleError | hw.UnboundedError | hw.PolicyError):
        return Verdict(f"ended in {where}", str(error)[:300], (name,))
    kind = "gave up" if isinstance(error, hw.SolverError) else "accepted and refused"
    raise WrongError(kind, f"{name} in {where}: {error}"[:400])


def _are_finite(simulation: hw.Simulation, thorough: bool) -> None:
    summary = simulation.summary
    costs = summary.total_cost[summary.completed]
    if not np.isfinite(costs).all() or not math.isfinite(simulation.mean_cost):
        raise WrongError("not finite", f"simulated costs {costs}")
    for name in simulation.tables:
        frame = simulation.table(name, names=thorough)
        for column in frame.columns:
            series = frame.get_column(column)
            if series.dtype.is_float() and not series.drop_nulls().is_finite().all():
                raise WrongError("not finite", f"{name}.{column}")


def _is_comparable(study: Study, policy: hw.Policy) -> bool:
    """Whether costs under the openings of training cannot be below the bound on average."""
    record = policy.training
    operated = study.config.simulation.policy_type.value == "outer"
    same_costs = not any(
        hydro.production is ProductionKind.LINEARIZED_HEAD for hydro in study.system.hydros
    )
    return (
        record.covers == "study"
        and record.lower_bound_kind == "expected_cost"
        and same_costs
        and operated
    )


def _bound_holds(policy: hw.Policy, simulation: hw.Simulation, bound: float, money: float) -> None:
    """Simulate under the openings of training; a suspicion is looked into with more scenarios.

    Args:
        policy: what was trained.
        simulation: of the study as it is, which is the first of these where it draws alike.
        bound: of the training, in $.
        money: what all costs are measured by, in $.
    """
    study = simulation.study
    source = dataclasses.replace(_training(study).scenario_source, **_IN_SAMPLE)
    simulated = dataclasses.replace(study.config.simulation, scenario_source=source)
    in_sample = dataclasses.replace(
        study, config=dataclasses.replace(study.config, simulation=simulated)
    )
    own = study.config.simulation
    drawn = own.scenario_source or _training(study).scenario_source
    is_first = own.n_scenarios == SCENARIOS and all(
        getattr(drawn, name) == scheme for name, scheme in _IN_SAMPLE.items()
    )
    for count in (SCENARIOS, 200, 3000):
        if not (is_first and count == SCENARIOS):
            try:
                simulation = hw.simulate(policy, in_sample, n_scenarios=count, threads=1)
            except hw.HeadwaterError:
                return  # told where the study's own scenarios are simulated
        summary = simulation.summary
        if not summary.completed.all():
            return
        costs = summary.total_cost
        error = float(np.std(costs, ddof=1) / math.sqrt(count))
        if bound <= costs.mean() + DEVIATIONS * error + 100 * ROUNDING * money:
            return
    raise WrongError(
        "bound above the mean", f"{bound!r} > {costs.mean()!r} + {DEVIATIONS} * {error!r}"
    )


def _training(study: Study) -> TrainingConfig:
    return study.config.training


_IN_SAMPLE: dict[str, Any] = {
    name: getattr(ScenarioSource(), name) for name in ("inflow", "load", "ncs")
}
