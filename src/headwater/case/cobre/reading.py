"""Recognising the newer dialect, and rewriting what a case of it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from headwater.case.cobre.constraints import read_constraints
from headwater.case.cobre.layouts import layouts, read_tables
from headwater.case.cobre.newer import Newer, objects
from headwater.case.cobre.past import read_past
from headwater.case.cobre.plants import read_plants
from headwater.case.cobre.settings import read_config, read_stages
from headwater.case.report import Collector
from headwater.case.tables import TABLES, Table


def is_newer(raw: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the files of a case are of the newer dialect.

    Its keys betray it: the number of openings of a stage, the selection of trajectories, or the
    date from which something is in service.
    """
    stages = objects(raw.get("stages.json", {}).get("stages"))
    training = raw.get("config.json", {}).get("training")
    return (
        any("num_openings" in stage for _, stage in stages)
        or (isinstance(training, dict) and "selection" in training)
        or any(
            "operational_start_date" in one
            for name, content in raw.items()
            if name.startswith("system/")
            for entries in content.values()
            for _, one in objects(entries)
        )
    )


def table_of(name: str, *, newer: bool) -> Table:
    """The columns of a table, in either dialect."""
    return layouts()[name] if newer and name in layouts() else TABLES[name]


def rewrite(
    raw: dict[str, dict[str, Any]],
    tables: dict[str, pl.DataFrame],
    shown: Callable[[str], str],
    collector: Collector,
) -> None:
    """Say in the spelling of this project what the files of a case of the newer dialect say.

    Args:
        raw: JSON file -> content, changed in place; files that only this dialect has are taken out.
        tables: table -> rows, the same.
        shown: name of a file for messages.
        collector: takes the findings.
    """
    newer = Newer(raw, tables, shown, collector)
    read_stages(newer)
    read_config(newer)
    read_plants(newer)
    read_constraints(newer)
    read_past(newer)
    read_tables(newer)
