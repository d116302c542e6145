"""All codes that validation can report, with what they mean.

The registry of rules and what the readers themselves find.
"""

from __future__ import annotations

from dataclasses import dataclass

from headwater.case.judging import all_rules
from headwater.case.report import Severity
from headwater.case.rules import SYSTEM_FILES

READER_CODES: tuple[tuple[str, Severity, str], ...] = (
    ("HW101", Severity.ERROR, "The case directory and every required file are there."),
    ("HW102", Severity.ERROR, "Every file of the case is a file that can be read."),
    ("HW103", Severity.ERROR, "Every table is given once: as Parquet or as CSV, under one name."),
    (
        "HW104",
        Severity.ERROR,
        "Every data file at the top and in system/, scenarios/ and "
        "constraints/ is part of the format.",
    ),
    (
        "HW201",
        Severity.ERROR,
        "Required keys and columns are there, and every value has the right type.",
    ),
    (
        "HW202",
        Severity.ERROR,
        "Every file is whole and follows its format: UTF-8, JSON with unique keys, Parquet or CSV.",
    ),
    ("HW203", Severity.ERROR, "Expressions of user constraints follow the grammar."),
    ("HW204", Severity.ERROR, "Every number and date lies in its range."),
    (
        "HW205",
        Severity.ERROR,
        "Words are among the known ones, and settings that exclude each other are not combined.",
    ),
    (
        "HW206",
        Severity.ERROR,
        "Every cell converts to the type of its column, and required cells are not empty.",
    ),
    ("HW207", Severity.ERROR, "Every key and every column is part of the format."),
    (
        "HW208",
        Severity.ERROR,
        "What must be unique appears once: rows of a table by their key, members of groups.",
    ),
    (
        "HW209",
        Severity.ERROR,
        "Deficit segments do not get cheaper, and the last one alone is unlimited.",
    ),
    ("HW210", Severity.ERROR, "Blocks of a stage are numbered from 0 without gaps."),
    ("HW211", Severity.ERROR, "Lower limits of an entity do not exceed its upper limits."),
    (
        "HW212",
        Severity.ERROR,
        "Correlation matrices are square and symmetric with unit "
        "diagonal, and groups have one type.",
    ),
    ("HW213", Severity.ERROR, "Tailrace, losses and efficiency are physically possible."),
    (
        "HW214",
        Severity.ERROR,
        "Evaporation has twelve values, and reference volumes within the storage range.",
    ),
    (
        "HW215",
        Severity.ERROR,
        "Curves of losses are convex, and phase shifters stand in lines with a reactance.",
    ),
    (
        "HW216",
        Severity.ERROR,
        "Probabilities of regimes add up to 1, and there is a row and a column for each regime.",
    ),
    (
        "HW407",
        Severity.ERROR,
        "Past inflows have one season for each value, when they have seasons.",
    ),
    (
        "HW544",
        Severity.ERROR,
        "An inflow history to estimate from has two observations of every season of the study.",
    ),
    (
        "HW570",
        Severity.ERROR,
        "Inflow model, openings, production planes and stage programs can be made from the case.",
    ),
    ("HW701", Severity.WARNING, "Keys, columns and files have their canonical names."),
    ("HW702", Severity.ERROR, "Two spellings of one key do not contradict each other."),
    (
        "HW710",
        Severity.WARNING,
        "Features in use are built; others are read and checked, but the case does not run.",
    ),
    (
        "HW730",
        Severity.ERROR,
        "What a case in the dialect of Cobre 0.18 asks for is part of the model.",
    ),
    (
        "HW731",
        Severity.WARNING,
        "Settings of a case in the dialect of Cobre 0.18 have an effect here.",
    ),
)
"""Code, severity and meaning of what the readers report before and beside the rules."""


@dataclass(frozen=True)
class CodeEntry:
    """One code.

    Attributes:
        code: e.g. ``"HW301"``.
        severity: words such as ``"error"`` or ``"warning (strict: error)"``.
        meaning: what must hold for the code not to appear.
        files: files that the rule looks at; empty for findings in any file; rules over the whole
            study look at all files of the system besides.
    """

    code: str
    severity: str
    meaning: str
    files: tuple[str, ...] = ()


def code_table() -> tuple[CodeEntry, ...]:
    """Every code once, in ascending order."""
    parts_rules, study_rules = all_rules()
    severities: dict[str, dict[str, None]] = {}
    meanings: dict[str, dict[str, None]] = {}
    files: dict[str, dict[str, None]] = {}
    rows: list[tuple[str, Severity, Severity, str, tuple[str, ...]]] = []
    rows += [(code, severity, severity, meaning, ()) for code, severity, meaning in READER_CODES]
    rows += [
        (rule.code, rule.severity, rule.strict, rule.check.__doc__ or "", rule.needs)
        for rule in parts_rules
    ]
    rows += [
        (
            rule.code,
            rule.severity,
            rule.strict,
            rule.check.__doc__ or "",
            tuple(f for f in rule.needs if f not in SYSTEM_FILES),
        )
        for rule in study_rules
    ]
    for code, severity, strict, meaning, needs in rows:
        word = (
            severity.value if strict is severity else f"{severity.value} (strict: {strict.value})"
        )
        severities.setdefault(code, {})[word] = None
        meanings.setdefault(code, {})[" ".join(meaning.split())] = None
        files.setdefault(code, {}).update(dict.fromkeys(needs))
    return tuple(
        CodeEntry(code, " or ".join(severities[code]), " ".join(meanings[code]), tuple(files[code]))
        for code in sorted(meanings)
    )
