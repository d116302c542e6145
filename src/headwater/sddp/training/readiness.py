"""What would stop a study at the start, found without solving anything.

Validation of a case looks at its files; whether an inflow model can be estimated, openings drawn,
planes fitted and stage programs built is only known by doing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from headwater.case.names import entity_label
from headwater.case.report import Finding, Severity
from headwater.errors import HeadwaterError, UnsupportedFeatureError
from headwater.lp import declare_stage, initial_commitments_mw, linear_heads, with_fitted_planes
from headwater.model import Study, System
from headwater.stochastic import (
    LEAST_OBSERVATIONS,
    InflowModel,
    ShortHistoryError,
    Uncertainty,
    simulation_sampler,
    study_uncertainty,
    training_sampler,
)

HISTORY = "scenarios/inflow_history.parquet"


def readiness_findings(study: Study) -> tuple[Finding, ...]:
    """Build what training and simulation would start from.

    What cannot be built is reported, each thing once.
    """
    return tuple(dict.fromkeys(_findings(study)))


def _findings(study: Study) -> Iterator[Finding]:
    found: list[Uncertainty] = []
    yield from _tried(lambda: found.append(study_uncertainty(study)), "scenarios")
    for uncertainty in found:
        yield from _sampled(study, uncertainty)
    system = study.system
    resolved = [system]
    yield from _tried(
        lambda: resolved.append(with_fitted_planes(system)[0]),
        "system/hydro_production_models.json",
    )
    yield from _tried(lambda: initial_commitments_mw(system), "initial_conditions.json")
    if not found or len(resolved) == 1:
        return
    for t in range(len(system.stages)):
        yield from _tried(partial(_declare, study, resolved[-1], found[0].inflow, t), "")


def _declare(study: Study, system: System, inflow: InflowModel, t: int) -> None:
    linear_heads(system, t)
    transition = inflow.transition(t)
    declare_stage(
        system,
        t,
        inflow.psi[t],
        inflow_method=study.config.inflow_non_negativity,
        memory=None if transition is None else (transition.keep, transition.add),
        n_past_inflows=inflow.n_own_lags,
    )


def _sampled(study: Study, uncertainty: Uncertainty) -> Iterator[Finding]:
    config = study.config
    seed, passes = config.training.tree_seed, config.training.forward_passes
    yield from _tried(
        lambda: training_sampler(uncertainty, config.training.scenario_source, seed, passes),
        "config.json",
    )
    source = config.simulation.scenario_source
    if config.simulation.enabled and source is not None:
        n_scenarios = config.simulation.n_scenarios
        yield from _tried(
            lambda: simulation_sampler(uncertainty, source, seed, n_scenarios), "config.json"
        )


def _tried(build: Callable[[], object], file: str) -> Iterable[Finding]:
    try:
        build()
    except UnsupportedFeatureError as error:
        fix = "change the case to train or simulate now"
        for feature in error.features:
            yield Finding(
                "HW710", Severity.WARNING, file, None, None, f"not built yet: {feature}", fix
            )
    except ShortHistoryError as error:
        yield from _short_histories(error)
    except HeadwaterError as error:
        yield Finding("HW570", Severity.ERROR, file, None, None, str(error))


def _short_histories(error: ShortHistoryError) -> Iterator[Finding]:
    fix = "record more years, define coarser seasons, or give the statistics"
    for one in error.shortfalls:
        entity = entity_label("Hydro", one.hydro_id, one.hydro_name)
        message = (
            f"expected at least {LEAST_OBSERVATIONS} observations of every season of the study, "
            f"got {one}"
        )
        yield Finding("HW544", Severity.ERROR, HISTORY, None, entity, message, fix)
