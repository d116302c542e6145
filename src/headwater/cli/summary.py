"""``headwater summary``: what a run found, on one screen."""

from __future__ import annotations

from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.cli.facts import summary_table, violation_rows
from headwater.core.wording import COST_CATEGORIES, ending, money, workers
from headwater.errors import ResultsError
from headwater.results.reader import Results

MAX_PLANTS = 12
"""Plants shown; the largest reservoirs come first."""


def show_summary(results: Results, console: Console) -> None:
    """Print bound, costs, supply and water values of a run."""
    console.print(Text(f"results in {results.directory}", "bold"))
    try:
        if results.mixture:
            console.print(Text(f"warning: {results.mixture}", "red"))
        if results.has_training:
            _training(results, console)
        if results.has_simulation:
            _simulation(results, console)
    except (KeyError, TypeError, AttributeError) as error:
        raise ResultsError(
            f"the metadata.json of {results.directory} is damaged ({error!r}); run again"
        ) from error


def _training(results: Results, console: Console) -> None:
    metadata, trace = results.training_metadata, results.convergence
    iterations, bound = metadata["iterations"], metadata["lower_bound"]
    by = workers(metadata["distribution"]["ranks"], metadata["threads"])
    rows = [
        ("case", str(metadata["case"])),
        (
            "iterations",
            f"{iterations['completed']}, {ending(iterations['reason'])}",
        ),
        (
            "lower bound",
            "none yet"
            if bound["value"] is None
            else f"{money(bound['value'])}   ({bound['meaning']})",
        ),
        *(("openings", text) for text in bound.get("openings", ())),
        *_upper_bound(metadata),
        ("cuts", f"{metadata['cuts']['active']:,} active"),
        ("time", f"{metadata['duration_seconds']:.1f} s, {metadata['lp_solves']:,} problems, {by}"),
    ]
    counts = metadata.get("solver_counts", {})
    left = (
        f"{counts.get('fallbacks', 0):,} problems left the kernel, {counts.get('retried', 0):,} "
        "took more attempts"
    )
    rows.append(("solver", f"{metadata['versions']['solver']}; {left}"))
    if trace.height > 1:
        gain = trace["lower_bound"][-1] - trace["lower_bound"][max(0, trace.height - 11)]
        rows.append(("last 10 iterations", f"bound grew by {money(gain)}"))
    rows.extend(("warning", text) for text in metadata["warnings"])
    console.print(summary_table(rows, "training"))


def _parts_of_cost(categories: dict[str, Any]) -> list[tuple[str, str]]:
    amounts = {
        words: money(categories[name]["mean"])
        for name, words in COST_CATEGORIES.items()
        if categories.get(name, {}).get("mean")
    }
    width = max(map(len, amounts.values()), default=0)
    rows = [f"{amount:>{width}}   {words}" for words, amount in amounts.items()]
    return [("of which" if n == 0 else "", row) for n, row in enumerate(rows)]


