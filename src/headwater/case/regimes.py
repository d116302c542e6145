"""Regimes in a case directory: `regimes/NAME` holds the files that differ while a regime lasts.

With them in place of those of the case, a regime is a case of its own: it is read, checked and
built like one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from headwater import model as m
from headwater.case.build_system import build_system, policy_graph
from headwater.case.json_reader import read_json
from headwater.case.manifest import DATA_SUFFIXES, JSON_FILES, TABLE_FILES, Manifest, as_csv
from headwater.case.names import nearest_word
from headwater.case.parts import Parts, shape_of
from headwater.case.report import Collector, Finding
from headwater.case.shapes import parse_shape
from headwater.case.table_reader import read_table
from headwater.case.tables import TABLES
from headwater.model.regime_changes import CHANGEABLE

DIRECTORY = "regimes"
"""Where the directories of the regimes are."""

REGIME_FILES = (
    *(name for name in JSON_FILES if name.startswith("scenarios/")),
    "constraints/exchange_factors.json",
    *(name for name in TABLE_FILES if name.startswith(("scenarios/", "constraints/"))),
)
"""Files that a regime may have of its own: what is random, and values of single stages."""


def read_regimes(parts: Parts, collector: Collector) -> dict[str, Parts]:
    """The files of every regime, by its name: its own, and those of the case for the rest.

    What is wrong with its own files is reported.
    """
    root = parts.manifest.root
    graph = parts.stages_file.policy_graph if parts.stages_file else None
    names = list(graph.regimes.names) if graph is not None and graph.regimes is not None else []
    if parts.stages_file is not None:
        _report_unknown(root, names, collector)
    return {name: _read_regime(parts, name, collector) for name in names}


def _report_unknown(root: Path, names: list[str], collector: Collector) -> None:
    """Report files below `regimes` that nothing reads."""
    known = {f"{DIRECTORY}/{name}/{file}" for name in names for file in REGIME_FILES}
    known |= {as_csv(file) for file in known if file.endswith(".parquet")}
    for path in sorted((root / DIRECTORY).glob("**/*")):
        file = path.relative_to(root).as_posix()
        is_data = path.suffix.lower() in DATA_SUFFIXES and not path.name.startswith(("_", "."))
        if is_data and file not in known:
            near = nearest_word(file, known)
            collector.error(
                "HW104",
                file,
                "this file is not one that a regime of the case has; what it says would be left "
                "out",
                fix=f"did you mean '{near}'?"
                if near
                else "name the regime in policy_graph.regimes, or move the file away",
            )


def _read_regime(parts: Parts, name: str, collector: Collector) -> Parts:
    root = parts.manifest.root
    manifest = Manifest(root, dict(parts.manifest.files), set(parts.manifest.missing))
    regime = replace(
        parts,
        manifest=manifest,
        raw=dict(parts.raw),
        shapes=dict(parts.shapes),
        tables=dict(parts.tables),
        failed=set(parts.failed),
    )
    for file in REGIME_FILES:
        own = f"{DIRECTORY}/{name}/{file}"
        present = [one for one in dict.fromkeys((own, as_csv(own))) if (root / one).exists()]
        if not file.endswith(".parquet"):
            present = present[:1]
        if not present:
            continue
        if len(present) > 1:
            message = f"the same table is given more than once: {', '.join(present)}"
            collector.error("HW103", present[0], message, fix="keep one of the files")
        manifest.files[file] = present[0]
        regime.failed.discard(file)
        read = _table if file.endswith(".parquet") else _shape
        if not read(regime, file, collector):
            regime.failed.add(file)
    return regime


def _table(regime: Parts, file: str, collector: Collector) -> bool:
    regime.tables.pop(file, None)
    frame = read_table(regime.manifest.root, regime.manifest.files[file], TABLES[file], collector)
    if frame is not None:
        regime.tables[file] = frame
    return frame is not None


def _shape(regime: Parts, file: str, collector: Collector) -> bool:
    regime.shapes.pop(file, None)
    actual = regime.manifest.files[file]
    data = read_json(regime.manifest.root, actual, collector)
    shape = None if data is None else parse_shape(shape_of(file), data, actual, collector)
    if data is not None and shape is not None:
        regime.raw[file], regime.shapes[file] = data, shape
    return shape is not None


def only_of_regimes(
    regimes: Mapping[str, Parts],
    collector: Collector,
    check: Callable[[str, Parts, Collector], object],
) -> None:
    """Check every regime as a case of its own, and report what the case itself does not have.

    Args:
        regimes: by name.
        collector: takes what is new; it has the findings of the case.
        check: checks a regime.
    """
    for name, parts in regimes.items():
        known = {_same(finding) for finding in collector.report("").findings}
        own = Collector(strict=collector.strict)
        own.name_of = parts.named
        check(name, parts, own)
        for finding in own.report("").findings:
            if _same(finding) in known:
                continue
            is_own = finding.file.startswith(f"{DIRECTORY}/")
            told = finding.message if is_own else f"regime '{name}': {finding.message}"
            collector.add(replace(finding, message=told))


def _same(finding: Finding) -> tuple[Any, ...]:
    return finding.code, finding.file, finding.path, finding.message


def system_with_regimes(parts: Parts, regimes: Mapping[str, Parts]) -> m.System:
    """The system of a case, with what is different in each of its regimes."""
    system = build_system(parts)
    if not regimes:
        return system
    changes = [_changes(system, build_system(one)) for one in regimes.values()]
    return replace(system, policy_graph=policy_graph(parts), regime_changes=tuple(changes))


def _changes(system: m.System, regime: m.System) -> dict[str, Any]:
    values = {one.name: getattr(regime, one.name) for one in fields(system)}
    return {
        name: value
        for name, value in values.items()
        if name in CHANGEABLE and value != getattr(system, name)
    }


def files_of(regimes: Mapping[str, Parts]) -> Iterator[str]:
    """Files that regimes have of their own."""
    for parts in regimes.values():
        yield from (
            file for file in parts.manifest.files.values() if file.startswith(f"{DIRECTORY}/")
        )
