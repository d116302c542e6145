"""Older spellings of keys.

One table of renames, and the few changes of shape that no rename can express.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headwater.case.json_reader import describe
from headwater.case.report import Collector
from headwater.case.shapes import write_path

RENAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "config.json": (("training.seed", "training.tree_seed"),),
    "stages.json": (
        (
            "policy_graph.transitions[].annual_discount_rate",
            "policy_graph.transitions[].annual_discount_rate_override",
        ),
    ),
    "system/buses.json": (("buses[].penalties.excess_cost", "buses[].excess_cost"),),
    "system/thermals.json": (
        ("thermals[].min_generation_mw", "thermals[].generation.min_mw"),
        ("thermals[].max_generation_mw", "thermals[].generation.max_mw"),
    ),
    "system/energy_contracts.json": (("energy_contracts", "contracts"),),
}
"""File -> (older path, canonical path); ``[]`` stands for every element of a list. Both paths go
through the same lists.
"""


def canonical_spelling(name: str, data: dict[str, Any], file: str, collector: Collector) -> None:
    """Rewrite older spellings in place.

    Each use is reported (HW701), and a contradiction is an error (HW702).
    """
    for old, new in RENAMES.get(name, ()):
        old_lists, new_lists = old.split("[]."), new.split("[].")
        for holder, steps in _holders(data, old_lists[:-1]):
            _move(
                holder, steps, old_lists[-1].split("."), new_lists[-1].split("."), file, collector
            )


def _holders(data: Any, lists: list[str]) -> Iterator[tuple[dict[str, Any], list[str | int]]]:
    """Objects in which a rename applies, with their paths."""
    level: list[tuple[Any, list[str | int]]] = [(data, [])]
    for dotted in lists:
        below: list[tuple[Any, list[str | int]]] = []
        for holder, steps in level:
            found, path = holder, [*steps]
            for key in dotted.split("."):
                found = found.get(key) if isinstance(found, dict) else None
                path.append(key)
            if isinstance(found, list):
                below += [(item, [*path, index]) for index, item in enumerate(found)]
        level = below
    yield from ((holder, steps) for holder, steps in level if isinstance(holder, dict))


def _move(
    holder: dict[str, Any],
    steps: list[str | int],
    old: list[str],
    new: list[str],
    file: str,
    collector: Collector,
) -> None:
    source: Any = holder
    for key in old[:-1]:
        source = source.get(key) if isinstance(source, dict) else None
    if not isinstance(source, dict) or old[-1] not in source:
        return
    target = holder
    for key in new[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        target = inner
    value = source.pop(old[-1])
    if len(old) > 1 and not source:
        holder.pop(old[0])
    place = write_path([*steps, *old])
    canonical = ".".join(new)
    if new[-1] in target and target[new[-1]] != value:
        message = (
            f"'{'.'.join(old)}' is an older spelling of '{canonical}', and their values differ"
        )
        got = f"{message}: {describe(value)} and {describe(target[new[-1]])}"
        collector.error("HW702", file, got, path=place, fix=f"keep '{canonical}' alone")
        return
    target[new[-1]] = value
    message = f"'{'.'.join(old)}' is an older spelling of '{canonical}'"
    collector.warning("HW701", file, message, path=place, fix=f"write '{canonical}'")


def old_sampling_scheme(config: dict[str, Any], file: str, collector: Collector) -> None:
    """``simulation.sampling_scheme`` becomes ``simulation.scenario_source``."""
    simulation = config.get("simulation")
    if isinstance(simulation, dict) and "sampling_scheme" in simulation:
        source = {"sampling_scheme": simulation.pop("sampling_scheme")}
        training = config.get("training")
        inherited = training.get("scenario_source") if isinstance(training, dict) else None
        if isinstance(inherited, dict) and "seed" in inherited:
            source["seed"] = inherited["seed"]
        _adopt(simulation, source, "simulation.sampling_scheme", file, file, collector)


def move_scenario_source(
    stages: dict[str, Any],
    config: dict[str, Any],
    file: str,
    config_file: str,
    collector: Collector,
) -> None:
    """Move ``scenario_source`` of ``stages.json`` to ``training.scenario_source``.

    Its seed becomes that of the tree as well.
    """
    source = stages.pop("scenario_source", None)
    training = config.get("training")
    if source is None or not isinstance(training, dict):
        return
    if not isinstance(source, dict):
        collector.error(
            "HW201",
            file,
            f"expected an object, got {describe(source)}",
            path="scenario_source",
            fix="remove it",
        )
        return
    _adopt(training, source, "scenario_source", file, config_file, collector)
    if "seed" in source:
        training.setdefault("tree_seed", source["seed"])


def _adopt(
    section: dict[str, Any],
    source: dict[str, Any],
    path: str,
    file: str,
    config_file: str,
    collector: Collector,
) -> None:
    scheme = source.get("sampling_scheme", {})
    kind = scheme.get("type", "in_sample") if isinstance(scheme, dict) else scheme
    other = "in_sample" if kind == "historical" else kind
    moved: dict[str, Any] = {
        name: {"scheme": kind if name == "inflow" else other} for name in ("inflow", "load", "ncs")
    }
    mode = source.get(
        "selection_mode", scheme.get("selection_mode") if isinstance(scheme, dict) else None
    )
    if mode is not None:
        for name in ("inflow", "load", "ncs"):
            moved[name]["selection_mode"] = mode
    for key, value in source.items():
        if key not in ("sampling_scheme", "selection_mode"):
            moved[key] = value
    if section.get("scenario_source", moved) != moved:
        message = f"'{path}' and 'scenario_source' in {config_file} say different things"
        collector.error("HW702", file, message, path=path, fix="keep the one in config.json alone")
        return
    section["scenario_source"] = moved
    message = f"'{path}' is an older spelling of 'scenario_source' in {config_file}"
    collector.warning(
        "HW701", file, message, path=path, fix="move it there, with one scheme for each class"
    )