def _upper_bound(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    bound = metadata.get("upper_bound")
    if bound is None:
        return []
    sure = "" if bound["certified"] else "; it rests on given prices"
    return [
        ("upper bound", f"{money(bound['value'])}   ({bound['meaning']}{sure})"),
        ("gap between them", f"{money(bound['gap'])}, {bound['gap_percent']:.2f} %"),
    ]


def _simulation(results: Results, console: Console) -> None:
    metadata = results.simulation_metadata
    cost, deficit = metadata["cost"], metadata["deficit"]
    rows = [
        ("scenarios", f"{metadata['scenarios']['completed']}"),
        ("mean cost", f"{money(cost['mean'])} ± {money(cost['ci95'])}"),
        ("range", f"{money(cost['min'])} to {money(cost['max'])}"),
        *(
            (f"worst {100 * tail['tail_fraction']:g} %", money(tail["mean"]))
            for tail in cost["cvar"]
        ),
        *_parts_of_cost(metadata["categories"]),
        (
            "deficit",
            f"{deficit['mean_mwh']:,.1f} MWh on average, in "
            f"{100 * deficit['frequency']:.0f} % of scenarios",
        ),
        ("spillage", f"{metadata['spillage']['mean_hm3']:,.1f} hm3 on average"),
    ]
    bound = results.training_metadata["lower_bound"] if results.has_training else {"value": None}
    if results.mixture:
        bound = {"value": None}
    elif (
        results.has_training
        and results.training_metadata["policy_digest"] != metadata["policy_digest"]
    ):
        rows.append(
            (
                "note",
                "these scenarios were simulated with another policy than the one trained above",
            )
        )
        bound = {"value": None}
    if (
        bound["value"] is not None
        and bound["kind"] == "expected_cost"
        and bound.get("covers", "study") == "study"
    ):
        gap = (cost["mean"] - bound["value"]) / max(1.0, abs(cost["mean"]))
        rows.append(("gap to the bound", f"{100 * gap:.2f} %"))
        rows.extend(
            ("", f"this gap says nothing about the optimum: {text}")
            for text in metadata.get("differences", ())
        )
    rows.extend(
        violation_rows(
            [one["sentence"] for one in metadata.get("violations", ())], "simulation/metadata.json"
        )
    )
    console.print(summary_table(rows, "simulation"))
    if "buses" in results.tables:
        console.print(_prices(results))
    if "hydros" in results.tables:
        console.print(_water(results))


def _prices(results: Results) -> Table:
    """Mean marginal cost of energy by stage and bus, weighted by block hours."""
    hours = pl.DataFrame(
        [
            (stage["stage_id"], block, value)
            for stage in results.simulation_metadata["stages"]
            for block, value in enumerate(stage["block_hours"])
        ],
        schema={"stage_id": pl.Int32, "block_id": pl.Int32, "hours": pl.Float64},
        orient="row",
    )
    frame = results.table("buses").join(hours, on=["stage_id", "block_id"], how="left")
    price = (pl.col("spot_price") * pl.col("hours")).sum() / pl.col("hours").sum()
    mean = frame.group_by("start_date", "bus_id", "bus_name").agg(price=price)
    return _by_stage(
        mean, "bus_id", "bus_name", "price", "marginal cost of energy, $/MWh (mean over scenarios)"
    )


def _water(results: Results) -> Table:
    """Mean water value by stage and plant."""
    frame = results.table("hydros")
    largest = (
        frame.group_by("hydro_id").agg(pl.col("storage_final_hm3").max())
        .sort("storage_final_hm3", descending=True)
    )  # fmt: skip
    chosen = largest["hydro_id"].head(MAX_PLANTS).to_list()
    mean = (
        frame.filter(pl.col("hydro_id").is_in(chosen))
        .group_by("start_date", "hydro_id", "hydro_name")
        .agg(pl.col("water_value_per_hm3").mean())
    )
    return _by_stage(
        mean,
        "hydro_id",
        "hydro_name",
        "water_value_per_hm3",
        "water value, $/hm3 (mean over scenarios)",
    )


def _by_stage(
    frame: pl.DataFrame, id_column: str, name_column: str, value: str, title: str
) -> Table:
    wide = frame.sort("start_date", id_column)
    entities = wide.select(id_column, name_column).unique().sort(id_column)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, title_style="bold")
    table.add_column("stage", style="dim")
    for row in entities.iter_rows():
        table.add_column(Text(row[1] or str(row[0])), justify="right")
    months = {str(start)[:7] for start in wide["start_date"]}
    days_matter = len(months) < wide["start_date"].n_unique()
    for (start,), group in wide.group_by("start_date", maintain_order=True):
        values = dict(zip(group[id_column], group[value], strict=True))
        table.add_row(
            str(start) if days_matter else str(start)[:7],
            *(f"{values[i]:,.2f}" if i in values else "" for i in entities[id_column]),
        )
    return table
