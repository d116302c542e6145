"""Many variants of a study, trained and simulated one by one or by the workers of an executor."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import polars as pl

from headwater.api.executors import Executor
from headwater.api.simulation import simulate
from headwater.api.studies import StudyLike, as_study
from headwater.api.training import train
from headwater.core.shown import Shown
from headwater.core.wording import listed
from headwater.errors import HeadwaterError, UsageError
from headwater.model import Study


@dataclass(frozen=True)
class Variant:
    """What came out of one variant; money in $.

    Attributes:
        options: what is different in it.
        lower_bound: of its training.
        iterations: of its training.
        reason: rule that ended its training.
        mean_cost: of its simulation, and ``ci95`` the half width of the 95 % interval.
        error: why it has no results; empty where it has.
    """

    options: Mapping[str, Any]
    lower_bound: float | None = None
    iterations: int | None = None
    reason: str = ""
    mean_cost: float | None = None
    ci95: float | None = None
    error: str = ""


@dataclass(frozen=True, repr=False)
class Sweep(Shown):
    """What came out of all variants, in the order of the options.

    Examples:
        >>> found = hw.sweep(case, {"load": [0.9, 1.0, 1.1]})
        >>> found.frame()
    """

    variants: tuple[Variant, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.variants)

    def __iter__(self) -> Iterator[Variant]:
        return iter(self.variants)

    def frame(self) -> pl.DataFrame:
        """One row per variant: its options, bound, costs, and how its training ended.

        Examples:
            >>> hw.sweep(case, iterations=[10, 50]).frame()
        """
        rows = [
            {
                **one.options,
                "lower_bound": one.lower_bound,
                "mean_cost": one.mean_cost,
                "ci95": one.ci95,
                "iterations_done": one.iterations,
                "reason": one.reason,
                "error": one.error,
            }
            for one in self.variants
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def __repr__(self) -> str:
        failed = sum(bool(one.error) for one in self.variants)
        return f"<Sweep: {len(self)} variants{f', {failed} failed' if failed else ''}>"


def sweep(
    study: StudyLike,
    options: Mapping[str, Sequence[Any]],
    *,
    executor: Executor | None = None,
    n_scenarios: int | None = None,
    threads: int = 1,
) -> Sweep:
    """Train and simulate every combination of some options.

    The results are the same whoever carries the variants out. One that fails keeps its error, and
    the others go on.

    Args:
        study: a `Case`, the directory of one, or a `Study` built in code.
        options: option -> its values. Options are those of `Study.with_`, e.g. ``forward_passes``
            or ``seed``, and ``load``, a factor of all loads.
        executor: anything with ``submit`` as in `concurrent.futures`: ``ProcessPoolExecutor()``,
            ``MPIPoolExecutor()`` of mpi4py, ``client.get_executor()`` of Dask. By default the
            variants are carried out here, one after the other.
        n_scenarios: scenarios of each simulation; by default the study's own.
        threads: worker threads of each variant.

    Raises:
        UsageError: there is no such option, or one without values.

    Examples:
        >>> from concurrent.futures import ProcessPoolExecutor
        >>> with ProcessPoolExecutor(4) as executor:
        ...     found = hw.sweep("case", {"load": [0.9, 1.0, 1.1]}, executor=executor)
        >>> found.frame()
    """
    settings = inspect.signature(Study.with_).parameters
    known = ("load", *(name for name in settings if name not in ("self", "threads")))
    unknown = [name for name in options if name not in known]
    if unknown or not options:
        what = f"{listed(unknown)}" if unknown else "none"
        raise UsageError(f"a sweep has the options {listed(known)}, got {what}")
    empty = [name for name, values in options.items() if not len(values)]
    if empty:
        raise UsageError(f"a sweep needs values of {listed(empty)}, got none")
    chosen = as_study(study)
    variants = [dict(zip(options, values, strict=True)) for values in product(*options.values())]
    calls = [(chosen, variant, n_scenarios, threads) for variant in variants]
    if executor is None:
        return Sweep(tuple(_carry_out(*call) for call in calls))
    waiting = [executor.submit(_carry_out, *call) for call in calls]
    return Sweep(tuple(one.result() for one in waiting))


def _carry_out(
    study: Study, options: Mapping[str, Any], n_scenarios: int | None, threads: int
) -> Variant:
    """Train and simulate one variant."""
    try:
        settings = {name: value for name, value in options.items() if name != "load"}
        changed = study.with_(**settings)
        if "load" in options:
            changed = changed.scale_load(options["load"])
        policy = train(changed, threads=threads, progress=False)
        simulated = simulate(
            policy, changed, n_scenarios=n_scenarios, threads=threads, progress=False
        )
    except HeadwaterError as error:
        return Variant(options, error=str(error))
    return Variant(
        options,
        policy.lower_bound,
        policy.n_iterations,
        policy.reason,
        simulated.mean_cost,
        simulated.summary.ci95,
    )
