"""What a run found, in sentences: what was studied, its cost, and what deserves a look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from headwater.core.wording import COST_CATEGORIES, ending, numbered
from headwater.report.drawing import shortened
from headwater.report.outcome import Outcome
from headwater.report.words import amount, between, day, listed, seconds, share
from headwater.results.reader import Results
from headwater.results.statistics import SMALL_MWH

_KINDS = (
    ("hydros", "hydro plant"),
    ("thermals", "thermal plant"),
    ("non_controllables", "wind, solar or other source"),
    ("contracts", "contract"),
    ("pumping_stations", "pumping station"),
    ("lines", "line"),
)
_STILL_GROWING = 0.005
_EMPTY_SHARE = 0.1
_LARGE_SHARE = 0.02
_AT_LEAST_STORAGE = 1
_OFTEN = 0.01
_MOST_LOOKS = 8


@dataclass(frozen=True)
class Look:
    """Something that deserves a look, and the tab that shows it."""

    text: str
    tab: str


def studied(results: Results) -> list[str]:
    """What was studied, in sentences."""
    metadata = results.training_metadata if results.has_training else results.simulation_metadata
    stages = metadata["stages"]
    said = [
        f"{numbered(len(stages), 'stage')} from {day(stages[0]['start_date'])} to "
        f"{day(stages[-1]['end_date'])}."
    ]
    dimensions = metadata.get("problem_dimensions")
    if dimensions:
        parts = [numbered(dimensions[key], word) for key, word in _KINDS if dimensions.get(key)]
        parts.append(numbered(dimensions["buses"], "bus", "buses"))
        said.insert(0, f"{listed(parts)}.")
    if results.has_training:
        iterations = results.training_metadata["iterations"]
        how = ending(str(iterations["reason"]))
        time = seconds(results.training_metadata["duration_seconds"])
        said.append(
            f"The policy was trained in {numbered(iterations['completed'], 'iteration')} "
            f"({time}; {how})."
        )
    if results.has_simulation:
        scenarios = results.simulation_metadata["scenarios"]
        said.append(f"It was simulated in {numbered(scenarios['completed'], 'scenario')}.")
        if scenarios["failed"]:
            said.append(
                f"{numbered(scenarios['failed'], 'scenario')} could not be solved and "
                f"{'is' if scenarios['failed'] == 1 else 'are'} left out."
            )
    return said


def tiles(results: Results) -> Iterator[tuple[str, str, str]]:
    """The figures that matter most: name, value, and what it means."""
    if results.has_training:
        bound = results.training_metadata["lower_bound"]
        if bound["value"] is not None:
            yield "Lower bound", amount(bound["value"]), _sentence(bound["meaning"])
        above = results.training_metadata.get("upper_bound")
        if above is not None:
            yield "Upper bound", amount(above["value"]), _sentence(above["meaning"])
    if not results.has_simulation:
        return
    metadata = results.simulation_metadata
    cost, deficit = metadata["cost"], metadata["deficit"]
    yield (
        "Simulated cost",
        between(cost["mean"], cost["ci95"]),
        f"What the policy costs on average: mean of {numbered(cost['n'], 'scenario')} with its "
        f"95 % interval, present value.",
    )
    gap = metadata.get("gap")
    if gap is not None:
        low, high = gap["interval95"]
        luck = " The interval holds zero, so the distance may be luck." if low <= 0 <= high else ""
        yield (
            "Gap to the bound",
            share(gap["relative"]),
            f"Part of the simulated mean that lies above the lower bound; 95\u00a0% interval "
            f"{share(low)} to {share(high)}.{luck}",
        )
    for tail in cost["cvar"]:
        yield (
            f"Worst {100 * tail['tail_fraction']:g} %",
            amount(tail["mean"]),
            f"Mean cost of the worst {100 * tail['tail_fraction']:g} % of the scenarios (CVaR); "
            f"the worst costs {amount(cost['max'])}.",
        )
    if deficit["frequency"] > 0:
        yield (
            "Deficit",
            f"in {share(deficit['frequency'])} of scenarios",
            f"{deficit['mean_mwh']:,.0f} MWh on average over all scenarios, "
            f"{deficit['max_mwh']:,.0f} MWh in the worst.",
        )
    else:
        yield "Deficit", "none", "All load is served in every scenario."


def cost_split(results: Results) -> list[tuple[str, float, str]]:
    """What the mean cost is made of: words, share of the sum, amount; the largest first."""
    if not results.has_simulation:
        return []
    means = {
        name: one["mean"]
        for name, one in results.simulation_metadata["categories"].items()
        if name in COST_CATEGORIES
    }
    total = sum(abs(value) for value in means.values())
    rows = sorted(means.items(), key=lambda item: -abs(item[1]))
    return [
        (COST_CATEGORIES[name], value / total, amount(value))
        for name, value in rows
        if total and value
    ]


def doubts(results: Results) -> list[str]:
    """What must be known before bound and cost are compared."""
    said = [results.mixture] if results.mixture else []
    if results.has_training:
        said.extend(_sentence(text) for text in results.training_metadata["warnings"])
        count = results.training_metadata.get("lps_above_tolerance", {}).get("count", 0)
        if count:
            said.append(
                f"{numbered(count, 'stage problem')} of the training were taken with a gap above "
                f"tolerance, see Training."
            )
    if results.has_simulation:
        metadata = results.simulation_metadata
        said.extend(
            f"The simulated cost cannot be compared with the bound: {text}."
            for text in metadata.get("differences", ())
        )
        if (
            results.has_training
            and results.training_metadata["policy_digest"] != metadata["policy_digest"]
        ):
            said.append(
                "The scenarios were simulated with another policy than the one that was trained "
                "here."
            )
    return said


def broken(results: Results) -> list[Mapping[str, Any]]:
    """Limits that simulated operation broke, the gravest first."""
    return list(results.simulation_metadata.get("violations", ())) if results.has_simulation else []


def looks(results: Results, outcome: Outcome | None) -> list[Look]:
    """What to look at first, the gravest first."""
    found = [
        *_of_risk(results, outcome),
        *_of_limits(results),
        *_of_training(results),
        *_of_reservoirs(outcome),
    ]
    return found[:_MOST_LOOKS]


def _of_risk(results: Results, outcome: Outcome | None) -> Iterator[Look]:
    if not results.has_simulation:
        return
    deficit = results.simulation_metadata["deficit"]
    if deficit["frequency"] <= 0:
        return
    text = f"Load is not served in {share(deficit['frequency'])} of the scenarios"
    if outcome is not None and "buses" in outcome.tables:
        rows = outcome.rows("buses", "load_mwh", "deficit_mwh", "excess_mwh").filter(
            pl.col("deficit_mwh") > SMALL_MWH
        )
        if rows.height:
            hit = (
                rows.group_by("stage_id")
                .agg(n=pl.col("scenario_id").n_unique())
                .sort("n", "stage_id", descending=[True, False])
            )
            start = next(one.start for one in outcome.stages if one.stage_id == hit["stage_id"][0])
            worst = (
                rows.group_by("bus_id")
                .agg(pl.col("deficit_mwh").sum())
                .sort("deficit_mwh", descending=True)
            )
            text += f", most often in the stage that begins on {day(start)}"
            if len(outcome.ids("bus")) > 1:
                text += (
                    f", most of it at {shortened(outcome.names('bus')[int(worst['bus_id'][0])])}"
                )
    yield Look(f"{text}.", "risk")


def _of_limits(results: Results) -> Iterator[Look]:
    often = [one for one in broken(results) if one.get("share", 0.0) >= _OFTEN]
    if often:
        what = numbered(len(often), "limit")
        yield Look(
            f"{what} {'is' if len(often) == 1 else 'are'} broken in at least 1 % of all stages of "
            "all scenarios.",
            "overview",
        )


def _of_training(results: Results) -> Iterator[Look]:
    if not results.has_training:
        return
    trace = results.convergence
    bounds = trace["lower_bound"]
    if trace.height > 20 and bounds[-1]:
        growth = (bounds[-1] - bounds[-11]) / abs(bounds[-1])
        if growth > _STILL_GROWING:
            yield Look(
                f"The bound still grew by {share(growth)} in the last 10 iterations: more "
                f"iterations would help.",
                "training",
            )
    elif 0 < trace.height <= 20:
        yield Look(
            f"Training made only {numbered(trace.height, 'iteration')}: the policy may still be "
            f"far from the best.",
            "training",
        )
    gap = results.simulation_metadata.get("gap") if results.has_simulation else None
    if gap is not None and gap["interval95"][0] > 0.02:
        yield Look(
            f"At least {share(gap['interval95'][0])} of the simulated cost lies above the lower "
            f"bound: more iterations may find a better policy.",
            "training",
        )


def _of_reservoirs(outcome: Outcome | None) -> Iterator[Look]:
    """Large reservoirs that are often at or below their least storage."""
    if outcome is None or "hydros" not in outcome.tables:
        return
    rows = outcome.rows("hydros", "storage_binding_code", "storage_final_hm3")
    plants = rows.group_by("hydro_id").agg(
        highest=pl.col("storage_final_hm3").max(),
        empty=(pl.col("storage_binding_code") == _AT_LEAST_STORAGE).mean(),
    )
    large = pl.col("highest") > _LARGE_SHARE * pl.col("highest").sum()
    found = plants.filter(large & (pl.col("empty") > _EMPTY_SHARE)).sort(
        "empty", "hydro_id", descending=[True, False]
    )
    if not found.height:
        return
    names = outcome.names("hydro")
    shown = [
        f"{shortened(names[int(i)])} ({share(part)} of the time)"
        for i, part in found.select("hydro_id", "empty").head(3).iter_rows()
    ]
    more = f" and {found.height - 3} more" if found.height > 3 else ""
    yield Look(f"Often at the least storage: {', '.join(shown)}{more}.", "reservoirs")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def beside(one: Results, other: Results) -> list[tuple[str, str, str]]:
    """Figures of two runs beside each other: name, first, second."""
    rows: list[tuple[str, str, str]] = []

    def add(name: str, figures: list[str]) -> None:
        rows.append((name, figures[0], figures[1]))

    both = (one, other)
    none = "\u2013"
    trained = [results.training_metadata if results.has_training else None for results in both]
    simulated = [
        results.simulation_metadata if results.has_simulation else None for results in both
    ]
    names = [(t or s or {}).get("case", none) for t, s in zip(trained, simulated, strict=True)]
    add("Case", [shortened(str(name)) for name in names])
    bounds = [None if t is None else t["lower_bound"]["value"] for t in trained]
    add("Lower bound", [none if bound is None else amount(bound) for bound in bounds])
    add("Iterations", [none if t is None else f"{t['iterations']['completed']:,}" for t in trained])
    add(
        "Time of training", [none if t is None else seconds(t["duration_seconds"]) for t in trained]
    )
    costs = [None if s is None else s["cost"] for s in simulated]
    add("Simulated cost", [none if c is None else between(c["mean"], c["ci95"]) for c in costs])
    tails = [next(iter(c["cvar"]), None) if c else None for c in costs]
    fractions = {tail["tail_fraction"] for tail in tails if tail}
    if len(fractions) == 1:
        worst = f"Worst {100 * next(iter(fractions)):g} %"
        add(worst, [amount(tail["mean"]) if tail else none for tail in tails])
    add(
        "Scenarios with a deficit",
        [none if s is None else share(s["deficit"]["frequency"]) for s in simulated],
    )
    add(
        "Mean deficit",
        [none if s is None else f"{s['deficit']['mean_mwh']:,.0f} MWh" for s in simulated],
    )
    add(
        "Mean spillage",
        [none if s is None else f"{s['spillage']['mean_hm3']:,.1f} hm3" for s in simulated],
    )
    return rows
