"""Reading a case directory.

From files to a study, with everything that is wrong reported at once.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.arrays import FrozenDict
from headwater.case.build_config import build_config
from headwater.case.documents import Documents, write_whole
from headwater.case.features import report_features
from headwater.case.judging import check_parts, check_study, check_what_is_left
from headwater.case.manifest import discover
from headwater.case.parts import Parts, read_parts
from headwater.case.regimes import (
    DIRECTORY,
    files_of,
    only_of_regimes,
    read_regimes,
    system_with_regimes,
)
from headwater.case.repair import usable_parts
from headwater.case.report import Collector, Finding, Report
from headwater.case.table_reader import ROW
from headwater.errors import CaseError
from headwater.model import Study, StudyConfig, System
from headwater.model.changes import Settings

logger = logging.getLogger(__name__)

READINESS = "HW570 what training would start from"
"""Name of the checks that need a case without errors, where they are skipped."""


@dataclass(frozen=True, repr=False)
class Case(Study):
    """A study that was read from a directory.

    Attributes:
        root: the case directory.
        report: what validation said; it has no errors.
        raw_config: ``config.json`` in the canonical spelling, as plain data.
        input_files: the files that were read; none for a case that was made in code.

    Examples:
        >>> case = hw.load_case("examples/four-subsystems")
        >>> case.system.hydros["Ridge"].max_storage_hm3
    """

    root: Path = field(default_factory=Path)
    report: Report = field(default_factory=Report)
    raw_config: Mapping[str, Any] = field(default_factory=FrozenDict, compare=False)
    input_files: tuple[Path, ...] = ()
    _documents: Documents | None = field(default=None, compare=False)
    _as_read: tuple[System, StudyConfig] | None = field(default=None, compare=False)

    @property
    def documents(self) -> Documents:
        """What the files of the case say; read anew where the case came from a directory.

        Raises:
            CaseError: the files are no longer those that were loaded.
        """
        return self._documents if self._documents is not None else read_documents(self.root)

    def save(self, directory: str | os.PathLike[str]) -> Path:
        """Write the case into a new directory in the canonical spelling, whole or not at all.

        Returns the directory.

        What is written is loaded again and compared with this case.

        Args:
            directory: one that does not exist yet, or is empty.

        Raises:
            UsageError: ``directory`` holds something already.
            CaseError: the files that this case came from have changed since.

        Examples:
            >>> case.scale_load(1.1).save("higher-load")
        """

        def check(staging: Path) -> None:
            after = load_case(staging)
            if self.system != after.system or self.config != after.config:
                raise CaseError(
                    f"the canonical form of '{self.name}' does not mean "
                    "the same; nothing was written"
                )

        return write_whole(self.documents, Path(directory), check)

    @property
    def _is_as_read(self) -> bool:
        """Whether the files say what the case is: ``dataclasses.replace`` has changed nothing."""
        return self._as_read is not None and all(
            ours is theirs
            for ours, theirs in zip((self.system, self.config), self._as_read, strict=True)
        )

    def _with_settings(self, settings: Settings) -> Case:
        if not self._is_as_read:
            return super()._with_settings(settings)
        return self._changed(self.documents.with_settings(settings))

    def _with_loads(self, factor: float, bus_ids: frozenset[int]) -> Case:
        if not self._is_as_read:
            return super()._with_loads(factor, bus_ids)
        return self._changed(self.documents.with_loads(factor, bus_ids))

    def _with_start(
        self, storage: Mapping[int, float], inflows: Mapping[int, tuple[float, ...]]
    ) -> Case:
        if not self._is_as_read:
            return super()._with_start(storage, inflows)
        return self._changed(self.documents.with_start(storage, inflows))

    def _changed(self, documents: Documents) -> Case:
        return case_of(documents, self.name, self.root)


def load_case(path: str | os.PathLike[str], *, strict: bool = False) -> Case:
    """Read and validate a case directory.

    Args:
        path: the directory.
        strict: take advice that published cases often disregard as law.

    Raises:
        CaseError: the case has errors; its ``report`` lists them all.

    Examples:
        >>> case = hw.load_case("examples/four-subsystems")
        >>> case.system.hydros["Ridge"].max_storage_hm3
    """
    case, report = _read(path, strict=strict)
    if case is None:
        raise _refused(report)
    return case


def _refused(report: Report) -> CaseError:
    listed = "\n".join(f"  {finding}" for finding in report.errors)
    return CaseError(f"the case '{report.case}' has errors:\n{listed}", report)


def case_of(documents: Documents, name: str, root: Path | None = None) -> Case:
    """The case that some files make, without a directory of its own.

    Args:
        documents: what the files say.
        name: of the case.
        root: directory that paths in its configuration are relative to; by default the current one.

    Raises:
        CaseError: the case has errors; its ``report`` lists them all.
    """
    with tempfile.TemporaryDirectory() as directory:
        documents.write(Path(directory))
        case, report = _read(directory, strict=False)
    report = dataclasses.replace(report, case=name)
    if case is None:
        raise _refused(report)
    return dataclasses.replace(
        case, name=name, report=report, root=root or Path(), input_files=(), _documents=documents
    )


def read_documents(path: str | os.PathLike[str]) -> Documents:
    """What the files of a case that is known to have no errors say."""
    parts = read_case_parts(path)
    files, tables = dict(parts.raw), dict(parts.tables)
    for name, regime in read_regimes(parts, Collector()).items():
        own = {file for file, path in regime.manifest.files.items() if path.startswith(DIRECTORY)}
        at = f"{DIRECTORY}/{name}"
        files |= {f"{at}/{file}": data for file, data in regime.raw.items() if file in own}
        tables |= {f"{at}/{file}": frame for file, frame in regime.tables.items() if file in own}
    return Documents(files, {name: frame.drop(ROW, strict=False) for name, frame in tables.items()})


def validate_case(
    path: str | os.PathLike[str],
    *,
    strict: bool = False,
    also: Callable[[Study], Iterable[Finding]] | None = None,
) -> Report:
    """Say everything there is to say about a case directory.

    Whatever it contains, this does not raise.

    Args:
        path: the directory.
        strict: take advice that published cases often disregard as law.
        also: what else to look at when the files have no errors.
    """
    case, report = _read(path, strict=strict)
    if also is None:
        return report
    if case is None:
        return dataclasses.replace(report, skipped=tuple(sorted((*report.skipped, READINESS))))
    collector = Collector(strict=strict)
    for finding in (*report.findings, *also(case)):
        collector.add(finding)
    return collector.report(report.case, report.skipped)


def read_case_parts(path: str | os.PathLike[str]) -> Parts:
    """The files of a case that is known to have no errors."""
    collector = Collector()
    manifest = discover(Path(path), collector)
    if manifest is None:
        raise CaseError(f"'{path}' is not a case directory")
    return read_parts(manifest, collector)


def _read(path: str | os.PathLike[str], *, strict: bool) -> tuple[Case | None, Report]:
    root = Path(path)
    name = root.name or root.absolute().name
    collector = Collector(strict=strict)
    manifest = discover(root, collector)
    if manifest is None:
        return None, collector.report(name)
    parts = read_parts(manifest, collector)
    collector.name_of = parts.named
    skipped = check_parts(parts, collector)
    regimes = read_regimes(parts, collector)
    only_of_regimes(regimes, collector, lambda _, regime, own: check_parts(regime, own))
    if collector.has_errors:
        left = _what_is_left(parts, name)
        skipped += check_what_is_left(left, parts, collector)
        return None, collector.report(name, skipped)
    study = _build(parts, name, regimes)
    check_study(study, parts, collector)

    def check_regime(regime: str, own_parts: Parts, own: Collector) -> None:
        check_study(study.in_regime(regime), own_parts, own)

    only_of_regimes(regimes, collector, check_regime)
    report_features(study, collector)
    report = collector.report(name, skipped)
    return (Case(**{**vars(study), "report": report}) if report.ok else None), report


def _what_is_left(parts: Parts, name: str) -> Study | None:
    """The study of a broken case without its broken parts.

    ``None`` when what is left makes none.
    """
    try:
        return _build(usable_parts(parts), name)
    except Exception:  # whatever the case contains, validation goes on
        logger.debug("too little is left of the case", exc_info=True)
        return None


def _build(parts: Parts, name: str, regimes: Mapping[str, Parts] = FrozenDict()) -> Case:
    assert parts.config is not None
    root = parts.manifest.root
    system, config = system_with_regimes(parts, regimes), build_config(parts.config)
    files = sorted((*parts.manifest.files.values(), *files_of(regimes)))
    return Case(
        system=system,
        config=config,
        name=name,
        root=root,
        raw_config=FrozenDict(parts.raw_config),
        input_files=tuple(root / file for file in files),
        _as_read=(system, config),
    )
